"""How well a model explains a measured S(Q): Wright's R_X with everything that decides its size.

R_X = sqrt( sum (S_exp - S_calc)^2 / sum S_exp^2 ) on the measured grid (Wright, J. Non-Cryst. Solids 159 (1993) 264;
Eq. 6 of Micoulaut et al. 2025). Published values are sometimes the square. With g_k = dR/dS_exp,k =
[(S_exp - S_calc)_k - R^2 S_exp,k]/(R D) and h_k = dR/dS_calc,k = -(S_exp - S_calc)_k/(R D), D = sum S_exp^2, the
measurement contributes sqrt(sum g^2 sigma^2) and the model the scatter of h . S_calc over its blocks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from calibration.errors import InputError
from calibration.quantity import concise
from calibration.report import Finding
from xtsred.simulation.statistics import standard_error
from xtsred.stages import Array, frozen

__all__ = [
    "FUNCTIONS",
    "Difference",
    "Goodness",
    "Interval",
    "Scale",
    "compare_curves",
    "differences",
    "on_measured_grid",
    "wright_r",
]

FUNCTIONS = ("S", "S-1", "Q(S-1)")
_COVERAGE = 2.0  # standard uncertainties that a difference must exceed before two models are ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Part of the range: q limits (Å^-1), number of points, share of sum (S_exp - S_calc)^2, R within it."""

    low: float
    high: float
    points: int
    share: float
    r_x: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A fitted factor of the model's S - 1, reported apart and never applied: value, sigma, R_X with it."""

    value: float
    sigma: float | None
    r_x: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodness:
    """R_X of one model on one function of Q.

    r_x: Eq. 6 with the root; r_x_squared; q_range: first and last limit used, Å^-1; n_points.
    sigma_measurement, sigma_model: their parts of the standard uncertainty, None where unknown.
    r_x_flat: R_X of S = 1. floor: R_X that a perfect model would show through the counting errors alone.
    by_function: R of S, S - 1 and Q (S - 1). q, measured, calculated, residual: shape (n,), of `function`.
    gradient: dR_X/d(measured function), shape (n,).
    """

    function: str
    q_range: tuple[float, float]
    n_points: int
    r_x: float
    sigma_measurement: float | None
    sigma_model: float | None
    r_x_flat: float
    floor: float | None
    by_function: dict[str, float]
    intervals: tuple[Interval, ...]
    scale: Scale
    q: Array
    measured: Array
    calculated: Array
    sigma: Array | None
    gradient: Array
    n_blocks: int = 0
    findings: tuple[Finding, ...] = field(default=())

    @property
    def r_x_squared(self) -> float:
        """What some papers print."""
        return self.r_x**2

    @property
    def percent(self) -> float:
        """R_X in %."""
        return 100.0 * self.r_x

    @property
    def r_x_sigma(self) -> float | None:
        """Of both parts in quadrature; None where one of them is unknown."""
        if self.sigma_measurement is None or self.sigma_model is None:
            return None
        return math.hypot(self.sigma_measurement, self.sigma_model)

    @property
    def r_x_text(self) -> str:
        """R_X with what is known of its uncertainty."""
        if self.r_x_sigma is not None:
            return concise(self.r_x, self.r_x_sigma)
        if self.sigma_measurement is not None:
            return f"{self.r_x:.4f} (± {self.sigma_measurement:.1g} of the measurement; the model's unknown)"
        if self.sigma_model is not None:
            return (
                f"{self.r_x:.4f} (± {self.sigma_model:.1g} of the model; the measurement's unknown)"
            )
        return f"{self.r_x:.4f} (± unknown)"

    @property
    def residual(self) -> Array:
        """Measured minus calculated."""
        return np.asarray(self.measured - self.calculated)


def wright_r(measured: Array, calculated: Array) -> float:
    """R = sqrt( sum (measured - calculated)^2 / sum measured^2 ); shapes (n,)."""
    return float(np.sqrt(np.sum((measured - calculated) ** 2) / np.sum(measured**2)))


def on_measured_grid(
    q: Array, q_calc: Array, s_calc: Array, *, name: str = "the model"
) -> tuple[Array, tuple[Finding, ...]]:
    """A calculated curve at the measured Q, inside its range only, by cubic interpolation (not-a-knot).

    s_calc: shape (..., m). Points of q outside q_calc become NaN (the caller leaves them out): nothing is
    extrapolated. A calculated grid that is coarser than 0.15 Å^-1 is reported.
    """
    from scipy.interpolate import CubicSpline

    inside = (q >= q_calc[0] - 1e-9) & (q <= q_calc[-1] + 1e-9)
    result = np.full((*s_calc.shape[:-1], len(q)), np.nan)
    result[..., inside] = CubicSpline(q_calc, s_calc, axis=-1)(
        np.clip(q[inside], q_calc[0], q_calc[-1])
    )
    step = float(np.max(np.diff(q_calc)))
    findings: tuple[Finding, ...] = ()
    if step > 0.15:
        findings = (
            Finding(
                "warning",
                f"{name} is on a grid as coarse as {step:.2g} Å^-1: its interpolation adds to R_X.",
                {"step": step},
            ),
        )
    return result, findings


