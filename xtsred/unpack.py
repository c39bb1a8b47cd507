"""From the words of a project file to the objects of the physics; the facts it states are checked here."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration.composition import find_material, parse_formula
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.radiation import Line, anodes, identify, lines_of, mean_wavelength_a, select_lines
from calibration.report import Finding
from xtsred import config
from xtsred.atoms import (
    Composition,
    absorption_edges_kev,
    element_density,
    mass_density,
    number_density,
)
from xtsred.corrections import polarization
from xtsred.corrections.geometry import Cylinder
from xtsred.scattering import Setup, Substance
from xtsred.spectrum import Foil, Response, continuum_lines, response

__all__ = ["Plan", "make_plan", "tube_lines"]

_AGREE = 0.05  # relative difference of two statements of the same thing that is worth a warning
_ROUNDING = 0.02  # mass, length and mu R of a solid rod are not known better


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be computed.

    lines: of the tube, weights summing to 1, the strongest first; continuum: comb of energies, weights
    summing to 1, empty where not asked for. number_density_per_a3: of the material. mu_r: at
    the strongest line. wavelength_a: intensity-weighted mean. reference_response: the detector's at it.
    """

    composition: Composition
    number_density_per_a3: float
    mu_r: float
    lines: tuple[Line, ...]
    continuum: tuple[Line, ...]
    setup: Setup
    wavelength_a: float
    energy_kev: float
    reference_response: float
    parameters: Mapping[str, Quantity]
    findings: tuple[Finding, ...]


def make_plan(project: config.Project) -> Plan:
    """Turn a project into a plan. Raises InputError where its facts contradict each other."""
    composition = Composition.of(parse_formula(project.sample.composition))
    lines = tube_lines(project.radiation)
    mean = mean_wavelength_a(lines)
    energy = max(lines, key=lambda line: line.weight).energy_kev
    density, density_findings = _densities(project.sample, composition)
    solid = Substance(
        composition=composition,
        mass_density_g_per_cm3=mass_density(composition, number_density_per_a3=density),
    )
    packing, packing_findings = _packing(project, solid, energy)
    detector = _detector(project.detector)
    radius = project.sample.radius_mm.value
    wall = _wall(project.container)
    thickness = 0.0 if project.container is None else project.container.wall_thickness_mm.value
    setup = Setup(
        sample=Substance(
            composition=composition,
            mass_density_g_per_cm3=packing * solid.mass_density_g_per_cm3,
        ),
        wall=wall,
        cylinder=Cylinder(radius_mm=radius, wall_mm=thickness),
        beam_width_mm=project.beam.width_mm.value,
        beam_height_mm=project.beam.height_mm.value,
        polarization=_polarization(project.polarization),
        detector=detector,
    )
    mu_r = float(setup.sample.mu_per_mm(np.array(energy))) * radius
    reference = float(response(np.array(energy), detector=detector))
    if reference < 1e-3:
        raise InputError(
            f"the detector counts {100.0 * reference:.2g} % of the photons of {energy:.3f} keV",
            why="its window or sensor does not fit the radiation",
            where="detector",
        )
    return Plan(
        composition=composition,
        number_density_per_a3=density,
        mu_r=mu_r,
        lines=lines,
        continuum=_continuum(project.radiation.continuum, detector),
        setup=setup,
        wavelength_a=mean,
        energy_kev=energy,
        reference_response=reference,
        parameters={
            "number density": Quantity(
                density, _sigma(project.sample.number_density_per_A3), "Å^-3"
            ),
            "packing fraction": Quantity(packing, _sigma(project.sample.packing_fraction)),
            **_mu_r(project.sample, mu_r),
            "mean wavelength": Quantity(mean, _sigma(project.radiation.wavelength_A), "Å"),
        },
        findings=(
            *density_findings,
            *packing_findings,
            *_mu_r_findings(project.sample, mu_r, solid, packing, energy),
            *_fluorescence(composition, lines, project.radiation.continuum),
        ),
    )


def _mu_r(sample: config.Sample, computed: float) -> dict[str, Quantity]:
    """mu R under the name of where it comes from; stated, it carries its own uncertainty."""
    if sample.mu_R is not None and abs(sample.mu_R.value / computed - 1.0) < 1e-9:
        return {"mu R (stated)": sample.mu_R}
    found = {"mu R (computed)": Quantity(computed)}
    return found if sample.mu_R is None else {**found, "mu R (stated, not used)": sample.mu_R}


def _sigma(quantity: Quantity | None) -> float | None:
    return None if quantity is None else quantity.sigma


