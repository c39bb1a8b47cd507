"""A whole calibration: attenuation first, since it says how the standard absorbs; then the diffractometer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from calibration.certificate import (
    BelongsTo,
    Certificate,
    Covariance,
    issue_certificate,
    remarks_of,
)
from calibration.folder import safe_name
from calibration.quantity import Quantity
from calibration.radiation import identify
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.calibrate.absorption import CapillaryAttenuation, calibrate_attenuation
from xtsred.calibrate.config import Calibration
from xtsred.calibrate.diffractometer import Diffractometer, calibrate_diffractometer
from xtsred.unpack import tube_lines

__all__ = ["CalibrationResult", "calibrate", "certificates_of", "input_files"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationResult:
    """What was calibrated; a part is None where the project file does not ask for it."""

    name: str
    diffractometer: Diffractometer | None
    attenuation: CapillaryAttenuation | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Of both parts."""
        parts = (self.diffractometer, self.attenuation)
        return tuple(f for part in parts if part is not None for f in part.findings)


def calibrate(
    loaded: Loaded[Calibration], *, progress: Progress | None = None
) -> CalibrationResult:
    """Calibrate as the project file says. Raises InputError for what the user can fix."""
    tell = progress or (lambda _text: None)
    project = loaded.record
    attenuation = diffractometer = None
    if project.attenuation is not None:
        tell("attenuation")
        attenuation = calibrate_attenuation(loaded)
    if project.standard is not None:
        tell("lines of the standard")
        mu_r = None if attenuation is None else attenuation.mu_r
        diffractometer = calibrate_diffractometer(loaded, mu_r=mu_r)
    name = diffractometer.name if diffractometer is not None else ""
    if not name and attenuation is not None:
        name = attenuation.name
    return CalibrationResult(name=name, diffractometer=diffractometer, attenuation=attenuation)


def input_files(loaded: Loaded[Calibration]) -> list[Path]:
    """The project file and every file that it names, for the provenance."""
    project = loaded.record
    files = [loaded.path, *(loaded.folder / entry.file for entry in project.scan)]
    if project.standard is not None and project.standard.table is not None:
        files.append(loaded.folder / project.standard.table)
    return [*files, *_beam_files(loaded)]


def _beam_files(loaded: Loaded[Calibration]) -> list[Path]:
    table = loaded.record.attenuation
    return [] if table is None or table.z_scan is None else [loaded.folder / table.z_scan]


def certificates_of(
    result: CalibrationResult, loaded: Loaded[Calibration]
) -> dict[str, Certificate]:
    """File name -> certificate; one per part whose numbers all have an uncertainty."""
    project = loaded.record
    strongest = tube_lines(project.radiation)[0]
    owner = identify(strongest.wavelength_a)
    belongs = BelongsTo(
        anode=None if owner is None else owner[0],
        wavelength_A=strongest.wavelength_a,
        instrument=project.certificate.instrument,
    )
    days = project.certificate.valid_days
    valid = None if days is None else days.value
    stem = safe_name(result.name)
    found = {}
    if result.diffractometer is not None:
        found[f"{stem}.goniometer.toml"] = _goniometer(
            result.diffractometer, loaded, belongs, valid
        )
    if result.attenuation is not None and result.attenuation.mu_r.sigma is not None:
        found[f"{stem}.attenuation.toml"] = _attenuation(result.attenuation, loaded, belongs, valid)
    return found


def _settings(loaded: Loaded[Calibration]) -> tuple[str, ...]:
    """What the command line changed in the project file, whose hash is among the sources."""
    return tuple(f"--set {key}={value}" for key, value in loaded.overrides.items())


def _goniometer(
    part: Diffractometer, loaded: Loaded[Calibration], belongs: BelongsTo, valid: float | None
) -> Certificate:
    values = dict(part.alignment.values)
    if part.resolution is not None:
        r = part.resolution
        values |= {
            "caglioti_u_deg2": r.u,
            "caglioti_v_deg2": r.v,
            "caglioti_w_deg2": r.w,
            "q_damp_per_A": r.q_damp,
            "q_broad": r.q_broad,
        }
    first, last = part.alignment.lines[0], part.alignment.lines[-1]
    facts = {
        "standard": part.standard.name,
        "cell": part.standard.citation,
        "lines": f"{sum(x.used for x in part.alignment.lines)} of {len(part.fits.lines)}, {first.two_theta_deg:.2f} to {last.two_theta_deg:.2f}°",
        "profile": part.fits.profile,
        "displacement": "displacement over the goniometer's radius, as an angle; along: away from the tube, across: to where 2theta grows",
    }
    if part.radius_mm is not None:
        facts["radius_mm"] = str(part.radius_mm)
    return issue_certificate(
        "goniometer",
        name=part.name,
        values=values,
        sources=[path for path in input_files(loaded) if path not in _beam_files(loaded)],
        belongs_to=belongs,
        valid_days=valid,
        covariance=Covariance(
            names=part.alignment.names,
            matrix=tuple(tuple(float(v) for v in row) for row in part.alignment.covariance),
        ),
        facts=facts,
        remarks=(*_settings(loaded), *remarks_of(part.findings)),
    )


def _attenuation(
    part: CapillaryAttenuation,
    loaded: Loaded[Calibration],
    belongs: BelongsTo,
    valid: float | None,
) -> Certificate:
    table = loaded.record.attenuation
    assert table is not None
    values = {"mu_R": part.mu_r}
    facts = {"from": part.estimates[0].source, "capillary": part.name}
    if table.radius_mm.sigma is None:
        facts["radius_mm"] = str(table.radius_mm)
    else:
        values["radius_mm"] = Quantity(table.radius_mm.value, table.radius_mm.sigma)
    if table.composition is not None:
        facts["composition"] = table.composition
    if part.packing is not None and part.packing.sigma is not None:
        values["packing_fraction"] = part.packing
    return issue_certificate(
        "attenuation",
        name=part.name,
        values=values,
        sources=[loaded.path, *_beam_files(loaded)],
        belongs_to=belongs,
        valid_days=valid,
        facts=facts,
        remarks=(*_settings(loaded), *remarks_of(part.findings)),
    )
