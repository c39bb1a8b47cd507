"""The budget on a report: what should be measured better, the totals, and values for result.json."""

from typing import Any

import numpy as np

from calibration.quantity import Quantity
from calibration.report import Section, Table, typeset
from xtsred.budget.figures import budget_figure, monte_carlo_figure
from xtsred.budget.records import Budget, MonteCarlo, Source
from xtsred.stages import Array, Reduction

__all__ = ["budget_sections", "budget_values", "fitted_text"]

_SHOWN = 1e-4
_TOLD = 0.5


def budget_sections(reduction: Reduction) -> tuple[Section, ...]:
    """The section on uncertainties; empty where no budget was made."""
    budget = reduction.budget
    if budget is None:
        return ()
    # without stated uncertainties counting is nearly all of it, and there is nothing to see
    drawn = any(s.kind == "stated" for s in budget.sources)
    figures = (budget_figure(budget, name=reduction.name),) if drawn else ()
    sampled = () if budget.monte_carlo is None else (_sampled(budget.monte_carlo, reduction),)
    return (
        Section(
            title="Uncertainty budget",
            paragraphs=(
                "Each source moves all bins together by what one standard uncertainty of it changes in the whole reduction; sources are "
                "independent of each other, and counting is independent of them. Shares are of the variance.",
            ),
            tables=(_ranking(budget), _totals(budget)),
            figures=figures,
        ),
        *sampled,
    )


def _sampled(found: MonteCarlo, reduction: Reduction) -> Section:
    ratios = [
        (c.name, f"{c.ratio:.3f} ± {c.sigma:.3f}" if c.sigma < _TOLD else "too small to tell")
        for c in found.compared
    ]
    numbers = [
        (
            name,
            f"{mean:.6g}",
            f"{deviation:.2g}",
            f"{linear:.2g}",
            f"{deviation / linear:.2f}" if linear > 0.0 else "",
        )
        for name, (mean, deviation, linear) in found.scalars.items()
    ]
    return Section(
        title="Sampling against derivatives",
        paragraphs=(
            f"{found.done} of {found.draws} draws (seed {found.seed}) of all stated numbers and all counts at once, each with the whole "
            f"reduction. A standard deviation of {found.done} draws is known to {100.0 / np.sqrt(2.0 * found.done - 2.0):.0f} %. Choices are not "
            "sampled.",
        ),
        tables=(
            Table(
                title="Ratio of standard uncertainties of S(Q), sampled over linear",
                columns=("source", "ratio"),
                rows=ratios,
                caption="1 where a source is linear. By a regression of the draws on all numbers at once. Counting with the fit of the "
                "normalization may be a little below 1: the oscillation left over in the fit is no chance, and not sampled.",
            ),
            Table(
                title="Numbers over the draws",
                columns=("number", "mean", "deviation", "by derivatives", "ratio"),
                rows=numbers,
                caption="Of what was sampled: choices are in neither.",
            ),
        ),
        figures=(monte_carlo_figure(found, reduction),),
    )


def _measured(budget: Budget) -> list[str]:
    """The numbers that the ranking has a column for."""
    names = list(budget.scalars)
    distances = [n for n in names if n.endswith(" distance")][:1]
    numbers = [n for n in names if n.endswith(" coordination")][:1]
    return [*distances, *numbers, *(["R_X"] if "R_X" in names else []), "K"]


def _ranking(budget: Budget) -> Table:
    columns = _measured(budget)
    shares = budget.shares()
    other = {name: budget.shares(name) for name in columns}
    stated = {s.name: _stated(s) for s in budget.sources} | {"counting": "counts of all scans"}
    rows = []
    for name, share in shares.items():
        parts = [share, *(other[c].get(name, 0.0) for c in columns)]
        if max(parts) >= _SHOWN or name == "counting":
            rows.append((name, stated[name], *(_percent(p) for p in parts)))
    left_out = len(shares) - len(rows)
    caption = "Share of the variance in per cent; S(Q): mean over the bins that are transformed."
    if left_out:
        caption += f" {left_out} source{'s' if left_out > 1 else ''} below 0.01 % of everything left out (they are in the CSV file)."
    return Table(
        title="What should I measure better?",
        columns=("source", "uncertainty", "S(Q) (%)", *(f"{c} (%)" for c in columns)),
        rows=rows,
        caption=caption,
    )


