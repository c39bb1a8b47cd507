"""What a second run of the same project says differently, in units of its own uncertainty."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Curve", "Difference", "Verdict", "compare_curves", "compare_quantities", "verdict"]

Array = npt.NDArray[np.float64]
Verdict = Literal["identical", "same within rounding", "changed"]

ROUNDING = 2e-8
"""Relative difference that nine printed digits and another processor may cause."""

_CHANGED = 0.01  # sigma: what no reader of a result could notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One curve with its uncertainty, each of shape (n,); sigma None: unknown."""

    x: Array
    y: Array
    sigma: Array | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One result then and now.

    then, now: as text. in_sigma: largest difference over its standard uncertainty, None where that is unknown.
    relative: largest difference over the largest value. where: position of the largest, "" for a number.
    """

    name: str
    then: str
    now: str
    in_sigma: float | None
    relative: float
    where: str = ""

    @property
    def verdict(self) -> Verdict:
        """See `verdict`."""
        return verdict(self.relative, self.in_sigma)


def verdict(relative: float, in_sigma: float | None) -> Verdict:
    """identical to the last bit; within rounding; or changed (by more than 0.01 sigma, or visibly where sigma is unknown)."""
    if relative == 0.0:
        return "identical"
    if relative <= ROUNDING or (in_sigma is not None and in_sigma <= _CHANGED):
        return "same within rounding"
    return "changed"


def compare_curves(then: Mapping[str, Curve], now: Mapping[str, Curve]) -> tuple[Difference, ...]:
    """One Difference per curve, and one of its uncertainty where both have it; a curve that only one run has, or on another grid, is infinitely different."""
    found = []
    for name in dict.fromkeys([*then, *now]):
        a, b = then.get(name), now.get(name)
        if a is None or b is None:
            there = "absent" if a is None else f"{a.x.size} points"
            here = "absent" if b is None else f"{b.x.size} points"
            found.append(
                Difference(name=name, then=there, now=here, in_sigma=None, relative=math.inf)
            )
        else:
            found.append(_curve(name, a, b))
            ours, theirs = _uncertainty(a), _uncertainty(b)
            if ours is not None and theirs is not None and not math.isinf(found[-1].relative):
                found.append(_curve(f"uncertainty of {name}", ours, theirs))
    return tuple(found)


def _uncertainty(curve: Curve) -> Curve | None:
    """An uncertainty as a curve: a hundredth of itself is a hundredth of a sigma."""
    if curve.sigma is None:
        return None
    return Curve(x=curve.x, y=curve.sigma, sigma=curve.sigma)


def _curve(name: str, a: Curve, b: Curve) -> Difference:
    if a.x.shape == b.x.shape == (0,):
        return Difference(name=name, then="empty", now="empty", in_sigma=None, relative=0.0)
    if a.x.shape != b.x.shape or not np.allclose(a.x, b.x, rtol=1e-8, atol=1e-12):
        grids = [f"{c.x.size} points, {c.x[0]:.6g} to {c.x[-1]:.6g}" for c in (a, b)]
        return Difference(name=name, then=grids[0], now=grids[1], in_sigma=None, relative=math.inf)
    alike = (a.y == b.y) | (np.isnan(a.y) & np.isnan(b.y))  # unknown then and now is no difference
    difference = np.where(alike, 0.0, np.abs(b.y - a.y))
    difference[np.isnan(difference)] = math.inf  # known in one run only
    scale = float(np.nanmax(np.abs(a.y), initial=0.0)) or 1.0
    sigma = np.zeros_like(a.y) if a.sigma is None else a.sigma
    known = sigma > 0.0
    bare = np.where(known, 0.0, difference)
    ratio = np.where(known, difference / np.where(known, sigma, 1.0), 0.0)
    # where no sigma is known a visible change counts by itself: that other points have one excuses nothing
    unknown = not bool(known.any()) or bool(bare.max() > ROUNDING * scale)
    k = int(np.argmax(bare if unknown else ratio))
    return Difference(
        name=name,
        then=f"{a.y[k]:.6g}",
        now=f"{b.y[k]:.6g}",
        in_sigma=None if unknown else float(ratio[k]),
        relative=float(difference.max()) / scale,
        where=f"{a.x[k]:.5g}",
    )


def compare_quantities(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Difference, ...]:
    """One Difference per entry of two headlines as result.json has them (numbers with sigma, or text)."""
    found = []
    for name in dict.fromkeys([*then, *now]):
        a, b = _number(then.get(name)), _number(now.get(name))
        if a is None or b is None:
            same = _said(then.get(name)) == _said(now.get(name))
            found.append(
                Difference(
                    name=name,
                    then=_said(then.get(name)),
                    now=_said(now.get(name)),
                    in_sigma=None,
                    relative=0.0 if same else math.inf,
                )
            )
            continue
        found.append(_quantity(name, a, b))
    return tuple(found)


def _quantity(
    name: str, a: tuple[float, float | None], b: tuple[float, float | None]
) -> Difference:
    """Value and uncertainty: the larger of the two changes, or infinite where one run alone knows an uncertainty."""
    change = abs(b[0] - a[0])
    if a[1] is not None and b[1] is not None:
        change = max(change, abs(b[1] - a[1]))
    one_knows = (a[1] is None) != (b[1] is None)
    return Difference(
        name=name,
        then=_with_sigma(*a),
        now=_with_sigma(*b),
        in_sigma=change / a[1] if a[1] and not one_knows else None,
        relative=math.inf if one_knows else change / (abs(a[0]) or 1.0),
    )


def _with_sigma(value: float, sigma: float | None) -> str:
    return f"{value:.8g}" + ("" if sigma is None else f" ± {sigma:.3g}")


def _number(entry: Any) -> tuple[float, float | None] | None:
    if isinstance(entry, Mapping) and isinstance(entry.get("value"), (int, float)):
        sigma = entry.get("sigma")
        return float(entry["value"]), float(sigma) if isinstance(sigma, (int, float)) else None
    return None


def _said(entry: Any) -> str:
    if entry is None:
        return "absent"
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        return ", ".join(map(str, entry))
    return str(entry)
