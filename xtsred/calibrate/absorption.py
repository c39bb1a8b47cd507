"""mu R of a capillary by every way that the project file gives, and what it means where they disagree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.attenuation import (
    CLOSEST_PACKING,
    Estimate,
    from_mass,
    from_packing,
    from_transmission,
    packing_of,
    weighted_difference,
)
from calibration.beam_scan import BeamScan, BeamScanFit, fit_beam_scan
from calibration.composition import parse_formula
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.radiation import Line, anodes, disagreements, lines_of
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.atoms import Composition, attenuation_per_cm
from xtsred.calibrate.beam_file import read_beam_file
from xtsred.calibrate.config import Attenuation, Calibration
from xtsred.unpack import tube_lines

__all__ = ["TABLE_SIGMA", "CapillaryAttenuation", "calibrate_attenuation"]

TABLE_SIGMA = 0.02
"""Relative standard uncertainty of a tabulated mu/rho away from edges (Hubbell & Seltzer, NISTIR 5632 (1995), sect. 4: 1-2 %)."""

_DISAGREE = 3.0
_LARGE = 0.05
_EXPLAINS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class CapillaryAttenuation:
    """estimates: the one that is used first. packing: that it means, None where the material is not described."""

    name: str
    estimates: tuple[Estimate, ...]
    packing: Quantity | None
    scan: BeamScan | None
    scan_fit: BeamScanFit | None
    findings: tuple[Finding, ...]

    @property
    def mu_r(self) -> Quantity:
        """The value that is used: measured before calculated."""
        return self.estimates[0].mu_r


def calibrate_attenuation(loaded: Loaded[Calibration]) -> CapillaryAttenuation:
    """Every estimate of mu R at the strongest line, compared. Raises InputError for what the user can fix."""
    table = loaded.record.attenuation
    if table is None:
        raise InputError("no attenuation is described", where="attenuation")
    line = tube_lines(loaded.record.radiation)[0]
    findings: list[Finding] = []
    estimates: list[Estimate] = []
    scan = fit = None
    if table.z_scan is not None:
        scan, fit, doubts = _beam_scan(loaded, table, line)
        findings += doubts
        d = fit.mu_d
        estimates.append(
            Estimate(
                source="scan through the beam",
                mu_r=Quantity(0.5 * d.value, None if d.sigma is None else 0.5 * d.sigma),
                how="mu D / 2, fitted",
            )
        )
        findings += _diameter(fit, table.radius_mm)
    if table.transmission is not None:
        estimates.append(
            from_transmission(
                table.transmission, beam_width_mm=table.beam_width_mm, radius_mm=table.radius_mm
            )
        )
    attenuation = _mass_attenuation(table.composition, line.energy_kev)
    if attenuation is not None and table.mass_mg is not None and table.filled_length_mm is not None:
        estimates.append(
            from_mass(
                mass_mg=table.mass_mg,
                length_mm=table.filled_length_mm,
                radius_mm=table.radius_mm,
                mass_attenuation=attenuation,
            )
        )
    density = table.mass_density_g_per_cm3
    if attenuation is not None and table.packing_fraction is not None and density is not None:
        estimates.append(
            from_packing(
                packing=table.packing_fraction,
                density_g_per_cm3=density,
                radius_mm=table.radius_mm,
                mass_attenuation=attenuation,
            )
        )
    packing = None
    if attenuation is not None and density is not None:
        packing = packing_of(
            estimates[0].mu_r,
            density_g_per_cm3=density.value,
            radius_mm=table.radius_mm,
            mass_attenuation=attenuation,
        )
    findings += _disagreements(estimates, table, line, packing)
    findings += _impossible(packing, estimates[0])
    return CapillaryAttenuation(
        name=table.name or table.composition or "capillary",
        estimates=tuple(estimates),
        packing=packing,
        scan=scan,
        scan_fit=fit,
        findings=tuple(findings),
    )


def _beam_scan(
    loaded: Loaded[Calibration], table: Attenuation, line: Line
) -> tuple[BeamScan, BeamScanFit, list[Finding]]:
    assert table.z_scan is not None
    seconds = table.z_scan_seconds_per_step
    path = loaded.folder / table.z_scan
    file = read_beam_file(path, seconds_per_step=None if seconds is None else seconds.value)
    findings = [
        *disagreements((line,), file=path.name, anode=file.anode, wavelengths_a=()),
    ]
    fit = fit_beam_scan(file.scan)
    findings += fit.findings
    if not file.scan.absolute:
        findings.append(
            Finding(
                "note",
                f"{path.name}: {file.how}.",
            )
        )
    return file.scan, fit, findings


def _diameter(fit: BeamScanFit, radius: Quantity) -> Iterator[Finding]:
    stated = Quantity(2.0 * radius.value, None if radius.sigma is None else 2.0 * radius.sigma)
    off = fit.diameter_mm.value / stated.value - 1.0
    distance = weighted_difference(fit.diameter_mm, stated)
    if abs(off) > 0.1 or (abs(off) > 0.02 and distance is not None and abs(distance) > _DISAGREE):
        yield Finding(
            "warning",
            f"The scan through the beam sees an absorbing diameter of {fit.diameter_mm}, the project file states {stated.value:g} mm "
            "(2 radius_mm, inner): mu D is of the fitted one.",
            {"fitted_mm": fit.diameter_mm.value, "stated_mm": stated.value},
        )


def _mass_attenuation(formula: str | None, energy_kev: float) -> Quantity | None:
    if formula is None:
        return None
    composition = Composition.of(parse_formula(formula))
    value = float(attenuation_per_cm(composition, np.array(energy_kev), mass_density_g_per_cm3=1.0))
    return Quantity(value, TABLE_SIGMA * value, "cm^2/g")


def _disagreements(
    estimates: Sequence[Estimate], table: Attenuation, line: Line, packing: Quantity | None
) -> Iterator[Finding]:
    first = estimates[0]
    for other in estimates[1:]:
        ratio = first.mu_r.value / other.mu_r.value
        distance = weighted_difference(first.mu_r, other.mu_r)
        if distance is None:
            disagree = abs(ratio - 1.0) > _LARGE
            said = f"differ by {100.0 * (ratio - 1.0):+.1f} % (the uncertainty of one is not known)"
        else:
            disagree = abs(distance) > _DISAGREE
            said = f"differ by {100.0 * (ratio - 1.0):+.1f} %, {abs(distance):.1f} standard uncertainties"
        if disagree:
            yield Finding(
                "warning",
                f"mu R from {first.source} ({first.mu_r}) and from {other.source} ({other.mu_r}) {said}. "
                + " ".join(_meanings(ratio, other, table, line, packing)),
                {first.source: first.mu_r.value, other.source: other.mu_r.value},
            )


def _meanings(
    ratio: float, other: Estimate, table: Attenuation, line: Line, packing: Quantity | None
) -> Iterator[str]:
    """What would have to be true for the first estimate to be right and the other wrong."""
    if packing is not None:
        beyond = (
            f", above the {CLOSEST_PACKING:.2f} that equal spheres can reach"
            if packing.value > CLOSEST_PACKING
            else ""
        )
        yield f"The first means a packing fraction of {packing.value:.3f}{beyond}."
    if table.composition is None or not other.source.startswith(("mass", "composition")):
        yield "One of the two measurements is wrong, or the capillary is filled unevenly."
        return
    here = _mass_attenuation(table.composition, line.energy_kev)
    assert here is not None
    fitting = []
    for anode in anodes():
        energy = lines_of(anode)["Ka1"].energy_kev
        there = _mass_attenuation(table.composition, energy)
        if there is None or abs(energy / line.energy_kev - 1.0) < 0.02:
            continue
        if abs(ratio * here.value / there.value - 1.0) < _EXPLAINS:
            fitting.append(anode)
    if fitting:
        yield f"They would agree with {' or '.join(fitting)} radiation: is the anode right?"
    yield (
        f"They would also agree if the material absorbed {ratio:.3g} times as much per gram: check the composition, what was weighed, "
        "and that radius_mm is not the diameter."
    )


def _impossible(packing: Quantity | None, first: Estimate) -> Iterator[Finding]:
    if packing is None or packing.value <= CLOSEST_PACKING:
        return
    grave = packing.value > 1.0 + 3.0 * (packing.sigma or 0.0)
    yield Finding(
        "problem" if grave else "warning",
        f"mu R = {first.mu_r} ({first.source}) means a packing fraction of {packing}: "
        + (
            "more than solid material. Anode, composition, density or radius is wrong."
            if grave
            else f"a loose powder stays below {CLOSEST_PACKING:.2f} (closest packing of equal spheres) and usually below 0.64. Only a pressed "
            "or molten filling is denser; otherwise anode, composition, density or radius is wrong."
        ),
        {"packing": packing.value},
    )
