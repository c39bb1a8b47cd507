"""Block errors: from the scatter of long averages, where single frames are correlated.

Flyvbjerg & Petersen, J. Chem. Phys. 91 (1989) 461; Allen & Tildesley, Computer Simulation of Liquids, ch. 8.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from xtsred.stages import Array

__all__ = ["BlockAverage", "standard_error"]

_BLOCKS = 10


class BlockAverage:
    """Mean and block means of a stream of arrays, in memory that does not grow with the stream.

    Consecutive values are averaged in blocks; when twice `_BLOCKS` are full, neighbours are merged and the
    blocks become twice as long: at the end there are 10 to 19 full blocks (fewer only for short streams).
    `close` ends a block early: for a new independent box.
    """

    def __init__(self) -> None:
        self._sum: Array | None = None
        self._count = 0
        self._length = 1
        self._open: list[Array] = []
        self._open_sum: Array | None = None
        self._open_count = 0
        self._boxes: list[Array] = []
        self._box_start: tuple[Array, int] | None = None

    def add(self, value: npt.ArrayLike) -> None:
        """Take the next value."""
        array = np.asarray(value, dtype=np.float64)
        if self._sum is None or self._open_sum is None:
            self._sum = np.zeros_like(array)
            self._open_sum = np.zeros_like(array)
        self._sum += array
        self._count += 1
        self._open_sum += array
        self._open_count += 1
        if self._open_count < self._length:
            return
        self._open.append(self._open_sum / self._open_count)
        self._open_sum = np.zeros_like(array)
        self._open_count = 0
        if len(self._open) == 2 * _BLOCKS:
            pairs = zip(self._open[0::2], self._open[1::2], strict=True)
            self._open = [0.5 * (a + b) for a, b in pairs]
            self._length *= 2

    def close(self) -> None:
        """End an independent box: its mean becomes one block of `boxes`."""
        if self._sum is None:
            return
        before, count = self._box_start or (np.zeros_like(self._sum), 0)
        if self._count > count:
            self._boxes.append((self._sum - before) / (self._count - count))
        self._box_start = (self._sum.copy(), self._count)

    @property
    def count(self) -> int:
        """Values taken."""
        return self._count

    @property
    def mean(self) -> Array:
        """Mean of all values."""
        if self._sum is None:
            raise ValueError("no value was added")
        return np.asarray(self._sum / self._count)

    @property
    def blocks(self) -> Array | None:
        """Independent boxes where several were closed, else consecutive blocks; shape (b, ...); None below two."""
        if len(self._boxes) > 1:
            return np.array(self._boxes)
        return np.array(self._open) if len(self._open) > 1 else None


def standard_error(blocks: Array | Iterable[Array] | None) -> Array | None:
    """Standard error of the mean of independent blocks, sqrt(sum (b - mean)^2 / (B (B - 1))); None where unknown.

    blocks: shape (B, ...); returns shape (...).
    """
    if blocks is None:
        return None
    table = np.asarray(blocks, dtype=np.float64)
    count = table.shape[0]
    if count < 2:
        return None
    return np.asarray(np.std(table, axis=0, ddof=1) / np.sqrt(count))
