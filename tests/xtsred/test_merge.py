"""Merging by exposure: against a known rate, by conservation of counts, and by pulls of unit width."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.goniometer import Alignment
from xtsred.counting import Instrument, Measurement, count
from xtsred.gaps import pieces
from xtsred.merge import merge_roles, on_angles
from xtsred.overlap import compare, disagreeing_points, lonely_points
from xtsred.stages import Array, Pattern, Role, Scan, frozen

WANTED = (5.0, 95.0)


def rate(x: Array) -> Array:
    return np.asarray(300.0 * (1.0 + 0.6 * np.sin(x / 4.0)) + 2000.0 * np.exp(-((x - 20.0) ** 2)))


def scan(
    first: float,
    last: float,
    step: float,
    seconds: float,
    *,
    seed: int,
    factor: float = 1.0,
    name: str = "a",
    **changes: Any,
) -> Scan:
    """Poisson counts of the known rate."""
    x = np.arange(round((last - first) / step) + 1) * step + first
    counts = np.random.default_rng(seed).poisson(factor * rate(x) * seconds)
    fields: dict[str, Any] = {
        "file": f"{name}.xy",
        "format": "test",
        "two_theta_deg": frozen(x),
        "values": frozen(counts),
        "kind": "counts",
        "seconds_per_step": frozen(np.full(x.size, seconds)),
    }
    return Scan(**(fields | changes))


def merged(
    *scans: Scan,
    role: Role = "sample",
    instrument: Instrument | None = None,
    wanted: tuple[float, float] = WANTED,
    **options: Any,
) -> Pattern:
    group = [Measurement(scan=s, label=s.file) for s in scans]
    if options:
        group[-1] = Measurement(scan=scans[-1], label=scans[-1].file, **options)
    result = merge_roles({role: group}, instrument=instrument or Instrument(), two_theta_deg=wanted)
    return result.patterns[role]


def pulls(pattern: Pattern) -> Array:
    return np.asarray((pattern.rate_cps - rate(pattern.two_theta_deg)) / pattern.sigma_cps)


def texts(pattern: Pattern) -> str:
    return "\n".join(f.text for f in pattern.findings)


def test_rate_is_counts_over_time_and_not_the_mean_of_rates() -> None:
    x = np.array([1.0, 2.0, 3.0])
    short = Scan(
        file="a", format="t", two_theta_deg=frozen(x), values=frozen([4, 6, 10]), kind="counts",
        seconds_per_step=frozen([1, 1, 1]),
    )  # fmt: skip
    long = Scan(
        file="b", format="t", two_theta_deg=frozen(x), values=frozen([27, 45, 90]), kind="counts",
        seconds_per_step=frozen([9, 9, 9]),
    )  # fmt: skip
    result = merged(short, long, wanted=(1.0, 3.0))
    assert result.rate_cps == pytest.approx([31 / 10, 51 / 10, 100 / 10])
    assert result.sigma_cps == pytest.approx(np.sqrt([31, 51, 100]) / 10)
    assert result.exposure_s == pytest.approx([10, 10, 10])
    assert result.scans == pytest.approx([2, 2, 2])


def test_overlapping_ranges_of_different_times_have_pulls_of_unit_width() -> None:
    result = merged(
        scan(0, 100, 0.02, 4.0, seed=1),
        scan(40, 100, 0.02, 10.0, seed=2, name="b"),
        scan(70, 100, 0.02, 38.0, seed=3, name="c"),
    )
    z = pulls(result)
    assert z.std() == pytest.approx(1.0, abs=4.0 / np.sqrt(2.0 * z.size))
    assert z.mean() == pytest.approx(0.0, abs=4.0 / np.sqrt(z.size))
    assert result.findings == ()
    assert set(result.scans) == {1.0, 2.0, 3.0}


def test_angles_that_differ_by_rounding_are_the_same_point() -> None:
    a = scan(0, 100, 0.1, 4.0, seed=1)
    b = scan(50, 100, 0.1, 4.0, seed=2, name="b")
    shifted = frozen(b.two_theta_deg + 4e-5)
    b = scan(50, 100, 0.1, 4.0, seed=2, name="b", two_theta_deg=shifted)
    assert merged(a, b).two_theta_deg.size == a.two_theta_deg.size


@pytest.mark.parametrize("steps", [(0.02, 0.05), (0.05, 0.02), (0.02, 0.03)])
def test_different_steps_are_merged_without_losing_a_count(steps: tuple[float, float]) -> None:
    a, b = scan(0, 60, steps[0], 4.0, seed=1), scan(50, 100, steps[1], 10.0, seed=2, name="b")
    result = merged(a, b)
    total = float((result.rate_cps * result.exposure_s).sum())
    assert total == pytest.approx(a.values.sum() + b.values.sum(), rel=1e-12)
    fine = result.two_theta_deg < 49.0
    assert np.diff(result.two_theta_deg[fine]) == pytest.approx(steps[0])
    common = (result.two_theta_deg > 50.5) & (result.two_theta_deg < 59.5)
    assert np.diff(result.two_theta_deg[common]) == pytest.approx(max(steps))
    z = pulls(result)
    assert z.mean() == pytest.approx(0.0, abs=4.0 / np.sqrt(z.size))
    assert 0.9 < z.std() < 1.05  # cells that share counts scatter a little less


def test_a_fine_scan_between_two_coarse_ones_keeps_its_own_step() -> None:
    result = merged(
        scan(0, 30, 0.2, 4.0, seed=1),
        scan(70, 100, 0.2, 4.0, seed=2, name="b"),
        scan(20, 80, 0.05, 4.0, seed=3, name="c"),
    )
    middle = (result.two_theta_deg > 31.0) & (result.two_theta_deg < 69.0)
    assert np.diff(result.two_theta_deg[middle]) == pytest.approx(0.05)


def test_points_without_counts_have_an_uncertainty_and_honest_pulls() -> None:
    rng = np.random.default_rng(4)
    x = np.arange(2000) * 0.05
    true = 0.4
    dark = Scan(
        file="a", format="t", two_theta_deg=frozen(x), values=frozen(rng.poisson(true * 2.0, x.size)),
        kind="counts", seconds_per_step=frozen(np.full(x.size, 2.0)),
    )  # fmt: skip
    result = merged(dark)
    assert float(result.sigma_cps.min()) > 0.0
    z = (result.rate_cps - true) / result.sigma_cps
    assert np.mean(z**2) == pytest.approx(1.0, abs=0.2)
    empty = Scan(
        file="a", format="t", two_theta_deg=frozen(x), values=frozen(np.zeros(x.size)),
        kind="counts", seconds_per_step=frozen(np.full(x.size, 2.0)),
    )  # fmt: skip
    assert float(merged(empty, role="environment").sigma_cps.min()) > 0.0


def test_a_scale_is_found_tested_and_applied_only_when_asked() -> None:
    a = scan(0, 60, 0.02, 10.0, seed=1)
    b = scan(40, 100, 0.02, 10.0, seed=2, factor=1.02, name="b")
    result = merged(a, b)
    assert 'write scale = "fit"' in texts(result)
    found = result.findings[0].numbers
    assert found["scale"] == pytest.approx(1.02, abs=4.0 * found["scale_sigma"])
    assert found["scale_sigma"] < 0.002
    fitted = merged(a, b, scale="fit")
    assert [f.severity for f in fitted.findings] == ["note"]
    assert pulls(fitted).mean() == pytest.approx(0.0, abs=0.1)
    stated = merged(a, b, scale=1.02)
    assert stated.findings == ()


def test_the_fitted_scale_has_pulls_of_unit_width_down_to_few_counts() -> None:
    rng = np.random.default_rng(5)
    x = np.arange(300) * 0.1
    z = []
    for _ in range(300):
        na, nb = rng.poisson(1.5 * 1.3, x.size), rng.poisson(1.5 * 4.0, x.size)
        ones = np.ones(x.size)
        found = compare(x, (na * 1.0, ones), (nb * 1.0, 4.0 * ones), names=("a", "b"))
        assert found is not None
        assert found.scale.sigma is not None
        z.append((found.scale.value - 1.3) / found.scale.sigma)
    assert np.std(z) == pytest.approx(1.0, abs=4.0 / np.sqrt(600))
    assert np.mean(z) == pytest.approx(0.0, abs=4.0 / np.sqrt(300) + 0.05)


def test_the_overlap_test_is_uniform_in_p_for_scans_that_agree() -> None:
    rng = np.random.default_rng(6)
    x = np.arange(400) * 0.1
    ps = []
    for _ in range(300):
        na, nb = rng.poisson(20.0, x.size) * 1.0, rng.poisson(80.0, x.size) * 1.0
        found = compare(x, (na, np.ones(x.size)), (nb, 4.0 * np.ones(x.size)), names=("a", "b"))
        assert found is not None
        ps.append(found.p)
    ordered = np.sort(ps)
    uniform = (np.arange(300) + 0.5) / 300
    assert float(np.abs(ordered - uniform).max()) < 1.63 / np.sqrt(300)  # Kolmogorov, 1%


def test_drift_and_disagreement_are_found() -> None:
    a = scan(0, 100, 0.05, 20.0, seed=1)
    x = a.two_theta_deg
    counts = np.random.default_rng(2).poisson(rate(x) * 20.0 * (1.0 + 0.0003 * (x - 50.0)))
    drifting = merged(a, scan(0, 100, 0.05, 20.0, seed=2, name="b", values=frozen(counts)))
    assert "drifts by" in texts(drifting)
    wavy = np.random.default_rng(3).poisson(rate(x) * 20.0 * (1.0 + 0.03 * np.sin(x)))
    other = merged(a, scan(0, 100, 0.05, 20.0, seed=2, name="b", values=frozen(wavy)))
    assert "do not agree beyond one scale" in texts(other)


def test_spikes_are_masked_in_their_scan_and_listed() -> None:
    a, b = scan(0, 100, 0.05, 10.0, seed=1), scan(0, 100, 0.05, 10.0, seed=2, name="b")
    values = np.array(a.values)
    values[700] += 20.0 * np.sqrt(values[700])
    spiked = scan(0, 100, 0.05, 10.0, seed=1, values=frozen(values))
    result = merged(spiked, b)
    assert "a.xy: 1 point masked" in texts(result)
    assert "35.00°" in texts(result)
    assert result.scans[700] == 1.0
    assert pulls(result)[700] == pytest.approx(0.0, abs=4.5)


def test_a_burst_over_several_points_is_found_by_comparing_scans() -> None:
    a, b = scan(0, 100, 0.05, 10.0, seed=1), scan(0, 100, 0.05, 10.0, seed=2, name="b")
    values = np.array(b.values)
    values[900:902] *= 1.6
    burst = scan(0, 100, 0.05, 10.0, seed=2, name="b", values=frozen(values))
    result = merged(a, burst)
    assert result.scans[900:902].tolist() == [1.0, 1.0]
    assert "disagree with the other scans" in texts(result)


def test_nothing_is_masked_in_clean_scans() -> None:
    x = np.arange(0, 150, 0.02)
    rng = np.random.default_rng(7)
    for mean in (0.3, 3.0, 300.0, 1e6):
        smooth = mean * (1.0 + 0.5 * np.sin(x / 3.0))
        for _ in range(5):
            a, b = (rng.poisson(smooth * 4.0) * 1.0 for _ in range(2))
            seconds = np.full(x.size, 4.0)
            assert not lonely_points(a, seconds).any()
            bad = disagreeing_points((a, seconds), (b, seconds))
            assert not bad[0].any()
            assert not bad[1].any()


@pytest.mark.parametrize("width", [1.5, 2.0, 4.0])
def test_sharp_bragg_peaks_are_kept(width: float) -> None:
    x = np.arange(2000) * 0.02
    peaks = sum(
        h * np.exp(-4.0 * np.log(2.0) * ((x - c) / (width * 0.02)) ** 2)
        for h, c in ((1e5, 10.007), (1e4, 20.0), (3e3, 30.013))
    )
    counts = np.random.default_rng(8).poisson(100.0 + peaks) * 1.0
    assert not lonely_points(counts, np.ones(x.size)).any()


def test_rates_with_a_sigma_give_the_time_back() -> None:
    counts = scan(0, 100, 0.1, 7.5, seed=1)
    n = np.maximum(counts.values, 1.0)
    rates = scan(
        0, 100, 0.1, 7.5, seed=1, kind="rates", values=frozen(n / 7.5),
        sigma=frozen(np.sqrt(n) / 7.5), seconds_per_step=None,
    )  # fmt: skip
    result = merged(rates)
    assert result.exposure_s == pytest.approx(np.full(n.size, 7.5))
    assert result.sigma_cps == pytest.approx(np.sqrt(n) / 7.5)


def test_counts_with_another_sigma_follow_the_sigma() -> None:
    # counts that were divided by 4 scatter with half of their square root
    raw = scan(0, 100, 0.1, 8.0, seed=1)
    scaled = scan(
        0, 100, 0.1, 8.0, seed=1, values=frozen(raw.values / 4.0),
        sigma=frozen(np.sqrt(raw.values) / 4.0),
    )  # fmt: skip
    result = merged(scaled)
    assert result.rate_cps == pytest.approx(raw.values / 32.0)
    assert result.sigma_cps == pytest.approx(np.sqrt(raw.values) / 32.0)
    assert "0.5 times the square root" in texts(result)


def test_scans_without_times_are_counts_and_that_is_said() -> None:
    result = merged(scan(0, 100, 0.1, 5.0, seed=1, seconds_per_step=None))
    assert "without a counting time" in texts(result)
    assert result.exposure_s == pytest.approx(np.ones(1001))


def test_times_of_some_scans_only_are_refused() -> None:
    with pytest.raises(InputError, match=r"no counting time is known for b\.xy"):
        merged(
            scan(0, 100, 0.1, 5.0, seed=1),
            scan(0, 100, 0.1, 5.0, seed=2, name="b", seconds_per_step=None),
        )


def test_two_different_times_are_a_contradiction() -> None:
    with pytest.raises(InputError, match="says 4 s per step, the file itself 5 s"):
        merged(scan(0, 100, 0.1, 5.0, seed=1), seconds_per_step=4.0)
    merged(scan(0, 100, 0.1, 5.0, seed=1), seconds_per_step=5.0)


def test_dead_time_brings_back_the_true_rate() -> None:
    x = np.arange(0, 100, 0.1)
    tau, seconds = 2e-5, 20.0
    true = 50.0 * rate(x)
    seen = np.random.default_rng(1).poisson(true / (1.0 + true * tau) * seconds)
    measured = scan(0, 99.9, 0.1, seconds, seed=1, values=frozen(seen))
    result = merged(measured, instrument=Instrument(dead_time_s=tau))
    z = (result.rate_cps - true) / result.sigma_cps
    assert z.mean() == pytest.approx(0.0, abs=0.2)
    raw = merged(measured)
    assert float(((raw.rate_cps - true) / raw.sigma_cps).mean()) < -50.0


def test_an_impossible_dead_time_is_refused() -> None:
    with pytest.raises(InputError, match="impossible with a dead time"):
        merged(scan(0, 100, 0.1, 5.0, seed=1), instrument=Instrument(dead_time_s=0.01))


def test_monitor_counts_replace_the_time() -> None:
    x = np.arange(0, 100.05, 0.1)
    flux = 1.0 + 0.3 * np.sin(x / 20.0)
    counts = np.random.default_rng(1).poisson(rate(x) * flux * 10.0)
    result = merged(
        scan(0, 100, 0.1, 10.0, seed=1, values=frozen(counts), monitor=frozen(1e6 * flux * 10.0))
    )
    reference = np.median(flux)
    z = (result.rate_cps / reference - rate(x)) / (result.sigma_cps / reference)
    assert z.std() == pytest.approx(1.0, abs=0.1)
    assert z.mean() == pytest.approx(0.0, abs=0.15)


def test_a_stated_monitor_divides_the_rates() -> None:
    plain = merged(scan(0, 100, 0.1, 10.0, seed=1))
    half = merged(scan(0, 100, 0.1, 10.0, seed=1), monitor=2.0)
    assert half.rate_cps == pytest.approx(plain.rate_cps / 2.0)


def test_monitors_of_some_scans_only_are_refused() -> None:
    with_monitor = scan(0, 100, 0.1, 5.0, seed=1, monitor=frozen(np.full(1001, 100.0)))
    with pytest.raises(InputError, match="no monitor, but others have"):
        merged(with_monitor, scan(0, 100, 0.1, 5.0, seed=2, name="b"))


def test_angles_are_corrected_before_merging() -> None:
    result = merged(
        scan(0, 100, 0.1, 5.0, seed=1), instrument=Instrument(alignment=Alignment(zero_deg=0.03))
    )
    assert result.two_theta_deg[10] == pytest.approx(0.97)


def test_a_part_of_a_scan_may_be_chosen() -> None:
    one = Measurement(scan=scan(0, 100, 0.1, 5.0, seed=1), label="a", two_theta_deg=(10.0, 90.0))
    counted = count(one, instrument=Instrument())
    assert (counted.two_theta_deg[0], counted.two_theta_deg[-1]) == pytest.approx((10.0, 90.0))
    nothing = Measurement(scan=one.scan, label="a", two_theta_deg=(120.0, 130.0))
    with pytest.raises(InputError, match="no points between 120 and 130"):
        count(nothing, instrument=Instrument())


def test_a_gap_between_scans_is_refused() -> None:
    with pytest.raises(InputError, match="no sample scan covers 40 to 50"):
        merged(scan(0, 40, 0.1, 5.0, seed=1), scan(50, 100, 0.1, 5.0, seed=2, name="b"))


def with_hole(source: Scan, first: float, last: float) -> Scan:
    """The scan without its points strictly between two angles."""
    x = source.two_theta_deg
    keep = (x <= first + 1e-6) | (x >= last - 1e-6)
    assert source.seconds_per_step is not None
    return replace(
        source,
        two_theta_deg=frozen(x[keep]),
        values=frozen(source.values[keep]),
        seconds_per_step=frozen(source.seconds_per_step[keep]),
    )


@pytest.mark.parametrize("role", ["sample", "container", "environment"])
def test_a_hole_inside_a_scan_is_refused_for_every_role(role: Role) -> None:
    holed = with_hole(scan(0, 100, 0.02, 5.0, seed=1), 39.96, 49.98)
    with pytest.raises(InputError, match=rf"no {role} scan covers 39\.96 to 49\.98°"):
        merged(holed, role=role)
    # outside of what is used it does no harm; nor do two missing points
    merged(holed, role=role, wanted=(50.0, 95.0))
    merged(with_hole(scan(0, 100, 0.02, 5.0, seed=1), 40.0, 40.06), role=role)
    with pytest.raises(InputError, match=r"covers 40 to 40\.08°"):
        merged(with_hole(scan(0, 100, 0.02, 5.0, seed=1), 40.0, 40.08), role=role)


@pytest.mark.parametrize("step", [0.02, 0.05])
def test_a_hole_that_another_scan_covers_takes_its_counts_alone(step: float) -> None:
    holed = with_hole(scan(0, 100, 0.02, 40.0, seed=1), 40.0, 50.0)
    other = scan(30, 60, step, 5.0, seed=2, name="b")
    result = merged(holed, other)
    inside = (result.two_theta_deg > 40.1) & (result.two_theta_deg < 49.9)
    assert result.exposure_s[inside] == pytest.approx(5.0)
    assert result.scans[inside] == pytest.approx(1.0)
    total = float((result.rate_cps * result.exposure_s).sum())
    assert total == pytest.approx(holed.values.sum() + other.values.sum(), rel=1e-12)
    assert pulls(result).std() == pytest.approx(1.0, abs=0.06)
    # half a cover is none
    with pytest.raises(InputError, match="no sample scan covers 45 to 50°"):
        merged(holed, scan(30, 45, step, 5.0, seed=2, name="b"))


def test_a_step_that_changes_or_grows_is_no_hole() -> None:
    two_steps = np.concatenate([np.arange(0, 40, 0.02), np.arange(40, 100.05, 0.2)])
    growing = np.cumsum(np.concatenate([[0.0], np.geomspace(0.01, 1.0, 400)]))
    single = np.concatenate([np.arange(0, 40, 0.1), [45.0], np.arange(50, 100, 0.1)])
    assert len(pieces(two_steps)) == 1
    assert len(pieces(growing)) == 1
    assert [p.stop - p.start for p in pieces(single)] == [400, 1, 500]


@pytest.mark.parametrize("role", ["sample", "container"])
def test_a_scan_without_any_count_is_refused(role: Role) -> None:
    a = scan(0, 100, 0.1, 5.0, seed=1)
    dead = scan(0, 100, 0.1, 5.0, seed=2, name="b", values=frozen(np.zeros(1001)))
    with pytest.raises(InputError, match=r"every point of b\.xy is zero"):
        merged(a, dead, role=role)


def test_an_overlap_of_few_angles_or_without_counts_is_not_called_none() -> None:
    a = scan(0, 50, 0.1, 5.0, seed=1)
    few = merged(a, scan(49.8, 100, 0.1, 5.0, seed=2, name="b"))
    assert "b.xy shares only 3 angles with the other sample scans" in texts(few)
    zero = np.array(scan(40, 100, 0.1, 5.0, seed=2).values)
    zero[:101] = 0.0
    silent = merged(a, scan(40, 100, 0.1, 5.0, seed=2, name="b", values=frozen(zero)))
    assert "b.xy has no counts to compare on the 101 angles" in texts(silent)
    assert "overlaps no other" not in texts(few) + texts(silent)


def test_scans_that_only_touch_are_merged_and_said_to_be_untested() -> None:
    result = merged(scan(0, 49.9, 0.1, 5.0, seed=1), scan(50, 100, 0.1, 5.0, seed=2, name="b"))
    assert "its scale is not tested" in texts(result)
    with pytest.raises(InputError, match="cannot be fitted"):
        merged(
            scan(0, 49.9, 0.1, 5.0, seed=1), scan(50, 100, 0.1, 5.0, seed=2, name="b"), scale="fit"
        )


def test_a_role_that_does_not_reach_is_refused_with_its_ranges() -> None:
    groups: dict[Role, list[Measurement]] = {
        "sample": [Measurement(scan=scan(0, 100, 0.1, 5.0, seed=1), label="s")],
        "container": [Measurement(scan=scan(0, 80, 0.1, 5.0, seed=2), label="c")],
    }
    with pytest.raises(InputError) as caught:
        merge_roles(groups, instrument=Instrument(), two_theta_deg=WANTED)
    assert "the container scans cover 0 to 80°" in str(caught.value)
    assert "5 to 95°" in str(caught.value)


def test_q_in_place_of_angles_is_suspected() -> None:
    with pytest.raises(InputError) as caught:
        merged(scan(0.3, 17.0, 0.01, 5.0, seed=1), wanted=(2.0, 152.0))
    assert "first column is Q" in str(caught.value)


def test_a_coarser_container_gives_the_same_counts_on_the_angles_of_the_sample() -> None:
    coarse = merged(scan(0, 100, 0.3, 30.0, seed=1), role="container")
    angles = np.arange(5.0, 95.0, 0.05)
    fine = on_angles(coarse, angles)
    inside = (coarse.two_theta_deg > 10.0) & (coarse.two_theta_deg < 90.0)
    edges = coarse.two_theta_deg[inside][[0, -1]] + np.array([-0.15, 0.15])
    within = (fine.two_theta_deg > edges[0]) & (fine.two_theta_deg < edges[1])
    expected = float((coarse.rate_cps * coarse.exposure_s)[inside].sum())
    assert float((fine.rate_cps * fine.exposure_s)[within].sum()) == pytest.approx(
        expected, rel=1e-3
    )
    assert np.mean(fine.sigma_cps) == pytest.approx(
        np.sqrt(6.0) * np.mean(coarse.sigma_cps), rel=0.1
    )
    same = on_angles(coarse, coarse.two_theta_deg[20:40])
    assert same.rate_cps == pytest.approx(coarse.rate_cps[20:40])


def test_steps_tell_what_was_merged() -> None:
    group = [
        Measurement(scan=scan(0, 60, 0.1, 5.0, seed=1), label="a.xy"),
        Measurement(scan=scan(40, 100, 0.1, 5.0, seed=2), label="b.xy"),
    ]
    instrument = Instrument(dead_time_s=1e-7, alignment=Alignment(zero_deg=0.01))
    result = merge_roles({"sample": group}, instrument=instrument, two_theta_deg=WANTED)
    names = [s.name for s in result.steps]
    assert names == [
        "Merging the sample scans",
        "Overlap of sample scans: b.xy / a.xy",
        "Dead time of the sample scans",
        "Alignment of the goniometer",
    ]
    for step in result.steps:
        assert all(curve.shape == step.x.shape for curve in step.curves.values())
        assert step.reference
    assert len(result.overlaps["sample"]) == 1


def test_the_example_merges_without_a_doubt_of_ours(shared_data: Any) -> None:
    from xtsred.io import read_scans

    folder = shared_data / "xrd" / "ns_mo_virtual"
    group = [
        Measurement(
            scan=read_scans(folder / f"sample_scan{i}.xy")[0], label=f"{i}", seconds_per_step=t
        )
        for i, t in ((1, 4.0), (2, 10.0), (3, 38.0))
    ]
    result = merge_roles({"sample": group}, instrument=Instrument(), two_theta_deg=(2.0, 152.0))
    pattern = result.patterns["sample"]
    assert [f.severity for f in pattern.findings if "masked" in f.text or "ratio" in f.text] == []
    truth = np.genfromtxt(folder / "truth_components.csv", delimiter=",", names=True)
    expected = np.interp(pattern.two_theta_deg, truth["tth"], truth["rate_sample_cps"])
    good = pattern.two_theta_deg > 2.0
    z = ((pattern.rate_cps - expected) / pattern.sigma_cps)[good]
    assert z.std() == pytest.approx(1.0, abs=0.05)
