"""Paalman-Pings factors against published numbers, closed forms and an independent quadrature."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xraydb
from scipy.integrate import quad

from calibration.errors import InputError
from xtsred.corrections.absorption import (
    Attenuation,
    attenuation_factor,
    beam_transmission,
    paalman_pings,
)
from xtsred.corrections.geometry import Cylinder, disc_area_in_beam, irradiated_areas

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
ROD = Cylinder(radius_mm=1.0)
CAPILLARY = Cylinder(radius_mm=0.25, wall_mm=0.05)


def bare(mu_r: float) -> Attenuation:
    return Attenuation(core_per_mm=mu_r)


def rod_factor(angles: object, mu_r: float, **options: float) -> np.ndarray:
    factors = paalman_pings(
        angles,
        cylinder=ROD,
        beam_width_mm=options.pop("beam_width_mm", 3.0),
        mu_in=bare(mu_r),
        mu_out=bare(mu_r),
        **options,
    )
    return factors.a_s_sc


def ray(x: np.ndarray, y: np.ndarray, u: tuple[float, float], radius: float) -> np.ndarray:
    """Length of the ray from (x, y) along u inside a disc, from the two roots of a quadratic."""
    b = x * u[0] + y * u[1]
    root = np.sqrt(np.maximum(b * b - (x * x + y * y) + radius * radius, 0.0))
    return np.maximum(root - b, 0.0) - np.maximum(-b - root, 0.0)


def strips(
    cylinder: Cylinder,
    source: str,
    width: float,
    two_theta: float,
    mu: tuple[float, float, float, float],
) -> float:
    """The factor by another route: Cartesian midpoint cells along strips of the beam."""
    u = (math.cos(math.radians(two_theta)), math.sin(math.radians(two_theta)))
    core, outer = cylinder.radius_mm, cylinder.outer_mm
    grading = 0.5 * (1.0 - np.cos(math.pi * (np.arange(700) + 0.5) / 700))
    steps = np.sin(math.pi * (np.arange(700) + 0.5) / 700)
    bounds = sorted({-outer, -core, core, outer, 0.5 * width, -0.5 * width})
    bounds = [b for b in bounds if abs(b) <= min(0.5 * width, outer)]
    above = below = 0.0
    for low, high in itertools.pairwise(bounds):
        y = (low + (high - low) * grading)[:, None]
        half_core = np.sqrt(np.maximum(core**2 - y * y, 0.0))
        half_outer = np.sqrt(outer**2 - y * y)
        wall = [(-half_outer, -half_core), (half_core, half_outer)]
        for start, stop in [(-half_core, half_core)] if source == "core" else wall:
            x = start + (stop - start) * grading
            area = (high - low) * steps[:, None] * (stop - start) * steps
            into, out = (ray(x, y, d, core) for d in ((-1.0, 0.0), u))
            into_wall = ray(x, y, (-1.0, 0.0), outer) - into
            out_wall = ray(x, y, u, outer) - out
            depth = mu[0] * into + mu[1] * into_wall + mu[2] * out + mu[3] * out_wall
            above += float(np.sum(area * np.exp(-depth)))
            below += float(np.sum(area))
    return above / below


def test_bare_cylinder_against_the_table() -> None:
    table = np.genfromtxt(REFERENCE / "absorption_cylinder.csv", delimiter=",", skip_header=2)
    angles = table[0, 1:]
    for row in table[1:]:
        a_star = 1.0 / rod_factor(angles, row[0])
        # 1e-5 and half of the last printed digit
        half_digit = 0.5 * 10.0 ** -(5 if row[1] < 100 else 4)
        np.testing.assert_array_less(np.abs(a_star - row[1:]), 1e-6 * row[1:] + half_digit)


def test_annulus_against_the_reference() -> None:
    table = np.genfromtxt(
        REFERENCE / "absorption_annulus.csv", delimiter=",", names=True, skip_header=1
    )
    mu = Attenuation(core_per_mm=2.0, wall_per_mm=4.0)
    factors = paalman_pings(
        table["two_theta_deg"], cylinder=CAPILLARY, beam_width_mm=1.0, mu_in=mu, mu_out=mu
    )
    for name in ("a_s_sc", "a_c_sc", "a_c_c"):
        np.testing.assert_allclose(getattr(factors, name), table[name], rtol=3e-6)


@pytest.mark.parametrize(
    ("source", "width", "two_theta"),
    [
        ("core", 1.0, 40.0),
        ("core", 0.2, 130.0),
        ("wall", 1.0, 75.0),
        ("wall", 0.55, 20.0),
        ("wall", 0.3, 115.0),
    ],
)
def test_independent_quadrature(source: str, width: float, two_theta: float) -> None:
    """Any width, outgoing photons of another energy."""
    expected = strips(CAPILLARY, source, width, two_theta, (2.0, 4.0, 2.6, 5.5))
    value, accuracy = attenuation_factor(
        two_theta,
        source=source,
        cylinder=CAPILLARY,
        beam_width_mm=width,
        mu_in=Attenuation(core_per_mm=2.0, wall_per_mm=4.0),
        mu_out=Attenuation(core_per_mm=2.6, wall_per_mm=5.5),
    )
    assert accuracy <= 1e-5
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_forward_factor_in_closed_form() -> None:
    """At 2theta = 0, mu' = mu every ray crosses its whole chord: A = (1/V) ∫ chord exp(-mu chord) dy."""

    def crossed(t: float, mu_r: float) -> float:
        return 2 * math.cos(t) ** 2 * math.exp(-2 * mu_r * math.cos(t))

    for mu_r, width in ((1.3, 3.0), (1.3, 0.6), (8.0, 3.0), (12.0, 3.0)):
        top = min(0.5 * width, 1.0)
        area = 0.5 * disc_area_in_beam(1.0, beam_width_mm=width)
        expected = quad(crossed, 0, math.asin(top), args=(mu_r,), epsrel=1e-11)[0] / area
        np.testing.assert_allclose(rod_factor(0.0, mu_r, beam_width_mm=width), expected, rtol=1e-6)


