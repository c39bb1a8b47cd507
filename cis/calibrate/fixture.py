"""The fixture's certificate: open, short and load as measured, and the four numbers that describe them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.certificate import Certificate
from calibration.certified import fixture_tables, standards_of
from calibration.errors import InputError
from calibration.fixture import Fixture
from calibration.fixture_model import Lumped, lumped_open, lumped_short
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding
from cis.calibrate.config import CalibrationFile
from cis.calibrate.issue import issue
from cis.inputs import read_fixture

__all__ = ["FixtureCalibration", "calibrate_fixture"]

_STRUCTURE = 0.05
_LOAD_FAR = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureCalibration:
    """fixture: the spectra; opened, shorted: what they are made of, None where not measured; load_ohm: true load.
    certificate: with the spectra as tables, so that it needs no other file."""

    fixture: Fixture
    opened: Lumped | None
    shorted: Lumped | None
    load_ohm: Quantity | None
    findings: tuple[Finding, ...]
    certificate: Certificate
    files: tuple[Path, ...]


def calibrate_fixture(loaded: Loaded[CalibrationFile]) -> FixtureCalibration:
    """Read open, short and load, describe them, certify them. Raises InputError."""
    table = loaded.record.fixture
    if table is None:
        raise InputError("no [fixture] in this file", where=str(loaded.path))
    if table.load_ohm is not None and table.load_ohm.sigma is None:
        raise InputError(
            "the load has no uncertainty",
            why="every resistance that is measured in this fixture inherits it",
            remedy="write load_ohm = { value = ..., sigma = ... }",
            where=f"{loaded.path}: fixture.load_ohm",
        )
    load_ohm = None if table.load_ohm is None else table.load_ohm.value
    fixture, files = read_fixture(table, folder=loaded.folder, load_ohm=load_ohm)
    opened = None if fixture.open is None else lumped_open(fixture.open)
    shorted = None if fixture.short is None else lumped_short(fixture.short)
    values: dict[str, Quantity] = {}
    if shorted is not None:
        values |= {
            "series_resistance_ohm": shorted.resistive,
            "series_inductance_H": shorted.reactive,
        }
    if opened is not None:
        values |= {
            "stray_conductance_S": opened.resistive,
            "stray_capacitance_F": opened.reactive,
        }
    if table.load_ohm is not None:
        values["load_ohm"] = table.load_ohm
    findings = _findings(fixture, opened, shorted)
    certificate = issue(
        loaded,
        "fixture",
        values=values,
        files=files,
        tables=fixture_tables(fixture),
        facts={"standards": " ".join(standards_of(fixture))},
        findings=findings,
    )
    return FixtureCalibration(
        fixture=fixture,
        opened=opened,
        shorted=shorted,
        load_ohm=table.load_ohm,
        findings=findings,
        certificate=certificate,
        files=(loaded.path, *files),
    )


def _findings(
    fixture: Fixture, opened: Lumped | None, shorted: Lumped | None
) -> tuple[Finding, ...]:
    said = []
    described = (("open", opened, "G and C"), ("short", shorted, "R and L"))
    for name, lumped, elements in described:
        if lumped is not None and lumped.deviation > _STRUCTURE:
            text = (
                f"The {name} is not {elements} alone: they miss it by {100.0 * lumped.deviation:.0f} % of |Z| at {lumped.at_hz:.3g} Hz. The "
                "measured spectrum is what corrects your data; the numbers only describe it."
            )
            said.append(Finding("note", text, {"deviation": lumped.deviation}))
    if fixture.open is not None and fixture.short is not None:
        low_open = float(np.abs(fixture.open.z_ohm).min())
        high_short = float(np.abs(fixture.short.z_ohm).max())
        if high_short > low_open:
            text = (
                f"Somewhere the short ({high_short:.3g} Ohm at most) is no smaller than the open ({low_open:.3g} Ohm at least): the files may be "
                "exchanged, or the highest frequencies are beyond this fixture."
            )
            said.append(Finding("warning", text, {"short_ohm": high_short, "open_ohm": low_open}))
    if fixture.load is not None and fixture.load_true_ohm is not None:
        ratio = float(np.median(np.abs(fixture.load.z_ohm))) / fixture.load_true_ohm
        if abs(ratio - 1.0) > _LOAD_FAR:
            text = f"The load reads {ratio:.3g} times its stated resistance: is it the one that was measured?"
            said.append(Finding("warning", text, {"ratio": ratio}))
    return tuple(said)
