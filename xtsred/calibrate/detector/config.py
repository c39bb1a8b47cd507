"""The file of a detector's calibration: [certificate] and at least one of [dead_time], [window], [sensor], [flat_field]."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from calibration.quantity import Quantity
from calibration.records import Loaded, Number, load, record

__all__ = [
    "EXAMPLE",
    "TABLES",
    "CertificateTable",
    "DeadTimeTable",
    "DetectorFile",
    "FlatFieldTable",
    "SensorTable",
    "WindowTable",
    "load_detector",
]

TABLES = ("dead_time", "window", "sensor", "flat_field")

EXAMPLE = """\
# Calibration of a detector. Paths are relative to this file. At least one of the four tables.

[certificate]
name = "scintillation counter"
valid_days = 365

[dead_time]
readings = "attenuator.dat"              # columns: point, setting (0: without), counts, seconds; or scans = ["a.xy", "b.xy"]
# transmissions = [{ value = 0.1, sigma = 0.001 }]  # of settings 1, 2 ...; absent: fitted

[window]
project = "silica.toml"                  # of a reduction of a light scatterer; its [detector] is where the fit begins
fit = ["lower", "upper"]                 # and "fwhm"
shortest_distance_A = 1.3                # no two atoms of the standard are closer

[sensor]
material = "Si"
thickness_mm = { value = 0.5, sigma = 0.02 }
energy_keV = 17.479

[flat_field]
counts = "uniform.dat"                   # one row for each exposure, one column for each channel
# step_channels = 1                      # over-scanned: moved by so many channels from row to row
"""
"""An example of the file."""


@record
class CertificateTable:
    """What the certificate says beside the numbers."""

    name: str
    instrument: str | None = None
    valid_days: Annotated[Quantity, Number(unit="d", gt=0.0, le=36500.0)] | None = None


@record
class DeadTimeTable:
    """readings: file of point, setting, counts, seconds; or scans: files of the same angles, one setting each.

    transmissions: of settings 1, 2 ... relative to the first; absent: fitted. dark_cps: not attenuated.
    """

    readings: str | None = None
    scans: tuple[str, ...] = ()
    transmissions: tuple[Annotated[Quantity, Number(gt=0.0)], ...] = ()
    dark_cps: Annotated[Quantity, Number(unit="1/s", ge=0.0)] | None = None

    def __post_init__(self) -> None:
        if (self.readings is None) == (not self.scans):
            raise ValueError("give one of readings and scans")
        if len(self.scans) == 1:
            raise ValueError("scans: two at least, of the same angles")


@record
class WindowTable:
    """project: of a reduction of the standard; fit: edges to find; shortest_distance_A: see `EXAMPLE`; two_theta_deg: of the fit,
    absent: from 0.4 of Q_max."""

    project: str
    fit: tuple[Literal["lower", "upper", "fwhm"], ...]
    shortest_distance_A: Annotated[Quantity, Number(unit="Å", gt=0.3, lt=4.0)]
    two_theta_deg: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.fit or len(set(self.fit)) < len(self.fit):
            raise ValueError("fit: name each of lower, upper, fwhm once, one at least")
        limits = self.two_theta_deg
        if limits is not None and not 0.0 < limits[0] < limits[1] <= 180.0:
            raise ValueError("two_theta_deg must increase and lie in 0 to 180")


@record
class SensorTable:
    """A sensor's thickness; energy_keV: at which its efficiency is stated."""

    material: str
    thickness_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)]
    energy_keV: Annotated[Quantity, Number(unit="keV", gt=1.0, lt=200.0)]


@record
class FlatFieldTable:
    """counts: file of exposures; step_channels: over-scanned by so many channels from row to row; absent: uniform light."""

    counts: str
    step_channels: int | None = None

    def __post_init__(self) -> None:
        if self.step_channels == 0:
            raise ValueError("step_channels must not be 0: leave it out for uniform light")


@record
class DetectorFile:
    """A whole file."""

    certificate: CertificateTable
    dead_time: DeadTimeTable | None = None
    window: WindowTable | None = None
    sensor: SensorTable | None = None
    flat_field: FlatFieldTable | None = None


def load_detector(path: Path, *, settings: Sequence[str] = ()) -> Loaded[DetectorFile]:
    """Read and check the file. Raises InputError, or ConfigError naming everything that is wrong."""
    return load(DetectorFile, path, settings=settings, check=_check)


def _check(table: Mapping[str, Any]) -> Sequence[str]:
    if any(name in table for name in TABLES):
        return []
    return ["dead_time: missing (or window, sensor, flat_field): there is nothing to calibrate"]
