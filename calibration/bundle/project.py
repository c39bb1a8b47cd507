"""The project file of a result, and the files it names, moved into a bundle so that it runs there."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from calibration.errors import InputError

__all__ = ["Moved", "check_inside", "move_project", "paths_of"]

RAW = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A project file for the bundle's `project` folder, and its files: path inside the bundle -> file now."""

    text: str
    files: Mapping[str, Path]


def move_project(text: str, *, folder: Path, keys: Sequence[str], files: Sequence[Path]) -> Moved:
    """Rewrite the paths of a project file, and place every file that it uses below `raw`.

    text, folder: the project file, and where its relative paths start. keys: where paths stand, such as
    "scan[].file"; a value may be a pattern. files: all files that were read. Files keep their names;
    each folder they came from becomes one folder of the bundle, so that patterns keep their meaning.
    """
    homes: dict[Path, str] = {}
    placed: dict[str, Path] = {}

    def home(directory: Path) -> str:
        if directory not in homes:
            taken = set(homes.values())
            stem = re.sub(r"[^A-Za-z0-9._-]+", "_", directory.name).strip("._") or "data"
            number, name = 2, stem
            while name in taken:
                name, number = f"{stem}-{number}", number + 1
            homes[directory] = name
        return homes[directory]

    for file in files:
        absolute = Path(os.path.normpath(file.absolute()))
        placed[f"{RAW}/{home(absolute.parent)}/{absolute.name}"] = absolute
    document = tomlkit.parse(text)
    for table, key in paths_of(document, keys):
        absolute = Path(os.path.normpath(folder.absolute() / str(table[key])))
        table[key] = f"../{RAW}/{home(absolute.parent)}/{absolute.name}"
    return Moved(text=tomlkit.dumps(document), files=placed)


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
        document = tomlkit.parse(text)
    except ValueError as error:
        raise InputError(
            "the project file of the bundle is not valid TOML", why=str(error), where=where
        ) from error
    top = root.resolve()
    for table, key in paths_of(document, keys):
        if not (folder / str(table[key])).resolve().is_relative_to(top):
            raise InputError(
                "the bundle is refused",
                why=f"its project file names {table[key]!r}, which is outside the bundle",
                where=where,
            )
