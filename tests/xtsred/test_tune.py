"""The tune page without a browser: a control is set, and the sources, the words and the file are asked."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.models import Div

from calibration.errors import InputError
from calibration.page.look import show_error
from xtsred.config import load_project
from xtsred.inputs import read_inputs
from xtsred.memo import fingerprint
from xtsred.pipeline import reduce_inputs
from xtsred.stages import frozen
from xtsred.tune.controls import Choice, Interval, Number
from xtsred.tune.curves import columns, violations
from xtsred.tune.page import TunePage
from xtsred.tune.preview import Node, Nodes, node_values, previewed
from xtsred.tune.session import Session

ROOT = Path(__file__).resolve().parents[2]
PACKING = "sample.packing_fraction"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped virtual experiment, with a stated uncertainty of the packing."""
    folder = tmp_path_factory.mktemp("tune") / "demo"
    with as_file(files("xtsred") / "data" / "demo") as shipped:
        shutil.copytree(shipped, folder)
    path = folder / "run.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace(
        "packing_fraction = 0.5", "packing_fraction = { value = 0.5, sigma = 0.02 } # weighed"
    )
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def opened(project: Path) -> TunePage:
    return TunePage(Document(), Session(project))


@pytest.fixture
def page(opened: TunePage, project: Path) -> Iterator[TunePage]:
    """The page as it opens; what a test changed in the file is put back."""
    text = project.read_text(encoding="utf-8")
    yield opened
    if project.read_text(encoding="utf-8") != text:
        project.write_text(text, encoding="utf-8")
        opened.session.edits.__init__(project)  # type: ignore[misc]
    opened.session.edits.reset()
    opened.settle()


def click(button: Any) -> None:
    button._trigger_event(ButtonClick(button))


def slide(page: TunePage, key: str, value: Any) -> None:
    page.rows[key].slider.value = value  # type: ignore[attr-defined]


def g(page: TunePage) -> Any:
    return np.array(page.plots.sources["pair"].data["g"])


def control(page: TunePage, key: str) -> Any:
    return next(c for c in page.session.controls if c.key == key)


# --- previews


def test_between_exact_values_runs_a_cubic() -> None:
    def node(x: float) -> Node:
        return Node(
            value=x,
            optics=([], [], {"sample": 2.0 - x + 3.0 * x**2 - x**3}),
            multiple=np.array([x**3, 1.0]),
            accuracy=0.0,
        )

    nodes = Nodes()
    for x in (0.0, 1.0, 2.0, 3.0, 1.0):
        nodes.add("key", b"here", node(x))
    assert nodes.values("key", b"here") == (0.0, 1.0, 2.0, 3.0)
    found = nodes.between("key", b"here", 1.7)
    assert found is not None
    assert found.optics[2]["sample"] == pytest.approx(2.0 - 1.7 + 3.0 * 1.7**2 - 1.7**3)
    assert found.multiple == pytest.approx(np.array([1.7**3, 1.0]))
    assert nodes.between("key", b"here", 3.01) is None  # nothing is extrapolated
    assert nodes.between("key", b"elsewhere", 1.0) is None
    assert nodes.between("other", b"here", 1.0) is None


def test_exact_values_begin_with_the_ends() -> None:
    values = node_values(0.2, 0.8)
    assert values[:2] == pytest.approx((0.2, 0.8))
    assert sorted(values) == pytest.approx([0.2, 0.5 - 0.3 / np.sqrt(2), 0.5, 0.5 + 0.3 / np.sqrt(2), 0.8])  # fmt: skip


def test_a_preview_is_near_the_exact_result_and_leaves_nothing_behind(project: Path) -> None:
    session = Session(project)
    for _ in range(3):
        assert session.prepare(PACKING)
    session.edits.set(PACKING, 0.56)
    assert session.apply(PACKING)
    preview = session.result
    assert preview.preview
    assert session.apply()
    exact = session.result
    assert not exact.preview
    s, s_exact = (r.reduction.structure_factor for r in (preview, exact))
    # the range of the slider is -50 to +50 %: three exact values hold S(Q) to a tenth of its uncertainty
    assert np.abs(s.s - s_exact.s).max() < 1e-3
    assert np.all(np.abs(s.s - s_exact.s) < 0.1 * s_exact.sigma)
    assert np.abs(s_exact.s - session.start.reduction.structure_factor.s).max() > 2e-3

    # what was remembered is what a fresh reduction gives
    loaded = load_project(project, settings=session.edits.settings())
    fresh = reduce_inputs(loaded, read_inputs(loaded))
    assert fingerprint(exact.reduction.structure_factor) == fingerprint(fresh.structure_factor)
    assert fingerprint(exact.reduction.pair_distribution) == fingerprint(fresh.pair_distribution)

    # another density is another place: nothing computed there is used here
    session.edits.set("sample.number_density_per_A3", 0.045)
    session.apply()
    session.edits.set(PACKING, 0.57)
    assert session.apply(PACKING)
    assert not session.result.preview
    # back in the first place a further value lies between known ones
    session.edits.set("sample.number_density_per_A3", 0.0431)
    session.edits.set(PACKING, 0.58)
    assert session.apply(PACKING)
    assert session.result.preview


