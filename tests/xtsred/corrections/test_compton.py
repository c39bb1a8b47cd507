"""Compton: the shift, Klein-Nishina against its total cross-section, and the Doppler width of hydrogen."""

import numpy as np
import pytest

from xtsred.corrections.compton import (
    ELECTRON_REST_KEV,
    doppler_moments,
    klein_nishina_over_thomson,
    shifted_energy,
)
from xtsred.corrections.polarization import mosaic, polarization_factor, stated, unpolarized
from xtsred.stages import Array

COMPTON_WAVELENGTH_A = 0.02426310235  # CODATA 2022
HC_KEV_A = 12.398419843320026


@pytest.mark.parametrize("energy", [8.05, 17.479, 22.163, 661.7])
def test_the_wavelength_grows_by_the_compton_wavelength(energy: float) -> None:
    angles = np.array([0.0, 60.0, 90.0, 180.0])
    longer = HC_KEV_A / shifted_energy(angles, energy_kev=energy) - HC_KEV_A / energy
    assert longer == pytest.approx(COMPTON_WAVELENGTH_A * np.array([0.0, 0.5, 1.0, 2.0]), rel=1e-7)


def test_caesium_backscatter_peak() -> None:
    """The backscatter peak of Cs-137 (661.7 keV) lies at 184.3 keV (Knoll, Radiation Detection, ch. 10)."""
    assert shifted_energy(np.array([180.0]), energy_kev=661.7)[0] == pytest.approx(184.3, abs=0.1)


def test_klein_nishina_at_the_electrons_rest_energy() -> None:
    """E = m c^2 at 90°: E'/E = 1/2, so 1/4 (1/2 + 2 - 1) / 1 = 3/8."""
    r = klein_nishina_over_thomson(
        np.array([90.0]), energy_kev=ELECTRON_REST_KEV, beam=unpolarized()
    )
    assert r[0] == pytest.approx(0.375, rel=1e-12)


def test_klein_nishina_perfectly_polarized() -> None:
    """(E'/E)^2 (E'/E + E/E' - sin^2)/2 averaged over final polarizations, nothing lost to sin^2 across the field:
    1/4 (1/2 + 2)/2 = 5/16 (Heitler, The Quantum Theory of Radiation, sec. 22)."""
    r = klein_nishina_over_thomson(np.array([90.0]), energy_kev=ELECTRON_REST_KEV, beam=stated(1.0))
    assert r[0] == pytest.approx(0.25 * (0.5 + 2.0 - 2.0 + 2.0) / 2.0, rel=1e-12)


@pytest.mark.parametrize("x", [0.02, 0.1, 1.0])
def test_total_cross_section(x: float) -> None:
    """Integrated over the sphere: Klein & Nishina's total, in units of the Thomson cross-section (Heitler, 22.41)."""
    angles = np.linspace(0.0, 180.0, 4001)
    r = klein_nishina_over_thomson(
        angles, energy_kev=x * ELECTRON_REST_KEV, beam=unpolarized()
    ) * polarization_factor(angles, beam=unpolarized())
    theta = np.radians(angles)
    numeric = np.trapezoid(r * np.sin(theta), theta) * 2.0 * np.pi / (8.0 * np.pi / 3.0)
    log = np.log1p(2.0 * x)
    total = 0.75 * (
        (1.0 + x) / x**3 * (2.0 * x * (1.0 + x) / (1.0 + 2.0 * x) - log)
        + log / (2.0 * x)
        - (1.0 + 3.0 * x) / (1.0 + 2.0 * x) ** 2
    )
    assert numeric == pytest.approx(total, rel=1e-5)


def test_forward_and_soft_photons_do_not_recoil() -> None:
    for beam in (unpolarized(), mosaic(12.1), stated(0.9)):
        r = klein_nishina_over_thomson(np.array([0.0]), energy_kev=22.0, beam=beam)
        assert r[0] == pytest.approx(1.0)
        soft = klein_nishina_over_thomson(np.array([30.0, 150.0]), energy_kev=1e-4, beam=beam)
        assert soft == pytest.approx(1.0, abs=1e-5)


