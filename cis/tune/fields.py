"""One row of the page for each key: its name and unit, fields, and what the file says where that differs."""

import html
from collections.abc import Callable, Mapping
from typing import Any

from bokeh.layouts import column, row
from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import NumericInput, Select, TextInput

from calibration.page.edits import Edits
from calibration.page.look import text
from cis.tune.controls import Choice, Control, Interval, Number, Words

__all__ = ["FIELD", "Field", "Set", "field"]

Set = Callable[[str, Any], None]
"""(key, value), None: remove the key."""

FIELD = ":host .bk-input { font: 12px system-ui, sans-serif; padding: 1px 4px; height: 23px; min-height: 0; }"


class Field:
    """A control's widgets. `show` sets them from the edits without telling of it."""

    between = ""

    def __init__(self, control: Control, told: Set) -> None:
        self.control = control
        self._told = told
        self._quiet = False
        self.label = text(margin=(3, 0, 0, 0))
        self.inputs: tuple[Any, ...] = self._inputs()
        for widget in self.inputs:
            widget.on_change("value", lambda _a, _o, _n: self._changed())
        parts: list[Any] = [self.inputs[0]]
        for widget in self.inputs[1:]:
            parts += [
                text(self.between, width=14, height=20, sizing_mode="fixed", margin=(3, 0, 0, 6)),
                widget,
            ]
        self.layout = column(
            self.label, row(*parts, sizing_mode="stretch_width"), sizing_mode="stretch_width"
        )

    def show(self, edits: Edits) -> None:
        """What applies, and what the file says where that is something else."""
        key = self.control.key
        now, in_file = _raw(edits, key), edits.file.value(key)
        self._quiet = True
        try:
            self._set(now)
        finally:
            self._quiet = False
        unit = getattr(self.control, "unit", "")
        of = f" <span class=soft>({unit})</span>" if unit else ""
        elsewhere = isinstance(self.control, Words) and now in self.control.elsewhere
        was = "" if now == in_file or elsewhere else f'<span class="state soft">file: {html.escape(_written(in_file))}</span>'  # fmt: skip
        self.label.text = (
            f"<div class=control><span>{html.escape(self.control.label)}{of}</span>"
            f"<code>{html.escape(key)}</code>{was}</div>"
        )

    def _changed(self) -> None:
        if not self._quiet:
            self._tell()

    def _inputs(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _set(self, value: Any) -> None:
        raise NotImplementedError

    def _tell(self) -> None:
        raise NotImplementedError


class _NumberField(Field):
    control: Number
    between = "±"

    def _inputs(self) -> tuple[Any, ...]:
        if not self.control.with_sigma:
            return (_number(self.control.key),)
        return _number(self.control.key), _number(f"{self.control.key}.sigma")

    def _set(self, value: Any) -> None:
        parts = value if isinstance(value, Mapping) else {"value": value}
        self.inputs[0].value = parts.get("value")
        if self.control.with_sigma:
            self.inputs[1].value = parts.get("sigma")

    def _tell(self) -> None:
        key, value = self.control.key, self.inputs[0].value
        sigma = self.inputs[1].value if self.control.with_sigma else None
        if value is None or sigma is None:
            self._told(key, value)
        else:
            self._told(key, {"value": value, "sigma": sigma})


class _IntervalField(Field):
    control: Interval
    between = "to"

    def _inputs(self) -> tuple[Any, ...]:
        return _number(f"{self.control.key}[0]"), _number(f"{self.control.key}[1]")

    def _set(self, value: Any) -> None:
        low, high = value or (None, None)
        self.inputs[0].value, self.inputs[1].value = low, high

    def _tell(self) -> None:
        ends = [widget.value for widget in self.inputs]
        if None not in ends:
            self._told(self.control.key, [float(end) for end in ends])
        elif ends == [None, None]:
            self._told(self.control.key, None)


class _ChoiceField(Field):
    control: Choice

    def _inputs(self) -> tuple[Any, ...]:
        options: list[str | tuple[Any, str]] = [*self.control.options]
        return (
            Select(
                options=options,
                name=self.control.key,
                sizing_mode="stretch_width",
                margin=(0, 0, 0, 8),
                stylesheets=[InlineStyleSheet(css=FIELD)],
            ),
        )

    def _set(self, value: Any) -> None:
        shown = value or self.control.default or ""
        known = dict(self.control.options)
        self.inputs[0].options = [
            *self.control.options,
            *([] if shown in known else [(shown, shown)]),
        ]
        self.inputs[0].value = shown

    def _tell(self) -> None:
        self._told(self.control.key, self.inputs[0].value or None)


class _WordsField(Field):
    control: Words

    def _inputs(self) -> tuple[Any, ...]:
        return (
            TextInput(
                name=f"{self.control.key} text",
                sizing_mode="stretch_width",
                margin=(0, 0, 0, 8),
                stylesheets=[InlineStyleSheet(css=FIELD)],
            ),
        )

    def _set(self, value: Any) -> None:
        self.inputs[0].value = "" if value in self.control.elsewhere else value or ""

    def _tell(self) -> None:
        words = self.inputs[0].value.strip()
        if words:
            self._told(self.control.key, words)


def field(control: Control, told: Set) -> Field:
    """The row of a control."""
    if isinstance(control, Number):
        return _NumberField(control, told)
    if isinstance(control, Interval):
        return _IntervalField(control, told)
    return (_ChoiceField if isinstance(control, Choice) else _WordsField)(control, told)


def _number(name: str) -> NumericInput:
    return NumericInput(
        mode="float",
        name=name,
        sizing_mode="stretch_width",
        margin=(0, 0, 0, 8),
        stylesheets=[InlineStyleSheet(css=FIELD)],
    )


def _raw(edits: Edits, key: str) -> Any:
    """What applies, with its sigma; a plain number set over { value, sigma } leaves the sigma."""
    in_file = edits.file.value(key)
    now = edits.changes.get(key, in_file)
    if isinstance(in_file, Mapping) and isinstance(now, (int, float)):
        return {**in_file, "value": now}
    return now


def _written(value: Any) -> str:
    if value is None:
        return "absent"
    if isinstance(value, Mapping):
        sigma = value.get("sigma")
        return f"{value.get('value'):g}" + ("" if sigma is None else f" ± {sigma:g}")
    if isinstance(value, list):
        return " to ".join(f"{v:g}" for v in value)
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
