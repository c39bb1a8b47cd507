"""A comparison as values for --json and as the goodness-of-fit page of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from calibration.provenance import Provenance
from calibration.quantity import Quantity, concise
from calibration.report import Finding, Report, Section, Table
from xtsred.simulation.compare import Difference, Goodness
from xtsred.simulation.curves import Curve
from xtsred.simulation.model import Model
from xtsred.simulation.realspace import RealSpace
from xtsred.simulation.second_route import SecondRoute

__all__ = ["Compared", "Comparison", "comparison_report", "comparison_values", "summary_lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One model against the measurement. weights: "Z", "xray", "neutron" or "file". other_windows: R_X with the other truncations of the transform."""

    model: Model
    goodness: Goodness
    weights: str
    weights_text: str
    other_windows: Mapping[str, float]
    real_space: RealSpace | None
    second_route: SecondRoute | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything of one `xtsred compare`; models: best first."""

    measured: Curve
    models: Sequence[Compared]
    differences: Sequence[Difference]
    findings: Sequence[Finding]


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """What --json prints and result.json holds."""
    return {
        "measured": {
            "file": comparison.measured.file,
            "is": comparison.measured.meaning,
            "how": comparison.measured.how,
            "q": [float(comparison.measured.q[0]), float(comparison.measured.q[-1])],
        },
        "models": [_values(c) for c in comparison.models],
        "differences": [
            {
                "models": [d.first, d.second],
                "R_X_difference": d.value,
                "sigma": d.sigma,
                "sigma_complete": d.complete,
                "sigma_unknown_of": list(d.unknown),
                "ranked": d.ranked,
            }
            for d in comparison.differences
        ],
        "findings": [{"severity": f.severity, "text": f.text} for f in comparison.findings],
    }


def _values(compared: Compared) -> dict[str, Any]:
    g, model = compared.goodness, compared.model
    return {
        "file": model.name,
        "kind": model.kind,
        "R_X": g.r_x,
        "R_X_squared": g.r_x_squared,
        "R_X_percent": g.percent,
        "R_X_sigma": g.r_x_sigma,
        "R_X_sigma_measurement": g.sigma_measurement,
        "R_X_sigma_model": g.sigma_model,
        "R_X_flat": g.r_x_flat,
        "R_X_floor": g.floor,
        "n_points": g.n_points,
        "q_range": list(g.q_range),
        "function": g.function,
        "window": model.window or None,
        "window_r_max_A": model.r_max,
        "weights": compared.weights,
        "weights_text": compared.weights_text,
        "R_by_function": g.by_function,
        "R_X_by_window": dict(compared.other_windows),
        "R_chi": None if compared.real_space is None else compared.real_space.r_chi,
        "R_chi_range": None if compared.real_space is None else compared.real_space.r_range,
        "scale": {"value": g.scale.value, "sigma": g.scale.sigma, "R_X": g.scale.r_x},
        "intervals": [
            {"q": [i.low, i.high], "points": i.points, "share": i.share, "R_X": i.r_x}
            for i in g.intervals
        ],
        "direct_sum": None
        if compared.second_route is None
        else {
            "rms_difference": compared.second_route.rms,
            "noise": compared.second_route.noise,
            "frames": compared.second_route.frames,
            "q_range": compared.second_route.q_range,
        },
        "frames": model.frames,
        "density": model.density,
    }


def summary_lines(comparison: Comparison) -> list[str]:
    """What the command prints."""
    first = comparison.models[0].goodness
    low, high = first.q_range
    lines = [
        f"{comparison.measured.file}: {comparison.measured.meaning} ({comparison.measured.how})",
        f"{first.function} from {low:g} to {high:g} Å^-1, {first.n_points} points; flat line S = 1: R_X = {first.r_x_flat:.4f}",
    ]
    for c in comparison.models:
        g = c.goodness
        lines.append(
            f"{c.model.name}: R_X = {g.r_x_text}, {g.percent:.2f}%, squared {g.r_x_squared:.5f}"
        )
        by = ", ".join(f"on {name} {value:.4f}" for name, value in g.by_function.items())
        chi = "" if c.real_space is None else f"; R_chi on T(r) {c.real_space.r_chi:.4f}"
        lines.append(f"  {c.weights_text}; R {by}{chi}")
        if c.model.window:
            others = ", ".join(f"{n}: {v:.4f}" for n, v in c.other_windows.items())
            lines.append(
                f"  window {c.model.window_text}" + (f" (with {others})" if others else "")
            )
        worst = max(g.intervals, key=lambda i: i.share)
        lines.append(
            f"  worst from {worst.low:.3g} to {worst.high:.3g} Å^-1: {100 * worst.share:.0f}% of the misfit"
        )
    order = [c.model.name for c in comparison.models]
    neighbours = set(pairwise(order))
    lines += [_verdict(d) for d in comparison.differences if (d.first, d.second) in neighbours]
    return lines


def _verdict(d: Difference) -> str:
    pair = f"{d.first} and {d.second}"
    if not d.complete:
        return (
            f"{pair} are not ranked: their R_X differ by {abs(d.value):.4f}, and the uncertainty of "
            f"{', '.join(d.unknown)} is unknown"
        )
    size = concise(abs(d.value), d.sigma)
    if not d.ranked:
        return f"{pair} are not ranked: their R_X differ by {size}"
    better = d.first if d.value < 0.0 else d.second
    return f"{better} is the better one of {pair}: R_X differ by {size}"


def comparison_report(comparison: Comparison, provenance: Provenance) -> Report:
    """The page: findings, headline, goodness of fit, where it fails, partials, real space."""
    from xtsred.simulation.figures import (
        interval_figure,
        overlay_figure,
        partials_figure,
        real_space_figure,
        routes_figure,
    )

    named = [(c.model.name, c.goodness) for c in comparison.models]
    first = comparison.models[0].goodness
    sections = [
        Section(
            title="Goodness of fit",
            paragraphs=(
                "R_X = sqrt(sum (S_exp - S_calc)² / sum S_exp²) on the measured grid (Wright 1993), and its square, "
                "which some papers print. Two models are ranked only where the uncertainty of both and of the measurement "
                "is known and their R_X differ by more than two standard uncertainties of the difference (more where "
                "these come from few blocks: Student's t at 95%); the "
                "measurement's errors are common to both and are treated so. A single configuration has no "
                "uncertainty of its own: several independent boxes (--average) or frames give one.",
            ),
            tables=(
                _table(comparison),
                _function_table(comparison),
                *_difference_table(comparison),
            ),
            figures=(overlay_figure(named), interval_figure(named)),
        )
    ]
    with_partials = [c.model for c in comparison.models if c.model.partial_s is not None]
    if with_partials:
        routes = [(c.model.name, c.second_route) for c in comparison.models if c.second_route]
        sections.append(
            Section(
                title="Partials of the best model that has them",
                paragraphs=tuple(_route_text(name, route) for name, route in routes),
                figures=(
                    partials_figure(with_partials[0]),
                    *(routes_figure(name, route) for name, route in routes[:1]),
                ),
            )
        )
    spaces = [(c.model.name, c.real_space) for c in comparison.models if c.real_space is not None]
    if spaces:
        sections.append(
            Section(
                title="Real space",
                paragraphs=(
                    "Both curves were transformed with the measurement's range of Q and the same window.",
                ),
                figures=(real_space_figure(spaces),),
            )
        )
    headline: list[tuple[str, Quantity | str]] = [
        (f"R_X, {c.model.name}", c.goodness.r_x_text) for c in comparison.models
    ]
    headline.append(("R_X of a flat line S = 1", f"{first.r_x_flat:.4f}"))
    return Report(
        title="Measured S(Q) against simulation",
        subtitle=comparison.measured.file,
        findings=comparison.findings,
        headline=headline,
        sections=sections,
        provenance=provenance,
        values=comparison_values(comparison),
    )


def _route_text(name: str, route: SecondRoute) -> str:
    return (
        f"{name}: S(Q) by direct sum over reciprocal vectors of the cell and by transform ({route.window}) differ by "
        f"{route.rms:.3g} (rms, {route.q_range[0]:g} to {route.q_range[1]:g} Å⁻¹, {route.frames} frame(s)); the direct "
        f"sum's own noise is {route.noise:.3g}."
    )


def _table(comparison: Comparison) -> Table:
    rows = []
    for c in comparison.models:
        g = c.goodness
        parts = [
            "unknown" if part is None else f"{part:.2g}"
            for part in (g.sigma_measurement, g.sigma_model)
        ]
        rows.append(
            [
                c.model.name,
                g.r_x_text,
                f"{g.percent:.2f}",
                f"{g.r_x_squared:.5f}",
                *parts,
                f"{g.r_x_flat:.4f}",
                "unknown" if g.floor is None else f"{g.floor:.2g}",
                str(g.n_points),
                f"{g.q_range[0]:g} to {g.q_range[1]:g}",
                c.weights_text,
                c.model.window_text,
            ]
        )
    return Table(
        title="R_X",
        columns=(
            "model",
            "R_X",
            "%",
            "R_X²",
            "σ from measurement",
            "σ from model",
            "flat line",
            "counting floor",
            "points",
            "Q (Å⁻¹)",
            "weights",
            "window",
        ),
        rows=rows,
        caption="Counting floor: R_X of a perfect model through the counting errors alone.",
    )


def _function_table(comparison: Comparison) -> Table:
    rows = []
    for c in comparison.models:
        g = c.goodness
        rows.append(
            [
                c.model.name,
                *(f"{v:.4f}" for v in g.by_function.values()),
                "not known" if c.real_space is None else f"{c.real_space.r_chi:.4f}",
                ", ".join(f"{n} {v:.4f}" for n, v in c.other_windows.items()) or "-",
                concise(g.scale.value, g.scale.sigma),
                f"{g.scale.r_x:.4f}",
            ]
        )
    return Table(
        title="The same misfit, measured otherwise",
        columns=(
            "model",
            *(f"R on {name}" for name in comparison.models[0].goodness.by_function),
            "R_chi on T(r)",
            "R_X, other window",
            "fitted scale of S - 1",
            "R_X with it",
        ),
        rows=rows,
        caption="The fitted scale is not applied anywhere else. T(r) from 1 to 10 Å.",
    )


def _difference_table(comparison: Comparison) -> tuple[Table, ...]:
    if not comparison.differences:
        return ()
    rows = [
        [
            d.first,
            d.second,
            concise(d.value, d.sigma) if d.complete else f"{d.value:.4f}",
            "yes" if d.ranked else "no",
            ", ".join(d.unknown) or "none",
        ]
        for d in comparison.differences
    ]
    return (
        Table(
            title="Ranking",
            columns=(
                "first",
                "second",
                "R_X(first) - R_X(second)",
                "ranked",
                "σ unknown of",
            ),
            rows=rows,
        ),
    )