def hydrogen(*, reach: float = 12.0, nodes: int = 97, binding_kev: float = 0.0) -> dict[str, Array]:
    """The 1s state in closed form, as unbound electrons unless told otherwise."""
    p = np.linspace(-reach, reach, nodes)
    profile = 8.0 / (3.0 * np.pi * (1.0 + p**2) ** 3)
    return {"momentum": p, "binding_kev": np.array([binding_kev]), "profiles": profile[None, :]}


@pytest.mark.parametrize("angle", [60.0, 120.0, 170.0])
def test_doppler_broadening_of_hydrogen(angle: float) -> None:
    """<p_z^2> = 1/3 a.u. of the 1s state; E' = E'_0 (1 + p_z |k - k'| / (E m c)), Cooper (1985), Eq. 2.14."""
    energy = 22.163
    energies, weights = doppler_moments(
        np.array([angle]), energy_kev=energy, **hydrogen(reach=20.0, nodes=4001)
    )
    center = float(shifted_energy(np.array([angle]), energy_kev=energy)[0])
    # the exact relation, solved for the energy of p_z = +1 and -1 atomic units
    cos = np.cos(np.radians(angle))
    fine = np.linspace(0.8, 1.0, 400_001) * energy
    transfer = np.sqrt(energy**2 + fine**2 - 2.0 * energy * fine * cos)
    p_z = (energy * fine * (1.0 - cos) / ELECTRON_REST_KEV - (energy - fine)) / transfer
    p_z *= 137.035999177
    one, minus = np.interp([1.0, -1.0], p_z, fine)
    slope = 0.5 * (one - minus)
    mean = float(weights[0] @ energies[0])
    width = float(np.sqrt(weights[0] @ (energies[0] - mean) ** 2))
    assert np.sum(weights) == pytest.approx(1.0)
    assert mean == pytest.approx(center, rel=3e-4)
    assert width == pytest.approx(slope / np.sqrt(3.0), rel=0.03)


def test_no_photon_gains_energy() -> None:
    angles = np.array([0.0, 5.0, 90.0])
    energies, weights = doppler_moments(angles, energy_kev=22.0, **hydrogen())
    assert np.all(weights[energies > 22.0] == 0.0)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    assert energies[0] == pytest.approx(22.0)  # forward: nothing is transferred


def test_energies_obey_the_kinematics_exactly() -> None:
    """The printed relation between p_z and E' (Ribberfors 1975), put back in."""
    angles, energy = np.array([30.0, 90.0, 150.0]), 22.163
    fast = hydrogen(reach=30.0, nodes=61)
    energies, _ = doppler_moments(angles, energy_kev=energy, **fast)
    cos = np.cos(np.radians(angles))[:, None]
    transfer = np.sqrt(energy**2 + energies**2 - 2.0 * energy * energies * cos)
    p_z = (energy * energies * (1.0 - cos) / ELECTRON_REST_KEV - (energy - energies)) / transfer
    assert p_z * 137.035999177 == pytest.approx(
        np.broadcast_to(fast["momentum"], p_z.shape), abs=1e-6
    )


def test_a_bound_electron_takes_its_binding_energy_at_least() -> None:
    energies, weights = doppler_moments(
        np.array([60.0, 150.0]), energy_kev=22.0, **hydrogen(binding_kev=1.2)
    )
    assert np.all(weights[energies > 22.0 - 1.2] == 0.0)
    free, own = (
        doppler_moments(np.array([150.0]), energy_kev=22.0, **hydrogen(binding_kev=b))
        for b in (0.0, 1.2)
    )
    mean = [float(w[0] @ e[0]) for e, w in (free, own)]
    assert mean[1] < mean[0]  # what is left of the line lies lower
