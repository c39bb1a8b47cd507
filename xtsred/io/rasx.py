"""Rigaku .rasx (SmartLab Studio II).

schema: a ZIP; every folder Data<i> has Profile<j>.txt (2theta, intensity, attenuation factor) and
    MesurementConditions<j>.xml (spelt so) with generator, scan and hardware.
uncertainties: none in the file; counts are Poisson (the reader's tests of scatter apply).
metadata: anode, wavelengths, generator, detector, optics, scan mode and speed (giving the time), start, sample.
structure: one Scan per Profile over 2theta, in numerical order; DataCount, start, stop and step must fit the rows.
Checked on one real file; attenuators other than 1 on files made after it.
"""

import re
from pathlib import Path
from xml.etree.ElementTree import Element

from calibration.errors import ReadError
from xtsred.io.archive import Archive, open_archive
from xtsred.io.markup import children, parse_xml, text_of
from xtsred.io.ranges import collected, is_two_theta
from xtsred.io.rigaku import ras_scan
from xtsred.io.source import decode
from xtsred.io.table import parse_table
from xtsred.stages import Scan

__all__ = ["NAME", "matches", "read"]

NAME = "Rigaku rasx"
_PROFILE = re.compile(r"(?:^|/)Data(\d+)/Profile(\d+)\.txt\Z")


def matches(head: bytes, name: str) -> bool:
    """A ZIP whose first members are profiles, or whose name says so."""
    return head.startswith(b"PK\x03\x04") and (
        b"Data0/" in head or b"MesurementConditions" in head or name.lower().endswith(".rasx")
    )


def read(path: Path) -> tuple[Scan, ...]:
    """Every 2theta profile. Raises ReadError for a damaged file."""
    file = str(path)
    archive = open_archive(path)
    profiles = sorted((int(m[1]), int(m[2]), n) for n in archive.names if (m := _PROFILE.search(n)))
    if not profiles:
        raise ReadError(
            "the archive holds no Profile",
            why="it is another kind of archive, or damaged",
            where=file,
        )
    scans: list[Scan] = []
    skipped: list[str] = []
    for index, (_, _, name) in enumerate(profiles):
        facts = _facts(archive, name, file=file)
        axis = facts.get("MEAS_SCAN_AXIS_X", "")
        if axis and not is_two_theta(axis):
            skipped.append(f"{name} over {axis}")
            continue
        where = f"{file}/{name}"
        lines = re.split(r"\r\n|\n|\r", decode(archive.read(name), file=where))
        table = parse_table(lines, file=where)
        scans.append(
            ras_scan(table.values, facts, file=file, format=NAME, where=where, index=index)
        )
    return collected(scans, file=file, skipped=skipped)


def _facts(archive: Archive, profile: str, *, file: str) -> dict[str, str]:
    """The conditions in the keys of the .ras header."""
    name = re.sub(r"Profile(\d+)\.txt\Z", r"MesurementConditions\1.xml", profile)
    root = parse_xml(archive.read(name), file=f"{file}/{name}")
    facts = {
        text_of(strings[0]).lstrip("*"): text_of(strings[1])
        for pair in children(root, "RASHeader", "Pair")
        if len(strings := children(pair, "string")) == 2
    }
    tube = ("HWConfigurations", "XrayGenerator")
    facts.update(
        {
            "MEAS_SCAN_AXIS_X": _scan(root, "AxisName"),
            "MEAS_SCAN_MODE": _scan(root, "Mode"),
            "MEAS_SCAN_START": _scan(root, "Start"),
            "MEAS_SCAN_STOP": _scan(root, "Stop"),
            "MEAS_SCAN_STEP": _scan(root, "Step"),
            "MEAS_SCAN_SPEED": _scan(root, "Speed"),
            "MEAS_SCAN_SPEED_UNIT": _scan(root, "SpeedUnit"),
            "MEAS_SCAN_UNIT_Y": _scan(root, "IntensityUnit"),
            "MEAS_SCAN_START_TIME": _scan(root, "StartTime"),
            "MEAS_DATA_COUNT": _scan(root, "DataCount"),
            "HW_XG_TARGET_NAME": text_of(root, *tube, "TargetName"),
            "HW_XG_WAVE_LENGTH_ALPHA1": text_of(root, *tube, "WavelengthKalpha1"),
            "HW_XG_WAVE_LENGTH_ALPHA2": text_of(root, *tube, "WavelengthKalpha2"),
            "MEAS_COND_XG_WAVE_TYPE": text_of(root, *tube, "WaveType"),
            "MEAS_COND_XG_VOLTAGE": text_of(root, *tube, "Voltage"),
            "MEAS_COND_XG_CURRENT": text_of(root, *tube, "Current"),
            "MEAS_COND_OPT_ATTR": text_of(root, "HWConfigurations", "Optics", "Attribute"),
            "FILE_SAMPLE": text_of(root, "GeneralInformation", "SampleName"),
            "FILE_OPERATOR": text_of(root, "GeneralInformation", "Operator"),
            "FILE_COMMENT": text_of(root, "GeneralInformation", "Comment"),
        }
    )
    return facts


def _scan(root: Element, key: str) -> str:
    return text_of(root, "ScanInformation", key)
