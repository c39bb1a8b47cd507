"""Tables of numbers for a detector's calibration, and scans that overlap."""

from pathlib import Path

import numpy as np

from calibration.dead_time import Readings
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded
from xtsred.calibrate.detector.config import DeadTimeTable, DetectorFile
from xtsred.io import read_scans
from xtsred.stages import Array, Scan

__all__ = ["read_numbers", "read_readings"]

_SAME_DEG = 1e-4
_MOST_POINTS = 300


def read_numbers(path: Path, *, columns: int | None, where: str) -> Array:
    """Numbers of a text file, shape (rows, columns); "#" begins a comment, separators are blanks, commas or semicolons.

    Raises InputError naming the line that is not like the others.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name} cannot be read as text", why=str(error), where=where
        ) from error
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        words = line.split("#")[0].replace(",", " ").replace(";", " ").split()
        if not words:
            continue
        try:
            rows.append([float(w) for w in words])
        except ValueError as error:
            raise InputError(
                f"{line.strip()[:60]!r} is not a row of numbers",
                remedy="begin the lines of a header with #",
                where=f"{path}:{number}",
            ) from error
        wanted = columns if columns is not None else len(rows[0])
        if len(words) != wanted:
            raise InputError(
                f"{len(words)} numbers where {wanted} are expected", where=f"{path}:{number}"
            )
    if not rows:
        raise InputError("the file holds no numbers", where=str(path))
    return np.array(rows)


def read_readings(
    loaded: Loaded[DetectorFile], table: DeadTimeTable
) -> tuple[Readings, list[Path]]:
    """The readings of a dead-time measurement and the files that they come from."""
    if table.readings is not None:
        paths = [loaded.folder / table.readings]
        rows = read_numbers(paths[0], columns=4, where="dead_time.readings")
        point, setting, counts, seconds = rows.T
        if np.abs(rows[:, :2] - np.round(rows[:, :2])).max() > 0.0 or setting.min() < 0.0:
            raise InputError(
                "point and setting must be whole numbers from 0",
                remedy="columns are: point, setting, counts, seconds",
                where=str(paths[0]),
            )
    else:
        paths = [loaded.folder / name for name in table.scans]
        point, setting, counts, seconds = _overlap([_scan(p) for p in paths])
    kept = counts > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = counts[kept] / seconds[kept]
    settings = setting[kept].astype(np.int64)
    return Readings(
        observed_cps=rates,
        seconds=seconds[kept],
        point=point[kept].astype(np.int64),
        setting=settings,
        transmissions=_transmissions(table, int(settings.max(initial=0))),
        dark_cps=0.0 if table.dark_cps is None else table.dark_cps.value,
    ), paths


def _transmissions(table: DeadTimeTable, settings: int) -> tuple[Quantity | None, ...]:
    if not table.transmissions:
        return (None,) * settings
    if len(table.transmissions) == settings:
        return table.transmissions
    raise InputError(
        f"{len(table.transmissions)} transmissions are given for {settings} settings besides the first",
        where="dead_time.transmissions",
    )


def _scan(path: Path) -> Scan:
    scans = read_scans(path)
    if len(scans) != 1:
        raise InputError(f"{path.name} holds {len(scans)} ranges; one is needed", where=str(path))
    if scans[0].seconds_per_step is None:
        raise InputError(
            "the file does not state its counting times",
            why="the uncertainty of a rate follows from its counts",
            remedy="use dead_time.readings: point, setting, counts, seconds",
            where=str(path),
        )
    return scans[0]


def _overlap(scans: list[Scan]) -> tuple[Array, Array, Array, Array]:
    """Points that all scans have: each angle is one intensity, each scan a setting."""
    first = scans[0].two_theta_deg
    common = [
        a for a in first if all(np.abs(s.two_theta_deg - a).min() < _SAME_DEG for s in scans[1:])
    ]
    if len(common) < 2:
        raise InputError("the scans have no angles in common", where="dead_time.scans")
    # more would only cost time: the fit has one unknown for each
    common = common[:: -(-len(common) // _MOST_POINTS)]
    rows = []
    for setting, scan in enumerate(scans):
        times = scan.seconds_per_step
        for point, angle in enumerate(common):
            i = int(np.argmin(np.abs(scan.two_theta_deg - angle)))
            t = 0.0 if times is None else float(times[i])
            value = float(scan.values[i])
            rows.append((point, setting, value if scan.kind == "counts" else value * t, t))
    point, setting, counts, seconds = np.array(rows, dtype=np.float64).T
    return point, setting, counts, seconds
