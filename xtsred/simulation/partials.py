"""Partial pair distribution functions g_ij(r) of periodic configurations, by minimum image.

g_ij(r) = V n_ij(r) / (N_i N_j v(r)) for i != j and 2 V n_ii(r) / (N_i (N_i - 1) v(r)), with n_ij the number of
pairs in the shell, each pair once, and v the shell's volume. Valid to half the smallest height of the cell: there
each pair has one image, and no shell is cut by the cell's faces.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from calibration.errors import InputError
from xtsred.simulation.frame import Frame, cell_heights
from xtsred.simulation.paircount import pair_counts
from xtsred.simulation.statistics import BlockAverage, standard_error
from xtsred.stages import Array, frozen

__all__ = ["Minimum", "Partials", "first_minimum", "largest_radius", "partial_distributions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partials:
    """g_ij(r) averaged over frames.

    elements: shape (e,); pairs: index pairs i <= j into elements, shape (p,); numbers: atoms of each element.
    dr: bin width, Å; g: shape (p, n), on bins [k dr, (k + 1) dr]; blocks: shape (b, p, n) or None;
    counts: pairs per frame and bin, shape (p, n), each pair once. density: mean atoms/Å^3; frames: how many.
    shortest_height: smallest height of any cell, Å.
    """

    elements: tuple[str, ...]
    numbers: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    dr: float
    g: Array
    counts: Array
    blocks: Array | None
    density: float
    frames: int
    shortest_height: float

    @property
    def r(self) -> Array:
        """Bin centres, shape (n,), Å."""
        return np.asarray((np.arange(self.g.shape[1]) + 0.5) * self.dr)

    @property
    def r_max(self) -> float:
        """Upper edge of the last bin, Å."""
        return float(self.g.shape[1] * self.dr)

    @property
    def names(self) -> tuple[str, ...]:
        """ "Si-O" and so on, in the order of pairs."""
        return tuple(f"{self.elements[i]}-{self.elements[j]}" for i, j in self.pairs)

    @property
    def fractions(self) -> Array:
        """Atomic fractions, shape (e,)."""
        n = np.array(self.numbers, dtype=np.float64)
        return np.asarray(n / n.sum())

    @property
    def sigma(self) -> Array | None:
        """Standard error of g from the blocks, shape (p, n)."""
        return standard_error(self.blocks)

    def running_coordination(self, centre: str, neighbour: str) -> Array:
        """n_ij at the upper edge of each bin: mean number of j within r of an i; shape (n,).

        N_i n_ij = N_j n_ji holds exactly, because each pair is counted once.
        """
        i, j = self._index(centre), self._index(neighbour)
        row = self.pairs.index((min(i, j), max(i, j)))
        per_pair = 2.0 if i == j else 1.0
        return np.asarray(per_pair * np.cumsum(self.counts[row]) / self.numbers[i])

    def coordination(self, centre: str, neighbour: str, cutoff: float) -> float:
        """n_ij within the cutoff (Å), rounded to the nearest bin edge. Raises InputError beyond r_max."""
        edge = round(cutoff / self.dr)
        if not 0 < edge <= self.g.shape[1]:
            raise InputError(
                f"a cutoff of {cutoff:g} Å lies outside 0 to {self.r_max:g} Å",
                why="g(r) is known to half the smallest cell height only",
            )
        return float(self.running_coordination(centre, neighbour)[edge - 1])

    def _index(self, element: str) -> int:
        if element not in self.elements:
            raise InputError(
                f"the model has no {element}", why=f"its elements are {', '.join(self.elements)}"
            )
        return self.elements.index(element)


def largest_radius(cell: Array) -> float:
    """Half the smallest height of the cell, Å."""
    return 0.5 * float(cell_heights(cell).min())


def partial_distributions(
    boxes: Sequence[Iterable[Frame]], *, dr: float = 0.02, r_max: float | None = None
) -> Partials:
    """Average g_ij(r) over the frames of one box, or of several independent boxes of the same composition.

    dr: bin width, Å. r_max: Å; None: half the smallest height of the first frame's cell.
    With several boxes each is one block of the error; with one, consecutive frames are blocked.
    Raises InputError where r_max exceeds half a cell's smallest height, or boxes differ in composition.
    """
    average = BlockAverage()
    state: _Accumulator | None = None
    for box in boxes:
        for frame in box:
            if state is None:
                radius = largest_radius(frame.cell) if r_max is None else r_max
                state = _Accumulator(frame, dr=dr, bins=int(radius / dr + 1e-9))
            average.add(state.take(frame))
        average.close()
    if state is None:
        raise InputError("no frame was given")
    return Partials(
        elements=state.elements,
        numbers=state.numbers,
        pairs=state.pairs,
        dr=dr,
        g=frozen(average.mean),
        counts=frozen(state.counts / average.count),
        blocks=None if average.blocks is None else frozen(average.blocks),
        density=sum(state.numbers) * state.inverse_volume / average.count,
        frames=average.count,
        shortest_height=state.shortest_height,
    )


class _Accumulator:
    """Sums over frames, and the checks that need the first frame."""

    def __init__(self, frame: Frame, *, dr: float, bins: int) -> None:
        # alphabetical order would hide the file's; boxes may list their elements in another order
        self.elements = frame.elements
        self.numbers = tuple(frame.numbers.values())
        self.pairs = tuple(combinations_with_replacement(range(len(self.elements)), 2))
        self.dr = dr
        self.bins = bins
        self.shell = 4.0 / 3.0 * np.pi * dr**3 * np.diff(np.arange(bins + 1.0) ** 3)
        self.counts = np.zeros((len(self.pairs), bins))
        self.inverse_volume = 0.0
        self.shortest_height = np.inf

    def take(self, frame: Frame) -> Array:
        """g of one frame, shape (p, n)."""
        if frame.numbers != dict(zip(self.elements, self.numbers, strict=True)):
            raise InputError(
                "the boxes do not hold the same atoms",
                why=f"{dict(zip(self.elements, self.numbers, strict=True))}, then {frame.numbers}",
                remedy="compare boxes of different size or composition as separate models",
            )
        height = float(cell_heights(frame.cell).min())
        if self.bins * self.dr > 0.5 * height * (1.0 + 1e-9) or self.bins < 1:
            raise InputError(
                f"g(r) to {self.bins * self.dr:.4g} Å needs a larger cell (frame {frame.index})",
                why=f"half its smallest height is {0.5 * height:.4g} Å; beyond, pairs are missed or counted twice",
                remedy=f"ask for r_max <= {0.5 * height:.4g} Å",
            )
        self.shortest_height = min(self.shortest_height, height)
        kinds = np.array([self.elements.index(e) for e in frame.elements])[frame.kinds]
        counts = pair_counts(
            frame.cell, frame.positions, kinds, pairs=self.pairs, dr=self.dr, bins=self.bins
        )
        self.counts += counts
        self.inverse_volume += 1.0 / frame.volume
        return counts * (frame.volume / (self._pair_numbers()[:, None] * self.shell))

    def _pair_numbers(self) -> Array:
        """Number of distinct pairs of each kind; 1 where there is a single atom, so that g is 0 and not NaN."""
        n = self.numbers
        return np.array(
            [max(n[i] * (n[i] - 1) / 2.0, 1.0) if i == j else n[i] * n[j] for i, j in self.pairs]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """The first minimum of g(r) behind its first peak: peak and minimum (Å), g at both."""

    peak: float
    peak_g: float
    position: float
    g: float


def first_minimum(
    r: Array, g: Array, *, counts: Array | None = None, smoothing_a: float = 0.1
) -> Minimum | None:
    """Where the first neighbour shell ends: the lowest point between the first and the second peak.

    r, g: shape (n,), uniform, Å. g is smoothed with a Gaussian of sigma smoothing_a; the first peak is the first
    local maximum above 1 and above a third of the highest. Where g stays near zero behind it, the middle of that
    interval is taken. counts: pairs in each bin, of all frames, shape (n,), None: g is free of noise. None where
    there is no such peak, no minimum below 1, or one that the counting noise alone could make (4 sigma).
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(g, smoothing_a / (r[1] - r[0]), mode="nearest")
    top = np.nonzero((smooth[1:-1] >= smooth[:-2]) & (smooth[1:-1] > smooth[2:]))[0] + 1
    top = top[smooth[top] > 1.0]
    if top.size:
        top = top[smooth[top] > smooth[top].max() / 3.0]
    if top.size == 0:
        return None
    peak = int(top[0])
    behind = smooth[peak:]
    noise = 4.0 * _smoothed_noise(r, g, smooth, counts, smoothing_a)
    # up to where g has risen again by a clear step above its lowest value so far
    lowest = np.minimum.accumulate(behind)
    clear = np.maximum(max(0.05, 0.05 * smooth[peak]), noise[peak:])
    risen = np.nonzero(behind > lowest + clear)[0]
    if risen.size == 0 or smooth[peak] - lowest[risen[0]] < noise[peak]:
        return None
    valley = behind[: risen[0]]
    flat = np.nonzero(valley <= valley.min() + 0.01)[0]
    if valley.min() >= 1.0:  # a dip between two peaks of one shell, not its end
        return None
    place = peak + round(0.5 * float(flat[0] + flat[-1]))
    return Minimum(
        peak=float(r[peak]),
        peak_g=float(smooth[peak]),
        position=float(r[place]),
        g=float(smooth[place]),
    )


def _smoothed_noise(
    r: Array, g: Array, smooth: Array, counts: Array | None, smoothing_a: float
) -> Array:
    """Counting noise of the smoothed g, shape (n,): pairs are Poisson, a Gaussian of s bins averages 2 sqrt(pi) s."""
    if counts is None:
        return np.zeros(len(r))
    step = r[1] - r[0]
    shell = (r + 0.5 * step) ** 3 - (r - 0.5 * step) ** 3
    ideal = max(float(counts.sum()), 1.0) / max(float((g * shell).sum()), 1e-12) * shell
    averaged = max(2.0 * np.sqrt(np.pi) * smoothing_a / step, 1.0)
    return np.asarray(np.sqrt(np.maximum(smooth, 1.0 / ideal) / (ideal * averaged)))
