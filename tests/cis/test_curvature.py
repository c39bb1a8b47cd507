"""Tests of straightness: right size without curvature, power with it."""

import numpy as np
import pytest

from calibration.thermometer import Thermometer
from cis.arrhenius import ArrheniusPoints, inverse_kt
from cis.curvature import break_test, curvature_test, fit_vtf

T = np.linspace(278.15, 343.15, 12)


def points(sigma: np.ndarray, t: np.ndarray = T) -> ArrheniusPoints:
    return ArrheniusPoints(
        temperature_k=t,
        sigma_s_per_cm=sigma,
        relative_stat=None,
        relative_geometry=0.0,
        thermometer=Thermometer(point_sigma_k=None),
    )


def straight(t: np.ndarray = T) -> np.ndarray:
    return np.exp(3.0 - 0.41 * inverse_kt(t))


def noisy(seed: int, size: float = 0.02) -> np.ndarray:
    return straight() * np.exp(np.random.default_rng(seed).normal(0, size, T.size))


def test_false_alarms_are_as_rare_as_they_say():
    curved = [curvature_test(points(noisy(s)), form="ln_sigma").p for s in range(400)]
    # binomial 5% of 400: 20 +- 4.4
    assert 7 <= sum(p < 0.05 for p in curved) <= 33
    kinked = [break_test(points(noisy(s)), form="ln_sigma").p for s in range(120)]
    assert sum(p < 0.05 for p in kinked) <= 15


def test_f_agrees_with_an_explicit_comparison_of_polynomials():
    sigma = noisy(3)
    test = curvature_test(points(sigma), form="ln_sigma")
    x = inverse_kt(T)
    u = x - x.mean()
    rss = [
        np.sum((np.log(sigma) - np.polyval(np.polyfit(u, np.log(sigma), k), u)) ** 2)
        for k in (1, 2)
    ]
    assert test.f == pytest.approx((rss[0] - rss[1]) / (rss[1] / 9), rel=1e-6)


def test_vtf_curvature_is_seen_with_its_sign_and_size():
    # sigma = A exp(-B/(T - T0)): local E = k B T^2/(T - T0)^2, smaller when hot
    b, t0, k = 900.0, 180.0, 8.617333262e-5
    t = np.linspace(278.15, 343.15, 40)
    test = curvature_test(points(np.exp(2.0 - b / (t - t0)), t), form="ln_sigma")
    local = k * b * t**2 / (t - t0) ** 2
    assert test.p < 1e-6
    assert test.slope_change_ev.value == pytest.approx(local[-1] - local[0], rel=0.1)


def test_a_softer_conclusion_is_a_note_and_says_so():
    from cis.activation import _weighed

    hard = _weighed("Curved.", 0.01, None, {})
    soft = _weighed("Curved.", 0.01, 0.4, {})
    assert (hard.severity, soft.severity) == ("warning", "note")
    assert "does not describe" in hard.text
    assert "does not describe" not in soft.text
    assert "40%" in soft.text
    assert "not refuted" in soft.text


def test_exact_line_is_not_curved():
    assert curvature_test(points(straight()), form="ln_sigma").p > 0.05


def test_too_few_points_make_no_test():
    few = T[:3]
    assert curvature_test(points(straight(few), few), form="ln_sigma") is None
    assert break_test(points(straight(T[:6]), T[:6]), form="ln_sigma") is None
    assert fit_vtf(points(straight(few), few)) is None


def test_a_kink_is_found_where_it_is():
    x, tg = inverse_kt(T), 315.0
    y = 3.0 - 0.41 * x + 0.25 * np.maximum(inverse_kt(np.array(tg)) - x, 0.0)
    y = y + np.random.default_rng(1).normal(0, 0.005, T.size)
    test = break_test(points(np.exp(y)), form="ln_sigma")
    assert test.p < 0.01
    assert test.temperature_k == pytest.approx(tg, abs=4.0)
    assert test.below_ev.value == pytest.approx(0.41, abs=4 * test.below_ev.sigma)
    assert test.above_ev.value == pytest.approx(0.66, abs=4 * test.above_ev.sigma)


def test_vtf_is_recovered_from_good_data_over_a_wide_range():
    t = np.linspace(250.0, 450.0, 30)
    fit = fit_vtf(
        points(
            np.exp(2.0 - 900.0 / (t - 180.0))
            * np.exp(np.random.default_rng(1).normal(0, 0.003, 30)),
            t,
        )
    )
    assert fit.determined
    assert fit.t0_k.value == pytest.approx(180.0, abs=4 * fit.t0_k.sigma)
    assert fit.b_k.value == pytest.approx(900.0, abs=4 * fit.b_k.sigma)
    assert fit.t0_k.sigma < 3.0


def test_vtf_of_eight_points_in_65_kelvin_says_that_it_is_not_determined():
    t = np.linspace(278.15, 343.15, 8)
    sigma = straight(t) * np.exp(np.random.default_rng(4).normal(0, 0.02, 8))
    fit = fit_vtf(points(sigma, t))
    assert not fit.determined
    assert fit.t0_interval_k[0] == 0.0
    assert any("Do not quote" in f.text for f in fit.findings)
