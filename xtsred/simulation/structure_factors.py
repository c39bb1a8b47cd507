"""Partial structure factors of a model: by transform of g_ij(r), and by direct sum over reciprocal vectors.

Faber-Ziman: S_ij(Q) = 1 + rho0 ∫ 4 pi r^2 [g_ij(r) - 1] W(r) sin(Qr)/(Qr) dr, r to half the box, W the window of the
truncation. Directly, for Q = a reciprocal vector k of the cell, with rho_i = sum exp(-i k.r) over the atoms of i:
S_ij(k) = 1 + N Re(rho_i rho_j*)/(N_i N_j) for i != j, S_ii(k) = 1 + N (|rho_i|^2 - N_i)/(N_i (N_i - 1)).
Both are blind below 2 pi/L.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from xtsred.simulation.frame import Frame
from xtsred.simulation.partials import Partials
from xtsred.stages import Array, frozen

__all__ = [
    "TRUNCATIONS",
    "DirectSum",
    "ashcroft_langreth",
    "bhatia_thornton",
    "direct_structure_factors",
    "structure_factors",
    "transform",
]

Index = npt.NDArray[np.int64]

TRUNCATIONS: Mapping[str, Callable[[Array], Array]] = {
    "none": np.ones_like,
    "lorch": np.sinc,
}
"""Windows W of r/r_max: 1, or Lorch's sin(pi x)/(pi x), Lorch, J. Phys. C 2 (1969) 229."""


def transform(r: Array, g: Array, q: Array, *, density: float, window: str) -> Array:
    """S(Q) of g(r) given on a uniform grid of bin centres.

    Within a bin g is constant and ∫ r sin(Qr) dr is exact. r: shape (n,), Å; g: shape (..., n);
    q: shape (m,), Å^-1, > 0; density: atoms/Å^3. Returns shape (..., m).
    """
    step = r[1] - r[0]
    half = 0.5 * step
    window_r = TRUNCATIONS[window](r / (r[-1] + half))
    excess = (g - 1.0) * window_r
    result = np.empty((*g.shape[:-1], len(q)))
    # some hundred q at a time: the kernel of one call stays below 10 MB
    for start in range(0, len(q), 512):
        part = q[start : start + 512]
        result[..., start : start + 512] = 1.0 + density * (excess @ _kernel(r, half, part))
    return result


def _kernel(r: Array, half: float, q: Array) -> Array:
    """4 pi/Q times the integral of r sin(Qr) over each bin, shape (n, m)."""
    low, high = np.outer(r - half, q), np.outer(r + half, q)
    integral = (np.sin(high) - high * np.cos(high)) - (np.sin(low) - low * np.cos(low))
    return np.asarray(4.0 * np.pi * integral / q**3)


def structure_factors(partials: Partials, q: Array, *, window: str) -> tuple[Array, Array | None]:
    """Faber-Ziman S_ij(Q), shape (p, m), and those of the blocks, shape (b, p, m) or None.

    Raises InputError for Q < 2 pi/L, L the smallest height of the cell.
    """
    _check_q(q, partials.shortest_height)
    s = transform(partials.r, partials.g, q, density=partials.density, window=window)
    if partials.blocks is None:
        return s, None
    return s, transform(partials.r, partials.blocks, q, density=partials.density, window=window)


