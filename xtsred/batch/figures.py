"""Pictures of a series: curves above each other, maps, and numbers against the series variable."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from calibration.figures import COLOURS, house_style, literal, new_figure, render
from calibration.report import RenderedFigure, typeset
from xtsred.batch.collect import Collected, Column
from xtsred.stages import Array

__all__ = ["Curves", "label_of", "map_figure", "quantities_figures", "waterfall_figure"]

_UNITS = frozenset({"K", "C", "s", "min", "h", "GPa", "MPa", "kPa", "bar", "V", "deg", "percent"})
_POINTS = 1500  # more markers than this are drawn as pixels: an SVG of them would not open
_PANELS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Some patterns of a series, sorted by the series variable: axis shape (m,), rows shape (k, m), x shape (k,)."""

    axis: Array
    rows: Array
    x: Array
    x_name: str


def label_of(name: str) -> str:
    """The axis label of a value: temperature_K becomes "temperature (K)"."""
    words, _, unit = name.rpartition("_")
    if words and unit in _UNITS:
        unit = "°C" if unit == "C" else "%" if unit == "percent" else unit
        return f"{words.replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


@house_style()
def waterfall_figure(
    curves: Curves, *, name: str, axis_label: str, signal: str, window: str
) -> RenderedFigure:
    """Curves shifted upwards in the order of the series variable."""
    figure = new_figure(height_in=6.0)
    axes: Axes = figure.subplots()
    palette = colormaps["viridis"]
    shift = 0.6 * float(np.nanpercentile(np.ptp(curves.rows, axis=1), 90)) / max(len(curves.x), 1)
    shift = max(shift, 0.12 * float(np.nanmax(np.ptp(curves.rows, axis=1))))
    last = max(len(curves.x) - 1, 1)
    every = max(1, len(curves.x) // 8)
    for i, (x, row) in enumerate(zip(curves.x, curves.rows, strict=True)):
        axes.plot(curves.axis, row + i * shift, color=palette(0.92 * i / last), lw=0.9)
        if i % every == 0 or i == last:
            axes.annotate(
                f"{x:g}",
                (float(curves.axis[-1]), float(row[-1]) + i * shift),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )
    axes.set_xlabel(axis_label)
    axes.set_ylabel(f"{signal}, shifted by {shift:.2g} each")
    axes.set_xlim(float(curves.axis[0]), float(curves.axis[-1]))
    return render(
        figure,
        name=name,
        title=f"{signal} along the series",
        caption=f"{len(curves.x)} patterns, at the right their {label_of(curves.x_name)}; {window}.",
    )


@house_style()
def map_figure(curves: Curves, *, name: str, axis_label: str, signal: str) -> RenderedFigure:
    """The curves as a map, and below it what differs from their mean."""
    figure = new_figure(height_in=6.4)
    upper, lower = figure.subplots(2, 1, sharex=True)
    mean = np.nanmean(curves.rows, axis=0)
    difference = curves.rows - mean
    limit = float(np.nanpercentile(np.abs(difference), 99.0)) or 1.0
    high = float(np.nanpercentile(curves.rows, 99.5))
    steady = bool(np.all(np.diff(curves.x) > 0.0))
    height = curves.x if steady else np.arange(curves.x.size, dtype=np.float64)
    ylabel = label_of(curves.x_name) if steady else f"rank by {label_of(curves.x_name)}"
    panels: Sequence[tuple[Axes, Array, dict[str, Any], str]] = (
        (upper, curves.rows, {"cmap": "viridis", "vmax": high}, signal),
        (lower, difference, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}, f"{signal} − mean"),
    )
    for axes, values, look, text in panels:
        axes.grid(visible=False)
        mesh = axes.pcolormesh(
            curves.axis, height, values, shading="nearest", rasterized=True, **look
        )
        figure.colorbar(mesh, ax=axes, label=text)
        axes.set_ylabel(ylabel)
    lower.set_xlabel(axis_label)
    return render(
        figure,
        name=name,
        title=f"Map of {signal}",
        caption=f"{len(curves.x)} patterns sorted by {label_of(curves.x_name)}; below, the difference from the mean of the series.",
    )


@house_style()
def quantities_figures(
    collected: Collected, columns: Sequence[Column]
) -> tuple[RenderedFigure, ...]:
    """Numbers against the series variable with their counting uncertainty, six to a picture."""
    figures = []
    for start in range(0, len(columns), _PANELS):
        part = columns[start : start + _PANELS]
        figures.append(_quantities(collected, part, name=f"quantities_{start // _PANELS + 1}"))
    return tuple(figures)


def _quantities(collected: Collected, columns: Sequence[Column], *, name: str) -> RenderedFigure:
    rows = (len(columns) + 1) // 2
    figure = new_figure(height_in=1.0 + 2.1 * rows)
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    x, many = collected.x, collected.x.size > _POINTS
    for axes, column in zip(panels, columns, strict=False):
        sigma = None if many or not np.isfinite(column.sigma).any() else column.sigma
        axes.errorbar(
            x,
            column.values,
            yerr=sigma,
            xerr=None if many else collected.x_sigma,
            fmt=".",
            ms=2.0 if many else 5.0,
            lw=0.9,
            color=COLOURS[0],
            rasterized=many,
        )
        unit = f" ({typeset(column.unit)})" if column.unit else ""
        axes.set_ylabel(f"{literal(column.name)}{unit}", fontsize=8)
        axes.set_xlabel(label_of(collected.x_name), fontsize=8)
    for axes in panels[len(columns) :]:
        axes.set_visible(False)
    bars = (
        "Bars would hide the points and are left out; they are in series.csv."
        if many
        else ("Bars: counting statistics (as stated for parameters).")
    )
    return render(
        figure,
        name=name,
        title=f"{columns[0].name} and others along the series",
        caption=f"What all patterns have in common (density, window, container) is not in them. {bars}",
    )
