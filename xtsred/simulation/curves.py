"""Curves in text files: which columns, and which function of Q they hold, stated or recognised from its limits.

Meanings: "S"; "S-1"; "Q(S-1)"; "barn" = <b>^2 (S - 1), the absolute neutron F(Q) in barn/sr/atom.
At large Q, S -> 1 and the others -> 0. Towards Q = 0, S(0) of a dense glass or liquid is small (its compressibility),
so S - 1 -> about -1, F -> about -<b>^2, and Q (S - 1) -> -Q.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.errors import InputError, ReadError
from calibration.report import Finding
from xtsred.simulation.formats.lines import LineReader, open_text
from xtsred.simulation.headings import column_names, real_space, stated_meaning, zero_start
from xtsred.stages import Array, frozen

__all__ = [
    "MEANINGS",
    "Curve",
    "Table",
    "check_q_unit",
    "read_table",
    "recognise",
    "structure_factor",
]

MEANINGS = ("S", "S-1", "Q(S-1)", "barn")

_SPLIT = re.compile(r"[\s,;]+")
# how far from -1 (times the scale) the value near Q = 0 may be: S(0) from -0.05 to 0.5
_LOW_LIMIT = (0.5, 1.08)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Numbers of a text file. names: of the columns, "" where the file has none; values: shape (rows, columns).

    comments: the lines above the numbers. zeros_until: where a curve that begins with nothing but zeros rises.
    """

    file: str
    names: tuple[str, ...]
    values: Array
    comments: tuple[str, ...] = ()
    zeros_until: float | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """S(Q) of a file. q: Å^-1, increasing; s, sigma: shape (n,), sigma None where the file has none.

    meaning: what the file held before conversion; how: "stated" or how it was recognised.
    """

    file: str
    q: Array
    s: Array
    sigma: Array | None
    meaning: str
    how: str
    findings: tuple[Finding, ...] = ()


def read_table(path: Path, *, zeros: Literal["placeholders", "values"] = "placeholders") -> Table:
    """Columns separated by blanks, commas or semicolons; comment and heading lines are passed over.

    Rows that are a placeholder (value and sigma exactly 0, or Q <= 0) are left out, and that is reported.
    zeros: "values" where a zero with a zero beside it is a result, as in g(r) below the first distance.
    Raises ReadError for a bad row, NaN, or Q that does not increase.
    """
    rows: list[list[float]] = []
    numbers_of_lines: list[int] = []
    comments: list[str] = []
    with open_text(path) as stream:
        lines = LineReader(stream, name=str(path))
        while (text := lines.line()) is not None:
            body = text.strip()
            if not body or body[0] in "#!%":
                if not rows and body:
                    comments.append(body)
                continue
            cells = _cells(body)
            values = _numbers(cells)
            if values is None:
                if len(rows) == 1 and len(rows[0]) == 1:  # RMCProfile: a count, a title, the rows
                    rows, numbers_of_lines = [], []
                if rows:
                    raise ReadError(
                        "a row is not all numbers",
                        why=f"the line is {body[:80]!r}",
                        where=lines.where,
                    )
                comments.append(body)
                continue
            if not all(math.isfinite(v) for v in values):
                raise ReadError("a value is not a finite number", where=lines.where)
            if rows and len(values) != len(rows[0]):
                raise _ragged(len(values), len(rows[0]), comments, where=lines.where)
            rows.append(values)
            numbers_of_lines.append(lines.number)
    if len(rows) < 2 or len(rows[0]) < 2:
        raise ReadError(
            "the file is empty"
            if not rows and not comments
            else "the file holds no curve of two or more columns",
            why="" if rows else "no row of it is numbers",
            remedy="give a table (Q and S(Q), or r and g(r)), or a trajectory in a format that is read",
            where=str(path),
        )
    values_all = np.array(rows)
    step = np.diff(values_all[:, 0])
    if np.any(step <= 0.0):
        bad = numbers_of_lines[int(np.nonzero(step <= 0.0)[0][0]) + 1]
        raise ReadError("the first column does not increase", where=f"{path}:{bad}")
    dummy = values_all[:, 0] <= 0.0
    if values_all.shape[1] >= 3 and zeros == "placeholders":
        dummy |= np.all(values_all[:, 1:3] == 0.0, axis=1)
    findings: tuple[Finding, ...] = ()
    if np.any(dummy):
        places = ", ".join(f"{x:.4g}" for x in values_all[dummy, 0][:6])
        findings = (
            Finding(
                "note",
                f"{path.name}: {np.count_nonzero(dummy)} placeholder row(s) left out (zero value and zero sigma, "
                f"or Q = 0), at Q = {places} Å^-1.",
            ),
        )
    if np.count_nonzero(~dummy) < 2:
        raise ReadError("the file holds nothing but zeros", where=str(path))
    return Table(
        file=str(path),
        names=_names(comments, values_all.shape[1]),
        values=frozen(values_all[~dummy]),
        comments=tuple(comments),
        zeros_until=_zeros_until(values_all),
        findings=findings,
    )