def test_backward_factor_in_closed_form() -> None:
    """At 2theta = 180° the way out is the way in: A = (1/V) ∫ [1 - exp(-2 mu chord)]/(2 mu) dy."""

    def returned(t: float, mu_r: float) -> float:
        return math.cos(t) * -math.expm1(-4 * mu_r * math.cos(t)) / (2 * mu_r)

    for mu_r, width in ((0.3, 3.0), (5.0, 3.0), (12.0, 3.0), (12.0, 0.5), (40.0, 3.0)):
        area = 0.5 * disc_area_in_beam(1.0, beam_width_mm=width)
        top = math.asin(min(0.5 * width, 1.0))
        expected = quad(returned, 0, top, args=(mu_r,), epsrel=1e-11)[0] / area
        value = rod_factor(180.0, mu_r, beam_width_mm=width)
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_limits() -> None:
    angles = np.linspace(0.0, 180.0, 7)
    np.testing.assert_allclose(rod_factor(angles, 0.0), 1.0, rtol=1e-12)
    # thin: A = 1 - 16 muR/(3 pi), the mean way in plus the mean way out, at every angle
    np.testing.assert_allclose(1.0 - rod_factor(angles, 1e-5), 16e-5 / (3 * math.pi), rtol=1e-3)
    # opaque, backscattering: only a skin scatters, A -> (1/pi) 2/(2 mu R)
    np.testing.assert_allclose(rod_factor(180.0, 300.0) * 300.0 * math.pi, 1.0, rtol=2e-3)
    # a pencil of beam through the middle, straight on: exp(-2 mu R)
    np.testing.assert_allclose(rod_factor(0.0, 0.8, beam_width_mm=1e-3), math.exp(-1.6), rtol=1e-5)
    # a wall of the sample's own stuff is a thicker rod
    mu = Attenuation(core_per_mm=3.0, wall_per_mm=3.0)
    parts = paalman_pings(angles, cylinder=CAPILLARY, beam_width_mm=1.0, mu_in=mu, mu_out=mu)
    thick = paalman_pings(
        angles,
        cylinder=Cylinder(radius_mm=0.3),
        beam_width_mm=1.0,
        mu_in=bare(3.0),
        mu_out=bare(3.0),
    )
    assert parts.a_c_sc is not None
    whole = parts.a_s_sc * parts.core_area_mm2 + parts.a_c_sc * parts.wall_area_mm2
    np.testing.assert_allclose(whole / thick.core_area_mm2, thick.a_s_sc, rtol=1e-6)


