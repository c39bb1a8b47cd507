"""Save, Copy, Undo, Reset: the buttons of a page whose controls are keys of a project file."""

import html
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bokeh.layouts import row
from bokeh.models import CustomJS, InlineStyleSheet
from bokeh.models.widgets import Button, Div, TextInput

from calibration.errors import ConfigError, InputError
from calibration.page.edits import Edits
from calibration.page.look import text

__all__ = ["Toolbar", "said"]

_COPY = """
const text = command.value;
const done = () => { button.label = "Copied"; setTimeout(() => { button.label = "Copy command"; }, 1500); };
if (navigator.clipboard) { navigator.clipboard.writeText(text).then(done); }
"""
_BUTTON = """
:host .bk-btn { font: 600 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; padding: 4px 12px; border-radius: 5px; }
"""


class Toolbar:
    """The buttons, the command and the line that says what happened.

    changed: called after undo and reset, to show what applies now. saved: after the file was written. check: reads a
    project file and raises InputError for a wrong one. words: of the command that gives the present result.
    """

    def __init__(
        self,
        edits: Edits,
        *,
        changed: Callable[[], object],
        saved: Callable[[], object],
        check: Callable[[Path], object],
        words: Callable[[], list[str]],
    ) -> None:
        self._edits, self._changed, self._saved = edits, changed, saved
        self._check, self._words = check, words
        self.save = self._button("Save to the file", "primary", self._on_save)
        self.undo = self._button("Undo", "default", self._on_undo)
        self.reset = self._button("Reset to the file", "default", self._on_reset)
        self.copy = self._button("Copy command", "default", lambda: None)
        self.command = TextInput(
            value="", disabled=True, sizing_mode="stretch_width", margin=(2, 4, 2, 4)
        )
        # the words are in the page already: the click must reach the clipboard without a round trip
        self.copy.js_on_event(
            "button_click",
            CustomJS(args={"command": self.command, "button": self.copy}, code=_COPY),
        )
        self.status: Div = text()
        self.layout = row(
            self.save,
            self.undo,
            self.reset,
            self.copy,
            self.command,
            sizing_mode="stretch_width",
        )

    def _button(self, label: str, kind: Any, act: Callable[[], object]) -> Button:
        button = Button(
            label=label,
            name=label.split()[0].lower(),
            button_type=kind,
            margin=(2, 4, 2, 0),
            stylesheets=[InlineStyleSheet(css=_BUTTON)],
        )

        def clicked() -> None:
            act()

        button.on_click(clicked)
        return button

    def show(self, *, message: str = "", error: InputError | None = None) -> None:
        """Bring buttons, command and the line up to date."""
        changes = self._edits.changes
        self.save.disabled = self.reset.disabled = not changes
        self.undo.disabled = not self._edits.can_undo
        try:
            self.command.value, self.copy.disabled = shlex.join(self._words()), False
        except InputError as unsayable:
            self.command.value, self.copy.disabled = said(unsayable), True
        if error is not None:
            self.status.text = f'<div class="error">{html.escape(said(error))}</div>'
        elif message:
            self.status.text = f'<span class="soft">{html.escape(message)}</span>'
        else:
            self.status.text = f'<span class="soft">{html.escape(_unsaved(changes))}</span>'

    def _on_save(self) -> None:
        try:
            self._edits.save(check=self._check)
        except InputError as error:
            self.show(error=error)
            return
        self._saved()
        self.show(message=f"Saved to {self._edits.file.path}; its comments are as they were.")

    def _on_undo(self) -> None:
        if self._edits.undo():
            self._changed()

    def _on_reset(self) -> None:
        if self._edits.reset():
            self._changed()


def _unsaved(changes: Mapping[str, Any]) -> str:
    if not changes:
        return "As in the file."
    return "Not saved: " + ", ".join(changes)


def said(error: InputError) -> str:
    """An error in the words of the command line."""
    if isinstance(error, ConfigError):
        return "\n".join([*error.problems])
    return str(error)
