"""Options of the virtual diffractometer against closed forms, published tables and simulated processes."""

from dataclasses import replace

import numpy as np
import pytest
import xraylib
from scipy.integrate import quad
from scipy.special import erf

from calibration.errors import InputError
from calibration.radiation import energy_kev
from xtsred.atoms import Composition, compton_shells
from xtsred.corrections.compton import doppler_moments
from xtsred.forward import (
    Effort,
    VirtualBeam,
    VirtualDetector,
    VirtualExperiment,
    VirtualGoniometer,
    VirtualMaterial,
    VirtualMeasurement,
    VirtualWindow,
    WalkSize,
    draw,
    expect,
    horizontal_share,
)
from xtsred.forward.demo import demo_experiment
from xtsred.forward.doppler import Doppler, bound_electrons, scattered_energy
from xtsred.forward.instrument import register, response_of
from xtsred.forward.media import ELECTRON_REST_KEV

AG, MO = energy_kev(0.5594218), energy_kev(0.7093172)
SINGLE = Effort(log2_points=11, walk=WalkSize(orders=1, batches=2, log2_photons=6))
GLASS = VirtualMaterial(fractions={"Na": 2, "Si": 1, "S": 3}, number_density_per_a3=0.0431)
ALPHA = 1 / 137.035999


def element(name: str) -> VirtualMaterial:
    return VirtualMaterial(fractions={name: 1.0}, number_density_per_a3=0.05)


def single(**changes: object) -> VirtualExperiment:
    return replace(demo_experiment(step_deg=2.0, effort=SINGLE), **changes)


# Compton lines and the energy window


def test_electrons_at_rest_recoil_as_compton_said():
    cosine = np.cos(np.radians([0.0, 30.0, 90.0, 150.0, 180.0]))
    found = scattered_energy(np.array(MO), cosine, np.zeros(5))
    np.testing.assert_allclose(found, MO / (1 + MO / ELECTRON_REST_KEV * (1 - cosine)), rtol=1e-12)


@pytest.mark.parametrize("momentum", [-20.0, -3.0, 0.5, 8.0])
def test_kinematics_conserve_energy_and_momentum(momentum):
    """p_z from the conservation laws of the energy found: Cooper, Rep. Prog. Phys. 48 (1985) 415, Eq. 2.14."""
    for energy, turn in ((MO, 2.4), (AG, 1.0), (60.0, 2.9)):
        c = np.cos(turn)
        after = float(scattered_energy(np.array(energy), np.array(c), np.array(momentum)))
        transfer = np.sqrt(energy**2 + after**2 - 2 * energy * after * c)
        t = (energy * after * (1 - c) / ELECTRON_REST_KEV - (energy - after)) / transfer
        assert t / ALPHA == pytest.approx(momentum, rel=1e-6)


@pytest.mark.parametrize("name", ["O", "Na", "Si", "S"])
def test_freed_electrons_are_the_incoherent_scattering_function(name):
    """Electrons that a collision can free, counted shell by shell, are Hubbell's S(x, Z) to 1.6 % beyond x = 0.7/Å.

    None of this goes into the sampling: S(x, Z) comes from wave functions, the count from profiles and edges.
    """
    z, electrons = xraylib.SymbolToAtomicNumber(name), bound_electrons(element(name))
    bound = 0
    for energy in (MO, AG):
        for turn in np.radians([70.0, 90.0, 120.0, 150.0]):
            x = energy / 12.398420 * np.sin(turn / 2)
            after = scattered_energy(np.array(energy), np.array(np.cos(turn)), electrons.momentum)
            free = z * electrons.share[after <= energy - electrons.binding_kev].sum()
            if x > 0.7:
                assert free / xraylib.SF_Compt(z, x) == pytest.approx(1.0, abs=0.016)
                bound += free < 0.95 * z
    assert bound or name == "O"


@pytest.mark.parametrize("name", ["O", "Na", "Si", "S", "Al", "Ge"])
def test_momenta_have_the_tabulated_profile(name):
    """Share of electrons within |p_z| < 1, 3 and 8 against the total profile of Biggs et al., to 1 %."""
    z, electrons = xraylib.SymbolToAtomicNumber(name), bound_electrons(element(name))
    for edge in (1.0, 3.0, 8.0):
        p = np.linspace(0.0, edge, 2001)
        inside = 2 * np.trapezoid([xraylib.ComptonProfile(z, v) for v in p], p) / z
        found = electrons.share[np.abs(electrons.momentum) < edge].sum()
        assert found == pytest.approx(inside, abs=0.01)


