"""Activation energies against closed forms, sampling, and the physics that no fit can change."""

import math

import numpy as np
import pytest

from calibration.quantity import Quantity
from calibration.thermometer import Thermometer
from cis.arrhenius import (
    BOLTZMANN_EV_PER_K,
    ArrheniusPoints,
    arrhenius_line,
    fit_arrhenius,
    inverse_kt,
)

T = np.linspace(278.15, 343.15, 8)
UNKNOWN = Thermometer(point_sigma_k=None)


def line(energy: float = 0.41, room: float = 4.2e-6, t: np.ndarray = T) -> np.ndarray:
    return room * np.exp(-energy * (inverse_kt(t) - inverse_kt(np.array(298.15))))


def points(
    sigma: np.ndarray,
    *,
    t: np.ndarray = T,
    stat: float | None = 0.01,
    geometry: float | None = 0.02,
    thermometer: Thermometer = UNKNOWN,
) -> ArrheniusPoints:
    return ArrheniusPoints(
        temperature_k=t,
        sigma_s_per_cm=sigma,
        relative_stat=None if stat is None else np.full(t.size, stat),
        relative_geometry=geometry,
        thermometer=thermometer,
    )


def test_boltzmann_constant_is_exact():
    # CODATA 2022: 8.617 333 262... e-5 eV/K
    assert pytest.approx(8.617333262e-5, rel=1e-10) == BOLTZMANN_EV_PER_K


@pytest.mark.parametrize("form", ["ln_sigma", "ln_sigma_T"])
def test_exact_line_is_recovered(form):
    sigma = line() if form == "ln_sigma" else line() * 298.15 / T
    fit = fit_arrhenius(points(sigma), form=form)
    assert fit.activation_ev == pytest.approx(0.41, abs=1e-12)
    assert fit.room_s_per_cm.value == pytest.approx(4.2e-6, rel=1e-12)
    np.testing.assert_allclose(fit.line(T), sigma, rtol=1e-12)


def test_the_two_forms_differ_by_k_mean_t():
    # physics.md section 10: 0.0266 eV over 278-343 K
    one = fit_arrhenius(points(line()), form="ln_sigma")
    two = fit_arrhenius(points(line()), form="ln_sigma_T")
    difference = two.activation_ev - one.activation_ev
    assert difference == pytest.approx(0.0266, abs=1e-4)
    # <T> is the mean in which the slope weighs the points, 1% below the plain one here
    assert difference == pytest.approx(BOLTZMANN_EV_PER_K * T.mean(), rel=1e-2)


def test_standard_errors_are_those_of_the_textbook():
    # equal weights: u(E) = u / sqrt(sum (x - <x>)^2), u(ln sigma at <x>) = u / sqrt(n)
    fit = fit_arrhenius(points(line()), form="ln_sigma")
    x = inverse_kt(T)
    assert fit.stat_ev == pytest.approx(0.01 / math.sqrt(np.sum((x - x.mean()) ** 2)), rel=1e-10)
    middle = np.array([1.0 / (BOLTZMANN_EV_PER_K * x.mean())])
    assert fit.relative_band(middle)[0] == pytest.approx(0.01 / math.sqrt(8), rel=1e-8)


def test_weighted_line_agrees_with_numpy():
    random = np.random.default_rng(5)
    x, y = inverse_kt(T), np.log(line()) + random.normal(0, 0.02, T.size)
    weight = random.uniform(0.5, 5.0, T.size)
    (a, energy), g = arrhenius_line(x, y, weight=weight)
    slope, intercept = np.polyfit(x, y, 1, w=np.sqrt(weight))
    assert energy == pytest.approx(-slope, rel=1e-9)
    assert a == pytest.approx(intercept, rel=1e-9)
    np.testing.assert_allclose(g @ y, [a, energy])


