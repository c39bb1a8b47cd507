"""What the tube sends and the detector counts: Kramers, foils and sensors against tables."""

import numpy as np
import pytest

from calibration.radiation import Line
from xtsred.atoms import Composition, attenuation_per_cm
from xtsred.spectrum import Foil, Response, continuum_lines, kramers, response

SILICON = Response(
    sensor=Composition.of({"Si": 1.0}), sensor_density_g_per_cm3=2.329, sensor_thickness_mm=0.5
)


def test_kramers() -> None:
    """N(E) ~ E_0/E - 1: equal energy per interval falls linearly to nothing at the tube's voltage."""
    energy = np.array([10.0, 20.0, 30.0, 59.0, 60.0, 70.0])
    n = kramers(energy, tube_kv=60.0)
    assert n == pytest.approx([5.0, 2.0, 1.0, 1.0 / 59.0, 0.0, 0.0])
    assert (n * energy)[:5] == pytest.approx(60.0 - energy[:5])


def test_everything_counts_where_nothing_is_stated() -> None:
    assert Response().counts_all
    assert response(np.array([5.0, 50.0]), detector=Response()) == pytest.approx(1.0)
    assert not SILICON.counts_all


@pytest.mark.parametrize(("energy", "photo"), [(20.0, 4.076), (15.0, 9.87)])
def test_silicon_sensor(energy: float, photo: float) -> None:
    """0.5 mm of silicon stop 1 - exp(-mu_photo d), mu/rho of the photoeffect from XCOM (NIST)."""
    stopped = 1.0 - np.exp(-photo * 2.329 * 0.05)
    assert response(np.array([energy]), detector=SILICON)[0] == pytest.approx(stopped, rel=0.02)


def test_silicon_prefers_compton() -> None:
    """physics.md: at 150° about +20 % for Ag, +12 % for Mo."""
    for energy, gain in ((22.163, 0.20), (17.479, 0.12)):
        shifted = energy / (1.0 + energy / 510.999 * (1.0 - np.cos(np.radians(150.0))))
        both = response(np.array([energy, shifted]), detector=SILICON)
        assert both[1] / both[0] - 1.0 == pytest.approx(gain, abs=0.02)


def test_window() -> None:
    """A discriminator at the line's energy lets half of a Gaussian pulse-height distribution pass."""
    detector = Response(lower_kev=17.479, upper_kev=30.0, fwhm_kev=0.6)
    assert response(np.array([17.479]), detector=detector)[0] == pytest.approx(0.5)
    # one half-width above: 1/2 [1 + erf(sqrt(ln 2))]
    assert response(np.array([17.779]), detector=detector)[0] == pytest.approx(0.8803, abs=2e-4)
    sharp = Response(lower_kev=10.0, upper_kev=20.0)
    assert response(np.array([9.9, 15.0, 20.1]), detector=sharp) == pytest.approx([0.0, 1.0, 0.0])


def test_continuum_keeps_its_moments() -> None:
    """Weights sum to 1; mean energy is that of Kramers' law, ∫ (E_0 - E) dE / ∫ (E_0/E - 1) dE, in closed form."""
    low, high = 5.0, 60.0
    lines = continuum_lines(tube_kv=high, filters=(), detector=Response(), energies=24)
    weights = np.array([line.weight for line in lines])
    energies = np.array([line.energy_kev for line in lines])
    assert weights.sum() == pytest.approx(1.0)
    photons = high * np.log(high / low) - (high - low)
    mean = 0.5 * (high - low) ** 2 / photons
    assert weights @ energies == pytest.approx(mean, rel=2e-3)
    assert np.all(np.diff(energies) > 0.0)


def test_a_filter_takes_what_lies_above_its_edge() -> None:
    """50 µm of rhodium (K edge 23.22 keV): the share of each comb line falls by exp(-mu d)."""
    rhodium = Foil(
        composition=Composition.of({"Rh": 1.0}), mass_density_g_per_cm3=12.41, thickness_um=50.0
    )
    detector = Response(lower_kev=10.0, upper_kev=40.0)
    bare = continuum_lines(tube_kv=60.0, filters=(), detector=detector, energies=60)
    behind = continuum_lines(tube_kv=60.0, filters=(rhodium,), detector=detector, energies=60)

    def share(lines: tuple[Line, ...], low: float, high: float) -> float:
        return sum(x.weight for x in lines if low <= x.energy_kev < high)

    # two steps on both sides of the edge, by the attenuation of each
    mu = attenuation_per_cm(
        rhodium.composition, np.array([21.25, 25.25]), mass_density_g_per_cm3=12.41
    )
    passed = np.exp(-mu * 50e-4)
    ratio = share(behind, 25.0, 25.5) / share(behind, 21.0, 21.5)
    before = share(bare, 25.0, 25.5) / share(bare, 21.0, 21.5)
    assert ratio / before == pytest.approx(passed[1] / passed[0], rel=0.02)
    assert passed[1] / passed[0] < 0.2


def test_the_comb_ends_where_the_detector_does() -> None:
    detector = Response(lower_kev=12.0, upper_kev=36.0, fwhm_kev=3.0)
    energies = [
        x.energy_kev
        for x in continuum_lines(tube_kv=60.0, filters=(), detector=detector, energies=24)
    ]
    assert min(energies) > 9.0
    assert max(energies) < 39.0
