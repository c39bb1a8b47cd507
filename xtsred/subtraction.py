"""What may be subtracted: no scan counts less than the dark rate, and of the sample something must be left."""

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.errors import InputError
from xtsred.config import Project
from xtsred.corrections.environment import Measurement, environment_transmission, net_sample
from xtsred.scattering import LineTerms
from xtsred.stages import Pattern, Role

__all__ = ["check_dark", "check_net", "net_rate"]

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


def check_net(net: Measurement, *, sample: Pattern) -> None:
    """Raise InputError where environment and container leave nothing of the sample over the upper half of the angles.

    There S(Q) is near 1 and the normalization is made: the mean must be positive beyond four sigma.
    """
    upper = np.zeros(net.rate.size, dtype=bool)
    upper[net.rate.size // 2 :] = True
    mean = float(np.mean(net.rate[upper]))
    sigma = float(np.sqrt(np.sum(net.variance[upper]))) / int(upper.sum())
    if mean > _SIGNIFICANT * sigma:
        return
    x = sample.two_theta_deg[upper]
    raise InputError(
        f"of the sample's {np.mean(sample.rate_cps[upper]):.4g} counts per second from {x[0]:g} to {x[-1]:g}° "
        f"{mean:.4g} ± {sigma:.1g} are left after environment and container are subtracted",
        why="the sample's own scattering is positive",
        remedy="check the roles of the scans (is the sample the container?), seconds_per_step, scale and monitor of each, "
        "and container.wall_thickness_mm",
        where="scan",
    )


def net_rate(
    project: Project,
    patterns: Mapping[Role, Pattern],
    line: LineTerms,
    transmissions: Mapping[str, float],
) -> Measurement:
    """The sample's own rate: environment and container subtracted, each times the scale that the project states.

    line: the strongest; transmissions: of the direct beam, "sample" and "container".
    """
    dark = project.detector.dark_cps

    def measurement(role: Role) -> Measurement | None:
        pattern = patterns.get(role)
        if pattern is None:
            return None
        return Measurement(rate=pattern.rate_cps, variance=pattern.sigma_cps**2)

    sample = measurement("sample")
    if sample is None:
        raise InputError("no scan of the sample", where="scan")
    ratio = np.zeros_like(sample.rate) if line.wall_ratio is None else line.wall_ratio
    if project.container is not None:
        ratio = project.container.scale.value * ratio
    environment = measurement("environment")
    dark_cps = 0.0 if dark is None else dark.value
    if environment is not None and project.environment is not None:
        scale = project.environment.scale.value
        environment = Measurement(
            rate=dark_cps + scale * (environment.rate - dark_cps),
            variance=scale**2 * environment.variance,
        )
    return net_sample(
        sample,
        measurement("container"),
        environment,
        ratio=ratio,
        transmission_sample=environment_transmission(transmissions["sample"]),
        transmission_container=environment_transmission(transmissions["container"]),
        dark_cps=dark_cps,
    )
