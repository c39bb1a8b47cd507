"""Subtractions against Poisson counts of a known rate: refused when they cannot be, kept when they may be."""

import numpy as np
import pytest

from calibration.errors import InputError
from xtsred.corrections.environment import Measurement
from xtsred.stages import Pattern, Role, frozen
from xtsred.subtraction import check_dark, check_net

SECONDS = 10.0


def pattern(role: Role, floor_cps: float, *, seed: int) -> Pattern:
    """A rate that falls to its floor over the last tenth of the angles."""
    x = np.arange(2.0, 152.0, 0.1)
    rate = floor_cps + 40.0 * np.clip((137.0 - x) / 135.0, 0.0, None)
    counts = np.random.default_rng(seed).poisson(rate * SECONDS)
    return Pattern(
        role=role,
        two_theta_deg=frozen(x),
        rate_cps=frozen(counts / SECONDS),
        sigma_cps=frozen(np.sqrt(np.maximum(counts, 1.0)) / SECONDS),
        exposure_s=frozen(np.full(x.size, SECONDS)),
        scans=frozen(np.ones(x.size)),
    )


def check(dark_cps: float, *, seed: int = 0) -> None:
    patterns: dict[Role, Pattern] = {
        "sample": pattern("sample", 8.0, seed=2 * seed),
        "environment": pattern("environment", 0.5, seed=2 * seed + 1),
    }
    check_dark(
        patterns, dark_cps=dark_cps, files={"sample": ["s.xy"], "environment": ["air.xy", "b.xy"]}
    )


def test_a_dark_rate_above_the_lowest_rates_is_refused_with_key_and_file() -> None:
    with pytest.raises(InputError) as caught:
        check(0.8)
    said = str(caught.value)
    assert said.startswith("detector.dark_cps: the environment (air.xy, b.xy) counts 0.")
    assert "dark rate of 0.8" in said
    with pytest.raises(InputError, match=r"the sample \(s\.xy\)"):
        check(12.0)


def test_a_dark_rate_that_may_be_all_there_is_passes_in_every_one_of_many_tries() -> None:
    for seed in range(200):
        check(0.5, seed=seed)


def test_of_the_sample_something_must_be_left() -> None:
    sample = pattern("sample", 8.0, seed=1)
    variance = sample.sigma_cps**2
    check_net(Measurement(rate=sample.rate_cps - 7.0, variance=2.0 * variance), sample=sample)
    for subtracted in (30.0, float(np.mean(sample.rate_cps[750:]))):
        with pytest.raises(InputError, match="are left after environment and container") as caught:
            check_net(
                Measurement(rate=sample.rate_cps - subtracted, variance=variance), sample=sample
            )
        assert caught.value.where == "scan"
        assert "from 77 to 151.9°" in caught.value.what
