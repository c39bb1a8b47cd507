"""XYZ: number of atoms, a comment, one line per atom; frames follow each other.

The cell is in the comment: `Lattice="ax ay az bx ..."` (extended XYZ, with `Properties=` for the columns),
or `CUB a` (cubic), or nowhere (plain XYZ, CPMD's TRAJEC.xyz): then it comes from ReadOptions.cell.
Units: Å, stated by the format. Ignored: every other column and key.
"""

import re
from collections.abc import Iterator

import numpy as np

from calibration.errors import ReadError
from xtsred.simulation.formats.lines import LineReader, number, numbers, whole_number
from xtsred.simulation.frame import (
    Frame,
    ReadOptions,
    checked_cell,
    checked_frame,
    known_symbol,
)
from xtsred.stages import Array

__all__ = ["NAME", "matches", "read"]

NAME = "xyz"

_LATTICE = re.compile(r'lattice\s*=\s*["\']([^"\']+)["\']', re.IGNORECASE)
_PROPERTIES = re.compile(r'properties\s*=\s*"?([^\s"]+)', re.IGNORECASE)
_PBC = re.compile(r'pbc\s*=\s*["\']?\s*([TF10])[\s,]+([TF10])[\s,]+([TF10])', re.IGNORECASE)


def matches(head: str, file_name: str) -> bool:
    """A first line that is one whole number, and a third that begins with a name and three numbers."""
    lines = head.splitlines()
    if len(lines) < 3 or not lines[0].strip().isdecimal():
        return False
    return len(lines[2].split()) >= 4 or "properties=" in lines[1].lower()


def read(lines: LineReader, options: ReadOptions) -> Iterator[Frame]:
    """Yield the wanted frames. Raises ReadError."""
    index = -1
    while (first := lines.line()) is not None:
        if not first.strip():
            continue
        index += 1
        if options.frames.done(index):
            return
        count = _count(first, lines)
        comment = lines.need("the comment line")
        if not options.frames.wanted(index):
            lines.skip(count, f"frame {index}")
            continue
        cell = _cell(comment, options, where=lines.where)
        species_column, position_column = _columns(comment, where=lines.where)
        start = lines.number + 1
        rows = lines.block(count, f"frame {index}")
        positions = numbers(
            rows, slice(position_column, position_column + 3), first_line=start, name=lines.name
        )
        labels = [_word(row, species_column, where=f"{lines.name}:{start}") for row in rows]
        names = {
            label: known_symbol(label, options, where=f"{lines.name}:{start}")
            for label in dict.fromkeys(labels)
        }
        yield checked_frame(
            cell=cell,
            symbols=[names[label] for label in labels],
            positions=positions,
            index=index,
            where=f"{lines.name}:{start}",
        )


def _word(row: str, column: int, *, where: str) -> str:
    words = row.split(None, column + 1)
    if len(words) <= column:
        raise ReadError(
            "a line has fewer columns than Properties says",
            why=f"the line is {row.strip()[:80]!r}",
            where=where,
        )
    return words[column]


def _count(text: str, lines: LineReader) -> int:
    what = "the number of atoms of the next frame"
    count = whole_number(text, what, where=lines.where)
    if count == 0:
        raise ReadError(f"expected {what}", why="it is 0", where=lines.where)
    return count


def _cell(comment: str, options: ReadOptions, *, where: str) -> Array:
    periodic = _PBC.search(comment)
    if periodic and any(flag.upper() in "F0" for flag in periodic.groups()):
        raise ReadError(
            "the box is not periodic in all three directions",
            why="g(r) and S(Q) of a bulk sample need a periodic cell",
            where=where,
        )
    if found := _LATTICE.search(comment):
        cells = found.group(1).split()
        if len(cells) == 9:
            return checked_cell(
                [number(c, "nine numbers in Lattice", where=where) for c in cells], where=where
            )
        raise ReadError("Lattice needs nine numbers", why=f"it has {len(cells)}", where=where)
    words = comment.split()
    if len(words) >= 2 and words[0].upper() == "CUB":
        return checked_cell(
            np.eye(3) * number(words[1], "the edge of the cube", where=where), where=where
        )
    if options.cell is not None:
        return options.cell
    raise ReadError(
        "the file has no cell",
        why="without the periodic cell there is no density and no g(r)",
        remedy="give it in Å with --cell a or --cell a b c, or write extended XYZ with Lattice=",
        where=where,
    )


def _columns(comment: str, *, where: str) -> tuple[int, int]:
    """Columns of the element and of x."""
    found = _PROPERTIES.search(comment)
    if not found:
        return 0, 1
    parts = found.group(1).split(":")
    column, places = 0, {}
    for name, width in zip(parts[0::3], parts[2::3], strict=False):
        places[name.lower()] = column
        column += whole_number(width, "a width in Properties", where=where)
    if "species" not in places or "pos" not in places:
        raise ReadError("Properties names no species and pos", where=where)
    return places["species"], places["pos"]
