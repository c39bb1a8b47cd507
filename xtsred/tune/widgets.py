"""One row of the page for each control: its name, key and unit, a slider with a field, and what the file says."""

import html
import math
from collections.abc import Callable, Sequence
from typing import Any

from bokeh.layouts import column, row
from bokeh.models import InlineStyleSheet
from bokeh.models.widgets import NumericInput, RangeSlider, Select, Slider

from calibration.page.look import text
from xtsred.tune.controls import Choice, Control, Interval, Number

__all__ = ["ControlRow", "Moved", "control_row"]

Moved = Callable[[Control, Any, bool], None]
"""(control, value, whether the slider still moves)."""

_FIELD = ":host .bk-input { font: 12px system-ui, sans-serif; padding: 1px 4px; height: 22px; min-height: 0; }"
_TRACK, _INSIDE = "#d8dee4", "#86b6dc"
_SLIDER = """
.noUi-target { height: 6px; border: none; box-shadow: none; background: %s; }
.noUi-handle { width: 12px !important; height: 16px !important; top: -6px !important; right: -6px !important; border: none; border-radius: 4px; background: #0072B2; box-shadow: none; }
.noUi-handle::before, .noUi-handle::after { display: none; }
"""


class ControlRow:
    """A control's widgets. `show` sets them without calling `moved`."""

    layout: Any

    def __init__(self, control: Control, moved: Moved) -> None:
        self.control = control
        self._moved = moved
        self._quiet = False
        self.label = text(margin=(3, 0, 0, 0))

    def show(
        self, value: Any, *, in_file: Any, deviation: float | None = None, moving: bool = False
    ) -> None:
        """Show a value and how it stands to the file's; moving: the user holds the slider, which is left alone."""
        self._quiet = True
        try:
            self._set(value, moving)
        finally:
            self._quiet = False
        unit = getattr(self.control, "unit", "").replace("^-3", "⁻³")
        said = _against_file(value, in_file, deviation)
        of = f" <span class=soft>({unit})</span>" if unit else ""
        self.label.text = (
            f"<div class=control><span>{html.escape(self.control.label)}{of}</span>"
            f"<code>{html.escape(self.control.key)}</code>{said}</div>"
        )

    def _set(self, value: Any, moving: bool) -> None:
        raise NotImplementedError

    def _tell(self, value: Any, moving: bool) -> None:
        if not self._quiet:
            self._moved(self.control, value, moving)


