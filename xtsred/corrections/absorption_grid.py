"""Quadrature over the irradiated cross-section of a cylinder: rings and azimuths between kinks.

The midpoint integration of Soper & Egelstaff (Nucl. Instrum. Methods 178 (1980) 415) with Gauss nodes
instead of midpoints, and every cut laid where the path lengths have a kink: at tangents to core and
surface, and at the edges of the beam.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.errors import InputError
from xtsred.corrections.geometry import Cylinder, core_path, graded_nodes, wall_paths
from xtsred.stages import Array

__all__ = [
    "ORDERS",
    "Attenuation",
    "Rings",
    "Source",
    "not_converged",
    "ring_average",
    "ring_refined",
]

ORDERS = (8, 12, 18, 27, 40, 60, 90, 135)  # nodes in the radius, between kinks
_AZIMUTH_SHARE = 0.7  # azimuths need fewer nodes for the same error
_PROBES = 5
_CHUNK = 400_000
Source = Literal["core", "wall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attenuation:
    """Linear attenuation coefficients in 1/mm of the core (packing included) and of the wall.

    Each a float, or an array over 2theta where the energy of the scattered photon depends on it.
    """

    core_per_mm: float | Array
    wall_per_mm: float | Array = 0.0

    def __post_init__(self) -> None:
        for name, value in (("sample", self.core_per_mm), ("container", self.wall_per_mm)):
            if not (np.all(np.isfinite(value)) and np.all(np.asarray(value) >= 0.0)):
                raise InputError(
                    f"the attenuation coefficient of the {name} is negative or not a number",
                    remedy="check composition, density and wavelength",
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """The source region and how it is cut."""

    source: Source
    cylinder: Cylinder
    half_width: float

    def radii(self, two_theta: Array, order: int) -> tuple[Array, Array]:
        """Nodes in the radius, and weights (with the factor r), between the kinks: (angle, node)."""
        core, half = self.cylinder.radius_mm, self.half_width
        inner = 0.0 if self.source == "core" else core
        outer = core if self.source == "core" else self.cylinder.outer_mm
        squares = [np.full_like(two_theta, edge**2) for edge in (inner, outer)]
        # where two of the azimuths of `cuts` meet
        cos2, sin2 = np.cos(two_theta) ** 2 + 1e-30, np.sin(two_theta) ** 2 + 1e-30
        if half < outer:
            squares += [np.full_like(two_theta, half**2), half**2 / cos2]
        if self.source == "wall":
            squares += [core**2 / cos2, 2.0 * core**2 / (1.0 + np.cos(two_theta) + 1e-30)]
            if half < outer:
                mixed = 2.0 * core * half * np.cos(two_theta)
                squares += [(core**2 + half**2 + sign * mixed) / sin2 for sign in (-1.0, 1.0)]
        edges = np.sqrt(np.clip(np.sort(squares, axis=0), inner**2, outer**2)).T
        lengths = np.diff(edges, axis=1)
        used = np.any(lengths > 1e-12 * outer, axis=0)
        nodes, weights = graded_nodes(order)
        r = edges[:, :-1][:, used, None] + lengths[:, used, None] * nodes
        r_weights = lengths[:, used, None] * weights * r
        return r.reshape(two_theta.size, -1), r_weights.reshape(two_theta.size, -1)

    def cuts(self, r: Array, two_theta: Array) -> Array:
        """Azimuths (angle, node, cut), sorted over one turn, between which the integrand is smooth.

        Tangents to the surface at ±90° from each direction; in the wall also those to the core; the
        beam's edges where the ring sticks out of it.
        """
        right = np.full_like(r, 0.5 * math.pi)
        local = [right, -right]
        if self.source == "wall":
            tangent = np.arcsin(np.minimum(self.cylinder.radius_mm / r, 1.0))
            local += [tangent, -tangent]
        # rays that cross the core come in from 180°, and leave towards 2theta
        cuts = local + [math.pi + two_theta[:, None] + cut for cut in local]
        if self.half_width < r.max():
            edge = np.arcsin(np.minimum(self.half_width / r, 1.0))
            cuts += [edge, math.pi - edge, math.pi + edge, -edge]
        turned = np.sort(np.mod(np.stack(cuts, axis=-1), 2.0 * math.pi), axis=-1)
        return np.concatenate([turned, turned[..., :1] + 2.0 * math.pi], axis=-1)


def ring_average(
    rings: Rings, two_theta: Array, mu_in: Attenuation, mu_out: tuple[Array, Array], order: int
) -> Array:
    """The factor at each angle (radians) on the grid of this order."""
    nodes, weights = graded_nodes(max(6, round(_AZIMUTH_SHARE * order)))
    all_r, all_weights = rings.radii(two_theta, order)
    step = max(1, _CHUNK // (all_r.shape[1] * nodes.size * 12))
    paths = core_path if rings.source == "core" else wall_paths
    values = np.empty_like(two_theta)
    for first in range(0, two_theta.size, step):
        part = slice(first, first + step)
        r, beam = all_r[part], two_theta[part, None, None, None]
        cuts = rings.cuts(r, two_theta[part])
        lengths = np.diff(cuts, axis=-1)[..., None]
        phi = cuts[..., :-1, None] + lengths * nodes
        radius = r[..., None, None]
        x, y = radius * np.cos(phi), radius * np.sin(phi)
        cosine, sine = np.cos(beam), np.sin(beam)
        core_in, wall_in = paths(-x, y * y, cylinder=rings.cylinder)
        along, across = x * cosine + y * sine, y * cosine - x * sine
        core_out, wall_out = paths(along, across * across, cylinder=rings.cylinder)
        depth = mu_in.core_per_mm * core_in + mu_out[0][part, None, None, None] * core_out
        if rings.cylinder.wall_mm > 0.0:
            depth += mu_in.wall_per_mm * wall_in + mu_out[1][part, None, None, None] * wall_out
        weight = lengths * weights * all_weights[part, :, None, None]
        if rings.half_width < r.max():
            weight = np.where(np.abs(y) <= rings.half_width, weight, 0.0)
        area = np.sum(weight, axis=(1, 2, 3))
        values[part] = np.sum(weight * np.exp(-depth), axis=(1, 2, 3)) / area
    return values


def ring_refined(
    rings: Rings,
    two_theta: Array,
    mu_in: Attenuation,
    mu_out: tuple[Array, Array],
    tolerance: float,
) -> tuple[Array, float]:
    """Values on a grid that a coarser one confirms, and how far the two differ.

    The order is found on a few probe angles (both ends among them), which bear the largest errors.
    """
    picked = np.unique(np.linspace(0, two_theta.size - 1, _PROBES).round().astype(int))
    probe_mu = (mu_out[0][picked], mu_out[1][picked])
    coarse = ring_average(rings, two_theta[picked], mu_in, probe_mu, ORDERS[0])
    change = math.inf
    for order in ORDERS[1:]:
        fine = ring_average(rings, two_theta[picked], mu_in, probe_mu, order)
        change = float(np.max(np.abs(coarse / fine - 1.0)))
        if change <= tolerance:
            if picked.size == two_theta.size:
                return fine, change
            return ring_average(rings, two_theta, mu_in, mu_out, order), change
        coarse = fine
    raise not_converged("absorption grid", change, tolerance)


def not_converged(what: str, change: float, tolerance: float) -> InputError:
    return InputError(
        f"the {what} does not converge: {change:.1e} left, {tolerance:.1e} asked",
        why="the sample is so opaque that only a thin skin of it scatters",
        remedy="check mu, radius and wall; or ask for less accuracy",
    )
