"""The look of every picture, and its bytes: the only module of calibration that imports matplotlib."""

import io
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from calibration.report import RenderedFigure

__all__ = ["COLOURS", "new_figure", "render"]

# Okabe-Ito: told apart by colour-blind readers and in grey print
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")

_STYLE: Any = {
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "xtsred",
    "path.simplify_threshold": 0.5,
}


def new_figure(*, width_in: float = 8.0, height_in: float = 4.2) -> Figure:
    """An empty figure in the house style (no global state: pyplot is never used)."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure, *, name: str, title: str, caption: str) -> RenderedFigure:
    """Draw a figure as SVG and PNG; dates are left out so that the same data give the same bytes."""
    svg, png = io.BytesIO(), io.BytesIO()
    with rc_context(_STYLE):
        figure.savefig(svg, format="svg", metadata={"Date": None})
        figure.savefig(png, format="png", dpi=110)
    return RenderedFigure(
        name=name, title=title, caption=caption, svg=svg.getvalue(), png=png.getvalue()
    )
