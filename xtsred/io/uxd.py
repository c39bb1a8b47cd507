"""Siemens/Bruker .uxd (text of DIFFRAC AT and DIFFRAC plus).

schema: comment lines (;), file keys `_KEY=value` (_FILEVERSION first), then per range its keys and, after _COUNTS, _CPS,
    _2THETACOUNTS, _2THETACPS or _2THETACOUNTSTIME, the numbers: intensities alone, several to a line, or 2theta, intensity (and
    time), a row per point.
    Angles are _START + i _STEPSIZE; listed angles are rounded to fewer digits and are used only where they do not fit these.
uncertainties: none in the file; counts are Poisson, rates times _STEPTIME are counts where whole.
metadata: sample, anode, wavelengths and ratio, _STEPTIME, generator, slits, radius, date.
structure: one Scan per range over 2theta; _STEPCOUNT must fit where it stands.
Checked on one real file, of which the binary original exists.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.errors import ReadError
from xtsred.io.numbers import number, number_list, number_or_none, whole
from xtsred.io.ranges import collected, counted, equal_steps, is_two_theta, single_time
from xtsred.io.source import read_text
from xtsred.io.table import last_line, parse_table
from xtsred.stages import Array, Scan, ScanHeader, frozen

__all__ = ["NAME", "matches", "read"]

NAME = "Bruker uxd"
_KEY = re.compile(r"_(\w+)\s*=\s*(.*?)\s*\Z")
# peak lists, which are results and no scans
_PEAKS = ("_D-I", "_2THETA-I")
_BLOCKS: dict[str, tuple[Literal["counts", "rates"], bool]] = {
    "_COUNTS": ("counts", False),
    "_CPS": ("rates", False),
    "_2THETACOUNTS": ("counts", True),
    "_2THETACPS": ("rates", True),
    "_2THETACOUNTSTIME": ("counts", True),
    "_2THETACPSTIME": ("rates", True),
}
_SHOWN = {
    "DRIVE": "drive",
    "STEPMODE": "step mode",
    "KV": "generator voltage (kV)",
    "MA": "generator current (mA)",
    "GONIOMETER_RADIUS": "goniometer radius (mm)",
    "FIXED_DIVSLIT": "divergence slit",
    "VARDIVERGENCE": "variable divergence slit",
    "FIXED_ANTISLIT": "antiscatter slit",
    "FIXED_DETSLIT": "detector slit",
    "SOLLER_SLITS": "Soller slits",
    "MONOCHROMATOR": "monochromator (code)",
    "BETA_FILTER": "beta filter",
    "RANGE_WL": "wavelength used (Å)",
    "USER": "user",
}


def matches(head: bytes, name: str) -> bool:
    """The key _FILEVERSION at the beginning of a line."""
    return re.search(rb"(?m)^_FILEVERSION\s*=", head.replace(b"\r", b"\n")) is not None


def read(path: Path) -> tuple[Scan, ...]:
    """Every 2theta range. Raises ReadError for a damaged file."""
    file = str(path)
    lines = re.split(r"\r\n|\n|\r", read_text(path))
    doubts = last_line(lines, file=file)
    facts: dict[str, str] = {}
    scans: list[Scan] = []
    skipped: list[str] = []
    announced = 0
    i = 0
    while i < len(lines):
        line = lines[i].strip("\x1a \t")
        i += 1
        if line.startswith("_") or "(Data for Range" in line:
            announced = i
        if not line or line.startswith(";"):
            continue
        word = line.upper()
        if word in _BLOCKS or word in _PEAKS:
            ends = (j for j in range(i, len(lines)) if lines[j].lstrip()[:1] in ("_", ";"))
            stop = next(ends, len(lines))
            index = len(scans) + len(skipped)
            drive = facts.get("DRIVE", "")
            if word in _PEAKS:
                skipped.append(f"range {index} is a list of peaks")
            elif drive and not is_two_theta(drive):
                skipped.append(f"range {index} over {drive}")
            else:
                scans.append(
                    _scan(lines[i:stop], facts, word=word, line=i + 1, file=file, index=index)
                )
            i, announced = stop, 0
        elif found := _KEY.match(line):
            facts[found[1].upper()] = found[2].strip("'")
        else:
            raise ReadError(
                f"the line {line[:40]!r} is neither key nor comment",
                why="the file is damaged",
                where=f"{file}:{i}",
            )
    if announced:
        raise ReadError(
            "a range is announced and has no numbers",
            why="the file was cut",
            where=f"{file}:{announced}",
        )
    scans[-1:] = [replace(scan, findings=scan.findings + doubts) for scan in scans[-1:]]
    return collected(scans, file=file, skipped=skipped)


def _columns(
    block: list[str], *, word: str, file: str, first_line: int
) -> tuple[Array | None, Array, Array | None]:
    """2theta (None where not listed), intensity, time (None where not listed)."""
    if not _BLOCKS[word][1]:
        where = f"{file}:{first_line}"
        return None, number_list(" ".join(block), what="the intensities", where=where), None
    table = parse_table(block, file=file, first_line=first_line)
    if table.values.shape[1] != (3 if word.endswith("TIME") else 2) or table.header:
        raise ReadError(
            f"there are {table.values.shape[1]} columns",
            why=f"{word} announces 2theta, intensity{' and time' if word.endswith('TIME') else ''}",
            where=table.place(0),
        )
    columns = [frozen(column) for column in table.values.T]
    return columns[0], columns[1], columns[2] if len(columns) == 3 else None


def _angles(facts: Mapping[str, str], size: int, *, listed: Array | None, where: str) -> Array:
    stated = facts.get("STEPCOUNT", "")
    if stated and whole(stated, what="_STEPCOUNT", where=where) != size:
        raise ReadError(
            f"_STEPCOUNT says {stated} points, {size} are there",
            why="the file was cut or changed",
            where=where,
        )
    if listed is not None and not ("START" in facts and "STEPSIZE" in facts):
        return listed
    start = number(facts.get("START", facts.get("2THETA", "")), what="_START", where=where)
    step = number(facts.get("STEPSIZE", ""), what="_STEPSIZE", where=where)
    angles = equal_steps(start, step, size, where=where)
    # the listed angles are rounded to two or three digits; more than that, and the header is of another scan
    # (then a gap among them is a finding of `checked`)
    if listed is not None and np.max(np.abs(angles - listed)) > max(0.5 * abs(step), 0.0051):
        return listed
    return angles


def _scan(
    block: list[str], facts: Mapping[str, str], *, word: str, line: int, file: str, index: int
) -> Scan:
    where = f"{file}:{line}"
    listed, values, times = _columns(block, word=word, file=file, first_line=line)
    seconds = facts.get("STEPTIME", "")
    if times is None and seconds:
        times = single_time(number(seconds, what="_STEPTIME", where=where), values.size)
    return counted(
        Scan(
            file=file,
            format=NAME,
            range_index=index,
            two_theta_deg=_angles(facts, values.size, listed=listed, where=where),
            values=values,
            kind=_BLOCKS[word][0],
            seconds_per_step=times,
            header=_header(facts),
        )
    )


def _header(facts: Mapping[str, str]) -> ScanHeader:
    nanometres = facts.get("WL_UNIT", "A").upper().startswith("N")
    lines = [
        _number_or_zero(facts.get(f"WL{i}", "")) * (10.0 if nanometres else 1.0) for i in (1, 2)
    ]
    ratio = _number_or_zero(facts.get("WLRATIO", ""))
    return ScanHeader(
        anode=facts.get("ANODE") or None,
        wavelengths_a=tuple(w for w in lines if 0.1 < w < 10),
        line_ratio=ratio if 0 < ratio < 1 else None,
        sample_name=facts.get("SAMPLE") or None,
        started=facts.get("DATEMEASURED") or None,
        other={name: facts[key] for key, name in _SHOWN.items() if facts.get(key)},
        ignored=("comments", "positions of other drives", "detector settings"),
    )


def _number_or_zero(text: str) -> float:
    """A number, or 0 where the text is none."""
    try:
        return number_or_none(text) or 0.0
    except ValueError:
        return 0.0
