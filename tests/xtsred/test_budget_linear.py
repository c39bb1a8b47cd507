"""The linear budget against what can be written down: scales, densities, shifts; and what must hold for any."""

import csv
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import xtsred
from calibration.certificate import Covariance, issue_certificate, write_certificate
from calibration.errors import InputError
from calibration.quantity import Quantity
from tests.xtsred.budget_rod import ANGLES, RHO0, K, rod
from xtsred.budget.apply import budgeted
from xtsred.budget.correlations import correlation_matrix, joined, stated_correlations
from xtsred.budget.linear import linear_budget
from xtsred.budget.page import budget_sections, budget_values, fitted_text
from xtsred.budget.records import Budget, Source
from xtsred.budget.table import budget_csv
from xtsred.config import load_project
from xtsred.memo import Memo
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Pattern, frozen
from xtsred.subtraction import net_rate

DEMO = Path(xtsred.__file__).parent / "data" / "demo" / "run.toml"


def source(budget: Budget, key: str) -> Source:
    (found,) = (s for s in budget.sources if s.key == key)
    return found


def budget_of(**tables: object) -> Budget:
    case = rod(**tables)
    return linear_budget(case.loaded, case.inputs)


def test_the_case_itself_is_right() -> None:
    """Without noise the reduction finds the K that the scan was made with."""
    case = rod()
    found = reduce_inputs(case.loaded, case.inputs)
    assert found.normalization.k.value == pytest.approx(K, rel=5e-4)


def test_without_a_stated_sigma_only_fit_and_choices_are_left() -> None:
    budget = budget_of()
    assert {s.kind for s in budget.sources} <= {"fitted", "choice"}
    assert any("No uncertainty is stated for" in f.text for f in budget.findings)


def test_a_pure_scale_moves_k_and_nothing_else() -> None:
    """rate ~ 1/monitor: dK/K = -sigma/monitor (to second order), S and g as they were."""
    found = source(budget_of(scan__0__monitor={"value": 2.0, "sigma": 0.02}), "scan[0].monitor")
    # exposure is time x monitor, so K is half
    assert found.scalars["K"] == pytest.approx(-0.01 * K / 2.0, rel=5e-4)
    assert np.max(np.abs(found.s)) < 1e-7
    assert np.max(np.abs(found.g)) < 1e-6
    assert found.scalars["Si-S coordination"] == pytest.approx(0.0, abs=1e-6)


def test_the_density_moves_g_as_its_definition_says() -> None:
    """mu R is stated, so that absorption stays: g = 1 + G/(4 pi rho r), G unchanged; dg = -(g - 1) sigma/rho."""
    sigma = 0.01 * RHO0
    case = rod(
        sample={
            "name": "rod", "composition": "Na2SiS3", "radius_mm": 0.25, "mu_R": 0.12,
            "number_density_per_A3": {"value": RHO0, "sigma": sigma},
        },
    )  # fmt: skip
    pair = reduce_inputs(case.loaded, case.inputs).pair_distribution
    found = source(linear_budget(case.loaded, case.inputs), "sample.number_density_per_A3")
    assert np.max(np.abs(found.s)) < 1e-8
    assert np.max(np.abs(found.d)) < 1e-7
    # central difference of 1/rho: sigma rho/(rho^2 - sigma^2)
    expected = -(pair.g - 1.0) * sigma * RHO0 / (RHO0**2 - sigma**2)
    far = pair.r > 0.1
    assert found.g[0][far] == pytest.approx(expected[far], rel=1e-4, abs=1e-9)


