"""Multiple scattering against tables, an independent photon walk, and a virtual experiment."""

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xraydb
import xraylib

from calibration.errors import InputError
from xtsred.corrections.absorption import Attenuation, attenuation_factor, paalman_pings
from xtsred.corrections.geometry import Cylinder, irradiated_areas
from xtsred.corrections.multiple_scattering import (
    Beam,
    EnergyAttenuation,
    MultipleScattering,
    Scatterer,
    double_polarization,
    multiple_scattering,
    scattering_kernel,
)

HERE = Path(__file__).resolve().parent
REFERENCE = HERE.parents[1] / "reference"
ROD = Cylinder(radius_mm=1.0)
THOMSON_PER_MM = 2.8179403205e-5**2 * 1e7
ELECTRON_EV = 510998.95069


@pytest.fixture(scope="module")
def walk() -> ModuleType:
    """The independent photon walk that lies beside this file."""
    spec = importlib.util.spec_from_file_location(
        "double_scattering_walk", HERE / "double_scattering_walk.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def one_energy(mu: Attenuation) -> EnergyAttenuation:
    return EnergyAttenuation(energy_kev=1e-6, elastic=mu, once=mu, twice=mu)


def isotropic(
    mu_r: float, *, height: float | None = None, width: float = 3.0
) -> MultipleScattering:
    """Every photon that is not lost is scattered evenly: mu = mu_scattering, R = 1 mm."""
    kernel = scattering_kernel(
        cylinder=ROD,
        beam=Beam(width_mm=width, height_mm=height or 10.0, accepted_height_mm=height),
        mu=one_energy(Attenuation(core_per_mm=mu_r)),
        polarization_ratio=None,
    )
    angles = np.array([0.0, 180.0])
    sigma = mu_r / (4.0 * math.pi * 0.05 * THOMSON_PER_MM)
    core = Scatterer(
        number_density_per_a3=0.05,
        two_theta_deg=angles,
        coherent=np.full(2, sigma),
        compton=np.zeros(2),
    )
    return multiple_scattering(
        np.linspace(0.0, 180.0, 5),
        kernel=kernel,
        core=core,
        wall=None,
        reference_density_per_a3=0.05,
    )


def test_isotropic_table() -> None:
    table = np.genfromtxt(REFERENCE / "absorption_multiple.csv", delimiter=",", skip_header=2)
    for row in table:
        result = isotropic(row[0])
        ratio = (result.ms2 / result.single)[[0, 2, 4]]
        np.testing.assert_allclose(ratio, row[1:], rtol=5e-4)
        assert result.accuracy < 2e-3


@pytest.mark.parametrize("mu_r", [0.1, 0.5, 1.0])
def test_third_order_against_the_walk(walk: ModuleType, mu_r: float) -> None:
    """The third order is approximate: what was scattered twice is not spread as the beam spreads it."""
    result = isotropic(mu_r)
    for index, angle in ((0, 0.0), (2, 90.0), (4, 180.0)):
        expected = walk.third_over_second(mu_r, angle)
        np.testing.assert_allclose(result.ms3[index] / result.ms2[index], expected, rtol=0.15)


def test_orders_add_up_to_all_of_them() -> None:
    """2: the second alone; 3: and the third; many: the geometric series' limit, ms_total."""
    found = isotropic(0.5)
    np.testing.assert_allclose(found.up_to(2), found.ms2, rtol=1e-12)
    np.testing.assert_allclose(found.up_to(3), found.ms2 + found.ms3, rtol=1e-12)
    np.testing.assert_allclose(found.up_to(60), found.ms_total, rtol=1e-6)
    assert np.all(found.up_to(4) > found.up_to(3))


def test_finite_height_of_blech_and_averbach() -> None:
    """Their numbers carry about 2% (the walk below decides); h is the sample's height."""
    table = np.genfromtxt(
        REFERENCE / "absorption_blech_averbach.csv", delimiter=",", names=True, skip_header=2
    )
    deviations = []
    for row in table:
        result = isotropic(row["mu_r"], height=1.0 / row["radius_over_height"])
        deviations.append((result.ms2 / result.single)[2] / row["delta"] - 1.0)
    assert np.max(np.abs(deviations)) < 0.026
    assert np.median(np.abs(deviations)) < 0.013


@pytest.mark.parametrize(
    ("mu_r", "height", "width"), [(0.2, 5.0, 3.0), (0.9, 0.2, 3.0), (1.0, None, 0.3)]
)
def test_isotropic_against_the_walk(
    walk: ModuleType, mu_r: float, height: float | None, width: float
) -> None:
    def even(chi: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.full_like(chi, mu_r / (4.0 * math.pi))

    def none(chi: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.zeros_like(chi)

    setup = walk.Setup(
        radius=1.0,
        wall=0.0,
        width=width,
        height=height or 10.0,
        seen_height=height,
        mu=lambda u: (mu_r + 0.0 * u, 0.0 * u),
        sigma=((even, none),),
        polarization=None,
    )
    result = isotropic(mu_r, height=height, width=width)
    for index, angle in ((0, 0.0), (1, 45.0), (3, 135.0)):
        expected = walk.double_over_single(setup, angle)
        np.testing.assert_allclose(result.ms2[index] / result.single[index], expected, rtol=2e-3)


RECOIL = 17.48 / 511.0
DENSITIES = (0.05, 0.09)


def softened(chi: np.ndarray, u: np.ndarray) -> np.ndarray:
    return 2.0 * np.arcsin(np.sin(0.5 * chi) / (1.0 + RECOIL * u))


def core_coherent(chi: np.ndarray) -> np.ndarray:
    """Peaked like a glass: low at small angles, a sharp first peak, a tail."""
    rise = 1.0 - np.exp(-((chi / 0.1) ** 2))
    return (
        6.0
        + 30.0 * np.exp(-((chi / 0.4) ** 2)) * rise
        + 20.0 * np.exp(-(((chi - 0.35) / 0.03) ** 2))
    )


def wall_coherent(chi: np.ndarray) -> np.ndarray:
    return 4.0 + 20.0 * np.exp(-((chi / 0.5) ** 2))


def compton(chi: np.ndarray) -> np.ndarray:
    return 7.0 * (1.0 - np.exp(-((chi / 0.5) ** 2)))


def mu_after(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    factor = (1.0 + RECOIL * np.asarray(u, dtype=float)) ** 2.8
    return 1.2 * factor, 2.5 * factor


@pytest.mark.parametrize(
    ("wall", "width", "seen", "ratio"),
    [(0.1, 3.0, None, 1.0), (0.1, 3.0, 3.0, 0.6), (0.1, 0.5, None, 1.0), (0.3, 1.1, None, 0.0)],
)
def test_core_and_wall_against_the_walk(
    walk: ModuleType, wall: float, width: float, seen: float | None, ratio: float
) -> None:
    """Peaked cross-sections, Compton shifts, narrow beams, slits, polarized light."""

    def attenuation(u: float) -> Attenuation:
        core, container = mu_after(u)
        return Attenuation(core_per_mm=float(core), wall_per_mm=float(container))

    cylinder = Cylinder(radius_mm=0.5, wall_mm=wall)
    kernel = scattering_kernel(
        cylinder=cylinder,
        beam=Beam(width_mm=width, height_mm=4.0, accepted_height_mm=seen),
        mu=EnergyAttenuation(
            energy_kev=RECOIL * 510.99895,
            elastic=attenuation(0.0),
            once=attenuation(2.0),
            twice=attenuation(4.0),
        ),
        polarization_ratio=ratio,
    )
    fine = np.linspace(0.0, 180.0, 1801)
    core, container = (
        Scatterer(
            number_density_per_a3=density,
            two_theta_deg=fine,
            coherent=coherent(np.radians(fine)),
            compton=compton(np.radians(fine)),
        )
        for density, coherent in zip(DENSITIES, (core_coherent, wall_coherent), strict=True)
    )
    angles = np.array([12.0, 60.0, 150.0])
    result = multiple_scattering(
        angles, kernel=kernel, core=core, wall=container, reference_density_per_a3=DENSITIES[0]
    )
    setup = walk.Setup(
        radius=0.5,
        wall=wall,
        width=width,
        height=4.0,
        seen_height=seen,
        mu=mu_after,
        sigma=tuple(
            (
                lambda chi, u, n=density, f=coherent: n * THOMSON_PER_MM * f(softened(chi, u)),
                lambda chi, u, n=density: n * THOMSON_PER_MM * compton(chi),
            )
            for density, coherent in zip(DENSITIES, (core_coherent, wall_coherent), strict=True)
        ),
        polarization=ratio,
    )
    # the walk gives I_2 / I_1 with the Compton photons' own attenuation in I_1
    theta = np.radians(angles)
    single = np.zeros(angles.size)
    areas = irradiated_areas(cylinder, beam_width_mm=width)
    shifted = mu_after(1.0 - np.cos(theta))
    outs = (attenuation(0.0), Attenuation(core_per_mm=shifted[0], wall_per_mm=shifted[1]))
    coherents = (core_coherent, wall_coherent)
    for index, source in enumerate(("core", "wall")):
        for out, sigma in zip(outs, (coherents[index], compton), strict=True):
            factor, _ = attenuation_factor(
                angles,
                source=source,
                cylinder=cylinder,
                beam_width_mm=width,
                mu_in=attenuation(0.0),
                mu_out=out,
            )
            single += (
                DENSITIES[index] / DENSITIES[0] * areas[index] / areas[0] * factor * sigma(theta)
            )
    single *= (1.0 + ratio * np.cos(theta) ** 2) / (1.0 + ratio)
    expected = [walk.double_over_single(setup, angle) for angle in angles]
    np.testing.assert_allclose(result.ms2 / single, expected, rtol=3e-3)


def test_wall_of_the_same_stuff_is_a_thicker_rod() -> None:
    fine = np.linspace(0.0, 180.0, 721)
    stuff = Scatterer(
        number_density_per_a3=0.05,
        two_theta_deg=fine,
        coherent=core_coherent(np.radians(fine)),
        compton=compton(np.radians(fine)),
    )
    angles = np.linspace(0.0, 180.0, 13)
    beam = Beam(width_mm=5.0, height_mm=5.0)
    results = []
    for cylinder, mu in (
        (Cylinder(radius_mm=0.7, wall_mm=0.3), Attenuation(core_per_mm=0.8, wall_per_mm=0.8)),
        (ROD, Attenuation(core_per_mm=0.8)),
    ):
        kernel = scattering_kernel(
            cylinder=cylinder, beam=beam, mu=one_energy(mu), polarization_ratio=1.0
        )
        result = multiple_scattering(
            angles,
            kernel=kernel,
            core=stuff,
            wall=stuff if cylinder.wall_mm else None,
            reference_density_per_a3=0.05,
        )
        results.append(result.ms_total * kernel.reference_area_mm2)
    np.testing.assert_allclose(results[0], results[1], rtol=2e-3)


def test_double_polarization(walk: ModuleType) -> None:
    """Closed form against the field vectors, and its limits."""
    rng = np.random.default_rng(3)
    k = rng.normal(size=(200, 3))
    k /= np.linalg.norm(k, axis=1, keepdims=True)
    for two_theta in (0.0, 0.7, math.pi / 2, 2.5):
        out = np.array([math.cos(two_theta), math.sin(two_theta), 0.0])
        for ratio in (0.0, 0.6, 1.0):
            closed = double_polarization(
                k[:, 0], k @ out, two_theta, direction=(k[:, 1], k[:, 2]), ratio=ratio
            )
            vectors = walk.fields(k, np.broadcast_to(out, k.shape), ratio)
            np.testing.assert_allclose(closed, vectors, atol=1e-12)
            # twice straight on, then single scattering: (1 + a cos^2)/(1 + a)
            straight = double_polarization(
                np.ones(1),
                np.full(1, out[0]),
                two_theta,
                direction=(np.zeros(1), np.zeros(1)),
                ratio=ratio,
            )
            np.testing.assert_allclose(straight, (1 + ratio * out[0] ** 2) / (1 + ratio))
    # along the axis first: only light polarized along y goes there, and none of it on along y
    up = double_polarization(
        np.zeros(1), np.zeros(1), math.pi / 2, direction=(np.zeros(1), np.ones(1)), ratio=1.0
    )
    assert up[0] < 1e-30


def mu_per_mm(fractions: dict[str, float], per_a3: float, ev: float) -> float:
    return sum(
        0.1 * per_a3 * c * xraydb.atomic_mass(name) / 0.602214076 * float(xraydb.mu_elam(name, ev))
        for name, c in fractions.items()
    )


def test_virtual_experiment(shared_data: Path) -> None:
    """Second and all orders of an independent Monte Carlo, within 1% of itself (3% asked)."""
    truth = np.genfromtxt(
        shared_data / "xrd" / "ns_mo_virtual" / "truth_components.csv", delimiter=",", names=True
    )
    angles, ev = truth["tth"], 12398.419843 / 0.709318
    glass = {"Na": 2 / 6, "Si": 1 / 6, "S": 3 / 6}
    borosilicate = {"Si": 0.25582, "O": 0.64137, "B": 0.07087, "Na": 0.02449, "Al": 0.00744}
    density = 2.23 * 0.602214076 / sum(c * xraydb.atomic_mass(n) for n, c in borosilicate.items())

    def attenuation(u: float, filled: float) -> Attenuation:
        energy = ev / (1.0 + u * ev / ELECTRON_EV)
        return Attenuation(
            core_per_mm=filled * mu_per_mm(glass, 0.0431 * 0.5, energy),
            wall_per_mm=mu_per_mm(borosilicate, density, energy),
        )

    def scatterer(number_density: float, coherent: str, incoherent: str) -> Scatterer:
        recoil = truth["KN_1"] / truth["P_1"]
        beyond = np.arange(153.0, 181.0)
        last = np.ones(beyond.size)
        return Scatterer(
            number_density_per_a3=number_density,
            two_theta_deg=np.concatenate([angles, beyond]),
            coherent=np.concatenate([truth[coherent], last * truth[coherent][-1]]),
            compton=np.concatenate(
                [truth[incoherent] * recoil, last * (truth[incoherent] * recoil)[-1]]
            ),
        )

    core = scatterer(0.0431 * 0.5, "Icoh_s_1", "Sinc_s_1")
    wall = scatterer(density, "Icoh_c_1", "Sinc_c_1")
    results = []
    for filled in (1.0, 0.0):
        kernel = scattering_kernel(
            cylinder=Cylinder(radius_mm=0.25, wall_mm=0.01),
            beam=Beam(width_mm=0.6, height_mm=8.0),
            mu=EnergyAttenuation(
                energy_kev=1e-3 * ev,
                elastic=attenuation(0.0, filled),
                once=attenuation(2.0, filled),
                twice=attenuation(4.0, filled),
            ),
            polarization_ratio=1.0,
        )
        results.append(
            multiple_scattering(
                angles,
                kernel=kernel,
                core=core if filled else None,
                wall=wall,
                reference_density_per_a3=0.0431 * 0.5,
            )
        )
    full, empty = results
    np.testing.assert_allclose(full.ms2, truth["ms2"], rtol=1e-2)
    np.testing.assert_allclose(full.ms_total, truth["ms_tot"], rtol=1e-2)
    np.testing.assert_allclose(empty.ms_total, truth["e_ms"], rtol=2e-2)
    at = np.searchsorted(angles, [30.0, 90.0, 150.0])
    np.testing.assert_allclose(100 * full.ratio[at], [0.67, 1.46, 1.48], rtol=0.03)


def test_size_in_a_silica_rod() -> None:
    """3 mm of silica, Ag: 5, 9 and 8% of all single scattering (independent atoms here)."""
    ev = 12398.419843 / 0.5608
    fractions = {"Si": 1 / 3, "O": 2 / 3}
    fine = np.linspace(0.0, 180.0, 361)
    x = np.sin(np.radians(0.5 * fine)) / 0.5608
    cosine = np.cos(np.radians(fine))
    energy = 1.0 / (1.0 + ev / ELECTRON_EV * (1.0 - cosine))
    recoil = energy**2 * (energy + 1.0 / energy - 1.0 + cosine**2) / (1.0 + cosine**2)
    coherent = sum(c * xraydb.f0(name, x) ** 2 for name, c in fractions.items())
    number = {"Si": 14, "O": 8}
    incoherent = sum(
        c * np.array([xraylib.SF_Compt(number[name], max(value, 0.005)) for value in x])
        for name, c in fractions.items()
    )
    silica = Scatterer(
        number_density_per_a3=0.0663,
        two_theta_deg=fine,
        coherent=coherent,
        compton=incoherent * recoil,
    )

    def attenuation(u: float) -> Attenuation:
        return Attenuation(
            core_per_mm=mu_per_mm(fractions, 0.0663, ev / (1.0 + u * ev / ELECTRON_EV))
        )

    rod = Cylinder(radius_mm=1.5)
    kernel = scattering_kernel(
        cylinder=rod,
        beam=Beam(width_mm=10.0, height_mm=10.0),
        mu=EnergyAttenuation(
            energy_kev=1e-3 * ev,
            elastic=attenuation(0.0),
            once=attenuation(2.0),
            twice=attenuation(4.0),
        ),
        polarization_ratio=1.0,
    )
    angles = np.array([30.0, 90.0, 150.0])
    result = multiple_scattering(
        angles, kernel=kernel, core=silica, wall=None, reference_density_per_a3=0.0663
    )
    shifted = Attenuation(
        core_per_mm=np.array(
            [attenuation(1.0 - math.cos(math.radians(a))).core_per_mm for a in angles]
        )
    )
    elastic, inelastic = (
        paalman_pings(angles, cylinder=rod, beam_width_mm=10.0, mu_in=attenuation(0.0), mu_out=out)
        for out in (attenuation(0.0), shifted)
    )
    single = np.interp(angles, fine, coherent) * elastic.a_s_sc
    single += np.interp(angles, fine, incoherent * recoil) * inelastic.a_s_sc
    single *= 0.5 * (1.0 + np.cos(np.radians(angles)) ** 2)
    np.testing.assert_allclose(100 * result.ms_total / single, [5.0, 9.0, 8.0], atol=0.6)


def test_refusals() -> None:
    with pytest.raises(InputError, match="beam height"):
        Beam(width_mm=1.0, height_mm=0.0)
    with pytest.raises(InputError, match="accepted height"):
        Beam(width_mm=1.0, height_mm=1.0, accepted_height_mm=-1.0)
    angles = np.linspace(0.0, 180.0, 19)
    flat = np.ones(19)
    with pytest.raises(InputError, match="from 10"):
        Scatterer(
            number_density_per_a3=0.05,
            two_theta_deg=angles[1:],
            coherent=flat[1:],
            compton=flat[1:],
        )
    with pytest.raises(InputError, match="increase"):
        Scatterer(
            number_density_per_a3=0.05, two_theta_deg=angles[::-1], coherent=flat, compton=flat
        )
    stuff = Scatterer(number_density_per_a3=0.05, two_theta_deg=angles, coherent=flat, compton=flat)
    beam = Beam(width_mm=3.0, height_mm=1.0)
    kernel = scattering_kernel(
        cylinder=ROD, beam=beam, mu=one_energy(Attenuation(core_per_mm=1.0)), polarization_ratio=1.0
    )
    with pytest.raises(InputError, match="kernel does not contain"):
        multiple_scattering(
            angles, kernel=kernel, core=stuff, wall=stuff, reference_density_per_a3=0.05
        )
    with pytest.raises(InputError, match="number density"):
        multiple_scattering(
            angles, kernel=kernel, core=stuff, wall=None, reference_density_per_a3=0.0
        )
    dense = Scatterer(
        number_density_per_a3=0.05, two_theta_deg=angles, coherent=9e5 * flat, compton=flat
    )
    with pytest.raises(InputError, match="does not converge with its order"):
        multiple_scattering(
            angles, kernel=kernel, core=dense, wall=None, reference_density_per_a3=0.05
        )
    with pytest.raises(InputError, match="grid of double scattering"):
        scattering_kernel(
            cylinder=ROD,
            beam=beam,
            mu=one_energy(Attenuation(core_per_mm=1.0)),
            polarization_ratio=1.0,
            tolerance=1e-9,
        )


def test_an_opaque_rod_is_integrated_less_accurately_and_says_so() -> None:
    """mu R = 20: no grid reaches the usual accuracy; where that is accepted the finest is taken, its change said."""
    opaque = {
        "cylinder": ROD,
        "beam": Beam(width_mm=3.0, height_mm=10.0),
        "mu": one_energy(Attenuation(core_per_mm=20.0)),
        "polarization_ratio": 1.0,
    }
    with pytest.raises(InputError, match="grid of double scattering"):
        scattering_kernel(**opaque)
    assert 2e-3 < scattering_kernel(**opaque, accepted=0.05).accuracy < 0.05
