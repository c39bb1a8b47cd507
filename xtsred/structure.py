"""From the sample's rate to S(Q): Faber-Ziman, binned by counts, the lines of a doublet deconvolved."""

from collections.abc import Sequence

import numpy as np

from xtsred.binning import QGrid, cell_edges, overlap_matrix
from xtsred.stages import Array, StructureFactor, frozen

__all__ = [
    "bin_structure",
    "blend_matrix",
    "deconvolution",
    "deconvolve",
    "interpolate",
    "low_pass",
]


def bin_structure(
    q: Array, s: Array, variance: Array, *, weight: Array, grid: QGrid
) -> StructureFactor:
    """Average S over uniform bins; every point goes to the bins that its cell covers, in proportion.

    S_bin = sum_i o_bi w_i S_i / sum_i o_bi w_i with the overlap share o and w = exposure x dRate/dS: this
    equals (sum of counts - sum of expected counts at S = 0) / (sum of expected counts per unit S), so
    counts are added before anything is divided. A point that two bins share correlates them: with 3 points to a bin
    the bins' own sigma is 5 % below that of independent bins, and neighbours have a covariance, which is given.

    q, s, variance, weight: shape (n,). Bins that no point reaches are not allowed: raises ValueError.
    """
    overlap = overlap_matrix(cell_edges(q), grid.edges)
    total = overlap @ weight
    if np.any(total <= 0.0):
        empty = grid.centers[total <= 0.0]
        raise ValueError(f"no measured point in the bins at Q = {empty[0]:g}..{empty[-1]:g} Å^-1")
    mean = (overlap @ (weight * s)) / total
    covariance = ((overlap * (weight**2 * variance)) @ overlap.T).toarray() / np.outer(total, total)
    return StructureFactor(
        q=grid.centers,
        s=frozen(mean),
        sigma=frozen(np.sqrt(np.diag(covariance))),
        covariance=frozen(covariance),
    )


def interpolate(x: Array, *, grid: Array) -> Array:
    """Matrix of four-point Lagrange interpolation on a uniform grid; shape (x, grid).

    Beyond the ends the end value is held. Exact for cubics; for sin(Qr) with r step < 1 within 2 %.
    """
    step = grid[1] - grid[0]
    position = np.clip((x - grid[0]) / step, 0.0, grid.size - 1.0)
    first = np.clip(np.floor(position).astype(int) - 1, 0, grid.size - 4)
    t = position - first
    matrix = np.zeros((x.size, grid.size))
    rows = np.arange(x.size)
    for k in range(4):
        others = [j for j in range(4) if j != k]
        value = np.ones_like(t)
        for j in others:
            value = value * (t - j) / (k - j)
        matrix[rows, first + k] += value
    return matrix


def blend_matrix(q: Array, *, ratios: Sequence[float], shares: Sequence[Array]) -> Array:
    """What a pattern of several lines shows at Q of the mean wavelength: sum_l share_l S(Q lambda_mean/lambda_l).

    q: uniform, shape (n,); ratios: lambda_mean/lambda_l; shares: of each line in dRate/dS, shape (n,) each, sum 1.
    Returns the matrix B, shape (n, n), with S_mixed = B S.
    """
    matrix = np.zeros((q.size, q.size))
    for ratio, share in zip(ratios, shares, strict=True):
        matrix += np.asarray(share)[:, None] * interpolate(q * ratio, grid=q)
    return matrix


def low_pass(q: Array, *, r_max: float, half_width: int = 40) -> Array:
    """Smoothing matrix on a uniform grid that keeps sin(Qr) and cos(Qr) up to r_max; shape (n, n).

    A sinc of that cut-off under Blackman's window, rows normalized to 1 (at the ends over what is there).
    The transition is about 5.5 pi / (2 half_width dQ) wide. Source: Blackman & Tukey, The Measurement of
    Power Spectra (1958), sec. B.5.
    """
    step = q[1] - q[0]
    lag = np.subtract.outer(np.arange(q.size), np.arange(q.size))
    x = np.clip(np.abs(lag) / (half_width + 1.0), 0.0, 1.0)
    window = 0.42 + 0.5 * np.cos(np.pi * x) + 0.08 * np.cos(2.0 * np.pi * x)
    kernel = np.sinc(lag * step * r_max / np.pi) * window
    kernel[np.abs(lag) > half_width] = 0.0
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True))


def deconvolution(blend: Array, *, keep: Array, terms: int = 4) -> Array:
    """Approximate inverse of a blend that is close to one: 1 + sum_k (1 - B)^k L, k = 1..terms - 1.

    Van Cittert's series (Z. Phys. 69 (1931) 298): each term removes the blur left by the one before;
    what a component of distance r keeps wrong is (1 - b(r))^terms, b its amplitude after blending. The
    correction alone is smoothed by `keep` (L, see `low_pass`): S(Q) of a glass has no components beyond
    some distance, only noise, which an unfiltered inverse would multiply. The data are not smoothed.
    """
    rest = np.eye(blend.shape[0]) - blend
    total = np.eye(blend.shape[0])
    power = keep
    for _ in range(terms - 1):
        power = rest @ power
        total += power
    return np.asarray(total)


def deconvolve(structure: StructureFactor, *, operator: Array) -> StructureFactor:
    """Apply a deconvolution operator to S - 1 with its covariance; operator: shape (n, n)."""
    own = np.diag(structure.sigma**2) if structure.covariance is None else structure.covariance
    covariance = operator @ own @ operator.T
    return StructureFactor(
        q=structure.q,
        s=frozen(1.0 + operator @ (structure.s - 1.0)),
        sigma=frozen(np.sqrt(np.diag(covariance))),
        covariance=frozen(covariance),
    )
