"""Wrong inputs, known truth: what the optimization repairs, what it leaves alone, and what it says about it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xtsred
from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, run
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.forward import draw, sodium_thiosilicate, true_structure_factor
from xtsred.forward.demo import shipped_measurement, write_scans
from xtsred.inputs import Inputs, read_inputs
from xtsred.optimize.fit import Optimization, optimize_inputs
from xtsred.optimize.report import optimization_values
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Reduction

DEMO = Path(xtsred.__file__).parent / "data" / "demo" / "run.toml"
FAST = ("multiple_scattering.orders=2", "fourier.r_step=0.05")
PACKING, WALL = "sample.packing_fraction", "container.wall_thickness_mm"
COMPTON = "normalization.compton_response"


def settings(packing: float, wall: float, compton: float, *names: str) -> list[str]:
    """Stated values; 10, 20 and 5 % of sigma for those that are named, the others as exact."""
    values = {PACKING: (packing, 0.05), WALL: (wall, 0.002), COMPTON: (compton, 0.05)}
    stated = [
        f"{key}={{value={value}, sigma={sigma if key in names else 0.0}}}"
        for key, (value, sigma) in values.items()
    ]
    return [*FAST, *stated]


def truth(q: Array) -> Array:
    low, middle, high = (
        true_structure_factor(sodium_thiosilicate(), q + d).s for d in (-0.025, 0.0, 0.025)
    )
    return np.asarray((low + 4.0 * middle + high) / 6.0)


def rms(x: Array) -> float:
    return float(np.sqrt(np.mean(x**2)))


def errors(reduction: Reduction, best: Reduction) -> tuple[float, float]:
    """rms of S - truth, and of S - S(true inputs), over 0.6 to 21.5 Å^-1."""
    s, other = reduction.structure_factor, best.structure_factor.s
    inside = (s.q >= 0.6) & (s.q <= 21.5)
    return rms((s.s - truth(s.q))[inside]), rms((s.s - other)[inside])


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return read_inputs(load_project(DEMO))


@pytest.fixture(scope="module")
def best(inputs: Inputs) -> Reduction:
    return reduce_inputs(load_project(DEMO, settings=FAST), inputs)


def fit(inputs: Inputs, *changes: str) -> Optimization:
    return optimize_inputs(load_project(DEMO, settings=list(changes)), inputs)


@pytest.fixture(scope="module")
def all_wrong(inputs: Inputs) -> Optimization:
    return fit(inputs, *settings(0.55, 0.012, 1.05, PACKING, WALL, COMPTON))


def test_all_three_wrong(all_wrong: Optimization, best: Reduction) -> None:
    """Packing by 10 %, wall by 20 %, Compton by 5 %: the inputs' part of the error falls by more than 3, truth unseen."""
    before, after = errors(all_wrong.before, best), errors(all_wrong.after, best)
    floor = errors(best, best)[0]
    assert before[0] > 2.0 * floor
    assert after[0] < 1.05 * floor
    assert before[1] / after[1] > 10.0
    true = {PACKING: 0.5, WALL: 0.01, COMPTON: 1.0}
    for a in all_wrong.parameters:
        assert a.posterior.sigma is not None
        assert abs(a.posterior.value - true[a.path]) < 3.0 * a.posterior.sigma
        assert a.posterior.sigma < (a.prior.sigma or 0.0)
    # the expected error of S(Q) by these numbers is what was found, within a chance of a thousand
    assert after[1] < 3.3 * rms(all_wrong.s_sigma[1])
    assert all_wrong.misfit[1] < 30.0 < 1000.0 < all_wrong.misfit[0]


def test_packing_and_wall_go_together(all_wrong: Optimization) -> None:
    """The brightness of the wall knows their ratio: their posteriors are correlated, their ratio is known to 2 %."""
    names = [a.path for a in all_wrong.parameters]
    i, j = names.index(PACKING), names.index(WALL)
    packing, wall = (all_wrong.parameters[k].posterior.value for k in (i, j))
    assert all_wrong.correlation[i, j] > 0.8
    assert packing / wall == pytest.approx(50.0, rel=0.03)