def test_reciprocity() -> None:
    """Way in and way out may be exchanged while everything is bathed."""
    into, out = (
        Attenuation(core_per_mm=2.0, wall_per_mm=4.0),
        Attenuation(core_per_mm=3.0, wall_per_mm=5.0),
    )
    angles = np.array([10.0, 80.0, 160.0])
    one = paalman_pings(angles, cylinder=CAPILLARY, beam_width_mm=1.0, mu_in=into, mu_out=out)
    two = paalman_pings(angles, cylinder=CAPILLARY, beam_width_mm=1.0, mu_in=out, mu_out=into)
    for name in ("a_s_sc", "a_c_sc", "a_c_c"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-5)
        assert np.all(getattr(one, name) < 1.0)


@pytest.mark.parametrize("mu_r", [0.1, 1.0, 5.0, 12.0])
def test_interpolated_angles_keep_the_stated_accuracy(mu_r: float) -> None:
    angles = np.linspace(1.0, 152.0, 152)
    many = paalman_pings(
        angles, cylinder=ROD, beam_width_mm=3.0, mu_in=bare(mu_r), mu_out=bare(mu_r)
    )
    few = rod_factor(angles[3::29], mu_r, tolerance=1e-7)
    error = np.max(np.abs(many.a_s_sc[3::29] / few - 1.0))
    assert error <= many.accuracy + 1e-7
    assert many.accuracy <= 1.1e-5
    assert error <= 1e-6


def test_changing_energy_over_the_angles() -> None:
    """mu' over 2theta, with a jump (an edge) that no smooth curve may smear."""
    angles = np.linspace(2.0, 150.0, 297)
    mu_out = 1.0 + 0.3 * (angles / 150.0) ** 2 - 0.4 * (angles > 90.0)
    many = paalman_pings(
        angles,
        cylinder=ROD,
        beam_width_mm=3.0,
        mu_in=bare(1.0),
        mu_out=Attenuation(core_per_mm=mu_out),
    )
    some = slice(4, None, 73)
    few = paalman_pings(
        angles[some],
        cylinder=ROD,
        beam_width_mm=3.0,
        mu_in=bare(1.0),
        mu_out=Attenuation(core_per_mm=mu_out[some]),
    )
    np.testing.assert_allclose(many.a_s_sc[some], few.a_s_sc, rtol=1e-6)


def test_speed_of_a_bare_cylinder(benchmark: Any) -> None:
    """152 angles, reported; 20 ms asked."""
    angles = np.linspace(1.0, 152.0, 152)
    found = benchmark.pedantic(rod_factor, args=(angles, 1.0), rounds=5)
    assert found.shape == angles.shape


def test_areas_and_transmission() -> None:
    core, wall = irradiated_areas(CAPILLARY, beam_width_mm=0.55)
    y = (np.arange(200_000) + 0.5) / 200_000 * 0.275
    chords = [2 * np.sqrt(np.maximum(a**2 - y**2, 0.0)) for a in (0.25, 0.30)]
    np.testing.assert_allclose(core, 2 * 0.275 * chords[0].mean(), rtol=1e-6)
    np.testing.assert_allclose(wall, 2 * 0.275 * (chords[1] - chords[0]).mean(), rtol=1e-5)
    mu = Attenuation(core_per_mm=2.0, wall_per_mm=4.0)
    expected = np.exp(-2.0 * chords[0] - 4.0 * (chords[1] - chords[0])).mean()
    value = beam_transmission(cylinder=CAPILLARY, beam_width_mm=0.55, mu=mu)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    # a beam much wider than the sample passes beside it
    wide = beam_transmission(cylinder=CAPILLARY, beam_width_mm=60.0, mu=mu)
    assert 0.99 < wide < 1.0


