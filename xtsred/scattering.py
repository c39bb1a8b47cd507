"""The single scattering of one line in electron units, as it reaches the detector."""

from dataclasses import dataclass

import numpy as np

from calibration.radiation import Line
from xtsred.atoms import (
    Composition,
    attenuation_per_cm,
    compton_shells,
    form_factors,
    incoherent,
    mean_square,
    square_mean,
)
from xtsred.binning import momentum_transfer
from xtsred.corrections.absorption import Attenuation, PaalmanPings, paalman_pings
from xtsred.corrections.compton import (
    doppler_moments,
    klein_nishina_over_thomson,
    shifted_energy,
)
from xtsred.corrections.geometry import Cylinder
from xtsred.corrections.polarization import BeamPolarization, polarization_factor
from xtsred.spectrum import Response, response
from xtsred.stages import Array

__all__ = ["LineTerms", "Setup", "Substance", "compton_response", "line_terms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Substance:
    """A material in the beam; mass density as it fills its space (packing included)."""

    composition: Composition
    mass_density_g_per_cm3: float

    def mu_per_mm(self, energy_kev: Array) -> Array:
        """Linear attenuation in 1/mm; shape of energy_kev."""
        mu = attenuation_per_cm(
            self.composition, energy_kev, mass_density_g_per_cm3=self.mass_density_g_per_cm3
        )
        return np.asarray(mu / 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that stands in the beam, and the beam itself. wall None: a bare rod."""

    sample: Substance
    wall: Substance | None
    cylinder: Cylinder
    beam_width_mm: float
    beam_height_mm: float
    polarization: BeamPolarization
    detector: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTerms:
    """Single scattering of one line; every array of shape (n,) over the angles.

    q: Å^-1 of this line. square_mean |<f>|^2, mean_square <f^2>, incoherent: of the sample, e.u.
    polarization P, recoil R_KN. elastic: what reaches the detector of one e.u. of coherent scattering
    (D P A_el, relative to a detected photon of the reference line); compton: of Compton (D P R A_C).
    wall_ratio: A_c,sc / A_c,c of the wall's coherent and Compton scattering in their proportion; None without wall.
    """

    line: Line
    q: Array
    square_mean: Array
    mean_square: Array
    incoherent: Array
    polarization: Array
    recoil: Array
    elastic: Array
    compton: Array
    response_elastic: float
    response_compton: Array
    factors: PaalmanPings
    factors_compton: PaalmanPings
    wall_ratio: Array | None


def line_terms(
    two_theta_deg: Array, *, line: Line, setup: Setup, reference_response: float
) -> LineTerms:
    """Compute the terms of one line.

    two_theta_deg: shape (n,). reference_response: the detector's response to the reference line, so that
    K is per detected photon of that line. Compton photons are absorbed and counted at their shifted energy.
    """
    energy = np.array(line.energy_kev)
    q = momentum_transfer(two_theta_deg, wavelength_a=line.wavelength_a)
    f = form_factors(setup.sample.composition, q, energy_kev=line.energy_kev)
    shifted = shifted_energy(two_theta_deg, energy_kev=line.energy_kev)
    p = polarization_factor(two_theta_deg, beam=setup.polarization)
    kn = klein_nishina_over_thomson(
        two_theta_deg, energy_kev=line.energy_kev, beam=setup.polarization
    )
    factors = _factors(two_theta_deg, setup, energy, energy)
    factors_c = _factors(two_theta_deg, setup, energy, shifted)
    d_el = float(response(energy, detector=setup.detector)) / reference_response
    d_c = compton_response(two_theta_deg, line, setup) / reference_response
    return LineTerms(
        line=line,
        q=q,
        square_mean=square_mean(setup.sample.composition, f),
        mean_square=mean_square(setup.sample.composition, f),
        incoherent=incoherent(setup.sample.composition, q),
        polarization=p,
        recoil=kn,
        elastic=d_el * p * factors.a_s_sc,
        compton=d_c * p * kn * factors_c.a_s_sc,
        response_elastic=d_el,
        response_compton=d_c,
        factors=factors,
        factors_compton=factors_c,
        wall_ratio=_wall_ratio(q, setup, line, (d_el, d_c * kn), (factors, factors_c)),
    )


def _factors(
    two_theta_deg: Array, setup: Setup, energy_in: Array, energy_out: Array
) -> PaalmanPings:
    wall = setup.wall
    return paalman_pings(
        two_theta_deg,
        cylinder=setup.cylinder,
        beam_width_mm=setup.beam_width_mm,
        mu_in=Attenuation(
            core_per_mm=float(setup.sample.mu_per_mm(energy_in)),
            wall_per_mm=0.0 if wall is None else float(wall.mu_per_mm(energy_in)),
        ),
        mu_out=Attenuation(
            core_per_mm=_plain(setup.sample.mu_per_mm(energy_out)),
            wall_per_mm=0.0 if wall is None else _plain(wall.mu_per_mm(energy_out)),
        ),
    )


def _plain(value: Array) -> float | Array:
    return float(value) if np.ndim(value) == 0 else value


def compton_response(two_theta_deg: Array, line: Line, setup: Setup) -> Array:
    """What the detector counts of Compton photons: its response averaged over the Doppler-broadened line.

    two_theta_deg: shape (n,), increasing; returns shape (n,), 0..1.
    """
    if setup.detector.counts_all:
        return np.ones(two_theta_deg.shape)
    # smooth in angle: a coarse grid of angles, interpolated
    coarse = np.linspace(two_theta_deg[0], two_theta_deg[-1], 61)
    momentum, binding, profiles = compton_shells(setup.sample.composition)
    energies, weights = doppler_moments(
        coarse,
        energy_kev=line.energy_kev,
        momentum=momentum,
        binding_kev=binding,
        profiles=profiles,
    )
    share = (weights * response(energies, detector=setup.detector)).sum(axis=1)
    return np.asarray(np.interp(two_theta_deg, coarse, share))


def _wall_ratio(
    q: Array,
    setup: Setup,
    line: Line,
    response_parts: tuple[float, Array],
    factors: tuple[PaalmanPings, PaalmanPings],
) -> Array | None:
    if setup.wall is None:
        return None
    f = form_factors(setup.wall.composition, q, energy_kev=line.energy_kev)
    coherent = response_parts[0] * mean_square(setup.wall.composition, f)
    compton = response_parts[1] * incoherent(setup.wall.composition, q)
    elastic, shifted = factors
    parts = (elastic.a_c_sc, shifted.a_c_sc, elastic.a_c_c, shifted.a_c_c)
    full_el, full_c, empty_el, empty_c = (np.asarray(p) for p in parts)
    return np.asarray(
        (full_el * coherent + full_c * compton) / (empty_el * coherent + empty_c * compton)
    )
