"""Is it a straight line? Tests of an Arrhenius plot: curvature, a break (glass transition), VTF."""

import math
from dataclasses import dataclass

import numpy as np

from calibration.quantity import Quantity
from calibration.report import Finding
from cis.arrhenius import (
    BOLTZMANN_EV_PER_K,
    ArrheniusPoints,
    Form,
    inverse_kt,
    ordinate,
    point_weights,
)
from cis.stages import Array, BoolArray

__all__ = ["BreakTest", "CurvatureTest", "VtfFit", "break_test", "curvature_test", "fit_vtf"]

_BREAK_SIMULATIONS = 4000
_SIDE = 3  # points on each side of a break: fewer make a slope of nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvatureTest:
    """F test of a quadratic term in 1/T.

    p: probability of a term this large by chance, the noise taken from the points themselves; p_stated: the
    same with the stated uncertainties as noise (None without them). slope_change_ev: how the local E_A differs
    between the cold and the hot end (hot minus cold), eV, with its standard uncertainty.
    """

    form: Form
    f: float
    p: float
    p_stated: float | None
    slope_change_ev: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakTest:
    """Test of one kink in the Arrhenius line, at an unknown temperature.

    p: probability that a straight line with this scatter shows a kink this good anywhere (simulated with
    a fixed seed, so the search is paid for); p_stated: the same with the stated uncertainties as noise.
    temperature_k: best place of the kink; below_ev, above_ev: E_A on either side.
    """

    form: Form
    f: float
    p: float
    p_stated: float | None
    temperature_k: float
    below_ev: Quantity
    above_ev: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class VtfFit:
    """sigma = A exp(-B/(T - T0)) (Vogel-Tammann-Fulcher).

    t0_k, b_k: with standard uncertainties of the linearized fit. ln_a: ln(A/(S/cm)). condition: condition
    number of the Jacobian with columns of unit length; t0_interval_k: 68% profile interval of T0
    (lower end 0 where the data do not exclude a straight Arrhenius line). determined: T0 is bounded on both sides and the
    condition number is below 1e4.
    """

    t0_k: Quantity
    b_k: Quantity
    ln_a: Quantity
    condition: float
    t0_interval_k: tuple[float, float]
    determined: bool
    findings: tuple[Finding, ...] = ()


def curvature_test(points: ArrheniusPoints, *, form: Form) -> CurvatureTest | None:
    """Compare y = a - E x with y = a - E x + c x^2, x = 1/kT.

    F = (chi2_1 - chi2_2)/(chi2_2/(n - 3)) with 1 and n - 3 degrees of freedom; the noise is that of the points.
    Returns None with fewer than four different temperatures.
    Source: Bevington & Robinson (2003) ch. 11.
    """
    from scipy.special import chdtrc, fdtrc

    x, y = inverse_kt(points.sample_k), ordinate(points, form=form)
    n = x.size
    if np.unique(x).size < 4:
        return None
    weight, _, chi2_reduced = point_weights(points, form=form)
    root, stated = np.sqrt(weight), chi2_reduced is not None
    u = x - np.average(x, weights=root**2)
    scale = float(np.max(np.abs(u)))
    u = u / scale
    line = np.column_stack([np.ones(n), u])
    design = np.column_stack([line, u**2])
    chi2_line = _rss(line, y, root)
    chi2_quadratic = _rss(design, y, root)
    noise = chi2_quadratic / (n - 3)
    floor = 1e-24 * float(np.sum((root * y) ** 2))  # rounding of exact data is no curvature
    f = (chi2_line - chi2_quadratic) / noise if chi2_line - chi2_quadratic > floor else 0.0
    normal = np.linalg.inv((design * root[:, None]).T @ (design * root[:, None]))
    c = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0][2]
    span = float(u.max() - u.min())
    change = 2.0 * span * c / scale  # E_local = -dy/dx: hot end (small x) minus cold end
    sigma = 2.0 * span * math.sqrt(noise * normal[2, 2]) / scale
    return CurvatureTest(
        form=form,
        f=float(f),
        p=float(fdtrc(1, n - 3, f)),
        p_stated=float(chdtrc(1, max(chi2_line - chi2_quadratic, 0.0))) if stated else None,
        slope_change_ev=Quantity(float(change), sigma, "eV"),
    )


def break_test(points: ArrheniusPoints, *, form: Form) -> BreakTest | None:
    """Search the kink of a continuous line of two slopes, as at a glass transition.

    y = a - E x + d max(x_b - x, 0); x_b runs over a grid between the third points from either end.
    F = (chi2_1 - min chi2_b)/2/(chi2_b/(n - 4)); its null distribution is simulated (it depends on
    the temperatures and weights alone), because searching x_b makes the tables of F wrong
    (Davies, Biometrika 74 (1987) 33). Returns None with fewer than 2 x 3 + 1 temperatures.
    """
    x, y = inverse_kt(points.sample_k), ordinate(points, form=form)
    n = x.size
    places = np.unique(x)
    if places.size < 2 * _SIDE + 1:
        return None
    weight, _, chi2_reduced = point_weights(points, form=form)
    root, stated = np.sqrt(weight), chi2_reduced is not None
    line = np.column_stack([np.ones(n), -(x - x.mean())])
    candidates = np.linspace(places[_SIDE - 1], places[-_SIDE], 41)
    kinks = [np.column_stack([line, np.maximum(b - x, 0.0)]) for b in candidates]
    straight = _residual_projector(line * root[:, None])
    bent = np.array([_residual_projector(k * root[:, None]) for k in kinks])
    f, drop, best = _largest_f(y * root, straight, bent, n - 4)
    random = np.random.default_rng(20240601)  # a test must give the same answer twice
    draws = random.standard_normal((_BREAK_SIMULATIONS, n))
    null_f, null_drop, _ = _largest_f(draws, straight, bent, n - 4)
    design = kinks[int(best[0])] * root[:, None]
    parameters = np.linalg.lstsq(design, y * root, rcond=None)[0]
    noise = _rss(kinks[int(best[0])], y, root) / (n - 4)
    covariance = noise * np.linalg.inv(design.T @ design)
    below, above = np.array([0.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0])
    return BreakTest(
        form=form,
        f=float(f[0]),
        p=_share(null_f >= f[0]),
        p_stated=_share(null_drop >= drop[0]) if stated else None,
        temperature_k=float(1.0 / (BOLTZMANN_EV_PER_K * candidates[int(best[0])])),
        below_ev=_combination(below, parameters, covariance),
        above_ev=_combination(above, parameters, covariance),
    )


