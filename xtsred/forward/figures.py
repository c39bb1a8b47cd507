"""Pictures of pulls: are the uncertainties as large as the errors?"""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from matplotlib.axes import Axes

from calibration.figures import COLOURS, house_style, new_figure, render
from calibration.report import RenderedFigure
from xtsred.stages import Array

__all__ = ["pulls_figure"]

_COLUMNS = 4
_SHARES = (0.6827, 0.95)


@house_style()
def pulls_figure(
    pulls: Mapping[str, Array], *, axes_of: Mapping[str, tuple[str, Array]], title: str
) -> RenderedFigure:
    """Histograms of pulls against the unit normal, and coverage along the curves.

    pulls: quantity -> shape (draws, points). axes_of: of those that are curves, label and values of their axis.
    """
    rows = -(-len(pulls) // _COLUMNS) + -(-len(axes_of) // 2)
    figure = new_figure(width_in=10.0, height_in=2.4 * rows)
    grid = figure.add_gridspec(rows, _COLUMNS)
    for k, (name, values) in enumerate(pulls.items()):
        _histogram(figure.add_subplot(grid[k // _COLUMNS, k % _COLUMNS]), name, values)
    first = -(-len(pulls) // _COLUMNS)
    for k, (name, (label, x)) in enumerate(axes_of.items()):
        left = (k % 2) * (_COLUMNS // 2)
        axes = figure.add_subplot(grid[first + k // 2, left : left + _COLUMNS // 2])
        _along(axes, name, label, x, pulls[name])
    draws = len(next(iter(pulls.values())))
    caption = (
        f"(found - true)/sigma of {draws} virtual experiments whose facts were drawn from their stated sigma. Line: unit normal. "
        "Below: share of the experiments whose 68.3 % and 95 % intervals hold the truth, with twice its binomial error (bands)."
    )
    return render(figure, name="coverage", title=title, caption=caption)


def _histogram(axes: Axes, name: str, values: Array) -> None:
    edges = np.linspace(-4.0, 4.0, 33)
    axes.hist(np.clip(values.ravel(), -3.99, 3.99), list(edges), density=True, color=COLOURS[5])
    x = np.linspace(-4.0, 4.0, 201)
    axes.plot(x, np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi), color=COLOURS[6])
    inside = [100 * np.mean(np.abs(values) <= _limit(share)) for share in _SHARES]
    axes.set_title(f"{name}\n{inside[0]:.1f} %, {inside[1]:.1f} %", fontsize=9)
    axes.set_xlim(-4.0, 4.0)
    axes.set_yticks([])


def _along(axes: Axes, name: str, label: str, x: Array, values: Array) -> None:
    draws = len(values)
    for k, share in enumerate(_SHARES):
        error = 2 * np.sqrt(share * (1 - share) / draws)
        axes.axhspan(100 * (share - error), 100 * (share + error), color=COLOURS[7], alpha=0.3)
        covered = 100 * np.mean(np.abs(values) <= _limit(share), axis=0)
        axes.plot(x, covered, color=COLOURS[k], label=f"{100 * share:.3g} % interval")
    axes.set_xlabel(label)
    axes.set_ylabel(f"{name} covered (%)")
    axes.set_ylim(50, 100)
    axes.legend(loc="lower right", ncols=2)


def _limit(share: float) -> float:
    return NormalDist().inv_cdf(0.5 + 0.5 * share)