def test_right_inputs_are_not_made_worse(inputs: Inputs, best: Reduction) -> None:
    found = fit(inputs, *settings(0.5, 0.01, 1.0, PACKING, COMPTON))
    assert errors(found.after, best)[0] < 1.1 * errors(best, best)[0]
    assert not found.findings
    assert all(abs(a.pull) < 1.0 for a in found.parameters)


@pytest.mark.parametrize("wrong", [PACKING, pytest.param(WALL, marks=pytest.mark.long)])
def test_one_wrong(inputs: Inputs, best: Reduction, wrong: str) -> None:
    """The others known: the error is far below the noise already, and still falls by more than 3."""
    found = (
        fit(inputs, *settings(0.45, 0.01, 1.0, PACKING))
        if wrong == PACKING
        else fit(inputs, *settings(0.5, 0.008, 1.0, WALL))
    )
    assert errors(found.before, best)[1] > 3.0 * errors(found.after, best)[1]
    assert found.parameters[0].pull == pytest.approx(1.0, abs=0.25)


@pytest.fixture(scope="module")
def compton_alone(inputs: Inputs) -> Optimization:
    return fit(inputs, *settings(0.5, 0.01, 1.05, COMPTON))


def test_compton_wrong(compton_alone: Optimization, best: Reduction) -> None:
    assert errors(compton_alone.before, best)[1] > 10.0 * errors(compton_alone.after, best)[1]


def test_the_prior_is_respected(inputs: Inputs, compton_alone: Optimization) -> None:
    """Stated to 0.2 %, but 5 % off: the posterior is the weighted mean of what is stated and what the data say alone."""
    (free,) = compton_alone.parameters
    assert free.posterior.sigma is not None
    data_weight = 1.0 / free.posterior.sigma**2 - 1.0 / 0.05**2
    data = (free.posterior.value / free.posterior.sigma**2 - 1.05 / 0.05**2) / data_weight
    tight = list(settings(0.5, 0.01, 1.05))
    tight[-1] = f"{COMPTON}={{value=1.05, sigma=0.002}}"
    found = fit(inputs, *tight)
    (held,) = found.parameters
    weight = 1.0 / 0.002**2
    # what the data weigh depends a little on where they are linearized
    left = 1.0 / (held.posterior.sigma or 1.0) ** 2 - weight
    expected = (weight * 1.05 + left * data) / (weight + left)
    assert held.posterior.value == pytest.approx(expected, abs=5e-4)
    assert held.pull < -2.0
    assert any("of its stated sigma" in f.text and COMPTON in f.text for f in found.findings)


def test_what_is_not_adjusted_is_still_uncertain(inputs: Inputs) -> None:
    """With the wall known the packing is known; with the wall stated to 20 % but left alone, it is not."""
    changes = settings(0.55, 0.012, 1.0, PACKING, WALL)
    found = fit(inputs, *changes, f'optimize.parameters=["{PACKING}"]')
    assert found.considered == (WALL,)
    (packing,) = found.parameters
    assert (packing.posterior.sigma or 0.0) > 0.02  # 0.006 with a known wall
    assert abs(packing.posterior.value - 0.5) < 2.0 * (packing.posterior.sigma or 0.0)


def test_a_wall_of_unknown_accuracy_decides_nothing(inputs: Inputs) -> None:
    """A plain thickness is known nobody says how well: as exact it would make the packing wrong with a small sigma."""
    found = fit(
        inputs,
        *settings(0.5, 0.01, 1.05, COMPTON),
        "container.wall_thickness_mm=0.012",
    )
    assert not found.wall
    assert any("container.wall_thickness_mm has no sigma" in f.text for f in found.findings)
    assert found.parameters[0].posterior.value == pytest.approx(1.0, abs=0.01)


def test_a_number_of_no_consequence_says_so(inputs: Inputs) -> None:
    """The beam is wider than the sample: how much wider changes nothing that can be seen."""
    found = fit(inputs, *settings(0.5, 0.01, 1.0), "beam.height_mm={value=8.0, sigma=0.5}")
    (height,) = found.parameters
    assert not height.informed
    assert height.posterior.value == pytest.approx(8.0, abs=0.1)
    assert height.posterior.sigma == pytest.approx(0.5, rel=0.05)
    assert any("say nothing about beam.height_mm" in f.text for f in found.findings)


