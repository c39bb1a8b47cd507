"""Eco Chemie (Autolab) FRA files: .dfr of GPES/FRA 4 and .P00 text tables.

Schema: .dfr: nine numbers for each point, one a line: frequency (Hz), Z' (Ohm), -Z'' (Ohm), and six not used.
    .P00: f/Hz, Z'/Ohm, -Z''/Ohm, time/s, Edc/V, Idc/A.
Uncertainties: none stated.
Metadata: .dfr: version; .P00: title, description and time above the table.
Structure: .dfr: "VERSION...", the number of points, a number, then the points. .P00: four lines of text, the names, the number
    of points, rows divided by tabs. Built from the files and from public readers; the sign of Z'' in .dfr is theirs.
"""

from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from cis.io.columns import identify
from cis.io.metadata import announced, facts_above
from cis.io.numerals import parse_number
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, read_tables, spectra_of_table
from cis.io.table import Table
from cis.io.text import TextFile, head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Eco Chemie FRA"
_PER_POINT = 9


def matches(head: bytes, name: str) -> bool:
    """ "VERSION", then only numbers; or the names of a .P00 below "Procedure"."""
    lines = head_text(head)[:4000].split("\n")
    if _is_dfr(lines):
        return True
    table = any("f/Hz" in line and "-Z''/Ohm" in line and "Edc/V" in line for line in lines[:10])
    return table and lines[0].startswith("Procedure")


def _is_dfr(lines: list[str]) -> bool:
    return (
        lines[0].strip().startswith("VERSION")
        and len(lines) > 6
        and all(
            parse_number(line.strip(), ".") is not None and " " not in line.strip()
            for line in lines[1:6]
        )
    )


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """All spectra of the file."""
    text = load_text(path)
    if _is_dfr(list(text.lines[:10])):
        return _dfr(text, options)

    def facts(table: Table) -> Facts:
        known = facts_above(text, table)
        below = text.lines[table.header_line].strip() if table.header_line < len(text.lines) else ""
        count = int(below) if below.isdecimal() else None
        return Facts(header=known.header, findings=announced(count, len(table.line)))

    return read_tables(text, format_name=NAME, options=options, facts=facts, sign_known=True)


def _dfr(text: TextFile, options: ReadOptions) -> tuple[Spectrum, ...]:
    numbers: list[float] = []
    places: list[int] = []
    for place, line in enumerate(text.lines[1:], start=2):
        if not line.strip():
            continue
        value = parse_number(line.strip(), ".")
        if value is None:
            raise ReadError(
                f"{line.strip()[:40]!r} is not a number",
                remedy="the file may be damaged: copy it again",
                where=text.at(place),
            )
        numbers.append(value)
        places.append(place)
        if len(numbers) > 2 and len(numbers) >= 2 + numbers[0] * _PER_POINT:
            break  # what follows are settings of the fit and the date
    count = int(numbers[0]) if 0 < numbers[0] < 1e6 else 0
    body = numbers[2 : 2 + count * _PER_POINT]
    if count < 1 or len(body) < count * _PER_POINT:
        raise ReadError(
            "the file is cut short",
            why=f"{count} points of {_PER_POINT} numbers are announced, {len(body)} numbers are there",
            remedy="copy the file again",
            where=text.at(places[-1]),
        )
    values = np.array(body).reshape(count, _PER_POINT)[:, :3]
    table = Table(
        columns=tuple(identify(h, i) for i, h in enumerate(("f/Hz", "Z'/Ohm", "-Z''/Ohm"))), values=values,
        line=np.array(places[2 : 2 + count * _PER_POINT : _PER_POINT], dtype=np.int64), header_line=0, above=(1, 1),
        ignored=("six further numbers for each point",),
    )  # fmt: skip
    known = Facts(header={"version": text.lines[0].strip()})
    return build(
        spectra_of_table(
            table, text=text, format_name=NAME, options=options, facts=known, sign_known=True
        ),
        where=text.path,
    )
