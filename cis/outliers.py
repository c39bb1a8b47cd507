"""Points that no causal curve explains, and a step of the modulus, found together.

A step makes the points beside it look like outliers, and an outlier looks like a small step: at every turn the
one of the two that stands out more is taken first, and the other is judged anew beside it.
"""

import numpy as np

from cis.kramers_kronig import STRUCTURED, KramersKronig, linear_kk, residual_structure
from cis.stages import Array, BoolArray, ComplexArray
from cis.steps import FoundStep, step_beside_curve, step_column

__all__ = ["Causal", "causal_and_outliers", "curve_possible"]

OUTLIER = 6.0  # in units of the noise; 1e-7 of the points of a Gaussian lie beyond
OUTLIER_LEAST = 0.01  # of |Z|: an analyzer is not better than that at every single point
_FEWEST = 10
_PER_DECADE = 3.0


Causal = tuple[KramersKronig, BoolArray, FoundStep | None, dict[int, float]]


def curve_possible(frequency_hz: Array) -> bool:
    """Whether a causal curve through these points can be told from their noise: three a decade, and three more.

    With fewer the curve lacks the time constants to follow an arc and a spike, and its misfit passes for noise
    (measured: at 2.4 points a decade the noise found is 3 to 80 times too large, at 4 it is right).
    """
    decades = float(np.ptp(np.log10(frequency_hz)))
    return bool(frequency_hz.size >= _PER_DECADE * (decades + 1.0))


def causal_and_outliers(f: Array, z: ComplexArray, used: BoolArray) -> Causal:
    """The Kramers-Kronig curve of the points used, those left, a step if there is one, and the outliers.

    Outliers are dropped one by one, at most 5% of the points: index -> distance from the curve of the others in
    units of their noise.
    """
    used = used.copy()
    allowed = max(2, int(0.05 * used.sum()))
    outliers: dict[int, float] = {}
    step: FoundStep | None = None
    beside: Array | None = None
    kk = linear_kk(f[used], z[used])
    judged = False
    while True:
        found = None if judged else step_beside_curve(f[used], z[used])
        worst, distance = _worst(kk)
        may_drop = len(outliers) < allowed and used.sum() > _FEWEST and distance >= OUTLIER
        if found is not None and not (may_drop and distance > found.sigma):
            judged = True
            column = step_column(f[used], z[used], found.step.frequency_hz)
            beside_it = linear_kk(f[used], z[used], beside=column)
            if residual_structure(beside_it, f[used]) > STRUCTURED:
                continue  # drift makes every point a little step: one step does not explain it
            step = found
        elif may_drop:
            index = int(np.flatnonzero(used)[worst])
            outliers[index] = distance
            used[index] = False
        else:
            return kk, used, step, outliers
        if step is not None:
            beside = step_column(f[used], z[used], step.step.frequency_hz)
        kk = linear_kk(f[used], z[used], beside=beside)


def _worst(kk: KramersKronig) -> tuple[int, float]:
    """The point that stands out most, and by how much; 0 where none is off by 1% of |Z|."""
    distance, size = _studentized(kk)
    excess = np.where(size >= OUTLIER_LEAST, distance, 0.0)
    worst = int(np.argmax(excess))
    return worst, float(excess[worst])


def _studentized(kk: KramersKronig) -> tuple[Array, Array]:
    """Distance of each point from the curve through the others: in units of their noise, and over |Z|.

    Two regressors per point (its real and imaginary part); the square root of the decrease of the sum of
    squares over twice the variance left, put on the scale of one Gaussian component.
    Source: Cook & Weisberg, Residuals and Influence in Regression (1982), section 2.2.2.
    """
    n = kk.residual.size // 2
    total = float(kk.residual @ kk.residual)
    re, im = kk.basis[:n], kk.basis[n:]
    a = 1.0 - np.einsum("ik,ik->i", re, re)
    d = 1.0 - np.einsum("ik,ik->i", im, im)
    b = -np.einsum("ik,ik->i", re, im)
    x, y = kk.residual[:n], kk.residual[n:]
    # a point that the curve follows freely has nothing to tell
    det = np.maximum(a * d - b * b, 0.0)
    decided = det > 0.01
    gain = np.where(decided, (d * x * x - 2.0 * b * x * y + a * y * y) / np.maximum(det, 0.01), 0.0)
    left = np.maximum(total - gain, 1e-3 * total + 1e-30) / max(kk.freedom - 2, 1)
    away = np.hypot(d * x - b * y, a * y - b * x) / np.maximum(det, 0.01)  # leave-one-out residual
    return np.sqrt(gain / left), np.where(decided, away, 0.0)
