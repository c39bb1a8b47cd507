"""Tables in a text: where they begin, how their cells are divided, and the numbers with their line numbers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from calibration.errors import ReadError
from cis.io.cells import (
    NUMBER_START,
    WHITESPACE,
    Row,
    dialect,
    is_numeric,
    row_separator,
    split_cells,
)
from cis.io.columns import Column, Role, identify, is_unit_cell, with_unit
from cis.io.numerals import is_gap, parse_number
from cis.io.options import ReadOptions
from cis.io.text import TextFile
from cis.stages import Array, IntArray

__all__ = ["PAIRS", "Table", "complete_pairs", "find_tables", "nearest_header"]

# any of these, with a frequency, gives Z; in order of preference
PAIRS: tuple[tuple[Role, Role], ...] = (
    ("Z'", "Z''"), ("|Z|", "phase"), ("Y'", "Y''"), ("|Y|", "phase Y"), ("Cp", "Rp"), ("Cp", "Y'"),
    ("Cp", "D"), ("Cp", "Q"), ("Cs", "Rs"), ("Rs", "Z''"), ("Cs", "Z'"), ("Cs", "D"), ("Cs", "Q"), ("Lp", "Rp"), ("Lp", "Y'"), ("Ls", "Rs"),
    ("Ls", "Z'"), ("|Y|", "phase"), ("eps'", "eps''"), ("eps'", "D"), ("eps'", "sigma'"),
)  # fmt: skip


_MOST_REMARKS = 20_000  # lines of text in a row among which a header is looked for
_FREQUENCY = re.compile(
    r"(?<![A-Za-z])(?:f|w|om|log|lg|ang|kreis|circ|puls|test|hz|[kmg]hz)(?![A-Za-z])"
    r"|fr[eé]|fré|hz|omega|circular|angular|kreis|pulsation|[^\x00-\x7f]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One block of rows under one header.

    columns: those that were understood; values: shape (rows, columns), NaN for a gap; line: shape (rows,).
    header_line: its line number, 0 where there is none; above: line numbers of the text before it since the last table.
    ignored: headers not used; notes: what a user should hear; remarks: (line, text) of lines amid or before the rows.
    """

    columns: tuple[Column, ...]
    values: Array
    line: IntArray
    header_line: int
    above: tuple[int, int]
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remarks: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class _Open:
    columns: tuple[Column, ...]
    header_line: int
    above: tuple[int, int]
    width: int
    ignored: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    separator: str = ""
    skipped: list[int] = field(default_factory=list)


def complete_pairs(columns: Sequence[Column]) -> list[tuple[Role, Role]]:
    """The pairs among these columns that give Z, best first; empty without a frequency."""
    roles = {c.role for c in columns}
    if not roles & {"f", "omega"}:
        return []
    return [p for p in PAIRS if p[0] in roles and p[1] in roles]


def find_tables(
    text: TextFile,
    *,
    options: ReadOptions,
    adjust: Callable[[Column], Column] | None = None,
) -> list[Table]:
    """All tables with a frequency and a complete pair, in the order of the file.

    adjust: a format's own reading of a column. Raises ReadError with the line of a row that cannot be read.
    """
    open_table: _Open | None = None
    done: list[_Open] = []
    last_end = 0
    chosen = _chosen_columns(options)
    tried = 0
    for number, line in enumerate(text.lines, start=1):
        if not line.strip():
            continue
        stripped = line.lstrip(" \t#%!;\"'\ufeff")
        looks_numeric = bool(NUMBER_START.match(line))
        if not looks_numeric and tried < _MOST_REMARKS and not _only_gaps(line):
            tried += 1
            columns = _header(stripped if line[0] in "#%!" else line, text, number, chosen)
            if columns is not None:
                if open_table is not None and open_table.rows:
                    done.append(open_table)
                    last_end = open_table.rows[-1][0]
                tried = 0
                used, width, ignored = columns
                if adjust is not None:
                    used = tuple(adjust(c) for c in used)
                open_table = _Open(used, number, (last_end + 1, number - 1), width, ignored)
                continue
        if open_table is None:
            continue
        if not open_table.rows and _is_unit_row(line, open_table):
            open_table.columns = _with_units(line, open_table.columns)
            continue
        separator = row_separator(line)
        cells = split_cells(line.rstrip(" \r"), separator)
        if _is_row(cells, separator, open_table):
            open_table.separator = open_table.separator or separator
            open_table.rows.append((number, line, cells))
        else:
            open_table.skipped.append(number)
    if open_table is not None and open_table.rows:
        done.append(open_table)
    return [_numbers(t, text) for t in done]


