"""The certificates that a project names, and what its spectra are evaluated with because of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np

from calibration.cell import CalibratedCell, MeasuringCell
from calibration.certificate import (
    Certificate,
    Kind,
    check_certificate,
    check_instrument,
    read_certificate,
)
from calibration.certified import fixture_of, range_of, thermometer_of
from calibration.fixture import Fixture
from calibration.quantity import Quantity
from calibration.report import Finding
from calibration.thermometer import Thermometer, celsius
from cis.config import Project

__all__ = ["Certificates", "Instruments", "instruments_of", "read_certificates"]

_DISAGREES = 2.0  # standard uncertainties
_FAR = 0.05  # relative, where the geometry states none
_BEYOND_K = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Certificates by kind, each with the file it was read from; empty where the project names none."""

    by_kind: Mapping[Kind, Certificate] = field(default_factory=dict)
    paths: Mapping[Kind, Path] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """For the provenance."""
        return tuple(self.paths.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """What turns readings into results: a certificate's where there is one, else what the project states.

    cell: R to sigma. thermometer: reading to temperature. fixture: None where nothing is compensated.
    geometry: constant of the stated size, 1/cm, for comparison. certificates: those applied.
    """

    cell: MeasuringCell
    thermometer: Thermometer
    fixture: Fixture | None
    geometry: Quantity
    certificates: Mapping[Kind, Certificate]
    findings: tuple[Finding, ...]


def read_certificates(project: Project, *, folder: Path) -> Certificates:
    """Read what [calibration] names; paths are relative to the project's folder.

    Raises InputError for a file that is no certificate, of another kind, altered since it was issued, or of another
    instrument than the one that [calibration] states.
    """
    table = project.calibration
    if table is None:
        return Certificates()
    named: tuple[tuple[Kind, str | None], ...] = (
        ("cell", table.cell),
        ("fixture", table.fixture),
        ("thermometer", table.thermometer),
    )
    by_kind: dict[Kind, Certificate] = {}
    paths: dict[Kind, Path] = {}
    for kind, name in named:
        if name is None:
            continue
        paths[kind] = folder / name
        by_kind[kind] = read_certificate(paths[kind], kind=kind)
        check_instrument(by_kind[kind], table.instrument, where=f"calibration.{kind}")
    return Certificates(by_kind=by_kind, paths=paths)


def instruments_of(
    project: Project,
    certificates: Certificates,
    *,
    fixture: Fixture | None,
    readings_k: Sequence[float | None],
    started: Sequence[str | None],
) -> Instruments:
    """Decide what is used, and say where statements disagree.

    fixture: of the project's own [fixture]. readings_k: temperatures as stated. started: when the spectra were measured, ISO,
    where their files say so. A cell certificate replaces the constant of the stated size, and is compared with it.
    """
    plates = project.sample.plates
    findings: list[Finding] = []
    held = certificates.by_kind
    for kind, certificate in held.items():
        findings += check_certificate(
            certificate, where=f"calibration.{kind}", measured_on=_last_day(started)
        )
    cell: MeasuringCell = plates
    if "cell" in held:
        cell, said = _cell(held["cell"], plates.constant_per_cm)
        findings += said
    if "fixture" in held:
        fixture = fixture_of(held["fixture"])
        load = held["fixture"].values.get("load_ohm")
        if load is not None:
            cell = _with_load(cell, load)
    thermometer = project.temperature.thermometer
    if "thermometer" in held:
        thermometer = _thermometer(held["thermometer"], project.temperature.sigma_K)
        findings += _range_findings(held["thermometer"], readings_k)
    return Instruments(
        cell=cell,
        thermometer=thermometer,
        fixture=fixture,
        geometry=plates.constant_per_cm,
        certificates=held,
        findings=tuple(findings),
    )


def _last_day(started: Sequence[str | None]) -> date | None:
    """Day of the last spectrum that says when it was measured."""
    days = []
    for text in started:
        try:
            days.append(date.fromisoformat((text or "")[:10]))
        except ValueError:  # not every exporter writes ISO dates: then today counts
            continue
    return max(days, default=None)


def _cell(certificate: Certificate, geometry: Quantity) -> tuple[CalibratedCell, list[Finding]]:
    """The certified constant; with a gain alone, the geometry's times the gain."""
    constant = certificate.values.get("constant_per_cm")
    if constant is None:
        gain = certificate.value("gain")
        sigma = None
        if geometry.sigma is not None and gain.sigma is not None:
            relative = math.hypot(geometry.sigma / geometry.value, gain.sigma / gain.value)
            sigma = geometry.value * gain.value * relative
        return CalibratedCell(
            constant_per_cm=Quantity(geometry.value * gain.value, sigma, "1/cm")
        ), []
    constant = replace(constant, unit="1/cm")
    return CalibratedCell(constant_per_cm=constant), _compare(certificate, constant, geometry)


def _compare(certificate: Certificate, constant: Quantity, geometry: Quantity) -> list[Finding]:
    off = constant.value / geometry.value - 1.0
    allowed = _FAR
    if constant.sigma is not None and geometry.sigma is not None:
        relative = math.hypot(constant.sigma / constant.value, geometry.sigma / geometry.value)
        allowed = _DISAGREES * relative
    numbers = {"certificate_per_cm": constant.value, "geometry_per_cm": geometry.value}
    if abs(off) <= allowed:
        text = f"The certified cell constant {constant} is used; that of the stated size, {geometry}, agrees with it."
        return [Finding("note", text, numbers)]
    text = (
        f"The certified cell constant {constant} ({certificate.name}) is used, but the stated size gives {geometry}: {100.0 * off:+.2g} %, "
        f"more than {100.0 * allowed:.2g} %. Either the certificate is of another cell, or the electrodes do not cover the faces, or the "
        "size is wrong; sigma is wrong by as much, E_A is not."
    )
    return [Finding("warning", text, numbers)]


def _with_load(cell: MeasuringCell, load: Quantity) -> MeasuringCell:
    """Every resistance in this fixture is one of its load's: its relative uncertainty is common to all."""
    constant, own = cell.constant_per_cm, cell.relative_sigma
    if own is None or load.sigma is None:
        return cell
    sigma = constant.value * math.hypot(own, load.sigma / load.value)
    return CalibratedCell(constant_per_cm=Quantity(constant.value, sigma, "1/cm"))


def _thermometer(certificate: Certificate, sigma_k: float | None) -> Thermometer:
    """The certified line; what the project states beyond it (the sample's place) is added to a single reading's."""
    found = thermometer_of(certificate)
    if sigma_k is None or found.point_sigma_k is None:
        return found
    return replace(found, point_sigma_k=math.hypot(found.point_sigma_k, sigma_k))


def _range_findings(certificate: Certificate, readings_k: Sequence[float | None]) -> list[Finding]:
    known = np.array([r for r in readings_k if r is not None])
    low, high = range_of(certificate)
    outside = known[(known < low - _BEYOND_K) | (known > high + _BEYOND_K)]
    what = certificate.facts.get("reads", "thermometer")
    text = f"Temperatures were corrected with {certificate.name!r}, a calibration of the {what}."
    if not outside.size:
        return [Finding("note", text + " All lie inside its range.", {})]
    text += (
        f" {outside.size} of {known.size} lie outside its points ({celsius(low):.1f} to {celsius(high):.1f} °C), at most "
        f"{celsius(float(outside.max())):.1f} °C and at least {celsius(float(outside.min())):.1f} °C: there the line is extrapolated, and "
        "its uncertainty (which grows) supposes that it stays straight."
    )
    return [Finding("warning", text, {"outside": float(outside.size)})]
