"""Ivium IviumSoft data files (.idf).

Schema: "primary_data": three columns, Z' (Ohm), Z'' (Ohm, < 0 capacitive), frequency (Hz).
Uncertainties: none stated.
Metadata: Title, Method, Technique, starttime as "key=value" lines.
Structure: text lines after some binary bytes. A line "primary_data", a line with the number of columns, a line with the
    number of points, rows divided by white space. "osc_data" and other blocks that follow are not impedances. Built from
    the file and public readers.
"""

import re
from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from cis.io.columns import identify
from cis.io.metadata import announced
from cis.io.numerals import parse_number
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, spectra_of_table
from cis.io.table import Table
from cis.io.text import TextFile, load_bytes
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Ivium idf"
_KEPT = ("Title", "Method", "Technique", "starttime", "endtime", "Sample", "Electrode.Area")


def matches(head: bytes, name: str) -> bool:
    """Settings that only IviumSoft writes."""
    return (b"primary_data" in head or name.lower().endswith((".idf", ".ids"))) and (
        b"Peaks=false" in head
        or b"Technique=" in head
        or b"timing=" in head
        or b"Levels=false" in head
    )


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """All impedance blocks. Raises ReadError for another technique."""
    lines = tuple(re.split(r"\r*\n", load_bytes(path).decode("latin-1")))
    text = TextFile(path=str(path), encoding="latin-1", lines=lines)
    facts = {k: v for k, _, v in (line.partition("=") for line in lines) if k in _KEPT and v}
    starts, methods = _impedance_blocks(lines)
    if not starts:
        raise ReadError(
            "the file holds no impedance",
            why=f"its methods are {', '.join(methods)}"
            if methods
            else "it has no block primary_data",
            remedy="choose the file of an impedance measurement",
            where=str(path),
        )
    spectra: list[Spectrum] = []
    for start in starts:
        table, count = _block(text, start)
        known = Facts(
            name=facts.get("Title", ""), header=facts, findings=announced(count, len(table.line)),
            ignored=tuple(line.strip() for line in lines[start + 1 :] if line.strip().endswith("_data")),
        )  # fmt: skip
        spectra += spectra_of_table(
            table, text=text, format_name=NAME, options=options, facts=known, sign_known=True
        )
    return build(spectra, where=str(path))


def _impedance_blocks(lines: tuple[str, ...]) -> tuple[list[int], list[str]]:
    """Indices of the lines "primary_data" whose last named method is an impedance (or unnamed), and all methods."""
    starts: list[int] = []
    methods: list[str] = []
    for k, line in enumerate(lines):
        if line.startswith("Method="):
            methods.append(line[7:].strip())
        if line.strip() == "primary_data" and (not methods or "impedance" in methods[-1].lower()):
            starts.append(k)
    return starts, methods


def _block(text: TextFile, start: int) -> tuple[Table, int]:
    sizes = [parse_number(line.strip(), ".") for line in text.lines[start + 1 : start + 3]]
    if len(sizes) < 2 or sizes[0] != 3 or sizes[1] is None or not 1 <= sizes[1] <= 1e6:
        raise ReadError(
            "the block primary_data is damaged",
            why="it must begin with 3 and the number of points",
            where=text.at(start + 2),
        )
    count = int(sizes[1])
    rows: list[list[float]] = []
    for number, line in enumerate(text.lines[start + 3 : start + 3 + count], start=start + 4):
        cells = line.split()
        decimal = "," if any("," in c for c in cells) else "."
        values = [parse_number(c, "," if decimal == "," else ".") for c in cells]
        if len(values) < 3 or any(v is None for v in values[:3]):
            raise ReadError(
                "a row of primary_data cannot be read",
                why=repr(line.strip()[:60]),
                remedy="the file may be cut short: copy it again",
                where=text.at(number),
            )
        rows.append([float("nan") if v is None else v for v in values[:3]])
    if not rows:
        raise ReadError("the block primary_data is empty", where=text.at(start + 1))
    columns = tuple(identify(h, i) for i, h in enumerate(("Z'/Ohm", "Z''/Ohm", "f/Hz")))
    lines = np.arange(start + 4, start + 4 + len(rows), dtype=np.int64)
    return Table(
        columns=columns, values=np.array(rows), line=lines, header_line=start + 1, above=(1, start)
    ), count
