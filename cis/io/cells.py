"""Cells of a line: what divides them, what is a number, and which decimal mark a block of rows uses."""

import csv
import re
from collections.abc import Sequence

from calibration.errors import ReadError
from cis.io.numerals import Decimal, decimal_sense, is_gap

__all__ = [
    "NUMBER_START",
    "WHITESPACE",
    "Row",
    "dialect",
    "is_numeric",
    "row_separator",
    "split_cells",
]

Row = tuple[int, str, list[str]]
"""Line number, the line, and its cells."""

WHITESPACE = "  "
NUMBER_START = re.compile(r'\s*["\']?[+-]?[.,]?\d')
_NUMBER_LIKE = re.compile(
    r"[\"']?[+\-\u2212]?[.,]?\d[\d.,\u00a0\u202f ]*(?:[eEdD][+-]?\d+)?[\"']?\Z"
)
_SPACED_NUMBERS = re.compile(r"\d[eE\d+-]*\s+[+-]?[.,]?\d")


def split_cells(line: str, separator: str) -> list[str]:
    """Cells of a line; quotes are honoured at the start of a cell; `separator` "  " means any white space."""
    if separator == WHITESPACE:
        return line.split()
    if '"' in line:
        try:
            return [
                c.strip()
                for c in next(csv.reader([line], delimiter=separator[0], skipinitialspace=True))
            ]
        except (csv.Error, StopIteration):
            pass
    return [c.strip() for c in line.split(separator)]


def row_separator(line: str) -> str:
    bare = line.strip()
    if "\t" in bare:
        return "\t"
    if ";" in line:
        return ";"
    if "," in bare and not (
        "," in bare and _SPACED_NUMBERS.search(bare) and not re.search(r",\s", bare)
    ):
        return ","
    if "|" in bare:
        return "|"
    return WHITESPACE


def is_numeric(cell: str) -> bool:
    return bool(_NUMBER_LIKE.match(cell)) or is_gap(cell)


def dialect(
    rows: Sequence[Row], *, separator: str, width: int, positions: Sequence[int], path: str
) -> tuple[str, Decimal, list[str]]:
    """Separator, decimal mark and notes of a block of rows under `width` names, whose cells at `positions` count.

    Raises ReadError where decimal and separating commas cannot be told apart, or decimal marks are mixed.
    """
    number, line, _ = rows[0]
    parts = len(split_cells(line.rstrip(" ,"), separator))
    given = separator
    if (
        separator == ","
        and "." not in line
        and '"' not in line
        and parts >= max(2 * width - 1, width + 2)
    ):
        separator = ", "
        if len(split_cells(line.strip(), separator)) != width:
            raise ReadError(
                "decimal commas and separating commas cannot be told apart",
                why=f"the header has {width} columns, the row {parts} comma-separated parts",
                remedy="export with a semicolon or tab between the columns, or with decimal points",
                where=f"{path}:{number}",
            )
    quoted = any('"' in row for _, row, _ in rows)
    if (separator == "," and not quoted) or not any("," in row for _, row, _ in rows):
        return separator, ".", []
    cut = (cells if separator == given else split_cells(row, separator) for _, row, cells in rows)
    sense = decimal_sense(cells[p] for cells in cut for p in positions if p < len(cells))
    if sense is None:
        raise ReadError(
            "decimal points and decimal commas are mixed",
            why="some numbers use one, some the other",
            remedy="export the file again with one decimal mark",
            where=f"{path}:{number}",
        )
    if not sense.doubt:
        return separator, sense.mark, []
    note = "commas stand before exactly three digits everywhere; they were read as decimal commas, not thousands"
    return separator, sense.mark, [note]
