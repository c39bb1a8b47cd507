"""Who stands within a distance of whom, in a periodic cell of any shape."""

from itertools import product

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from xtsred.simulation.frame import Frame, cell_heights
from xtsred.stages import Array

__all__ = ["nearest", "neighbour_pairs"]

Index = npt.NDArray[np.int64]


def neighbour_pairs(
    frame: Frame, centre: str, neighbour: str, cutoff: float
) -> tuple[Index, Index, Array]:
    """All (i, j) with |r_i - r_j| <= cutoff, i of one element and j of another (or the same, both orders).

    cutoff: Å, at most half the smallest cell height. Returns atom indices i, j and distances, shape (m,).
    Raises InputError for a larger cutoff or an element that the frame lacks.
    """
    from scipy.spatial import cKDTree

    a, b = _atoms(frame, centre), _atoms(frame, neighbour)
    inside, images, owner = _padded(frame, a, b, cutoff)
    found = cKDTree(inside).sparse_distance_matrix(cKDTree(images), cutoff, output_type="ndarray")
    i, j = a[found["i"]], b[owner[found["j"]]]
    different = i != j
    return i[different], j[different], np.asarray(found["v"][different], dtype=np.float64)


def nearest(frame: Frame, centre: str, neighbour: str, *, count: int, reach: float) -> Array:
    """Distances of the first `count` neighbours of every centre, shape (n, count), Å; NaN beyond reach."""
    from scipy.spatial import cKDTree

    a, b = _atoms(frame, centre), _atoms(frame, neighbour)
    inside, images, _ = _padded(frame, a, b, reach)
    own = 1 if centre == neighbour else 0
    distance, _ = cKDTree(images).query(inside, k=count + own, distance_upper_bound=reach)
    table = np.asarray(distance, dtype=np.float64).reshape(len(a), count + own)[:, own:]
    return np.where(np.isfinite(table), table, np.nan)


def _atoms(frame: Frame, element: str) -> Index:
    if element not in frame.elements:
        raise InputError(
            f"the model has no {element}",
            why=f"its elements are {', '.join(frame.elements)}",
            remedy="correct the pair or --types",
        )
    return np.nonzero(frame.kinds == frame.elements.index(element))[0]


def _padded(frame: Frame, a: Index, b: Index, reach: float) -> tuple[Array, Array, Index]:
    """Positions of a in the cell; of b with every image within reach of the cell; which of b each image is."""
    heights = cell_heights(frame.cell)
    if not 0.0 < reach <= 0.5 * heights.min() * (1.0 + 1e-9):
        raise InputError(
            f"a distance of {reach:g} Å lies outside 0 to {0.5 * heights.min():.4g} Å",
            why="beyond half the smallest cell height a neighbour has several images",
        )
    turns = (frame.positions @ np.linalg.inv(frame.cell)) % 1.0
    margin = reach / heights * (1.0 + 1e-9) + 1e-9
    images, owner = [], []
    for shift in product((-1, 0, 1), repeat=3):
        moved = turns[b] + np.array(shift)
        keep = np.nonzero(((moved > -margin) & (moved < 1.0 + margin)).all(axis=1))[0]
        images.append(moved[keep])
        owner.append(keep)
    return turns[a] @ frame.cell, np.concatenate(images) @ frame.cell, np.concatenate(owner)
