"""Zero, displacement and wavelength from positions whose truth is traced; outliers, scatter, the cell's part."""

import numpy as np
import pytest

from calibration.alignment_fit import LinePosition, fit_alignment
from calibration.errors import InputError
from calibration.goniometer import Alignment, goniometer_reading, true_two_theta
from calibration.quantity import Quantity

LAMBDA = 0.70931715
D = 5.4116 / np.sqrt([3, 4, 8, 11, 12, 16, 19, 20, 24, 27, 32, 35, 36, 40, 43, 44, 48, 51, 56, 59, 67, 72, 75, 83, 88, 96])  # fmt: skip
TRUTH = Alignment(zero_deg=0.05, along_deg=-0.12, across_deg=0.04)


def test_reading_is_the_inverse_of_the_angle() -> None:
    angles = np.linspace(1.0, 175.0, 60)
    for alignment in (
        TRUTH,
        Alignment(zero_deg=-0.3, along_mm=1.5, across_mm=-2.0, radius_mm=150.0),
    ):
        there = goniometer_reading(angles, alignment=alignment)
        assert true_two_theta(there, alignment=alignment) == pytest.approx(angles, abs=1e-11)


def test_an_angle_is_the_displacement_over_the_radius() -> None:
    a = Alignment(along_mm=0.5, across_mm=-0.2, radius_mm=240.0)
    b = Alignment(along_deg=np.degrees(0.5 / 240.0), across_deg=np.degrees(-0.2 / 240.0))
    x = np.linspace(5.0, 150.0, 30)
    assert true_two_theta(x, alignment=a) == pytest.approx(true_two_theta(x, alignment=b))
    with pytest.raises(ValueError, match="keep one"):
        Alignment(along_mm=0.5, radius_mm=240.0, across_deg=0.1)


def positions(
    rng: np.random.Generator, *, scatter: float = 0.0, wavelength: float = LAMBDA
) -> list[LinePosition]:
    true = np.degrees(2.0 * np.arcsin(wavelength / (2.0 * D)))
    sigma = 0.001 + 0.004 * rng.random(D.size)
    read = goniometer_reading(true, alignment=TRUTH) + rng.normal(0.0, np.hypot(sigma, scatter))
    return [
        LinePosition(label=str(i), reading=Quantity(float(r), float(s), "°"), d_a=float(d))
        for i, (r, s, d) in enumerate(zip(read, sigma, D, strict=True))
    ]


@pytest.mark.parametrize("scatter", [0.0, 0.006])
def test_pulls_are_unit_normal(scatter: float) -> None:
    """60 sets of 26 lines, with and without a scatter that their sigmas do not contain."""
    rng = np.random.default_rng(11)
    pulls, scatters = [], []
    for _ in range(60):
        fit = fit_alignment(
            positions(rng, scatter=scatter), wavelength_a=LAMBDA, free=("zero", "along", "across")
        )
        true = {"zero_deg": 0.05, "along_deg": -0.12, "across_deg": 0.04}
        pulls += [(q.value - true[n]) / (q.sigma or 1.0) for n, q in fit.values.items()]
        scatters.append(fit.scatter_deg)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    assert abs(np.mean(pulls)) < 0.25
    assert np.median(scatters) == pytest.approx(scatter, abs=0.0015)


def test_a_wrong_wavelength_hides_in_the_zero_unless_it_is_free() -> None:
    """A wavelength 4e-4 off leaves chi^2 as it is and moves the zero by many sigmas: why the free fit is always made."""
    rng = np.random.default_rng(3)
    pulls = []
    for _ in range(40):
        fit = fit_alignment(
            positions(rng, wavelength=LAMBDA * 1.0004),
            wavelength_a=LAMBDA,
            free=("zero", "along", "across", "wavelength"),
        )
        ratio = fit.values["wavelength_ratio"]
        pulls.append((ratio.value - 1.0004) / (ratio.sigma or 1.0))
    assert np.std(pulls) == pytest.approx(1.0, abs=0.3)
    fixed = fit_alignment(
        positions(rng, wavelength=LAMBDA * 1.0004), wavelength_a=LAMBDA, free=("zero", "along", "across")
    )  # fmt: skip
    zero = fixed.values["zero_deg"]
    assert abs(zero.value - TRUTH.zero_deg) > 4.0 * (zero.sigma or 0.0)
    assert fixed.chi2_reduced < 2.0


