"""What the controls of a page have changed in a project file and not yet saved: undone, reset, copied, saved."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from calibration.page.project_file import (
    ProjectFile,
    as_settings,
    read_project_file,
    write_changes,
)

__all__ = ["Edits"]


class Edits:
    """The unsaved changes of one page, in the order in which they were made.

    Moves of one control are one step of undo until `rest` ends them.
    """

    def __init__(self, path: Path) -> None:
        self.file: ProjectFile = read_project_file(path)
        self._changes: dict[str, Any] = {}
        self._history: list[dict[str, Any]] = []
        self._moving: str | None = None

    @property
    def changes(self) -> Mapping[str, Any]:
        """Key -> value, where it differs from the file; None: the key is removed."""
        return dict(self._changes)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._history)

    def value(self, key: str) -> Any:
        """What applies: the change, else what the file says, else None; of { value, sigma } the value."""
        return _number(self._changes[key] if key in self._changes else self.file.value(key))

    def set(self, key: str, value: Any, *, along: Mapping[str, Any] | None = None) -> bool:
        """Change a key, None removes it; returns whether that changed anything.

        value: a plain number leaves a sigma in the file alone; { value, sigma } sets both.
        along: other keys that mean nothing without this change, in the same step.
        """
        if self._applies(key, value):
            return False
        if self._moving != key:
            self._history.append(dict(self._changes))
            self._moving = key
        for name, new in {key: value, **(along or {})}.items():
            self._changes.pop(name, None)
            if not self._applies(name, new):
                self._changes[name] = new
        return True

    def _applies(self, key: str, value: Any) -> bool:
        """Whether a key has that value; a plain number is compared with the number of { value, sigma }."""
        now = self._changes[key] if key in self._changes else self.file.value(key)
        return _same(value, now if isinstance(value, Mapping) else _number(now))

    def rest(self) -> None:
        """The control has come to rest: its next move is a new step."""
        self._moving = None

    def undo(self) -> bool:
        """Take the last step back; returns whether there was one."""
        self._moving = None
        if not self._history:
            return False
        self._changes = self._history.pop()
        return True

    def reset(self) -> bool:
        """Back to the file, which can be undone; returns whether anything changed."""
        self._moving = None
        if not self._changes:
            return False
        self._history.append(self._changes)
        self._changes = {}
        return True

    def settings(self) -> list[str]:
        """The changes in the words of --set. Raises InputError where one cannot be said so."""
        return as_settings(self.file, self._changes)

    def save(self, *, check: Callable[[Path], object]) -> None:
        """Write the changes into the file (see `write_changes`), which is then the new start; there is no undo past it."""
        self.file = write_changes(self.file, self._changes, check=check)
        self._changes, self._history, self._moving = {}, [], None


def _number(value: Any) -> Any:
    """The value of { value, sigma }, anything else as it is."""
    return value["value"] if isinstance(value, Mapping) and "value" in value else value


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)
