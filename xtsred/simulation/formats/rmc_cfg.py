"""RMC configuration (.cfg, "Version 3 format configuration file"): one configuration.

Positions are fractions from -1 to 1 of three defining vectors, which are half the cell's edges. Types are numbered:
ReadOptions.types names their elements. A truncated octahedral box is refused. Units: Å.
Source: McGreevy, J. Phys.: Condens. Matter 13 (2001) R877, and the manual of RMCA.
"""

import re
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

__all__ = ["NAME", "matches", "read"]

NAME = "rmc-cfg"

_OF_TYPE = re.compile(r"(\d+)\s+molecules\s+of\s+type\s+(\d+)", re.IGNORECASE)


def matches(head: str, file_name: str) -> bool:
    """The phrase that every such file begins with."""
    return "version 3 format configuration" in head.lower()


def _first(text: str) -> str:
    """The first word, "" on an empty line."""
    return (text.split() or [""])[0]


def read(lines: LineReader, options: ReadOptions) -> Iterator[Frame]:
    """Yield the one frame. Raises ReadError."""
    vectors = None
    groups: list[tuple[int, str]] = []
    expected = 1
    while len(groups) < expected:
        text = lines.need("the list of molecule types")
        low = text.lower()
        if "types of molecules" in low:
            expected = whole_number(_first(text), "the number of molecule types", where=lines.where)
        elif "truncated octahedral" in low and _first(text).upper().startswith("T"):
            raise ReadError(
                "a truncated octahedral box is not a parallelepiped",
                remedy="convert the configuration to a cubic cell",
                where=lines.where,
            )
        elif "defining vectors" in low:
            start = lines.number + 1
            rows = lines.block(3, "the defining vectors")
            vectors = numbers(rows, slice(0, 3), first_line=start, name=lines.name)
        elif found := _OF_TYPE.search(text):
            count = whole_number(found.group(1), "a number of molecules", where=lines.where)
            groups.append((count, found.group(2)))
            sites = lines.need("the number of atomic sites")
            if _first(sites) != "1":
                raise ReadError("molecules of several atoms are not supported", where=lines.where)
            lines.need("the position of the site")
    if vectors is None:
        raise ReadError("the file has no cell", why="no defining vectors", where=lines.where)
    atoms = sum(count for count, _ in groups)
    if atoms == 0:
        raise ReadError("the file names no atoms", where=lines.where)
    text = lines.need("the positions")
    while not text.strip():
        text = lines.need("the positions")
    start = lines.number
    rows = [text, *lines.block(atoms - 1, "the positions")]
    fraction = numbers(rows, slice(0, 3), first_line=start, name=lines.name)
    if np.max(np.abs(fraction)) > 1.0 + 1e-6:
        raise ReadError(
            "positions leave the range -1 to 1", why="the format demands it", where=lines.where
        )
    symbols = [  # no sooner than the file has shown that it holds as many
        name
        for count, label in groups
        for name in [known_symbol(label, options, where=lines.where)] * count
    ]
    cell = checked_cell(2.0 * vectors, where=lines.where)
    yield checked_frame(
        cell=cell,
        symbols=symbols,
        positions=0.5 * (fraction + 1.0) @ cell,
        index=0,
        where=f"{lines.name}:{start}",
    )
