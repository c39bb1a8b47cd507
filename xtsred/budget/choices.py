"""Choices that could have been made otherwise: half the spread of the results is an uncertainty of each.

Where nothing else is stated the alternatives are: the high-angle range begun a tenth of Q_max lower and higher; below Q_min a constant
instead of a parabola (and both, where nothing was extrapolated); one more order of multiple scattering.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from calibration.errors import InputError
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.budget.outcome import Basis, Outcome
from xtsred.budget.records import Source
from xtsred.config import Project
from xtsred.stages import frozen

__all__ = ["SHELL_LIMITS", "choices"]

At = Callable[[Project], Outcome]

SHELL_LIMITS = "shell.r_range"
"""Key of the source that holds the limits of fitted shells; the shells name it themselves, too."""

_MOVED = 0.1


def choices(
    loaded: Loaded[Project], at: At, basis: Basis, findings: list[Finding]
) -> Sequence[Source]:
    """One source for each choice of this project; at: the result of a changed project.

    An alternative that cannot be computed is left out with a Finding.
    """
    project = loaded.record
    return [
        *_normalization(project, at, basis, findings),
        *_extrapolation(project, at, basis, findings),
        *_orders(project, at, basis, findings),
        *_shell_limits(basis),
    ]


def _normalization(
    project: Project, at: At, basis: Basis, findings: list[Finding]
) -> Sequence[Source]:
    table = project.normalization
    low, high = basis.reduction.normalization.q_range
    ranges = table.alternative_q_ranges
    how = "stated alternatives"
    if not ranges:
        ranges = ((low - _MOVED * high, high), (low + _MOVED * high, high))
        how = "alternatives begun a tenth of Q_max lower and higher"
    others = [replace(project, normalization=replace(table, q_range=r)) for r in ranges]
    name = "normalization range"
    text = f"{how}: " + ", ".join(f"{a:.3g} to {b:.3g}" for a, b in ranges) + " Å^-1"
    return _spread(name, "normalization.q_range", text, _tried(name, others, at, findings), basis)


def _extrapolation(
    project: Project, at: At, basis: Basis, findings: list[Finding]
) -> Sequence[Source]:
    table = project.fourier
    methods: tuple[Literal["parabola", "constant"], ...] = ("parabola", "constant")
    others = [m for m in methods if m != table.extrapolation]
    projects = [replace(project, fourier=replace(table, extrapolation=method)) for method in others]
    name = "low-Q extrapolation"
    text = f"{table.extrapolation} against {' and '.join(others)}"
    return _spread(name, "fourier.extrapolation", text, _tried(name, projects, at, findings), basis)


def _orders(project: Project, at: At, basis: Basis, findings: list[Finding]) -> Sequence[Source]:
    """What one more order adds is what is left out, to a good part."""
    table = project.multiple_scattering
    if table is None or table.orders >= 10:
        return ()
    more = replace(project, multiple_scattering=replace(table, orders=table.orders + 1))
    name = "multiple scattering, orders"
    found = _tried(name, [more], at, findings)
    text = f"orders up to {table.orders} against {table.orders + 1}"
    # the whole difference: the orders that are left out are there
    return _spread(name, "multiple_scattering.orders", text, found, basis, share=1.0)


def _shell_limits(basis: Basis) -> Sequence[Source]:
    """Half the spread of each coordination number when the limits of its fit move; no curve does."""
    reduction = basis.reduction
    moved = {
        f"{basis.shell_name(i)} coordination": shell.coordination_limits
        for i, shell in enumerate(reduction.shells)
        if shell.coordination_limits
    }
    if not moved:
        return ()
    none = np.zeros((1, reduction.pair_distribution.r.size))
    return (
        Source(
            name="limits of the shell's fit",
            key=SHELL_LIMITS,
            kind="choice",
            value=None,
            sigma=None,
            unit="",
            s=frozen(np.zeros((1, basis.q.size))),
            d=frozen(none),
            g=frozen(none),
            scalars=moved,
            text="each limit a tenth of the range further in and out",
        ),
    )


def _tried(
    name: str, projects: Sequence[Project], at: At, findings: list[Finding]
) -> list[Outcome]:
    found: list[Outcome] = []
    for project in projects:
        try:
            found.append(at(project))
        except InputError as error:
            text = f"An alternative of the {name} was left out of the budget: {error.what}."
            findings.append(Finding("note", text))
    return found


def _spread(
    name: str, key: str, text: str, others: Sequence[Outcome], basis: Basis, *, share: float = 0.5
) -> Sequence[Source]:
    """Half the difference of the two results that are furthest apart, this one included: a single row."""
    if not others:
        return ()
    results = [basis.outcome(basis.reduction), *others]
    first, last = max(itertools.combinations(results, 2), key=lambda pair: _distance(basis, *pair))
    return (
        Source(
            name=name,
            key=key,
            kind="choice",
            value=None,
            sigma=None,
            unit="",
            s=frozen(share * np.nan_to_num(last.s - first.s)[None, :]),
            d=frozen(share * (last.d - first.d)[None, :]),
            g=frozen(share * (last.g - first.g)[None, :]),
            scalars={
                n: share * (last.scalars[n] - first.scalars[n])
                for n in first.scalars
                if np.isfinite(last.scalars[n] - first.scalars[n])
            },
            text=text,
        ),
    )


def _distance(basis: Basis, a: Outcome, b: Outcome) -> float:
    """How far two results are apart, for the choice of a pair: rms of S(Q), or of G(r) where S is the same."""
    used = basis.used > 0.0
    s = float(np.nanmean((a.s - b.s)[used] ** 2))
    return s if s > 0.0 else float(np.mean((a.d - b.d) ** 2))
