"""mu R by every way: against numbers worked by hand, adaptive quadrature, and each other."""

import math

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from calibration.attenuation import (
    CLOSEST_PACKING,
    absorption_shift,
    from_mass,
    from_packing,
    from_transmission,
    packing_of,
    slit_transmission,
    weighted_difference,
)
from calibration.errors import InputError
from calibration.quantity import Quantity


def test_mass_by_hand() -> None:
    """10 mg over 20 mm of a capillary of radius 0.25 mm: 2.546 g/cm^3; times 5 cm^2/g and 0.025 cm."""
    found = from_mass(
        mass_mg=Quantity(10.0, 0.1),
        length_mm=Quantity(20.0, 0.2),
        radius_mm=Quantity(0.25, 0.005),
        mass_attenuation=Quantity(5.0, 0.1),
    ).mu_r
    density = 0.010 / (math.pi * 0.025**2 * 2.0)
    assert found.value == pytest.approx(density * 5.0 * 0.025)
    assert found.sigma == pytest.approx(found.value * math.hypot(0.01, 0.01, 0.02, 0.02))


def test_mass_and_the_packing_that_it_means_agree() -> None:
    radius, mass_attenuation = Quantity(0.25, 0.0), Quantity(5.0, 0.0)
    packing, density = Quantity(0.5, 0.01), Quantity(2.03, 0.0)
    a = from_packing(packing=packing, density_g_per_cm3=density, radius_mm=radius, mass_attenuation=mass_attenuation)  # fmt: skip
    mass = 0.5 * 2.03 * math.pi * 0.25**2 * 20.0  # mg
    b = from_mass(mass_mg=Quantity(mass, 0.0), length_mm=Quantity(20.0, 0.0), radius_mm=radius, mass_attenuation=mass_attenuation)  # fmt: skip
    assert a.mu_r.value == pytest.approx(b.mu_r.value)
    back = packing_of(a.mu_r, density_g_per_cm3=2.03, radius_mm=radius, mass_attenuation=mass_attenuation)  # fmt: skip
    assert (back.value, back.sigma) == pytest.approx((0.5, 0.01))


def test_an_unstated_uncertainty_stays_unknown() -> None:
    found = from_mass(mass_mg=Quantity(10.0), length_mm=Quantity(20.0, 0.2), radius_mm=Quantity(0.25, 0.005), mass_attenuation=Quantity(5.0, 0.1))  # fmt: skip
    assert found.mu_r.sigma is None
    assert weighted_difference(found.mu_r, Quantity(1.0, 0.1)) is None


@pytest.mark.parametrize("mu_r", [0.05, 0.7, 3.0])
@pytest.mark.parametrize("ratio", [0.2, 1.0, 1.6])
def test_slit_transmission_against_adaptive_quadrature(mu_r: float, ratio: float) -> None:
    def passed(z: float) -> float:
        return math.exp(-2.0 * mu_r * math.sqrt(max(1.0 - z * z, 0.0)))

    inside = min(ratio, 1.0)
    exact = (quad(passed, 0.0, inside, limit=200)[0] + max(ratio - 1.0, 0.0)) / ratio
    assert slit_transmission(mu_r, width_over_diameter=ratio) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("width", [None, 0.1, 0.8])
def test_transmission_is_inverted(width: float | None) -> None:
    radius = Quantity(0.25, 0.001)
    ratio = 0.0 if width is None else width / 0.5
    t = slit_transmission(0.9, width_over_diameter=ratio)
    beam = None if width is None else Quantity(width, 0.001)
    found = from_transmission(Quantity(t, 0.002), beam_width_mm=beam, radius_mm=radius).mu_r
    assert found.value == pytest.approx(0.9, rel=1e-9)
    other = from_transmission(Quantity(t - 0.002, 0.0), beam_width_mm=beam, radius_mm=radius).mu_r
    assert found.sigma is not None
    assert found.sigma >= 0.95 * (other.value - found.value) > 0.0


def test_a_pencil_beam_in_closed_form() -> None:
    found = from_transmission(
        Quantity(0.3, 0.003), beam_width_mm=None, radius_mm=Quantity(0.2)
    ).mu_r
    assert found.value == pytest.approx(-math.log(0.3) / 2.0)
    assert found.sigma == pytest.approx(0.01 / 2.0, rel=0.01)


def test_more_light_than_absorption_allows_is_refused() -> None:
    with pytest.raises(InputError, match="impossible"):
        from_transmission(Quantity(0.4, 0.01), beam_width_mm=Quantity(1.0, 0.01), radius_mm=Quantity(0.25, 0.01))  # fmt: skip


@pytest.mark.parametrize("two_theta", [40.0, 90.0, 150.0])
@pytest.mark.parametrize("mu_r", [0.3, 1.75])
def test_absorption_shift_against_adaptive_quadrature(mu_r: float, two_theta: float) -> None:
    angle = math.radians(two_theta)

    def weight(y: float, x: float) -> float:
        sideways = x * math.sin(angle) - y * math.cos(angle)
        enter = x + math.sqrt(max(1.0 - y * y, 0.0))
        leave = -(x * math.cos(angle) + y * math.sin(angle)) + math.sqrt(
            max(1.0 - sideways**2, 0.0)
        )
        return math.exp(-mu_r * (enter + leave))

    def edge(x: float) -> float:
        return math.sqrt(max(1.0 - x * x, 0.0))

    def moment(y: float, x: float) -> float:
        return weight(y, x) * (x * math.sin(angle) - y * math.cos(angle))

    options = {"epsabs": 1e-5, "epsrel": 1e-4}
    whole = dblquad(weight, -1.0, 1.0, lambda x: -edge(x), edge, **options)[0]
    exact = dblquad(moment, -1.0, 1.0, lambda x: -edge(x), edge, **options)[0] / whole
    assert absorption_shift([two_theta], mu_r=mu_r)[0] == pytest.approx(exact, abs=1e-3)
    assert exact < 0.0  # towards the tube


def test_no_absorption_no_shift() -> None:
    assert absorption_shift(np.array([10.0, 90.0]), mu_r=0.0) == pytest.approx(
        [0.0, 0.0], abs=1e-12
    )


def test_closest_packing() -> None:
    assert pytest.approx(0.74048, abs=1e-5) == CLOSEST_PACKING