def windowed(lower: float | None, upper: float | None, fwhm: float) -> VirtualDetector:
    window = VirtualWindow(lower_kev=lower, upper_kev=upper, fwhm_kev=fwhm)
    return VirtualDetector(dark_cps=0.0, window=window)


def broadened(detector: VirtualDetector, energy: float) -> Doppler:
    return Doppler(
        bound_electrons(GLASS),
        energy_kev=energy,
        lowest_kev=0.7 * energy,
        response=response_of(detector, reference_kev=energy),
    )


def test_window_share_against_a_quadrature():
    """Share of sulfur's Compton line at 140° above 16.4 keV by integrating each shell's profile over E'."""
    shells = {
        xraylib.K_SHELL: 2,
        xraylib.L1_SHELL: 2,
        xraylib.L2_SHELL: 2,
        xraylib.L3_SHELL: 4,
        xraylib.M1_SHELL: 2,
        xraylib.M2_SHELL: 4,
    }
    c, lower = np.cos(np.radians(140.0)), 16.4
    total = passed = 0.0
    for shell, number in shells.items():
        top = MO - xraylib.EdgeEnergy(16, shell)
        after = np.linspace(6.0, top, 20_001)
        transfer = np.sqrt(MO**2 + after**2 - 2 * MO * after * c)
        pz = (MO * after * (1 - c) / ELECTRON_REST_KEV - (MO - after)) / transfer / ALPHA
        profile = [xraylib.ComptonProfile_Partial(16, shell, min(abs(p), 100.0)) for p in pz]
        weight = number * np.gradient(pz) * profile
        total += weight.sum()
        passed += weight[after >= lower].sum()
    sharp = windowed(lower, None, 1e-3)
    found = Doppler(
        bound_electrons(element("S")),
        energy_kev=MO,
        lowest_kev=10.0,
        response=response_of(sharp, reference_kev=MO),
    ).at_line(np.array([c]))
    assert 0.2 < passed / total < 0.9
    assert found[0] == pytest.approx(passed / total, abs=0.005)


@pytest.mark.parametrize("energy", [AG, MO])
@pytest.mark.parametrize("edge", [0.8, 0.95])
def test_window_share_of_the_reduction(energy, edge):
    """Sampled momenta here, integrals over profiles in xtsred.corrections, written apart: 0.1 %, 0.5 % where little passes."""
    angles = np.linspace(5.0, 152.0, 50)
    composition = Composition.of({"Na": 2.0, "Si": 1.0, "S": 3.0})
    momentum, binding, profiles = compton_shells(composition)
    energies, weights = doppler_moments(
        angles, energy_kev=energy, momentum=momentum, binding_kev=binding, profiles=profiles
    )
    response = response_of(windowed(edge * energy, None, 0.6), reference_kev=energy)
    other = (weights * response(energies)).sum(axis=1)
    found = broadened(windowed(edge * energy, None, 0.6), energy).at_line(
        np.cos(np.radians(angles))
    )
    np.testing.assert_allclose(found, other, rtol=1e-3, atol=2e-3)


def test_response_of_a_window():
    """Gaussian pulses: half are counted at an edge, 1/2 [1 + erf(d/(s sqrt 2))] beside it; sensor and window multiply."""
    both = response_of(windowed(16.0, 18.0, 0.5), reference_kev=17.0)
    sigma = 0.5 / 2.3548200450
    top = erf(1.0 / sigma / np.sqrt(2.0))
    assert both(np.array([17.0]))[0] == pytest.approx(1.0)
    assert both(np.array([16.0]))[0] == pytest.approx(0.5 / top, rel=2e-3)
    assert both(np.array([18.2]))[0] == pytest.approx(
        0.5 * (1 - erf(0.2 / sigma / np.sqrt(2.0))) / top, rel=5e-3
    )
    with pytest.raises(InputError, match="nothing"):
        response_of(windowed(30.0, None, 0.1), reference_kev=17.0)
    with pytest.raises(InputError, match="resolution"):
        VirtualWindow(lower_kev=1.0, upper_kev=None, fwhm_kev=0.0)


@pytest.mark.parametrize(("energy", "gain"), [(AG, 1.20), (MO, 1.12)])
def test_silicon_sensor_favours_compton(energy, gain):
    """0.5 mm silicon at 150°: about +20 % for Ag and +12 % for Mo at the line's centre; the broadened line a little more.

    The more is that of a mean of E^-3 over the line: 6 var(E')/E'^2 at least (sensor thin, silicon mu ~ E^-3).
    """
    detector = VirtualDetector(dark_cps=0.0, silicon_mm=0.5)
    response = response_of(detector, reference_kev=energy)
    c = np.cos(np.radians(150.0))
    center = energy / (1 + energy / ELECTRON_REST_KEV * (1 - c))
    at_rest = float(response(np.array([center]))[0])
    assert at_rest == pytest.approx(gain, abs=0.02)
    more = float(broadened(detector, energy).at_line(np.array([c]))[0]) / at_rest
    assert 1.0 < more < 1.05