def _check_q(q: Array, height: float) -> None:
    lowest = 2.0 * np.pi / height
    if len(q) and float(np.min(q)) < lowest * (1.0 - 1e-9):
        raise InputError(
            f"S(Q) at Q = {float(np.min(q)):.4g} Å^-1 needs a larger box",
            why=f"a box of height {height:.4g} Å has no wave longer than 2 pi/L = {lowest:.4g} Å^-1",
            remedy=f"begin the range at {np.ceil(lowest * 100) / 100:.2f} or above",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectSum:
    """S_ij of single reciprocal vectors k (of one half space), and their places in bins of |k|.

    q: |k|, shape (v,); s: shape (p, v); bin: shape (v,), 0 .. m - 1; available: vectors that exist per bin, shape (m,).
    """

    elements: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    q: Array
    s: Array
    bin: Index
    available: Index

    @property
    def vectors(self) -> Index:
        """Vectors summed per bin, shape (m,)."""
        return np.bincount(self.bin).astype(np.int64)

    @property
    def bin_q(self) -> Array:
        """Mean |k| per bin, shape (m,)."""
        return np.asarray(np.bincount(self.bin, self.q) / self.vectors)

    def binned(self, values: Array) -> tuple[Array, Array]:
        """Mean and standard error (NaN for a single vector) per bin of values, shape (..., v) -> (..., m)."""
        n = self.vectors.astype(np.float64)
        rows = np.atleast_2d(values)
        mean = np.array([np.bincount(self.bin, row) for row in rows]) / n
        square = np.array([np.bincount(self.bin, row**2) for row in rows]) / n
        with np.errstate(invalid="ignore", divide="ignore"):
            sigma = np.sqrt(np.maximum(square - mean**2, 0.0) / (n - 1.0))
        sigma[:, n < 2] = np.nan
        shape = (*values.shape[:-1], len(n))
        return mean.reshape(shape), sigma.reshape(shape)


def direct_structure_factors(
    frames: Sequence[Frame], *, q_max: float, dq: float = 0.1, per_bin: int = 60
) -> DirectSum:
    """The second route: no g(r), no window, no truncation.

    frames: of one box. Of each bin of width dq at most per_bin vectors, evenly drawn from all, are summed.
    Bins that hold no vector are left out.
    """
    first = frames[0]
    reciprocal = 2.0 * np.pi * np.linalg.inv(first.cell).T
    indices = _half_space(first.cell, q_max)
    length = np.linalg.norm(indices @ reciprocal, axis=1)
    keep = (length <= q_max) & (length > 0.0)
    indices, length = indices[keep], length[keep]
    chosen, bin_of, available = _thin(length, dq=dq, per_bin=per_bin)
    indices = indices[chosen]
    pairs = tuple(combinations_with_replacement(range(len(first.elements)), 2))
    values = np.zeros((len(pairs), len(indices)))
    for frame in frames:
        values += _faber_ziman(frame, indices, pairs) / len(frames)
    used, place = np.unique(bin_of, return_inverse=True)
    return DirectSum(
        elements=first.elements,
        pairs=pairs,
        q=frozen(length[chosen]),
        s=frozen(values),
        bin=place.astype(np.int64),
        available=available[used],
    )


def _half_space(cell: Array, q_max: float) -> Array:
    """Integer vectors of one half of reciprocal space that may be shorter than q_max, shape (n, 3)."""
    top = np.floor(q_max * np.linalg.norm(cell, axis=1) / (2.0 * np.pi)).astype(int)
    h, k, m = (np.arange(-t, t + 1) for t in top)
    h = h[h >= 0]
    grid = np.stack(np.meshgrid(h, k, m, indexing="ij"), axis=-1).reshape(-1, 3)
    half = (
        (grid[:, 0] > 0)
        | ((grid[:, 0] == 0) & (grid[:, 1] > 0))
        | ((grid[:, 0] == 0) & (grid[:, 1] == 0) & (grid[:, 2] > 0))
    )
    return np.asarray(grid[half], dtype=np.float64)


def _thin(length: Array, *, dq: float, per_bin: int) -> tuple[Index, Index, Index]:
    """Which vectors, their bins, and how many each bin had; evenly by a fixed permutation."""
    bins = np.floor(length / dq).astype(np.int64)
    shuffled = np.random.default_rng(0).permutation(len(length))
    order = shuffled[np.argsort(bins[shuffled], kind="stable")]
    sizes = np.bincount(bins).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.arange(len(length)) - start[bins[order]]
    chosen = order[rank < per_bin]
    return chosen, bins[chosen], sizes


def _faber_ziman(frame: Frame, indices: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """S_ij at each integer vector, shape (p, n)."""
    turns = frame.positions @ np.linalg.inv(frame.cell)
    numbers = np.array(list(frame.numbers.values()), dtype=np.float64)
    rho = np.empty((len(numbers), len(indices)), dtype=np.complex128)
    step = max(1, 2_000_000 // len(turns))
    for start in range(0, len(indices), step):
        phase = 2.0 * np.pi * (indices[start : start + step] @ turns.T)
        wave = np.cos(phase) - 1j * np.sin(phase)
        for e in range(len(numbers)):
            rho[e, start : start + step] = wave[:, frame.kinds == e].sum(axis=1)
    total = numbers.sum()
    rows = []
    for i, j in pairs:
        product = np.real(rho[i] * np.conj(rho[j]))
        if i == j:
            pairs_of = max(numbers[i] * (numbers[i] - 1.0), 1.0)
            rows.append(1.0 + total * (product - numbers[i]) / pairs_of)
        else:
            rows.append(1.0 + total * product / (numbers[i] * numbers[j]))
    return np.array(rows)


def ashcroft_langreth(s: Array, *, fractions: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """S^AL_ij = delta_ij + sqrt(c_i c_j) (S^FZ_ij - 1). s: shape (p, n). Ashcroft & Langreth, Phys. Rev. 159 (1967) 500."""
    return np.array(
        [
            float(i == j) + np.sqrt(fractions[i] * fractions[j]) * (row - 1.0)
            for (i, j), row in zip(pairs, s, strict=True)
        ]
    )


def bhatia_thornton(
    s: Array, *, fractions: Array, pairs: Sequence[tuple[int, int]]
) -> tuple[Array, Array, Array]:
    """Number, number-concentration and concentration fluctuations of a binary: S_NN, S_NC, S_CC, each shape (n,).

    S_NN = c1^2 S11 + c2^2 S22 + 2 c1 c2 S12; S_NC = c1 c2 [c1 (S11 - S12) - c2 (S22 - S12)];
    S_CC = c1 c2 [1 + c1 c2 (S11 + S22 - 2 S12)]. Bhatia & Thornton, Phys. Rev. B 2 (1970) 3004.
    Raises InputError for more or fewer than two elements.
    """
    if len(fractions) != 2:
        raise InputError(
            f"Bhatia-Thornton functions need two elements, not {len(fractions)}",
            remedy="use Ashcroft-Langreth",
        )
    c1, c2 = fractions
    table = dict(zip(pairs, s, strict=True))
    s11, s12, s22 = table[0, 0], table[0, 1], table[1, 1]
    nn = c1**2 * s11 + c2**2 * s22 + 2.0 * c1 * c2 * s12
    nc = c1 * c2 * (c1 * (s11 - s12) - c2 * (s22 - s12))
    cc = c1 * c2 * (1.0 + c1 * c2 * (s11 + s22 - 2.0 * s12))
    return nn, nc, cc
