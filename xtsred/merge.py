"""All scans of one role onto one angle grid, by exposure: rate = sum counts / sum (time x monitor)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from calibration.errors import InputError
from calibration.goniometer import Alignment
from calibration.report import Finding
from xtsred.binning import cell_edges, overlap_matrix
from xtsred.counting import Counted, Instrument, Measurement, count, monitor_reference
from xtsred.gaps import check_gaps, pieces, typical_step
from xtsred.memo import Memo
from xtsred.merge_steps import alignment_step, dead_time_step, merge_step, overlap_step
from xtsred.overlap import MIN_POINTS, Mask, Overlap, compare, disagreeing_points, lonely_points
from xtsred.stages import Array, Pattern, Role, Step, frozen

__all__ = ["SAME_ANGLE_DEG", "Merged", "check_coverage", "merge_role", "merge_roles", "on_angles"]

SAME_ANGLE_DEG = 1e-4
"""Angles closer than this are one point."""

_SIGNIFICANT = 3.0
_DRIFT = 3.5
_P_LIMIT = 1e-3
_FEW_COUNTS = 10.0
_WINDOW = 4
_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Merged patterns by role, what was done (steps), and how scans of one role compare."""

    patterns: Mapping[Role, Pattern]
    steps: tuple[Step, ...]
    overlaps: Mapping[Role, tuple[Overlap, ...]]


def merge_roles(
    measurements: Mapping[Role, Sequence[Measurement]],
    *,
    instrument: Instrument,
    two_theta_deg: tuple[float, float],
    memo: Memo | None = None,
) -> Merged:
    """Merge the scans of every role; one monitor reference holds for all of them.

    two_theta_deg: the range that will be used. memo: keeps the roles whose scans have not changed.
    Raises InputError for contradicting times, monitors of some scans only, gaps between scans inside the range, and roles that do not cover it.
    """
    keep = memo or Memo(keep=1)
    everything = [m for group in measurements.values() for m in group]
    monitor_cps = monitor_reference(everything)
    patterns: dict[Role, Pattern] = {}
    overlaps: dict[Role, tuple[Overlap, ...]] = {}
    steps: list[Step] = []
    timed: dict[str, bool] = {}
    for role, group in measurements.items():
        given = (role, group, instrument, monitor_cps, two_theta_deg)
        counted, (patterns[role], overlaps[role]) = keep(
            "merge of a role", given, partial(_counted_and_merged, *given)
        )
        timed |= {m.scan.file: c.timed for m, c in zip(group, counted, strict=True)}
        steps.append(merge_step(role, counted, patterns[role]))
        steps += [overlap_step(role, o) for o in overlaps[role]]
        if instrument.dead_time_s > 0.0:
            steps.append(dead_time_step(role, counted, instrument.dead_time_s))
    _check_times(timed)
    check_coverage(patterns, two_theta_deg=two_theta_deg, alignment=instrument.alignment)
    if not instrument.alignment.is_perfect:
        steps.append(alignment_step(everything[0], instrument))
    return Merged(patterns=patterns, steps=tuple(steps), overlaps=overlaps)


def _counted_and_merged(
    role: Role,
    group: Sequence[Measurement],
    instrument: Instrument,
    monitor_cps: float | None,
    two_theta_deg: tuple[float, float],
) -> tuple[list[Counted], tuple[Pattern, tuple[Overlap, ...]]]:
    counted = [count(m, instrument=instrument, monitor_cps=monitor_cps) for m in group]
    return counted, merge_role(role, counted, two_theta_deg=two_theta_deg)


def _check_times(timed: Mapping[str, bool]) -> None:
    if all(timed.values()) or not any(timed.values()):
        return
    missing = [file for file, known in timed.items() if not known]
    raise InputError(
        f"no counting time is known for {', '.join(missing)}",
        why="other scans have one, and rates cannot be compared with bare counts",
        remedy="give seconds_per_step in its [[scan]]",
    )


