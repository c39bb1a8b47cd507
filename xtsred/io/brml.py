"""Bruker .brml (DIFFRAC.SUITE).

schema: a ZIP; every */RawData*.xml has DataRoutes; a DataRoute has its ScanInformation (axes, MeasurementPoints,
    TimePerStep, TimePerStepEffective), one <Datum> of comma-separated numbers per point, and DataViews, which say which column
    is what: MeasuredTime, AbsorptionFactor, the axes, the counter.
uncertainties: none in the file; counts are Poisson.
metadata: tube and its lines (from the FixedInformation), scan mode, detector, start time, sample (DataContainer.xml).
structure: one Scan per RawData part and route that was measured over 2theta, parts in numerical order. The time is the MeasuredTime of each point: of a
    PSD fast scan, the effective time (channels x time per step). Where the AbsorptionFactor is not 1 the numbers
    are counts times the factor (seen on a real file): they are divided by it, and so is the time.
Checked on three real files, one with an absorber of 8.3.
"""

import re
from collections.abc import Collection
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.archive import Archive, open_archive
from xtsred.io.markup import children, find, parse_xml, text_of
from xtsred.io.numbers import number_or_none, whole
from xtsred.io.ranges import attenuated, collected
from xtsred.stages import Array, Scan, ScanHeader, frozen

__all__ = ["NAME", "matches", "read"]

NAME = "Bruker brml"
_RAW = re.compile(r"(?:^|/)RawData(\d+)\.xml\Z")


def matches(head: bytes, name: str) -> bool:
    """A ZIP whose first members belong to an Experiment, or whose name says so."""
    return head.startswith(b"PK\x03\x04") and (
        b"Experiment" in head or b"experimentCollection" in head or name.lower().endswith(".brml")
    )


def read(path: Path) -> tuple[Scan, ...]:
    """Every measured route over 2theta. Raises ReadError for a damaged file."""
    file = str(path)
    archive = open_archive(path)
    parts = sorted((int(m[1]), n) for n in archive.names if (m := _RAW.search(n)))
    if not parts:
        raise ReadError(
            "the archive holds no RawData",
            why="nothing was measured, or it is another file",
            where=file,
        )
    sample = _sample(archive, parts=[name for _, name in parts], file=file)
    scans: list[Scan] = []
    skipped: list[str] = []
    for _, name in parts:
        root = parse_xml(archive.read(name), file=f"{file}/{name}")
        for route in children(root, "DataRoutes", "DataRoute"):
            index = len(scans) + len(skipped)
            if route.get("ProcLevel", "0") != "0":
                continue
            axes = [
                a.get("AxisId", "")
                for a in children(route, "ScanInformation", "ScanAxes", "ScanAxisInfo")
            ]
            if "TwoTheta" not in axes:
                skipped.append(f"{name} over {', '.join(axes) or 'no axis'}")
                continue
            scans.append(_scan(route, root, file=file, name=name, index=index, sample=sample))
    return collected(scans, file=file, skipped=skipped)


def _scan(
    route: Element, root: Element, *, file: str, name: str, index: int, sample: str | None
) -> Scan:
    where = f"{file}/{name}"
    info = find(route, "ScanInformation")
    views = _views(route, where=where)
    table = _datums(route, where=where)
    doubts: list[Finding] = []
    doubts += _check_points(route, info, rows=table.shape[0], where=where)
    for key in ("TwoTheta", "counter"):
        if key not in views or views[key] >= table.shape[1]:
            raise ReadError(
                f"the DataViews do not say where {'2theta' if key == 'TwoTheta' else 'the counter'} is",
                why="a detector with several channels per point, or a damaged file",
                where=where,
            )
    values: Array = frozen(table[:, views["counter"]])
    seconds = frozen(table[:, views["time"]]) if "time" in views else None
    if "absorber" in views:
        factor = table[:, views["absorber"]]
        if not np.all(factor >= 1):
            raise ReadError(
                "an AbsorptionFactor is below 1", why="the file is damaged", where=where
            )
        if np.any(factor > 1):
            values, seconds, said = attenuated(values, seconds, frozen(factor), multiplied=True)
            doubts.append(Finding("note", f"{where}: {said}"))
    return Scan(
        file=file,
        format=NAME,
        range_index=index,
        two_theta_deg=frozen(table[:, views["TwoTheta"]]),
        values=values,
        kind="counts",
        seconds_per_step=seconds,
        header=_header(root, info, sample=sample),
        findings=tuple(doubts),
    )


