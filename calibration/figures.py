"""The look of every picture, and its bytes: the only module of calibration that imports matplotlib."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

from calibration.palette import COLOURS
from calibration.report import RenderedFigure

__all__ = ["COLOURS", "house_style", "literal", "new_figure", "render"]

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


_PNG_DPI = 110


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """The house style while axes, lines and legends are made; also a decorator: @house_style()."""
    with rc_context(_STYLE):
        yield


def literal(text: str) -> str:
    """A name from a file as it is to be read: no formula between its dollars, and a place in the legend."""
    escaped = text.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped  # matplotlib hides such labels


def _unmath(figure: Figure) -> None:
    """Dollars that are no formula are shown as they stand: a sample's name must not end a report."""
    parser = MathTextParser("path")
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_text().count("$") > 1:
            try:
                parser.parse(text.get_text())
            except ValueError:
                text.set_parse_math(False)


def new_figure(
    *,
    width_in: float = 8.0,
    height_in: float = 4.2,
    layout: Literal["constrained"] | None = "constrained",
) -> Figure:
    """An empty figure in the house style (no global state: pyplot is never used).

    layout: "constrained" finds room for every label, which is a third of the drawing time; None leaves the
    margins to the caller (`Figure.subplots_adjust`).
    """
    with rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def render(figure: Figure, *, name: str, title: str, caption: str) -> RenderedFigure:
    """Draw a figure as SVG and PNG; dates are left out so that the same data give the same bytes."""
    try:
        svg, png = _drawn(figure)
    except (
        ValueError
    ):  # a text that is no formula; looking at every text before would take as long as drawing
        _unmath(figure)
        svg, png = _drawn(figure)
    return RenderedFigure(name=name, title=title, caption=caption, svg=svg, png=png)


def _drawn(figure: Figure) -> tuple[bytes, bytes]:
    """SVG and PNG."""
    svg, png = io.BytesIO(), io.BytesIO()
    with rc_context(_STYLE):
        # savefig would draw everything twice and lay it out four times: two thirds of the time of a report
        figure.set_dpi(72)
        vector: Any = FigureCanvasSVG(figure)
        vector.print_svg(svg, metadata={"Date": None})
        if figure.get_layout_engine() is not None:
            figure.set_layout_engine("none")
        figure.set_dpi(_PNG_DPI)
        raster: Any = FigureCanvasAgg(figure)
        raster.print_png(png, pil_kwargs={"compress_level": 2})
    return svg.getvalue(), png.getvalue()
