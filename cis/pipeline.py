"""A temperature series from the project file to sigma_DC and E_A: load_config -> read_inputs -> analyze -> write."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from calibration.cell import MeasuringCell, ParallelPlates, pellet_density
from calibration.errors import InputError
from calibration.fixture import Compensated, Fixture, compensate
from calibration.memo import Memo
from calibration.quantity import Quantity
from calibration.records import Loaded, load
from calibration.report import Finding
from cis.activation import SAME_TEMPERATURE_K, ArrheniusResult, series_arrhenius
from cis.arrhenius import ArrheniusFit, ArrheniusPoints, fit_arrhenius
from cis.certificates import Instruments, instruments_of
from cis.conductivity import Conductivity, Permittivity, conductivity, series_permittivity
from cis.config import Project, Sample
from cis.crosschecks import CrossCheck, cross_check, cross_check_findings
from cis.doubts import Refused, fit_findings, input_findings
from cis.inputs import Inputs, Labelled, read_inputs
from cis.masks import check_masks, mask_findings, masked
from cis.project_file import unfilled
from cis.series import FittedSeries
from cis.stages import ArcFit, Cell, JointFit, Spectrum

__all__ = [
    "Analysis",
    "analyze",
    "load_config",
    "nominal_cell",
    "read_inputs",
]

_CROSS_CHECKS = 12
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything that one project file gives; sequences run along the fitted spectra.

    labels, readings_k (None: unknown), fits, conductivities, compensated (None: no fixture): one per
    fitted spectrum. refused: the others. cross_checks: one per fitted spectrum, None where left out
    (long series: twelve are enough to look at). joint: the series fitted at once, None where not done.
    """

    project: Project
    instruments: Instruments
    labels: tuple[str, ...]
    readings_k: tuple[float | None, ...]
    fits: tuple[ArcFit, ...]
    conductivities: tuple[Conductivity, ...]
    compensated: tuple[Compensated | None, ...]
    refused: tuple[Refused, ...]
    joint: JointFit | None
    joint_energy: ArrheniusFit | None
    cross_checks: tuple[CrossCheck | None, ...]
    permittivity: Permittivity | None
    density: Quantity | None
    arrhenius: tuple[ArrheniusResult, ...]
    findings: tuple[Finding, ...]

    @property
    def series(self) -> FittedSeries:
        """The fitted spectra for pictures."""
        return FittedSeries(
            labels=self.labels,
            temperatures_k=tuple(c.temperature_k for c in self.conductivities),
            fits=self.fits,
            plates=self.instruments.cell,
        )


def load_config(path: Path, *, settings: Sequence[str] = ()) -> Loaded[Project]:
    """Read a project file. Raises InputError or ConfigError with every mistake, and with the lines left to fill in."""
    try:
        return load(Project, path, settings=settings)
    except InputError as error:
        left = unfilled(path)
        if left:
            error.remedy = f"complete the lines marked FILL IN: {', '.join(left)}"
        raise


def nominal_cell(cell: MeasuringCell) -> Cell:
    """A sample of 1 m thickness with the same constant, for the permittivity of an arc (only the ratio matters)."""
    return Cell(area_m2=0.01 / cell.constant_per_cm.value, thickness_m=1.0)


def analyze(
    project: Project,
    inputs: Inputs,
    *,
    progress: Progress = lambda stage: None,
    memo: Memo | None = None,
    most_checks: int = _CROSS_CHECKS,
) -> Analysis:
    """The recipe: fixture, checks, fits, conductivities, Arrhenius. Reads and writes nothing.

    memo: keeps what was found for spectra and points that come again unchanged. most_checks: how many spectra are
    looked at without their circuit. Raises InputError where no spectrum can be used, a fixture does not cover the
    spectra, or a mask names what is not there.
    """
    from cis.fit import fit_series
    from cis.joint import fit_joint

    kept = Memo(keep=max(len(inputs.spectra), 1)) if memo is None else memo
    check_masks(project.mask, [(s.label, s.spectrum) for s in inputs.spectra])
    instruments = instruments_of(
        project,
        inputs.certificates,
        fixture=inputs.fixture,
        readings_k=[s.temperature_k for s in inputs.spectra],
        started=[s.spectrum.started for s in inputs.spectra],
    )
    progress("checking spectra")
    prepared, compensated, refused = _prepare(project, inputs, instruments.fixture, kept)
    progress(f"fitting {len(prepared)} spectra")
    cell = nominal_cell(instruments.cell)
    fits = fit_series(
        [p.spectrum for p in prepared], circuit=project.model.circuit, cell=cell, memo=kept
    )
    thermometer = instruments.thermometer
    readings = tuple(p.temperature_k for p in prepared)
    values = []
    for item, fit in zip(prepared, fits, strict=True):
        t = None if item.temperature_k is None else np.array([item.temperature_k])
        sigma = None if t is None else thermometer.sigma_k(t)
        values.append(
            conductivity(
                fit,
                plates=instruments.cell,
                temperature_k=None if t is None else float(thermometer.correct(t)[0]),
                temperature_sigma_k=None if sigma is None else float(sigma[0]),
                name=item.label,
            )
        )
    joint = None
    if project.model.series == "separate and joint" and len(fits) > 1:
        progress("fitting the series at once")
        joint = kept("joint", (fits, cell), lambda: fit_joint(fits, cell=cell))
    progress("cross-checks")
    checked = set(np.linspace(0, len(fits) - 1, min(len(fits), most_checks)).astype(int).tolist())
    checks = tuple(
        kept("cross-check", _seen_without(fit), partial(cross_check, fit)) if k in checked else None
        for k, fit in enumerate(fits)
    )
    progress("Arrhenius")
    porosity, density, sample_findings = _porosity(project.sample, project.sample.plates)
    permittivity, permittivity_findings = series_permittivity(values, porosity=porosity)
    arrhenius, arrhenius_findings = kept(
        "Arrhenius",
        (project.arrhenius, instruments.cell, instruments.thermometer, readings, values),
        lambda: series_arrhenius(project, instruments, readings, values),
    )
    return Analysis(
        project=project,
        instruments=instruments,
        labels=tuple(p.label for p in prepared),
        readings_k=readings,
        fits=tuple(fits),
        conductivities=tuple(values),
        compensated=compensated,
        refused=refused,
        joint=joint,
        joint_energy=_joint_energy(project, joint, readings, instruments),
        cross_checks=checks,
        permittivity=permittivity,
        density=density,
        arrhenius=arrhenius,
        findings=(
            *instruments.findings,
            *input_findings(project, instruments, prepared, refused, compensated),
            *mask_findings([(p.label, p.spectrum) for p in prepared]),
            *sample_findings,
            *fit_findings(prepared, fits, values),
            *permittivity_findings,
            *cross_check_findings([p.label for p in prepared], fits, checks),
            *(joint.findings if joint is not None else ()),
            *arrhenius_findings,
        ),
    )


