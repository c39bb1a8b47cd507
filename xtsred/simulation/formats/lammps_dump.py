"""LAMMPS text dump: ITEM blocks; orthogonal and triclinic boxes with any origin.

Columns are found by name: x y z, xu yu zu (Å), xs ys zs, xsu ysu zsu (fractions of the box); `element` where
dumped, else `type` with ReadOptions.types. Atoms are sorted by id. Units: Å (real, metal); others are refused
where the dump states them.
Bounds of a triclinic box: LAMMPS manual, Howto_triclinic.
"""

from collections.abc import Iterator

import numpy as np

from calibration.errors import ReadError
from xtsred.simulation.formats.lines import LineReader, numbers, whole_number
from xtsred.simulation.frame import (
    Frame,
    ReadOptions,
    checked_cell,
    checked_frame,
    known_symbol,
)
from xtsred.stages import Array

__all__ = ["NAME", "matches", "read"]

NAME = "lammps-dump"

_CARTESIAN = (("x", "y", "z"), ("xu", "yu", "zu"))
_SCALED = (("xs", "ys", "zs"), ("xsu", "ysu", "zsu"))


def matches(head: str, file_name: str) -> bool:
    """The first line is an ITEM."""
    return head.lstrip().startswith("ITEM:")


def read(lines: LineReader, options: ReadOptions) -> Iterator[Frame]:
    """Yield the wanted frames. Raises ReadError."""
    index = -1
    step: int | None = None
    count = 0
    box: tuple[Array, Array] | None = None
    while (text := lines.line()) is not None:
        item = text.strip()
        if not item:
            continue
        if item == "ITEM: TIMESTEP":
            step = _whole(lines, "the time step")
        elif item == "ITEM: UNITS":
            _check_units(lines.need("the units").strip(), where=lines.where)
        elif item == "ITEM: TIME":
            lines.need("the time")
        elif item == "ITEM: NUMBER OF ATOMS":
            count = _whole(lines, "the number of atoms")
        elif item.startswith("ITEM: BOX BOUNDS"):
            box = _box(item, lines)
        elif item.startswith("ITEM: ATOMS"):
            index += 1
            if options.frames.done(index):
                return
            if not options.frames.wanted(index):
                lines.skip(count, f"frame {index}")
                continue
            if box is None or count == 0:
                lacking = "box" if box is None else "atoms"
                raise ReadError(f"the frame has no {lacking}", where=lines.where)
            yield _atoms(item.split()[2:], lines, options, (count, index, step), box)
        else:
            raise ReadError(
                "expected a line that begins with ITEM:",
                why=f"the line is {item[:80]!r}: the number of atoms does not fit",
                where=lines.where,
            )


def _whole(lines: LineReader, what: str) -> int:
    return whole_number(lines.need(what), what, where=lines.where)


def _check_units(units: str, *, where: str) -> None:
    if units not in ("real", "metal"):
        raise ReadError(
            f"lengths in LAMMPS units {units!r} are not Å",
            remedy="write the dump with units real or metal",
            where=where,
        )


def _box(item: str, lines: LineReader) -> tuple[Array, Array]:
    """Cell and origin."""
    start = lines.number + 1
    rows = lines.block(3, "the box")
    if "abc origin" in item:
        table = numbers(rows, slice(0, 4), first_line=start, name=lines.name)
        return checked_cell(table[:, :3], where=lines.where), table[:, 3]
    flags = item.split()[3:]
    tilted = flags[:3] == ["xy", "xz", "yz"]
    if any("p" not in flag for flag in flags[3 if tilted else 0 :]):
        raise ReadError(
            "the box is not periodic in all three directions",
            why=f"its boundaries are {' '.join(flags)}",
            where=lines.where,
        )
    table = numbers(rows, slice(0, 3 if tilted else 2), first_line=start, name=lines.name)
    low, high = table[:, 0].copy(), table[:, 1].copy()
    xy, xz, yz = table[:, 2] if tilted else (0.0, 0.0, 0.0)
    low[0] -= min(0.0, xy, xz, xy + xz)
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    lx, ly, lz = high - low
    return checked_cell([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]], where=lines.where), low


def _atoms(
    columns: list[str],
    lines: LineReader,
    options: ReadOptions,
    counted: tuple[int, int, int | None],
    box: tuple[Array, Array],
) -> Frame:
    count, index, step = counted
    cell, origin = box
    where = lines.where
    start = lines.number + 1
    rows = [row.split() for row in lines.block(count, f"frame {index}")]
    named = next((c for c in (*_CARTESIAN, *_SCALED) if set(c) <= set(columns)), None)
    label = next((c for c in ("element", "type") if c in columns), None)
    if named is None or label is None or any(len(row) < len(columns) for row in rows):
        raise ReadError(
            "a dump needs the columns type (or element) and x y z (or xs, xu, xsu) in every line",
            why=f"its columns are {' '.join(columns)}",
            where=where,
        )
    places = [columns.index(c) for c in named]
    try:
        positions = np.array([[float(row[p]) for p in places] for row in rows])
    except ValueError as error:
        raise ReadError("a position is not a number", why=str(error), where=where) from None
    positions = positions @ cell if named in _SCALED else positions - origin
    if "id" in columns:
        place = columns.index("id")
        ids = [whole_number(row[place], "the id of an atom", where=where) for row in rows]
        order = np.argsort(ids, kind="stable")
        rows = [rows[i] for i in order]
        positions = positions[order]
    labels = [row[columns.index(label)] for row in rows]
    names = {
        x: known_symbol(x, options, where=f"{lines.name}:{start}") for x in dict.fromkeys(labels)
    }
    return checked_frame(
        cell=cell,
        symbols=[names[x] for x in labels],
        positions=positions,
        index=index,
        step=step,
        where=f"{lines.name}:{start}",
    )
