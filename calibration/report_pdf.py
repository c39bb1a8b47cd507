"""A report as printed pages, by the typst compiler (optional: `pip install "xtsred[pdf]"`)."""

import json
import tempfile
from pathlib import Path

from calibration.errors import InputError, OutputError
from calibration.report import Report

__all__ = ["check_pdf", "write_pdf"]


def check_pdf() -> None:
    """Refuse early what `write_pdf` would refuse late. Raises InputError where the compiler is not installed."""
    import importlib.util

    if importlib.util.find_spec("typst") is None:
        raise InputError(
            "--pdf needs the typst compiler, which is not installed",
            why="it is an optional part (80 MB)",
            remedy='pip install "xtsred[pdf]", or print report.html from a browser',
        )


def write_pdf(report: Report, path: Path) -> None:
    """Typeset the report; every text is data to the template, never markup.

    Raises InputError where the compiler is not installed, OutputError where the place cannot be written.
    """
    check_pdf()
    import typst

    template = (Path(__file__).parent / "report.typ").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        (folder / "report.typ").write_text(template, encoding="utf-8")
        (folder / "report.json").write_text(json.dumps(_content(report)), encoding="utf-8")
        for section in report.sections:
            for figure in section.figures:
                (folder / f"{figure.name}.svg").write_bytes(figure.svg)
        page = typst.compile(str(folder / "report.typ"), root=str(folder))
    try:
        path.write_bytes(page)
    except OSError as error:
        raise OutputError(
            "the report cannot be written as PDF",
            why=error.strerror or str(error),
            where=str(path),
        ) from error


def _content(report: Report) -> dict[str, object]:
    p = report.provenance
    libraries = ", ".join(f"{name} {version}" for name, version in p.libraries.items())
    return {
        "title": report.title,
        "subtitle": report.subtitle,
        "banner": report.banner,
        "findings": [{"severity": f.severity, "text": f.text} for f in report.sorted_findings()],
        "headline": [[name, str(value)] for name, value in report.headline],
        "sections": [
            {
                "title": s.title,
                "paragraphs": list(s.paragraphs),
                "tables": [
                    {
                        "title": t.title,
                        "caption": t.caption,
                        "columns": list(t.columns),
                        "rows": [list(map(str, row)) for row in t.rows],
                    }
                    for t in s.tables
                ],
                "figures": [
                    {"file": f"{f.name}.svg", "title": f.title, "caption": f.caption}
                    for f in s.figures
                ],
            }
            for s in report.sections
        ],
        "provenance": [
            ["program", f"{p.program} {p.version}"],
            ["command", p.command],
            ["run", p.started],
            ["system", f"{p.system}; {libraries}"],
            *([Path(i.path).name, f"{i.size} bytes, SHA-256 {i.sha256}"] for i in p.inputs),
        ],
    }
