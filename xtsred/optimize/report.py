"""An optimization on the page and in result.json: the reduction at the posterior, and how it came about."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.quantity import Quantity
from calibration.report import Report, Section, Table, typeset
from xtsred.optimize.conditions import Condition
from xtsred.optimize.figures import effect_figure, pulls_figure
from xtsred.optimize.fit import Optimization
from xtsred.report import write_reduction
from xtsred.stages import Array

__all__ = ["optimization_section", "optimization_values", "write_optimization"]


def write_optimization(
    optimization: Optimization, *, target: Path, overwrite: bool, command: str
) -> Path:
    """The folder of a reduction at the posterior, with the optimization in front; returns the path of the report.

    run.toml in it holds the posterior values and their sigma. Raises OutputError where the folder exists or cannot be written.
    """

    def extended(report: Report) -> Report:
        return replace(
            report,
            findings=(*optimization.findings, *report.findings),
            headline=[
                *((a.path, typeset(_moved(a.prior, a.posterior))) for a in optimization.parameters),
                *report.headline,
            ],
            sections=(optimization_section(optimization), *report.sections),
            values={**report.values, "optimization": optimization_values(optimization)},
        )

    return write_reduction(
        optimization.after,
        optimization.loaded,
        target=target,
        overwrite=overwrite,
        command=command,
        extend=extended,
    )


def _moved(prior: Quantity, posterior: Quantity) -> str:
    return f"{posterior} (stated {prior})"


def optimization_values(optimization: Optimization) -> dict[str, Any]:
    """The machine-readable part."""
    before, after, count = optimization.misfit
    return {
        "parameters": [
            {
                "path": a.path,
                "prior": a.prior,
                "posterior": a.posterior,
                "pull": a.pull,
                "informed": a.informed,
            }
            for a in optimization.parameters
        ],
        "correlation": optimization.correlation,
        "conditions": [
            {"name": a.name, "expected": a.expected, "before": a.value, "after": b.value}
            for a, b in optimization.conditions
        ],
        "chi_squared": {"before": before, "after": after, "residuals": count},
        "considered": list(optimization.considered),
        "limit_A": optimization.limit_a,
        "wall_used": optimization.wall,
        "model_tolerance": optimization.tolerance,
        "rounds": optimization.rounds,
        "S_sigma_rms": {
            "before": _rms(optimization.s_sigma[0]),
            "after": _rms(optimization.s_sigma[1]),
        },
        "findings": [{"severity": f.severity, "text": f.text} for f in optimization.findings],
    }


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2)))


def optimization_section(optimization: Optimization) -> Section:
    """Parameters, correlations and conditions as tables, pulls and effect as figures."""
    before, after, count = optimization.misfit
    stated, left = (_rms(s) for s in optimization.s_sigma)
    wall = (
        "the empty container's rate against the scattering of its wall"
        if optimization.wall
        else "the empty container's rate was not used (none measured, a wall whose thickness has no sigma, or a tube continuum)"
    )
    return Section(
        title="Optimization",
        paragraphs=(
            "The numbers below were adjusted inside their stated uncertainty (the prior) until what must hold for every S(Q) "
            f"does: below {optimization.limit_a:.2f} Å nothing but −4πρ₀r, which is also the sum rule and S → 1; and {wall}. "
            "No model of the structure and no other curve took part. K and amplitudes that the reduction fits were left free"
            f"{_considered(optimization)}.",
            f"χ² of the {count} independent residuals: {before:.1f} as stated, {after:.1f} adjusted "
            f"(tolerance of the calculated scattering {optimization.tolerance:.2g}). These numbers alone make S(Q) uncertain by "
            f"{stated:.2g} as stated and {left:.2g} now (rms). Systematic errors beyond the short distances, for instance a scale of all peaks "
            "by too much absorption, are improved only as far as the numbers are.",
        ),
        tables=(
            _parameters(optimization),
            *_correlations(optimization),
            _conditions(optimization.conditions),
        ),
        figures=(pulls_figure(optimization), effect_figure(optimization)),
    )


def _considered(optimization: Optimization) -> str:
    if not optimization.considered:
        return ""
    return f"; not adjusted, but uncertain as stated: {', '.join(optimization.considered)}"


def _parameters(optimization: Optimization) -> Table:
    rows = [
        (
            a.path,
            typeset(str(a.prior)),
            typeset(str(a.posterior)),
            f"{a.pull:+.2f}",
            "yes" if a.informed else "no: posterior = prior",
        )
        for a in optimization.parameters
    ]
    return Table(
        title="Parameters",
        columns=("number", "stated", "posterior", "pull", "informed by the data"),
        rows=rows,
        caption="Pull: the move over the stated standard uncertainty.",
    )


def _correlations(optimization: Optimization) -> Sequence[Table]:
    names = [a.path for a in optimization.parameters]
    if len(names) < 2:
        return ()
    rows = [
        (name, *(f"{x:+.2f}" for x in row))
        for name, row in zip(names, optimization.correlation, strict=True)
    ]
    return (Table(title="Correlation of the posterior", columns=("", *names), rows=rows),)


def _conditions(pairs: Sequence[tuple[Condition, Condition]]) -> Table:
    rows = [(typeset(a.name), str(a.value), str(b.value), f"{a.expected:g}") for a, b in pairs]
    return Table(
        title="Conditions by their usual names",
        columns=("condition", "as stated", "adjusted", "expected"),
        rows=rows,
        caption="Each ± is counting, and scatter about the line for the slope; the fit used them together, without counting "
        "one photon twice.",
    )
