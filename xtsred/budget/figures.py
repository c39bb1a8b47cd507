"""Pictures of a budget."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from calibration.figures import COLOURS, house_style, new_figure, render
from calibration.report import RenderedFigure
from xtsred.budget.records import Budget
from xtsred.stages import Array

__all__ = ["budget_figure"]

_DRAWN = 6
_COUNTING = "#dddddd"
_OTHERS = "#aaaaaa"


@house_style()
def budget_figure(budget: Budget, *, name: str) -> RenderedFigure:
    """Contributions stacked in quadrature against Q and against r; the upper edge is the total."""
    ranked = [n for n in budget.shares() if n != "counting"]
    by_name = {s.name: s for s in budget.sources}
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
    _limit(axes[0], np.hypot(budget.counting.s, budget.systematic_s)[budget.used > 0.0])
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


def _limit(axes: Axes, total: Array) -> None:
    """A few bins of the ends must not hide the others."""
    if total.size:
        axes.set_ylim(0.0, 1.25 * float(np.quantile(total, 0.98)))
