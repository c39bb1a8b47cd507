"""Keys written into a project file that somebody wrote by hand: comments, order and layout stay.

A key is written as for --set: tables by dots, entries of lists by [0]: `fourier.q_range[1]`, `scan[0].scale`. Where the file
has { value = ..., sigma = ... } and a plain number is set, the sigma stays. A list of tables is set whole; entries that stay
keep their place and their comments.
"""

import math
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT, Item

from calibration.errors import ConfigError, InputError, OutputError
from calibration.page.table_list import set_tables

__all__ = ["ProjectFile", "as_settings", "changed_text", "read_project_file", "write_changes"]

Changes = Mapping[str, Any]
"""Key path -> new value (number, text, flag, list of those, list of tables); None removes the key."""


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """A project file as it was read: path, its bytes, and the table they say."""

    path: Path
    content: bytes
    table: Mapping[str, Any]

    def value(self, key: str) -> Any:
        """What the file says of a key, None where it says nothing."""
        node: Any = self.table
        for part in _parts(key):
            try:
                node = node[part]
            except (KeyError, IndexError, TypeError):
                return None
        return node


def read_project_file(path: Path) -> ProjectFile:
    """Read a project file for changing it. Raises InputError where it cannot be read or is not TOML."""
    try:
        content = path.read_bytes()
        table = tomlkit.parse(_text(content)).unwrap()
    except OSError as error:
        raise InputError(
            "the project file cannot be read",
            why=error.strerror or str(error),
            where=str(path),
        ) from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise InputError(
            "the project file is not valid TOML", why=str(error), where=str(path)
        ) from error
    return ProjectFile(path, content, table)


def as_settings(file: ProjectFile, changes: Changes) -> list[str]:
    """Changes in the words of --set, e.g. "sample.radius_mm=0.26"; a stated sigma stays.

    Raises InputError for a removed key: a setting can only say what a key is.
    """
    settings = []
    for key, value in changes.items():
        if value is None:
            raise InputError(
                f"{key} is removed, which --set cannot say",
                remedy="save it to the project file",
                where=key,
            )
        kept = _has_sigma(file.value(key)) and not isinstance(value, Mapping)
        settings.append(f"{key}{'.value' if kept else ''}={_item(value).as_string()}")
    return settings


def changed_text(file: ProjectFile, changes: Changes) -> str:
    """The file's text with the changes, everything else as it was. Raises InputError where a key leads nowhere."""
    text = _text(file.content)
    document = tomlkit.parse(text)
    for key, value in changes.items():
        _set(document, key, value)
    changed = tomlkit.dumps(document)
    if "\r\n" in text and not re.search(r"(?<!\r)\n", text):
        changed = re.sub(r"(?<!\r)\n", "\r\n", changed)
    return changed


def write_changes(
    file: ProjectFile, changes: Changes, *, check: Callable[[Path], object]
) -> ProjectFile:
    """Write the changes into the file, whole or not at all, and return it as it is now.

    check: reads a project file and raises InputError for one that is wrong: what it refuses is not written.
    Raises OutputError where the file has changed since it was read, or cannot be written.
    """
    target = file.path.resolve()  # a link stays one
    content = changed_text(file, changes).encode()
    if file.content.startswith(b"\xef\xbb\xbf"):
        content = b"\xef\xbb\xbf" + content
    _check_unchanged(file)
    # beside the file, where its relative paths hold and where a rename is atomic
    with _writing(file.path):
        handle, name = tempfile.mkstemp(
            prefix=f".{target.stem}.", suffix=".partial.toml", dir=target.parent
        )
    new = Path(name)
    try:
        with _writing(file.path):
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            new.chmod(target.stat().st_mode & 0o7777)
        try:
            check(new)
        except ConfigError as error:
            raise ConfigError(error.problems, where=str(file.path)) from error
        _check_unchanged(file)
        with _writing(file.path):
            new.replace(target)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
    return ProjectFile(file.path, content, tomlkit.parse(_text(content)).unwrap())


class _writing:
    """What the system refuses, in words for the user."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            raise OutputError(
                "the project file could not be written",
                why=error.strerror or str(error),
                remedy="choose a place that you may write to",
                where=str(self._path),
            ) from error


def _check_unchanged(file: ProjectFile) -> None:
    try:
        now = file.path.read_bytes()
    except OSError as error:
        raise OutputError(
            "the project file is gone",
            why=error.strerror or str(error),
            remedy="put it back, or copy the command",
            where=str(file.path),
        ) from error
    if now != file.content:
        raise OutputError(
            "the project file was changed by something else since it was read",
            why="saving would undo that change",
            remedy="copy the command to keep your values, and open the page anew",
            where=str(file.path),
        )


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig")


def _parts(key: str) -> list[str | int]:
    parts: list[str | int] = []
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", key):
        parts.append(int(index) if index else name)
    if not parts:
        raise ValueError("an empty key")
    return parts


def _has_sigma(value: object) -> bool:
    return isinstance(value, Mapping) and "value" in value


def _item(value: Any) -> Item:
    """A value as it is written in one line."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{value} is not a number that a project file may hold")
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update({key: _item(item) for key, item in value.items()})
        return table
    if isinstance(value, (list, tuple)):
        array = tomlkit.array()
        array.extend([_item(item) for item in value])
        return array
    found: Item = tomlkit.item(value)
    return found


def _set(document: Any, key: str, value: Any) -> None:
    *path, last = _parts(key)
    node: Any = document
    for part in path:
        _check_step(node, part, key)
        if isinstance(part, str) and part not in node:
            if value is None:
                return
            node[part] = tomlkit.table()
        node = node[part]
    _check_step(node, last, key)
    if isinstance(last, int):
        node[last] = _item(value)
        return
    if isinstance(node.get(last), AoT) or (not path and last not in node and _is_tables(value)):
        set_tables(node, last, value or ())
        return
    if value is None:
        if last in node:
            del node[last]
        return
    old = node.get(last)
    if _has_sigma(old) and not isinstance(value, Mapping):
        old["value"] = _item(value)
    elif old is not None:
        node[last] = _aligned(old, _item(value))
    else:
        node[last] = _item(value)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _check_step(node: Any, part: str | int, key: str) -> None:
    """Raises InputError where a part of a key does not lead on."""
    if isinstance(part, int):
        if not isinstance(node, list) or part >= len(node):
            raise InputError(f"there is no entry {part}", where=key)
    elif not isinstance(node, dict):
        raise InputError("a part of the key is a value, not a table", where=key)


def _aligned(old: Item, new: Item) -> Item:
    """The new value with the old one's comment, in the same column where there is room."""
    trivia, longer = old.trivia, len(new.as_string()) - len(old.as_string())
    new.trivia.indent, new.trivia.trail = trivia.indent, trivia.trail
    new.trivia.comment = trivia.comment
    if trivia.comment:
        room = trivia.comment_ws
        column = max(len(room) - longer, 1) if set(room) == {" "} else len(room)
        new.trivia.comment_ws = " " * column
    return new
