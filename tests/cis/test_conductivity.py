"""Conductivity and permittivity against hand calculation and closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest

from calibration.cell import ParallelPlates, disc_area
from calibration.quantity import Quantity
from cis.conductivity import (
    conductivity,
    dense_permittivity_bruggeman,
    method_spread,
    permittivity,
    series_permittivity,
)
from cis.stages import ArcFit, ResistanceEstimate, Spectrum, Validation

PLATES = ParallelPlates(
    thickness_mm=Quantity(0.753, 0.01, "mm"), area_mm2=disc_area(Quantity(10.0, 0.05, "mm"))
)


def fit(
    resistance: float = 1.0e4,
    sigma: float | None = 50.0,
    *,
    identifiable: bool = True,
    capacitance: float | None = 1.1e-11,
) -> ArcFit:
    f = np.array([1e6, 1e3])
    z = np.array([1e3 - 1e3j, 1e4 - 1e2j])
    nothing = Validation(
        used=np.array([True, True]),
        dropped=(),
        kk_z_ohm=z,
        kk_residuals=0 * z,
        noise_relative=None,
        kk_elements=0,
        kk_consistent=True,
    )
    return ArcFit(
        spectrum=Spectrum(file="a", format="x", frequency_hz=f, z_ohm=z, line=np.array([1, 2])),
        validation=nothing,
        circuit="bulk-blocking",
        circuit_string="p(R0,CPE0)-CPE1",
        parameters=(),
        correlation=np.eye(1),
        resistance_ohm=resistance,
        resistance_sigma_ohm=sigma,
        kind="arc",
        identifiable=identifiable,
        estimates=(),
        residuals=0 * z,
        model_z_ohm=z,
        chi2_reduced=None,
        noise_relative=0.01,
        aicc=0.0,
        converged=True,
        candidates=(),
        arcs=(),
        capacitance_f=capacitance,
    )


def of(arc: ArcFit):
    return conductivity(arc, plates=PLATES, temperature_k=298.15, temperature_sigma_k=0.5, name="A")


def test_sigma_by_hand():
    # 0.0753 cm/(1e4 Ohm x 0.785398 cm^2) = 9.5875e-6 S/cm
    result = of(fit())
    assert result.sigma_s_per_cm == pytest.approx(9.5875e-6, rel=1e-4)
    assert result.stat_s_per_cm == pytest.approx(9.5875e-6 * 0.005, rel=1e-4)
    geometry = math.hypot(0.01 / 0.753, 2 * 0.05 / 10.0)
    assert result.geometry_s_per_cm == pytest.approx(9.5875e-6 * geometry, rel=1e-4)
    assert result.total_s_per_cm == pytest.approx(
        math.hypot(result.stat_s_per_cm, result.geometry_s_per_cm)
    )


def test_a_resistance_that_is_not_identified_has_no_uncertainty():
    result = of(fit(identifiable=False))
    assert result.stat_s_per_cm is None
    assert result.total_s_per_cm is None
    assert not result.identifiable


def test_disagreement_of_methods_is_in_the_budget():
    def estimate(value, sigma):
        return ResistanceEstimate(method="circle", value_ohm=value, sigma_ohm=sigma)

    assert method_spread(fit()) is None
    near = replace(fit(), estimates=(estimate(1.01e4, 0.0), estimate(1.5e4, 0.0)))
    assert method_spread(near) == pytest.approx(100 / math.sqrt(3))
    assert of(near).resistance_ohm.sigma == pytest.approx(math.hypot(50.0, 100 / math.sqrt(3)))
    explained = replace(fit(), estimates=(estimate(1.01e4, 150.0),))
    assert method_spread(explained) == 0.0


def test_a_resistance_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        of(fit(resistance=-5.0))


def test_permittivity_of_a_plate():
    # C0 = eps0 A/e = 8.854e-14 x 0.785398/0.0753 = 0.9235 pF
    assert permittivity(9.235e-12, plates=PLATES).value == pytest.approx(10.0, rel=1e-4)
    assert permittivity(None, plates=PLATES) is None


def test_bruggeman_obeys_its_own_equation_and_its_limits():
    for m, p in [(8.0, 0.15), (12.0, 0.3), (3.0, 0.05)]:
        eps = dense_permittivity_bruggeman(Quantity(m), Quantity(p)).value
        assert (1 - p) * (eps - m) / (eps + 2 * m) + p * (1 - m) / (1 + 2 * m) == pytest.approx(
            0.0, abs=1e-12
        )
    assert dense_permittivity_bruggeman(Quantity(8.0), Quantity(0.0)).value == 8.0
    # few spherical pores: d ln m/dp = -3 (eps - 1)/(2 eps + 1) (Maxwell Garnett, dilute)
    eps = dense_permittivity_bruggeman(Quantity(8.0), Quantity(1e-6)).value
    assert (8.0 / eps - 1.0) / 1e-6 == pytest.approx(-3 * 7 / 17, rel=1e-3)


def test_bruggeman_uncertainty_against_sampling():
    random = np.random.default_rng(1)
    draws = [
        dense_permittivity_bruggeman(Quantity(m), Quantity(p)).value
        for m, p in zip(random.normal(8, 0.2, 5000), random.normal(0.15, 0.01, 5000), strict=True)
    ]
    result = dense_permittivity_bruggeman(Quantity(8.0, 0.2), Quantity(0.15, 0.01))
    assert result.sigma == pytest.approx(np.std(draws), rel=0.04)
    assert dense_permittivity_bruggeman(Quantity(8.0, 0.2), Quantity(0.15)).sigma is None


def test_bruggeman_refuses_what_no_solid_explains():
    with pytest.raises(ValueError, match="no dense permittivity"):
        dense_permittivity_bruggeman(Quantity(10.0), Quantity(0.9))


def test_series_permittivity_keeps_scatter_and_geometry():
    series = [of(fit(capacitance=c)) for c in (1.0e-11, 1.1e-11, 1.2e-11)]
    result, findings = series_permittivity(series, porosity=Quantity(0.15, 0.02))
    assert result.n == 3
    scatter = 0.1 / math.sqrt(3) / 1.1
    relative = result.apparent.sigma / result.apparent.value
    assert relative == pytest.approx(math.hypot(scatter, PLATES.relative_sigma), rel=1e-6)
    assert result.dense.value > result.apparent.value
    assert findings == ()
    assert series_permittivity([of(fit(capacitance=None))], porosity=None) == (None, ())
    _, doubt = series_permittivity(series, porosity=Quantity(0.9, 0.01))
    assert "not corrected" in doubt[0].text
