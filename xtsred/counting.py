"""From what a file states to counts and the exposure that they took: the Poisson pair of every point.

Whatever the file holds (counts, rates, rates with a sigma), a point becomes N counts in an exposure T such that
the rate is N/T and its variance N/T^2. Dead time, monitor and scale change the exposure, never the counts.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from calibration.detector import live_fraction
from calibration.errors import InputError
from calibration.goniometer import Alignment, true_two_theta
from calibration.report import Finding
from xtsred.stages import Array, Scan, frozen

__all__ = ["Counted", "Instrument", "Measurement", "count", "monitor_reference"]

_SIGMA_AGREES = 0.02
_TIMES_AGREE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A scan and what the project file adds to it (None: nothing).

    label: short name for the report. seconds_per_step: where the file does not say. monitor: incident intensity
    relative to the other scans. scale: the rates are divided by it; "fit": found on the overlap.
    two_theta_deg: only this part is used, in corrected angles. entry: which [[scan]] it is of, counted from 0.
    """

    scan: Scan
    label: str
    seconds_per_step: float | None = None
    monitor: float | None = None
    scale: float | Literal["fit"] | None = None
    two_theta_deg: tuple[float, float] | None = None
    entry: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What all scans share: dead time of the detector (s, non-paralysable) and alignment of the goniometer."""

    dead_time_s: float = 0.0
    alignment: Alignment = field(default_factory=Alignment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One scan as Poisson pairs: rate = counts / exposure_s, variance = counts / exposure_s^2.

    two_theta_deg, counts, exposure_s, live: shape (n,). counts: effective number of counts (the counted ones, or
    (rate/sigma)^2). exposure_s: live time x monitor x scale. live: 1 - m tau. fit_scale: the scale is to be fitted.
    """

    label: str
    two_theta_deg: Array
    counts: Array
    exposure_s: Array
    live: Array
    fit_scale: bool
    timed: bool
    findings: tuple[Finding, ...]


def monitor_reference(measurements: list[Measurement]) -> float | None:
    """Median monitor rate of the first scan that has a monitor (counts/s), the unit of all; None without any."""
    for m in measurements:
        if m.scan.monitor is None:
            continue
        seconds = _stated_seconds(m)
        if seconds is None:
            raise InputError(
                "the monitor cannot be used without the counting time",
                remedy="give seconds_per_step in its [[scan]]",
                where=m.scan.file,
            )
        return float(np.median(m.scan.monitor / seconds))
    return None


def count(
    measurement: Measurement, *, instrument: Instrument, monitor_cps: float | None = None
) -> Counted:
    """Turn a scan into counts and exposures.

    Rates with a sigma give N = (rate/sigma)^2 and t = rate/sigma^2 (Poisson); counts or rates with a time t give
    N and t; without either the numbers are taken as counts of 1 s and a Finding says so. A file's sigma that is not
    sqrt(N) makes N effective: (value/sigma)^2. Raises InputError where times contradict each other,
    monitors are mixed, or the rate times the dead time reaches 1.
    """
    scan = measurement.scan
    findings = list(scan.findings)
    stated = _stated_seconds(measurement)
    timed = stated is not None or (scan.kind == "rates" and scan.sigma is not None)
    rate, seconds = _rate_and_time(scan, stated, findings)
    if instrument.dead_time_s > 0.0 and not timed:
        raise InputError(
            "a dead time cannot be corrected without the counting time",
            remedy="give seconds_per_step in its [[scan]]",
            where=scan.file,
        )
    live = _live(rate, instrument, scan)
    exposure = seconds * live * _monitor_factor(measurement, stated, monitor_cps)
    if isinstance(measurement.scale, float):
        exposure = exposure * measurement.scale
    angle = true_two_theta(scan.two_theta_deg, alignment=instrument.alignment)
    keep = np.ones(angle.shape, dtype=bool)
    if measurement.two_theta_deg is not None:
        low, high = measurement.two_theta_deg
        keep = (angle >= low - 1e-9) & (angle <= high + 1e-9)
        if int(keep.sum()) < 2:
            raise InputError(
                f"no points between {low:g} and {high:g}°, which [[scan]] asks for",
                why=f"the scan goes from {angle[0]:g} to {angle[-1]:g}°",
                where=scan.file,
            )
    return Counted(
        label=measurement.label,
        two_theta_deg=frozen(angle[keep]),
        counts=frozen((rate * seconds)[keep]),
        exposure_s=frozen(exposure[keep]),
        live=frozen(live[keep]),
        fit_scale=measurement.scale == "fit",
        timed=timed,
        findings=tuple(findings),
    )


