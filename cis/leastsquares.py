"""Levenberg-Marquardt on several starts at once, inside bounds, with analytic derivatives.

Why not lmfit or scipy.optimize here: a spectrum is some fifty points and a handful of parameters, so a
fit is all overhead. Following every start in one set of arrays costs little more than following one, and a
choice among ten circuits from five starts each stays within some ten milliseconds; lmfit takes about a hundred
times as long for one circuit from five starts (benchmarks/impedance_fit.py peers). A test asks lmfit to
confirm the minimum and the uncertainties.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cis.stages import Array, BoolArray

__all__ = ["Minimum", "Problem", "minimize"]

# residuals (b, m) and their derivatives (b, p, m) of variables (b, p)
Problem = Callable[[Array], tuple[Array, Array]]

_DAMPING_MAX = 1e12
_SAME = 1e-5  # relative difference of cost below which two starts are in the same valley
_PLATEAU = 10  # iterations over which a start must have gained something


@dataclass(frozen=True, slots=True)
class Minimum:
    """The best end of all starts.

    x: shape (p,). cost: sum of squared residuals. converged: the cost can fall no further to first order.
    normal: shape (p, p), J^T J at x. at_bound: shape (p,), variables held by a bound.
    costs: shape (b,), where each start ended. iterations: of the slowest start.
    """

    x: Array
    cost: float
    converged: bool
    normal: Array
    at_bound: BoolArray
    costs: Array
    iterations: int


def minimize(
    problem: Problem,
    starts: Array,
    *,
    low: Array,
    high: Array,
    tolerance: float = 1e-8,
    iterations: int = 200,
    stall: float = 1e-6,
) -> Minimum:
    """Minimize sum r^2 from every row of starts, shape (b, p), inside low <= x <= high, shape (p,).

    (J^T J + mu diag(J^T J)) step = -J^T r, steps cut at the bounds; variables that push against a bound
    are held. A start has converged when the decrease that the linear model still promises, without
    damping, is below tolerance times the cost: it is free of the scale of the variables. A start that gained
    less than the part `stall` of its cost in ten iterations has converged, too: a valley without end.
    Source: Marquardt, J. SIAM 11 (1963) 431; damping after Nielsen, IMM-REP-1999-05.
    """
    x = np.clip(starts, low, high)
    size, count = x.shape
    residual, jacobian = problem(x)
    cost = np.einsum("bm,bm->b", residual, residual)
    normal = jacobian @ jacobian.transpose(0, 2, 1)
    gradient = (jacobian @ residual[:, :, None])[:, :, 0]
    damping = np.full(size, 1e-3)
    growth = np.full(size, 2.0)
    done = np.zeros(size, dtype=bool)
    settled = np.zeros(size, dtype=bool)
    eye = np.eye(count)
    checked = cost.copy()
    used = 0
    while used < iterations and not done.all():
        used += 1
        live = np.flatnonzero(~done)
        a, g, held = _reduced(normal[live], gradient[live], x[live], low, high)
        diagonal = np.einsum("bii->bi", a)
        scale = np.maximum(diagonal, 1e-12 * diagonal.max(axis=1, keepdims=True)) + 1e-300
        # the decrease still promised by the linear model, with hardly any damping
        newton = np.linalg.solve(a + 1e-9 * scale[:, :, None] * eye, -g[:, :, None])[:, :, 0]
        step = np.linalg.solve(a + (damping[live, None] * scale)[:, :, None] * eye, -g[:, :, None])[
            :, :, 0
        ]
        promised = -np.einsum("bi,bi->b", newton, g)
        finished = promised <= tolerance * cost[live]
        trial = np.clip(x[live] + np.where(held, 0.0, np.clip(step, -4.0, 4.0)), low, high)
        moved = trial - x[live]
        new_residual, new_jacobian = problem(trial)
        new_cost = np.einsum("bm,bm->b", new_residual, new_residual)
        predicted = -np.einsum(
            "bi,bi->b", moved, 2.0 * gradient[live] + (normal[live] @ moved[:, :, None])[:, :, 0]
        )
        gain = np.where(predicted > 0.0, (cost[live] - new_cost) / (predicted + 1e-300), -1.0)
        better = np.isfinite(new_cost) & (new_cost < cost[live])
        keep = live[better]
        x[keep] = trial[better]
        cost[keep] = new_cost[better]
        j = new_jacobian[better]
        normal[keep] = j @ j.transpose(0, 2, 1)
        gradient[keep] = (j @ new_residual[better][:, :, None])[:, :, 0]
        factor = np.maximum(1.0 / 3.0, 1.0 - (2.0 * np.clip(gain, -1.0, 2.0) - 1.0) ** 3)
        damping[live] = np.where(better, damping[live] * factor, damping[live] * growth[live])
        growth[live] = np.where(better, 2.0, growth[live] * 2.0)
        damping[live] = np.clip(damping[live], 1e-12, 2.0 * _DAMPING_MAX)
        settled[live] = finished
        done[live] = finished | (damping[live] > _DAMPING_MAX)
        if done.any():  # the others of the same valley need not walk to its bottom, too
            bottom = np.min(cost[done])
            done |= np.abs(cost - bottom) < _SAME * bottom
        if used % _PLATEAU == 0:
            done |= cost > checked * (1.0 - stall)
            checked = cost.copy()
    rank = np.where(settled, cost, cost * (1.0 + _SAME))  # of equals, one that has come to rest
    best = int(np.argmin(np.where(np.isfinite(rank), rank, np.inf)))
    a, g, held = _reduced(
        normal[best : best + 1], gradient[best : best + 1], x[best][None], low, high
    )
    return Minimum(
        x=x[best],
        cost=float(cost[best]),
        converged=bool(done[best]),
        normal=normal[best],
        at_bound=held[0],
        costs=cost,
        iterations=used,
    )


def _reduced(
    normal: Array, gradient: Array, x: Array, low: Array, high: Array
) -> tuple[Array, Array, BoolArray]:
    """Normal equations with the variables that push against a bound taken out."""
    held = ((x <= low) & (gradient > 0.0)) | ((x >= high) & (gradient < 0.0))
    if not held.any():
        return normal, gradient, held
    free = ~held
    a = normal * free[:, :, None] * free[:, None, :]
    ones = np.einsum("bii->bi", a)  # a writable view of the diagonals
    ones[held] = 1.0
    return a, gradient * free, held
