"""A value with its standard uncertainty and unit, written as the field writes it: 0.41(1) eV."""

import math
from dataclasses import dataclass

__all__ = ["Quantity", "concise"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that a user sees.

    value; sigma: standard uncertainty in the same unit, None where unknown (never 0 for unknown);
    unit: SI or field unit, "" for a pure number.
    Raises ValueError for a negative or not finite sigma.
    """

    value: float
    sigma: float | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        if self.sigma is not None and not (math.isfinite(self.sigma) and self.sigma >= 0.0):
            raise ValueError(f"sigma must be a finite number >= 0, not {self.sigma}")

    def __str__(self) -> str:
        text = concise(self.value, self.sigma)
        return f"{text} {self.unit}" if self.unit else text


def concise(value: float, sigma: float | None, *, digits: int = 4) -> str:
    """Write a value with its uncertainty in the last digits, e.g. 0.41(1) or 4.20(13)e-06.

    One digit of sigma is kept, two where it begins with 1 and the second is not 0 (GUM 7.2.6).
    sigma None writes `digits` significant digits and "± unknown".
    """
    if not math.isfinite(value):
        return f"{value}"
    if sigma is None or not math.isfinite(sigma):
        return f"{value:.{digits}g} (± unknown)"
    if sigma == 0.0:
        return f"{value:.10g} (exact)"
    last = math.floor(math.log10(float(f"{sigma:.1e}")))
    two_digits = _nearest(sigma / 10.0 ** (last - 1))
    if two_digits < 20 and two_digits % 10:
        last -= 1
    else:
        last = math.floor(math.log10(float(f"{sigma:.0e}")))  # 0.0098 is one digit of 0.01
    top = math.floor(math.log10(abs(value))) if value != 0.0 else last
    if last > 0 and last == top:
        last -= 1  # 45(10), not 4(1)e+01: one digit of a value is not a value
    if -4 <= top <= 5 and last <= 0:
        return f"{value:.{-last}f}({_nearest(sigma / 10.0**last)})"
    exponent = max(top, last)
    places = max(exponent - last, 0)
    scaled_sigma = _nearest(sigma / 10.0**last)
    return f"{value / 10.0**exponent:.{places}f}({scaled_sigma})e{exponent:+03d}"


def _nearest(digits: float) -> int:
    """The nearest whole number, a half upwards: a stated 0.025 is 0.03, and the same after arithmetic."""
    return math.floor(digits + 0.5 + 1e-9)