def test_drawn_energies_average_to_the_response():
    """Photons that fly on have the energies whose mean response is the tabulated one, also after an earlier recoil."""
    doppler = broadened(windowed(16.0, None, 0.4), MO)
    response = response_of(windowed(16.0, None, 0.4), reference_kev=MO)
    u = (np.arange(40_000) + 0.5) / 40_000
    for energy, turn in ((MO, 1.0), (MO, 2.6), (16.9, 1.7)):
        c = np.full(len(u), np.cos(turn))
        drawn = doppler.draw(np.full(len(u), energy), c, u)
        assert drawn.max() < energy
        seen = doppler.response(np.array([energy]), c[:1])[0]
        assert response(drawn).mean() == pytest.approx(seen, abs=0.01)


def test_windows_reach_the_components():
    """A window takes Compton photons and leaves elastic ones; single and multiple scattering alike, sample and wall."""
    effort = Effort(
        log2_points=10, walk=WalkSize(orders=2, batches=2, log2_photons=8), walk_angles=13
    )
    mo = VirtualBeam(
        width_mm=0.6, height_mm=8.0, lines=((0.7093172, 1.0),), cps_per_electron_unit=40.0
    )
    plain = expect(single(effort=effort, beam=mo)).components
    cut = expect(single(effort=effort, beam=mo, detector=windowed(16.6, 18.4, 0.5))).components
    far = 75  # 150°
    np.testing.assert_allclose(cut["coh_s"], plain["coh_s"], rtol=1e-12)
    np.testing.assert_allclose(cut["inc_s"], plain["inc_s"] * cut["Dinc_1"], rtol=1e-12)
    assert cut["Dinc_1"][0] == pytest.approx(1.0)
    assert cut["Dinc_1"][far] < 0.5
    assert cut["Dinc_c_1"][far] != cut["Dinc_1"][far]  # oxygen is narrower than sulfur
    assert 0.2 < cut["ms_tot"][far] / plain["ms_tot"][far] < 0.8
    # nothing is cut by a window that is wide open; the 512 photons fly on with drawn energies, which is noise
    wide = expect(single(effort=effort, beam=mo, detector=windowed(4.0, None, 0.1))).components
    np.testing.assert_allclose(wide["inc_s"], plain["inc_s"], rtol=1e-6)
    np.testing.assert_allclose(wide["ms_tot"], plain["ms_tot"], rtol=0.01)


# Polarization by a monochromator


def test_mosaic_monochromator():
    """One scattering by 2theta_M: 1 : cos^2; at 45° the degree of polarisation is 1/3 (Compton & Allison 1935)."""
    share = horizontal_share("mosaic", two_theta_deg=45.0)
    assert share == pytest.approx(1 / 3)
    assert horizontal_share("mosaic", two_theta_deg=90.0) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("two_theta", [12.14, 26.6, 60.0])
def test_perfect_monochromator_by_darwins_curve(two_theta):
    """Integrated reflectivity of Darwin's curve, total over a width ~ |C| with tails, for both polarisations."""

    def integrated(c: float) -> float:
        def reflectivity(angle: float) -> float:
            eta = angle / c
            return 1.0 if abs(eta) <= 1 else (abs(eta) - np.sqrt(eta**2 - 1)) ** 2

        return quad(reflectivity, -60, 60, points=[-c, c], limit=400)[0]

    c = abs(np.cos(np.radians(two_theta)))
    ratio = integrated(c) / integrated(1.0)
    assert horizontal_share("perfect", two_theta_deg=two_theta) == pytest.approx(
        ratio / (1 + ratio), abs=2e-3
    )


def test_polarised_single_scattering():
    """Behind a perfect crystal at 2theta_M = 60°: (1 + cos^2/2)/1.5, printed value at 90° 2/3."""
    beam = replace(
        demo_experiment().beam, horizontal_share=horizontal_share("perfect", two_theta_deg=60.0)
    )
    parts = expect(single(beam=beam)).components
    assert parts["P_1"][45] == pytest.approx(2 / 3)
    assert parts["P_1"][0] == pytest.approx(1.0)


# Goniometer


