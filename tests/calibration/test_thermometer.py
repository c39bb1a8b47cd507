"""Celsius, kelvin, and how temperature errors go together."""

import numpy as np
import pytest

from calibration.quantity import Quantity
from calibration.thermometer import Thermometer, celsius, kelvin


def test_zero_celsius():
    assert kelvin(0.0) == 273.15
    assert celsius(kelvin(25.0)) == pytest.approx(25.0, abs=1e-12)
    with pytest.raises(ValueError, match="absolute zero"):
        kelvin(-300.0)


def test_offset_and_lag_move_the_readings():
    thermometer = Thermometer(
        point_sigma_k=0.1, offset_k=Quantity(0.5, 0.2), lag=Quantity(0.02, 0.01), ambient_k=298.0
    )
    np.testing.assert_allclose(
        thermometer.correct(np.array([298.0, 398.0])), [298.5, 398.0 + 0.5 - 2.0]
    )


def test_covariance_of_a_sum_of_three_errors_against_sampling():
    read = np.array([280.0, 300.0, 340.0])
    thermometer = Thermometer(
        point_sigma_k=0.1, offset_k=Quantity(0.0, 0.2), lag=Quantity(0.0, 0.01), ambient_k=298.0
    )
    random = np.random.default_rng(1)
    n = 100_000
    errors = (
        0.1 * random.standard_normal((n, 3))
        + 0.2 * random.standard_normal((n, 1))
        - 0.01 * random.standard_normal((n, 1)) * (read - 298.0)
    )
    (covariance,) = thermometer.covariances(read)
    np.testing.assert_allclose(covariance, np.cov(errors.T), atol=3e-3)
    np.testing.assert_allclose(thermometer.sigma_k(read), np.sqrt(np.diag(covariance)))


def test_one_total_uncertainty_leaves_both_limits_open():
    independent, common = Thermometer(point_sigma_k=0.5).covariances(np.array([300.0, 310.0]))
    np.testing.assert_allclose(independent, 0.25 * np.eye(2))
    np.testing.assert_allclose(common, np.full((2, 2), 0.25))


def test_unknown_stays_unknown():
    thermometer = Thermometer(point_sigma_k=None)
    assert thermometer.covariances(np.array([300.0])) == ()
    assert thermometer.sigma_k(np.array([300.0])) is None
