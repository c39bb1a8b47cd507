"""A straight line through a quantity along a series."""

import math
from dataclasses import dataclass

import numpy as np

from calibration.quantity import Quantity
from xtsred.stages import Array

__all__ = ["Trend", "trend"]

_FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """slope: per unit of x, its sigma from the sigmas of y, widened where the points scatter more than they say.

    at_mean: the line's value at mean_x. chi2_reduced: None where the sigmas of y are unknown. n: points.
    """

    slope: Quantity
    at_mean: Quantity
    mean_x: float
    chi2_reduced: float | None
    n: int


def trend(x: Array, y: Array, *, sigma: Array, unit: str = "") -> Trend | None:
    """Weighted least squares y = a + b (x - <x>) over the points where all three are finite.

    b = sum w (x - <x>) y / sum w (x - <x>)^2, w = 1/sigma^2, <x> the weighted mean; u(b)^2 = 1 / sum w (x - <x>)^2,
    times chi^2/(n - 2) where that exceeds 1. Where no sigma is known w = 1, and u(b) is from the scatter alone.
    x, y, sigma: shape (n,); returns None for fewer than 3 points or a single x.
    Source: Bevington & Robinson, Data Reduction and Error Analysis, 3rd ed. (2003), ch. 6.
    """
    known = np.isfinite(x) & np.isfinite(y)
    weighted = bool((np.isfinite(sigma) & (sigma > 0.0))[known].all()) and bool(known.any())
    x, y, sigma = x[known], y[known], sigma[known]
    if x.size < _FEWEST or float(np.ptp(x)) == 0.0:
        return None
    w = 1.0 / sigma**2 if weighted else np.ones_like(y)
    mean = float(np.average(x, weights=w))
    level = float(np.average(y, weights=w))
    spread = float(np.sum(w * (x - mean) ** 2))
    slope = float(np.sum(w * (x - mean) * y)) / spread
    chi2 = float(np.sum(w * (y - level - slope * (x - mean)) ** 2)) / (x.size - 2)
    widen = math.sqrt(max(chi2, 1.0) if weighted else chi2)
    return Trend(
        slope=Quantity(slope, widen / math.sqrt(spread), unit),
        at_mean=Quantity(level, widen / math.sqrt(float(np.sum(w))), unit),
        mean_x=mean,
        chi2_reduced=chi2 if weighted else None,
        n=int(x.size),
    )
