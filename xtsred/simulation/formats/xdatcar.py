"""VASP XDATCAR: title, scale, cell, element names, numbers, then one block of fractional positions per frame.

The header may be repeated before every frame (variable cell). Units: Å; a negative scale is the volume in Å^3.
"""

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

NAME = "xdatcar"


def matches(head: str, file_name: str) -> bool:
    """A line "Direct configuration=" within the first lines."""
    return any(line.strip().lower().startswith("direct conf") for line in head.splitlines()[:12])


def read(lines: LineReader, options: ReadOptions) -> Iterator[Frame]:
    """Yield the wanted frames. Raises ReadError."""
    index = -1
    cell: Array | None = None
    groups: list[tuple[str, int]] = []
    atoms = 0
    while (text := lines.line()) is not None:
        if not text.strip() and cell is not None:
            continue
        if not text.strip().lower().startswith("direct"):
            cell, groups = _header(lines, options)
            atoms = sum(count for _, count in groups)
            continue
        index += 1
        if options.frames.done(index):
            return
        if cell is None:
            raise ReadError("a frame stands before the cell", where=lines.where)
        if not options.frames.wanted(index):
            lines.skip(atoms, f"frame {index}")
            continue
        start = lines.number + 1
        rows = lines.block(atoms, f"frame {index}")
        fractional = numbers(rows, slice(0, 3), first_line=start, name=lines.name)
        yield checked_frame(
            cell=cell,
            symbols=[name for name, count in groups for _ in range(count)],
            positions=fractional @ cell,
            index=index,
            where=f"{lines.name}:{start}",
        )


def _header(lines: LineReader, options: ReadOptions) -> tuple[Array, list[tuple[str, int]]]:
    """What follows the title: scale, cell, names and numbers."""
    scale_line = lines.need("the scale")
    scale = number(scale_line, "the scale factor", where=lines.where)
    start = lines.number + 1
    rows = lines.block(3, "the cell")
    cell = numbers(rows, slice(0, 3), first_line=start, name=lines.name)
    cell = checked_cell(cell, where=lines.where)
    factor = scale if scale > 0.0 else (abs(scale) / abs(np.linalg.det(cell))) ** (1.0 / 3.0)
    labels = lines.need("the element names").split()
    if all(label.isdecimal() for label in labels):
        raise ReadError(
            "the file names no elements",
            why="it is in the format of VASP 4",
            remedy="add a line with the element names before the line with their numbers",
            where=lines.where,
        )
    names = [known_symbol(label, options, where=lines.where) for label in labels]
    counts = lines.need("the numbers of atoms").split()
    if len(counts) != len(names) or not names:
        raise ReadError("names and numbers of atoms do not match", where=lines.where)
    groups = [
        (name, whole_number(count, "a number of atoms", where=lines.where))
        for name, count in zip(names, counts, strict=True)
    ]
    if not any(count for _, count in groups):
        raise ReadError("the file names no atoms", where=lines.where)
    return checked_cell(cell * factor, where=lines.where), groups
