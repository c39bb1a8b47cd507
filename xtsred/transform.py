"""One published function of total scattering into another, with what is known of its uncertainty.

The recipe on one screen: the file's function -> S - 1 or G of its own space -> (Fourier) -> the function asked for.
The density's uncertainty travels as a signed curve beside the independent sigmas, because it moves all points together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from xtsred.fourier import WINDOWS, Extrapolation, Window, binned_operator, extrapolate
from xtsred.functions import (
    FUNCTIONS,
    Function,
    Material,
    convert,
    density_slope,
    empty_core,
    gain,
    real_space_operator,
    reciprocal_operator,
)
from xtsred.stages import Array, StructureFactor, frozen

__all__ = ["SAMPLINGS", "Crossing", "Profile", "settles", "transform", "uniform_grid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A function of Q (Å^-1) or r (Å): x, y: shape (n,); sigma: independent, one standard uncertainty, None: unknown.

    density_mode: shape (n,), change of y with the density raised by its uncertainty; None where that is not stated.
    """

    function: Function
    x: Array
    y: Array
    sigma: Array | None = None
    density_mode: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """How the other space is reached.

    grid: x of the result, shape (m,). window: M(Q), of Q to r only, its q_max included. extrapolation: of S below the
    first Q. sampling: whether S stands at points (calculated) or is a mean over bins (measured).
    """

    grid: Array
    window: Window | None = None
    extrapolation: Literal["none", "constant", "parabola"] = "parabola"
    sampling: Literal["points", "bins"] = "points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """A profile in the other space, how it came there in words (for the header), and the doubts."""

    profile: Profile
    facts: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def settles(profile: Profile, *, material: Material) -> tuple[Finding, ...]:
    """Whether the curve ends where its function must: S and g at 1, the others at theirs; else it is another function.

    Judged on S - 1 or g - 1 over the last quarter, where that is far enough out (8 Å^-1, 8 Å) and can be formed.
    """
    source = profile.function
    if profile.x[-1] < 8.0 or (source.density_power and material.number_density_per_a3 is None):
        return ()
    base = FUNCTIONS["i" if source.space == "Q" else "g"]
    h = convert(profile.x, profile.y, source=source, target=base, material=material)
    last = profile.x >= profile.x[0] + 0.75 * (profile.x[-1] - profile.x[0])
    level = float(np.mean(h[last])) - (0.0 if source.space == "Q" else 1.0)
    if abs(level) <= 0.25:
        return ()
    end = "S" if source.space == "Q" else "g"
    text = (
        f"Taken as {source.name}, the curve ends at {end} = {1.0 + level:.3g} (mean of its last quarter) where {end} is 1 "
        "whatever the sample: it is another function, or not normalized."
    )
    return (Finding("problem", text, {"level": 1.0 + level}),)


_Operator = Callable[[Profile, Crossing, Window], tuple[Array, Array, Extrapolation]]


def uniform_grid(first: float, last: float, *, step: float, name: str) -> Array:
    """first, first + step, ... up to last. Raises InputError for a grid that is none."""
    if not (step > 0.0 and last > first > 0.0 and (last - first) / step < 1e6):
        raise InputError(
            f"the {name} grid from {first:g} to {last:g} in steps of {step:g} is none",
            remedy=f"state a last {name} above its first, and a positive step",
        )
    count = int((last - first) / step + 1e-9) + 1
    return np.asarray(first + step * np.arange(count), dtype=np.float64)


def transform(
    profile: Profile,
    target: Function,
    *,
    material: Material,
    target_material: Material,
    crossing: Crossing | None = None,
    density_sigma: float | None = None,
) -> Crossed:
    """The profile as another function; across the Fourier transform where the spaces differ.

    material: of the profile's x; target_material: the same substance on the result's x (f depends on Q).
    density_sigma: standard uncertainty of rho0, Å^-3. Raises InputError for what is not defined or not known.
    """
    if target.space == profile.function.space:
        return Crossed(profile=_within(profile, target, material, density_sigma))
    if crossing is None:
        raise ValueError("a crossing is needed between Q and r")
    if target.space == "r":
        hop = _within(profile, FUNCTIONS["i"], material, density_sigma)
        crossed = _to_real_space(hop, crossing)
    else:
        hop = _within(profile, FUNCTIONS["G"], material, density_sigma)
        crossed = _to_reciprocal_space(hop, crossing, material, density_sigma)
    final = _within(crossed.profile, target, target_material, density_sigma)
    return Crossed(profile=final, facts=crossed.facts, findings=crossed.findings)


def _within(
    profile: Profile, target: Function, material: Material, density_sigma: float | None
) -> Profile:
    source = profile.function
    if target is source:
        return profile
    slope = gain(profile.x, source=source, target=target, material=material)
    mode = None if profile.density_mode is None else slope * profile.density_mode
    if density_sigma is not None:
        own = density_sigma * density_slope(
            profile.x, profile.y, source=source, target=target, material=material
        )
        mode = own if mode is None else mode + own
    return Profile(
        function=target,
        x=profile.x,
        y=frozen(convert(profile.x, profile.y, source=source, target=target, material=material)),
        sigma=None if profile.sigma is None else frozen(np.abs(slope) * profile.sigma),
        density_mode=None if mode is None else frozen(mode),
    )


def _to_real_space(profile: Profile, crossing: Crossing) -> Crossed:
    """i(Q) to G(r)."""
    if crossing.window is None:
        raise InputError(
            "the window of the transform from Q to r is not stated",
            why="every peak of the result has its shape",
            remedy=f"add --window {', '.join(WINDOWS)}: lorch damps ripples, none keeps the sharpest peaks",
        )
    step = float(np.max(np.diff(profile.x)))
    _refuse_alias(float(crossing.grid[-1]), step, "r", "Q")
    operator, known, fill = SAMPLINGS[crossing.sampling](profile, crossing, crossing.window)
    facts = {
        "qmin": f"{profile.x[0]:g}",
        "qmax": f"{crossing.window.q_max:g}",
        "window": str(crossing.window),
        "extrapolation below qmin": fill.text,
        "sampling": _SAMPLING_WORDS[crossing.sampling],
    }
    done = _through(operator, known, profile, FUNCTIONS["G"], crossing.grid)
    return Crossed(profile=done, facts=facts)


def _at_points(
    profile: Profile, crossing: Crossing, window: Window
) -> tuple[Array, Array, Extrapolation]:
    fill = extrapolate(profile.x, _weights(profile), method=crossing.extrapolation)
    operator, known = real_space_operator(
        profile.x, crossing.grid, window=window, extrapolation=fill
    )
    return operator, known, fill


def _over_bins(
    profile: Profile, crossing: Crossing, window: Window
) -> tuple[Array, Array, Extrapolation]:
    """As the reduction itself does it, a parabola that would make S negative included."""
    step = np.diff(profile.x)
    if np.ptp(step) > 1e-3 * float(step.mean()):
        raise InputError(
            "the bins of S(Q) are not of one width",
            why="the mean over a bin is undone for bins of one width only",
            remedy="state --sampling points",
        )
    s, sigma = profile.y + 1.0, _weights(profile)
    fill = extrapolate(profile.x, sigma, method=crossing.extrapolation, s=s)
    structure = StructureFactor(q=profile.x, s=s, sigma=sigma)
    operator, known = binned_operator(structure, crossing.grid, window=window, fill=fill)
    return operator, known, fill


SAMPLINGS: Mapping[str, _Operator] = {"points": _at_points, "bins": _over_bins}
"""How the values of S(Q) are meant: at points, or as means over bins."""

_SAMPLING_WORDS = {
    "points": "values at points; trapezoid rule from Q = 0",
    "bins": "values are means over bins, whose width is divided out",
}


def _weights(profile: Profile) -> Array:
    """Sigmas that a fit can divide by: equal ones where some are unknown or zero."""
    sigma = profile.sigma
    return sigma if sigma is not None and np.all(sigma > 0.0) else np.ones_like(profile.x)


def _to_reciprocal_space(
    profile: Profile, crossing: Crossing, material: Material, density_sigma: float | None
) -> Crossed:
    """G(r) to F(Q)."""
    r, q = profile.x, crossing.grid
    step = float(np.max(np.diff(r)))
    _refuse_alias(float(q[-1]), step, "Q", "r")
    from_zero = bool(r[0] <= 1.5 * step)
    operator = reciprocal_operator(r, q, starts_at_zero=from_zero)
    crossed = _through(operator, np.zeros_like(q), profile, FUNCTIONS["F"], q)
    facts = {"r range": f"0 to {r[-1]:g} A; beyond it G = 0"}
    findings = list(_tail(profile, q))
    if not from_zero:
        density = material.density()
        core = empty_core(q, radius_a=float(r[0]), number_density_per_a3=density)
        mode = crossed.density_mode
        if density_sigma is not None:
            own = core * density_sigma / density
            mode = frozen(own if mode is None else mode + own)
        crossed = Profile(
            function=crossed.function,
            x=crossed.x,
            y=frozen(crossed.y + core),
            sigma=crossed.sigma,
            density_mode=mode,
        )
        facts["below the first r"] = f"g = 0 for r < {r[0]:g} A"
        findings.append(_core_finding(profile, density))
    return Crossed(profile=crossed, facts=facts, findings=tuple(findings))


def _core_finding(profile: Profile, density: float) -> Finding:
    g = 1.0 + float(profile.y[0]) / (4.0 * np.pi * density * float(profile.x[0]))
    text = f"The curve begins at r = {profile.x[0]:g} Å; g = 0 is taken below."
    if abs(g) < 0.05:
        return Finding("note", text, {"g_first": g})
    return Finding("warning", f"{text} It is {g:.3g} there, so this is doubtful.", {"g_first": g})


def _tail(profile: Profile, q: Array) -> tuple[Finding, ...]:
    """What cutting G off at the last r does: ripples of amplitude up to |G(r_max)|/Q in F, over Q^2 in S."""
    end = profile.x >= profile.x[-1] - 0.05 * (profile.x[-1] - profile.x[0])
    left = float(np.max(np.abs(profile.y[end])))
    top = float(np.max(np.abs(profile.y)))
    if top == 0.0 or left < 0.01 * top:
        return ()
    text = (
        f"G(r) has not died out at r = {profile.x[-1]:g} Å ({left:.2g} of at most {top:.2g} Å^-2): "
        f"cutting it off there adds ripples of period {2.0 * np.pi / profile.x[-1]:.2g} Å^-1 to S(Q), up to {left / q[0] ** 2:.2g} at {q[0]:.2g} Å^-1."
    )
    return (Finding("warning", text, {"g_left": left, "g_highest": top}),)


def _refuse_alias(last: float, step: float, target: str, source: str) -> None:
    limit = np.pi / step
    if last > limit * (1.0 + 1e-9):
        raise InputError(
            f"{target} up to {last:g} is asked for, and the {source} grid carries it to {limit:.4g} only",
            why=f"its largest step is {step:.4g}; beyond pi/step the transform repeats itself",
            remedy=f"end at {limit:.4g}, or give the curve on a finer {source} grid",
        )


def _through(
    operator: Array, known: Array, profile: Profile, function: Function, grid: Array
) -> Profile:
    """A linear map and a known part: independent sigmas add in squares, the density's mode goes along with its sign."""
    sigma = profile.sigma
    mode = profile.density_mode
    return Profile(
        function=function,
        x=frozen(grid),
        y=frozen(operator @ profile.y + known),
        sigma=None if sigma is None else frozen(np.sqrt(operator**2 @ sigma**2)),
        density_mode=None if mode is None else frozen(operator @ mode),
    )
