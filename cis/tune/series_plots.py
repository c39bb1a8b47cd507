"""The plots of the whole series: every spectrum as a tile, and the Arrhenius plot with the distances from its line."""

from collections.abc import Mapping
from typing import Any

from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, DataRange1d, Range1d, TapTool
from bokeh.models.annotations import Span, Whisker
from bokeh.plotting import figure
from bokeh.transform import factor_cmap, factor_mark

from calibration.page.look import (
    COLOURS,
    GHOST,
    band,
    finish_legend,
    framed_by,
    new_plot,
    values_at,
)
from cis.tune import curves

__all__ = [
    "FIT_COLOUR",
    "MARKS",
    "STATE_COLOURS",
    "Sources",
    "arrhenius_plot",
    "off_line_plot",
    "tiles_plot",
]

Sources = Mapping[str, ColumnDataSource]
MARKS = ("circle", "x", "asterisk")
STATE_COLOURS = (COLOURS[0], "#9aa0a8", "#c4342d")
FIT_COLOUR = "#1b1f24"
_LINE_STATES = ("in the line", "outside arrhenius.range_K", curves.UNKNOWN)


def tiles_plot(sources: Sources, count: int) -> Any:
    """Nyquist plots of all spectra side by side, each scaled by its own R, in one plot."""
    width, height = curves.extent(count)
    plot: Any = figure(
        x_range=Range1d(start=-0.04, end=width),
        y_range=Range1d(start=-height, end=0.06),
        aspect_ratio=(width + 0.04) / (height + 0.06),
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        output_backend="canvas",
        name="tiles",
    )
    plot.axis.visible = False
    plot.grid.visible = False
    plot.outline_line_color = None
    plot.min_border = 0
    frames, dots, fits = (sources[f"tiles {n}"] for n in ("frames", "points", "fits"))
    plot.block(
        "x",
        "y",
        width=curves.TILE_WIDTH,
        height=curves.TILE_HEIGHT,
        source=frames,
        fill_color="fill",
        line_color="line",
        line_width="width",
    )
    plot.scatter(
        "x",
        "y",
        source=dots,
        size=4,
        fill_color=None,
        line_color=factor_cmap("state", STATE_COLOURS, curves.STATES),
        marker=factor_mark("state", MARKS, curves.STATES),
    )
    plot.multi_line("xs", "ys", source=fits, line_color=FIT_COLOUR, line_width=1.3)
    style = {
        "source": frames,
        "text_font": value("system-ui"),
        "text_baseline": "bottom",
        "y_offset": -2,
    }
    plot.text("x", "top", text="label", text_font_size="11px", text_color="#1b1f24", **style)
    plot.text(
        "right", "top", text="r", text_font_size="11px", text_color="#59636e", text_align="right", **style
    )  # fmt: skip
    return plot


def arrhenius_plot(sources: Sources) -> tuple[Any, Any]:
    """The Arrhenius plot, and the line in it that was before."""
    plot = new_plot(x_label="", y_label="log₁₀(σ / S cm⁻¹)", height=196, title=" ")
    plot.xaxis.major_label_text_font_size = "0px"
    plot.name = "arrhenius plot"
    line, dots = sources["line"], sources["arrhenius"]
    before = plot.line("x", "y", source=sources["ghost line"], color=GHOST, line_width=1.4, line_dash=[4, 3], legend_label="line before")  # fmt: skip
    band(plot, line, x="x", low="low", high="high", colour=COLOURS[1])
    plot.line("x", "y", source=line, color=COLOURS[1], line_width=1.4, legend_label="line ± 2u")
    plot.add_layout(
        Whisker(base="x", lower="low", upper="high", source=dots, line_color=COLOURS[0], upper_head=None, lower_head=None)
    )  # fmt: skip
    _sigma_dots(sources, plot, "y", size=8, legend_label="spectra")
    corners = plot.scatter(
        "x", "y", source=sources["sigma frame"], size=0, fill_alpha=0.0, line_alpha=0.0
    )
    plot.x_range = DataRange1d(renderers=[corners], range_padding=0.0)
    plot.y_range = DataRange1d(renderers=[corners], range_padding=0.0)
    finish_legend(plot, location="top_right")
    return plot, before


def off_line_plot(sources: Sources, x_range: Any) -> Any:
    """How far every spectrum is from the line: what the plot above is too coarse for."""
    plot = new_plot(x_label="1000 K / T", y_label="off line (%)", height=116, x_range=x_range)
    dots = sources["arrhenius"]
    plot.add_layout(Span(location=0.0, dimension="width", line_color=COLOURS[1], line_width=1.0))
    plot.add_layout(
        Whisker(base="x", lower="off_low", upper="off_high", source=dots, line_color=COLOURS[0], upper_head=None, lower_head=None)
    )  # fmt: skip
    _sigma_dots(sources, plot, "off", size=6)
    framed_by(plot, sources["off"], "off")
    return plot


def _sigma_dots(sources: Sources, plot: Any, y: str, *, size: int, **extra: Any) -> None:
    measured = plot.scatter(
        "x",
        y,
        source=sources["arrhenius"],
        size=size,
        line_color="#1b1f24",
        line_width="width",
        fill_color=factor_cmap("state", (COLOURS[0], "#ffffff", "#d8dee4"), _LINE_STATES),
        nonselection_fill_alpha=1.0,
        nonselection_line_alpha=1.0,
        **extra,
    )
    values_at(
        plot, measured, {"": "@name, @celsius{0.0} °C: σ = @sigma, @off{+0.00} % off, @state"}
    )
    plot.add_tools(TapTool(renderers=[measured]))
