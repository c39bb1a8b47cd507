"""A cylinder across a parallel beam: irradiated areas, path lengths, quadrature nodes.

The axis is z, the beam runs along +x and is uniform over |y| < width/2, the detector is far away in the
plane z = 0. A point of the cross-section has polar coordinates (r, phi). The core (sample) fills r < R,
the wall (container) R < r < R + t. Lengths in mm.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from calibration.errors import InputError
from xtsred.corrections.gauss import gauss_legendre
from xtsred.stages import Array, frozen

__all__ = [
    "Cylinder",
    "core_path",
    "disc_area_in_beam",
    "graded_nodes",
    "irradiated_areas",
    "wall_paths",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cylinder:
    """A rod (wall_mm = 0) or a filled capillary: core of radius_mm within a concentric wall."""

    radius_mm: float
    wall_mm: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.radius_mm) and self.radius_mm > 0.0):
            raise InputError(
                f"the radius of the sample is {self.radius_mm:g} mm",
                remedy="give a positive radius (inner radius of a capillary)",
            )
        if not (math.isfinite(self.wall_mm) and self.wall_mm >= 0.0):
            raise InputError(
                f"the wall of the container is {self.wall_mm:g} mm thick",
                remedy="give a positive thickness, or leave the container out",
            )

    @property
    def outer_mm(self) -> float:
        """Outer radius, R + t."""
        return self.radius_mm + self.wall_mm


def disc_area_in_beam(radius_mm: float, *, beam_width_mm: float) -> float:
    """Area of a centred disc inside the strip |y| < w/2, in mm^2.

    pi a^2 for w >= 2 a, else w sqrt(a^2 - w^2/4) + 2 a^2 asin(w / (2 a)).
    """
    half = 0.5 * beam_width_mm
    if half >= radius_mm:
        return math.pi * radius_mm**2
    return 2.0 * (
        half * math.sqrt(radius_mm**2 - half**2) + radius_mm**2 * math.asin(half / radius_mm)
    )


def irradiated_areas(cylinder: Cylinder, *, beam_width_mm: float) -> tuple[float, float]:
    """Areas of core and wall that the beam strikes, in mm^2 (times its height: volumes)."""
    if not (beam_width_mm > 0.0 and math.isfinite(beam_width_mm)):
        raise InputError(
            f"the beam is {beam_width_mm:g} mm wide", remedy="give a positive width in mm"
        )
    core = disc_area_in_beam(cylinder.radius_mm, beam_width_mm=beam_width_mm)
    outer = disc_area_in_beam(cylinder.outer_mm, beam_width_mm=beam_width_mm)
    return core, outer - core


def core_path(
    along: Array, across_squared: Array, *, cylinder: Cylinder
) -> tuple[Array, Array | float]:
    """Path lengths (core, wall) from points of the core straight out.

    along: r . u, projection of the position on the direction of travel u (backwards for the way in);
    across_squared: r^2 - (r . u)^2. l_core = sqrt(R^2 - p^2) - r . u,
    l_wall = sqrt((R + t)^2 - p^2) - sqrt(R^2 - p^2). Any shape; mm.
    """
    core_half = np.sqrt(np.maximum(cylinder.radius_mm**2 - across_squared, 0.0))
    if cylinder.wall_mm == 0.0:
        return core_half - along, 0.0
    return core_half - along, np.sqrt(cylinder.outer_mm**2 - across_squared) - core_half


def wall_paths(
    along: Array, across_squared: Array, *, cylinder: Cylinder
) -> tuple[Array, Array | float]:
    """Path lengths (core, wall) from points of the wall straight out.

    The ray crosses the core only if it points inwards (r . u < 0) and passes the axis within R:
    l_core = 2 sqrt(R^2 - p^2) or 0; l_wall = sqrt((R + t)^2 - p^2) - r . u - l_core. Any shape; mm.
    """
    squared = np.where(along < 0.0, cylinder.radius_mm**2 - across_squared, 0.0)
    core = 2.0 * np.sqrt(np.maximum(squared, 0.0))
    outer_half = np.sqrt(np.maximum(cylinder.outer_mm**2 - across_squared, 0.0))
    return core, outer_half - along - core


@cache
def graded_nodes(count: int) -> tuple[Array, Array]:
    """Gauss nodes and weights on (0, 1) after v = (1 - cos pi u)/2.

    The quadratic grading at both ends makes integrands with square-root ends smooth. Shapes (count,).
    """
    gauss, weights = gauss_legendre(count)
    angle = 0.5 * math.pi * (gauss + 1.0)
    return frozen(0.5 * (1.0 - np.cos(angle))), frozen(0.25 * math.pi * weights * np.sin(angle))
