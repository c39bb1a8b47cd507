"""The virtual instrument: what polarises the beam, how the goniometer stands, what the counter makes of photons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import erfc, gammainc

from calibration.errors import InputError
from xtsred.forward.media import VirtualMaterial, photoabsorption_per_mm
from xtsred.stages import Array

__all__ = [
    "VirtualDetector",
    "VirtualGoniometer",
    "VirtualWindow",
    "horizontal_share",
    "register",
    "response_of",
]

_SILICON = VirtualMaterial(fractions={"Si": 1.0}, number_density_per_a3=0.04995)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualWindow:
    """Limits of the pulse height (None: no limit) and its Gaussian spread (full width at half maximum), keV."""

    lower_kev: float | None
    upper_kev: float | None
    fwhm_kev: float

    def __post_init__(self) -> None:
        if not self.fwhm_kev > 0:
            raise InputError("a virtual window needs an energy resolution above zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualDetector:
    """A point detector: it counts every photon (sensor None), or those absorbed in silicon by the photoeffect.

    dark_cps: counts/s without beam. window: pulse-height limits. dead_time_s: after each count, not extended by
    what arrives meanwhile. No angular resolution.
    """

    dark_cps: float
    silicon_mm: float | None = None
    window: VirtualWindow | None = None
    dead_time_s: float = 0.0

    @property
    def counts_all(self) -> bool:
        """Whether the energy of a photon does not matter."""
        return self.silicon_mm is None and self.window is None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualGoniometer:
    """A goniometer whose readings are not the scattering angles.

    zero_deg: what it reads at the direct beam. along_mm, across_mm: where the sample stands from the axis, along
    the beam (away from the tube) and across it (to where 2theta grows); radius_mm: axis to slit. The beam
    is taken to follow the sample across.
    """

    zero_deg: float = 0.0
    along_mm: float = 0.0
    across_mm: float = 0.0
    radius_mm: float = 200.0

    def seen(self, reading_deg: Array) -> tuple[Array, Array]:
        """Scattering angle in degrees, and solid angle of the slit over that of a centred sample.

        The slit stands at R e^{iu}, u = reading - zero, the sample at s = along + i across: the ray is
        d = R e^{iu} - s. Its argument is the angle; the slit faces the axis, so it shows (R/|d|)^2 cos(obliquity).
        """
        u = np.exp(1j * np.radians(reading_deg - self.zero_deg))
        ray = u - complex(self.along_mm, self.across_mm) / self.radius_mm
        oblique = np.real(ray * np.conj(u)) / np.abs(ray)
        return np.degrees(np.angle(ray)), np.asarray(oblique / np.abs(ray) ** 2)


def horizontal_share(crystal: Literal["perfect", "mosaic"], *, two_theta_deg: float) -> float:
    """Share of the intensity that is polarised in the scattering plane, behind a monochromator in that plane.

    A dipole driven in the plane radiates C = cos(2theta_M) of its field along the reflected beam: |C|^2 of the
    intensity where every block scatters once (mosaic), |C| where extinction narrows the reflection to |C| of
    its width (perfect: integrated over the rocking curve). Source: Zachariasen, Theory of X-Ray Diffraction
    in Crystals (1945), chapters III and IV.
    """
    amplitude = abs(float(np.cos(np.radians(two_theta_deg))))
    in_plane = amplitude**2 if crystal == "mosaic" else amplitude
    return in_plane / (in_plane + 1.0)


def response_of(detector: VirtualDetector, *, reference_kev: float) -> Callable[[Array], Array]:
    """Efficiency by energy relative to that at reference_kev: sensor times window.

    Sensor: 1 - exp(-mu d) of the photoeffect in silicon. Window: what a Gaussian pulse leaves between the
    limits, erfc of the distance to each.
    """
    if detector.counts_all:
        return np.ones_like
    grid = np.linspace(0.3 * reference_kev, 1.1 * reference_kev, 3000)
    counted = np.ones_like(grid)
    if detector.silicon_mm is not None:
        counted = -np.expm1(-photoabsorption_per_mm(_SILICON, grid) * detector.silicon_mm)
    window = detector.window
    if window is not None:
        width = window.fwhm_kev / (
            2.0 * np.sqrt(np.log(2.0))
        )  # sqrt(2) times the standard deviation
        if window.lower_kev is not None:
            counted = counted * 0.5 * erfc((window.lower_kev - grid) / width)
        if window.upper_kev is not None:
            counted = counted * 0.5 * erfc((grid - window.upper_kev) / width)
    reference = float(np.interp(reference_kev, grid, counted))
    if not reference > 0:
        raise InputError(f"the virtual detector counts nothing at {reference_kev:.3f} keV")
    relative = counted / reference

    def efficiency(energy_kev: Array) -> Array:
        return np.asarray(np.interp(energy_kev, grid, relative))

    return efficiency


def register(
    generator: np.random.Generator, rate_cps: Array, *, seconds: float, dead_time_s: float
) -> Array:
    """Counts of one realisation; rate_cps: shape (n,), photons/s that would be counted one by one.

    Without dead time: Poisson. With it the count is a renewal process that starts ready: the k-th count has come by
    t when k exponential waits have passed in t - (k - 1) tau, P(N >= k) = gamma(k, rate (t - (k - 1) tau)), inverted
    for one uniform number per point. Source: Müller, Nucl. Instrum. Methods 112 (1973) 47.
    """
    if dead_time_s == 0.0:
        return np.asarray(generator.poisson(rate_cps * seconds), dtype=np.float64)
    u = generator.random(len(rate_cps))
    expected = rate_cps * seconds / (1.0 + rate_cps * dead_time_s)
    spread = 9.0 * np.sqrt(expected + 4.0) + 10.0
    low = np.maximum(np.floor(expected - spread), 0.0)  # N >= low surely
    high = np.minimum(np.ceil(expected + spread), np.floor(seconds / dead_time_s) + 2.0)
    while np.any(high - low > 1.0):
        k = np.floor(0.5 * (low + high))
        left = np.maximum(seconds - (k - 1.0) * dead_time_s, 0.0)
        reached = u < gammainc(np.maximum(k, 1.0), rate_cps * left)
        open_ = high - low > 1.0
        low, high = np.where(open_ & reached, k, low), np.where(open_ & ~reached, k, high)
    return low
