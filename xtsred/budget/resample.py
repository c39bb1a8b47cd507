"""Counts that might have been counted: every scan again, with Poisson's scatter."""

from dataclasses import replace

import numpy as np

from xtsred.counting import Instrument, Measurement, count, monitor_reference
from xtsred.inputs import Inputs
from xtsred.stages import Array, frozen

__all__ = ["resampled"]

_FEW = 10.0
_NEARBY = 4


def resampled(inputs: Inputs, rng: np.random.Generator) -> Inputs:
    """All scans with their counts drawn anew: N' ~ Poisson(N), values in proportion, times as they were.

    N: the effective number of counts ((value/sigma)^2 where the file states a sigma); where N < 10 the mean of the 9 points around, so
    that a point without counts may have some. The parametric bootstrap: Efron & Tibshirani (1993), ch. 6.5.
    """
    return {role: [_again(m, rng) for m in group] for role, group in inputs.items()}


def _again(measurement: Measurement, rng: np.random.Generator) -> Measurement:
    scan = measurement.scan
    whole = replace(measurement, two_theta_deg=None)
    counts = count(whole, instrument=Instrument(), monitor_cps=monitor_reference([whole])).counts
    new = rng.poisson(_expected(counts)).astype(np.float64)
    some = counts > 0.0
    if not some.any():
        return measurement
    per_count = np.interp(
        scan.two_theta_deg, scan.two_theta_deg[some], scan.values[some] / counts[some]
    )
    sigma = scan.sigma
    if sigma is not None:
        ratio = np.where(some, new / np.where(some, counts, 1.0), 1.0)
        sigma = frozen(sigma * np.sqrt(ratio))
    return replace(measurement, scan=replace(scan, values=frozen(new * per_count), sigma=sigma))


def _expected(counts: Array) -> Array:
    few = counts < _FEW
    if not few.any():
        return counts
    window = np.ones(2 * _NEARBY + 1)
    nearby = np.convolve(counts, window, mode="same") / np.convolve(
        np.ones_like(counts), window, mode="same"
    )
    return np.where(few, nearby, counts)
