"""From counts/s to electron units: the data are scaled to the model, never the model fitted to the data."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration.quantity import Quantity
from xtsred.stages import Array

__all__ = ["HighAngle", "Measured", "high_angle", "krogh_moe_norman"]


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
class HighAngle:
    """Result of the high-angle method. k: counts/s per e.u.; amplitudes: fitted amplitude of every free term
    (1: as calculated); covariance: of (K, K a_1, K a_2 ...) in the order of names; leakage: relative change of
    K when the window is narrowed (sin^4), the share of S(Q)'s oscillation that does not average out."""

    k: Quantity
    amplitudes: Mapping[str, Quantity]
    correlations: Mapping[str, float]
    leakage: float


def high_angle(
    data: Measured, *, q_range: tuple[float, float], priors: Mapping[str, Quantity]
) -> HighAngle:
    """K such that I_coh oscillates about <f^2> between q_range's limits.

    rate = K [fixed + sum_j a_j term_j + sensitivity (S - 1)].  The oscillating part is orthogonal to a smooth
    window: with h_k(Q) = Q sin^2(pi x) P_k(2x - 1) / sensitivity, x = (Q - Q_1)/(Q_2 - Q_1) and Legendre P_k,
    ∫ h_k sensitivity (S - 1) dQ is the Fourier component of F(Q) at the window's own low frequency, where
    no interatomic distance lies.  So the moments ∫ h_k (rate - K model) dQ = 0, one for K and one for every
    free amplitude, are solved by least squares weighted by the counting variance, each amplitude with its
    prior (Quantity 1 ± sigma; sigma None: free).

    A plain least squares over the interval leaves boundary terms of the oscillation in K (1e-3 for a
    glass at 17 Å^-1); the window removes them (Norman, Acta Cryst. 10 (1957) 370, for the principle; the
    window is Hann's). Raises ValueError where fewer than 8 points lie in the range.
    """
    solution, covariance, names = _solve(data, q_range, priors, power=2)
    narrow, _, _ = _solve(data, q_range, priors, power=4)
    k = solution[0]
    leakage = abs(narrow[0] / k - 1.0)
    total = covariance.copy()
    change = narrow - solution
    total += np.outer(change, change)
    amplitudes, correlations = {}, {}
    for j, name in enumerate(names, start=1):
        a = solution[j] / k
        gradient = np.zeros(solution.size)
        gradient[0], gradient[j] = -a / k, 1.0 / k
        variance = float(gradient @ total @ gradient)
        amplitudes[name] = Quantity(float(a), float(np.sqrt(variance)))
        cross = float(total[0] @ gradient)
        correlations[f"K, {name}"] = cross / float(np.sqrt(total[0, 0] * variance))
    return HighAngle(
        k=Quantity(float(k), float(np.sqrt(total[0, 0])), "counts/s per e.u."),
        amplitudes=amplitudes,
        correlations=correlations,
        leakage=float(leakage),
    )


def _solve(
    data: Measured, q_range: tuple[float, float], priors: Mapping[str, Quantity], *, power: int
) -> tuple[Array, Array, list[str]]:
    inside = (data.q > q_range[0]) & (data.q < q_range[1])
    if inside.sum() < 8:
        raise ValueError(f"fewer than 8 points in {q_range[0]:g}..{q_range[1]:g} Å^-1")
    q = data.q[inside]
    x = (q - q_range[0]) / (q_range[1] - q_range[0])
    base = np.gradient(data.q)[inside] * q * np.sin(np.pi * x) ** power / data.sensitivity[inside]
    names = list(priors)
    h = np.array(
        [base * np.polynomial.Legendre.basis(k)(2.0 * x - 1.0) for k in range(len(names) + 1)]
    )
    columns = [data.terms["fixed"][inside], *(data.terms[n][inside] for n in names)]
    matrix = h @ np.array(columns).T
    target = h @ data.rate[inside]
    noise = (h * data.variance[inside]) @ h.T
    # a prior is a further observation a_j = 1 ± s, i.e. K a_j - K = 0 ± K s: linear once K is roughly known
    k = float(target[0] / matrix[0].sum())
    for _ in range(4):
        design, values, weight = [matrix], [target], [np.linalg.inv(noise)]
        for j, name in enumerate(names, start=1):
            sigma = priors[name].sigma
            if sigma is not None:
                row = np.zeros((1, len(names) + 1))
                row[0, 0], row[0, j] = -priors[name].value, 1.0
                design.append(row)
                values.append(np.zeros(1))
                weight.append(np.array([[1.0 / (k * sigma) ** 2]]))
        a = np.vstack(design)
        w = _block_diagonal(weight)
        covariance = np.linalg.inv(a.T @ w @ a)
        solution = covariance @ (a.T @ w @ np.concatenate(values))
        k = float(solution[0])
    return solution, covariance, names


def _block_diagonal(blocks: list[Array]) -> Array:
    size = sum(b.shape[0] for b in blocks)
    out = np.zeros((size, size))
    at = 0
    for block in blocks:
        out[at : at + block.shape[0], at : at + block.shape[0]] = block
        at += block.shape[0]
    return out


def krogh_moe_norman(
    data: Measured, *, number_density_per_a3: float, s_low: float, amplitudes: Mapping[str, float]
) -> Quantity:
    """K by the integral method, over the whole measured range.

    ∫ Q^2 (S - 1) M dQ = -2 pi^2 rho0 with M = exp(-b Q^2), b such that M(Q_max) = 0.01: the sum rule in
    damped form, exact as long as no distance lies within 0.6 Å of zero.  Below the first point S = s_low.

    Sources: Krogh-Moe, Acta Cryst. 9 (1956) 951; Norman, Acta Cryst. 10 (1957) 370.
    Returns K in counts/s per e.u. with its counting sigma.
    """
    q, low = data.q, float(data.q[0])
    b = -np.log(0.01) / q[-1] ** 2
    model = data.terms["fixed"] + sum(a * data.terms[n] for n, a in amplitudes.items())
    weight = np.gradient(q) * q**2 * np.exp(-b * q**2) / data.sensitivity
    unmeasured = (s_low - 1.0) * low**3 / 3.0
    bottom = float(weight @ model) - 2.0 * np.pi**2 * number_density_per_a3 - unmeasured
    k = float(weight @ data.rate) / bottom
    sigma = float(np.sqrt(weight**2 @ data.variance)) / bottom
    return Quantity(k, sigma, "counts/s per e.u.")
