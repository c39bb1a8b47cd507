"""The shells of a project: those it names with their pair, else the first peaks as they are found."""

import itertools
from collections.abc import Iterator

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from xtsred.config import Project
from xtsred.config import Shell as ShellTable
from xtsred.fourier import Window
from xtsred.shells import (
    U_MAX_A,
    Neighbour,
    PairWeight,
    find_peaks,
    fit_shell,
    pair_weight,
    peak_position,
)
from xtsred.stages import Array, PairDistribution, Shell, frozen
from xtsred.unpack import Plan

__all__ = ["fourier_window", "measure_shells"]

_FOUND = 3
_MISFIT = 0.05
_DISAGREE = 0.1
_BESIDE_A = 0.3  # how far beyond its limits the next peak would have begun
_VALLEY = 0.3  # of the peak's height: two Gaussians with less between them share little


def fourier_window(project: Project) -> Window:
    """The window that a project names."""
    table = project.fourier
    return Window(name=table.window, q_max=table.q_range[1], delta_a=table.delta_A or 0.0)


def measure_shells(
    project: Project, plan: Plan, pdf: PairDistribution
) -> tuple[tuple[Shell, ...], tuple[Finding, ...]]:
    """Positions and coordination numbers. Raises InputError for a pair that the sample does not have."""
    covariance = pdf.covariance
    if covariance is None:
        raise ValueError("the covariance of G(r) is needed")
    window = fourier_window(project)
    resolution = float(np.pi / window.q_max)
    if project.shell:
        q_step = project.range.q_step
        # the bins that are transformed: those that end inside q_max
        last = int(np.floor(window.q_max / q_step - 0.5 + 1e-9))
        q = frozen(q_step * np.arange(1, last + 1))
        named = [
            Neighbour(
                weight=_weight(table, plan, q=q, number=k),
                r_range=(table.r_range[0], table.r_range[1]),
            )
            for k, table in enumerate(project.shell)
        ]
        shells = tuple(
            fit_shell(
                pdf,
                weight=shell.weight,
                window=window,
                r_range=shell.r_range,
                integral_limits=shell.r_range,
                beside=_beside(named, k),
            )
            for k, shell in enumerate(named)
        )
        doubts = [(*_unresolved(pdf, named, shell), *_doubts(shell)) for shell in shells]
        return shells, tuple(itertools.chain.from_iterable(doubts))
    r_min = 0.8
    peaks = find_peaks(pdf, count=_FOUND, r_min=r_min)
    found = tuple(
        peak_position(pdf, covariance=covariance, peak=peak, resolution=resolution)
        for peak in peaks
    )
    text = (
        "No [[shell]] is named, so the first peaks of g(r) beyond 0.8 Å are given by position only: "
        'a coordination number needs the pair and the limits, e.g. pair = "Si-O", r_range = [1.3, 1.9].'
    )
    return found, (Finding("note", text),)


def _beside(named: list[Neighbour], k: int) -> list[Neighbour]:
    """The other shells that are fitted with the k-th: not those that are the same peak once more.

    Ranges that share more than half of the narrower one are taken for one peak with other limits.
    """
    chosen: list[Neighbour] = []
    for other in (n for i, n in enumerate(named) if i != k):
        if not any(_same(other, one) for one in (named[k], *chosen)):
            chosen.append(other)
    return chosen


def _same(a: Neighbour, b: Neighbour) -> bool:
    common = min(a.r_range[1], b.r_range[1]) - max(a.r_range[0], b.r_range[0])
    return common > 0.5 * min(a.r_range[1] - a.r_range[0], b.r_range[1] - b.r_range[0])


def _weight(table: ShellTable, plan: Plan, *, q: Array, number: int) -> PairWeight:
    center, _, neighbour = table.pair.partition("-")
    known = plan.composition.elements
    if center not in known or neighbour not in known:
        pairs = ", ".join(f"{a}-{b}" for a, b in itertools.product(known, known))
        raise InputError(
            f"{table.pair!r} is not a pair of this sample",
            why=f"its pairs are {pairs}",
            where=f"shell[{number}].pair",
        )
    return pair_weight(
        plan.composition, center=center, neighbour=neighbour, q=q, energy_kev=plan.energy_kev
    )


def _unresolved(pdf: PairDistribution, named: list[Neighbour], shell: Shell) -> Iterator[Finding]:
    """Where T(r) does not fall between a shell and a peak beside it that is not named, and so is not fitted with it."""
    low, high = shell.r_range
    at = shell.position.value
    top = float(np.interp(at, pdf.r, pdf.t))
    sides = (
        (low, low - _BESIDE_A, (low - _BESIDE_A, at)),
        (high, high + _BESIDE_A, (at, high + _BESIDE_A)),
    )
    for limit, beyond, (first, last) in sides:
        a, b = sorted((limit, beyond))
        if any(n.r_range != shell.r_range and n.r_range[0] < b and n.r_range[1] > a for n in named):
            continue
        between = (pdf.r >= first) & (pdf.r <= last)
        left = float(np.min(pdf.t[between])) / top if top > 0.0 and between.any() else 0.0
        if left <= _VALLEY:
            continue
        yield Finding(
            "warning",
            f"The {shell.pair} shell at {at:.2f} Å is not resolved from what lies beside it beyond {limit:g} Å: T(r) does not fall below "
            f"{100.0 * left:.0f} % of the peak between them. What its number of neighbours takes from there is not in its "
            "uncertainty; name the other shells, too, and they are fitted together.",
            {"valley": left},
        )


def _doubts(shell: Shell) -> Iterator[Finding]:
    """Where a fitted shell should not be believed as it is."""
    low, high = shell.r_range
    name = f"The {shell.pair} shell fitted over {low:g} to {high:g} Å"
    n, integral = shell.coordination, shell.coordination_integral
    edge = 0.02 * (high - low)
    if min(shell.position.value - low, high - shell.position.value) < edge:
        yield Finding(
            "problem", f"{name} has no peak inside: its distance went to the edge of the range."
        )
        return
    if shell.width.value > 0.98 * U_MAX_A:
        yield Finding("problem", f"{name} is wider than any shell: it is no single peak.")
        return
    if shell.misfit is not None and shell.misfit > _MISFIT:
        yield Finding(
            "warning",
            f"{name} misses T(r) by {100 * shell.misfit:.0f} % (rms, of the highest point): another shell "
            "reaches into the range, or it is not one Gaussian.",
            {"misfit": shell.misfit},
        )
    if n is None or integral is None:
        return
    if abs(integral.value / n.value - 1.0) > _DISAGREE:
        yield Finding(
            "warning",
            f"{name}: {n.value:.2f} neighbours by the fit, {integral.value:.2f} by the integral over the same limits.",
            {"fit": n.value, "integral": integral.value},
        )
    if shell.coordination_limits is not None and shell.coordination_limits > 0.05 * n.value:
        yield Finding(
            "warning",
            f"{name}: the number of neighbours moves by {shell.coordination_limits:.2f} when the limits move by a tenth of the range.",
            {"limits": shell.coordination_limits},
        )
