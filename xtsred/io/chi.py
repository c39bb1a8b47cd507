"""FIT2D/pyFAI/XPLOT .chi.

schema: four header lines (title, name of x, name of y, number of points, perhaps with the number of columns), then rows of x, intensity and perhaps sigma.
uncertainties: the third column where there is one.
metadata: the title.
structure: one Scan. x must be 2theta in degrees; Q, r and radial distance are refused. The number of points must fit.
    Integrated images are no counts: whole numbers are taken as counts, others as rates, and the reader says so.
No sample file was at hand: built from the layout that FIT2D documents.
"""

import re
from pathlib import Path
from typing import Literal

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.checks import are_integers, checked
from xtsred.io.numbers import whole
from xtsred.io.source import read_text
from xtsred.io.table import parse_table, starts_with_number
from xtsred.stages import Scan, ScanHeader, frozen

__all__ = ["NAME", "matches", "read"]

NAME = "chi"
_TWO_THETA = re.compile(r"2\s*-?_?\s*th|two_?\s?-?theta|\btth\b|2\s*[θϑΘ]", re.IGNORECASE)


def matches(head: bytes, name: str) -> bool:
    """The name, and four header lines of which the last is a number of points."""
    lines = head[:4096].decode("latin-1").replace("\r", "\n").replace("\n\n", "\n").split("\n")
    return (
        name.lower().endswith(".chi")
        and len(lines) > 4
        and re.fullmatch(r"\s*\d+(\s+\d+)?\s*", lines[3]) is not None
        and not starts_with_number(lines[1])
    )


def read(path: Path) -> tuple[Scan, ...]:
    """The one scan. Raises ReadError for other axes than 2theta and for damaged files."""
    file = str(path)
    lines = re.split(r"\r\n|\n|\r", read_text(path))
    if len(lines) < 5:
        raise ReadError("the file ends within its header", why="it was cut", where=file)
    axis = lines[1].strip()
    if not _TWO_THETA.search(axis) or "rad" in axis.lower().split("(")[-1]:
        raise ReadError(
            f"the x axis is {axis[:40]!r}, and 2theta in degrees is expected",
            why="Q (or r, or radians) where 2theta is expected",
            remedy="integrate the image against 2theta in degrees",
            where=f"{file}:2",
        )
    points = whole(lines[3].split()[0], what="the number of points", where=f"{file}:4")
    table = parse_table(lines[4:], file=file, first_line=5)
    rows, width = table.values.shape
    if rows != points or width not in (2, 3) or table.header:
        raise ReadError(
            f"the header says {points} points, {rows} rows of {width} numbers are there",
            why="the file was cut or changed",
            where=f"{file}:4",
        )
    kind: Literal["counts", "rates"] = "counts" if are_integers(table.values[:, 1]) else "rates"
    taken = Finding(
        "warning",
        f"{file}: an integrated image; its intensities are taken as {'counts' if kind == 'counts' else 'counts per second'}"
        + ("" if width == 3 else " and their uncertainty is not stated"),
    )
    scan = Scan(
        file=file,
        format=NAME,
        two_theta_deg=frozen(table.values[:, 0]),
        values=frozen(table.values[:, 1]),
        kind=kind,
        sigma=frozen(table.values[:, 2]) if width == 3 else None,
        header=ScanHeader(sample_name=lines[0].strip() or None, other={"y axis": lines[2].strip()}),
        findings=(taken,),
    )
    return (checked(scan, place=table.place),)
