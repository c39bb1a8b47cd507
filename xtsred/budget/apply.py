"""A reduction with its budget: the systematic part of every curve and number becomes that of all sources."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from calibration.quantity import Quantity
from calibration.records import Loaded
from xtsred.budget.choices import SHELL_LIMITS
from xtsred.budget.linear import linear_budget
from xtsred.budget.records import Budget
from xtsred.config import Project
from xtsred.inputs import Inputs, read_inputs
from xtsred.memo import Memo
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Reduction, Shell, frozen

if TYPE_CHECKING:
    from xtsred.budget.monte_carlo import Asked

__all__ = ["budgeted", "reduce_with_budget"]

Progress = Callable[[str], None]


def reduce_with_budget(
    loaded: Loaded[Project],
    *,
    inputs: Inputs | None = None,
    progress: Progress | None = None,
    asked: "Asked | None" = None,
    told: Callable[[int, int], None] | None = None,
) -> Reduction:
    """Read, reduce, and propagate every stated uncertainty linearly; asked: by sampling, too.

    told: (draws done, of all) of the sampling.
    Raises InputError for what the user can fix.
    """
    if progress is not None:
        progress("reading scans")
    scans = inputs or read_inputs(loaded)
    memo = Memo()
    reduction = reduce_inputs(loaded, scans, progress=progress, memo=memo)
    if progress is not None:
        progress("uncertainty budget")
    budget = linear_budget(loaded, scans, memo=memo, reduction=reduction, progress=progress)
    if asked is not None:
        from xtsred.budget.monte_carlo import monte_carlo

        if progress is not None:
            progress(f"{asked.draws} draws")
        budget = monte_carlo(loaded, scans, budget, reduction=reduction, asked=asked, told=told)
    return budgeted(reduction, budget)


def budgeted(reduction: Reduction, budget: Budget) -> Reduction:
    """The reduction whose systematic uncertainties (curves, shells) are those of all sources; counting stays its own."""
    structure = replace(
        reduction.structure_factor,
        sigma_systematic=frozen(budget.systematic_s),
        modes=frozen(budget.modes_s),
    )
    pair = replace(reduction.pair_distribution, modes=frozen(budget.modes_d))
    shells = tuple(_shell(shell, i, budget) for i, shell in enumerate(reduction.shells))
    return replace(
        reduction,
        structure_factor=structure,
        pair_distribution=pair,
        shells=shells,
        findings=(*reduction.findings, *budget.findings),
        parameters={n: _parameter(n, v, budget) for n, v in reduction.parameters.items()},
        budget=budget,
    )


def _parameter(name: str, value: Quantity, budget: Budget) -> Quantity:
    """What follows from stated numbers has the uncertainty that follows from theirs."""
    found = {"mu R (computed)": "mu R", "mu R (stated)": "mu R", "packing fraction": name}
    if name not in found or value.sigma is not None:
        return value
    return replace(value, sigma=budget.systematic(found[name]) or None)


def _shell(shell: Shell, i: int, budget: Budget) -> Shell:
    name = shell.pair or f"peak {i + 1}"
    coordination = None
    if shell.coordination is not None:
        # what the limits of the fit do has a field of its own
        parts = [
            s.scalars.get(f"{name} coordination", 0.0)
            for s in budget.sources
            if s.key != SHELL_LIMITS
        ]
        coordination = math.hypot(*parts)
    return replace(
        shell,
        position_systematic=budget.systematic(f"{name} distance"),
        coordination_systematic=coordination,
    )