def merge_role(
    role: Role, scans: Sequence[Counted], *, two_theta_deg: tuple[float, float]
) -> tuple[Pattern, tuple[Overlap, ...]]:
    """Merge the scans of one role: N = sum N_k, T = sum T_k, rate = N/T, variance = N/T^2 on one grid.

    Angles closer than SAME_ANGLE_DEG are one point; where steps differ the finer scan is rebinned, counts and exposures, onto
    the coarser. The variance of a point with fewer than 10 counts takes the mean rate of the 9 points around it (one count
    at least), so that zero counts never have zero uncertainty. Spikes are masked in their scan and listed. A scale
    marked "fit" is applied; any other that differs from 1 by more than 3 sigma is a Finding.
    Raises InputError for a hole in what the scans cover inside two_theta_deg, and for a scan without any count.
    """
    findings = [f for s in scans for f in s.findings]
    _check_counts(role, scans)
    scans = [_without_sparks(s, findings) for s in scans]
    check_gaps(role, scans, wanted=two_theta_deg)
    x, counts, exposure = _on_one_grid(scans)
    overlaps: list[Overlap] = []
    done = [0]
    total = (counts[0].copy(), exposure[0].copy())
    while len(done) < len(scans):
        k = _next_scan(exposure, done, total[1])
        _mask_disagreement(x, (counts[k], exposure[k]), total, scans[k].label, findings)
        names = (scans[k].label, " + ".join(scans[i].label for i in _touching(exposure, done, k)))
        found = compare(x, (counts[k], exposure[k]), total, names=names)
        if found is not None:
            overlaps.append(found)
            findings += _judge(role, found, fitted=scans[k].fit_scale)
            if scans[k].fit_scale:
                exposure[k] *= found.scale.value
        else:
            findings.append(_untested(role, scans[k], (exposure[k] > 0.0) & (total[1] > 0.0)))
        done.append(k)
        total = (total[0] + counts[k], total[1] + exposure[k])
    return _pattern(role, x, total, exposure, findings), tuple(overlaps)


def _untested(role: Role, scan: Counted, common: Mask) -> Finding:
    """Why the scale of a scan could not be compared; an InputError where it had to be fitted."""
    shared = int(common.sum())
    why = f"overlaps no other {role} scan"
    if shared >= MIN_POINTS:
        why = f"has no counts to compare on the {shared} angles that it shares"
    elif shared:
        why = f"shares only {shared} angle{'s' if shared > 1 else ''} with the other {role} scans, {MIN_POINTS} are needed"
    if scan.fit_scale:
        raise InputError(
            f"the scale of {scan.label} cannot be fitted",
            why=f"it {why}",
            remedy='leave out scale = "fit"',
        )
    return Finding("note", f"{scan.label} {why}: its scale is not tested")


def _check_counts(role: Role, scans: Sequence[Counted]) -> None:
    """Air behind an energy window may count nothing; a sample or a container never does."""
    silent = [s.label for s in scans if not s.counts.any()]
    if silent and role != "environment":
        raise InputError(
            f"every point of {', '.join(silent)} is zero",
            why=f"a scan of the {role} has counts: the shutter was closed, or another column holds them",
            remedy="remove its [[scan]], or say where the counts are with columns = { ... }",
        )


def _pattern(
    role: Role, x: Array, total: tuple[Array, Array], exposure: Array, findings: list[Finding]
) -> Pattern:
    seen = total[1] > 0.0
    x, counts, time = x[seen], total[0][seen], total[1][seen]
    return Pattern(
        role=role,
        two_theta_deg=frozen(x),
        rate_cps=frozen(counts / time),
        sigma_cps=frozen(np.sqrt(_variance_of_counts(counts, time)) / time),
        exposure_s=frozen(time),
        scans=frozen((exposure[:, seen] > 0.0).sum(axis=0)),
        findings=tuple(findings),
    )


def _variance_of_counts(counts: Array, time: Array) -> Array:
    """N, or where N < 10 the mean rate nearby times the exposure (at least one count nearby is assumed)."""
    few = counts < _FEW_COUNTS
    if not few.any():
        return counts
    window = np.ones(2 * _WINDOW + 1)
    nearby = np.maximum(np.convolve(counts, window, mode="same"), 1.0)
    expected = nearby / np.convolve(time, window, mode="same") * time
    return np.where(few, expected, counts)


def _on_one_grid(scans: Sequence[Counted]) -> tuple[Array, Array, Array]:
    """Angles (n,) and, per scan, counts and exposure on them (k, n); exposure 0 where a scan has no point."""
    everything = np.concatenate([s.two_theta_deg for s in scans])
    order = np.argsort(everything, kind="stable")
    new = np.concatenate([[True], np.diff(everything[order]) > SAME_ANGLE_DEG])
    group = np.empty(everything.size, dtype=np.intp)
    group[order] = np.cumsum(new) - 1
    x = everything[order][new]
    counts, exposure = np.zeros((len(scans), x.size)), np.zeros((len(scans), x.size))
    at, aligned = 0, True
    for k, scan in enumerate(scans):
        own = group[at : at + scan.two_theta_deg.size]
        at += scan.two_theta_deg.size
        counts[k, own], exposure[k, own] = scan.counts, scan.exposure_s
        # a scan that has most of the points between its ends (holes left out) shares the grid of the others
        runs = [own[part] for part in pieces(scan.two_theta_deg)]
        aligned &= own.size >= 0.9 * sum(int(run[-1] - run[0] + 1) for run in runs)
    return (x, counts, exposure) if aligned else _rebinned(scans)


