"""Intercepts without a circuit, and the other views, against closed forms."""

import numpy as np
import pytest

from cis.circuits import circuit
from cis.intercepts import circle_intercept, find_foot, fit_circle, minimum_intercept
from cis.relaxation import relaxation_times
from cis.stages import Cell
from cis.views import (
    bode,
    conductivity_spectrum,
    electric_modulus,
    fit_jonscher,
    modulus_peak,
    permittivity_spectrum,
)

FREQUENCY = np.logspace(7, -1, 81)
CELL = Cell(area_m2=7.854e-5, thickness_m=0.753e-3)


def test_circle_through_points_of_a_circle():
    angle = np.linspace(0.5, 2.5, 12)
    found = fit_circle(3.0 + 2.0 * np.cos(angle), -0.5 + 2.0 * np.sin(angle), np.ones(12))
    assert found is not None
    assert found[0] == pytest.approx((3.0, -0.5, 2.0), abs=1e-9)


def test_circle_through_a_line_is_none():
    x = np.linspace(1.0, 2.0, 9)
    found = fit_circle(x, 2.0 * x, np.ones(9))
    assert found is None or found[0][2] > 1e3


def test_depressed_circle_gives_the_resistance_of_a_lone_arc():
    z = circuit("p(R1,CPE1)").impedance(FREQUENCY, [1e5, 3e-11, 0.85])
    estimate = circle_intercept(FREQUENCY, z, foot=None)
    assert estimate is not None
    assert estimate.value_ohm == pytest.approx(1e5, rel=1e-6)
    # the centre of a ZARC lies (1 - alpha) 90 degrees below the axis
    assert "13°" in estimate.note or "14°" in estimate.note


def test_circle_is_silent_where_less_than_half_of_the_arc_is_seen():
    f = FREQUENCY[FREQUENCY > 3e5]
    z = circuit("p(R1,CPE1)").impedance(f, [1e5, 3e-11, 0.93])
    assert circle_intercept(f, z, foot=None) is None


@pytest.mark.parametrize(("tail", "least", "most"), [(2e-6, 0.0, 0.005), (2e-8, 0.01, 0.1)])
def test_minimum_reads_high_and_says_how_close_the_spike_is(tail, least, most):
    z = circuit("bulk-blocking").impedance(FREQUENCY, [1e5, 3e-11, 0.93, tail, 0.78])
    foot = find_foot(FREQUENCY, z)
    assert foot is not None
    estimate = minimum_intercept(foot, noise_relative=0.005)
    assert least < estimate.value_ohm / 1e5 - 1.0 < most
    assert ("merge" in estimate.note) == (tail == 2e-8)
    assert abs(estimate.value_ohm - 1e5) < 2.0 * estimate.sigma_ohm
    # the bias and the place stay where the noise is gone
    assert minimum_intercept(foot, noise_relative=1e-9).sigma_ohm > 0.2 * (estimate.value_ohm - 1e5)
    assert foot.apex_hz == pytest.approx(1.0 / (2 * np.pi * (1e5 * 3e-11) ** (1 / 0.93)), rel=0.15)


def test_no_minimum_where_arc_and_spike_have_merged():
    z = circuit("bulk-blocking").impedance(FREQUENCY, [1e5, 3e-11, 0.93, 2e-9, 0.78])
    assert find_foot(FREQUENCY, z) is None


def test_no_minimum_for_a_spike_alone_or_an_arc_alone():
    assert find_foot(FREQUENCY, circuit("tail").impedance(FREQUENCY, [100.0, 1e-6, 0.8])) is None
    lone = circuit("bulk").impedance(FREQUENCY, [1e5, 3e-11, 0.93])
    assert find_foot(FREQUENCY, lone) is None


def test_bode_is_ordered_and_capacitive_is_negative():
    view = bode(FREQUENCY, circuit("p(R1,C1)").impedance(FREQUENCY, [1e3, 1e-9]))
    assert np.all(np.diff(view.frequency_hz) > 0.0)
    assert view.modulus_ohm[0] == pytest.approx(1e3, rel=1e-6)
    assert -90.0 < view.phase_deg[-1] < -89.0


