"""Fit: minimum against lmfit, calibrated uncertainties, selection, traps of the physics, real spectra."""

import lmfit
import numpy as np
import pytest

from calibration.errors import InputError
from cis.arcs import arc_capacitance
from cis.circuits import circuit
from cis.fit import fit_series, fit_spectrum, profile_interval
from cis.leastsquares import minimize
from cis.solution import modulus_problem, solve
from cis.stages import Cell, Spectrum
from cis.starts import random_starts, starts

FREQUENCY = np.logspace(7, -1, 50)
TRUTH = [1e5, 3e-11, 0.93, 2e-6, 0.78]
SERIES = (120, 140, 150, 160, 170, 180, 190, 200)


def spectrum(f, z, name="made", temperature_k=None):
    return Spectrum(
        file=f"{name}.txt",
        name=name,
        format="made",
        frequency_hz=f,
        z_ohm=z,
        line=np.arange(1, f.size + 1),
        temperature_k=temperature_k,
    )


def measured(name, values, seed, *, noise=0.005, f=FREQUENCY):
    generator = np.random.default_rng(seed)
    z = circuit(name).impedance(f, values)
    scatter = generator.normal(size=f.size) + 1j * generator.normal(size=f.size)
    return spectrum(f, z + noise * np.abs(z) * scatter)


def pull(fit, truth):
    return np.log(fit.resistance_ohm / truth) / (fit.resistance_sigma_ohm / fit.resistance_ohm)


@pytest.fixture(scope="module")
def series(shared_data):
    found = []
    for celsius in SERIES:
        path = shared_data / "cis" / "series_s04147" / f"s04147-{celsius}deg.txt"
        f, re, im = np.loadtxt(path, skiprows=3).T
        found.append(spectrum(f, re + 1j * im, path.stem, 273.15 + celsius))
    return found


def test_noise_free_data_give_the_truth():
    s = solve(
        circuit("bulk-blocking"), FREQUENCY, circuit("bulk-blocking").impedance(FREQUENCY, TRUTH)
    )
    np.testing.assert_allclose(s.circuit.to_values(s.x), TRUTH, rtol=1e-6)


def test_lmfit_from_the_truth_finds_the_same_minimum_and_uncertainties():
    data = measured("bulk-blocking+lead", [*TRUTH, 1e-6], 4)
    c = circuit("bulk-blocking+lead")
    ours = solve(c, FREQUENCY, data.z_ohm)
    parameters = lmfit.Parameters()
    for name, x in zip(c.names, c.to_variables([*TRUTH, 1e-6]), strict=True):
        parameters.add(name, value=float(x))

    def residual(p):
        z = c.impedance(FREQUENCY, c.to_values([p[n].value for n in c.names]))
        r = (z - data.z_ohm) / np.abs(data.z_ohm)
        return np.concatenate([r.real, r.imag])

    theirs = lmfit.minimize(residual, parameters, method="leastsq", ftol=1e-12, xtol=1e-12)
    assert ours.cost == pytest.approx(theirs.chisqr, rel=1e-8)
    for k, name in enumerate(c.names):
        assert ours.x[k] == pytest.approx(
            theirs.params[name].value, abs=0.01 * theirs.params[name].stderr
        )
        sigma = float(np.sqrt(ours.covariance[k, k]))
        assert sigma == pytest.approx(theirs.params[name].stderr, rel=0.02)


def test_bounds_hold_and_a_held_variable_is_named():
    # residuals x - (3, -2) inside [-1, 1]: the minimum is at the corner (1, -1)
    def problem(x):
        slopes = np.broadcast_to(np.eye(2), (x.shape[0], 2, 2))
        return x - np.array([3.0, -2.0]), slopes

    found = minimize(problem, np.zeros((1, 2)), low=-np.ones(2), high=np.ones(2))
    assert found.converged
    np.testing.assert_allclose(found.x, [1.0, -1.0])
    assert found.at_bound.all()


