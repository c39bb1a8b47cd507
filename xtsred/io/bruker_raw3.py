"""Bruker RAW version 3 ("RAW1.01", DIFFRAC plus).

schema: little endian; a 712-byte file header, then per range a 304-byte header, supplementary records, data records.
    File: 8 uint32 status, 12 uint32 ranges, 16/26 date, time, 36 user, 108 site, 326 char[60] sample, 386 comment,
    564 float32 goniometer radius, 568 divergence slit, 584 antiscatter slit, 588 detector slit, 608 char[4] anode,
    616 float64 Ka mean, Ka1, Ka2, Kb, Ka2/Ka1. Range: 0 uint32 length, 4 uint32 points, 8 float64 start theta,
    16 float64 start 2theta, 176 float64 step, 192 float32 seconds per step, 196 uint32 scan type, 224/228 uint32 kV, mA,
    240 float64 wavelength used, 248 uint32 varying parameters (bits), 252 uint32 record length, 256 uint32 bytes of
    supplementary records. A record is float32 counts and a float64 per varying parameter.
uncertainties: none in the file; counts are Poisson.
metadata: all of the above that is not zero.
structure: one Scan per range over 2theta; files must be as long as their headers say.
Source of the layout: the DIFFRAC plus XCH manual's appendix as told by xylib and rietx; checked on real files,
    one of which also exists as .uxd.
"""

from pathlib import Path

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.binary import field, fields, floats, text
from xtsred.io.ranges import collected, equal_steps, shortest, single_time
from xtsred.io.source import read_bytes
from xtsred.stages import Scan, ScanHeader

__all__ = ["NAME", "matches", "read"]

NAME = "Bruker RAW v3"
_FILE_HEADER, _RANGE_HEADER = 712, 304
_STATUS = {1: "done", 2: "active", 3: "aborted", 4: "interrupted"}
# which of the documented scan types move the detector
_TYPES = {
    0: "locked coupled",
    1: "unlocked coupled",
    2: "detector scan",
    3: "rocking curve",
    4: "chi scan",
    5: "phi scan",
    6: "x scan",
    7: "y scan",
    8: "z scan",
    12: "psi scan",
    13: "hkl scan",
    14: "reciprocal space scan",
    20: "unlocked coupled hr xrd",
}
_OVER_TWO_THETA = (0, 1, 2, 20)


def matches(head: bytes, name: str) -> bool:
    """The magic "RAW1.01"."""
    return head.startswith(b"RAW1.01")


def read(path: Path) -> tuple[Scan, ...]:
    """Every 2theta range. Raises ReadError for a damaged file."""
    data, file = read_bytes(path), str(path)
    status, ranges = fields(data, "<II", 8, file=file, what="the file header")
    if not 1 <= ranges <= 10_000:
        raise ReadError(f"the header says that there are {ranges} ranges", where=file)
    doubts: tuple[Finding, ...] = ()
    if status in (2, 3, 4):
        doubts = (Finding("warning", f"{file}: the measurement is marked as {_STATUS[status]}"),)
    scans: list[Scan] = []
    skipped: list[str] = []
    offset = _FILE_HEADER
    for index in range(ranges):
        what = f"the header of range {index} of {ranges}"
        length, points = fields(data, "<II", offset, file=file, what=what)
        varying, record, extra = fields(data, "<III", offset + 248, file=file, what=what)
        if length != _RANGE_HEADER or record != 4 + 8 * int(varying).bit_count():
            raise ReadError(
                f"the header of range {index} contradicts itself",
                why=f"length {length} (304 is right), {record} bytes per point for "
                f"{int(varying).bit_count()} varying parameters; the file is damaged",
                where=file,
            )
        start, step = (field(data, "<d", offset + at, file=file, what=what) for at in (16, 176))
        seconds, kind = fields(data, "<fI", offset + 192, file=file, what=what)
        counts = floats(
            data,
            offset + length + extra,
            points,
            stride=record,
            file=file,
            what=f"the counts of range {index}",
        )
        angles = equal_steps(start, step, points, where=f"{file} (range {index})")
        if kind in _TYPES and kind not in _OVER_TWO_THETA:
            skipped.append(f"range {index} is a {_TYPES[kind]}")
        else:
            scans.append(
                Scan(
                    file=file,
                    format=NAME,
                    range_index=index,
                    two_theta_deg=angles,
                    values=counts,
                    kind="counts",
                    seconds_per_step=single_time(shortest(seconds), points),
                    header=_header(data, offset, file=file, scan_type=_TYPES.get(kind, str(kind))),
                    findings=doubts,
                )
            )
        offset += length + extra + record * points
    if offset != len(data):
        raise ReadError(
            f"{len(data) - offset} bytes follow the last range",
            why=f"the header says that there are {ranges}; the file is damaged",
            where=file,
        )
    return collected(scans, file=file, skipped=skipped)


def _header(data: bytes, offset: int, *, file: str, scan_type: str) -> ScanHeader:
    what = "the file header"
    lines = fields(data, "<5d", 616, file=file, what=what)
    radius, divergence = fields(data, "<ff", 564, file=file, what=what)
    antiscatter, detector = fields(data, "<ff", 584, file=file, what=what)
    kv, ma = fields(data, "<II", offset + 224, file=file, what="a range header")
    used = field(data, "<d", offset + 240, file=file, what="a range header")
    facts = {
        "scan type": scan_type,
        "generator": f"{kv} kV, {ma} mA" if kv and ma else "",
        "goniometer radius": f"{shortest(radius):g} mm" if radius else "",
        "divergence slit": f"{shortest(divergence):g}" if divergence else "",
        "antiscatter slit": f"{shortest(antiscatter):g}" if antiscatter else "",
        "detector slit": f"{shortest(detector):g}" if detector else "",
        "wavelength used": f"{used:g} Å" if 0.1 < used < 10 else "",
        "user": text(data, 36, 72),
        "site": text(data, 108, 218),
        "comment": text(data, 386, 160),
    }
    started = f"{text(data, 16, 10)} {text(data, 26, 10)}".strip()
    return ScanHeader(
        anode=text(data, 608, 4) or None,
        wavelengths_a=tuple(w for w in lines[1:3] if 0.1 < w < 10),
        line_ratio=lines[4] if 0 < lines[4] < 1 else None,
        sample_name=text(data, 326, 60) or None,
        started=started or None,
        other={k: v for k, v in facts.items() if v},
        ignored=(
            "drive starts",
            "detector settings",
            "supplementary records",
            "varying parameters",
        ),
    )
