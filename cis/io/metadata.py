"""Facts that stand as text around a table: key and value lines, temperature, geometry, dates."""

import math
import re

from calibration.report import Finding
from cis.io.derive import Cell
from cis.io.numerals import parse_number
from cis.io.spectra import Facts
from cis.io.table import Table
from cis.io.temperature import kelvin_in
from cis.io.text import TextFile

__all__ = ["announced", "facts_above", "geometry", "iso_time", "pairs_in"]

_PAIR = re.compile(r"\A[\s#%!;\"']*(?P<key>[^:=\t]{2,60}?)\s*[:=]\s*(?P<value>\S.*?)[\s\"']*\Z")
_DIAMETER = re.compile(r"diameter\s*\[mm\]\s*[=:]?\s*([\d.eE+-]+)", re.IGNORECASE)
_THICKNESS = re.compile(r"(?<!electrode )thickness\s*\[mm\]\s*[=:]?\s*([\d.eE+-]+)", re.IGNORECASE)
_MOST = 200


def facts_above(
    text: TextFile, table: Table, *, extra: tuple[Finding, ...] = (), name: str = ""
) -> Facts:
    """Facts in the lines between the last table and this one."""
    first, last = table.above
    lines = text.lines[max(first - 1, 0) : max(last, 0)]
    # the nearest line counts: the temperature after the last sweep may stand above the one before this sweep
    temperature = next((t for t in map(kelvin_in, reversed(lines[-_MOST:])) if t is not None), None)
    return Facts(
        name=name,
        temperature_k=temperature,
        header=pairs_in(lines[:_MOST]),
        cell=geometry(lines[:_MOST]),
        findings=extra,
    )


def pairs_in(lines: tuple[str, ...] | list[str]) -> dict[str, str]:
    """The lines "key: value" and "key = value" by key; the first wins."""
    found: dict[str, str] = {}
    for line in lines:
        match = _PAIR.match(line)
        if match:
            found.setdefault(match["key"].strip(), match["value"].strip().strip('"'))
    return found


def geometry(lines: tuple[str, ...] | list[str]) -> Cell | None:
    """Diameter and thickness of a disc, where a line states both in mm (Novocontrol)."""
    joined = "\n".join(lines)
    diameter, thickness = _DIAMETER.search(joined), _THICKNESS.search(joined)
    if not diameter or not thickness:
        return None
    d, t = (parse_number(m[1], ".") for m in (diameter, thickness))
    if d is None or t is None or not d > 0 or not t > 0:
        return None
    return Cell(area_m2=math.pi * (d * 1e-3) ** 2 / 4.0, thickness_m=t * 1e-3)


def announced(count: int | None, found: int) -> tuple[Finding, ...]:
    """A warning where a file announces another number of points than it holds."""
    if count is None or count == found:
        return ()
    return (
        Finding(
            "warning",
            f"The file announces {count} points and holds {found}: it may be cut short.",
            {"announced": float(count), "found": float(found)},
        ),
    )


def iso_time(text: str, *, order: str) -> str | None:
    """An ISO time from a date in the given order ("mdy", "dmy", "ymd") and a time; None where it is neither."""
    date = re.search(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})", text)
    clock = re.search(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?\s*([AaPp][Mm])?", text)
    if not date:
        return None
    part = dict(zip(order, (int(g) for g in date.groups()), strict=True))
    if not (1 <= part["m"] <= 12 and 1 <= part["d"] <= 31 and part["y"] >= 1970):
        return None
    day = f"{part['y']:04d}-{part['m']:02d}-{part['d']:02d}"
    if not clock:
        return day
    hour = int(clock[1]) % 12 + 12 * (clock[4].lower() == "pm") if clock[4] else int(clock[1])
    return f"{day}T{hour:02d}:{int(clock[2]):02d}:{int(clock[3] or 0):02d}"