@pytest.mark.parametrize("name", ["tail", "bulk", "bulk-blocking+lead", "bulk+gb-blocking"])
def test_starts_are_positive_and_already_near(name):
    values = {
        "tail": [100.0, 1e-6, 0.8],
        "bulk": [1e5, 3e-11, 0.93],
        "bulk-blocking+lead": [*TRUTH, 1e-6],
        "bulk+gb-blocking": [1e4, 2e-11, 0.95, 4e4, 3e-9, 0.85, 2e-6, 0.8],
    }[name]
    c = circuit(name)
    z = c.impedance(FREQUENCY, values)
    found = starts(c, FREQUENCY, z)
    assert 1 <= len(found) <= 5
    r, _ = modulus_problem(c, FREQUENCY, z)(found)
    assert np.sqrt((r[0] ** 2).mean()) < 0.3


def test_random_starts_repeat_themselves():
    c = circuit("R0-p(R1-Wo1,CPE1)")
    z = c.impedance(FREQUENCY, [10.0, 100.0, 50.0, 0.1, 1e-5, 0.9])
    a, b = (random_starts(c, FREQUENCY, z, count=7) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_a_circuit_of_the_users_own_is_fitted_without_a_guess():
    values = [10.0, 100.0, 50.0, 0.1, 1e-5, 0.9]
    fit = fit_spectrum(measured("R0-p(R1-Wo1,CPE1)", values, 1), circuit="R0-p(R1-Wo1,CPE1)")
    assert fit.circuit_string == "R0-p(R1-Wo1,CPE1)"
    assert fit.identifiable
    assert abs(pull(fit, 110.0)) < 4.0


def test_r_is_unbiased_and_its_uncertainty_calibrated():
    fits = [fit_spectrum(measured("bulk-blocking", TRUTH, seed)) for seed in range(150)]
    pulls = np.array([pull(fit, 1e5) for fit in fits])
    assert abs(np.mean([fit.resistance_ohm for fit in fits]) / 1e5 - 1.0) < 5e-4
    # 150 seeds: coverage 68.3% +- 3.8%, width 1 +- 0.06
    assert 0.56 < np.mean(np.abs(pulls) < 1.0) < 0.80
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert all(fit.converged and fit.identifiable and fit.kind == "arc" for fit in fits)
    assert np.mean([fit.circuit.startswith("bulk-blocking") for fit in fits]) > 0.97


@pytest.mark.long
def test_coverage_with_two_thousand_seeds():
    pulls = np.array(
        [pull(fit_spectrum(measured("bulk-blocking", TRUTH, seed)), 1e5) for seed in range(2000)]
    )
    assert 0.65 < np.mean(np.abs(pulls) < 1.0) < 0.71


def test_a_mains_point_does_not_widen_the_uncertainty():
    f = np.append(FREQUENCY, 50.0)
    pulls, sigmas = [], []
    for seed in range(60):
        data = measured("bulk-blocking", TRUTH, seed, f=f)
        z = data.z_ohm.copy()
        z[-1] *= 1.08
        fit = fit_spectrum(spectrum(f, z))
        assert any(d.index == f.size - 1 and "mains" in d.reason for d in fit.validation.dropped)
        pulls.append(pull(fit, 1e5))
        sigmas.append(fit.resistance_sigma_ohm)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.3)
    clean = fit_spectrum(measured("bulk-blocking", TRUTH, 0, f=f)).resistance_sigma_ohm
    assert np.median(sigmas) == pytest.approx(clean, rel=0.3)


@pytest.mark.parametrize("decades", [0.0, 1.0])
def test_an_arc_beyond_the_frequencies_is_an_intercept_and_still_right(decades):
    apex = 10.0 ** (7.0 + decades)
    values = [1e3, (2 * np.pi * apex) ** -0.93 / 1e3, 0.93, 1e-6, 0.78, 1e-6]
    pulls = []
    for seed in range(25):
        fit = fit_spectrum(measured("bulk-blocking+lead", values, seed))
        assert fit.kind in ("intercept", "arc")
        pulls.append(pull(fit, 1e3))
    assert np.std(pulls) < 1.6
    assert np.max(np.abs(pulls)) < 4.5