def nearest_header(text: TextFile) -> tuple[int, tuple[Column, ...]] | None:
    """The line that names the most quantities without being a header of an impedance, for the error message."""
    best: tuple[int, tuple[Column, ...]] | None = None
    for number, line in enumerate(text.lines[:2000], start=1):
        if not line.strip() or NUMBER_START.match(line) or len(line) > 20_000:
            continue
        for separator in (s for s in ("\t", ";", ",") if s in line):
            cells = split_cells(line, separator)
            known = tuple(c for c in map(identify, cells, range(len(cells))) if c.role is not None)
            if len(known) >= 2 and (best is None or len(known) > len(best[1])):
                best = number, known
    return best


def _only_gaps(line: str) -> bool:
    return all(is_gap(c) for c in re.split(r"[\t;,\s]+", line))


def _chosen_columns(options: ReadOptions) -> dict[str, tuple[Role, int]]:
    chosen: dict[str, tuple[Role, int]] = {}
    for role_text, header in options.columns.items():
        column = identify(role_text, 0)
        if column.role is None:
            raise ReadError(
                f'"{role_text}" is no quantity known here',
                remedy="use f, Z', Z'', -Z'', |Z|, phase, ...",
            )
        chosen[header.strip()] = (column.role, column.sign)
    return chosen


def _header(
    line: str, text: TextFile, number: int, chosen: dict[str, tuple[Role, int]]
) -> tuple[tuple[Column, ...], int, tuple[str, ...]] | None:
    """Columns of a header line, the number of its cells, and the headers not understood."""
    if len(line) > 20_000 or not (chosen or _FREQUENCY.search(line)):
        return None
    best: tuple[tuple[Column, ...], int, tuple[str, ...]] | None = None
    separators = [s for s in ("\t", ";", ",", "|") if s in line and not (s == "|" and "|Z" in line)]
    for separator in (*separators, "two or more spaces", WHITESPACE):
        if separator == "two or more spaces":
            cells = [c for c in re.split(r"\s{2,}|\t", line.strip().strip('"').strip()) if c]
        else:
            cells = split_cells(
                line.strip() if separator == WHITESPACE else line.rstrip(" \r"), separator
            )
        if len(cells) < 2:
            continue
        cells = _fit_width(cells, text, number, separator)
        columns = tuple(_choose(identify(c, i), chosen) for i, c in enumerate(cells))
        pairs = complete_pairs(columns)
        if pairs and (
            best is None
            or len([c for c in columns if c.role]) > len([c for c in best[0] if c.role])
        ):
            unknown = tuple(c.header for c in columns if c.role is None and c.header)
            best = columns, len(cells), unknown
            if separator != WHITESPACE:
                break
    return best


def _fit_width(cells: list[str], text: TextFile, number: int, separator: str) -> list[str]:
    """Drop empty header cells where the rows below have as many cells as there are names (doubled separators)."""
    if "" not in cells or separator == WHITESPACE:
        return cells
    named = [c for c in cells if c]
    for line in text.lines[number : number + 6]:
        if NUMBER_START.match(line):
            found = split_cells(line.rstrip("\t ;,"), row_separator(line))
            if len(found) <= len(named) and "" not in found and "" in cells[: len(found)]:
                return named
            break
    return cells


def _choose(column: Column, chosen: dict[str, tuple[Role, int]]) -> Column:
    if not chosen:
        return column
    pick = chosen.get(column.header) or chosen.get(str(column.position + 1))
    role, sign = pick if pick else (None, 1)
    if role is None and column.role in ("T", "T set", "cycle", "t"):
        return column
    return Column(
        header=column.header, position=column.position, role=role, sign=sign,
        factor=column.factor if role == column.role else None,
        unit=column.unit if role == column.role else "", logarithm=column.logarithm and role == column.role,
    )  # fmt: skip


def _is_unit_row(line: str, table: _Open) -> bool:
    if NUMBER_START.match(line):
        return False
    cells = split_cells(line, row_separator(line))
    known = [is_unit_cell(c) for c in cells]
    if len(cells) < 2 or not any(c.strip(" #") for c in cells):
        return False
    return sum(known) >= 0.5 * len(cells) and any(_is_real_unit(c) for c in cells)


