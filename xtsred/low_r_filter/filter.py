"""Filters that remove from S(Q) what makes G(r) differ from -4 pi rho0 r below the first distance.

They hide a wrong correction instead of finding it: a scale or a slope that also falsifies the peaks keeps falsifying them, while the
low-r region, the best witness, is made to say nothing. So the result of a filter is a second output and not the S(Q) of a reduction.
All are linear in S - 1 (`eggert` about the S(Q) that it starts from), so covariances go through.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from xtsred.fourier import Window, transform_operator
from xtsred.stages import Array, StructureFactor, frozen

__all__ = ["Filtered", "Method", "low_r_filter", "sphere_average"]

Method = Literal["kaplow", "eggert", "top-hat"]

_STEP = 0.01  # Å, of the integrals over short distances
_ZERO_OF_P = 4.493409  # tan x = x


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered:
    """structure: S(Q) after the filter, its counting covariance carried through; removed: S before - S after, shape (n,).

    text: method and its numbers. residual: rms of G(r) + 4 pi rho0 r below the limit without a window, (before, after), Å^-2.
    """

    structure: StructureFactor
    removed: Array
    text: str
    residual: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """G(r) = forward @ (S - 1) below the limit; target: -4 pi rho0 r there; back @ G: S - 1 that a G(r) there makes."""

    forward: Array
    target: Array
    back: Array


def low_r_filter(
    structure: StructureFactor,
    *,
    method: Method,
    limit_a: float,
    number_density_per_a3: float,
    iterations: int = 5,
    radius: float | None = None,
) -> Filtered:
    """Filter S(Q) on its own bins; below the first, S is a parabola in Q for the transform.

    kaplow: S <- S - (1/Q) ∫_0^limit [G(r) + 4 pi rho0 r] sin(Qr) dr, `iterations` times, G by the sharp transform.
    Source: Kaplow, Strong & Averbach, Phys. Rev. 138 (1965) A1336.
    eggert: the same times S(Q), as a relative error of the intensity would be. Source: Eggert, Weck, Loubeyre & Mezouar,
    Phys. Rev. B 65 (2002) 174105.
    top-hat: S - 1 minus its average over a sphere of `radius` (Å^-1) in Q-space, which takes away what varies slowly in
    Q and multiplies G(r) by 1 - P(r radius), P(x) = 3 (sin x - x cos x)/x^3; beyond the limit G(r) is divided by that again,
    below it is -4 pi rho0 r. Source: Soper, Mol. Phys. 107 (2009) 1667; the manual of GudrunN and GudrunX, RAL-TR-2011-013.

    limit_a: Å. radius None: 4.493/limit, so that P has its first zero there. Raises ValueError for a method that is not one of these.
    """
    line = _line(structure, limit_a, number_density_per_a3)
    one = np.eye(structure.q.size)
    if method == "top-hat":
        wide = _ZERO_OF_P / limit_a if radius is None else radius
        matrix, offset = _top_hat(structure, line, limit_a, wide)
        text = f"top-hat of {wide:.3g} Å^-1, limit {limit_a:.3g} Å"
    elif method in ("kaplow", "eggert"):
        weight = np.ones_like(structure.q) if method == "kaplow" else structure.s
        step = one - weight[:, None] * (line.back @ line.forward)
        shift = weight * (line.back @ line.target)
        matrix, offset = one, np.zeros_like(structure.q)
        for _ in range(iterations):
            matrix, offset = step @ matrix, step @ offset + shift
        text = f"{method.capitalize()}, {iterations} iterations, limit {limit_a:.3g} Å"
    else:
        raise ValueError(f"unknown filter {method!r}")
    before = structure.s - 1.0
    after = matrix @ before + offset
    if structure.covariance is None:
        covariance = (matrix * structure.sigma**2) @ matrix.T
    else:
        covariance = matrix @ structure.covariance @ matrix.T
    return Filtered(
        structure=replace(
            structure,
            s=frozen(1.0 + after),
            sigma=frozen(np.sqrt(np.diag(covariance))),
            covariance=frozen(covariance),
            sigma_systematic=None,
            modes=None,
        ),
        removed=frozen(before - after),
        text=text,
        residual=(_off(line, before), _off(line, after)),
    )


def _off(line: _Line, s_minus_1: Array) -> float:
    return float(np.sqrt(np.mean((line.forward @ s_minus_1 - line.target) ** 2)))


def _line(structure: StructureFactor, limit_a: float, density: float) -> _Line:
    q, width = structure.q, structure.q[1] - structure.q[0]
    r = np.arange(_STEP / 2.0, limit_a, _STEP)
    sharp = Window(name="none", q_max=float(q[-1] + width / 2.0))
    forward, _ = transform_operator(structure, r, window=sharp, extrapolation="parabola")
    # bins hold the mean over their width, as in the transform
    average = np.sinc(r * width / (2.0 * np.pi))
    back = np.sin(np.outer(q, r)) / q[:, None] * average * _STEP
    return _Line(forward=forward, target=-4.0 * np.pi * density * r, back=np.asarray(back))


def sphere_average(q: Array, *, radius: float) -> Array:
    """Matrix that averages an isotropic function over a sphere of `radius` about the end of Q; shape (n, n).

    w(Q, Q') dQ' = Q'^2 (1 - c) dQ', c = (Q^2 + Q'^2 - radius^2)/(2 Q Q') held in -1..1: the part of the shell Q' inside the
    sphere. Rows are normalized to 1 over the bins that there are. q: uniform, shape (n,), > 0. It multiplies the sine
    transform of Q f(Q) by P(r radius). Source: Soper, Mol. Phys. 107 (2009) 1667.
    """
    cosine = (q[:, None] ** 2 + q[None, :] ** 2 - radius**2) / (2.0 * np.outer(q, q))
    weight = q[None, :] ** 2 * (1.0 - np.clip(cosine, -1.0, 1.0))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _top_hat(
    structure: StructureFactor, line: _Line, limit_a: float, radius: float
) -> tuple[Array, Array]:
    """Matrix and offset of the filter. What it removes lies below the limit, and what the sphere took beyond comes back.

    S' - 1 = (S - 1) - average = D; with G_D of D, the filtered S - 1 is the transform of G_D/(1 - P) beyond the
    limit and of -4 pi rho0 r below it.
    """
    q, width = structure.q, structure.q[1] - structure.q[0]
    average = sphere_average(q, radius=radius)
    left = np.eye(q.size) - average
    reach = np.arange(limit_a, np.pi / width, 0.02) + 0.01
    x = reach * radius
    kept = 1.0 / (1.0 - 3.0 * (np.sin(x) - x * np.cos(x)) / x**3)
    sharp = Window(name="none", q_max=float(q[-1] + width / 2.0))
    forward, _ = transform_operator(structure, reach, window=sharp, extrapolation="parabola")
    back = np.sin(np.outer(q, reach)) / q[:, None] * np.sinc(reach * width / (2.0 * np.pi)) * 0.02
    # S' keeps its own detail; only what the sphere took away and belongs to long distances is put back
    matrix = left + (back * (kept - 1.0)) @ forward @ left - line.back @ line.forward @ left
    return np.asarray(matrix), np.asarray(line.back @ line.target)
