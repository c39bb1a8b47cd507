"""The page of `xtsred tune`: controls, plots and findings of one project, in a Bokeh document.

A moved slider is answered with a preview at once and with the exact result when it rests. Moves that come while a result
is computed are not queued: the last one counts.
"""

import html
import time
import typing
from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import CheckboxButtonGroup

from calibration.page.look import findings_html, lay_out, text
from calibration.page.toolbar import Toolbar
from xtsred.config import load_project
from xtsred.tune.controls import Control, Group, Number
from xtsred.tune.curves import headline, violations
from xtsred.tune.plots import Plots
from xtsred.tune.session import Session
from xtsred.tune.widgets import ControlRow, control_row

__all__ = ["TunePage"]

_REST_MS = 350  # without a move, a preview is replaced by the exact result
_READ_MS, _PILED_UP_S = 20, 0.02
_IDLE_MS = 900  # without a move, exact results for later previews are computed
_SWITCHES = ("shadow of the previous", "log: scans", "log: components")
_FIRST_DELTA_A = (
    0.1  # what the field of the Soper-Barney window starts with; written to the file as any key
)
_SMALL = ":host .bk-btn { font: 12px system-ui, sans-serif; padding: 2px 8px; }"


class TunePage:
    """Everything on one page.

    session: the edits and their results. rows: the widgets by key. plots: with `sources`. toolbar: with its buttons.
    `settle` brings the page to the exact result at once, for those who drive it without a browser.
    """

    def __init__(self, document: Document, session: Session) -> None:
        self._document = document
        self.session = session
        self.plots = Plots(self.session.result)
        self.rows: dict[str, ControlRow] = {
            c.key: control_row(c, self._moved) for c in self.session.controls
        }
        self.toolbar = Toolbar(
            self.session.edits,
            changed=self._changed,
            saved=self._show_controls,
            check=self._savable,
            words=session.command,
        )
        self.headline, self.findings, self.clock = text(), text(), text(width=210)
        self.switches = CheckboxButtonGroup(
            labels=list(_SWITCHES), active=[0, 1], stylesheets=[InlineStyleSheet(css=_SMALL)]
        )
        self.switches.on_change("active", lambda _a, _o, new: self._switched(new))
        self._moving: str | None = None
        self._due = False
        self._moves = 0
        self._answered = 0.0
        self._lay_out()
        self.show()
        self._later(self._prepare, _IDLE_MS)

    def _lay_out(self) -> None:
        project = self.session.start.project
        banner = '<span class="banner">virtual: nothing here was measured</span> ' * project.virtual
        title = text(
            f"<h1>{html.escape(project.sample.name)}</h1>"
            f'{banner}<span class="soft">{html.escape(str(self.session.path))}</span>',
            width=430,
            sizing_mode="inherit",
        )
        groups: dict[str, list[Any]] = {name: [] for name in typing.get_args(Group)}
        for control in self.session.controls:
            groups.setdefault(control.group, []).append(self.rows[control.key].layout)
        side = [
            column(text(f"<h2>{name}</h2>"), *rows, sizing_mode="stretch_width")
            for name, rows in groups.items()
            if rows
        ]
        lay_out(
            self._document,
            title=f"{project.sample.name} – xtsred tune",
            head=column(
                row(
                    title,
                    self.headline,
                    sizing_mode="stretch_width",
                ),
                self.toolbar.layout,
                row(self.toolbar.status, self.clock, self.switches, sizing_mode="stretch_width"),
                sizing_mode="stretch_width",
            ),
            side=column(*side, sizing_mode="stretch_width"),
            plots=column(self.plots.layout, self.findings, sizing_mode="stretch_width"),
        )

    def settle(self) -> None:
        """Compute what is due, exactly."""
        self._due, self._moving = False, None
        self._moves += 1
        self.session.edits.rest()
        self.session.apply()
        self.show()

    def preview(self) -> None:
        """Compute what is due, as a preview where one is known."""
        self._due = False
        self._moves += 1
        self.session.apply(self._moving)
        self.show()

    def show(self) -> None:
        """Bring everything on the page in line with the session."""
        result, error = self.session.result, self.session.error
        self._show_controls()
        if error is None:
            self.plots.update(result)
            items = (f"<div><dt>{html.escape(n)}</dt><dd>{html.escape(v)}</dd></div>"
                     for n, v in headline(result.reduction))  # fmt: skip
            self.headline.text = f"<dl>{''.join(items)}</dl>"
            impossible = [v.text for v in violations(result.reduction)]
            self.findings.text = findings_html(result.reduction.findings, impossible=impossible)
            kind = "preview, exact at rest" if result.preview else "exact"
            self.clock.text = f'<span class="soft">{kind} · {result.milliseconds:.0f} ms</span>'
        else:
            self.clock.text = (
                '<span class="impossible">the curves are the last possible ones</span>'
            )
        self.toolbar.show(error=error)
        self._answered = time.monotonic()

    def _show_controls(self) -> None:
        session = self.session
        for key, shown in self.rows.items():
            control = shown.control
            deviation = session.deviation(control) if isinstance(control, Number) else None
            shown.show(
                session.value(control), in_file=session.in_file(control), deviation=deviation
            )
            if key == "fourier.delta_A":
                shown.layout.visible = session.edits.value("fourier.window") == "soper-barney"

    def _moved(self, control: Control, value: Any, moving: bool) -> None:
        """A control has a new value, or has come to rest."""
        edits = self.session.edits
        fresh = not self._due and self._moving != control.key
        if edits.set(control.key, value, along=self._along(control.key, value)):
            if fresh:
                self.plots.ghost()
            self._moving = control.key
            self._due = True
            self._later(self._answer if moving else self._rest, self._patience())
        elif not moving:
            self._later(self._rest, self._patience())

    def _patience(self) -> int:
        """How long to wait for further moves (ms): where they piled up during a computation, until all are read."""
        piled_up = time.monotonic() - self._answered < _PILED_UP_S
        return _READ_MS if piled_up else 1

    def _along(self, key: str, value: Any) -> dict[str, Any]:
        """Keys that a choice brings with it or makes meaningless."""
        if key != "fourier.window":
            return {}
        known = self.session.edits.value("fourier.delta_A")
        if value == "soper-barney":
            return {"fourier.delta_A": known or _FIRST_DELTA_A}
        return {} if known is None else {"fourier.delta_A": None}

    def _answer(self) -> None:
        if not self._due:
            return
        self.preview()
        moves = self._moves
        self._later(lambda: self._rest() if moves == self._moves else None, _REST_MS)

    def _rest(self) -> None:
        if self._due or self.session.result.preview:
            self.settle()
            self._later(self._prepare, _IDLE_MS)
        self.session.edits.rest()
        self._moving = None

    def _prepare(self) -> None:
        """In idle time, one exact result after another."""
        if self._due or self._moving is not None or self.session.error is not None:
            return
        moves = self._moves
        if self.session.prepare():
            self._later(lambda: self._prepare() if moves == self._moves else None, 60)

    def _changed(self) -> None:
        """Undo or reset."""
        self.plots.ghost()
        self.settle()

    def _switched(self, active: list[int]) -> None:
        self.plots.show_ghost(0 in active)
        self.plots.set_log(scans=1 in active, components=2 in active)

    def _savable(self, path: Path) -> None:
        """Refuse a file that is wrong, and values that have no result."""
        load_project(path)
        if self._due:
            self.settle()
        if self.session.error is not None:
            raise self.session.error

    def _later(self, act: Any, milliseconds: int) -> None:
        self._document.add_timeout_callback(act, milliseconds)