def _percent(share: float) -> str:
    return "0" if share == 0.0 else "< 0.1" if share < 0.001 else f"{100.0 * share:.1f}"


def _stated(source: Source) -> str:
    if source.kind == "stated" and source.value is not None:
        return typeset(str(Quantity(source.value, source.sigma, source.unit)))
    if source.kind == "computed" and source.sigma is not None:
        return f"{100.0 * source.sigma:.2g} % ({source.text})"
    return typeset(source.text)


def _totals(budget: Budget) -> Table:
    used = budget.used > 0.0
    rows = [
        (
            "S(Q), rms over the bins used",
            "",
            f"{_rms(budget.counting.s[used]):.2g}",
            f"{_rms(budget.systematic_s[used]):.2g}",
            f"{np.hypot(_rms(budget.counting.s[used]), _rms(budget.systematic_s[used])):.2g}",
        )
    ]
    for name, scalar in budget.scalars.items():
        total = budget.total(name)
        counting = "in the fit" if scalar.sigma_counting is None else f"{scalar.sigma_counting:.2g}"
        value = str(Quantity(scalar.value, total or None, scalar.unit))
        # a number of which nothing is stated has no uncertainty that is known: not one of 0
        parts = (counting, f"{budget.systematic(name):.2g}", f"{total:.2g}")
        rows.append((name, typeset(value), *(parts if total else ("not known",) * 3)))
    return Table(
        title="Numbers and their uncertainties",
        columns=("number", "value", "counting", "systematic", "total"),
        rows=rows,
        caption="One standard uncertainty. S at low Q: mean over the first 0.25 Å⁻¹ that is transformed.",
    )


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def budget_values(budget: Budget | None) -> dict[str, Any] | None:
    """What result.json holds; curves are in the CSV and HDF5 files."""
    if budget is None:
        return None
    used = budget.used > 0.0
    shares = budget.shares()
    return {
        "sigma_S_counting": _rms(budget.counting.s[used]),
        "sigma_S_systematic": _rms(budget.systematic_s[used]),
        "share_of_counting": shares.get("counting"),
        "monte_carlo": _monte_carlo_values(budget.monte_carlo),
        "numbers": {
            name: {
                "value": scalar.value,
                "unit": scalar.unit,
                "sigma_counting": scalar.sigma_counting,
                "sigma_systematic": budget.systematic(name) if budget.total(name) else None,
                "sigma_total": budget.total(name) or None,
                "shares": budget.shares(name),
            }
            for name, scalar in budget.scalars.items()
        },
        "sources": [
            {
                "name": s.name,
                "key": s.key,
                "kind": s.kind,
                "value": s.value,
                "sigma": s.sigma,
                "unit": s.unit,
                "sigma_S": _rms(s.sigma_s[used]),
                "share_S": shares.get(s.name),
                "nonlinearity": s.nonlinearity,
                "numbers": dict(s.scalars),
                "text": s.text,
            }
            for s in sorted(budget.sources, key=lambda s: -shares.get(s.name, 0.0))
        ],
    }


def fitted_text(reduction: Reduction, name: str, fitted: Quantity) -> Quantity | str:
    """K or a fitted amplitude for the headline: with all sources where something is stated, and what the fit alone leaves.

    name: of the budget's scalar.
    """
    budget = reduction.budget
    if budget is None or not any(s.kind == "stated" for s in budget.sources):
        return fitted
    total = Quantity(fitted.value, budget.total(name), fitted.unit)
    return str(total) if fitted.sigma is None else f"{total} (fit {fitted.sigma:.2g})"


def _monte_carlo_values(found: MonteCarlo | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "draws": found.draws,
        "done": found.done,
        "seed": found.seed,
        "ratios": {c.name: {"value": c.ratio, "sigma": c.sigma} for c in found.compared},
        "numbers": {
            name: {"mean": mean, "deviation": deviation, "linear": linear}
            for name, (mean, deviation, linear) in found.scalars.items()
        },
        "truncated": dict(found.truncated),
        "failures": dict(found.failures),
    }
