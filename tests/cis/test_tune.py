"""The tune page without a browser: a control is set, points are selected, and the sources, the words and the file are asked."""

import dataclasses
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.events import ButtonClick, Tap

from calibration.errors import InputError
from cis.config import Calibration
from cis.pipeline import Analysis, analyze, load_config, read_inputs
from cis.tune import curves
from cis.tune.controls import Choice, Interval, Number, controls
from cis.tune.masking import with_points, without_points
from cis.tune.page import TunePage
from cis.tune.session import Session
from tests.cis.conftest import PROJECT, write_series

START = PROJECT.replace(
    'circuit = "bulk-blocking"', 'circuit = "bulk-blocking"   # as in the paper'
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> TunePage:
    folder = tmp_path_factory.mktemp("tune")
    write_series(folder, (5.0, 20.0, 35.0, 50.0, 65.0))
    (folder / "run.toml").write_text(START, encoding="utf-8")
    return TunePage(Document(), Session(folder / "run.toml"))


@pytest.fixture
def page(opened: TunePage) -> Iterator[TunePage]:
    """The page as it opens; what a test changed is put back."""
    yield opened
    path = opened.session.path
    if path.read_text(encoding="utf-8") != START:
        path.write_text(START, encoding="utf-8")
        opened.session.edits.__init__(path)  # type: ignore[misc]
    opened.session.edits.reset()
    opened.select("series#2")
    opened.plots.sources["points"].selected.indices = []
    opened.reason.value = ""
    opened.settle()
    opened.session.before = None


def click(button: Any) -> None:
    button._trigger_event(ButtonClick(button))


def source(page: TunePage, name: str) -> Any:
    return page.plots.sources[name].data


def mask(page: TunePage, indices: list[int], reason: str) -> None:
    page.plots.sources["points"].selected.indices = indices
    page.reason.value = reason
    click(page.mask)


def fresh(path: Path, *settings: str) -> Analysis:
    loaded = load_config(path, settings=settings)
    return analyze(loaded.record, read_inputs(loaded))


# --- what is drawn


def test_what_is_drawn_is_what_was_analyzed(page: TunePage) -> None:
    analysis = page.session.result.analysis
    assert page.selected == "series#2"
    fit = analysis.fits[2]
    dots = source(page, "points")
    unit, name = curves.unit_of(page.session.result.of("series#2"))
    assert (unit, name) == (1e3, "kΩ")
    assert 1e3 * dots["re"] == pytest.approx(fit.spectrum.z_ohm.real)
    assert -1e3 * dots["im"] == pytest.approx(fit.spectrum.z_ohm.imag)
    assert dots["k_re"] == pytest.approx(100.0 * fit.validation.kk_residuals.real, nan_ok=True)
    dropped = [i for i, state in enumerate(dots["state"]) if state == "left out by a rule"]
    assert dropped == [d.index for d in fit.validation.dropped]
    assert [dots["reason"][i] for i in dropped] == [d.reason for d in fit.validation.dropped]
    # the line is the circuit: at a measured frequency it is the model
    line = source(page, "fit")
    model = np.interp(np.log(3e4), np.log(line["f"][::-1]), line["mod"][::-1])
    f = fit.spectrum.frequency_hz
    expected = np.interp(np.log(3e4), np.log(f[::-1]), np.abs(fit.model_z_ohm[::-1]))
    assert model == pytest.approx(expected, rel=0.01)
    # M'' of an arc has its top of 1/(2 eps) or lower, for a depressed one
    top = float(np.max(line["m2"]))
    permittivity = fit.arcs[0].permittivity
    assert permittivity is not None
    assert 0.35 / permittivity < top < 0.51 / permittivity
    # the area of the distribution is the resistance
    drt = source(page, "drt")
    area = np.sum(drt["gamma"]) * np.log(drt["tau"][1] / drt["tau"][0])
    assert area == pytest.approx(fit.resistance_ohm, rel=0.05)


def test_the_arrhenius_plot_has_the_numbers_of_the_analysis(page: TunePage) -> None:
    analysis = page.session.result.analysis
    dots, line = source(page, "arrhenius"), source(page, "line")
    assert dots["y"] == pytest.approx(np.log10([c.sigma_s_per_cm for c in analysis.conductivities]))
    slope = np.polyfit(line["x"][:-1], line["y"][:-1], 1)[0]
    fit = analysis.arrhenius[0].fits[0]
    assert slope == pytest.approx(-fit.activation_ev / 8.617333262e-5 / 1e3 / np.log(10), rel=1e-9)
    assert dots["off"] == pytest.approx(100.0 * fit.residuals)
    assert page.plots.arrhenius.title.text == f"E_A = {fit.written}"
    assert fit.written in page.headline.text


def test_every_spectrum_has_its_tile_and_is_shown_by_a_click(page: TunePage) -> None:
    frames, dots = source(page, "tiles frames"), source(page, "tiles points")
    assert frames["label"] == ["5.0 °C", "20.0 °C", "34.9 °C", "50.0 °C", "64.9 °C"]
    assert set(dots["tile"]) == set(range(5))
    for k in range(5):
        inside = np.array(dots["tile"]) == k
        x, y = np.array(dots["x"])[inside], np.array(dots["y"])[inside]
        assert np.all((x >= frames["x"][k]) & (x <= frames["right"][k]))
        assert np.all((y >= frames["y"][k]) & (y <= frames["top"][k]))
        # the foot of the arc is R, in every tile at the same place
        assert curves.tile_at(frames["x"][k] + 0.5, frames["y"][k] + 0.5, 5) == k
    assert curves.tile_at(-1.0, -0.5, 5) is None
    place = {"x": frames["x"][4] + 0.4, "y": frames["y"][4] + 0.4}
    page.plots.tiles._trigger_event(Tap(page.plots.tiles, sx=0, sy=0, **place))
    assert page.selected == "series#4"
    assert page.spectrum.value == "series#4"
    assert source(page, "tiles frames")["width"] == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert source(page, "points")["f"].size == 43
    page.plots.sources["arrhenius"].selected.indices = [0]
    assert page.selected == "series#0"
    page.spectrum.value = "series#2"
    assert page.selected == "series#2"


# --- masks


def test_selected_points_are_masked_saved_with_the_reason_and_analyzed_alike(
    page: TunePage,
) -> None:
    path = page.session.path
    before = page.session.result.analysis
    old_line = source(page, "fit")["re"].copy()
    mask(page, [8, 9, 10], "cable moved")
    page.settle()
    after = page.session.result.analysis
    dots = source(page, "points")
    assert [dots["state"][i] for i in (7, 8, 9, 10, 11)] == [
        "used",
        *["masked by hand"] * 3,
        "used",
    ]
    assert dots["reason"][9] == "masked by hand: cable moved"
    assert after.fits[2].resistance_ohm != before.fits[2].resistance_ohm
    # the line moved, and what it was is its shadow
    assert not np.array_equal(source(page, "fit")["re"], old_line)
    assert np.array_equal(source(page, "ghost")["re"], old_line)
    assert "Masked by hand" in page.findings.text
    assert "series#2" in page.masks.text

    text = path.read_text(encoding="utf-8")
    assert text == START
    click(page.toolbar.save)
    saved = path.read_text(encoding="utf-8")
    f = before.fits[2].spectrum.frequency_hz
    assert saved == (
        f'{START}\n[[mask]]\nspectrum = "series#2"\nfrequency_Hz = {f[8:11].tolist()}\nreason = "cable moved"\n'
    )
    again = fresh(path)
    assert [x.resistance_ohm for x in again.fits] == [x.resistance_ohm for x in after.fits]
    assert again.arrhenius[0].fits[0].activation_ev == after.arrhenius[0].fits[0].activation_ev
    assert [f.text for f in again.findings] == [f.text for f in after.findings]


def test_a_mask_without_points_or_reason_is_not_made(page: TunePage) -> None:
    mask(page, [], "why")
    assert "no point is selected" in page.toolbar.status.text
    mask(page, [3], "  ")
    assert "a reason is missing" in page.toolbar.status.text
    assert page.session.edits.changes == {}


def test_points_are_used_again(page: TunePage) -> None:
    before = page.session.result.analysis.fits[2].resistance_ohm
    mask(page, [8, 9, 10], "a")
    mask(page, [20], "a")
    page.settle()
    (table,) = page.session.edits.value("mask")
    assert len(table["frequency_Hz"]) == 4
    page.plots.sources["points"].selected.indices = [9, 20]
    click(page.unmask)
    page.settle()
    states = source(page, "points")["state"]
    assert [i for i, s in enumerate(states) if s == "masked by hand"] == [8, 10]
    click(page.unmask)
    page.settle()
    assert page.session.edits.changes == {}
    assert page.session.result.analysis.fits[2].resistance_ohm == before


def test_tables_of_masks_are_edited() -> None:
    f = np.array([1000.0, 100.0, 10.0, 1.0])
    one = with_points([], spectrum="a", frequency_hz=f[1:2], reason="r")
    assert one == [{"spectrum": "a", "frequency_Hz": [100.0], "reason": "r"}]
    more = with_points(one, spectrum="a", frequency_hz=f[:1], reason="r")
    assert more == [{"spectrum": "a", "frequency_Hz": [1000.0, 100.0], "reason": "r"}]
    assert one[0]["frequency_Hz"] == [100.0]
    other = with_points(more, spectrum="a", frequency_hz=f[3:], reason="s")
    assert [t["reason"] for t in other] == ["r", "s"]
    spread = [{"spectrum": "a", "range_Hz": [5.0, 2000.0], "reason": "r"}]
    left = without_points(spread, spectrum="a", frequency_hz=f[1:2], measured_hz=f)
    assert left == [{"spectrum": "a", "frequency_Hz": [1000.0, 10.0], "reason": "r"}]
    assert without_points(spread, spectrum="a", frequency_hz=f, measured_hz=f) == []
    assert without_points(spread, spectrum="b", frequency_hz=f, measured_hz=f) == spread
    assert without_points(spread, spectrum="a", frequency_hz=f[3:], measured_hz=f) == spread


def test_a_spectrum_with_too_few_points_left_is_refused_and_comes_back(page: TunePage) -> None:
    mask(page, list(range(40)), "all of it")
    page.settle()
    assert page.session.error is None
    assert "series#2" in [r.label for r in page.session.result.analysis.refused]
    assert page.plots.spectrum.nyquist.title.text.endswith("refused")
    assert source(page, "tiles frames")["r"][2] == "refused"
    assert list(source(page, "points")["state"]).count("masked by hand") == 40
    assert len(source(page, "fit")["f"]) == 0
    assert len(source(page, "arrhenius")["x"]) == 4
    click(page.unmask)
    page.settle()
    assert page.session.result.analysis.refused == ()
    assert len(source(page, "arrhenius")["x"]) == 5


# --- keys


def test_another_circuit_is_fitted_and_saved_with_comments_kept(page: TunePage) -> None:
    before = page.session.result.analysis
    page.field("model.circuit").inputs[0].value = "bulk"
    page.settle()
    after = page.session.result.analysis
    assert {f.circuit for f in after.fits} == {"bulk"}
    assert after.fits[2].resistance_ohm != before.fits[2].resistance_ohm
    assert page.plots.arrhenius.title.text == f"E_A = {after.arrhenius[0].fits[0].written}"
    assert len(source(page, "ghost line")["x"]) > 0
    assert "file: bulk-blocking" in page.field("model.circuit").label.text
    assert shlex.split(page.toolbar.command.value)[-2:] == ["--set", 'model.circuit="bulk"']
    click(page.toolbar.save)
    saved = page.session.path.read_text(encoding="utf-8")
    assert saved == START.replace('"bulk-blocking"   #', '"bulk"   #').replace('"bulk"   #', '"bulk"            #')  # fmt: skip


def test_a_circuit_of_the_users_own(page: TunePage) -> None:
    words = [f for f in page.fields if f.control.key == "model.circuit"][1]
    words.inputs[0].value = "R0-p(R1,CPE1)-CPE2"
    page.settle()
    assert page.session.result.analysis.fits[0].circuit_string == "R0-p(R1,CPE1)-CPE2"
    assert page.field("model.circuit").inputs[0].value == "R0-p(R1,CPE1)-CPE2"
    words.inputs[0].value = "p(R1,"
    page.settle()
    assert isinstance(page.session.error, InputError)
    assert "cannot be read at character" in page.toolbar.status.text
    assert "last possible" in page.clock.text
    assert page.session.result.analysis.fits[0].circuit_string == "R0-p(R1,CPE1)-CPE2"
    # nor is it saved
    click(page.toolbar.save)
    assert page.session.path.read_text(encoding="utf-8") == START
    click(page.toolbar.undo)
    assert page.session.error is None


def test_only_what_changed_is_computed(page: TunePage) -> None:
    def computed(act: Any) -> dict[str, int]:
        was = page.session.computed
        act()
        now = page.session.computed
        return {k: v - was.get(k, 0) for k, v in now.items() if v != was.get(k, 0)}

    page.settle()
    assert computed(page.settle) == {}
    mask(page, [5, 6, 7], "only this one")
    found = computed(page.answer)
    assert found == {"validation": 1, "choice": 1, "fit": 1, "Arrhenius": 1}
    assert page.session.result.quick
    assert computed(page.settle) == {"joint": 1, "cross-check": 1}
    page.field("arrhenius.range_K").inputs[0].value = 290.0
    page.field("arrhenius.range_K").inputs[1].value = 340.0
    assert computed(page.settle) == {"Arrhenius": 1}
    assert computed(lambda: click(page.toolbar.undo)) == {}


def test_temperatures_outside_the_line_are_shown_apart(page: TunePage) -> None:
    row = page.field("arrhenius.range_K")
    row.inputs[0].value = 290.0
    assert page.session.edits.changes == {}  # one end alone says nothing
    row.inputs[1].value = 330.0
    page.settle()
    states = source(page, "arrhenius")["state"]
    assert states == [
        "outside arrhenius.range_K",
        *["in the line"] * 3,
        "outside arrhenius.range_K",
    ]
    assert page.session.result.analysis.arrhenius[0].fits[0].n == 3
    assert "Outside arrhenius.range_K" in page.findings.text
    row.inputs[0].value = None
    row.inputs[1].value = None
    page.settle()
    assert page.session.edits.changes == {}


def test_a_range_of_frequencies_cuts_all_spectra(page: TunePage) -> None:
    row = page.field("validation.range_Hz")
    row.inputs[0].value, row.inputs[1].value = 100.0, 1e6
    page.settle()
    f = source(page, "points")["f"]
    assert f.min() >= 100.0
    assert f.max() <= 1e6
    row.inputs[1].value = 50.0
    page.settle()
    assert "low &lt; high" in page.toolbar.status.text
    assert source(page, "points")["f"].max() <= 1e6


def test_geometry_moves_sigma_and_its_uncertainty(page: TunePage) -> None:
    before = page.session.result.analysis.conductivities[0]
    row = page.field("sample.thickness_mm")
    assert (row.inputs[0].value, row.inputs[1].value) == (0.753, 0.004)
    row.inputs[0].value = 2 * 0.753
    page.settle()
    row.inputs[1].value = 0.1
    page.settle()
    after = page.session.result.analysis
    assert after.conductivities[0].sigma_s_per_cm == pytest.approx(2 * before.sigma_s_per_cm)
    assert after.instruments.cell.relative_sigma == pytest.approx(
        np.hypot(0.1 / 1.506, 2 * 0.02 / 10.0), rel=1e-6
    )
    assert "file: 0.753 ± 0.004" in row.label.text
    row = page.field("temperature.offset_K")
    row.inputs[0].value = 1.0
    page.settle()
    row.inputs[1].value = 0.5
    page.settle()
    assert page.session.edits.changes["temperature.offset_K"] == {"value": 1.0, "sigma": 0.5}
    click(page.toolbar.save)
    saved = page.session.path.read_text(encoding="utf-8")
    assert "thickness_mm = {value = 1.506, sigma = 0.1}" in saved
    assert "offset_K = {value = 1.0, sigma = 0.5}" in saved
    assert load_config(page.session.path).record.temperature.offset_K is not None


def test_undo_reset_and_the_copied_command(page: TunePage, tmp_path: Path) -> None:
    start = source(page, "fit")["re"].copy()
    mask(page, [8, 9], 'it\'s a "test"')
    page.settle()
    page.field("sample.thickness_mm").inputs[0].value = 1.0
    page.settle()
    words = shlex.split(page.toolbar.command.value)
    assert words[:2] == ["cis", "analyze"]
    settings = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    again = fresh(Path(words[2]), *settings)
    assert [c.sigma_s_per_cm for c in again.conductivities] == [
        c.sigma_s_per_cm for c in page.session.result.analysis.conductivities
    ]
    click(page.toolbar.undo)
    assert set(page.session.edits.changes) == {"mask"}
    click(page.toolbar.reset)
    assert np.array_equal(source(page, "fit")["re"], start)
    assert page.toolbar.save.disabled
    click(page.toolbar.undo)
    assert set(page.session.edits.changes) == {"mask"}


def test_the_shadow_can_be_hidden(page: TunePage) -> None:
    assert all(line.visible for line in page.plots._ghosts)
    page.switches.active = []
    assert not any(line.visible for line in page.plots._ghosts)
    page.switches.active = [0]


def test_every_control_is_a_key_that_the_file_may_have(page: TunePage) -> None:
    project = load_config(page.session.path).record
    values: dict[str, Any] = {"temperature.lag": 0.01, "temperature.ambient_C": 20.0}
    for one in controls(project):
        if isinstance(one, Interval):
            values[one.key] = [250.0, 1e5]
        elif isinstance(one, Choice):
            values[one.key] = one.options[-1][0]
        elif isinstance(one, Number) and one.key not in values:
            values[one.key] = {"value": 0.5, "sigma": 0.1} if one.with_sigma else 0.5
    values["sample.density_g_cm3"] = None  # or a porosity
    changed = page.session.project(values)
    assert changed.sample.porosity is not None
    assert changed.temperature.ambient_C == 20.0
    assert changed.arrhenius is not None
    assert changed.arrhenius.breakpoint_K == 0.5


def test_what_a_certificate_states_is_not_turned(page: TunePage) -> None:
    project = load_config(page.session.path).record
    certified = dataclasses.replace(project, calibration=Calibration(thermometer="t.toml"))
    left = {c.key for c in controls(project)} - {c.key for c in controls(certified)}
    assert left == {"temperature.offset_K", "temperature.lag", "temperature.ambient_C"}


def test_the_document_is_whole_and_asks_for_nothing_from_elsewhere(
    opened: TunePage, caplog: pytest.LogCaptureFixture
) -> None:
    opened._document.validate()
    assert not caplog.records
    text = json.dumps(opened._document.to_json(), default=str)
    for word in ("http:", "https:", "cdn.", "//unpkg"):
        assert word not in text.replace("http://www.w3.org", "")


def test_a_wrong_project_is_told_in_the_terminal(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from calibration.commandline import run
    from cis.cli import command

    assert run(command, ["tune", str(tmp_path / "none.toml")]) == 2
    helped = CliRunner().invoke(command, ["tune", "--help"])
    assert "Nothing leaves this" in helped.output


def test_the_command_serves_the_page_and_a_new_tab_reads_the_file_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from calibration.commandline import run
    from cis.cli import command

    write_series(tmp_path, (5.0, 40.0))
    path = tmp_path / "run.toml"
    path.write_text(START, encoding="utf-8")
    documents = [Document() for _ in range(3)]

    def serve(build: Any, *, tell: Any, browser: bool, port: int) -> None:
        assert (browser, port) == (False, 0)
        tell("http://127.0.0.1:1/token/")
        build(documents[0])
        path.write_text(START.replace("bulk-blocking", "bulk"), encoding="utf-8")
        build(documents[1])
        path.write_text(START.replace("bulk-blocking", "p(R1"), encoding="utf-8")
        build(documents[2])

    monkeypatch.setattr("calibration.page.serve.serve", serve)
    assert run(command, ["tune", str(path), "--no-browser", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["url"] == "http://127.0.0.1:1/token/"
    shown = [document.get_model_by_name("model.circuit") for document in documents[:2]]
    assert [getattr(select, "value", None) for select in shown] == ["bulk-blocking", "bulk"]
    (error,) = documents[2].roots
    assert "cannot be read at character" in error.text  # type: ignore[attr-defined]
