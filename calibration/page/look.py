"""The house style on the screen: plots, text and the frame of a page, as in the reports."""

import html
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from bokeh.document import Document
from bokeh.events import ConnectionLost
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    HoverTool,
    InlineStyleSheet,
    Range1d,
)
from bokeh.models.widgets import Div
from bokeh.plotting import figure

from calibration.errors import InputError
from calibration.palette import COLOURS
from calibration.report import Finding

__all__ = [
    "COLOURS",
    "GHOST",
    "IMPOSSIBLE",
    "band",
    "findings_html",
    "finish_legend",
    "framed_by",
    "lay_out",
    "new_plot",
    "show_error",
    "text",
    "values_at",
]

GHOST = "#8a8f98"
IMPOSSIBLE = "#c4342d"
_GRID, _INK, _SOFT = "#e6e6e6", "#1b1f24", "#59636e"
_FONT = 'system-ui, "Segoe UI", Helvetica, Arial, sans-serif'
_TOOLS = "pan,box_zoom,wheel_zoom,reset,save"

_TEXT = f"""
:host, .bk-clearfix {{ display: block !important; width: 100%; }}
:host {{ font: 13px/1.45 {_FONT}; color: {_INK}; }}
ul.findings {{ list-style: none; padding: 0; margin: 0; }}
ul.findings li {{ border-left: 4px solid #d8dee4; background: #f6f8fa; padding: 4px 8px; margin: 4px 0; border-radius: 0 5px 5px 0; }}
li.problem, li.impossible {{ border-color: {IMPOSSIBLE} !important; }} li.warning {{ border-color: #c98a04 !important; }}
li.note {{ border-color: #3d7ab5 !important; }} li.impossible {{ background: #fdecea !important; }}
.tag {{ font-weight: 600; text-transform: uppercase; font-size: 10.5px; letter-spacing: .04em; margin-right: .4em; }}
.soft {{ color: {_SOFT}; }} code {{ font-size: 10.5px; color: {_SOFT}; overflow-wrap: anywhere; }}
.control {{ display: flex; justify-content: space-between; align-items: baseline; flex-wrap: wrap; column-gap: 8px; }}
.control .state {{ flex-basis: 100%; font-size: 12px; }}
.far {{ color: #9a6700; font-weight: 600; }} .impossible {{ color: {IMPOSSIBLE}; font-weight: 600; }}
.banner {{ background: #fff3c4; border: 1px solid #d9b53b; padding: 2px 8px; border-radius: 5px; font-weight: 600; }}
.error {{ background: #fdecea; border: 1px solid {IMPOSSIBLE}; border-radius: 5px; padding: 6px 10px; white-space: pre-wrap; }}
h1 {{ font-size: 17px; margin: 0; }} h2 {{ font-size: 13px; margin: 10px 0 3px; border-bottom: 1px solid #d8dee4; }}
dl {{ display: flex; flex-wrap: wrap; gap: 2px 22px; margin: 0; }} dt {{ color: {_SOFT}; font-size: 11px; }}
dd {{ margin: 0; font-variant-numeric: tabular-nums; }}
"""

# controls beside the plots, each scrolled by itself; under each other where the window is narrow
_PAGE = """
{% block postamble %}
<link rel="icon" href="data:,">
<style>
html, body { margin: 0; height: 100%; background: #fff; }
main { display: grid; grid-template: "head head" auto "side plots" 1fr / 350px 1fr; height: 100vh; column-gap: 14px; padding: 8px 14px 0; box-sizing: border-box; }
header { grid-area: head; border-bottom: 1px solid #d8dee4; padding-bottom: 6px; }
aside { grid-area: side; overflow-y: auto; padding: 6px 8px 12px 0; }
section { grid-area: plots; overflow-y: auto; padding: 6px 0 12px; min-width: 0; }
@media (max-width: 1000px) { main { display: block; height: auto; } }
</style>
{% endblock %}
{% block contents %}
<script>
window.addEventListener("beforeunload", (event) => {
  const save = window.Bokeh && Bokeh.documents.length ? Bokeh.documents[0].get_model_by_name("save") : null;
  if (save && !save.disabled) { event.preventDefault(); }
});
</script>
<main><header>{{ embed(roots.head) }}</header><aside>{{ embed(roots.side) }}</aside><section>{{ embed(roots.plots) }}</section></main>
{% endblock %}
"""

_LOST = """
if (document.getElementById("ended")) { return; }
const said = document.createElement("div");
said.id = "ended";
said.textContent = "The program behind this page has ended: nothing here follows any more.";
said.style = "position: fixed; inset: auto 0 0 0; padding: 8px; text-align: center; background: #c4342d; color: #fff; font: 600 14px system-ui, sans-serif; z-index: 9999";
document.body.appendChild(said);
"""


