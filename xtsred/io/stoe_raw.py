"""STOE WinXPOW raw powder data ("RAW_1.06Powdat").

schema: little endian, blocks of 512 bytes. 16 char[16] date, 32 NUL-separated texts (sample, title, comments),
    0x142 float32 Ka1, Ka2, 0x1D2 uint16 points + 1, 0x1DA uint16 blocks of intensities, 0x1DC uint16 blocks of the file.
    The intensities (uint32) begin at D = (blocks of the file - blocks of intensities) * 512; before them D-0x200, D-0x1F0 start
    and end time, D-0x1DE uint16 points, D-0x1D4 float32 start 2theta, start theta, end 2theta, end theta, step 2theta,
    step theta, D-0x188 uint32 lowest and highest intensity.
uncertainties: none in the file; counts are Poisson (the reader's tests of scatter apply).
metadata: sample, date, wavelengths. Anode, counting time, generator and detector are not where anybody has described them:
    give seconds_per_step in the project file.
structure: one Scan; files with more than one range are refused. Number of points, angles and the lowest and highest
    intensity are each stated twice and must agree.
Source of the layout: Chemotion's converter (R. Dockhorn's notebook); checked on one real file, of a strip detector,
    whose counts are shared between channels and so scatter less than Poisson's.
"""

from pathlib import Path

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.binary import field, fields, floats, text
from xtsred.io.ranges import collected, equal_steps, shortest
from xtsred.io.source import read_bytes
from xtsred.stages import Scan, ScanHeader

__all__ = ["NAME", "matches", "read"]

NAME = "STOE raw"
_BLOCK = 512


def matches(head: bytes, name: str) -> bool:
    """The magic "RAW_1." and "Powdat"."""
    return head.startswith(b"RAW_1.") and b"Powdat" in head[:16]


def read(path: Path) -> tuple[Scan, ...]:
    """The one range. Raises ReadError for a damaged file or an unknown layout."""
    data, file = read_bytes(path), str(path)
    data_blocks, blocks = fields(data, "<HH", 0x1DA, file=file, what="the file header")
    at = (blocks - data_blocks) * _BLOCK
    if not 0 < data_blocks < blocks or at < 2 * _BLOCK:
        raise ReadError(
            "the block counters of the file header are impossible",
            why=f"{data_blocks} blocks of intensities in a file of {blocks}",
            remedy="export the scan as .xye or .dat",
            where=file,
        )
    points = field(data, "<H", at - 0x1DE, file=file, what="the range header")
    start, _, end, _, step, _ = fields(data, "<6f", at - 0x1D4, file=file, what="the range header")
    lowest, highest = fields(data, "<2I", at - 0x188, file=file, what="the range header")
    counts = floats(data, at, points, stride=4, dtype="<u4", file=file, what="the intensities")
    angles = equal_steps(shortest(start), shortest(step), points, where=file)
    stated = (lowest, highest) == (int(counts.min()), int(counts.max())) or highest == 0
    if abs(angles[-1] - end) > 0.5 * abs(step) or not stated or 4 * points > data_blocks * _BLOCK:
        raise ReadError(
            "the file contradicts itself",
            why=f"{points} points from {start:g}° in steps of {step:g}° should end at {end:g}°, "
            f"intensities should be from {lowest} to {highest}: this layout is not known, or the file is damaged",
            remedy="export the scan as .xye or .dat",
            where=file,
        )
    alpha1, alpha2 = fields(data, "<ff", 0x142, file=file, what="the file header")
    texts = [t.decode("latin-1").strip() for t in data[0x20:0x130].split(b"\0") if t.strip()]
    scan = Scan(
        file=file,
        format=NAME,
        two_theta_deg=angles,
        values=counts,
        kind="counts",
        header=ScanHeader(
            wavelengths_a=tuple(shortest(w) for w in (alpha1, alpha2) if 0.1 < w < 10),
            sample_name=texts[0] if texts and "no Title" not in texts[0] else None,
            started=text(data, at - 0x200, 16) or text(data, 0x10, 16) or None,
            other={"comment": "; ".join(texts[1:])} if len(texts) > 1 else {},
            ignored=("every other field of the headers",),
        ),
        findings=(
            Finding(
                "note",
                f"{file}: the counting time of STOE raw files is not known: state seconds_per_step",
            ),
        ),
    )
    return collected([scan], file=file, skipped=())
