"""Sampling: the same for any number of processes, Poisson's where it must be, and what derivatives predict."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, run
from calibration.errors import InputError
from tests.xtsred.budget_rod import rod
from xtsred.budget.linear import linear_budget
from xtsred.budget.monte_carlo import Asked, monte_carlo, sampled_parameters
from xtsred.budget.records import Budget, MonteCarlo
from xtsred.budget.resample import resampled
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.inputs import read_inputs
from xtsred.memo import Memo
from xtsred.pipeline import reduce_inputs
from xtsred.stages import frozen

STATED = {
    "normalization__compton_response": {"value": 1.0, "sigma": 0.02},
    "sample__packing_fraction": {"value": 0.5, "sigma": 0.02},
}


def sampled(asked: Asked, **tables: object) -> tuple[Budget, MonteCarlo]:
    case = rod(noise=3, **tables)
    memo = Memo()
    reduction = reduce_inputs(case.loaded, case.inputs, memo=memo)
    linear = linear_budget(case.loaded, case.inputs, memo=memo, reduction=reduction)
    budget = monte_carlo(case.loaded, case.inputs, linear, reduction=reduction, asked=asked)
    assert budget.monte_carlo is not None
    return budget, budget.monte_carlo


@pytest.fixture(scope="module")
def many() -> tuple[Budget, MonteCarlo]:
    return sampled(Asked(draws=60, seed=1, jobs=1), **STATED)


def test_the_number_of_processes_does_not_change_a_bit() -> None:
    """And an impossible tail is cut and said: beyond one standard deviation lie 15.87 % (a table of the normal distribution)."""
    stated = {"sample__packing_fraction": {"value": 0.99, "sigma": 0.01}}
    runs = [sampled(Asked(draws=10, seed=7, jobs=jobs), **stated) for jobs in (1, 2)]
    found = [run[1] for run in runs]
    assert np.array_equal(found[0].s, found[1].s)
    assert np.array_equal(found[0].g, found[1].g)
    assert found[0].scalars == found[1].scalars
    assert found[0].compared == found[1].compared
    assert found[0].truncated["sample.packing_fraction"] == pytest.approx(0.1587, abs=1e-4)
    assert any("truncated" in f.text for f in runs[0][0].findings)


def test_a_linear_source_is_the_same_by_sampling(many: tuple[Budget, MonteCarlo]) -> None:
    """Within four standard errors of what so many draws can tell, and that is not much."""
    _, found = many
    ratios = {c.name: c for c in found.compared}
    for name in ("Compton response, fixed", "packing fraction", "everything"):
        assert abs(ratios[name].ratio - 1.0) < 4.0 * ratios[name].sigma
    assert ratios["Compton response, fixed"].sigma < 0.02
    assert ratios["packing fraction"].sigma < 0.2
    # the fit's leakage is no chance: a little below 1, never above by more than chance
    assert 0.9 < ratios["counting"].ratio < 1.0 + 4.0 * ratios["counting"].sigma


def test_curves_and_numbers_agree(many: tuple[Budget, MonteCarlo]) -> None:
    budget, found = many
    used = budget.used > 0.0
    ratio = found.s[used] / found.linear_s[used]
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.08)
    far = budget.r > 1.5
    assert np.mean(found.g[far] / found.linear_g[far]) == pytest.approx(1.0, abs=0.12)
    for name in ("Si-S distance", "Si-S coordination", "K"):
        _, deviation, linear = found.scalars[name]
        # 60 draws: 9 % one standard error
        assert deviation == pytest.approx(linear, rel=0.28)


def test_counts_alone_scatter_as_their_covariance_says() -> None:
    """No stated sigma: the scatter of G(r) is what the linear transform of the counts' covariance predicts."""
    budget, found = sampled(Asked(draws=40, seed=2, jobs=1))
    used = budget.used > 0.0
    assert np.mean(found.s[used] / budget.counting.s[used]) == pytest.approx(1.0, abs=0.06)
    far = budget.r > 1.5
    assert np.mean(found.d[far] / budget.counting.d[far]) == pytest.approx(1.0, abs=0.1)


def test_draws_that_cannot_be_are_listed_and_the_rest_is_used() -> None:
    """A solid rod by mass: one in four draws has more mass than the rod can hold."""
    solid = 3.14159265 * 0.25**2 * 30.0 * 1e-3 * _density() * 1e3
    budget, found = sampled(
        Asked(draws=24, seed=3, jobs=1),
        sample={
            "name": "rod", "composition": "Na2SiS3", "radius_mm": 0.25, "number_density_per_A3": 0.0431,
            "mass_mg": {"value": solid, "sigma": 0.03 * solid}, "filled_length_mm": 30.0,
        },
    )  # fmt: skip
    failed = sum(found.failures.values())
    assert 0 < failed < 12
    assert found.done == 24 - failed
    assert any("could not be reduced" in f.text for f in budget.findings)


def _density() -> float:
    from xtsred.unpack import make_plan

    plan = make_plan(rod(sample__packing_fraction=1.0).loaded.record)
    return plan.setup.sample.mass_density_g_per_cm3


