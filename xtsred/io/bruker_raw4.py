"""Bruker RAW version 4 ("RAW4.00", DIFFRAC.SUITE).

schema: little endian; a 61-byte preamble (12/24 date, time, 48 float32 total time in s), then a chain of segments
    (uint32 type, uint32 length). Type 10: char[24] name at 12, value at 36; type 30: float64 Ka mean, Ka1, Ka2, Kb, ratio at 72,
    char[4] anode at 116. A type of 0 or 160 begins a range: 4 uint32 points planned, 8 points measured, 32 char[24] scan type,
    72 float64 start, 80 float64 step, 88 uint32 points, 92 float32 seconds per step, 100/104 float32 kV, mA,
    112 float64 wavelength, 136 uint32 bytes per point, 140 uint32 bytes of segments that follow at 160; then the points,
    a float32 of counts at the start of each. Segment 50 of a range: char[24] drive at 12, float64 position at 56.
uncertainties: none in the file; counts are Poisson.
metadata: sample, user, site, comment, date, anode, wavelengths and ratio, generator, positions of the drives.
structure: one Scan per range over 2theta. The seconds per step are the effective ones: of a position-sensitive detector
    in a fast scan, the time that every angle was seen by some channel (LynxEye of 190 channels at 0.41 s per step: 77.9 s;
    the total time in the preamble agrees with that and with nothing else).
Source of the layout: xylib and rietx; checked on one real file.
"""

from pathlib import Path

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.binary import field, fields, floats, text
from xtsred.io.ranges import collected, equal_steps, is_two_theta, shortest, single_time
from xtsred.io.source import read_bytes
from xtsred.stages import Scan, ScanHeader

__all__ = ["NAME", "matches", "read"]

NAME = "Bruker RAW v4"
_PREAMBLE = 61
_RANGE_MARKS = (0, 160)
_INFO, _SOURCE, _DRIVE = 10, 30, 50
_RANGE_HEADER = 160
# in names of scan types over which 2theta stays where it is
_OTHER_AXES = ("rocking", "chi", "phi", "psi", "x scan", "y scan", "z scan", "hkl", "reciprocal")


def matches(head: bytes, name: str) -> bool:
    """The magic "RAW4.00"."""
    return head.startswith(b"RAW4.00")


def read(path: Path) -> tuple[Scan, ...]:
    """Every 2theta range. Raises ReadError for a damaged file."""
    data, file = read_bytes(path), str(path)
    info: dict[str, str] = {}
    source: tuple[float, ...] = ()
    anode = ""
    unread: set[str] = set()
    scans: list[Scan] = []
    skipped: list[str] = []
    offset, index = _PREAMBLE, 0
    while offset < len(data):
        kind = field(data, "<I", offset, file=file, what="a segment")
        if kind in _RANGE_MARKS:
            header = _header(data, info=info, anode=anode, source=source, unread=unread)
            scan, offset = _range(data, offset, file=file, index=index, header=header)
            if isinstance(scan, str):
                skipped.append(f"range {index} is a {scan}")
            else:
                scans.append(scan)
            index += 1
            continue
        length = _length(data, offset, file=file)
        if kind == _INFO and length >= 36:
            info[text(data, offset + 12, 24)] = text(data, offset + 36, length - 36)
        elif kind == _SOURCE and length >= 120:
            source = fields(data, "<5d", offset + 72, file=file, what="the source segment")
            anode = text(data, offset + 116, 4)
        else:
            unread.add(f"segment {kind}")
        offset += length
    return collected(scans, file=file, skipped=skipped)


def _length(data: bytes, offset: int, *, file: str) -> int:
    length = int(field(data, "<I", offset + 4, file=file, what="a segment"))
    if length < 8 or offset + length > len(data):
        raise ReadError(
            f"the segment at byte {offset} is said to have {length} bytes",
            why=f"the file has {len(data)}; it is damaged",
            where=file,
        )
    return length


