"""From counts/s to electron units: the data are scaled to the model, never the model fitted to the data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from calibration.errors import InputError
from calibration.quantity import Quantity
from xtsred.stages import Array

__all__ = ["HighAngle", "Measured", "SumRule", "high_angle", "krogh_moe_norman"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The sample's rate and what it is scaled to, all on the angles of the measurement.

    q: shape (n,), Å^-1, increasing; rate, variance: shape (n,), counts/s; terms: name -> shape (n,), e.u.,
    the calculated parts without the oscillating one ("fixed" holds all whose amplitude is not fitted);
    sensitivity: shape (n,), e.u. of the attenuated pattern per unit of S - 1 (P A |<f>|^2).
    """

    q: Array
    rate: Array
    variance: Array
    terms: Mapping[str, Array]
    sensitivity: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SumRule:
    """What the integral method needs: number density in Å^-3, and S below the first measured point."""

    number_density_per_a3: float
    s_low: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HighAngle:
    """Result of the high-angle method. k: counts/s per e.u.; amplitudes: fitted amplitude of every free term
    (1: as calculated); covariance: of (ln K, a_1, a_2 ...) in the order of the priors; leakage: relative change of
    K when the window is narrowed (sin^4), the share of S(Q)'s oscillation that does not average out."""

    k: Quantity
    amplitudes: Mapping[str, Quantity]
    correlations: Mapping[str, float]
    covariance: Array
    leakage: float


