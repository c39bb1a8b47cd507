"""K of both methods: exact on data without noise, and its sigma against the scatter of Poisson draws."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.quantity import Quantity
from xtsred.atoms import Composition, form_factors, incoherent, mean_square, square_mean
from xtsred.forward import sodium_thiosilicate, true_structure_factor
from xtsred.normalization import Measured, SumRule, high_angle, krogh_moe_norman
from xtsred.stages import Array

K = 40.0
MODEL = sodium_thiosilicate()
RHO = MODEL.number_density_per_a3
GLASS = Composition.of({"Na": 2.0, "Si": 1.0, "S": 3.0})
Q_MAX = 21.5
WINDOW = (Q_MAX / 2.0, Q_MAX)
NONE: dict[str, Quantity] = {}


def measured(
    *,
    q: Array | None = None,
    compton: float = 1.0,
    free: bool = False,
    seconds: float | None = None,
) -> Measured:
    """Rates of the virtual glass whose S(Q) is a closed form; variance as counted for `seconds` (1e4 where None)."""
    grid = np.linspace(0.3, Q_MAX, 2200) if q is None else q
    f = form_factors(GLASS, grid, energy_kev=22.163)
    self_part, sensitivity = mean_square(GLASS, f), square_mean(GLASS, f)
    inelastic = incoherent(GLASS, grid)
    oscillation = sensitivity * (true_structure_factor(MODEL, grid).s - 1.0)
    rate = K * (self_part + compton * inelastic + oscillation)
    terms = {"fixed": self_part + inelastic}
    if free:
        terms = {"fixed": self_part, "compton response": inelastic}
    return Measured(
        q=grid, rate=rate, variance=rate / (seconds or 1e4), terms=terms, sensitivity=sensitivity
    )


def rule(q_min: float = 0.3) -> SumRule:
    s_low = float(true_structure_factor(MODEL, np.array([q_min])).s[0])
    return SumRule(number_density_per_a3=RHO, s_low=s_low)


@pytest.mark.parametrize("q_max", [14.0, 17.0, 21.5])
def test_high_angle_is_exact_without_noise(q_max: float) -> None:
    """To 3e-4 at 17 Å^-1 and beyond; what the window leaves of the oscillation is said by `leakage`."""
    data = measured(q=np.linspace(0.3, q_max, 2000))
    found = high_angle(data, q_range=(q_max / 2.0, q_max), priors=NONE, sum_rule=rule())
    error = abs(found.k.value / K - 1.0)
    assert error < (3e-4 if q_max >= 17.0 else 3e-3)
    assert error < 2.0 * found.leakage + 1e-4


def test_a_plain_least_squares_is_not_exact() -> None:
    """Why the window is there: without it the oscillation's ends stay in K."""
    data = measured(q=np.linspace(0.3, 17.0, 2000))
    inside = data.q > 8.5
    model = data.terms["fixed"][inside]
    plain = float(model @ data.rate[inside] / (model @ model))
    windowed = high_angle(data, q_range=(8.5, 17.0), priors=NONE, sum_rule=rule()).k.value
    assert abs(windowed / K - 1.0) < 0.3 * abs(plain / K - 1.0)


def test_integral_method_is_exact_without_noise() -> None:
    found = krogh_moe_norman(measured(), sum_rule=rule(), amplitudes={})
    assert found.value == pytest.approx(K, rel=3e-4)


def test_integral_method_knows_the_density() -> None:
    """30 % in rho0 moves K by 0.3 x 2 pi^2 rho0 over the integral of the model, computed by quadrature."""
    data = measured()
    weight = data.q**2 * np.exp(np.log(0.01) * (data.q / Q_MAX) ** 2) / data.sensitivity
    bottom = np.trapezoid(weight * data.rate / K, data.q)
    expected = 1.0 + 0.3 * 2.0 * np.pi**2 * RHO / bottom
    right = krogh_moe_norman(data, sum_rule=rule(), amplitudes={}).value
    dense = replace(rule(), number_density_per_a3=1.3 * RHO)
    wrong = krogh_moe_norman(data, sum_rule=dense, amplitudes={}).value
    assert wrong / right == pytest.approx(expected, rel=1e-4)
    assert high_angle(data, q_range=WINDOW, priors=NONE, sum_rule=dense).k.value == pytest.approx(
        K, rel=3e-4
    )


def noisy(data: Measured, generator: np.random.Generator, seconds: float) -> Measured:
    return replace(data, rate=generator.poisson(data.rate * seconds) / seconds)


