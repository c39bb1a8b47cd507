"""The project file of a calibration: one record per table, units in the keys; everything about the sample is stated."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from calibration.composition import parse_formula
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded, Number, load, number_in, record
from calibration.standards import find_standard
from xtsred.config import Columns, Radiation
from xtsred.config_checks import radiation_problems

__all__ = [
    "EXAMPLE",
    "Attenuation",
    "Calibration",
    "CertificateEntry",
    "Fit",
    "Geometry",
    "StandardEntry",
    "StandardScan",
    "load_calibration",
]

EXAMPLE = """\
# Calibration of a diffractometer with a line standard. Paths are relative to this file. Units are in the keys.

[standard]
material = "CeO2"                        # LaB6, Si, CeO2, Al2O3, Ni; or one of your own: table = "standards.toml"
name = "CeO2 in a capillary"             # of the certificate
# mu_R = { value = 1.74, sigma = 0.02 }  # with radius_mm: absorption shifts the lines; or follows from [attenuation]
# radius_mm = 0.3                        # of the filled capillary

[radiation]                              # as in the project file of a reduction
anode = "Mo"
lines = "Ka1+Ka2"

[geometry]
sample = "capillary"
# radius_mm = { value = 240.0, sigma = 0.5 }  # axis to receiving slit; absent: a displacement is an angle

[[scan]]
file = "ceo2.xy"
# seconds_per_step = 10.0                # only where the file does not say; unknown: errors follow from the residuals

[fit]
profile = "pseudo-voigt"                 # or "thompson-cox-hastings"
two_theta_deg = [8.0, 140.0]
free = ["zero", "along", "across"]       # and "wavelength"

[certificate]                            # all of it optional
valid_days = 365
instrument = "the laboratory's diffractometer"

[attenuation]                            # absent: none; everything that is given is compared
radius_mm = { value = 0.3, sigma = 0.005 }
composition = "CeO2"
mass_density_g_per_cm3 = 7.215
z_scan = "zscan.xy"                      # of the direct beam; or transmission, packing_fraction, mass_mg with filled_length_mm
"""
"""An example of the project file, as `xtsred calibrate --help` prints it."""


@record
class StandardEntry:
    """What was measured. material: name in the table of standards; table: a file with more of them.

    radius_mm, mu_R: of the filled capillary: absorption moves the mean ray, and the lines with it.
    """

    material: str
    name: str | None = None
    table: str | None = None
    radius_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None
    mu_R: Annotated[Quantity, Number(ge=0.0)] | None = None


@record
class Geometry:
    """sample: how it stands in the beam. radius_mm: axis to receiving slit; absent: a displacement is known as an angle."""

    sample: Literal["capillary"]
    radius_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None


@record
class StandardScan:
    """One scan of the standard; as in a reduction."""

    file: str
    columns: Columns | None = None
    seconds_per_step: Annotated[Quantity, Number(unit="s", gt=0.0)] | None = None
    range: int | None = None


@record
class Fit:
    """How the lines are fitted: profile, range, and which parameters are free."""

    two_theta_deg: tuple[float, float]
    profile: Literal["pseudo-voigt", "thompson-cox-hastings"] = "pseudo-voigt"
    free: tuple[Literal["zero", "along", "across", "wavelength"], ...] = ("zero", "along", "across")


@record
class CertificateEntry:
    """What the certificate says beside the numbers; absent: no date, no instrument."""

    valid_days: Annotated[Quantity, Number(unit="d", gt=0.0, le=36500.0)] | None = None
    instrument: str | None = None


@record
class Attenuation:
    """mu R of a capillary by every way that is given.

    radius_mm: inner radius. composition, mass_density_g_per_cm3: of the material itself. packing_fraction; mass_mg with filled_length_mm;
    transmission of the direct beam of beam_width_mm (absent: a pencil); z_scan: file of the capillary's scan through the beam, with
    z_scan_seconds_per_step where the file does not say.
    """

    radius_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)]
    name: str | None = None
    composition: str | None = None
    mass_density_g_per_cm3: Annotated[Quantity, Number(unit="g/cm^3", gt=0.0)] | None = None
    packing_fraction: Annotated[Quantity, Number(gt=0.0, le=1.0)] | None = None
    mass_mg: Annotated[Quantity, Number(unit="mg", gt=0.0)] | None = None
    filled_length_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None
    transmission: Annotated[Quantity, Number(gt=0.0, lt=1.0)] | None = None
    beam_width_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None
    z_scan: str | None = None
    z_scan_seconds_per_step: Annotated[Quantity, Number(unit="s", gt=0.0)] | None = None


@record
class Calibration:
    """A whole project file of `xtsred calibrate`: a standard with its scans, or an attenuation, or both."""

    radiation: Radiation
    standard: StandardEntry | None = None
    geometry: Geometry | None = None
    scan: tuple[StandardScan, ...] = ()
    fit: Fit | None = None
    certificate: CertificateEntry = field(default_factory=CertificateEntry)
    attenuation: Attenuation | None = None


def load_calibration(path: Path, *, settings: Sequence[str] = ()) -> Loaded[Calibration]:
    """Read and check a calibration's project file. Raises InputError, or ConfigError naming everything that is wrong."""
    return load(Calibration, path, settings=settings, check=_check)