def test_a_fixed_compton_response_moves_s_by_compton_over_the_sensitivity() -> None:
    """rate/K = self + a Compton + sensitivity (S - 1): dS = -[sigma Compton + (rate/K) dlnK] / sensitivity."""
    sigma = 0.01
    case = rod(normalization__compton_response={"value": 1.0, "sigma": sigma})
    budget = linear_budget(case.loaded, case.inputs)
    found = source(budget, "normalization.compton_response")
    t = case.terms
    d_ln_k = found.scalars["K"] / K
    sensitivity = t.elastic * t.square_mean
    change = -(sigma * t.compton * t.incoherent + case.rate / K * d_ln_k) / sensitivity
    expected = np.interp(budget.q, t.q, change)
    inside = budget.used > 0.0
    assert found.s[0][inside] == pytest.approx(expected[inside], rel=0.01, abs=2e-5)
    # at high Q self + Compton must stay what was measured: dlnK = -sigma Compton/(self + Compton) over the range
    high = t.q > 15.5
    share = t.compton * t.incoherent / (t.elastic * t.mean_square + t.compton * t.incoherent)
    assert d_ln_k == pytest.approx(-sigma * float(np.mean(share[high])), rel=0.1)


def test_a_zero_shift_moves_the_rate_along_the_angle() -> None:
    """At fixed Q: dS = [d(rate)/d(2theta) sigma / K - (rate/K) dlnK] / sensitivity, which holds dS/dQ dQ/dzero."""
    sigma = 0.01
    case = rod(goniometer__zero_deg={"value": 0.0, "sigma": sigma})
    budget = linear_budget(case.loaded, case.inputs)
    found = source(budget, "goniometer.zero_deg")
    t = case.terms
    sensitivity = t.elastic * t.square_mean
    slope = np.gradient(case.rate, ANGLES)
    change = (slope * sigma - case.rate * found.scalars["K"] / K) / K / sensitivity
    expected = np.interp(budget.q, t.q, change)
    inside = (budget.q > 1.0) & (budget.q < 20.5)
    off = found.s[0][inside] - expected[inside]
    assert np.sqrt(np.mean(off**2)) < 0.03 * np.sqrt(np.mean(expected[inside] ** 2))
    # the first peak: r scales as 1/Q, dQ/Q = d(theta)/tan(theta), so distances grow with the zero
    assert found.scalars["Si-S distance"] > 0.0


def test_a_wavelength_scales_all_distances() -> None:
    """Q ~ 1/lambda, so r ~ lambda: dr/r = sigma/lambda."""
    sigma = 1e-4 * 0.5594218
    found = source(
        budget_of(radiation__wavelength_A={"value": 0.5594218, "sigma": sigma}),
        "radiation.wavelength_A",
    )
    assert found.scalars["Si-S distance"] == pytest.approx(2.10 * 1e-4, rel=0.05)


def test_noise_is_not_taken_for_a_shift() -> None:
    """The derivative by an angle is that of the expected scan, whatever the counts."""
    settings = {"goniometer__zero_deg": {"value": 0.0, "sigma": 0.002}}
    clean = rod(**settings)
    noisy = rod(noise=5, **settings)
    a = source(linear_budget(clean.loaded, clean.inputs), "goniometer.zero_deg")
    budget = linear_budget(noisy.loaded, noisy.inputs)
    b = source(budget, "goniometer.zero_deg")
    inside = budget.used > 0.0
    difference = np.sqrt(np.mean((a.s - b.s)[0][inside] ** 2))
    assert difference < 0.03 * np.sqrt(np.mean(budget.counting.s[inside] ** 2))
    assert b.scalars["Si-S distance"] == pytest.approx(a.scalars["Si-S distance"], rel=0.1)


def test_twice_the_sigma_is_twice_the_contribution() -> None:
    key = "sample.packing_fraction"
    one = source(budget_of(sample__packing_fraction={"value": 0.5, "sigma": 0.005}), key)
    two = source(budget_of(sample__packing_fraction={"value": 0.5, "sigma": 0.010}), key)
    assert two.s == pytest.approx(2.0 * one.s, rel=0.01, abs=1e-6)
    assert two.scalars["K"] == pytest.approx(2.0 * one.scalars["K"], rel=0.01)
    assert two.nonlinearity is not None
    assert one.nonlinearity is not None
    assert two.nonlinearity == pytest.approx(2.0 * one.nonlinearity, rel=0.1)


