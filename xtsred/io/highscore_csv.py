"""PANalytical HighScore .csv.

schema: text; [Measurement conditions] with lines `Name,value`, then [Scan points], a line of column names (Angle, Intensity,
    perhaps ESD), and rows separated by commas (or, where the comma is the decimal sign, semicolons).
uncertainties: the ESD column where there is one.
metadata: sample, date, anode, wavelengths and ratio, generator, slit, monochromator, time per step.
structure: one Scan; `No. of points` must fit. Whole intensities are counts, others rates, and the reader says so.
No sample file was at hand: built from the layout that the program's export shows.
"""

import re
from pathlib import Path
from typing import Literal

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.checks import are_integers, checked
from xtsred.io.numbers import number, whole
from xtsred.io.ranges import is_two_theta, single_time
from xtsred.io.source import read_text
from xtsred.io.table import parse_table
from xtsred.stages import Scan, ScanHeader, frozen

__all__ = ["NAME", "matches", "read"]

NAME = "PANalytical csv"
_SHOWN = (
    "Divergence slit",
    "Monochromator used",
    "Generator voltage",
    "Tube current",
    "Scan axis",
    "Scan type",
    "Comment",
)


def matches(head: bytes, name: str) -> bool:
    """The first line [Measurement conditions]."""
    return head.lstrip(b"\xef\xbb\xbf").startswith(b"[Measurement conditions]")


def read(path: Path) -> tuple[Scan, ...]:
    """The one scan. Raises ReadError for other axes than 2theta and for damaged files."""
    file = str(path)
    lines = re.split(r"\r\n|\n|\r", read_text(path))
    start = next((i for i, line in enumerate(lines) if line.startswith("[Scan points]")), None)
    if start is None:
        raise ReadError("there is no [Scan points]", why="the file was cut", where=file)
    facts: dict[str, str] = {}
    for line in lines[1:start]:
        name, _, value = line.replace(";", ",", 1).partition(",")
        facts[name.strip()] = value.strip().strip('"')
    axis = facts.get("Scan axis", "")
    if axis and not is_two_theta(axis):
        raise ReadError(f"this is a scan over {axis}, not over 2theta", where=file)
    table = parse_table(lines[start + 1 :], file=file, first_line=start + 2)
    rows, width = table.values.shape
    stated = facts.get("No. of points", "")
    if width not in (2, 3) or (stated and whole(stated, what="No. of points", where=file) != rows):
        raise ReadError(
            f"{stated or 'some'} points are stated, {rows} rows of {width} numbers are there",
            why="the file was cut or changed",
            where=f"{file}:{start + 2}",
        )
    values = frozen(table.values[:, 1])
    kind: Literal["counts", "rates"] = "counts" if are_integers(values) else "rates"
    seconds = facts.get("Time per step", "")
    scan = Scan(
        file=file,
        format=NAME,
        two_theta_deg=frozen(table.values[:, 0]),
        values=values,
        kind=kind,
        sigma=frozen(table.values[:, 2]) if width == 3 else None,
        seconds_per_step=single_time(number(seconds, what="Time per step", where=file), rows)
        if seconds
        else None,
        header=_header(facts, file=file),
        findings=(
            Finding("note", f"{file}: the intensities are taken as {kind}: the file does not say"),
        ),
    )
    return (checked(scan, place=table.place),)


def _header(facts: dict[str, str], *, file: str) -> ScanHeader:
    lines = [facts.get(f"K-Alpha{i} wavelength", "") for i in (1, 2)]
    ratio = facts.get("Ratio K-Alpha2/K-Alpha1", "")
    return ScanHeader(
        anode=facts.get("Anode material") or None,
        wavelengths_a=tuple(number(w, what="a wavelength", where=file) for w in lines if w),
        line_ratio=(number(ratio, what="the ratio", where=file) or None) if ratio else None,
        sample_name=facts.get("Sample identification") or None,
        started=facts.get("Measurement date / time") or None,
        other={name: facts[name] for name in _SHOWN if facts.get(name)},
        ignored=("every other condition",),
    )
