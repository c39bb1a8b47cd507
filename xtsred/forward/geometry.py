"""Straight lines through a core and its coaxial wall.

Axes: y along the capillary, z along the beam, x across it; the detector moves in the plane y = 0 at
infinity, in the direction (sin 2theta, 0, cos 2theta).
"""

from dataclasses import dataclass

import numpy as np

from xtsred.stages import Array

__all__ = ["Rays", "Tube", "trace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube:
    """Coaxial cylinders: core radius, outer radius (equal for a bare rod), and length (None: endless), mm."""

    core_mm: float
    outer_mm: float
    length_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rays:
    """Where lines from inside a tube cross its surfaces, mm along the line; all arrays of one shape.

    enter, leave: of the core (both equal to `end` where the core is not met); end: of the tube.
    """

    enter: Array
    leave: Array
    end: Array

    def core(self) -> Array:
        """Path length in the core, mm."""
        return self.leave - self.enter

    def wall(self) -> Array:
        """Path length in the wall, mm."""
        return self.enter + self.end - self.leave


def trace(
    tube: Tube, position: tuple[Array, Array, Array], direction: tuple[Array, Array, Array]
) -> Rays:
    """Follow lines from positions in the tube, or on its surface, along unit directions; arrays broadcast."""
    x, y, z = position
    ux, uy, uz = direction
    across = np.maximum(ux * ux + uz * uz, 1e-12)
    b = (x * ux + z * uz) / across
    radius2 = x * x + z * z
    end = -b + np.sqrt(np.maximum(b * b - (radius2 - tube.outer_mm**2) / across, 0.0))
    if tube.length_mm is not None:
        ahead = np.where(uy >= 0, 0.5 * tube.length_mm - y, 0.5 * tube.length_mm + y)
        end = np.minimum(end, ahead / np.maximum(np.abs(uy), 1e-12))
    inside = b * b - (radius2 - tube.core_mm**2) / across
    root = np.sqrt(np.maximum(inside, 0.0))
    met = (inside > 0) & (root > b)
    enter = np.where(met, np.minimum(np.maximum(-b - root, 0.0), end), end)
    leave = np.where(met, np.minimum(root - b, end), end)
    return Rays(enter=enter, leave=leave, end=np.maximum(end, 0.0) + np.zeros_like(enter))
