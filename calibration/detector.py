"""What a photon detector does to a rate and to an energy: dead time, quantum efficiency, energy window."""

import math

import numpy as np
import numpy.typing as npt

from calibration.quantity import Quantity

__all__ = [
    "live_fraction",
    "quantum_efficiency",
    "sensor_efficiency",
    "true_rate",
    "window_acceptance",
]

Array = npt.NDArray[np.float64]

_FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


def live_fraction(observed_cps: npt.ArrayLike, *, dead_time_s: float) -> Array:
    """Share of the time in which a non-paralysable counter was able to count, 1 - m tau.

    observed_cps: m, shape (n,), counts/s. Returns shape (n,), 0..1. With the live time t (1 - m tau) as exposure,
    the observed counts N keep both the true rate N / t_live and its variance N / t_live^2: the counts of such
    a counter scatter less than Poisson, Var N = N (1 - m tau)^2, by exactly this factor.
    Raises ValueError where m tau >= 1 (no true rate gives such a reading).
    Source: J. W. Müller, Nucl. Instrum. Methods 112 (1973) 47, eqs. for the non-extended dead time.
    """
    if not (math.isfinite(dead_time_s) and dead_time_s >= 0.0):
        raise ValueError(f"the dead time must be finite and >= 0, not {dead_time_s}")
    fraction: Array = 1.0 - np.asarray(observed_cps, dtype=np.float64) * dead_time_s
    if fraction.size and float(fraction.min()) <= 0.0:
        raise ValueError("observed rate times dead time reaches 1: the counter would be blocked")
    return fraction


def true_rate(observed_cps: npt.ArrayLike, *, dead_time_s: float) -> Array:
    """n = m / (1 - m tau) of a non-paralysable counter; m, n in counts/s. Raises ValueError as `live_fraction`."""
    observed = np.asarray(observed_cps, dtype=np.float64)
    return np.asarray(observed / live_fraction(observed, dead_time_s=dead_time_s), dtype=np.float64)


def quantum_efficiency(mu_per_mm: npt.ArrayLike, *, thickness_mm: float) -> Array:
    """Share of the photons that a sensor absorbs at normal incidence, 1 - exp(-mu d).

    mu_per_mm: shape (n,), attenuation by absorption in the sensor, 1/mm; thickness_mm: d.
    Raises ValueError for a thickness that is not positive.
    """
    if not (math.isfinite(thickness_mm) and thickness_mm > 0.0):
        raise ValueError(f"the sensor's thickness must be finite and > 0, not {thickness_mm}")
    return np.asarray(-np.expm1(-np.asarray(mu_per_mm, dtype=np.float64) * thickness_mm))


def sensor_efficiency(mu_per_mm: Quantity, *, thickness_mm: Quantity) -> Quantity:
    """Quantum efficiency with its uncertainty: eps = 1 - exp(-mu d), u = exp(-mu d) mu d sqrt((u_mu/mu)^2 + (u_d/d)^2).

    sigma None where that of mu or d is unknown. Source: GUM (JCGM 100:2008) eq. 10.
    """
    optical = mu_per_mm.value * thickness_mm.value
    value = float(quantum_efficiency(mu_per_mm.value, thickness_mm=thickness_mm.value))
    if mu_per_mm.sigma is None or thickness_mm.sigma is None:
        return Quantity(value)
    relative = math.hypot(
        mu_per_mm.sigma / mu_per_mm.value, thickness_mm.sigma / thickness_mm.value
    )
    return Quantity(value, math.exp(-optical) * optical * relative)


def window_acceptance(
    energy_kev: npt.ArrayLike,
    *,
    lower_kev: float | None,
    upper_kev: float | None,
    fwhm_kev: float,
) -> Array:
    """Share of the photons of one energy whose pulse falls between two discriminators.

    D(E) = Phi((E - lower)/s) - Phi((E - upper)/s), s = fwhm / 2.3548, Phi the normal distribution function:
    a Gaussian pulse-height distribution of constant width. energy_kev: shape (n,), keV; an absent edge
    (None) accepts everything on its side; fwhm 0 gives sharp edges, closed at both ends. Returns shape (n,), 0..1.
    Raises ValueError for edges in the wrong order or a negative width.
    """
    energy = np.asarray(energy_kev, dtype=np.float64)
    if not (math.isfinite(fwhm_kev) and fwhm_kev >= 0.0):
        raise ValueError(f"the energy resolution must be finite and >= 0, not {fwhm_kev}")
    if lower_kev is not None and upper_kev is not None and not lower_kev < upper_kev:
        raise ValueError(f"the window [{lower_kev}, {upper_kev}] keV is empty")
    if fwhm_kev == 0.0:
        above = np.ones_like(energy) if lower_kev is None else (energy >= lower_kev) * 1.0
        below = np.ones_like(energy) if upper_kev is None else (energy <= upper_kev) * 1.0
        return np.asarray(above * below, dtype=np.float64)
    from scipy.special import ndtr  # waits until a window is asked for

    sigma = fwhm_kev / _FWHM_PER_SIGMA
    passed = np.ones_like(energy) if lower_kev is None else ndtr((energy - lower_kev) / sigma)
    lost = np.zeros_like(energy) if upper_kev is None else ndtr((energy - upper_kev) / sigma)
    return np.asarray(passed - lost, dtype=np.float64)
