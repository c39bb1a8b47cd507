"""The stated dark rate against the lowest rates that were measured: no scan can count less than the dark."""

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.errors import InputError
from xtsred.stages import Pattern, Role

__all__ = ["check_dark"]

_STRETCHES = 20
_FEWEST_POINTS = 10
_SIGNIFICANT = 4.0
"""Of the lowest of some twenty stretches, by chance in one of a thousand."""


def check_dark(
    patterns: Mapping[Role, Pattern],
    *,
    dark_cps: float,
    files: Mapping[Role, Sequence[str]],
) -> None:
    """Raise InputError where the dark rate exceeds a role's mean rate over its lowest stretch beyond the noise.

    files: short names of the files behind each role. A stretch is a twentieth of the pattern, ten points at least.
    """
    for role, pattern in patterns.items():
        size = max(pattern.rate_cps.size // _STRETCHES, _FEWEST_POINTS)
        starts = np.arange(0, max(pattern.rate_cps.size - size, 0) + 1, size)
        time = np.add.reduceat(pattern.exposure_s, starts)
        rate = np.add.reduceat(pattern.rate_cps * pattern.exposure_s, starts) / time
        sigma = np.sqrt(np.add.reduceat((pattern.sigma_cps * pattern.exposure_s) ** 2, starts))
        lowest = int(np.argmin(rate))
        if dark_cps - rate[lowest] <= _SIGNIFICANT * sigma[lowest] / time[lowest]:
            continue
        x = pattern.two_theta_deg
        last = starts[lowest + 1] - 1 if lowest + 1 < starts.size else x.size - 1
        raise InputError(
            f"the {role} ({', '.join(files.get(role, ())) or 'no file'}) counts {rate[lowest]:.4g} ± "
            f"{sigma[lowest] / time[lowest]:.1g} per second from {x[starts[lowest]]:g} to {x[last]:g}°, less than the "
            f"dark rate of {dark_cps:g}",
            why="every scan contains the dark rate: what is left after subtracting it would be negative",
            remedy="correct dark_cps (counts per second, not per step), or the scan's seconds_per_step",
            where="detector.dark_cps",
        )
