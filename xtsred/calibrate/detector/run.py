"""All that a detector's file asks for, and the certificate of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.certificate import (
    BelongsTo,
    Certificate,
    Covariance,
    issue_certificate,
    remarks_of,
)
from calibration.composition import parse_formula
from calibration.dead_time import DeadTime, Readings, fit_dead_time
from calibration.detector import sensor_efficiency
from calibration.errors import InputError
from calibration.flat_field import FlatField, fit_flat_field
from calibration.quantity import Quantity
from calibration.radiation import identify
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.atoms import Composition, element_density, photoabsorption_per_cm
from xtsred.calibrate.detector.config import DetectorFile, SensorTable, WindowTable
from xtsred.calibrate.detector.read import read_numbers, read_readings
from xtsred.calibrate.window_run import Window, WindowRequest, find_window
from xtsred.config import Project, load_project
from xtsred.inputs import input_files
from xtsred.unpack import tube_lines

__all__ = ["DetectorCalibration", "calibrate_detector"]

_MU = 0.02  # relative standard uncertainty of a tabulated photoabsorption coefficient (Elam et al. 2002; 10-60 keV)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorCalibration:
    """What was calibrated; a part is None where the file does not ask for it. files: everything that was read.
    certificate None: nothing was determined well enough to be certified; the findings say why."""

    name: str
    dead_time: DeadTime | None
    readings: Readings | None
    window: Window | None
    efficiency: Quantity | None
    flat_field: FlatField | None
    files: tuple[Path, ...]
    certificate: Certificate | None
    findings: tuple[Finding, ...]


def calibrate_detector(
    loaded: Loaded[DetectorFile], *, progress: Callable[[str], None] = lambda stage: None
) -> DetectorCalibration:
    """Calibrate as the file says. Raises InputError for what the user can fix."""
    record, files = loaded.record, [loaded.path]
    dead, readings, window, flat, efficiency = None, None, None, None, None
    values: dict[str, Quantity] = {}
    more: dict[str, object] = {}
    tables: dict[str, tuple[float, ...]] = {}
    facts: dict[str, str] = {}
    belongs = BelongsTo(instrument=record.certificate.instrument)
    findings: list[Finding] = []
    if record.dead_time is not None:
        progress("dead time")
        readings, paths = read_readings(loaded, record.dead_time)
        dead = fit_dead_time(readings)
        files += paths
        findings += dead.findings
        values |= _dead_time_values(dead)
    if record.sensor is not None:
        efficiency = _efficiency(record.sensor)
        values |= {"sensor_thickness_mm": record.sensor.thickness_mm, "efficiency": efficiency}
        facts |= {
            "sensor": record.sensor.material,
            "efficiency_at_keV": f"{record.sensor.energy_keV.value:g}",
        }
    if record.flat_field is not None:
        progress("flat field")
        path = loaded.folder / record.flat_field.counts
        counts = read_numbers(path, columns=None, where="flat_field.counts")
        flat = fit_flat_field(counts, angle=_angles(counts.shape, record.flat_field.step_channels))
        files.append(path)
        findings += flat.findings
        tables |= _flat_tables(flat)
        good = flat.factor[flat.good]
        scatter = float(np.std(good))
        values["flat_field_scatter"] = Quantity(scatter, scatter / float(np.sqrt(2.0 * good.size)))
    if record.window is not None:
        progress("window")
        project = load_project(loaded.folder / record.window.project)
        window = find_window(project, _request(record.window), progress=progress)
        files += input_files(project)
        findings += window.findings
        certified = [n for n in window.fit.names if window.fit.determined.get(n, True)]
        values |= {f"{n}_keV": window.values[n] for n in certified}
        if certified and "fwhm" not in window.fit.names:
            held = window.fit.edges.fwhm_kev
            facts["fwhm_keV_held"] = f"{held:g}"
            findings.append(
                Finding(
                    "warning",
                    f"The edges are those of an energy resolution of {held:g} keV, which was held: their ± has no part of it, and another resolution "
                    'gives other edges. Add "fwhm" to window.fit, or apply them together with this resolution only.',
                    {"fwhm_keV": held},
                )
            )
        if len(certified) > 1:
            more["covariance"] = _covariance(window, certified)
        belongs = _belongs(project, record.certificate.instrument)
    certificate = None
    if values:
        days = record.certificate.valid_days
        certificate = issue_certificate(
            "detector",
            name=record.certificate.name,
            values=values,
            sources=files,
            belongs_to=belongs,
            valid_days=None if days is None else days.value,
            tables=tables,
            facts=facts,
            remarks=(
                *(f"--set {k}={v}" for k, v in loaded.overrides.items()),
                *remarks_of(findings),
            ),
            **more,
        )
    return DetectorCalibration(
        name=record.certificate.name,
        dead_time=dead,
        readings=readings,
        window=window,
        efficiency=efficiency,
        flat_field=flat,
        files=tuple(dict.fromkeys(files)),
        certificate=certificate,
        findings=tuple(findings),
    )


def _dead_time_values(found: DeadTime) -> dict[str, Quantity]:
    """A stated exact transmission is not of this measurement: only those with an uncertainty are certified."""
    values = {"dead_time_s": found.tau_s}
    for k, t in enumerate(found.transmissions, start=1):
        if t.sigma:
            values[f"transmission_{k}"] = t
    return values


def _efficiency(table: SensorTable) -> Quantity:
    if table.thickness_mm.sigma is None:
        raise InputError(
            "the sensor's thickness has no uncertainty",
            why="a certificate states ± for everything",
            remedy="write thickness_mm = { value = ..., sigma = ... }",
            where="sensor.thickness_mm",
        )
    composition = Composition.of(parse_formula(table.material))
    try:
        density = element_density(table.material)
    except KeyError as error:
        raise InputError(
            f"the density of {table.material!r} is not known", where="sensor.material"
        ) from error
    energy = np.array(table.energy_keV.value)
    mu = float(photoabsorption_per_cm(composition, energy, mass_density_g_per_cm3=density)) / 10.0
    return sensor_efficiency(Quantity(mu, _MU * mu), thickness_mm=table.thickness_mm)


def _angles(
    shape: tuple[int, ...], step: int | None
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]] | None:
    if step is None:
        return None
    angle = step * np.arange(shape[0])[:, None] + np.arange(shape[1])[None, :]
    return np.asarray(angle - angle.min(), dtype=np.int64)


def _flat_tables(found: FlatField) -> dict[str, tuple[float, ...]]:
    """Factors with their ±; a bad channel has 0 for both (TOML has no missing number) and is in bad_channels."""
    return {
        "flat_field_factor": tuple(np.nan_to_num(found.factor).tolist()),
        "flat_field_sigma": tuple(np.nan_to_num(found.sigma).tolist()),
        "bad_channels": tuple(float(k) for k in (*found.dead, *found.hot)),
    }


def _request(table: WindowTable) -> WindowRequest:
    return WindowRequest(
        names=table.fit,
        shortest_distance_a=table.shortest_distance_A.value,
        two_theta_deg=table.two_theta_deg,
    )


def _covariance(window: Window, names: list[str]) -> Covariance:
    """Counting with its correlations; the other parts of each edge on the diagonal."""
    places = [window.fit.names.index(n) for n in names]
    matrix = window.fit.covariance[np.ix_(places, places)].copy()
    for k, n in enumerate(names):
        matrix[k, k] = (window.values[n].sigma or 0.0) ** 2
    return Covariance(
        names=tuple(f"{n}_keV" for n in names),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
    )


def _belongs(project: Loaded[Project], instrument: str | None) -> BelongsTo:
    """The radiation that the window was seen with: at another one its amplifier is set otherwise."""
    strongest = tube_lines(project.record.radiation)[0]
    owner = identify(strongest.wavelength_a)
    return BelongsTo(
        anode=None if owner is None else owner[0],
        wavelength_A=strongest.wavelength_a,
        instrument=instrument,
    )