def test_too_few_draws_are_refused() -> None:
    with pytest.raises(InputError, match="say nothing"):
        sampled(Asked(draws=3))


def test_resampled_counts_are_poissons() -> None:
    """Mean N and variance N over many draws; exposure as it was; sigma follows the counts."""
    case = rod(noise=1)
    (measurement,) = case.inputs["sample"]
    rng = np.random.default_rng(0)
    counts = measurement.scan.values
    drawn = np.array([resampled(case.inputs, rng)["sample"][0].scan.values for _ in range(200)])
    z = (drawn.mean(axis=0) - counts) / np.sqrt(counts / 200)
    assert np.std(z) == pytest.approx(1.0, abs=0.06)
    assert np.mean(drawn.var(axis=0, ddof=1) / counts) == pytest.approx(1.0, abs=0.02)
    # rates with a sigma: N = (rate/sigma)^2
    seconds = 8.0
    scan = replace(
        measurement.scan, kind="rates", values=frozen(counts / seconds),
        sigma=frozen(np.sqrt(counts) / seconds), seconds_per_step=None,
    )  # fmt: skip
    rates = {"sample": [replace(measurement, scan=scan)]}
    drawn = np.array([resampled(rates, rng)["sample"][0].scan.values for _ in range(100)])
    ratio = drawn.var(axis=0, ddof=1) / (counts / seconds**2)
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.02)
    new = resampled(rates, rng)["sample"][0].scan
    assert new.sigma is not None
    assert new.values / new.sigma**2 == pytest.approx(np.full(counts.shape, seconds))


def test_a_point_without_counts_may_get_some() -> None:
    case = rod()
    (measurement,) = case.inputs["sample"]
    values = np.full(measurement.scan.values.shape, 0.0)
    values[::3] = 3.0
    few = {"sample": [replace(measurement, scan=replace(measurement.scan, values=frozen(values)))]}
    drawn = resampled(few, np.random.default_rng(0))["sample"][0].scan.values
    assert drawn.mean() == pytest.approx(1.0, abs=0.1)
    assert drawn[1::3].mean() > 0.5


def test_priors_are_drawn_but_are_no_source() -> None:
    case = rod(normalization__compton_response_sigma=0.05)
    budget = linear_budget(case.loaded, case.inputs)
    names = [p.path for p in sampled_parameters(case.loaded.record, budget)]
    assert names == ["normalization.compton_response"]
    assert not any(s.kind == "stated" for s in budget.sources)


def test_the_command_samples_and_reports(
    tmp_path: Path, shared_examples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = [
        "reduce", str(shared_examples / "silica_xray" / "run.toml"), "--out", str(out), "--monte-carlo", "10",
        "--seed", "4", "--jobs", "2", "--set", "sample.radius_mm={value=1.5, sigma=0.02}",
        "--set", "normalization.compton_response={value=1.24, sigma=0.02}",
    ]  # fmt: skip
    arguments[arguments.index("--set") : arguments.index("--set")] = []
    assert run(command, arguments) == EXIT_FIXABLE  # fitted and fixed at once
    assert "keep one of the two" in capsys.readouterr().err
    assert run(command, arguments[:-2]) == EXIT_DONE
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    found = result["budget"]["monte_carlo"]
    assert (found["draws"], found["done"], found["seed"]) == (10, 10, 4)
    assert "--monte-carlo 10 --seed 4" in result["provenance"]["command"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "What should I measure better?" in page
    assert "Sampling against derivatives" in page
    assert (out / "figures" / "budget.svg").exists()
    assert (out / "figures" / "monte_carlo.png").exists()
    header = (out / "silica.budget.csv").read_text(encoding="utf-8").splitlines()[0]
    assert "monte_carlo" in header
    assert "sample radius" in header


def test_seed_and_jobs_without_draws_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(command, ["reduce", "run.toml", "--out", str(tmp_path / "o"), "--seed", "1"])
    assert status == EXIT_FIXABLE
    assert "--monte-carlo" in capsys.readouterr().err


@pytest.mark.long
def test_the_shipped_example_with_stated_sigmas(shared_examples: Path) -> None:
    """Every source of the demo by sampling and by derivatives."""
    settings = [
        "sample.radius_mm={value=0.25, sigma=0.005}",
        "sample.packing_fraction={value=0.5, sigma=0.02}",
        "container.scale={value=1, sigma=0.02}",
        "goniometer.zero_deg={value=0, sigma=0.02}",
        "normalization.compton_response={value=1, sigma=0.02}",
    ]
    loaded = load_project(shared_examples / "ns_xray" / "run.toml", settings=settings)
    inputs = read_inputs(loaded)
    memo = Memo()
    reduction = reduce_inputs(loaded, inputs, memo=memo)
    linear = linear_budget(loaded, inputs, memo=memo, reduction=reduction)
    asked = Asked(draws=200, seed=1, jobs=1)
    found = monte_carlo(loaded, inputs, linear, reduction=reduction, asked=asked).monte_carlo
    assert found is not None
    assert not found.failures
    for one in found.compared:
        assert abs(one.ratio - 1.0) < max(4.0 * one.sigma, 0.05), one