def _check(table: Mapping[str, Any]) -> Sequence[str]:
    problems = [f"radiation.{text}" for text in radiation_problems(table.get("radiation"))]
    problems += _standard(table)
    part = table.get("attenuation")
    if isinstance(part, Mapping):
        problems += [f"attenuation.{text}" for text in _attenuation(part)]
    return problems


def _standard(table: Mapping[str, Any]) -> Iterator[str]:
    needed = ("standard", "geometry", "scan", "fit")
    given = [name for name in needed if name in table]
    if not given and "attenuation" not in table:
        yield "standard: missing (or [attenuation]): there is nothing to calibrate"
    for name in needed:
        if given and name not in table:
            yield f"{name}: missing; {given[0]} means nothing without it"
    standard = table.get("standard")
    if isinstance(standard, Mapping):
        material = standard.get("material")
        if isinstance(material, str) and "table" not in standard:
            try:
                find_standard(material)
            except InputError as error:
                yield f"standard.material: {error.what}; {error.why}; {error.remedy}"
    yield from _fit(table.get("fit"))
    geometry = table.get("geometry")
    radius = number_in(geometry.get("radius_mm")) if isinstance(geometry, Mapping) else None
    if radius is not None and radius > 0.0 and not 10.0 <= radius <= 1e4:
        yield f"geometry.radius_mm: must be 10 to 10000, not {radius:g}; this key is in mm"


def _fit(fit: object) -> Iterator[str]:
    if not isinstance(fit, Mapping):
        return
    limits = fit.get("two_theta_deg")
    if isinstance(limits, list) and len(limits) == 2:
        low, high = number_in(limits[0]), number_in(limits[1])
        if low is not None and high is not None and not 0.0 < low < high <= 180.0:
            yield f"fit.two_theta_deg: [{low:g}, {high:g}] must increase and lie in 0 to 180"
    free = fit.get("free")
    if isinstance(free, list) and not free:
        yield "fit.free: empty; free one parameter at least"
    if isinstance(free, list) and len({str(f) for f in free}) < len(free):
        yield "fit.free: a parameter is named twice"


def _attenuation(part: Mapping[str, Any]) -> Iterator[str]:
    ways = {"packing_fraction", "mass_mg", "filled_length_mm", "transmission", "z_scan"}
    if not ways & set(part):
        yield "z_scan: missing (or transmission, packing_fraction, mass_mg with filled_length_mm)"
    for key, needs in (
        ("mass_mg", "filled_length_mm"),
        ("filled_length_mm", "mass_mg"),
        ("mass_mg", "composition"),
        ("packing_fraction", "composition"),
        ("packing_fraction", "mass_density_g_per_cm3"),
        ("beam_width_mm", "transmission"),
        ("z_scan_seconds_per_step", "z_scan"),
    ):
        if key in part and needs not in part:
            yield f"{needs}: missing; {key} means nothing without it"
    if isinstance(part.get("composition"), str):
        try:
            parse_formula(part["composition"])
        except InputError as error:
            yield f"composition: {error.what}; {error.why}"
    radius = number_in(part.get("radius_mm"))
    if radius is not None and radius > 0.0 and not 1e-3 <= radius <= 50.0:
        yield f"radius_mm: must be 0.001 to 50, not {radius:g}; this key is in mm"
