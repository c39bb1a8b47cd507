"""The project file of a result, and the files it names, moved into a bundle so that it runs there."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import tomlkit

from calibration.errors import InputError

__all__ = ["Moved", "check_inside", "move_project", "paths_of"]

RAW = "raw"
_ESCAPED = re.compile(r"\[([*?[])\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A project file for the bundle's `project` folder, and its files: path inside the bundle -> file now."""

    text: str
    files: Mapping[str, Path]


def move_project(text: str, *, folder: Path, keys: Sequence[str], files: Sequence[Path]) -> Moved:
    """Rewrite the paths of a project file, and place every file that it uses below `raw`.

    text, folder: the project file, and where its relative paths start. keys: where paths stand, such as
    "scan[].file"; a value may be a pattern. files: all files that were read. Files keep their names;
    each folder they came from becomes one folder of the bundle, and the folders that a pattern like "*/x.txt" runs over
    keep their places below it, so that patterns keep their meaning.
    """
    homes: dict[Path, str] = {}
    placed: dict[str, Path] = {}
    document = tomlkit.parse(text)
    named = [
        (table, key, *_pattern(Path(os.path.normpath(folder.absolute() / str(table[key])))))
        for table, key in paths_of(document, keys)
    ]
    deep = sorted({root for _, _, root, rest in named if len(rest.parts) > 1})

    def home(directory: Path) -> str:
        if directory not in homes:
            taken = {name.casefold() for name in homes.values()}  # one folder on some systems
            stem = re.sub(r"[^A-Za-z0-9._-]+", "_", directory.name).strip("._") or "data"
            number, name = 2, stem
            while name.casefold() in taken:
                name, number = f"{stem}-{number}", number + 1
            homes[directory] = name
        return homes[directory]

    def inside(root: Path, rest: Path) -> str:
        whole = root / rest
        top = next((d for d in deep if root.is_relative_to(d)), root)
        return f"{RAW}/{home(top)}/{whole.relative_to(top).as_posix()}"

    for file in files:
        absolute = Path(os.path.normpath(file.absolute()))
        placed[inside(absolute.parent, Path(absolute.name))] = absolute
    for table, key, root, rest in named:
        table[key] = f"../{inside(root, rest)}"
    return Moved(text=tomlkit.dumps(document), files=placed)


def _pattern(path: Path) -> tuple[Path, Path]:
    """A path as the folder that is certain and the rest, of which more than the last part only where it has wildcards.

    A file whose name merely looks like a pattern is none; [*], [?] and [[] (`glob.escape`) stand for their characters.
    """
    if path.is_file() or not any(_wild(part) for part in path.parts):
        return path.parent, Path(path.name)
    number = next(i for i, part in enumerate(path.parts) if _wild(part))
    number = min(number, len(path.parts) - 1)
    plain = [_ESCAPED.sub(r"\1", part) for part in path.parts[:number]]
    return Path(*plain), Path(*path.parts[number:])


def _wild(part: str) -> bool:
    return any(c in _ESCAPED.sub("", part) for c in "*?[")


def paths_of(document: Any, keys: Sequence[str]) -> Iterator[tuple[Any, str]]:
    """(table, key) of every path in a project file that is there; keys as in `move_project`."""
    for key in keys:
        *tables, last = key.split(".")
        nodes = [document]
        for name in tables:
            entries = name.endswith("[]")
            found = [node.get(name.removesuffix("[]")) for node in nodes if hasattr(node, "get")]
            nodes = [
                entry
                for node in found
                if node is not None
                for entry in (node if entries else [node])
            ]
        for node in nodes:
            if hasattr(node, "get") and isinstance(node.get(last), str):
                yield node, last


def check_inside(text: str, *, folder: Path, root: Path, keys: Sequence[str], where: str) -> None:
    """Refuse a bundle's project file that names a file outside the bundle. Raises InputError."""
    try:
        document = tomllib.loads(text)  # as the project is read when it runs
    except (ValueError, RecursionError) as error:
        raise InputError(
            "the project file of the bundle is not valid TOML", why=str(error), where=where
        ) from error
    top = root.resolve()
    for table, key in paths_of(document, keys):
        named = PurePosixPath(table[key])
        # `bundle` writes ../raw/...; a climb after a pattern such as **/.. leads where no check can tell
        climbs = ".." in named.parts[1:] or "\\" in table[key]
        if climbs or not (folder / named).resolve().is_relative_to(top):
            raise InputError(
                "the bundle is refused",
                why=f"its project file names {table[key]!r}, which is outside the bundle",
                where=where,
            )
