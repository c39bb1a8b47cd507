"""From the angle that a goniometer reads to the scattering angle, and back."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Alignment", "goniometer_reading", "true_two_theta"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Where a capillary really stands on a diffractometer with a fixed incident beam.

    zero_deg: reading of 2theta at the direct beam. along_mm: displacement of the sample from the axis along
    the beam, positive away from the source. across_mm: in the scattering plane at right angles to
    the beam, positive towards the side to which 2theta grows. radius_mm: axis to receiving slit.
    along_deg, across_deg: the same displacements divided by the radius, in degrees, for a goniometer whose radius
    is not known (only the ratio moves a line). Raises ValueError for a displacement in mm without a radius, one
    that reaches it, or one given both ways.
    """

    zero_deg: float = 0.0
    along_mm: float = 0.0
    across_mm: float = 0.0
    radius_mm: float | None = None
    along_deg: float = 0.0
    across_deg: float = 0.0

    def __post_init__(self) -> None:
        displacement = math.hypot(self.along_mm, self.across_mm)
        angle = math.hypot(self.along_deg, self.across_deg)
        if displacement > 0.0 and angle > 0.0:
            raise ValueError("a displacement is given in mm and as an angle: keep one of the two")
        if displacement > 0.0 and self.radius_mm is None:
            raise ValueError("a displacement needs the radius of the goniometer")
        if self.radius_mm is not None and not displacement < self.radius_mm:
            raise ValueError(
                f"the displacement {displacement:g} mm reaches the radius {self.radius_mm:g} mm"
            )
        if not math.radians(angle) < 1.0:
            raise ValueError(f"the displacement of {angle:g}° reaches the radius")

    @property
    def along(self) -> float:
        """Displacement along the beam over the radius."""
        if self.radius_mm is not None and self.along_mm != 0.0:
            return self.along_mm / self.radius_mm
        return math.radians(self.along_deg)

    @property
    def across(self) -> float:
        """Displacement across the beam over the radius."""
        if self.radius_mm is not None and self.across_mm != 0.0:
            return self.across_mm / self.radius_mm
        return math.radians(self.across_deg)

    @property
    def is_perfect(self) -> bool:
        """Whether readings are angles."""
        return self.zero_deg == 0.0 and self.along == 0.0 and self.across == 0.0


def true_two_theta(reading_deg: npt.ArrayLike, *, alignment: Alignment) -> Array:
    """Scattering angle of a reading, both in degrees, shape (n,).

    With u = reading - zero, the slit is at R (cos u, sin u) and the sample at (x, y):
    2theta = atan2(R sin u - y, R cos u - x), exact; to first order 2theta = u + (x sin u - y cos u)/R
    (cf. Klug & Alexander, X-Ray Diffraction Procedures, 2nd ed. 1974, sect. 4-5 for the Debye-Scherrer case).
    """
    u = np.radians(np.asarray(reading_deg, dtype=np.float64) - alignment.zero_deg)
    x, y = alignment.along, alignment.across
    if x == 0.0 and y == 0.0:
        return np.asarray(np.degrees(u))
    return np.asarray(np.degrees(np.arctan2(np.sin(u) - y, np.cos(u) - x)), dtype=np.float64)


def goniometer_reading(two_theta_deg: npt.ArrayLike, *, alignment: Alignment) -> Array:
    """What the goniometer reads at a scattering angle, both in degrees, shape (n,): the inverse of `true_two_theta`.

    reading = zero + 2theta - asin[(x sin 2theta - y cos 2theta)/R]: in the triangle of axis, sample and slit the
    angle at the slit has its sine from the distance of the axis to the ray.
    """
    angle = np.radians(np.asarray(two_theta_deg, dtype=np.float64))
    moved = alignment.along * np.sin(angle) - alignment.across * np.cos(angle)
    return np.asarray(np.degrees(angle - np.arcsin(moved)) + alignment.zero_deg)
