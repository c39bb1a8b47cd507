"""The page of `cis tune`: the series, one spectrum in its views, the Arrhenius plot, and the keys of the project file."""

import html
import time
import typing
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import Button, CheckboxButtonGroup, Select, TextInput

from calibration.errors import InputError
from calibration.page.look import findings_html, lay_out, text
from calibration.page.toolbar import Toolbar
from cis.tune.controls import Group, controls
from cis.tune.curves import headline, temperature_of
from cis.tune.fields import FIELD, Field, field
from cis.tune.masking import with_points, without_points
from cis.tune.plots import Plots
from cis.tune.session import Session

__all__ = ["TunePage"]

_REST_MS = 250
_SMALL = ":host .bk-btn { font: 12px system-ui, sans-serif; padding: 3px 9px; }"


class TunePage:
    """Everything on one page.

    session: the edits and their results. fields: in the order of the page. plots: with `sources`. toolbar: its buttons.
    `settle` brings the page to the whole result at once, for those who drive it without a browser.
    """

    def __init__(self, document: Document, session: Session) -> None:
        self._document = document
        self.session = session
        self.selected = session.labels[len(session.labels) // 2]
        self.plots = Plots(session, self.selected)
        self.fields: list[Field] = [field(c, self.set) for c in controls(session.result.project)]
        self.toolbar = Toolbar(
            session.edits,
            changed=self._changed,
            saved=self._show_fields,
            check=self._savable,
            words=session.command,
        )
        self.headline, self.findings, self.clock = text(), text(), text(width=240)
        self._masking()
        self.switches = CheckboxButtonGroup(
            labels=["what was before"], active=[0], stylesheets=[InlineStyleSheet(css=_SMALL)]
        )
        self.switches.on_change("active", lambda _a, _o, new: self.plots.show_ghost(0 in new))
        self.plots.on_tile(lambda index: self.select(session.labels[index]))
        self.plots.sources["arrhenius"].selected.on_change("indices", lambda _a, _o, new: self._pointed(new))  # fmt: skip
        self._due = False
        self._moves = 0
        self._quick_ms = 0.0
        self._lay_out()
        self.show()

    def field(self, key: str) -> Field:
        """The first field of a key. Raises StopIteration."""
        return next(f for f in self.fields if f.control.key == key)

    def select(self, label: str) -> None:
        """Show another spectrum large."""
        if label == self.selected:
            return
        self.selected = label
        self.plots.sources["points"].selected.indices = []
        self.plots.update(self.session, label)
        self._show_words()

    def set(self, key: str, value: Any) -> None:
        """A control has a new value."""
        self.session.edits.rest()
        if self.session.edits.set(key, value):
            if not self._due:
                self.session.remember()
            self._due = True
            self._later(self.answer, 1)

    def mask_selected(self) -> None:
        """Leave the selected points out, with the reason that stands in the field."""
        reason = self.reason.value.strip()
        chosen = self._chosen_hz()
        if not chosen.size:
            self.toolbar.show(error=InputError("no point is selected", remedy="draw around points with the lasso, in any of the views"))  # fmt: skip
        elif not reason:
            self.toolbar.show(error=InputError("a reason is missing", why="it is written to the project file and into the report", remedy="say why these points are left out"))  # fmt: skip
        else:
            tables = with_points(
                self._masks(), spectrum=self.selected, frequency_hz=chosen, reason=reason
            )
            self._set_masks(tables)

    def unmask_selected(self) -> None:
        """Use the selected points again, or all of this spectrum where none is selected."""
        measured = self.session.measured(self.selected).frequency_hz
        chosen = self._chosen_hz()
        self._set_masks(
            without_points(
                self._masks(),
                spectrum=self.selected,
                frequency_hz=chosen if chosen.size else measured,
                measured_hz=measured,
            )
        )

    def answer(self) -> None:
        """Show at once what follows from the fits; the rest when nothing moves."""
        if not self._due:
            return
        self._due = False
        self._moves += 1
        self.session.apply(quick=True)
        self.show()
        moves = self._moves
        self._later(lambda: self.settle() if moves == self._moves else None, _REST_MS)

    def settle(self) -> None:
        """Compute what is due, all of it."""
        self._due = False
        self._moves += 1
        self.session.apply()
        self.show()

    def show(self) -> None:
        """Bring everything on the page in line with the session."""
        session = self.session
        self._show_fields()
        if session.error is None:
            began = time.perf_counter()
            self.plots.update(session, self.selected)
            self._show_words()
            result = session.result
            took = result.milliseconds + 1e3 * (time.perf_counter() - began)
            if result.quick:
                self._quick_ms = took
            first = f"E_A after {self._quick_ms:.0f} ms, " if self._quick_ms else ""
            rest = "…" if result.quick else f"all of it: {took:.0f} ms"
            self.clock.text = f'<span class="soft">{first}{rest}</span>'
        else:
            self.clock.text = '<span class="impossible">what is shown is the last possible</span>'
        self.toolbar.show(error=session.error)

    def _masking(self) -> None:
        style: list[Any] = [InlineStyleSheet(css=FIELD)]
        names: list[Any] = [
            (s.label, _titled(s.label, temperature_of(s))) for s in self.session.result.shown
        ]
        self.spectrum = Select(
            options=names,
            value=self.selected,
            name="spectrum",
            sizing_mode="stretch_width",
            margin=(2, 0, 2, 8),
            stylesheets=style,
        )
        self.spectrum.on_change("value", lambda _a, _o, new: self.select(new))
        self.reason = TextInput(
            placeholder="why are points left out? e.g. contact lost",
            name="reason",
            sizing_mode="stretch_width",
            margin=(2, 0, 2, 8),
            stylesheets=style,
        )
        self.mask = self._button("Mask the selected", "mask", self.mask_selected)
        self.unmask = self._button("Unmask", "unmask", self.unmask_selected)
        self.masks = text(margin=(2, 0, 0, 8))

    def _button(self, label: str, name: str, act: Any) -> Button:
        button = Button(
            label=label, name=name, margin=(2, 0, 2, 8), stylesheets=[InlineStyleSheet(css=_SMALL)]
        )

        def clicked() -> None:
            act()

        button.on_click(clicked)
        return button

    def _lay_out(self) -> None:
        project = self.session.result.project
        banner = '<span class="banner">virtual: nothing here was measured</span> '
        title = text(
            f"<h1>{html.escape(project.sample.name)}</h1>{banner * project.sample.virtual}"
            f'<span class="soft">{html.escape(str(self.session.path))}</span>',
            width=430,
            sizing_mode="inherit",
        )
        side: list[Any] = [
            column(
                text("<h2>Spectrum and its points</h2>"),
                self.spectrum,
                self.reason,
                row(self.mask, self.unmask),
                self.masks,
                sizing_mode="stretch_width",
            )
        ]
        for group in typing.get_args(Group):
            rows = [f.layout for f in self.fields if f.control.group == group]
            side.append(column(text(f"<h2>{group}</h2>"), *rows, sizing_mode="stretch_width"))
        lay_out(
            self._document,
            title=f"{project.sample.name} – cis tune",
            head=column(
                row(title, self.headline, sizing_mode="stretch_width"),
                self.toolbar.layout,
                row(self.toolbar.status, self.clock, self.switches, sizing_mode="stretch_width"),
                sizing_mode="stretch_width",
            ),
            side=column(*side, sizing_mode="stretch_width"),
            plots=column(self.plots.layout, self.findings, sizing_mode="stretch_width"),
        )

    def _show_fields(self) -> None:
        for one in self.fields:
            one.show(self.session.edits)

    def _show_words(self) -> None:
        result = self.session.result
        items = (
            f"<div><dt>{html.escape(n)}</dt><dd>{html.escape(v)}</dd></div>"
            for n, v in headline(result, self.selected)
        )
        self.headline.text = f"<dl>{''.join(items)}</dl>"
        self.findings.text = findings_html(result.analysis.findings)
        self.spectrum.value = self.selected
        rows = [
            f"<div><b>{html.escape(str(t['spectrum']))}</b>: {_extent(t)}, {html.escape(str(t['reason']))}</div>"
            for t in self._masks()
        ]
        self.masks.text = f'<div class="soft">{"".join(rows) or "no point is masked"}</div>'

    def _masks(self) -> list[dict[str, Any]]:
        return list(self.session.edits.value("mask") or [])

    def _set_masks(self, tables: list[dict[str, Any]]) -> None:
        self.plots.sources["points"].selected.indices = []
        self.set("mask", tables or None)

    def _chosen_hz(self) -> Any:
        indices = self.plots.sources["points"].selected.indices
        return np.asarray(self.plots.sources["points"].data["f"], dtype=np.float64)[indices]

    def _pointed(self, indices: list[int]) -> None:
        if indices:
            self.select(self.plots.sources["arrhenius"].data["name"][indices[0]])

    def _changed(self) -> None:
        """Undo or reset."""
        self.session.remember()
        self.settle()

    def _savable(self, path: Path) -> None:
        """Refuse a file that is wrong, and values that have no result."""
        if self._due:
            self.settle()
        self.session.check(path)

    def _later(self, act: Any, milliseconds: int) -> None:
        self._document.add_timeout_callback(act, milliseconds)


def _titled(label: str, temperature: str) -> str:
    return label if label == temperature else f"{label}, {temperature}"


def _extent(table: dict[str, Any]) -> str:
    if "range_Hz" in table:
        return html.escape(f"{table['range_Hz'][0]:.4g} to {table['range_Hz'][1]:.4g} Hz")
    listed = table["frequency_Hz"]
    if len(listed) == 1:
        return f"{listed[0]:.4g} Hz"
    return f"{len(listed)} points, {min(listed):.4g} to {max(listed):.4g} Hz"
