"""Before lines are fitted: by how much all are shifted, how wide they are, and which must be fitted together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.profiles import multiplet
from calibration.radiation import Line

__all__ = [
    "ExpectedLine",
    "Group",
    "crowded_lines",
    "group_lines",
    "nearest_fwhm",
    "offset_of",
]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_MOST_LINES = 5
_APART = 4.0  # FWHM between components, from which lines are fitted apart
_MARGIN = 7.0  # FWHM of background on either side, at most
_FEWEST_POINTS = 12
_SEARCH_DEG = 1.0
_BACKGROUND_DEG = 3.0
_STRONGEST = 12
_CONTRAST = 5.0
_FAINT = 0.3
_UNDER = 0.7
_BESIDE = 1.5
_SMALL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLine:
    """Where a line of the standard should be with the strongest wavelength, and its relative area."""

    label: str
    two_theta_deg: float
    area: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lines to be fitted together. points: indices of the scan, shape (n,); background: degree of its polynomial."""

    lines: tuple[ExpectedLine, ...]
    points: IntArray
    background: int
    center_deg: float


def offset_of(
    two_theta_deg: Array, rate: Array, expected: Sequence[ExpectedLine], *, lines: Sequence[Line]
) -> float:
    """The shift within ±1° that puts the expected lines onto the maxima of the scan, in degrees.

    The sum over the strongest lines of the square root of what stands above the background, at the shifted places, is made largest.
    Raises InputError where no shift finds them: another standard, another anode.
    """
    inside = [
        e for e in expected if two_theta_deg[0] + 0.5 < e.two_theta_deg < two_theta_deg[-1] - 0.5
    ]
    if len(inside) < 3:
        raise InputError(
            f"the scan covers {len(inside)} lines of the standard, at least 3 are needed",
            why=f"it goes from {two_theta_deg[0]:g} to {two_theta_deg[-1]:g}°",
            remedy="check the radiation and the standard, or measure a wider range",
        )
    low = np.array(
        [
            _background(two_theta_deg, rate, x)
            for x in two_theta_deg[:: max(two_theta_deg.size // 400, 1)]
        ]
    )
    floor = np.interp(two_theta_deg, two_theta_deg[:: max(two_theta_deg.size // 400, 1)], low)
    above = np.sqrt(np.maximum(rate - floor, 0.0))
    strongest = sorted(inside, key=lambda e: -e.area)[:_STRONGEST]
    angles, shares = multiplet([e.two_theta_deg for e in strongest], lines=lines)
    mean = np.nansum(angles * shares, axis=1) / np.nansum(np.isfinite(angles) * shares, axis=1)
    step = float(np.median(np.diff(two_theta_deg))) / 2.0
    trial = np.arange(-_SEARCH_DEG, _SEARCH_DEG + step, step)
    score = np.array([np.interp(mean + s, two_theta_deg, above).mean() for s in trial])
    best = int(np.argmax(score))
    typical = float(np.median(score))
    spread = 1.4826 * float(np.median(np.abs(score - typical)))
    if score[best] <= typical + _CONTRAST * spread and score[best] <= 2.0 * typical:
        raise InputError(
            "the lines of the standard are not in this scan",
            why=f"no shift within ±{_SEARCH_DEG:g}° puts the {len(strongest)} strongest lines onto maxima of it",
            remedy="check standard.material, the radiation, and that the file is the scan of the standard",
        )
    return float(trial[best])


def _background(x: Array, y: Array, at: float) -> float:
    near = np.abs(x - at) < _BACKGROUND_DEG
    return float(np.quantile(y[near], 0.2))


def nearest_fwhm(
    two_theta_deg: Array, rate: Array, expected: Sequence[ExpectedLine], *, offset_deg: float
) -> float:
    """Rough full width at half maximum of the highest of the lines below 60° (of all, if there is none), in degrees."""
    candidates = [e for e in expected if e.two_theta_deg < 60.0] or list(expected)
    step = float(np.median(np.diff(two_theta_deg)))
    places = [
        int(np.argmin(np.abs(two_theta_deg - e.two_theta_deg - offset_deg))) for e in candidates
    ]
    top = max(places, key=lambda i: float(rate[i]))
    half = max(round(0.3 / step), 2)
    start = max(top - half, 0)
    peak = start + int(np.argmax(rate[start : top + half + 1]))
    level = 0.5 * (float(rate[peak]) + _background(two_theta_deg, rate, float(two_theta_deg[peak])))
    left, right = peak, peak
    while left > 0 and rate[left] > level:
        left -= 1
    while right < rate.size - 1 and rate[right] > level:
        right += 1
    return float(np.clip(two_theta_deg[right] - two_theta_deg[left], 2.0 * step, 1.5))


def group_lines(
    two_theta_deg: Array,
    expected: Sequence[ExpectedLine],
    *,
    offset_deg: float,
    fwhm_deg: float,
    lines: Sequence[Line],
) -> list[Group]:
    """Lines whose components come closer than some widths, at most five together, each with the points around them.

    Where a row of lines is longer it is cut at its widest gap. Groups with too few points are left out.
    """
    ordered = sorted(expected, key=lambda e: e.two_theta_deg)
    spans = [_span(e, lines, offset_deg) for e in ordered]
    rows: list[list[int]] = []
    for i, span in enumerate(spans):
        if rows and span[0] - max(spans[j][1] for j in rows[-1]) < _APART * fwhm_deg:
            rows[-1].append(i)
        else:
            rows.append([i])
    rows = [part for row in rows for part in _cut(row, spans)]
    found = []
    for k, row in enumerate(rows):
        first, last = min(spans[i][0] for i in row), max(spans[i][1] for i in row)
        before = max(spans[i][1] for i in rows[k - 1]) if k else -math.inf
        after = min(spans[i][0] for i in rows[k + 1]) if k + 1 < len(rows) else math.inf
        low = max(first - _MARGIN * fwhm_deg, min(0.5 * (first + before), first))
        high = min(last + _MARGIN * fwhm_deg, max(0.5 * (last + after), last))
        points = np.flatnonzero((two_theta_deg >= low) & (two_theta_deg <= high))
        if points.size < _FEWEST_POINTS + 2 * len(row):
            continue
        members = tuple(ordered[i] for i in row)
        weights = np.array([m.area for m in members]) + 1e-12
        center = float(np.average([m.two_theta_deg for m in members], weights=weights))
        wide = (high - low) > 20.0 * fwhm_deg
        found.append(
            Group(lines=members, points=points, background=2 if wide else 1, center_deg=center)
        )
    return found


def crowded_lines(
    groups: Sequence[Group], *, fwhm_deg: Callable[[float], float], lines: Sequence[Line]
) -> frozenset[str]:
    """Labels of lines whose position others decide.

    That is: a component of another line that is at least as large lies within 0.7 widths, or one of another group (which is
    not fitted together with it) that is not small lies within 1.5 widths. Areas as expected.
    """
    angle, area, label, group, own = [], [], [], [], []
    for number, g in enumerate(groups):
        for line in g.lines:
            angles, shares = multiplet(line.two_theta_deg, lines=lines)
            for a, share in zip(angles[0], shares, strict=True):
                if np.isfinite(a):
                    angle.append(a)
                    area.append(share * line.area)
                    label.append(line.label)
                    group.append(number)
                    own.append(a == line.two_theta_deg or abs(a - line.two_theta_deg) < 1e-9)
    places, sizes, groups_of = np.array(angle), np.array(area), np.array(group)
    found = set()
    for i in np.flatnonzero(own):
        away = np.abs(places - places[i]) / fwhm_deg(float(places[i]))
        other = np.array([name != label[i] for name in label])
        large = other & (away < _UNDER) & (sizes >= sizes[i])
        apart = (groups_of != groups_of[i]) & (away < _BESIDE) & (sizes > _SMALL * sizes[i])
        if bool((large | apart).any()):
            found.add(label[i])
    return frozenset(found)


def _span(line: ExpectedLine, lines: Sequence[Line], offset_deg: float) -> tuple[float, float]:
    """From the first to the last component that is not faint: a K-beta line far away does not make a group wider."""
    angles, shares = multiplet(line.two_theta_deg, lines=lines)
    angles = angles[0][shares > _FAINT * shares.max()] + offset_deg
    return float(np.nanmin(angles)), float(np.nanmax(angles))


def _cut(row: list[int], spans: Sequence[tuple[float, float]]) -> list[list[int]]:
    if len(row) <= _MOST_LINES:
        return [row]
    gaps = [spans[b][0] - max(spans[j][1] for j in row[: k + 1]) for k, b in enumerate(row[1:])]
    place = int(np.argmax(gaps)) + 1
    return _cut(row[:place], spans) + _cut(row[place:], spans)