def _as_function(name: str, q: Array, s: Array) -> Array:
    if name == "S":
        return s
    if name == "S-1":
        return s - 1.0
    if name == "Q(S-1)":
        return np.asarray(q * (s - 1.0))
    raise InputError(f"{name!r} is no function of R_X", remedy=f"one of {', '.join(FUNCTIONS)}")


def compare_curves(
    q: Array,
    s_measured: Array,
    sigma: Array | None,
    q_calc: Array,
    s_calc: Array,
    *,
    q_range: tuple[float, float],
    function: str = "S",
    blocks: Array | None = None,
) -> Goodness:
    """R_X of a calculated against a measured S(Q).

    q, s_measured, sigma: shape (n,), Å^-1, sigma None where unknown. q_calc, s_calc: shape (m,); blocks: S of
    the model's independent blocks, shape (b, m), or None. q_range: limits, both included; where a curve does
    not reach them the range is what both cover, and that is reported. Raises InputError below 3 points.
    """
    stacked = s_calc[None] if blocks is None else np.concatenate([s_calc[None], blocks])
    if len(q_calc) == len(q) and np.array_equal(q_calc, q):
        on_grid, findings = stacked, []
    else:
        on_grid, coarse = on_measured_grid(q, q_calc, stacked)
        findings = list(coarse)
    low = max(q_range[0], float(q[0]), float(q_calc[0]))
    high = min(q_range[1], float(q[-1]), float(q_calc[-1]))
    used = (q >= q_range[0] - 1e-9) & (q <= q_range[1] + 1e-9) & np.isfinite(on_grid).all(axis=0)
    if np.count_nonzero(used) < 3:
        raise InputError(
            f"the curves share fewer than three points within {q_range[0]:g} to {q_range[1]:g} Å^-1",
            why=f"measured {q[0]:.4g} to {q[-1]:.4g}, calculated {q_calc[0]:.4g} to {q_calc[-1]:.4g}",
            remedy="choose another --range",
        )
    # a grid of bin centres may begin half a step inside the range: that is no loss
    step = float(np.median(np.diff(q)))
    cut = low > q_range[0] + step or high < q_range[1] - step
    if cut:
        findings.append(
            Finding(
                "warning",
                f"The range {q_range[0]:g} to {q_range[1]:g} Å^-1 was cut to {low:.4g} to {high:.4g}, which both curves cover.",
                {"low": low, "high": high},
            )
        )
    else:
        low, high = q_range
    return _goodness(
        q[used],
        s_measured[used],
        None if sigma is None else sigma[used],
        on_grid[:, used],
        function=function,
        q_range=(low, high),
        findings=tuple(findings),
    )


def _goodness(
    q: Array,
    s: Array,
    sigma: Array | None,
    models: Array,
    *,
    function: str,
    q_range: tuple[float, float],
    findings: tuple[Finding, ...],
) -> Goodness:
    """models: shape (1 + b, n): the mean, then the blocks."""
    measured = _as_function(function, q, s)
    calculated = _as_function(function, q, models[0])
    noise = None
    if sigma is not None:
        noise = sigma * q if function == "Q(S-1)" else sigma
    norm = float(np.sum(measured**2))
    r = wright_r(measured, calculated)
    difference = measured - calculated
    tiny = max(r, 1e-12) * norm
    gradient = (difference - r**2 * measured) / tiny
    sigma_model = None
    if models.shape[0] > 2:
        projected = np.array([_as_function(function, q, m) for m in models[1:]]) @ (
            -difference / tiny
        )
        error = standard_error(projected)
        sigma_model, doubts = _model_sigma(projected, None if error is None else float(error))
        findings = (*findings, *doubts)
    return Goodness(
        function=function,
        q_range=q_range,
        n_points=len(q),
        r_x=r,
        sigma_measurement=None if noise is None else _counting_sigma(gradient, noise, tiny),
        sigma_model=sigma_model,
        r_x_flat=wright_r(measured, _as_function(function, q, np.ones_like(q))),
        floor=None if noise is None else float(np.sqrt(np.sum(noise**2) / norm)),
        by_function={
            name: wright_r(_as_function(name, q, s), _as_function(name, q, models[0]))
            for name in FUNCTIONS
        },
        intervals=_intervals(q, measured, calculated),
        scale=_scale(s, models[0], sigma, q, function),
        q=frozen(q),
        measured=frozen(measured),
        calculated=frozen(calculated),
        sigma=None if noise is None else frozen(noise),
        gradient=frozen(gradient),
        n_blocks=models.shape[0] - 1,
        findings=findings,
    )