def test_an_outlier_is_left_out_and_listed() -> None:
    given = positions(np.random.default_rng(4))
    spoiled = given[7].reading
    given[7] = LinePosition(label="7", reading=Quantity(spoiled.value + 0.08, spoiled.sigma), d_a=given[7].d_a)  # fmt: skip
    fit = fit_alignment(given, wavelength_a=LAMBDA, free=("zero", "along", "across"))
    assert [line.label for line in fit.lines if not line.used] == ["7"]
    assert abs(fit.values["along_deg"].value + 0.12) < 4.0 * (fit.values["along_deg"].sigma or 0.0)


def test_the_uncertainty_of_the_cell_is_common_to_all_lines() -> None:
    """The same lines with another cell move the parameters by what the certificate says of the cell's part."""
    given, free = positions(np.random.default_rng(5)), ("zero", "along", "across")
    relative = 3e-5
    plain = fit_alignment(given, wavelength_a=LAMBDA, free=free)
    wider = fit_alignment(given, wavelength_a=LAMBDA, free=free, scale_sigma=relative)
    moved = [
        LinePosition(label=p.label, reading=p.reading, d_a=p.d_a * (1.0 - relative)) for p in given
    ]
    other = fit_alignment(moved, wavelength_a=LAMBDA, free=free)
    for name in plain.values:
        shift = abs(other.values[name].value - plain.values[name].value)
        assert wider.cell_part[name] == pytest.approx(shift, rel=0.02)
        together = np.hypot(plain.values[name].sigma or 0.0, shift)
        assert wider.values[name].sigma == pytest.approx(together, rel=0.02)


def test_correlations_and_the_angle_that_they_leave() -> None:
    fit = fit_alignment(positions(np.random.default_rng(6)), wavelength_a=LAMBDA, free=("zero", "along", "across"))  # fmt: skip
    assert fit.correlations()["zero_deg", "across_deg"] < -0.8
    draws = np.random.default_rng(0).multivariate_normal(
        [fit.values[n].value for n in fit.names], fit.covariance, size=4000
    )
    at = np.array([20.0, 60.0, 100.0])
    corrected = np.array(
        [true_two_theta(at, alignment=Alignment(**dict(zip(fit.names, row, strict=True)))) for row in draws]
    )  # fmt: skip
    assert fit.angle_sigma_deg(at) == pytest.approx(corrected.std(axis=0), rel=0.05)


def test_a_known_shift_is_no_displacement() -> None:
    rng = np.random.default_rng(7)
    given = positions(rng)
    shifted = [
        LinePosition(
            label=p.label,
            reading=Quantity(p.reading.value + 0.01 * i, p.reading.sigma, "°"),
            d_a=p.d_a,
            shift_deg=0.01 * i,
        )
        for i, p in enumerate(given)
    ]
    a = fit_alignment(given, wavelength_a=LAMBDA, free=("zero", "along"))
    b = fit_alignment(shifted, wavelength_a=LAMBDA, free=("zero", "along"))
    for name in a.values:
        assert b.values[name].value == pytest.approx(a.values[name].value, abs=1e-6)


def test_too_few_lines_are_refused() -> None:
    with pytest.raises(InputError, match="too few"):
        fit_alignment(positions(np.random.default_rng(1))[:4], wavelength_a=LAMBDA, free=("zero", "along", "across"))  # fmt: skip
