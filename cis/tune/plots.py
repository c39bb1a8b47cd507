"""The plots of the page: the series as tiles, the Arrhenius plot, and one spectrum in linked views with a lasso."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.core.properties import value
from bokeh.core.property.vectorization import Value
from bokeh.events import Tap
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    HoverTool,
    InlineStyleSheet,
    LassoSelectTool,
    Range1d,
    TapTool,
)
from bokeh.models.annotations import Span, Whisker
from bokeh.models.tools import BoxSelectTool
from bokeh.models.widgets import RadioButtonGroup
from bokeh.plotting import figure
from bokeh.transform import factor_cmap, factor_mark

from calibration.page.look import COLOURS, GHOST, band, finish_legend, new_plot, values_at
from cis.tune import curves
from cis.tune.session import Session

__all__ = ["Plots"]

_STATES = curves.STATES
_MARKS = ("circle", "x", "asterisk")
_POINT, _FIT, _MASKED, _DROPPED = COLOURS[0], "#1b1f24", "#c4342d", "#9aa0a8"
_STATE_COLOURS = (_POINT, _DROPPED, _MASKED)
_LINE_STATES = ("in the line", "outside arrhenius.range_K", "R is not determined")
_TABS = ":host .bk-btn { font: 12px system-ui, sans-serif; padding: 3px 10px; }"
_F = "frequency (Hz)"
_GHOST_KEYS = ("f", "re", "im", "mod", "phase", "m2")
_SHOWN = [("", "@f{0.000 a}Hz: Z = @re{0.0000} − i @im{0.0000}"), ("", "@reason")]


class Plots:
    """All plots of one page; `update` shows a result, `chosen` is called with the index of a spectrum that is clicked."""

    def __init__(self, session: Session, selected: str) -> None:
        self.sources: dict[str, ColumnDataSource] = {}
        for name in ("tiles frames", "tiles points", "tiles fits", "points", "fit", "ghost", "frame", "drt"):  # fmt: skip
            self.sources[name] = ColumnDataSource(name=name)
        for name in ("arrhenius", "line", "ghost line"):
            self.sources[name] = ColumnDataSource(name=name)
        self._selected, self._unit = "", 1.0
        self._with_legend: list[Any] = []
        self._has: Mapping[str, bool] = {}
        self._count = len(session.labels)
        self._fill(session, selected)
        self.f_range = DataRange1d(renderers=[])
        self._measured: list[Any] = []
        self.tiles = self._tiles()
        self.arrhenius = self._arrhenius()
        self.nyquist = self._nyquist()
        self._resets = [self.nyquist]
        self._with_legend = [self.nyquist, self.arrhenius]
        self._legends(self._has)
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
        self._reset = CustomJS(
            args={"plots": self._resets},
            code="for (const p of plots) { p.reset.emit(); }",
        )
        self.sources["frame"].js_on_change("data", self._reset)
        self.layout = column(
            row(self.tiles, self.arrhenius, sizing_mode="stretch_width"),
            row(
                self.nyquist,
                column(self.views, *self._panels.values(), sizing_mode="stretch_width"),
                sizing_mode="stretch_width",
            ),
            sizing_mode="stretch_width",
        )
        self._titles(session, selected)

    def update(self, session: Session, selected: str) -> None:
        """Show the session's result; sources whose numbers are the same are left alone."""
        self._fill(session, selected)
        self._titles(session, selected)

    def show_ghost(self, visible: bool) -> None:
        """Show or hide what was before."""
        for line in self._ghosts:
            line.visible = visible

    def on_tile(self, chosen: Any) -> None:
        """Call `chosen` with the index of a tile that is clicked."""

        def tapped(event: Tap) -> None:
            index = None
            if event.x is not None and event.y is not None:
                index = curves.tile_at(event.x, event.y, self._count)
            if index is not None:
                chosen(index)

        self.tiles.on_event(Tap, tapped)

    def _fill(self, session: Session, selected: str) -> None:
        result, before = session.result, session.before
        one = result.of(selected)
        same = selected == self._selected
        unit, _ = curves.unit_of(one)
        for name, data in curves.tiles(result, selected).items():
            self._set(f"tiles {name}", data)
        self._set("points", curves.points(one, result, unit=unit))
        self._set("fit", curves.fit_curve(one, result, unit=unit))
        ghost: Any = {key: [] for key in _GHOST_KEYS}
        if before is not None and before.of(selected).fit is not one.fit:
            ghost = curves.fit_curve(before.of(selected), before, unit=unit)
        self._set("ghost", ghost)
        has = {"fit before": len(ghost["f"]) > 0}
        if not same or unit != self._unit:
            self._set("frame", curves.frame(one, unit=unit))
        if not (result.quick and same):  # at rest it follows; until then the last one stays
            check = session.cross_check(selected)
            self._set("drt", curves.drt(None if check is None else check.relaxation))
        self._set("arrhenius", curves.arrhenius_points(result, selected))
        line = curves.arrhenius_line(result)
        self._set("line", line)
        old = line if before is None else curves.arrhenius_line(before)
        moved = not _alike(old, line)
        self._set("ghost line", {k: old[k] if moved else [] for k in ("x", "y")})
        self._legends(has | {"line before": moved})
        self._selected, self._unit = selected, unit

    def _legends(self, has: Mapping[str, bool]) -> None:
        """Entries of shadows only where there are any."""
        self._has = has
        for plot in self._with_legend:
            for item in plot.legend[0].items:
                item.visible = (
                    has.get(item.label.value or "", True) if isinstance(item.label, Value) else True
                )

    def _set(self, name: str, data: Any) -> None:
        source = self.sources[name]
        if not _alike(source.data, data):
            source.data = dict(data)

    def _titles(self, session: Session, selected: str) -> None:
        result, one = session.result, session.result.of(selected)
        _, name = curves.unit_of(one)
        self.nyquist.xaxis.axis_label, self.nyquist.yaxis.axis_label = (
            f"Z′ ({name})",
            f"−Z″ ({name})",
        )
        t = curves.temperature_of(one)
        self.nyquist.title.text = f"{selected}, {t}" if t != selected else selected
        if one.refused:
            self.nyquist.title.text += ": refused"
        energies = [p.fits[0].written for p in result.analysis.arrhenius]
        self.arrhenius.title.text = (
            f"E_A = {', '.join(energies)}" if energies else "no activation energy"
        )

    def _tiles(self) -> Any:
        width, height = curves.extent(self._count)
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
        frames, dots, fits = (self.sources[f"tiles {n}"] for n in ("frames", "points", "fits"))
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
            line_color=factor_cmap("state", _STATE_COLOURS, _STATES),
            marker=factor_mark("state", _MARKS, _STATES),
        )
        plot.multi_line("xs", "ys", source=fits, line_color=_FIT, line_width=1.3)
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

    def _arrhenius(self) -> Any:
        plot = new_plot(x_label="1000 K / T", y_label="log₁₀(σ / S cm⁻¹)", height=250, title=" ")
        plot.name = "arrhenius plot"
        line, dots = self.sources["line"], self.sources["arrhenius"]
        before = plot.line("x", "y", source=self.sources["ghost line"], color=GHOST, line_width=1.4, line_dash=[4, 3], legend_label="line before")  # fmt: skip
        self._ghosts = [before]
        band(plot, line, x="x", low="low", high="high", colour=COLOURS[1])
        plot.line("x", "y", source=line, color=COLOURS[1], line_width=1.4, legend_label="line ± 2u")
        plot.add_layout(
            Whisker(base="x", lower="low", upper="high", source=dots, line_color=_POINT, upper_head=None, lower_head=None)
        )  # fmt: skip
        measured = plot.scatter(
            "x",
            "y",
            source=dots,
            size=8,
            line_color="#1b1f24",
            line_width="width",
            fill_color=factor_cmap("state", (_POINT, "#ffffff", "#d8dee4"), _LINE_STATES),
            nonselection_fill_alpha=1.0,
            nonselection_line_alpha=1.0,
            legend_label="spectra",
        )
        values_at(plot, measured, {"": "@name, @celsius{0.0} °C: σ = @sigma, @state"})
        plot.add_tools(TapTool(renderers=[measured]))
        finish_legend(plot, location="top_right")
        plot.min_border_left = 58
        return plot

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
        self._ghosts.append(before)
        plot.line(x, y, source=self.sources["fit"], color=_FIT, line_width=1.5, **now)
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
            color=factor_cmap("state", _STATE_COLOURS, _STATES),
            marker=factor_mark("state", _MARKS, _STATES),
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
        self._resets.append(plot)
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
                marker=factor_mark("state", _MARKS, _STATES),
                selection_color="#c98a04",
                nonselection_alpha=0.8,
                legend_label=name,
            )
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


def _alike(shown: Any, new: Any) -> bool:
    if set(shown) != set(new):
        return False
    for key, values in new.items():
        a, b = shown[key], values
        if len(a) != len(b):
            return False
        if len(a) and isinstance(b[0], (np.ndarray, list)):
            if not all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True)):
                return False
        elif isinstance(b, np.ndarray) or (len(b) and isinstance(b[0], float)):
            if not np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True):
                return False
        elif list(a) != list(b):
            return False
    return True
