"""Where scans have points and where they have none: holes inside a scan and gaps between scans are never bridged."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from calibration.errors import InputError
from xtsred.counting import Counted
from xtsred.stages import Array, Role

__all__ = ["check_gaps", "pieces", "typical_step"]

_HOLE_STEPS = 3.5
"""A step of two missing points is bridged; one longer than this many of the steps around it is a hole."""
_AROUND = 5


def typical_step(two_theta_deg: Array) -> float:
    """Median step in degrees; two_theta_deg: shape (n,), increasing, n >= 2."""
    return float(np.median(np.diff(two_theta_deg)))


def pieces(two_theta_deg: Array) -> list[slice]:
    """The runs of a scan between its holes; two_theta_deg: shape (n,), increasing.

    A hole is a step more than 3.5 times the median of the 11 steps around it, so that a scan whose step grows, or
    which changes its step once, stays in one piece.
    """
    steps = np.diff(two_theta_deg)
    if steps.size == 0:
        return [slice(0, two_theta_deg.size)]
    padded = np.pad(steps, _AROUND, mode="reflect" if steps.size > _AROUND else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
    holes = np.flatnonzero(steps > _HOLE_STEPS * np.median(windows, axis=1)) + 1
    limits = [0, *(int(i) for i in holes), two_theta_deg.size]
    return [slice(a, b) for a, b in pairwise(limits)]


def check_gaps(role: Role, scans: Sequence[Counted], *, wanted: tuple[float, float]) -> None:
    """Raise InputError where no scan of the role has points inside the wanted angles, between scans or within one."""
    runs = []
    for scan in scans:
        step = typical_step(scan.two_theta_deg)
        for part in pieces(scan.two_theta_deg):
            x = scan.two_theta_deg[part]
            own = typical_step(x) if x.size > 1 else step
            runs.append((float(x[0]), float(x[-1]), own, scan.label))
    runs.sort()
    _, reach, reach_step, label = runs[0]
    for start, end, step, name in runs[1:]:
        bridged = start - reach <= 1.5 * max(step, reach_step)
        if not bridged and reach < wanted[1] and start > wanted[0]:
            why = f"{label} ends at {reach:g}° and {name} begins at {start:g}°"
            if label == name:
                why = f"{name} has no points there, in steps of {step:g}° around"
            raise InputError(
                f"no {role} scan covers {reach:g} to {start:g}°",
                why=why,
                remedy="measure the gap, or choose range.two_theta_deg on one side of it",
            )
        if end > reach:
            reach, reach_step, label = end, step, name
