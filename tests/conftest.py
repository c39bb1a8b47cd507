"""Fixtures for every test: where the real measurements are, if they are here."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.special import voigt_profile

ROOT = Path(__file__).resolve().parent.parent


def find_shared() -> Path | None:
    """The folder of shared measurements: $XTSRED_SHARED, or `shared` beside the checkout."""
    named = os.environ.get("XTSRED_SHARED")
    candidates = [Path(named)] if named else [ROOT.parent / "shared"]
    return next((c for c in candidates if (c / "data").is_dir()), None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder data/ of real measurements; tests that need it skip, by name, without it."""
    folder = find_shared()
    if folder is None:
        pytest.skip("the folder of shared measurements (../shared/data) is not here")
    return folder / "data"


@pytest.fixture(scope="session")
def shared_examples() -> Path:
    """The example project files; tests that need them skip, by name, without them."""
    folder = find_shared()
    if folder is None:
        pytest.skip("the folder of example projects (../shared/examples) is not here")
    return folder / "examples"


@pytest.fixture(scope="session")
def virtual_standard() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """(angles, expected counts/s) of a cubic powder: Voigt functions, each line's reading found by walking along its ray.

    Shares no formula with the calibration: convolution of scipy for the profile, an intersection with the slit's circle for the
    geometry. lines: (wavelength, share) each; indices: sums h^2 + k^2 + l^2 with their areas; at: (zero in degrees, x, y, radius in mm).
    """

    def scan(
        angles: np.ndarray,
        *,
        a: float,
        lines: Sequence[tuple[float, float]],
        indices: Mapping[int, float],
        at: tuple[float, float, float, float],
        gauss_deg: float = 0.04,
        lorentz_deg: float = 0.02,
        background: float = 20.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        zero, x, y, radius = at
        rate = background * (1.0 + 0.3 * np.cos(np.radians(angles)))
        for wavelength, share in lines:
            for n, area in indices.items():
                sine = wavelength * np.sqrt(n) / (2.0 * a)
                if sine >= 1.0:
                    continue
                true = 2.0 * np.arcsin(sine)
                direction = np.array([np.cos(true), np.sin(true)])
                along = -(direction @ (x, y))
                hit = np.array([x, y]) + direction * (
                    along + np.sqrt(along**2 - x * x - y * y + radius**2)
                )
                read = np.degrees(np.arctan2(hit[1], hit[0])) + zero
                widening = 1.0 + np.tan(true / 2.0)
                rate = rate + area * share * voigt_profile(
                    angles - read, gauss_deg * widening, lorentz_deg * widening
                )
        return angles, rate

    return scan