def test_modulus_of_a_debye_element_peaks_at_half_the_inverse_permittivity():
    eps_r = 12.0
    c = eps_r * 8.8541878128e-12 * CELL.area_m2 / CELL.thickness_m
    assert CELL.permittivity(c) == pytest.approx(eps_r, rel=1e-12)
    f = np.logspace(2, 7, 501)
    z = circuit("p(R1,C1)").impedance(f, [1e5, c])
    m = electric_modulus(f, z, cell=CELL)
    assert m.imag.max() == pytest.approx(1.0 / (2.0 * eps_r), rel=1e-4)
    assert modulus_peak(f, z) == pytest.approx(1.0 / (2.0 * np.pi * 1e5 * c), rel=1e-3)
    eps = permittivity_spectrum(f, z, cell=CELL)
    np.testing.assert_allclose(eps.real, eps_r, rtol=1e-9)
    sigma = conductivity_spectrum(f, z, cell=CELL)
    expected = CELL.thickness_m / (CELL.area_m2 * 1e5) / 100.0
    np.testing.assert_allclose(sigma, expected, rtol=1e-9)


def test_modulus_peak_outside_the_data_is_none():
    f = np.logspace(2, 5, 31)
    assert modulus_peak(f, circuit("p(R1,C1)").impedance(f, [1e3, 1e-12])) is None


def test_jonscher_recovers_its_own_law_with_unit_pulls():
    f = np.logspace(2, 7, 60)
    level, crossover, n = 1e-5, 1e5, 0.65
    y = level * (1.0 + (f / crossover) ** n) + 2j * np.pi * f * 5e-12
    pulls = []
    for seed in range(100):
        generator = np.random.default_rng(seed)
        z = 1.0 / y
        z = z * (1.0 + 0.005 * (generator.normal(size=60) + 1j * generator.normal(size=60)))
        found = fit_jonscher(f, z, lowest_hz=None, noise_relative=0.005)
        assert found is not None
        pulls.append((found.conductance_s - level) / found.conductance_sigma_s)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.4)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.25)


def test_jonscher_needs_points():
    f = np.logspace(2, 3, 5)
    z = np.full(5, 1e3 + 0j)
    assert fit_jonscher(f, z, lowest_hz=None, noise_relative=0.01) is None


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("p(R1,C1)", [1e4, 1e-9], [1e4]),
        ("p(R1,CPE1)-p(R2,CPE2)", [1e4, 2e-11, 0.95, 3e4, 3e-8, 0.92], [1e4, 3e4]),
    ],
)
def test_relaxation_times_count_the_arcs_and_weigh_them(name, values, expected):
    f = np.logspace(7, 0, 71)
    generator = np.random.default_rng(2)
    z = circuit(name).impedance(f, values)
    z = z + 0.003 * np.abs(z) * (generator.normal(size=71) + 1j * generator.normal(size=71))
    d = relaxation_times(f, z, noise_relative=0.003)
    areas = [
        p.resistance_ohm for p in d.peaks if p.inside and p.resistance_ohm > 0.1 * max(expected)
    ]
    assert areas == pytest.approx(expected, rel=0.1)
    assert d.rms_relative < 0.0045
    assert np.all(d.gamma_ohm >= 0.0)
    assert (d.regularization, d.rms_relative) in d.tried


def test_relaxation_times_without_the_electrode():
    f = np.logspace(7, 0, 71)
    c = circuit("bulk-blocking")
    z = c.impedance(f, [1e5, 3e-11, 0.93, 2e-6, 0.78])
    electrode = circuit("CPE1").impedance(f, [2e-6, 0.78])
    d = relaxation_times(f, z, noise_relative=0.002, electrode_z_ohm=electrode)
    main = max(d.peaks, key=lambda p: p.resistance_ohm)
    assert main.inside
    assert main.resistance_ohm == pytest.approx(1e5, rel=0.05)
    np.testing.assert_allclose(d.model_z_ohm, z, rtol=0.02)