def test_at_the_edge_of_the_possible_the_derivative_is_one_sided_and_the_same() -> None:
    """A solid rod cannot be packed more; 0.9999 can, and has the same derivative."""
    edge = rod(sample__packing_fraction={"value": 1.0, "sigma": 0.01})
    budget = linear_budget(edge.loaded, edge.inputs)
    near = budget_of(sample__packing_fraction={"value": 0.985, "sigma": 0.01})
    key = "sample.packing_fraction"
    assert source(budget, key).scalars["K"] == pytest.approx(
        source(near, key).scalars["K"], rel=0.03
    )
    assert source(budget, key).s == pytest.approx(source(near, key).s, abs=2e-5)
    assert any("cannot be higher" in f.text for f in budget.findings)


def test_what_is_not_linear_is_said() -> None:
    budget = budget_of(sample__radius_mm={"value": 0.25, "sigma": 0.2})
    assert any("--monte-carlo" in f.text for f in budget.findings)
    quiet = budget_of(sample__radius_mm={"value": 0.25, "sigma": 0.005})
    assert not any("--monte-carlo" in f.text for f in quiet.findings)


def test_totals_shares_and_outputs_agree() -> None:
    case = rod(
        noise=1,
        sample__packing_fraction={"value": 0.5, "sigma": 0.02},
        normalization__compton_response={"value": 1.0, "sigma": 0.01},
    )
    memo = Memo()
    reduction = reduce_inputs(case.loaded, case.inputs, memo=memo)
    budget = linear_budget(case.loaded, case.inputs, memo=memo, reduction=reduction)
    for scalar in (None, *budget.scalars):
        shares = budget.shares(scalar)
        assert sum(shares.values()) == pytest.approx(1.0)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
    by_hand = np.sqrt(np.sum([s.sigma_s**2 for s in budget.sources], axis=0))
    assert budget.systematic_s == pytest.approx(by_hand)
    done = budgeted(reduction, budget)
    assert done.structure_factor.sigma is reduction.structure_factor.sigma
    assert done.structure_factor.sigma_systematic == pytest.approx(by_hand)
    assert done.pair_distribution.modes is not None
    assert np.sum(done.pair_distribution.modes**2, axis=0) == pytest.approx(budget.systematic_d**2)
    (shell,) = done.shells
    assert shell.position == reduction.shells[0].position
    assert shell.position_systematic == pytest.approx(budget.systematic("Si-S distance"))
    # the limits of the fit are a part of the number's budget, and a field of the shell
    assert shell.coordination_systematic is not None
    assert shell.coordination_limits is not None
    both = np.hypot(shell.coordination_systematic, shell.coordination_limits)
    assert budget.systematic("Si-S coordination") == pytest.approx(both)
    # mu R is proportional to the packing: 4 %, and the packing is stated
    mu_r = done.parameters["mu R (computed)"]
    assert mu_r.sigma == pytest.approx(0.04 * mu_r.value, rel=1e-3)
    rows = list(csv.reader(budget_csv(budget).splitlines()))
    assert rows[0][:5] == ["function", "x", "total", "counting", "systematic"]
    assert {len(row) for row in rows} == {5 + len(budget.sources)}
    assert {row[0] for row in rows[1:]} == {"S(Q)", "G(r)", "g(r)"}
    first = [float(v) for v in rows[1][2:]]
    assert first[0] == pytest.approx(np.hypot(first[1], first[2]), rel=1e-4)