def test_geometry_moves_the_prefactor_and_never_the_energy():
    known = fit_arrhenius(
        points(line(), thermometer=Thermometer(point_sigma_k=0.0)), form="ln_sigma"
    )
    better = fit_arrhenius(
        points(line(), geometry=0.0, thermometer=Thermometer(point_sigma_k=0.0)), form="ln_sigma"
    )
    assert known.stat_ev == better.stat_ev
    assert known.activation.sigma == better.activation.sigma
    relative = known.room_s_per_cm.sigma / known.room_s_per_cm.value
    without = better.room_s_per_cm.sigma / better.room_s_per_cm.value
    assert relative**2 - without**2 == pytest.approx(0.02**2, rel=1e-9)
    shifted = fit_arrhenius(points(1.1 * line()), form="ln_sigma")
    assert shifted.activation_ev == pytest.approx(known.activation_ev, abs=1e-12)


@pytest.mark.parametrize("form", ["ln_sigma", "ln_sigma_T"])
def test_thermometer_error_against_sampling(form):
    thermometer = Thermometer(
        point_sigma_k=0.2, offset_k=Quantity(0.0, 0.3), lag=Quantity(0.0, 0.02)
    )
    fit = fit_arrhenius(points(line(), thermometer=thermometer), form=form)
    random = np.random.default_rng(11)
    n = 4000
    shift = (
        random.normal(0, 0.2, (n, 8))
        + random.normal(0, 0.3, (n, 1))
        - random.normal(0, 0.02, (n, 1)) * (T - 298.15)
    )
    energies = []
    for s in shift:
        x = inverse_kt(T + s)
        y = np.log(line()) + (np.log(T + s) if form == "ln_sigma_T" else 0.0)
        energies.append(-np.polyfit(x, y, 1)[0])
    assert fit.thermometer_ev == pytest.approx(np.std(energies), rel=0.05)


def test_a_lag_of_two_percent_costs_eight_mev():
    # physics.md section 10: 0.008 eV at E_A = 0.41 eV
    lag = Thermometer(point_sigma_k=0.0, lag=Quantity(0.0, 0.02))
    fit = fit_arrhenius(points(line(), thermometer=lag), form="ln_sigma")
    assert fit.thermometer_ev == pytest.approx(0.008, abs=5e-4)
    assert fit.stat_ev < fit.thermometer_ev


def test_one_total_uncertainty_takes_the_worse_of_independent_and_common():
    total = fit_arrhenius(
        points(line(), thermometer=Thermometer(point_sigma_k=0.5)), form="ln_sigma"
    )
    common = fit_arrhenius(
        points(line(), thermometer=Thermometer(point_sigma_k=0.0, offset_k=Quantity(0.0, 0.5))),
        form="ln_sigma",
    )
    independent = fit_arrhenius(
        points(line(), thermometer=Thermometer(point_sigma_k=0.5, offset_k=Quantity(0.0, 0.0))),
        form="ln_sigma",
    )
    assert total.thermometer_ev == pytest.approx(
        max(common.thermometer_ev, independent.thermometer_ev), rel=0.05
    )  # not exact: an error known to be independent also shapes the weights
    # a common error moves sigma(298 K) most: E/kT^2 dT = 0.41/(8.617e-5 298.15^2) 0.5 = 2.7%
    relative = max(math.sqrt(v[0, 0]) for v in common.thermometer_covariances)
    assert relative > 0.0
    assert common.room_s_per_cm.sigma / common.room_s_per_cm.value > 0.026


def test_unknown_parts_stay_unknown():
    fit = fit_arrhenius(points(line(), stat=None, geometry=None), form="ln_sigma")
    assert fit.thermometer_ev is None
    assert fit.ln_prefactor.sigma is None
    assert fit.room_s_per_cm.sigma is None
    assert fit.activation.sigma is None
    assert fit.stat_ev is not None  # from the scatter
    two = fit_arrhenius(points(line(t=T[:2]), t=T[:2], stat=None), form="ln_sigma")
    assert two.stat_ev is None
    assert two.scatter is None
    assert any("Two points" in f.text for f in two.findings)