def tube_lines(radiation: config.Radiation) -> tuple[Line, ...]:
    """The lines that a project states, weights summing to 1, the strongest first."""
    if radiation.line:
        total = sum(entry.weight.value for entry in radiation.line)
        found = tuple(
            Line(
                wavelength_a=entry.wavelength_A.value,
                weight=entry.weight.value / total,
                sigma_a=entry.wavelength_A.sigma,
                name=_line_name(entry.wavelength_A.value),
            )
            for entry in radiation.line
        )
    elif radiation.wavelength_A is not None:
        value = radiation.wavelength_A
        found = (
            Line(
                wavelength_a=value.value,
                weight=1.0,
                sigma_a=value.sigma,
                name=_line_name(value.value),
            ),
        )
    else:
        found = select_lines(str(radiation.anode), str(radiation.lines))
    return tuple(sorted(found, key=lambda line: -line.weight))


def _line_name(wavelength_a: float) -> str:
    known = identify(wavelength_a)
    return " ".join(known) if known else f"{wavelength_a:.6g} Å"


def _densities(
    sample: config.Sample, composition: Composition
) -> tuple[float, tuple[Finding, ...]]:
    stated, mass = sample.number_density_per_A3, sample.mass_density_g_per_cm3
    if stated is None:
        if mass is None:
            raise InputError("no density is given", where="sample.number_density_per_A3")
        return number_density(composition, mass_density_g_per_cm3=mass.value), ()
    if mass is None:
        return stated.value, ()
    other = number_density(composition, mass_density_g_per_cm3=mass.value)
    difference = other / stated.value - 1.0
    if abs(difference) <= 0.01:
        return stated.value, ()
    text = (
        f"The number density {stated.value:.5g} Å^-3 and the mass density {mass.value:.4g} g/cm^3, which is "
        f"{other:.5g} Å^-3 for this composition, differ by {100 * difference:+.1f} %; the number density was used."
    )
    return stated.value, (Finding("warning", text, {"relative_difference": difference}),)


def _packing(
    project: config.Project, solid: Substance, energy_kev: float
) -> tuple[float, tuple[Finding, ...]]:
    """The packing from everything that is stated; the first of a certificate's mu R, mass, packing fraction, mu R is used."""
    sample = project.sample
    radius = sample.radius_mm.value
    found: dict[str, float] = {}
    if sample.mass_mg is not None and sample.filled_length_mm is not None:
        volume_cm3 = np.pi * radius**2 * sample.filled_length_mm.value * 1e-3
        found["mass and filled length"] = (
            sample.mass_mg.value * 1e-3 / (volume_cm3 * solid.mass_density_g_per_cm3)
        )
    if sample.packing_fraction is not None:
        found["packing_fraction"] = sample.packing_fraction.value
    if sample.mu_R is not None:
        found["mu_R"] = sample.mu_R.value / (radius * float(solid.mu_per_mm(np.array(energy_kev))))
    name, packing = next(iter(found.items()))
    if project.calibration is not None and project.calibration.attenuation is not None:
        name, packing = "mu_R", found["mu_R"]
    findings = []
    for other, value in ((n, v) for n, v in found.items() if n != name):
        if abs(value / packing - 1.0) > _AGREE:
            text = f"The packing from {name} is {packing:.3f}, from {other} {value:.3f}; that from {name} was used."
            findings.append(Finding("warning", text, {name: packing, other: value}))
    if packing > 1.0 + _ROUNDING:
        raise _more_than_solid(name, packing, sample, solid)
    if packing > 1.0:
        text = (
            f"The packing fraction that follows from {name} is {packing:.4f}; solid material has 1."
        )
        findings.append(Finding("warning", text, {"packing": packing}))
    return float(packing), tuple(findings)


def _more_than_solid(
    source: str, packing: float, sample: config.Sample, solid: Substance
) -> InputError:
    """The way from what was stated to a packing that cannot be."""
    radius, density = sample.radius_mm.value, solid.mass_density_g_per_cm3
    keys, stated = "sample.mu_R", ""
    if sample.mu_R is not None:
        stated = f"mu_R = {sample.mu_R.value:g}; a solid rod has {sample.mu_R.value / packing:.4g}"
    if source != "mu_R" and sample.mass_mg is not None and sample.filled_length_mm is not None:
        keys = "sample.mass_mg"
        stated = (
            f"{sample.mass_mg.value:g} mg on {sample.filled_length_mm.value:g} mm; a solid rod of this length "
            f"weighs {sample.mass_mg.value / packing:.4g} mg"
        )
    return InputError(
        f"the packing fraction that follows from {source} is {packing:.3f}, but solid material has 1",
        why=f"{stated} (radius {radius:g} mm, {density:.4g} g/cm^3)",
        remedy="check radius_mm (not the diameter), the density (of the material, not of the powder), the composition and "
        f"{'the radiation' if source == 'mu_R' else 'mass_mg and filled_length_mm'}",
        where=keys,
    )


