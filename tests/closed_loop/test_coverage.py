"""Intervals hold the truth as often as they say: virtual experiments whose facts differ from what the reduction is told.

`ensembles` draws the facts and simulates with the forward model; sigma is that of counting, of the fit, and of the budget
(`xtsred.budget`) that the project file's stated sigma give. benchmarks/coverage.py prints and draws the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from tests.closed_loop.ensembles import (
    DESIGN,
    OVERLAPPED,
    Ensemble,
    Found,
    coverage,
    mo_capillary,
    run,
)
from xtsred.forward import VirtualExperiment, expect, multiple_scattering
from xtsred.forward.ensemble import interpolated_multiple_scattering

CURVES = ("S(Q)", "g(r)")
NUMBERS = ("K", "Si-S distance", "Si-S coordination", "R_X")
DRAWS = 40
MAIN = (
    "sample.number_density_per_A3",
    "sample.packing_fraction",
    "goniometer.zero_deg",
    "scan[3].scale",
    "normalization.compton_response",
)


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    folder = tmp_path_factory.mktemp("ensemble")
    return Ensemble(mo_capillary(folder), folder)


def test_interpolated_multiple_scattering_is_the_walk(ensemble: Ensemble) -> None:
    """At facts that no walk of the design was made for, all off at once: 0.3 % of it, 0.01 % of the pattern."""
    scenario = ensemble.scenario
    steps = {path: 1.5 * scenario.facts[path][1] for path in scenario.bends}

    def small(values: Mapping[str, float]) -> VirtualExperiment:
        return replace(scenario.experiment(values), effort=DESIGN)

    model = interpolated_multiple_scattering(
        small, nominal=scenario.nominal, steps=steps, design=DESIGN
    )
    signs = np.random.default_rng(2).choice([-1.3, 1.3], size=(2, len(scenario.bends)))
    for row in signs:
        values = dict(scenario.nominal)
        for path, sign in zip(scenario.bends, row, strict=True):
            values[path] += sign * scenario.facts[path][1]
        experiment = small(values)
        found, exact = model.at(values)[0], multiple_scattering(experiment)[0]
        np.testing.assert_allclose(found.total, exact.total, rtol=5e-3)
        np.testing.assert_allclose(found.empty, exact.empty, rtol=5e-3)
        # of the whole pattern it is next to nothing
        parts = expect(experiment, multiple=(exact,)).components
        whole = parts["coh_s"] + parts["inc_s"]
        share = np.interp(np.arange(20.0, 151.0, 5.0), np.arange(whole.size) * 0.1 + 2.0, whole)
        difference = np.interp(
            np.arange(20.0, 151.0, 5.0), found.two_theta_deg, found.total - exact.total
        )
        assert np.max(np.abs(difference / share)) < 1e-4


def test_single_numbers_are_covered(tmp_path: Path) -> None:
    """40 draws: how often 68.3 % and 95 % intervals hold K, the Si-S shell and R_X is binomial (p > 1e-4 each side)."""
    few = Ensemble(mo_capillary(tmp_path, uncertain=MAIN), tmp_path)
    found = run(few, range(10_000, 10_000 + DRAWS)).pulls
    for name in NUMBERS:
        for share in (0.6827, 0.95):
            held = round(DRAWS * coverage(found[name], share))
            assert binom.cdf(held, DRAWS, share) > 1e-4, name
            assert binom.sf(held - 1, DRAWS, share) > 1e-4, name
    for name in CURVES:  # points of a draw are correlated: no binomial, but near
        assert 0.60 < coverage(found[name], 0.6827) < 0.76
        assert 0.91 < coverage(found[name], 0.95) < 0.985


def as_stated(found: Found, names: tuple[str, ...]) -> list[str]:
    """What lies outside 65 to 71 % and 93 to 97 %."""
    wrong = []
    for name in names:
        inside = [coverage(found.pulls[name], share) for share in (0.6827, 0.95)]
        if not (0.65 <= inside[0] <= 0.71 and 0.93 <= inside[1] <= 0.97):
            wrong.append(f"{name}: {100 * inside[0]:.1f} %, {100 * inside[1]:.1f} %")
    return wrong


@pytest.mark.long
def test_coverage_of_a_thousand_draws(ensemble: Ensemble) -> None:
    """Facts and counts drawn: 68.3 % intervals cover 65 to 71 %, 95 % intervals 93 to 97 %."""
    found = run(ensemble, range(1000))
    assert as_stated(found, CURVES + NUMBERS) == []
    # no part of a curve hides behind the rest: 4 binomial sigmas of 1000 draws
    for name in CURVES:
        covered = np.mean(np.abs(found.pulls[name]) <= 1.0, axis=0)
        assert np.all(covered > 0.6827 - 0.06), name
    assert OVERLAPPED not in "".join(NUMBERS)


@pytest.mark.long
def test_coverage_by_counting_alone(tmp_path: Path) -> None:
    """Facts known exactly, 1000 draws: what is left is Poisson noise and the normalization's own fit.

    No number is covered less than it should be (binomial, p > 1e-3). K is covered more (75 %, measured): its sigma holds
    what the window leaves of the oscillation, which is the same in every draw.
    """
    found = run(Ensemble(mo_capillary(tmp_path, uncertain=()), tmp_path), range(1000))
    assert as_stated(found, CURVES) == []
    for name in NUMBERS:
        for share in (0.6827, 0.95):
            held = round(1000 * coverage(found.pulls[name], share))
            assert binom.cdf(held, 1000, share) > 1e-3, name