def test_leads_of_one_microhenry_do_not_move_r():
    plain = fit_spectrum(
        measured("bulk-blocking+lead", [500.0, 3e-11, 0.93, 2e-6, 0.78, 1e-6], 3, noise=2e-4)
    )
    assert "lead" in plain.circuit
    assert plain.resistance_ohm == pytest.approx(500.0, rel=1e-3)
    lead = plain.parameter("L1")
    assert lead.sigma < 5e-8
    assert abs(lead.value - 1e-6) < 4.0 * lead.sigma


def test_a_spike_alone_is_called_a_tail():
    fit = fit_spectrum(measured("tail", [120.0, 1e-6, 0.8], 2))
    assert fit.kind == "tail"
    assert fit.circuit == "tail"
    assert abs(pull(fit, 120.0)) < 4.0
    assert any("spike" in x.text for x in fit.findings if x.severity == "warning")


def test_a_blocking_electrode_without_resistance_in_sight_gives_no_resistance():
    f = np.logspace(4, 0, 30)
    fit = fit_spectrum(measured("CPE1", [1e-9, 0.9], 1, f=f))
    assert not fit.identifiable
    assert any(x.severity == "problem" for x in fit.findings)


def test_two_arcs_are_found_and_told_apart_by_permittivity():
    cell = Cell(area_m2=7.854e-5, thickness_m=0.753e-3)
    empty = 8.8541878128e-12 * cell.area_m2 / cell.thickness_m
    bulk, boundary, a = 12.0 * empty, 3000.0 * empty, 0.93
    values = [
        2e5, bulk**a * 2e5 ** (a - 1.0), a, 1e6, boundary**a * 1e6 ** (a - 1.0), a, 5e-6, 0.8
    ]  # fmt: skip
    pulls = []
    for seed in range(20):
        fit = fit_spectrum(measured("bulk+gb-blocking", values, seed), cell=cell)
        assert fit.circuit.startswith("bulk+gb-blocking")
        assert [arc.phase for arc in fit.arcs] == ["bulk", "grain boundary"]
        assert fit.arcs[0].permittivity == pytest.approx(12.0, rel=0.15)
        pulls.append(pull(fit, 1.2e6))
    assert np.std(pulls) < 1.7
    bare = fit_spectrum(measured("bulk+gb-blocking", values, 0))
    assert {arc.phase for arc in bare.arcs} == {"unassigned"}
    assert any("Without the size" in x.text for x in bare.findings)


def test_anticorrelated_arcs_have_a_sum_better_known_than_quadrature_says():
    values = [1e5, 3e-11, 0.9, 1e5, 4e-10, 0.9, 5e-6, 0.8]
    fit = fit_spectrum(
        measured("bulk+gb-blocking", values, 1, noise=0.002), circuit="bulk+gb-blocking"
    )
    r1, r2 = fit.parameter("R1"), fit.parameter("R2")
    assert fit.correlation[0, 3] < -0.9
    assert fit.resistance_sigma_ohm < 0.3 * np.hypot(r1.sigma, r2.sigma)
    assert fit.resistance_ohm == pytest.approx(r1.value + r2.value, rel=1e-12)


def test_capacitance_of_an_arc_is_that_of_hsu_and_mansfeld():
    c = circuit("bulk")
    s = solve(c, FREQUENCY, c.impedance(FREQUENCY, [1e5, 3e-11, 0.9]))
    log_c, _, log_tau, _ = arc_capacitance(s.circuit, s.x, s.covariance, (0, 1))
    assert np.exp(log_c) == pytest.approx((3e-11 * 1e5**0.1) ** (1 / 0.9), rel=1e-6)
    assert np.exp(log_tau) == pytest.approx((1e5 * 3e-11) ** (1 / 0.9), rel=1e-6)


