"""Rigaku .ras (SmartLab Guidance).

schema: text in Shift-JIS; *RAS_DATA_START, then per range a header of `*KEY "value"` between *RAS_HEADER_START and _END,
    and rows of 2theta, intensity, attenuation factor between *RAS_INT_START and _END; *RAS_DATA_END closes the file.
uncertainties: none in the file. Counts of a one-dimensional detector may be shared between steps and are then not whole: said.
metadata: anode, wavelengths, generator, detector, optics, radius, scan mode and speed (giving the time), start, sample.
structure: one Scan per range over 2theta; start, stop and step of the header must fit the rows.
Checked on one real file with two ranges; attenuators other than 1 on files made after it.
"""

import re
from pathlib import Path

from calibration.errors import ReadError
from xtsred.io.ranges import collected, is_two_theta
from xtsred.io.rigaku import ras_scan
from xtsred.io.source import read_bytes
from xtsred.io.table import parse_table
from xtsred.stages import Scan

__all__ = ["NAME", "matches", "read"]

NAME = "Rigaku ras"
_KEY = re.compile(r'\*(\S+)\s+"(.*?)"?\s*\Z')


def matches(head: bytes, name: str) -> bool:
    """The first line *RAS_DATA_START."""
    return head.lstrip(b"\xef\xbb\xbf").startswith(b"*RAS_DATA_START")


def read(path: Path) -> tuple[Scan, ...]:
    """Every 2theta range. Raises ReadError for a damaged file."""
    file = str(path)
    data = read_bytes(path)
    # names of parts are Japanese; nothing that is used needs them, so bytes that are not Shift-JIS may be replaced
    lines = re.split(r"\r\n|\n|\r", data.decode("shift_jis", errors="replace"))
    scans: list[Scan] = []
    skipped: list[str] = []
    facts: dict[str, str] = {}
    begin = -1
    closed = False
    for i, line in enumerate(lines):
        if not line.startswith("*"):
            if begin < 0 and line.strip():
                raise ReadError(
                    "a line stands outside every block", why=line[:40], where=f"{file}:{i + 1}"
                )
            continue
        if line.startswith("*RAS_HEADER_START"):
            _expect(begin < 0, file=file, line=i)
            facts = {}
        elif line.startswith("*RAS_INT_START"):
            _expect(begin < 0, file=file, line=i)
            begin = i + 1
        elif line.startswith("*RAS_INT_END"):
            _expect(begin >= 0, file=file, line=i)
            index = len(scans) + len(skipped)
            axis = facts.get("MEAS_SCAN_AXIS_X_INTERNAL") or facts.get("MEAS_SCAN_AXIS_X", "")
            if axis and not is_two_theta(axis):
                skipped.append(f"range {index} over {axis}")
            else:
                table = parse_table(lines[begin:i], file=file, first_line=begin + 1)
                where = f"{file}:{begin + 1}"
                scans.append(
                    ras_scan(table.values, facts, file=file, format=NAME, where=where, index=index)
                )
            begin = -1
        elif line.startswith("*RAS_DATA_END"):
            closed = True
        elif found := _KEY.match(line):
            facts[found[1]] = found[2]
    if not closed or begin >= 0:
        raise ReadError(
            "the file does not end with *RAS_DATA_END",
            why="it was cut",
            remedy="copy it again",
            where=file,
        )
    return collected(scans, file=file, skipped=skipped)


def _expect(right: bool, *, file: str, line: int) -> None:
    if not right:
        raise ReadError(
            "the blocks of the file do not fit together",
            why="it was cut or changed",
            where=f"{file}:{line + 1}",
        )
