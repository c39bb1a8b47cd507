"""Tables that people keep: a header, a row per measurement, any of the usual separators; every mistake with its line."""

import csv
import difflib
import errno
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import ReadError

__all__ = ["Row", "Table", "read_table"]


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column, without those that are empty; where: "file:line"."""

    cells: Mapping[str, str]
    where: str
    decimal_comma: bool = False

    def text(self, column: str) -> str | None:
        """The cell, None where it is empty."""
        return self.cells.get(column)

    def number(self, column: str) -> float | None:
        """The cell as a number, None where it is empty. Raises ReadError where it is no finite number."""
        text = self.cells.get(column)
        if text is None:
            return None
        try:
            value = float(text.replace(",", ".") if self.decimal_comma else text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:
            raise ReadError(
                f"{column}: {text[:40]!r} is not a number",
                remedy="correct the cell",
                where=self.where,
            )
        return value


@dataclass(frozen=True, slots=True)
class Table:
    """Columns in the order of the file, and the rows."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, names: Iterable[str]) -> None:
        """Raises ReadError naming the columns that are missing."""
        missing = [n for n in names if n not in self.columns]
        if missing:
            raise ReadError(
                f"the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} "
                f"{'are' if len(missing) > 1 else 'is'} missing",
                why=f"the header has {', '.join(self.columns)}",
                where=f"{self.path}:1",
            )

    def refuse_unknown(self, known: Iterable[str], *, remedy: str) -> None:
        """Raises ReadError naming a column that is none of `known`, with the nearest."""
        names = list(known)
        unknown = [c for c in self.columns if c not in names]
        if unknown:
            near = difflib.get_close_matches(unknown[0], names, n=1)
            raise ReadError(
                f"the column {unknown[0]!r} is not known"
                + (f"; did you mean {near[0]!r}?" if near else ""),
                why=f"known are {', '.join(names)}",
                remedy=remedy,
                where=f"{self.path}:1",
            )


def read_table(path: Path) -> Table:
    """Read a table separated by commas, semicolons or tabs; lines that begin with # are comments.

    Raises ReadError for a file that cannot be read or is not UTF-8, a name twice in the header, a row of another length,
    or no row at all.
    """
    try:
        if path.is_char_device():  # one may never end
            raise OSError(errno.EINVAL, "it is a device, not a file")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ReadError(
            "the table cannot be read",
            why=(error.strerror or str(error)).lower(),
            remedy="check its path",
            where=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise ReadError(
            "the table is not UTF-8 text",
            why=str(error),
            remedy="save it as CSV UTF-8",
            where=str(path),
        ) from error
    numbered = [
        (i, line)
        for i, line in enumerate(text.splitlines(), 1)
        if line.strip(" \t;,") and not line.lstrip().startswith("#")
    ]
    if not numbered:
        raise ReadError("the table is empty", where=str(path))
    header = numbered[0][1]
    separator = max(";\t,", key=header.count)
    columns = tuple(c.strip() for c in next(csv.reader([header], delimiter=separator)))
    _check_header(columns, where=f"{path}:{numbered[0][0]}")
    rows = []
    for line, content in numbered[1:]:
        cells = [c.strip() for c in next(csv.reader([content], delimiter=separator))]
        if len(cells) != len(columns):
            raise ReadError(
                f"the line has {len(cells)} cells, the header {len(columns)}",
                why=f"it reads {content[:60]!r}",
                remedy='quote cells that contain the separator: "..."',
                where=f"{path}:{line}",
            )
        filled = {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
        rows.append(Row(filled, f"{path}:{line}", separator == ";"))
    if not rows:
        raise ReadError("the table has a header and no rows", where=str(path))
    return Table(path, columns, tuple(rows))


def _check_header(columns: tuple[str, ...], *, where: str) -> None:
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice or "" in columns:
        raise ReadError(
            f"the header has {twice[0]!r} twice"
            if twice and twice[0]
            else "a column of the header has no name",
            remedy="every column needs a name of its own",
            where=where,
        )