def _is_real_unit(cell: str) -> bool:
    return bool(cell.strip(" #-\"'[]()")) and is_unit_cell(cell)


def _with_units(line: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    cells = split_cells(line, row_separator(line))
    return tuple(with_unit(c, cells[c.position]) if c.position < len(cells) else c for c in columns)


def _is_row(cells: list[str], separator: str, table: _Open) -> bool:
    """A line is a row where its frequency cell is a number or a gap and another cell is a number too."""
    place = next(c.position for c in table.columns if c.role in ("f", "omega"))
    if len(cells) > table.width + 1 and separator != ",":
        return len(cells) < 2 * table.width + 2 and all(is_numeric(c) for c in cells if c)
    if place >= len(cells):
        # a row cut short is still a row: it is refused with its line, not passed over
        return len(cells) > 1 and all(is_numeric(c) for c in cells)
    if not is_numeric(cells[place]):
        return False
    whole = len(cells) >= table.width
    return whole or any(is_numeric(c) for i, c in enumerate(cells) if c and i != place)


def _numbers(table: _Open, text: TextFile) -> Table:
    used = [c for c in table.columns if c.role is not None]
    positions = [c.position for c in used]
    separator, decimal, notes = dialect(
        table.rows,
        separator=table.separator,
        width=table.width,
        positions=positions,
        path=text.path,
    )
    _check_width(table, separator, text)
    needed = _needed(used)
    values = np.full((len(table.rows), len(used)), np.nan)
    for k, (number, line, split) in enumerate(table.rows):
        cells = (
            split
            if separator == table.separator and separator == row_separator(line)
            else split_cells(line, separator)
        )
        for i, position in enumerate(positions):
            value = parse_number(cells[position], decimal) if position < len(cells) else None
            if value is None:
                if i in needed:
                    _refuse_cell(text, number, used[i], cells, position)
                continue
            values[k, i] = value
    first, last = table.rows[0][0], table.rows[-1][0]
    for n in table.skipped:
        if n < last or (n == last + 1 and separator != WHITESPACE):
            _refuse_damaged(n, table, text)
    inner = [n for n in table.skipped if first < n < last]
    if inner:
        names = ", ".join(map(str, inner[:5]))
        notes.append(f"line {names} inside the table holds no numbers and was passed over")
    return Table(
        columns=tuple(used), values=values, line=np.array([n for n, _, _ in table.rows], dtype=np.int64),
        header_line=table.header_line, above=table.above, ignored=table.ignored, notes=tuple(notes),
        remarks=tuple((n, text.lines[n - 1].strip()) for n in table.skipped if n < last),
    )  # fmt: skip


def _check_width(table: _Open, separator: str, text: TextFile) -> None:
    """More values than names: nobody can tell which value has no name."""
    number, line, _ = table.rows[0]
    cells = split_cells(line.strip("\r"), separator)
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > table.width:
        raise ReadError(
            f"the row has {len(cells)} values, and the header {table.width} names",
            why="which value has no name cannot be told",
            remedy='complete the header line, or remove it and use --column f=1 --column "Z\'=2" --column "Z\'\'=3"',
            where=text.at(number),
        )


def _refuse_damaged(number: int, table: _Open, text: TextFile) -> None:
    """A line amid the rows that begins like a number and has their number of cells is a damaged row, not a remark."""
    line = text.lines[number - 1]
    cells = split_cells(line.rstrip(), row_separator(line))
    if NUMBER_START.match(line) and len(cells) == len(table.rows[0][2]):
        place = next(c for c in table.columns if c.role in ("f", "omega"))
        _refuse_cell(text, number, place, cells, min(place.position, len(cells) - 1))


def _needed(used: Sequence[Column]) -> set[int]:
    pair = complete_pairs(used)[0]
    return {i for i, c in enumerate(used) if c.role in (*pair, "f", "omega")}


def _refuse_cell(
    text: TextFile, number: int, column: Column, cells: list[str], position: int
) -> None:
    short = position >= len(cells)
    what = (
        f'no value for "{column.header}"' if short else f'"{cells[position][:40]}" is not a number'
    )
    raise ReadError(
        f"{what} in column {position + 1}",
        why=f"the row has {len(cells)} cells" if short else f'it stands under "{column.header}"',
        remedy="the file may be cut short or damaged: export it again, or repair or remove this row",
        where=text.at(number),
    )
