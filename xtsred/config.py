"""The project file of a reduction: one record per table, units in the keys.

The records only say what may be written; what follows from it is decided in `pipeline.py`. An absent optional
table means that the correction is not applied. There is no default for a fact about the sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_core import core_schema

from calibration.quantity import Quantity
from calibration.records import FileName, Loaded, Number, load, record
from xtsred.config_after import LowRFilter, Optimize
from xtsred.config_checks import check_project

__all__ = [
    "Beam",
    "CalibrationFiles",
    "Columns",
    "Comparison",
    "Container",
    "Continuum",
    "Detector",
    "Environment",
    "Filter",
    "Fourier",
    "Goniometer",
    "LineEntry",
    "LowRFilter",
    "MultipleScattering",
    "Normalization",
    "NumberOrFit",
    "Optimize",
    "Polarization",
    "Project",
    "Radiation",
    "Range",
    "Sample",
    "ScanEntry",
    "Shell",
    "load_project",
]

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Angle = Annotated[float, Field(ge=0.0, le=180.0, allow_inf_nan=False)]
Column = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
Interval = tuple[NotNegative, NotNegative]
Edge = Annotated[Quantity, Number(unit="keV", ge=0.0)]


@dataclass(frozen=True)
class NumberOrFit:
    """Annotation of a positive number that may be left to a fit by writing "fit"."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def read(self, raw: object) -> Quantity | Literal["fit"]:
        """Raises ValueError with the reason."""
        if raw == "fit":
            return "fit"
        if isinstance(raw, str):
            raise ValueError(f'must be a positive number or "fit", not {raw!r}')
        return Number(gt=0.0).read(raw)


@record
class Sample:
    """The sample and how it fills the container.

    composition: formula, fractions need not sum to one. Densities are of the material itself, not of the
    powder. radius_mm: inner radius of the capillary, or of a bare rod. How much material is in the beam comes
    from packing_fraction, mu_R (at the strongest line) or mass_mg with filled_length_mm: at least one; all given are compared.
    composition_sigma: standard uncertainty of each element's amount per atom of the formula, e.g. { Na = 0.01 };
    the amounts vary independently and are brought to a sum of one afterwards.
    """

    name: Text
    composition: Text
    radius_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)]
    number_density_per_A3: Annotated[Quantity, Number(unit="Å^-3", gt=0.0)] | None = None
    mass_density_g_per_cm3: Annotated[Quantity, Number(unit="g/cm^3", gt=0.0)] | None = None
    packing_fraction: Annotated[Quantity, Number(gt=0.0, le=1.0)] | None = None
    mu_R: Annotated[Quantity, Number(gt=0.0)] | None = None
    mass_mg: Annotated[Quantity, Number(unit="mg", gt=0.0)] | None = None
    filled_length_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None
    composition_sigma: dict[str, Positive] | None = None


@record
class Container:
    """A cylindrical wall around the sample: a known material, or composition and mass density.

    scale: multiplies what the container scan contributes (its position in the beam, its own wall); 1 as measured.
    """

    wall_thickness_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)]
    material: Text | None = None
    composition: Text | None = None
    mass_density_g_per_cm3: Annotated[Quantity, Number(unit="g/cm^3", gt=0.0)] | None = None
    scale: Annotated[Quantity, Number(ge=0.0)] = Quantity(1.0)


@record
class Environment:
    """scale: multiplies what the environment scan (air, optics) contributes beyond the dark rate; 1 as measured."""

    scale: Annotated[Quantity, Number(ge=0.0)] = Quantity(1.0)


@record
class LineEntry:
    """One line of the beam; weight: share of the photons, relative to the other lines."""

    wavelength_A: Annotated[Quantity, Number(unit="Å", gt=0.0)]
    weight: Annotated[Quantity, Number(gt=0.0)]


@record
class Filter:
    """A foil in the incident beam: an element or a compound of known density."""

    thickness_um: Annotated[Quantity, Number(unit="µm", gt=0.0)]
    element: Text | None = None
    material: Text | None = None


@record
class Continuum:
    """The tube's bremsstrahlung, for a detector that does not resolve energy.

    amplitude: prior of the continuum's photons (after the filters, in the counted range) per photon of the
    lines, e.g. { value = 0.2, sigma = 0.2 }; absent: fitted without a prior. anode: of the tube, where the lines do not say it.
    energies: number of energies at which the spectrum is represented. filter: what the beam passes first.
    """

    tube_kV: Annotated[Quantity, Number(unit="kV", gt=0.0)]
    anode: Text | None = None
    filter: tuple[Filter, ...] = ()
    amplitude: Annotated[Quantity, Number(gt=0.0)] | None = None
    energies: Annotated[int, Field(ge=4, le=400)] = 24