def _mu_r_findings(
    sample: config.Sample, mu_r: float, solid: Substance, packing: float, energy_kev: float
) -> tuple[Finding, ...]:
    """mu R as stated against mu R as computed, and whether another anode explains the difference."""
    if sample.mu_R is None or abs(sample.mu_R.value / mu_r - 1.0) <= _AGREE:
        return ()
    stated = sample.mu_R.value
    text = f"mu R is stated as {stated:.3f}; composition, density and packing give {mu_r:.3f} at {energy_kev:.2f} keV."
    for anode in anodes():
        energy = lines_of(anode)["Ka1"].energy_kev
        other = sample.radius_mm.value * packing * float(solid.mu_per_mm(np.array(energy)))
        if abs(energy / energy_kev - 1.0) > 0.02 and abs(stated / other - 1.0) <= _AGREE:
            text += f" The stated value fits {anode} ({other:.3f}): is the anode right?"
    return (Finding("warning", text, {"stated": stated, "computed": mu_r}),)


def _fluorescence(
    composition: Composition, lines: tuple[Line, ...], continuum: config.Continuum | None
) -> tuple[Finding, ...]:
    """Edges close enough below the tube's lines that their fluorescence reaches a detector."""
    top = max(line.energy_kev for line in lines)
    if continuum is not None:
        top = max(top, continuum.tube_kV.value)
    edges = {n: e for n, e in absorption_edges_kev(composition).items() if 5.0 < e < top}
    if not edges:
        return ()
    names = ", ".join(f"{name} {edge:.2f} keV" for name, edge in edges.items())
    text = (
        f"The beam ({top:.2f} keV at most) excites fluorescence above {names}. It is isotropic, no correction is applied "
        "for it, and a detector that does not reject its energy counts it as a background that normalization "
        "takes for scattering."
    )
    return (Finding("warning", text, edges),)


def _wall(container: config.Container | None) -> Substance | None:
    if container is None:
        return None
    if container.material is not None:
        material = find_material(container.material)
        density = material.mass_density_g_per_cm3
        if container.mass_density_g_per_cm3 is not None:
            density = container.mass_density_g_per_cm3.value
        return Substance(
            composition=Composition.of(material.fractions), mass_density_g_per_cm3=density
        )
    if container.composition is None or container.mass_density_g_per_cm3 is None:
        raise InputError("the container needs a material", where="container.material")
    return Substance(
        composition=Composition.of(parse_formula(container.composition)),
        mass_density_g_per_cm3=container.mass_density_g_per_cm3.value,
    )


def _polarization(table: config.Polarization) -> polarization.BeamPolarization:
    if table.degree is not None:
        return polarization.stated(table.degree.value)
    if table.monochromator in (None, "none") or table.two_theta_deg is None:
        return polarization.unpolarized()
    if table.monochromator == "perfect":
        return polarization.perfect(table.two_theta_deg.value)
    return polarization.mosaic(table.two_theta_deg.value)


def _detector(table: config.Detector) -> Response:
    lower = table.lower_keV.value if table.lower_keV is not None else None
    upper = table.upper_keV.value if table.upper_keV is not None else None
    if table.window_keV is not None:
        lower, upper = (edge.value for edge in table.window_keV)
    sensor, density = None, 0.0
    if table.sensor is not None:
        sensor = Composition.of(parse_formula(table.sensor))
        density = element_density(table.sensor)
    return Response(
        lower_kev=lower,
        upper_kev=upper,
        fwhm_kev=0.0 if table.fwhm_keV is None else table.fwhm_keV.value,
        sensor=sensor,
        sensor_density_g_per_cm3=density,
        sensor_thickness_mm=0.0
        if table.sensor_thickness_mm is None
        else table.sensor_thickness_mm.value,
    )


def _continuum(table: config.Continuum | None, detector: Response) -> tuple[Line, ...]:
    if table is None:
        return ()
    foils = []
    for foil in table.filter:
        if foil.element is not None:
            composition = Composition.of({foil.element: 1.0})
            density = element_density(foil.element)
        else:
            material = find_material(str(foil.material))
            composition = Composition.of(material.fractions)
            density = material.mass_density_g_per_cm3
        foils.append(
            Foil(
                composition=composition,
                mass_density_g_per_cm3=density,
                thickness_um=foil.thickness_um.value,
            )
        )
    return continuum_lines(
        tube_kv=table.tube_kV.value, filters=foils, detector=detector, energies=table.energies
    )
