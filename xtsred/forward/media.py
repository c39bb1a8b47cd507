"""What the virtual diffractometer's photons meet: atoms, their cross-sections, and smooth tables of both.

Only the tables of `xtsred.atoms` are shared with the reduction (the tests hold them against a second
source); every formula here is written anew, because this model exists to test the corrections.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from calibration.errors import InputError
from calibration.radiation import HC_KEV_A
from xtsred.atoms import (
    Composition,
    attenuation_per_cm,
    form_factors,
    incoherent,
    mass_density,
    photoabsorption_per_cm,
)
from xtsred.stages import Array, frozen

__all__ = [
    "ELECTRON_REST_KEV",
    "R0_SQUARED_BARN",
    "AtomicCurves",
    "IsotropicMedium",
    "Medium",
    "Scatterer",
    "Structure",
    "VirtualMaterial",
    "atomic_curves",
    "attenuation_per_mm",
    "empty_medium",
    "photoabsorption_per_mm",
    "tabulated_medium",
]

ELECTRON_REST_KEV = 510.99895000  # CODATA 2018
R0_SQUARED_BARN = 0.07940787697  # classical electron radius squared, CODATA 2018


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A Faber-Ziman structure factor as a table: q, shape (n,), Å^-1, increasing; s, shape (n,).

    Beyond the last q it is 1; below the first it keeps its first value.
    """

    q: Array
    s: Array

    def at(self, q: Array) -> Array:
        """S at q (any shape)."""
        return np.interp(q, self.q, self.s, right=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMaterial:
    """A homogeneous material: what it is made of, how dense, and how its atoms are arranged.

    fractions: element -> atomic amount (normalised to sum 1). number_density_per_a3: atoms/Å^3 of the
    solid itself. structure: its S(Q); None means independent atoms.
    """

    fractions: Mapping[str, float]
    number_density_per_a3: float
    structure: Structure | None = None

    def __post_init__(self) -> None:
        if not self.fractions or min(self.fractions.values()) <= 0:
            raise InputError("a virtual material needs elements with positive atomic fractions")
        if not self.number_density_per_a3 > 0:
            raise InputError("a virtual material needs a positive number density")

    @property
    def composition(self) -> Composition:
        """Elements and fractions, for the tables."""
        return Composition.of(self.fractions)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomicCurves:
    """Curves per average atom, electron units, over one q array of shape (n,).

    mean_f_squared: |<f>|^2; mean_squared_f: <|f|^2>; coherent: |<f>|^2 (S - 1) + <|f|^2>; incoherent: sum c_n S_n(x).
    """

    mean_f_squared: Array
    mean_squared_f: Array
    coherent: Array
    incoherent: Array


def atomic_curves(material: VirtualMaterial, q: Array, *, energy_kev: float) -> AtomicCurves:
    """Scattering curves of a material at one incident energy.

    f = f0(q) + f' + i f''; coherent = |<f>|^2 (S(q) - 1) + <|f|^2>; incoherent = sum c_n S_n(q/4pi).
    q: shape (n,), Å^-1. Source of the coherent formula: Faber & Ziman, Phil. Mag. 11 (1965) 153.
    """
    composition = material.composition
    f = form_factors(composition, q, energy_kev=energy_kev)
    mean_f_squared = np.abs(np.asarray(composition.fractions) @ f) ** 2
    mean_squared_f = np.asarray(composition.fractions) @ np.abs(f) ** 2
    excess = 0.0 if material.structure is None else material.structure.at(q) - 1.0
    return AtomicCurves(
        mean_f_squared=frozen(mean_f_squared),
        mean_squared_f=frozen(mean_squared_f),
        coherent=frozen(mean_f_squared * excess + mean_squared_f),
        incoherent=frozen(incoherent(composition, q)),
    )


def attenuation_per_mm(material: VirtualMaterial, energy_kev: Array) -> Array:
    """Linear attenuation coefficient of the solid, 1/mm: photoelectric, coherent and Compton together."""
    composition = material.composition
    density = mass_density(composition, number_density_per_a3=material.number_density_per_a3)
    return 0.1 * attenuation_per_cm(composition, energy_kev, mass_density_g_per_cm3=density)


def photoabsorption_per_mm(material: VirtualMaterial, energy_kev: Array) -> Array:
    """The photoelectric part of `attenuation_per_mm`: what a sensor counts, for a scattered photon leaves it."""
    composition = material.composition
    density = mass_density(composition, number_density_per_a3=material.number_density_per_a3)
    return 0.1 * photoabsorption_per_cm(composition, energy_kev, mass_density_g_per_cm3=density)


class Scatterer(Protocol):
    """What a photon walk asks of a medium."""

    def attenuation(self, energy_kev: Array) -> Array:
        """Linear attenuation coefficient, 1/mm, for energies of any shape."""
        ...

    def differential(
        self, cosine: Array, energy_kev: Array, transverse: Array
    ) -> tuple[Array, Array]:
        """Coherent and Compton scattering coefficients, 1/(mm sr); arguments broadcast together.

        cosine: of the scattering angle. energy_kev: before the event.
        transverse: n.M.n of the outgoing direction n with the photon's coherency matrix M (trace 1).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """A material as evenly spaced tables, looked up linearly by the walk.

    strength: 0.1 * density * packing * r0^2, 1/(mm sr) per electron unit. coherent, incoherent: shape (n,),
    electron units at q = 0, q_step, ... ; mu: shape (m,), 1/mm at energy_first, energy_first + energy_step, ...
    f', f'' are those of the incident line also after Compton events.
    """

    strength: float
    q_step: float
    coherent: Array
    incoherent: Array
    energy_first: float
    energy_step: float
    mu: Array

    def attenuation(self, energy_kev: Array) -> Array:
        """Linear attenuation coefficient, 1/mm."""
        return _lookup(self.mu, (energy_kev - self.energy_first) / self.energy_step)

    def differential(
        self, cosine: Array, energy_kev: Array, transverse: Array
    ) -> tuple[Array, Array]:
        """Thomson with |f|^2, and Klein-Nishina with the incoherent scattering function, 1/(mm sr).

        coherent: strength * I_coh(q) (1 - n.M.n)
        Compton:  strength * S_inc(q) (E'/E)^2 [ (E/E' + E'/E)/2 - n.M.n ]
        Source: Heitler, The Quantum Theory of Radiation, 3rd ed., section 22, for linear polarisation.
        """
        sine = np.sqrt(np.maximum(0.5 * (1.0 - cosine), 0.0))
        place = sine * (energy_kev * (4 * np.pi / HC_KEV_A / self.q_step))
        ratio = 1.0 / (1.0 + energy_kev / ELECTRON_REST_KEV * (1.0 - cosine))
        coherent = self.strength * _lookup(self.coherent, place) * (1.0 - transverse)
        recoil = ratio * ratio * (0.5 * (ratio + 1.0 / ratio) - transverse)
        return coherent, self.strength * _lookup(self.incoherent, place) * recoil


@dataclass(frozen=True, slots=True, kw_only=True)
class IsotropicMedium:
    """A test medium: isotropic scattering without polarisation or energy loss; coefficients in 1/mm."""

    mu_total: float
    mu_scatter: float

    def attenuation(self, energy_kev: Array) -> Array:
        """The same at every energy, 1/mm."""
        return np.full(np.shape(energy_kev), self.mu_total)

    def differential(
        self, cosine: Array, energy_kev: Array, transverse: Array
    ) -> tuple[Array, Array]:
        """mu_scatter / 4 pi in every direction, nothing inelastic."""
        shape = np.broadcast(cosine, energy_kev, transverse).shape
        return np.full(shape, self.mu_scatter / (4 * np.pi)), np.zeros(shape)


def tabulated_medium(
    material: VirtualMaterial, *, packing: float, energy_kev: float, compton_events: int
) -> Medium:
    """Tables of a material for photons that start at energy_kev and suffer up to compton_events recoils."""
    q_step = 0.01
    q = np.arange(0.0, 4 * np.pi * energy_kev / HC_KEV_A + 3 * q_step, q_step)
    curves = atomic_curves(material, q, energy_kev=energy_kev)
    lowest = energy_kev / (1 + 2.0 * (compton_events + 1) * energy_kev / ELECTRON_REST_KEV)
    energies = np.linspace(lowest, energy_kev * 1.001, 600)
    mu = packing * attenuation_per_mm(material, energies)
    return Medium(
        strength=0.1 * material.number_density_per_a3 * packing * R0_SQUARED_BARN,
        q_step=q_step,
        coherent=curves.coherent,
        incoherent=curves.incoherent,
        energy_first=lowest,
        energy_step=float(energies[1] - energies[0]),
        mu=frozen(mu),
    )


def empty_medium() -> IsotropicMedium:
    """Nothing at all: the core of an empty capillary, the wall of a bare rod."""
    return IsotropicMedium(mu_total=0.0, mu_scatter=0.0)


def _lookup(table: Array, place: Array) -> Array:
    """Linear interpolation of an evenly spaced table at fractional indices `place`."""
    index = np.clip(place.astype(np.intp), 0, len(table) - 2)
    low = table[index]
    return low + (place - index) * (table[index + 1] - low)
