"""`xtsred optimize`: the algebra against other algebra, the conditions against a known truth, refusals by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from calibration.errors import InputError
from calibration.quantity import Quantity
from xtsred.config import Project, load_project
from xtsred.forward import sodium_thiosilicate, true_structure_factor
from xtsred.inputs import read_inputs
from xtsred.memo import Memo
from xtsred.optimize.posterior import Linearized, cost, most_probable, tolerance_needed
from xtsred.optimize.project import Adjusted, chosen_parameters, posterior_project
from xtsred.optimize.short_distances import ShortDistances, hole, relative_curves
from xtsred.optimize.wall import wall_brightness, wall_is_a_standard, wall_pattern
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Reduction
from xtsred.unpack import make_plan

DEMO = Path(__file__).parents[2] / "xtsred" / "data" / "demo" / "run.toml"
FAST = ("multiple_scattering.orders=2", "fourier.r_step=0.05")


def project(*settings: str) -> Project:
    return load_project(DEMO, settings=[*FAST, *settings]).record


@pytest.fixture(scope="module")
def demo() -> Reduction:
    loaded = load_project(DEMO, settings=FAST)
    return reduce_inputs(loaded, read_inputs(loaded))


@pytest.fixture(scope="module")
def short(demo: Reduction) -> ShortDistances:
    return ShortDistances.of(demo, q_range=(0.6, 21.5))


# the algebra


def model(generator: np.random.Generator, residuals: int = 6, parameters: int = 3) -> Linearized:
    a = generator.normal(size=(residuals, residuals))
    b = generator.normal(size=(residuals, residuals))
    return Linearized(
        at=generator.normal(size=parameters),
        value=3.0 * generator.normal(size=residuals),
        jacobian=generator.normal(size=(residuals, parameters)),
        counting=a @ a.T + np.eye(residuals),
        tolerance=b @ b.T,
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_other_form_of_the_posterior(seed: int) -> None:
    """By the gain J^T (J J^T + C)^-1, the identity that Kalman filters rest on; and the gradient of the cost is zero."""
    m = model(np.random.default_rng(seed))
    found = most_probable(m, scale=1.3)
    c = m.covariance(1.3)
    gain = m.jacobian.T @ np.linalg.inv(m.jacobian @ m.jacobian.T + c)
    assert np.allclose(found.u, gain @ (m.jacobian @ m.at - m.value))
    assert np.allclose(found.covariance, np.eye(3) - gain @ m.jacobian)
    left = m.value + m.jacobian @ (found.u - m.at)
    assert np.allclose(m.jacobian.T @ np.linalg.solve(c, left) + found.u, 0.0, atol=1e-9)
    assert found.cost == pytest.approx(cost(left, found.u, covariance=c))


def test_correlated_priors_are_independent_ones_of_other_parameters() -> None:
    """With R = L L^T, u = L v: a fit of v with unit priors, carried back."""
    generator = np.random.default_rng(5)
    of_u = model(generator)
    matrix = np.array([[1.0, -0.97, 0.2], [-0.97, 1.0, -0.1], [0.2, -0.1, 1.0]])
    low = np.linalg.cholesky(matrix)
    of_v = replace(of_u, at=np.linalg.solve(low, of_u.at), jacobian=of_u.jacobian @ low)
    of_u = replace(of_u, correlation=matrix)
    u, v = most_probable(of_u), most_probable(of_v)
    np.testing.assert_allclose(u.u, low @ v.u, rtol=1e-9)
    np.testing.assert_allclose(u.covariance, low @ v.covariance @ low.T, rtol=1e-9)
    assert u.cost == pytest.approx(v.cost)
    at = np.ones(3)
    assert cost(np.zeros(6), at, covariance=np.eye(6), precision=of_u.precision) == pytest.approx(
        float(np.sum(np.linalg.solve(low, at) ** 2))
    )


def test_what_the_data_do_not_see_stays_as_stated() -> None:
    m = Linearized(
        at=np.zeros(2),
        value=np.array([5.0]),
        jacobian=np.array([[2.0, 0.0]]),
        counting=np.eye(1),
        tolerance=np.zeros((1, 1)),
    )
    found = most_probable(m)
    # one number, one parameter: u = -J r/(1 + J^2), variance 1/(1 + J^2)
    assert found.u == pytest.approx([-2.0, 0.0])
    assert np.diag(found.covariance) == pytest.approx([0.2, 1.0])


def test_posteriors_cover() -> None:
    """Parameters drawn from the prior, residuals from their covariance: pulls are unit normal, the cost is chi^2."""
    generator = np.random.default_rng(11)
    m = model(generator)
    low = np.linalg.cholesky(m.covariance(1.0))
    pulls, costs = [], []
    for _ in range(2000):
        u = generator.normal(size=3)
        value = m.jacobian @ (m.at - u) + low @ generator.normal(size=6)
        drawn = Linearized(
            at=m.at, value=value, jacobian=m.jacobian, counting=m.counting, tolerance=m.tolerance
        )
        found = most_probable(drawn)
        pulls.append(np.linalg.solve(np.linalg.cholesky(found.covariance), found.u - u))
        costs.append(found.cost)
    assert abs(np.mean(pulls)) < 0.05
    assert np.std(pulls) == pytest.approx(1.0, abs=0.04)
    assert np.mean(costs) == pytest.approx(6.0, abs=0.3)
    assert np.var(costs) == pytest.approx(12.0, abs=2.0)


def test_tolerance_grows_where_the_conditions_contradict() -> None:
    """Noise ten times the stated tolerance: the scale is ten within its own chi^2; noise as stated leaves it alone."""
    generator = np.random.default_rng(3)
    counting, tolerance = 1e-4 * np.eye(12), np.eye(12)
    jacobian = np.zeros((12, 1))
    found = []
    for size in (1.0, 10.0):
        values = [
            Linearized(
                at=np.zeros(1),
                value=size * generator.normal(size=12),
                jacobian=jacobian,
                counting=counting,
                tolerance=tolerance,
            )
            for _ in range(200)
        ]
        found.append([tolerance_needed(v) for v in values])
    assert np.mean(np.array(found[0]) == 1.0) > 0.95
    assert np.median(found[1]) == pytest.approx(10.0, rel=0.1)


# short distances


def test_hole_is_the_transform_of_the_line() -> None:
    for q in (0.7, 3.0, 17.0):
        number, _ = quad(lambda r, q=q: -4.0 * np.pi * 0.05 * r * np.sin(q * r) / q, 0.0, 1.5)
        assert hole(np.array([q]), number_density_per_a3=0.05, limit_a=1.5)[0] == pytest.approx(
            number
        )


def truth(q: Array) -> Array:
    low, middle, high = (
        true_structure_factor(sodium_thiosilicate(), q + d).s for d in (-0.025, 0.0, 0.025)
    )
    return np.asarray((low + 4.0 * middle + high) / 6.0)


def test_the_truth_fulfils_them_and_errors_do_not(demo: Reduction, short: ShortDistances) -> None:
    """The known S(Q) is 0 within a fraction of sigma, K drops out, and a wrong density or Compton response is seen."""
    s = demo.structure_factor
    inside = short.bins(s)
    q = s.q[inside]
    empty = hole(q, number_density_per_a3=0.0431, limit_a=short.limit_a)
    right = short.matrix @ (truth(q) - 1.0 - empty)
    assert 6 <= right.size <= 12
    assert np.max(np.abs(right)) < 0.3
    curves = relative_curves(demo.intensity, q)
    assert np.linalg.norm(short.matrix @ curves["K"]) * 0.01 < 0.3
    assert np.linalg.norm(short.matrix @ curves["Compton"]) * 0.01 > 5.0
    denser = hole(q, number_density_per_a3=1.2 * 0.0431, limit_a=short.limit_a)
    assert np.linalg.norm(short.matrix @ (denser - empty)) > 2.0
    # a peak at 2 Å that grows is no error
    peak = 0.02 * np.sinc(q * 2.13 / np.pi) * np.exp(-0.5 * (0.075 * q) ** 2)
    assert np.linalg.norm(short.matrix @ peak) < 0.3


def test_counting_gives_them_unit_variance_at_most(demo: Reduction, short: ShortDistances) -> None:
    """The rest of the unit is what lies beyond the limit and K; the best determined patterns are counting alone."""
    s = demo.structure_factor
    inside = short.bins(s)
    covariance = (
        np.diag(s.sigma[inside] ** 2) if s.covariance is None else s.covariance[inside, inside]
    )
    counting = short.matrix @ covariance @ short.matrix.T
    assert np.linalg.eigvalsh(counting)[-1] < 1.0 + 1e-6
    assert counting[0, 0] > 0.7
    value = short(demo)
    assert float(value @ value) < 30.0  # chi^2 of 6 to 12: one in a thousand


def test_without_a_first_distance_nothing_is_adjusted(demo: Reduction) -> None:
    blind = replace(demo, pair_distribution=replace(demo.pair_distribution, first_distance=None))
    with pytest.raises(InputError, match="no first peak"):
        ShortDistances.of(blind, q_range=(0.6, 21.5))


# the wall


def test_wall_against_the_other_monte_carlo() -> None:
    """Coherent and Compton scattering of the empty capillary in the shipped truth, made by rays of `xtsred.forward`."""
    table = np.genfromtxt(DEMO.with_name("truth_components.csv"), delimiter=",", names=True)
    inside = (table["tth"] > 60.0) & (table["tth"] < 150.0)
    angle = table["tth"][inside]
    ours = wall_pattern(angle, make_plan(project()), response=1.0)
    theirs = (table["e_coh_c"] + table["e_inc_c"])[inside]
    # the wall's S(Q) oscillates by a few per cent about 1; its mean does not
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.01)
    assert np.max(np.abs(ours / theirs - 1.0)) < 0.06


def test_brightness_measures_the_wall(demo: Reduction) -> None:
    """0 within a per cent as it is, and -ln of the amount when the project says that there is more of it."""
    assert wall_is_a_standard(project("container.wall_thickness_mm={value=0.01, sigma=0.001}"))
    assert not wall_is_a_standard(project())
    right = wall_brightness(demo, project(), memo=Memo())
    assert abs(right.value) < 0.01
    assert right.sigma is not None
    assert 0.0 < right.sigma < 0.005
    thicker = wall_brightness(demo, project("container.wall_thickness_mm=0.012"), memo=Memo())
    area = (0.262**2 - 0.25**2) / (0.26**2 - 0.25**2)
    assert thicker.value - right.value == pytest.approx(-np.log(area), abs=0.005)
    scaled = wall_brightness(demo, project("container.scale=1.1"), memo=Memo())
    assert scaled.value - right.value == pytest.approx(np.log(1.1), abs=1e-9)


def test_no_wall_no_standard() -> None:
    continuum = 'radiation={anode="Ag", lines="Ka1+Ka2", continuum={tube_kV=60.0}}'
    wall = "container.wall_thickness_mm={value=0.01, sigma=0.001}"
    assert not wall_is_a_standard(project(continuum, wall))


# what may be adjusted


def named(*paths: str) -> str:
    return "optimize.parameters=[" + ", ".join(f'"{p}"' for p in paths) + "]"


def refusal(*settings: str) -> InputError:
    with pytest.raises(InputError) as caught:
        chosen_parameters(project(*settings))
    return caught.value


def test_a_number_without_sigma_is_refused_by_name() -> None:
    error = refusal(named("sample.packing_fraction"))
    assert error.where == "sample.packing_fraction"
    assert "sigma is not stated" in error.what
    assert "packing_fraction = { value = 0.5, sigma" in error.remedy


def test_other_refusals() -> None:
    assert "no number of this project" in refusal(named("sample.packing")).what
    assert "nothing may be adjusted" in refusal().what
    fitted = refusal(
        "normalization.compton_response_sigma=0.05", named("normalization.compton_response")
    )
    assert "the reduction itself fits" in fitted.what
    again = refusal("optimize={posterior=true}")
    assert "twice" in again.why


def test_all_with_a_sigma_where_none_is_named() -> None:
    stated = (
        "sample.packing_fraction={value=0.5, sigma=0.02}",
        "sample.composition_sigma={Na=0.01}",
    )
    assert [p.path for p in chosen_parameters(project(*stated))] == [
        "sample.packing_fraction",
        "sample.composition.Na",
    ]
    one = chosen_parameters(project(*stated, named("sample.composition.Na")))
    assert [p.path for p in one] == ["sample.composition.Na"]


def test_the_project_of_the_posterior() -> None:
    """Values and sigmas at their places, lists and amounts of elements included; marked against a second fit."""
    line = "radiation={line=[{wavelength_A={value=0.5594218, sigma=1e-5}, weight=2}, {wavelength_A=0.5638131, weight={value=1, sigma=0.1}}]}"
    loaded = load_project(DEMO, settings=[*FAST, line, "sample.composition_sigma={Na=0.01}"])
    adjusted = tuple(
        Adjusted(path=path, prior=Quantity(1.0, 0.1), posterior=Quantity(value, sigma), pull=0.0)
        for path, value, sigma in (
            ("radiation.line[1].weight", 1.05, 0.02),
            ("sample.composition.Na", 0.34, 0.005),
        )
    )
    changed, _ = posterior_project(loaded, read_inputs(loaded), adjusted)
    assert changed.record.radiation.line[1].weight == Quantity(1.05, 0.02)
    assert changed.record.radiation.line[0] == loaded.record.radiation.line[0]
    assert changed.record.sample.composition_sigma == {"Na": 0.005}
    assert changed.record.optimize is not None
    assert changed.record.optimize.posterior
    with pytest.raises(InputError):
        chosen_parameters(changed.record)
