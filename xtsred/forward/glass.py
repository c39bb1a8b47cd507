"""A glass whose structure is known in closed form: truth for virtual experiments.

Every pair of elements has Gaussian shells and a hole that closes into a uniform distribution; the hole's
radius follows from the shells, so that S(0), the sum rule and g(r) = 0 below the first bond hold by
construction. No structural claim about any real glass is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import erf

from calibration.errors import InputError
from xtsred.atoms import Composition, form_factors
from xtsred.forward.media import Structure
from xtsred.stages import Array, frozen

__all__ = [
    "GlassModel",
    "PairTerm",
    "Shell",
    "hole_radius_a",
    "pair_weights",
    "partial_structure_factor",
    "silica_like",
    "sodium_thiosilicate",
    "true_pair_distribution",
    "true_structure_factor",
    "xray_structure_factor",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A coordination shell: mean number of neighbours, distance and width (standard deviation), Å."""

    neighbours: float
    distance_a: float
    width_a: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTerm:
    """Shells of the second element about the first, and the width (Å) over which the hole closes."""

    elements: tuple[str, str]
    shells: tuple[Shell, ...]
    closing_width_a: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassModel:
    """A glass as sums of shells.

    fractions, atomic_numbers: by element. number_density_per_a3: atoms/Å^3. s_zero: S(0) of every partial.
    pairs: one term for each pair of elements. medium_range: shells of excess atoms (negative: too few),
    of any element about any other in proportion to the composition.
    """

    fractions: Mapping[str, float]
    atomic_numbers: Mapping[str, int]
    number_density_per_a3: float
    s_zero: float
    pairs: tuple[PairTerm, ...]
    medium_range: tuple[Shell, ...] = ()

    def __post_init__(self) -> None:
        names = sorted(self.fractions)
        wanted = {(a, b) for i, a in enumerate(names) for b in names[i:]}
        given = [tuple(sorted(p.elements)) for p in self.pairs]
        if len(given) != len(set(given)) or set(given) != wanted:
            raise InputError(
                "a glass model needs every pair of its elements once",
                why=f"given {sorted(given)}, wanted {sorted(wanted)}",
            )


def hole_radius_a(model: GlassModel, pair: PairTerm) -> float:
    """Radius R of the hole that makes S_ij(0) = s_zero: 4 pi rho0 R^3/3 = 1 - s_zero + sum N/c_j."""
    share = _amounts(model)[pair.elements[1]]
    excess = sum(shell.neighbours for shell in _shells(model, pair)) / share
    missing = 1 - model.s_zero + excess
    return float(np.cbrt(3 * missing / (4 * np.pi * model.number_density_per_a3)))


def partial_structure_factor(model: GlassModel, pair: PairTerm, q: Array) -> Array:
    """Faber-Ziman partial S_ij(q), shape of q (Å^-1, > 0).

    S_ij - 1 = sum_k (N_k/c_j) exp(-q^2 s_k^2/2) sin(q r_k)/(q r_k)
               - 4 pi rho0 exp(-q^2 w^2/2) (sin qR - qR cos qR)/q^3,
    the exact sine transform of r [g_ij - 1] = sum_k N_k/(4 pi rho0 c_j r_k) gauss(r - r_k; s_k) - hole(r),
    hole = r inside R, 0 outside (odd in r), convolved with a Gaussian of width w.
    """
    share = _amounts(model)[pair.elements[1]]
    total = np.ones_like(q)
    for shell in _shells(model, pair):
        damping = np.exp(-0.5 * (q * shell.width_a) ** 2)
        total += shell.neighbours / share * damping * np.sinc(q * shell.distance_a / np.pi)
    qr = q * hole_radius_a(model, pair)
    damping = np.exp(-0.5 * (q * pair.closing_width_a) ** 2)
    hole = (np.sin(qr) - qr * np.cos(qr)) / q**3
    return np.asarray(total - 4 * np.pi * model.number_density_per_a3 * damping * hole)


def pair_weights(model: GlassModel) -> tuple[float, ...]:
    """Weight of each pair in the total: w_ij = c_i c_j Z_i Z_j / <Z>^2, both orders counted; they sum to 1.

    Constant in q by definition of this model, so that the total g(r) is exactly 0 below the first bond.
    """
    amounts = _amounts(model)
    charge = {name: c * model.atomic_numbers[name] for name, c in amounts.items()}
    mean = sum(charge.values())
    return tuple(
        (1.0 if i == j else 2.0) * charge[i] * charge[j] / mean**2
        for i, j in (pair.elements for pair in model.pairs)
    )


def true_structure_factor(model: GlassModel, q: Array) -> Structure:
    """The total S(Q) of a glass model, sum w_ij S_ij(q); q: shape (n,), Å^-1, > 0."""
    parts = [partial_structure_factor(model, pair, q) for pair in model.pairs]
    total = np.tensordot(pair_weights(model), parts, axes=1)
    return Structure(q=frozen(q), s=frozen(total))