def test_sigma_of_k_by_monte_carlo() -> None:
    seconds, draws = 30.0, 300
    clean = measured(seconds=seconds)
    generator = np.random.default_rng(8)
    high, integral = [], []
    for _ in range(draws):
        data = noisy(clean, generator, seconds)
        a = high_angle(data, q_range=WINDOW, priors=NONE, sum_rule=rule()).k
        b = krogh_moe_norman(data, sum_rule=rule(), amplitudes={})
        assert a.sigma is not None
        assert b.sigma is not None
        high.append((a.value - K) / a.sigma)
        integral.append((b.value - K) / b.sigma)
    # the scatter of a width from 300 draws is 4 %
    assert np.std(high) == pytest.approx(1.0, abs=0.15)
    assert abs(np.mean(high)) < 0.25
    assert 0.6 < np.std(integral) < 1.15  # its sigma also holds the unmeasured low-Q part
    assert abs(np.mean(integral)) < 0.6


@pytest.mark.parametrize("truth", [0.85, 1.0, 1.15])
def test_compton_response_is_found(truth: float) -> None:
    """Without noise and with a loose prior: K and the amplitude, and their anticorrelation."""
    data = measured(compton=truth, free=True)
    priors = {"compton response": Quantity(1.0, 0.3)}
    found = high_angle(data, q_range=WINDOW, priors=priors, sum_rule=rule())
    assert found.k.value == pytest.approx(K, rel=3e-3)
    assert found.amplitudes["compton response"].value == pytest.approx(truth, abs=3e-3)
    assert found.correlations["K, compton response"] < -0.9
    beside = krogh_moe_norman(
        data,
        sum_rule=rule(),
        amplitudes={n: a.value for n, a in found.amplitudes.items()},
    )
    assert beside.value == pytest.approx(found.k.value, rel=2e-3)


def test_compton_response_by_monte_carlo() -> None:
    """Amplitude and K from Poisson draws within sigma; the truth drawn from its prior, as a prior means."""
    seconds, draws, width = 30.0, 200, 0.1
    generator = np.random.default_rng(9)
    pulls = []
    for _ in range(draws):
        truth = float(generator.normal(1.0, width))
        data = noisy(measured(compton=truth, free=True, seconds=seconds), generator, seconds)
        found = high_angle(
            data,
            q_range=WINDOW,
            priors={"compton response": Quantity(1.0, width)},
            sum_rule=rule(),
        )
        a = found.amplitudes["compton response"]
        assert a.sigma is not None
        assert found.k.sigma is not None
        pulls.append(((a.value - truth) / a.sigma, (found.k.value - K) / found.k.sigma))
    mean, spread = np.mean(pulls, axis=0), np.std(pulls, axis=0)
    assert np.all(np.abs(mean) < 0.5)
    assert np.all(spread < 1.2)
    assert np.all(spread > 0.5)


def test_a_tight_prior_holds_the_amplitude() -> None:
    data = measured(compton=1.1, free=True)
    tight = {"compton response": Quantity(1.0, 1e-7)}
    found = high_angle(data, q_range=WINDOW, priors=tight, sum_rule=rule())
    assert found.amplitudes["compton response"].value == pytest.approx(1.0, abs=1e-4)


def test_scaling_the_rate_scales_k() -> None:
    data = measured()
    thrice = replace(data, rate=3.0 * data.rate, variance=9.0 * data.variance)
    one = high_angle(data, q_range=WINDOW, priors=NONE, sum_rule=rule()).k
    three = high_angle(thrice, q_range=WINDOW, priors=NONE, sum_rule=rule()).k
    assert three.value == pytest.approx(3.0 * one.value, rel=1e-12)
    assert three.sigma == pytest.approx(3.0 * (one.sigma or 0.0), rel=1e-9)


def test_too_few_points() -> None:
    with pytest.raises(ValueError, match="fewer than 8 points"):
        high_angle(measured(), q_range=(20.0, 20.03), priors=NONE, sum_rule=rule())


def test_a_scale_below_zero_is_refused() -> None:
    """Nothing of the sample left: no K, but a question to the user."""
    q = np.linspace(1.0, 20.0, 400)
    one = np.ones_like(q)
    negative = Measured(q=q, rate=-one, variance=one, terms={"fixed": one}, sensitivity=one)
    rule = SumRule(number_density_per_a3=0.05, s_low=0.1)
    with pytest.raises(InputError, match="high-angle normalization gives"):
        high_angle(negative, q_range=(10.0, 20.0), priors={}, sum_rule=rule)
    with pytest.raises(InputError, match="integral normalization gives"):
        krogh_moe_norman(negative, sum_rule=rule, amplitudes={})
