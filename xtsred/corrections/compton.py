"""Compton scattering: shifted energy, recoil, Doppler broadening."""

from collections.abc import Callable

import numpy as np

from xtsred.corrections.polarization import BeamPolarization
from xtsred.stages import Array

__all__ = [
    "ELECTRON_REST_KEV",
    "doppler_moments",
    "klein_nishina_over_thomson",
    "shifted_energy",
]

ELECTRON_REST_KEV = 510.99895069  # CODATA 2022
_ALPHA_INV = 137.035999177  # CODATA 2022


def shifted_energy(two_theta_deg: Array, *, energy_kev: float) -> Array:
    """Energy of a photon scattered by a free electron at rest, in keV.

    E' = E / (1 + (E / m c^2) (1 - cos 2theta));  two_theta_deg: shape (n,); returns shape (n,).
    Source: Compton, Phys. Rev. 21 (1923) 483.
    """
    cos = np.cos(np.radians(two_theta_deg))
    return np.asarray(energy_kev / (1.0 + energy_kev / ELECTRON_REST_KEV * (1.0 - cos)))


def klein_nishina_over_thomson(
    two_theta_deg: Array, *, energy_kev: float, beam: BeamPolarization
) -> Array:
    """Recoil factor for counted photons: Klein-Nishina over Thomson cross-section, 1 in the forward direction.

    R = (E'/E)^2 [E'/E + E/E' - 2 + 2 P] / (2 P) with P the polarization factor of the beam
    (P = (1 + cos^2)/2 unpolarized gives (E'/E)^2 [E'/E + E/E' - sin^2] / (1 + cos^2)).

    two_theta_deg: shape (n,). Returns shape (n,); multiply by P for the cross-section.
    Source: Klein & Nishina, Z. Phys. 52 (1929) 853; Heitler, The Quantum Theory of Radiation, sec. 22.
    """
    cos2 = np.cos(np.radians(two_theta_deg)) ** 2
    p = (1.0 + beam.ratio * cos2) / (1.0 + beam.ratio)
    k = shifted_energy(two_theta_deg, energy_kev=energy_kev) / energy_kev
    return np.asarray(k**2 * (k + 1.0 / k - 2.0 + 2.0 * p) / (2.0 * p))


def doppler_moments(
    two_theta_deg: Array,
    *,
    energy_kev: float,
    profile: Callable[[Array], Array],
    pz_max: float = 12.0,
    nodes: int = 97,
) -> tuple[Array, Array]:
    """Energies of the Doppler-broadened Compton line and their weights at each angle.

    p_z = m c [ (E E'/(m c^2)) (1 - cos) - (E - E') ] / |k - k'| in atomic units (1/alpha = m c),
    inverted to first order about the free-electron line: E' = E'_0 (1 + p_z alpha |k-k'| ... ).

    profile: J(p_z), symmetric. Returns (energies, weights), each of shape (n, nodes); weights sum to 1.
    Energies above the incident one are impossible and carry no weight.
    Source: Cooper, Rep. Prog. Phys. 48 (1985) 415, Eq. 2.14.
    """
    pz = np.linspace(-pz_max, pz_max, nodes)
    cos = np.cos(np.radians(np.asarray(two_theta_deg)))[:, None]
    center = shifted_energy(two_theta_deg, energy_kev=energy_kev)[:, None]
    # momentum transfer over E: sqrt(E^2 + E'^2 - 2 E E' cos) / E, and dE'/dp_z on the free-electron line
    transfer = np.sqrt(energy_kev**2 + center**2 - 2.0 * energy_kev * center * cos)
    slope = center / energy_kev * transfer / _ALPHA_INV
    energies = center + slope * pz[None, :]
    weights = np.broadcast_to(profile(np.abs(pz)), energies.shape).copy()
    weights[(energies >= energy_kev) | (energies <= 0.0)] = 0.0
    total = weights.sum(axis=1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0.0)
    # forward: no transfer, everything at the incident energy
    still = total[:, 0] <= 0.0
    energies[still] = energy_kev
    weights[still] = 1.0 / nodes
    return energies, weights
