"""Neighbour shells: positions and coordination numbers with uncertainty and stated limits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.quantity import Quantity
from xtsred.atoms import Composition, form_factors
from xtsred.fourier import Window, quadrature_weights, sine_operator, window_function
from xtsred.stages import Array, PairDistribution, Shell

__all__ = [
    "U_MAX_A",
    "Neighbour",
    "PairWeight",
    "find_peaks",
    "first_distance",
    "fit_shell",
    "pair_weight",
    "peak_position",
]

_NEWTON = 8  # steps to the top of a peak; three are enough


U_MAX_A = 0.5  # largest width of a shell that a fit may find, Å


@dataclass(frozen=True, slots=True, kw_only=True)
class PairWeight:
    """Weight of a pair in S_X: F(Q) = n W(Q) sin(QR)/R exp(-u^2 Q^2/2) for n neighbours at R."""

    pair: str
    q: Array
    weight: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A shell that is fitted together with another: its weight and where its peak is, Å."""

    weight: PairWeight
    r_range: tuple[float, float]


def pair_weight(
    composition: Composition, *, center: str, neighbour: str, q: Array, energy_kev: float
) -> PairWeight:
    """W(Q) = m c_i Re(f_i f_j*) / |<f>|^2, m = 2 for unlike pairs (both orders), 1 for like ones.

    n_ij counts the neighbours j about one centre i; c_i n_ij = c_j n_ji. Waseda, The Structure of
    Non-Crystalline Materials (1980), Eq. 1-3-16. Raises KeyError for an element not in the composition.
    """
    index = {e: k for k, e in enumerate(composition.elements)}
    f = form_factors(composition, q, energy_kev=energy_kev)
    i, j = index[center], index[neighbour]
    mean = np.abs(np.asarray(composition.fractions) @ f) ** 2
    order = 1.0 if i == j else 2.0
    weight = order * composition.fractions[i] * np.real(f[i] * np.conj(f[j])) / mean
    return PairWeight(pair=f"{center}-{neighbour}", q=q, weight=np.asarray(weight))


def find_peaks(
    pdf: PairDistribution, *, count: int, r_min: float
) -> list[tuple[float, float, float]]:
    """(minimum before, maximum, minimum after) of the first `count` peaks of g(r) beyond r_min, in Å.

    A peak counts when it rises above 1 and its height over the higher of its two minima exceeds five
    sigma of g there and 0.1.
    """
    g, r = pdf.g, pdf.r
    top = np.flatnonzero((g[1:-1] > g[:-2]) & (g[1:-1] >= g[2:]) & (r[1:-1] > r_min)) + 1
    found: list[tuple[float, float, float]] = []
    for k in top:
        left = k
        while left > 0 and g[left - 1] <= g[left]:
            left -= 1
        right = k
        while right < g.size - 1 and g[right + 1] <= g[right]:
            right += 1
        height = g[k] - max(g[left], g[right])
        if g[k] > 1.0 and height > max(5.0 * float(pdf.g_sigma[k]), 0.1):
            found.append((float(r[left]), float(r[k]), float(r[right])))
        if len(found) == count:
            break
    return found


def first_distance(pdf: PairDistribution, *, r_min: float = 0.8) -> float | None:
    """Onset of the first peak: where T(r) has fallen to a tenth of the peak's height, Å; None without a peak."""
    peaks = find_peaks(pdf, count=1, r_min=r_min)
    if not peaks:
        return None
    k = int(np.argmin(np.abs(pdf.r - peaks[0][1])))
    below = np.flatnonzero(pdf.t[:k] < 0.1 * pdf.t[k])
    return float(pdf.r[below[-1]]) if below.size else peaks[0][0]