def test_keys_that_change_angles_or_rates_are_computed() -> None:
    for key in (PACKING, "sample.radius_mm", "container.wall_thickness_mm", "beam.width_mm"):
        assert previewed(key)
    for key in ("container.scale", "goniometer.zero_deg", "fourier.q_range", "range.q_step"):
        assert not previewed(key)


def test_where_only_rates_move_multiple_scattering_waits_for_the_rest(project: Path) -> None:
    session = Session(project)
    session.edits.set("container.scale", 1.05)
    assert session.apply("container.scale")
    preview = session.result
    assert preview.preview
    session.apply()
    exact = session.result
    assert not exact.preview
    parts = [r.reduction.intensity.components["multiple scattering"] for r in (preview, exact)]
    assert np.array_equal(parts[0], session.start.reduction.intensity.components["multiple scattering"])  # fmt: skip
    assert not np.array_equal(*parts)
    s, s_exact = (r.reduction.structure_factor for r in (preview, exact))
    assert np.all(np.abs(s.s - s_exact.s) < 0.1 * s_exact.sigma)
    # a key of the transform changes neither: there is nothing to wait for
    session.edits.set("fourier.q_range", [0.6, 18.0])
    assert session.apply("fourier.q_range")
    assert not session.result.preview
    # nor where the value was computed before
    session.edits.set("container.scale", 1.0)
    session.edits.set("fourier.q_range", [0.6, 21.5])
    assert session.apply("container.scale")
    assert not session.result.preview
    assert fingerprint(session.result.reduction.structure_factor) == fingerprint(
        session.start.reduction.structure_factor
    )


# --- controls


def test_every_control_is_a_key_that_the_file_may_have(page: TunePage, project: Path) -> None:
    keys = {c.key for c in page.session.controls}
    assert {PACKING, "sample.radius_mm", "container.wall_thickness_mm", "container.scale"} <= keys
    assert {"normalization.compton_response", "normalization.q_range", "fourier.q_range"} <= keys
    assert {"fourier.window", "range.q_step", "sample.number_density_per_A3"} <= keys
    for one in page.session.controls:
        if isinstance(one, Number):
            assert one.low <= one.default <= one.high
            values = [v for v in (one.low, one.high, one.low + one.step) if v or not one.optional]
        elif isinstance(one, Interval):
            values = [[one.low + 2 * one.step, one.high - one.step]]
        else:
            values = [o for o in one.options if o != "soper-barney"]
        if one.key == "fourier.delta_A":
            continue  # belongs to a window, see below
        for value in values:
            page.session.edits.reset()
            page.session.edits.set(one.key, value)
            load_project(project, settings=page.session.edits.settings())


def test_a_stated_uncertainty_sets_range_and_track(page: TunePage) -> None:
    packing = control(page, PACKING)
    assert packing.sigma == 0.02
    assert packing.high - packing.low >= 8 * 0.02
    slide(page, PACKING, 0.56)
    page.settle()
    assert page.session.deviation(packing) == pytest.approx(3.0)
    assert "+3.0σ, outside its uncertainty" in page.rows[PACKING].label.text
    slide(page, PACKING, 0.51)
    page.settle()
    assert "outside" not in page.rows[PACKING].label.text
    assert "file: 0.5" in page.rows[PACKING].label.text


