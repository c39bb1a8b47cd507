"""What the Rigaku formats share: the keys of a RAS header, and how a scan follows from them."""

import math
from collections.abc import Mapping

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.numbers import number, number_or_none
from xtsred.io.ranges import attenuated, counted, single_time
from xtsred.stages import Array, Scan, ScanHeader, frozen

__all__ = ["ras_scan"]

_SHOWN = {
    "MEAS_COND_XG_VOLTAGE": "generator voltage (kV)",
    "MEAS_COND_XG_CURRENT": "generator current (mA)",
    "MEAS_COND_XG_WAVE_TYPE": "wavelength type",
    "HW_COUNTER_SELECT_NAME": "detector",
    "HW_GONIOMETER_RADIUS-0": "goniometer radius (mm)",
    "MEAS_COND_OPT_NAME": "optics",
    "MEAS_COND_OPT_ATTR": "optics attribute",
    "MEAS_SCAN_AXIS_X": "scan axis",
    "MEAS_SCAN_MODE": "scan mode",
    "FILE_COMMENT": "comment",
    "FILE_OPERATOR": "operator",
}


def ras_scan(
    table: Array, facts: Mapping[str, str], *, file: str, format: str, where: str, index: int
) -> Scan:
    """One range: table of shape (n, 2 or 3) with 2theta, intensity, attenuation factor; facts: header without asterisks.

    Continuous scans: time per step = step / speed; step scans state it. The intensity of a point behind an
    attenuator is as detected: its time is divided by the factor. Raises ReadError.
    """
    if table.shape[1] not in (2, 3):
        raise ReadError(
            f"the rows have {table.shape[1]} numbers",
            why="2theta, intensity, attenuation factor are expected",
            where=where,
        )
    doubts = _check_points(table[:, 0], facts, where=where)
    unit = facts.get("MEAS_SCAN_UNIT_Y", "").strip().lower()
    if unit not in ("", "counts", "cps"):
        raise ReadError(
            f"the intensities are in {unit!r}", why="counts or cps are expected", where=where
        )
    angles, values = frozen(table[:, 0]), frozen(table[:, 1])
    seconds = _time(facts, angles.size, where=where)
    if not unit:
        doubts.append(
            Finding(
                "warning", f"{where}: the unit of the intensities is not stated: counts assumed"
            )
        )
    if table.shape[1] == 3 and np.any(table[:, 2] != 1):
        factor = frozen(table[:, 2])
        if not np.all(factor > 0):
            raise ReadError(
                "an attenuation factor is not positive", why="the file is damaged", where=where
            )
        if unit == "cps" and seconds is None:
            raise ReadError(
                "rates behind an attenuator need a counting time, and the header has none",
                where=where,
            )
        if unit == "cps" and seconds is not None:
            values = frozen(values * seconds)
        values, seconds, said = attenuated(values, seconds, factor, multiplied=False)
        if unit == "cps" and seconds is not None:
            values = frozen(values / seconds)
        doubts.append(Finding("note", f"{where}: {said}"))
    scan = Scan(
        file=file,
        format=format,
        range_index=index,
        two_theta_deg=angles,
        values=values,
        kind="rates" if unit == "cps" else "counts",
        seconds_per_step=seconds,
        header=_header(facts),
        findings=tuple(doubts),
    )
    return counted(scan)


def _check_points(angles: Array, facts: Mapping[str, str], *, where: str) -> list[Finding]:
    """Rows against the number of points, and against start, stop and step; a stopped scan is a finding."""
    stated = facts.get("MEAS_DATA_COUNT", "").strip()
    if stated and number(stated, what="MEAS_DATA_COUNT", where=where) != angles.size:
        raise ReadError(
            f"the header says {stated} points, {angles.size} are there",
            why="the file was cut, or changed",
            where=where,
        )
    try:
        start, stop, step = (
            number_or_none(facts.get(f"MEAS_SCAN_{k}", "")) for k in ("START", "STOP", "STEP")
        )
    except ValueError:
        raise ReadError("the start, stop or step of the header is no number", where=where) from None
    if start is None or stop is None or not step:
        return []
    expected = math.floor(min(abs(stop - start) / abs(step), 1e9) + 1e-6) + 1
    if angles.size == expected:
        return []
    what = f"{angles.size} points are there, {expected} belong to {start:g} to {stop:g}° in steps of {step:g}°"
    if stated:
        return [Finding("warning", f"{where}: {what}: the measurement was stopped")]
    raise ReadError(
        what,
        why="the file was cut, or the measurement was stopped",
        remedy="if it was stopped on purpose, correct the stop in the header",
        where=where,
    )


def _time(facts: Mapping[str, str], points: int, *, where: str) -> Array | None:
    speed = facts.get("MEAS_SCAN_SPEED", "")
    unit = facts.get("MEAS_SCAN_SPEED_UNIT", "").strip().lower()
    if not speed.strip() or not unit:
        return None
    value = number(speed, what="MEAS_SCAN_SPEED", where=where)
    if "deg" in unit:
        step = number(facts.get("MEAS_SCAN_STEP", ""), what="MEAS_SCAN_STEP", where=where)
        value = abs(step) / value * (1.0 if "sec" in unit else 60.0) if value else 0.0
    elif not unit.startswith("s"):
        return None
    return single_time(value, points)


def _header(facts: Mapping[str, str]) -> ScanHeader:
    alpha1, alpha2 = (_length(facts, f"HW_XG_WAVE_LENGTH_ALPHA{i}") for i in (1, 2))
    both = facts.get("MEAS_COND_XG_WAVE_TYPE", "Ka").lower() != "ka1"
    return ScanHeader(
        anode=facts.get("HW_XG_TARGET_NAME", "").strip() or None,
        wavelengths_a=tuple(w for w in ((alpha1, alpha2) if both else (alpha1,)) if 0.1 < w < 10),
        sample_name=facts.get("FILE_SAMPLE", "").strip() or None,
        started=facts.get("MEAS_SCAN_START_TIME", "").strip() or None,
        other={
            name: facts[key].rpartition("|")[2].strip()
            for key, name in _SHOWN.items()
            if facts.get(key, "").strip()
        },
        ignored=("display settings", "positions of other axes", "identifiers of the hardware"),
    )


def _length(facts: Mapping[str, str], key: str) -> float:
    try:
        return number_or_none(facts.get(key, "")) or 0.0
    except ValueError:
        return 0.0
