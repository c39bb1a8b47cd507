"""Conductivity of KCl solutions against published values that are not in our table, and the rules of its use."""

import math

import numpy as np
import pytest

from calibration.cell import CalibratedCell, combine_constants
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.solutions import constant_from_solution, find_solution, solutions


@pytest.mark.parametrize("solution", solutions(), ids=lambda s: s.name)
def test_the_polynomial_passes_through_the_table(solution) -> None:
    """Better than a third of the table's uncertainty: a mistyped digit would show."""
    for t, kappa in zip(solution.temperature_c, solution.conductivity_s_per_cm, strict=True):
        found = solution.conductivity(Quantity(float(t), 0.0))
        assert found.value == pytest.approx(kappa, rel=solution.relative_sigma / 3.0)
        assert found.sigma == pytest.approx(found.value * solution.relative_sigma)


# printed by Jones & Bradshaw (1933) in international ohm: another unit than our table
INTERNATIONAL = {
    "KCl 1 D": {0.0: 0.065176, 18.0: 0.097838, 25.0: 0.111342},
    "KCl 0.1 D": {0.0: 0.0071379, 18.0: 0.0111667, 25.0: 0.0128560},
    "KCl 0.01 D": {0.0: 0.00077364, 18.0: 0.00122052, 25.0: 0.00140877},
}


@pytest.mark.parametrize("name", INTERNATIONAL)
def test_jones_and_bradshaw_as_printed(name: str) -> None:
    for t, printed in INTERNATIONAL[name].items():
        found = find_solution(name).conductivity(Quantity(t, 0.0)).value
        assert found == pytest.approx(printed / 1.000495, rel=1e-5)


# Chinese national standard solutions (demal-like), as printed in a conductometer's manual, S/cm; 15 °C is no row of
# our demal tables. Their 20 °C row is left out: it lies 0.06 to 0.09 % above the molal tables' curve through the others
OTHERS = {
    "KCl 1 D": {15.0: 0.09212, 18.0: 0.09780, 25.0: 0.11131},
    "KCl 0.1 D": {15.0: 0.010455, 18.0: 0.011163, 25.0: 0.012852},
    "KCl 0.01 D": {15.0: 0.0011414, 18.0: 0.0012200, 25.0: 0.0014083},
}


@pytest.mark.parametrize("name", OTHERS)
def test_between_the_rows_it_agrees_with_another_table(name: str) -> None:
    for t, printed in OTHERS[name].items():
        found = find_solution(name).conductivity(Quantity(t, 0.0))
        assert found.value == pytest.approx(printed, rel=2.5e-4), t


def test_molal_and_demal_scales_agree_within_their_uncertainties() -> None:
    """0.01 D is 0.745263 g per kg of solution, 0.01 m 0.745510 g per kg of water: more dilute by 4.1e-4."""
    demal = find_solution("KCl 0.01 D").conductivity(Quantity(25.0, 0.0))
    molal = find_solution("KCl 0.01 m").conductivity(Quantity(25.0, 0.0))
    more = 0.745263 / (0.745510 * 1000.0 / 1000.745510)
    assert more == pytest.approx(1.00041, abs=1e-5)
    off = demal.value - molal.value * more**0.97  # kappa ~ c (1 - S sqrt c)
    assert abs(off) < 2.0 * math.hypot(demal.sigma, molal.sigma)


def test_the_temperature_carries_its_two_per_cent_per_kelvin() -> None:
    known = find_solution("KCl 0.1 m")
    found = known.conductivity(Quantity(25.0, 0.1))
    assert known.slope_per_k(25.0) == pytest.approx(0.0191, abs=2e-4)
    assert found.sigma / found.value == pytest.approx(math.hypot(4e-4, 0.1 * 0.0191), rel=0.01)
    assert known.conductivity(Quantity(25.0)).sigma is None


def test_nothing_is_extrapolated_and_names_are_forgiving() -> None:
    with pytest.raises(InputError, match="0 to 25"):
        find_solution("kcl 0.1D").conductivity(Quantity(30.0, 0.1))
    with pytest.raises(InputError, match=r"KCl 0\.01 m"):
        find_solution("NaCl")


def test_cell_constant_of_a_solution() -> None:
    kappa, r = Quantity(0.0128496, 1e-5), Quantity(77.823, 0.05)
    found = constant_from_solution(kappa, r)
    assert found.value == pytest.approx(1.0000, abs=1e-4)
    assert found.sigma == pytest.approx(found.value * math.hypot(1e-5 / 0.0128496, 0.05 / 77.823))
    assert constant_from_solution(Quantity(0.01), r).sigma is None


def test_combined_constants_have_unit_pulls_and_keep_the_common_part() -> None:
    rng = np.random.default_rng(0)
    truth, common = 1.2, 4e-4
    independent = np.array([1e-3, 2e-3, 1e-3, 5e-4])
    pulls = []
    for _ in range(400):
        shared = truth * (1.0 + common * rng.standard_normal())
        values = shared + independent * rng.standard_normal(4)
        found = combine_constants(
            values.tolist(), independent=independent.tolist(), common_relative=common
        )
        pulls.append((found.constant_per_cm.value - truth) / found.constant_per_cm.sigma)
    assert 0.85 < np.std(pulls) < 1.05  # the Birge ratio only widens
    many = combine_constants([1.2] * 1000, independent=[1e-3] * 1000, common_relative=common)
    assert many.constant_per_cm.sigma >= 1.2 * common


def test_scatter_beyond_the_uncertainties_widens() -> None:
    found = combine_constants([1.0, 1.1], independent=[0.01, 0.01], common_relative=0.0)
    assert found.birge == pytest.approx(math.sqrt(50.0))
    assert found.constant_per_cm.sigma == pytest.approx(0.05)


def test_a_calibrated_cell_acts_as_plates_do() -> None:
    cell = CalibratedCell(constant_per_cm=Quantity(2.0, 0.02, "1/cm"))
    assert cell.relative_sigma == pytest.approx(0.01)
    assert cell.vacuum_capacitance_f == pytest.approx(8.8541878188e-14 / 2.0)
    with pytest.raises(ValueError, match="positive"):
        CalibratedCell(constant_per_cm=Quantity(0.0))