def fit_vtf(points: ArrheniusPoints) -> VtfFit | None:
    """Fit ln sigma = ln A - B/(T - T0) with T0 between 0 and just below the coldest point.

    For each T0 on a grid the rest is linear; the minimum is refined, and T0's interval is where chi^2
    rises by its noise. Returns None with fewer than four different temperatures.
    Source: Fulcher, J. Am. Ceram. Soc. 8 (1925) 339; profile: Bevington & Robinson (2003) ch. 11.
    """
    from scipy.optimize import minimize_scalar

    t, y = points.sample_k, np.log(points.sigma_s_per_cm)
    n = t.size
    if np.unique(t).size < 4:
        return None
    root = np.sqrt(point_weights(points, form="ln_sigma")[0])

    def cost(t0: float) -> float:
        return _rss(np.column_stack([np.ones(n), -100.0 / (t - t0)]), y, root)

    ceiling = float(t.min()) - 2.0
    grid = np.linspace(0.0, ceiling, 241)
    costs = np.array([cost(t0) for t0 in grid])
    k = int(np.argmin(costs))
    bracket = (float(grid[max(k - 1, 0)]), float(grid[min(k + 1, grid.size - 1)]))
    found = minimize_scalar(cost, bounds=bracket, method="bounded", options={"xatol": 1e-6})
    t0, best = (
        (float(found.x), float(found.fun))
        if found.fun < costs[k]
        else (float(grid[k]), float(costs[k]))
    )
    noise = best / (n - 3)
    inside = grid[costs <= best + noise]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (t0, t0)
    ln_a, b = np.linalg.lstsq(
        np.column_stack([np.ones(n), -1.0 / (t - t0)]) * root[:, None], y * root, rcond=None
    )[0]
    jacobian = np.column_stack([np.ones(n), -1.0 / (t - t0), -b / (t - t0) ** 2]) * root[:, None]
    lengths = np.linalg.norm(jacobian, axis=0)
    condition = float(np.linalg.cond(jacobian / lengths))
    bounded = low > 0.0 and high < ceiling
    determined = bounded and condition < 1e4
    sigma = [None, None, None]
    if bounded and condition < 1e12:
        covariance = noise * np.linalg.inv((jacobian / lengths).T @ (jacobian / lengths))
        sigma = list(np.sqrt(np.diag(covariance)) / lengths)
    return VtfFit(
        t0_k=Quantity(t0, sigma[2], "K"),
        b_k=Quantity(float(b), sigma[1], "K"),
        ln_a=Quantity(float(ln_a), sigma[0]),
        condition=condition,
        t0_interval_k=(low, high),
        determined=determined,
        findings=() if determined else (_vtf_finding(n, t, t0, (low, high), condition),),
    )


def _vtf_finding(
    n: int, t: Array, t0: float, interval: tuple[float, float], condition: float
) -> Finding:
    return Finding(
        "note",
        f"{n} points over {np.ptp(t):.0f} K do not determine a VTF law: T0 lies anywhere from {interval[0]:.0f} to "
        f"{interval[1]:.0f} K (68%), condition number {condition:.1e}. Do not quote its T0 or B.",
        {"t0_K": t0, "t0_low_K": interval[0], "t0_high_K": interval[1], "condition": condition},
    )


def _rss(design: Array, y: Array, root: Array) -> float:
    weighted = design * root[:, None]
    target = y * root
    residual = target - weighted @ np.linalg.lstsq(weighted, target, rcond=None)[0]
    return float(residual @ residual)


def _residual_projector(design: Array) -> Array:
    q, _ = np.linalg.qr(design)
    projector: Array = np.eye(design.shape[0]) - q @ q.T
    return projector


def _largest_f(y: Array, straight: Array, bent: Array, freedom: int) -> tuple[Array, Array, Array]:
    """Largest F over the candidate kinks for each row of y, the drop of chi2 there, and its index."""
    rows = np.atleast_2d(y)
    chi2_line = np.einsum("si,ij,sj->s", rows, straight, rows, optimize=True)
    chi2_bent = np.array([np.einsum("si,ij,sj->s", rows, b, rows, optimize=True) for b in bent])
    best = np.argmin(chi2_bent, axis=0)
    least = np.maximum(chi2_bent[best, np.arange(rows.shape[0])], 1e-300)
    drop = chi2_line - least
    return drop / 2.0 / (least / freedom), drop, best


def _share(hits: BoolArray) -> float:
    return (1.0 + float(np.sum(hits))) / (1.0 + hits.size)


def _combination(gradient: Array, parameters: Array, covariance: Array) -> Quantity:
    return Quantity(
        float(gradient @ parameters), math.sqrt(float(gradient @ covariance @ gradient)), "eV"
    )
