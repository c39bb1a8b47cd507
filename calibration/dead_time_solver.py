"""The least squares behind a dead time: rates behind attenuators, through a counter that is blind after each count."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.quantity import Quantity

__all__ = ["Counts", "Model", "Solved", "non_paralysable", "paralysable", "solve_counts"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_ITERATIONS = 60
_CONVERGED = 1e-9

Model = Callable[[Array, float], tuple[Array, Array, Array]]
"""(true rate r, tau) -> observed rate m, dm/dr, dm/dtau."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What is fitted, checked already: see `calibration.dead_time.Readings`; point counts from 0 without gaps."""

    observed_cps: Array
    seconds: Array
    point: IntArray
    setting: IntArray
    transmissions: tuple[Quantity | None, ...]
    dark_cps: float

    @property
    def first_point(self) -> int:
        """Where ln n of the points begins among the unknowns (tau, ln t ..., ln n ...)."""
        return 1 + len(self.transmissions)

    @property
    def unknowns(self) -> int:
        """Number of unknowns, exact transmissions included."""
        return self.first_point + int(self.point.max()) + 1

    @property
    def free(self) -> BoolArray:
        """Which unknowns are fitted: all but the exact transmissions."""
        free = np.ones(self.unknowns, dtype=np.bool_)
        for k, t in enumerate(self.transmissions, start=1):
            free[k] = t is None or bool(t.sigma)
        return free

    @property
    def priors(self) -> list[tuple[int, float, float]]:
        """Stated transmissions as observations of ln t: (column, value, sigma)."""
        return [
            (k, math.log(t.value), t.sigma / t.value)
            for k, t in enumerate(self.transmissions, start=1)
            if t is not None and t.sigma
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """values: (tau, ln t ..., ln n ...); covariance over them; model, pulls: shape (n,)."""

    values: Array
    covariance: Array
    model: Array
    pulls: Array
    chi2: float


def non_paralysable(rate: Array, tau: float) -> tuple[Array, Array, Array]:
    """m, dm/dr and dm/dtau of m = r/(1 + r tau)."""
    live = 1.0 / np.maximum(1.0 + rate * tau, 0.05)
    return rate * live, live**2, -((rate * live) ** 2)


def paralysable(rate: Array, tau: float) -> tuple[Array, Array, Array]:
    """m, dm/dr and dm/dtau of m = r exp(-r tau)."""
    passed = np.exp(-np.clip(rate * tau, -1.0, 3.0))
    return rate * passed, passed * (1.0 - rate * tau), -(rate**2) * passed


def solve_counts(counts: Counts, model: Model) -> Solved | None:
    """The best fit from several starts; None where none converges."""
    top = float(counts.observed_cps.max())
    found = [_descend(counts, model, start / top) for start in (0.0, 0.2, 0.5)]
    return min((f for f in found if f is not None), key=lambda f: f.chi2, default=None)


def _descend(counts: Counts, model: Model, tau: float) -> Solved | None:
    """Gauss-Newton with halved steps; the weights are those of the fitted rates."""
    values = _start(counts, tau)
    last = math.inf
    for _ in range(_ITERATIONS):
        matrix, residual = _design(counts, model, values)
        move = _move(matrix, residual, counts.free)
        if move is None:
            return None
        before, factor = float(residual @ residual), 1.0
        while True:
            trial = values + factor * move
            own = _design(counts, model, trial)[1]
            after = float(own @ own)
            if after <= before * (1.0 + 1e-6) + 1e-12 or factor < 1e-4:
                break
            factor *= 0.5
        values = trial
        if abs(last - after) < _CONVERGED * (1.0 + after) and np.abs(move[1:]).max() < 1e-6:
            return _finish(counts, model, values)
        last = after
    return None


def _start(counts: Counts, tau: float) -> Array:
    """tau as given; ln n and ln t alternately, from the rates corrected with it."""
    known, observed = counts.transmissions, counts.observed_cps
    rates = observed / np.maximum(1.0 - observed * tau, 0.1)
    logs = np.log(np.maximum(rates - counts.dark_cps, 0.1 * rates))
    t = np.array([0.0, *(0.0 if k is None else math.log(k.value) for k in known)])
    for _ in range(30):
        n = np.bincount(counts.point, logs - t[counts.setting]) / np.bincount(counts.point)
        for k, stated in enumerate(known, start=1):
            if stated is None:
                t[k] = np.mean((logs - n[counts.point])[counts.setting == k])
    return np.concatenate([[tau], t[1:], n])


def _predict(counts: Counts, model: Model, values: Array) -> tuple[Array, Array, Array, Array]:
    """m, its derivatives by ln signal and by tau, and the standard uncertainty of each reading."""
    tau, logs = float(values[0]), np.concatenate([[0.0], values[1 : counts.first_point]])
    exponent = values[counts.first_point :][counts.point] + logs[counts.setting]
    signal = np.exp(np.clip(exponent, -50.0, 50.0))
    m, by_rate, by_tau = model(signal + counts.dark_cps, tau)
    live = np.maximum(1.0 - m * tau, 0.05)
    return m, by_rate * signal, by_tau, np.sqrt(m / counts.seconds) * live


def _design(counts: Counts, model: Model, values: Array) -> tuple[Array, Array]:
    """Jacobian and residuals in standard uncertainties, the stated transmissions below the readings."""
    m, by_log, by_tau, sigma = _predict(counts, model, values)
    n, priors = m.size, counts.priors
    matrix, residual = np.zeros((n + len(priors), values.size)), np.zeros(n + len(priors))
    later = np.flatnonzero(counts.setting > 0)
    matrix[:n, 0] = by_tau / sigma
    matrix[later, counts.setting[later]] = (by_log / sigma)[later]
    matrix[np.arange(n), counts.first_point + counts.point] = by_log / sigma
    residual[:n] = (counts.observed_cps - m) / sigma
    for row, (k, x, s) in enumerate(priors, start=n):
        matrix[row, k], residual[row] = 1.0 / s, (x - values[k]) / s
    return matrix, residual


def _move(matrix: Array, residual: Array, free: BoolArray) -> Array | None:
    # columns differ by many orders of magnitude (seconds, logarithms): scale them first
    scale = np.linalg.norm(matrix[:, free], axis=0)
    if not (np.isfinite(scale).all() and (scale > 0.0).all() and np.isfinite(residual).all()):
        return None
    move = np.zeros(matrix.shape[1])
    move[free] = np.linalg.lstsq(matrix[:, free] / scale, residual, rcond=1e-12)[0] / scale
    return move


def _finish(counts: Counts, model: Model, values: Array) -> Solved:
    matrix, residual = _design(counts, model, values)
    free = counts.free
    scale = np.linalg.norm(matrix[:, free], axis=0)
    scaled = matrix[:, free] / scale
    covariance = np.zeros((values.size, values.size))
    covariance[np.ix_(free, free)] = np.linalg.pinv(scaled.T @ scaled) / np.outer(scale, scale)
    n = counts.observed_cps.size
    return Solved(
        values=values,
        covariance=covariance,
        model=_predict(counts, model, values)[0],
        pulls=residual[:n],
        chi2=float(residual @ residual),
    )
