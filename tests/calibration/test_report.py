"""The report page stands alone; result.json is JSON whatever the numbers are."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from calibration.figures import house_style, new_figure, render
from calibration.provenance import collect
from calibration.quantity import Quantity
from calibration.report import (
    Finding,
    Report,
    Section,
    Table,
    render_html,
    to_json,
    typeset,
    write_report,
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    source = tmp_path_factory.mktemp("in") / "a.xy"
    source.write_text("1 2\n", encoding="utf-8")
    with house_style():
        figure = new_figure()
        figure.subplots().plot([0, 1], [1, 0])
    picture = render(figure, name="line", title="A line", caption="It falls.")
    return Report(
        title="Glass <b>& co</b>",
        subtitle="test",
        findings=[Finding("note", "small"), Finding("problem", "grave", {"chi2": 3.0})],
        headline=[("E_A", Quantity(0.41, 0.01, "eV")), ("kind", "arc")],
        sections=[
            Section(
                title="One",
                paragraphs=["text"],
                tables=[Table(title="T", columns=["a"], rows=[["1.0(1)"]])],
                figures=[picture],
            )
        ],
        provenance=collect("xtsred", command="test", inputs=[source, source], libraries=["numpy"]),
        values={"x": np.array([1.0, math.nan])},
        banner="virtual data",
    )


def test_the_page_needs_no_network_and_no_other_file(report: Report) -> None:
    page = render_html(report)
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "url(" not in page
    assert "<script" not in page


def test_text_is_escaped_and_the_gravest_finding_comes_first(report: Report) -> None:
    page = render_html(report)
    assert "Glass &lt;b&gt;&amp; co&lt;/b&gt;" in page
    assert page.index("grave") < page.index("small")
    assert "virtual data" in page
    assert "0.41(1) eV" in page


def test_the_folder_holds_page_result_and_figures(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    names = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert names == ["figures/line.png", "figures/line.svg", "report.html", "result.json"]
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert result["headline"]["E_A"] == {"value": 0.41, "sigma": 0.01, "unit": "eV"}
    assert result["x"] == [1.0, None]
    assert result["findings"][0]["severity"] == "problem"
    assert result["banner"] == "virtual data"


def test_inputs_are_listed_once_with_their_checksum(report: Report) -> None:
    assert len(report.provenance.inputs) == 1
    entry = report.provenance.inputs[0]
    assert entry.size == 4
    # sha256 of b"1 2\n", from coreutils
    assert entry.sha256 == "f251ddc12234e0da8d3b778bd0f7463fb477f16f47757f5617dc8b4ff4d4f14a"


def test_pictures_have_no_date_and_both_formats(report: Report) -> None:
    picture = report.sections[0].figures[0]
    assert picture.png.startswith(b"\x89PNG")
    assert b"<svg" in picture.svg
    assert b"<dc:date>" not in picture.svg


def test_the_same_picture_gives_the_same_bytes() -> None:
    def drawn() -> tuple[bytes, bytes]:
        figure = new_figure(layout=None)
        figure.subplots().plot([0, 1], [1, 0])
        picture = render(figure, name="a", title="a", caption="a")
        return picture.svg, picture.png

    assert drawn() == drawn()


def test_everything_becomes_json() -> None:
    @dataclass
    class Thing:
        a: Quantity
        b: tuple[int, ...]

    value = {"t": Thing(Quantity(1.0), (1, 2)), 3: np.float64(2.0), "p": Path("x"), "i": math.inf}
    assert to_json(value) == {
        "t": {"a": {"value": 1.0, "sigma": None, "unit": ""}, "b": [1, 2]},
        "3": 2.0,
        "p": "x",
        "i": None,
    }


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("0.0431 Å^-3", "0.0431 Å⁻³"),
        ("Q_max = 17 Å^-1.", "Q_max = 17 Å⁻¹."),
        ("2.03 g/cm^3, chi^2/dof", "2.03 g/cm³, chi²/dof"),
        ("x^0.5, a^n, Q^-12", "x^0.5, a^n, Q⁻¹²"),
    ],
)
def test_powers_are_raised(text: str, page: str) -> None:
    assert typeset(text) == page