def test_zero_of_the_goniometer():
    """A reading of 0.3° too much: every curve is that of the angle 0.3° less."""
    shifted = expect(single(goniometer=VirtualGoniometer(zero_deg=2.0))).components
    plain = expect(single()).components
    # the grid steps by 2°: the curve moves by one point
    np.testing.assert_allclose(shifted["Q_1"][1:], plain["Q_1"][:-1], atol=1e-12)
    np.testing.assert_allclose(shifted["coh_s"][2:], plain["coh_s"][1:-1], rtol=1e-9)


def test_displacement_against_rays():
    """Angle and solid angle by straight lines to the two ends of a slit 0.02 mm wide, 1e-5 of themselves."""
    place = VirtualGoniometer(zero_deg=0.1, along_mm=0.7, across_mm=-0.4, radius_mm=150.0)
    readings = np.array([5.1, 60.1, 90.1, 140.1])
    angle, solid = place.seen(readings)
    for k, reading in enumerate(np.radians(readings - 0.1)):
        middle = 150.0 * np.array([np.cos(reading), np.sin(reading)])
        along_slit = 0.01 * np.array([-np.sin(reading), np.cos(reading)])
        low, high = (middle + s * along_slit - np.array([0.7, -0.4]) for s in (-1, 1))
        turned = np.degrees(np.arctan2(middle[1] + 0.4, middle[0] - 0.7))
        assert angle[k] == pytest.approx(turned, abs=1e-9)
        seen = np.arctan2(*high[::-1]) - np.arctan2(*low[::-1])  # angle across the slit: ~ cos/d
        distance = np.hypot(*(middle - np.array([0.7, -0.4])))
        assert solid[k] == pytest.approx(seen / (0.02 / 150.0) * 150.0 / distance, rel=1e-6)


# Counting


def renewal(rate: float, seconds: float, tau: float, draws: int) -> np.ndarray:
    """Counts by following photons one by one: after each, the counter is blind for tau."""
    generator = np.random.default_rng(11)
    waits = generator.exponential(1 / rate, size=(draws, int(2 * rate * seconds) + 60))
    times = np.cumsum(waits, axis=1) + tau * np.arange(waits.shape[1])
    return (times <= seconds).sum(axis=1)


@pytest.mark.parametrize("tau", [1e-3, 5e-3])
def test_dead_time_against_single_photons(tau):
    """Mean, variance and distribution of 4000 counts of a 0.2 s step at 200/s."""
    counted = register(np.random.default_rng(5), np.full(4000, 200.0), seconds=0.2, dead_time_s=tau)
    followed = renewal(200.0, 0.2, tau, 4000)
    sigma = followed.std() / np.sqrt(4000)
    assert counted.mean() == pytest.approx(followed.mean(), abs=4.5 * sigma)
    assert counted.std() == pytest.approx(followed.std(), rel=0.06)
    values = np.arange(15, 60)
    difference = [abs((counted <= v).mean() - (followed <= v).mean()) for v in values]
    assert max(difference) < 0.04  # Kolmogorov-Smirnov at 1e-3: 0.044


def test_dead_time_in_the_long_run():
    """Mean n t/(1 + n tau), variance smaller by 1/(1 + n tau)^2 than the mean (Müller 1973)."""
    rate, tau = 5e4, 4e-6
    counted = register(np.random.default_rng(6), np.full(3000, rate), seconds=10.0, dead_time_s=tau)
    mean = rate * 10.0 / (1 + rate * tau)
    assert counted.mean() == pytest.approx(mean, rel=1e-4)
    assert counted.var() / mean == pytest.approx(1 / (1 + rate * tau) ** 2, rel=0.1)


def test_draws_lose_counts_to_the_dead_time_and_gain_with_the_tube():
    experiment = single(detector=VirtualDetector(dark_cps=0.3, dead_time_s=2e-5))
    brighter = replace(experiment.scans[0], intensity=2.0)
    experiment = replace(experiment, scans=(experiment.scans[0], brighter))
    blank = VirtualMeasurement(experiment=experiment, truth=expect(experiment), records=(), seed=0)
    measured = draw(blank, 3)
    rate = blank.truth.rates_cps["sample"]
    for record, intensity in zip(measured.records, (1.0, 2.0), strict=True):
        n = 0.3 + intensity * (rate - 0.3)
        expected = n / (1 + 2e-5 * n) * record.scan.seconds_per_step
        pull = (record.counts - expected) / np.sqrt(expected)
        assert abs(pull.mean()) < 4 / np.sqrt(len(pull))
        assert 0.7 < pull.std() < 1.2