def test_excess_scatter_is_found_and_enters_the_error():
    random = np.random.default_rng(2)
    noisy = line() * np.exp(random.normal(0, 0.1, T.size))
    fit = fit_arrhenius(points(noisy, stat=0.001), form="ln_sigma")
    claimed = 0.001 / math.sqrt(np.sum((inverse_kt(T) - inverse_kt(T).mean()) ** 2))
    assert fit.stat_ev > 30 * claimed
    assert fit.extra_scatter == pytest.approx(fit.scatter, rel=0.05)
    assert any("scatter" in f.text for f in fit.findings)


def test_one_overconfident_point_does_not_outvote_the_others():
    stat = np.full(8, 0.05)
    stat[0] = 1e-6
    sigma = line() * np.exp(0.3 * (np.arange(8) % 2))
    fit = fit_arrhenius(
        ArrheniusPoints(
            temperature_k=T,
            sigma_s_per_cm=sigma,
            relative_stat=stat,
            relative_geometry=0.0,
            thermometer=UNKNOWN,
        ),
        form="ln_sigma",
    )
    assert abs(fit.residuals[0]) > 0.05


def test_statistical_pulls_are_unit_normal():
    random = np.random.default_rng(7)
    thermometer = Thermometer(point_sigma_k=0.2, offset_k=Quantity(0.0, 0.1))
    pulls_e, pulls_room = [], []
    for _ in range(1500):
        true_t = T - random.normal(0, 0.2, 8) - random.normal(0, 0.1)
        seen = line(t=true_t) * np.exp(random.normal(0, 0.01, 8) + random.normal(0, 0.02))
        fit = fit_arrhenius(points(seen, thermometer=thermometer), form="ln_sigma")
        pulls_e.append((fit.activation_ev - 0.41) / fit.activation.sigma)
        pulls_room.append((fit.room_s_per_cm.value - 4.2e-6) / fit.room_s_per_cm.sigma)
    for pulls in (pulls_e, pulls_room):
        assert abs(np.mean(pulls)) < 4 / math.sqrt(1500)
        # the chi^2 rule widens the error of the 5% worst draws, so slightly below 1
        assert np.std(pulls) == pytest.approx(0.98, abs=0.06)


def test_extrapolation_to_room_temperature_is_said():
    hot = np.linspace(393.15, 473.15, 8)
    fit = fit_arrhenius(points(line(t=hot), t=hot), form="ln_sigma")
    assert fit.room_outside_k == pytest.approx(95.0)
    assert any("extrapolated" in f.text and f.severity == "warning" for f in fit.findings)


def test_a_single_temperature_is_refused():
    same = np.full(3, 300.0)
    with pytest.raises(ValueError, match="two different"):
        fit_arrhenius(points(line(t=same), t=same), form="ln_sigma")


def test_impossible_points_are_refused():
    with pytest.raises(ValueError, match="positive"):
        points(-line())
    with pytest.raises(ValueError, match="as many"):
        points(line()[:3])


def test_written_as_the_field_writes_it():
    thermometer = Thermometer(point_sigma_k=0.0, lag=Quantity(0.0, 0.0265))
    fit = fit_arrhenius(points(line(), thermometer=thermometer, stat=1e-6), form="ln_sigma")
    assert str(fit.activation) == "0.41(1) eV"


def test_statistical_parts_alone_against_the_covariance_of_polyfit():
    random = np.random.default_rng(9)
    noisy = line() * np.exp(random.normal(0, 0.02, T.size))
    fit = fit_arrhenius(points(noisy, stat=None), form="ln_sigma")
    x0 = inverse_kt(np.array(298.15))
    _, covariance = np.polyfit(inverse_kt(T) - x0, np.log(noisy), 1, cov="unscaled")
    scale = fit.scatter**2
    assert fit.stat_ev == pytest.approx(math.sqrt(covariance[0, 0] * scale), rel=1e-6)
    relative = fit.room_stat_s_per_cm / fit.room_s_per_cm.value
    assert relative == pytest.approx(math.sqrt(covariance[1, 1] * scale), rel=1e-6)
    assert fit.room_written.endswith("(statistics only)")
