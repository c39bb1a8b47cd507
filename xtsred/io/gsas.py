"""GSAS powder data, constant wavelength, FXYE and FXY.

schema: a title line, optional comment lines (#), then per bank `BANK n points records CONS start step 0 0 FXYE` with start and step in
    centidegrees, and rows of 2theta (centidegrees), intensity, sigma (FXYE only).
uncertainties: the third column of FXYE.
metadata: the title as the sample's name.
structure: one Scan per bank; the number of points must fit. STD, ESD and ALT records and time of flight are refused by name.
    Whole intensities are taken as counts, others as rates, and the reader says so.
No sample file was at hand: built from the GSAS manual's description.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.checks import are_integers, checked
from xtsred.io.source import read_text
from xtsred.io.table import last_line, parse_table, starts_with_number
from xtsred.stages import Scan, ScanHeader, frozen

__all__ = ["NAME", "matches", "read"]

NAME = "GSAS fxye"
_BANK = re.compile(r"BANK\s+(\d+)\s+(\d+)\s+(\d+)\s+(\w+)(.*)\Z")


def matches(head: bytes, name: str) -> bool:
    """A BANK line."""
    return re.search(rb"(?m)^BANK\s+\d+\s+\d+\s+\d+\s+\w+", head.replace(b"\r", b"\n")) is not None


def read(path: Path) -> tuple[Scan, ...]:
    """Every bank. Raises ReadError for other records than FXYE and FXY, and for damaged files."""
    file = str(path)
    lines = re.split(r"\r\n|\n|\r", read_text(path))
    banks = [i for i, line in enumerate(lines) if line.startswith("BANK")]
    for i, line in enumerate(lines[1 : banks[0]] if banks else (), 2):
        if starts_with_number(line) and len(line.split()) > 1:
            raise ReadError(
                "a row of numbers stands before the first bank",
                why="the file is damaged",
                where=f"{file}:{i}",
            )
    scans = []
    for index, i in enumerate(banks):
        stop = banks[index + 1] if index + 1 < len(banks) else len(lines)
        scans.append(_bank(lines, i, stop, file=file, index=index))
    if not scans:
        raise ReadError("there is no BANK line", why="the file is damaged", where=file)
    doubts = last_line(lines, file=file)
    scans[-1] = replace(scans[-1], findings=scans[-1].findings + doubts)
    return tuple(scans)


def _bank(lines: list[str], i: int, stop: int, *, file: str, index: int) -> Scan:
    where = f"{file}:{i + 1}"
    found = _BANK.match(lines[i].strip())
    words = found[5].split() if found else []
    if found is None or found[4].upper() not in ("CONS", "CONST") or not words:
        raise ReadError(
            f"the bank line reads {lines[i].strip()[:60]!r}",
            why="constant steps of 2theta (CONS) are expected; time of flight is no X-ray scan",
            where=where,
        )
    width = {"FXYE": 3, "FXY": 2}.get(words[-1].upper())
    if width is None:
        raise ReadError(
            f"the records are of type {words[-1][:10]}",
            why="FXYE and FXY are read: they state their angles",
            remedy="write the file as FXYE",
            where=where,
        )
    table = parse_table(lines[i + 1 : stop], file=file, first_line=i + 2)
    if table.header or table.values.shape != (int(found[2]), width):
        rows, columns = table.values.shape
        raise ReadError(
            f"the bank has {found[2]} points of {width} numbers, {rows} rows of {columns} are there",
            why="the file was cut or changed",
            where=where,
        )
    values = frozen(table.values[:, 1])
    kind: Literal["counts", "rates"] = "counts" if are_integers(values) else "rates"
    taken = Finding(
        "note",
        f"{where}: the intensities are taken as {'counts' if kind == 'counts' else 'counts per second'}; GSAS does not say",
    )
    scan = Scan(
        file=file,
        format=NAME,
        range_index=index,
        two_theta_deg=frozen(table.values[:, 0] / 100.0),
        values=values,
        kind=kind,
        sigma=frozen(table.values[:, 2]) if width == 3 else None,
        header=ScanHeader(
            sample_name=lines[0].strip() or None, ignored=("start and step of the bank line",)
        ),
        findings=(taken,),
    )
    return checked(scan, place=table.place)
