"""A table without names: the longest run of rows of numbers, and what physics says about three columns."""

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from cis.io.cells import Row, dialect, is_numeric, row_separator, split_cells
from cis.io.columns import Column, identify
from cis.io.derive import derive
from cis.io.numerals import parse_number
from cis.io.options import ReadOptions
from cis.io.physics import bode_agreement, bode_slope
from cis.io.table import Table
from cis.io.text import TextFile
from cis.stages import Array, ComplexArray

__all__ = ["decide", "name_columns", "refuse_unknown_names", "unheaded_table"]

_READINGS = (("Z'", "Z''"), ("Z'", "-Z''"), ("|Z|", "phase/deg"), ("|Z|", "-phase/deg"))


def unheaded_table(text: TextFile) -> Table | None:
    """The longest run of three or more rows with the same number (two or more) of numbers; None where there is none."""
    best: list[Row] = []
    run: list[Row] = []
    for number, line in enumerate(text.lines, start=1):
        bare = line.strip(" \r,;")
        if not bare:
            continue
        cells = split_cells(bare, row_separator(bare))
        whole = len(cells) >= 2 and all(is_numeric(c) for c in cells)
        if not whole or (run and len(cells) != len(run[0][2])):
            best = max(best, run, key=len)
            run = []
        if whole:
            run.append((number, bare, cells))
    best = max(best, run, key=len)
    if len(best) < 3:
        return None
    width = len(best[0][2])
    separator = row_separator(best[0][1])
    if separator == "," and not any("." in line for _, line, _ in best) and width % 2 == 0:
        return None  # 1,5,2,3 may be two numbers or four
    separator, decimal, notes = dialect(
        best, separator=separator, width=width, positions=range(width), path=text.path
    )
    values = np.full((len(best), width), np.nan)
    for k, (number, _, cells) in enumerate(best):
        for i, cell in enumerate(cells):
            value = parse_number(cell, decimal)
            if value is None:
                raise ReadError(f'"{cell[:40]}" is not a number', where=text.at(number))
            values[k, i] = value
    return Table(
        columns=tuple(Column(header=f"column {i + 1}", position=i) for i in range(width)),
        values=values,
        line=np.array([n for n, _, _ in best], dtype=np.int64),
        header_line=0,
        above=(1, best[0][0] - 1),
        notes=tuple(notes),
    )


def refuse_unknown_names(table: Table, text: TextFile) -> None:
    """Names that are there and not understood are not passed over: they may state a unit or a sign. Raises ReadError."""
    above = next((n for n in range(table.above[1], 0, -1) if text.lines[n - 1].strip()), 0)
    if not above:
        return
    line = text.lines[above - 1].strip(" \r,;#%\t")
    width = table.values.shape[1]
    for separator in ("\t", ";", ","):
        cells = split_cells(line, separator)
        if separator in line and len(cells) == width and not any(is_numeric(c) for c in cells):
            unknown = [c for c in cells if identify(c, 0).role is None]
            raise ReadError(
                "the names of the columns are not understood: "
                + ", ".join(f'"{c[:40]}"' for c in cells[:8]),
                why=(
                    f'"{unknown[0][:40]}" is no quantity known here'
                    if unknown
                    else "they are no frequency with a complete pair"
                ),
                remedy="say which is which with --column f=1 --column \"Z'=2\" --column \"Z''=3\" (or -Z'', |Z|, phase)",
                where=text.at(above),
            )


def name_columns(table: Table, options: ReadOptions) -> Table:
    """The columns that the user named by number. Raises ReadError for a number that is not there."""
    columns = []
    width = table.values.shape[1]
    for role, place in options.columns.items():
        column = identify(role, 0)
        if not place.strip().isdecimal() or not 1 <= int(place) <= width or column.role is None:
            raise ReadError(
                f'column "{place}" for {role} does not exist',
                why=f"the table has {width} columns and no header",
                remedy="give the number of the column, counted from 1",
            )
        columns.append(_named(role, int(place) - 1))
    return _with_columns(table, tuple(columns))


def _named(name: str, position: int) -> Column:
    found = identify(name, position)
    return Column(
        header=name, position=position, role=found.role, sign=found.sign, unit=found.unit,
        factor=1.0 if found.factor is None and found.role not in ("phase", "T") else found.factor,
    )  # fmt: skip


def _with_columns(table: Table, columns: tuple[Column, ...]) -> Table:
    return Table(
        columns=columns, values=table.values[:, [c.position for c in columns]], line=table.line,
        header_line=0, above=table.above, ignored=table.ignored, notes=table.notes,
    )  # fmt: skip


def decide(table: Table, text: TextFile, options: ReadOptions) -> tuple[Table, Finding]:
    """Name three columns: the one reading whose phase agrees with the slope of |Z|. Raises ReadError with the question."""
    found: list[tuple[float, str, Table]] = []
    if table.values.shape[1] == 3 and bool(np.all(table.values[:, 0] > 0)):
        # where the user has said the sign, a reading with the other name is the same reading
        signed = options.imaginary_sign == "file"
        for first, second in (r for r in _READINGS if signed or not r[1].startswith("-")):
            named = _with_columns(table, (_named("f", 0), _named(first, 1), _named(second, 2)))
            found.append((_score(named, first, options), f"f, {first}, {second}", named))
        found.sort(key=lambda s: -s[0])
    if not found or found[0][0] < 0.7 or found[1][0] > found[0][0] - 0.25:
        raise ReadError(
            "the columns have no names: which is f, which are Z' and Z'' (or |Z| and phase), and is it Z'' or -Z''?",
            why=f"{table.values.shape[1]} columns without a header can be read in several ways",
            remedy="say it with --column f=1 --column \"Z'=2\" --column \"Z''=3\" (or -Z''), or write a header line",
            where=text.at(int(table.line[0])),
        )
    score, names, named = found[0]
    return named, Finding(
        "warning",
        f"The columns have no names; they were read as {names}, the only reading in which the phase agrees with the slope of |Z|.",
        {"bode_correlation": score},
    )


def _score(named: Table, first: str, options: ReadOptions) -> float:
    """0..1: agreement of sign and of size of the phase; 0 for a reading that no passive sample allows."""
    if first == "|Z|" and (
        np.any(named.values[:, 1] <= 0) or np.max(np.abs(named.values[:, 2])) > 180.0
    ):
        return 0.0
    got = derive(named, options=options, where="", sign_known=True)
    f, z = got.frequency_hz, got.z_ohm
    good = np.isfinite(z) & (np.abs(z) > 0)
    if np.count_nonzero(good) < 5 or float(np.mean(z[good].real > 0)) < 0.8:
        return 0.0
    agreement = bode_agreement(f[good], z[good])
    return 0.0 if agreement is None else max(agreement, 0.0) * _size(f[good], z[good])


def _size(frequency_hz: Array, z: ComplexArray) -> float:
    """0..1: how near the mean square phase is to the one that the slope demands."""
    found = bode_slope(frequency_hz, np.abs(z))
    if found is None:
        return 0.0
    slope, weight, order = found
    phase = np.angle(z[order.astype(np.int64)]) * 2.0 / np.pi
    ss, pp = float(np.sum(weight * slope**2)), float(np.sum(weight * phase**2))
    return min(ss, pp) / max(ss, pp) if max(ss, pp) > 0 else 0.0
