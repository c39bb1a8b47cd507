"""S(Q) by counts, and the doublet taken apart: exact cases, a known truth, and the noise it costs."""

from collections.abc import Callable

import numpy as np
import pytest

from calibration.radiation import mean_wavelength_a, select_lines
from xtsred.binning import cell_edges, uniform_q
from xtsred.forward import sodium_thiosilicate, true_structure_factor
from xtsred.stages import Array, StructureFactor, frozen
from xtsred.structure import (
    bin_structure,
    blend_matrix,
    deconvolution,
    deconvolve,
    interpolate,
    low_pass,
)

Q = 0.05 * np.arange(12, 440)
LINES = select_lines("Ag", "Ka1+Ka2")
MEAN = mean_wavelength_a(LINES)
RATIOS = [MEAN / line.wavelength_a for line in LINES]
SHARES = [np.full(Q.size, line.weight) for line in LINES]


def both_lines(s: Callable[[Array], Array]) -> Array:
    """What a pattern of the doublet shows at Q of the mean wavelength, from a function of Q."""
    return np.asarray(
        sum(share[0] * s(Q * ratio) for ratio, share in zip(RATIOS, SHARES, strict=True))
    )


def operator(r_max: float = 12.0) -> Array:
    blend = blend_matrix(Q, ratios=RATIOS, shares=SHARES)
    return deconvolution(blend, keep=low_pass(Q, r_max=r_max))


def test_bins_are_ratios_of_counts() -> None:
    """Sum of counts less expected at S = 0, over expected per unit S: the same numbers by another road."""
    generator = np.random.default_rng(3)
    q = np.cumsum(generator.uniform(0.004, 0.012, 1500))
    seconds = generator.uniform(5.0, 50.0, q.size)
    background, sensitivity = 5.0 + q, 40.0 * np.exp(-q / 4.0) + 1.0
    counts = generator.poisson((background + sensitivity) * seconds)
    grid = uniform_q(float(cell_edges(q)[0]), float(cell_edges(q)[-1]), step=0.1)
    s = (counts / seconds - background) / sensitivity
    found = bin_structure(
        q,
        s,
        counts / (seconds * sensitivity) ** 2,
        weight=seconds * sensitivity,
        grid=grid,
    )
    edges = cell_edges(q)
    for k in (0, 7, grid.centers.size - 1):
        low = np.maximum(edges[:-1], grid.edges[k])
        high = np.minimum(edges[1:], grid.edges[k + 1])
        share = np.clip(high - low, 0.0, None) / np.diff(edges)
        net = share @ (counts - background * seconds)
        assert found.s[k] == pytest.approx(net / (share @ (sensitivity * seconds)))
        assert found.sigma[k] == pytest.approx(
            np.sqrt(share**2 @ counts) / (share @ (sensitivity * seconds))
        )


def test_sigma_of_bins_by_monte_carlo() -> None:
    """Scatter of every bin over Poisson draws, and of the sum of all bins, is what sigma and covariance say."""
    generator = np.random.default_rng(4)
    q = np.linspace(0.5, 20.0, 2300)
    seconds, sensitivity, background = 20.0, 30.0 * np.exp(-q / 5.0) + 1.0, 4.0
    rate = background + sensitivity
    grid = uniform_q(0.5, 20.0, step=0.05)
    draws = []
    for _ in range(600):
        counts = generator.poisson(rate * seconds)
        s = (counts / seconds - background) / sensitivity
        variance = counts / (seconds * sensitivity) ** 2
        draws.append(bin_structure(q, s, variance, weight=sensitivity * seconds, grid=grid))
    pulls = np.array([(d.s - 1.0) / d.sigma for d in draws])
    width = float(np.sqrt(np.mean(pulls**2)))
    assert width == pytest.approx(1.0, abs=0.01)
    # the sum of all bins has no shared points left: its variance is that of the counts, by way of the covariance
    total = np.array([np.sum(d.s - 1.0) for d in draws])
    assert draws[0].covariance is not None
    assert np.std(total) == pytest.approx(float(np.sqrt(draws[0].covariance.sum())), rel=0.09)


def test_empty_bins_are_refused() -> None:
    q = np.array([1.0, 1.01, 1.02, 3.0, 3.01, 3.02])
    one = np.ones(6)
    with pytest.raises(ValueError, match="no measured point in the bins"):
        bin_structure(q, one, one, weight=np.zeros(6), grid=uniform_q(1.0, 3.0, step=0.2))


def test_interpolation_is_exact_for_cubics() -> None:
    grid = np.linspace(0.0, 3.0, 31)
    x = np.random.default_rng(1).uniform(0.0, 3.0, 50)
    cubic = np.array([0.3, -1.0, 0.5, 2.0])
    matrix = interpolate(x, grid=grid)
    assert matrix @ np.polyval(cubic, grid) == pytest.approx(np.polyval(cubic, x))
    assert matrix.sum(axis=1) == pytest.approx(1.0)
    outside = interpolate(np.array([-1.0, 9.0]), grid=grid) @ grid
    assert outside == pytest.approx([0.0, 3.0])  # the end value is held