def _header(
    data: bytes,
    *,
    info: dict[str, str],
    anode: str,
    source: tuple[float, ...],
    unread: set[str],
) -> ScanHeader:
    named = {"USER": "user", "SITE": "site", "COMMENT": "comment", "CREATOR": "written by"}
    started = f"{text(data, 12, 12)} {text(data, 24, 10)}".strip()
    return ScanHeader(
        anode=anode or None,
        wavelengths_a=tuple(w for w in source[1:3] if 0.1 < w < 10),
        line_ratio=source[4] if source and 0 < source[4] < 1 else None,
        sample_name=info.get("SAMPLEID") or None,
        started=started or None,
        other={named[k]: v for k, v in info.items() if k in named and v},
        ignored=tuple(
            sorted(unread | {f"{k} block" for k in info if k not in (*named, "SAMPLEID")})
        ),
    )


def _range(
    data: bytes, offset: int, *, file: str, index: int, header: ScanHeader
) -> tuple[Scan | str, int]:
    """(the scan, or the name of its type where 2theta did not move; the offset after it)."""
    what = f"the header of range {index}"
    planned, measured = fields(data, "<II", offset + 4, file=file, what=what)
    start, step, points, seconds = fields(data, "<ddIf", offset + 72, file=file, what=what)
    kv, ma = fields(data, "<ff", offset + 100, file=file, what=what)
    used = field(data, "<d", offset + 112, file=file, what=what)
    size, extra = fields(data, "<II", offset + 136, file=file, what=what)
    scan_type = text(data, offset + 32, 24)
    if planned == measured == 0:  # not stated
        planned = measured = points
    if not 4 <= size <= 4096 or extra > len(data) or not 0 < measured <= points:
        raise ReadError(
            f"the header of range {index} contradicts itself",
            why=f"{measured} of {points} points measured, {size} bytes per point, {extra} bytes of segments; "
            "the file is damaged",
            where=file,
        )
    where = f"{file} (range {index})"
    begin = offset + _RANGE_HEADER + extra
    counts = floats(
        data, begin, points, stride=size, file=file, what=f"the counts of range {index}"
    )
    angles = equal_steps(start, step, points, where=where)
    end = begin + size * points
    if any(word in scan_type.lower() for word in _OTHER_AXES):
        return scan_type, end
    drives = _drives(data, offset + _RANGE_HEADER, offset + _RANGE_HEADER + extra, file=file)
    doubts = []
    if not is_two_theta(scan_type):
        doubts.append(
            Finding(
                "warning",
                f"{where}: the scan type {scan_type!r} is not known: taken as a 2theta scan",
            )
        )
    if measured < points or planned != points:
        doubts.append(
            Finding(
                "warning",
                f"{where}: {measured} of {max(planned, points)} points were measured; the rest is left out",
                {"measured": float(measured), "planned": float(max(planned, points))},
            )
        )
    facts = {
        "scan type": scan_type,
        "generator": f"{shortest(kv):g} kV, {shortest(ma):g} mA" if kv > 0 and ma > 0 else "",
        "wavelength used": f"{used:g} Å" if 0.1 < used < 10 else "",
        "drives": drives,
    }
    scan = Scan(
        file=file,
        format=NAME,
        range_index=index,
        two_theta_deg=angles[:measured],
        values=counts[:measured],
        kind="counts",
        seconds_per_step=single_time(shortest(seconds), measured),
        header=ScanHeader(
            anode=header.anode,
            wavelengths_a=header.wavelengths_a,
            line_ratio=header.line_ratio,
            sample_name=header.sample_name,
            started=header.started,
            other={**header.other, **{k: v for k, v in facts.items() if v}},
            ignored=header.ignored,
        ),
        findings=tuple(doubts),
    )
    return scan, end


def _drives(data: bytes, offset: int, end: int, *, file: str) -> str:
    found = []
    while offset + 8 <= end:
        kind = field(data, "<I", offset, file=file, what="a segment of a range")
        length = _length(data, offset, file=file)
        if kind == _DRIVE and length >= 64:
            position = field(data, "<d", offset + 56, file=file, what="a drive")
            found.append(f"{text(data, offset + 12, 24)} at {position:.6g}")
        offset += length
    if offset != end:
        raise ReadError(
            "the segments of a range do not fill the place that is theirs",
            why="the file is damaged",
            where=file,
        )
    return ", ".join(found)
