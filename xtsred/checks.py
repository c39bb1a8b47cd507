"""Doubts: every check of a reduction that ends in a Finding."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from calibration.quantity import Quantity, concise
from calibration.report import Finding, Severity
from xtsred.solve import Problem, Solution
from xtsred.stages import PairDistribution, StructureFactor

__all__ = ["Evidence", "all_findings", "low_r_level", "sum_rule"]

_DISAGREE = 0.01  # relative difference of the two normalizations that is worth a warning
_ONE = 0.02  # deviation of S from 1 at high Q that is worth a warning
_LEVEL = 0.15  # relative error of the low-r slope that is worth a warning
_INTEGRAL = 0.5  # relative error of the sum rule that is worth a warning
_CORRELATED = 0.99
_ROUGH = 0.005  # relative accuracy of multiple scattering that is worth a warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the checks look at. used: the bins that were transformed to pdf."""

    problem: Problem
    solution: Solution
    used: StructureFactor
    pdf: PairDistribution
    has_container: bool
    container_measured: bool
    environment_measured: bool
    multiple_scattering: bool


def all_findings(evidence: Evidence) -> tuple[Finding, ...]:
    """Every doubt of a finished reduction."""
    return (
        *_missing(evidence),
        *_opaque(evidence),
        *_normalizations(evidence),
        *_amplitudes(evidence),
        *_limit_one(evidence),
        *_sum_rule(evidence),
        *_low_r(evidence),
    )


def sum_rule(structure: StructureFactor, *, number_density_per_a3: float) -> tuple[Quantity, float]:
    """∫ Q^2 (S - 1) exp(-b Q^2) dQ as measured and its value -2 pi^2 rho0.

    b: the damping is 0.01 at the last bin. Below the first bin S keeps its value. The sigma holds counting and,
    where it is known, the normalization, which moves all bins together and weighs more here.
    Source: Krogh-Moe, Acta Cryst. 9 (1956) 951; Norman, Acta Cryst. 10 (1957) 370.
    """
    q, step = structure.q, structure.q[1] - structure.q[0]
    weight = step * q**2 * np.exp(np.log(0.01) * (q / q[-1]) ** 2)
    low = (structure.s[0] - 1.0) * (q[0] - step / 2.0) ** 3 / 3.0
    value = float(weight @ (structure.s - 1.0) + low)
    if structure.covariance is None:
        variance = float(weight**2 @ structure.sigma**2)
    else:
        variance = float(weight @ structure.covariance @ weight)
    if structure.sigma_systematic is not None:
        variance += float(weight @ structure.sigma_systematic) ** 2
    return Quantity(
        value, float(np.sqrt(variance)), "Å^-3"
    ), -2.0 * np.pi**2 * number_density_per_a3


def low_r_level(pdf: PairDistribution) -> tuple[Quantity, float] | None:
    """Slope of G(r) below the first distance, over 0.3 Å to 0.8 of it: fitted, and the -4 pi rho0 it must be.

    None where no first distance is known. Least squares through the origin; sigma from the scatter about
    the line (ripples), not from counting.
    """
    if pdf.first_distance is None:
        return None
    inside = (pdf.r >= 0.3) & (pdf.r <= 0.8 * pdf.first_distance)
    if inside.sum() < 5:
        return None
    r, d = pdf.r[inside], pdf.d[inside]
    slope = float(r @ d / (r @ r))
    scatter = float(np.sqrt(np.mean((d - slope * r) ** 2) / (r @ r)) * np.sqrt(r.size / 4.0))
    return Quantity(slope, scatter, "Å^-3"), -4.0 * np.pi * pdf.number_density_per_a3


def _graded(deviation: float, *, warn: float, ruin: float) -> Severity:
    """How grave a deviation is: beyond `ruin` the result should not be published as it is."""
    if deviation > max(warn, ruin):
        return "problem"
    return "warning" if deviation > warn else "note"


def _missing(evidence: Evidence) -> Iterator[Finding]:
    if evidence.has_container and not evidence.container_measured:
        yield Finding(
            "problem",
            "The sample is in a container, but no scan of the empty container is given: its scattering is still in the data.",
        )
    if not evidence.environment_measured:
        yield Finding(
            "warning",
            "No scan of the environment (air, optics) is given: nothing was subtracted for it.",
        )
    if not evidence.multiple_scattering:
        yield Finding(
            "warning",
            "Multiple scattering is not corrected: the project file has no [multiple_scattering].",
        )


