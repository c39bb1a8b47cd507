"""Maximum a posteriori of a linear model with correlated residuals: the algebra, without any physics."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xtsred.stages import Array

__all__ = ["Linearized", "Posterior", "cost", "most_probable", "tolerance_needed"]

_LARGEST = 1e3  # times the stated tolerance
_WIDER = 10.0  # than stated, where priors shall not matter
_SIGNIFICANT = 2.33  # standard normal of a chance of 1 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Linearized:
    """residuals about a point: value + jacobian @ (u - at).

    u: parameters in units of their prior sigma from its centre, shape (p,); value: shape (m,);
    jacobian: shape (m, p); counting, tolerance: covariances, shape (m, m) each: counting + t^2 tolerance in all.
    correlation: of the priors, shape (p, p); None: they are independent.
    """

    at: Array
    value: Array
    jacobian: Array
    counting: Array
    tolerance: Array
    correlation: Array | None = None

    @property
    def precision(self) -> Array:
        """Inverse of the prior covariance of u, shape (p, p)."""
        if self.correlation is None:
            return np.eye(self.at.size)
        return np.asarray(np.linalg.inv(self.correlation))

    def covariance(self, scale: float) -> Array:
        """Of the residuals, the tolerance being `scale` times as wide as stated."""
        return np.asarray(self.counting + scale**2 * self.tolerance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """u: most probable, shape (p,); covariance: of u, shape (p, p); cost: misfit and prior together there."""

    u: Array
    covariance: Array
    cost: float


def most_probable(model: Linearized, *, scale: float = 1.0) -> Posterior:
    """Minimum of r^T C^-1 r + u^T P u with r = value + J (u - at), P the priors' precision.

    u = (P + J^T C^-1 J)^-1 J^T C^-1 (J at - value); the inverse is the covariance. Source: Tarantola, Inverse
    Problem Theory (2005), Eq. 3.37; Rodgers, Inverse Methods for Atmospheric Sounding (2000), Eq. 4.3.
    """
    low = np.linalg.cholesky(model.covariance(scale))
    jacobian = np.linalg.solve(low, model.jacobian)
    target = np.linalg.solve(low, model.jacobian @ model.at - model.value)
    covariance = np.linalg.inv(model.precision + jacobian.T @ jacobian)
    u = covariance @ (jacobian.T @ target)
    left = jacobian @ u - target
    return Posterior(u=u, covariance=covariance, cost=float(left @ left + u @ model.precision @ u))


def cost(value: Array, u: Array, *, covariance: Array, precision: Array | None = None) -> float:
    """r^T C^-1 r + u^T P u of residuals, shape (m,), and parameters, shape (p,); P: of the priors, None: 1."""
    prior = u @ u if precision is None else u @ precision @ u
    return float(value @ np.linalg.solve(covariance, value) + prior)


def tolerance_needed(model: Linearized) -> float:
    """1 where some values of the parameters explain the residuals; else how much wider the tolerance must be.

    What is asked is whether the conditions agree with each other, not with the priors (that is what pulls are for): the priors are
    ten times as wide here. The cost is then chi^2 of m - sum s^2/(s^2 + 0.01) degrees of freedom, s the singular values of the whitened
    Jacobian. Beyond its 99 % point (n + 2.33 sqrt(2 n)) the scale is the one that brings the cost to n, the principle of
    Birge's ratio (Phys. Rev. 40 (1932) 207); a thousand at most, and 1 where less than one degree of freedom is left.
    """

    def excess(scale: float) -> tuple[float, float]:
        low = np.linalg.cholesky(model.covariance(scale))
        jacobian = np.linalg.solve(low, model.jacobian)
        value = np.linalg.solve(low, model.value - model.jacobian @ model.at)
        left, s, _ = np.linalg.svd(jacobian, full_matrices=False)
        taken = s**2 / (s**2 + 1.0 / _WIDER**2)
        n = value.size - float(taken.sum())
        return float(value @ value - taken @ (left.T @ value) ** 2) - n, n

    over, n = excess(1.0)
    if n < 1.0 or over <= _SIGNIFICANT * np.sqrt(2.0 * n):
        return 1.0
    return _falling_root(lambda scale: excess(scale)[0], 1.0, _LARGEST)


def _falling_root(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function passes zero, by halving the interval of ln x; `high` where it does not."""
    if f(high) > 0.0:
        return high
    for _ in range(40):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if f(middle) > 0.0 else (low, middle)
    return float(np.sqrt(low * high))
