"""Text that is read once, line by line, so that memory does not grow with the length of a trajectory."""

import gzip
import math
import zlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO, cast

import numpy as np

from calibration.errors import ReadError
from xtsred.stages import Array

__all__ = ["LineReader", "number", "numbers", "open_text", "whole_number"]

_MOST_ATOMS = 10**9


def open_text(path: Path) -> TextIO:
    """Open a text file, gzip or plain (told by its first bytes). Raises ReadError."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
        if packed:
            return cast(TextIO, gzip.open(path, "rt", encoding="utf-8", errors="replace"))
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ReadError(
            "the file cannot be read", why=error.strerror or str(error), where=str(path)
        ) from error


class LineReader:
    """Lines of a file with their number, and an error that knows where it is."""

    def __init__(self, stream: TextIO, *, name: str) -> None:
        self._stream = stream
        self.name = name
        self.number = 0

    @property
    def where(self) -> str:
        """file:line of the line read last."""
        return f"{self.name}:{self.number}"

    def line(self) -> str | None:
        """The next line without its end, or None at the end of the file."""
        try:
            text = self._stream.readline()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._truncated(f"the compressed data end early ({error})") from error
        if not text:
            return None
        self.number += 1
        return text.rstrip("\r\n")

    def need(self, what: str) -> str:
        """The next line; raises ReadError where the file ends instead."""
        text = self.line()
        if text is None:
            raise self._truncated(f"it ends where {what} should stand")
        return text

    def block(self, count: int, what: str) -> list[str]:
        """The next `count` lines. Raises ReadError where there are fewer."""
        try:
            lines = list(islice(self._stream, count))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._truncated(f"the compressed data end early ({error})") from error
        self.number += len(lines)
        if len(lines) < count:
            raise self._truncated(f"it ends after {len(lines)} of {count} lines of {what}")
        return lines

    def skip(self, count: int, what: str) -> None:
        """Pass over `count` lines. Raises ReadError where there are fewer."""
        passed = 0
        try:
            for _ in islice(self._stream, count):
                passed += 1
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._truncated(f"the compressed data end early ({error})") from error
        self.number += passed
        if passed < count:
            raise self._truncated(f"it ends after {passed} of {count} lines of {what}")

    def _truncated(self, why: str) -> ReadError:
        return ReadError(
            "the file is truncated",
            why=why,
            remedy="copy the file again, or end before the last frame with --frames start:stop",
            where=self.where,
        )


def whole_number(text: str, what: str, *, where: str) -> int:
    """A count or a step, 0 to 1e9. Raises ReadError saying what should have stood there."""
    word = text.strip()
    if not (word.isascii() and word.isdecimal()) or len(word) > 10 or int(word) > _MOST_ATOMS:
        raise ReadError(f"expected {what}", why=f"there stands {word[:80]!r}", where=where)
    return int(word)


def number(text: str, what: str, *, where: str) -> float:
    """A finite number. Raises ReadError saying what should have stood there."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ReadError(f"expected {what}", why=f"there stands {text.strip()[:80]!r}", where=where)
    return value


def numbers(lines: Sequence[str], columns: slice, *, first_line: int, name: str) -> Array:
    """The same columns of every line as numbers, shape (lines, columns); raises ReadError at the first bad line."""
    width = columns.stop - columns.start
    try:
        values = [x for text in lines for x in text.split()[columns]]
        table = np.array(list(map(float, values)), dtype=np.float64)
    except ValueError:
        table = np.empty(0)
    if table.size == len(lines) * width:
        return table.reshape(-1, width)
    for offset, text in enumerate(lines):
        cells = text.split()[columns]
        if len(cells) < width or not all(_is_number(c) for c in cells):
            raise ReadError(
                f"expected {width} numbers in columns {columns.start + 1} to {columns.stop}",
                why=f"the line is {text.strip()[:80]!r}",
                where=f"{name}:{first_line + offset}",
            )
    raise AssertionError("a bad line was counted but not found")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
