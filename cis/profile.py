"""Profile likelihood of one parameter of a fit, or of its total resistance."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.stats import f as f_distribution

from cis.arcs import sample_intercept
from cis.circuits import circuit
from cis.leastsquares import minimize
from cis.solution import modulus_problem
from cis.stages import ArcFit, Array

__all__ = ["interval"]

_STIFF = 1e5  # weight that holds the profiled quantity, relative to the size of the residuals


def interval(fit: ArcFit, name: str, *, level: float) -> tuple[float, float]:
    """See cis.fit.profile_interval."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a confidence level lies between 0 and 1, not {level}")
    c = circuit(fit.circuit_string)
    total = name == "R" and name not in c.names
    if not total:
        fit.parameter(name)  # raises KeyError with the names there are
    place = None if total else c.names.index(name)
    used = fit.validation.used
    f, z = fit.spectrum.frequency_hz[used], fit.spectrum.z_ohm[used]
    best = c.to_variables([p.value for p in fit.parameters])
    plain = modulus_problem(c, f, z)
    low, high = c.bounds()
    r0, _ = plain(best[None, :])
    cost0 = float(r0[0] @ r0[0])
    freedom = 2 * f.size - best.size
    allowed = cost0 / freedom * float(f_distribution.ppf(level, 1, freedom))
    stiff = _STIFF * np.sqrt(max(cost0 / freedom, 1e-20))

    def quantity(x: Array) -> tuple[float, Array]:
        if place is not None:
            return float(x[place]), np.eye(x.size)[place]
        value, slope = sample_intercept(c, x, fit.electrode_arcs)
        return float(np.log(value)), slope / value

    center, _ = quantity(best)
    state = {"x": best}

    def excess(target: float) -> float:
        def held(x: Array) -> tuple[Array, Array]:
            r, j = plain(x)
            rows = [quantity(row) for row in x]
            pull = np.array([[stiff * (value - target)] for value, _ in rows])
            slope = np.array([[stiff * s] for _, s in rows]).transpose(0, 2, 1)
            return np.concatenate([r, pull], axis=1), np.concatenate([j, slope], axis=2)

        start = np.stack([state["x"], best])
        end = minimize(held, start, low=low, high=high)
        state["x"] = end.x
        r, _ = plain(end.x[None, :])
        return float(r[0] @ r[0]) - cost0 - allowed

    if place is None:
        limits = (center - 30.0, center + 30.0)
    else:
        limits = (float(low[place]), float(high[place]))
    step = _first_step(fit, name, logarithmic=place is None or bool(c.is_log[place]))
    logarithmic = place is None or bool(c.is_log[place])
    ends = []
    for sign, limit in zip((-1.0, 1.0), limits, strict=True):
        state["x"] = best
        end = _crossing(excess, center, sign * step, limit)
        ends.append(float(np.exp(end)) if logarithmic else end)
    return ends[0], ends[1]


def _first_step(fit: ArcFit, name: str, *, logarithmic: bool) -> float:
    if name == "R" and fit.resistance_sigma_ohm is not None:
        return max(fit.resistance_sigma_ohm / fit.resistance_ohm, 1e-6)
    for parameter in fit.parameters:
        if parameter.name == name:
            sigma = parameter.sigma_log if logarithmic else parameter.sigma
            return max(sigma, 1e-6) if sigma is not None else 0.1
    return 0.1


def _crossing(excess: Callable[[float], float], center: float, step: float, limit: float) -> float:
    """Where the excess becomes positive on one side; the limit if it does not before."""
    inner, outer = center, center + step
    for _ in range(60):
        outer = min(outer, limit) if step > 0.0 else max(outer, limit)
        if excess(outer) > 0.0:
            return float(brentq(excess, inner, outer, xtol=1e-3 * abs(step), rtol=1e-10))
        if outer == limit:
            return limit
        inner, outer = outer, outer + 1.6 * (outer - center)
    return limit