def _rebinned(scans: Sequence[Counted]) -> tuple[Array, Array, Array]:
    """Like `_on_one_grid` for different steps: the coarsest scan rules where scans overlap."""
    centers = np.empty(0)
    covered: list[tuple[float, float]] = []
    for scan in sorted(scans, key=lambda s: typical_step(s.two_theta_deg), reverse=True):
        own, half = scan.two_theta_deg, 0.5 * typical_step(scan.two_theta_deg)
        free = np.ones(own.size, dtype=bool)
        for low, high in covered:
            free &= (own < low) | (own > high)
        centers = np.sort(np.concatenate([centers, own[free]]))
        runs = [own[part] for part in pieces(own)]
        covered += [(float(run[0]) - half, float(run[-1]) + half) for run in runs]
    edges = cell_edges(centers)
    counts, exposure = np.zeros((2, len(scans), centers.size))
    for k, scan in enumerate(scans):
        for part in pieces(scan.two_theta_deg):
            x = scan.two_theta_deg[part]
            half = 0.5 * typical_step(scan.two_theta_deg)
            share = overlap_matrix(
                cell_edges(x) if x.size > 1 else np.array([x[0] - half, x[0] + half]), edges
            )
            counts[k] += share @ scan.counts[part]
            exposure[k] += share @ scan.exposure_s[part]
    return centers, counts, exposure


def _next_scan(exposure: Array, done: list[int], total: Array) -> int:
    """The first scan that overlaps what is merged already, else simply the next."""
    waiting = [k for k in range(len(exposure)) if k not in done]
    shared = [int(((exposure[k] > 0.0) & (total > 0.0)).sum()) for k in waiting]
    return waiting[next((i for i, n in enumerate(shared) if n > 0), 0)]


def _touching(exposure: Array, done: list[int], k: int) -> list[int]:
    return [i for i in done if bool(((exposure[i] > 0.0) & (exposure[k] > 0.0)).any())]


def _without_sparks(scan: Counted, findings: list[Finding]) -> Counted:
    sparks = lonely_points(scan.counts, scan.exposure_s)
    if not sparks.any():
        return scan
    findings.append(
        _masked(scan.label, scan.two_theta_deg[sparks], "stand out from their neighbours")
    )
    keep = np.logical_not(sparks)
    return replace(
        scan,
        two_theta_deg=frozen(scan.two_theta_deg[keep]),
        counts=frozen(scan.counts[keep]),
        exposure_s=frozen(scan.exposure_s[keep]),
        live=frozen(scan.live[keep]),
    )


def _mask_disagreement(
    x: Array,
    scan: tuple[Array, Array],
    total: tuple[Array, Array],
    label: str,
    findings: list[Finding],
) -> None:
    bad_scan, bad_total = disagreeing_points(scan, total)
    for bad, pair, name in ((bad_scan, scan, label), (bad_total, total, "the scans before it")):
        if bad.any():
            findings.append(_masked(name, x[bad], f"disagree with the other scans ({label})"))
            pair[0][bad] = 0.0
            pair[1][bad] = 0.0


def _masked(label: str, angles: Array, why: str) -> Finding:
    listed = ", ".join(f"{a:.2f}°" for a in angles[:_LISTED])
    more = f" and {angles.size - _LISTED} more" if angles.size > _LISTED else ""
    return Finding(
        "warning" if angles.size > _LISTED else "note",
        f"{label}: {angles.size} point{'s' if angles.size != 1 else ''} masked that {why}: {listed}{more}",
        {"points": float(angles.size)},
    )


