"""One spectrum in linked views: Nyquist with a lasso, Bode, residuals, Kramers-Kronig, M'' and relaxation times."""

from typing import Any

from bokeh.layouts import column
from bokeh.models import (
    DataRange1d,
    HoverTool,
    InlineStyleSheet,
    LassoSelectTool,
    TapTool,
)
from bokeh.models.annotations import Span
from bokeh.models.tools import BoxSelectTool
from bokeh.models.widgets import RadioButtonGroup
from bokeh.transform import factor_cmap, factor_mark

from calibration.page.look import COLOURS, GHOST, finish_legend, framed_by, new_plot, values_at
from cis.tune.curves import STATES
from cis.tune.series_plots import FIT_COLOUR, MARKS, STATE_COLOURS, Sources

__all__ = ["SpectrumPlots"]

_TABS = ":host .bk-btn { font: 12px system-ui, sans-serif; padding: 3px 10px; }"
_F = "frequency (Hz)"
_SHOWN = [("", "@f{0.000 a}Hz: Z = @re{0.0000} − i @im{0.0000}"), ("", "@reason")]


class SpectrumPlots:
    """The views; a point selected in one is selected in all.

    nyquist: the plot that is always there; views: which of the others; beside: both of these as one layout.
    all: every plot; ghosts: the lines of what was before.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.f_range = DataRange1d(renderers=[])
        self._measured: list[Any] = []
        self.ghosts: list[Any] = []
        self.nyquist = self._nyquist()
        self.all = [self.nyquist]
        self._panels = {
            "Bode": self._panel(
                self._curve("|Z| (Ω)", "mod", log=True), self._curve("phase (°)", "phase")
            ),
            "Residuals": self._panel(
                self._residuals("fit: Δ/|Z| (%)", "d"),
                self._residuals("Kramers-Kronig: Δ/|Z| (%)", "k"),
            ),
            "M″, relaxation times": self._panel(self._curve("M″", "m2"), self._relaxation()),
        }
        self.views = RadioButtonGroup(
            labels=[*self._panels],
            active=0,
            name="views",
            margin=(0, 0, 2, 60),
            stylesheets=[InlineStyleSheet(css=_TABS)],
        )
        self.views.on_change("active", lambda _a, _o, new: self._turn(new))
        self._turn(0)
        self.beside = column(self.views, *self._panels.values(), sizing_mode="stretch_width")

    def _nyquist(self) -> Any:
        plot = new_plot(x_label="Z′", y_label="−Z″", height=452, title=" ")
        plot.name = "nyquist plot"
        plot.match_aspect = True
        corners = plot.scatter(
            "x", "y", source=self.sources["frame"], size=0, fill_alpha=0.0, line_alpha=0.0
        )
        plot.x_range = DataRange1d(renderers=[corners], range_padding=0.0)
        plot.y_range = DataRange1d(renderers=[corners], range_padding=0.0)
        plot.add_layout(Span(location=0.0, dimension="width", line_color="#444444", line_width=0.7))
        self._spectrum(plot, "re", "im", legend=True)
        lasso = LassoSelectTool()
        plot.add_tools(lasso, BoxSelectTool())
        plot.toolbar.active_drag = lasso
        plot.toolbar.autohide = False
        finish_legend(plot, location="top_left")
        return plot

    def _spectrum(self, plot: Any, x: str, y: str, *, legend: bool = False) -> None:
        """Measured points, the fit, and the fit before."""
        was: dict[str, Any] = {"legend_label": "fit before"} if legend else {}
        now: dict[str, Any] = {"legend_label": "fit"} if legend else {}
        before = plot.line(x, y, source=self.sources["ghost"], color=GHOST, line_width=1.4, line_dash=[4, 3], **was)  # fmt: skip
        self.ghosts.append(before)
        plot.line(x, y, source=self.sources["fit"], color=FIT_COLOUR, line_width=1.5, **now)
        self._dots(plot, x, y, legend=legend)

    def _dots(self, plot: Any, x: str, y: str, *, legend: bool = False) -> None:
        extra: dict[str, Any] = {"legend_field": "state"} if legend else {}
        dots = plot.scatter(
            x,
            y,
            source=self.sources["points"],
            size=7,
            fill_alpha=0.25,
            line_width=1.3,
            color=factor_cmap("state", STATE_COLOURS, STATES),
            marker=factor_mark("state", MARKS, STATES),
            selection_line_color="#c98a04",
            selection_fill_color="#f2b632",
            selection_fill_alpha=0.9,
            nonselection_line_alpha=0.9,
            nonselection_fill_alpha=0.15,
            **extra,
        )
        plot.add_tools(TapTool(renderers=[dots]), HoverTool(renderers=[dots], tooltips=_SHOWN))

    def _frequency_plot(self, label: str, *, log: bool = False, height: int = 208) -> Any:
        plot = new_plot(
            x_label=_F,
            y_label=label,
            height=height,
            x_range=self.f_range,
            x_scale="log",
            y_scale="log" if log else "linear",
        )
        plot.add_tools(BoxSelectTool(dimensions="width"), LassoSelectTool())
        self.all.append(plot)
        return plot

    def _curve(self, label: str, name: str, *, log: bool = False) -> Any:
        plot = self._frequency_plot(label, log=log)
        self._spectrum(plot, "f", name)
        # what was measured sets the range, not the relaxation times beyond it
        self._measured.append(plot.renderers[-1])
        self.f_range.renderers = [*self._measured]
        return plot

    def _residuals(self, label: str, prefix: str) -> Any:
        plot = self._frequency_plot(label)
        plot.add_layout(Span(location=0.0, dimension="width", line_color="#444444", line_width=0.7))
        source = self.sources["points"]
        for part, name, colour in (("re", "Z′", COLOURS[0]), ("im", "Z″", COLOURS[1])):
            plot.line("f", f"{prefix}_{part}", source=source, color=colour, line_width=0.7, line_alpha=0.5)  # fmt: skip
            plot.scatter(
                "f",
                f"{prefix}_{part}",
                source=source,
                size=5,
                color=colour,
                marker=factor_mark("state", MARKS, STATES),
                selection_color="#c98a04",
                nonselection_alpha=0.8,
                legend_label=name,
            )
        framed_by(plot, self.sources["scales"], prefix)
        finish_legend(plot, columns=2)
        return plot

    def _relaxation(self) -> Any:
        plot = self._frequency_plot("γ(τ) (Ω) at f = 1/2πτ")
        source = self.sources["drt"]
        plot.varea("f", 0, "gamma", source=source, fill_color=COLOURS[2], fill_alpha=0.35)
        line = plot.line("f", "gamma", source=source, color=COLOURS[2], line_width=1.4)
        values_at(plot, line, {"γ": "@gamma{0.000 a}Ω at τ = @tau{0.00e+0} s"})
        return plot

    def _panel(self, *plots: Any) -> Any:
        return column(*plots, sizing_mode="stretch_width")

    def _turn(self, active: int | None) -> None:
        for k, panel in enumerate(self._panels.values()):
            panel.visible = k == active