def high_angle(
    data: Measured,
    *,
    q_range: tuple[float, float],
    priors: Mapping[str, Quantity],
    sum_rule: SumRule,
) -> HighAngle:
    """K such that I_coh oscillates about <f^2> between q_range's limits.

    rate = K [fixed + sum_j a_j term_j + sensitivity (S - 1)].  The oscillating part is orthogonal to a smooth
    window: with h_k(Q) = Q sin^2(pi x) P_k(2x - 1) / sensitivity, x = (Q - Q_1)/(Q_2 - Q_1) and Legendre P_k,
    ∫ h_k sensitivity (S - 1) dQ is the Fourier component of F(Q) at the window's own low frequency, where
    no interatomic distance lies.  So the moments ∫ h_k (rate - K model) dQ = 0, one for K and one for every
    free amplitude, are solved by least squares.  Each moment's weight is its counting variance and what a
    narrower window (sin^4) changes in it; each amplitude has its prior (Quantity value ± sigma; sigma
    None: free). With free amplitudes the damped sum rule is one more equation (the density is known, and
    high angles alone hardly tell Compton scattering from the scale).

    A plain least squares over the interval leaves boundary terms of the oscillation in K (1e-3 for a
    glass at 17 Å^-1); the window removes them (Norman, Acta Cryst. 10 (1957) 370, for the principle; the
    window is Hann's). Raises ValueError where fewer than 8 points lie in the range.
    """
    names = list(priors)
    wide = _moments(data, q_range, names, power=2)
    free = {n: Quantity(q.value, None) for n, q in priors.items()}
    plain, _ = _least_squares([wide], free)
    narrow, _ = _least_squares([_moments(data, q_range, names, power=4)], free)
    leak = wide.matrix @ (narrow - plain)
    equations = [replace(wide, covariance=wide.covariance + np.diag(leak**2))]
    if names:
        equations.append(_integral(data, names, sum_rule))
    solution, covariance = _least_squares(equations, priors)
    k = _positive(float(solution[0]), "high-angle")
    # from (K, K a_1 ...) to (ln K, a_1 ...)
    jacobian = np.eye(solution.size) / k
    jacobian[1:, 0] = -solution[1:] / k**2
    own = jacobian @ covariance @ jacobian.T
    sigma = np.sqrt(np.diag(own))
    amplitudes = {
        n: Quantity(float(solution[j]) / k, float(sigma[j])) for j, n in enumerate(names, start=1)
    }
    correlations = {
        f"K, {n}": float(own[0, j] / (sigma[0] * sigma[j])) for j, n in enumerate(names, start=1)
    }
    return HighAngle(
        k=Quantity(k, float(np.sqrt(covariance[0, 0])), "counts/s per e.u."),
        amplitudes=amplitudes,
        correlations=correlations,
        covariance=own,
        leakage=float(abs(narrow[0] / plain[0] - 1.0)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Equations:
    """matrix @ (K, K a_1, K a_2 ...) = target within covariance."""

    matrix: Array
    target: Array
    covariance: Array


def _moments(
    data: Measured, q_range: tuple[float, float], names: list[str], *, power: int
) -> _Equations:
    inside = (data.q > q_range[0]) & (data.q < q_range[1])
    if inside.sum() < 8:
        raise ValueError(f"fewer than 8 points in {q_range[0]:g}..{q_range[1]:g} Å^-1")
    q = data.q[inside]
    x = (q - q_range[0]) / (q_range[1] - q_range[0])
    base = np.gradient(data.q)[inside] * q * np.sin(np.pi * x) ** power / data.sensitivity[inside]
    h = np.array(
        [base * np.polynomial.Legendre.basis(k)(2.0 * x - 1.0) for k in range(len(names) + 1)]
    )
    columns = np.array([data.terms[n][inside] for n in ("fixed", *names)])
    return _Equations(
        matrix=h @ columns.T,
        target=h @ data.rate[inside],
        covariance=(h * data.variance[inside]) @ h.T,
    )


def _integral(data: Measured, names: list[str], sum_rule: SumRule) -> _Equations:
    """The damped sum rule as an equation; its uncertainty is that of the unmeasured low-Q part and of counting."""
    weight, known, uncertain = _sum_rule_terms(data, sum_rule)
    row = np.array([weight @ data.terms[n] for n in ("fixed", *names)])
    row[0] += known
    k = float(weight @ data.rate) / float(row.sum())
    variance = float(weight**2 @ data.variance) + (k * uncertain) ** 2
    return _Equations(
        matrix=row[None, :],
        target=np.array([weight @ data.rate]),
        covariance=np.array([[variance]]),
    )


def _sum_rule_terms(data: Measured, sum_rule: SumRule) -> tuple[Array, float, float]:
    """Weight of each point, the known value of the oscillation's integral, and its uncertainty.

    Half of what the unmeasured 0..Q_min contributes is taken as its standard uncertainty.
    """
    q, low = data.q, float(data.q[0])
    b = -np.log(0.01) / q[-1] ** 2
    weight = np.gradient(q) * q**2 * np.exp(-b * q**2) / data.sensitivity
    unmeasured = (sum_rule.s_low - 1.0) * low**3 / 3.0
    known = -2.0 * np.pi**2 * sum_rule.number_density_per_a3 - unmeasured
    return weight, known, 0.5 * abs(unmeasured)


def _least_squares(
    equations: list[_Equations], priors: Mapping[str, Quantity]
) -> tuple[Array, Array]:
    """Solve for (K, K a_1 ...); a prior is a further observation a_j = p ± s, K a_j - K p = 0 ± K s, which is
    linear once K is roughly known."""
    size = len(priors) + 1
    k = float(equations[0].target[0] / equations[0].matrix[0].sum())
    for _ in range(4):
        design = [e.matrix for e in equations]
        values = [e.target for e in equations]
        weight = [np.linalg.inv(e.covariance) for e in equations]
        for j, prior in enumerate(priors.values(), start=1):
            if prior.sigma is not None:
                row = np.zeros((1, size))
                row[0, 0], row[0, j] = -prior.value, 1.0
                design.append(row)
                values.append(np.zeros(1))
                weight.append(np.array([[1.0 / (k * prior.sigma) ** 2]]))
        normal = np.zeros((size, size))
        right = np.zeros(size)
        for a, v, w in zip(design, values, weight, strict=True):
            normal += a.T @ w @ a
            right += a.T @ w @ v
        # columns differ by orders of magnitude: equilibrate before inverting
        scale = 1.0 / np.sqrt(np.diag(normal))
        covariance = np.linalg.inv(normal * np.outer(scale, scale)) * np.outer(scale, scale)
        solution = covariance @ right
        k = float(solution[0])
    return solution, covariance


def _positive(k: float, method: str) -> float:
    if k > 0.0:
        return k
    raise InputError(
        f"the {method} normalization gives {k:.4g} counts/s per electron unit, which must be positive",
        why="less than nothing is left of the sample, or more is calculated for it than was measured",
        remedy="check which scan is sample and which container, counting times, dimensions, composition and density",
    )


def krogh_moe_norman(
    data: Measured, *, sum_rule: SumRule, amplitudes: Mapping[str, float]
) -> Quantity:
    """K by the integral method, over the whole measured range.

    ∫ Q^2 (S - 1) M dQ = -2 pi^2 rho0 with M = exp(-b Q^2), b such that M(Q_max) = 0.01: the sum rule in
    damped form, exact as long as no distance lies within 0.6 Å of zero.  Below the first point S = s_low.

    Sources: Krogh-Moe, Acta Cryst. 9 (1956) 951; Norman, Acta Cryst. 10 (1957) 370.
    Returns K in counts/s per e.u. with its sigma (counting, and half of the unmeasured low-Q part).
    """
    weight, known, uncertain = _sum_rule_terms(data, sum_rule)
    model = data.terms["fixed"] + sum(a * data.terms[n] for n, a in amplitudes.items())
    bottom = float(weight @ model) + known
    k = _positive(float(weight @ data.rate) / bottom, "integral")
    sigma = float(np.sqrt(weight**2 @ data.variance + (k * uncertain) ** 2)) / bottom
    return Quantity(k, sigma, "counts/s per e.u.")