def test_what_is_not_known_is_not_zero_and_the_headline_has_the_total() -> None:
    case = rod(noise=1)
    reduction = reduce_inputs(case.loaded, case.inputs)
    budget = linear_budget(case.loaded, case.inputs, reduction=reduction)
    values = budget_values(budget)
    assert values is not None
    # nothing is stated about the packing: neither it nor mu R has a sigma
    for name in ("packing fraction", "mu R"):
        assert values["numbers"][name]["sigma_total"] is None
        assert values["numbers"][name]["sigma_systematic"] is None
    assert values["numbers"]["K"]["sigma_total"] == pytest.approx(budget.total("K"))
    plain = Quantity(1.0, 0.01)
    assert fitted_text(budgeted(reduction, budget), "K", plain) is plain

    case = rod(noise=1, sample__packing_fraction={"value": 0.5, "sigma": 0.025})
    reduction = reduce_inputs(case.loaded, case.inputs)
    budget = linear_budget(case.loaded, case.inputs, reduction=reduction)
    # the packing is a number of the file: no count is in it, and no fit
    assert budget.scalars["mu R"].sigma_counting == 0.0
    k = reduction.normalization.k
    said = str(fitted_text(budgeted(reduction, budget), "K", k))
    assert said == f"{Quantity(k.value, budget.total('K'), k.unit)} (fit {k.sigma:.2g})"
    (section,) = budget_sections(budgeted(reduction, budget))
    rows = {row[0]: row[1:] for row in section.tables[1].rows}
    rms = np.sqrt(np.mean(budget.counting.s[budget.used > 0.0] ** 2))
    assert rows["S(Q), rms over the bins used"][1] == f"{rms:.2g}"
    assert rows["mu R"][1] == "0"
    assert rows["packing fraction"] == ("0.50(3)", "0", "0.025", "0.025")
    assert rows["K"][1] == "in the fit"


def test_stated_alternatives_of_the_range_are_used() -> None:
    stated = budget_of(normalization__alternative_q_ranges=[[12.0, 22.0], [11.0, 20.0]])
    found = source(stated, "normalization.q_range")
    assert "stated alternatives: 12 to 22, 11 to 20" in found.text
    wrong = budget_of(normalization__alternative_q_ranges=[[12.0, 22.0], [21.9, 22.0]])
    assert any("left out of the budget" in f.text for f in wrong.findings)


def test_multiple_scattering_brings_its_accuracy_and_its_orders() -> None:
    budget = budget_of(multiple_scattering__orders=2)
    names = {s.name: s for s in budget.sources}
    assert 0.0 < (names["multiple scattering, integration"].sigma or 0.0) < 0.05
    assert np.max(np.abs(names["multiple scattering, orders"].s)) > 0.0
    stated = budget_of(
        multiple_scattering__orders=2, multiple_scattering__scale={"value": 1.0, "sigma": 0.1}
    )
    assert [s.kind for s in stated.sources if s.key == "multiple_scattering.scale"] == ["stated"]


def made(key: str, s: Array, change: float) -> Source:
    return Source(
        name=key, key=key, kind="stated", value=1.0, sigma=0.1, unit="", s=frozen(s[None, :]),
        d=frozen(s[None, :]), g=frozen(s[None, :]), scalars={"K": change},
    )  # fmt: skip


def test_correlated_sources_add_as_a_covariance_does() -> None:
    """u^2 = u_a^2 + u_b^2 + 2 r u_a u_b (GUM, Eq. 16), in every bin and for a scalar."""
    a, b, c = np.array([1.0, 2.0]), np.array([3.0, -1.0]), np.array([0.5, 0.5])
    for r in (-1.0, -0.5, 0.3, 1.0):
        both, alone = joined(
            [made("a", a, 2.0), made("b", b, -1.0), made("c", c, 1.0)], {("b", "a"): r}
        )
        assert both.sigma_s**2 == pytest.approx(a**2 + b**2 + 2.0 * r * a * b, abs=1e-12)
        assert both.scalars["K"] ** 2 == pytest.approx(4.0 + 1.0 - 4.0 * r, abs=1e-12)
        assert alone.key == "c"
        cross = both.s.T @ both.s
        assert cross[0, 1] == pytest.approx(
            a[0] * a[1] + b[0] * b[1] + r * (a[0] * b[1] + b[0] * a[1])
        )