def test_a_window_brings_its_width_and_takes_it_away(page: TunePage) -> None:
    assert not page.rows["fourier.delta_A"].layout.visible
    page.rows["fourier.window"].select.value = "soper-barney"  # type: ignore[attr-defined]
    page.settle()
    assert page.session.error is None
    assert page.rows["fourier.delta_A"].layout.visible
    assert dict(page.session.edits.changes) == {
        "fourier.window": "soper-barney",
        "fourier.delta_A": 0.1,
    }
    page.rows["fourier.window"].select.value = "none"  # type: ignore[attr-defined]
    page.settle()
    assert dict(page.session.edits.changes) == {"fourier.window": "none"}


def test_an_end_that_is_not_touched_keeps_its_value(page: TunePage) -> None:
    low, high = page.session.value(control(page, "normalization.q_range"))
    slide(page, "normalization.q_range", (12.0, page.rows["normalization.q_range"].slider.value[1]))  # type: ignore[attr-defined]
    page.settle()
    assert page.session.edits.changes["normalization.q_range"] == [12.0, high]
    assert page.rows["normalization.q_range"].fields[1].value == pytest.approx(high)  # type: ignore[attr-defined]
    assert low != 12.0


# --- the page


def test_a_moved_control_moves_the_curves_and_leaves_a_shadow(page: TunePage) -> None:
    before = g(page)
    slide(page, "fourier.q_range", (1.0, 15.0))
    page.settle()
    after = g(page)
    assert np.abs(after - before)[50:].max() > 0.1
    assert np.array_equal(page.plots.sources["ghost pair"].data["g"], before)
    loaded = load_project(page.session.path, settings=["fourier.q_range=[1.0, 15.0]"])
    fresh = reduce_inputs(loaded, read_inputs(loaded)).pair_distribution
    assert np.array_equal(after, fresh.g)
    # only what changed is sent to the browser
    assert page.plots.sources["structure"].data["s"] is not None
    assert "fourier.q_range" in page.toolbar.status.text
    assert "--set" in page.toolbar.command.value


def test_a_source_whose_numbers_are_the_same_is_left_alone(page: TunePage) -> None:
    structure, pair = (page.plots.sources[n].data for n in ("structure", "pair"))
    slide(page, "fourier.q_range", (0.8, 20.0))
    page.settle()
    assert page.plots.sources["structure"].data is structure
    assert page.plots.sources["pair"].data is not pair


def test_undo_reset_and_the_typed_value(page: TunePage) -> None:
    start = g(page)
    page.rows["fourier.r_max"].field.value = 15.0  # type: ignore[attr-defined]
    page.settle()
    assert g(page).size == 750
    assert page.plots.r_range.end == 15.0
    slide(page, "fourier.q_range", (0.6, 18.0))
    slide(page, "fourier.q_range", (0.6, 15.0))
    page.settle()
    click(page.toolbar.undo)
    assert dict(page.session.edits.changes) == {"fourier.r_max": 15.0}
    assert page.rows["fourier.q_range"].slider.value == (0.6, 21.5)  # type: ignore[attr-defined]
    click(page.toolbar.reset)
    assert np.array_equal(g(page), start)
    assert page.toolbar.save.disabled
    assert page.rows["fourier.r_max"].field.value == 20.0  # type: ignore[attr-defined]


def test_an_impossible_value_is_said_and_the_last_curves_stay(page: TunePage) -> None:
    before = g(page)
    page.rows[PACKING].field.value = 1.5  # type: ignore[attr-defined]
    page.settle()
    assert isinstance(page.session.error, InputError)
    assert "sample.packing_fraction: must be &lt;= 1, not 1.5" in page.toolbar.status.text
    assert "last possible" in page.clock.text
    assert np.array_equal(g(page), before)
    page._prepare()
    assert not page.session.prepare()  # nothing is prepared around what cannot be
    # and one that only the reduction can know to be impossible
    page.rows[PACKING].field.value = 0.5  # type: ignore[attr-defined]
    page.rows["fourier.r_max"].field.value = 70.0  # type: ignore[attr-defined]
    page.settle()
    assert "beyond pi / q_step" in page.toolbar.status.text
    # what has no result is not saved, though no single key of it is wrong
    text = page.session.path.read_text(encoding="utf-8")
    click(page.toolbar.save)
    assert "beyond pi / q_step" in page.toolbar.status.text
    assert page.session.path.read_text(encoding="utf-8") == text
    click(page.toolbar.undo)
    assert page.session.error is None
    assert np.array_equal(g(page), before)


