"""Multiple scattering (orders >= 2) in a cylinder and its wall, with the actual cross-sections.

I_2(2theta) = sum_ij n_i n_j ∫ dOmega K_ij(Omega; 2theta) sigma_i(0 -> Omega) sigma_j(Omega -> 2theta) P_2,

i and j over core and wall, K the pair integral of `multiple_scattering_lines`. K and the polarization
depend on geometry and attenuation alone: `scattering_kernel` computes them once, and every new S(Q) is
then a cheap contraction, `multiple_scattering`. Vineyard, Phys. Rev. 96 (1954) 93; Warren & Mozzi,
Acta Cryst. 21 (1966) 459; Blech & Averbach, Phys. Rev. 137 (1965) A1113.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from xtsred.corrections.compton_detected import ComptonDetection
from xtsred.corrections.multiple_scattering_kernel import (
    EnergyAttenuation,
    ScatteringKernel,
    double_polarization,
    periodic_interpolation,
    scattering_kernel,
)
from xtsred.corrections.multiple_scattering_lines import Beam
from xtsred.stages import Array, frozen

__all__ = [
    "Beam",
    "EnergyAttenuation",
    "MultipleScattering",
    "Scatterer",
    "ScatteringKernel",
    "double_polarization",
    "multiple_scattering",
    "scattering_kernel",
]

_THOMSON_A2 = 2.8179403205e-5**2  # classical electron radius squared, CODATA 2022
_A_PER_MM = 1e7
Part = Literal["coherent", "compton"]
_Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatterer:
    """What core or wall is made of, as seen by one photon.

    number_density_per_a3: atoms/Å^3 (packing included). two_theta_deg: shape (m,), increasing, 0 to 180.
    coherent, compton: shape (m,), e.u. per atom, without polarization; compton with the recoil factor
    (Klein-Nishina over Thomson), whatever the detector makes of it: see `ScatteringKernel.counted`.
    """

    number_density_per_a3: float
    two_theta_deg: Array
    coherent: Array
    compton: Array

    def __post_init__(self) -> None:
        angles = self.two_theta_deg
        if angles.size < 2 or np.any(np.diff(angles) <= 0.0):
            raise InputError("the angles of a cross-section must increase")
        if angles[0] > 0.5 or angles[-1] < 179.5:
            raise InputError(
                f"a cross-section from {angles[0]:g} to {angles[-1]:g} degrees",
                why="a photon is scattered by any angle before it is scattered again",
                remedy="give it from 0 to 180 degrees",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleScattering:
    """Multiple scattering as it reaches the detector: attenuated and polarized; shapes (n,).

    ms2: second order; ms3: third; ms_total: all orders >= 2; single: first order of core and wall (all at
    the elastic attenuation); e.u. per reference atom. ratio: ms_total / single.
    accuracy: see ScatteringKernel.
    """

    two_theta_deg: Array
    ms2: Array
    ms3: Array
    ms_total: Array
    single: Array
    accuracy: float

    @property
    def ratio(self) -> Array:
        """Multiple over single scattering."""
        return self.ms_total / self.single

    def up_to(self, orders: int) -> Array:
        """Orders 2 to `orders` (at least 2): ms2 (1 + s + s^2 ...), s = ms3/ms2; shape (n,)."""
        share = self.ms3 / np.where(self.ms2 > 0.0, self.ms2, 1.0)
        return np.asarray(self.ms2 * sum(share**k for k in range(orders - 1)))


def multiple_scattering(
    two_theta_deg: npt.ArrayLike,
    *,
    kernel: ScatteringKernel,
    core: Scatterer | None,
    wall: Scatterer | None,
    reference_density_per_a3: float,
) -> MultipleScattering:
    """Second, third and all orders >= 2, in e.u. per reference atom, as they reach the detector.

    core None: an empty container (with a kernel whose core does not attenuate); reference_density_per_a3:
    atoms/Å^3 of the irradiated core by which the result is divided, so that it adds to what is written per
    sample atom. Third order: the same contraction, what was scattered twice taking the place of the
    first cross-section (isotropic, bathed rod: within 2, 5, 11% of a photon walk at muR 0.1, 0.5, 1); the
    rest is a geometric series in ms3/ms2. The coherent cross-section after a
    Compton scattering is that at the lower energy (linear in the shift); its Compton one is not changed.
    Where the kernel knows a detector (`counted`), second order is counted by both angles of every photon; in third order
    one more Compton scattering costs what it does on average (`ComptonDetection.again`).
    """
    materials = [core, wall][: kernel.weights.shape[1]]
    if wall is not None and kernel.weights.shape[1] == 1:
        raise InputError("a wall scatters that the kernel does not contain")
    if not reference_density_per_a3 > 0.0:
        raise InputError(
            f"the number density of the sample is {reference_density_per_a3:g} atoms/Å^3",
            remedy="give a positive density: multiple scattering is written per sample atom",
        )
    per_mm = _THOMSON_A2 * _A_PER_MM
    chi, angles = kernel.chi_deg, kernel.two_theta_deg
    u = 1.0 - np.cos(np.radians(chi))
    # the same Q at the energy E / (1 + 2 recoil) is met at a larger angle
    softer = 2.0 * np.degrees(
        np.arcsin(np.sin(0.5 * np.radians(chi)) / (1.0 + 2.0 * kernel.recoil))
    )
    coherent = [_density(m, "coherent", chi) for m in materials]
    compton = [_density(m, "compton", chi) for m in materials]
    slowed = [_density(m, "coherent", softer) for m in materials]
    unshifted = per_mm * _contracted(kernel.weights[0], coherent, coherent)
    ways = (
        (1, coherent, compton),
        (2, [c * (1.0 - 0.5 * u) for c in compton], coherent),
        (2, [c * 0.5 * u for c in compton], slowed),
        (3, compton, compton),
    )
    shifted = np.zeros_like(unshifted)
    for channel, firsts, seconds in ways:
        shifted += per_mm * _contracted(kernel.weights[channel], firsts, seconds)
    ms2_from = unshifted + shifted
    # what a third scattering sends on, by what came before it
    total = [a + b for a, b in zip(coherent, compton, strict=True)]
    chains: tuple[tuple[Array, list[Array]], ...] = ((ms2_from, total),)
    if kernel.detection is not None:
        chains = tuple(
            (rows, [a + b * d for a, b, d in zip(coherent, compton, seen, strict=True)])
            for rows, seen in zip(
                (unshifted, shifted), _third(kernel, kernel.detection, materials), strict=True
            )
        )
    ms3 = np.zeros(angles.size)
    for rows, thirds in chains:
        # e.u. per Å^3 that would send out what was scattered twice, as single scattering does
        # (light polarized in the plane: what was scattered twice no longer vanishes at 90 degrees)
        twice = rows / (kernel.singles * np.maximum(kernel.polarization, 0.5))
        again = [np.interp(chi, angles, row) for row in twice]
        ms3 += per_mm * _contracted(kernel.weights[0], again, thirds).sum(axis=0)
    ms2 = ms2_from.sum(axis=0)
    share = ms3 / np.where(ms2 > 0.0, ms2, 1.0)
    if np.any(share >= 0.9):
        raise InputError(
            "multiple scattering does not converge with its order",
            remedy="check densities and attenuation: scattering exceeds attenuation",
        )
    at = np.atleast_1d(np.asarray(two_theta_deg, dtype=np.float64))
    scale = 1.0 / (reference_density_per_a3 * kernel.reference_area_mm2)
    to_angles = scale * _even_interpolation(at.tobytes(), angles.size)
    once = [np.ones_like(at)] * len(materials)
    if kernel.detection is not None:
        once = kernel.detection.once_at(at)
    single = np.zeros_like(at)
    for material, row, d in zip(materials, kernel.singles * kernel.polarization, once, strict=True):
        sigma = _density(material, "coherent", at) + d * _density(material, "compton", at)
        single += sigma * (to_angles @ row)
    return MultipleScattering(
        two_theta_deg=frozen(at),
        ms2=frozen(to_angles @ ms2),
        ms3=frozen(to_angles @ ms3),
        ms_total=frozen(to_angles @ (ms2 / (1.0 - share))),
        single=frozen(single),
        accuracy=kernel.accuracy,
    )


def _third(
    kernel: ScatteringKernel, detection: ComptonDetection, materials: list[Scatterer | None]
) -> tuple[list[Array], list[Array]]:
    """Response to a Compton photon of a third scattering over that before it: unshifted before, or shifted."""
    compton = [_density(m, "compton", detection.two_theta_deg) for m in materials]
    later = [
        np.interp(kernel.chi_deg, detection.two_theta_deg, row) for row in detection.again(compton)
    ]
    return detection.once_at(kernel.chi_deg), later


def _contracted(weights: _Weights, firsts: list[Array], seconds: list[Array]) -> Array:
    """Sum over directions and first materials: (second material, angle)."""
    angles, azimuths, polar = weights.shape[2:]
    result = np.zeros((len(seconds), angles))
    for j, second in enumerate(seconds):
        # the angle to the way out at phi is the angle to the beam at phi - 2theta
        twofold = np.concatenate([second, second]).astype(np.float32).ravel()
        for i, first in enumerate(firsts):
            if not (np.any(first) and np.any(second)):
                continue
            flat = first.astype(np.float32).ravel()
            for k in range(angles):
                start = (azimuths - 2 * k) * polar
                turned = twofold[start : start + azimuths * polar]
                result[j, k] += np.dot(weights[i, j, k].ravel() * flat, turned)
    return result


def _density(material: Scatterer | None, part: Part, chi_deg: Array) -> Array:
    """n sigma of a material at angles chi, e.u./Å^3; nothing where there is nothing."""
    if material is None:
        return np.zeros_like(chi_deg)
    sigma = material.coherent if part == "coherent" else material.compton
    return material.number_density_per_a3 * np.interp(chi_deg, material.two_theta_deg, sigma)


@lru_cache(maxsize=2)
def _even_interpolation(two_theta_deg: bytes, count: int) -> Array:
    """From count equal steps of 0 to 180 degrees, even about both ends, to any angles (float64, as bytes).

    Remembered: it costs more than the rest of a round, and the angles stay the same from round to round.
    """
    angles = np.frombuffer(two_theta_deg, dtype=np.float64)
    whole = periodic_interpolation(np.radians(angles), 2 * (count - 1))
    matrix = whole[:, :count].copy()
    matrix[:, 1:-1] += whole[:, : count - 1 : -1]
    return frozen(matrix)
