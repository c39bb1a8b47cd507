"""A text file is written whole or not at all, and never over something unasked."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from calibration.errors import OutputError

__all__ = ["check_file", "write_file"]


def check_file(target: Path, *, overwrite: bool, inputs: Sequence[Path] = ()) -> None:
    """Refuse early what must not be written: a folder, one of the inputs, an existing file. Raises OutputError."""
    if target.is_dir():
        raise OutputError(
            "the output is a folder, not a file", remedy="name a file", where=str(target)
        )
    if any(i.exists() and target.exists() and target.samefile(i) for i in inputs):
        raise OutputError("the output is the input", remedy="name another file", where=str(target))
    if target.exists() and not overwrite:
        raise OutputError(
            "the file exists already",
            why="nothing is replaced unasked",
            remedy="name another, or add --overwrite",
            where=str(target),
        )


def write_file(target: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends by way of a partial file beside it. Raises OutputError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, suffix=".partial", delete=False, encoding="utf-8", newline="\n"
        ) as part:
            work = Path(part.name)
            try:
                part.write(text)
                part.close()
                # the partial file is private; a result has the rights that the user's umask gives
                mask = os.umask(0)
                os.umask(mask)
                work.chmod(0o666 & ~mask)
                work.replace(target)
            finally:
                work.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            "the file cannot be written",
            why=(error.strerror or str(error)).lower(),
            remedy="choose a folder that you may write to",
            where=str(target),
        ) from error
