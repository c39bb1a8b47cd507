"""Calibration certificates of a project: their values take the place of keys, and what speaks against them is told."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from calibration.certificate import (
    Certificate,
    Kind,
    check_certificate,
    check_instrument,
    read_certificate,
)
from calibration.composition import parse_formula
from calibration.errors import InputError
from calibration.goniometer import Alignment, true_two_theta
from calibration.quantity import Quantity
from calibration.radiation import Line
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.config import Detector, Goniometer, Project

__all__ = [
    "CERTIFIED",
    "Certified",
    "alignment_of",
    "certificate_files",
    "certificate_notes",
    "certified_keys",
    "with_certificates",
    "without_certificates",
]

_SAME_ANGLE_DEG = 1e-4
_SAME = 1e-6
_RADIUS = 0.02
_KINDS: tuple[Kind, ...] = ("goniometer", "attenuation", "detector")
_ANGLES = np.array([5.0, 30.0, 60.0, 90.0, 120.0, 150.0])


CERTIFIED: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "goniometer": {
        "zero_deg": ("goniometer.zero_deg",),
        "along_deg": ("goniometer.along_deg",),
        "across_deg": ("goniometer.across_deg",),
    },
    "detector": {
        "dead_time_s": ("detector.dead_time_s",),
        "lower_keV": ("detector.lower_keV", "detector.window_keV[0]"),
        "upper_keV": ("detector.upper_keV", "detector.window_keV[1]"),
        "fwhm_keV": ("detector.fwhm_keV",),
    },
    "attenuation": {"mu_R": ("sample.mu_R",)},
}
"""Values that take the place of keys, and which; what else a certificate holds is told, not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """What the certificates of a project leave for its report."""

    parameters: Mapping[str, Quantity]
    findings: tuple[Finding, ...]


def certificate_files(loaded: Loaded[Project]) -> list[Path]:
    """The certificates that a project names."""
    return [path for _, path in _named(loaded)]


def _named(loaded: Loaded[Project]) -> Iterator[tuple[Kind, Path]]:
    table = loaded.record.calibration
    for kind in _KINDS:
        name = None if table is None else getattr(table, kind)
        if name is not None:
            yield kind, loaded.folder / name


def with_certificates(loaded: Loaded[Project]) -> Loaded[Project]:
    """The project with the values of its certificates in the keys that they calibrate.

    goniometer: [goniometer]; attenuation: sample.mu_R; detector: dead_time_s and the edges of the window. Raises InputError for a
    certificate that was altered, is of another kind, tube or instrument, or disagrees with what the project states.
    """
    project = loaded.record
    for kind, path in _named(loaded):
        certificate, where = read_certificate(path, kind=kind), f"calibration.{kind}"
        check_certificate(certificate, where=where, lines=_lines(project))
        if project.calibration is not None:
            check_instrument(certificate, project.calibration.instrument, where=where)
        project = _APPLY[kind](project, certificate)
    return loaded if project is loaded.record else replace(loaded, record=project)


def certified_keys(loaded: Loaded[Project]) -> dict[str, Kind]:
    """Key path -> kind of the certificate whose value stands in it."""
    return {
        key: kind
        for kind, path in _named(loaded)
        for name in read_certificate(path, kind=kind).values
        for key in CERTIFIED[kind].get(name, ())
    }


def without_certificates(project: Project, kinds: Iterable[Kind]) -> Project:
    """The project with the values of these certificates kept, but their files no longer named."""
    if project.calibration is None:
        return project
    table = replace(project.calibration, **dict.fromkeys(kinds))
    left = any(getattr(table, kind) is not None for kind in _KINDS)
    return replace(project, calibration=table if left else None)


def _lines(project: Project) -> tuple[Line, ...]:
    from xtsred.unpack import tube_lines  # its tables wait until a certificate is named

    return tube_lines(project.radiation)


def _goniometer(project: Project, certificate: Certificate) -> Project:
    values = {
        key: certificate.values[key] for key in CERTIFIED["goniometer"] if key in certificate.values
    }
    if not values:
        raise InputError(
            f"the certificate {certificate.name!r} holds no zero and no displacement",
            why=f"it holds {', '.join(certificate.values)}",
            where="calibration.goniometer",
        )
    found = Goniometer(**{k: Quantity(v.value, v.sigma, "°") for k, v in values.items()})
    stated = project.goniometer
    if stated is not None:
        theirs = true_two_theta(_ANGLES, alignment=alignment_of(found))
        ours = true_two_theta(_ANGLES, alignment=alignment_of(stated))
        worst = float(np.abs(ours - theirs).max())
        if worst > _SAME_ANGLE_DEG:
            raise _disagree(
                "[goniometer]",
                f"corrected angles differ by up to {worst:.4f}°",
                certificate,
                "goniometer",
            )
    return replace(project, goniometer=found)