def test_virtual_experiment(shared_data: Path) -> None:
    """The factors of an independent photon Monte Carlo, its mu from another table by 0.1%."""
    truth = np.genfromtxt(
        shared_data / "xrd" / "ns_mo_virtual" / "truth_components.csv", delimiter=",", names=True
    )
    kev = 12.398419843 / 0.709318

    # n mu/rho m: 1/cm = Å^-3 * 1e24 * sum c_i (barn 1e-24)
    def mu_mm(fractions: dict[str, float], per_a3: float, energies: np.ndarray) -> np.ndarray:
        mass = {name: xraydb.atomic_mass(name) for name in fractions}
        grams = {name: c * mass[name] / 0.602214076 for name, c in fractions.items()}
        return (
            per_a3
            * 0.1
            * sum(g * xraydb.mu_elam(name, 1e3 * energies) for name, g in grams.items())
        )

    sample = {"Na": 2 / 6, "Si": 1 / 6, "S": 3 / 6}
    borosilicate = {"Si": 0.25582, "O": 0.64137, "B": 0.07087, "Na": 0.02449, "Al": 0.00744}
    mean_mass = sum(c * xraydb.atomic_mass(name) for name, c in borosilicate.items())
    density = 2.23 * 0.602214076 / mean_mass
    angles = truth["tth"]
    shifted = kev / (1.0 + kev / 510.998950 * (1.0 - np.cos(np.radians(angles))))

    def at(energies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return mu_mm(sample, 0.0431 * 0.5, energies), mu_mm(borosilicate, density, energies)

    core, wall = at(np.array([kev]))
    into = Attenuation(core_per_mm=float(core[0]), wall_per_mm=float(wall[0]))
    cylinder = Cylinder(radius_mm=0.25, wall_mm=0.01)
    core_out, wall_out = at(shifted)
    compton = Attenuation(core_per_mm=core_out, wall_per_mm=wall_out)
    elastic, inelastic = (
        paalman_pings(angles, cylinder=cylinder, beam_width_mm=0.6, mu_in=into, mu_out=out)
        for out in (into, compton)
    )
    np.testing.assert_allclose(elastic.a_s_sc, truth["A_s_sc_1"], rtol=1e-3)
    np.testing.assert_allclose(elastic.a_c_sc, truth["A_c_sc_1"], rtol=1e-3)
    np.testing.assert_allclose(elastic.a_c_c, truth["A_c_c_1"], rtol=1e-3)
    np.testing.assert_allclose(inelastic.a_s_sc, truth["A_s_sc_inc_1"], rtol=1e-3)
    np.testing.assert_allclose(inelastic.a_c_sc, truth["A_c_sc_inc_1"], rtol=1e-3)


def test_refusals() -> None:
    with pytest.raises(InputError, match="radius"):
        Cylinder(radius_mm=0.0)
    with pytest.raises(InputError, match="wall"):
        Cylinder(radius_mm=1.0, wall_mm=-0.1)
    with pytest.raises(InputError, match="attenuation coefficient"):
        bare(-1.0)
    with pytest.raises(InputError, match="wide"):
        rod_factor(10.0, 1.0, beam_width_mm=0.0)
    with pytest.raises(InputError, match="0 to 180"):
        rod_factor(190.0, 1.0)
    with pytest.raises(InputError, match="one energy"):
        paalman_pings(
            10.0,
            cylinder=ROD,
            beam_width_mm=3.0,
            mu_in=Attenuation(core_per_mm=np.ones(3)),
            mu_out=bare(1.0),
        )
    with pytest.raises(InputError, match="no wall"):
        attenuation_factor(
            10.0, source="wall", cylinder=ROD, beam_width_mm=3.0, mu_in=bare(1.0), mu_out=bare(1.0)
        )
    with pytest.raises(InputError, match="does not converge"):
        rod_factor([0.0, 90.0], 4000.0)