def test_save_writes_the_key_and_keeps_comments_and_sigma(page: TunePage, project: Path) -> None:
    before = project.read_text(encoding="utf-8")
    slide(page, PACKING, 0.53)
    slide(page, "fourier.q_range", (0.9, 21.5))
    page.settle()
    saved_g = g(page)
    click(page.toolbar.save)
    after = project.read_text(encoding="utf-8")
    assert "Saved to" in page.toolbar.status.text
    assert "{ value = 0.53, sigma = 0.02 } # weighed" in after
    assert "q_range = [0.9, 21.5]" in after
    changed = [a for a, b in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert len(changed) == 2
    assert page.toolbar.save.disabled
    assert np.array_equal(g(page), saved_g)
    assert "file:" not in page.rows[PACKING].label.text


def test_a_file_that_somebody_else_changed_is_not_overwritten(
    page: TunePage, project: Path
) -> None:
    slide(page, "fourier.q_range", (0.9, 21.5))
    page.settle()
    other = project.read_text(encoding="utf-8") + "# a note\n"
    project.write_text(other, encoding="utf-8")
    click(page.toolbar.save)
    assert "changed by something else" in page.toolbar.status.text
    assert project.read_text(encoding="utf-8") == other


def test_the_copied_command_gives_the_same_curves(page: TunePage, tmp_path: Path) -> None:
    slide(page, "fourier.q_range", (0.9, 20.0))
    page.rows[PACKING].field.value = 0.52  # type: ignore[attr-defined]
    page.settle()
    import shlex

    words = shlex.split(page.toolbar.command.value)
    assert words[:2] == ["xtsred", "reduce"]
    assert f"{PACKING}.value=0.52" in words
    settings = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    loaded = load_project(Path(words[2]), settings=settings)
    assert np.array_equal(reduce_inputs(loaded, read_inputs(loaded)).pair_distribution.g, g(page))
    assert loaded.record.sample.packing_fraction.sigma == 0.02  # type: ignore[union-attr]


def test_moves_that_come_while_one_is_computed_are_one(page: TunePage) -> None:
    computed = page.session.result
    for high in (21.0, 20.0, 19.0, 18.0):
        slide(page, "fourier.q_range", (0.6, high))
    assert page.session.result is computed  # nothing runs inside the callbacks
    page.preview()
    assert page.session.result.project.fourier.q_range == (0.6, 18.0)
    page.settle()
    click(page.toolbar.undo)
    assert page.session.edits.changes == {}


def test_logarithmic_scales_and_shadows_are_switched(page: TunePage) -> None:
    scans, parts = (page.plots._by_scale[name] for name in ("scans", "components"))
    assert (scans[True].visible, scans[False].visible) == (True, False)
    assert (parts[True].visible, parts[False].visible) == (False, True)
    page.switches.active = [2]
    assert (scans[True].visible, scans[False].visible) == (False, True)
    assert (parts[True].visible, parts[False].visible) == (True, False)
    assert not any(line.visible for line in page.plots._ghosts)
    page.switches.active = [0, 1]


def test_the_document_asks_for_nothing_from_elsewhere(opened: TunePage) -> None:
    text = json.dumps(opened._document.to_json(), default=str)
    for word in ("http:", "https:", "cdn.", "//unpkg"):
        assert word not in text.replace("http://www.w3.org", "")


def test_names_from_a_file_are_text_and_no_markup(project: Path) -> None:
    """Who sends a project file must not run a script on the page that may write files."""
    wicked = "<img src=x onerror=alert(1)>"
    path = project.with_name("wicked.toml")
    text = project.read_text(encoding="utf-8").replace("VIRTUAL 50Na2S", wicked)
    path.write_text(text.replace("truth_SQ.csv", "<b>.csv"), encoding="utf-8")
    shutil.copy(project.with_name("truth_SQ.csv"), project.with_name("<b>.csv"))
    document = Document()
    TunePage(document, Session(path))
    shown = [model.text for model in document.select({"type": Div})]
    assert any("&lt;img" in text for text in shown)
    assert any("&lt;b&gt;.csv" in text for text in shown)
    assert not any("<img" in text or "<b>" in text for text in shown)


def test_what_is_drawn_is_what_was_reduced(page: TunePage) -> None:
    reduction = page.session.result.reduction
    found = columns(reduction)
    parts = sum(reduction.intensity.components.values())
    assert found["components"]["sum"] == pytest.approx(parts)
    assert found["structure"]["f"] == pytest.approx(
        reduction.structure_factor.q * (reduction.structure_factor.s - 1.0)
    )
    lengths = {name: {len(v) for v in data.values()} for name, data in found.items()}
    assert all(len(sizes) == 1 for sizes in lengths.values()), lengths
    raw = page.plots.sources["raw"].data
    assert raw["role"] == ["sample"] * 3 + ["container", "environment"]
    # as measured over its seconds, the first scan is the merged rate within counting
    merged = reduction.patterns["sample"]
    same = np.interp(merged.two_theta_deg, raw["xs"][0], raw["ys"][0])
    assert same[100:] == pytest.approx(merged.rate_cps[100:], rel=0.1)
    assert "R_X to truth_SQ.csv" in page.headline.text


def test_what_cannot_be_is_found_and_said(page: TunePage) -> None:
    reduction = page.session.result.reduction
    assert violations(reduction) == ()
    i, s, p = reduction.intensity, reduction.structure_factor, reduction.pair_distribution

    low = dataclasses.replace(i, measured=frozen(np.where(i.q < 3.0, -10.0 * i.sigma, i.measured)))
    found = violations(dataclasses.replace(reduction, intensity=low))
    assert [v.panel for v in found] == ["components"]
    assert "negative" in found[0].text
    assert found[0].intervals[0] == pytest.approx((i.q[0], 3.0), abs=0.02)

    deep = np.where((s.q > 2.0) & (s.q < 2.2), -1.0, s.s)
    found = violations(
        dataclasses.replace(reduction, structure_factor=dataclasses.replace(s, s=frozen(deep)))
    )
    assert [v.panel for v in found] == ["structure"]
    # at one atom's f the limit is S = 0; different atoms allow less than nothing of S
    floor = columns(reduction)["structure"]["floor"]
    assert np.all(floor <= 1e-12)

    bent = dataclasses.replace(p, d=frozen(2.0 * p.d), g=frozen(np.where(p.r > 8.0, -0.1, p.g)))
    found = violations(dataclasses.replace(reduction, pair_distribution=bent))
    assert [v.panel for v in found] == ["pair", "pair"]
    assert "g(r) is negative" in found[0].text
    assert "slope" in found[1].text


def test_what_cannot_be_is_shown(page: TunePage) -> None:
    assert not page.plots.sources["impossible pair"].data["x0"]
    # six times what the empty container scatters: nothing is left of the sample at low angles
    page.rows["container.scale"].field.value = 6.0  # type: ignore[attr-defined]
    page.settle()
    for panel in ("components", "structure", "pair"):
        assert page.plots.sources[f"impossible {panel}"].data["x0"]
    assert "intensity is negative" in page.findings.text
    click(page.toolbar.undo)
    assert not page.plots.sources["impossible components"].data["x0"]
    # a density that is half of the glass's: the line at low r is not where g(r) = 0 asks for it
    page.rows["sample.number_density_per_A3"].field.value = 0.025  # type: ignore[attr-defined]
    page.settle()
    assert page.session.error is None
    assert page.plots.sources["impossible pair"].data["x0"]
    assert "−4πρ₀r" in page.findings.text
    assert 'class="impossible"' in page.findings.text


# --- the command


def test_a_wrong_project_is_told_in_the_terminal(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from calibration.commandline import run
    from xtsred.cli import command

    assert run(command, ["tune", str(tmp_path / "none.toml")]) == 2
    helped = CliRunner().invoke(command, ["tune", "--help"])
    assert "Nothing leaves this" in helped.output


def test_a_further_tab_says_what_is_wrong_with_the_file_now() -> None:
    document = Document()
    show_error(document, InputError("the <file> is gone", why="somebody", where="run.toml"))
    (root,) = document.roots
    assert "run.toml: the &lt;file&gt; is gone" in root.text  # type: ignore[attr-defined]


def test_the_command_serves_until_ctrl_c(project: Path) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from xtsred.cli import main; main()",
            "tune",
            str(project),
            "--no-browser",
            "--json",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["url"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert err == ""


def test_choices_are_the_words_of_the_project_file(page: TunePage) -> None:
    window = control(page, "fourier.window")
    assert isinstance(window, Choice)
    assert window.options == ("none", "lorch", "soper-barney", "cosine")
    # the file says nothing of the extrapolation: what is shown is what applies
    below = page.rows["fourier.extrapolation"].select.value  # type: ignore[attr-defined]
    assert below == page.session.result.project.fourier.extrapolation == "parabola"
    assert page.session.edits.file.value("fourier.extrapolation") is None
