"""LAMMPS data file: one configuration; box with any origin, tilt factors, Masses, Atoms.

Types become elements by ReadOptions.types, else by their mass (within 0.2 g/mol of one element only).
The columns of Atoms follow from their number: 5 (or 8 with image flags) id type x y z; 6 (9) id type q x y z or
id molecule type x y z, by the style written after `Atoms #`; 7 (10) id molecule type q x y z. A style that its
own columns contradict is not believed. Units: Å (real, metal), not stated by the format.
"""

from collections.abc import Iterator

import numpy as np

from calibration.composition import ELEMENTS
from calibration.errors import ReadError
from xtsred.simulation.formats.lines import LineReader, number, whole_number
from xtsred.simulation.frame import (
    Frame,
    ReadOptions,
    checked_cell,
    checked_frame,
    known_symbol,
)

__all__ = ["NAME", "matches", "read"]

NAME = "lammps-data"

# columns of the type and of x by the number of columns; 6 and 9 need the style
_BY_COLUMNS = {5: (1, 2), 8: (1, 2), 7: (2, 4), 10: (2, 4)}
_BY_STYLE = {"charge": (1, 3), "molecular": (2, 3), "bond": (2, 3), "angle": (2, 3)}


def matches(head: str, file_name: str) -> bool:
    """Lines "N atoms" and "... xlo xhi" near the top."""
    lines = [line.split("#")[0].split() for line in head.splitlines()[:40]]
    return any(x[1:] == ["atoms"] for x in lines) and any(x[2:] == ["xlo", "xhi"] for x in lines)


def read(lines: LineReader, options: ReadOptions) -> Iterator[Frame]:
    """Yield the one frame. Raises ReadError."""
    lines.need("the title")
    bounds: dict[str, list[float]] = {}
    count = 0
    masses: dict[str, float] = {}
    while (text := lines.line()) is not None:
        body, _, comment = text.partition("#")
        words = body.split()
        if not words:
            continue
        if words[1:] == ["atoms"]:
            count = whole_number(words[0], "the number of atoms", where=lines.where)
        elif words[2:] in (["xlo", "xhi"], ["ylo", "yhi"], ["zlo", "zhi"]):
            bounds[words[2][0]] = [
                number(w, "a bound of the box", where=lines.where) for w in words[:2]
            ]
        elif words[3:] == ["xy", "xz", "yz"]:
            bounds["tilt"] = [number(w, "a tilt of the box", where=lines.where) for w in words[:3]]
        elif words == ["Masses"]:
            masses = _masses(lines)
        elif words == ["Atoms"]:
            yield _atoms(lines, options, count, bounds, masses, comment.strip().split(" ")[0])
            return
    raise ReadError("the file has no section Atoms", where=lines.where)


def _masses(lines: LineReader) -> dict[str, float]:
    lines.need("a blank line")
    masses: dict[str, float] = {}
    while (text := lines.line()) is not None and text.strip():
        words = text.split("#")[0].split()
        if len(words) != 2:
            raise ReadError(
                "a line of Masses is not a type and its mass",
                why=f"the line is {text.strip()[:80]!r}",
                where=lines.where,
            )
        masses[words[0]] = number(words[1], "a mass", where=lines.where)
    return masses


def _atoms(
    lines: LineReader,
    options: ReadOptions,
    count: int,
    bounds: dict[str, list[float]],
    masses: dict[str, float],
    style: str,
) -> Frame:
    missing = [axis for axis in "xyz" if axis not in bounds]
    if missing:
        raise ReadError(
            "the file has no cell", why=f"no {missing[0]}lo {missing[0]}hi", where=lines.where
        )
    if count == 0:
        raise ReadError("the file names no atoms", where=lines.where)
    low = np.array([bounds[axis][0] for axis in "xyz"])
    lx, ly, lz = (bounds[axis][1] - bounds[axis][0] for axis in "xyz")
    xy, xz, yz = bounds.get("tilt", [0.0, 0.0, 0.0])
    cell = checked_cell([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]], where=lines.where)
    lines.need("a blank line")
    where = f"{lines.name}:{lines.number + 1}"
    rows = [row.split("#")[0].split() for row in lines.block(count, "the section Atoms")]
    width = len(rows[0]) if rows else 0
    place = _BY_COLUMNS.get(width) or (_BY_STYLE.get(style) if width in (6, 9) else None)
    if place is None or any(len(row) != width for row in rows):
        raise ReadError(
            f"the columns of Atoms are not understood ({width} columns, style {style or 'not stated'})",
            remedy='write the style after the word Atoms, for instance "Atoms # charge"',
            where=where,
        )
    kind, x = place
    try:
        positions = np.array([[float(v) for v in row[x : x + 3]] for row in rows]) - low
        order = np.argsort([int(row[0]) for row in rows], kind="stable")
    except ValueError as error:
        raise ReadError("a line of Atoms is not all numbers", why=str(error), where=where) from None
    labels = [rows[i][kind] for i in order]
    names = {
        label: _element(label, masses, options, where=where) for label in dict.fromkeys(labels)
    }
    return checked_frame(
        cell=cell,
        symbols=[names[label] for label in labels],
        positions=positions[order],
        index=0,
        where=where,
    )


def _element(label: str, masses: dict[str, float], options: ReadOptions, *, where: str) -> str:
    if label in options.types or label not in masses:
        return known_symbol(label, options, where=where)
    from xtsred.atoms import Composition

    near = [
        symbol
        for symbol in ELEMENTS[:95]
        if abs(Composition.of({symbol: 1.0}).mean_atomic_mass - masses[label]) < 0.2
    ]
    if len(near) == 1:
        return near[0]
    raise ReadError(
        f"type {label} of mass {masses[label]:g} is no element that can be told",
        why=f"elements of that mass: {', '.join(near) or 'none'}",
        remedy="say which element each type is, for instance --types 1=Si,2=O",
        where=where,
    )
