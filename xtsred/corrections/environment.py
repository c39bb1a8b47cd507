"""Environment (air, optics, dark counts) and container: what is subtracted before the sample is left.

Paalman & Pings, J. Appl. Phys. 33 (1962) 2635; the factors come from `absorption`.
"""

from dataclasses import dataclass

import numpy as np

from xtsred.stages import Array

__all__ = ["Measurement", "environment_transmission", "net_sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A rate with its variance; shape (n,), counts/s and (counts/s)^2."""

    rate: Array
    variance: Array


def environment_transmission(beam_transmission: float) -> float:
    """Share of the environment's scattering that is left when something stands in the beam, (1 + T)/2.

    T: transmission of the direct beam through sample and container, averaged over the beam's width.
    The air path is centred on the sample: what scatters in front of it is not attenuated (it leaves
    sideways, past the thin sample), what scatters behind it was lit by the transmitted beam only.
    """
    return 0.5 * (1.0 + beam_transmission)


def net_sample(
    sample: Measurement,
    container: Measurement | None,
    environment: Measurement | None,
    *,
    ratio: Array,
    transmission_sample: float,
    transmission_container: float,
    dark_cps: float,
) -> Measurement:
    """The sample's own rate (attenuated): environment and container subtracted, each scan's noise once.

    rate = I_SC - d - t_s (E - d) - ratio [I_C - d - t_c (E - d)]: the environment's coefficient is
    t_s - ratio t_c, so its noise partly cancels; ratio: A_c,sc / A_c,c, shape (n,). container None: no container term; environment None:
    nothing but the dark rate is subtracted. Source: Paalman & Pings (1962), Eq. 5.
    """
    rate = sample.rate - dark_cps
    variance = sample.variance.copy()
    coefficient = np.full_like(rate, transmission_sample)
    if container is not None:
        rate = rate - ratio * (container.rate - dark_cps)
        variance = variance + ratio**2 * container.variance
        coefficient = coefficient - ratio * transmission_container
    if environment is not None:
        rate = rate - coefficient * (environment.rate - dark_cps)
        variance = variance + coefficient**2 * environment.variance
    return Measurement(rate=rate, variance=variance)