def _model_sigma(projected: Array, error: float | None) -> tuple[float | None, tuple[Finding, ...]]:
    """The scatter of the blocks as an uncertainty, where it is one. projected: R_X of each block, shape (b,)."""
    if error is None or error <= 1e-12 * float(np.max(np.abs(projected))):
        text = "The model's blocks are identical: they tell nothing about its uncertainty, which is taken as unknown."
        return None, (Finding("warning", text),)
    if len(projected) < 4:
        own = 100.0 / math.sqrt(2.0 * (len(projected) - 1))
        text = (
            f"The model's uncertainty comes from {len(projected)} blocks only, and is itself known to no better "
            f"than {own:.0f}%."
        )
        return error, (Finding("warning", text, {"blocks": len(projected)}),)
    return error, ()


def _counting_sigma(gradient: Array, noise: Array, tiny: float) -> float:
    """Standard error of R through independent errors of the measurement.

    Linear propagation, less what the noise in the residual itself feigns: of a residual d = delta + n the
    variance of sum d^2 is sum (4 delta^2 + 2 sigma^2) sigma^2, whereas 4 d^2 sigma^2 has the mean
    (4 delta^2 + 4 sigma^2) sigma^2. tiny: R times sum measured^2.
    """
    linear = float(np.sum((gradient * noise) ** 2))
    excess = float(np.sum(noise**4)) / (2.0 * tiny**2)
    # at the counting floor half of the linear variance is feigned; never take away more
    return math.sqrt(max(linear - excess, 0.5 * linear))


def _intervals(
    q: Array, measured: Array, calculated: Array, count: int = 8
) -> tuple[Interval, ...]:
    edges = np.linspace(q[0], q[-1], count + 1)
    whole = float(np.sum((measured - calculated) ** 2))
    parts = []
    for k in range(count):
        inside = (q >= edges[k]) & ((q < edges[k + 1]) if k < count - 1 else (q <= edges[-1]))
        if not np.any(inside):
            continue
        m, c = measured[inside], calculated[inside]
        parts.append(
            Interval(
                low=float(edges[k]),
                high=float(edges[k + 1]),
                points=int(np.count_nonzero(inside)),
                share=float(np.sum((m - c) ** 2)) / whole if whole > 0.0 else 0.0,
                r_x=wright_r(m, c),
            )
        )
    return tuple(parts)


def _scale(s: Array, model: Array, sigma: Array | None, q: Array, function: str) -> Scale:
    """Least squares of s - 1 = a (model - 1), unweighted, as R_X is."""
    x, y = model - 1.0, s - 1.0
    norm = float(x @ x)
    if norm == 0.0:
        return Scale(value=float("nan"), sigma=None, r_x=float("nan"))
    a = float(x @ y) / norm
    error = None if sigma is None else float(np.sqrt(np.sum((x * sigma) ** 2))) / norm
    scaled = _as_function(function, q, 1.0 + a * x)
    return Scale(value=a, sigma=error, r_x=wright_r(_as_function(function, q, s), scaled))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """R_X of `first` minus R_X of `second`, with the uncertainty that their common measurement leaves.

    sigma: of the parts that are known, None where none is; complete: whether every part is known; unknown: the
    parts that are not. ranked: every part known, and |value| > coverage sigma, 2 or what few blocks ask (Student's t).
    """

    first: str
    second: str
    value: float
    sigma: float | None
    unknown: tuple[str, ...] = ()
    coverage: float = _COVERAGE

    @property
    def complete(self) -> bool:
        """Whether every part of sigma is known."""
        return not self.unknown

    @property
    def ranked(self) -> bool:
        """Whether the two may be told apart."""
        known = self.complete and self.sigma is not None
        return known and abs(self.value) > self.coverage * (self.sigma or 0.0)


def differences(models: Sequence[tuple[str, Goodness]]) -> tuple[Difference, ...]:
    """Every pair of models. The measurement's errors are common, so they enter by the difference of gradients.

    Models must have been compared on the same points. Raises InputError otherwise.
    """
    from scipy.special import stdtrit

    rows = []
    for (name_a, a), (name_b, b) in combinations(models, 2):
        if not np.array_equal(a.q, b.q) or a.function != b.function:
            raise InputError(
                f"{name_a} and {name_b} were not compared on the same points",
                why=f"{a.n_points} and {b.n_points} points, {a.function} and {b.function}",
                remedy="choose a --range that all models cover",
            )
        parts = []
        if a.sigma is not None:
            parts.append(float(np.sum(((a.gradient - b.gradient) * a.sigma) ** 2)))
        parts += [g.sigma_model**2 for g in (a, b) if g.sigma_model is not None]
        unknown = ["the measurement"] if a.sigma is None else []
        unknown += [n for n, g in ((name_a, a), (name_b, b)) if g.sigma_model is None]
        rows.append(
            Difference(
                first=name_a,
                second=name_b,
                value=a.r_x - b.r_x,
                sigma=math.sqrt(sum(parts)) if parts else None,
                unknown=tuple(unknown),
                coverage=max(
                    _COVERAGE, float(stdtrit(max(min(a.n_blocks, b.n_blocks) - 1, 1), 0.97725))
                ),
            )
        )
    return tuple(rows)