def test_profile_interval_of_a_well_known_parameter_is_its_standard_uncertainty():
    fit = fit_spectrum(measured("bulk-blocking", TRUTH, 2), circuit="bulk-blocking")
    low, high = profile_interval(fit, "R", level=0.6827)
    assert (high - low) / 2.0 == pytest.approx(fit.resistance_sigma_ohm, rel=0.05)
    low, high = profile_interval(fit, "CPE1_1", level=0.9545)
    alpha = fit.parameter("CPE1_1")
    assert (high - low) / 4.0 == pytest.approx(alpha.sigma, rel=0.07)
    with pytest.raises(KeyError, match="there are"):
        profile_interval(fit, "R7")
    with pytest.raises(ValueError, match="between 0 and 1"):
        profile_interval(fit, "R", level=68.0)


def test_residual_structure_is_said_and_paid_for():
    # a Cole-Davidson arc, which no R||CPE is
    s = 2j * np.pi * FREQUENCY
    z = 1e5 / (1.0 + s * 3e-6) ** 0.6 + 1.0 / (2e-6 * s**0.78)
    fit = fit_spectrum(spectrum(FREQUENCY, z), circuit="bulk-blocking")
    assert any("correlated" in x.text for x in fit.findings)
    assert (
        abs(np.log(fit.resistance_ohm / 1e5)) < 3.0 * fit.resistance_sigma_ohm / fit.resistance_ohm
    )


@pytest.mark.parametrize(("place", "height", "noise"), [(25, 0.03, 0.005), (31, 0.01, 0.002)])
def test_a_step_between_ranges_is_no_second_arc(place, height, noise):
    claimed = 0
    for seed in range(15):
        data = measured("bulk-blocking", TRUTH, seed, noise=noise)
        z = data.z_ohm.copy()
        z[place:] *= 1.0 + height
        fit = fit_spectrum(spectrum(FREQUENCY, z))
        claimed += "gb" in fit.circuit
        told = [x.text for x in fit.validation.findings + fit.findings]
        assert any("step" in text for text in told)
        assert len(told) == len(set(told))
        # which side is right nobody knows: both truths lie within the uncertainty
        assert fit.resistance_sigma_ohm > 0.5 * height * 1e5
        for truth in (1e5, 1e5 * (1.0 + height)):
            assert abs(pull(fit, truth)) < 2.0
    assert claimed <= 1


def test_a_resistance_in_series_is_found_and_said():
    pulls = []
    for seed in range(10):
        data = measured("R0-p(R1,CPE1)-CPE2", [300.0, *TRUTH], seed, noise=0.001)
        fit = fit_spectrum(data)
        assert fit.circuit.startswith("R0+bulk-blocking")
        assert any("R0 =" in x.text and "includes it" in x.text for x in fit.findings)
        pulls.append(pull(fit, 1.003e5))
    assert np.max(np.abs(pulls)) < 4.0


def test_r_that_is_not_determined_says_why_in_numbers_and_keeps_its_uncertainty():
    # half an arc: the noise leaves R to 0.6 in the logarithm
    f = np.logspace(7, 4.2, 25)
    data = measured("bulk", [1e7, 2e-12, 0.93], 1, noise=0.02, f=f)
    fit = fit_spectrum(data, circuit="bulk+gb")
    assert not fit.identifiable
    problem = next(x for x in fit.findings if x.severity == "problem")
    assert "not" in problem.text
    assert problem.text.count("%") >= 1


def test_an_electrode_is_left_out_of_r_and_both_are_said():
    values = [4000.0, 1e-10, 0.95, 9000.0, 2e-4, 0.8]
    fit = fit_spectrum(measured("bulk+gb", values, 3))
    assert fit.electrode_arcs == ("R2",)
    assert abs(pull(fit, 4000.0)) < 4.0
    assert any("leaves it out" in x.text for x in fit.findings if x.severity == "warning")
    low, high = profile_interval(fit, "R", level=0.6827)
    assert low < fit.resistance_ohm < high < 5000.0


def test_exponents_at_the_end_of_their_range_are_said():
    fit = fit_spectrum(measured("R0-C1", [100.0, 1e-6], 2), circuit="R0-CPE1")
    assert any("upper bound" in x.text for x in fit.findings) == (
        fit.parameter("CPE1_1").value > 1.0 - 1e-6
    )
    z = 1e5 / (1.0 + (2j * np.pi * FREQUENCY * 1e-3) ** 0.15)
    low = fit_spectrum(spectrum(FREQUENCY, z), circuit="p(R1,CPE1)")
    assert any("lower bound" in x.text for x in low.findings if x.severity == "warning")


