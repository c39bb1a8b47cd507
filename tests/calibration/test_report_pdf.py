"""A report on paper: what texts say is printed, never run."""

import importlib.util
from pathlib import Path

import pytest

from calibration.errors import InputError, OutputError
from calibration.provenance import Provenance
from calibration.quantity import Quantity
from calibration.report import Finding, RenderedFigure, Report, Section, Table
from calibration.report_pdf import check_pdf, write_pdf

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'
HOSTILE = '#read("/etc/passwd") #{ panic() } $x$ *b* <script> @ref \\ "quote" [ ] `raw`'


def report(text: str) -> Report:
    return Report(
        title=text,
        subtitle=text,
        findings=[Finding("warning", text)],
        headline=[("E_A", Quantity(0.41, 0.01, "eV")), (text, text)],
        sections=[
            Section(
                title=text,
                paragraphs=[text],
                tables=[Table(title=text, columns=[text, "b"], rows=[[text, "2"]], caption=text)],
                figures=[RenderedFigure(name="f", title=text, caption=text, svg=SVG, png=b"")],
            )
        ],
        provenance=Provenance(
            program="p", version="1", command=text, started="", system="", libraries={}, inputs=()
        ),
        banner=text,
    )


@pytest.mark.parametrize("text", ["NS glass", HOSTILE])
def test_it_is_a_pdf_whatever_the_texts_are(tmp_path: Path, text: str) -> None:
    write_pdf(report(text), tmp_path / "r.pdf")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")


def test_without_the_compiler_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="typst") as caught:
        check_pdf()
    assert "pip install" in caught.value.remedy


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="PDF"):
        write_pdf(report("x"), tmp_path / "absent" / "r.pdf")
