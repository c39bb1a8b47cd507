"""Joint fit of a series: a hot arc beyond the frequencies is tied down, and disagreement is said."""

import numpy as np
import pytest

from calibration.errors import InputError
from cis.circuits import circuit
from cis.fit import fit_series
from cis.joint import fit_joint
from cis.stages import Cell, Spectrum

FREQUENCY = np.logspace(7, 1, 43)
CELL = Cell(area_m2=7.854e-5, thickness_m=0.753e-3)
RESISTANCES = np.array([3e5, 6e4, 1.2e4, 3e3, 8e2])


def glass_series(seed, *, permittivities=(12.0,) * 5, alpha=0.93, noise=0.005):
    generator = np.random.default_rng(seed)
    empty = 8.8541878128e-12 * CELL.area_m2 / CELL.thickness_m
    spectra = []
    for k, (r, eps) in enumerate(zip(RESISTANCES, permittivities, strict=True)):
        q = (eps * empty) ** alpha * r ** (alpha - 1.0)
        z = circuit("bulk-blocking").impedance(FREQUENCY, [r, q, alpha, 2e-6 * (1 + k), 0.78])
        scatter = generator.normal(size=FREQUENCY.size) + 1j * generator.normal(size=FREQUENCY.size)
        spectra.append(
            Spectrum(
                file=f"{k}.txt",
                name=f"{k}",
                format="made",
                frequency_hz=FREQUENCY,
                z_ohm=z + noise * np.abs(z) * scatter,
                line=np.arange(FREQUENCY.size),
                temperature_k=280.0 + 15.0 * k,
            )
        )
    return spectra


def test_joint_fit_recovers_the_truth_with_calibrated_and_smaller_uncertainties():
    pulls, gains = [], []
    for seed in range(12):
        fits = fit_series(glass_series(seed), circuit="bulk-blocking")
        joint = fit_joint(fits, cell=CELL)
        assert joint.converged
        pulls.append((joint.resistance_ohm - RESISTANCES) / joint.resistance_sigma_ohm)
        gains.append(joint.resistance_sigma_ohm[-1] / fits[-1].resistance_sigma_ohm)
        assert joint.permittivity == pytest.approx(12.0, rel=0.05)
        assert 0.7 < joint.chi2_ratio < 1.4
    # 60 pulls: width 1 +- 0.09
    assert np.std(pulls) == pytest.approx(1.0, abs=0.3)
    assert np.mean(gains) < 0.9  # the hottest arc's top is at 15 MHz: the cold ones tell its shape


def test_agreement_is_noted_and_disagreement_is_a_warning():
    alike = fit_joint(fit_series(glass_series(1), circuit="bulk-blocking"))
    assert [x.severity for x in alike.findings] == ["note"]
    changing = glass_series(1, permittivities=(8.0, 12.0, 18.0, 27.0, 40.0))
    differ = fit_joint(fit_series(changing, circuit="bulk-blocking"))
    assert differ.chi2_ratio > 2.0
    assert any(x.severity == "warning" for x in differ.findings)


def test_one_spectrum_is_no_series():
    with pytest.raises(InputError, match="two spectra"):
        fit_joint(fit_series(glass_series(0)[:1]))
