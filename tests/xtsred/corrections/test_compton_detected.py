"""What is counted of photons that Compton-scatter twice: closed forms, drawn energies, and limits of double scattering."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from calibration.detector import window_acceptance
from xtsred.atoms import Composition, compton_shells
from xtsred.corrections.absorption import Attenuation
from xtsred.corrections.compton_detected import (
    BoundElectrons,
    ComptonDetection,
    compton_detection,
)
from xtsred.corrections.geometry import Cylinder
from xtsred.corrections.multiple_scattering import (
    Beam,
    EnergyAttenuation,
    Scatterer,
    ScatteringKernel,
    multiple_scattering,
    scattering_kernel,
)
from xtsred.forward import VirtualMaterial
from xtsred.forward.doppler import bound_electrons, scattered_energy
from xtsred.stages import Array

AG_KEV, ELECTRON_KEV = 22.1629, 510.99895
SILICA = {"Si": 1.0, "O": 2.0}


def electrons(fractions: dict[str, float]) -> BoundElectrons:
    momentum, binding, profiles = compton_shells(Composition.of(fractions))
    return BoundElectrons(momentum=momentum, binding_kev=binding, profiles=profiles)


def edges(lower: float | None, upper: float | None, fwhm: float) -> Callable[[Array], Array]:
    return lambda energy: window_acceptance(energy, lower_kev=lower, upper_kev=upper, fwhm_kev=fwhm)


def test_electrons_at_rest_are_counted_by_the_sum_of_their_recoils() -> None:
    """1/E'' = 1/E + (u_1 + u_2)/511 keV, u = 1 - cos chi: the order of the scatterings does not matter."""
    momentum = np.linspace(-0.01, 0.01, 5)
    still = BoundElectrons(momentum=momentum, binding_kev=np.zeros(1), profiles=np.eye(5)[2:3])
    counted = edges(20.5, 22.0, 1.5)
    found = compton_detection([still], energy_kev=AG_KEV, counted=counted)
    u = 1.0 - np.cos(np.radians(found.two_theta_deg))
    once = counted(AG_KEV / (1.0 + u * AG_KEV / ELECTRON_KEV))
    both = counted(AG_KEV / (1.0 + (u[:, None] + u) * AG_KEV / ELECTRON_KEV))
    # forward, a free electron takes nothing and counts as an elastic photon
    np.testing.assert_allclose(found.once[0], once, atol=1e-9)
    np.testing.assert_allclose(found.twice[0, 0], both, atol=2e-3)
    assert np.max(np.abs(both - once[:, None] * once)) > 0.1


@pytest.mark.parametrize("limits", [(20.5, None, 0.5), (20.0, 24.0, 1.5)])
def test_bound_electrons_against_drawn_energies(
    limits: tuple[float | None, float | None, float],
) -> None:
    """40 000 photons of the virtual diffractometer's electrons, turned twice: no more than three standard errors."""
    counted = edges(*limits)
    found = compton_detection([electrons(SILICA)], energy_kev=AG_KEV, counted=counted)
    material = VirtualMaterial(fractions=SILICA, number_density_per_a3=0.066)
    bound = bound_electrons(material, states=801)
    generator = np.random.default_rng(7)

    def scattered(energy: Array, cosine: float) -> Array:
        after, waiting = np.empty_like(energy), np.arange(energy.size)
        while waiting.size:
            state = generator.choice(bound.share.size, size=waiting.size, p=bound.share)
            new = scattered_energy(energy[waiting], np.array(cosine), bound.momentum[state])
            free = energy[waiting] - new >= bound.binding_kev[state]
            after[waiting[free]] = new[free]
            waiting = waiting[~free]
        return after

    for chi in ((30.0, 150.0), (150.0, 30.0), (90.0, 60.0), (120.0, 120.0)):
        first, second = np.cos(np.radians(chi))
        photons = counted(scattered(scattered(np.full(40_000, AG_KEV), first), second))
        error = float(photons.std()) / 200.0
        i, j = np.searchsorted(found.two_theta_deg, chi)
        # 0.003: profiles in steps of 0.25 atomic units there, in 801 equally likely states here
        assert abs(found.twice[0, 0, i, j] - photons.mean()) < 3.0 * error + 0.003


