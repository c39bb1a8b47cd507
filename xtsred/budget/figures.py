"""Pictures of a budget."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from calibration.figures import COLOURS, house_style, literal, new_figure, render
from calibration.report import RenderedFigure
from xtsred.budget.records import Budget, MonteCarlo, Source
from xtsred.stages import Array, Reduction

__all__ = ["budget_figure", "monte_carlo_figure"]

_DRAWN = 6
_COUNTING = "#dddddd"
_OTHERS = "#aaaaaa"


@house_style()
def budget_figure(budget: Budget, *, name: str) -> RenderedFigure:
    """Contributions stacked in quadrature against Q and against r; the upper edge is the total."""
    by_name = {s.name: s for s in budget.sources}
    ranked = sorted(by_name, key=lambda n: -_weight(budget, by_name[n]))
    width, height = 8.0, 6.4
    figure = new_figure(width_in=width, height_in=height, layout=None)
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.085, top=0.975, hspace=0.26)
    axes = figure.subplots(2, 1)
    parts_s = [by_name[n].sigma_s for n in ranked]
    parts_g = [by_name[n].sigma_g for n in ranked]
    _stacked(axes[0], budget.q, budget.counting.s, parts_s, ranked)
    seen = budget.r > 0.5
    _stacked(axes[1], budget.r[seen], budget.counting.g[seen], [p[seen] for p in parts_g], ranked)
    axes[0].set_xlabel("Q (= k) (Å⁻¹)")
    axes[0].set_ylabel("uncertainty of S(Q)")
    axes[1].set_xlabel("r (Å)")
    axes[1].set_ylabel("uncertainty of g(r)")
    total = np.hypot(budget.counting.s, budget.systematic_s)[budget.used > 0.0]
    _limit(axes[0], total, room=1.6)
    _limit(axes[1], np.hypot(budget.counting.g, budget.systematic_g)[budget.r > 1.0])
    axes[0].legend(fontsize=8, loc="upper left", ncols=2)
    figure.text(0.995, 0.005, name, ha="right", va="bottom", fontsize=7.5, color="#777777")
    return render(
        figure,
        name="budget",
        title="Uncertainty by source",
        caption="One standard uncertainty, stacked in quadrature: each band is what a source adds to those below it, "
        "the upper edge is the total.",
    )


@house_style()
def monte_carlo_figure(found: MonteCarlo, reduction: Reduction) -> RenderedFigure:
    """Standard uncertainties of S(Q) and g(r) by sampling over those by derivatives."""
    figure = new_figure(width_in=8.0, height_in=5.6, layout=None)
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.095, top=0.97, hspace=0.28)
    axes = figure.subplots(2, 1)
    q, r = reduction.structure_factor.q, reduction.pair_distribution.r
    far = r > 1.0
    panels = (
        (axes[0], q, found.s, found.linear_s, "uncertainty of S(Q)", "Q (= k) (Å⁻¹)"),
        (axes[1], r[far], found.g[far], found.linear_g[far], "uncertainty of g(r)", "r (Å)"),
    )
    error = 1.0 / np.sqrt(2.0 * found.done - 2.0)
    for ax, x, sampled, linear, what, where in panels:
        low, high = sampled * (1.0 - error), sampled * (1.0 + error)
        ax.fill_between(x, low, high, color=COLOURS[1], alpha=0.35, linewidth=0)
        ax.plot(x, sampled, color=COLOURS[1], linewidth=0.9, label=f"{found.done} draws")
        ax.plot(x, linear, color=COLOURS[0], linewidth=1.2, label="derivatives")
        ax.set_ylabel(what)
        ax.set_xlabel(where)
        ax.set_xlim(float(x[0]), float(x[-1]))
        _limit(ax, np.nan_to_num(np.maximum(sampled, linear)))
    axes[0].legend(fontsize=8, loc="upper left", ncols=2)
    signed = literal(reduction.name)
    figure.text(0.995, 0.005, signed, ha="right", va="bottom", fontsize=7.5, color="#777777")
    return render(
        figure,
        name="monte_carlo",
        title="Uncertainty by sampling and by derivatives",
        caption="Band: the standard error of a standard deviation of so many draws.",
    )


def _weight(budget: Budget, source: Source) -> float:
    """The larger of its shares in S(Q) and in g(r) beyond 1 Å: what is seen in one panel has its colour in both."""
    used, far = budget.used > 0.0, budget.r > 1.0
    s = np.mean(source.sigma_s[used] ** 2) / np.mean(budget.counting.s[used] ** 2)
    g = np.mean(source.sigma_g[far] ** 2) / np.mean(budget.counting.g[far] ** 2)
    return float(max(s, g))


def _stacked(
    axes: Axes, x: Array, counting: Array, parts: Sequence[Array], names: Sequence[str]
) -> None:
    layers = [("counting", counting, _COUNTING)]
    layers += [
        (n, p, COLOURS[k]) for k, (n, p) in enumerate(zip(names, parts, strict=True)) if k < _DRAWN
    ]
    if len(parts) > _DRAWN:
        rest = np.sqrt(np.sum(np.square(parts[_DRAWN:]), axis=0))
        layers.append(("others", rest, _OTHERS))
    below = np.zeros_like(x)
    for label, sigma, colour in layers:
        above = np.hypot(below, sigma)
        axes.fill_between(x, below, above, color=colour, linewidth=0, label=label)
        below = above
    axes.plot(x, below, color="#222222", linewidth=0.8)
    axes.set_xlim(float(x[0]), float(x[-1]))


def _limit(axes: Axes, total: Array, *, room: float = 1.25) -> None:
    """A few bins of the ends must not hide the others."""
    if total.size:
        axes.set_ylim(0.0, room * float(np.quantile(total, 0.98)))
