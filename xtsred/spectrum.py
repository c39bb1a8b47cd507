"""What the tube sends and what the detector makes of it: lines, continuum, response by energy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.detector import quantum_efficiency, window_acceptance
from calibration.radiation import Line, wavelength_a
from xtsred.atoms import Composition, attenuation_per_cm, photoabsorption_per_cm
from xtsred.stages import Array

__all__ = ["Foil", "Response", "continuum_lines", "kramers", "response"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the detector counts of a photon, by its energy.

    lower_kev, upper_kev: limits of the pulse height (None: no limit); fwhm_kev: energy resolution;
    sensor: None counts all that arrives, else its composition, density and thickness.
    """

    lower_kev: float | None = None
    upper_kev: float | None = None
    fwhm_kev: float = 0.0
    sensor: Composition | None = None
    sensor_density_g_per_cm3: float = 0.0
    sensor_thickness_mm: float = 0.0

    @property
    def counts_all(self) -> bool:
        """True where every photon counts, whatever its energy."""
        return self.lower_kev is None and self.upper_kev is None and self.sensor is None


def response(energy_kev: Array, *, detector: Response) -> Array:
    """Share of photons of an energy that are counted: sensor efficiency x share inside the window.

    energy_kev: any shape; returns the same shape, 0..1. A photon absorbed in the sensor deposits its
    whole energy (no escape peaks); one that only scatters there is not counted.
    """
    share = window_acceptance(
        energy_kev,
        lower_kev=detector.lower_kev,
        upper_kev=detector.upper_kev,
        fwhm_kev=detector.fwhm_kev,
    )
    if detector.sensor is None:
        return share
    mu = photoabsorption_per_cm(
        detector.sensor, energy_kev, mass_density_g_per_cm3=detector.sensor_density_g_per_cm3
    )
    return np.asarray(
        share * quantum_efficiency(mu / 10.0, thickness_mm=detector.sensor_thickness_mm)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Foil:
    """A filter in the incident beam."""

    composition: Composition
    mass_density_g_per_cm3: float
    thickness_um: float


def kramers(energy_kev: Array, *, tube_kv: float) -> Array:
    """Photons per energy of a thick target, N(E) ~ E_0/E - 1, zero above E_0 = the tube's voltage.

    energy_kev: shape (n,); returns shape (n,), arbitrary units. No self-absorption in the target.
    Source: Kramers, Phil. Mag. 46 (1923) 836, Eq. 78.
    """
    return np.asarray(np.maximum(tube_kv / energy_kev - 1.0, 0.0))


def continuum_lines(
    *, tube_kv: float, filters: Sequence[Foil], detector: Response, energies: int
) -> tuple[Line, ...]:
    """The continuum as a comb of lines; the weights sum to 1 (photons after the filters).

    From 5 keV (or where the detector begins to count) to the tube's voltage (or where it stops); equal
    energy steps, each line at its step's middle.
    """
    low = max(5.0, (detector.lower_kev or 0.0) - detector.fwhm_kev)
    high = min(tube_kv, (detector.upper_kev or tube_kv) + detector.fwhm_kev)
    edges = np.linspace(low, high, energies + 1)
    # the filter's edges fall inside a step: average the spectrum over a finer comb, and take its mean energy
    fine = low + (np.arange(energies * 8) + 0.5) * (high - low) / (energies * 8)
    weight = kramers(fine, tube_kv=tube_kv)
    for foil in filters:
        mu = attenuation_per_cm(
            foil.composition, fine, mass_density_g_per_cm3=foil.mass_density_g_per_cm3
        )
        weight = weight * np.exp(-mu * foil.thickness_um * 1e-4)
    index = np.clip(np.searchsorted(edges, fine, side="right") - 1, 0, energies - 1)
    total = np.bincount(index, weight, minlength=energies)
    mean = np.bincount(index, weight * fine, minlength=energies) / np.maximum(total, 1e-300)
    return tuple(
        Line(wavelength_a=wavelength_a(float(e)), weight=float(w / total.sum()), name="continuum")
        for e, w in zip(mean, total, strict=True)
        if w > 1e-9 * total.sum()
    )
