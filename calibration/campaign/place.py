"""The folder of a campaign: what makes it one, and that no other campaign is mixed into it."""

import json
from pathlib import Path

from calibration.campaign.durable import write_durably
from calibration.errors import OutputError

__all__ = ["RESULTS", "check_campaign", "mark_campaign"]

_MARK = "campaign.json"
RESULTS = "parts"
"""Where the finished results are, below the folder of a campaign."""


def check_campaign(folder: Path, *, program: str, name: str) -> None:
    """Make the folder if need be. Raises OutputError where it holds something else, or cannot be made."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(
            "the output is a file, not a folder", where=str(folder), remedy="name another folder"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [p for p in folder.iterdir() if p.name not in (_MARK, ".lock")]
    except OSError as error:
        raise OutputError(
            "the output folder cannot be used",
            why=(error.strerror or str(error)).lower(),
            remedy="choose a place that you may write to",
            where=str(folder),
        ) from error
    found = _mark_of(folder)
    if found is None and others:
        raise OutputError(
            "the output folder holds something that is not an earlier run of this command",
            why="a batch adds to its own folder, and to no other",
            remedy="name another folder",
            where=str(folder),
        )
    if found is not None and found != (program, name):
        raise OutputError(
            f"the output folder belongs to {found[1]!r} ({found[0]})",
            why=f"this is {name!r} ({program}), and two would replace each other's results",
            remedy="name another folder",
            where=str(folder),
        )


def mark_campaign(folder: Path, *, program: str, name: str) -> None:
    """Make a checked folder that of a campaign. Raises OutputError."""
    if _mark_of(folder) is None:
        text = json.dumps({"program": program, "name": name}, ensure_ascii=False) + "\n"
        write_durably(folder / _MARK, text.encode())


def _mark_of(folder: Path) -> tuple[str, str] | None:
    try:
        content = json.loads((folder / _MARK).read_text(encoding="utf-8"))
        return str(content["program"]), str(content["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