def test_the_sum_of_products_is_the_response() -> None:
    found = compton_detection(
        [electrons(SILICA), electrons({"Na": 2.0, "Si": 1.0, "S": 3.0})],
        energy_kev=AG_KEV,
        counted=edges(21.0, None, 0.2),
    )
    for i, j in np.ndindex(2, 2):
        a, b = found.products(i, j, found.two_theta_deg)
        assert len(a) < 20
        np.testing.assert_allclose(a.T @ b, found.twice[i, j], atol=1e-3)


ANGLES = np.linspace(0.0, 180.0, 61)
FINE = np.linspace(0.0, 180.0, 181)


@pytest.fixture(scope="module")
def kernel() -> ScatteringKernel:
    def mu(u: float) -> Attenuation:
        factor = (1.0 + u * AG_KEV / ELECTRON_KEV) ** 2.8
        return Attenuation(core_per_mm=0.3 * factor, wall_per_mm=0.5 * factor)

    return scattering_kernel(
        cylinder=Cylinder(radius_mm=1.5, wall_mm=0.2),
        beam=Beam(width_mm=5.0, height_mm=5.0),
        mu=EnergyAttenuation(energy_kev=AG_KEV, elastic=mu(0.0), once=mu(2.0), twice=mu(4.0)),
        polarization_ratio=1.0,
    )


def scatterers(*, compton: float) -> tuple[Scatterer, Scatterer]:
    chi = np.radians(FINE)
    core, wall = (
        Scatterer(
            number_density_per_a3=density,
            two_theta_deg=FINE,
            coherent=4.0 + height * np.exp(-((chi / 0.5) ** 2)),
            compton=compton * (1.0 - np.exp(-((chi / 0.5) ** 2))),
        )
        for density, height in ((0.066, 60.0), (0.075, 40.0))
    )
    return core, wall


def orders(kernel: ScatteringKernel, *, compton: float = 7.0) -> tuple[Array, Array, Array]:
    core, wall = scatterers(compton=compton)
    found = multiple_scattering(
        ANGLES, kernel=kernel, core=core, wall=wall, reference_density_per_a3=0.066
    )
    return found.ms2, found.ms3, found.single


def constant(response: float) -> ComptonDetection:
    return ComptonDetection(
        two_theta_deg=ANGLES,
        once=np.full((2, 61), response),
        twice=np.full((2, 2, 61, 61), response),
    )


def test_a_detector_that_counts_all_changes_nothing(kernel: ScatteringKernel) -> None:
    for plain, counted in zip(orders(kernel), orders(kernel.counted(constant(1.0))), strict=True):
        np.testing.assert_allclose(counted, plain, rtol=1e-5)


@pytest.mark.parametrize("response", [0.0, 0.3, 1.4])
def test_every_compton_photon_is_counted_once(kernel: ScatteringKernel, response: float) -> None:
    """Where all Compton photons count alike: so does one that scattered twice or three times, not by the square or cube."""
    every = orders(kernel)
    unshifted = orders(kernel, compton=0.0)
    found = orders(kernel.counted(constant(response)))
    for curve, all_of_them, elastic in zip(found, every, unshifted, strict=True):
        np.testing.assert_allclose(curve, elastic + response * (all_of_them - elastic), rtol=2e-5)
    assert np.min(every[0] / unshifted[0]) > 1.2


def test_materials_keep_their_places(kernel: ScatteringKernel) -> None:
    """Where no Compton photon of the wall is counted, double scattering is that of a wall without Compton scattering."""
    detection = constant(1.0)
    once, twice = detection.once.copy(), detection.twice.copy()
    once[1], twice[1], twice[:, 1] = 0.0, 0.0, 0.0
    found = orders(kernel.counted(replace(detection, once=once, twice=twice)))
    core, wall = scatterers(compton=7.0)
    without = multiple_scattering(
        ANGLES,
        kernel=kernel,
        core=core,
        wall=replace(wall, compton=0.0 * wall.compton),
        reference_density_per_a3=0.066,
    )
    np.testing.assert_allclose(found[0], without.ms2, rtol=1e-5)
    np.testing.assert_allclose(found[2], without.single, rtol=1e-12)
