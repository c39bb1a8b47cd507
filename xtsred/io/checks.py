"""What every reader holds its scans to, whatever the format."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.stages import Array, Scan

__all__ = ["are_integers", "checked", "scatter_ratio"]

# twice the scatter of Poisson counts of a flat pattern is unlucky, half of it does not happen
_SMOOTH, _ROUGH = 0.5, 3.0
_MIN_POINTS = 30
_IMPOSSIBLE = 1e15
# more of them than this, and the steps are meant to vary
_FEW_GAPS = 0.02


def checked(scan: Scan, *, place: Callable[[int], str]) -> Scan:
    """The same scan with its doubts as findings, after everything impossible was refused.

    place: row number (from 0) -> where that row is ("a.xy:12"), for the message.
    Raises ReadError for fewer than two points, arrays of unequal length, NaN or infinity, angles beyond
    ±180°, angles that repeat or go back, negative intensities, sigmas or monitor counts, and counting times that are not positive.
    """
    _check_lengths(scan)
    _check_numbers(scan, place=place)
    _check_angles(scan.two_theta_deg, place=place)
    return replace(scan, findings=scan.findings + tuple(_doubts(scan)))


def _check_lengths(scan: Scan) -> None:
    n = scan.two_theta_deg.size
    if n < 2:
        raise ReadError(
            f"range {scan.range_index} has {n} point{'s' if n != 1 else ''}",
            why="a scan has at least two",
            where=scan.file,
        )
    for name, array in _columns(scan):
        if array.shape != (n,):
            raise ReadError(
                f"range {scan.range_index} has {n} angles but {array.size} numbers for {name}",
                why="the file contradicts itself; it may have been cut",
                where=scan.file,
            )


def _columns(scan: Scan) -> list[tuple[str, Array]]:
    named = [
        ("2theta", scan.two_theta_deg),
        ("the intensity" if scan.kind == "rates" else "the counts", scan.values),
        ("sigma", scan.sigma),
        ("the counting time", scan.seconds_per_step),
        ("the monitor", scan.monitor),
    ]
    return [(name, array) for name, array in named if array is not None]


def _check_numbers(scan: Scan, *, place: Callable[[int], str]) -> None:
    for name, array in _columns(scan):
        bad = ~np.isfinite(array)
        if bad.any():
            row = int(np.argmax(bad))
            raise ReadError(
                f"{name} is {array[row]}",
                why="NaN and infinity are no measurement",
                remedy="leave the point out of the file if it was not measured",
                where=place(row),
            )
        if name == "2theta":
            continue
        if float(array.max()) > _IMPOSSIBLE:
            row = int(np.argmax(array))
            raise ReadError(
                f"{name} is {array[row]:g}",
                why="no detector counts that far; the file is damaged",
                where=place(row),
            )
        bad = array <= 0 if name == "the counting time" else array < 0
        if bad.any():
            row = int(np.argmax(bad))
            kind = "not positive" if name == "the counting time" else "negative"
            raise ReadError(
                f"{name} is {kind} ({array[row]:g})",
                why=f"{int(bad.sum())} of {array.size} points; a detector counts upward from zero",
                remedy="give the scan as measured, with nothing subtracted",
                where=place(row),
            )


def _check_angles(two_theta_deg: Array, *, place: Callable[[int], str]) -> None:
    bad = np.abs(two_theta_deg) > 180.0
    if bad.any():
        row = int(np.argmax(bad))
        raise ReadError(
            f"2theta is {two_theta_deg[row]:g}°",
            why="no diffractometer goes beyond 180°",
            remedy="check which column holds 2theta in degrees",
            where=place(row),
        )
    steps = np.diff(two_theta_deg)
    bad = steps <= 0
    if bad.any():
        row = int(np.argmax(bad)) + 1
        same = steps[row - 1] == 0
        raise ReadError(
            f"2theta {two_theta_deg[row]:g}° {'repeats' if same else 'comes after'} "
            f"{'the point before' if same else f'{two_theta_deg[row - 1]:g}°'}",
            why="the angles of a scan increase; several scans in one file would be mixed up",
            remedy="write each scan to its own file, sorted by 2theta",
            where=place(row),
        )


def are_integers(values: Array) -> bool:
    """Whether every value is a whole number (as counts are)."""
    return bool(np.all(values == np.rint(values)))


def scatter_ratio(scan: Scan) -> float | None:
    """Point-to-point variance over the variance of Poisson counts: 1 for raw counts, None if it cannot be said.

    Second differences of neighbours, robust: median of d^2 / (y_-1 + 4 y_0 + y_+1) over its value for a
    normal variable, 0.4549 (the median of chi^2 with one degree of freedom). Slopes cancel; peaks raise it.
    The variance of a rate y measured for t is y / t.
    """
    y = scan.values
    if scan.kind == "counts":
        counts, variance = y, y
    elif scan.seconds_per_step is not None:
        counts, variance = y * scan.seconds_per_step, y / scan.seconds_per_step
    else:
        return None
    if y.size < _MIN_POINTS or float(np.mean(y)) <= 0:
        return None
    expected = variance[:-2] + 4.0 * variance[1:-1] + variance[2:]
    difference = y[:-2] - 2.0 * y[1:-1] + y[2:]
    # counts below ten are too far from normal for the median of a chi^2
    usable = (expected > 0) & (counts[1:-1] >= 10.0)
    if int(usable.sum()) < _MIN_POINTS:
        return None
    return float(np.median(difference[usable] ** 2 / expected[usable]) / 0.4549)


def _doubts(scan: Scan) -> list[Finding]:
    doubts: list[Finding] = []
    if scan.kind == "counts" and not are_integers(scan.values):
        whole = float(np.mean(scan.values == np.rint(scan.values)))
        doubts.append(
            Finding(
                "warning",
                f"{scan.file}: the counts are not whole numbers: they were scaled, averaged or attenuated, "
                "and sqrt(N) is not their uncertainty",
                {"whole_fraction": whole},
            )
        )
    ratio = scatter_ratio(scan)
    if ratio is not None and not math.isnan(ratio) and not _SMOOTH <= ratio <= _ROUGH:
        how = (
            "smoother than Poisson counts can be: smoothed, rebinned, scaled, or counted longer than stated"
            if ratio < _SMOOTH
            else "rougher than Poisson counts: scaled up, counted shorter than stated, or full of sharp peaks"
        )
        doubts.append(
            Finding(
                "warning",
                f"{scan.file}: the {scan.kind} scatter with {ratio:.2g} times the variance of Poisson counts: {how}",
                {"scatter_ratio": ratio},
            )
        )
    doubts += _gaps(scan)
    if scan.sigma is not None and bool(np.any(scan.sigma == 0)):
        zero = int(np.sum(scan.sigma == 0))
        doubts.append(
            Finding(
                "warning",
                f"{scan.file}: the file says sigma = 0 at {zero} of {scan.sigma.size} points: it is not known there",
                {"points": float(zero)},
            )
        )
    return doubts


def _gaps(scan: Scan) -> list[Finding]:
    """Steps that are wider than all the others: points that were lost, or left out."""
    steps = np.diff(scan.two_theta_deg)
    usual = float(np.median(steps))
    # printed angles are rounded: a step of 0.0156° shows as 0.01 or 0.02
    wide = steps > max(1.5 * usual, usual + 0.011)
    if not wide.any() or float(wide.mean()) > _FEW_GAPS:
        return []
    first = int(np.argmax(wide))
    return [
        Finding(
            "warning",
            f"{scan.file}: points are missing at {int(wide.sum())} place{'s' if wide.sum() > 1 else ''}, first after "
            f"{scan.two_theta_deg[first]:g}°: a step of {steps[first]:.4g}° among steps of {usual:.4g}°",
            {"places": float(wide.sum()), "two_theta_deg": float(scan.two_theta_deg[first])},
        )
    ]
