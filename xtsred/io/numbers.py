"""Numbers written as text in headers and lists."""

import math

import numpy as np

from calibration.errors import ReadError
from xtsred.stages import Array, frozen

__all__ = ["number", "number_list", "number_or_none", "whole"]


def number_or_none(text: str) -> float | None:
    """A finite number, or None for empty text. Raises ValueError for anything else."""
    if not text.strip():
        return None
    value = float(text.replace(",", "."))
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def number(text: str, *, what: str, where: str) -> float:
    """A finite number. Raises ReadError that names it."""
    try:
        value = number_or_none(text)
    except ValueError:
        value = None
    if value is None:
        raise ReadError(
            f"{what} is {text.strip()[:30]!r}, which is no number",
            why="the file is damaged or incomplete",
            where=where,
        )
    return value


def whole(text: str, *, what: str, where: str) -> int:
    """A whole number that is not negative. Raises ReadError that names it."""
    value = number(text, what=what, where=where)
    if value != int(value) or value < 0:
        raise ReadError(
            f"{what} is {text.strip()[:30]!r}, which is no number of points", where=where
        )
    return int(value)


def number_list(text: str, *, what: str, where: str) -> Array:
    """Numbers separated by white space or commas. Raises ReadError that names the first that is none."""
    plain = " ".join(text.replace(",", " ").splitlines())
    if not plain.strip():
        return frozen(())
    try:
        # as one line of many columns: no string for every number, so a tenth of the memory of split()
        return frozen(np.loadtxt([plain], dtype=np.float64, comments=None, ndmin=1))
    except ValueError:
        wrong = next((w for w in plain.split() if not _is_number(w)), "?")
        raise ReadError(
            f"{what} hold {wrong[:30]!r}, which is no number",
            why="the file is damaged",
            where=where,
        ) from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word
