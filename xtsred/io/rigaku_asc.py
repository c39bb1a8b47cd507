"""Rigaku .asc (the text export of PDXL and of the older programs).

schema: lines of `*KEY = value`; after *BEGIN (or *COUNT) the intensities, separated by commas, several to a line, until *END;
    angles are *START, *STEP and *COUNT; *EOF closes the file; *GROUP_COUNT tells how many groups there are.
uncertainties: none in the file; counts are Poisson, rates (*YUNIT cps) times the counting time are counts where whole.
metadata: sample, anode (*TARGET, an atomic number or a symbol), wavelengths, generator, scan axis and mode, speed, date.
structure: one Scan per group over 2theta; *COUNT and *STOP must fit the intensities.
No sample file was at hand: built from the documented keys.
"""

import re
from dataclasses import replace
from pathlib import Path

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.numbers import number, number_list, whole
from xtsred.io.ranges import collected, counted, equal_steps, is_two_theta, single_time
from xtsred.io.source import read_text
from xtsred.stages import Array, Scan, ScanHeader

__all__ = ["NAME", "matches", "read"]

NAME = "Rigaku asc"
_KEY = re.compile(r"\*(\w+)\s*=\s*(.*?)\s*\Z")
_ANODES = {"24": "Cr", "26": "Fe", "27": "Co", "29": "Cu", "42": "Mo", "47": "Ag", "74": "W"}
_SHOWN = {
    "COMMENT": "comment",
    "SCAN_MODE": "scan mode",
    "MEAS_MODE": "measurement mode",
    "SCAN_AXIS": "scan axis",
    "KV": "generator voltage (kV)",
    "MA": "generator current (mA)",
    "XRAY_CHAR": "wavelength type",
    "COUNTER": "detector",
    "SLIT_NAME": "slits",
    "MONOCHRO": "monochromator",
    "I_MONOCHRO": "incident monochromator",
    "FILTER": "filter",
}


def matches(head: bytes, name: str) -> bool:
    """First key *TYPE, as these exports begin."""
    return re.match(rb"(?:\xef\xbb\xbf)?\s*\*TYPE\s*=", head) is not None


def read(path: Path) -> tuple[Scan, ...]:
    """Every group over 2theta. Raises ReadError for a damaged file."""
    file = str(path)
    lines = re.split(r"\r\n|\n|\r", read_text(path))
    facts: dict[str, str] = {}
    rows: list[str] = []
    begin = 0
    closed = False
    scans: list[Scan] = []
    skipped: list[str] = []
    for i, line in enumerate(lines):
        plain = line.strip("\x1a \t")
        if not plain:
            continue
        if not plain.startswith("*"):
            begin = begin or i + 1
            rows.append(plain)
        elif found := _KEY.match(plain):
            facts[found[1].upper()] = found[2]
        elif plain.upper() == "*END":
            index = len(scans) + len(skipped)
            axis = facts.get("SCAN_AXIS", "")
            if axis and not is_two_theta(axis):
                skipped.append(f"range {index} over {axis}")
            else:
                where = f"{file}:{begin or i + 1}"
                scans.append(_scan(rows, facts, file=file, where=where, index=index))
            rows, begin = [], 0
        elif plain.upper() == "*EOF":
            closed = True
    found_all = len(scans) + len(skipped)
    stated = facts.get("GROUP_COUNT", "")
    if rows or (stated and whole(stated, what="*GROUP_COUNT", where=file) > found_all):
        raise ReadError(
            "the file ends before *END"
            if rows
            else f"*GROUP_COUNT says {stated}, {found_all} are there",
            why="it was cut",
            where=file,
        )
    if not closed and scans:
        cut = Finding("warning", f"{file}: the file does not end with *EOF: it may have been cut")
        scans[-1] = replace(scans[-1], findings=(*scans[-1].findings, cut))
    return collected(scans, file=file, skipped=skipped)


def _scan(rows: list[str], facts: dict[str, str], *, file: str, where: str, index: int) -> Scan:
    def fact(key: str) -> float:
        return number(facts.get(key, ""), what=f"*{key}", where=where)

    values = number_list(" ".join(rows), what="the intensities", where=where)
    points = whole(facts.get("COUNT", str(values.size)), what="*COUNT", where=where)
    if values.size != points:
        raise ReadError(
            f"*COUNT says {points} points, {values.size} are there",
            why="the file was cut or changed",
            where=where,
        )
    angles = equal_steps(fact("START"), fact("STEP"), points, where=where)
    if abs(angles[-1] - fact("STOP")) > 1.01 * abs(fact("STEP")):
        raise ReadError(
            f"the last point is at {angles[-1]:g}°, *STOP says {fact('STOP'):g}°",
            why="the header contradicts itself",
            where=where,
        )
    unit = facts.get("YUNIT", "counts").lower()
    if unit not in ("counts", "count", "cps"):
        raise ReadError(
            f"the intensities are in {unit!r}", why="counts or cps are expected", where=where
        )
    both = not facts.get("XRAY_CHAR", "").upper().endswith("ALPHA1")
    lines = [facts.get(f"WAVE_LENGTH{i}", "") for i in ((1, 2) if both else (1,))]
    target = facts.get("TARGET", "")
    return counted(
        Scan(
            file=file,
            format=NAME,
            range_index=index,
            two_theta_deg=angles,
            values=values,
            kind="rates" if unit == "cps" else "counts",
            seconds_per_step=_time(facts, points, where=where),
            header=ScanHeader(
                anode=_ANODES.get(target, target) or None,
                wavelengths_a=tuple(
                    w
                    for w in (number(v, what="*WAVE_LENGTH", where=where) for v in lines if v)
                    if w > 0.1
                ),
                sample_name=facts.get("SAMPLE") or None,
                started=facts.get("DATE") or None,
                other={name: facts[key] for key, name in _SHOWN.items() if facts.get(key)},
                ignored=("every other key",),
            ),
        )
    )


def _time(facts: dict[str, str], points: int, *, where: str) -> Array | None:
    if not facts.get("SPEED"):
        return None
    speed = number(facts["SPEED"], what="*SPEED", where=where)
    step = abs(number(facts.get("STEP", ""), what="*STEP", where=where))
    unit = facts.get("SPEED_UNIT", facts.get("SPEED_DIM", "")).lower()
    mode = facts.get("MEAS_MODE", facts.get("SCAN_MODE", ""))
    stepwise = mode.lower().startswith(("step", "ft", "fixed"))
    if unit.startswith("s") or (not unit and stepwise):
        return single_time(speed, points)
    if "deg" in unit or not unit:
        return single_time(
            step / speed * (1.0 if "sec" in unit else 60.0) if speed else 0.0, points
        )
    return None
