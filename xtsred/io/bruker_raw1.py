"""Siemens/Bruker RAW version 1 ("RAW ", DIFFRAC-AT).

schema: little endian; a chain of ranges, each a 156-byte header and float32 counts. Header, by byte:
    0 "RAW " (early files leave it out after the first range), 4 uint32 points, 8 float32 seconds per step,
    12 float32 step, 16 uint32 scan mode, 24 float32 start 2theta, 28/32/36 start theta, chi, phi (-1e6: not known),
    40 char[32] sample, 72/76 float32 Ka1, Ka2, 152 uint32: not 0 where another range follows.
uncertainties: none in the file; counts are Poisson.
metadata: sample, wavelengths, counting time. No anode, no generator, no date.
structure: one Scan per range. What the numbers of the scan mode mean is not documented: ranges are taken as 2theta scans.
Source of the layout: the DIFFRAC-AT manual's appendix as told by xylib; checked on one real file.
"""

from pathlib import Path

from calibration.errors import ReadError
from xtsred.io.binary import field, fields, floats, text
from xtsred.io.ranges import collected, equal_steps, shortest, single_time
from xtsred.io.source import read_bytes
from xtsred.stages import Scan, ScanHeader

__all__ = ["NAME", "matches", "read"]

NAME = "Bruker RAW v1"
_MAGIC = b"RAW "
_HEADER = 156


def matches(head: bytes, name: str) -> bool:
    """The magic "RAW " and a plausible number of points."""
    return head.startswith(_MAGIC) and len(head) >= 8


def read(path: Path) -> tuple[Scan, ...]:
    """Every 2theta range. Raises ReadError for a damaged file."""
    data, file = read_bytes(path), str(path)
    scans: list[Scan] = []
    offset, index, more = 0, 0, True
    while more:
        # the offsets below count from the magic, whether it is there or not
        start = offset if index == 0 or data[offset : offset + 4] == _MAGIC else offset - 4
        what = f"the header of range {index}"
        points, seconds, step, mode = fields(data, "<IffI", start + 4, file=file, what=what)
        first = field(data, "<f", start + 24, file=file, what=what)
        alpha1, alpha2 = fields(data, "<ff", start + 72, file=file, what=what)
        following = field(data, "<I", start + 152, file=file, what=what)
        if following > 1000:
            raise ReadError(
                f"range {index} says that {following} ranges follow",
                why="the file is damaged",
                where=file,
            )
        where = f"{file} (range {index})"
        values = floats(
            data,
            start + _HEADER,
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
                header=ScanHeader(
                    sample_name=text(data, start + 40, 32) or None,
                    wavelengths_a=tuple(shortest(w) for w in (alpha1, alpha2) if 0.1 < w < 10),
                    other={"scan mode": str(mode)},
                    ignored=("start angles of theta, chi, phi", "unused fields 80-151"),
                ),
            )
        )
        offset, index, more = start + _HEADER + 4 * points, index + 1, following > 0
    if offset != len(data):
        raise ReadError(
            f"{len(data) - offset} bytes follow the last range",
            why="the header says that no range follows; the file is damaged",
            where=file,
        )
    return collected(scans, file=file, skipped=())