def alignment_of(table: Goniometer) -> Alignment:
    """The alignment that a [goniometer] table states."""
    return Alignment(
        zero_deg=table.zero_deg.value,
        along_mm=table.along_mm.value,
        across_mm=table.across_mm.value,
        radius_mm=None if table.radius_mm is None else table.radius_mm.value,
        along_deg=table.along_deg.value,
        across_deg=table.across_deg.value,
    )


def _attenuation(project: Project, certificate: Certificate) -> Project:
    value = certificate.value("mu_R")
    stated = project.sample.mu_R
    if stated is not None and abs(stated.value / value.value - 1.0) > _SAME:
        raise _disagree(
            f"sample.mu_R = {stated.value:g}", f"it says {value}", certificate, "attenuation"
        )
    mu_r = Quantity(value.value, value.sigma)
    return replace(project, sample=replace(project.sample, mu_R=mu_r))


def _detector(project: Project, certificate: Certificate) -> Project:
    table, values = project.detector, certificate.values
    changes: dict[str, Any] = {}
    if "dead_time_s" in values:
        found = values["dead_time_s"]
        if table.dead_time_s.value not in (0.0, found.value):
            raise _disagree(
                f"detector.dead_time_s = {table.dead_time_s.value:g}",
                f"it says {found} s",
                certificate,
                "detector",
            )
        changes["dead_time_s"] = Quantity(max(found.value, 0.0), found.sigma, "s")
    changes |= _window(table, certificate)
    if not changes:
        raise InputError(
            f"the certificate {certificate.name!r} holds nothing that a reduction uses",
            why=f"it holds {', '.join(values) or 'no values'}",
            where="calibration.detector",
        )
    return replace(project, detector=replace(table, **changes))


def _window(table: Detector, certificate: Certificate) -> dict[str, Any]:
    """The edges of the energy window and their softness."""
    edges: dict[str, Any] = {
        key: Quantity(certificate.values[key].value, certificate.values[key].sigma, "keV")
        for key in ("lower_keV", "upper_keV", "fwhm_keV")
        if key in certificate.values
    }
    if not edges:
        return {}
    if table.response == "ideal":
        raise _disagree(
            'detector.response = "ideal"',
            'it has an energy window: write response = "threshold" (or "window") and leave its edges to the certificate',
            certificate,
            "detector",
        )
    lower, upper = table.window_keV if table.window_keV is not None else (None, None)
    stated = {
        "lower_keV": table.lower_keV or lower,
        "upper_keV": table.upper_keV or upper,
        "fwhm_keV": table.fwhm_keV,
    }
    for key, found in edges.items():
        given = stated[key]
        if given is not None and abs(given.value - found.value) > _SAME * abs(found.value):
            raise _disagree(
                f"detector.{key} = {given.value:g}", f"it says {found}", certificate, "detector"
            )
    if table.response == "threshold":
        return edges
    if "lower_keV" not in edges or "upper_keV" not in edges:
        raise InputError(
            f'response = "window" needs both edges, the certificate {certificate.name!r} has one',
            remedy='write response = "threshold"',
            where="calibration.detector",
        )
    changes: dict[str, Any] = {"window_keV": (edges["lower_keV"], edges["upper_keV"])}
    if "fwhm_keV" in edges:
        changes["fwhm_keV"] = edges["fwhm_keV"]
    return changes


_APPLY = {"goniometer": _goniometer, "attenuation": _attenuation, "detector": _detector}


def _disagree(stated: str, said: str, certificate: Certificate, kind: str) -> InputError:
    return InputError(
        f"{stated} and the certificate {certificate.name!r} disagree",
        why=said,
        remedy="keep one of the two: a certificate's values need not be repeated",
        where=f"calibration.{kind}",
    )


