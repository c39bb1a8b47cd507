"""Single scattering by ray tracing from quasi-random points: smooth truth for the first order."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.stats import qmc

from xtsred.forward.geometry import Tube, trace
from xtsred.forward.media import ELECTRON_REST_KEV, Scatterer
from xtsred.stages import Array, frozen

__all__ = ["Attenuation", "beam_transmission", "first_order_attenuation", "irradiated_area_mm2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attenuation:
    """Attenuation factors over one angle grid, shape (n,): per irradiated atom, 1 without absorption.

    core, wall: of photons scattered elastically there; core_compton, wall_compton: of Compton photons,
    which leave with the energy of their own angle. wall is NaN for a bare rod.
    """

    core: Array
    core_compton: Array
    wall: Array
    wall_compton: Array


def first_order_attenuation(
    two_theta_deg: Array,
    *,
    tube: Tube,
    beam_width_mm: float,
    media: tuple[Scatterer, Scatterer],
    energy_kev: float,
    log2_points: int = 15,
) -> Attenuation:
    """A = mean over irradiated points of exp(-mu.l(in) - mu'.l(out)), points from a scrambled Sobol set.

    two_theta_deg: shape (n,), 0..180. media: core, wall. Computed at most every 2° and splined in between
    (A of a cylinder is smooth). Source of the definition: Paalman & Pings, J. Appl. Phys. 33 (1962) 2635.
    """
    angles = np.asarray(two_theta_deg, dtype=np.float64)
    nodes = angles if len(angles) <= 91 else np.linspace(0.0, 180.0, 91)
    disc = _points(0.0, tube.core_mm, beam_width_mm, log2_points)
    core, core_compton = _mean_over(disc, nodes, tube, media, energy_kev)
    wall = wall_compton = np.full(len(nodes), np.nan)
    if tube.outer_mm > tube.core_mm:
        ring = _points(tube.core_mm, tube.outer_mm, beam_width_mm, log2_points)
        wall, wall_compton = _mean_over(ring, nodes, tube, media, energy_kev)

    def onto(values: Array) -> Array:
        if nodes is angles or np.isnan(values).all():
            return frozen(np.resize(values, len(angles)))
        return frozen(CubicSpline(nodes, values)(angles))

    return Attenuation(
        core=onto(core),
        core_compton=onto(core_compton),
        wall=onto(wall),
        wall_compton=onto(wall_compton),
    )


def _points(inner: float, outer: float, width: float, log2_points: int) -> tuple[Array, Array]:
    """Quasi-random points, uniform over the irradiated part of a ring: x (across the beam), z."""
    sobol = qmc.Sobol(2, scramble=True, rng=np.random.default_rng(20251122))
    u, v = sobol.random_base2(log2_points).T
    half = min(0.5 * width, outer)
    # x has the density of the chord within the ring: its integral is known, and inverted by table
    table = half * np.sin(np.linspace(-0.5 * np.pi, 0.5 * np.pi, 100_001))
    below = _area_within(outer, table) - _area_within(inner, table)
    x = np.interp(below[0] + u * (below[-1] - below[0]), below, table)
    top, bottom = (np.sqrt(np.maximum(radius**2 - x * x, 0.0)) for radius in (outer, inner))
    # along the beam the chord is in two halves, -top..-bottom and bottom..top
    signed = (2 * v - 1) * (top - bottom)
    return x, np.where(signed < 0, signed - bottom, signed + bottom)


def _area_within(radius: float, x: Array) -> Array:
    """Signed area of a disc between the diameter along the beam and the line at x, mm^2."""
    if radius == 0.0:
        return np.zeros_like(x)
    inside = np.clip(x, -radius, radius)
    return np.asarray(
        inside * np.sqrt(np.maximum(radius**2 - inside**2, 0.0))
        + radius**2 * np.arcsin(np.clip(inside / radius, -1.0, 1.0))
    )


def _mean_over(
    points: tuple[Array, Array],
    nodes: Array,
    tube: Tube,
    media: tuple[Scatterer, Scatterer],
    energy: float,
) -> tuple[Array, Array]:
    x, z = points
    zero = np.zeros_like(x)
    place = (x, zero, z)
    core, wall = media
    mu = [float(m.attenuation(np.array([energy]))[0]) for m in media]
    back = trace(
        tube, place, (zero, zero, zero - 1.0)
    )  # from the point back to where the ray came in
    arriving = np.exp(-mu[0] * back.core() - mu[1] * back.wall())
    elastic, compton = np.empty(len(nodes)), np.empty(len(nodes))
    for k, angle in enumerate(np.radians(nodes)):
        out = trace(tube, place, (zero + np.sin(angle), zero, zero + np.cos(angle)))
        shifted = np.array([energy / (1 + energy / ELECTRON_REST_KEV * (1 - np.cos(angle)))])
        mu_core, mu_wall = core.attenuation(shifted)[0], wall.attenuation(shifted)[0]
        elastic[k] = np.mean(arriving * np.exp(-mu[0] * out.core() - mu[1] * out.wall()))
        compton[k] = np.mean(arriving * np.exp(-mu_core * out.core() - mu_wall * out.wall()))
    return elastic, compton


def irradiated_area_mm2(tube: Tube, beam_width_mm: float) -> tuple[float, float]:
    """Cross-section of core and of wall inside the beam, mm^2: circle segments cut by |x| <= width/2."""

    edge = np.array([0.5 * beam_width_mm])
    core = 2 * float(_area_within(tube.core_mm, edge)[0])
    return core, 2 * float(_area_within(tube.outer_mm, edge)[0]) - core


def beam_transmission(
    *, tube: Tube, beam_width_mm: float, media: tuple[Scatterer, Scatterer], energy_kev: float
) -> float:
    """Share of the whole beam that goes straight through, averaged over its width (midpoints of 20 000 strips)."""
    x = (np.arange(20_000) + 0.5) / 20_000 * 0.5 * beam_width_mm

    def chord(radius: float) -> Array:
        return 2 * np.sqrt(np.maximum(radius**2 - x * x, 0.0))

    mu = [float(m.attenuation(np.array([energy_kev]))[0]) for m in media]
    core = chord(tube.core_mm)
    return float(np.mean(np.exp(-mu[0] * core - mu[1] * (chord(tube.outer_mm) - core))))
