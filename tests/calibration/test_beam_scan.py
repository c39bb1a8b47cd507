"""The scan of a capillary through the beam: model against quadrature, fit against a photon-by-photon truth."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from calibration.beam_scan import BeamScan, fit_beam_scan, scanned_transmission
from calibration.errors import InputError


@pytest.mark.parametrize("tilt", [0.0, -0.4])
@pytest.mark.parametrize("mu_d", [0.3, 3.5])
def test_model_against_adaptive_quadrature(mu_d: float, tilt: float) -> None:
    radius, width = 0.3, 0.15

    def passed(z: float) -> float:
        return math.exp(-mu_d * math.sqrt(max(1.0 - (z / radius) ** 2, 0.0)))

    places = [-0.5, -0.33, -0.2, 0.0, 0.1, 0.29, 0.37]
    ours = scanned_transmission(places, mu_d=mu_d, diameter_mm=0.6, beam_width_mm=width, edge_mm=1e-9, tilt=tilt)  # fmt: skip
    for place, value in zip(places, ours, strict=True):

        def weighted(z: float, place: float = place) -> float:
            return passed(z) * (1.0 + tilt * (z - place) / (width / 2.0)) / width

        inner = [e for e in (-radius, radius) if abs(e - place) < width / 2.0]
        exact = quad(weighted, place - width / 2.0, place + width / 2.0, points=inner or None, limit=400)[0]  # fmt: skip
        assert value == pytest.approx(exact, abs=3e-6)


def scan_of(*, mu_d: float, photons: float, seed: int, known: bool = True) -> BeamScan:
    """Photons drawn one by one from a trapezoidal beam, so that its shape is not the model's."""
    rng = np.random.default_rng(seed)
    z = np.arange(-0.6, 0.61, 0.01)
    start = rng.uniform(-0.07, 0.07, 40_000) + rng.uniform(-0.02, 0.02, 40_000)
    place = z[:, None] - 0.03 + start[None, :]
    chord = 2.0 * np.sqrt(np.maximum(0.3**2 - place**2, 0.0))
    passed = np.exp(-mu_d / 0.6 * chord).mean(axis=1)
    counts = rng.poisson(photons * (1.0 - 0.02 * z) * passed)
    sigma = np.sqrt(np.maximum(counts, 1.0)) if known else np.full(z.size, math.sqrt(photons) / 2.0)
    return BeamScan(position_mm=z, intensity=counts.astype(float), sigma=sigma, absolute=known)


@pytest.mark.parametrize("mu_d", [0.25, 1.2, 3.5])
def test_mu_d_is_found_with_honest_uncertainty(mu_d: float) -> None:
    pulls = []
    for seed in range(6):
        fit = fit_beam_scan(scan_of(mu_d=mu_d, photons=40_000.0, seed=seed))
        pulls.append((fit.mu_d.value - mu_d) / (fit.mu_d.sigma or 1.0))
        assert abs(fit.mu_d.value / mu_d - 1.0) < 0.03
        assert fit.diameter_mm.value == pytest.approx(0.6, abs=0.01)
        assert abs(fit.center_mm.value - 0.03) < 4.0 * (fit.center_mm.sigma or 0.0)
        # a trapezoid of bases 0.10 and 0.18 mm has the rms width of a top hat of sqrt(0.14^2 + 0.04^2)
        width = math.hypot(0.14, 0.04)
        assert abs(fit.beam_width_mm.value - width) < 4.0 * (fit.beam_width_mm.sigma or 0.0)
    assert np.sqrt(np.mean(np.square(pulls))) < 1.4


def test_without_counting_statistics_the_residuals_give_the_uncertainty() -> None:
    fit = fit_beam_scan(scan_of(mu_d=1.2, photons=40_000.0, seed=1, known=False))
    assert abs(fit.mu_d.value - 1.2) < 4.0 * (fit.mu_d.sigma or 0.0)
    assert (fit.mu_d.sigma or 1.0) < 0.05


def test_a_background_is_noticed() -> None:
    scan = scan_of(mu_d=3.5, photons=400_000.0, seed=2)
    lifted = scan.intensity + 0.02 * 400_000.0
    fit = fit_beam_scan(BeamScan(position_mm=scan.position_mm, intensity=lifted, sigma=np.sqrt(lifted), absolute=True))  # fmt: skip
    assert any("added everywhere" in f.text for f in fit.findings)


@pytest.mark.parametrize("shift", [-0.6, 0.6])
def test_a_scan_that_ends_on_the_capillary_is_refused(shift: float) -> None:
    scan = scan_of(mu_d=2.0, photons=10_000.0, seed=0)
    part = scan.position_mm > 0.0 if shift > 0 else scan.position_mm < 0.0
    with pytest.raises(InputError, match="two stretches of free beam"):
        fit_beam_scan(BeamScan(position_mm=scan.position_mm[part], intensity=scan.intensity[part], sigma=scan.sigma[part], absolute=True))  # fmt: skip


def test_a_free_beam_is_no_capillary() -> None:
    z = np.linspace(-1.0, 1.0, 101)
    flat = np.random.default_rng(0).poisson(1e6, z.size).astype(float)
    with pytest.raises(InputError, match="does not show a capillary"):
        fit_beam_scan(BeamScan(position_mm=z, intensity=flat, sigma=np.sqrt(flat), absolute=True))


@pytest.mark.parametrize("shape", ["one side", "a line"])
def test_what_is_no_direct_beam_is_refused_at_once(shape: str) -> None:
    """A 2theta scan of a powder named by mistake: it falls, and it has lines; fitting it took minutes."""
    x = np.linspace(2.0, 140.0, 5000)
    y = np.linspace(1e4, 4e3 if shape == "one side" else 1e4, x.size)
    y = y - 0.96 * y * np.exp(-(((x - 70.0) / 15.0) ** 2))
    if shape == "a line":
        y[1000:1010] *= 5.0
    with pytest.raises(InputError, match="no scan of a capillary"):
        fit_beam_scan(BeamScan(position_mm=x, intensity=y, sigma=np.sqrt(y), absolute=True))


def test_the_real_scan_agrees_with_another_program_and_takes_less_than_a_second(shared_data: Path) -> None:  # fmt: skip
    """mu D = 3.489 by the other program (a plain top hat, 210 s); counts are intensity x 0.1 s."""
    z, rate = np.loadtxt(shared_data / "xrd/ceo2_mo_capillary/CeO2_635um_zscan.xy", skiprows=1).T
    scan = BeamScan(position_mm=z, intensity=rate, sigma=np.sqrt(rate * 0.1) / 0.1, absolute=True)
    fit_beam_scan(scan)  # the import of lmfit is paid once
    began = time.process_time()
    fit = fit_beam_scan(scan)
    assert time.process_time() - began < 1.0
    assert fit.mu_d.sigma is not None
    assert abs(fit.mu_d.value - 3.489) < 3.0 * fit.mu_d.sigma
    assert fit.mu_d.sigma < 0.05
    assert fit.diameter_mm.value == pytest.approx(0.635, abs=0.01)