def _seen_without(fit: ArcFit) -> tuple[object, ...]:
    """What a cross-check depends on: the points, and the electrode that is taken off."""
    return fit.spectrum, fit.circuit_string, fit.parameters


def _prepare(
    project: Project, inputs: Inputs, fixture: Fixture | None, memo: Memo
) -> tuple[tuple[Labelled, ...], tuple[Compensated | None, ...], tuple[Refused, ...]]:
    """Crop, compensate and check every spectrum; the refused ones apart with their reasons."""
    from cis.validate import validate

    kept: list[Labelled] = []
    corrections: list[Compensated | None] = []
    refused: list[Refused] = []
    errors: list[InputError] = []
    for item in inputs.spectra:
        try:
            spectrum = masked(_crop(item.spectrum, project), item.label, project.mask)
            correction = None
            if fixture is not None:
                correction = compensate(spectrum.frequency_hz, spectrum.z_ohm, fixture=fixture)
                spectrum = replace(spectrum, z_ohm=correction.z_ohm)
            memo("validation", (spectrum,), partial(validate, spectrum))
        except InputError as error:
            if error.where.startswith("fixture"):
                raise
            errors.append(error)
            refused.append(
                Refused(label=item.label, temperature_k=item.temperature_k, reason=_one_line(error))
            )
            continue
        kept.append(replace(item, spectrum=spectrum))
        corrections.append(correction)
    if not kept:
        raise errors[0] if errors else InputError("the project file names no spectrum")
    return tuple(kept), tuple(corrections), tuple(refused)


def _one_line(error: InputError) -> str:
    return f"{error.what} ({error.why})" if error.why else error.what


def _crop(spectrum: Spectrum, project: Project) -> Spectrum:
    limits = None if project.validation is None else project.validation.range_Hz
    if limits is None:
        return spectrum
    keep = (spectrum.frequency_hz >= limits[0]) & (spectrum.frequency_hz <= limits[1])
    if not keep.any():
        raise InputError(
            f"no point lies in validation.range_Hz {limits[0]:g} to {limits[1]:g}",
            where=spectrum.file,
        )
    return replace(
        spectrum,
        frequency_hz=spectrum.frequency_hz[keep],
        z_ohm=spectrum.z_ohm[keep],
        line=spectrum.line[keep],
    )


def _porosity(
    sample: Sample, plates: ParallelPlates
) -> tuple[Quantity | None, Quantity | None, tuple[Finding, ...]]:
    """Porosity (stated, or from mass and dense density), pellet density, doubts."""
    density = None if sample.mass_mg is None else pellet_density(sample.mass_mg, plates)
    if sample.porosity is not None or density is None or sample.density_g_cm3 is None:
        return sample.porosity, density, ()
    dense = sample.density_g_cm3
    ratio = density.value / dense.value
    if ratio > 1.0:
        text = (
            f"The pellet ({density}) is denser than the glass ({dense}): mass, size or density is wrong, "
            "and no porosity was used."
        )
        return None, density, (Finding("warning", text, {"relative_density": ratio}),)
    sigma = None
    if density.sigma is not None and dense.sigma is not None:
        sigma = ratio * math.hypot(density.sigma / density.value, dense.sigma / dense.value)
    return Quantity(1.0 - ratio, sigma), density, ()


def _joint_energy(
    project: Project,
    joint: JointFit | None,
    readings: Sequence[float | None],
    instruments: Instruments,
) -> ArrheniusFit | None:
    """E_A from the resistances of the joint fit: a cross-check, not the result."""
    if joint is None or project.arrhenius is None or not joint.converged:
        return None
    t = np.array([math.nan if r is None else r for r in readings])
    keep = (
        np.isfinite(t) & np.isfinite(joint.resistance_ohm) & np.isfinite(joint.resistance_sigma_ohm)
    )
    if project.arrhenius.range_K is not None:
        low, high = project.arrhenius.range_K
        keep &= (t >= low) & (t <= high)
    if keep.sum() < 2 or np.ptp(t[keep]) < SAME_TEMPERATURE_K:
        return None
    resistance = joint.resistance_ohm[keep]
    points = ArrheniusPoints(
        temperature_k=t[keep],
        sigma_s_per_cm=instruments.cell.constant_per_cm.value / resistance,
        relative_stat=joint.resistance_sigma_ohm[keep] / resistance,
        relative_geometry=instruments.cell.relative_sigma,
        thermometer=instruments.thermometer,
    )
    return fit_arrhenius(points, form="ln_sigma")
