"""The heart of a reduction: normalization, continuum, multiple scattering and S(Q), until they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from calibration.errors import InputError
from calibration.quantity import Quantity
from xtsred.binning import QGrid
from xtsred.corrections.environment import Measurement
from xtsred.memo import Memo
from xtsred.normalization import HighAngle, Measured, SumRule, high_angle, krogh_moe_norman
from xtsred.scattering import LineTerms
from xtsred.stages import Array, Normalization, StructureFactor, frozen
from xtsred.structure import bin_structure, blend_matrix, deconvolution, deconvolve, low_pass

__all__ = [
    "DECONVOLVED_TO_A",
    "MultipleScatteringModel",
    "Problem",
    "Solution",
    "solve",
    "structure_at",
]

MAX_ITERATIONS = 25
CONVERGED = 1e-4  # largest change of S between iterations
DECONVOLVED_TO_A = (
    12.0  # distances that a glass's S(Q) shows; beyond, the lines are left as measured
)


class MultipleScatteringModel(Protocol):
    """Multiple scattering of a given S(Q) (None: independent atoms).

    accuracy: relative, of its integration; None where it is not applied.
    """

    @property
    def accuracy(self) -> float | None:
        """See above."""

    def __call__(self, structure: StructureFactor | None) -> Array | None:
        """e.u. of one sample atom as it reaches the detector, the container's share subtracted, shape (n,);
        None where it is not applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What `solve` works on.

    q: shape (n,), Å^-1, of the mean wavelength; net: the sample's rate; exposure_s: shape (n,). lines,
    continuum: terms of each energy. q_normalization: range of the high-angle method. priors: of the free
    amplitudes ("compton response", "continuum"). compton_response: multiplies the lines' Compton scattering where
    that is not fitted. method: "high-angle" or "krogh-moe-norman".
    """

    q: Array
    net: Measurement
    exposure_s: Array
    lines: Sequence[LineTerms]
    continuum: Sequence[LineTerms]
    grid: QGrid
    number_density_per_a3: float
    q_normalization: tuple[float, float]
    method: str
    priors: Mapping[str, Quantity]
    multiple: MultipleScatteringModel
    compton_response: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """Converged result. components: e.u., shape (n,), parts of the model that add up to it; sensitivity:
    e.u. per unit of S - 1; mixed: S(Q) before the lines were deconvolved (None: one line); leakage: see
    `HighAngle`; history: largest change of S in each round."""

    normalization: Normalization
    structure: StructureFactor
    mixed: StructureFactor | None
    components: Mapping[str, Array]
    sensitivity: Array
    leakage: float
    history: tuple[float, ...]


def solve(problem: Problem, *, memo: Memo | None = None) -> Solution:
    """Iterate: model of everything but the oscillation -> K -> S(Q) -> multiple scattering and continuum of it.

    memo: keeps the operator that separates the lines. Stops when S moves less than 1e-4; raises InputError where it
    does not within 25 rounds.
    """
    parts = _static_parts(problem)
    sensitivity = _sensitivity(problem)
    unblend = _unblend(problem, sensitivity, memo or Memo(keep=1))
    structure: StructureFactor | None = None
    history: list[float] = []
    for _ in range(MAX_ITERATIONS):
        moving = _moving_parts(problem, structure, single=np.asarray(sum(parts.values())))
        data = _measured(problem, parts, moving, sensitivity)
        rule = SumRule(
            number_density_per_a3=problem.number_density_per_a3,
            s_low=0.0 if structure is None else float(structure.s[0]),
        )
        scale = high_angle(
            data, q_range=problem.q_normalization, priors=problem.priors, sum_rule=rule
        )
        normalization = _normalization(problem, data, scale, rule)
        mixed = _structure(problem, data, normalization, sensitivity)
        new = mixed if unblend is None else deconvolve(mixed, operator=unblend)
        change = 1.0 if structure is None else float(np.max(np.abs(new.s - structure.s)))
        structure = new
        history.append(change)
        if change < CONVERGED:
            break
    else:
        raise InputError(
            f"S(Q) still moves by {history[-1]:.2g} after {MAX_ITERATIONS} rounds of multiple scattering",
            why="multiple scattering is not a small correction here, or the data are not what the project says",
            remedy="check composition, density, packing and dimensions",
        )
    structure = _with_systematics(problem, data, normalization, structure, unblend)
    amplitudes = _amplitudes(normalization)
    components = {**parts, **moving}
    components = {n: amplitudes.get(_OF.get(n, ""), 1.0) * v for n, v in components.items()}
    return Solution(
        normalization=normalization,
        structure=structure,
        mixed=None if unblend is None else mixed,
        components=components,
        sensitivity=sensitivity,
        leakage=scale.leakage,
        history=tuple(history),
    )


_OF = {"Compton": "compton response", "continuum": "continuum"}


def _fitted(normalization: Normalization) -> dict[str, Quantity]:
    named = {
        "compton response": normalization.compton_response,
        "continuum": normalization.continuum,
    }
    return {name: a for name, a in named.items() if a is not None}


def _amplitudes(normalization: Normalization) -> dict[str, float]:
    return {name: a.value for name, a in _fitted(normalization).items()}


def _static_parts(problem: Problem) -> dict[str, Array]:
    """Self scattering and Compton of all lines: they do not depend on S(Q)."""
    coherent = sum(t.line.weight * t.elastic * t.mean_square for t in problem.lines)
    factor = 1.0 if "compton response" in problem.priors else problem.compton_response
    compton = sum(factor * t.line.weight * t.compton * t.incoherent for t in problem.lines)
    return {"coherent, independent atoms": np.asarray(coherent), "Compton": np.asarray(compton)}


def _moving_parts(
    problem: Problem, structure: StructureFactor | None, *, single: Array
) -> dict[str, Array]:
    """What depends on S(Q): multiple scattering, and the whole pattern of the continuum.

    single: the lines' single scattering of independent atoms. The continuum's own multiple scattering is
    taken in the lines' ratio to single scattering.
    """
    parts = {}
    ratio = np.zeros_like(single)
    multiple = problem.multiple(structure)
    if multiple is not None:
        parts["multiple scattering"] = multiple
        ratio = multiple / single
    if problem.continuum:
        total = np.zeros_like(problem.q)
        for t in problem.continuum:
            oscillating = t.square_mean * (structure_at(structure, t.q) - 1.0)
            total += t.line.weight * (
                t.elastic * (t.mean_square + oscillating) + t.compton * t.incoherent
            )
        parts["continuum"] = total * (1.0 + ratio)
    return parts


def structure_at(structure: StructureFactor | None, q: Array) -> Array:
    """S at any Q for the calculated terms: linear between bins, the first bin below them, 1 above them."""
    if structure is None:
        return np.ones_like(q)
    return np.interp(q, structure.q, structure.s, right=1.0)


def _sensitivity(problem: Problem) -> Array:
    return np.asarray(sum(t.line.weight * t.elastic * t.square_mean for t in problem.lines))


def _unblend(problem: Problem, sensitivity: Array, keep: Memo) -> Array | None:
    """Deconvolution operator on the grid's bins for several lines, None for one."""
    if len(problem.lines) == 1:
        return None
    mean = problem.q
    ratios = [float(np.median(t.q / mean)) for t in problem.lines]
    shares = [
        np.interp(
            problem.grid.centers, mean, t.line.weight * t.elastic * t.square_mean / sensitivity
        )
        for t in problem.lines
    ]
    q = problem.grid.centers

    def operator() -> Array:
        blend = blend_matrix(q, ratios=ratios, shares=shares)
        return frozen(deconvolution(blend, keep=low_pass(q, r_max=DECONVOLVED_TO_A)))

    return keep("separation of the lines", (q, ratios, shares), operator)


