"""Reading what a project names: scans by role, each with what the project file adds to it."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.errors import InputError
from calibration.goniometer import Alignment
from calibration.quantity import Quantity
from calibration.radiation import disagreements
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.certificates import alignment_of, certificate_files
from xtsred.config import Project, ScanEntry
from xtsred.counting import Instrument, Measurement
from xtsred.io import read_scans
from xtsred.io.text import COLUMNS
from xtsred.memo import Memo
from xtsred.stages import Role, Scan
from xtsred.unpack import Plan

__all__ = [
    "Inputs",
    "header_findings",
    "input_files",
    "instrument_of",
    "read_inputs",
    "restated",
    "scans_started",
]

Inputs = dict[Role, list[Measurement]]


def read_inputs(loaded: Loaded[Project], *, memo: Memo | None = None) -> Inputs:
    """Read every scan of a project. Raises ReadError or InputError naming file and line.

    memo: keeps the scans of files whose content has not changed.
    The same numbers twice are refused: they would be counted twice, and every sigma would be too small.
    """
    inputs: Inputs = {}
    seen: list[tuple[str, Role, Measurement]] = []
    for i, entry in enumerate(loaded.record.scan):
        path = loaded.folder / entry.file
        scans = _scans(path, _columns(entry), memo)
        if entry.range is not None:
            if entry.range >= len(scans):
                raise InputError(
                    f"range {entry.range} was asked for, but the file has ranges 0 to {len(scans) - 1}",
                    where=str(path),
                )
            scans = (scans[entry.range],)
        for scan in scans:
            label = path.name if len(scans) == 1 else f"{path.name}[{scan.range_index}]"
            measurement = Measurement(
                scan=scan,
                label=label,
                seconds_per_step=entry.seconds_per_step,
                monitor=None if entry.monitor is None else entry.monitor.value,
                scale=_scale(entry),
                two_theta_deg=entry.two_theta_deg,
                entry=i,
            )
            for where, role, earlier in seen:
                if _repeats(earlier, measurement) and (role != entry.role or _meet(earlier, entry)):
                    raise _twice((where, role, earlier), (f"scan[{i}]", entry.role, measurement))
            seen.append((f"scan[{i}]", entry.role, measurement))
            inputs.setdefault(entry.role, []).append(measurement)
    return inputs


def restated(inputs: Inputs, project: Project) -> Inputs:
    """The scans of `inputs` with the monitor and scale that another version of their project states.

    Raises ValueError for scans that `read_inputs` has not read.
    """

    def one(measurement: Measurement) -> Measurement:
        if measurement.entry is None:
            raise ValueError("a scan of no project file cannot be restated")
        entry = project.scan[measurement.entry]
        monitor = None if entry.monitor is None else entry.monitor.value
        return replace(measurement, monitor=monitor, scale=_scale(entry))

    return {role: [one(m) for m in group] for role, group in inputs.items()}


def _scans(path: Path, columns: dict[str, int] | None, memo: Memo | None) -> tuple[Scan, ...]:
    if memo is None or not path.is_file():
        return read_scans(path, columns=columns)
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").digest()
    return memo("scan", (str(path), content, columns), lambda: read_scans(path, columns=columns))


def _repeats(a: Measurement, b: Measurement) -> bool:
    """Whether two scans hold the same numbers, under whatever name; another column of one file is another scan."""
    x, y = a.scan, b.scan
    same = np.array_equal(x.two_theta_deg, y.two_theta_deg) and np.array_equal(x.values, y.values)
    return same and bool(x.values.any())


def _meet(earlier: Measurement, entry: ScanEntry) -> bool:
    """Whether the parts that two entries use of one scan have more than an end in common."""
    a, b = earlier.two_theta_deg, entry.two_theta_deg
    return a is None or b is None or max(a[0], b[0]) < min(a[1], b[1])


def _twice(
    first: tuple[str, Role, Measurement], second: tuple[str, Role, Measurement]
) -> InputError:
    (where, role, scan), (where_2, role_2, scan_2) = first, second
    why = "the same counts would be used twice, and every uncertainty would be too small"
    if role != role_2:
        why = "one measurement cannot be both: subtracted from itself it leaves nothing"
    return InputError(
        f"{where} (role {role}, {scan.label}) and {where_2} (role {role_2}, {scan_2.label}) hold the same numbers",
        why=why,
        remedy="remove one of the two, or name the file or the columns that were meant",
        where=where_2,
    )


def _columns(entry: ScanEntry) -> dict[str, int] | None:
    if entry.columns is None:
        return None
    named = {name: getattr(entry.columns, name) for name in COLUMNS}
    return {name: column for name, column in named.items() if column is not None}


def _scale(entry: ScanEntry) -> float | Literal["fit"] | None:
    if isinstance(entry.scale, Quantity):
        return entry.scale.value
    return entry.scale


def input_files(loaded: Loaded[Project]) -> list[Path]:
    """The project file and every file that it names, for the provenance."""
    files = [loaded.path, *(loaded.folder / entry.file for entry in loaded.record.scan)]
    comparison = loaded.record.comparison
    if comparison is not None:
        named = comparison.curve or comparison.trajectory
        if named is not None:
            files.append(loaded.folder / named)
    return [*files, *certificate_files(loaded)]


def instrument_of(project: Project) -> Instrument:
    """Dead time and alignment that all scans share."""
    table = project.goniometer
    alignment = Alignment() if table is None else alignment_of(table)
    return Instrument(dead_time_s=project.detector.dead_time_s.value, alignment=alignment)


def scans_started(inputs: Inputs) -> tuple[str, ...]:
    """When the scans of the sample were begun, as their headers say it."""
    return tuple(m.scan.header.started for m in inputs.get("sample", []) if m.scan.header.started)


def header_findings(inputs: Inputs, plan: Plan) -> tuple[Finding, ...]:
    """Where a file's header names another radiation than the project."""
    findings: list[Finding] = []
    for group in inputs.values():
        for measurement in group:
            header = measurement.scan.header
            findings += disagreements(
                plan.lines,
                file=measurement.label,
                anode=header.anode,
                wavelengths_a=header.wavelengths_a,
            )
    return tuple(findings)