def _stated_seconds(measurement: Measurement) -> Array | None:
    """Counting time per point from the file or the project file, shape (n,); None where neither says."""
    scan, given = measurement.scan, measurement.seconds_per_step
    if scan.seconds_per_step is None:
        return None if given is None else np.full(scan.values.shape, given)
    typical = float(np.median(scan.seconds_per_step))
    if given is not None and abs(given / typical - 1.0) > _TIMES_AGREE:
        raise InputError(
            f"the project file says {given:g} s per step, the file itself {typical:g} s",
            why="one of the two is wrong, and the rates depend on it",
            remedy="leave seconds_per_step out of its [[scan]] if the file is right",
            where=scan.file,
        )
    return scan.seconds_per_step


def _rate_and_time(
    scan: Scan, stated: Array | None, findings: list[Finding]
) -> tuple[Array, Array]:
    """Observed rate and effective time with variance(rate) = rate / time; both shape (n,)."""
    if scan.sigma is not None and (scan.kind == "rates" or stated is not None):
        return _from_sigma(scan, stated, findings)
    if stated is None:
        what = "counts" if scan.kind == "counts" else "rates without a sigma"
        findings.append(
            Finding(
                "warning",
                f"{scan.file}: {what} without a counting time: the numbers are taken as counts of 1 s per step. "
                "All scans must then have been counted equally long, and the uncertainties are guesses "
                "unless the numbers are counts. seconds_per_step in its [[scan]] settles it.",
            )
        )
        seconds = np.ones(scan.values.shape)
        if scan.sigma is not None:
            return _from_sigma(scan, seconds, findings)
        return scan.values, seconds
    rate = scan.values / stated if scan.kind == "counts" else scan.values
    return rate, stated


def _from_sigma(scan: Scan, stated: Array | None, findings: list[Finding]) -> tuple[Array, Array]:
    assert scan.sigma is not None
    if scan.kind == "counts":
        assert stated is not None
        rate, sigma = scan.values / stated, scan.sigma / stated
    else:
        rate, sigma = scan.values, scan.sigma
    known = (rate > 0.0) & (sigma > 0.0)
    if not known.any():
        raise InputError(
            "every point is zero or has no uncertainty",
            why="the counting times cannot be found",
            where=scan.file,
        )
    seconds = np.zeros(rate.shape)
    seconds[known] = rate[known] / sigma[known] ** 2
    if stated is not None:
        ratio = float(np.median(stated[known] / seconds[known]))
        if abs(ratio - 1.0) <= _SIGMA_AGREES:
            return rate, stated
        findings.append(
            Finding(
                "note",
                f"{scan.file}: its sigma is {ratio**0.5:.3g} times the square root of the counts; "
                "the uncertainties follow the file's sigma",
                {"sigma_over_sqrt_n": ratio**0.5},
            )
        )
    if not known.all():
        x = scan.two_theta_deg
        seconds[~known] = np.interp(x[~known], x[known], seconds[known])
        findings.append(
            Finding(
                "note",
                f"{scan.file}: {int((~known).sum())} points are zero or have sigma = 0; "
                "their counting time is taken from their neighbours",
                {"points": float((~known).sum())},
            )
        )
    return rate, seconds


def _live(rate: Array, instrument: Instrument, scan: Scan) -> Array:
    try:
        return live_fraction(rate, dead_time_s=instrument.dead_time_s)
    except ValueError as error:
        raise InputError(
            f"the highest rate, {float(rate.max()):.4g} counts/s, is impossible with a dead time of "
            f"{instrument.dead_time_s:g} s",
            why=str(error),
            remedy="check detector.dead_time_s and seconds_per_step",
            where=scan.file,
        ) from error


def _monitor_factor(
    measurement: Measurement, stated: Array | None, monitor_cps: float | None
) -> Array | float:
    recorded, given = measurement.scan.monitor, measurement.monitor
    if recorded is not None and given is not None:
        raise InputError(
            "the project file gives a monitor value, but the file records its own",
            remedy="leave monitor out of its [[scan]]",
            where=measurement.scan.file,
        )
    if recorded is None:
        if monitor_cps is not None and given is None:
            raise InputError(
                "this scan has no monitor, but others have",
                why="their incident intensities cannot be compared",
                remedy="give monitor in its [[scan]], or leave the monitor column out of the others",
                where=measurement.scan.file,
            )
        return 1.0 if given is None else given
    assert stated is not None
    assert monitor_cps is not None
    return recorded / (stated * monitor_cps)