def _measured(
    problem: Problem, parts: Mapping[str, Array], moving: Mapping[str, Array], sensitivity: Array
) -> Measured:
    everything = {**parts, **moving}
    free = {name: part for name, part in everything.items() if _OF.get(name) in problem.priors}
    fixed = sum(part for name, part in everything.items() if name not in free)
    return Measured(
        q=problem.q,
        rate=problem.net.rate,
        variance=problem.net.variance,
        terms={"fixed": np.asarray(fixed), **{_OF[name]: part for name, part in free.items()}},
        sensitivity=sensitivity,
    )


def _normalization(
    problem: Problem, data: Measured, scale: HighAngle, rule: SumRule
) -> Normalization:
    integral = krogh_moe_norman(
        data,
        sum_rule=rule,
        amplitudes={n: a.value for n, a in scale.amplitudes.items()},
    )
    return Normalization(
        method=problem.method,
        k=scale.k if problem.method == "high-angle" else integral,
        k_high_angle=scale.k,
        k_integral=integral,
        q_range=problem.q_normalization,
        compton_response=scale.amplitudes.get("compton response"),
        continuum=scale.amplitudes.get("continuum"),
        correlations=scale.correlations,
        covariance=frozen(_covariance(problem.method, scale, integral)),
    )


def _covariance(method: str, scale: HighAngle, integral: Quantity) -> Array:
    """Of (ln K, amplitudes); the integral method's K has its own sigma, independent of the amplitudes'."""
    covariance = scale.covariance.copy()
    if method != "high-angle":
        covariance[0, :] = covariance[:, 0] = 0.0
        covariance[0, 0] = ((integral.sigma or 0.0) / integral.value) ** 2
    return covariance