def test_impossible_correlations_are_refused() -> None:
    pairs = {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9}
    with pytest.raises(InputError, match="contradict"):
        correlation_matrix(["a", "b", "c"], pairs)
    assert np.array_equal(correlation_matrix([], {}), np.eye(0))


def test_numbers_that_move_together_are_one_source() -> None:
    """In the pipeline's own budget, not only in a made one."""
    case = rod(
        goniometer__zero_deg={"value": 0.0, "sigma": 0.01},
        radiation__wavelength_A={"value": 0.5594218, "sigma": 5e-5},
    )
    keys = ("goniometer.zero_deg", "radiation.wavelength_A")
    memo = Memo(keep=12)
    separate = linear_budget(case.loaded, case.inputs, correlations={}, memo=memo)
    a, b = (source(separate, key) for key in keys)
    for r in (-0.8, 0.8):
        together = linear_budget(case.loaded, case.inputs, correlations={keys: r}, memo=memo)
        one = source(together, "radiation.wavelength_A, goniometer.zero_deg")
        expected = a.s[0] ** 2 + b.s[0] ** 2 + 2.0 * r * a.s[0] * b.s[0]
        assert one.sigma_s**2 == pytest.approx(expected, abs=1e-12)


def test_the_scales_multiply_what_their_scans_contribute() -> None:
    """net = S - t_s b E - ratio a (C - t_c b E) with a = container.scale, b = environment.scale, by hand."""
    settings = ["container.scale=1.5", "environment.scale=0.5"]
    project = load_project(DEMO, settings=settings).record
    rates = {"sample": 100.0, "container": 20.0, "environment": 4.0}
    patterns = {
        role: Pattern(
            role=role, two_theta_deg=frozen([10.0]), rate_cps=frozen([rate]), sigma_cps=frozen([1.0]),
            exposure_s=frozen([1.0]), scans=frozen([1.0]),
        )
        for role, rate in rates.items()
    }  # fmt: skip
    line = SimpleNamespace(wall_ratio=np.array([0.8]))
    # (1 + T)/2 of what stands in the beam
    net = net_rate(project, patterns, line, {"sample": 0.6, "container": 0.8})
    ratio, environment = 1.5 * 0.8, 0.5 * 4.0
    assert net.rate[0] == pytest.approx(
        100.0 - 0.8 * environment - ratio * (20.0 - 0.9 * environment)
    )
    assert net.variance[0] == pytest.approx(1.0 + ratio**2 + (0.5 * (0.8 - ratio * 0.9)) ** 2)


def test_certificates_bring_the_correlation_of_what_was_fitted_together(tmp_path: Path) -> None:
    """Covariance over sigmas; names that the project does not use are left out."""
    covariance = Covariance(
        names=("zero_deg", "across_deg", "wavelength_ratio"),
        matrix=((4e-6, -1.2e-6, 0.0), (-1.2e-6, 1e-6, 0.0), (0.0, 0.0, 1e-10)),
    )
    certificate = issue_certificate(
        "goniometer",
        name="LaB6",
        values={"zero_deg": Quantity(0.01, 2e-3), "across_deg": Quantity(0.02, 1e-3)},
        sources=[],
        covariance=covariance,
    )
    write_certificate(certificate, tmp_path / "goniometer.toml")
    for file in DEMO.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    loaded = load_project(
        tmp_path / "run.toml", settings=['calibration={goniometer="goniometer.toml"}']
    )
    found = stated_correlations(loaded)
    assert {frozenset(pair): r for pair, r in found.items()} == {
        frozenset({"goniometer.zero_deg", "goniometer.across_deg"}): pytest.approx(-0.6)
    }
    assert stated_correlations(load_project(DEMO)) == {}
