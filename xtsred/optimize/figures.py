"""The pictures of an optimization."""

import numpy as np
from matplotlib.axes import Axes

from calibration.figures import COLOURS, house_style, new_figure, render
from calibration.report import RenderedFigure
from xtsred.optimize.fit import Optimization
from xtsred.stages import Array

__all__ = ["effect_figure", "pulls_figure"]

_BEFORE, _AFTER = COLOURS[7], COLOURS[0]


@house_style()
def pulls_figure(optimization: Optimization) -> RenderedFigure:
    """Every parameter against its prior: what was stated is the band, what the data leave is the bar."""
    parameters = optimization.parameters
    figure = new_figure(height_in=1.2 + 0.42 * len(parameters))
    axes = figure.subplots()
    place = -np.arange(len(parameters), dtype=np.float64)
    axes.axvspan(-2.0, 2.0, color="#f2f2f2", zorder=0)
    axes.axvspan(-1.0, 1.0, color="#dddddd", zorder=0)
    width = [(a.posterior.sigma or 0.0) / (a.prior.sigma or 1.0) for a in parameters]
    axes.errorbar(
        [a.pull for a in parameters], place, xerr=width, fmt="o", color=_AFTER, capsize=4.0
    )
    axes.set_yticks(place, [a.path for a in parameters])
    reach = max(2.5, 0.5 + max(abs(a.pull) + w for a, w in zip(parameters, width, strict=True)))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(place[-1] - 0.7, 0.7)
    axes.set_xlabel("distance from the stated value, in stated σ")
    return render(
        figure,
        name="optimize_parameters",
        title="Parameters",
        caption="Grey: what was stated, one and two standard uncertainties. Points: the posterior with its own.",
    )


@house_style()
def effect_figure(optimization: Optimization) -> RenderedFigure:
    """G(r) below the first distance against the line that it must be, and what became of S(Q)."""
    before, after = optimization.before, optimization.after
    figure = new_figure(height_in=6.2)
    top, bottom = figure.subplots(2, 1)
    pair = after.pair_distribution
    first = pair.first_distance or optimization.limit_a
    for reduction, name, colour in ((before, "as stated", _BEFORE), (after, "adjusted", _AFTER)):
        d = reduction.pair_distribution
        near = d.r <= 1.15 * first
        top.plot(d.r[near], d.d[near], color=colour, label=name)
    r = np.array([0.0, 1.15 * first])
    line = -4.0 * np.pi * after.number_density_per_a3 * r
    top.plot(r, line, color="black", linestyle="--", label="−4πρ₀r")
    top.axvline(optimization.limit_a, color="#888888", linewidth=0.8)
    top.set_ylim(float(line[-1]) - 0.6, 0.6 - 0.3 * float(line[-1]))
    top.set_xlabel("r (Å)")
    top.set_ylabel("G(r) (Å⁻²)")
    top.legend()
    q = before.structure_factor.q
    change = np.interp(q, after.structure_factor.q, after.structure_factor.s)
    change -= before.structure_factor.s
    stated, left = optimization.s_sigma
    _band(bottom, q, np.zeros_like(q), stated, colour="#dddddd", label="± by the stated σ")
    _band(bottom, q, change, left, colour="#9ecae1", label="± by the posterior")
    bottom.plot(q, change, color=_AFTER, label="adjusted − as stated")
    bottom.plot(q, before.structure_factor.sigma, color="black", linewidth=0.7, label="counting σ")
    bottom.set_xlabel("Q (= k) (Å⁻¹)")
    bottom.set_ylabel("change of S(Q)")
    bottom.legend(ncols=2)
    return render(
        figure,
        name="optimize_effect",
        title="What the adjustment did",
        caption=f"Top: G(r) with the window of the project; only r < {optimization.limit_a:.2f} Å (line) was used, without any "
        "window. Bottom: the change of S(Q), with the uncertainty of the adjusted numbers alone.",
    )


def _band(axes: Axes, x: Array, y: Array, half: Array, *, colour: str, label: str) -> None:
    axes.fill_between(x, y - half, y + half, color=colour, linewidth=0.0, label=label)
