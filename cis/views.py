"""Other views of a spectrum: Bode, complex modulus, conductivity with Jonscher's law."""

from dataclasses import dataclass

import numpy as np

from cis.leastsquares import minimize
from cis.stages import Array, Cell, ComplexArray

__all__ = [
    "Bode",
    "Jonscher",
    "bode",
    "conductivity_spectrum",
    "electric_modulus",
    "fit_jonscher",
    "modulus_peak",
    "permittivity_spectrum",
]

_EPS0 = 8.8541878128e-12  # F/m, CODATA 2018


@dataclass(frozen=True, slots=True, kw_only=True)
class Bode:
    """Modulus in Ohm and phase in degrees against frequency in Hz, increasing; shape (n,) each."""

    frequency_hz: Array
    modulus_ohm: Array
    phase_deg: Array


def bode(frequency_hz: Array, z_ohm: ComplexArray) -> Bode:
    """|Z| and arg Z, in the order of increasing frequency; capacitive phases are negative."""
    order = np.argsort(frequency_hz)
    return Bode(
        frequency_hz=frequency_hz[order],
        modulus_ohm=np.abs(z_ohm[order]),
        phase_deg=np.degrees(np.angle(z_ohm[order])),
    )


def electric_modulus(frequency_hz: Array, z_ohm: ComplexArray, *, cell: Cell) -> ComplexArray:
    """Complex modulus M = 1/eps = i omega C_0 Z, C_0 = eps0 A/e; dimensionless, shape (n,).

    M'' of a parallel R, C has its peak of C_0/(2C) = 1/(2 eps_r) at omega = 1/(R C): the view in which
    the smallest capacitance, the bulk's, stands out. Source: Hodge, Ingram & West, J. Electroanal. Chem.
    74 (1976) 125.
    """
    empty = _EPS0 * cell.area_m2 / cell.thickness_m
    return 2j * np.pi * frequency_hz * empty * z_ohm


def permittivity_spectrum(frequency_hz: Array, z_ohm: ComplexArray, *, cell: Cell) -> ComplexArray:
    """Relative permittivity eps' - i eps'' = 1/M, shape (n,)."""
    return 1.0 / electric_modulus(frequency_hz, z_ohm, cell=cell)


def modulus_peak(frequency_hz: Array, z_ohm: ComplexArray) -> float | None:
    """Frequency in Hz of the peak of M'' (proportional to f Z'); None where it lies outside the data.

    A parabola in ln f through the three points about the highest one.
    """
    order = np.argsort(frequency_hz)
    f = frequency_hz[order]
    height = f * z_ohm.real[order]
    k = int(np.argmax(height))
    if not 0 < k < f.size - 1 or height[k - 1 : k + 2].min() <= 0.0:
        return None
    t = np.log(f[k - 1 : k + 2] / f[k])
    curvature, slope, _ = np.polyfit(t, np.log(height[k - 1 : k + 2]), 2)
    return float(f[k] * np.exp(-slope / (2.0 * curvature))) if curvature < 0.0 else float(f[k])


def conductivity_spectrum(frequency_hz: Array, z_ohm: ComplexArray, *, cell: Cell) -> Array:
    """sigma'(omega) = (e/A) Re(1/Z) in S/cm, shape (n,), in the order given."""
    factor = 0.01 * cell.thickness_m / cell.area_m2
    return np.asarray(factor * (1.0 / z_ohm).real, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jonscher:
    """A fit of G'(f) = G_0 (1 + (f/f_p)^n) to the real part of the admittance.

    conductance_s = G_0 in S; conductance_sigma_s: its standard uncertainty; exponent n; crossover_hz: f_p.
    range_hz: the frequencies used. chi2_reduced: in units of the noise given.
    """

    conductance_s: float
    conductance_sigma_s: float
    exponent: float
    exponent_sigma: float
    crossover_hz: float
    range_hz: tuple[float, float]
    chi2_reduced: float


def fit_jonscher(
    frequency_hz: Array, z_ohm: ComplexArray, *, lowest_hz: float | None, noise_relative: float
) -> Jonscher | None:
    """Jonscher's law, G' = G_0 (1 + (f/f_p)^n), as a cross-check of the DC conductance.

    lowest_hz: frequency of the foot of the arc, below which the electrode takes over (three times it is used),
    or None to use all. noise_relative: noise of a component over |Z|; the uncertainty of G' is that times |Y|.
    Three variables ln G_0, ln f_p, n. None where fewer than six points are left or G_0 is not determined.
    Valid for one relaxation; two arcs bend it twice, and chi2_reduced says so.
    Source: Jonscher, Nature 267 (1977) 673; Almond, West & Grant, Solid State Commun. 44 (1982) 1277.
    """
    keep = frequency_hz >= (3.0 * lowest_hz if lowest_hz is not None else 0.0)
    f, y = frequency_hz[keep], 1.0 / z_ohm[keep]
    keep = y.real > 0.0
    f, y = f[keep], y[keep]
    if f.size < 6:
        return None
    g, sigma = y.real, noise_relative * np.abs(y)
    log_f = np.log(f)

    def problem(x: Array) -> tuple[Array, Array]:
        level, crossover, n = (x[:, k, None] for k in range(3))
        power = np.exp(np.clip(n * (log_f - crossover), -60.0, 60.0))
        base = np.exp(level)
        model = base * (1.0 + power)
        slopes = np.stack([model, -base * n * power, base * power * (log_f - crossover)], axis=1)
        return (model - g) / sigma, slopes / sigma

    low = np.array([np.log(g.min()) - 10.0, log_f.min() - 10.0, 0.1])
    high = np.array([np.log(g.max()) + 2.0, log_f.max() + 10.0, 2.0])
    starts = np.array(
        [
            [np.log(np.quantile(g, q)), np.quantile(log_f, 0.5 + 0.5 * q), n]
            for q in (0.0, 0.3, 0.6)
            for n in (0.5, 0.9, 1.5)
        ]
    )
    minimum = minimize(problem, starts, low=low, high=high)
    chi2 = minimum.cost / max(f.size - 3, 1)
    covariance = np.linalg.pinv(minimum.normal) * max(chi2, 1.0)
    spread = float(np.sqrt(covariance[0, 0]))
    if not minimum.converged or spread > 0.5:
        return None
    level, crossover, n = (float(v) for v in minimum.x)
    return Jonscher(
        conductance_s=float(np.exp(level)),
        conductance_sigma_s=float(np.exp(level)) * spread,
        exponent=n,
        exponent_sigma=float(np.sqrt(covariance[2, 2])),
        crossover_hz=float(np.exp(crossover)),
        range_hz=(float(f.min()), float(f.max())),
        chi2_reduced=float(chi2),
    )
