"""The transform against closed forms: a Gaussian shell, the windows' own peaks, grids, and the noise (Monte Carlo)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import sici

from xtsred.forward import sodium_thiosilicate, true_pair_distribution, true_structure_factor
from xtsred.fourier import (
    WINDOWS,
    Window,
    extrapolate,
    pair_distribution,
    quadrature_weights,
    sine_operator,
    transform_operator,
    window_function,
)
from xtsred.stages import Array, StructureFactor, frozen

DENSITY = 0.05


def structure(q: Array, s: Array, sigma: Array | None = None) -> StructureFactor:
    noise = np.full(q.size, 1e-3) if sigma is None else sigma
    return StructureFactor(q=frozen(q), s=frozen(s), sigma=frozen(noise))


def bin_means(q: Array, distance: float) -> Array:
    """1 + the mean of sin(Qr)/(Qr) over each bin: (Si(b r) - Si(a r)) / (r (b - a))."""
    step = q[1] - q[0]
    upper, lower = sici((q + step / 2) * distance)[0], sici((q - step / 2) * distance)[0]
    return np.asarray(1.0 + (upper - lower) / (step * distance))


def test_windows_at_their_ends() -> None:
    """M(0) = 1; Lorch and cosine vanish at Q_max; Soper-Barney at the first zero of j_1, x = 4.4934."""
    q_max = 20.0
    ends = np.array([1e-9, q_max])
    for name in WINDOWS:
        window = Window(name=name, q_max=q_max, delta_a=4.493409457909064 / q_max)
        at_zero, at_end = window_function(ends, window=window)
        assert at_zero == pytest.approx(1.0)
        assert at_end == pytest.approx(1.0 if name == "none" else 0.0, abs=1e-12)


def test_windows_in_the_middle() -> None:
    """sinc(1/2) = 2/pi, cos(pi/4), and 3 j_1(x)/x at x = pi: 3/pi^2."""
    half = np.array([10.0])
    assert window_function(half, window=Window(name="lorch", q_max=20.0))[0] == pytest.approx(
        2.0 / np.pi
    )
    assert window_function(half, window=Window(name="cosine", q_max=20.0))[0] == pytest.approx(
        np.sqrt(0.5)
    )
    barney = Window(name="soper-barney", q_max=20.0, delta_a=np.pi / 10.0)
    assert window_function(half, window=barney)[0] == pytest.approx(3.0 / np.pi**2)


def test_soper_barney_has_no_seam_where_the_series_takes_over() -> None:
    window = Window(name="soper-barney", q_max=20.0, delta_a=1.0)
    left, right = window_function(np.array([0.01 - 1e-9, 0.01 + 1e-9]), window=window)
    assert left == pytest.approx(right, abs=1e-10)


def test_single_gaussian_shell() -> None:
    """n atoms at R, width u: T(r) = n/R [N(r - R; u) - N(r + R; u)], exact once exp(-u^2 Q_max^2/2) is gone."""
    n, distance, u = 4.0, 1.61, 0.2
    q = 0.02 * np.arange(1, 1501)  # to 30 Å^-1: exp(-18) = 1e-8
    s = 1.0 + n * np.sinc(q * distance / np.pi) * np.exp(-0.5 * (u * q) ** 2)
    r = frozen(np.linspace(0.2, 6.0, 291))
    pdf = pair_distribution(
        structure(q, s),
        r,
        window=Window(name="none", q_max=30.01),
        number_density_per_a3=DENSITY,
        extrapolation="none",
    )
    gauss = np.exp(-0.5 * ((r - distance) / u) ** 2) - np.exp(-0.5 * ((r + distance) / u) ** 2)
    exact = n / distance * gauss / (u * np.sqrt(2.0 * np.pi))
    # the operator takes bins: it divides by sinc(r dQ/2), 6e-4 at 6 Å, which point values do not ask for
    shrink = np.sinc(r * 0.02 / 2.0 / np.pi)
    assert np.max(np.abs(pdf.d * shrink - exact)) < 1e-4 * exact.max()
    # and the integral of R(r) over the peak counts the atoms
    around = (r > 0.5) & (r < 2.8)
    assert np.trapezoid(pdf.d[around] * r[around], r[around]) == pytest.approx(n, rel=1e-3)


def peak(name: str, x: Array, q_max: float) -> Array:
    """∫_0^Q_max cos(Qx) M(Q) dQ / pi: the shape that a window gives a sharp distance (times 2/R)."""

    def none(y: Array) -> Array:
        return np.asarray(q_max / np.pi * np.sinc(q_max * y / np.pi))

    if name == "none":
        return none(x)
    if name == "cosine":  # half the sum of two sincs, shifted by pi/(2 Q_max)
        shift = np.pi / (2.0 * q_max)
        return 0.5 * (none(x - shift) + none(x + shift))
    # Lorch (1969): the mean of the plain peak over 2 pi/Q_max, in sine integrals
    width = np.pi / q_max
    upper, lower = sici(q_max * (x + width))[0], sici(q_max * (x - width))[0]
    return np.asarray((upper - lower) / (2.0 * np.pi * width))


@pytest.mark.parametrize("name", ["none", "cosine", "lorch"])
def test_peak_function_of_each_window(name: str) -> None:
    distance, q_max = 2.4, 17.025
    q = 0.05 * np.arange(1, 341)
    r = frozen(np.linspace(0.3, 8.0, 386))
    pdf = pair_distribution(
        structure(q, bin_means(q, distance)),
        r,
        window=Window(name=name, q_max=q_max),
        number_density_per_a3=DENSITY,
        extrapolation="none",
    )
    exact = (peak(name, r - distance, q_max) - peak(name, r + distance, q_max)) / distance
    assert np.max(np.abs(pdf.d - exact)) < 2e-3 * exact.max()


def test_bin_width_is_divided_out() -> None:
    """A component at 12 Å in bins of 0.15 Å^-1 loses 13 %; the correction gives it back to 0.4 %.

    Not to rounding: the mean over a bin of sin(Qr)/(Qr) is sinc(r dQ/2) of it but for the slow 1/Q.
    """
    distance, step = 12.0, 0.15
    q = step * np.arange(1, 115)
    top = q[-1] + step / 2
    window = Window(name="lorch", q_max=top)
    r = frozen([distance])

    def height(s: Array) -> float:
        return float(
            pair_distribution(
                structure(q, s),
                r,
                window=window,
                number_density_per_a3=DENSITY,
                extrapolation="none",
            ).d[0]
        )

    exact = float(peak("lorch", np.zeros(1), top)[0]) / distance
    assert np.sinc(distance * step / 2 / np.pi) == pytest.approx(0.870, abs=1e-3)
    assert height(bin_means(q, distance)) == pytest.approx(exact, rel=5e-3)


@given(seed=st.integers(0, 1000))
def test_a_non_uniform_grid_shifts_no_peak(seed: int) -> None:
    generator = np.random.default_rng(seed)
    q = np.cumsum(generator.uniform(0.01, 0.05, 700))
    distance, u = 3.0, 0.15
    f = np.sin(q * distance) / distance * np.exp(-0.5 * (u * q) ** 2)
    r = np.linspace(2.9, 3.1, 201)
    g = sine_operator(r, q=q, weights=quadrature_weights(q)) @ f
    assert r[np.argmax(g)] == pytest.approx(distance, abs=0.003)
    assert g.max() == pytest.approx(1.0 / (distance * u * np.sqrt(2 * np.pi)), rel=5e-3)


def test_extrapolations() -> None:
    q = 0.05 * np.arange(12, 200)
    sigma = np.linspace(1e-3, 4e-3, q.size)
    s = 0.1 + 0.3 * q**2
    none = extrapolate(q, sigma, method="none")
    assert none.q == pytest.approx(0.05 * np.arange(1, 12))
    assert np.all(none.matrix @ (s - 1.0) + none.offset == 0.0)
    constant = extrapolate(q, sigma, method="constant")
    assert constant.matrix @ (s - 1.0) == pytest.approx(s[0] - 1.0)
    parabola = extrapolate(q, sigma, method="parabola")
    # exact for a parabola in Q, even
    assert parabola.matrix @ (s - 1.0) == pytest.approx(0.1 + 0.3 * parabola.q**2 - 1.0, abs=1e-10)
    for fill in (none, constant, parabola):
        assert "0..0.575" in fill.text
    with pytest.raises(ValueError, match="unknown extrapolation"):
        extrapolate(q, sigma, method="spline")


def test_nothing_to_extrapolate() -> None:
    q = 0.05 * np.arange(1, 100)
    fill = extrapolate(q, np.ones(q.size), method="parabola")
    assert fill.q.size == 0
    assert "nothing" in fill.text


def test_virtual_glass_comes_back() -> None:
    """A glass with S(Q) and g(r) in closed form, Q to 60 Å^-1, where its sharpest shell is gone."""
    model = sodium_thiosilicate()
    q = 0.02 * np.arange(1, 3001)
    r = frozen(np.linspace(0.5, 15.0, 400))
    rho = model.number_density_per_a3
    pdf = pair_distribution(
        structure(q, true_structure_factor(model, q).s),
        r,
        window=Window(name="none", q_max=61.0),
        number_density_per_a3=rho,
        extrapolation="none",
    )
    exact = 4 * np.pi * rho * r * (true_pair_distribution(model, r) - 1.0)
    shrink = np.sinc(r * 0.02 / 2.0 / np.pi)
    assert np.max(np.abs(pdf.d * shrink - exact)) < 1e-3


def test_functions_follow_from_each_other() -> None:
    """Keen (2001): g = 1 + D/(4 pi rho0 r), T = D + 4 pi rho0 r, R = r T."""
    q = 0.05 * np.arange(12, 340)
    s = 1.0 + 0.3 * np.sin(2.5 * q) / q
    r = frozen(np.linspace(0.1, 10.0, 100))
    pdf = pair_distribution(
        structure(q, s),
        r,
        window=Window(name="lorch", q_max=17.0),
        number_density_per_a3=DENSITY,
        extrapolation="parabola",
    )
    line = 4 * np.pi * DENSITY * r
    assert pdf.g == pytest.approx(1.0 + pdf.d / line)
    assert pdf.t == pytest.approx(pdf.d + line)
    assert pdf.rdf == pytest.approx(r * pdf.t)
    assert pdf.g_sigma * line == pytest.approx(pdf.d_sigma)
    assert pdf.rdf_sigma == pytest.approx(r * pdf.t_sigma)
    assert "lorch" in pdf.window
    with pytest.raises(ValueError, match="r must be"):
        pair_distribution(
            structure(q, s),
            frozen([0.0, 1.0]),
            window=Window(name="none", q_max=17.0),
            number_density_per_a3=DENSITY,
            extrapolation="none",
        )


@pytest.mark.parametrize("correlated", [False, True])
def test_covariance_by_monte_carlo(correlated: bool) -> None:
    """Noise of S, independent or correlated, through extrapolation and window: scatter of G is its covariance."""
    generator = np.random.default_rng(5)
    q = 0.1 * np.arange(6, 170)
    sigma = 0.01 * (1.0 + q / 8.0)
    s = 1.0 + np.sin(2.1 * q) / q
    lag = np.abs(np.subtract.outer(np.arange(q.size), np.arange(q.size)))
    cov = np.outer(sigma, sigma) * (0.5**lag if correlated else lag == 0)
    r = frozen(np.array([0.5, 1.0, 2.1, 2.2, 5.0, 9.0]))
    window = Window(name="cosine", q_max=16.95)
    clean = StructureFactor(
        q=frozen(q),
        s=frozen(s),
        sigma=frozen(sigma),
        covariance=frozen(cov) if correlated else None,
    )
    pdf = pair_distribution(
        clean, r, window=window, number_density_per_a3=DENSITY, extrapolation="parabola"
    )
    operator, _ = transform_operator(clean, r, window=window, extrapolation="parabola")
    noise = generator.multivariate_normal(np.zeros(q.size), cov, size=8000) @ operator.T
    assert pdf.covariance is not None
    scale = np.outer(pdf.d_sigma, pdf.d_sigma)
    # 8000 draws: correlations to 1/sqrt(8000) = 0.011, variances to 0.016
    assert np.max(np.abs(np.cov(noise.T) - pdf.covariance) / scale) < 0.06


def test_a_parabola_that_would_be_negative_starts_at_zero() -> None:
    """S = 0.1 + (Q - 0.6)^2/0.2 rises so steeply that its parabola has S(0) < 0: S(0) = 0 then, and the text says so."""
    q = 0.6 + 0.05 * np.arange(300)
    s = np.where(q < 1.0, 0.1 + (q - 0.6) ** 2 / 0.4, 1.0)
    sigma = np.full(q.size, 0.01)
    plain = extrapolate(q, sigma, method="parabola")
    assert (plain.matrix @ (s - 1.0) + 1.0)[0] < 0.0
    fill = extrapolate(q, sigma, method="parabola", s=s)
    filled = fill.matrix @ (s - 1.0) + fill.offset + 1.0
    np.testing.assert_allclose(filled, s[0] * (fill.q / q[0]) ** 2, rtol=1e-12)
    assert "negative" in fill.text
    # one that stays positive is left as it is
    flat = extrapolate(q, sigma, method="parabola", s=s + 0.5)
    np.testing.assert_array_equal(flat.matrix, plain.matrix)
    assert not flat.offset.any()


def test_transform_of_a_filled_structure_factor() -> None:
    """G(r) by the operator and its constant is the plain sum over the filled bins."""
    q = 0.6 + 0.05 * np.arange(300)
    s = np.where(q < 1.0, 0.1 + (q - 0.6) ** 2 / 0.4, 1.0)
    structure = StructureFactor(q=frozen(q), s=frozen(s), sigma=frozen(np.full(q.size, 0.01)))
    r = frozen(np.array([1.0, 2.5, 6.0]))
    pdf = pair_distribution(
        structure,
        r,
        window=Window(name="none", q_max=20.0),
        number_density_per_a3=0.05,
        extrapolation="parabola",
    )
    low = 0.05 * np.arange(1, 12)
    everything = np.concatenate([low, q])
    filled = np.concatenate([s[0] * (low / q[0]) ** 2, s])
    expected = (2 / np.pi) * 0.05 * np.sin(np.outer(r, everything)) @ (everything * (filled - 1.0))
    np.testing.assert_allclose(pdf.d * np.sinc(r * 0.025 / np.pi), expected, rtol=1e-9)
