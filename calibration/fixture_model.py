"""What an empty and a shorted fixture are made of: four numbers with their uncertainties, and how well they say it."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.fixture import Standard
from calibration.quantity import Quantity

__all__ = ["Lumped", "lumped_open", "lumped_short"]

Array = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lumped:
    """Two elements fitted to a spectrum. resistive: R in Ohm (short) or G in S (open); reactive: L in H or C in F.

    z_ohm: shape (n,), what they give; deviation: largest |Z - model|/|Z|; at_hz: where.
    """

    resistive: Quantity
    reactive: Quantity
    z_ohm: ComplexArray
    deviation: float
    at_hz: float


def lumped_short(short: Standard) -> Lumped:
    """Series resistance and inductance of the leads, Z = R + i w L, by least squares with weights 1/|Z|^2.

    Each has the standard uncertainty of its own residuals' scatter about it. Source: Keysight Impedance
    Measurement Handbook, residual impedance of a test fixture. Raises InputError for fewer than three points.
    """
    return _fit(short, short.z_ohm, units=("Ohm", "H"), inverse=False)


def lumped_open(empty: Standard) -> Lumped:
    """Stray conductance and capacitance, Y = G + i w C, by least squares with weights 1/|Y|^2; as `lumped_short`."""
    return _fit(empty, 1.0 / empty.z_ohm, units=("S", "F"), inverse=True)


def _fit(
    standard: Standard, value: ComplexArray, *, units: tuple[str, str], inverse: bool
) -> Lumped:
    if value.size < 3 or not np.isfinite(value).all():
        raise InputError(
            f"the {standard.name} of the fixture has too few usable points ({value.size})",
            where=f"fixture.{standard.name}",
        )
    omega, size = 2.0 * np.pi * standard.frequency_hz, np.abs(value)
    real, real_sigma = _weighted(value.real, 1.0 / size)
    slope, slope_sigma = _weighted(value.imag / omega, omega / size)
    model = real + 1j * omega * slope
    z: ComplexArray = np.asarray(1.0 / model if inverse else model, dtype=np.complex128)
    deviation = np.abs(value - model) / size
    worst = int(np.argmax(deviation))
    return Lumped(
        resistive=Quantity(real, real_sigma, units[0]),
        reactive=Quantity(slope, slope_sigma, units[1]),
        z_ohm=z,
        deviation=float(deviation[worst]),
        at_hz=float(standard.frequency_hz[worst]),
    )


def _weighted(values: Array, root_weight: Array) -> tuple[float, float]:
    """Weighted mean and its standard uncertainty from the scatter."""
    weight = root_weight**2
    mean = float(weight @ values / weight.sum())
    variance = float(weight @ (values - mean) ** 2) / (values.size - 1) / float(weight.sum())
    return mean, math.sqrt(variance)
