"""What a virtual diffraction experiment consists of, as records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from calibration.errors import InputError
from calibration.radiation import energy_kev
from xtsred.forward.geometry import Tube
from xtsred.forward.instrument import VirtualDetector, VirtualGoniometer
from xtsred.forward.media import VirtualMaterial
from xtsred.forward.walk import WalkSize
from xtsred.stages import Array, Role

__all__ = [
    "Effort",
    "VirtualBeam",
    "VirtualExperiment",
    "VirtualMeasurement",
    "VirtualRecord",
    "VirtualSample",
    "VirtualScan",
    "VirtualTruth",
    "VirtualWall",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualWall:
    """The capillary: its glass and its thickness."""

    material: VirtualMaterial
    thickness_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualSample:
    """A filled capillary, or a bare rod (wall None).

    packing: share of the core's volume that is filled, taken as homogeneous. length_mm: None for a tube
    much longer than the beam is high (multiple scattering then does not depend on the height).
    """

    material: VirtualMaterial
    radius_mm: float
    packing: float
    wall: VirtualWall | None = None
    length_mm: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.packing <= 1:
            raise InputError("a packing fraction lies above 0 and up to 1")
        if not self.radius_mm > 0 or (self.wall is not None and not self.wall.thickness_mm > 0):
            raise InputError("the radius and the wall's thickness must be positive")

    @property
    def tube(self) -> Tube:
        """The surfaces that rays cross."""
        thickness = 0.0 if self.wall is None else self.wall.thickness_mm
        outer = self.radius_mm + thickness
        return Tube(core_mm=self.radius_mm, outer_mm=outer, length_mm=self.length_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualBeam:
    """A parallel beam with sharp edges.

    lines: (wavelength in Å, weight) of each line, weights are shares of the photons on the sample, relative.
    cps_per_electron_unit: counts/s that one electron unit per irradiated sample atom gives (first line's
    efficiency 1). horizontal_share: of the intensity polarised in the scattering plane; 0.5 unpolarised.
    """

    width_mm: float
    height_mm: float
    lines: tuple[tuple[float, float], ...]
    cps_per_electron_unit: float
    horizontal_share: float = 0.5

    def shares(self) -> list[tuple[float, float, float]]:
        """(wavelength Å, energy keV, share) of each line, shares summing to 1."""
        total = sum(weight for _, weight in self.lines)
        return [(length, energy_kev(length), weight / total) for length, weight in self.lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualScan:
    """One scan to be made: what is in the beam, from where to where (as read), in which steps, for how long.

    intensity: of the tube during this scan, relative to the others.
    """

    name: str
    role: Role
    two_theta_deg: tuple[float, float]
    step_deg: float
    seconds_per_step: float
    intensity: float = 1.0

    def angles(self) -> Array:
        """Angles of the steps, both ends included."""
        first, last = self.two_theta_deg
        steps = int(np.floor((last - first) / self.step_deg + 1e-9)) + 1
        return np.asarray(np.round(first + self.step_deg * np.arange(steps), 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How hard the simulation works: points of single scattering, and the walk of multiple scattering.

    The walk sends photons to `walk_angles` angles over 0..180°, splined in between: every 2° follows multiple
    scattering to 0.1% of itself, and quasi-random photons leave little noise to smooth.
    """

    log2_points: int = 15
    walk: WalkSize = field(default_factory=WalkSize)
    walk_angles: int = 91


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualExperiment:
    """Everything that decides what is measured.

    air_path_mm: length of air that beam and detector both see, the same at every angle, centred on the sample: half of
    it lies in the whole beam, half in what the sample lets pass (mean transmission over the beam's width).
    beamstop_deg: half-way angle of the beam stop's shadow, an error function beamstop_width_deg wide; None for none.
    parasitic: scattering of slits and windows near the beam, (e.u. of the sample at 0°, angle over which it falls to
    1/e); it is attenuated as air is. goniometer: None reads scattering angles.
    compton_gain: Compton photons counted over those calculated, of whatever cause; orders 2 and up are left as they are.
    """

    name: str
    sample: VirtualSample
    beam: VirtualBeam
    detector: VirtualDetector
    scans: tuple[VirtualScan, ...]
    air_path_mm: float = 0.0
    beamstop_deg: float | None = None
    beamstop_width_deg: float = 0.1
    parasitic: tuple[float, float] | None = None
    goniometer: VirtualGoniometer | None = None
    compton_gain: float = 1.0
    effort: Effort = field(default_factory=Effort)

    def __post_init__(self) -> None:
        if not self.scans:
            raise InputError("a virtual experiment needs at least one scan")
        if self.sample.wall is None and any(s.role == "container" for s in self.scans):
            raise InputError("a bare rod has no container to scan")


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualTruth:
    """What the counts are drawn from.

    two_theta_deg: shape (n,), every angle of every scan, as read. components: name -> shape (n,), see `simulate`.
    rates_cps: role -> shape (n,), expected counts/s, to ten significant digits.
    """

    two_theta_deg: Array
    components: Mapping[str, Array]
    rates_cps: Mapping[Role, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualRecord:
    """One scan as measured: angles and counts, shape (n,); counts are whole numbers."""

    scan: VirtualScan
    two_theta_deg: Array
    counts: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMeasurement:
    """Scans with counting noise, the truth behind them, and the seed of the noise."""

    experiment: VirtualExperiment
    truth: VirtualTruth
    records: tuple[VirtualRecord, ...]
    seed: int