def test_real_spectra_with_a_series_resistance(shared_data):
    from cis.io import read_spectra

    formats = shared_data / "cis" / "formats"
    for name in ("data-semicolon.csv", "data-tab.csv", "data.dfr"):
        fit = fit_spectrum(read_spectra(formats / name)[0])
        assert fit.identifiable
        assert fit.resistance_ohm == pytest.approx(300.0, rel=1e-3)
        assert fit.circuit.startswith("R0")
    gamry = fit_spectrum(read_spectra(formats / "exampleDataGamry.DTA")[0])
    assert gamry.electrode_arcs
    assert gamry.resistance_ohm == pytest.approx(4076.0, rel=0.03)  # circle through its arc


def test_candidates_tell_one_choice_and_a_reason_each():
    fit = fit_spectrum(measured("bulk-blocking", TRUTH, 0))
    assert [c.circuit for c in fit.candidates if c.chosen] == [fit.circuit]
    assert all(c.reason for c in fit.candidates)
    assert any(fit.circuit in x.text for x in fit.findings)


def test_three_estimates_agree_on_a_clean_arc():
    fit = fit_spectrum(measured("bulk-blocking", TRUTH, 0))
    values = {e.method: e.value_ohm for e in fit.estimates}
    assert set(values) == {"circuit", "circle", "minimum"}
    assert list(values.values()) == pytest.approx([1e5] * 3, rel=0.02)


def test_unknown_circuit_is_refused():
    with pytest.raises(InputError, match="cannot be read"):
        fit_spectrum(measured("bulk", [1e5, 3e-11, 0.9], 0), circuit="bulk-boundary")


def test_real_series_one_circuit_and_its_optimum(series):
    fits = fit_series(series)
    assert {fit.circuit for fit in fits} == {"bulk+gb-blocking"}
    resistances = [fit.resistance_ohm for fit in fits]
    assert np.all(np.diff(resistances) < 0.0)
    for fit in fits[::3]:
        used = fit.validation.used
        c = circuit(fit.circuit_string)
        f, z = fit.spectrum.frequency_hz[used], fit.spectrum.z_ohm[used]
        low, high = c.bounds()
        best = minimize(
            modulus_problem(c, f, z),
            random_starts(c, f, z, count=200, seed=5),
            low=low,
            high=high,
            iterations=400,
        )
        x = best.x
        assert np.exp(x[0]) + np.exp(x[3]) == pytest.approx(fit.resistance_ohm, rel=0.01)


def test_a_series_keeps_one_circuit_unless_the_data_demand_otherwise():
    data = [measured("bulk-blocking", TRUTH, seed) for seed in range(4)]
    odd = measured("bulk+gb-blocking", [1e4, 2e-11, 0.95, 9e4, 2e-9, 0.9, 2e-6, 0.8], 1)
    fits = fit_series([*data, odd])
    assert len({fit.circuit for fit in fits[:4]}) == 1
    assert fits[4].circuit.startswith("bulk+gb")
    assert any("series" in x.text for x in fits[4].findings)


def test_scatter_of_each_component_by_itself_is_paid_for():
    # 0.5% of Z' and 0.5% of Z'' each, not of |Z|: uneven where one of them is small
    z = circuit("bulk-blocking").impedance(FREQUENCY, TRUTH)
    pulls = []
    for seed in range(120):
        generator = np.random.default_rng(seed)
        re = z.real * (1.0 + 0.005 * generator.normal(size=z.size))
        im = z.imag * (1.0 + 0.005 * generator.normal(size=z.size))
        pulls.append(pull(fit_spectrum(spectrum(FREQUENCY, re + 1j * im)), 1e5))
    assert np.std(pulls) < 1.3  # 1.38 without the correction
    assert np.mean(np.abs(pulls) < 1.0) > 0.57  # 0.54 without