def _check_points(route: Element, info: Element | None, *, rows: int, where: str) -> list[Finding]:
    """Points planned and measured against those that are there; a stopped scan is a finding."""
    stated = text_of(info, "MeasurementPoints") if info is not None else ""
    if not stated:
        return []
    planned = whole(stated, what="MeasurementPoints", where=where)
    measured = sum(
        whole(part.get("MeasuredSteps", "0"), what="MeasuredSteps", where=where)
        for part in children(route, "SubScans", "SubScanInfo")
    )
    if rows == planned:
        return []
    if rows == measured < planned:
        return [
            Finding(
                "warning",
                f"{where}: stopped after {rows} of {planned} points",
                {"planned": planned},
            )
        ]
    raise ReadError(
        f"{planned} points were to be measured, {rows} are in the file",
        why=f"and it says that {measured} were: it is damaged",
        where=where,
    )


def _views(route: Element, *, where: str) -> dict[str, int]:
    """What stands in which column of a Datum."""
    found: dict[str, int] = {}
    for view in children(route, "DataViews", "RawDataView"):
        start = whole(view.get("Start", "0"), what="Start of a RawDataView", where=where)
        logic = view.get("LogicName", "")
        if logic == "MeasuredTime":
            found["time"] = start
        elif logic == "AbsorptionFactor":
            found["absorber"] = start
        for i, axis in enumerate(children(view, "Varying", "FieldDefinitions")):
            found.setdefault(axis.get("AxisId", f"axis {i}"), start + i)
        recording = find(view, "Recording")
        if recording is not None and view.get("Length", "1") == "1" and "counter" not in found:
            found["counter"] = start
    return found


def _datums(route: Element, *, where: str) -> Array:
    rows = [(d.text or "").strip() for d in children(route, "Datum")]
    if not rows:
        raise ReadError(
            "the part holds no Datum",
            why="its numbers are in another part, as two-dimensional detectors write them",
            remedy="export the scan as .xy",
            where=where,
        )
    try:
        if "" in rows:
            raise ValueError("it is empty")
        return np.loadtxt(rows, delimiter=",", comments=None, ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise ReadError(
            "a Datum is no row of numbers",
            why=str(error),
            remedy="copy the file again",
            where=where,
        ) from error


def _sample(archive: Archive, *, parts: Collection[str], file: str) -> str | None:
    """The name of the sample; raises ReadError where the container lists raw data that are not there."""
    name = next((n for n in archive.names if n.endswith("DataContainer.xml")), None)
    if name is None:
        return None
    root = parse_xml(archive.read(name), file=f"{file}/{name}")
    listed = [text_of(e) for e in children(root, "RawDataReferenceList", "string")]
    missing = [part for part in listed if part not in parts]
    if missing or (listed and len(listed) != len(parts)):
        raise ReadError(
            f"the container lists {len(listed)} raw data, {len(parts)} are there",
            why=f"missing: {', '.join(missing)[:80] or 'none'}; the file is damaged",
            where=f"{file}/{name}",
        )
    info = find(root, "MeasurementInfo")
    return (info.get("SampleName") or None) if info is not None else None


def _header(root: Element, info: Element | None, *, sample: str | None) -> ScanHeader:
    named = {"voltage": "Voltage", "current": "Current", "slit": "SlitID"}
    facts = {key: _value(root, name) for key, name in named.items()}
    if info is not None:
        facts["scan mode"] = text_of(info, "ScanModeVisibleName") or text_of(info, "ScanMode")
        facts["time per step as set"] = f"{text_of(info, 'TimePerStep')} s"
    recording = next(root.iter("Recording"), None)
    if recording is not None:
        facts["detector"] = recording.get("VisibleName", "")
    lines = [_length(root, f"WaveLengthAlpha{i}") for i in (1, 2)]
    ratio = _length(root, "WaveLengthRatio")
    return ScanHeader(
        anode=_value(root, "TubeMaterial") or None,
        wavelengths_a=tuple(w for w in lines if 0.1 < w < 10),
        line_ratio=ratio if 0 < ratio < 1 else None,
        sample_name=sample,
        started=text_of(root, "TimeStampStarted") or None,
        other={k: v for k, v in facts.items() if v},
        ignored=("processed routes", "instruction, measurement and evaluation parts", "logs"),
    )


def _value(root: Element, name: str) -> str:
    """The first element of a name, with its unit."""
    element = next(root.iter(name), None)
    if element is None:
        return ""
    listed = (element.get("Value") or element.text or "").strip()
    return f"{listed} {element.get('Unit', '')}".strip()


def _length(root: Element, name: str) -> float:
    element = next(root.iter(name), None)
    try:
        return number_or_none(element.get("Value", "")) or 0.0 if element is not None else 0.0
    except ValueError:
        return 0.0
