"""How much each pair counts in a total S(Q): X-rays (f = Z or f(Q)), neutrons.

S(Q) = |<f>|^-2 sum_ij c_i c_j Re(f_i f_j*) S_ij(Q) (Faber & Ziman 1965); a pair i != j appears in both orders.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from calibration.composition import ELEMENTS
from calibration.errors import InputError
from calibration.report import Finding
from xtsred.simulation.neutron_lengths import ABSORBING, NEUTRON_LENGTHS_FM
from xtsred.stages import Array

__all__ = [
    "atomic_number_factors",
    "mean_b_squared_barn",
    "neutron_factors",
    "neutron_findings",
    "pair_weights",
    "refuse_strange_lengths",
    "total",
    "xray_factors",
]

ComplexArray = npt.NDArray[np.complex128]


def pair_weights(
    fractions: Array, factors: ComplexArray, *, pairs: Sequence[tuple[int, int]]
) -> Array:
    """w_ij(Q) = (2 - delta_ij) c_i c_j Re(f_i f_j*) / |sum c f|^2; the weights add up to 1.

    fractions: shape (e,); factors: shape (e, n), electrons or fm. Returns shape (p, n), dimensionless.
    Raises InputError where the mean factor vanishes (null-scattering mixtures of neutrons).
    """
    mean = np.abs(fractions @ factors) ** 2
    if np.any(mean < 1e-6 * (fractions @ np.abs(factors) ** 2)):
        raise InputError(
            "the mean scattering length of the sample vanishes",
            why="a Faber-Ziman total is divided by its square",
        )
    rows = [
        (1.0 if i == j else 2.0)
        * fractions[i]
        * fractions[j]
        * np.real(factors[i] * np.conj(factors[j]))
        for i, j in pairs
    ]
    return np.asarray(np.array(rows) / mean)


def total(partials: Array, weights: Array) -> Array:
    """sum_p w_p(Q) S_p(Q). partials: shape (..., p, n); weights: shape (p, n). Returns shape (..., n)."""
    return np.asarray(np.sum(partials * weights, axis=-2))


def atomic_number_factors(elements: Sequence[str], q: Array) -> ComplexArray:
    """f = Z, constant in Q; shape (e, n), electrons."""
    z = np.array([ELEMENTS.index(e) + 1.0 for e in elements], dtype=np.complex128)
    return np.repeat(z[:, None], len(q), axis=1)


def xray_factors(elements: Sequence[str], q: Array, *, energy_kev: float | None) -> ComplexArray:
    """f0(Q) + f'(E) + i f''(E); f0 alone where energy_kev is None. Shape (e, n), electrons.

    Sources: see xtsred.atoms (Waasmaier & Kirfel 1995, Chantler 1995).
    """
    from xtsred.atoms import Composition, form_factors, form_factors_far_from_edges

    composition = Composition.of(dict.fromkeys(elements, 1.0))
    if energy_kev is None:
        return form_factors_far_from_edges(composition, q)
    return form_factors(composition, q, energy_kev=energy_kev)


def neutron_factors(
    elements: Sequence[str], q: Array, *, lengths_fm: Mapping[str, float] | None = None
) -> ComplexArray:
    """Bound coherent scattering lengths, constant in Q; shape (e, n), fm.

    lengths_fm: own values (enriched isotopes) that replace the table's. Raises InputError for an element
    that neither has. Source: xtsred.simulation.neutron_lengths.
    """
    own = lengths_fm or {}
    missing = [e for e in elements if e not in own and e not in NEUTRON_LENGTHS_FM]
    if missing:
        raise InputError(
            f"no neutron scattering length is known for {', '.join(missing)}",
            remedy="give it in fm, for instance --length Sm=0.8",
        )
    b = np.array(
        [own[e] if e in own else NEUTRON_LENGTHS_FM[e][0] for e in elements], dtype=np.complex128
    )
    return np.repeat(b[:, None], len(q), axis=1)


def refuse_strange_lengths(lengths_fm: Mapping[str, float], elements: Sequence[str]) -> None:
    """An own length of an element that is not there is a mistake in writing. Raises InputError."""
    strange = [e for e in lengths_fm if e not in elements]
    if strange:
        raise InputError(
            f"--length {strange[0]}: the model has no {strange[0]}",
            why=f"its elements are {', '.join(elements)}",
            remedy="correct the element",
        )


def neutron_findings(
    elements: Sequence[str], *, lengths_fm: Mapping[str, float] | None = None
) -> tuple[Finding, ...]:
    """What a user of natural lengths must know: absorbers, and elements often enriched."""
    natural = [e for e in elements if e not in (lengths_fm or {})]
    findings = []
    absorbing = [e for e in natural if e in ABSORBING]
    if absorbing:
        findings.append(
            Finding(
                "warning",
                f"The neutron length of {', '.join(absorbing)} depends on the energy (absorption); "
                "the real part at thermal energies is used.",
            )
        )
    enriched = [e for e in natural if e in ("Li", "B", "H")]
    if enriched:
        findings.append(
            Finding(
                "note",
                f"Natural isotopes are assumed for {', '.join(enriched)}; neutron samples are often enriched.",
            )
        )
    return tuple(findings)


def mean_b_squared_barn(
    fractions: Mapping[str, float], *, lengths_fm: Mapping[str, float] | None = None
) -> float:
    """<b>^2 of a composition in barn (per steradian, when it scales a cross-section); 1 barn = 100 fm^2."""
    elements = list(fractions)
    b = neutron_factors(elements, np.zeros(1), lengths_fm=lengths_fm)[:, 0].real
    c = np.array([fractions[e] for e in elements])
    return float((c @ b / c.sum()) ** 2 / 100.0)
