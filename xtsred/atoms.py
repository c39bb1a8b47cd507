"""Atoms in the beam: form factors, anomalous terms, Compton functions, attenuation.

The only module that imports xraydb (f0 of Waasmaier & Kirfel 1995, f' and f'' of Chantler 1995, mass
attenuation of Elam et al. 2002) and xraylib (incoherent scattering functions of Hubbell et al. 1975,
Compton profiles of Biggs et al. 1975; Schoonjans et al., Spectrochim. Acta B 66 (2011) 776).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from xtsred.stages import Array, frozen

__all__ = [
    "Composition",
    "absorption_edges_kev",
    "attenuation_per_cm",
    "compton_shells",
    "element_density",
    "form_factors",
    "incoherent",
    "mass_density",
    "mean_square",
    "number_density",
    "photoabsorption_per_cm",
    "square_mean",
]

AVOGADRO_A3 = 0.602214076  # atoms/Å^3 in one mol/cm^3 (SI 2019, exact)
_X_TABLE_START = 5e-3  # Å^-1; below, the tabulated S(x, Z) is too coarse, and S grows as x^2

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Composition:
    """Elements and their atomic fractions (which sum to one)."""

    elements: tuple[str, ...]
    fractions: tuple[float, ...]

    @classmethod
    def of(cls, fractions: Mapping[str, float]) -> "Composition":
        """From a mapping of element to amount, normalized to one."""
        total = sum(fractions.values())
        return cls(tuple(fractions), tuple(v / total for v in fractions.values()))

    @property
    def mean_atomic_mass(self) -> float:
        """Mean atomic mass in g/mol."""
        return sum(c * _mass(e) for e, c in zip(self.elements, self.fractions, strict=True))


@lru_cache(maxsize=256)
def _mass(element: str) -> float:
    import xraydb

    return float(xraydb.atomic_mass(element))


def number_density(composition: Composition, *, mass_density_g_per_cm3: float) -> float:
    """Atoms per Å^3 from the mass density: rho0 = rho N_A / <M>."""
    return mass_density_g_per_cm3 * AVOGADRO_A3 / composition.mean_atomic_mass


def mass_density(composition: Composition, *, number_density_per_a3: float) -> float:
    """Mass density in g/cm^3 from atoms per Å^3."""
    return number_density_per_a3 * composition.mean_atomic_mass / AVOGADRO_A3


def form_factors(composition: Composition, q: Array, *, energy_kev: float) -> ComplexArray:
    """f0(Q) + f'(E) + i f''(E) of each element.

    q: shape (n,), Å^-1. Returns shape (elements, n), electrons.
    Source: Waasmaier & Kirfel, Acta Cryst. A51 (1995) 416 (valid to Q = 75 Å^-1);
    Chantler, J. Phys. Chem. Ref. Data 24 (1995) 71.
    """
    import xraydb

    s = np.asarray(q) / (4.0 * np.pi)
    rows = []
    for element in composition.elements:
        fp, fpp = _anomalous(element, energy_kev)
        rows.append(xraydb.f0(element, s) + fp + 1j * fpp)
    return np.array(rows, dtype=np.complex128)


def form_factors_far_from_edges(composition: Composition, q: Array) -> ComplexArray:
    """f0(Q) of each element, without anomalous terms: for comparisons where no energy is stated.

    q: shape (n,), Å^-1. Returns shape (elements, n), electrons. Source: Waasmaier & Kirfel 1995.
    """
    import xraydb

    s = np.asarray(q) / (4.0 * np.pi)
    return np.array([xraydb.f0(e, s) for e in composition.elements], dtype=np.complex128)


@lru_cache(maxsize=1024)
def _anomalous(element: str, energy_kev: float) -> tuple[float, float]:
    import xraydb

    energy_ev = 1e3 * energy_kev
    return (
        float(xraydb.f1_chantler(element, energy_ev)),
        float(xraydb.f2_chantler(element, energy_ev)),
    )


def square_mean(composition: Composition, f: ComplexArray) -> Array:
    """|<f>|^2 = |sum c_n f_n|^2, shape (n,), e.u.; f: shape (elements, n)."""
    return np.asarray(np.abs(np.asarray(composition.fractions) @ f) ** 2)


def mean_square(composition: Composition, f: ComplexArray) -> Array:
    """<f^2> = sum c_n |f_n|^2, shape (n,), e.u.; f: shape (elements, n)."""
    return np.asarray(np.asarray(composition.fractions) @ np.abs(f) ** 2)


def incoherent(composition: Composition, q: Array) -> Array:
    """Incoherent scattering function per average atom, sum c_n S_n(x) with x = Q/(4 pi).

    q: shape (n,), Å^-1. Returns shape (n,), e.u., before recoil (Klein-Nishina).
    Source: Hubbell et al., J. Phys. Chem. Ref. Data 4 (1975) 471, as tabulated by xraylib.
    """
    import xraydb
    import xraylib

    x = np.abs(np.asarray(q)) / (4.0 * np.pi)
    inside = np.maximum(x, _X_TABLE_START)
    low = np.minimum(x / _X_TABLE_START, 1.0) ** 2
    total = np.zeros_like(x)
    for element, c in zip(composition.elements, composition.fractions, strict=True):
        z = xraydb.atomic_number(element)
        total += c * np.array([xraylib.SF_Compt(z, value) for value in inside])
    return np.asarray(total * low)


_SUBSHELLS = (("L", 3), ("M", 5), ("N", 7), ("O", 7), ("P", 5), ("Q", 3))
_SHELLS = ("K", *(f"{x}{k}" for x, n in _SUBSHELLS for k in range(1, n + 1)))


@lru_cache(maxsize=32)
def compton_shells(composition: Composition) -> tuple[Array, Array, Array]:
    """Compton profiles of all shells per average atom, c_n N_s J_s(p_z), with the binding energies.

    Returns p_z, shape (m,), -30..30 atomic units in equal steps; binding energies in keV, shape (s,); profiles, shape (s, m),
    whose integral over all p_z is the number of electrons of the shell times the fraction of the element.
    Source: Biggs, Mendelsohn & Mann, At. Data Nucl. Data Tables 16 (1975) 201; edges and occupations as xraylib has them.
    """
    import xraydb
    import xraylib

    momentum = np.linspace(-30.0, 30.0, 241)
    half = np.abs(momentum[120:])
    binding, profiles = [], []
    for element, c in zip(composition.elements, composition.fractions, strict=True):
        z = xraydb.atomic_number(element)
        for name in _SHELLS:
            shell = getattr(xraylib, f"{name}_SHELL")
            try:
                electrons = float(xraylib.ElectronConfig(z, shell))
            except ValueError:  # how xraylib says that the atom has no such shell
                continue
            upper = c * electrons * _partial_profile(z, shell, half)
            profiles.append(np.concatenate([upper[:0:-1], upper]))
            try:
                binding.append(float(xraylib.EdgeEnergy(z, shell)))
            except ValueError:  # outermost electrons whose edge is not tabulated: some eV
                binding.append(0.0)
    return frozen(momentum), frozen(binding), frozen(profiles)


def _partial_profile(z: int, shell: int, momentum: Array) -> Array:
    """J(p_z) of one electron, momentum >= 0 increasing; where the tables lack one of two alike subshells, its twin's.

    J(p_z) = (1/2) ∫_|p_z|^inf I(p)/p dp cannot rise: where a table does (Eu L2), it is in error.
    """
    import xraylib

    try:
        found = [xraylib.ComptonProfile_Partial(z, shell, p) for p in momentum]
    except ValueError:
        found = [xraylib.ComptonProfile_Partial(z, shell - 1, p) for p in momentum]
    return np.minimum.accumulate(found)


def attenuation_per_cm(
    composition: Composition, energy_kev: npt.ArrayLike, *, mass_density_g_per_cm3: float
) -> Array:
    """Linear attenuation coefficient mu = rho sum w_n (mu/rho)_n in cm^-1 (total: photo + coherent + Compton).

    energy_kev: any shape; returns the same shape.
    Source: Elam, Ravel & Sieber, Radiat. Phys. Chem. 63 (2002) 121, from xraydb.
    """
    return _linear(composition, energy_kev, mass_density_g_per_cm3, "total")


def photoabsorption_per_cm(
    composition: Composition, energy_kev: npt.ArrayLike, *, mass_density_g_per_cm3: float
) -> Array:
    """The photoelectric part of the attenuation coefficient in cm^-1; as `attenuation_per_cm`."""
    return _linear(composition, energy_kev, mass_density_g_per_cm3, "photo")


_MANY = 200  # energies beyond which the tables are asked on a grid only


def _linear(
    composition: Composition, energy_kev: npt.ArrayLike, mass_density: float, kind: str
) -> Array:
    energy = np.atleast_1d(np.asarray(energy_kev, dtype=np.float64)).ravel()
    low, high = float(energy.min()), float(energy.max())
    smooth = not any(low <= edge <= high for edge in absorption_edges_kev(composition).values())
    if energy.size > _MANY and smooth:
        # mu is nearly a power of E between edges: 1e-7 by interpolation of ln mu over ln E
        nodes = np.geomspace(low, high, 65)
        mu = np.exp(
            np.interp(
                np.log(energy),
                np.log(nodes),
                np.log(_tabulated(composition, nodes, mass_density, kind)),
            )
        )
    else:
        mu = _tabulated(composition, energy, mass_density, kind)
    return np.asarray(mu.reshape(np.shape(energy_kev)))


def _tabulated(composition: Composition, energy_kev: Array, density: float, kind: str) -> Array:
    total = np.zeros_like(energy_kev)
    for element, c in zip(composition.elements, composition.fractions, strict=True):
        total += c * _mass(element) * _mass_attenuation(element, energy_kev.tobytes(), kind)
    return np.asarray(density * total / composition.mean_atomic_mass)


@lru_cache(maxsize=1024)  # the data base takes 0.4 ms for a single energy
def _mass_attenuation(element: str, energy_kev: bytes, kind: str) -> Array:
    """mu/rho in cm^2/g at the energies whose float64 bytes are given, shape (n,), read-only."""
    import xraydb

    energy = np.frombuffer(energy_kev)
    return frozen(np.asarray(xraydb.mu_elam(element, 1e3 * energy, kind=kind)))


@lru_cache(maxsize=64)
def absorption_edges_kev(composition: Composition) -> Mapping[str, float]:
    """K, L1-L3 edges of the elements above 2 keV, e.g. {"Ag K": 25.514}."""
    import xraydb

    edges = {}
    for element in composition.elements:
        for name, edge in xraydb.xray_edges(element).items():
            if name in ("K", "L1", "L2", "L3") and edge.energy > 2000.0:
                edges[f"{element} {name}"] = edge.energy / 1e3
    return edges


_COMPOUND_DENSITIES = {"CdTe": 5.85, "GaAs": 5.32, "NaI": 3.67, "CsI": 4.51}  # g/cm^3, CRC Handbook


def element_density(formula: str) -> float:
    """Mass density in g/cm^3 of an element or a common sensor material. Raises KeyError for others."""
    import xraydb

    if formula in _COMPOUND_DENSITIES:
        return _COMPOUND_DENSITIES[formula]
    return float(xraydb.atomic_density(formula))
