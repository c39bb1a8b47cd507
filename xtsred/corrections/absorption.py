"""Absorption of a cylinder and its container: Paalman-Pings factors, transmission of the beam.

The integrals over the cross-section are those of `absorption_grid`; many angles share few of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from calibration.errors import InputError
from xtsred.corrections.absorption_grid import (
    ORDERS,
    Attenuation,
    Rings,
    Source,
    not_converged,
    ring_average,
    ring_refined,
)
from xtsred.corrections.geometry import Cylinder, graded_nodes, irradiated_areas
from xtsred.stages import Array, frozen

__all__ = [
    "Attenuation",
    "PaalmanPings",
    "attenuation_factor",
    "beam_transmission",
    "paalman_pings",
]

_CHEBYSHEV = (10, 16, 24, 36)  # more than these: the range of angles is halved
_ROUGH = math.inf  # tolerance that any two grids meet


@dataclass(frozen=True, slots=True, kw_only=True)
class PaalmanPings:
    """Attenuation factors A_x,y: scattered in x (s core, c wall), absorbed in y; shape (n,) over 2theta.

    Each is the mean over the irradiated part of x: multiply by its area for intensities. The container's
    are None without a wall. accuracy: largest relative change between the last two grids of any factor,
    the interpolation in 2theta included. core_area_mm2, wall_area_mm2: irradiated areas.
    """

    two_theta_deg: Array
    a_s_sc: Array
    a_c_sc: Array | None
    a_c_c: Array | None
    accuracy: float
    core_area_mm2: float
    wall_area_mm2: float


def paalman_pings(
    two_theta_deg: npt.ArrayLike,
    *,
    cylinder: Cylinder,
    beam_width_mm: float,
    mu_in: Attenuation,
    mu_out: Attenuation,
    tolerance: float = 1e-5,
) -> PaalmanPings:
    """Paalman-Pings factors of a cylinder in a parallel beam of any width.

    A_x,sc(2theta) = (1/V_x) ∫_x exp(-sum_i mu_i l_i(in) - sum_i mu'_i l_i(out)) dV, i over core and wall;
    A_c,c is A_c,sc of the empty container (mu_s = mu'_s = 0). For the bare A_s,s give a cylinder
    without wall.

    two_theta_deg: shape (n,). mu_in: at the energy of the beam; mu_out: at that of the scattered photon,
    floats or shape (n,). tolerance: relative; raises InputError where no grid reaches it.
    Source: Paalman & Pings, J. Appl. Phys. 33 (1962) 2635, eqs. 7-10.
    """
    two_theta = frozen(np.atleast_1d(np.asarray(two_theta_deg, dtype=np.float64)))
    core_area, wall_area = irradiated_areas(cylinder, beam_width_mm=beam_width_mm)
    empty_in = Attenuation(core_per_mm=0.0, wall_per_mm=mu_in.wall_per_mm)
    empty_out = Attenuation(core_per_mm=0.0, wall_per_mm=mu_out.wall_per_mm)

    def factor(source: Source, into: Attenuation, out: Attenuation) -> tuple[Array, float]:
        return attenuation_factor(
            two_theta,
            source=source,
            cylinder=cylinder,
            beam_width_mm=beam_width_mm,
            mu_in=into,
            mu_out=out,
            tolerance=tolerance,
        )

    a_s_sc, accuracy = factor("core", mu_in, mu_out)
    a_c_sc: Array | None = None
    a_c_c: Array | None = None
    if cylinder.wall_mm > 0.0:
        a_c_sc, accuracy_sc = factor("wall", mu_in, mu_out)
        a_c_c, accuracy_c = factor("wall", empty_in, empty_out)
        accuracy = max(accuracy, accuracy_sc, accuracy_c)
    return PaalmanPings(
        two_theta_deg=two_theta,
        a_s_sc=a_s_sc,
        a_c_sc=a_c_sc,
        a_c_c=a_c_c,
        accuracy=accuracy,
        core_area_mm2=core_area,
        wall_area_mm2=wall_area,
    )


def attenuation_factor(
    two_theta_deg: npt.ArrayLike,
    *,
    source: Source,
    cylinder: Cylinder,
    beam_width_mm: float,
    mu_in: Attenuation,
    mu_out: Attenuation,
    tolerance: float = 1e-5,
) -> tuple[Array, float]:
    """One attenuation factor, shape (n,), and its accuracy (relative, last two grids).

    Averages exp(-mu l(in) - mu' l(out)) over the irradiated part of the source region. Many angles are
    computed at Chebyshev nodes and interpolated in ln A, as long as that holds the tolerance (and mu'
    is smooth in 2theta); otherwise each is computed. Arguments as `paalman_pings`.
    """
    two_theta = np.atleast_1d(np.asarray(two_theta_deg, dtype=np.float64))
    if two_theta.size == 0 or not np.all((two_theta >= 0.0) & (two_theta <= 180.0)):
        raise InputError("scattering angles must lie within 0 to 180 degrees, at least one")
    if np.ndim(mu_in.core_per_mm) or np.ndim(mu_in.wall_per_mm):
        raise InputError("the incoming beam has one energy: mu_in takes numbers, not arrays")
    irradiated_areas(cylinder, beam_width_mm=beam_width_mm)
    if source == "wall" and cylinder.wall_mm == 0.0:
        raise InputError("there is no wall to scatter", remedy="leave the container out")
    out_core = np.broadcast_to(np.asarray(mu_out.core_per_mm, np.float64), two_theta.shape)
    out_wall = np.broadcast_to(np.asarray(mu_out.wall_per_mm, np.float64), two_theta.shape)

    rings = Rings(source=source, cylinder=cylinder, half_width=0.5 * beam_width_mm)

    def exact(angles: Array, core: Array, wall: Array, allowed: float) -> tuple[Array, float]:
        if allowed == _ROUGH:
            return ring_average(rings, np.radians(angles), mu_in, (core, wall), ORDERS[1]), allowed
        return ring_refined(rings, np.radians(angles), mu_in, (core, wall), allowed)

    values, accuracy = _on_range(two_theta, out_core, out_wall, exact, tolerance)
    return frozen(values), accuracy


def beam_transmission(
    *, cylinder: Cylinder, beam_width_mm: float, mu: Attenuation, tolerance: float = 1e-9
) -> float:
    """Transmission of the direct beam, averaged over its width.

    T = (1/w) ∫ exp(-mu_s l_s(y) - mu_c l_c(y)) dy over |y| < w/2, with the chords of core and wall.
    What the environment (air, windows) scatters with the sample in place is about T times what it
    scatters without. mu: floats. Refined until two grids agree within tolerance.
    """
    irradiated_areas(cylinder, beam_width_mm=beam_width_mm)
    half = 0.5 * beam_width_mm
    edges = np.minimum([0.0, cylinder.radius_mm, cylinder.outer_mm, half], half)
    edges = np.unique(edges)
    previous = math.inf
    for order in (*ORDERS, 200):
        nodes, weights = graded_nodes(order)
        lengths = np.diff(edges)[:, None]
        y2 = (edges[:-1, None] + lengths * nodes) ** 2
        core = 2.0 * np.sqrt(np.maximum(cylinder.radius_mm**2 - y2, 0.0))
        wall = 2.0 * np.sqrt(np.maximum(cylinder.outer_mm**2 - y2, 0.0)) - core
        passed = np.exp(-mu.core_per_mm * core - mu.wall_per_mm * wall)
        value = float(np.sum(lengths * weights * passed) / half)
        if abs(value - previous) <= tolerance * value:
            return value
        previous = value
    raise not_converged("transmission of the beam", abs(value / previous - 1.0), tolerance)


_Exact = Callable[[Array, Array, Array, float], tuple[Array, float]]


def _on_range(
    two_theta: Array, out_core: Array, out_wall: Array, exact: _Exact, tolerance: float
) -> tuple[Array, float]:
    """The factor at all angles: interpolated in ln A where that holds, the range halved where not."""
    if two_theta.size <= _CHEBYSHEV[0]:
        return exact(two_theta, out_core, out_wall, tolerance)
    interpolated = _interpolated(two_theta, out_core, out_wall, exact, tolerance)
    if interpolated is not None:
        return interpolated
    if two_theta.size <= 2 * _CHEBYSHEV[-1]:
        return exact(two_theta, out_core, out_wall, tolerance)
    left = two_theta <= 0.5 * (two_theta.min() + two_theta.max())
    values = np.empty_like(two_theta)
    accuracies = []
    for half in (left, ~left):
        values[half], accuracy = _on_range(
            two_theta[half], out_core[half], out_wall[half], exact, tolerance
        )
        accuracies.append(accuracy)
    return values, max(accuracies)


def _interpolated(
    two_theta: Array, out_core: Array, out_wall: Array, exact: _Exact, tolerance: float
) -> tuple[Array, float] | None:
    """ln A through Chebyshev nodes in 2theta; None where that does not hold the tolerance.

    How many nodes it takes is found on a coarse grid, which has the same shape in 2theta.
    """
    low, high = float(two_theta.min()), float(two_theta.max())
    if high == low:
        return None
    scaled = (2.0 * two_theta - low - high) / (high - low)
    allowed = 0.1 * tolerance
    smooth_mu = []
    for mu in (out_core, out_wall):
        series = chebyshev.chebfit(scaled, mu, min(10, two_theta.size // 2))
        rest = float(np.max(np.abs(chebyshev.chebval(scaled, series) - mu)))
        if rest > allowed * float(np.max(mu)):
            return None
        smooth_mu.append(series)
    for nodes in _CHEBYSHEV:
        if nodes >= two_theta.size:
            return None
        points = np.cos(math.pi * (np.arange(nodes) + 0.5) / nodes)
        angles = np.clip(0.5 * (low + high + points * (high - low)), low, high)
        core, wall = (np.maximum(chebyshev.chebval(points, mu), 0.0) for mu in smooth_mu)
        if _truncation(exact(angles, core, wall, _ROUGH)[0]) > 3.0 * allowed:
            continue
        values, accuracy = exact(angles, core, wall, tolerance)
        error = _truncation(values)
        if error <= allowed:
            return np.exp(chebyshev.chebval(scaled, _series(values))), accuracy + error
    return None


def _series(values: Array) -> Array:
    """Chebyshev coefficients of ln(values) at the Chebyshev nodes (first kind)."""
    order = np.arange(values.size)
    cosines = np.cos(math.pi / values.size * order[:, None] * (order + 0.5))
    coefficients = 2.0 / values.size * (cosines @ np.log(values))
    coefficients[0] *= 0.5
    return coefficients


def _truncation(values: Array) -> float:
    """What the series lacks, from the last four coefficients of a decaying series."""
    return float(2.0 * np.sum(np.abs(_series(values)[-4:])))
