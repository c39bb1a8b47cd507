"""Compton lines broadened by the motion of bound electrons, shell by shell.

Every shell is a set of equally likely electron momenta (quantiles of its Compton profile); a photon of energy E
scattered by c = cos(2theta) off an electron of momentum p_z leaves with the exact energy of the impulse
approximation, if that frees the electron: E - E' must reach the shell's binding energy.
Sources: Ribberfors & Berggren, Phys. Rev. A 26 (1982) 3325; profiles of Biggs, Mendelsohn & Mann (1975) and
edges as tabulated by xraylib.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xraylib

from xtsred.forward.media import ELECTRON_REST_KEV, VirtualMaterial
from xtsred.stages import Array, frozen

__all__ = ["Doppler", "Electrons", "bound_electrons", "scattered_energy"]

_ALPHA = 7.2973525693e-3  # one atomic unit of momentum over m c, CODATA 2018
_STATES = 201
_PZ_MAX = 100.0  # atomic units, the end of the tables
_SUBSHELLS = {"L": 3, "M": 5, "N": 7, "O": 7, "P": 5, "Q": 3}
_SHELLS = ("K", *(f"{x}{k}" for x, n in _SUBSHELLS.items() for k in range(1, n + 1)))
_TRIES = 12
_STRIDE = 7919.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrons:
    """Momentum states of a material's electrons.

    momentum: p_z, shape (n,), atomic units; binding_kev: shape (n,); share: shape (n,), of all electrons, sum 1.
    """

    momentum: Array
    binding_kev: Array
    share: Array


def bound_electrons(material: VirtualMaterial, *, states: int = _STATES) -> Electrons:
    """Equally likely momenta of every shell of every element; states: how many per shell."""
    composition = material.composition
    positive = np.concatenate([[0.0], np.geomspace(1e-3, _PZ_MAX, 1500)])
    place = (np.arange(states) + 0.5) / states
    momentum, binding, share = [], [], []
    for element, fraction in zip(composition.elements, composition.fractions, strict=True):
        z = xraylib.SymbolToAtomicNumber(element)
        for name in _SHELLS:
            shell = getattr(xraylib, f"{name}_SHELL")
            try:
                number = float(xraylib.ElectronConfig(z, shell))
            except ValueError:  # so does xraylib say that the atom has no such shell
                continue
            half = _profile(z, shell, positive)
            below = np.concatenate(
                [[0.0], np.cumsum(0.5 * (half[1:] + half[:-1]) * np.diff(positive))]
            )
            # the profile is even: the upper half of the quantiles, mirrored
            upper = np.interp(np.abs(2 * place - 1) * below[-1], below, positive)
            momentum.append(np.sign(place - 0.5) * upper)
            binding.append(np.full(states, _edge_kev(z, shell)))
            share.append(np.full(states, fraction * number / states))
    total = np.concatenate(share)
    return Electrons(
        momentum=frozen(np.concatenate(momentum)),
        binding_kev=frozen(np.concatenate(binding)),
        share=frozen(total / total.sum()),
    )


def _edge_kev(z: int, shell: int) -> float:
    """Zero where the tables end before the outermost shell (4s of K to Zn, 5s of Ag): it is bound by some eV."""
    try:
        return float(xraylib.EdgeEnergy(z, shell))
    except ValueError:
        return 0.0


def _profile(z: int, shell: int, momentum: Array) -> Array:
    """J(p_z) of one electron of a shell, shape of momentum; B and Al lack one of two alike subshells: its twin's."""
    try:
        return np.array([xraylib.ComptonProfile_Partial(z, shell, p) for p in momentum])
    except ValueError:
        return np.array([xraylib.ComptonProfile_Partial(z, shell - 1, p) for p in momentum])


def scattered_energy(energy_kev: Array, cosine: Array, momentum: Array) -> Array:
    """Energy after scattering off an electron of momentum p_z (atomic units) along the momentum transfer, keV.

    p_z/(m c) = [E E' (1 - c)/(m c^2) - (E - E')]/sqrt(E^2 + E'^2 - 2 E E' c), solved for E' exactly: with
    t = p_z/(m c) and k = 1 + E (1 - c)/(m c^2),
    E' = E [k - t^2 c + sign(t) sqrt((k - t^2 c)^2 - (k^2 - t^2)(1 - t^2))]/(k^2 - t^2).
    Arguments broadcast. Source of the kinematics: Ribberfors, Phys. Rev. B 12 (1975) 2067.
    """
    t = momentum * _ALPHA
    k = 1.0 + energy_kev / ELECTRON_REST_KEV * (1.0 - cosine)
    middle, a = k - t * t * cosine, k * k - t * t
    root = np.sqrt(np.maximum(middle * middle - a * (1.0 - t * t), 0.0))
    return np.asarray(energy_kev * (middle + np.sign(t) * root) / a)