def _opaque(evidence: Evidence) -> Iterator[Finding]:
    accuracy = evidence.problem.multiple.accuracy
    if accuracy is not None and accuracy > _ROUGH:
        yield Finding(
            "warning",
            f"Multiple scattering is integrated to {100 * accuracy:.1f} % of itself only: the sample is nearly opaque.",
            {"accuracy": accuracy},
        )


def _normalizations(evidence: Evidence) -> Iterator[Finding]:
    n = evidence.solution.normalization
    difference = n.k_integral.value / n.k_high_angle.value - 1.0
    sigma = float(
        np.hypot(
            (n.k_integral.sigma or 0.0) / n.k_integral.value,
            (n.k_high_angle.sigma or 0.0) / n.k_high_angle.value,
        )
    )
    yield Finding(
        _graded(abs(difference), warn=max(_DISAGREE, 3.0 * sigma), ruin=0.1),
        f"The high-angle and the integral (Krogh-Moe-Norman) normalization differ by {100 * difference:+.2f} % "
        f"(uncertainty {100 * sigma:.2f} %).",
        {"relative_difference": difference, "sigma": sigma},
    )


def _amplitudes(evidence: Evidence) -> Iterator[Finding]:
    n = evidence.solution.normalization
    for name, fitted in (("compton response", n.compton_response), ("continuum", n.continuum)):
        prior = evidence.problem.priors.get(name)
        if fitted is None or prior is None:
            continue
        correlation = n.correlations.get(f"K, {name}", 0.0)
        text = f"The fitted {name} is {concise(fitted.value, fitted.sigma)}"
        numbers = {"value": fitted.value, "sigma": fitted.sigma or 0.0, "correlation": correlation}
        leaves = prior.sigma is not None and abs(fitted.value - prior.value) > prior.sigma
        if fitted.value < 0.0:
            text += ", less than nothing: the model lacks something, or it cannot be told from K"
        elif leaves:
            text += f", outside its prior {prior.value:g} ± {prior.sigma:g}"
        if abs(correlation) > _CORRELATED:
            text += f"; its correlation with the normalization is {correlation:+.3f}"
        yield Finding("warning" if leaves or fitted.value < 0.0 else "note", text + ".", numbers)


def _limit_one(evidence: Evidence) -> Iterator[Finding]:
    """S averaged over the last third of Q, apodized so that oscillations do not count.

    A shorter range would hold less than two periods of the first distance, and a perfect S(Q) would miss 1.
    """
    s = evidence.used
    last = s.q >= 0.65 * s.q[-1]
    x = (s.q[last] - s.q[last][0]) / (s.q[last][-1] - s.q[last][0])
    weight = np.sin(np.pi * x) ** 2
    weight /= weight.sum()
    mean = float(weight @ s.s[last])
    sigma = float(np.sqrt(weight**2 @ s.sigma[last] ** 2))
    if abs(mean - 1.0) > max(_ONE, 4.0 * sigma):
        yield Finding(
            _graded(abs(mean - 1.0), warn=0.0, ruin=0.1),
            f"S(Q) does not go to 1: its mean over {s.q[last][0]:.1f} to {s.q[-1]:.1f} Å^-1 is {concise(mean, sigma)}.",
            {"mean": mean, "sigma": sigma},
        )


def _sum_rule(evidence: Evidence) -> Iterator[Finding]:
    measured, expected = sum_rule(
        evidence.used, number_density_per_a3=evidence.problem.number_density_per_a3
    )
    ratio = measured.value / expected
    sigma = (measured.sigma or 0.0) / abs(expected)
    yield Finding(
        _graded(abs(ratio - 1.0), warn=max(_INTEGRAL, 3.0 * sigma), ruin=max(5.0, 6.0 * sigma)),
        f"Sum rule: the damped integral of Q^2 (S - 1) is {measured}, expected {expected:.4g} "
        f"(-2 pi^2 rho0), ratio {ratio:.2f}.",
        {"ratio": ratio, "sigma": sigma},
    )


def _low_r(evidence: Evidence) -> Iterator[Finding]:
    found = low_r_level(evidence.pdf)
    if found is None:
        yield Finding("warning", "g(r) shows no first peak: the low-r slope could not be checked.")
        return
    slope, expected = found
    ratio = slope.value / expected
    sigma = (slope.sigma or 0.0) / abs(expected)
    yield Finding(
        _graded(abs(ratio - 1.0), warn=max(_LEVEL, 2.0 * sigma), ruin=max(1.0, 4.0 * sigma)),
        f"Low-r slope of G(r): {concise(ratio, sigma)} times -4 pi rho0 below the first distance "
        f"{evidence.pdf.first_distance:.2f} Å (1 expected).",
        {"ratio": ratio, "sigma": sigma},
    )
