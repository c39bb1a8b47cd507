"""PANalytical .xrdml, schema 1.0 to 2.x.

schema: XML; xrdMeasurement/scan/dataPoints holds positions (start and end, or a list) of each axis, one commonCountingTime or
    countingTimes per point, and `counts` (as detected) or `intensities` (counts times the attenuation factor);
    beamAttenuationFactors per point where an attenuator was used.
uncertainties: none in the file; counts are Poisson. Behind an attenuator the counts as detected are kept and the
    counting time is divided by the factor, so that both variance and rate are right.
metadata: anode, wavelengths and ratio, tension and current, radius, slits, monochromator, mirror, filter, detector, start, sample.
    The format does not say how many points there are: the range is divided by those found, so that numbers lost from inside a
    list (which no program does) would go unnoticed; a file that ends early never does.
structure: one Scan per <scan> over 2theta, in the order of the file (every xrdMeasurement); scans over other axes are named.
Checked on real files of schema 1.0, 1.5 and 2.0; attenuators other than 1 on files made to the schema.
"""

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.io.markup import children, find, parse_xml, text_of
from xtsred.io.numbers import number, number_list
from xtsred.io.ranges import attenuated, collected, is_two_theta
from xtsred.io.source import read_bytes
from xtsred.stages import Array, Scan, ScanHeader, frozen

__all__ = ["NAME", "matches", "read"]

NAME = "PANalytical xrdml"
_OPTICS = (
    "divergenceSlit",
    "antiScatterSlit",
    "receivingSlit",
    "sollerSlit",
    "mask",
    "filter",
    "monochromator",
    "xRayMirror",
    "beamAttenuator",
    "parallelPlateCollimator",
    "detector",
)
_READ = (
    "positions",
    "counts",
    "intensities",
    "commonCountingTime",
    "countingTimes",
    "beamAttenuationFactors",
)


def matches(head: bytes, name: str) -> bool:
    """The root element xrdMeasurements."""
    return b"<xrdMeasurements" in head.replace(b"\0", b"")


def read(path: Path) -> tuple[Scan, ...]:
    """Every 2theta scan. Raises ReadError for a damaged file."""
    file = str(path)
    root = parse_xml(read_bytes(path), file=file)
    scans: list[Scan] = []
    skipped: list[str] = []
    index = 0
    for measurement in children(root, "xrdMeasurement"):
        for scan in children(measurement, "scan"):
            axis = scan.get("scanAxis", "")
            if axis and not is_two_theta(axis):
                skipped.append(f"range {index} over {axis}")
            else:
                scans.append(_scan(scan, measurement, root, file=file, index=index))
            index += 1
    return collected(scans, file=file, skipped=skipped)


def _scan(scan: Element, measurement: Element, root: Element, *, file: str, index: int) -> Scan:
    where = f"{file} (range {index})"
    points = find(scan, "dataPoints")
    if points is None:
        raise ReadError("the scan has no dataPoints", why="it was never measured", where=where)
    counts = find(points, "counts")
    listed = counts if counts is not None else find(points, "intensities")
    if listed is None:
        raise ReadError("the scan has neither counts nor intensities", where=where)
    unit = listed.get("unit", "counts")
    if unit != "counts":
        raise ReadError(
            f"the intensities are in {unit!r}", why="counts are needed, as measured", where=where
        )
    values = number_list(listed.text or "", what="the intensities", where=where)
    seconds = _times(points, values.size, where=where)
    doubts: list[Finding] = []
    if scan.get("status", "Completed") != "Completed":
        doubts.append(
            Finding(
                "warning",
                f"{where}: the scan is marked {scan.get('status')!r}: if the file states the end that was planned and "
                "not the one that was reached, the angles are stretched",
            )
        )
    factors = text_of(points, "beamAttenuationFactors")
    if factors:
        factor = number_list(factors, what="the attenuation factors", where=where)
        if factor.shape != values.shape or not np.all(factor >= 1):
            raise ReadError(
                f"there are {factor.size} attenuation factors for {values.size} points, or some below 1",
                why="the file is damaged",
                where=where,
            )
        behind = int(np.sum(factor > 1))
        if behind:
            values, seconds, said = attenuated(values, seconds, factor, multiplied=counts is None)
            doubts.append(
                Finding(
                    "note",
                    f"{where}: {said}",
                    {"points": float(behind), "factor": float(factor.max())},
                )
            )
    return Scan(
        file=file,
        format=NAME,
        range_index=index,
        two_theta_deg=_two_theta(points, values.size, where=where),
        values=values,
        kind="counts",
        seconds_per_step=seconds,
        header=_header(scan, measurement, root, points),
        findings=tuple(doubts),
    )


def _two_theta(points: Element, size: int, *, where: str) -> Array:
    for positions in children(points, "positions"):
        if positions.get("axis") != "2Theta":
            continue
        if find(positions, "listPositions") is not None:
            return number_list(
                text_of(positions, "listPositions"), what="the positions of 2Theta", where=where
            )
        first = number(text_of(positions, "startPosition"), what="the start of 2Theta", where=where)
        last = number(text_of(positions, "endPosition"), what="the end of 2Theta", where=where)
        return frozen(np.linspace(first, last, size))
    raise ReadError("the scan has no positions of 2Theta", where=where)


def _times(points: Element, size: int, *, where: str) -> Array | None:
    common = text_of(points, "commonCountingTime")
    if common:
        return frozen(np.full(size, number(common, what="the counting time", where=where)))
    listed = text_of(points, "countingTimes")
    return number_list(listed, what="the counting times", where=where) if listed else None


def _header(scan: Element, measurement: Element, root: Element, points: Element) -> ScanHeader:
    wave = find(measurement, "usedWavelength")
    lines: list[float] = []
    ratio = 0.0
    if wave is not None:
        both = wave.get("intended") != "K-Alpha 1"
        for name in ("kAlpha1", "kAlpha2") if both else ("kAlpha1",):
            lines += [float(w) for w in [text_of(wave, name)] if _positive(w)]
        listed = text_of(wave, "ratioKAlpha2KAlpha1")
        ratio = float(listed) if both and _positive(listed) else 0.0
    tube = find(measurement, "incidentBeamPath", "xRayTube")
    facts: dict[str, str] = {"scan axis": scan.get("scanAxis", ""), "mode": scan.get("mode", "")}
    anode = ""
    if tube is not None:
        anode = text_of(tube, "anodeMaterial")
        facts["tube"] = tube.get("name", "")
        facts["generator"] = f"{text_of(tube, 'tension')} kV, {text_of(tube, 'current')} mA"
    if wave is not None:
        facts["intended wavelength"] = wave.get("intended", "")
    for side in ("incidentBeamPath", "diffractedBeamPath"):
        beam = find(measurement, side)
        for part in beam if beam is not None else ():
            if part.tag in _OPTICS:
                key = f"{'incident' if side.startswith('i') else 'diffracted'} {part.tag}"
                facts[key] = "; ".join(filter(None, (facts.get(key), part.get("name", ""))))
            elif part.tag == "radius":
                facts["goniometer radius"] = f"{(part.text or '').strip()} mm"
    unread = sorted({p.tag for p in points if p.tag not in _READ})
    name = text_of(root, "sample", "name") or text_of(root, "sample", "id")
    return ScanHeader(
        anode=anode or None,
        wavelengths_a=tuple(lines),
        line_ratio=ratio or None,
        sample_name=name or None,
        started=text_of(scan, "header", "startTimeStamp") or None,
        other={k: v for k, v in facts.items() if v},
        ignored=("comments", "positions of other axes", *unread),
    )


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < 100
    except ValueError:
        return False
