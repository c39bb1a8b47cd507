"""Readings to angles: exact geometry against a ray that is traced, and the textbook's first order."""

import numpy as np
import pytest

from calibration.goniometer import Alignment, true_two_theta


def test_a_perfect_goniometer_reads_the_angle() -> None:
    angles = np.linspace(0.0, 160.0, 33)
    assert true_two_theta(angles, alignment=Alignment()) == pytest.approx(angles)
    assert Alignment().is_perfect


def test_zero_is_subtracted() -> None:
    assert true_two_theta([10.0], alignment=Alignment(zero_deg=0.05)) == pytest.approx([9.95])


def test_displacement_follows_a_traced_ray() -> None:
    x, y, radius = 0.8, -0.3, 200.0
    alignment = Alignment(along_mm=x, across_mm=y, radius_mm=radius)
    for true in np.radians([5.0, 40.0, 90.0, 150.0]):
        # walk along the ray from the sample until it meets the circle of the slit
        direction = np.array([np.cos(true), np.sin(true)])
        start = np.array([x, y])
        along = start @ direction
        length = -along + np.sqrt(along**2 - start @ start + radius**2)
        hit = start + length * direction
        reading = np.degrees(np.arctan2(hit[1], hit[0]))
        assert true_two_theta([reading], alignment=alignment)[0] == pytest.approx(
            np.degrees(true), abs=1e-10
        )


def test_first_order_is_x_sin_minus_y_cos_over_radius() -> None:
    reading = np.array([20.0, 70.0, 130.0])
    u = np.radians(reading)
    alignment = Alignment(along_mm=0.01, across_mm=0.02, radius_mm=240.0)
    shift = np.radians(true_two_theta(reading, alignment=alignment) - reading)
    assert shift == pytest.approx((0.01 * np.sin(u) - 0.02 * np.cos(u)) / 240.0, rel=1e-3)


def test_impossible_alignments_are_refused() -> None:
    with pytest.raises(ValueError, match="needs the radius"):
        Alignment(along_mm=0.1)
    with pytest.raises(ValueError, match="reaches the radius"):
        Alignment(along_mm=300.0, radius_mm=240.0)
