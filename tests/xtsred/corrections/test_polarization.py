"""Polarization factor: limits, a mean in closed form, and a crystal's number."""

import numpy as np
import pytest

from xtsred.corrections.polarization import (
    BeamPolarization,
    mosaic,
    perfect,
    polarization_factor,
    stated,
    unpolarized,
)

ANGLES = np.linspace(0.0, 180.0, 1801)
GRAPHITE_CU_DEG = 26.57  # 2theta of graphite 002 (3.354 Å) with Cu Ka


def test_unpolarized_is_thomson() -> None:
    p = polarization_factor(np.array([0.0, 60.0, 90.0, 180.0]), beam=unpolarized())
    assert p == pytest.approx([1.0, 0.625, 0.5, 1.0])


def test_mean_over_the_sphere() -> None:
    """∫ (1 + cos^2)/2 dOmega = 8 pi/3: the Thomson cross-section in units of r_e^2."""
    p = polarization_factor(ANGLES, beam=unpolarized())
    solid = np.trapezoid(p * np.sin(np.radians(ANGLES)), np.radians(ANGLES)) * 2.0 * np.pi
    assert solid == pytest.approx(8.0 * np.pi / 3.0, rel=1e-5)


@pytest.mark.parametrize("beam", [unpolarized(), perfect(30.0), mosaic(30.0), stated(0.9)])
def test_forward_is_one_and_90_degrees_is_the_perpendicular_share(beam: BeamPolarization) -> None:
    p = polarization_factor(np.array([0.0, 90.0]), beam=beam)
    assert p == pytest.approx([1.0, 1.0 / (1.0 + beam.ratio)])


def test_monochromators() -> None:
    """Graphite 002 for Cu Ka, mosaic: cos^2 26.57° = 0.800 (Azaroff 1955; the usual 0.8 of Cu diffractometers)."""
    assert mosaic(GRAPHITE_CU_DEG).ratio == pytest.approx(0.800, abs=1e-3)
    assert perfect(GRAPHITE_CU_DEG).ratio == pytest.approx(0.8944, abs=1e-3)
    assert perfect(120.0).ratio == pytest.approx(0.5)  # never negative
    assert mosaic(0.0).ratio == perfect(0.0).ratio == 1.0


def test_stated_degrees() -> None:
    assert stated(0.0).ratio == unpolarized().ratio
    fully = polarization_factor(ANGLES, beam=stated(1.0))
    assert fully == pytest.approx(1.0)  # scattering out of the plane of the electric field
    assert stated(0.95).ratio == pytest.approx(0.05 / 1.95)