def lay_out(document: Document, *, title: str, head: Any, side: Any, plots: Any) -> None:
    """Put a page together: head over the page, side for the controls, plots beside them; each a layoutable model."""
    document.title = title
    document.js_on_event(ConnectionLost, CustomJS(code=_LOST))
    page: Any = _PAGE  # Bokeh takes the text of a template, though its annotation does not say so
    document.template = page
    for name, root in (("head", head), ("side", side), ("plots", plots)):
        root.name = name
        document.add_root(root)


def show_error(document: Document, error: InputError) -> None:
    """A page that says what is wrong instead of what was asked for."""
    document.add_root(text(f'<div class="error">{html.escape(str(error))}</div>', margin=20))


def text(content: str = "", **attributes: Any) -> Div:
    """A piece of text (HTML; escape what is not ours) in the page's style."""
    return Div(
        text=content,
        stylesheets=[InlineStyleSheet(css=_TEXT)],
        **{"sizing_mode": "stretch_width", "margin": (0, 0, 0, 0), **attributes},
    )


def findings_html(findings: Iterable[Finding], *, impossible: Iterable[str] = ()) -> str:
    """What cannot be first, then problems, warnings and notes, as in a report."""
    rank = {"problem": 0, "warning": 1, "note": 2}
    items = [("impossible", t) for t in impossible]
    items += [(f.severity, f.text) for f in sorted(findings, key=lambda f: rank[f.severity])]
    rows = (f'<li class="{k}"><span class="tag">{k}</span>{html.escape(t)}</li>' for k, t in items)
    return f'<ul class="findings">{"".join(rows)}</ul>'


def new_plot(
    *,
    x_label: str,
    y_label: str,
    height: int,
    x_range: Range1d | DataRange1d | None = None,
    y_scale: Literal["linear", "log"] = "linear",
    x_scale: Literal["linear", "log"] = "linear",
    title: str = "",
) -> Any:
    """An empty plot in the house style with pan, zoom and reset; share x_range to link plots."""
    shared: dict[str, Any] = {} if x_range is None else {"x_range": x_range}
    plot: Any = figure(
        height=height,
        sizing_mode="stretch_width",
        tools=_TOOLS,
        active_drag="box_zoom",
        active_scroll="wheel_zoom",
        x_axis_type=x_scale,
        y_axis_type=y_scale,
        x_axis_label=x_label,
        y_axis_label=y_label,
        output_backend="canvas",
        **shared,
    )
    plot.toolbar.autohide = True
    plot.toolbar.logo = None
    plot.outline_line_color = None
    plot.min_border_right, plot.min_border_left, plot.min_border_top = 8, 62, 4
    plot.grid.grid_line_color = _GRID
    for axis in plot.axis:
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = "12px"
        axis.axis_label_standoff = 6
        axis.axis_line_color = _SOFT
        axis.major_tick_line_color = _SOFT
        axis.minor_tick_line_color = None
        axis.major_label_text_font_size = "11px"
        axis.axis_label_text_font = axis.major_label_text_font = "system-ui"
    if title:
        plot.title.text = title
        plot.title.text_font_size, plot.title.text_font = "12px", "system-ui"
        plot.title.text_color = _INK
    return plot


def finish_legend(plot: Any, *, location: str = "top_right", columns: int = 1) -> None:
    """A quiet legend whose entries hide their curves on a click."""
    legend = plot.legend[0]
    legend.location, legend.ncols = location, columns
    legend.border_line_color = None
    legend.background_fill_alpha = 0.6
    legend.label_text_font_size, legend.label_text_font = "11px", "system-ui"
    legend.spacing, legend.padding, legend.margin = (10 if columns > 1 else 0), 4, 2
    legend.glyph_height, legend.glyph_width, legend.label_standoff = 12, 20, 4
    legend.click_policy = "hide"


def band(plot: Any, source: ColumnDataSource, *, x: str, low: str, high: str, colour: str) -> Any:
    """One standard uncertainty about a curve."""
    return plot.varea(x, low, high, source=source, fill_color=colour, fill_alpha=0.25)


def values_at(plot: Any, curve: Any, labels: Mapping[str, str]) -> None:
    """Values of a curve under the pointer: label -> column with format, e.g. "@s{0.0000} ± @sigma{0.0000}"."""
    plot.add_tools(
        HoverTool(
            renderers=[curve],
            tooltips=list(labels.items()),
            mode="vline",
            attachment="horizontal",
            point_policy="follow_mouse",
        )
    )


def framed_by(plot: Any, source: ColumnDataSource, column: str) -> None:
    """The y axis follows the two values of a column, not the curves, until the user zooms."""
    frame = plot.scatter(
        x="x", y=column, source=source, size=0, fill_alpha=0.0, line_alpha=0.0, level="underlay"
    )
    plot.y_range = DataRange1d(renderers=[frame], range_padding=0.0)
