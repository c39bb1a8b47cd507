"""How much of the beam a capillary takes: mu R from mass, from packing, from a transmission, from a scan through the beam."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.quantity import Quantity

__all__ = [
    "CLOSEST_PACKING",
    "Estimate",
    "absorption_shift",
    "from_mass",
    "from_packing",
    "from_transmission",
    "packing_of",
    "slit_transmission",
    "weighted_difference",
]

Array = npt.NDArray[np.float64]

CLOSEST_PACKING = math.pi / math.sqrt(18.0)
"""0.7405, the densest packing of equal spheres: a loose powder does not reach it."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """mu R with its standard uncertainty (None: a part of it was not stated), and where it comes from."""

    source: str
    mu_r: Quantity
    how: str


def _relative(*parts: Quantity) -> float | None:
    """Root of the sum of squared relative uncertainties; None where one is unknown."""
    if any(p.sigma is None for p in parts):
        return None
    return math.hypot(*(p.sigma / p.value for p in parts if p.sigma is not None))


def from_mass(
    *, mass_mg: Quantity, length_mm: Quantity, radius_mm: Quantity, mass_attenuation: Quantity
) -> Estimate:
    """mu R of a filled capillary from what was weighed in: mu R = (mu/rho) m/(pi R L).

    mass_attenuation: mu/rho in cm^2/g. u is the root of the sum of the squared relative uncertainties (GUM eq. 12).
    """
    value = (
        0.1 * mass_attenuation.value * mass_mg.value / (math.pi * radius_mm.value * length_mm.value)
    )
    relative = _relative(mass_mg, length_mm, radius_mm, mass_attenuation)
    return Estimate(
        source="mass and dimensions",
        mu_r=Quantity(value, None if relative is None else value * relative),
        how="(mu/rho) m/(pi R L)",
    )


def from_packing(
    *,
    packing: Quantity,
    density_g_per_cm3: Quantity,
    radius_mm: Quantity,
    mass_attenuation: Quantity,
) -> Estimate:
    """mu R from composition and packing: packing x rho (mu/rho) R; density of the material itself, mu/rho in cm^2/g."""
    value = 0.1 * packing.value * density_g_per_cm3.value * mass_attenuation.value * radius_mm.value
    relative = _relative(packing, density_g_per_cm3, radius_mm, mass_attenuation)
    return Estimate(
        source="composition and packing",
        mu_r=Quantity(value, None if relative is None else value * relative),
        how="packing x rho (mu/rho) R",
    )


def packing_of(
    mu_r: Quantity, *, density_g_per_cm3: float, radius_mm: Quantity, mass_attenuation: Quantity
) -> Quantity:
    """The packing fraction that a mu R means for a material; as `from_packing`, solved for it."""
    solid = 0.1 * density_g_per_cm3 * mass_attenuation.value * radius_mm.value
    relative = _relative(mu_r, radius_mm, mass_attenuation)
    value = mu_r.value / solid
    return Quantity(value, None if relative is None else value * relative)


def slit_transmission(mu_r: float, *, width_over_diameter: float) -> float:
    """Transmission of a parallel beam centred on a cylinder, T = (1/w) ∫ exp(-2 mu sqrt(R^2 - z^2)) dz over its width w.

    width_over_diameter: w/(2R); 0 is a pencil through the axis, exp(-2 mu R). Beyond 1 the rest of the beam passes by.
    By Gauss-Legendre quadrature in the angle of z = R sin(phi), where the integrand is smooth.
    """
    ratio = width_over_diameter
    if ratio <= 0.0:
        return math.exp(-2.0 * mu_r)
    inside = min(ratio, 1.0)
    top = math.asin(inside)
    phi = 0.5 * top * (_NODES + 1.0)
    weight = 0.5 * top * _WEIGHTS
    integral = float(weight @ (np.exp(-2.0 * mu_r * np.cos(phi)) * np.cos(phi)))
    return (integral + max(ratio - 1.0, 0.0)) / ratio


def from_transmission(
    transmission: Quantity, *, beam_width_mm: Quantity | None, radius_mm: Quantity
) -> Estimate:
    """mu R from the share of the direct beam that the filled capillary, centred in it, lets pass.

    beam_width_mm: across the capillary; None: a beam much narrower than the capillary, T = exp(-2 mu R). The uncertainties of
    transmission, width and radius are carried through the derivatives. Raises InputError for a transmission that no
    absorption explains.
    """

    def solve(t: float, ratio: float) -> float:
        least = max(1.0 - 1.0 / ratio, 0.0) if ratio > 0.0 else 0.0
        if not least < t < 1.0:
            raise InputError(
                f"a transmission of {t:g} is impossible here",
                why=f"a beam {ratio:.3g} times as wide as the capillary passes {least:.3g} beside it",
                remedy="transmission is I/I0 with and without the filled capillary; check the beam's width",
                where="attenuation.transmission",
            )
        low, high = 0.0, 1.0
        while slit_transmission(high, width_over_diameter=ratio) > t:
            high *= 2.0
            if high > 1e4:
                break
        for _ in range(80):
            middle = 0.5 * (low + high)
            if slit_transmission(middle, width_over_diameter=ratio) > t:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)

    diameter = 2.0 * radius_mm.value
    ratio = 0.0 if beam_width_mm is None else beam_width_mm.value / diameter
    value = solve(transmission.value, ratio)
    parts: list[float | None] = [None]
    if transmission.sigma is not None:
        step = min(max(transmission.sigma, 1e-6), 0.1 * transmission.value)
        slope = (solve(transmission.value - step, ratio) - value) / step
        parts = [slope * transmission.sigma]
    if beam_width_mm is not None:
        relative = _relative(beam_width_mm, radius_mm)
        slope = (solve(transmission.value, 1.001 * ratio) - value) / (0.001 * ratio)
        parts.append(None if relative is None else slope * ratio * relative)
    known = [p for p in parts if p is not None]
    return Estimate(
        source="transmission",
        mu_r=Quantity(value, math.hypot(*known) if len(known) == len(parts) else None),
        how="T of the direct beam"
        + ("" if beam_width_mm is None else f", {beam_width_mm.value:g} mm wide"),
    )


def weighted_difference(a: Quantity, b: Quantity) -> float | None:
    """(a - b) over its standard uncertainty; None where one is unknown."""
    if a.sigma is None or b.sigma is None or math.hypot(a.sigma, b.sigma) == 0.0:
        return None
    return (a.value - b.value) / math.hypot(a.sigma, b.sigma)


def absorption_shift(
    two_theta_deg: Sequence[float] | Array, *, mu_r: float, rings: int = 24, azimuths: int = 96
) -> Array:
    """By how many sample radii absorption moves the mean ray of a capillary sideways, towards smaller readings.

    t = <x sin 2theta - y cos 2theta>, the mean over the bathed disc of radius 1 weighted by exp(-mu R (l_in + l_out)); x along the
    beam, y across it. A line is read at 2theta - t R/R_goniometer (in radians). two_theta_deg: shape (n,). The disc is cut into
    rings of equal area (midpoint rule). Cf. Klug & Alexander (1974) sect. 4-5; Sabine et al., J. Appl. Cryst. 31 (1998) 47.
    """
    r = np.sqrt((np.arange(rings) + 0.5) / rings)[:, None]
    phi = (np.arange(azimuths) + 0.5) * 2.0 * np.pi / azimuths
    x, y = (r * np.cos(phi)).ravel(), (r * np.sin(phi)).ravel()
    entering = x + np.sqrt(1.0 - y**2)
    shifts = []
    for angle in np.radians(np.asarray(two_theta_deg, dtype=np.float64)):
        c, s = math.cos(angle), math.sin(angle)
        sideways = x * s - y * c
        leaving = -(x * c + y * s) + np.sqrt(1.0 - sideways**2)
        weight = np.exp(-mu_r * (entering + leaving))
        shifts.append(float(weight @ sideways / weight.sum()))
    return np.array(shifts)
