"""The functions of Q and of r that total scattering is published in: one definition each, and the ways between them.

Within a space every function is a straight line in one quantity: y = offset(x) + scale(x) h, with h = S(Q) - 1
or h = g(r) - 1 of Faber and Ziman. So one table of scales and offsets holds every conversion, its inverse, and
how uncertainties go along; between the spaces stands one operator, G(r) = (2/pi) ∫ F(Q) M(Q) sin(Qr) dQ.

Names as in Keen, J. Appl. Cryst. 34 (2001) 172, where his differ written with `_keen`: his G(r), D(r), T(r), F(Q)
carry <b>^2, those without the suffix are divided by it. Ashcroft & Langreth, Phys. Rev. 156 (1967) 685;
Faber & Ziman, Phil. Mag. 11 (1965) 153.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.errors import InputError
from xtsred.fourier import (
    Extrapolation,
    Window,
    quadrature_weights,
    sine_operator,
    window_function,
)
from xtsred.stages import Array

__all__ = [
    "ALIASES",
    "FUNCTIONS",
    "Function",
    "Material",
    "convert",
    "density_slope",
    "empty_core",
    "find_function",
    "gain",
    "real_space_operator",
    "reciprocal_operator",
    "trapezoid_weights",
]

_4PI = 4.0 * np.pi


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a definition needs beside x; None where it is not known.

    number_density_per_a3: rho0. square_mean, mean_square: |<f>|^2 and <|f|^2>, shape (n,) over Q, or one number where
    they do not depend on Q; unit: of both. pair: atomic fractions c_i, c_j and whether i = j, of a partial; None: a total.
    """

    number_density_per_a3: float | None = None
    square_mean: Array | float | None = None
    mean_square: Array | float | None = None
    unit: str = ""
    pair: tuple[float | None, float | None, bool] | None = None

    def density(self) -> float:
        """rho0. Raises InputError where it is not known."""
        if self.number_density_per_a3 is None:
            raise InputError(
                "the number density is not stated",
                why="g(r), T(r) and R(r) are not determined by S(Q) alone",
                remedy="state it, for instance --density 0.0663 (atoms/Å^3)",
            )
        return self.number_density_per_a3

    def factor(self, which: Literal["square_mean", "mean_square"]) -> Array | float:
        """<f>^2 or <f^2>. Raises InputError where unknown, or for a partial."""
        if self.pair is not None:
            raise InputError(
                "Keen's functions and intensities are of a total",
                why="a partial carries no scattering factor",
                remedy="choose S, i, F, S_AL, g, G, T or R; or add --total with --weights",
            )
        value = self.square_mean if which == "square_mean" else self.mean_square
        if value is None:
            raise InputError(
                "the scattering factors of the sample are not stated",
                why="this function carries <f>^2 or <f^2>, which follow from composition and radiation",
                remedy="state --composition and --weights xray, neutron or Z",
            )
        return value

    def constant_factor(self) -> float:
        """<f>^2 where it does not depend on Q. Raises InputError for X-rays."""
        value = self.factor("square_mean")
        if isinstance(value, np.ndarray):
            raise InputError(
                "this function of r does not exist for X-rays",
                why="<f(Q)>^2 depends on Q, and cannot stand as a factor in r",
                remedy="choose g, G, T or R; or --weights Z for the constant f = Z",
            )
        return value


