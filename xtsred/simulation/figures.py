"""Pictures of a comparison and of a structure: the only module of simulation that imports matplotlib."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from calibration.figures import COLOURS, new_figure, render
from calibration.report import RenderedFigure
from xtsred.simulation.compare import Goodness
from xtsred.simulation.model import Model
from xtsred.simulation.partials import Minimum, Partials
from xtsred.simulation.realspace import RealSpace
from xtsred.simulation.second_route import SecondRoute
from xtsred.simulation.topology import NeighbourDistribution
from xtsred.simulation.transport import Transport
from xtsred.stages import Array

__all__ = [
    "distance_figure",
    "interval_figure",
    "msd_figure",
    "neighbour_figure",
    "overlay_figure",
    "partials_figure",
    "real_space_figure",
    "routes_figure",
]

_LABEL = {"S": "S(Q)", "S-1": "S(Q) - 1", "Q(S-1)": "Q [S(Q) - 1] (Å$^{-1}$)"}


def overlay_figure(results: Sequence[tuple[str, Goodness]]) -> RenderedFigure:
    """Measured and calculated, with the residual of each model below."""
    figure = new_figure(height_in=5.0)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    first = results[0][1]
    upper.plot(first.q, first.measured, ".", ms=3, color="#000000", label="measured")
    for (name, result), colour in zip(results, _colours(len(results)), strict=True):
        label = f"{name}: R$_X$ = {result.r_x:.4f}"
        upper.plot(result.q, result.calculated, color=colour, label=label)
        lower.plot(result.q, result.residual, color=colour)
    if first.sigma is not None:
        lower.fill_between(
            first.q, -first.sigma, first.sigma, color="#999999", alpha=0.5, label="±1 σ, counting"
        )
        lower.legend(loc="upper right")
    lower.axhline(0.0, color="#000000", lw=0.6)
    upper.set_ylabel(_LABEL[first.function])
    lower.set_ylabel("measured - model")
    lower.set_xlabel("Q (= k) (Å$^{-1}$)")
    upper.legend()
    return render(
        figure,
        name="overlay",
        title="Measured and calculated",
        caption=f"Range {first.q_range[0]:g} to {first.q_range[1]:g} Å⁻¹, {first.n_points} points; the model at the measured Q.",
    )


def interval_figure(results: Sequence[tuple[str, Goodness]]) -> RenderedFigure:
    """Share of the squared residual by interval of Q: where a model fails."""
    figure = new_figure(height_in=3.0)
    axes = figure.subplots()
    width = 0.8 / len(results)
    for k, ((name, result), colour) in enumerate(zip(results, _colours(len(results)), strict=True)):
        step = result.intervals[0].high - result.intervals[0].low
        centres = np.array([0.5 * (i.low + i.high) for i in result.intervals])
        place = centres + step * (width * (k + 0.5) - 0.4)
        shares = [100.0 * i.share for i in result.intervals]
        axes.bar(place, shares, width=step * width, color=colour, label=name)
    axes.set_xlabel("Q (= k) (Å$^{-1}$)")
    axes.set_ylabel("share of the misfit (%)")
    axes.legend()
    return render(
        figure,
        name="intervals",
        title="Where the models fail",
        caption="Share of the sum of squared residuals in each interval of Q; the shares of a model add up to 100%.",
    )


def partials_figure(model: Model) -> RenderedFigure:
    """S_ij(Q), stacked."""
    if model.partial_s is None:
        raise ValueError("the model has no partials")
    names = (
        model.partials.names
        if model.partials is not None
        else tuple(f"pair {k + 1}" for k in range(len(model.partial_s)))
    )
    figure = new_figure(height_in=1.5 + 0.9 * len(names))
    axes = figure.subplots()
    _stack(axes, model.q, model.partial_s, names, level=1.0)
    axes.set_xlim(0.0, min(float(model.q[-1]), 25.0))
    axes.set_xlabel("Q (= k) (Å$^{-1}$)")
    axes.set_ylabel("S$_{ij}$(Q), shifted")
    return render(
        figure,
        name="partials",
        title=f"Partial structure factors of {model.name}",
        caption=f"Faber-Ziman; truncation: {model.window_text}. Each tends to the grey line (1).",
    )


def routes_figure(name: str, route: SecondRoute) -> RenderedFigure:
    """Total S(Q) by both routes."""
    figure = new_figure(height_in=3.6)
    axes = figure.subplots()
    axes.errorbar(
        route.q,
        route.direct,
        route.sigma,
        fmt=".",
        ms=3,
        lw=0.6,
        color="#000000",
        label="direct sum",
    )
    axes.plot(
        route.q, route.transformed, color=COLOURS[1], label=f"transform, {route.window} window"
    )
    axes.set_xlabel("Q (= k) (Å$^{-1}$)")
    axes.set_ylabel("S(Q)")
    axes.legend()
    return render(
        figure,
        name="routes",
        title=f"Two routes to S(Q) of {name}",
        caption="Bars: standard error, from the scatter of the single reciprocal vectors in each bin.",
    )


def real_space_figure(results: Sequence[tuple[str, RealSpace]]) -> RenderedFigure:
    """Total g(r) of both, with the same Q range and window."""
    figure = new_figure()
    axes = figure.subplots()
    first = results[0][1]
    shown = first.r > 0.5
    axes.plot(first.r[shown], first.g(first.measured)[shown], color="#000000", label="measured")
    for (name, result), colour in zip(results, _colours(len(results)), strict=True):
        g = result.g(result.calculated)
        axes.plot(result.r[shown], g[shown], color=colour, label=f"{name}: Rχ = {result.r_chi:.4f}")
    axes.axhline(1.0, color="#999999", lw=0.6)
    axes.set_xlabel("r (Å)")
    axes.set_ylabel("g(r)")
    axes.legend()
    return render(figure, name="g_of_r", title="Total g(r)", caption=f"{first.text}.")


def distance_figure(
    partials: Partials, minima: Sequence[Minimum | None], cutoffs: Sequence[float | None]
) -> RenderedFigure:
    """g_ij(r), stacked, with the cutoffs that were found (dots) and used (dashes)."""
    figure = new_figure(height_in=1.5 + 0.9 * len(partials.names))
    axes = figure.subplots()
    shift = _stack(axes, partials.r, partials.g, partials.names, level=1.0)
    for k, (minimum, cutoff) in enumerate(zip(minima, cutoffs, strict=True)):
        colour = COLOURS[k % 6]
        if minimum is not None:
            axes.plot(minimum.position, minimum.g + shift * k, "o", ms=4, color=colour)
        if cutoff is not None:
            axes.vlines(cutoff, shift * k, shift * (k + 0.8), color=colour, ls="--", lw=0.8)
    axes.set_xlabel("r (Å)")
    axes.set_ylabel("g$_{ij}$(r), shifted")
    return render(
        figure,
        name="partial_g",
        title="Partial pair distribution functions",
        caption=f"Bins of {partials.dr:g} Å, {partials.frames} frame(s). Dots: first minimum found; dashes: cutoff used. High peaks are cut.",
    )


def _stack(axes: Axes, x: Array, rows: Array, names: Sequence[str], *, level: float) -> float:
    """Draw rows above each other; returns the shift between two."""
    top = np.percentile(np.abs(rows - level), 99.5, axis=1)
    shift = float(np.ceil(max(1.0, 1.2 * float(np.median(top)))))
    for k, (name, row) in enumerate(zip(names, rows, strict=True)):
        axes.axhline(level + shift * k, color="#bbbbbb", lw=0.6)
        axes.plot(
            x, np.minimum(row, level + 3.0 * shift) + shift * k, color=COLOURS[k % 6], label=name
        )
    axes.legend(ncols=3, loc="upper right")
    return shift


def neighbour_figure(distribution: NeighbourDistribution) -> RenderedFigure:
    """NDF_k of one pair."""
    figure = new_figure(height_in=3.2)
    axes = figure.subplots()
    for k, row in enumerate(distribution.ndf):
        axes.plot(distribution.r, row, color=COLOURS[k % 8], label=f"k = {k + 1}")
    axes.set_xlabel("r (Å)")
    axes.set_ylabel("NDF$_k$ (Å$^{-1}$)")
    axes.legend(ncols=2)
    pair = f"{distribution.centre}-{distribution.neighbour}"
    return render(
        figure,
        name=f"ndf_{distribution.centre}_{distribution.neighbour}",
        title=f"Neighbour distributions {pair}",
        caption="Distribution of the distance of the k-th neighbour.",
    )


def msd_figure(result: Transport) -> RenderedFigure:
    """Mean-square displacements, double logarithmic, with the fitted window."""
    figure = new_figure(height_in=3.6)
    axes = figure.subplots()
    for k, part in enumerate(result.diffusion):
        axes.loglog(
            part.time[1:], part.msd[1:], color=COLOURS[k % 8], label=f"{part.element}: D = {part.d}"
        )
    window = result.diffusion[0].window
    axes.axvspan(*window, color="#e6e6e6", label="fitted window")
    axes.set_xlabel("t (ps)")
    axes.set_ylabel("mean-square displacement (Å$^2$)")
    axes.legend()
    return render(
        figure,
        name="msd",
        title="Mean-square displacements",
        caption="All time origins, drift of the centre of mass removed.",
    )


def _colours(count: int) -> list[str]:
    return [COLOURS[k % 6] for k in range(count)]