def test_the_truth_never_enters(
    inputs: Inputs, compton_alone: Optimization, tmp_path: Path
) -> None:
    """Another curve to compare with changes no digit of the fit."""
    other = tmp_path / "other.csv"
    other.write_text(
        "Q,S\n" + "".join(f"{0.1 * i:.1f},{1 + 0.3 * (-1) ** i}\n" for i in range(5, 216))
    )
    changes = settings(0.5, 0.01, 1.05, COMPTON)
    found = fit(
        inputs, *changes, f'comparison.curve="{other.as_posix()}"', 'comparison.curve_is="S"'
    )
    assert found.parameters == compton_alone.parameters


def test_values_can_be_written(compton_alone: Optimization) -> None:
    from calibration.report import to_json

    text = json.dumps(to_json(optimization_values(compton_alone)))
    assert "wall_used" in text


def test_as_a_user_runs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder, its run.toml, and why that is not fitted again; a key without sigma by its name."""

    def call(*arguments: object) -> int:
        return run(command, ["optimize", *map(str, arguments)])

    out = tmp_path / "out"
    changes = [w for s in settings(0.5, 0.01, 1.05, COMPTON) for w in ("--set", s)]
    assert call(DEMO, "--out", out, *changes, "--vary", COMPTON, "--json") == EXIT_DONE
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    (parameter,) = result["optimization"]["parameters"]
    assert parameter["path"] == COMPTON
    assert parameter["posterior"]["value"] == pytest.approx(1.0, abs=0.01)
    names = {p.name for p in out.rglob("*")}
    assert {"report.html", "run.toml", "optimize_parameters.svg", "optimize_effect.png"} <= names
    table = tomllib.loads((out / "run.toml").read_text(encoding="utf-8"))
    assert table["normalization"]["compton_response"]["sigma"] < 0.01
    assert table["optimize"]["posterior"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Optimization" in page
    assert call(out / "run.toml", "--out", tmp_path / "again") == EXIT_FIXABLE
    assert "posterior of an earlier" in capsys.readouterr().err
    assert call(DEMO, "--out", tmp_path / "no", "--vary", PACKING) == EXIT_FIXABLE
    assert f"{PACKING}: " in capsys.readouterr().err


@pytest.mark.long
def test_a_parameter_stops_where_it_is_impossible(inputs: Inputs) -> None:
    """A wall of 0.025 mm taken as exact asks for more sample than a full capillary: packing stays at 1, and it is said."""
    found = fit(
        inputs, *FAST, f"{PACKING}={{value=0.9, sigma=0.1}}", f"{WALL}={{value=0.025, sigma=0.0}}"
    )
    (packing,) = found.parameters
    assert packing.posterior.value == 1.0
    assert any("end of what is possible" in f.text for f in found.findings)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 9))
def test_posteriors_of_many_seeds(seed: int, tmp_path: Path) -> None:
    """Fresh counts, inputs wrong by a draw from what is stated: every posterior holds the truth within 4 of its sigmas."""
    write_scans(draw(shipped_measurement(), seed), tmp_path)
    text = DEMO.read_text(encoding="utf-8")
    (tmp_path / "run.toml").write_text(text[: text.index("[comparison]")], encoding="utf-8")
    a, b, c = np.random.default_rng(seed).normal(size=3).clip(-2.5, 2.5)
    changes = settings(0.5 + 0.05 * a, 0.01 + 0.002 * b, 1.0 + 0.05 * c, PACKING, WALL, COMPTON)
    loaded = load_project(tmp_path / "run.toml", settings=changes)
    found = optimize_inputs(loaded, read_inputs(loaded))
    for adjusted, true in zip(found.parameters, (0.5, 1.0, 0.01), strict=True):
        assert abs(adjusted.posterior.value - true) < 4.0 * (adjusted.posterior.sigma or 0.0)
