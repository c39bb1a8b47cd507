"""R_X: by hand, its uncertainty by repetition, what it refuses; the figures of real silica and argon."""

import numpy as np
import pytest

from calibration.errors import InputError
from xtsred.simulation.compare import compare_curves, differences, on_measured_grid, wright_r
from xtsred.simulation.curves import read_table, structure_factor
from xtsred.simulation.frame import ReadOptions
from xtsred.simulation.model import Sample, Weighting, trajectory_model
from xtsred.simulation.rdf import read_rdf
from xtsred.simulation.realspace import compare_real_space
from xtsred.simulation.structure_factors import transform

Q = np.arange(0.5, 13.0, 0.05)
RANGE = (0.6, 12.0)


def glass(amplitude: float = 1.0, shift: float = 0.0):
    """A curve like a glass's."""
    return 1.0 + amplitude * np.sin(1.62 * (Q + shift)) * np.exp(-0.1 * Q)


def test_r_by_hand():
    assert wright_r(np.array([3.0, 4.0]), np.array([3.0, 3.0])) == pytest.approx(0.2)
    used = (Q > 0.59) & (Q < 12.01)
    s, c = glass(), glass(0.9)
    result = compare_curves(Q, s, None, Q, c, q_range=RANGE)
    assert result.r_x == pytest.approx(
        np.sqrt(np.sum((s - c)[used] ** 2) / np.sum(s[used] ** 2)), rel=1e-12
    )
    assert result.r_x_squared == pytest.approx(result.r_x**2)
    assert result.n_points == np.count_nonzero(used)
    assert result.r_x_flat == pytest.approx(wright_r(s[used], np.ones(used.sum())))
    assert result.by_function["S-1"] == pytest.approx(0.1)
    assert result.by_function["Q(S-1)"] == pytest.approx(0.1)
    assert sum(i.share for i in result.intervals) == pytest.approx(1.0)
    assert sum(i.points for i in result.intervals) == result.n_points
    assert result.scale.value == pytest.approx(1.0 / 0.9)
    assert result.scale.r_x == pytest.approx(0.0, abs=1e-12)
    assert result.r_x_sigma is None


@pytest.mark.parametrize("function", ["S", "S-1", "Q(S-1)"])
def test_uncertainty_of_measurement_and_model_by_repetition(function):
    rng = np.random.default_rng(0)
    truth, model, sigma = glass(), glass(0.9, 0.05), 0.02 + 0.002 * Q
    pulls, values = [], []
    central = compare_curves(Q, truth, sigma, Q, model, q_range=RANGE, function=function)
    for _ in range(300):
        noisy = truth + rng.normal(size=len(Q)) * sigma
        blocks = (
            model
            + 0.05 * rng.normal(size=(12, 1)) * np.cos(Q)
            + 0.02 * rng.normal(size=(12, len(Q)))
        )
        g = compare_curves(
            Q, noisy, sigma, Q, blocks.mean(axis=0), q_range=RANGE, blocks=blocks, function=function
        )
        pulls.append((g.r_x - central.r_x) / g.r_x_sigma)
        values.append(g.r_x)
    # noise adds its floor to R_X in quadrature: the mean moves up, the width is the stated one
    assert np.std(pulls) == pytest.approx(1.0, abs=0.12)
    assert np.mean(values) > central.r_x


def test_floor_is_what_a_perfect_model_shows():
    rng = np.random.default_rng(1)
    sigma = np.full(len(Q), 0.03)
    found = [
        compare_curves(
            Q, glass() + rng.normal(size=len(Q)) * sigma, sigma, Q, glass(), q_range=RANGE
        )
        for _ in range(50)
    ]
    assert np.mean([g.r_x for g in found]) == pytest.approx(
        np.mean([g.floor for g in found]), rel=0.02
    )


def test_nothing_is_extrapolated_and_a_cut_is_reported():
    inside = (Q > 1.0) & (Q < 9.0)
    result = compare_curves(Q, glass(), None, Q[inside], glass()[inside], q_range=RANGE)
    assert result.r_x == pytest.approx(0.0, abs=1e-12)
    assert result.q_range == pytest.approx((1.05, 8.95), abs=0.06)
    assert [f.severity for f in result.findings] == ["warning"]
    with pytest.raises(InputError, match="fewer than three points"):
        compare_curves(Q, glass(), None, Q + 20.0, glass(), q_range=RANGE)


def test_interpolation_is_good_to_the_fourth_order_and_says_when_coarse():
    fine = np.arange(0.4, 13.1, 0.1)
    values, findings = on_measured_grid(Q, fine, 1.0 + np.sin(1.62 * fine))
    assert np.nanmax(np.abs(values - 1.0 - np.sin(1.62 * Q))) < 1e-4
    assert findings == ()
    _, coarse = on_measured_grid(Q, np.arange(0.4, 13.4, 0.3), np.ones(44))
    assert len(coarse) == 1


def test_models_that_cannot_be_told_apart_are_not_ranked():
    rng = np.random.default_rng(2)
    sigma = np.full(len(Q), 0.02)
    blocks = [glass(0.9) + 0.02 * rng.normal(size=(8, 1)) * np.cos(Q) for _ in range(2)]
    far = glass(0.6) + 0.02 * rng.normal(size=(8, 1)) * np.cos(Q)
    models = [
        (str(k), compare_curves(Q, glass(), sigma, Q, b.mean(axis=0), q_range=RANGE, blocks=b))
        for k, b in enumerate([*blocks, far])
    ]
    near, away, _ = differences(models)
    assert near.complete
    assert not near.ranked
    assert away.ranked
    assert away.value < 0.0
    unknown = compare_curves(Q, glass(), None, Q, glass(0.5), q_range=RANGE)
    same = compare_curves(Q, glass(), None, Q, glass(0.9), q_range=RANGE)
    assert not differences([("a", unknown), ("b", same)])[0].ranked
    other = compare_curves(Q, glass(), None, Q, glass(0.9), q_range=(1.0, 12.0))
    with pytest.raises(InputError, match="same points"):
        differences([("a", same), ("b", other)])


