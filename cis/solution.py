"""One circuit fitted to one set of points: the minimum, and what it is worth."""

from dataclasses import dataclass, replace

import numpy as np

from cis.arcs import electrode_arcs, sample_intercept
from cis.circuits import Circuit, log_i_omega
from cis.leastsquares import Minimum, Problem, minimize
from cis.stages import Array, BoolArray, ComplexArray
from cis.starts import random_starts, starts

__all__ = ["RESISTANCE_KNOWN", "Solution", "assess", "modulus_problem", "refine", "screen", "solve"]

# The one limit: R is called determined where its relative standard uncertainty is below this, in the choice of a
# circuit (statistical) and in the result (all doubts included); beyond it the quadratic approximation behind the
# uncertainty no longer holds, and an activation energy gains nothing from the point
RESISTANCE_KNOWN = 0.5
# what is known of a variable before the data, as a standard deviation: it keeps the covariance finite in
# directions of which the data say nothing, and is far too wide to matter in any other
_PRIOR_LOG = 12.0
_PRIOR_EXPONENT = 0.35
_BEYOND_CHANCE = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The best fit of a circuit.

    x: fitted variables, shape (p,); covariance: (p, p), of x; known: (p,), which of them the data identify.
    variance: residual sum of squares per degree of freedom, of one component over |Z|. resistance_ohm, slope:
    the intercept and its derivatives by x, (p,); resistance_sigma_log: standard uncertainty of its logarithm.
    unevenness: variance of ln R from the residuals where they lie, over the one from their mean, where that is more
    than chance makes; else 1 (the scatter is a constant part of |Z|).
    residuals: shape (n,), (Z - model)/|Z|. electrode_arcs: resistors that the intercept leaves out (cis/arcs.py).
    """

    circuit: Circuit
    x: Array
    covariance: Array
    known: BoolArray
    cost: float
    variance: float
    freedom: int
    aicc: float
    resistance_ohm: float
    resistance_sigma_log: float
    slope: Array
    unevenness: float
    residuals: ComplexArray
    minimum: Minimum
    electrode_arcs: tuple[str, ...] = ()

    @property
    def identifiable(self) -> bool:
        """Whether the data tell the resistance."""
        return bool(self.resistance_sigma_log < RESISTANCE_KNOWN)


def modulus_problem(circuit: Circuit, frequency_hz: Array, z_ohm: ComplexArray) -> Problem:
    """Residuals (model - Z)/|Z|, real parts then imaginary parts, with their derivatives."""
    log_s, weight = log_i_omega(frequency_hz), 1.0 / np.abs(z_ohm)

    def problem(x: Array) -> tuple[Array, Array]:
        z, jacobian = circuit.evaluate(log_s, x)
        r, j = (z - z_ohm) * weight, jacobian * weight
        return np.concatenate([r.real, r.imag], axis=1), np.concatenate([j.real, j.imag], axis=2)

    return problem


def screen(circuit: Circuit, frequency_hz: Array, z_ohm: ComplexArray) -> Solution:
    """Fit a circuit well enough to compare it with others: to 1e-4 of the cost, or 60 iterations."""
    problem = modulus_problem(circuit, frequency_hz, z_ohm)
    low, high = circuit.bounds()
    begin = starts(circuit, frequency_hz, z_ohm, count=4)
    minimum = minimize(problem, begin, low=low, high=high, iterations=60, stall=1e-4)
    return assess(circuit, frequency_hz, z_ohm, minimum)


def solve(
    circuit: Circuit,
    frequency_hz: Array,
    z_ohm: ComplexArray,
    *,
    count: int = 8,
    more_starts: Array | None = None,
) -> Solution:
    """Fit a circuit with weights 1/|Z| of the data, from starts computed from the data.

    Should none of them converge, from 64 random starts. more_starts: further variables to start from, (k, p).
    """
    begin = starts(circuit, frequency_hz, z_ohm, count=count)
    if more_starts is not None:
        begin = np.vstack([begin, more_starts])
    return _to_rest(circuit, frequency_hz, z_ohm, begin)


def refine(s: Solution, frequency_hz: Array, z_ohm: ComplexArray) -> Solution:
    """The same fit, brought to rest."""
    return _to_rest(s.circuit, frequency_hz, z_ohm, s.x[None, :])


def _to_rest(circuit: Circuit, frequency_hz: Array, z_ohm: ComplexArray, begin: Array) -> Solution:
    problem = modulus_problem(circuit, frequency_hz, z_ohm)
    low, high = circuit.bounds()
    minimum = minimize(problem, begin, low=low, high=high)
    if not minimum.converged:
        more = random_starts(circuit, frequency_hz, z_ohm, count=64)
        minimum = minimize(
            problem, np.vstack([minimum.x, more]), low=low, high=high, iterations=400
        )
    return assess(circuit, frequency_hz, z_ohm, minimum)


def assess(
    circuit: Circuit, frequency_hz: Array, z_ohm: ComplexArray, minimum: Minimum
) -> Solution:
    """Covariance, criterion and intercept of a minimum.

    covariance = s^2 (J^T J + s^2 P)^-1, s^2 = cost/(2n - p), P the weak prior above (diagonal).
    AICc = m ln(cost/m) + 2k + 2k(k+1)/(m - k - 1), m = 2n, k = p + 1. Source: Burnham & Anderson, Model
    Selection and Multimodel Inference (2002), eq. 2.4 (least squares).
    """
    minimum = _fastest_first(circuit, minimum)
    p, m = minimum.x.size, 2 * frequency_hz.size
    freedom = max(m - p, 1)
    variance = max(minimum.cost / freedom, 1e-28)
    prior = np.where(circuit.is_log, _PRIOR_LOG, _PRIOR_EXPONENT)
    covariance: Array = np.asarray(
        np.linalg.inv(minimum.normal / variance + np.diag(prior**-2.0)), dtype=np.float64
    )
    deviation = np.sqrt(np.diag(covariance))
    known = deviation < np.where(circuit.is_log, 1.0, 0.15)
    known &= ~(minimum.at_bound & circuit.is_log)
    without = electrode_arcs(circuit, minimum.x, covariance)
    resistance, slope = sample_intercept(circuit, minimum.x, without)
    if np.isfinite(resistance) and resistance > 0.0:
        sigma_log = float(np.sqrt(slope @ covariance @ slope) / resistance)
    else:
        sigma_log = float("inf")
    k = p + 1
    spare = m - k - 1
    penalty = 2.0 * k + 2.0 * k * (k + 1) / spare if spare > 0 else float("inf")
    z, jacobian = circuit.evaluate(log_i_omega(frequency_hz), minimum.x[None, :])
    residuals = (z_ohm - z[0]) / np.abs(z_ohm)
    return Solution(
        circuit=circuit,
        x=minimum.x,
        covariance=covariance,
        known=known,
        cost=minimum.cost,
        variance=variance,
        freedom=freedom,
        aicc=float(m * np.log(max(minimum.cost, 1e-26 * m) / m) + penalty),
        resistance_ohm=resistance,
        resistance_sigma_log=sigma_log,
        slope=slope,
        unevenness=_unevenness(covariance, variance, slope, residuals, jacobian[0] / np.abs(z_ohm)),
        residuals=residuals,
        minimum=minimum,
        electrode_arcs=without,
    )


def _unevenness(
    covariance: Array,
    variance: float,
    slope: Array,
    residuals: ComplexArray,
    jacobian: ComplexArray,
) -> float:
    """Variance of ln R with every residual's own square, over the one with their mean.

    var = g^T C J^T diag(r^2/(1 - h)) J C g / s^4, C the covariance, h the leverages, against g^T C g.
    1 where it exceeds 1 by less than 2.5 of its standard deviations for even scatter, sqrt(2 sum a^2)/sum a with a
    the squared influences. Source: MacKinnon & White, J. Econometrics 29 (1985) 305, estimator HC2.
    """
    j = np.concatenate([jacobian.real, jacobian.imag], axis=1)
    r = np.concatenate([residuals.real, residuals.imag])
    leverage = np.einsum("pm,pq,qm->m", j, covariance, j) / variance
    influence = slope @ covariance @ j / variance
    plain = float(slope @ covariance @ slope)
    robust = float((influence**2 * r**2 / np.maximum(1.0 - leverage, 0.05)).sum())
    if not plain > 0.0:
        return 1.0
    share = influence**2
    chance = float(np.sqrt(2.0 * (share**2).sum()) / share.sum())
    ratio = robust / plain
    return ratio if ratio > 1.0 + _BEYOND_CHANCE * chance else 1.0


def _fastest_first(circuit: Circuit, minimum: Minimum) -> Minimum:
    """The same minimum with the arcs in order of their time constants: R1 is the fastest of R||CPE alike."""
    arcs = [(r, q) for _, r, q in circuit.arcs() if q == r + 1 and circuit.names[q].endswith("_0")]
    if len(arcs) < 2:
        return minimum
    x = minimum.x
    slowness = [(x[r] + x[q]) / x[q + 1] for r, q in arcs]
    order = np.arange(x.size)
    for target, source in enumerate(np.argsort(slowness).tolist()):
        order[arcs[target][0] : arcs[target][0] + 3] = arcs[source][0] + np.arange(3)
    return replace(
        minimum,
        x=x[order],
        normal=minimum.normal[np.ix_(order, order)],
        at_bound=minimum.at_bound[order],
    )
