"""Nonlinear least squares with uncertainties: the only module that imports lmfit."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Fit", "Start", "least_squares"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a parameter begins and between what it must stay."""

    value: float
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """values by name; covariance, shape (m, m), in the order of the names, for residuals of unit variance.

    covariance is None where the data do not determine the parameters. residual: shape (n,), at the end. converged: the
    engine says so.
    """

    values: Mapping[str, float]
    covariance: Array | None
    residual: Array
    converged: bool

    @property
    def dof(self) -> int:
        """Residuals less parameters."""
        return int(self.residual.size) - len(self.values)

    @property
    def chi2(self) -> float:
        """Sum of the squared residuals."""
        return float(self.residual @ self.residual)

    def sigma(self, name: str) -> float | None:
        """Standard uncertainty for residuals of unit variance; None where not determined."""
        if self.covariance is None:
            return None
        place = list(self.values).index(name)
        return math.sqrt(max(float(self.covariance[place, place]), 0.0))


def least_squares(
    residual: Callable[[Mapping[str, float]], Array], start: Mapping[str, Start]
) -> Fit:
    """Minimize the sum of squared residuals by Levenberg and Marquardt (lmfit over MINPACK).

    residual: values by name -> shape (n,), already divided by sigma. Bounds are kept by lmfit's change of variable.
    """
    import lmfit

    parameters = lmfit.Parameters()
    for s in start.values():
        parameters.add(f"p{len(parameters)}", value=s.value, min=s.low, max=s.high)
    names = list(start)

    def scaled(p: "lmfit.Parameters") -> Array:
        return residual({n: v.value for n, v in zip(names, p.values(), strict=True)})

    result = lmfit.Minimizer(scaled, parameters, scale_covar=False).minimize(method="leastsq")
    values = {n: float(v.value) for n, v in zip(names, result.params.values(), strict=True)}
    covariance = getattr(result, "covar", None)
    if covariance is not None:
        covariance = np.asarray(covariance, dtype=np.float64)
        if not (np.isfinite(covariance).all() and (np.diag(covariance) > 0.0).all()):
            covariance = None
    return Fit(
        values=values,
        covariance=covariance,
        residual=np.asarray(result.residual, dtype=np.float64),
        converged=bool(result.success),
    )
