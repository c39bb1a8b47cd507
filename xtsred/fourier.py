"""From S(Q) to real space: one linear operator, so that variances and covariances go through it.

Keen, J. Appl. Cryst. 34 (2001) 172: G(r) = (2/pi) ∫ Q [S(Q) - 1] M(Q) sin(Qr) dQ (Keen's D(r)),
g = 1 + G/(4 pi rho0 r), T = 4 pi rho0 r g, R = r T.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xtsred.stages import Array, PairDistribution, StructureFactor, frozen

__all__ = [
    "WINDOWS",
    "Extrapolation",
    "Window",
    "binned_operator",
    "extrapolate",
    "pair_distribution",
    "quadrature_weights",
    "sine_operator",
    "transform_operator",
    "window_function",
]


def _none(q: Array, q_max: float, delta_a: float) -> Array:
    return np.ones_like(q)


def _lorch(q: Array, q_max: float, delta_a: float) -> Array:
    return np.sinc(q / q_max)


def _soper_barney(q: Array, q_max: float, delta_a: float) -> Array:
    x = np.asarray(q * delta_a, dtype=np.float64)
    small = np.abs(x) < 1e-2  # the closed form loses its digits to cancellation there
    safe = np.where(small, 1.0, x)
    exact = 3.0 * (np.sin(safe) - safe * np.cos(safe)) / safe**3
    return np.where(small, 1.0 - x**2 / 10.0 + x**4 / 280.0, exact)


def _cosine(q: Array, q_max: float, delta_a: float) -> Array:
    return np.cos(np.pi * q / (2.0 * q_max))


WINDOWS: Mapping[str, Callable[[Array, float, float], Array]] = {
    "none": _none,
    "lorch": _lorch,
    "soper-barney": _soper_barney,
    "cosine": _cosine,
}
"""Modification functions M(Q): one entry each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which M(Q). name: a key of WINDOWS; q_max: Å^-1; delta_a: Å, of soper-barney only."""

    name: str
    q_max: float
    delta_a: float = 0.0

    def __str__(self) -> str:
        extra = f", Delta = {self.delta_a:g} Å" if self.name == "soper-barney" else ""
        name = "sharp cut (no window)" if self.name == "none" else f"{self.name} window"
        return f"{name}, Q_max = {self.q_max:g} Å^-1{extra}"


def window_function(q: Array, *, window: Window) -> Array:
    """M(Q): 1; Lorch sin(pi Q/Q_max)/(pi Q/Q_max); Soper-Barney 3(sin x - x cos x)/x^3, x = Q Delta;
    cosine cos(pi Q/(2 Q_max)). q: shape (n,), Å^-1; returns shape (n,), M(0) = 1.

    Sources: Lorch, J. Phys. C 2 (1969) 229; Soper & Barney, J. Appl. Cryst. 44 (2011) 714, Eq. 29.
    """
    return WINDOWS[window.name](np.asarray(q, dtype=np.float64), window.q_max, window.delta_a)


def quadrature_weights(q: Array) -> Array:
    """Weights of the trapezoid rule on any increasing grid, ends as half cells; shape (n,), Å^-1.

    On a uniform grid of bin centres every weight but the two ends is the bin width; the ends count in
    full there, because a bin reaches half a width beyond its centre (midpoint rule).
    """
    step = np.diff(q)
    weights = np.empty_like(q)
    weights[1:-1] = 0.5 * (step[1:] + step[:-1])
    weights[0], weights[-1] = step[0], step[-1]
    return weights


def sine_operator(r: Array, *, q: Array, weights: Array) -> Array:
    """Matrix A with G = A F for F = Q (S - 1) M: A_ij = (2/pi) sin(r_i Q_j) w_j; shape (r, q).

    The weights know the grid: a non-uniform one shifts no peak.
    """
    return np.asarray((2.0 / np.pi) * np.sin(np.outer(r, q)) * weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolation:
    """S(Q) below the first measured bin, as a linear map of the measured bins.

    text: how, for every header. q: shape (m,), added bins; matrix: shape (m, n): S_added - 1 = matrix
    @ (S - 1) + offset. A linear map, so the counting error of the bins used goes along.
    """

    text: str
    q: Array
    matrix: Array
    offset: Array


def extrapolate(
    q: Array, sigma: Array, *, method: str, fit_to: float = 0.4, s: Array | None = None
) -> Extrapolation:
    """Fill 0..q[0] on the measured grid's own step.

    method: "none" (S - 1 = 0 there, as programs do that say nothing), "constant" (S of the first
    bin), "parabola" (S = a + b Q^2 by weighted least squares over the first fit_to Å^-1: the form of
    every isotropic S(Q) near 0, even in Q). q, sigma: shape (n,), Å^-1. s: S(Q) itself, shape (n,); with it a parabola
    that falls below 0, which no S does, is replaced by S = S(q[0]) (Q/q[0])^2, and the text says so.
    """
    step = q[1] - q[0]
    missing = np.arange(q[0] - step, 0.25 * step, -step)[::-1]
    matrix = np.zeros((missing.size, q.size))
    offset = np.zeros(missing.size)
    if missing.size == 0:
        return Extrapolation(text="nothing to extrapolate", q=missing, matrix=matrix, offset=offset)
    span = f"0..{q[0] - step / 2.0:.3g} Å^-1"
    if method == "none":
        text = f"S - 1 = 0 over {span} (not extrapolated)"
    elif method == "constant":
        matrix[:, 0] = 1.0
        text = f"S constant over {span}, the value of the first bin"
    elif method == "parabola":
        # a grid point on the limit belongs to the fit, whatever its last digit
        used = q <= q[0] + max(fit_to, 4.0 * step) + 1e-6 * step
        design = np.column_stack([np.ones(used.sum()), q[used] ** 2]) / sigma[used, None]
        solve = np.linalg.pinv(design) / sigma[used]
        matrix[:, used] = np.column_stack([np.ones(missing.size), missing**2]) @ solve
        if s is not None and 1.0 + float(solve[0] @ (s[used] - 1.0)) < 0.0:
            return _from_zero(q, missing, span)
        text = f"S = a + b Q^2 over {span}, fitted to {q[0]:.3g}..{q[used][-1]:.3g} Å^-1"
    else:
        raise ValueError(f"unknown extrapolation {method!r}")
    return Extrapolation(text=text, q=missing, matrix=matrix, offset=offset)


def _from_zero(q: Array, missing: Array, span: str) -> Extrapolation:
    """S = S(q[0]) (Q/q[0])^2: S - 1 = x (S(q[0]) - 1) - (1 - x), x = (Q/q[0])^2."""
    share = (missing / q[0]) ** 2
    matrix = np.zeros((missing.size, q.size))
    matrix[:, 0] = share
    text = f"S rising as Q^2 from 0 over {span} to the first bin: the parabola of the first bins would be negative there"
    return Extrapolation(text=text, q=missing, matrix=matrix, offset=share - 1.0)


def pair_distribution(
    structure: StructureFactor,
    r: Array,
    *,
    window: Window,
    number_density_per_a3: float,
    extrapolation: str,
) -> PairDistribution:
    """Real-space functions of S(Q) with their counting errors and the covariance of G(r).

    S(Q) of a bin is the mean over its width; the mean's sinc(r dQ/2) is divided out: exact for
    sin(Qr), and S is made of sin(Qr)/(Qr), whose 1/Q hardly changes within a bin. r: shape (m,), Å, > 0. Raises ValueError for r <= 0.
    """
    if np.any(r <= 0.0):
        raise ValueError("r must be > 0")
    fill = extrapolate(structure.q, structure.sigma, method=extrapolation, s=structure.s)
    operator, known = binned_operator(structure, r, window=window, fill=fill)
    d = operator @ (structure.s - 1.0) + known
    if structure.covariance is None:
        scaled = operator * structure.sigma
        covariance = (
            scaled @ scaled.T
        )  # one matrix twice: half the products, and symmetric to the bit
    else:
        covariance = operator @ structure.covariance @ operator.T
    d_sigma = np.sqrt(np.diag(covariance))
    density = 4.0 * np.pi * number_density_per_a3 * r
    t = d + density
    return PairDistribution(
        r=frozen(r),
        g=frozen(t / density),
        g_sigma=frozen(d_sigma / density),
        d=frozen(d),
        d_sigma=frozen(d_sigma),
        t=frozen(t),
        t_sigma=frozen(d_sigma),
        rdf=frozen(r * t),
        rdf_sigma=frozen(r * d_sigma),
        window=str(window),
        extrapolation=fill.text,
        number_density_per_a3=number_density_per_a3,
        covariance=frozen(covariance),
        modes=None if structure.modes is None else frozen(structure.modes @ operator.T),
    )


def transform_operator(
    structure: StructureFactor, r: Array, *, window: Window, extrapolation: str
) -> tuple[Array, str]:
    """The matrix L with G(r) = L (S - 1), extrapolation, window and bin width included; and how it fills.

    The extrapolation is that of its method, linear in S whatever S is (a parabola may fall below 0 here).

    r: shape (m,). Returns shape (m, n) and the text of the extrapolation.
    """
    fill = extrapolate(structure.q, structure.sigma, method=extrapolation)
    return binned_operator(structure, r, window=window, fill=fill)[0], fill.text


def binned_operator(
    structure: StructureFactor, r: Array, *, window: Window, fill: Extrapolation
) -> tuple[Array, Array]:
    """L and c of G(r) = L (S - 1) + c for an S(Q) of bin means, filled below its first bin; shapes (m, n), (m,)."""
    q = np.concatenate([fill.q, structure.q])
    weights = quadrature_weights(q)
    m = window_function(q, window=window)
    # windows end at q_max, not at the last bin's centre: clip what lies beyond
    m = np.where(q <= window.q_max, m, 0.0)
    full = sine_operator(r, q=q, weights=weights * q * m)
    width = structure.q[1] - structure.q[0]
    full /= np.sinc(r * (width / 2.0) / np.pi)[:, None]
    low, measured = full[:, : fill.q.size], full[:, fill.q.size :]
    return measured + low @ fill.matrix, low @ fill.offset
