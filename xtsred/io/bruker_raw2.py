"""Siemens/Bruker RAW version 2 ("RAW2", DIFFRAC-AT).

schema: little endian; a 256-byte file header, then per range a header (its length in its first uint16) and
    float32 counts. File header: 4 uint16 ranges, 8 char[32] sample, 40 char[128] comment, 168 char[20] date and time,
    188 char[2] anode, 190/194/198 float32 Ka1, Ka2, their ratio. Range header: 0 uint16 length, 2 uint16 points,
    8 float32 seconds per step, 12 float32 step, 16 float32 start 2theta, 20.. start theta, chi, phi (-1e6: not known).
uncertainties: none in the file; counts are Poisson.
metadata: sample, date, anode, wavelengths and ratio, counting time. No generator, no slits.
structure: one Scan per range.
Source of the layout: the DIFFRAC-AT manual's appendix as told by xylib; checked on one real file.
"""

from pathlib import Path

from calibration.errors import ReadError
from xtsred.io.binary import field, fields, floats, text
from xtsred.io.ranges import collected, equal_steps, shortest, single_time
from xtsred.io.source import read_bytes
from xtsred.stages import Scan, ScanHeader

__all__ = ["NAME", "matches", "read"]

NAME = "Bruker RAW v2"
_FILE_HEADER = 256


def matches(head: bytes, name: str) -> bool:
    """The magic "RAW2"."""
    return head.startswith(b"RAW2")


def read(path: Path) -> tuple[Scan, ...]:
    """Every range. Raises ReadError for a damaged file."""
    data, file = read_bytes(path), str(path)
    ranges = field(data, "<H", 4, file=file, what="the file header")
    if ranges == 0:
        raise ReadError("the header says that there is no range", where=file)
    header = _header(data, file=file)
    scans: list[Scan] = []
    offset = _FILE_HEADER
    for index in range(ranges):
        what = f"the header of range {index} of {ranges}"
        length, points = fields(data, "<HH", offset, file=file, what=what)
        seconds, step, first = fields(data, "<fff", offset + 8, file=file, what=what)
        if length < 48:
            raise ReadError(
                f"the header of range {index} is said to have {length} bytes",
                why="it has at least 48; the file is damaged",
                where=file,
            )
        where = f"{file} (range {index})"
        values = floats(
            data,
            offset + length,
            points,
            stride=4,
            file=file,
            what=f"the counts of range {index}",
        )
        angles = equal_steps(shortest(first), shortest(step), points, where=where)
        scans.append(
            Scan(
                file=file,
                format=NAME,
                range_index=index,
                two_theta_deg=angles,
                values=values,
                kind="counts",
                seconds_per_step=single_time(shortest(seconds), points),
                header=header,
            )
        )
        offset += length + 4 * points
    if offset != len(data):
        raise ReadError(
            f"{len(data) - offset} bytes follow the last range",
            why=f"the header says that there are {ranges}; the file is damaged",
            where=file,
        )
    return collected(scans, file=file, skipped=())


def _header(data: bytes, *, file: str) -> ScanHeader:
    alpha1, alpha2, ratio = fields(data, "<fff", 190, file=file, what="the file header")
    anode = text(data, 188, 2)
    comment = text(data, 40, 128)
    return ScanHeader(
        anode=anode if anode.isalpha() else None,
        wavelengths_a=tuple(shortest(w) for w in (alpha1, alpha2) if 0.1 < w < 10),
        line_ratio=shortest(ratio) if 0 < ratio < 1 else None,
        sample_name=text(data, 8, 32) or None,
        started=text(data, 168, 20) or None,
        other={"comment": comment} if comment else {},
        ignored=("start angles of theta, chi, phi", "temperature"),
    )
