"""The cell constant against hand calculation and against sampling."""

import math

import numpy as np
import pytest

from calibration.cell import ParallelPlates, cell_constant, disc_area, pellet_density
from calibration.quantity import Quantity


def plates(sigma_e: float | None = 0.02, sigma_d: float | None = 0.05) -> ParallelPlates:
    return ParallelPlates(
        thickness_mm=Quantity(2.10, sigma_e, "mm"), area_mm2=disc_area(Quantity(8.0, sigma_d, "mm"))
    )


def test_constant_of_a_disc_by_hand():
    # 0.21 cm / (pi 0.4^2 cm^2) = 0.41778 1/cm
    assert plates().constant_per_cm.value == pytest.approx(0.21 / (math.pi * 0.16), rel=1e-12)
    assert plates().constant_per_cm.unit == "1/cm"


def test_relative_uncertainty_is_the_sum_of_squares_with_the_diameter_twice():
    expected = math.hypot(0.02 / 2.10, 2 * 0.05 / 8.0)
    assert plates().relative_sigma == pytest.approx(expected, rel=1e-12)


def test_uncertainty_agrees_with_sampling():
    random = np.random.default_rng(3)
    e, d = random.normal(2.1, 0.02, 200_000), random.normal(8.0, 0.05, 200_000)
    sampled = np.std(10 * e / (np.pi * d**2 / 4))
    assert plates().constant_per_cm.sigma == pytest.approx(sampled, rel=0.01)


@pytest.mark.parametrize(("sigma_e", "sigma_d"), [(None, 0.05), (0.02, None), (None, None)])
def test_an_unknown_part_makes_the_whole_unknown(sigma_e, sigma_d):
    assert plates(sigma_e, sigma_d).constant_per_cm.sigma is None
    assert plates(sigma_e, sigma_d).relative_sigma is None


def test_capacitance_of_the_empty_cell():
    # a parallel plate of 1 cm^2 and 1 cm has 0.0885 pF
    cell = ParallelPlates(thickness_mm=Quantity(10.0), area_mm2=Quantity(100.0))
    assert cell.vacuum_capacitance_f == pytest.approx(8.8541878e-14, rel=1e-7)


def test_density_of_the_demo_pellet():
    # 120 mg in pi/4 x 10 mm x 10 mm x 0.753 mm = 59.14 mm^3 make 2.029 g/cm^3
    cell = ParallelPlates(
        thickness_mm=Quantity(0.753, 0.0), area_mm2=disc_area(Quantity(10.0, 0.0))
    )
    density = pellet_density(Quantity(120.0, 1.2), cell)
    assert density.value == pytest.approx(2.029, abs=5e-4)
    assert density.sigma == pytest.approx(0.0203, abs=1e-4)
    assert pellet_density(Quantity(120.0), cell).sigma is None


@pytest.mark.parametrize("thickness", [0.0, -1.0])
def test_impossible_sizes_are_refused(thickness):
    with pytest.raises(ValueError, match="thickness"):
        ParallelPlates(thickness_mm=Quantity(thickness), area_mm2=Quantity(1.0))


def test_constant_scales_as_length_over_area():
    one = cell_constant(Quantity(1.0, 0.1), Quantity(50.0, 1.0))
    two = cell_constant(Quantity(2.0, 0.2), Quantity(50.0, 1.0))
    assert two.value == pytest.approx(2 * one.value)
    assert two.sigma == pytest.approx(2 * one.sigma)
