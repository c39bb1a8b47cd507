"""Solutions of known conductivity, which calibrate a measuring cell."""

import math
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.quantity import Quantity

__all__ = ["Solution", "constant_from_solution", "find_solution", "solutions"]

Array = npt.NDArray[np.float64]

_SLACK_C = 0.05  # a bath at 25.02 °C is within the range of a table that ends at 25 °C


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A table of one solution: temperature in °C, shape (n,), conductivity in S/cm, shape (n,), water subtracted.

    degree: of the polynomial in temperature between the rows; like: a solution of nearly the same temperature dependence,
    then of the ratio to it. relative_sigma: standard uncertainty of all rows, common.
    """

    name: str
    what: str
    temperature_c: Array
    conductivity_s_per_cm: Array
    degree: int
    relative_sigma: float
    citation: str
    like: "Solution | None" = None

    def conductivity(self, temperature_c: Quantity) -> Quantity:
        """kappa in S/cm at a temperature in °C, u^2 = (kappa u_table)^2 + (dkappa/dT u_T)^2.

        sigma None where that of the temperature is unknown (2 % per kelvin: it is never negligible). Source: GUM
        (JCGM 100:2008) eq. 10. Raises InputError outside the table's temperatures.
        """
        low, high = float(self.temperature_c[0]), float(self.temperature_c[-1])
        t = temperature_c.value
        if not low - _SLACK_C <= t <= high + _SLACK_C:
            raise InputError(
                f"{self.name} is tabulated from {low:g} to {high:g} °C, not at {t:g} °C",
                why="a standard is not extrapolated",
                remedy='measure inside these temperatures, or use a molal standard such as "KCl 0.1 m" (0 to 50 °C)',
            )
        value = self._at(t)
        if temperature_c.sigma is None:
            return Quantity(value, None, "S/cm")
        sigma = value * math.hypot(self.relative_sigma, self.slope_per_k(t) * temperature_c.sigma)
        return Quantity(value, sigma, "S/cm")

    def slope_per_k(self, temperature_c: float) -> float:
        """d ln(kappa)/dT in 1/K at a temperature in °C."""
        h = 0.01
        return math.log(self._at(temperature_c + h) / self._at(temperature_c - h)) / (2.0 * h)

    def _at(self, temperature_c: float) -> float:
        if self.like is None:
            rows, factor = self.conductivity_s_per_cm, 1.0
        else:
            other = np.array([self.like._at(float(t)) for t in self.temperature_c])
            rows, factor = self.conductivity_s_per_cm / other, self.like._at(temperature_c)
        line = np.polynomial.Polynomial.fit(self.temperature_c, rows, self.degree)
        return factor * float(line(temperature_c))


@lru_cache(maxsize=1)
def solutions() -> tuple[Solution, ...]:
    """All solutions of the table `solutions.toml`."""
    path = Path(__file__).parent / "solutions.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["solution"]
    made: dict[str, Solution] = {}
    for e in entries:
        made[e["name"]] = Solution(
            name=e["name"],
            what=e["what"],
            temperature_c=np.array(e["temperature_C"]),
            conductivity_s_per_cm=np.array(e["conductivity_S_per_cm"]),
            degree=e["degree"],
            relative_sigma=e["relative_sigma"],
            citation=e["citation"],
            like=made[e["like"]] if "like" in e else None,
        )
    return tuple(made.values())


def find_solution(name: str) -> Solution:
    """The solution of that name ("KCl 0.1 D"); case and spaces do not matter. Raises InputError naming all."""

    def plain(text: str) -> str:
        return "".join(text.split()).lower()

    for solution in solutions():
        if plain(solution.name) == plain(name):
            return solution
    raise InputError(
        f"no solution is called {name!r}",
        why=f"there are {', '.join(s.name for s in solutions())} (m: mol per kg of water, D: demal)",
        remedy="name one of them, or give conductivity_S_per_cm of your own standard",
    )


def constant_from_solution(conductivity: Quantity, resistance_ohm: Quantity) -> Quantity:
    """Cell constant K = kappa R in 1/cm, u^2 relative = (u(kappa)/kappa)^2 + (u(R)/R)^2.

    conductivity: of the solution with its water, S/cm. sigma None where a part is unknown.
    Source: definition of conductivity; GUM (JCGM 100:2008) eq. 12.
    """
    value = conductivity.value * resistance_ohm.value
    if conductivity.sigma is None or resistance_ohm.sigma is None:
        return Quantity(value, None, "1/cm")
    relative = math.hypot(
        conductivity.sigma / conductivity.value, resistance_ohm.sigma / resistance_ohm.value
    )
    return Quantity(value, value * relative, "1/cm")
