"""The virtual laboratory against the closed forms that it does not use."""

import numpy as np
import pytest

from calibration.cell import ParallelPlates, disc_area
from calibration.quantity import Quantity
from cis.forward import (
    Electrode,
    Glass,
    Laboratory,
    Leads,
    Noise,
    blocking_electrode,
    depressed_arc,
    disturb,
    measure_series,
    pellet_impedance,
    write_smart_csv,
)

F = np.logspace(1, 7, 61)
JW = 2j * np.pi * F
PLATES = ParallelPlates(
    thickness_mm=Quantity(0.753, 0.0, "mm"), area_mm2=disc_area(Quantity(10.0, 0.0, "mm"))
)
NS = Glass(name="NS", room_s_per_cm=4.2e-6, activation_ev=0.41, permittivity=9.0)


@pytest.mark.parametrize("exponent", [0.6, 0.8, 0.93, 0.98, 1.0])
def test_sum_of_relaxations_is_the_cole_cole_arc(exponent):
    z = depressed_arc(F, resistance_ohm=2e4, tau_s=3e-6, exponent=exponent)
    np.testing.assert_allclose(z, 2e4 / (1 + (JW * 3e-6) ** exponent), rtol=1e-8)


@pytest.mark.parametrize("exponent", [0.5, 0.8, 0.95])
def test_ladder_is_the_constant_phase(exponent):
    z = blocking_electrode(F, strength=2e-6, exponent=exponent)
    np.testing.assert_allclose(z, 1 / (2e-6 * JW**exponent), rtol=1e-8)


def test_conductivity_follows_its_arrhenius_law():
    assert NS.conductivity(np.array(298.15)) == pytest.approx(4.2e-6)
    hot, cold = NS.conductivity(np.array([343.0, 278.0]))
    k = 8.617333262e-5
    assert np.log(hot / cold) == pytest.approx(0.41 / k * (1 / 278 - 1 / 343))


def test_apex_does_not_know_the_geometry():
    # physics.md section 10: eps_r 12 gives 150 kHz at 1e-6 S/cm
    glass = Glass(name="x", room_s_per_cm=1e-6, activation_ev=0.4, permittivity=12.0, exponent=1.0)
    f = np.logspace(4, 7, 3001)
    z = pellet_impedance(
        f,
        glass=glass,
        plates=PLATES,
        electrode=Electrode(scale_ohm=1e-6),
        temperature_k=298.15,
    )
    assert f[np.argmax(-z.imag)] == pytest.approx(150e3, rel=0.01)
    assert np.max(z.real) == pytest.approx(0.0753 / (0.785398 * 1e-6), rel=0.01)


def test_leads_add_what_they_should():
    leads = Leads(resistance_ohm=0.5, inductance_h=1e-6, stray_f=2e-12, leakage_s=0.0)
    short = leads.seen(F, np.full(F.size, 1e-12 + 0j), change=0.0)
    # physics.md section 10: 1 uH is 63 Ohm at 10 MHz
    assert short[-1].imag == pytest.approx(62.8, abs=0.1)
    opened = leads.seen(F, np.full(F.size, 1e18 + 0j), change=0.0)
    assert -1 / (2 * np.pi * F[0] * opened[0].imag) == pytest.approx(2e-12, rel=1e-6)


def test_noise_has_the_size_it_says_and_the_mains_are_where_they_are():
    z = np.full(F.size, 100.0 + 0j)
    random = np.random.default_rng(0)
    many = np.array([disturb(F, z, noise=Noise(relative=0.01), random=random) for _ in range(2000)])
    spread = np.std(many.real, axis=0) / 100.0
    mains = np.argmin(np.abs(F - 50.0))
    away = np.delete(spread, mains)
    np.testing.assert_allclose(away, 0.01, rtol=0.1)
    assert spread[mains] > 0.02


def test_series_is_reproducible_and_written_as_virtual(tmp_path):
    def run():
        return measure_series(
            NS,
            plates=PLATES,
            set_points_k=(283.15, 303.15),
            frequency_hz=F[::-1],
            laboratory=Laboratory(),
            random=np.random.default_rng(8),
        )

    one, two = run(), run()
    np.testing.assert_array_equal(one[1].z_ohm, two[1].z_ohm)
    write_smart_csv(tmp_path / "a.csv", one, title="NS")
    lines = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("VIRTUAL")
    assert len(lines) == 4 + 2 * 61
    assert lines[4].split(",")[4] == "1e+07"
    assert lines[4].endswith(",")
    magnitude, phase = (float(v) for v in lines[4].split(",")[10:12])
    z = magnitude * np.exp(1j * np.radians(phase))
    assert z == pytest.approx(one[0].z_ohm[0], rel=1e-4)
