"""Numbers as instruments write them: decimal comma, thousands separators, Fortran exponents, gaps."""

import math
import re
from collections.abc import Iterable
from typing import Literal

__all__ = ["Decimal", "DecimalSense", "decimal_sense", "is_gap", "parse_number"]

Decimal = Literal[".", ","]

_GAPS = frozenset(
    {"", "nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "-", "--", "---", "----", "n/a", "na"}
    | {"#n/a", "#nv", "inf", "-inf", "+inf", "ovf", "ovl", "overload", "#div/0!", "null", "none"}
    | {"1.#qnan", "1.#inf", "-1.#ind", "1.#ind", "#wert!", "#value!", "9.9e37", "undefined"}
)
_TIDY = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": "", "\u202f": "", "\u2009": ""})
_TIDY_QUOTES = " \t\"'"
_POINT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?\Z")
_COMMA = re.compile(r"[+-]?(?:\d+,?\d*|,\d+)(?:[eEdD][+-]?\d+)?\Z")
_POINT_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[, ]\d{3})+(?:\.\d*)?(?:[eE][+-]?\d+)?\Z")
_COMMA_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[. ]\d{3})+(?:,\d*)?(?:[eE][+-]?\d+)?\Z")
_EITHER = re.compile(r"[+-]?\d{1,3},\d{3}\Z")
_EITHER_POINT = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}\Z")


class DecimalSense:
    """Outcome of `decimal_sense`: the mark, and whether the numbers left a doubt."""

    __slots__ = ("doubt", "mark")

    def __init__(self, mark: Decimal, *, doubt: bool) -> None:
        self.mark: Decimal = mark
        self.doubt = doubt


def is_gap(cell: str) -> bool:
    """Whether the cell says "no value"."""
    text = cell.strip(_TIDY_QUOTES).lower()
    return text in _GAPS or (bool(text) and set(text) <= {"*", "#", "-"})


def parse_number(cell: str, decimal: Decimal) -> float | None:
    """The value; NaN for a cell that says "no value"; None for text."""
    if "_" not in cell and (decimal == "." or "." not in cell):
        try:
            value = float(cell if decimal == "." else cell.replace(",", "."))
        except ValueError:
            pass
        else:
            return value if math.isfinite(value) else math.nan
    text = cell.translate(_TIDY).strip(_TIDY_QUOTES)
    if is_gap(text):
        return math.nan
    plain, grouped = (_POINT, _POINT_GROUPED) if decimal == "." else (_COMMA, _COMMA_GROUPED)
    if plain.match(text):
        pass
    elif grouped.match(text):
        text = text.replace("," if decimal == "." else ".", "").replace(" ", "")
    else:
        return None
    value = float(text.replace(",", ".").replace("d", "e").replace("D", "E"))
    return value if math.isfinite(value) else math.nan


def decimal_sense(cells: Iterable[str]) -> DecimalSense | None:
    """Which decimal mark a set of cells uses; None where they contradict each other.

    A comma is thousands only where every comma stands before three digits of a group and some
    number uses a point too; cells such as 1,234 alone are read as 1.234 and leave a doubt.
    """
    points = commas = either = 0
    for cell in cells:
        text = cell.translate(_TIDY).strip(_TIDY_QUOTES)
        if "," not in text:
            sure = "." in text and not _EITHER_POINT.match(text)
            points += sure and bool(_POINT.match(text))
        elif "." in text:
            points += bool(_POINT_GROUPED.match(text))
            commas += bool(_COMMA_GROUPED.match(text))
        elif _EITHER.match(text) and not text.lstrip("+-").startswith("0"):
            either += 1
        elif _POINT_GROUPED.match(text) and not _COMMA.match(text):
            points += 1
        else:
            commas += bool(_COMMA.match(text))
    if points and commas:
        return None
    if points:
        return DecimalSense(".", doubt=False)
    if commas:
        return DecimalSense(",", doubt=False)
    return DecimalSense("," if either else ".", doubt=either > 0)
