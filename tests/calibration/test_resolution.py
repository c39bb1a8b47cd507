"""Widths to Caglioti, Q_damp and Q_broad: against closed forms and against a transform that was damped numerically."""

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.radiation import Line, select_lines
from calibration.resolution import FWHM_PER_SIGMA, Width, doublet_broadening, fit_resolution

LAMBDA = 0.70931715
ANGLES = np.linspace(8.0, 130.0, 30)


def widths(u: float, v: float, w: float, *, sigma: float, seed: int | None = None) -> list[Width]:
    t = np.tan(np.radians(ANGLES) / 2.0)
    fwhm = np.sqrt(u * t**2 + v * t + w)
    if seed is not None:
        fwhm = fwhm * (1.0 + sigma * np.random.default_rng(seed).normal(size=fwhm.size))
    return [
        Width(two_theta_deg=float(a), fwhm=Quantity(float(f), float(sigma * f)))
        for a, f in zip(ANGLES, fwhm, strict=True)
    ]


def test_caglioti_is_found_with_unit_pulls() -> None:
    true, pulls = (0.02, -0.01, 0.03), []
    for seed in range(100):
        r = fit_resolution(widths(*true, sigma=0.01, seed=seed), wavelength_a=LAMBDA)
        pulls += [
            (q.value - x) / (q.sigma or 1.0) for q, x in zip((r.u, r.v, r.w), true, strict=True)
        ]
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)


def test_q_damp_and_q_broad_in_closed_form() -> None:
    """v = 0: q_damp = 2 pi/lambda sqrt(w), q_broad^2 = (u - w)/4."""
    u, w = 0.09, 0.04
    r = fit_resolution(widths(u, 0.0, w, sigma=0.01), wavelength_a=LAMBDA)
    to_radian = np.pi / 180.0 / FWHM_PER_SIGMA
    assert r.q_damp.value == pytest.approx(2.0 * np.pi / LAMBDA * np.sqrt(w) * to_radian, rel=1e-4)
    assert r.q_broad.value == pytest.approx(np.sqrt((u - w) / 4.0) * to_radian, rel=1e-3)


def test_a_width_that_falls_in_q_leaves_q_broad_zero_with_an_uncertainty() -> None:
    r = fit_resolution(widths(0.02, 0.0, 0.04, sigma=0.01), wavelength_a=LAMBDA)
    assert r.q_broad_squared.value < 0.0
    assert r.q_broad.value == 0.0
    assert r.q_broad.sigma is not None
    assert r.q_broad.sigma > 0.0


def test_damping_and_broadening_are_what_a_blurred_pattern_shows() -> None:
    """F(Q) = sin(Qr) blurred by Gaussians of sigma_Q(Q): its component at r is exp(-(r q_damp)^2/2) high, damped by q_broad r Q."""
    damp, broad, r = 0.02, 0.004, 12.0
    q = np.linspace(0.0, 40.0, 8001)
    for at in (5.0, 10.0, 15.0):
        width = np.hypot(damp, broad * at)
        kernel = np.exp(-0.5 * ((q - at) / width) ** 2)
        seen = np.sum(kernel * np.exp(1j * (q - at) * r)) / kernel.sum()
        expected = np.exp(-0.5 * (r * damp) ** 2) * np.exp(-0.5 * (r * broad * at) ** 2)
        assert abs(seen) == pytest.approx(expected, rel=1e-6)


def test_scatter_beyond_the_sigmas_widens_them() -> None:
    t = np.random.default_rng(2).normal(size=ANGLES.size)
    scattered = [
        Width(two_theta_deg=w.two_theta_deg, fwhm=Quantity(w.fwhm.value * (1.0 + 0.05 * x), 1e-4))
        for w, x in zip(widths(0.02, 0.0, 0.03, sigma=0.01), t, strict=True)
    ]
    r = fit_resolution(scattered, wavelength_a=LAMBDA)
    assert r.scatter == pytest.approx(0.05, rel=0.35)
    assert abs(r.w.value - 0.03) < 4.0 * (r.w.sigma or 0.0)


def test_the_spread_of_a_doublet() -> None:
    """Two lines of weights 2:1: sqrt(2)/3 of their distance."""
    pair = (Line(wavelength_a=1.0, weight=2.0), Line(wavelength_a=1.003, weight=1.0))
    assert doublet_broadening(pair) == pytest.approx(2**0.5 / 3.0 * 0.003 / 1.001, rel=1e-9)
    assert doublet_broadening(select_lines("Mo", "Ka1")) == 0.0


def test_three_lines_are_too_few() -> None:
    with pytest.raises(InputError, match="at least 4"):
        fit_resolution(widths(0.02, 0.0, 0.03, sigma=0.01)[:3], wavelength_a=LAMBDA)
