"""What a detector with a window counts of photons that Compton-scattered once and twice.

The second scattering starts from an energy of the first one's Doppler-broadened line:
D_2(chi_1, chi_2) = ∫ dE_1 p(E_1 | E, chi_1) D_1(E_1, chi_2), D_1 the response averaged over the line that photons of E_1
turned by chi_2 form. A product of two D_1(E) is another number: both recoils together reach an edge that neither reaches.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from xtsred.corrections.compton import doppler_moments
from xtsred.stages import Array, frozen

__all__ = ["BoundElectrons", "ComptonDetection", "compton_detection"]

_ANGLES = np.linspace(0.0, 180.0, 61)
_ENERGIES = 49  # after the first scattering
_NEGLECTED = 1e-3  # singular values of the response: what its sum of products leaves out


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundElectrons:
    """Of a material's average atom, as `doppler_moments` takes them.

    momentum: p_z, shape (m,), atomic units; binding_kev: of every shell, shape (s,); profiles: shape (s, m).
    """

    momentum: Array
    binding_kev: Array
    profiles: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class ComptonDetection:
    """Response to Compton photons, relative to elastic photons of the line, by the angles of their scatterings.

    two_theta_deg: shape (m,), 0 to 180. once: (material, m). twice: (first material, second, m, m).
    """

    two_theta_deg: Array
    once: Array
    twice: Array

    def once_at(self, chi_deg: Array) -> list[Array]:
        """Of every material, at angles of any shape."""
        return [np.interp(chi_deg, self.two_theta_deg, row) for row in self.once]

    def products(self, first: int, second: int, chi_deg: Array) -> tuple[Array, Array]:
        """twice as a short sum over r of a_r(chi_1) b_r(chi_2): a and b at chi_deg, shape (r, *chi_deg.shape)."""
        left, size, right = np.linalg.svd(self.twice[first, second])
        count = max(1, int(np.sum(size > _NEGLECTED)))
        a, b = (
            np.array([np.interp(chi_deg, self.two_theta_deg, row) for row in rows[:count]])
            for rows in ((left * size).T, right)
        )
        return a, b

    def again(self, compton: Sequence[Array]) -> list[Array]:
        """Response after one more Compton scattering over that before it, of every material at two_theta_deg.

        For photons that were Compton-scattered once by `compton` (of every material, at two_theta_deg, any unit)
        with the polarization of an unpolarized beam, and were counted. For orders above the second.
        """
        chi = np.radians(self.two_theta_deg)
        often = np.array(compton) * np.sin(chi) * (1.0 + np.cos(chi) ** 2)
        before = float(np.sum(often * self.once))
        if before <= 0.0:
            return [np.zeros_like(chi) for _ in self.once]
        after = np.einsum("ia,ijab->jb", often, self.twice) / before
        return list(after)


def compton_detection(
    electrons: Sequence[BoundElectrons],
    *,
    energy_kev: float,
    counted: Callable[[Array], Array],
) -> ComptonDetection:
    """Of every material, for photons of one line.

    electrons: of every material; counted: the detector's response by energy (any shape), that of the line's elastic
    photons being 1. Sources: see `doppler_moments`.
    """
    lines = [_line(own, energy_kev) for own in electrons]
    lowest = min(float(np.min(energies[weights > 0.0])) for energies, weights in lines)
    grid = np.linspace(lowest, energy_kev, _ENERGIES)
    after = []  # D_1(E_1, chi) of every material
    for own in electrons:
        rows = [_line(own, float(energy)) for energy in grid]
        after.append(
            np.array([(weights * counted(energies)).sum(axis=1) for energies, weights in rows])
        )
    shares = [_onto(grid, energies, weights) for energies, weights in lines]
    return ComptonDetection(
        two_theta_deg=frozen(_ANGLES),
        once=frozen(np.array([table[-1] for table in after])),
        twice=frozen(np.array([[share @ table for table in after] for share in shares])),
    )


def _line(electrons: BoundElectrons, energy_kev: float) -> tuple[Array, Array]:
    """Energies and weights after one scattering, shape (angles, momenta)."""
    return doppler_moments(
        _ANGLES,
        energy_kev=energy_kev,
        momentum=electrons.momentum,
        binding_kev=electrons.binding_kev,
        profiles=electrons.profiles,
    )


def _onto(grid: Array, energies: Array, weights: Array) -> Array:
    """Weights shared between the two nearest energies of an even grid: (angles, grid)."""
    place = np.clip((energies - grid[0]) / (grid[1] - grid[0]), 0.0, grid.size - 1.0)
    below = np.minimum(place.astype(np.intp), grid.size - 2)
    upper = place - below
    found = np.zeros((energies.shape[0], grid.size))
    rows = np.broadcast_to(np.arange(energies.shape[0])[:, None], below.shape)
    np.add.at(found, (rows, below), weights * (1.0 - upper))
    np.add.at(found, (rows, below + 1), weights * upper)
    return found