@record
class Radiation:
    """The incident lines: one wavelength_A, or anode with lines ("Ka1", "Ka1+Ka2"), or [[radiation.line]] entries."""

    wavelength_A: Annotated[Quantity, Number(unit="Å", gt=0.0)] | None = None
    anode: Text | None = None
    lines: Text | None = None
    line: tuple[LineEntry, ...] = ()
    continuum: Continuum | None = None


@record
class Beam:
    """The beam at the sample: width across the capillary, height along it."""

    width_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)]
    height_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)]


@record
class Polarization:
    """Of the beam on the sample: a monochromator (none, perfect, mosaic) with its scattering angle, or a degree.

    degree: (I_perpendicular - I_parallel) / (I_perpendicular + I_parallel) to the scattering plane, -1 to 1;
    0 is unpolarized, 1 a synchrotron beam scattered vertically.
    """

    monochromator: Literal["none", "perfect", "mosaic"] | None = None
    two_theta_deg: Annotated[Quantity, Number(unit="°", gt=0.0, lt=180.0)] | None = None
    degree: Annotated[Quantity, Number(gt=-1.0, le=1.0)] | None = None


@record
class Detector:
    """What the detector counts.

    response: "ideal" counts every photon; "window" those with an energy within window_keV; "threshold" those
    above lower_keV and below upper_keV (either may be absent). fwhm_keV: energy resolution, which softens both edges.
    sensor with sensor_thickness_mm adds the quantum efficiency. dead_time_s: non-paralysable. dark_cps: where
    no environment scan contains it.
    """

    response: Literal["ideal", "window", "threshold"]
    window_keV: tuple[Edge, Edge] | None = None
    lower_keV: Annotated[Quantity, Number(unit="keV", gt=0.0)] | None = None
    upper_keV: Annotated[Quantity, Number(unit="keV", gt=0.0)] | None = None
    fwhm_keV: Annotated[Quantity, Number(unit="keV", gt=0.0)] | None = None
    sensor: Text | None = None
    sensor_thickness_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None
    dead_time_s: Annotated[Quantity, Number(unit="s", ge=0.0)] = Quantity(0.0, None, "s")
    dark_cps: Annotated[Quantity, Number(unit="1/s", ge=0.0)] | None = None


@record
class Goniometer:
    """Corrections of the angle, from a calibration (`calibration.goniometer.Alignment`).

    zero_deg: 2theta read at the direct beam. along_mm, across_mm: displacement of the sample from the axis along the
    beam (positive away from the tube) and across it (positive towards growing 2theta); radius_mm: axis to slit.
    along_deg, across_deg: the same over the radius, as angles, where the radius is not known.
    """

    zero_deg: Annotated[Quantity, Number(unit="°")] = Quantity(0.0, None, "°")
    along_mm: Annotated[Quantity, Number(unit="mm")] = Quantity(0.0, None, "mm")
    across_mm: Annotated[Quantity, Number(unit="mm")] = Quantity(0.0, None, "mm")
    radius_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None
    along_deg: Annotated[Quantity, Number(unit="°", gt=-10.0, lt=10.0)] = Quantity(0.0, None, "°")
    across_deg: Annotated[Quantity, Number(unit="°", gt=-10.0, lt=10.0)] = Quantity(0.0, None, "°")


@record
class CalibrationFiles:
    """Certificates that `xtsred calibrate` issued; their values stand in for the keys that they calibrate.

    goniometer: zero and displacement of [goniometer]; attenuation: sample.mu_R; detector: dead time and window of [detector].
    instrument: what the scans were measured with; certificates of another one are refused.
    """

    goniometer: FileName | None = None
    attenuation: FileName | None = None
    detector: FileName | None = None
    instrument: str | None = None


@record
class Columns:
    """Which column of a text file holds what; columns count from 1."""

    two_theta_deg: Column
    counts: Column | None = None
    rate_cps: Column | None = None
    sigma_counts: Column | None = None
    rate_sigma_cps: Column | None = None
    seconds_per_step: Column | None = None
    monitor: Column | None = None


