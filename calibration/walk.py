"""Files of a dropped folder: every one is either taken or named with the reason why not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError

__all__ = ["Found", "find_files", "natural_key"]

_MOST = 5000
_LARGEST = 256 * 1024**2  # bytes; a trajectory or a film, no scan and no spectrum
_PROJECT = ".toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """files: in natural order, folder by folder; given: those named by the user, not found in a folder.

    passed: (file, why) of those left out. hidden: how many files and folders begin with a dot.
    """

    files: tuple[Path, ...]
    given: frozenset[Path]
    passed: tuple[tuple[Path, str], ...]
    hidden: int = 0


def find_files(inputs: Sequence[Path], *, but: Path | None = None) -> Found:
    """Named files, and those of folders with their subfolders; each real file once, links that lead in circles passed.

    Left out, and said: project files, result folders of these programs, broken links, copies by link. but: the output.
    Raises InputError for an input that is not there, or a folder of more files than one measurement has.
    """
    walk = _Walk(but)
    for given in inputs:
        if given.is_dir():
            walk.folder(given)
        elif given.exists() or given.is_symlink():
            walk.file(given, given=True)
        else:
            raise InputError(
                "there is no such file or folder", remedy="check the path", where=str(given)
            )
    return Found(
        files=tuple(walk.files),
        given=frozenset(walk.given),
        passed=tuple(walk.passed),
        hidden=walk.hidden,
    )


class _Walk:
    """One walk; remembers what it has seen by the file system's own identity."""

    def __init__(self, but: Path | None) -> None:
        self.but = None if but is None else but.resolve()
        self.files: list[Path] = []
        self.given: list[Path] = []
        self.passed: list[tuple[Path, str]] = []
        self.hidden = 0
        self.seen: dict[tuple[int, int], Path] = {}

    def folder(self, path: Path) -> None:
        try:
            here = path.stat()
            inside = sorted(path.iterdir(), key=natural_key)
        except OSError as error:
            self.passed.append((path, (error.strerror or str(error)).lower()))
            return
        if (here.st_dev, here.st_ino) in self.seen:
            self.passed.append((path, "a link to a folder that is looked at already"))
            return
        self.seen[here.st_dev, here.st_ino] = path
        if (path / "result.json").is_file() and (path / "report.html").is_file():
            self.passed.append((path, "a result of this program, no measurement"))
            return
        for entry in inside:
            if entry.name.startswith("."):
                self.hidden += 1
            elif not entry.is_dir():
                self.file(entry, given=False)
        for entry in inside:
            if entry.is_dir() and not entry.name.startswith("."):
                self.folder(entry)

    def file(self, path: Path, *, given: bool) -> None:
        if self.but is not None and path.resolve() == self.but:
            return
        try:
            here = path.stat()
        except OSError as error:
            why = "a link that leads nowhere" if path.is_symlink() else (error.strerror or "")
            self.passed.append((path, why.lower()))
            return
        earlier = self.seen.get((here.st_dev, here.st_ino))
        if not path.is_file():
            self.passed.append((path, "not a regular file"))
        elif earlier is not None:
            self.passed.append((path, f"the same file as {earlier.name}"))
        elif any("\ud800" <= c <= "\udfff" for c in path.name):
            self.passed.append((path, "its name is not text in this system's encoding"))
        elif not given and path.suffix.lower() == _PROJECT:
            self.passed.append((path, "a project file"))
        elif not given and here.st_size > _LARGEST:
            self.passed.append(
                (path, "larger than a measurement of this kind (256 MB); not opened")
            )
        else:
            self.seen[here.st_dev, here.st_ino] = path
            self.files.append(path)
            if given:
                self.given.append(path)
        if len(self.files) > _MOST:
            raise InputError(
                f"there are more than {_MOST} files",
                why="a project is one sample's measurement",
                remedy="name the folder of one measurement",
                where=str(path.parent),
            )


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Sort key by which "2.txt" comes before "10.txt"."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]
