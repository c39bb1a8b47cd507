"""What physics says about columns that a header leaves open: the sign of Z'' and the unit of a phase.

For a causal, stable system phase and modulus are one: phase ~ (pi/2) d ln|Z| / d ln omega (Bode's
gain-phase relation, local form; Bode, Network Analysis and Feedback Amplifier Design, 1945, ch. 14).
"""

import numpy as np

from cis.stages import Array, ComplexArray

__all__ = ["Slope", "bode_agreement", "bode_slope"]

Slope = tuple[Array, Array, Array]


def bode_slope(frequency_hz: Array, modulus: Array) -> Slope | None:
    """Slopes d ln|Z| / d ln f over about a quarter decade, their weights, and the order that sorts the points.

    frequency_hz, modulus: shape (n,). Returns (slope, weight, order), or None with fewer than five distinct frequencies.
    """
    order = np.argsort(frequency_hz, kind="stable").astype(np.float64)
    index = order.astype(np.int64)
    x, y = np.log(frequency_hz[index]), np.log(np.maximum(modulus[index], 1e-300))
    if np.unique(x).size < 5 or x[-1] - x[0] < np.log(3.0):
        return None
    step = max(round(0.3 * x.size / max(float(x[-1] - x[0]) / np.log(10.0), 0.3)), 1)
    low = np.maximum(np.arange(x.size) - step, 0)
    high = np.minimum(np.arange(x.size) + step, x.size - 1)
    span = x[high] - x[low]
    good = span > 0
    # one R, C or L has a slope within -1..1: a leap beyond it is an outlier, and must not outvote the others
    slope = np.clip(np.where(good, (y[high] - y[low]) / np.where(good, span, 1.0), 0.0), -1.2, 1.2)
    return slope, np.where(good, np.gradient(x), 0.0), order


def bode_agreement(frequency_hz: Array, z_ohm: ComplexArray) -> float | None:
    """Agreement, -1..1, of the measured phase with the phase that the slope of |Z| demands.

    The correlation of the two, or their vote (share of points with equal signs, weighted by |phase|), whichever is
    less sure; 0 where these contradict each other, so that a few outliers decide nothing.

    frequency_hz: shape (n,), Hz; z_ohm: shape (n,). Near +1: the sign of Z'' is right; near -1: it is turned.
    None where the data cannot tell: too few points, or |Z| changes by less than 2% of a decade per decade.
    """
    found = bode_slope(frequency_hz, np.abs(z_ohm))
    if found is None:
        return None
    slope, weight, order = found
    phase = np.angle(z_ohm[order.astype(np.int64)]) * 2.0 / np.pi
    ss, pp = float(np.sum(weight * slope**2)), float(np.sum(weight * phase**2))
    total = float(np.sum(weight))
    if total <= 0 or ss / total < 0.02**2 or pp / total < 0.005**2:
        return None
    correlation = float(np.sum(weight * slope * phase) / np.sqrt(ss * pp))
    heavy = weight * np.abs(phase)
    vote = float(np.sum(heavy * np.sign(slope * phase)) / np.sum(heavy))
    if correlation * vote <= 0:
        return 0.0
    return correlation if abs(correlation) < abs(vote) else vote
