"""Many virtual experiments with parameters drawn about nominal ones, at a tenth of a second each.

Single scattering is ray-traced anew for every realisation. Multiple scattering, a few percent of the whole, is
walked at a design of parameter values only, all with the same random numbers, and interpolated in between:
M(p) = M(nominal) prod_k [1 + a_k x_k + b_k x_k^2 / 2], x_k = (p_k - nominal)/step, a and b of every angle and line from
the walks at x = -1, 0, 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from xtsred.forward.experiment import Effort, VirtualExperiment
from xtsred.forward.line import Multiple
from xtsred.forward.simulate import multiple_scattering
from xtsred.stages import Array, frozen

__all__ = ["Interpolated", "interpolated_multiple_scattering"]

MakeExperiment = Callable[[Mapping[str, float]], VirtualExperiment]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Factor:
    """Relative slope and curvature of one parameter, of filled and empty tube; shape (n,) each."""

    filled: tuple[Array, Array]
    empty: tuple[Array, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated:
    """Multiple scattering as a function of parameters; steps: name -> distance of the design's points.

    Parameters that are not in steps do not change it. A tuple of one entry per line, as `expect` takes it.
    """

    nominal: Mapping[str, float]
    steps: Mapping[str, float]
    center: tuple[Multiple, ...]
    factors: tuple[Mapping[str, _Factor], ...]

    def at(self, values: Mapping[str, float]) -> tuple[Multiple, ...]:
        """Multiple scattering at parameter values."""
        found = []
        for center, factors in zip(self.center, self.factors, strict=True):
            filled, empty = np.ones_like(center.total), np.ones_like(center.total)
            for name, factor in factors.items():
                x = (values[name] - self.nominal[name]) / self.steps[name]
                filled = filled * (1 + factor.filled[0] * x + 0.5 * factor.filled[1] * x * x)
                empty = empty * (1 + factor.empty[0] * x + 0.5 * factor.empty[1] * x * x)
            found.append(
                replace(
                    center,
                    second=frozen(center.second * filled),
                    total=frozen(center.total * filled),
                    empty=frozen(center.empty * empty),
                )
            )
        return tuple(found)


def interpolated_multiple_scattering(
    make: MakeExperiment,
    *,
    nominal: Mapping[str, float],
    steps: Mapping[str, float],
    design: Effort,
) -> Interpolated:
    """Walk at the nominal values with the experiment's own effort, and at one step either way with that of the design.

    make: experiment at parameter values. design: may be small, for only ratios of its walks are used.
    """

    def walked(values: Mapping[str, float]) -> tuple[Multiple, ...]:
        return multiple_scattering(replace(make(values), effort=design))

    center = multiple_scattering(make(nominal))
    middle = walked(nominal)
    factors: list[dict[str, _Factor]] = [{} for _ in center]
    for name, step in steps.items():
        low = walked({**nominal, name: nominal[name] - step})
        high = walked({**nominal, name: nominal[name] + step})
        for k in range(len(center)):
            nodes = center[k].two_theta_deg
            factors[k][name] = _Factor(
                filled=_relative(nodes, middle[k], (low[k].total, middle[k].total, high[k].total)),
                empty=_relative(nodes, middle[k], (low[k].empty, middle[k].empty, high[k].empty)),
            )
    return Interpolated(
        nominal=dict(nominal), steps=dict(steps), center=center, factors=tuple(factors)
    )


def _relative(
    nodes: Array, walk: Multiple, values: tuple[Array, Array, Array]
) -> tuple[Array, Array]:
    """Slope and curvature over the middle value, on the angles of the larger walk."""
    low, middle, high = values
    base = np.where(middle > 0, middle, 1.0)
    slope, curvature = 0.5 * (high - low) / base, (high - 2 * middle + low) / base
    return (
        frozen(np.interp(nodes, walk.two_theta_deg, slope)),
        frozen(np.interp(nodes, walk.two_theta_deg, curvature)),
    )
