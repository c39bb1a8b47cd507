"""Pieces of the project files that `init` writes: strings, names of files, comments, and what was left out."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["comment", "passed_lines", "relative_name", "toml_string"]


def toml_string(text: str) -> str:
    """A TOML basic string of any text; what does not print is escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(text: str) -> str:
    """Text for a comment: printable and on one line, whatever a file's name or header holds."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def relative_name(path: Path, folder: Path) -> str:
    """The path as a project file in `folder` names it; links are not followed."""
    try:
        return Path(os.path.relpath(path.absolute(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()


def passed_lines(passed: Iterable[tuple[Path, str]], *, folder: Path, hidden: int = 0) -> list[str]:
    """Comment lines of a project file: what was left out and why, files of one reason together.

    folder: that of the project file, to which the names are relative. hidden: files that begin with a dot.
    """
    by_reason: dict[str, list[str]] = {}
    for path, why in passed:
        by_reason.setdefault(comment(why), []).append(comment(relative_name(path, folder)))
    lines = []
    if by_reason:
        count = sum(map(len, by_reason.values()))
        lines += ["", f"# Not used: {count} of what was found, with the reason:"]
    for why, names in by_reason.items():
        lines.append(f"#   {why}:")
        lines += [f"#     {name}" for name in names]
    if hidden:
        lines += [
            "",
            f"# Not looked at: {hidden} hidden files or folders (names that begin with a dot).",
        ]
    return lines
