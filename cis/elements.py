"""Circuit elements: impedance and analytic derivatives, in the notation and conventions of `impedance`.

Every function takes log_s, shape (n,), the logarithm ln(i omega) = ln(omega) + i pi/2, and the fitted
variables v, a sequence of arrays of shape (b, 1): the natural logarithm of a parameter that spans
decades, an exponent as it is. It returns the impedance, shape (b, n) in Ohm, and its derivatives with
respect to each variable, the same shape. To add an element, add its function and one entry in ELEMENTS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cis.stages import Array, ComplexArray

__all__ = ["ELEMENTS", "Element", "Variable"]

Evaluated = tuple[ComplexArray, tuple[ComplexArray, ...]]
Evaluate = Callable[[ComplexArray, Sequence[Array]], Evaluated]


@dataclass(frozen=True, slots=True)
class Variable:
    """A parameter of an element: its unit, the scale it is fitted on, and its physical bounds."""

    unit: str
    scale: Literal["log", "linear"]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Element:
    """A kind of element: its parameters, its impedance, and what it does at zero frequency.

    at_dc: "resists" (its first parameter is its resistance), "blocks" or "conducts".
    """

    variables: tuple[Variable, ...]
    evaluate: Evaluate
    at_dc: Literal["resists", "blocks", "conducts"]
    meaning: str


_OHM = Variable("Ohm", "log", 1e-6, 1e16)
_SECOND = Variable("s", "log", 1e-14, 1e10)
_EXPONENT = Variable("", "linear", 0.3, 1.0)
_Q = Variable("S s^a", "log", 1e-18, 1e6)
_HENRY = Variable("H", "log", 1e-12, 1e2)


def _resistor(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    z: ComplexArray = np.exp(v[0]) + np.zeros_like(log_s)
    return z, (z,)


def _capacitor(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    z: ComplexArray = np.exp(-v[0] - log_s)
    return z, (-z,)


def _inductor(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    z: ComplexArray = np.exp(v[0] + log_s)
    return z, (z,)


def _constant_phase(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    z: ComplexArray = np.exp(-v[0] - v[1] * log_s)
    return z, (-z, -log_s * z)


def _modified_inductor(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    z: ComplexArray = np.exp(v[1] * (v[0] + log_s))
    return z, (v[1] * z, (v[0] + log_s) * z)


def _warburg(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    # A (1 - i)/sqrt(omega) = A sqrt(2)/sqrt(i omega)
    z: ComplexArray = np.sqrt(2.0) * np.exp(v[0] - 0.5 * log_s)
    return z, (z,)


def _tanh(u: ComplexArray) -> ComplexArray:
    # beyond 300 the exponentials overflow and the value is 1
    return np.where(u.real < 300.0, np.tanh(np.where(u.real < 300.0, u, 1.0)), 1.0)


def _warburg_open(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    u = np.exp(0.5 * (log_s + v[1]))
    t = _tanh(u)
    z: ComplexArray = np.exp(v[0]) / (u * t)
    slope: ComplexArray = -0.5 * z * (1.0 + u * (1.0 / t - t))
    return z, (z, slope)


def _warburg_short(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    u = np.exp(0.5 * (log_s + v[1]))
    t = _tanh(u)
    z: ComplexArray = np.exp(v[0]) * t / u
    slope: ComplexArray = 0.5 * (np.exp(v[0]) * (1.0 - t * t) - z)
    return z, (z, slope)


def _gerischer(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    st = np.exp(log_s + v[1])
    z: ComplexArray = np.exp(v[0] + 0j) / np.sqrt(1.0 + st)
    return z, (z, -0.5 * z * st / (1.0 + st))


def _gerischer_finite(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    st = np.exp(log_s + v[1])
    root = np.sqrt(1.0 + st)
    u = np.exp(v[2]) * root
    t = _tanh(u)
    z: ComplexArray = np.exp(v[0] + 0j) / (root * t)
    slope: ComplexArray = -z * (1.0 + u * (1.0 / t - t)) * 0.5 * st / (1.0 + st)
    return z, (z, slope, -z * u * (1.0 / t - t))


def _relaxation(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    st = np.exp(log_s + v[1])
    z: ComplexArray = np.exp(v[0] + 0j) / (1.0 + st)
    return z, (z, -z * st / (1.0 + st))


def _zarc(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    power = np.exp(v[2] * (log_s + v[1]))
    z: ComplexArray = np.exp(v[0] + 0j) / (1.0 + power)
    share: ComplexArray = -z * power / (1.0 + power)
    return z, (z, share * v[2], share * (log_s + v[1]))


def _transmission_line(log_s: ComplexArray, v: Sequence[Array]) -> Evaluated:
    # sqrt(R Zs) coth sqrt(R/Zs) = R coth(u)/u with u = sqrt(R/Zs)
    u = np.exp(0.5 * (v[0] + v[1] + v[2] * log_s))
    t = _tanh(u)
    z: ComplexArray = np.exp(v[0]) / (u * t)
    by_u: ComplexArray = -z * (1.0 + u * (1.0 / t - t))  # u dz/du
    return z, (z + 0.5 * by_u, 0.5 * by_u, 0.5 * log_s * by_u)


ELEMENTS: Mapping[str, Element] = {
    "R": Element((_OHM,), _resistor, "resists", "resistor"),
    "C": Element((Variable("F", "log", 1e-18, 1e6),), _capacitor, "blocks", "capacitor"),
    "L": Element((_HENRY,), _inductor, "conducts", "inductor"),
    "La": Element((_HENRY, _EXPONENT), _modified_inductor, "conducts", "modified inductor"),
    "CPE": Element((_Q, _EXPONENT), _constant_phase, "blocks", "constant-phase element"),
    "W": Element((Variable("Ohm s^-1/2", "log", 1e-6, 1e16),), _warburg, "blocks", "Warburg"),
    "Wo": Element((_OHM, _SECOND), _warburg_open, "blocks", "open Warburg"),
    "Ws": Element((_OHM, _SECOND), _warburg_short, "resists", "short Warburg"),
    "G": Element((_OHM, _SECOND), _gerischer, "resists", "Gerischer"),
    "Gs": Element(
        (_OHM, _SECOND, Variable("", "log", 1e-3, 1e3)),
        _gerischer_finite,
        "blocks",
        "finite Gerischer",
    ),
    "K": Element((_OHM, _SECOND), _relaxation, "resists", "RC relaxation"),
    "Zarc": Element((_OHM, _SECOND, _EXPONENT), _zarc, "resists", "R||CPE by its time constant"),
    "TLMQ": Element((_OHM, _Q, _EXPONENT), _transmission_line, "blocks", "transmission line"),
}
