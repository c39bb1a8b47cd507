"""Dead time: recovered from counts made event by event, in the limits, and refused where nothing determines it."""

import numpy as np
import pytest

from calibration.dead_time import DeadTime, Readings, fit_dead_time
from calibration.errors import InputError
from calibration.quantity import Quantity

TAU = 2e-6
TRANSMISSION = 0.1


def counted(rate: float, seconds: float, tau: float, rng: np.random.Generator) -> int:
    """Counts of a blind-after-each-count counter, event by event: waiting times are tau + exponential."""
    enough = int(rate * seconds + 10.0 * np.sqrt(rate * seconds) + 50.0)
    events = np.cumsum(tau + rng.exponential(1.0 / rate, size=enough))
    return int(np.searchsorted(events, seconds))


def piled(rate: float, seconds: float, tau: float, rng: np.random.Generator) -> int:
    """Counts of a paralysable counter: an event counts if none came within tau before it."""
    enough = int(rate * seconds + 10.0 * np.sqrt(rate * seconds) + 50.0)
    waits = rng.exponential(1.0 / rate, size=enough)
    events = np.cumsum(waits)
    return int(((waits > tau) & (events < seconds)).sum())


def measured(
    seed: int,
    *,
    tau: float = TAU,
    known: Quantity | None = None,
    dark: float = 0.0,
    counter=counted,
    rates=(1e3, 5e3, 2e4, 6e4, 1.2e5, 2e5),
) -> Readings:
    rng = np.random.default_rng(seed)
    rows = [
        (counter(rate * t + dark, seconds, tau, rng) / seconds, seconds, point, setting)
        for point, rate in enumerate(rates)
        for setting, t, seconds in ((0, 1.0, 2.0), (1, TRANSMISSION, 10.0))
    ]
    m, seconds, point, setting = (np.array(c) for c in zip(*rows, strict=True))
    return Readings(
        observed_cps=m.astype(float),
        seconds=seconds.astype(float),
        point=point.astype(np.int64),
        setting=setting.astype(np.int64),
        transmissions=(known,),
        dark_cps=dark,
    )


def fits(**options: object) -> list[DeadTime]:
    return [fit_dead_time(measured(seed, **options)) for seed in range(60)]  # type: ignore[arg-type]


@pytest.mark.parametrize("known", [None, Quantity(TRANSMISSION)])
def test_pulls_are_unit_normal(known: Quantity | None) -> None:
    found = fits(known=known)
    pulls = np.array([(f.tau_s.value - TAU) / f.tau_s.sigma for f in found])
    assert abs(pulls.mean()) < 3.5 / np.sqrt(60)
    assert 0.7 < pulls.std() < 1.3
    chi2 = np.mean([f.chi2 for f in found])
    freedom = found[0].freedom
    assert freedom == (4 if known is None else 5)
    assert abs(chi2 - freedom) < 4.0 * np.sqrt(2.0 * freedom / 60)


def test_the_transmission_is_found_too() -> None:
    found = fits()
    pulls = np.array(
        [(f.transmissions[0].value - TRANSMISSION) / f.transmissions[0].sigma for f in found]
    )
    assert abs(pulls.mean()) < 3.5 / np.sqrt(60)
    assert 0.7 < pulls.std() < 1.3
    correlation = found[0].covariance[0, 1] / np.sqrt(
        found[0].covariance[0, 0] * found[0].covariance[1, 1]
    )
    assert correlation < -0.1  # a longer dead time is a smaller transmission


def test_knowing_the_transmission_helps() -> None:
    free = fit_dead_time(measured(3)).tau_s.sigma
    stated = fit_dead_time(measured(3, known=Quantity(TRANSMISSION, 1e-4))).tau_s.sigma
    exact = fit_dead_time(measured(3, known=Quantity(TRANSMISSION))).tau_s.sigma
    assert exact < stated < free


