"""Zurich Instruments MFIA: text of the user's own sweep programs, and csv of LabOne.

Schema: "frequency /Hz, Real Z /Ohm, Im Z /Ohm" with Z'' < 0 capacitive; LabOne: rows named frequency, realz, imagz, absz, phasez.
Uncertainties: none stated (LabOne has "...stddev" rows; not used).
Metadata: "Temp /K before measurement", "measure started" (day/month/year), a name, one set for each sweep.
Structure: blocks of facts, one line of names divided by commas, rows divided by tabs, facts after the sweep, a line of
    dashes. LabOne writes one row for each quantity: "chunk;timestamp;size;fieldname;value;value;...": built from its
    documented layout, without a sample file.
"""

from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from cis.io.columns import Column, identify
from cis.io.metadata import facts_above, iso_time
from cis.io.numerals import parse_number
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, read_tables, spectra_of_table
from cis.io.table import Table, complete_pairs
from cis.io.text import TextFile, head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Zurich MFIA"
_FIELDS = {
    "frequency": "f/Hz",
    "realz": "Z'/Ohm",
    "imagz": "Z''/Ohm",
    "absz": "|Z|/Ohm",
    "phasez": "phase/rad",
}


def matches(head: bytes, name: str) -> bool:
    """The line of names of the sweep program with its start, or the first line of a LabOne csv."""
    text = head_text(head)
    first = text[:200].lower().replace(" ", "")
    labone = first.startswith("chunk;timestamp;") and "fieldname" in first.split("\n")[0]
    return labone or ("measure started" in text and "Real Z /Ohm" in text)


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each sweep."""
    text = load_text(path)
    if text.lines[0].lower().startswith("chunk"):
        return _labone(text, options)

    def facts(table: Table) -> Facts:
        known = facts_above(text, table)
        begun = next((v for k, v in known.header.items() if k.startswith("measure started")), "")
        return Facts(
            temperature_k=known.temperature_k,
            started=iso_time(begun, order="dmy"),
            header=known.header,
        )

    return read_tables(text, format_name=NAME, options=options, facts=facts, sign_known=True)


def _labone(text: TextFile, options: ReadOptions) -> tuple[Spectrum, ...]:
    names = [n.strip().lower() for n in text.lines[0].split(";")]
    place = names.index("fieldname")
    chunks: dict[str, dict[str, tuple[int, list[float]]]] = {}
    for number, line in enumerate(text.lines[1:], start=2):
        cells = [c.strip() for c in line.split(";")]
        if len(cells) <= place + 1 or cells[place].lower() not in _FIELDS:
            continue
        values = [parse_number(c, ".") for c in cells[place + 1 :] if c]
        if any(v is None for v in values):
            raise ReadError(f"a value of {cells[place]} is not a number", where=text.at(number))
        row = [float("nan") if v is None else v for v in values]
        chunks.setdefault(cells[0], {}).setdefault(cells[place].lower(), (number, row))
    spectra: list[Spectrum] = []
    for label, rows in chunks.items():
        spectra += _chunk(label, rows, text, options)
    return build(spectra, where=text.path)


def _chunk(
    label: str, rows: dict[str, tuple[int, list[float]]], text: TextFile, options: ReadOptions
) -> list[Spectrum]:
    columns: list[Column] = [identify(_FIELDS[n], i) for i, n in enumerate(rows)]
    sizes = {len(v) for _, v in rows.values()}
    first = min(n for n, _ in rows.values())
    if len(sizes) != 1 or not complete_pairs(columns):
        raise ReadError(
            f"chunk {label} is not complete",
            why=f"it has {', '.join(rows)} with {sorted(sizes)} values",
            remedy="export frequency, realz and imagz",
            where=text.at(first),
        )
    count = sizes.pop()
    table = Table(
        columns=tuple(columns), values=np.array([v for _, v in rows.values()], dtype=np.float64).T.reshape(count, -1),
        line=np.full(count, first, dtype=np.int64), header_line=first, above=(1, 1),
    )  # fmt: skip
    return spectra_of_table(
        table,
        text=text,
        format_name=NAME,
        options=options,
        facts=Facts(name=f"chunk {label}"),
        sign_known=True,
    )
