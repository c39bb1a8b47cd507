"""Lines of numbers as one array, fast where they are right and with file and line where they are not."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.stages import Array

__all__ = ["Table", "last_line", "parse_table", "starts_with_number"]

_COMMENT = ("#", ";", "'", "!", "%", "//", "*", "_", "@", "$")
_WORD = r"[-+]?(?:\d+[.,]?\d*|[.,]\d+|nan|inf|infinity)(?:[edED][-+]?\d+)?"
_NUMBER = re.compile(rf"""["\s]*{_WORD}(?=["\s,;#]|$)""", re.IGNORECASE)
_WHOLE_WORD = re.compile(_WORD, re.IGNORECASE)
_SPLIT = {None: re.compile(r"\s+"), ";": re.compile(r";"), ",": re.compile(r",")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Numbers in rows and columns and where they stood.

    values: shape (rows, columns). header: the lines before the first number, with their line numbers
    (from 1). place: row number (from 0) -> "file:line".
    """

    values: Array
    header: tuple[tuple[int, str], ...]
    place: Callable[[int], str]


def last_line(lines: Sequence[str], *, file: str) -> tuple[Finding, ...]:
    """A doubt where the last line has no end: files without a count of points can be cut unnoticed."""
    if len(lines) < 10 or not lines[-1].strip(" \t\x1a"):
        return ()
    return (
        Finding(
            "warning",
            f"{file}: the last line ({len(lines)}) has no line end, as if the file had been cut within it",
        ),
    )


def starts_with_number(line: str) -> bool:
    """Whether a line begins like a row of numbers."""
    return _NUMBER.match(line) is not None


def parse_table(lines: Sequence[str], *, file: str, first_line: int = 1) -> Table:
    """The rows of numbers in lines, after any header; comment and empty lines among them are skipped.

    Columns are separated by white space, commas or semicolons; numbers have a decimal point or a decimal
    comma (then columns are separated otherwise). first_line: number of lines[0] in the file.
    Raises ReadError, with the line, where a row is no row of numbers or has another length than the first.
    """
    start = next((i for i, line in enumerate(lines) if _is_row(line)), None)
    if start is None:
        raise ReadError(
            "there are no rows of numbers",
            why="a scan is 2theta and intensity, a row per point",
            remedy="export the scan as text columns",
            where=file,
        )
    kept = [i for i in range(start, len(lines)) if _is_row_or_text(lines[i])]
    rows = [lines[i] for i in kept] if len(kept) < len(lines) - start else lines[start:]

    def place(row: int) -> str:
        return f"{file}:{first_line + kept[row]}"

    separator, decimal_comma = _punctuation(rows[0], where=place(0))
    values = _fast(rows, separator=separator, decimal_comma=decimal_comma)
    if values is None:
        values = _slow(rows, separator=separator, decimal_comma=decimal_comma, place=place)
    _refuse_spoiled_rows(lines[:start], width=values.shape[1], file=file, first_line=first_line)
    header = tuple((first_line + i, lines[i]) for i in range(start) if lines[i].strip())
    return Table(values=values, header=header, place=place)


def _refuse_spoiled_rows(lines: Sequence[str], *, width: int, file: str, first_line: int) -> None:
    """A line right before the rows that is a row but for one spoiled number is no header: it would be lost quietly."""
    if not lines or not _is_row_or_text(lines[-1]):
        return
    words = lines[-1].replace('"', "").replace(",", " ").replace(";", " ").split()
    wrong = [word for word in words if not _WHOLE_WORD.fullmatch(word)]
    if len(words) == width and 0 < len(wrong) < width and any(c.isdigit() for c in wrong[0]):
        raise ReadError(
            f"{wrong[0][:40]!r} is not a number",
            why=f"the line reads {lines[-1].strip()[:60]!r} and stands right before the other rows",
            remedy="correct the line, or begin it with # if it is a comment",
            where=f"{file}:{first_line + len(lines) - 1}",
        )


def _is_row(line: str) -> bool:
    return _NUMBER.match(line) is not None


def _is_row_or_text(line: str) -> bool:
    head = line.lstrip(" \t")[:2]
    return bool(head.strip()) and not head.startswith(_COMMENT) and head[0] != "\x1a"


def _punctuation(row: str, *, where: str) -> tuple[str | None, bool]:
    """(separator or None for white space, whether the comma is the decimal sign), from the first row."""
    if ";" in row:
        return ";", "," in row
    words = row.replace('"', "").split()
    if "," not in row:
        return None, False
    inner = all(not w.startswith(",") and not w.endswith(",") for w in words)
    if len(words) > 1 and inner:
        if any("." in w for w in words):
            raise ReadError(
                "decimal points and commas are mixed",
                why=f"{row.strip()!r} can be read in more than one way",
                remedy="export with one decimal sign and without thousands separators",
                where=where,
            )
        return None, True
    return ",", False


def _fast(rows: Sequence[str], *, separator: str | None, decimal_comma: bool) -> Array | None:
    """All rows at once, or None when any of them is not plain."""
    text: Sequence[str] = rows
    if decimal_comma:
        text = [row.replace(",", ".") for row in rows]
    if '"' in rows[0]:
        text = [row.replace('"', "") for row in text]
    if separator is not None:
        text = [row.rstrip().removesuffix(separator) for row in text]
    try:
        return np.loadtxt(text, delimiter=separator, comments="#", ndmin=2, dtype=np.float64)
    except ValueError:
        return None


def _slow(
    rows: Sequence[str], *, separator: str | None, decimal_comma: bool, place: Callable[[int], str]
) -> Array:
    """Row by row, to name the first that is wrong."""
    values: list[list[float]] = []
    for i, row in enumerate(rows):
        plain = row.partition("#")[0].replace('"', "").strip()
        if decimal_comma:
            plain = plain.replace(",", ".")
        if separator is not None:
            plain = plain.removesuffix(separator)
        words = [word.strip() for word in _SPLIT[separator].split(plain)]
        numbers = []
        for column, word in enumerate(words, 1):
            try:
                numbers.append(float(word) if "_" not in word else float("no"))
            except ValueError:
                raise ReadError(
                    f"column {column} is {word[:40]!r}, not a number"
                    if word
                    else f"column {column} is empty",
                    why=f"the line reads {row.strip()[:60]!r}",
                    remedy="correct the line, or export the scan again",
                    where=place(i),
                ) from None
        if values and len(numbers) != len(values[0]):
            raise ReadError(
                f"the line has {len(numbers)} column{'s' if len(numbers) != 1 else ''}, "
                f"the first row has {len(values[0])}",
                why=f"the line reads {row.strip()[:60]!r}; the file may have been cut",
                remedy="correct the line, or export the scan again",
                where=place(i),
            )
        values.append(numbers)
    return np.array(values, dtype=np.float64)