def test_interpolation_of_sines() -> None:
    """Within 2 % where r dQ < 1, as its docstring says."""
    x = np.linspace(1.0, 20.0, 777)
    for r in (2.0, 10.0, 19.0):
        error = interpolate(x, grid=Q) @ np.sin(Q * r) - np.sin(x * r)
        assert np.max(np.abs(error)) < 0.02


def test_low_pass_keeps_and_stops() -> None:
    middle = slice(60, -60)
    keep = low_pass(Q, r_max=12.0)
    assert keep.sum(axis=1) == pytest.approx(1.0)
    for r in (2.0, 8.0):
        assert (keep @ np.sin(Q * r))[middle] == pytest.approx(np.sin(Q * r)[middle], abs=2e-3)
    for r in (17.0, 30.0):
        assert np.max(np.abs((keep @ np.sin(Q * r))[middle])) < 2e-3


def test_the_blend_by_its_definition() -> None:
    model = sodium_thiosilicate()

    def s(q: Array) -> Array:
        return true_structure_factor(model, q).s

    inside = (Q > 0.61) & (Q < 21.0)  # the first bin reaches below the grid
    blended = blend_matrix(Q, ratios=RATIOS, shares=SHARES) @ s(Q)
    assert blended[inside] == pytest.approx(both_lines(s)[inside], abs=2e-4)


@pytest.mark.parametrize("distance", [1.6, 3.5, 7.0, 10.0])
def test_deconvolution_recovers_a_distance(distance: float) -> None:
    """A sharp distance that the doublet has washed out by up to some percent comes back below 12 Å."""
    inside = slice(45, -60)

    def s(q: Array) -> Array:
        return np.asarray(1.0 + np.sin(q * distance) / q)

    mixed = both_lines(s)
    before = np.max(np.abs(mixed - s(Q))[inside])
    after = np.max(np.abs(1.0 + operator() @ (mixed - 1.0) - s(Q))[inside])
    assert after < 0.15 * before + 2e-5


def test_deconvolution_recovers_a_glass() -> None:
    model = sodium_thiosilicate()

    def s(q: Array) -> Array:
        return true_structure_factor(model, q).s

    mixed = both_lines(s)
    inside = (Q > 0.7) & (Q < 21.0)
    before = (mixed - s(Q))[inside]
    after = (1.0 + operator() @ (mixed - 1.0) - s(Q))[inside]
    assert np.sqrt(np.mean(before**2)) > 2e-4  # not nothing, if small for distances below 7 Å
    assert np.max(np.abs(after)) < 2e-4
    assert np.sqrt(np.mean(after**2)) < 0.1 * np.sqrt(np.mean(before**2))


def test_deconvolution_costs_little_noise() -> None:
    """The factor on the sigma of a bin: < 1.3 everywhere, where an unfiltered inverse multiplies noise."""
    kept = np.sqrt(np.sum(operator() ** 2, axis=1))
    assert np.max(kept) < 1.3
    assert np.min(kept) > 0.8
    blend = blend_matrix(Q, ratios=RATIOS, shares=SHARES)
    bare = np.sqrt(np.sum(deconvolution(blend, keep=np.eye(Q.size)) ** 2, axis=1))
    assert np.max(bare) > np.max(kept)


def test_deconvolved_covariance_by_monte_carlo() -> None:
    generator = np.random.default_rng(6)
    sigma = 0.01 * (1.0 + Q / 10.0)
    flat = StructureFactor(q=frozen(Q), s=frozen(np.ones(Q.size)), sigma=frozen(sigma))
    found = deconvolve(flat, operator=operator())
    assert found.covariance is not None
    assert found.s == pytest.approx(1.0)
    draws = (generator.normal(size=(4000, Q.size)) * sigma) @ operator().T
    assert np.std(draws, axis=0) / found.sigma == pytest.approx(np.ones(Q.size), abs=0.05)
    neighbours = np.mean(draws[:, 1:] * draws[:, :-1], axis=0)
    scale = found.sigma[1:] * found.sigma[:-1]
    assert neighbours / scale == pytest.approx(np.diag(found.covariance, 1) / scale, abs=0.08)


def test_one_line_needs_no_deconvolution() -> None:
    blend = blend_matrix(Q, ratios=[1.0], shares=[np.ones(Q.size)])
    assert blend == pytest.approx(np.eye(Q.size))
    assert deconvolution(blend, keep=low_pass(Q, r_max=12.0)) == pytest.approx(np.eye(Q.size))
