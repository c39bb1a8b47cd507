"""The part of double scattering that no S(Q) changes: geometry, attenuation, polarization.

Computed once; `multiple_scattering` contracts it with cross-sections as often as these change.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from xtsred.corrections.absorption_grid import Attenuation
from xtsred.corrections.compton_detected import ComptonDetection
from xtsred.corrections.gauss import gauss_legendre
from xtsred.corrections.geometry import Cylinder, irradiated_areas
from xtsred.corrections.multiple_scattering_lines import (
    Beam,
    LineGrid,
    PairIntegral,
    pair_integral,
)
from xtsred.stages import Array, frozen

__all__ = [
    "EnergyAttenuation",
    "ScatteringKernel",
    "double_polarization",
    "periodic_interpolation",
    "scattering_kernel",
]

_ELECTRON_REST_KEV = 510.99895069  # CODATA 2022
_ACCEPTED = (
    0.05  # of the finest grid, where a coarser aim is not reached: opaque samples; it is reported
)
_GRIDS = (
    LineGrid(lines=6, positions=5, polar=9),
    LineGrid(),
    LineGrid(lines=16, positions=12, polar=16),
    LineGrid(lines=28, positions=16, polar=16),
    LineGrid(lines=48, positions=20, polar=16),
)
_POLAR = 48  # fine directions: polar angles, azimuths; scattering angles every second azimuth
_AZIMUTHS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyAttenuation:
    """Attenuation at the beam's energy, after one and after two Compton scatterings backwards.

    In between it is interpolated in u = sum (1 - cos chi) = 0, 2, 4, on which the energy depends:
    E' = E / (1 + u E / 511 keV).
    """

    energy_kev: float
    elastic: Attenuation
    once: Attenuation
    twice: Attenuation

    def progress(self, u: Array) -> Array:
        """(mu(u) - mu(0)) / (mu(2) - mu(0)), by a parabola; 0 where mu does not change."""
        mu = [
            float(a.core_per_mm) + float(a.wall_per_mm)
            for a in (self.elastic, self.once, self.twice)
        ]
        first, second = mu[1] - mu[0], mu[2] - mu[0]
        if first == 0.0:
            return np.zeros_like(u)
        half = 0.5 * u
        curvature = 0.5 * second / first - 1.0
        return half * (1.0 + curvature * (half - 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatteringKernel:
    """Everything of double scattering that does not depend on the cross-sections.

    weights: (channel, first, second, angle, phi, alpha), mm^3 sr; channels: both coherent, Compton second,
    Compton first, both Compton; materials 0 core, 1 wall. chi_deg: (phi, alpha) angle to the beam; phi in
    half steps of the angle.
    singles: (material, angle), mm^2; reference_area_mm2: irradiated core. accuracy: relative change of
    isotropic double scattering between the last two grids of lines. polarization: (angle,), of single
    scattering. recoil: E / 511 keV. detection: of Compton photons, contained in the weights; None: all are counted.
    """

    two_theta_deg: Array
    weights: npt.NDArray[np.float32]
    chi_deg: Array
    singles: Array
    polarization: Array
    reference_area_mm2: float
    accuracy: float
    recoil: float
    detection: ComptonDetection | None = None

    def counted(self, detection: ComptonDetection) -> "ScatteringKernel":
        """The kernel of a detector that counts Compton photons by their energy.

        A photon that Compton-scatters once, before or after a coherent scattering, counts by that angle; one that
        does so twice by both.
        """
        weights = self.weights.copy()
        once = [row.astype(np.float32) for row in detection.once_at(self.chi_deg)]
        materials = self.weights.shape[1]
        for i, j in np.ndindex(materials, materials):
            both = [p.astype(np.float32) for p in detection.products(i, j, self.chi_deg)]
            for k in range(self.two_theta_deg.size):
                # the angle to the way out at phi is the angle to the beam at phi - 2theta
                weights[1, i, j, k] *= np.roll(once[j], 2 * k, axis=0)
                weights[2, i, j, k] *= once[i]
                weights[3, i, j, k] *= np.einsum(
                    "rpa,rpa->pa", both[0], np.roll(both[1], 2 * k, axis=1)
                )
        return replace(self, weights=weights, detection=detection)


def double_polarization(
    first: Array, second: Array, two_theta: float, *, direction: tuple[Array, Array], ratio: float
) -> Array:
    """Polarization factor of double Thomson scattering into the plane of the detector.

    The incident light is z (normal to the plane) and y in the proportion 1 : a; with k the direction
    between the scatterings, c2 its cosine with the way out, and the fields P_k e = e - (e.k) k,
      P_2 = { 1 - k_z^2 (1 + c2^2) + a [ 1 - k_y^2 - (sin 2theta - k_y c2)^2 ] } / (1 + a);
    for a = 1 this is [c1^2 + c2^2 + (cos 2theta - c1 c2)^2] / 2. P_2 = 1 straight on.

    first, second: c1 and c2; direction: (k_y, k_z); two_theta in radians.
    Source: Rayleigh's amplitudes twice; unpolarized form as Dwiggins & Park, Acta Cryst. A27 (1971) 264.
    """
    if ratio == 1.0:
        return 0.5 * (first**2 + second**2 + (math.cos(two_theta) - first * second) ** 2)
    k_y, k_z = direction
    normal = 1.0 - k_z**2 * (1.0 + second**2)
    inside = 1.0 - k_y**2 - (math.sin(two_theta) - k_y * second) ** 2
    return (normal + ratio * inside) / (1.0 + ratio)


def scattering_kernel(
    *,
    cylinder: Cylinder,
    beam: Beam,
    mu: EnergyAttenuation,
    polarization_ratio: float | None,
    tolerance: float = 2e-3,
    accepted: float | None = None,
) -> ScatteringKernel:
    """Geometry, attenuation and polarization of double scattering; compute once, use for every S(Q).

    polarization_ratio: a of the incident beam (`polarization`), 1 for a bare tube; None: scalar photons,
    as in the tables of isotropic scattering. The grid of lines is refined until isotropic double
    scattering changes by less than tolerance (relative); the finest grid is taken up to `accepted` (None:
    tolerance), and its change is the kernel's accuracy; beyond, InputError.

    Approximations: photons are Compton-shifted with the polarization of Thomson scattering; the change
    of K with their energy is taken from K at one backscattering, as a power of its ratio to K.
    """
    elastic, coarse, accuracy = _refined_pairs(
        cylinder, beam, mu.elastic, (tolerance, accepted or tolerance)
    )
    # what a lower energy changes is a smooth factor: the coarser grid is fine enough for it
    later = [
        pair_integral(
            cylinder=cylinder,
            beam=beam,
            mu_in=mu.elastic,
            mu_between=between,
            mu_out=out,
            grid=coarse.grid,
        )
        for between, out in ((mu.once, mu.elastic), (mu.elastic, mu.once))
    ]
    directions = _Directions(elastic)
    base = directions.interpolated(elastic.pairs)
    between, out = (
        _Directions(coarse).interpolated(_log_ratio(k.pairs, coarse.pairs)) for k in later
    )
    to_angles = periodic_interpolation(directions.two_theta, elastic.grid.azimuths)
    return ScatteringKernel(
        two_theta_deg=frozen(np.degrees(directions.two_theta)),
        weights=directions.weighted(base, between, out, mu, polarization_ratio),
        chi_deg=frozen(np.degrees(np.arccos(directions.first))),
        singles=frozen(elastic.singles @ to_angles.T),
        polarization=frozen(_single_polarization(directions.two_theta, polarization_ratio)),
        reference_area_mm2=irradiated_areas(cylinder, beam_width_mm=beam.width_mm)[0],
        accuracy=accuracy,
        recoil=mu.energy_kev / _ELECTRON_REST_KEV,
    )


class _Directions:
    """The fine grid of directions between two scatterings, and how a coarse K is brought onto it."""

    def __init__(self, coarse: PairIntegral) -> None:
        gauss, weights = gauss_legendre(_POLAR)
        self.alpha = 0.25 * math.pi * (gauss + 1.0)
        self.alpha_weight = 0.25 * math.pi * weights
        self.phi = 2.0 * math.pi * np.arange(_AZIMUTHS)[:, None] / _AZIMUTHS
        self.two_theta = 2.0 * self.phi[: _AZIMUTHS // 4 + 1, 0]
        self.first = np.sin(self.alpha) * np.cos(self.phi)
        azimuths, count = coarse.grid.azimuths, coarse.alpha.size
        old, new = (
            np.polynomial.legendre.legvander(2.0 * np.sqrt(2.0 * a / math.pi) - 1.0, count - 1)
            for a in (coarse.alpha, self.alpha)
        )
        self.rise = (new @ np.linalg.inv(old)).T.astype(np.float32)
        self.around = periodic_interpolation(self.phi[:, 0], azimuths).astype(np.float32)
        self.toward = periodic_interpolation(self.two_theta, azimuths).astype(np.float32)
        index = np.arange(azimuths)
        self.shift = np.mod(index[:, None] - index, azimuths)

    def interpolated(self, pairs: Array) -> npt.NDArray[np.float32]:
        """(first, second, alpha, phi, delta) coarse to (first, second, angle, phi, alpha) fine."""
        azimuths = pairs.shape[-1]
        # delta = 2theta - phi: (..., alpha, 2theta, phi)
        by_angle = pairs[..., np.arange(azimuths), self.shift].astype(np.float32)
        angles = np.ascontiguousarray(np.moveaxis(self.toward @ by_angle, 2, -1))
        return (self.around @ angles) @ self.rise

    def weighted(
        self,
        base: npt.NDArray[np.float32],
        between: npt.NDArray[np.float32],
        out: npt.NDArray[np.float32],
        mu: EnergyAttenuation,
        polarization_ratio: float | None,
    ) -> npt.NDArray[np.float32]:
        """Weights of the four channels, with solid angle, polarization and Compton attenuation."""
        sine, cosine = np.sin(self.alpha), np.cos(self.alpha)
        k_y = sine * np.sin(self.phi)
        # both hemispheres of alpha; sin alpha of the solid angle and 1/sin alpha of the path cancel
        solid = 2.0 * self.alpha_weight * (2.0 * math.pi / _AZIMUTHS)
        weights = np.empty((4, *base.shape), np.float32)
        first_shift = mu.progress(1.0 - self.first).astype(np.float32)
        for k, angle in enumerate(self.two_theta):
            second = sine * np.cos(self.phi - angle)
            share = np.broadcast_to(solid, second.shape)
            if polarization_ratio is not None:
                share = solid * double_polarization(
                    self.first,
                    second,
                    float(angle),
                    direction=(k_y, cosine),
                    ratio=polarization_ratio,
                )
            plain = base[:, :, k] * share.astype(np.float32)
            second_shift = mu.progress(1.0 - second).astype(np.float32)
            both = mu.progress(2.0 - self.first - second).astype(np.float32)
            a, b = between[:, :, k], out[:, :, k]
            weights[0, :, :, k] = plain
            weights[1, :, :, k] = plain * np.exp(second_shift * b)
            weights[2, :, :, k] = plain * np.exp(first_shift * (a + b))
            weights[3, :, :, k] = plain * np.exp(first_shift * a + both * b)
        return weights


def _log_ratio(changed: Array, unchanged: Array) -> Array:
    """ln(K'/K); 0 where no pair is seen or the beam does not light the line."""
    seen = (changed > 0.0) & (unchanged > 1e-9 * unchanged.max())
    return np.asarray(np.log(np.where(seen, changed, 1.0) / np.where(seen, unchanged, 1.0)))


def _refined_pairs(
    cylinder: Cylinder, beam: Beam, mu: Attenuation, limits: tuple[float, float]
) -> tuple[PairIntegral, PairIntegral, float]:
    """The pair integral on the first grid that the one before confirms, that one's, and the change."""
    before: tuple[Array, PairIntegral] | None = None
    change = math.inf
    tolerance, accepted = limits
    last = _GRIDS[-1]
    for grid in _GRIDS:
        pairs = pair_integral(
            cylinder=cylinder, beam=beam, mu_in=mu, mu_between=mu, mu_out=mu, grid=grid
        )
        gauss, weights = gauss_legendre(grid.polar)
        by_direction = np.einsum("a,ijapd->ijpd", weights * (gauss + 1.0), pairs.pairs)
        # over all azimuths at the scattering angles that all grids have in common
        index = np.arange(grid.azimuths)
        turned = np.mod(index[:: grid.azimuths // 16, None] - index, grid.azimuths)
        second = by_direction[..., index, turned].mean(axis=-1)
        now = second / pairs.singles.sum(axis=0)[:: grid.azimuths // 16]
        if before is not None:
            change = float(np.max(np.abs(now - before[0])) / np.max(now))
            if change <= tolerance or (grid is last and change <= accepted):
                return pairs, before[1], change
        before = now, pairs
    raise InputError(
        f"the grid of double scattering does not converge: {100 * change:.1f} % left, {100 * accepted:g} % accepted",
        why="the beam is very narrow, the wall very thick or the sample almost opaque: are dimensions, density and "
        "wavelength right?",
        remedy="correct them, or leave [multiple_scattering] out and judge from the report whether that is allowed",
    )


def _single_polarization(two_theta: Array, ratio: float | None) -> Array:
    if ratio is None:
        return np.ones_like(two_theta)
    return np.asarray((1.0 + ratio * np.cos(two_theta) ** 2) / (1.0 + ratio))


def periodic_interpolation(angles: Array, count: int) -> Array:
    """Trigonometric interpolation from an even count of equal steps of a turn: (angles, count).

    sin(count x/2) / (count tan(x/2)) of the distance x to each step.
    """
    half = 0.5 * angles[:, None] - math.pi * np.arange(count) / count
    tangent = np.tan(half)
    node = np.abs(tangent) < 1e-12
    weights = np.sin(count * half) / (count * np.where(node, 1.0, tangent))
    return np.where(node, 1.0, weights)