def _ragged(found: int, first: int, comments: list[str], *, where: str) -> ReadError:
    rdf = any("Number-of-rows" in c or "rdf" in c.lower() for c in comments)
    return ReadError(
        f"the row has {found} columns, the first has {first}",
        why="the file looks like the g(r) that LAMMPS averages over time" if rdf else "",
        remedy="state --calculated-is g(r)" if rdf else "",
        where=where,
    )


def _zeros_until(values: Array) -> float | None:
    """As `zero_start`; zeros whose uncertainty is zero too are placeholders, and tell nothing."""
    x, y = values[:, 0], values[:, 1]
    # a running coordination number only grows, and is zero where g is; an uncertainty does not
    if values.shape[1] >= 3 and np.any(np.diff(values[:, 2]) < 0.0):
        used = ~np.all(values[:, 1:3] == 0.0, axis=1)
        x, y = x[used], y[used]
    return zero_start(x, y) if len(x) > 1 else None


def _cells(text: str) -> list[str]:
    # with semicolons between the columns a comma is a decimal comma
    if ";" in text:
        text = text.replace(",", ".")
    return [c for c in _SPLIT.split(text) if c]


def _names(comments: list[str], columns: int) -> tuple[str, ...]:
    """The last line above the numbers that names as many columns as there are."""
    for line in reversed(comments):
        names = column_names(line)
        # Gudrun's header ends with three numbers
        if len(names) == columns and _numbers(names) is None:
            return tuple(names)
    return ("",) * columns


def _numbers(cells: list[str]) -> list[float] | None:
    try:
        return [float(c) for c in cells]
    except ValueError:
        return None


def structure_factor(
    table: Table,
    *,
    meaning: str | None,
    mean_b_squared: float | None = None,
) -> Curve:
    """The curve as S(Q). meaning: one of MEANINGS, None: recognised. mean_b_squared: <b>^2, barn, where known.

    Second column: the function; third, where present: its standard uncertainty. Raises InputError where the
    meaning cannot be told, is contradicted by the limits, or needs <b>^2.
    """
    q, y = table.values[:, 0], table.values[:, 1]
    _refuse_real_space(table, meaning)
    check_q_unit(table, q)
    sigma = table.values[:, 2] if table.values.shape[1] >= 3 else None
    findings = list(table.findings)
    if sigma is not None and (np.any(sigma < 0.0) or not np.any(sigma > 0.0)):
        findings.append(
            Finding(
                "warning", f"{Path(table.file).name}: the third column is no uncertainty; left out."
            )
        )
        sigma = None
    said = stated_meaning(table.comments)
    if said is not None and meaning not in (None, said[0]):
        raise InputError(
            f"the file holds {_LONG[said[0]]}, not {meaning}",
            why=said[1],
            remedy=f"state --is {said[0]}, or leave it out",
            where=table.file,
        )
    if meaning is None and said is not None:
        meaning, how = said
    elif meaning is None:
        meaning, how = recognise(q, y, mean_b_squared=mean_b_squared, where=table.file)
        findings.append(
            Finding(
                "note",
                f"{Path(table.file).name} is taken as {_LONG[meaning]}: {how}. Not stated with --is.",
            )
        )
    elif meaning in MEANINGS:
        how = "stated"
        findings += _contradicted(table, meaning, mean_b_squared)
    else:
        raise InputError(
            f"{meaning!r} is no function that is known here",
            remedy=f"one of {', '.join(MEANINGS)}",
            where=table.file,
        )
    scale: Array | float
    if meaning == "barn":
        if mean_b_squared is None:
            raise InputError(
                "an absolute F(Q) in barn needs the composition for its <b>^2",
                remedy="compare with a trajectory, or state the composition",
                where=table.file,
            )
        scale = mean_b_squared
    else:
        scale = q if meaning == "Q(S-1)" else 1.0
    s = y if meaning == "S" else 1.0 + y / scale
    converted = None if sigma is None else sigma / scale
    _check_raw_limit(q, y, meaning=meaning, where=table.file)
    curve = Curve(
        file=table.file,
        q=frozen(q),
        s=frozen(s),
        sigma=None if converted is None else frozen(converted),
        meaning=meaning,
        how=how,
        findings=tuple(findings),
    )
    _check_limit(curve)
    return curve


_LONG: Mapping[str, str] = {
    "S": "S(Q)",
    "S-1": "S(Q) - 1",
    "Q(S-1)": "Q [S(Q) - 1]",
    "barn": "absolute F(Q) = <b>^2 [S(Q) - 1] in barn/sr/atom",
}


def check_q_unit(table: Table, q: Array) -> None:
    """Refuse a Q in nm^-1, by its heading or its range. Raises InputError."""
    if re.search(r"nm\s*\^?\s*(-1|⁻¹)|1/nm", table.names[0]) or q[-1] > 120.0:
        raise InputError(
            "Q is not in Å^-1",
            why=f"it reaches {q[-1]:.4g}"
            + (f", heading {table.names[0]!r}" if table.names[0] else ""),
            remedy="divide the first column by 10 if it is in nm^-1",
            where=table.file,
        )


