"""The conditions by their usual names, for the eye: what they were and what they became.

The fit itself uses them as independent numbers (`short_distances`); these are the familiar ways to look at the same.
"""

from dataclasses import dataclass

import numpy as np

from calibration.quantity import Quantity
from xtsred.checks import low_r_level, sum_rule
from xtsred.stages import Reduction

__all__ = ["Condition", "conditions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """name; value: with its sigma where known; expected: what it must be."""

    name: str
    value: Quantity
    expected: float


def conditions(reduction: Reduction, *, wall: Quantity | None) -> tuple[Condition, ...]:
    """Low-r slope and sum rule relative to their values, mean of S at high Q, both normalizations, the wall's brightness.

    wall: ln of the empty container's rate over the calculated one; None where it has none.
    """
    density = reduction.number_density_per_a3
    integral, expected = sum_rule(reduction.structure_factor, number_density_per_a3=density)
    n = reduction.normalization
    found = [
        Condition(
            name="damped sum rule over -2 pi^2 rho0",
            value=_over(integral, expected),
            expected=1.0,
        ),
        Condition(name="S(Q), mean over the last third", value=_high(reduction), expected=1.0),
        Condition(
            name="K, Krogh-Moe-Norman over high-angle",
            value=Quantity(
                n.k_integral.value / n.k_high_angle.value,
                float(
                    np.hypot(
                        (n.k_integral.sigma or 0.0) / n.k_integral.value,
                        (n.k_high_angle.sigma or 0.0) / n.k_high_angle.value,
                    )
                ),
            ),
            expected=1.0,
        ),
    ]
    level = low_r_level(reduction.pair_distribution)
    if level is not None:
        name = "low-r slope of G(r) over -4 pi rho0"
        found.insert(0, Condition(name=name, value=_over(*level), expected=1.0))
    if wall is not None:
        value = Quantity(float(np.exp(wall.value)), wall.sigma)
        name = "K from the container's wall over K from the sample"
        found.append(Condition(name=name, value=value, expected=1.0))
    return tuple(found)


def _over(quantity: Quantity, expected: float) -> Quantity:
    sigma = None if quantity.sigma is None else quantity.sigma / abs(expected)
    return Quantity(quantity.value / expected, sigma)


def _high(reduction: Reduction) -> Quantity:
    """Mean of S under sin^2 over the last third of Q, with its counting sigma (bins as independent)."""
    s = reduction.structure_factor
    last = s.q >= 0.65 * s.q[-1]
    weight = np.sin(np.pi * (s.q[last] - s.q[last][0]) / (s.q[-1] - s.q[last][0])) ** 2
    weight /= weight.sum()
    return Quantity(float(weight @ s.s[last]), float(np.sqrt(weight**2 @ s.sigma[last] ** 2)))
