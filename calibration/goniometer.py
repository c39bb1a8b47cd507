"""From the angle that a goniometer reads to the scattering angle."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Alignment", "true_two_theta"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Where a capillary really stands on a diffractometer with a fixed incident beam.

    zero_deg: reading of 2theta at the direct beam. along_mm: displacement of the sample from the axis along
    the beam, positive away from the source. across_mm: in the scattering plane at right angles to
    the beam, positive towards the side to which 2theta grows. radius_mm: axis to receiving slit.
    Raises ValueError for a displacement without a radius, or one that reaches it.
    """

    zero_deg: float = 0.0
    along_mm: float = 0.0
    across_mm: float = 0.0
    radius_mm: float | None = None

    def __post_init__(self) -> None:
        displacement = math.hypot(self.along_mm, self.across_mm)
        if displacement > 0.0 and self.radius_mm is None:
            raise ValueError("a displacement needs the radius of the goniometer")
        if self.radius_mm is not None and not displacement < self.radius_mm:
            raise ValueError(
                f"the displacement {displacement:g} mm reaches the radius {self.radius_mm:g} mm"
            )

    @property
    def is_perfect(self) -> bool:
        """Whether readings are angles."""
        return self.zero_deg == 0.0 and self.along_mm == 0.0 and self.across_mm == 0.0


def true_two_theta(reading_deg: npt.ArrayLike, *, alignment: Alignment) -> Array:
    """Scattering angle of a reading, both in degrees, shape (n,).

    With u = reading - zero, the slit is at R (cos u, sin u) and the sample at (x, y):
    2theta = atan2(R sin u - y, R cos u - x), exact; to first order 2theta = u + (x sin u - y cos u)/R
    (cf. Klug & Alexander, X-Ray Diffraction Procedures, 2nd ed. 1974, sect. 4-5 for the Debye-Scherrer case).
    """
    u = np.radians(np.asarray(reading_deg, dtype=np.float64) - alignment.zero_deg)
    if alignment.radius_mm is None or (alignment.along_mm == 0.0 and alignment.across_mm == 0.0):
        return np.degrees(u)
    x, y = alignment.along_mm / alignment.radius_mm, alignment.across_mm / alignment.radius_mm
    return np.asarray(np.degrees(np.arctan2(np.sin(u) - y, np.cos(u) - x)), dtype=np.float64)
