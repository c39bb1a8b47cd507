"""What a report is made of, and how it becomes one self-contained page and result.json."""

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from calibration.provenance import Provenance
from calibration.quantity import Quantity

__all__ = [
    "Finding",
    "RenderedFigure",
    "Report",
    "Section",
    "Severity",
    "Table",
    "render_html",
    "to_json",
    "typeset",
    "write_report",
]

Severity = Literal["problem", "warning", "note"]
_RANK = {"problem": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """A doubt said aloud.

    severity: "problem" (the result should not be published as it is), "warning" (read before use),
    "note" (worth knowing). text: one or two sentences for a scientist. numbers: the figures behind it.
    """

    severity: Severity
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the report; cells are text (already with ± and unit)."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFigure:
    """A finished picture: file stem, title, caption, and its bytes in both formats."""

    name: str
    title: str
    caption: str
    svg: bytes
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page: paragraphs, then tables, then figures."""

    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[RenderedFigure] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole report: findings first, then the headline numbers, then the sections.

    banner: a line that must not be overlooked, e.g. "virtual data"; "" for none.
    headline: (name, quantity or text) pairs. values: machine-readable results for result.json.
    """

    title: str
    subtitle: str
    findings: Sequence[Finding]
    headline: Sequence[tuple[str, Quantity | str]]
    sections: Sequence[Section]
    provenance: Provenance
    values: Mapping[str, Any] = field(default_factory=dict)
    banner: str = ""

    def sorted_findings(self) -> list[Finding]:
        """Findings, the gravest first."""
        return sorted(self.findings, key=lambda f: _RANK[f.severity])


def render_html(report: Report) -> str:
    """The report as one HTML page with no reference to any other file or to the network."""
    import jinja2  # waits until a report is written: `--help` must answer at once

    template = (Path(__file__).parent / "report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data_uri"] = _svg_uri
    return environment.from_string(template).render(
        report=report, findings=report.sorted_findings(), provenance=report.provenance
    )


def _svg_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


def to_json(value: Any) -> Any:
    """Turn quantities, arrays, dataclasses and paths into what JSON knows; NaN and infinity become null."""
    if isinstance(value, Quantity):
        return {"value": to_json(value.value), "sigma": to_json(value.sigma), "unit": value.unit}
    if is_dataclass(value) and not isinstance(value, type):
        return {k: to_json(v) for k, v in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return to_json(value.tolist())
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, np.generic):
        return to_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset(text: str) -> str:
    """Powers as a printed page has them: Å^-1 becomes Å⁻¹, g/cm^3 g/cm³; other ^ stay."""
    return re.sub(r"\^(-?\d+)(?!\.?\d)", lambda found: found[1].translate(_RAISED), text)


def write_report(report: Report, folder: Path) -> None:
    """Write report.html, result.json and figures/*.svg|png into an existing folder."""
    pictures = [f for s in report.sections for f in s.figures]
    if pictures:
        (folder / "figures").mkdir(exist_ok=True)
    for picture in pictures:
        (folder / "figures" / f"{picture.name}.svg").write_bytes(picture.svg)
        (folder / "figures" / f"{picture.name}.png").write_bytes(picture.png)
    (folder / "report.html").write_text(render_html(report), encoding="utf-8")
    result = {
        "title": report.title,
        "banner": report.banner,
        "findings": [to_json(f) for f in report.sorted_findings()],
        "headline": {name: to_json(q) for name, q in report.headline},
        **{k: to_json(v) for k, v in report.values.items()},
        "provenance": to_json(report.provenance),
    }
    (folder / "result.json").write_text(
        json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
