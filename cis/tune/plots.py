"""The plots of the page: the series as tiles, the Arrhenius plot, and one spectrum in linked views with a lasso."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.core.property.vectorization import Value
from bokeh.events import Tap
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, CustomJS

from cis.tune import curves
from cis.tune.series_plots import arrhenius_plot, off_line_plot, tiles_plot
from cis.tune.session import Session
from cis.tune.spectrum_plots import SpectrumPlots

__all__ = ["Plots"]

_GHOST_KEYS = ("f", "re", "im", "mod", "phase", "m2")
_SOURCES = (
    "tiles frames", "tiles points", "tiles fits", "points", "fit", "ghost", "frame", "scales", "drt",
    "arrhenius", "line", "ghost line", "sigma frame", "off",
)  # fmt: skip


class Plots:
    """All plots of one page; `update` shows a result.

    sources: what is drawn, by name. spectrum: the views of one spectrum.
    """

    def __init__(self, session: Session, selected: str) -> None:
        self.sources = {name: ColumnDataSource(name=name) for name in _SOURCES}
        self._selected, self._unit = "", 1.0
        self._with_legend: list[Any] = []
        self._has: Mapping[str, bool] = {}
        self._count = len(session.labels)
        self._fill(session, selected)
        self.tiles = tiles_plot(self.sources, self._count)
        self.arrhenius, before = arrhenius_plot(self.sources)
        self.spectrum = SpectrumPlots(self.sources)
        self._ghosts = [before, *self.spectrum.ghosts]
        self._with_legend = [self.spectrum.nyquist, self.arrhenius]
        self._legends(self._has)
        # another spectrum is shown from its own frame, whatever was zoomed before
        reset = CustomJS(
            args={"plots": self.spectrum.all},
            code="for (const p of plots) { p.reset.emit(); }",
        )
        self.sources["frame"].js_on_change("data", reset)
        below = off_line_plot(self.sources, self.arrhenius.x_range)
        self.layout = column(
            row(
                self.tiles,
                column(self.arrhenius, below, sizing_mode="stretch_width"),
                sizing_mode="stretch_width",
            ),
            row(self.spectrum.nyquist, self.spectrum.beside, sizing_mode="stretch_width"),
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
        dots = curves.points(one, result, unit=unit)
        self._set("points", dots)
        self._set("scales", curves.scales(dots))
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
        sigmas = curves.arrhenius_points(result, selected)
        self._set("arrhenius", sigmas)
        self._set("off", curves.off_scale(sigmas))
        line = curves.arrhenius_line(result)
        self._set("line", line)
        self._set("sigma frame", curves.sigma_scale(sigmas, line))
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
        self.spectrum.nyquist.xaxis.axis_label, self.spectrum.nyquist.yaxis.axis_label = (
            f"Z′ ({name})",
            f"−Z″ ({name})",
        )
        t = curves.temperature_of(one)
        self.spectrum.nyquist.title.text = f"{selected}, {t}" if t != selected else selected
        if one.refused:
            self.spectrum.nyquist.title.text += ": refused"
        energies = [p.fits[0].written for p in result.analysis.arrhenius]
        self.arrhenius.title.text = (
            f"E_A = {', '.join(energies)}" if energies else "no activation energy"
        )


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