def xray_structure_factor(model: GlassModel, q: Array, *, energy_kev: float) -> Structure:
    """The S(Q) that X-rays of one energy see of a glass model: weights of form factors, as in a real sample.

    S = sum m c_i c_j Re(f_i f_j*)/|<f>|^2 S_ij(q), m = 2 for unlike elements. Its g(r) has no closed form, and is not
    quite 0 below the first bond. Source: Faber & Ziman, Phil. Mag. 11 (1965) 153.
    """
    composition = Composition.of(model.fractions)
    f = dict(
        zip(composition.elements, form_factors(composition, q, energy_kev=energy_kev), strict=True)
    )
    amounts = _amounts(model)
    mean = np.abs(sum(amounts[name] * f[name] for name in amounts)) ** 2
    total = np.zeros_like(q)
    for pair in model.pairs:
        i, j = pair.elements
        order = 1.0 if i == j else 2.0
        weight = order * amounts[i] * amounts[j] * np.real(f[i] * np.conj(f[j])) / mean
        total += weight * partial_structure_factor(model, pair, q)
    return Structure(q=frozen(q), s=frozen(total))


def true_pair_distribution(model: GlassModel, r: Array) -> Array:
    """The total g(r) of a glass model, untruncated and in closed form; r: shape (n,), Å, > 0.

    hole(r) for r = x, odd: 0.5 x [erf(p) - erf(m)] + w/sqrt(2 pi) [exp(-p^2) - exp(-m^2)],
    p = (R + x)/(w sqrt 2), m = (x - R)/(w sqrt 2).
    """
    total = np.ones_like(r)
    for weight, pair in zip(pair_weights(model), model.pairs, strict=True):
        radius, width = hole_radius_a(model, pair), pair.closing_width_a
        p, m = (radius + r) / (width * np.sqrt(2)), (r - radius) / (width * np.sqrt(2))
        hole = 0.5 * r * (erf(p) - erf(m)) + width / np.sqrt(2 * np.pi) * (
            np.exp(-(p**2)) - np.exp(-(m**2))
        )
        total -= weight * hole / r
        share = _amounts(model)[pair.elements[1]]
        for shell in _shells(model, pair):
            scale = 4 * np.pi * model.number_density_per_a3 * share * shell.distance_a
            near = _gauss(r - shell.distance_a, shell.width_a)
            mirrored = _gauss(r + shell.distance_a, shell.width_a)
            total += weight * shell.neighbours / scale * (near - mirrored) / r
    return total


def sodium_thiosilicate() -> GlassModel:
    """A virtual (Na2S)0.50(SiS2)0.50 glass: plausible distances and coordination, not a fit to any data."""

    return GlassModel(
        fractions={"Na": 2.0, "Si": 1.0, "S": 3.0},
        atomic_numbers={"Na": 11, "Si": 14, "S": 16},
        number_density_per_a3=0.0431,
        s_zero=0.08,
        pairs=(
            _term("Si", "S", 0.40, _shell(4.0, 2.13, 0.075)),
            _term("Na", "S", 0.45, _shell(5.0, 2.82, 0.17)),
            _term("S", "S", 0.40, _shell(4.0, 3.48, 0.14), _shell(4.0, 3.95, 0.30)),
            _term("Si", "Si", 0.45, _shell(2.0, 3.50, 0.17)),
            _term("Na", "Si", 0.45, _shell(2.5, 3.35, 0.24)),
            _term("Na", "Na", 0.50, _shell(4.0, 3.50, 0.34)),
        ),
        # chosen so that S(Q) has a first sharp peak near 1.15 Å^-1 and stays positive
        medium_range=(_shell(8.0, 4.60, 0.30), _shell(8.0, 6.66, 0.30), _shell(-6.14, 6.95, 0.30)),
    )


def silica_like() -> GlassModel:
    """A virtual SiO2 glass: smooth, positive S(Q) for the wall of a capillary."""
    return GlassModel(
        fractions={"Si": 1.0, "O": 2.0},
        atomic_numbers={"Si": 14, "O": 8},
        number_density_per_a3=0.0663,
        s_zero=0.12,
        pairs=(
            _term("Si", "O", 0.35, _shell(4.0, 1.61, 0.06)),
            _term("O", "O", 0.40, _shell(6.0, 2.63, 0.10)),
            _term("Si", "Si", 0.40, _shell(4.0, 3.08, 0.14)),
        ),
    )


def _shell(neighbours: float, distance: float, width: float) -> Shell:
    return Shell(neighbours=neighbours, distance_a=distance, width_a=width)


def _term(first: str, second: str, closing: float, *shells: Shell) -> PairTerm:
    return PairTerm(elements=(first, second), shells=shells, closing_width_a=closing)


def _amounts(model: GlassModel) -> dict[str, float]:
    total = sum(model.fractions.values())
    return {name: amount / total for name, amount in model.fractions.items()}


def _shells(model: GlassModel, pair: PairTerm) -> list[Shell]:
    """The pair's own shells, then its share of the medium-range ones."""
    share = _amounts(model)[pair.elements[1]]
    return [
        *pair.shells,
        *(replace(s, neighbours=s.neighbours * share) for s in model.medium_range),
    ]


def _gauss(x: Array, width: float) -> Array:
    return np.asarray(np.exp(-0.5 * (x / width) ** 2) / (width * np.sqrt(2 * np.pi)))
