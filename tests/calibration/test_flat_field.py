"""Flat field: factors and their errors from virtual exposures, bad channels, and what cannot be told."""

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.flat_field import apply_flat_field, fit_flat_field

CHANNELS = 48


def truth(rng: np.random.Generator) -> np.ndarray:
    factor = 1.0 + 0.05 * rng.standard_normal(CHANNELS)
    return factor / factor.mean()


def over_scan(rng: np.random.Generator, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """16 positions of a detector in steps of one channel over a pattern that is all but flat."""
    angle = np.arange(16)[:, None] + np.arange(CHANNELS)[None, :]
    light = 300.0 + 900.0 * np.exp(-(((np.arange(angle.max() + 1) - 30.0) / 12.0) ** 2))
    return rng.poisson(light[angle] * factor).astype(float), angle


def test_uniform_light_gives_the_mean_by_channel() -> None:
    rng = np.random.default_rng(4)
    counts = rng.poisson(2000.0 * truth(rng), size=(3, CHANNELS)).astype(float)
    found = fit_flat_field(counts)
    total = counts.sum(axis=0)
    assert found.factor == pytest.approx(total / total.mean(), rel=1e-9)
    # Poisson by hand: u(f)/f = sqrt(1/N_k + ...), the mean of all channels takes off 1/total
    expected = found.factor * np.sqrt(1.0 / total - 1.0 / total.sum())
    assert found.sigma == pytest.approx(expected, rel=2e-2)


def test_pulls_are_unit_normal() -> None:
    rng = np.random.default_rng(1)
    pulls, chi2 = [], []
    for _ in range(40):
        factor = truth(rng)
        counts, angle = over_scan(rng, factor)
        found = fit_flat_field(counts, angle=angle)
        pulls.append((found.factor - factor) / found.sigma)
        chi2.append(found.chi2 / found.freedom)
    every = np.concatenate(pulls)
    assert abs(every.mean()) < 0.1
    assert 0.95 < every.std() < 1.05
    assert 0.97 < np.mean(chi2) < 1.03


def test_the_covariance_holds_for_a_tilt() -> None:
    """What is least well known, a slope over the detector, has its pull of one, too."""
    rng = np.random.default_rng(2)
    tilt = np.linspace(-1.0, 1.0, CHANNELS)
    pulls = []
    for _ in range(60):
        factor = truth(rng)
        counts, angle = over_scan(rng, factor)
        found = fit_flat_field(counts, angle=angle)
        pulls.append(tilt @ (found.factor - factor) / np.sqrt(tilt @ found.covariance @ tilt))
    assert 0.75 < np.std(pulls) < 1.25
    assert abs(np.mean(pulls)) < 3.5 / np.sqrt(60)


def test_application_flattens_a_pattern() -> None:
    rng = np.random.default_rng(3)
    factor = truth(rng)
    found = fit_flat_field(rng.poisson(1e5 * factor, size=(1, CHANNELS)).astype(float))
    flat = apply_flat_field(
        rng.poisson(4000.0 * factor).astype(float), factor=found.factor, sigma=found.sigma
    )
    pulls = (flat.values - 4000.0) / np.hypot(flat.sigma, flat.sigma_factor)
    assert abs(pulls.mean()) < 0.6
    assert 0.7 < pulls.std() < 1.3


def test_dead_and_hot_channels_are_listed_and_left_out() -> None:
    rng = np.random.default_rng(5)
    counts = rng.poisson(2000.0, size=(1, CHANNELS)).astype(float)
    counts[:, 7], counts[:, 30] = 0.0, 9000.0
    found = fit_flat_field(counts)
    assert found.dead == (7,)
    assert found.hot == (30,)
    assert np.isnan(found.factor[[7, 30]]).all()
    assert np.nanmean(found.factor) == pytest.approx(1.0)
    assert np.isnan(apply_flat_field(counts[0], factor=found.factor, sigma=found.sigma).values[7])
    assert len(found.findings) == 2


def test_a_tilt_under_uniform_light_is_said() -> None:
    rng = np.random.default_rng(6)
    tilted = 1e5 * np.linspace(0.95, 1.05, CHANNELS)
    found = fit_flat_field(rng.poisson(tilted, size=(1, CHANNELS)).astype(float))
    assert any("uneven illumination" in f.text for f in found.findings)


def test_an_unsteady_source_is_said() -> None:
    """A steady drift cannot be: it is a tilt of the factors, exp(a p) = exp(a angle) exp(-a channel)."""
    rng = np.random.default_rng(7)
    counts, angle = over_scan(rng, truth(rng))
    counts = np.round(counts * (1.0 + 0.15 * np.cos(np.arange(16)))[:, None])
    assert any("contradict" in f.text for f in fit_flat_field(counts, angle=angle).findings)


def test_channels_that_nothing_links_are_refused() -> None:
    rng = np.random.default_rng(8)
    angle = 3 * np.arange(12)[:, None] + np.arange(CHANNELS)[None, :]
    with pytest.raises(InputError, match="do not link"):
        fit_flat_field(rng.poisson(500.0, size=angle.shape).astype(float), angle=angle)


def test_what_is_no_flat_field_is_refused() -> None:
    with pytest.raises(InputError, match="whole numbers"):
        fit_flat_field(np.full((1, 4), 0.5))
    with pytest.raises(InputError, match="no counts"):
        fit_flat_field(np.zeros((1, 4)))
    with pytest.raises(InputError, match=">= 0"):
        fit_flat_field(np.full((1, 4), -1.0))
    found = fit_flat_field(np.full((1, 4), 100.0))
    with pytest.raises(InputError, match="4"):
        apply_flat_field(np.ones(5), factor=found.factor, sigma=found.sigma)
