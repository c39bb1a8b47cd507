"""Calibration of a thermometer: a published example, unit pulls, limits, refusals."""

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.thermometer_fit import (
    TemperatureReading,
    find_fixed_point,
    fit_thermometer,
    fixed_points,
)


def reading(read: float, true: float, sigma: float | None = 0.05) -> TemperatureReading:
    return TemperatureReading(
        label=f"{true:g} K", read_k=Quantity(read, sigma, "K"), true_k=Quantity(true, None, "K")
    )


# GUM (JCGM 100:2008) table H.6: reading t in °C and observed correction b = t_R - t, in °C
GUM_H6 = (
    (21.521, -0.171),
    (22.012, -0.169),
    (22.512, -0.166),
    (23.003, -0.159),
    (23.507, -0.164),
    (23.999, -0.165),
    (24.513, -0.156),
    (25.002, -0.157),
    (25.503, -0.159),
    (26.010, -0.161),
    (26.511, -0.160),
)


def test_the_example_of_the_gum() -> None:
    """H.3: y2 = 0.00218(67), y1 = -0.1712(29) at 20 °C, s = 0.0035 °C, correction at 30 °C -0.1494(41)."""
    found = fit_thermometer([reading(273.15 + t, 273.15 + t + b, None) for t, b in GUM_H6])
    assert found.lag is not None
    assert -found.lag.value == pytest.approx(0.00218, abs=5e-6)
    assert found.lag.sigma == pytest.approx(0.00067, abs=5e-6)
    assert found.point_sigma_k == pytest.approx(0.0035, abs=5e-5)
    thermometer = found.thermometer
    at_20 = thermometer.correct(np.array([293.15]))[0] - 293.15
    assert at_20 == pytest.approx(-0.1712, abs=5e-5)
    at_30 = thermometer.correct(np.array([303.15]))[0] - 303.15
    assert at_30 == pytest.approx(-0.1494, abs=5e-5)
    line = thermometer.covariances(np.array([303.15]))[0][0, 0] - found.point_sigma_k**2
    assert np.sqrt(line) == pytest.approx(0.0041, abs=5e-5)


def test_pulls_are_unit_normal() -> None:
    rng = np.random.default_rng(3)
    true = np.array([273.15, 302.9146, 343.15, 398.15, 429.7485])
    offsets, lags = [], []
    for _ in range(300):
        # T_true = T_read + 0.4 - 0.02 (T_read - 300) solved for the reading
        read = (true - 0.4 - 0.02 * 300.0) / 0.98 + 0.1 * rng.standard_normal(5)
        found = fit_thermometer([reading(a, b, 0.1) for a, b in zip(read, true, strict=True)])
        assert found.lag is not None
        at = found.thermometer.correct(np.array([300.0]))[0] - 300.4
        u = np.sqrt(
            found.thermometer.covariances(np.array([300.0]))[0][0, 0] - found.point_sigma_k**2
        )
        offsets.append(at / u)
        lags.append((found.lag.value - 0.02) / found.lag.sigma)
    for pulls in (offsets, lags):
        assert 0.85 < np.std(pulls) < 1.1  # the Birge ratio widens some
        assert abs(np.mean(pulls)) < 3.5 / np.sqrt(300)


def test_one_point_gives_an_offset_alone() -> None:
    found = fit_thermometer([reading(273.45, 273.15)])
    assert found.offset_k.value == pytest.approx(-0.3)
    assert found.offset_k.sigma == pytest.approx(0.05)
    assert found.lag is None
    assert any("only an offset" in f.text for f in found.findings)


def test_scatter_widens_and_is_said() -> None:
    found = fit_thermometer(
        [reading(t, t + d, 0.01) for t, d in ((273.0, 0.0), (323.0, 1.0), (373.0, 0.0))]
    )
    assert any("scatter more" in f.text for f in found.findings)
    assert found.offset_k.sigma > 0.1


def test_refusals() -> None:
    with pytest.raises(InputError, match="one reading"):
        fit_thermometer([])
    with pytest.raises(InputError, match="some do not"):
        fit_thermometer([reading(273.0, 273.1), reading(373.0, 373.1, None)])
    with pytest.raises(InputError, match="give no ±"):
        fit_thermometer([reading(273.0, 273.1, None), reading(373.0, 373.1, None)])


def test_fixed_points_of_the_scale() -> None:
    """ITS-90 table 1 in degrees Celsius, which is another column than the one that was copied."""
    printed = {
        "mercury": -38.8344,
        "water": 0.01,
        "gallium": 29.7646,
        "indium": 156.5985,
        "tin": 231.928,
        "zinc": 419.527,
        "aluminium": 660.323,
        "ice": 0.0,
    }
    assert len(printed) == len(fixed_points())
    for name, celsius in printed.items():
        assert find_fixed_point(name).temperature_k.value - 273.15 == pytest.approx(
            celsius, abs=1e-6
        )
    with pytest.raises(InputError, match="gallium melting point"):
        find_fixed_point("helium")
