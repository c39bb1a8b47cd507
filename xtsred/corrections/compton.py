"""Compton scattering: shifted energy, recoil, Doppler broadening."""

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
    momentum: Array,
    binding_kev: Array,
    profiles: Array,
) -> tuple[Array, Array]:
    """Energies of the Doppler-broadened Compton line and their weights at each angle (impulse approximation).

    p_z/(m c) = [E E' (1 - c)/(m c^2) - (E - E')] / sqrt(E^2 + E'^2 - 2 E E' c), solved for E'; with t = p_z/(m c) and
    k = 1 + E (1 - c)/(m c^2):  E' = E [k - t^2 c + sign(t) sqrt((k - t^2 c)^2 - (k^2 - t^2)(1 - t^2))]/(k^2 - t^2).

    momentum: p_z, shape (m,), atomic units (alpha m c), in equal steps. profiles: J(p_z) of every shell, shape (s, m);
    binding_kev: shape (s,): a photon that does not lose that much frees none of the shell's electrons. Returns (energies, weights), each
    of shape (n, m); weights sum to 1. Forward, where nothing can be freed, everything stays at the incident energy.
    Sources: Ribberfors, Phys. Rev. B 12 (1975) 2067 (kinematics); Ribberfors & Berggren, Phys. Rev. A 26 (1982) 3325
    (binding); Cooper, Rep. Prog. Phys. 48 (1985) 415.
    """
    t = np.asarray(momentum, dtype=np.float64)[None, :] / _ALPHA_INV
    cos = np.cos(np.radians(np.asarray(two_theta_deg)))[:, None]
    k = 1.0 + energy_kev / ELECTRON_REST_KEV * (1.0 - cos)
    middle, below = k - t**2 * cos, k**2 - t**2
    root = np.sqrt(np.maximum(middle**2 - below * (1.0 - t**2), 0.0))
    energies = energy_kev * (middle + np.sign(t) * root) / below
    weights = np.zeros_like(energies)
    for own, profile in zip(binding_kev, profiles, strict=True):
        weights += profile * ((energies > 0.0) & (energies < energy_kev - own))
    total = weights.sum(axis=1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0.0)
    still = total[:, 0] <= 0.0
    energies[still] = energy_kev
    weights[still] = 1.0 / t.size
    return energies, weights