def test_two_source_formula_without_noise() -> None:
    """One pair, known transmission: tau = (1/m2 - 1/(t m1))/(1 - 1/t), exactly (1/m = 1/r + tau)."""
    m1, m2 = 1e5 / (1.0 + 1e5 * TAU), 1e4 / (1.0 + 1e4 * TAU)
    readings = Readings(
        observed_cps=np.array([m1, m2]),
        seconds=np.array([10.0, 10.0]),
        point=np.array([0, 0]),
        setting=np.array([0, 1]),
        transmissions=(Quantity(TRANSMISSION),),
    )
    found = fit_dead_time(readings)
    by_hand = (1.0 / m2 - 1.0 / (TRANSMISSION * m1)) / (1.0 - 1.0 / TRANSMISSION)
    assert found.tau_s.value == pytest.approx(by_hand, rel=1e-7)
    assert found.tau_s.value == pytest.approx(TAU, rel=1e-7)
    assert found.freedom == 0
    # by hand: sigma of 1/m is (1 - m tau)/sqrt(m T)/m
    s1 = (1.0 - m1 * TAU) / np.sqrt(m1 * 10.0) / m1 / TRANSMISSION
    s2 = (1.0 - m2 * TAU) / np.sqrt(m2 * 10.0) / m2
    assert found.tau_s.sigma == pytest.approx(
        np.hypot(s1, s2) / (1.0 / TRANSMISSION - 1.0), rel=1e-6
    )


def test_dark_counts_pass_the_attenuator() -> None:
    pulls = [
        (f.tau_s.value - TAU) / f.tau_s.sigma
        for f in (fit_dead_time(measured(seed, dark=50.0)) for seed in range(20))
    ]
    assert abs(np.mean(pulls)) < 3.5 / np.sqrt(20)


def test_no_dead_time_is_an_upper_limit() -> None:
    found = fit_dead_time(measured(0, tau=0.0, rates=(100.0, 300.0, 1000.0)))
    assert abs(found.tau_s.value) < 3.0 * found.tau_s.sigma
    assert any("No dead time was seen" in f.text for f in found.findings)


def test_a_paralysable_counter_is_recognised() -> None:
    found = fit_dead_time(measured(0, counter=piled, rates=(1e3, 1e4, 5e4, 1e5, 2e5, 3e5)))
    assert found.chi2_paralysable is not None
    assert found.chi2_paralysable < found.chi2 - 9.0
    assert any("paralysable counter" in f.text for f in found.findings)


def test_more_settings_and_holes() -> None:
    """Three attenuators, each point seen through two of them only (rates without noise)."""
    t = np.array([1.0, 0.2, 0.03])
    rows = [
        (rate * t[k], point, k)
        for point, rate in enumerate((1e3, 1e4, 1e5, 4e5))
        for k in ((0, 1) if point < 2 else (1, 2) if point == 2 else (0, 2))
    ]
    true, point, setting = (np.array(c) for c in zip(*rows, strict=True))
    found = fit_dead_time(
        Readings(
            observed_cps=true / (1.0 + true * TAU),
            seconds=np.full(true.size, 10.0),
            point=point.astype(np.int64),
            setting=setting.astype(np.int64),
            transmissions=(None, None),
        )
    )
    assert found.tau_s.value == pytest.approx(TAU, rel=1e-5)
    assert [q.value for q in found.transmissions] == pytest.approx([0.2, 0.03], rel=1e-5)


def test_alike_intensities_are_refused() -> None:
    with pytest.raises(InputError, match="do not determine the dead time"):
        fit_dead_time(measured(0, rates=(1e5, 1.02e5, 1.03e5)))


def test_too_few_readings_are_refused() -> None:
    with pytest.raises(InputError, match="readings do not determine"):
        measured(0, rates=(1e5,))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_rates_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="not a positive number"):
        Readings(
            observed_cps=np.array([1e3, bad, 1e4, 1e3]),
            seconds=np.ones(4),
            point=np.array([0, 0, 1, 1]),
            setting=np.array([0, 1, 0, 1]),
            transmissions=(None,),
        )
