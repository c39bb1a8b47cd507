"""What a reader hands over: one configuration of atoms in a periodic cell, checked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.composition import ELEMENTS
from calibration.errors import ReadError
from xtsred.stages import Array

__all__ = [
    "Frame",
    "FrameRange",
    "ReadOptions",
    "cell_heights",
    "checked_cell",
    "checked_frame",
    "known_symbol",
]

_SYMBOL_SET = frozenset(ELEMENTS)

# Å^-3: no condensed matter at ordinary pressure is denser (diamond 0.177); a length in nm gives 1000 times more
_DENSEST = 0.4

Kinds = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One configuration. cell: shape (3, 3), rows are the cell vectors, Å. elements: the distinct elements;
    kinds: shape (n,), index into elements. positions: shape (n, 3), Å, as in the file (wrapped or not).

    index: 0-based in the file; step: the simulation's own step number where the file gives it.
    """

    cell: Array
    elements: tuple[str, ...]
    kinds: Kinds
    positions: Array
    index: int = 0
    step: int | None = None

    @property
    def volume(self) -> float:
        """Å^3."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def numbers(self) -> dict[str, int]:
        """Atoms of each element."""
        counts = np.bincount(self.kinds, minlength=len(self.elements))
        return {e: int(n) for e, n in zip(self.elements, counts, strict=True)}


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Which frames: start:stop:step, 0-based, stop excluded (None: to the end)."""

    start: int = 0
    stop: int | None = None
    step: int = 1

    def wanted(self, index: int) -> bool:
        """Whether the frame is one of the range."""
        return index >= self.start and (index - self.start) % self.step == 0

    def done(self, index: int) -> bool:
        """Whether no frame from index on can be wanted."""
        return self.stop is not None and index >= self.stop


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What the user adds where a format is silent.

    types: the file's type label -> element. cell: shape (3, 3), Å, for formats without one.
    atoms: element and number, in the order of the file, for formats without names.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    cell: Array | None = None
    atoms: tuple[tuple[str, int], ...] = ()
    frames: FrameRange = field(default_factory=FrameRange)

    def symbols_of_atoms(self) -> list[str]:
        """The element of every atom, from `atoms`."""
        return [element for element, count in self.atoms for _ in range(count)]


def cell_heights(cell: Array) -> Array:
    """Distances between opposite faces, shape (3,): h_i = V / |a_j x a_k|. cell: rows are vectors."""
    inverse = np.linalg.inv(cell)
    return np.asarray(1.0 / np.linalg.norm(inverse, axis=0))


def known_symbol(label: str, options: ReadOptions, *, where: str) -> str:
    """The element that a label of the file stands for. Raises ReadError where it is none."""
    if label in options.types:
        label = options.types[label]
    if label in _SYMBOL_SET:
        return label
    raise ReadError(
        f"{label!r} is not a chemical element",
        why="the file names its atoms by a type that only its author knows",
        remedy="say which element each type is, for instance --types 1=Si,2=O",
        where=where,
    )


def checked_cell(cell: npt.ArrayLike, *, where: str) -> Array:
    """The cell as shape (3, 3); raises ReadError where it encloses no volume."""
    matrix = np.array(cell, dtype=np.float64).reshape(3, 3)
    if not np.all(np.isfinite(matrix)) or abs(np.linalg.det(matrix)) < 1e-6:
        raise ReadError(
            "the cell encloses no volume", why=f"its vectors are {matrix.tolist()}", where=where
        )
    return matrix


def checked_frame(
    *,
    cell: Array,
    symbols: Sequence[str],
    positions: npt.NDArray[np.float64],
    index: int,
    where: str,
    step: int | None = None,
) -> Frame:
    """A frame out of what was read. Raises ReadError for positions that are not numbers, or not in Å."""
    if not np.all(np.isfinite(positions)):
        atom = int(np.nonzero(~np.isfinite(positions).all(axis=1))[0][0])
        raise ReadError(
            f"frame {index}: the position of atom {atom + 1} is not a finite number",
            why="the run has blown up, or the file is damaged",
            remedy="choose other frames with --frames start:stop:step",
            where=where,
        )
    elements = tuple(Counter(symbols))
    lookup = {e: i for i, e in enumerate(elements)}
    kinds = np.array([lookup[s] for s in symbols], dtype=np.int64)
    frame = Frame(
        cell=cell, elements=elements, kinds=kinds, positions=positions, index=index, step=step
    )
    density = len(symbols) / frame.volume
    if density > _DENSEST:
        raise ReadError(
            f"{density:.3g} atoms/Å^3 is denser than any matter",
            why="lengths are read in Å; lengths in nm make the density 1000 times too large",
            remedy="multiply cell and positions by 10 if they are in nm",
            where=where,
        )
    return frame
