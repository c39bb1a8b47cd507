"""Agilent/Keysight 4294A ASCII files: trace A and trace B as blocks one below the other.

Schema: each block has Frequency, Data Trace Real, Data Trace Imag; what the traces are stands in "MEASURE PARAMETER".
    Scalar parameters (|Z|, theta, R, X, |Y|, G, B, Cp, D, Rp, ...) use the real part only; "COMPLEX Z-Y" uses both.
Uncertainties: none stated.
Metadata: the quoted lines "KEY: value": date, sweep type, number of points, oscillator level, bias, bandwidth.
Structure: "4294A REV...", quoted lines; then '"TRACE: A"', '"FORMAT: ..."', names in quotes divided by tabs, rows.
    The numbers of a trace do not depend on its display format.
"""

import re
from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from cis.io.columns import Column, Role, unit_factor
from cis.io.metadata import announced, iso_time, pairs_in
from cis.io.numerals import parse_number
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, spectra_of_table
from cis.io.table import Table
from cis.io.text import TextFile, head_text, load_text
from cis.stages import Array, IntArray, Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Agilent 4294A"
# words of "MEASURE PARAMETER", normalised -> quantities of trace A and trace B
_PARAMETERS: tuple[tuple[str, Role, Role], ...] = (
    (r"IMPEDANCE MAG.*PHASE|\|Z\|-(?:THETA|Q?DEG|RAD)", "|Z|", "phase"),
    (r"ADMITTANCE MAG.*PHASE|\|Y\|-(?:THETA|DEG|RAD)", "|Y|", "phase Y"),
    (r"IMPEDANCE REAL.*IMAG|RESISTANCE.*REACTANCE|R-X", "Z'", "Z''"),
    (r"ADMITTANCE REAL.*IMAG|CONDUCTANCE.*SUSCEPTANCE|G-B", "Y'", "Y''"),
    (r"(?:CAP\w*.*PARALLEL|PARALLEL CAP\w*).*(?:DISS|LOSS)|CP-D", "Cp", "D"),
    (r"(?:CAP\w*.*PARALLEL|PARALLEL CAP\w*).*\bQ|CP-Q", "Cp", "Q"),
    (r"(?:CAP\w*.*PARALLEL|PARALLEL CAP\w*).*CONDUCTANCE|CP-G", "Cp", "Y'"),
    (r"(?:CAP\w*.*PARALLEL|PARALLEL CAP\w*).*RES|CP-RP", "Cp", "Rp"),
    (r"(?:CAP\w*.*SERIES|SERIES CAP\w*).*(?:DISS|LOSS)|CS-D", "Cs", "D"),
    (r"(?:CAP\w*.*SERIES|SERIES CAP\w*).*\bQ|CS-Q", "Cs", "Q"),
    (r"(?:CAP\w*.*SERIES|SERIES CAP\w*).*RES|CS-RS", "Cs", "Rs"),
    (r"(?:IND\w*.*PARALLEL|PARALLEL IND\w*).*CONDUCTANCE|LP-G", "Lp", "Y'"),
    (r"(?:IND\w*.*PARALLEL|PARALLEL IND\w*).*RES|LP-RP", "Lp", "Rp"),
    (r"(?:IND\w*.*SERIES|SERIES IND\w*).*RES|LS-RS", "Ls", "Rs"),
)
_TRACE = re.compile(r"\A\"?TRACE:\s*(\w+)", re.IGNORECASE)


def matches(head: bytes, name: str) -> bool:
    """The first line, or the measure parameter with a trace."""
    text = head_text(head)
    return text.lstrip(' "').startswith("4294A") or (
        "MEASURE PARAMETER:" in text and "TRACE: A" in text
    )


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """The one spectrum of both traces. Raises ReadError where a trace is missing or the parameter is unknown."""
    text = load_text(path)
    header = pairs_in([line.strip().strip('"') for line in text.lines[:60]])
    parameter = header.get("MEASURE PARAMETER", "")
    traces = _traces(text)
    columns, values, lines = _together(parameter, traces, text)
    table = Table(
        columns=columns, values=values, line=lines, header_line=0, above=(1, int(lines[0]) - 1)
    )
    count = parse_number(header.get("NUMBER of POINTS", ""), ".")
    facts = Facts(
        started=iso_time(_month_name(header.get("DATE", "")), order="ymd"),
        header=header,
        findings=announced(
            int(count) if count is not None and count == count else None, len(lines)
        ),
    )
    found = spectra_of_table(
        table, text=text, format_name=NAME, options=options, facts=facts, sign_known=True
    )
    return build(found, where=text.path)