_Part = Callable[[Array, Material], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One published function: y = offset + scale h, h = S - 1 or g - 1.

    unit: "f^2" stands for that of <f>^2. density_power: how scale and offset go with rho0 (0 or 1).
    """

    name: str
    space: Literal["Q", "r"]
    definition: str
    unit: str
    scale: _Part
    offset: _Part
    density_power: int = 0

    def units(self, material: Material) -> str:
        """The unit as a header has it."""
        return self.unit.replace("f^2", material.unit or "<f>^2")


def _one(x: Array, material: Material) -> Array:
    return np.ones_like(x)


def _zero(x: Array, material: Material) -> Array:
    return np.zeros_like(x)


def _x(x: Array, material: Material) -> Array:
    return x


def _line(x: Array, material: Material) -> Array:
    return _4PI * material.density() * x


def _line_x(x: Array, material: Material) -> Array:
    return _line(x, material) * x


def _square_mean(x: Array, material: Material) -> Array:
    return np.broadcast_to(np.asarray(material.factor("square_mean")), x.shape)


def _mean_square(x: Array, material: Material) -> Array:
    return np.broadcast_to(np.asarray(material.factor("mean_square")), x.shape)


def _constant(x: Array, material: Material) -> Array:
    return np.full(x.shape, material.constant_factor())


def _constant_line(x: Array, material: Material) -> Array:
    return material.constant_factor() * _line(x, material)


def _langreth_scale(x: Array, material: Material) -> Array:
    if material.pair is None:
        return _square_mean(x, material) / _mean_square(x, material)
    first, second, _ = material.pair
    if first is None or second is None:
        raise InputError(
            "Ashcroft-Langreth partials need the composition",
            why="S_AL_ij = delta_ij + sqrt(c_i c_j) [S_ij - 1]",
            remedy="state it, for instance --composition SiO2",
        )
    return np.full(x.shape, np.sqrt(first * second))


def _langreth_offset(x: Array, material: Material) -> Array:
    return _one(x, material) if material.pair is None or material.pair[2] else _zero(x, material)


FUNCTIONS: Mapping[str, Function] = {
    f.name: f
    for f in (
        Function(
            name="S", space="Q", unit="1", scale=_one, offset=_one,
            definition="Faber-Ziman S(Q) = 1 + [I_coh - <f^2>] / |<f>|^2, S -> 1 at large Q",
        ),
        Function(
            name="i", space="Q", unit="1", scale=_one, offset=_zero,
            definition="i(Q) = S(Q) - 1, S of Faber and Ziman; i -> 0 at large Q",
        ),
        Function(
            name="F", space="Q", unit="1/A", scale=_x, offset=_zero,
            definition="F(Q) = Q [S(Q) - 1], S of Faber and Ziman",
        ),
        Function(
            name="F_keen", space="Q", unit="f^2", scale=_square_mean, offset=_zero,
            definition="Keen's F(Q) = |<f>|^2 [S(Q) - 1], the distinct scattering per atom",
        ),
        Function(
            name="I", space="Q", unit="f^2", scale=_square_mean, offset=_mean_square,
            definition="I(Q) = |<f>|^2 [S(Q) - 1] + <f^2>, the coherent scattering per atom, self part included",
        ),
        Function(
            name="S_AL", space="Q", unit="1", scale=_langreth_scale, offset=_langreth_offset,
            definition="Ashcroft-Langreth: total S_AL(Q) = I(Q) / <f^2>; partials S_AL_ij = delta_ij + sqrt(c_i c_j) [S_ij - 1]",
        ),
        Function(
            name="g", space="r", unit="1", scale=_one, offset=_one,
            definition="g(r) of Faber and Ziman's weights, g -> 1 at large r (Keen's G'(r))",
        ),
        Function(
            name="G", space="r", unit="1/A^2", scale=_line, offset=_zero, density_power=1,
            definition="G(r) = 4 pi rho0 r [g(r) - 1] = (2/pi) int Q [S(Q) - 1] M(Q) sin(Qr) dQ (G of PDFgui; Keen's D(r) / <b>^2)",
        ),
        Function(
            name="T", space="r", unit="1/A^2", scale=_line, offset=_line, density_power=1,
            definition="T(r) = 4 pi rho0 r g(r) (Keen's T(r) / <b>^2)",
        ),
        Function(
            name="R", space="r", unit="1/A", scale=_line_x, offset=_line_x, density_power=1,
            definition="R(r) = r T(r) = 4 pi rho0 r^2 g(r), the radial distribution function",
        ),
        Function(
            name="G_keen", space="r", unit="f^2", scale=_constant, offset=_zero,
            definition="Keen's G(r) = <b>^2 [g(r) - 1]",
        ),
        Function(
            name="D_keen", space="r", unit="f^2/A^2", scale=_constant_line, offset=_zero, density_power=1,
            definition="Keen's D(r) = 4 pi rho0 r <b>^2 [g(r) - 1]",
        ),
        Function(
            name="T_keen", space="r", unit="f^2/A^2", scale=_constant_line, offset=_constant_line, density_power=1,
            definition="Keen's T(r) = 4 pi rho0 r <b>^2 g(r)",
        ),
    )
}  # fmt: skip
"""Every function by its name; Faber-Ziman where no other is said."""

ALIASES: Mapping[str, str] = {
    "S_FZ": "S",
    "S-1": "i",
    "Q(S-1)": "F",
    "Qi": "F",
    "barn": "F_keen",
    "RDF": "R",
    "GPDF": "G",
    "D": "G",
}
"""Other spellings. D: divided by <b>^2 as most programs do; Keen's own is D_keen."""


def find_function(name: str) -> Function:
    """The function of a name or of another spelling of it. Raises InputError."""
    plain = name.strip().removesuffix("(Q)").removesuffix("(r)")
    found = FUNCTIONS.get(ALIASES.get(plain, plain))
    if found is None:
        raise InputError(
            f"{name!r} is no function that is known here",
            remedy=f"one of {', '.join(FUNCTIONS)} (capitals matter: g is not G)",
        )
    return found


def gain(x: Array, *, source: Function, target: Function, material: Material) -> Array:
    """dy_target/dy_source = scale_target / scale_source; shape (n,).

    x: shape (n,), > 0. Raises InputError where the functions are of different spaces or the source carries a factor 0.
    """
    if source.space != target.space:
        raise ValueError(f"{source.name} is a function of {source.space}, {target.name} is not")
    scale = source.scale(x, material)
    if np.any(np.abs(scale) <= 1e-12 * np.max(np.abs(scale), initial=1e-300)):
        raise InputError(
            f"{source.name} carries a factor that vanishes",
            why="what it was multiplied with cannot be divided out",
            remedy="leave out x = 0; for a null-scattering sample give S",
        )
    return np.asarray(target.scale(x, material) / scale)


def convert(
    x: Array, values: Array, *, source: Function, target: Function, material: Material
) -> Array:
    """The target function within one space: y_t = o_t + (s_t/s_s) (y_s - o_s).

    x: Q (Å^-1) or r (Å), shape (n,), > 0. values, result: shape (n,). An uncertainty is multiplied by |gain|.
    """
    slope = gain(x, source=source, target=target, material=material)
    return np.asarray(
        target.offset(x, material) + slope * (values - source.offset(x, material)), dtype=np.float64
    )


def density_slope(
    x: Array, values: Array, *, source: Function, target: Function, material: Material
) -> Array:
    """dy_target/drho0 at fixed source values, shape (n,), unit of the target times Å^3.

    With offset and scale proportional to rho0^k: rho0 dy_t = k_t o_t + (k_t - k_s) (s_t/s_s)(y_s - o_s) - k_s (s_t/s_s) o_s.
    """
    k_t, k_s = target.density_power, source.density_power
    if k_t == 0 and k_s == 0:
        return np.zeros_like(x)
    slope = gain(x, source=source, target=target, material=material)
    o_t, o_s = target.offset(x, material), source.offset(x, material)
    change = k_t * o_t + (k_t - k_s) * slope * (values - o_s) - k_s * slope * o_s
    return np.asarray(change / material.density(), dtype=np.float64)


def trapezoid_weights(x: Array) -> Array:
    """Weights of the trapezoid rule over 0..x[-1] for an integrand that is 0 at x = 0; shape (n,)."""
    edges = np.concatenate([[0.0], x])
    step = np.diff(edges)
    weights = 0.5 * step
    weights[:-1] += 0.5 * step[1:]
    return weights


def real_space_operator(
    q: Array, r: Array, *, window: Window, extrapolation: Extrapolation
) -> tuple[Array, Array]:
    """L and c of G(r) = L (S - 1) + c for S given at points: trapezoid rule from Q = 0 (where F = 0) to window.q_max.

    q: shape (n,), Å^-1, any increasing grid; r: shape (m,), Å. Returns shapes (m, n) and (m,); c is of the extrapolation.
    A measured S(Q), whose values are means over bins, has `xtsred.fourier.binned_operator`. Source: Keen 2001.
    """
    added = extrapolation.q.size
    full_q = np.concatenate([extrapolation.q, q])
    m = np.where(
        full_q <= window.q_max * (1.0 + 1e-12), window_function(full_q, window=window), 0.0
    )
    full = sine_operator(r, q=full_q, weights=trapezoid_weights(full_q) * full_q * m)
    low, measured = full[:, :added], full[:, added:]
    return measured + low @ extrapolation.matrix, low @ extrapolation.offset


def reciprocal_operator(r: Array, q: Array, *, starts_at_zero: bool) -> Array:
    """Matrix B with F(Q) = Q [S - 1] = B G for G(r) at points: F(Q) = ∫ G(r) sin(Qr) dr, trapezoid rule to r[-1].

    r: shape (m,), Å; q: shape (n,), Å^-1. Returns shape (n, m). starts_at_zero: whether the integral begins at r = 0
    (where G = 0); else at r[0], and `empty_core` adds what lies below. Source: Keen 2001, inverse of his sine transform.
    """
    weights = trapezoid_weights(r) if starts_at_zero else _open_trapezoid(r)
    return np.asarray(np.sin(np.outer(q, r)) * weights)


def _open_trapezoid(r: Array) -> Array:
    weights = quadrature_weights(r)
    weights[0], weights[-1] = 0.5 * weights[0], 0.5 * weights[-1]
    return weights


def empty_core(q: Array, *, radius_a: float, number_density_per_a3: float) -> Array:
    """F(Q) of the sphere without neighbours, g = 0 for r < a: -4 pi rho0 [sin(Qa) - Qa cos(Qa)] / Q^2.

    q: shape (n,), Å^-1, > 0; returns shape (n,), Å^-1. Closed form of ∫_0^a -4 pi rho0 r sin(Qr) dr.
    """
    x = q * radius_a
    return np.asarray(-_4PI * number_density_per_a3 * (np.sin(x) - x * np.cos(x)) / q**2)