def _background(data: Measured, amplitudes: Mapping[str, float]) -> Array:
    """Everything that is not the oscillation, e.u."""
    free = sum(amplitudes[n] * part for n, part in data.terms.items() if n != "fixed")
    return np.asarray(data.terms["fixed"] + free)


def _structure(
    problem: Problem, data: Measured, normalization: Normalization, sensitivity: Array
) -> StructureFactor:
    k = normalization.k.value
    background = _background(data, _amplitudes(normalization))
    s = 1.0 + (data.rate / k - background) / sensitivity
    return bin_structure(
        data.q,
        s,
        data.variance / (k * sensitivity) ** 2,
        weight=problem.exposure_s * sensitivity,
        grid=problem.grid,
    )


def _with_systematics(
    problem: Problem,
    data: Measured,
    normalization: Normalization,
    structure: StructureFactor,
    unblend: Array | None,
) -> StructureFactor:
    """Add the part of sigma that all bins share: of K and of the fitted amplitudes, with their correlation."""
    k, fitted = normalization.k, _fitted(normalization)
    directions = [-(data.rate / k.value) / data.sensitivity]  # dS / dlnK
    directions += [-data.terms[n] / data.sensitivity for n in fitted]
    rows = np.array([_binned(problem, d, data.sensitivity) for d in directions])
    if unblend is not None:
        rows = rows @ unblend.T
    if normalization.covariance is None:
        raise ValueError("a normalization of this module has its covariance")
    # covariance = V diag(w) V^T: each eigenvector moves all bins together
    w, v = np.linalg.eigh(normalization.covariance)
    modes = np.sqrt(np.maximum(w, 0.0))[:, None] * (v.T @ rows)
    return StructureFactor(
        q=structure.q,
        s=structure.s,
        sigma=structure.sigma,
        sigma_systematic=frozen(np.sqrt(np.sum(modes**2, axis=0))),
        modes=frozen(modes),
        covariance=structure.covariance,
    )


def _binned(problem: Problem, curve: Array, sensitivity: Array) -> Array:
    weight = problem.exposure_s * sensitivity
    one = np.ones_like(curve)
    return bin_structure(problem.q, curve, one, weight=weight, grid=problem.grid).s