@record
class ScanEntry:
    """One measured file.

    seconds_per_step: only where the file does not say. range: which range of a file of several, counted from 0
    (absent: all). two_theta_deg: use this part only. scale: divide the rates by this number, or "fit" to fit it on the overlap with
    the other scans of the role (absent: exposure alone). monitor: incident intensity of this scan relative to the others.
    """

    role: Literal["sample", "container", "environment"]
    file: FileName
    columns: Columns | None = None
    seconds_per_step: Positive | None = None
    range: Annotated[int, Field(ge=0)] | None = None
    two_theta_deg: tuple[Angle, Angle] | None = None
    scale: Annotated[Quantity | Literal["fit"], NumberOrFit()] | None = None
    monitor: Annotated[Quantity, Number(gt=0.0)] | None = None


@record
class Range:
    """What is used of the merged scans, and the step of the uniform Q grid (Å^-1)."""

    two_theta_deg: tuple[Angle, Angle]
    q_step: Positive


@record
class MultipleScattering:
    """orders: the highest order of scattering that is computed, 2 or more.

    scale: multiplies the computed multiple scattering; its sigma is the relative uncertainty of the computation
    (not stated: the accuracy of the integration is taken).
    """

    orders: Annotated[int, Field(ge=2, le=10)]
    scale: Annotated[Quantity, Number(ge=0.0)] = Quantity(1.0)


@record
class Normalization:
    """method: which constant is used (both are reported). q_range: of the high-angle method; absent: q_max/2 to q_max.

    compton_response: multiplies the lines' computed Compton scattering; its sigma, where stated, is an uncertainty of
    a fixed number. compton_response_sigma: the response is fitted, with the prior compton_response ± this.
    alternative_q_ranges: other ranges that would have been as good; half the spread of the results is an uncertainty.
    """

    method: Literal["high-angle", "krogh-moe-norman"]
    q_range: Interval | None = None
    compton_response: Annotated[Quantity, Number(gt=0.0)] = Quantity(1.0)
    compton_response_sigma: Positive | None = None
    alternative_q_ranges: tuple[Interval, ...] = ()


@record
class Fourier:
    """From S(Q) to g(r). delta_A: width of the Soper-Barney window. extrapolation: of S below q_range.

    covariance: also write the covariance matrix of G(r).
    """

    window: Literal["none", "lorch", "soper-barney", "cosine"]
    q_range: Interval
    r_max: Positive
    r_step: Positive
    delta_A: Positive | None = None
    extrapolation: Literal["none", "constant", "parabola"] = "parabola"
    covariance: bool = False


@record
class Shell:
    """A neighbour shell to be counted: pair as in "Si-O" (centre first), limits of the integral in Å."""

    pair: Text
    r_range: Interval


@record
class Comparison:
    """A curve or a trajectory that the result is compared with.

    curve_is: what the file holds; absent: recognised from its limits and reported. frames: "first:last:step".
    """

    q_range: Interval
    curve: FileName | None = None
    curve_is: Literal["S", "S-1", "Q(S-1)"] | None = None
    trajectory: FileName | None = None
    weights: Literal["xray", "neutron"] | None = None
    frames: Text | None = None


@record
class Project:
    """A whole project file of `xtsred reduce`. virtual: the scans are simulated, and everything says so."""

    sample: Sample
    radiation: Radiation
    beam: Beam
    polarization: Polarization
    detector: Detector
    scan: Annotated[tuple[ScanEntry, ...], Field(min_length=1)]
    range: Range
    normalization: Normalization
    fourier: Fourier
    container: Container | None = None
    environment: Environment | None = None
    goniometer: Goniometer | None = None
    calibration: CalibrationFiles | None = None
    multiple_scattering: MultipleScattering | None = None
    comparison: Comparison | None = None
    optimize: Optimize | None = None
    low_r_filter: LowRFilter | None = None
    shell: tuple[Shell, ...] = ()
    virtual: bool = False


def load_project(path: Path, *, settings: Sequence[str] = ()) -> Loaded[Project]:
    """Read and check a project file after applying `key.path=value` settings.

    The values of its calibration certificates stand in the keys that they calibrate (`xtsred.certificates`).
    Raises InputError where a file cannot be read or a certificate cannot be applied, ConfigError naming everything that is wrong at once.
    """
    loaded = load(Project, path, settings=settings, check=check_project)
    if loaded.record.calibration is None:
        return loaded
    from xtsred.certificates import with_certificates  # which needs the records above

    return with_certificates(loaded)