class Doppler:
    """What a detector counts of one material's Compton photons, and the energies with which they fly on."""

    def __init__(
        self,
        electrons: Electrons,
        *,
        energy_kev: float,
        lowest_kev: float,
        response: Callable[[Array], Array],
    ) -> None:
        """energy_kev: of the line; lowest_kev: no photon is followed below it; response: by energy."""
        self._electrons, self._response = electrons, response
        self._cumulative = np.concatenate([[0.0], np.cumsum(electrons.share)])
        self._line, self._lowest = energy_kev, lowest_kev
        self._turns = np.linspace(0.0, np.pi, 73)

    def at_line(self, cosine: Array) -> Array:
        """Mean response to photons of the line turned by arccos(cosine), shape of cosine."""
        row = self._mean(self._line, self._electrons)
        return np.asarray(np.interp(np.arccos(np.clip(cosine, -1.0, 1.0)), self._turns, row))

    def _mean(self, energy: float, e: Electrons) -> Array:
        """Mean response to photons of one energy at every turn; forward, where nothing is lost, the elastic one."""
        cosine = np.cos(self._turns)[:, None]
        after = scattered_energy(np.array(energy), cosine, e.momentum)
        weight = e.share * ((after > 0) & (after <= energy - e.binding_kev))
        total = weight.sum(axis=1)
        seen = (weight * self._response(after)).sum(axis=1) / np.maximum(total, 1e-300)
        elastic = float(self._response(np.array([energy]))[0])
        return np.where(total > 0, seen, elastic)

    @cached_property
    def _energies(self) -> Array:
        return np.linspace(self._lowest, self._line, 81)

    @cached_property
    def _table(self) -> Array:
        e = self._electrons
        some = slice(1, None, 4)  # of every shell: a table needs fewer states than a single row
        few = Electrons(
            momentum=e.momentum[some], binding_kev=e.binding_kev[some], share=e.share[some]
        )
        return np.array([self._mean(energy, few) for energy in self._energies])

    def response(self, energy_kev: Array, cosine: Array) -> Array:
        """Mean detector response to photons that had energy_kev and were turned by arccos(cosine)."""
        turn = np.arccos(np.clip(cosine, -1.0, 1.0)) / self._turns[1]
        rank = (energy_kev - self._energies[0]) / (self._energies[1] - self._energies[0])
        i = np.clip(rank.astype(np.intp), 0, len(self._energies) - 2)
        j = np.clip(turn.astype(np.intp), 0, len(self._turns) - 2)
        u, v = np.clip(rank - i, 0.0, 1.0), turn - j
        t = self._table
        low = t[i, j] + v * (t[i, j + 1] - t[i, j])
        high = t[i + 1, j] + v * (t[i + 1, j + 1] - t[i + 1, j])
        return np.asarray(low + u * (high - low))

    def draw(self, energy_kev: Array, cosine: Array, u: Array) -> Array:
        """One energy after a Compton event for every photon; u: uniform, shape of energy_kev.

        A state that would not free its electron is replaced by one that further digits of u choose.
        """
        e = self._electrons
        after = np.asarray(
            energy_kev / (1.0 + energy_kev / ELECTRON_REST_KEV * (1.0 - cosine)), dtype=np.float64
        )
        waiting = np.arange(len(after))
        for attempt in range(_TRIES):
            place = (u[waiting] * (1.0 + attempt * _STRIDE)) % 1.0
            state = np.searchsorted(self._cumulative, place, side="right") - 1
            state = np.clip(state, 0, len(e.share) - 1)
            found = scattered_energy(energy_kev[waiting], cosine[waiting], e.momentum[state])
            good = found <= energy_kev[waiting] - e.binding_kev[state]
            after[waiting[good]] = np.maximum(found[good], self._lowest)
            waiting = waiting[~good]
            if not waiting.size:
                break
        return after