def _traces(text: TextFile) -> dict[str, tuple[Array, IntArray]]:
    """Name of a trace -> values, shape (n, 3), and line numbers."""
    found: dict[str, tuple[list[list[float]], list[int]]] = {}
    name = ""
    for number, line in enumerate(text.lines, start=1):
        match = _TRACE.match(line.strip())
        if match:
            name = match[1].upper()
            found[name] = ([], [])
            continue
        cells = [c for c in re.split(r"[\t,\s]+", line.strip()) if c]
        if not name or not cells or not re.match(r"[+-]?[\d.]", cells[0]):
            continue
        numbers = [parse_number(c, ".") for c in cells]
        if len(numbers) < 2 or any(v is None for v in numbers):
            raise ReadError(
                "a row of the trace cannot be read",
                why=line.strip()[:60],
                remedy="export the file again",
                where=text.at(number),
            )
        row = [float("nan") if v is None else v for v in numbers[:3]]
        found[name][0].append(row + [0.0] * (3 - len(row)))
        found[name][1].append(number)
    return {
        n: (np.array(v, dtype=np.float64), np.array(k, dtype=np.int64))
        for n, (v, k) in found.items()
        if v
    }


def _together(
    parameter: str, traces: dict[str, tuple[Array, IntArray]], text: TextFile
) -> tuple[tuple[Column, ...], Array, IntArray]:
    if "A" not in traces:
        raise ReadError(
            "trace A is missing", remedy="save the file with both traces", where=text.path
        )
    a, lines = traces["A"]
    frequency = Column(header="Frequency", position=0, role="f", factor=1.0, unit="Hz")
    if re.search(r"COMPLEX", parameter, re.IGNORECASE):
        roles: tuple[Role, Role] = (
            ("Y'", "Y''") if re.search(r"COMPLEX\s*Y|ADMITTANCE", parameter) else ("Z'", "Z''")
        )
        return (frequency, *_two(roles, parameter)), a, lines
    pair = next(
        ((x, y) for pattern, x, y in _PARAMETERS if re.search(pattern, parameter, re.IGNORECASE)),
        None,
    )
    if pair is None:
        raise ReadError(
            f'the measure parameter "{parameter}" is not known here',
            remedy="measure or save IMPEDANCE MAG PHASE, R-X, or Cp-D",
            where=text.at(1),
        )
    if "B" not in traces:
        raise ReadError(
            "trace B is missing",
            why=f"{parameter} needs two traces",
            remedy="save the file with both traces",
            where=text.path,
        )
    b, b_lines = traces["B"]
    if len(a) != len(b) or not np.allclose(a[:, 0], b[:, 0], rtol=1e-9):
        raise ReadError(
            "traces A and B do not have the same frequencies",
            why=f"{len(a)} and {len(b)} points",
            remedy="the file may be cut short: save it again",
            where=text.at(int(b_lines[-1])),
        )
    return (frequency, *_two(pair, parameter)), np.column_stack([a[:, 0], a[:, 1], b[:, 1]]), lines


def _two(pair: tuple[Role, Role], parameter: str) -> tuple[Column, Column]:
    radians = "RAD" in parameter.upper()
    found = unit_factor("rad" if radians else "deg")
    angle = 1.0 if found is None else found[1]
    return (
        Column(header="trace A", position=1, role=pair[0], factor=1.0),
        Column(
            header="trace B", position=2, role=pair[1], factor=angle if "phase" in pair[1] else 1.0
        ),
    )


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def _month_name(date: str) -> str:
    match = re.match(r"\s*([A-Za-z]{3})\w*\.?\s+(\d{1,2})\s+(\d{4})", date)
    if not match or match[1].lower() not in _MONTHS:
        return ""
    return f"{match[3]}-{_MONTHS.index(match[1].lower()) + 1}-{match[2]}"
