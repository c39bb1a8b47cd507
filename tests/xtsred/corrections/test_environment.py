"""What is subtracted: exact algebra of the scans, and the noise of each scan once (Monte Carlo)."""

import numpy as np
import pytest

from xtsred.corrections.environment import Measurement, environment_transmission, net_sample
from xtsred.stages import Array

SAMPLE, WALL_FULL, WALL_EMPTY, AIR, DARK = 50.0, 12.0, 16.0, 8.0, 0.5
T_S, T_C = 0.8, 0.95


def measurement(rate: float, seconds: float = 100.0, n: int = 3) -> Measurement:
    return Measurement(rate=np.full(n, rate), variance=np.full(n, rate / seconds))


def rates() -> dict[str, float]:
    """Paalman & Pings (1962): what each scan sees, dark rate included."""
    left_s, left_c = environment_transmission(T_S), environment_transmission(T_C)
    return {
        "sample": SAMPLE + WALL_FULL + left_s * AIR + DARK,
        "container": WALL_EMPTY + left_c * AIR + DARK,
        "environment": AIR + DARK,
    }


def net(values: dict[str, Measurement], n: int = 3) -> Measurement:
    return net_sample(
        values["sample"],
        values.get("container"),
        values.get("environment"),
        ratio=np.full(n, WALL_FULL / WALL_EMPTY),
        transmission_sample=environment_transmission(T_S),
        transmission_container=environment_transmission(T_C),
        dark_cps=DARK,
    )


def test_half_of_the_air_lies_before_the_sample() -> None:
    assert environment_transmission(1.0) == 1.0
    assert environment_transmission(0.0) == 0.5
    assert environment_transmission(0.6) == pytest.approx(0.8)


def test_only_the_sample_is_left() -> None:
    found = net({name: measurement(r) for name, r in rates().items()})
    assert found.rate == pytest.approx(SAMPLE)


def test_without_container_or_environment() -> None:
    only = measurement(SAMPLE + DARK)
    bare = net_sample(
        only,
        None,
        None,
        ratio=np.zeros(3),
        transmission_sample=1.0,
        transmission_container=1.0,
        dark_cps=DARK,
    )
    assert bare.rate == pytest.approx(SAMPLE)
    assert np.array_equal(bare.variance, only.variance)
    in_air = net_sample(
        measurement(SAMPLE + 0.9 * AIR + DARK),
        None,
        measurement(AIR + DARK),
        ratio=np.zeros(3),
        transmission_sample=0.9,
        transmission_container=1.0,
        dark_cps=DARK,
    )
    assert in_air.rate == pytest.approx(SAMPLE)


def test_variance_by_monte_carlo() -> None:
    """The environment enters through sample and container: its noise partly cancels."""
    generator = np.random.default_rng(2)
    n = 40_000
    seconds = {"sample": 100.0, "container": 30.0, "environment": 2.0}

    def counted(name: str) -> Measurement:
        counts: Array = generator.poisson(rates()[name] * seconds[name], n).astype(float)
        return Measurement(rate=counts / seconds[name], variance=counts / seconds[name] ** 2)

    found = net({name: counted(name) for name in seconds}, n)
    assert found.rate.mean() == pytest.approx(SAMPLE, abs=4.0 * found.rate.std() / np.sqrt(n))
    # the scatter of a variance from n draws is sqrt(2/n) = 0.7 %
    assert found.rate.var() == pytest.approx(found.variance.mean(), rel=0.03)


def test_nothing_given_is_written_into() -> None:
    given = {name: measurement(r) for name, r in rates().items()}
    before = {name: (m.rate.copy(), m.variance.copy()) for name, m in given.items()}
    net(given)
    for name, m in given.items():
        assert np.array_equal(m.rate, before[name][0])
        assert np.array_equal(m.variance, before[name][1])
