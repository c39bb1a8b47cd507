"""The sample's temperature: Celsius and kelvin, and how its errors go together from point to point."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.quantity import Quantity

__all__ = ["ZERO_CELSIUS_K", "Thermometer", "celsius", "kelvin"]

Array = npt.NDArray[np.float64]

ZERO_CELSIUS_K = 273.15
"""0 degrees Celsius in kelvin, exact by definition (ITS-90)."""


def kelvin(celsius_value: float) -> float:
    """T/K = t/°C + 273.15. Raises ValueError below absolute zero."""
    value = celsius_value + ZERO_CELSIUS_K
    if not value > 0.0:
        raise ValueError(f"{celsius_value:g} °C lies below absolute zero")
    return value


def celsius(kelvin_value: float) -> float:
    """t/°C = T/K - 273.15."""
    return kelvin_value - ZERO_CELSIUS_K


@dataclass(frozen=True, slots=True, kw_only=True)
class Thermometer:
    """What is known of the difference between the temperature read and that of the sample.

    T_sample = T_read + offset - lag (T_read - ambient)

    point_sigma_k: independent from reading to reading; None where unknown.
    offset_k: common to all readings. lag: share of the way from ambient that the sample misses
    (0.02 = it stays 2% behind). Both None where nothing is stated about them: then `point_sigma_k`
    is all that is known, and how its errors go together is not.
    ambient_k: where the lag starts from.
    """

    point_sigma_k: float | None
    offset_k: Quantity | None = None
    lag: Quantity | None = None
    ambient_k: float = 298.15

    def correct(self, temperature_k: Array) -> Array:
        """Sample temperatures for readings, K, shape (n,)."""
        read = np.asarray(temperature_k, dtype=np.float64)
        offset = self.offset_k.value if self.offset_k is not None else 0.0
        lag = self.lag.value if self.lag is not None else 0.0
        return read + offset - lag * (read - self.ambient_k)

    def sigma_k(self, temperature_k: Array) -> Array | None:
        """Standard uncertainty of each sample temperature, K, shape (n,); None where unknown."""
        if self.point_sigma_k is None:
            return None
        return np.sqrt(np.diag(self.covariances(temperature_k)[0]))

    def covariances(self, temperature_k: Array) -> tuple[Array, ...]:
        """Covariance matrices of the sample temperatures, K^2, each of shape (n, n).

        One matrix where the errors are told apart: point^2 1 + offset^2 J + lag^2 d d^T, d = T - ambient.
        Two, the limits of independent and of fully common errors, where only one total
        uncertainty is stated: the larger result of the two is the honest one. None: empty tuple.
        """
        if self.point_sigma_k is None:
            return ()
        read = np.asarray(temperature_k, dtype=np.float64)
        independent = self.point_sigma_k**2 * np.eye(read.size)
        if self.offset_k is None and self.lag is None:
            return independent, np.full((read.size, read.size), self.point_sigma_k**2)
        total = independent
        if self.offset_k is not None and self.offset_k.sigma is not None:
            total = total + self.offset_k.sigma**2
        if self.lag is not None and self.lag.sigma is not None:
            behind = read - self.ambient_k
            total = total + self.lag.sigma**2 * np.outer(behind, behind)
        return (total,)