def certificate_notes(loaded: Loaded[Project], *, started: tuple[str, ...] = ()) -> Certified:
    """Parameters and findings of the certificates that a project names.

    started: when the scans were begun as their headers say; the latest that can be read as a date is held against the validity.
    """
    parameters: dict[str, Quantity] = {}
    findings: list[Finding] = []
    day = _latest(started)
    lines = () if loaded.record.calibration is None else _lines(loaded.record)
    for kind, path in _named(loaded):
        certificate = read_certificate(path, kind=kind)
        where = f"calibration.{kind}"
        findings += check_certificate(certificate, where=where, lines=lines, measured_on=day)
        for name, value in certificate.values.items():
            parameters[f"{kind} certificate, {name}"] = value
        applied = {n: v for n, v in certificate.values.items() if n in CERTIFIED[kind]}
        beside = [n for n in certificate.values if n not in applied]
        findings.append(
            Finding(
                "note",
                f"The {kind} certificate {certificate.name!r} of {certificate.created[:10]} ({path.name}, valid "
                f"{'until ' + certificate.valid_until if certificate.valid_until else 'without a stated end'}) was applied: "
                + "; ".join(f"{n} {v}" for n, v in applied.items())
                + (
                    f". It also holds {', '.join(beside)}, which change nothing here."
                    if beside
                    else "."
                ),
            )
        )
        if kind == "goniometer":
            findings += _wavelength(certificate, lines[0])
        if kind == "detector":
            findings += _other_resolution(certificate, loaded.record.detector)
        if kind == "attenuation":
            findings += _other_sample(certificate, loaded.record)
    return Certified(parameters=parameters, findings=tuple(findings))


def _latest(started: tuple[str, ...]) -> date | None:
    days = []
    for text in started:
        try:
            days.append(date.fromisoformat(text[:10]))
        except ValueError:
            continue  # formats of the makers: not a date that can be relied on
    return max(days, default=None)


def _wavelength(certificate: Certificate, line: Line) -> Iterator[Finding]:
    """A wavelength that was fitted with the angles belongs to them."""
    ratio, tabulated = (
        certificate.values.get("wavelength_ratio"),
        certificate.belongs_to.wavelength_A,
    )
    if ratio is None or tabulated is None:
        return
    fitted = ratio.value * tabulated
    off = line.wavelength_a / fitted - 1.0
    if abs(off) > 3.0 * (ratio.sigma or 0.0):
        yield Finding(
            "warning",
            f"The goniometer certificate was fitted with a free wavelength, {fitted:.7g} Å ({ratio} of the tabulated one); the project uses "
            f"{line.wavelength_a:.7g} Å. Only the angles were corrected: state radiation.wavelength_A = {fitted:.7g} if it is the wavelength that "
            "was wrong.",
            {"fitted_A": fitted},
        )


def _other_resolution(certificate: Certificate, detector: Detector) -> Iterator[Finding]:
    """Edges that were fitted with a resolution held belong to it."""
    held = certificate.facts.get("fwhm_keV_held")
    own = 0.0 if detector.fwhm_keV is None else detector.fwhm_keV.value
    if held is not None and f"{own:g}" != held:
        yield Finding(
            "warning",
            f"The edges of the detector certificate {certificate.name!r} were fitted with an energy resolution of {held} keV, the project states "
            f"{own:g} keV: they belong together. State detector.fwhm_keV = {held}, or calibrate with this resolution.",
            {"fwhm_keV": own},
        )


def _other_sample(certificate: Certificate, project: Project) -> Iterator[Finding]:
    """mu R belongs to one filled capillary."""
    radius = certificate.values.get("radius_mm")
    if radius is not None and abs(project.sample.radius_mm.value / radius.value - 1.0) > _RADIUS:
        yield Finding(
            "warning",
            f"The attenuation certificate is of a capillary of radius {radius} mm, the project states {project.sample.radius_mm.value:g} mm: mu R "
            "was applied as it stands.",
            {"certificate_mm": radius.value, "project_mm": project.sample.radius_mm.value},
        )
    formula = certificate.facts.get("composition")
    if formula is None:
        return
    theirs, ours = parse_formula(formula), parse_formula(project.sample.composition)
    apart = max(abs(theirs.get(e, 0.0) - ours.get(e, 0.0)) for e in {*theirs, *ours})
    if apart > _RADIUS:
        yield Finding(
            "warning",
            f"The attenuation certificate is of {formula}, the sample is {project.sample.composition}: mu R belongs to one filling of one capillary.",
            {"largest_difference_of_a_fraction": apart},
        )
