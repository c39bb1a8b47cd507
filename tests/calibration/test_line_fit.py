"""Lines from virtual scans of known truth: positions and widths within their uncertainties, pulls as wide as they say."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from calibration.alignment_fit import LinePosition, fit_alignment
from calibration.errors import InputError
from calibration.fitted_lines import LineFits, ScanPoints, with_missing
from calibration.line_fit import fit_lines
from calibration.line_groups import ExpectedLine, crowded_lines, group_lines
from calibration.profiles import multiplet
from calibration.radiation import select_lines

A = 4.156826
SUMS = {1: 30.0, 2: 60.0, 3: 25.0, 4: 12.0, 5: 30.0, 6: 15.0, 8: 6.0, 9: 25.0, 10: 15.0, 11: 10.0, 12: 2.5, 13: 6.0, 14: 14.0, 16: 4.0}  # fmt: skip
AT = (0.031, 0.15, -0.22, 217.5)  # zero, x, y, radius
LINES = select_lines("Cu", "Ka1+Ka2")


def expected() -> list[ExpectedLine]:
    wavelength = LINES[0].wavelength_a
    return [
        ExpectedLine(
            label=str(n),
            two_theta_deg=float(np.degrees(2.0 * np.arcsin(wavelength * n**0.5 / (2.0 * A)))),
            area=area,
        )
        for n, area in SUMS.items()
    ]


def points(
    virtual_standard: Callable[..., Any], *, seed: int, seconds: float = 30.0, **more: Any
) -> ScanPoints:
    x, rate = virtual_standard(
        np.arange(18.0, 112.0, 0.02),
        a=A,
        lines=[(line.wavelength_a, line.weight) for line in LINES],
        indices=more.pop("indices", SUMS),
        at=AT,
        **more,
    )
    counts = np.random.default_rng(seed).poisson(rate * seconds)
    return ScanPoints(
        two_theta_deg=x,
        rate=counts / seconds,
        sigma=np.sqrt(np.maximum(counts, 1.0)) / seconds,
        absolute=True,
    )


def positions(fits: LineFits) -> list[LinePosition]:
    return [
        LinePosition(label=x.label, reading=x.position, d_a=A / int(x.label) ** 0.5)
        for x in fits.lines
        if x.status == "used"
    ]


@pytest.mark.parametrize("profile", ["pseudo-voigt", "thompson-cox-hastings"])
def test_closed_loop_of_positions_and_alignment(
    virtual_standard: Callable[..., Any], profile: Any
) -> None:
    """Six noisy scans: pulls of the 14 lines and of zero and displacements are unit normal."""
    true = {
        "zero_deg": AT[0],
        "along_deg": np.degrees(AT[1] / AT[3]),
        "across_deg": np.degrees(AT[2] / AT[3]),
    }
    line_pulls, pulls = [], []
    for seed in range(6):
        fits = fit_lines(
            points(virtual_standard, seed=seed), expected(), lines=LINES, profile=profile
        )
        found = fit_alignment(
            positions(fits), wavelength_a=LINES[0].wavelength_a, free=("zero", "along", "across")
        )
        assert len(found.lines) == len(SUMS)
        pulls += [(q.value - true[n]) / (q.sigma or 1.0) for n, q in found.values.items()]
        for line in found.lines:
            angle = np.radians(line.two_theta_deg)
            moved = np.radians(true["along_deg"]) * np.sin(angle) - np.radians(true["across_deg"]) * np.cos(angle)  # fmt: skip
            exact = AT[0] - np.degrees(np.arcsin(moved))
            line_pulls.append((line.difference_deg - exact) / line.sigma_deg)
    assert 0.85 < np.std(line_pulls) < 1.2  # 84 pulls: 1 ± 0.08
    assert abs(np.mean(line_pulls)) < 0.35
    assert np.sqrt(np.mean(np.square(pulls))) < 1.6  # 18 pulls, correlated in threes
    assert max(abs(p) for p in pulls) < 3.5


def test_widths_are_those_of_the_voigt_functions(virtual_standard: Callable[..., Any]) -> None:
    """FWHM by Olivero & Longbothum, J. Quant. Spectrosc. Radiat. Transfer 17 (1977) 233: pulls of 14 lines, and 0.3 % in the mean."""
    fits = fit_lines(points(virtual_standard, seed=1, seconds=200.0), expected(), lines=LINES)
    gauss, lorentz = 0.04 * 2.0 * np.sqrt(2.0 * np.log(2.0)), 2.0 * 0.02
    ratio, pulls = [], []
    for group in fits.groups:
        assert group.fwhm_deg is not None
        widening = 1.0 + np.tan(np.radians(group.center_deg) / 2.0)
        exact = (0.5346 * lorentz + np.sqrt(0.2166 * lorentz**2 + gauss**2)) * widening
        ratio.append(group.fwhm_deg.value / exact - 1.0)
        pulls.append((group.fwhm_deg.value - exact) / (group.fwhm_deg.sigma or 1.0))
    assert abs(np.mean(ratio)) < 3e-3
    assert np.sqrt(np.mean(np.square(pulls))) < 1.6
    assert max(abs(p) for p in pulls) < 3.5


def test_without_counting_times_the_residuals_give_the_same_uncertainty(
    virtual_standard: Callable[..., Any],
) -> None:
    known = points(virtual_standard, seed=5)
    unknown = ScanPoints(
        two_theta_deg=known.two_theta_deg, rate=known.rate, sigma=np.sqrt(known.rate + 0.1), absolute=False
    )  # fmt: skip
    a = fit_lines(known, expected(), lines=LINES).lines
    b = fit_lines(unknown, expected(), lines=LINES).lines
    ratio = [
        (y.position.sigma or 0.0) / (x.position.sigma or 1.0) for x, y in zip(a, b, strict=True)
    ]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.1)


def test_a_missing_line_is_named(virtual_standard: Callable[..., Any]) -> None:
    without = {n: area for n, area in SUMS.items() if n != 9}
    scan = points(virtual_standard, seed=2, indices=without)
    fits = with_missing(
        fit_lines(scan, expected(), lines=LINES), {str(n): a for n, a in SUMS.items()}
    )
    assert {x.label: x.status for x in fits.lines}["9"] == "missing"
    assert sum(x.status == "missing" for x in fits.lines) == 1


def test_a_faint_line_is_weak_not_missing(virtual_standard: Callable[..., Any]) -> None:
    areas = {**SUMS, 16: 0.15}
    scan = points(virtual_standard, seed=3, indices=areas, seconds=3.0)
    wanted = [e if e.label != "16" else ExpectedLine(label="16", two_theta_deg=e.two_theta_deg, area=0.15) for e in expected()]  # fmt: skip
    fits = with_missing(fit_lines(scan, wanted, lines=LINES), {str(n): a for n, a in areas.items()})
    assert {x.label: x.status for x in fits.lines}["16"] == "weak"


def test_lines_of_another_material_are_not_taken_for_the_standard(
    virtual_standard: Callable[..., Any],
) -> None:
    rng = np.random.default_rng(0)
    x = np.arange(18.0, 112.0, 0.02)
    flat = ScanPoints(two_theta_deg=x, rate=rng.poisson(300.0, x.size) / 10.0, sigma=np.full(x.size, 1.7), absolute=True)  # fmt: skip
    with pytest.raises(InputError, match="not in this scan"):
        fit_lines(flat, expected(), lines=LINES)


def test_a_range_without_lines_is_refused(virtual_standard: Callable[..., Any]) -> None:
    scan = points(virtual_standard, seed=0)
    part = scan.two_theta_deg < 28.0
    few = ScanPoints(two_theta_deg=scan.two_theta_deg[part], rate=scan.rate[part], sigma=scan.sigma[part], absolute=True)  # fmt: skip
    with pytest.raises(InputError, match="at least 3"):
        fit_lines(few, expected(), lines=LINES)


def test_k_beta_lines_are_part_of_the_model(virtual_standard: Callable[..., Any]) -> None:
    """Unfiltered radiation: K-beta lines lie under the K-alpha lines of others, and the alignment is found all the same."""
    lines = sorted(select_lines("Cu", "Ka1+Ka2+Kb"), key=lambda line: -line.weight)
    x, rate = virtual_standard(
        np.arange(18.0, 100.0, 0.02),
        a=A,
        lines=[(line.wavelength_a, line.weight) for line in lines],
        indices=SUMS,
        at=AT,
    )
    counts = np.random.default_rng(4).poisson(30.0 * rate)
    scan = ScanPoints(
        two_theta_deg=x, rate=counts / 30.0, sigma=np.sqrt(np.maximum(counts, 1.0)) / 30.0, absolute=True
    )  # fmt: skip
    fits = fit_lines(scan, expected(), lines=lines)
    found = fit_alignment(positions(fits), wavelength_a=lines[0].wavelength_a, free=("zero", "along", "across"))  # fmt: skip
    true = {"zero_deg": AT[0], "along_deg": np.degrees(AT[1] / AT[3]), "across_deg": np.degrees(AT[2] / AT[3])}  # fmt: skip
    for name, value in found.values.items():
        assert abs(value.value - true[name]) < 4.0 * (value.sigma or 0.0)
    assert found.chi2_reduced < 2.5


def test_lines_whose_place_others_decide_are_not_used() -> None:
    def line(label: str, angle: float, area: float) -> ExpectedLine:
        return ExpectedLine(label=label, two_theta_deg=angle, area=area)

    x = np.arange(20.0, 60.0, 0.02)
    one = select_lines("Cu", "Ka1")
    shapes = [line("alone", 25.0, 1.0), line("large", 40.0, 1.0), line("under it", 40.05, 0.5)]
    groups = group_lines(x, shapes, offset_deg=0.0, fwhm_deg=0.1, lines=one)
    assert crowded_lines(groups, fwhm_deg=lambda _a: 0.1, lines=one) == {"under it"}
    # the K-alpha-2 of one line under the K-alpha-1 of the next
    both = select_lines("Cu", "Ka1+Ka2")
    second = 80.0 + float(multiplet([80.0], lines=both)[0][0, 1]) - 80.0
    pair = [line("first", 80.0, 1.0), line("next", second + 0.02, 0.3)]
    groups = group_lines(
        np.arange(75.0, 85.0, 0.02), pair, offset_deg=0.0, fwhm_deg=0.2, lines=both
    )
    assert crowded_lines(groups, fwhm_deg=lambda _a: 0.2, lines=both) == {"next"}
