"""Functions of total scattering: closed forms, another program's numbers, and round trips between all of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import InputError
from xtsred.fourier import Window, extrapolate
from xtsred.functions import (
    ALIASES,
    FUNCTIONS,
    Material,
    convert,
    density_slope,
    empty_core,
    find_function,
    gain,
    real_space_operator,
    reciprocal_operator,
)
from xtsred.simulation.structure_factors import ashcroft_langreth
from xtsred.simulation.weights import pair_weights, total
from xtsred.transform import Crossing, Profile, transform, uniform_grid

SILICA = Material(
    number_density_per_a3=0.0663, square_mean=0.2758, mean_square=0.30, unit="barn/sr/atom"
)
PAIRS = [
    (a, b)
    for a, b in itertools.product(FUNCTIONS.values(), repeat=2)
    if a.space == b.space and a is not b
]


def names(pair):
    return f"{pair[0].name}-{pair[1].name}"


@pytest.mark.parametrize(
    ("source", "target", "x", "y", "expected", "sigma"),
    [
        # PyStoG 0.6.7 (Converter, rho = 0.0663 atoms/A^3, <b_coh>^2 = 0.2758, <b_tot^2> = 0.30 barn)
        ("g", "G", [0.5, 1.61, 5.0], [0.0, 12.5, 0.93], [-0.4165751859, 15.4257791326, -0.2916026301], [0.0041657519, 0.013413721, 0.0416575186]),
        ("g", "G_keen", [0.5, 1.61, 5.0], [0.0, 12.5, 0.93], [-0.2758, 3.1717, -0.019306], 0.002758),
        ("S", "F", [0.3, 2.5, 18.0], [0.12, 1.31, 0.996], [-0.264, 0.775, -0.072], [0.003, 0.025, 0.18]),
        ("S", "F_keen", [0.3, 2.5, 18.0], [0.12, 1.31, 0.996], [-0.242704, 0.085498, -0.0011032], 0.002758),
        ("S", "I", [0.3, 2.5, 18.0], [0.12, 1.31, 0.996], [0.057296, 0.385498, 0.2988968], 0.002758),
    ],
)  # fmt: skip
def test_another_program_converts_the_same(source, target, x, y, expected, sigma):
    x, y = np.array(x), np.array(y)
    a, b = FUNCTIONS[source], FUNCTIONS[target]
    got = convert(x, y, source=a, target=b, material=SILICA)
    assert got == pytest.approx(np.array(expected), rel=2e-6, abs=1e-12)
    slope = gain(x, source=a, target=b, material=SILICA)
    assert 0.01 * np.abs(slope) == pytest.approx(np.broadcast_to(sigma, x.shape), rel=2e-6)


def test_keens_functions_by_hand():
    # Keen 2001: D = 4 pi rho0 r G, T = D + 4 pi rho0 r <b>^2, and his normalized functions are these over <b>^2
    r, g = np.array([1.0, 2.0]), np.array([3.0, 0.5])
    one = {
        k: convert(r, g, source=FUNCTIONS["g"], target=FUNCTIONS[k], material=SILICA)
        for k in ("G", "T", "R", "G_keen", "D_keen", "T_keen")
    }
    line = 4.0 * np.pi * 0.0663 * r
    assert one["G_keen"] == pytest.approx(0.2758 * (g - 1.0))
    assert one["D_keen"] == pytest.approx(line * one["G_keen"])
    assert one["T_keen"] == pytest.approx(one["D_keen"] + line * 0.2758)
    assert one["G"] == pytest.approx(one["D_keen"] / 0.2758)
    assert one["T"] == pytest.approx(one["T_keen"] / 0.2758)
    assert one["R"] == pytest.approx(r * one["T"])
    # a shell of n atoms at 2 A: the integral of R is n
    fine = np.linspace(1.5, 2.5, 2001)
    shell = 4.0 * np.exp(-0.5 * ((fine - 2.0) / 0.05) ** 2) / (0.05 * np.sqrt(2.0 * np.pi))
    back = convert(fine, shell, source=FUNCTIONS["R"], target=FUNCTIONS["g"], material=SILICA)
    assert np.trapezoid(4.0 * np.pi * 0.0663 * fine**2 * back, fine) == pytest.approx(4.0, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    pair=st.sampled_from(PAIRS),
    x=st.lists(st.floats(0.05, 60.0), min_size=1, max_size=6, unique=True),
    y=st.floats(-50.0, 50.0),
    rho=st.floats(0.005, 0.2),
    b2=st.floats(1e-3, 500.0),
)
def test_there_and_back_is_the_same(pair, x, y, rho, b2):
    a, b = pair
    grid = np.sort(np.array(x))
    material = Material(number_density_per_a3=rho, square_mean=b2, mean_square=1.7 * b2)
    values = np.full(grid.shape, y)
    there = convert(grid, values, source=a, target=b, material=material)
    back = convert(grid, there, source=b, target=a, material=material)
    size = np.abs(a.offset(grid, material)) + np.abs(a.scale(grid, material)) + abs(y)
    lost = np.abs(b.offset(grid, material) * gain(grid, source=b, target=a, material=material))
    assert np.all(np.abs(back - values) <= 1e-12 * (size + lost) + 1e-13)
    forth = gain(grid, source=a, target=b, material=material)
    assert forth * gain(grid, source=b, target=a, material=material) == pytest.approx(1.0)


@pytest.mark.parametrize("pair", PAIRS, ids=names)
def test_slope_in_the_density_is_the_difference_quotient(pair):
    a, b = pair
    x, y = np.array([0.7, 2.0, 9.0]), np.array([0.3, 1.9, 1.02])

    def at(rho):
        material = Material(number_density_per_a3=rho, square_mean=0.3, mean_square=0.4)
        return convert(x, y, source=a, target=b, material=material)

    step = 1e-6
    quotient = (at(0.05 + step) - at(0.05 - step)) / (2.0 * step)
    material = Material(number_density_per_a3=0.05, square_mean=0.3, mean_square=0.4)
    slope = density_slope(x, y, source=a, target=b, material=material)
    assert slope == pytest.approx(quotient, rel=1e-6, abs=1e-6)


def test_ashcroft_langreth_partials_agree_with_the_simulations_own():
    rng = np.random.default_rng(1)
    q, s = np.linspace(0.5, 5.0, 9), rng.normal(1.0, 0.3, (3, 9))
    places, c = ((0, 0), (0, 1), (1, 1)), np.array([0.3, 0.7])
    theirs = ashcroft_langreth(s, fractions=c, pairs=places)
    for row, other, (i, j) in zip(s, theirs, places, strict=True):
        material = Material(pair=(c[i], c[j], i == j))
        ours = convert(q, row, source=FUNCTIONS["S"], target=FUNCTIONS["S_AL"], material=material)
        assert ours == pytest.approx(other)


def test_both_formalisms_give_one_intensity():
    # I = <f^2> + sum c_i c_j f_i f_j (S_ij - 1) = sum sqrt(c_i c_j) f_i f_j S_AL_ij, for f that depend on Q
    rng = np.random.default_rng(2)
    q, s = np.linspace(0.5, 5.0, 9), rng.normal(1.0, 0.3, (3, 9))
    places, c = ((0, 0), (0, 1), (1, 1)), np.array([0.3, 0.7])
    f = np.array([14.0 * np.exp(-0.03 * q**2), 8.0 * np.exp(-0.01 * q**2)])
    intensity = np.zeros_like(q)
    for row, (i, j) in zip(s, places, strict=True):
        pair = Material(pair=(c[i], c[j], i == j))
        al = convert(q, row, source=FUNCTIONS["S"], target=FUNCTIONS["S_AL"], material=pair)
        intensity += (1 if i == j else 2) * np.sqrt(c[i] * c[j]) * f[i] * f[j] * al
    whole = Material(square_mean=(c @ f) ** 2, mean_square=c @ f**2)
    sum_s = total(s, pair_weights(c, f.astype(complex), pairs=places))
    mine = convert(q, sum_s, source=FUNCTIONS["S"], target=FUNCTIONS["I"], material=whole)
    assert mine == pytest.approx(intensity)
    langreth = convert(q, sum_s, source=FUNCTIONS["S"], target=FUNCTIONS["S_AL"], material=whole)
    assert langreth == pytest.approx(intensity / (c @ f**2))


def shell_pair(q, r, *, number=4.0, at=1.61, width=0.08):
    """A Gaussian shell: F(Q) = (n/R) sin(QR) exp(-(Q s)^2/2) and its exact G(r)."""
    f = number / at * np.sin(q * at) * np.exp(-0.5 * (q * width) ** 2)
    g = np.exp(-0.5 * ((r - at) / width) ** 2) - np.exp(-0.5 * ((r + at) / width) ** 2)
    return f, number / (at * width * np.sqrt(2.0 * np.pi)) * g


@pytest.mark.parametrize("uneven", [False, True])
def test_a_gaussian_shell_transforms_as_its_closed_form(uneven):
    q = np.linspace(0.05, 80.0, 1600)
    if uneven:
        q = q * (1.0 + 0.2 * np.sin(q / 25.0) ** 2)
    r = np.linspace(0.1, 8.0, 80)
    f, g = shell_pair(q, r)
    window = Window(name="none", q_max=float(q[-1]))
    fill = extrapolate(q, np.ones_like(q), method="none")
    operator, known = real_space_operator(q, r, window=window, extrapolation=fill)
    assert operator @ (f / q) + known == pytest.approx(g, abs=(2e-3 if uneven else 1e-9) * g.max())


def test_a_gaussian_shell_comes_back_from_r():
    r, q = np.arange(1, 1001) * 0.01, np.linspace(0.3, 40.0, 50)
    f, g = shell_pair(q, r)
    operator = reciprocal_operator(r, q, starts_at_zero=True)
    assert operator @ g == pytest.approx(f, abs=1e-9 * np.abs(f).max())


def test_dilute_hard_spheres():
    # g = 0 below a, 1 above: S - 1 = -4 pi rho0 [sin x - x cos x]/Q^3, and -(4/3) pi a^3 rho0 at Q = 0
    a, rho = 2.5, 0.02
    r = np.arange(0.02, 30.0, 0.02)
    g = np.where(r < a, 0.0, 1.0)
    g[np.isclose(r, a)] = 0.5
    material = Material(number_density_per_a3=rho)
    q = uniform_grid(0.1, 20.0, step=0.1, name="Q")
    done = transform(
        Profile(function=FUNCTIONS["g"], x=r, y=g),
        FUNCTIONS["i"],
        material=material,
        target_material=material,
        crossing=Crossing(grid=q),
    )
    exact = empty_core(q, radius_a=a, number_density_per_a3=rho) / q
    assert done.profile.y == pytest.approx(exact, abs=3e-4)
    assert exact[0] == pytest.approx(-4.0 / 3.0 * np.pi * a**3 * rho, rel=0.01)
    assert done.profile.sigma is None
    # the same table begun at the spheres' contact: the empty core is added in closed form, and that is said
    beyond = r >= a + 0.01
    short = transform(
        Profile(function=FUNCTIONS["g"], x=r[beyond], y=g[beyond]),
        FUNCTIONS["i"],
        material=material,
        target_material=material,
        crossing=Crossing(grid=q),
    )
    assert short.findings[0].severity == "warning"  # it begins at g = 1: is there nothing below?
    assert "g = 0 is taken below" in short.findings[0].text
    assert short.facts["below the first r"].startswith("g = 0 for r < 2.52")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), step=st.floats(0.02, 0.3), count=st.integers(8, 120))
def test_the_transform_and_back_on_a_whole_grid_is_exact(seed, step, count):
    # sines on j dQ and i pi/((n+1) dQ) are orthogonal (DST-I): what goes out comes back
    rng = np.random.default_rng(seed)
    q = step * np.arange(1, count + 1)
    r = np.pi / ((count + 1) * step) * np.arange(1, count + 1)
    f = rng.normal(size=count)
    f[-1] = 0.0  # the trapezoid rule halves the last point
    i = FUNCTIONS["i"]
    material = Material(number_density_per_a3=0.05)
    to_r = Crossing(grid=r, window=Window(name="none", q_max=float(q[-1])), extrapolation="none")
    kept = {"material": material, "target_material": material}
    there = transform(Profile(function=i, x=q, y=f / q), FUNCTIONS["G"], crossing=to_r, **kept)
    last = there.profile.y[-1] * (0.5 * (r[1] - r[0])) * np.sin(q * r[-1])
    back = transform(there.profile, FUNCTIONS["F"], crossing=Crossing(grid=q), **kept)
    assert back.profile.y + last == pytest.approx(f, abs=1e-9)


def test_uncertainty_across_the_transform_is_that_of_many_draws():
    rng = np.random.default_rng(5)
    q, r = np.arange(0.5, 15.0, 0.1), np.linspace(0.5, 6.0, 12)
    f, _ = shell_pair(q, r)
    sigma = 0.01 + 0.002 * q
    material = Material(number_density_per_a3=0.05)
    crossing = Crossing(grid=r, window=Window(name="lorch", q_max=15.0), extrapolation="constant")

    def run(values):
        profile = Profile(function=FUNCTIONS["i"], x=q, y=values, sigma=sigma)
        return transform(
            profile,
            FUNCTIONS["g"],
            material=material,
            target_material=material,
            crossing=crossing,
            density_sigma=0.001,
        ).profile

    clean = run(f / q)
    draws = np.array([run(f / q + sigma * rng.normal(size=q.size)).y for _ in range(1500)])
    assert draws.std(axis=0) == pytest.approx(clean.sigma, rel=0.08)
    # g - 1 goes as 1/rho0 at fixed S
    assert clean.density_mode == pytest.approx(-(clean.y - 1.0) * 0.001 / 0.05)


def test_from_r_to_q_the_densitys_mode_is_the_difference_quotient():
    r, q = np.arange(2.0, 12.0, 0.02), np.arange(0.5, 10.0, 0.5)
    g = 1.0 + np.exp(-(r - 2.0)) * np.cos(3.0 * r)

    def run(rho, sigma=None):
        material = Material(number_density_per_a3=rho)
        return transform(
            Profile(function=FUNCTIONS["g"], x=r, y=g),
            FUNCTIONS["S"],
            material=material,
            target_material=material,
            crossing=Crossing(grid=q),
            density_sigma=sigma,
        ).profile

    quotient = (run(0.0501).y - run(0.0499).y) / 0.0002
    assert run(0.05, 0.001).density_mode == pytest.approx(0.001 * quotient, rel=1e-6, abs=1e-9)


def test_what_is_not_defined_is_refused_with_its_reason():
    x = np.array([1.0, 2.0])
    xray = Material(
        number_density_per_a3=0.05, square_mean=np.array([100.0]), mean_square=np.ones(1)
    )
    cases = [
        ("g", "G_keen", xray, "does not exist for X-rays"),
        ("g", "T", Material(), "number density is not stated"),
        ("S", "S_AL", Material(), "scattering factors of the sample are not stated"),
        ("S", "S_AL", Material(pair=(None, None, True)), "need the composition"),
        ("S", "F_keen", Material(pair=(0.5, 0.5, True), square_mean=1.0), "are of a total"),
        ("F_keen", "S", Material(square_mean=0.0), "vanishes"),
    ]
    for source, target, material, text in cases:
        with pytest.raises(InputError) as caught:
            convert(x, x, source=FUNCTIONS[source], target=FUNCTIONS[target], material=material)
        assert text in caught.value.what
        assert caught.value.remedy or caught.value.why
    with pytest.raises(InputError, match="no function"):
        find_function("s")
    with pytest.raises(ValueError, match="function of Q"):
        gain(x, source=FUNCTIONS["S"], target=FUNCTIONS["g"], material=xray)
    assert {find_function(a).name for a in ALIASES} <= set(FUNCTIONS)
    assert find_function("S(Q)").name == "S"
    assert find_function("G(r)").name == "G"


def test_grids_that_alias_or_are_none_are_refused():
    q = np.arange(0.5, 10.0, 0.5)
    material = Material(number_density_per_a3=0.05)
    profile = Profile(function=FUNCTIONS["S"], x=q, y=np.ones_like(q))
    window = Window(name="none", q_max=10.0)
    for crossing, text in (
        (Crossing(grid=np.array([1.0, 7.0]), window=window), "carries it to 6.283 only"),
        (Crossing(grid=np.array([1.0, 2.0])), "window of the transform"),
    ):
        with pytest.raises(InputError, match=text):
            transform(
                profile,
                FUNCTIONS["G"],
                material=material,
                target_material=material,
                crossing=crossing,
            )
    with pytest.raises(InputError, match="is none"):
        uniform_grid(1.0, 0.5, step=0.1, name="r")
