"""What the ranges of instrument files have in common: steps, axes, attenuators, rates that were counts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.checks import checked
from xtsred.stages import Array, Scan, frozen

__all__ = [
    "attenuated",
    "collected",
    "counted",
    "equal_steps",
    "is_two_theta",
    "shortest",
    "single_time",
]

# far above any scan; below what would trouble a laptop
_MAX_POINTS = 4_000_000

_TWO_THETA = frozenset(
    (
        "2theta",
        "twotheta",
        "2thetatheta",
        "theta2theta",
        "thetatwotheta",
        "twothetatheta",
        "2thetaomega",
        "twothetaomega",
        "omega2theta",
        "omegatwotheta",
        "gonio",
        "coupled",
        "coupledtwothetatheta",
        "lockedcoupled",
        "unlockedcoupled",
        "unlockedcoupledhrxrd",
        "detectorscan",
        "detector",
        "tth",
        "2th",
        "2thetad",
        "thetathetascan",
        "thetatheta",
        "psdfixedscan",
        "psdfastscan",
    )
)


def is_two_theta(axis: str) -> bool:
    """Whether the name of a scan or of its axis, in any maker's spelling, means that 2theta moved."""
    return "".join(c for c in axis.lower() if c.isalnum()) in _TWO_THETA


def shortest(value: float) -> float:
    """A single-precision number as its shortest decimal: 0.04, not 0.03999999911."""
    return float(str(np.float32(value)))


def equal_steps(start: float, step: float, points: int, *, where: str) -> Array:
    """start + i * step for i = 0 ... points - 1. Raises ReadError for steps that are no steps."""
    if not (np.isfinite(start) and np.isfinite(step)) or step == 0:
        raise ReadError(
            f"the scan starts at {start:g}° in steps of {step:g}°",
            why="these are no angles; the file is damaged",
            where=where,
        )
    if not 2 <= points <= _MAX_POINTS:
        raise ReadError(
            f"the range is said to have {points} point{'s' if points != 1 else ''}",
            why="a scan has between two and some million; the file is damaged or was never measured",
            where=where,
        )
    return frozen(start + step * np.arange(points))


def single_time(seconds: float, points: int) -> Array | None:
    """The same counting time for every point; None where the file says zero or nonsense (not stated)."""
    if not np.isfinite(seconds) or not 0 < seconds < 1e8:
        return None
    return frozen(np.full(points, seconds))


def attenuated(
    intensities: Array, seconds: Array | None, factors: Array, *, multiplied: bool
) -> tuple[Array, Array | None, str]:
    """(counts as detected, effective counting time, what was done) of points taken behind an attenuator.

    An attenuator of factor f lets 1/f of the beam through: N counts in t seconds behind it are N counts in
    t/f seconds without it. Held this way the counts stay Poisson and the rate comes out right.
    multiplied: whether the format multiplies its intensities by the factors. Counts are whole numbers: where only
    the intensities, or only their quotients with the factors, are whole, that decides instead.
    """
    behind = factors != 1
    quotients = intensities / factors
    raw_whole = _whole(intensities[behind], within=1e-6)
    quotient_whole = _whole(quotients[behind], within=0.01)
    if raw_whole != quotient_whole:
        multiplied = quotient_whole
    counts = quotients if multiplied else np.array(intensities)
    if multiplied and quotient_whole:
        counts[behind] = np.rint(counts[behind])
    said = (
        f"{int(behind.sum())} points behind an attenuator of up to {factors.max():g}: the counts are "
        f"{'the intensities divided by the factor' if multiplied else 'as listed'}, the counting time is divided by it"
    )
    return frozen(counts), None if seconds is None else frozen(seconds / factors), said


def _whole(values: Array, *, within: float) -> bool:
    return bool(np.all(np.abs(values - np.rint(values)) <= within))


def counted(scan: Scan) -> Scan:
    """Rates whose product with the time is whole numbers become the counts that they were; others stay.

    The rates are printed to some digits: a product within 2e-4 of its size, or 0.02, of a whole number counts.
    """
    if scan.kind != "rates" or scan.seconds_per_step is None or scan.sigma is not None:
        return scan
    product = scan.values * scan.seconds_per_step
    whole = np.rint(product)
    if not np.all(np.abs(product - whole) <= np.minimum(np.maximum(2e-4 * product, 0.02), 0.2)):
        return scan
    kind: Literal["counts"] = "counts"
    note = Finding("note", f"{scan.file}: rates times the counting time are whole: read as counts")
    return replace(scan, values=frozen(whole), kind=kind, findings=(*scan.findings, note))


def collected(scans: Sequence[Scan], *, file: str, skipped: Sequence[str]) -> tuple[Scan, ...]:
    """The checked scans of a file, numbered from 0 among themselves, lowest angle first in each.

    skipped: ranges over another axis than 2theta, said aloud. Raises ReadError when nothing is left.
    """
    if not scans:
        raise ReadError(
            "there is no scan over 2theta in the file",
            why=_listed(skipped) or "it holds no range at all",
            remedy="name the file of the 2theta scan",
            where=file,
        )
    said = (
        (
            Finding(
                "warning", f"{file}: not read, because 2theta did not move: {'; '.join(skipped)}"
            ),
        )
        if skipped
        else ()
    )
    done = []
    for index, scan in enumerate(scans):
        where = f"{file} (range {index}"
        turned = _turned(replace(scan, range_index=index, findings=scan.findings + said))
        done.append(checked(turned, place=partial(_point, where)))
    return tuple(done)


def _listed(skipped: Sequence[str]) -> str:
    more = len(skipped) - 5
    return "; ".join(skipped[:5]) + (f"; and {more} more" if more > 0 else "")


def _point(where: str, row: int) -> str:
    return f"{where}, point {row + 1})"


def _turned(scan: Scan) -> Scan:
    angles = scan.two_theta_deg
    if angles.size < 2 or not bool(np.all(np.diff(angles) < 0)):
        return scan
    note = Finding(
        "note", f"{scan.file}: measured from high to low angles; the order was turned round"
    )

    def back(array: Array | None) -> Array | None:
        return None if array is None or array.shape != angles.shape else frozen(array[::-1])

    return replace(
        scan,
        two_theta_deg=frozen(angles[::-1]),
        values=frozen(scan.values[::-1]),
        sigma=back(scan.sigma),
        seconds_per_step=back(scan.seconds_per_step),
        monitor=back(scan.monitor),
        findings=(*scan.findings, note),
    )