class _NumberRow(ControlRow):
    control: Number

    def __init__(self, control: Number, moved: Moved) -> None:
        super().__init__(control, moved)
        self.slider = Slider(
            start=control.low,
            end=control.high,
            step=control.step,
            value=_within(control.default, control.low, control.high),
            name=control.key,
            bar_color=(0, 0, 0, 0.0),  # what lies left of a number means nothing
            show_value=False,
            title="",
            stylesheets=[InlineStyleSheet(css=_SLIDER % _track(control))],
            sizing_mode="stretch_width",
            margin=(4, 14, 0, 8),
        )
        self.field = NumericInput(
            value=control.default,
            mode="int" if isinstance(control.step, int) else "float",
            width=84,
            margin=(0, 0, 0, 0),
            stylesheets=[InlineStyleSheet(css=_FIELD)],
        )
        self.slider.on_change("value", lambda _a, _o, new: self._tell(self._value(new), True))
        self.slider.on_change(
            "value_throttled", lambda _a, _o, new: self._tell(self._value(new), False)
        )
        self.field.on_change("value", lambda _a, _o, new: self._typed(new))
        self.layout = column(
            self.label,
            row(self.slider, self.field, sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
        )

    def _value(self, raw: float) -> Any:
        value = rounded(raw, self.control.step)
        return None if self.control.optional and value == 0 else value

    def _typed(self, raw: float | None) -> None:
        if raw is None:
            return
        number = int(raw) if isinstance(self.control.step, int) else float(raw)
        self._tell(None if self.control.optional and number == 0 else number, False)

    def _set(self, value: Any, moving: bool) -> None:
        number = 0 if value is None else value
        if not moving:
            self.slider.value = _within(number, self.control.low, self.control.high)
        self.field.value = number


class _IntervalRow(ControlRow):
    control: Interval

    def __init__(self, control: Interval, moved: Moved) -> None:
        super().__init__(control, moved)
        self.slider = RangeSlider(
            start=control.low,
            end=control.high,
            step=control.step,
            value=_ends(control, control.default),
            name=control.key,
            bar_color=_INSIDE,
            show_value=False,
            title="",
            stylesheets=[InlineStyleSheet(css=_SLIDER % _TRACK)],
            sizing_mode="stretch_width",
            margin=(4, 14, 0, 8),
        )
        self.fields = [
            NumericInput(
                value=v,
                mode="float",
                width=62,
                margin=(0, 0, 0, 2),
                stylesheets=[InlineStyleSheet(css=_FIELD)],
            )
            for v in control.default
        ]
        self._last = list(control.default)
        self.slider.on_change("value", lambda _a, _o, new: self._slid(new, True))
        self.slider.on_change("value_throttled", lambda _a, _o, new: self._slid(new, False))
        for field in self.fields:
            field.on_change("value", lambda _a, _o, _new: self._typed())
        self.layout = column(
            self.label,
            row(self.slider, *self.fields, sizing_mode="stretch_width"),
            sizing_mode="stretch_width",
        )

    def _slid(self, new: tuple[float, float], moving: bool) -> None:
        if self._quiet:
            return
        # an end that was not touched keeps its value, which may lie between two steps of the slider
        c = self.control
        value = [
            old if abs(_within(old, c.low, c.high) - now) < 0.51 * c.step else rounded(now, c.step)
            for old, now in zip(self._last, new, strict=True)
        ]
        self._tell(value, moving)

    def _typed(self) -> None:
        if any(field.value is None for field in self.fields):
            return
        # a field shows six decimals of what the other end may be known to more of
        typed = [float(field.value or 0.0) for field in self.fields]
        value = [
            old if abs(old - now) < 1e-6 else now
            for old, now in zip(self._last, typed, strict=True)
        ]
        self._tell(value, False)

    def _set(self, value: Any, moving: bool) -> None:
        self._last = list(value)
        if not moving:
            self.slider.value = _ends(self.control, value)
        for field, number in zip(self.fields, value, strict=True):
            field.value = round(number, 6)


class _ChoiceRow(ControlRow):
    control: Choice

    def __init__(self, control: Choice, moved: Moved) -> None:
        super().__init__(control, moved)
        options: list[str | tuple[Any, str]] = [*control.options]
        self.select = Select(
            options=options,
            value=control.options[0],
            name=control.key,
            sizing_mode="stretch_width",
            margin=(0, 0, 0, 8),
            stylesheets=[InlineStyleSheet(css=_FIELD)],
        )
        self.select.on_change("value", lambda _a, _o, new: self._tell(new, False))
        self.layout = column(self.label, self.select, sizing_mode="stretch_width")

    def _set(self, value: Any, moving: bool) -> None:
        self.select.value = value if value in self.control.options else self.control.options[0]


def control_row(control: Control, moved: Moved) -> ControlRow:
    """The row of a control."""
    if isinstance(control, Number):
        return _NumberRow(control, moved)
    if isinstance(control, Interval):
        return _IntervalRow(control, moved)
    return _ChoiceRow(control, moved)


def rounded(value: float, step: float) -> float:
    """A slider's value without the dirt of binary steps; whole where the steps are."""
    if isinstance(step, int):
        return round(value)
    return round(value, max(0, 2 - math.floor(math.log10(step))))


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _ends(control: Interval, value: Sequence[float]) -> tuple[float, float]:
    first, last = (_within(v, control.low, control.high) for v in value)
    return first, last


def _track(control: Number) -> str:
    """The slider's track, the stated sigma about the file's value darker."""
    if not control.sigma:
        return _TRACK
    span = control.high - control.low
    a, b = (
        100.0 * _within((control.default + s * control.sigma - control.low) / span, 0.0, 1.0)
        for s in (-1.0, 1.0)
    )
    return (
        f"linear-gradient(to right, #d8dee4 {a:.1f}%, #86b6dc {a:.1f}% {b:.1f}%, #d8dee4 {b:.1f}%)"
    )


def _against_file(value: Any, in_file: Any, deviation: float | None) -> str:
    """Nothing where the value is the file's; else the file's, and by how many sigmas they differ."""
    if _equal(value, in_file):
        return ""
    was = "absent" if in_file in (None, 0) and value else _written(in_file)
    if deviation is None:
        return f'<span class="state soft">file: {was}</span>'
    kind = "impossible" if abs(deviation) > 3.0 else "far" if abs(deviation) > 1.0 else "soft"
    words = f"{deviation:+.1f}σ"
    if abs(deviation) > 1.0:
        words += ", outside its uncertainty"
    return f'<span class="state {kind}">file: {was}; {words}</span>'


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return list(a) == list(b)
    return bool(a == b) or (a in (None, 0) and b in (None, 0))


def _written(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " to ".join(f"{v:g}" for v in value)
    return f"{value:g}" if isinstance(value, (int, float)) else html.escape(str(value))