def fit_shell(
    pdf: PairDistribution,
    *,
    weight: PairWeight,
    window: Window,
    r_range: tuple[float, float],
    integral_limits: tuple[float, float],
    beside: Sequence[Neighbour] = (),
) -> Shell:
    """Fit one Gaussian shell, broadened by the same window and Q_max as the data, to T(r) over r_range.

    T(r) = (2/pi) ∫ n W(Q) sin(QR)/R exp(-u^2 Q^2/2) M(Q) sin(Qr) dQ; n, R, u free; unweighted least
    squares with the covariances of G(r) carried through (points closer than pi/Q_max are not independent).
    beside: other shells, fitted together with this one over all their ranges, because the broadened peaks and
    the window's ripples reach into each other's.
    Beside it stand the plain integral of R(r) between its limits, with W at Q = 0, and how far n moves when
    r_range does. weight.q: uniform from near 0 to Q_max.
    Source: Keen (2001); Waseda (1980). Raises ValueError where r_range holds fewer than 5 points.
    """
    covariance = pdf.covariance
    if covariance is None:
        raise ValueError("the covariance of G(r) is needed")
    peaks = [Neighbour(weight=weight, r_range=r_range), *beside]
    fit = _fit_peaks(pdf, peaks, window)
    n, distance, u = (float(v) for v in fit.values)
    sigma = np.sqrt(np.diag(fit.gain @ covariance[np.ix_(fit.inside, fit.inside)] @ fit.gain.T))
    systematic = None
    if pdf.modes is not None:
        systematic = np.sqrt(np.sum((pdf.modes[:, fit.inside] @ fit.gain.T) ** 2, axis=0))
    tenth = 0.1 * (r_range[1] - r_range[0])
    moved = [
        float(
            _fit_peaks(
                pdf,
                [Neighbour(weight=weight, r_range=(r_range[0] + d, r_range[1] - d)), *beside],
                window,
            ).values[0]
        )
        for d in (tenth, -tenth)
    ]
    return Shell(
        pair=weight.pair,
        r_range=r_range,
        position=Quantity(distance, float(sigma[1]), "Å"),
        width=Quantity(u, float(sigma[2]), "Å"),
        coordination=Quantity(n, float(sigma[0])),
        coordination_integral=_integral(pdf, covariance, integral_limits, float(weight.weight[0])),
        integral_limits=integral_limits,
        position_systematic=None if systematic is None else float(systematic[1]),
        coordination_systematic=None if systematic is None else float(systematic[0]),
        coordination_limits=0.5 * (max(n, *moved) - min(n, *moved)),
        misfit=fit.misfit,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _PeakFit:
    """Of the first of several peaks. values: n, R, u; gain: d values / d T, shape (3, points); inside: points of r used;
    misfit: over its own range."""

    values: Array
    gain: Array
    inside: npt.NDArray[np.bool_]
    misfit: float


def _within(pdf: PairDistribution, r_range: tuple[float, float]) -> npt.NDArray[np.bool_]:
    inside = (pdf.r >= r_range[0]) & (pdf.r <= r_range[1])
    if inside.sum() < 5:
        raise ValueError(f"fewer than 5 points of r in {r_range[0]:g}..{r_range[1]:g} Å")
    return np.asarray(inside)


def _fit_peaks(pdf: PairDistribution, peaks: Sequence[Neighbour], window: Window) -> _PeakFit:
    """Fit all peaks over the union of their ranges."""
    from scipy.optimize import least_squares

    ranges = [_within(pdf, peak.r_range) for peak in peaks]
    inside = np.logical_or.reduce(ranges)
    r, t = pdf.r[inside], pdf.t[inside]
    parts = [_Peak(r, peak.weight, window) for peak in peaks]
    start, low, high = [], [], []
    for part, own in zip(parts, ranges, strict=True):
        at, height = pdf.r[own], pdf.t[own]
        peak = float(at[np.argmax(height)])
        unit = float(np.max(part.at(np.array([1.0, peak, 0.06]))))
        start += [max(float(np.max(height)) / unit, 1e-3), peak, 0.06]
        low += [0.0, float(at[0]), 0.0]
        high += [np.inf, float(at[-1]), U_MAX_A]

    def residual(p: Array) -> Array:
        return np.asarray(
            sum(part.at(own) for part, own in zip(parts, p.reshape(-1, 3), strict=True)) - t
        )

    def slopes(p: Array) -> Array:
        own = zip(parts, p.reshape(-1, 3), strict=True)
        return np.concatenate([part.slopes(three) for part, three in own], axis=1)

    fit = least_squares(
        residual, start, jac=slopes, bounds=(low, high), x_scale=[1.0, 0.05, 0.05] * len(peaks)
    )
    own = ranges[0][inside]
    return _PeakFit(
        values=np.asarray(fit.x)[:3],
        gain=np.linalg.pinv(np.asarray(fit.jac))[:3],
        inside=inside,
        misfit=float(np.sqrt(np.mean(np.asarray(fit.fun)[own] ** 2)) / np.max(np.abs(t[own]))),
    )


class _Peak:
    """T(r) of one broadened shell at fixed points of r, as a function of n, R and u."""

    def __init__(self, r: Array, weight: PairWeight, window: Window) -> None:
        self._q = q = weight.q
        m = np.where(q <= window.q_max, window_function(q, window=window), 0.0)
        self._transform = sine_operator(r, q=q, weights=quadrature_weights(q) * m * weight.weight)

    def at(self, p: Array) -> Array:
        n, distance, u = p
        q = self._q
        wave = n * np.sin(q * distance) / distance * np.exp(-0.5 * (u * q) ** 2)
        return np.asarray(self._transform @ wave)

    def slopes(self, p: Array) -> Array:
        """Derivatives of `at` by n, R and u; shape (points, 3)."""
        n, distance, u = p
        q = self._q
        damped = np.exp(-0.5 * (u * q) ** 2) / distance
        wave = np.sin(q * distance) * damped
        columns = [wave, n * (q * np.cos(q * distance) * damped - wave / distance)]
        return np.asarray(self._transform @ np.column_stack([*columns, -n * u * q**2 * wave]))


def _integral(
    pdf: PairDistribution, covariance: Array, limits: tuple[float, float], weight: float
) -> Quantity:
    """n = ∫ R(r) dr / W(0) over the limits, with its counting sigma; R = r T."""
    inside = (pdf.r >= limits[0]) & (pdf.r <= limits[1])
    r = pdf.r[inside]
    row = np.gradient(r) * r / weight
    value = float(row @ pdf.t[inside])
    return Quantity(value, float(np.sqrt(row @ covariance[np.ix_(inside, inside)] @ row)))


def peak_position(
    pdf: PairDistribution, *, covariance: Array, peak: tuple[float, float, float], resolution: float
) -> Shell:
    """Position of a peak whose pair is not stated: where the slope of the smoothed T(r) passes through zero.

    T(r) is symmetric about a distance, whatever broadens it; the maximum of g = T/(4 pi rho0 r) lies at
    width^2/r below it (0.012 Å for Si-O at Q_max 20 with Lorch's window). The slope at c is sum_i k(r_i - c) T_i,
    k(x) = x cos^2(pi x/2h) within h = resolution, no fit to a set of points that jumps with the grid.
    Its counting covariance over the curvature is the position's, to first order.

    peak: (minimum, maximum, minimum) of g(r) in Å; resolution: pi/Q_max in Å. width: of a Gaussian with the
    height and curvature of the top.
    """
    r, t = pdf.r, pdf.t
    between = np.flatnonzero((r >= peak[0]) & (r <= peak[2]))
    top = float(r[between[np.argmax(t[between])]])
    half = max(resolution, 3.0 * (r[1] - r[0]))

    def slope(center: float) -> Array:
        x = np.clip((r - center) / half, -1.0, 1.0)
        return np.asarray(x * np.cos(0.5 * np.pi * x) ** 2)

    small = 1e-3 * half
    vertex, curvature = top, -1.0
    for _ in range(_NEWTON):
        curvature = float((slope(vertex + small) - slope(vertex - small)) @ t) / (2.0 * small)
        step = -float(slope(vertex) @ t) / curvature
        vertex = float(np.clip(vertex + step, top - half, top + half))
    row = slope(vertex) / curvature
    inside = np.abs(r - vertex) <= max(0.5 * resolution, 2.1 * (r[1] - r[0]))
    c = np.polynomial.polynomial.polyfit(r[inside] - vertex, t[inside], 2)
    return Shell(
        pair="",
        r_range=(vertex - half, vertex + half),
        position=Quantity(vertex, float(np.sqrt(row @ covariance @ row)), "Å"),
        width=Quantity(float(np.sqrt(max(-c[0] / (2.0 * c[2]), 0.0))), None, "Å"),
        coordination=None,
        coordination_integral=None,
        integral_limits=(peak[0], peak[2]),
        position_systematic=None
        if pdf.modes is None
        else float(np.sqrt(np.sum((pdf.modes @ row) ** 2))),
    )
