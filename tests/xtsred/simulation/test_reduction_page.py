"""What the report of a reduction says about the curve or the model that it was compared with."""

from dataclasses import fields, replace

import numpy as np
import pytest

from xtsred.comparison import _comparison, _Other, over_bins
from xtsred.comparison_page import comparison_headline, comparison_sections, comparison_values
from xtsred.simulation.compare import compare_curves

Q = np.arange(0.5, 13.0, 0.05)
S = 1.0 + np.sin(1.62 * Q) * np.exp(-0.1 * Q)


@pytest.fixture
def goodness():
    return compare_curves(Q, S, np.full_like(Q, 0.01), Q, 1.0 + 0.9 * (S - 1.0), q_range=(0.6, 12.0))  # fmt: skip


def test_everything_that_decides_r_x_is_kept(goodness):
    found = _comparison(_Other("box.xyz", "simulation", "f = Z", "lorch, at r = 8 Å"), goodness)
    (section,) = comparison_sections(found)
    table, intervals = section.tables
    rows = dict(table.rows)
    assert rows["R_X of a flat line S = 1"] == f"{goodness.r_x_flat:.4f}"
    assert rows["weights of the other"] == "f = Z"
    assert rows["window of its g(r)"] == "lorch, at r = 8 Å"
    assert rows["R on S-1"] == "0.1000"
    assert rows["R_X"].endswith("the model's unknown)")
    assert len(intervals.rows) == 8
    values = comparison_values(found)
    assert values["R_X_percent"] == pytest.approx(100.0 * goodness.r_x)
    assert values["R_X_sigma"] is None
    assert values["R_X_sigma_measurement"] == goodness.sigma_measurement
    assert values["scale"]["value"].value == pytest.approx(1.0 / 0.9)
    assert sum(i["share"] for i in values["intervals"]) == pytest.approx(1.0)


def test_a_misfit_of_a_model_is_no_test_of_our_uncertainties(goodness):
    model = dict(comparison_headline(_comparison(_Other("box.xyz", "simulation"), goodness)))
    curve = dict(comparison_headline(_comparison(_Other("truth.sq", "curve"), goodness)))
    assert "1 if" not in str(model["width of the pulls"])
    assert "1 if" in str(curve["width of the pulls"])


def test_a_comparison_without_its_goodness_has_no_section(goodness):
    found = _comparison(_Other("truth.sq", "curve"), goodness)
    assert {f.name for f in fields(found)} >= {"r_x_flat", "intervals", "scale"}
    assert comparison_sections(replace(found, r_x_flat=None)) == ()
    assert comparison_sections(None) == ()


def test_noise_is_taken_from_r_x():
    """A known misfit with known noise over it: R_X is larger than that of the misfit, and without the noise it is that again."""
    q = np.arange(0.5, 40.0, 0.02)
    s = 1.0 + 0.5 * np.sin(1.62 * q) * np.exp(-0.05 * q)
    other = 1.0 + 0.99 * (s - 1.0)
    sigma = 0.003
    noisy = s + sigma * np.random.default_rng(4).standard_normal(q.size)
    true = np.sqrt(np.sum((s - other) ** 2) / np.sum(s**2))
    made = compare_curves(q, noisy, np.full_like(q, sigma), q, other, q_range=(0.5, 39.98))
    values = comparison_values(_comparison(_Other("truth.sq", "curve"), made))
    assert values["R_X"] > 1.5 * true
    assert values["R_X_without_noise"] == pytest.approx(true, rel=0.1)
    assert values["R_X_floor"] == pytest.approx(sigma / np.sqrt(np.mean(s**2)), rel=1e-2)


def test_the_sigma_of_r_x_without_noise_covers():
    """Over draws of the noise: the mean is the true misfit, the spread is the sigma that stands beside it."""
    q = np.arange(0.5, 20.0, 0.05)
    s = 1.0 + 0.5 * np.sin(1.62 * q) * np.exp(-0.05 * q)
    other, sigma = 1.0 + 0.97 * (s - 1.0), 0.004
    true = np.sqrt(np.sum((s - other) ** 2) / np.sum(s**2))
    pulls = []
    for seed in range(60):
        noisy = s + sigma * np.random.default_rng(seed).standard_normal(q.size)
        made = compare_curves(q, noisy, np.full_like(q, sigma), q, other, q_range=(0.5, 19.9))
        v = comparison_values(_comparison(_Other("truth.sq", "curve"), made))
        pulls.append((v["R_X_without_noise"] - true) / v["R_X_without_noise_sigma_measurement"])
    assert abs(np.mean(pulls)) < 0.5
    assert 0.75 < np.std(pulls) < 1.25


def test_a_misfit_below_the_noise_is_no_misfit(goodness):
    found = _comparison(_Other("truth.sq", "curve"), goodness)
    quiet = replace(found, r_x_floor=2.0 * found.r_x)
    assert comparison_values(quiet)["R_X_without_noise"] == 0.0
    (section,) = comparison_sections(quiet)
    rows = dict(section.tables[0].rows)
    assert rows["R_X without it, sqrt(R_X² − noise²)"].startswith("0: the misfit is not more")
    unknown = comparison_values(replace(found, r_x_floor=None))
    assert unknown["R_X_without_noise"] is None


def test_a_finer_curve_is_compared_as_the_bins_see_it():
    """Mean of a cosine over a bin: cos(kq) sin(k h)/(k h), h half the bin; a sharp first peak is up to 1 % off in the middle."""
    bins, k = np.arange(0.6, 5.0, 0.05), 11.0
    fine = np.arange(0.5, 6.0, 0.01)
    q, s = over_bins(bins, fine, 1.0 + np.cos(k * fine))
    assert q == pytest.approx(bins)
    mean = 1.0 + np.cos(k * bins) * np.sinc(k * 0.025 / np.pi)
    assert s == pytest.approx(mean, abs=2e-6)
    assert np.max(np.abs(1.0 + np.cos(k * bins) - mean)) > 0.01
    # the curve's end cuts its last bin; a curve on such bins itself is not averaged once more
    end = over_bins(bins, fine[fine < 3.001], np.ones(np.count_nonzero(fine < 3.001)))
    assert end[0][-1] == pytest.approx(3.0)
    assert end[1] == pytest.approx(1.0)
    # one that does not overlap is left to the comparison, which says so
    far = np.arange(7.0, 8.0, 0.01)
    assert over_bins(bins, far, far)[0] is far
    same = 1.0 + np.cos(k * bins)
    assert over_bins(bins, bins, same)[1] is same
