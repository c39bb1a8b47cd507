"""Text columns: .xy, .xye, .dat, .csv, .txt, with or without a header; also EVA's .xy.

schema: rows of numbers, a row per point, separated by white space, commas or semicolons, with decimal
    points or commas; comment lines (# ; ' ! % // *) and one line of column names are allowed before the
    rows. Without a `columns` map: 2theta and intensity; a third column is the standard uncertainty.
    Integers are counts, other numbers are rates (counts/s); the reader says which it took. A last header line made
    of the names of the map ("two_theta_deg counts seconds_per_step", as `xtsred convert` writes) is the map.
uncertainties: the column of sigma as it stands; none is made up.
metadata: EVA's first line ('Id: "" Anode: "Mo" TimePerStep: "0.1"): anode, sample, scan type, counting time;
    `# key = value` lines of `xtsred convert` (anode, wavelengths_A, line_ratio, sample_name, started, seconds_per_step).
structure: one file is one scan.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.checks import are_integers, checked
from xtsred.io.source import is_text, read_text
from xtsred.io.table import Table, last_line, parse_table
from xtsred.stages import Array, Scan, ScanHeader, frozen

__all__ = ["COLUMNS", "NAME", "UnnamedColumns", "matches", "parse_columns", "read"]

NAME = "text columns"

COLUMNS = (
    "two_theta_deg",
    "counts",
    "rate_cps",
    "sigma_counts",
    "rate_sigma_cps",
    "seconds_per_step",
    "monitor",
)
_EVA = re.compile(r"(\w+): \"([^\"]*)\"")
_FACT = re.compile(
    r"#\s*(anode|wavelengths_A|line_ratio|sample_name|started|seconds_per_step)\s*=\s*(.+?)\s*\Z"
)
# what a processed curve is called: its first column is not 2theta
_NOT_SCANS = {
    ".sq": "S(Q)",
    ".fq": "F(Q)",
    ".gr": "G(r)",
    ".gofr": "g(r)",
    ".iq": "I(Q)",
    ".int01": "i(Q) of GudrunX",
    ".mint01": "F(Q) of Gudrun",
}
_Q_NAME = re.compile(
    r"(?:^|[\s,;#\"'(])(?:q(?:$|[\s,;\"'])|[qksdr][\s,;\"']*[\[(/_]\s*(?:1/|inv|å|a\b|a\^|nm))"
    r"|^[\s#L\"']*[ksdr][\s,;\"']+(?=i\b|s\b|s\(|f\(|g\b|g\(|counts|intens)"
    r"|inverse\s*(?:angstrom|nm)|(?:å|\ba|angstroms?|nm)\s*\^?\s*[{(]?\s*(?:-1|⁻¹|−1)"
    r"|1\s*/\s*(?:å|a\b|angstrom|nm)|momentum transfer|scattering vector|d-?spacing",
    re.IGNORECASE,
)
_ANGLE_NAME = re.compile(
    r"2\s*-?_?\s*th|two_?\s?-?theta|\btth\b|2\s*[θϑΘ]|angle|degree|\bdeg\b", re.IGNORECASE
)
_OTHER_AXES = frozenset(
    ("z", "x", "y", "phi", "chi", "psi", "theta", "omega", "rocking curve", "rocking", "time")
)


class UnnamedColumns(ReadError):
    """A table that may be a scan: somebody has to say which column is what."""


def matches(head: bytes, name: str) -> bool:
    """Anything that can be text."""
    return is_text(head[:4096])


def read(path: Path, *, columns: Mapping[str, int] | None = None) -> tuple[Scan, ...]:
    """The one scan of a text file; columns: name of `COLUMNS` -> number of the column, from 1.

    Raises ReadError for what is no scan: no rows, text among the numbers, NaN, negative counts, angles that
    repeat, go back or exceed 180°, Q instead of 2theta, columns that are not there.
    """
    curve = _NOT_SCANS.get(path.suffix.lower())
    if curve is not None and columns is None:
        raise ReadError(
            f"a {path.suffix} file holds {curve}, not a scan",
            why="counts against 2theta are needed, as measured",
            remedy="name the raw scan; if this is one, say so with columns = { two_theta_deg = 1, counts = 2 }",
            where=str(path),
        )
    lines = re.split(r"\r\n|\n|\r", read_text(path))
    table = parse_table(lines, file=str(path))
    _refuse_q(table, file=str(path))
    header, seconds = _header(table, file=str(path))
    named = _named(table)
    used = dict(columns or named or _guess(table, file=str(path)))
    _check_map(used, width=table.values.shape[1], file=str(path))
    scan = _scan(table, used, file=str(path), header=header, seconds=seconds)
    if not columns and not named:
        scan = _say_what_was_taken(scan)
    scan = replace(scan, findings=scan.findings + last_line(lines, file=str(path)))
    return (checked(scan, place=table.place),)


def parse_columns(text: str) -> dict[str, int]:
    """A map written as "two_theta_deg=1,counts=2". Raises ReadError for anything else."""
    columns: dict[str, int] = {}
    for part in text.split(","):
        key, _, number = (word.strip() for word in part.partition("="))
        if key not in COLUMNS or not number.isdecimal():
            raise ReadError(
                f"{part.strip()!r} is no column",
                why="known: " + ", ".join(COLUMNS),
                remedy='write for instance --columns "two_theta_deg=1,rate_cps=2,rate_sigma_cps=3"',
            )
        columns[key] = int(number)
    return columns


def _guess(table: Table, *, file: str) -> dict[str, int]:
    width = table.values.shape[1]
    if width == 1:
        raise ReadError(
            "there is only one column",
            why="2theta and intensity are needed",
            remedy="export the scan with its angles",
            where=table.place(0),
        )
    if width > 3:
        raise UnnamedColumns(
            f"there are {width} columns, and nothing says which is what",
            why="up to three are taken as 2theta, intensity and sigma",
            remedy="say it: columns = { two_theta_deg = 1, counts = 2 } (or rate_cps, rate_sigma_cps, ...), counted from 1",
            where=table.place(0),
        )
    counts = are_integers(table.values[:, 1])
    used = {"two_theta_deg": 1, "counts" if counts else "rate_cps": 2}
    if width == 3 and bool(np.any(table.values[:, 2] != 0)):
        used["sigma_counts" if counts else "rate_sigma_cps"] = 3
    return used


def _named(table: Table) -> dict[str, int]:
    """The map that the last header line gives, if it is made of nothing but its names."""
    if not table.header:
        return {}
    words = re.split(r"[\s,;]+", table.header[-1][1].strip("# \t,;"))
    if len(words) != table.values.shape[1] or not set(words) <= set(COLUMNS):
        return {}
    return {word: i for i, word in enumerate(words, 1)}


def _check_map(columns: Mapping[str, int], *, width: int, file: str) -> None:
    for key, number in columns.items():
        if key not in COLUMNS:
            raise ReadError(
                f"columns.{key} is no column known here",
                why="known: " + ", ".join(COLUMNS),
                where=file,
            )
        if not 1 <= number <= width:
            raise ReadError(
                f"column {number} is asked for as {key}, but the file has {width}",
                why="columns count from 1",
                remedy="correct the columns map",
                where=file,
            )
    if len(set(columns.values())) < len(columns):
        raise ReadError(
            "one column is given two meanings", remedy="correct the columns map", where=file
        )
    if "two_theta_deg" not in columns:
        raise ReadError(
            "the columns map has no two_theta_deg", remedy="add two_theta_deg = 1", where=file
        )
    if ("counts" in columns) == ("rate_cps" in columns):
        raise ReadError(
            "the columns map needs counts or rate_cps, one of them",
            why="the uncertainty of counts follows from themselves, that of rates needs a time or a sigma",
            where=file,
        )
    stray = "rate_sigma_cps" if "counts" in columns else "sigma_counts"
    if stray in columns:
        other = "counts" if "counts" in columns else "rate_cps"
        raise ReadError(
            f"{stray} does not belong to {other}", remedy="correct the columns map", where=file
        )


def _scan(
    table: Table,
    columns: Mapping[str, int],
    *,
    file: str,
    header: ScanHeader,
    seconds: float | None,
) -> Scan:
    def column(key: str) -> Array | None:
        return frozen(table.values[:, columns[key] - 1]) if key in columns else None

    angles = frozen(table.values[:, columns["two_theta_deg"] - 1])
    kind: Literal["counts", "rates"] = "counts" if "counts" in columns else "rates"
    values = frozen(table.values[:, columns["counts" if kind == "counts" else "rate_cps"] - 1])
    time = column("seconds_per_step")
    if time is None and seconds is not None:
        time = frozen(np.full(angles.size, seconds))
    unused = sorted(set(range(1, table.values.shape[1] + 1)) - set(columns.values()))
    return Scan(
        file=file,
        format=NAME,
        two_theta_deg=angles,
        values=values,
        kind=kind,
        sigma=column("sigma_counts" if kind == "counts" else "rate_sigma_cps"),
        seconds_per_step=time,
        monitor=column("monitor"),
        header=replace(
            header,
            other={**header.other, "columns": ", ".join(f"{k} = {n}" for k, n in columns.items())},
            ignored=tuple(f"column {n}" for n in unused),
        ),
    )


def _say_what_was_taken(scan: Scan) -> Scan:
    text = (
        "the intensities are whole numbers: taken as counts"
        if scan.kind == "counts"
        else "the intensities are not whole numbers: taken as counts per second"
    )
    if scan.sigma is not None:
        text += "; the third column is taken as their standard uncertainty"
    note = Finding("note", f"{scan.file}: {text}. A columns map in the project file says otherwise")
    return replace(scan, findings=(*scan.findings, note))


def _header(table: Table, *, file: str) -> tuple[ScanHeader, float | None]:
    """What the lines before the rows say, and the counting time if they say one."""
    facts: dict[str, str] = {}
    for _, line in table.header:
        if line.startswith("'"):
            facts.update({k: v.strip() for k, v in _EVA.findall(line) if v.strip()})
        elif found := _FACT.match(line):
            facts[found[1]] = found[2]
    where = f"{file}:{table.header[0][0]}" if table.header else file
    kind = facts.get("Scantype", "")
    if kind.lower() in _OTHER_AXES:
        raise ReadError(
            f'this is a scan over "{kind}", not over 2theta',
            why="its header says so",
            remedy="name the 2theta scan",
            where=where,
        )
    renamed = {"Anode": "anode", "Id": "sample_name", "TimePerStep": "seconds_per_step"}
    facts = {renamed.get(k, k): v for k, v in facts.items()}
    seconds = _fact(facts, "seconds_per_step", below=1e8, where=where)
    lines = [
        _fact({"wavelengths_A": w}, "wavelengths_A", below=10.0, where=where)
        for w in facts.get("wavelengths_A", "").split()
    ]
    known = ("anode", "sample_name", "seconds_per_step", "wavelengths_A", "line_ratio", "started")
    return (
        ScanHeader(
            anode=facts.get("anode"),
            wavelengths_a=tuple(w for w in lines if w is not None),
            line_ratio=_fact(facts, "line_ratio", below=10.0, where=where),
            sample_name=facts.get("sample_name"),
            started=facts.get("started"),
            other={k: v for k, v in facts.items() if k not in known},
        ),
        seconds,
    )


def _fact(facts: Mapping[str, str], key: str, *, below: float, where: str) -> float | None:
    """A positive number of the header, None where it is absent. Raises ReadError for anything else."""
    if key not in facts:
        return None
    try:
        value = float(facts[key].replace(",", "."))
    except ValueError:
        value = 0.0
    if not 0 < value < below:
        raise ReadError(
            f'{key} is "{facts[key][:20]}" in the header, which is impossible',
            remedy="correct the header",
            where=where,
        )
    return value


def _refuse_q(table: Table, *, file: str) -> None:
    """Q (or d) where 2theta is expected: by the names of the columns, or by steps that shrink as cos(theta)."""
    # the names of the columns: the last line of the header, or SPEC's #L
    names = [h for h in table.header if h[1].startswith("#L ")] + list(table.header[-1:])
    named = next(((n, line) for n, line in names if _Q_NAME.search(line)), None)
    angle = any(_ANGLE_NAME.search(line) for _, line in table.header)
    if named is not None and not angle:
        raise ReadError(
            "the first column looks like Q, and 2theta in degrees is expected",
            why=f"the header says {named[1].strip()[:60]!r}",
            remedy="give the scan against 2theta as measured (Q = 4 pi sin(theta) / wavelength hides the wavelength)",
            where=f"{file}:{named[0]}",
        )
    x = table.values[:, 0]
    if angle or not _steps_shrink_as_q(x):
        return
    raise ReadError(
        "the first column looks like Q, and 2theta in degrees is expected",
        why="its steps shrink exactly as those of 4 pi sin(theta) / wavelength do on equal steps of angle",
        remedy="give the scan against 2theta as measured",
        where=table.place(0),
    )


def _steps_shrink_as_q(x: Array) -> bool:
    """Q of equal steps in theta: step^2 = c^2 (k^2 - Q^2), a falling straight line in Q^2."""
    if x.size < 50 or not np.all(np.isfinite(x)) or x[0] < 0 or x[-1] > 60:
        return False
    steps = np.diff(x)
    if np.any(steps <= 0) or steps[-5:].mean() > 0.98 * steps[:5].mean():
        return False
    middle = (0.5 * (x[1:] + x[:-1])) ** 2
    slope, constant = np.polyfit(middle, steps**2, 1)
    residual = steps**2 - (slope * middle + constant)
    return bool(slope < 0 and np.var(residual) < 1e-3 * np.var(steps**2))