def _judge(role: Role, overlap: Overlap, *, fitted: bool) -> list[Finding]:
    """What the overlap says about scale, agreement and drift."""
    pair = f"{overlap.name_a} against {overlap.name_b} ({overlap.range_deg[0]:g} to {overlap.range_deg[1]:g}°)"
    scale, findings = overlap.scale, []
    sigma = scale.sigma or 0.0
    numbers = {"scale": scale.value, "scale_sigma": sigma}
    if fitted:
        findings.append(
            Finding("note", f"{pair}: rates divided by the fitted scale {scale}", numbers)
        )
    elif abs(scale.value - 1.0) > _SIGNIFICANT * sigma:
        findings.append(
            Finding(
                "warning",
                f"{pair}: the {role} rates differ by the factor {scale}. If the tube drifted or a time is wrong, "
                f'write scale = "fit" (or the known factor) in the [[scan]] of {overlap.name_a}',
                numbers,
            )
        )
    if overlap.p < _P_LIMIT:
        findings.append(
            Finding(
                "warning",
                f"{pair}: the scans do not agree beyond one scale (chi^2/dof = {overlap.chi2 / overlap.dof:.3g}, "
                f"p = {overlap.p:.1g})",
                {"chi2": overlap.chi2, "dof": float(overlap.dof), "p": overlap.p},
            )
        )
    slope = overlap.drift_per_deg
    if slope.sigma is not None and abs(slope.value) > _DRIFT * slope.sigma:
        findings.append(
            Finding(
                "warning",
                f"{pair}: the ratio drifts by {100.0 * slope.value:.3g} ± {100.0 * slope.sigma:.2g} % per degree",
                {"slope_per_deg": slope.value, "slope_sigma_per_deg": slope.sigma},
            )
        )
    return findings


def on_angles(pattern: Pattern, two_theta_deg: Array) -> Pattern:
    """A pattern on other angles, shape (m,): its own points where they are the same, else counts and exposures shared out.

    A point's counts, their variance and its exposure go to the new cells in proportion to the overlap; nothing is
    interpolated. A coarser pattern gives neighbours the same rate with larger, correlated uncertainties, so that sums
    stay right. Raises InputError where the pattern does not reach.
    """
    old = pattern.two_theta_deg
    place = np.clip(np.searchsorted(old, two_theta_deg - SAME_ANGLE_DEG), 0, old.size - 1)
    if bool((np.abs(old[place] - two_theta_deg) <= SAME_ANGLE_DEG).all()):
        rate, sigma = pattern.rate_cps[place], pattern.sigma_cps[place]
        exposure, scans = pattern.exposure_s[place], pattern.scans[place]
    else:
        share = overlap_matrix(cell_edges(old), cell_edges(two_theta_deg))
        exposure = share @ pattern.exposure_s
        missing = exposure <= 0.0
        if missing.any():
            angles = two_theta_deg[missing]
            raise InputError(
                f"the {pattern.role} scans have no points at {angles[0]:g} to {angles[-1]:g}°, where the sample has",
                why=f"they cover {old[0]:g} to {old[-1]:g}°, and nothing is extrapolated",
                remedy="narrow range.two_theta_deg",
            )
        rate = share @ (pattern.rate_cps * pattern.exposure_s) / exposure
        sigma = np.sqrt(share @ (pattern.sigma_cps * pattern.exposure_s) ** 2) / exposure
        scans = np.rint(share @ (pattern.scans * pattern.exposure_s) / exposure)
    return replace(
        pattern,
        two_theta_deg=frozen(two_theta_deg),
        rate_cps=frozen(rate),
        sigma_cps=frozen(sigma),
        exposure_s=frozen(exposure),
        scans=frozen(scans),
    )


def check_coverage(
    patterns: Mapping[Role, Pattern],
    *,
    two_theta_deg: tuple[float, float],
    alignment: Alignment | None = None,
) -> None:
    """Raise InputError, naming the ranges, where a role does not reach as far as the range that is used."""
    for role, pattern in patterns.items():
        x = pattern.two_theta_deg
        step = float(np.median(np.diff(x))) if x.size > 1 else 0.0
        if x[0] <= two_theta_deg[0] + step and x[-1] >= two_theta_deg[1] - step:
            continue
        hint = ""
        if alignment is not None and not alignment.is_perfect:
            hint = "; these are angles after the correction of zero and displacement"
        if x[-1] < 0.5 * two_theta_deg[1]:
            hint = (
                "; a file whose first column is Q (Å^-1) or theta instead of 2theta looks like this"
            )
        raise InputError(
            f"the {role} scans cover {x[0]:g} to {x[-1]:g}°, but range.two_theta_deg asks for "
            f"{two_theta_deg[0]:g} to {two_theta_deg[1]:g}°",
            why="nothing is extrapolated" + hint,
            remedy=f"set range.two_theta_deg within {x[0]:g} to {x[-1]:g}, or add the missing {role} scan",
        )