def test_a_model_without_an_uncertainty_is_not_ranked():
    sigma = np.full(len(Q), 1e-5)
    a, b = (compare_curves(Q, glass(), sigma, Q, glass(x), q_range=RANGE) for x in (0.9, 0.5))
    difference = differences([("a", a), ("b", b)])[0]
    assert difference.value < -100.0 * difference.sigma
    assert not difference.ranked
    assert difference.unknown == ("a", "b")
    assert a.r_x_sigma is None
    assert a.r_x_text.endswith("of the measurement; the model's unknown)")


def test_blocks_that_tell_little_or_nothing_about_the_model():
    sigma = np.full(len(Q), 0.01)
    same = np.array([glass(0.9)] * 5)
    found = compare_curves(Q, glass(), sigma, Q, same[0], q_range=RANGE, blocks=same)
    assert found.sigma_model is None
    assert any("identical" in f.text for f in found.findings)
    two = np.array([glass(0.9), glass(0.85)])
    found = compare_curves(Q, glass(), sigma, Q, two.mean(axis=0), q_range=RANGE, blocks=two)
    assert found.sigma_model is not None
    assert any("2 blocks only" in f.text and f.severity == "warning" for f in found.findings)


def test_two_blocks_rank_only_what_is_far_apart():
    sigma = np.full(len(Q), 1e-4)

    def model(amplitude, count):
        spread = 0.003 * np.where(np.arange(count) % 2, 1.0, -1.0)
        blocks = np.array([glass(amplitude + x) for x in spread])
        return compare_curves(
            Q, glass(), sigma, Q, blocks.mean(axis=0), q_range=RANGE, blocks=blocks
        )

    few = differences([("a", model(0.9, 2)), ("b", model(0.88, 2))])[0]
    many = differences([("a", model(0.9, 10)), ("b", model(0.88, 10))])[0]
    # Student's t for one degree of freedom at the coverage of two sigma
    assert few.coverage == pytest.approx(13.97, abs=0.01)
    assert abs(few.value) > 2.0 * few.sigma
    assert not few.ranked
    assert many.ranked


def test_common_noise_does_not_hide_a_difference():
    # two models with the same misfit but for a small part: the measurement's errors cancel in the difference
    sigma = np.full(len(Q), 0.05)
    a = compare_curves(Q, glass(), sigma, Q, glass(0.80), q_range=RANGE)
    b = compare_curves(Q, glass(), sigma, Q, glass(0.78), q_range=RANGE)
    difference = differences([("a", a), ("b", b)])[0]
    assert difference.sigma < 0.3 * np.hypot(a.sigma_measurement, b.sigma_measurement)


def test_real_space_gives_both_the_same_window():
    result = compare_real_space(Q, glass(), glass(), density=0.07)
    assert result.r_chi == 0.0
    # the peak of sin(1.62 Q) is at 1.62 Å
    peak = result.r[np.argmax(result.measured[result.r < 4.0] / result.r[result.r < 4.0])]
    assert peak == pytest.approx(1.62, abs=0.1)
    with pytest.raises(InputError, match="window"):
        compare_real_space(Q, glass(), glass(), density=0.07, window="hann")


SILICA = {
    "SiO2_glass_3000_atoms.xyz": (0.0877, 0.1009),
    "a_SiO2_speed1e11K.xyz": (0.0716, 0.0888),
    "a_SiO2_speed1e14K.xyz": (0.1122, 0.1183),
    "l_SiO2.xyz": (0.2434, 0.2456),
}


@pytest.mark.parametrize("name", SILICA)
def test_silica_against_nimrod(shared_data, name):
    folder = shared_data / "md" / "silica"
    table = read_table(folder / "SiO2_NIMROD.mint01")
    measured = structure_factor(table, meaning=None, mean_b_squared=0.2758)
    assert measured.meaning == "barn"
    found = []
    for window in ("lorch", "none"):
        model = trajectory_model(
            [folder / name],
            measured.q,
            options=ReadOptions(),
            weighting=Weighting(kind="neutron"),
            sample=Sample(fractions={"Si": 1 / 3, "O": 2 / 3}, number_density_per_a3=0.0663),
            window=window,
        )
        g = compare_curves(measured.q, measured.s, measured.sigma, model.q, model.s, q_range=RANGE)
        found.append(g.r_x)
        assert g.r_x_flat == pytest.approx(0.2570, abs=0.001)
        assert g.n_points == 228
    assert found == pytest.approx(SILICA[name], abs=0.001)


def test_argon_against_yarnell(shared_data):
    folder = shared_data / "md" / "argon"
    measured = structure_factor(read_table(folder / "argon_yarnell1973.sq"), meaning=None)
    assert measured.meaning == "S"
    r, g, _ = read_rdf(folder / "argon_lammps.gr")
    used = (measured.q >= 0.6) & (measured.q <= 9.0)
    found = []
    for window in ("lorch", "none"):
        s = transform(r, g, measured.q[used], density=0.02125, window=window)
        result = compare_curves(
            measured.q, measured.s, None, measured.q[used], s, q_range=(0.6, 9.0)
        )
        found.append(result.r_x)
    assert found == pytest.approx([0.0112, 0.0120], abs=0.001)
