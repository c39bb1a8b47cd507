"""Counting pairs by distance: exact minimum image, tile by tile, as matrix products.

The cell is cut into tiles of some 128 atoms. Around each tile's centre the images of the other atoms that can be
within reach are collected, and all squared distances come from one product of 5-row matrices,
|a|^2 + |b|^2 - 2 a.b, in single precision. Because the origin is the tile's centre, near pairs have short vectors:
r is right to 1e-4 Å, and a pair falls into the neighbouring bin only when it lies that close to the edge.

Images: an atom is needed in two places when the tile straddles the plane half a cell away from it. Every pair has
at most one image closer than half the smallest height of the cell, so that nothing is counted twice below it.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from xtsred.simulation.frame import cell_heights
from xtsred.stages import Array

__all__ = ["pair_counts"]

_TILE = 128  # atoms: more waste distances out of reach, fewer waste time between the products
_FEW = 512  # atoms: below, all pairs at once are quicker than tiles
_CHUNK = 65536  # distances at a time: the work space stays in the second-level cache

Float32 = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]


def pair_counts(
    cell: Array,
    positions: Array,
    kinds: Index,
    *,
    pairs: Sequence[tuple[int, int]],
    dr: float,
    bins: int,
) -> Array:
    """Number of pairs of each kind in each bin [k dr, (k + 1) dr), each pair once.

    cell: shape (3, 3), rows are vectors, Å; positions: shape (n, 3), Å; kinds: shape (n,), element index;
    pairs: all (i, j) with i <= j. Valid for bins * dr <= half the smallest height: the caller checks.
    Returns shape (len(pairs), bins).
    """
    if len(positions) <= _FEW:
        return _all_at_once(cell / dr, positions @ np.linalg.inv(cell), kinds, pairs, bins)
    tiles = _Tiles(cell, positions, kinds, reach=bins * dr)
    work = _Histogram(dr=dr)
    row = {pair: k for k, pair in enumerate(pairs)}
    # long enough for any distance that is formed; what lies beyond `bins` is thrown away at the end
    width = bins
    once = np.zeros((len(pairs), width), dtype=np.int64)
    twice = np.zeros((len(pairs), width), dtype=np.int64)
    for tile in range(tiles.count):
        rows, centre, half = tiles.members(tile)
        own = tiles.vectors(rows.turns, centre)
        left, inside = work.left(own), work.right(own)
        others, spans = tiles.images(tile, centre, half)
        outside = work.right(others)
        longest = float(inside[3].max())
        farthest = float(outside[3].max()) if outside.shape[1] else 0.0
        needed = int(np.sqrt(longest) + np.sqrt(max(longest, farthest))) + 3
        if needed > width:
            once, twice = (np.pad(x, ((0, 0), (0, needed - width))) for x in (once, twice))
            width = needed
        for i, a in enumerate(rows.spans):
            # inside the tile every pair comes twice, and every atom meets itself once
            for j, b in enumerate(rows.spans):
                work.add(left[a], inside[:, b], twice[row[min(i, j), max(i, j)]])
            for j, b in enumerate(spans):
                work.add(left[a], outside[:, b], once[row[min(i, j), max(i, j)]])
    for kind in range(tiles.elements):
        twice[row[kind, kind], 0] -= np.count_nonzero(kinds == kind)
    return np.asarray((once + 0.5 * twice)[:, :bins])


def _all_at_once(
    cell: Array, turns: Array, kinds: Index, pairs: Sequence[tuple[int, int]], bins: int
) -> Array:
    """All pairs of a small system. cell: in bin widths; turns: fractions of the cell, shape (n, 3)."""
    counts = np.zeros((len(pairs), bins))
    columns = np.ascontiguousarray(turns.T)
    for k, (i, j) in enumerate(pairs):
        counts[k] = _all_pairs(cell, columns[:, kinds == i], columns[:, kinds == j], bins=bins)
        if i == j:
            counts[k, 0] -= np.count_nonzero(kinds == i)
            counts[k] *= 0.5
    return counts


def _all_pairs(cell: Array, a: Array, b: Array, *, bins: int) -> Array:
    """Histogram of every distance between a and b, wrapped one by one; cell in bin widths; a, b: shape (3, n)."""
    delta = np.subtract(a[:, :, None], b[:, None, :]).reshape(3, -1).astype(np.float32)
    delta -= np.rint(delta)
    # the triangular form of the cell: a rotation, which keeps distances, and a third fewer products
    axes = np.asarray(np.linalg.qr(cell.T, mode="r"), dtype=np.float32)
    vectors = axes @ delta
    squares = np.einsum("ij,ij->j", vectors, vectors)
    return np.bincount(np.sqrt(squares).astype(np.int64), minlength=bins)[:bins].astype(np.float64)


class _Rows:
    """Atoms of one tile: fractions of the cell, shape (3, m), sorted by element; where each element stands."""

    def __init__(self, parts: Sequence[Array]) -> None:
        self.turns = np.concatenate(parts, axis=1)
        ends = np.cumsum([0, *(p.shape[1] for p in parts)])
        self.spans = [slice(int(a), int(b)) for a, b in pairwise(ends)]


class _Tiles:
    """Fractional positions by element and tile."""

    def __init__(self, cell: Array, positions: Array, kinds: Index, *, reach: float) -> None:
        self.cell = cell
        self.axes = np.ascontiguousarray(cell.T, dtype=np.float32)
        self.reach = np.float32(reach * (1.0 + 1e-5))  # what rounding could lose is kept
        self.heights = cell_heights(cell).astype(np.float32)
        metric = cell @ cell.T
        diagonal = np.diag(metric)
        self.orthogonal = bool(np.abs(metric - np.diag(diagonal)).max() < 1e-9 * diagonal.max())
        turns = (positions @ np.linalg.inv(cell)) % 1.0
        tile, self.count = _tiling(turns, cell_heights(cell))
        self.elements = int(kinds.max(initial=0)) + 1
        order = np.lexsort((tile, kinds))
        self.turns = np.ascontiguousarray(turns[order].T)
        # first[e, t]: where element e of tile t begins
        key = kinds[order] * self.count + tile[order]
        grid = np.arange(self.elements * self.count + 1)
        self.first = np.searchsorted(key, grid)

    def _slices(self, tile: int) -> list[slice]:
        starts = [e * self.count + tile for e in range(self.elements)]
        return [slice(int(self.first[s]), int(self.first[s + 1])) for s in starts]

    def members(self, tile: int) -> tuple[_Rows, Array, Array]:
        """The atoms of a tile; its centre and its half width along each axis, fractions, shape (3,)."""
        rows = _Rows([self.turns[:, s] for s in self._slices(tile)])
        low, high = rows.turns.min(axis=1), rows.turns.max(axis=1)
        return rows, 0.5 * (low + high), 0.5 * (high - low)

    def vectors(self, turns: Array, centre: Array) -> Array:
        """Atoms of the tile itself as vectors from its centre, shape (3, m), Å."""
        return np.asarray(self.cell.T @ (turns - centre[:, None]))

    def images(self, tile: int, centre: Array, half: Array) -> tuple[Float32, list[slice]]:
        """Images of the atoms of all later tiles that can be within reach, as vectors from the centre, Å.

        Returns shape (3, n), sorted by element, and where each element stands.
        """
        later = [
            self.turns[:, s.stop : int(self.first[(e + 1) * self.count])]
            for e, s in enumerate(self._slices(tile))
        ]
        bounds = np.cumsum([0, *(part.shape[1] for part in later)])
        exact = np.concatenate(later, axis=1)
        exact -= centre[:, None]
        exact -= np.rint(exact)
        delta = exact.astype(np.float32)
        narrow: Float32 = half.astype(np.float32)
        kept = self._within(delta, narrow)
        found, atoms = [np.take(delta, kept, axis=1)], [kept]
        for axis in range(3):
            # the next image along an axis is farther than this one: all candidates are here already
            for near, who in list(zip(found, atoms, strict=True)):
                twin = np.nonzero(np.abs(near[axis]) > 0.5 - narrow[axis] - 1e-6)[0]
                other = np.take(near, twin, axis=1)
                other[axis] -= np.copysign(np.float32(1.0), other[axis])
                inside = self._within(other, narrow)
                if inside.size:
                    found.append(np.take(other, inside, axis=1))
                    atoms.append(who[twin[inside]])
        where = np.concatenate(atoms)
        order = np.argsort(where, kind="stable")
        ends = np.searchsorted(where[order], bounds)
        spans = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        return self.axes @ np.take(np.concatenate(found, axis=1), order, axis=1), spans

    def _within(self, delta: Float32, half: Float32) -> Index:
        """Along each axis, fraction times height is a lower bound of the distance to the tile; in an
        orthogonal cell the three add in quadrature."""
        gap = np.abs(delta)
        gap -= half[:, None]
        gap *= self.heights[:, None]
        if not self.orthogonal:
            return np.nonzero(gap.max(axis=0) < self.reach)[0]
        np.maximum(gap, 0.0, out=gap)
        return np.nonzero(np.einsum("ij,ij->j", gap, gap) < self.reach**2)[0]


def _tiling(turns: Array, heights: Array) -> tuple[Index, int]:
    """Tile of every atom, and the number of tiles that hold any.

    At least two layers along each axis: within a tile the direct vector is then the shortest one below half
    the smallest height.
    """
    edge = (_TILE * float(np.prod(heights)) / len(turns)) ** (1.0 / 3.0)
    layers = np.maximum(np.round(heights / edge), 2.0).astype(np.int64)
    place = np.minimum((turns * layers).astype(np.int64), layers - 1)
    group = (place[:, 0] * layers[1] + place[:, 1]) * layers[2] + place[:, 2]
    used, tile = np.unique(group, return_inverse=True)
    return tile.astype(np.int64), len(used)


class _Histogram:
    """Distances between two sets of vectors into bins."""

    def __init__(self, *, dr: float) -> None:
        self.scale = 1.0 / dr
        self.squares = np.empty(_CHUNK, dtype=np.float32)
        self.whole = np.empty(_CHUNK, dtype=np.int32)
        self.index = np.empty(_CHUNK, dtype=np.int64)

    def left(self, vectors: Array) -> Float32:
        """Rows (-2x, -2y, -2z, 1, |x|^2) in bin widths, shape (m, 5)."""
        scaled = vectors.T * self.scale
        rows = np.empty((len(scaled), 5), dtype=np.float32)
        rows[:, :3] = -2.0 * scaled
        rows[:, 3] = 1.0
        rows[:, 4] = np.einsum("ij,ij->i", scaled, scaled)
        # rounding must not leave a square below 0 for coincident atoms: r moves by less than 1e-6 of its range
        rows[:, 4] += 1e-6 * rows[:, 4].max()
        return rows

    def right(self, vectors: Array | Float32) -> Float32:
        """Columns (x, y, z, |x|^2, 1) in bin widths, shape (5, n)."""
        scaled = vectors * self.scale
        columns = np.empty((5, scaled.shape[1]), dtype=np.float32)
        columns[:3] = scaled
        columns[3] = np.einsum("ij,ij->j", scaled, scaled)
        columns[4] = 1.0
        return columns

    def add(self, left: Float32, right: Float32, counts: Index) -> None:
        """Add the distances |a_i - b_j| to their bins. left: shape (m, 5); right: shape (5, n)."""
        if left.shape[0] == 0:
            return
        width = _CHUNK // left.shape[0]
        for start in range(0, right.shape[1], width):
            part = right[:, start : start + width]
            size = left.shape[0] * part.shape[1]
            squares = self.squares[:size]
            np.matmul(left, part, out=squares.reshape(left.shape[0], part.shape[1]))
            np.sqrt(squares, out=squares)
            np.copyto(self.whole[:size], squares, casting="unsafe")
            np.copyto(self.index[:size], self.whole[:size])
            # quicker than bincount: no search for the range, no new array
            np.add.at(counts, self.index[:size], 1)
