"""Dead time against a simulated counter; windows against their limits."""

import math

import numpy as np
import pytest

from calibration.detector import (
    live_fraction,
    quantum_efficiency,
    sensor_efficiency,
    true_rate,
    window_acceptance,
)
from calibration.quantity import Quantity


def test_true_rate_undoes_the_dead_time_of_a_simulated_counter() -> None:
    rng = np.random.default_rng(1)
    rate, tau, seconds, repeats = 2.0e4, 1.0e-5, 0.05, 1500
    observed = []
    for _ in range(repeats):
        # a non-paralysable counter: after each count, tau passes, then the next exponential wait
        waits = rng.exponential(1.0 / rate, 1200) + tau
        observed.append(int(np.searchsorted(np.cumsum(waits), seconds)))
    counts = np.array(observed, dtype=float)
    estimated = true_rate(counts / seconds, dead_time_s=tau)
    standard_error = estimated.std() / np.sqrt(repeats)
    assert estimated.mean() == pytest.approx(rate, abs=4.0 * standard_error)
    # N counts in the live time give the variance too: that of Poisson counts would be 1/(1 - m tau) larger
    live = seconds * live_fraction(counts / seconds, dead_time_s=tau)
    stated = np.mean(counts / live**2)
    assert stated == pytest.approx(estimated.var(), rel=4.0 * np.sqrt(2.0 / repeats))
    assert stated * (1.0 + rate * tau) ** 2 > 1.2 * estimated.var()


def test_dead_time_inverse_is_exact() -> None:
    true, tau = np.array([0.0, 10.0, 1e5]), 2e-6
    assert true_rate(true / (1.0 + true * tau), dead_time_s=tau) == pytest.approx(true)


def test_no_dead_time_is_all_live() -> None:
    assert live_fraction(np.array([1.0, 1e9]), dead_time_s=0.0) == pytest.approx([1.0, 1.0])


def test_a_blocked_counter_is_refused() -> None:
    with pytest.raises(ValueError, match="reaches 1"):
        live_fraction([1e6], dead_time_s=1e-6)


@pytest.mark.parametrize("tau", [-1.0, float("nan")])
def test_a_dead_time_must_be_a_time(tau: float) -> None:
    with pytest.raises(ValueError, match="dead time"):
        live_fraction([1.0], dead_time_s=tau)


def test_efficiency_of_thin_and_thick_sensors() -> None:
    assert quantum_efficiency(1e-9, thickness_mm=0.5) == pytest.approx(5e-10, rel=1e-6)
    assert quantum_efficiency([0.0, 1e3], thickness_mm=0.5) == pytest.approx([0.0, 1.0])
    with pytest.raises(ValueError, match="thickness"):
        quantum_efficiency(1.0, thickness_mm=0.0)


def test_window_passes_half_at_its_edges_and_is_symmetric() -> None:
    energy = np.array([16.6, 17.5, 18.4])
    passed = window_acceptance(energy, lower_kev=16.6, upper_kev=18.4, fwhm_kev=0.3)
    assert passed == pytest.approx([0.5, 1.0, 0.5], abs=1e-6)


def test_window_area_is_its_width_whatever_the_resolution() -> None:
    energy = np.linspace(0.0, 40.0, 40001)
    for fwhm in (0.0, 0.6, 3.0):
        passed = window_acceptance(energy, lower_kev=15.0, upper_kev=19.0, fwhm_kev=fwhm)
        assert np.trapezoid(passed, energy) == pytest.approx(4.0, abs=2e-3)


def test_one_edge_alone() -> None:
    energy = np.array([5.0, 36.0, 60.0])
    assert window_acceptance(energy, lower_kev=None, upper_kev=36.0, fwhm_kev=6.0) == pytest.approx(
        [1.0, 0.5, 0.0], abs=1e-6
    )
    assert window_acceptance(energy, lower_kev=None, upper_kev=None, fwhm_kev=0.0).tolist() == [
        1,
        1,
        1,
    ]


def test_impossible_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        window_acceptance(1.0, lower_kev=2.0, upper_kev=1.0, fwhm_kev=0.0)
    with pytest.raises(ValueError, match="resolution"):
        window_acceptance(1.0, lower_kev=1.0, upper_kev=2.0, fwhm_kev=-1.0)


def test_sensor_efficiency_carries_the_thickness() -> None:
    """0.5 mm silicon at 17.48 keV: mu/rho photo 6.2 cm^2/g x 2.33 (NIST), eps = 1 - exp(-0.72), u by differences."""
    found = sensor_efficiency(Quantity(1.445, 0.03), thickness_mm=Quantity(0.5, 0.02))
    assert found.value == pytest.approx(1.0 - math.exp(-0.7225))
    steps = (
        math.exp(-0.7225) - math.exp(-1.475 * 0.5),
        math.exp(-0.7225) - math.exp(-1.445 * 0.52),
    )
    assert found.sigma == pytest.approx(math.hypot(*steps), rel=0.02)
    assert sensor_efficiency(Quantity(1.4), thickness_mm=Quantity(0.5, 0.02)).sigma is None
