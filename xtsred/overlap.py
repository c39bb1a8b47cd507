"""Two scans of the same thing must agree: their ratio, its test, its drift, and the points that spoil it.

The comparison conditions on the sum of both counts: N_a is binomial with p = s T_a / (s T_a + T_b), which is
exact for Poisson counts of any size (Przyborowski & Wilenski, Biometrika 31 (1940) 313).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.quantity import Quantity
from xtsred.stages import Array

__all__ = ["MIN_POINTS", "Mask", "Overlap", "compare", "disagreeing_points", "lonely_points"]

Mask = npt.NDArray[np.bool_]
Pairs = tuple[Array, Array, Array, Array]

_COUNTS_PER_BIN = 25.0
_MAX_STEPS = 50
MIN_POINTS = 8
"""Common angles that a comparison needs."""
_OFF_CUBIC = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How scan a compares with b where both were measured.

    scale: fitted ratio of the rates a/b. chi2, dof, p: test of one common ratio over the overlap.
    drift_per_deg: slope of ln(a/b) with 2theta, a joint fit. two_theta_deg, ratio, ratio_sigma: shape (m,),
    binned for a picture. range_deg: first and last common angle.
    """

    name_a: str
    name_b: str
    range_deg: tuple[float, float]
    scale: Quantity
    chi2: float
    dof: int
    p: float
    drift_per_deg: Quantity
    two_theta_deg: Array
    ratio: Array
    ratio_sigma: Array


def compare(
    two_theta_deg: Array,
    a: tuple[Array, Array],
    b: tuple[Array, Array],
    *,
    names: tuple[str, str],
) -> Overlap | None:
    """Compare two scans on one grid; a, b: (counts, exposure), shapes (n,), exposure 0 where not measured.

    Newton's method on ln s (score sum(N_a - n p), information sum(n p q)); chi2 = sum (N_a - n p)^2/(n p q)
    over bins of at least 25 counts. Returns None for fewer than 8 common points or without counts in one scan.
    """
    both = (a[1] > 0.0) & (b[1] > 0.0)
    if int(both.sum()) < MIN_POINTS:
        return None
    x = two_theta_deg[both]
    na, ta, nb, tb = a[0][both], a[1][both], b[0][both], b[1][both]
    if na.sum() <= 0.0 or nb.sum() <= 0.0:
        return None
    centre = x - x.mean()
    start = float(np.log(na.sum() / ta.sum()) - np.log(nb.sum() / tb.sum()))
    log_scale, log_sigma = _fit(np.ones((x.size, 1)), (na, ta, nb, tb), start)
    both_fit, both_sigma = _fit(
        np.stack([np.ones_like(centre), centre], 1), (na, ta, nb, tb), start
    )
    scale = float(np.exp(log_scale[0]))
    chi2, dof = _chi2((na, ta, nb, tb), scale)
    ratio_x, ratio, ratio_sigma = _binned_ratio(x, (na, ta, nb, tb))
    return Overlap(
        name_a=names[0],
        name_b=names[1],
        range_deg=(float(x[0]), float(x[-1])),
        scale=Quantity(scale, scale * float(log_sigma[0])),
        chi2=chi2,
        dof=dof,
        p=_chi2_tail(chi2, dof),
        drift_per_deg=Quantity(float(both_fit[1]), float(both_sigma[1]), "1/°"),
        two_theta_deg=ratio_x,
        ratio=ratio,
        ratio_sigma=ratio_sigma,
    )


def _fit(design: Array, data: Pairs, start: float) -> tuple[Array, Array]:
    """Coefficients of ln s = design @ u and their sigma, by Newton's method."""
    na, ta, nb, tb = data
    n = na + nb
    u = np.zeros(design.shape[1])
    u[0] = start
    for _ in range(_MAX_STEPS):
        p = 1.0 / (1.0 + tb / (ta * np.exp(design @ u)))
        information = design.T @ (design * (n * p * (1.0 - p))[:, None])
        step = np.linalg.solve(information, design.T @ (na - n * p))
        u = u + step
        if float(np.abs(step * design.std(axis=0).clip(min=1.0)).max()) < 1e-10:
            break
    return u, np.sqrt(np.diag(np.linalg.inv(information)))


def _groups(counts: Array) -> npt.NDArray[np.intp]:
    """Start of each run of neighbours that together hold at least 25 counts."""
    total = np.cumsum(counts)
    label = np.floor((total - 0.5 * counts) / _COUNTS_PER_BIN)
    return np.flatnonzero(np.concatenate([[True], np.diff(label) > 0]))


def _chi2(data: Pairs, scale: float) -> tuple[float, int]:
    na, ta, nb, tb = data
    n = na + nb
    p = scale * ta / (scale * ta + tb)
    starts = _groups(np.minimum(n * p, n * (1.0 - p)))
    excess = np.add.reduceat(na - n * p, starts)
    variance = np.add.reduceat(n * p * (1.0 - p), starts)
    used = variance > 0.0
    return float(np.sum(excess[used] ** 2 / variance[used])), max(int(used.sum()) - 1, 1)