def _refuse_real_space(table: Table, meaning: str | None) -> None:
    found = real_space(table.comments, table.names, zeros_until=table.zeros_until)
    # a statement of the user outweighs the shape of a curve, not what the file itself says
    if found is None or (meaning is not None and "is zero up to" in found.text):
        return
    what = "a g(r)" if found.holds == "g" else "a function of r that is not a total g(r)"
    raise InputError(
        f"the file holds {what}, not S(Q)",
        why=found.text,
        remedy="a measurement must be given as S(Q); for a calculated curve state --calculated-is g(r)"
        if found.holds == "g"
        else "give S(Q), or a total g(r) as CALCULATED with --calculated-is g(r)",
        where=table.file,
    )


def _contradicted(table: Table, meaning: str, mean_b_squared: float | None) -> list[Finding]:
    """What the limits say, where they say something else than the user."""
    q, y = table.values[:, 0], table.values[:, 1]
    try:
        seen, how = recognise(q, y, mean_b_squared=mean_b_squared, where=table.file)
    except InputError:
        return []
    if seen == meaning:
        return []
    text = f"{Path(table.file).name} is stated to be {_LONG[meaning]}, and looks like {_LONG[seen]}: {how}."
    return [Finding("warning", text)]


def _check_raw_limit(q: Array, y: Array, *, meaning: str, where: str) -> None:
    """S - 1 and its multiples end at 0; divided by Q, even a curve that ends at 1 would look like it."""
    level = float(np.mean(y[q >= q[0] + 0.75 * (q[-1] - q[0])]))
    if meaning == "Q(S-1)" and q[-1] > 8.0 and abs(level) > max(0.25, float(np.std(y))):
        raise InputError(
            f"taken as {_LONG[meaning]}, the curve does not go to 0 (mean {level:.3g} over its last quarter)",
            why="Q (S - 1) oscillates about 0 at large Q, whatever the sample",
            remedy=f"state what it is: {', '.join(MEANINGS)}",
            where=where,
        )


def _check_limit(curve: Curve) -> None:
    high = curve.q >= curve.q[0] + 0.75 * (curve.q[-1] - curve.q[0])
    level = float(np.mean(curve.s[high]))
    if curve.q[-1] > 8.0 and abs(level - 1.0) > 0.25:
        raise InputError(
            f"taken as {_LONG[curve.meaning]}, the curve does not go to S = 1 (mean {level:.3g} over its last quarter)",
            why="S(Q) tends to 1 at large Q, whatever the sample",
            remedy=f"state what it is with --is {'|'.join(MEANINGS)}",
            where=curve.file,
        )


def recognise(q: Array, y: Array, *, mean_b_squared: float | None, where: str) -> tuple[str, str]:
    """What a curve is, and by which evidence. Raises InputError where two meanings fit, or none.

    q, y: shape (n,). mean_b_squared: <b>^2 in barn, None where the radiation is not neutrons or unknown.
    """
    span = q[-1] - q[0]
    level = float(np.mean(y[q >= q[0] + 0.75 * span]))
    swing = float(np.std(y))
    start = float(np.median(y[:6])) if q[0] < 1.0 else 0.0
    if abs(level - 1.0) < 0.15 and abs(level - 1.0) < abs(level) and start > -0.2:
        return "S", f"it tends to {level:.3f} at large Q"
    ask = InputError(
        "what the curve holds cannot be told from its limits",
        why=f"it tends to {level:.3g} at large Q and is {y[0]:.3g} at Q = {q[0]:.3g} Å^-1",
        remedy=f"state it with --is {'|'.join(MEANINGS)}",
        where=where,
    )
    if abs(level) > max(0.15, 0.5 * swing) or q[0] > 0.8:
        raise ask
    low = q <= max(0.8, q[min(5, len(q) - 1)])
    limit, slope = float(np.median(y[low])), float(np.median(y[low] / q[low]))
    flat = float(np.std(y[low]) / max(abs(limit), 1e-12))
    steep = float(np.std(y[low] / q[low]) / max(abs(slope), 1e-12))
    found = []
    if _fits(-limit) and flat < steep:
        found.append(("S-1", f"it tends to 0 at large Q and to {limit:.3g} (about -1) at small Q"))
    if mean_b_squared is not None and _fits(-limit / mean_b_squared) and flat < steep:
        found.append(
            (
                "barn",
                f"it tends to 0 at large Q and to {limit:.4g} at small Q, and -<b>^2 is {-mean_b_squared:.4g} barn",
            )
        )
    if _fits(-slope) and steep < flat:
        found.append(("Q(S-1)", f"it tends to 0 at large Q and to {slope:.3g} Q at small Q"))
    if len(found) != 1:
        raise ask
    return found[0]


def _fits(share: float) -> bool:
    return _LOW_LIMIT[0] <= share <= _LOW_LIMIT[1]
