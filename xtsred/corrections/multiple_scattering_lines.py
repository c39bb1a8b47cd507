"""How often a photon scattered at one point of a cylinder is scattered again at another, by direction.

The pair integral of double scattering, for one direction between the two scatterings (polar angle alpha
from the axis, azimuth phi from the beam),

  K_ij(alpha, phi; 2theta) = ∫_i d^2r_1 exp(-tau_in(r_1)) ∫_j ds exp(-tau_12 / sin alpha) exp(-tau_out(r_2)),

runs over lines of direction phi: impact parameter p, positions s_1 < s_2 along the line (projected on the
cross-section). On a line the way in depends on phi alone and the way out on delta = 2theta - phi alone, so
K for all directions and all 2theta is a product of three small matrices per line.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError
from xtsred.corrections.absorption_grid import Attenuation
from xtsred.corrections.gauss import gauss_legendre
from xtsred.corrections.geometry import Cylinder, core_path, wall_paths
from xtsred.stages import Array

__all__ = ["Beam", "LineGrid", "PairIntegral", "pair_integral"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """Cross-section of the beam, and the height of sample that the detector sees.

    width_mm: across the cylinder; height_mm: along it. accepted_height_mm: second scatterings count only
    within this height, centred on the beam (a slit before the detector, or a sample as short as that);
    None: the detector sees everything and the sample is much longer than its radius. In that case the
    height of the beam drops out: along an endless cylinder as much is lost upwards as comes from below.
    """

    width_mm: float
    height_mm: float
    accepted_height_mm: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("beam", self.height_mm), ("accepted", self.accepted_height_mm)):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise InputError(
                    f"the {name} height is {value:g} mm", remedy="give a positive height in mm"
                )

    def visible(self, climb: Array) -> Array:
        """Share of the pairs that the detector sees, whose scatterings lie `climb` (mm) apart along z."""
        if self.accepted_height_mm is None:
            return np.ones_like(climb)
        smaller = min(self.height_mm, self.accepted_height_mm)
        overlap = 0.5 * (self.height_mm + self.accepted_height_mm) - climb
        return np.clip(overlap / smaller, 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineGrid:
    """Fineness: lines per region of impact parameter, positions per piece, polar angles, azimuths."""

    lines: int = 10
    positions: int = 8
    polar: int = 12
    azimuths: int = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class PairIntegral:
    """K in mm^3 and the single-scattering integral in mm^2.

    pairs: (first, second, alpha, phi, delta) with materials 0 core, 1 wall (only 0 without a wall);
    phi and delta = 2theta - phi on the uniform grid 2 pi k / azimuths. alpha: (polar,), radians.
    singles: (material, delta): ∫ exp(-tau_in - tau_out(2theta = delta)) d^2r.
    """

    pairs: Array
    alpha: Array
    singles: Array
    grid: LineGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """Quadrature nodes on all lines: p and weight (line,), position s and its weight (line, node)."""

    p: Array
    p_weight: Array
    s: Array
    s_weight: Array
    start: Array
    length: Array
    materials: tuple[int, ...]


def _lines(cylinder: Cylinder, width_mm: float, grid: LineGrid) -> _Lines:
    """Lines across the cylinder, cut where they enter and leave the core: wall, core, wall.

    Impact parameters have their own nodes on either side of the rim of the core, and of the beam's edge
    (where lines along the beam begin to miss it).
    """
    gauss, weights = gauss_legendre(grid.lines)
    core, outer, half = cylinder.radius_mm, cylinder.outer_mm, 0.5 * width_mm
    # p = a sin t takes the square roots at the rim away
    turns = (
        np.array([-1.0, 1.0]) if half >= core else np.array([-1.0, -half / core, half / core, 1.0])
    )
    ends = np.arcsin(turns)
    turn = (ends[:-1, None] + 0.5 * np.diff(ends)[:, None] * (gauss + 1.0)).ravel()
    turn_weight = (0.5 * np.diff(ends)[:, None] * weights).ravel()
    p, p_weight = core * np.sin(turn), core * np.cos(turn) * turn_weight
    if cylinder.wall_mm > 0.0:
        rims = [core, half, outer] if core < half < outer else [core, outer]
        for low, high in itertools.pairwise(rims):
            angle = 0.5 * math.pi * gauss
            rim = low + 0.5 * (high - low) * (np.sin(angle) + 1.0)
            rim_weight = 0.25 * math.pi * (high - low) * np.cos(angle) * weights
            p = np.concatenate([p, rim, -rim])
            p_weight = np.concatenate([p_weight, rim_weight, rim_weight])
    half_core = np.sqrt(np.maximum(core**2 - p**2, 0.0))
    half_outer = np.sqrt(outer**2 - p**2)
    if cylinder.wall_mm > 0.0:
        edges = np.stack([-half_outer, -half_core, half_core, half_outer], axis=1)
        materials: tuple[int, ...] = (1, 0, 1)
    else:
        edges, materials = np.stack([-half_core, half_core], axis=1), (0,)
    nodes, node_weights = gauss_legendre(grid.positions)
    unit_nodes, unit_weights = 0.5 * (nodes + 1.0), 0.5 * node_weights
    length = np.diff(edges, axis=1)
    return _Lines(
        p=p,
        p_weight=p_weight,
        s=edges[:, :-1, None] + length[..., None] * unit_nodes,
        s_weight=length[..., None] * unit_weights,
        start=edges[:, :-1],
        length=length,
        materials=materials,
    )


def _escape(lines: _Lines, azimuths: int, cylinder: Cylinder, mu: Attenuation) -> Array:
    """exp(-tau) from every node straight out at the angle delta to its line: (delta, line, piece, node)."""
    delta = 2.0 * math.pi * np.arange(azimuths)[:, None, None] / azimuths
    passed = np.empty((azimuths, *lines.s.shape))
    for piece, material in enumerate(lines.materials):
        s, p = lines.s[:, piece], lines.p[:, None]
        along = s * np.cos(delta) + p * np.sin(delta)
        across = np.maximum(s * s + p * p - along * along, 0.0)
        paths = core_path if material == 0 else wall_paths
        core, wall = paths(along, across, cylinder=cylinder)
        passed[:, :, piece] = np.exp(-mu.core_per_mm * core - mu.wall_per_mm * wall)
    return passed


def _illuminated(lines: _Lines, azimuths: int, width_mm: float, outer_mm: float) -> Array:
    """Share of each node's weight that the beam strikes, for lines at phi to the beam.

    The beam cuts an interval out of each piece; the weights are those that integrate the polynomial
    through all nodes of the piece over that interval, so a sharp edge costs no accuracy along the line.
    """
    pieces, count = lines.s.shape[1:]
    if 0.5 * width_mm >= outer_mm:
        return np.ones((azimuths, lines.p.size, pieces, count))
    phi = 2.0 * math.pi * np.arange(azimuths)[:, None, None] / azimuths
    sine, offset = np.sin(phi), lines.p[:, None] * np.cos(phi)
    sine = np.where(np.abs(sine) < 1e-12, 1e-12, sine)
    edges = np.sort([(-0.5 * width_mm - offset) / sine, (0.5 * width_mm - offset) / sine], axis=0)
    length = np.where(lines.length > 0.0, lines.length, 1.0)
    low, high = np.clip(2.0 * (edges - lines.start) / length - 1.0, -1.0, 1.0)
    gauss, weights = gauss_legendre(count)
    to_nodes = np.linalg.inv(np.polynomial.legendre.legvander(gauss, count - 1))
    return np.asarray(
        (_legendre_integrals(high, count) - _legendre_integrals(low, count)) @ to_nodes / weights
    )


def _legendre_integrals(x: Array, count: int) -> Array:
    """∫ from -1 to x of the Legendre polynomials of degree < count: (..., count)."""
    values = np.polynomial.legendre.legvander(x, count)
    lower = np.concatenate([-np.ones_like(values[..., :1]), values[..., : count - 1]], axis=-1)
    return np.asarray((values[..., 1:] - lower) / (2.0 * np.arange(count) + 1.0))


def _flight(lines: _Lines, alpha: float, mu: Attenuation, beam: Beam) -> Array:
    """Weights of pairs of nodes on each line: (line, first piece, first node, second piece, node).

    Between two pieces a product of Gauss weights; within one, where only s_1 < s_2 counts, the integral
    over s_2 of the polynomial through the nodes (the way out is smooth; the beam may have an edge).
    """
    pieces, count = lines.s.shape[1:]
    mu_piece = np.array([(mu.core_per_mm, mu.wall_per_mm)[m] for m in lines.materials], np.float64)
    before = np.cumsum(mu_piece * lines.length, axis=1) - mu_piece * lines.length
    depth = before[..., None] + mu_piece[:, None] * (lines.s - lines.start[..., None])
    sine, climb = math.sin(alpha), math.cos(alpha) / math.sin(alpha)
    weights = np.zeros((lines.p.size, pieces, count, pieces, count))
    for first in range(pieces):
        for second in range(first + 1, pieces):
            tau = depth[:, second, None, :] - depth[:, first, :, None]
            apart = lines.s[:, second, None, :] - lines.s[:, first, :, None]
            weights[:, first, :, second, :] = (
                np.exp(-tau / sine)
                * beam.visible(apart * climb)
                * lines.s_weight[:, first, :, None]
                * lines.s_weight[:, second, None, :]
            )
    ahead, interpolate = _within_piece(count)
    for piece in range(pieces):
        apart = lines.length[:, piece, None, None] * ahead
        kernel = np.exp(-mu_piece[piece] * apart / sine) * beam.visible(apart * climb)
        inner = np.einsum("pmk,mkj->pmj", kernel, interpolate)
        scale = lines.length[:, piece, None] * lines.s_weight[:, piece]
        weights[:, piece, :, piece, :] = inner * scale[:, :, None]
    return weights


def _within_piece(count: int) -> tuple[Array, Array]:
    """Sub-nodes between each Gauss node v_m of (0, 1) and 1, and the polynomial through all nodes there.

    Returns v - v_m at the sub-nodes (m, k), graded towards v_m where the kernel is steep, and
    (m, k, j): Lagrange polynomial j at the sub-node times its weight.
    """
    gauss, _ = gauss_legendre(count)
    rest = 1.0 - 0.5 * (gauss + 1.0)
    fine, fine_weights = gauss_legendre(count + 4)
    q = 0.5 * (fine + 1.0)
    ahead = rest[:, None] * q**3
    sub_weights = rest[:, None] * 3.0 * q**2 * 0.5 * fine_weights
    to_nodes = np.linalg.inv(np.polynomial.legendre.legvander(gauss, count - 1))
    at = gauss[:, None] + 2.0 * ahead
    lagrange = np.polynomial.legendre.legvander(at, count - 1) @ to_nodes
    return ahead, lagrange * sub_weights[..., None]


def pair_integral(
    *,
    cylinder: Cylinder,
    beam: Beam,
    mu_in: Attenuation,
    mu_between: Attenuation,
    mu_out: Attenuation,
    grid: LineGrid,
) -> PairIntegral:
    """K_ij for every direction between the scatterings, with a coefficient for each leg of the way.

    alpha at Gauss nodes in sqrt(2 alpha / pi): fine towards the axis, where long flights die out.
    """
    lines = _lines(cylinder, beam.width_mm, grid)
    n = grid.azimuths
    out = _escape(lines, n, cylinder, mu_out)
    # the way in at phi is a way out at pi - phi, reversed
    reverse = np.mod(n // 2 - np.arange(n), n)
    into = _escape(lines, n, cylinder, mu_in)[reverse]
    into = into * _illuminated(lines, n, beam.width_mm, cylinder.outer_mm)
    gauss, _ = gauss_legendre(grid.polar)
    alpha = 0.5 * math.pi * (0.5 * (gauss + 1.0)) ** 2
    materials = sorted(set(lines.materials))
    members = [[k for k, m in enumerate(lines.materials) if m == wanted] for wanted in materials]
    pairs = np.zeros((len(materials), len(materials), alpha.size, n, n))
    into_lines = np.moveaxis(into, 1, 0)
    out_lines = np.moveaxis(out, 1, 0) * lines.p_weight[:, None, None, None]
    for a, angle in enumerate(alpha):
        flight = _flight(lines, float(angle), mu_between, beam)
        for i, first in enumerate(members):
            source = into_lines[:, :, first].reshape(lines.p.size, n, -1)
            for j, second in enumerate(members):
                block = flight[:, first][:, :, :, second]
                block = block.reshape(lines.p.size, source.shape[2], -1)
                reached = source @ block
                seen = out_lines[:, :, second].reshape(lines.p.size, n, -1)
                pairs[i, j, a] = np.tensordot(reached, seen, axes=((0, 2), (0, 2)))
    weight = lines.s_weight * lines.p_weight[:, None, None]
    singles = np.stack(
        [np.einsum("pcn,dpcn,pcn->d", into[0][:, m], out[:, :, m], weight[:, m]) for m in members]
    )
    return PairIntegral(pairs=pairs, alpha=alpha, singles=singles, grid=grid)