def _chi2_tail(chi2: float, dof: int) -> float:
    from scipy.special import gammaincc  # scipy.stats would cost half a second of start-up

    return float(gammaincc(0.5 * dof, 0.5 * chi2))


def _binned_ratio(x: Array, data: Pairs, bins: int = 60) -> tuple[Array, Array, Array]:
    starts = np.unique(np.linspace(0, x.size, min(bins, x.size), endpoint=False).astype(int))
    na, ta, nb, tb = (np.add.reduceat(v, starts) for v in data)
    middle = np.add.reduceat(x, starts) / np.diff(np.append(starts, x.size))
    good = (na > 0.0) & (nb > 0.0)
    na, ta, nb, tb, middle = na[good], ta[good], nb[good], tb[good], middle[good]
    ratio = (na / ta) / (nb / tb)
    return middle, ratio, ratio * np.sqrt(1.0 / na + 1.0 / nb)


def lonely_points(counts: Array, exposure_s: Array, *, limit: float = 8.0) -> Mask:
    """Single points of one scan that stand out alone: a spark, a cosmic ray, a dropped reading; bool, shape (n,).

    A point stands out when it is `limit` counting sigmas off the median of the 11 points around it and 5 off the cubic
    through its four neighbours (counting, or 1.48 times the median of such differences nearby if that is larger), while
    each next neighbour moves by less than 15% as much: a Bragg peak, 1.5 steps wide at half height or more, is kept.
    """
    n = counts.size
    found = np.zeros(n, dtype=bool)
    if n < 11:
        return found
    rate = np.divide(counts, exposure_s, out=np.zeros(n), where=exposure_s > 0.0)
    expected = _local_median(rate, 5)
    variance = np.maximum(expected, 1.0 / np.maximum(exposure_s, 1e-300)) / np.maximum(
        exposure_s, 1e-300
    )
    predicted = rate.copy()
    predicted[2:-2] = (4.0 * (rate[1:-3] + rate[3:-1]) - rate[:-4] - rate[4:]) / 6.0
    # variance of the difference: 1 + 34/36, all points being alike
    off = rate - predicted
    scatter = np.sqrt(variance * (1.0 + 34.0 / 36.0))
    if not bool((np.abs(off) > _OFF_CUBIC * scatter).any()):
        return found
    scatter = np.maximum(scatter, 1.4826 * _local_median(np.abs(off), 15))
    own = rate - expected
    beside = np.maximum(np.abs(np.roll(own, 1)), np.abs(np.roll(own, -1)))
    noise = 4.0 * np.sqrt(variance)
    alone = beside < np.maximum(0.15 * np.abs(own), noise)
    found[2:-2] = (np.abs(off) > _OFF_CUBIC * scatter)[2:-2] & alone[2:-2]
    return found & (np.abs(own) > limit * np.sqrt(variance)) & (exposure_s > 0.0)


def _local_median(values: Array, half: int) -> Array:
    padded = np.pad(values, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.asarray(np.median(windows, axis=1), dtype=np.float64)


def disagreeing_points(
    a: tuple[Array, Array], b: tuple[Array, Array], *, limit: float = 6.0
) -> tuple[Mask, Mask]:
    """Points where two scans of one grid differ beyond `limit` sigma of their local ratio, blamed on the rougher one.

    Returns bool arrays for a and for b, shape (n,). Only points that also leave their own scan's local median by
    half the limit are blamed, so a smooth difference between scans is never masked.
    """
    both = np.flatnonzero((a[1] > 0.0) & (b[1] > 0.0))
    bad_a, bad_b = np.zeros(a[1].size, dtype=bool), np.zeros(b[1].size, dtype=bool)
    if both.size < 11:
        return bad_a, bad_b
    na, ta, nb, tb = a[0][both], a[1][both], b[0][both], b[1][both]
    n = na + nb
    trend = _local_median(na - nb * ta / tb, 5) / ta
    pooled = n / (ta + tb)
    difference = na / ta - nb / tb - trend
    sigma = np.sqrt(np.maximum(pooled, 1.0 / (ta + tb)) * (1.0 / ta + 1.0 / tb))
    suspicious = np.abs(difference) > limit * sigma
    if not suspicious.any():
        return bad_a, bad_b
    z_a, z_b = _own_pull(na, ta), _own_pull(nb, tb)
    bad_a[both] = suspicious & (z_a >= z_b) & (z_a > 0.5 * limit)
    bad_b[both] = suspicious & (z_b > z_a) & (z_b > 0.5 * limit)
    return bad_a, bad_b


def _own_pull(counts: Array, exposure_s: Array) -> Array:
    rate = counts / exposure_s
    middle = _local_median(rate, 5)
    return np.abs(rate - middle) / np.sqrt(np.maximum(middle, 1.0 / exposure_s) / exposure_s)
