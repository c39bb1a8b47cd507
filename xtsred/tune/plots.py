"""The plots of the page: scans, components, S(Q), g(r), G(r), linked, with what cannot be in red."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, CustomJS, Range1d
from bokeh.models.annotations import BoxAnnotation, Span

from calibration.page.look import (
    COLOURS,
    GHOST,
    IMPOSSIBLE,
    band,
    finish_legend,
    framed_by,
    new_plot,
    values_at,
)
from xtsred.stages import Reduction
from xtsred.tune.curves import Columns, columns, raw_scans, violations
from xtsred.tune.session import Result

__all__ = ["Plots"]

_Q = "Q (= k) (Å⁻¹)"
_ROLE = {"sample": COLOURS[0], "container": COLOURS[1], "environment": COLOURS[2]}
_PART = (*COLOURS[4:6], *COLOURS[1:4])
_PANELS = ("components", "structure", "pair")
_GHOST_OF = {"structure": ("q", "s"), "pair": ("r", "g", "d")}

# two ranges of one zoom: Q = 4 pi / lambda sin(theta)
_LINK = """
if (window.xtsred_linking) { return; }
window.xtsred_linking = true;
const top = 4 * Math.PI / wavelength;
const to_q = (a) => top * Math.sin(Math.max(0, Math.min(a, 180)) * Math.PI / 360);
const to_angle = (q) => 360 / Math.PI * Math.asin(Math.max(0, Math.min(q / top, 1)));
if (from_angle) { q.setv({start: to_q(angle.start), end: to_q(angle.end)}); }
else { angle.setv({start: to_angle(q.start), end: to_angle(q.end)}); }
window.xtsred_linking = false;
"""


class Plots:
    """All plots of one page; `update` shows another result, `ghost` keeps the one that is shown as a shadow."""

    def __init__(self, result: Result) -> None:
        reduction = result.reduction
        self.sources: dict[str, ColumnDataSource] = {
            name: ColumnDataSource(_as_lists(name, data), name=name)
            for name, data in columns(reduction).items()
        }
        self.sources["raw"] = ColumnDataSource(raw_scans(reduction, result.project))
        for name, keys in _GHOST_OF.items():
            self.sources[f"ghost {name}"] = ColumnDataSource({key: [] for key in keys})
        for name in _PANELS:
            self.sources[f"impossible {name}"] = ColumnDataSource({"x0": [], "x1": []})
        angle = reduction.patterns["sample"].two_theta_deg
        self.angle_range = Range1d(start=0.0, end=float(angle[-1]))
        self.q_range = Range1d(start=0.0, end=float(reduction.intensity.q[-1]))
        self.r_range = Range1d(start=0.0, end=float(reduction.pair_distribution.r[-1]))
        self._link(reduction.parameters["mean wavelength"].value)
        self._first_distance = [
            BoxAnnotation(left=0.0, fill_color="#999999", fill_alpha=0.16, line_color=None)
            for _ in range(2)
        ]
        self._ghosts: list[Any] = []
        self.log = {"scans": True, "components": False}
        scans = {log: self._scans(reduction, log=log) for log in (True, False)}
        parts = {log: self._components(reduction, log=log) for log in (True, False)}
        self._by_scale = {"scans": scans, "components": parts}
        structure, below = self._structure(reduction), self._below(reduction)
        self.layout = row(
            column(*scans.values(), structure, below, sizing_mode="stretch_width"),
            column(*parts.values(), self._pair_g(), self._pair_d(), sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
        )
        self.set_log(scans=True, components=False)
        self.update(result)

    def update(self, result: Result) -> None:
        """Show a result; sources whose numbers are the same are left alone."""
        reduction = result.reduction
        for name, data in columns(reduction).items():
            if name not in self.sources:
                continue
            new, shown = _as_lists(name, data), self.sources[name].data
            if any(not np.array_equal(new[key], shown.get(key, ())) for key in new):
                self.sources[name].data = new
        for panel in _PANELS:
            spans = [s for v in violations(reduction) if v.panel == panel for s in v.intervals]
            self.sources[f"impossible {panel}"].data = {
                "x0": [a for a, _ in spans],
                "x1": [b for _, b in spans],
            }
        p = reduction.pair_distribution
        for box in self._first_distance:
            box.visible = p.first_distance is not None
            box.right = p.first_distance or 0.0
        if float(p.r[-1]) != self.r_range.reset_end:
            self.r_range.reset_end = self.r_range.end = float(p.r[-1])

    def ghost(self) -> None:
        """The curves that are shown now stay as shadows behind those that follow."""
        for name, keys in _GHOST_OF.items():
            data = self.sources[name].data
            self.sources[f"ghost {name}"].data = {key: data[key] for key in keys}

    def show_ghost(self, visible: bool) -> None:
        """Show or hide the shadows."""
        for line in self._ghosts:
            line.visible = visible

    def set_log(self, *, scans: bool, components: bool) -> None:
        """Logarithmic or linear intensity."""
        self.log = {"scans": scans, "components": components}
        for name, by_scale in self._by_scale.items():
            for log, plot in by_scale.items():
                plot.visible = log == self.log[name]

    def _link(self, wavelength: float) -> None:
        for moved, from_angle in ((self.angle_range, True), (self.q_range, False)):
            code = CustomJS(
                args={
                    "angle": self.angle_range,
                    "q": self.q_range,
                    "wavelength": wavelength,
                    "from_angle": from_angle,
                },
                code=_LINK,
            )
            moved.js_on_change("start", code)
            moved.js_on_change("end", code)

    def _impossible(self, plot: Any, panel: str) -> None:
        plot.vstrip(
            x0="x0",
            x1="x1",
            source=self.sources[f"impossible {panel}"],
            fill_color=IMPOSSIBLE,
            fill_alpha=0.22,
            line_color=None,
        )

    def _ghost_line(self, plot: Any, name: str, x: str, y: str) -> None:
        line = plot.line(
            x,
            y,
            source=self.sources[f"ghost {name}"],
            color=GHOST,
            line_width=1.3,
            line_dash=[4, 3],
            legend_label="before",
        )
        self._ghosts.append(line)

    def _scans(self, reduction: Reduction, *, log: bool) -> Any:
        plot = new_plot(
            x_label="2θ (°)",
            y_label="counts/s",
            height=232,
            x_range=self.angle_range,
            y_scale="log" if log else "linear",
        )
        raw = self.sources["raw"]
        colours = [_ROLE[role] for role in raw.data["role"]]
        raw.data["colour"] = colours
        plot.multi_line(
            "xs", "ys", source=raw, color="colour", alpha=0.35, line_width=0.7, legend_label="as measured"
        )  # fmt: skip
        for role in reduction.patterns:
            line = plot.line(
                "x",
                "y",
                source=self.sources[f"merged {role}"],
                color=_ROLE[role],
                line_width=1.2,
                legend_label=f"{role}, merged",
            )
            values_at(plot, line, {role: "@y{0.000 a} ± @sigma{0.000} 1/s at @x{0.00}°"})
        finish_legend(plot, columns=2)
        return plot

    def _components(self, reduction: Reduction, *, log: bool) -> Any:
        plot = new_plot(
            x_label=_Q,
            y_label="electron units per atom",
            height=232,
            x_range=self.q_range,
            y_scale="log" if log else "linear",
        )
        source = self.sources["components"]
        for colour, name in zip(_PART, reduction.intensity.components, strict=False):
            if log:
                plot.line("q", name, source=source, color=colour, line_width=1.4, legend_label=name)
            else:
                plot.varea(
                    "q", f"{name}, from", f"{name}, to", source=source, color=colour, alpha=0.55, legend_label=name
                )  # fmt: skip
        measured = plot.line(
            "q", "measured", source=source, color="black", line_width=0.8, legend_label="measured"
        )
        self._impossible(plot, "components")
        shown = {"measured": "@measured{0.000} e.u. at Q = @q{0.000}", "calculated": "@sum{0.000}"}
        shown |= {name: f"@{{{name}}}{{0.0000}}" for name in reduction.intensity.components}
        values_at(plot, measured, shown)
        if not log:
            framed_by(plot, self.sources["frames"], "components")
        finish_legend(plot)
        return plot

    def _structure(self, reduction: Reduction) -> Any:
        plot = new_plot(x_label=_Q, y_label="S(Q)", height=272, x_range=self.q_range)
        source = self.sources["structure"]
        plot.varea("q", "bottom", "floor", source=source, color=IMPOSSIBLE, alpha=0.1)
        plot.add_layout(Span(location=1.0, dimension="width", line_color="#444444", line_width=0.7))
        self._ghost_line(plot, "structure", "q", "s")
        band(plot, source, x="q", low="low", high="high", colour=COLOURS[0])
        if "other" in self.sources and reduction.comparison is not None:
            plot.line(
                "q",
                "s_other",
                source=self.sources["other"],
                color=COLOURS[1],
                line_width=1.1,
                legend_label=reduction.comparison.name,
            )
        line = plot.line(
            "q", "s", source=source, color=COLOURS[0], line_width=1.4, legend_label="S(Q)"
        )
        self._impossible(plot, "structure")
        values_at(plot, line, {"S": "@s{0.0000} ± @sigma{0.0000} at Q = @q{0.000} Å⁻¹"})
        framed_by(plot, self.sources["frames"], "structure")
        finish_legend(plot, columns=3)
        return plot

    def _below(self, reduction: Reduction) -> Any:
        """The difference to the other curve; F(Q) where there is none."""
        compared = reduction.comparison is not None
        plot = new_plot(
            x_label=_Q,
            y_label="difference" if compared else "Q [S(Q) − 1] (Å⁻¹)",
            height=140,
            x_range=self.q_range,
        )
        plot.add_layout(Span(location=0.0, dimension="width", line_color="#444444", line_width=0.7))
        source = self.sources["other" if compared else "structure"]
        column_ = "difference" if compared else "f"
        if compared:
            band(plot, source, x="q", low="low", high="high", colour=COLOURS[7])
        line = plot.line("q", column_, source=source, color=COLOURS[0], line_width=1.0)
        values_at(
            plot, line, {plot.yaxis.axis_label: f"@{column_}{{0.0000}} at Q = @q{{0.000}} Å⁻¹"}
        )
        framed_by(plot, self.sources["frames"], column_)
        return plot

    def _pair_g(self) -> Any:
        plot = self._real_space("g(r)", "g")
        plot.add_layout(
            BoxAnnotation(top=0.0, fill_color=IMPOSSIBLE, fill_alpha=0.1, line_color=None)
        )
        plot.add_layout(Span(location=1.0, dimension="width", line_color="#444444", line_width=0.7))
        return plot

    def _pair_d(self) -> Any:
        plot = self._real_space("G(r) (Å⁻²)", "d")
        source = self.sources["pair"]
        plot.varea("r", "bottom", "line", source=source, color=IMPOSSIBLE, alpha=0.1)
        plot.line(
            "r", "line", source=source, color="#444444", line_dash="dashed", legend_label="−4πρ₀r"
        )
        finish_legend(plot, columns=3)
        return plot

    def _real_space(self, label: str, name: str) -> Any:
        plot = new_plot(x_label="r (Å)", y_label=label, height=206, x_range=self.r_range)
        source = self.sources["pair"]
        plot.add_layout(self._first_distance[0 if name == "g" else 1])
        self._ghost_line(plot, "pair", "r", name)
        band(plot, source, x="r", low=f"{name}_low", high=f"{name}_high", colour=COLOURS[0])
        short = label.partition(" ")[0]
        line = plot.line(
            "r", name, source=source, color=COLOURS[0], line_width=1.4, legend_label=short
        )
        self._impossible(plot, "pair")
        values_at(
            plot, line, {short: f"@{name}{{0.0000}} ± @{name}_sigma{{0.0000}} at r = @r{{0.000}} Å"}
        )
        framed_by(plot, self.sources["frames"], name)
        finish_legend(plot, columns=2)
        return plot


def _as_lists(name: str, data: Columns) -> Mapping[str, Any]:
    """Columns of one length, as a source needs them."""
    return {"x": [0.0, 0.0], **data} if name == "frames" else data
