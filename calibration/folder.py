"""A result folder is written whole or not at all."""

import contextlib
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from calibration.errors import OutputError

__all__ = ["check_target", "result_folder", "safe_name"]


def safe_name(name: str) -> str:
    """A name that is a legal file name on every system; never empty."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    kept = kept.strip("._")[:80]
    reserved = {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10)),
    }
    if not kept:
        return "sample"
    return f"{kept}_" if kept.split(".")[0].lower() in reserved else kept


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse early what `result_folder` would refuse late. Raises OutputError."""
    if target.exists() and not target.is_dir():
        raise OutputError(
            "the output is a file, not a folder", where=str(target), remedy="name another folder"
        )
    _check_parents(target)
    if target.exists() and any(target.iterdir()):
        if not overwrite:
            raise OutputError(
                "the output folder exists already",
                why="earlier results are never replaced unasked",
                remedy="name another folder, or add --overwrite",
                where=str(target),
            )
        if not _is_result(target):
            raise OutputError(
                "the output folder holds something that is not an earlier result",
                why="--overwrite replaces the whole folder, and this one has no result.json of this program",
                remedy="name another folder",
                where=str(target),
            )


def _check_parents(target: Path) -> None:
    nearest = next((p for p in target.absolute().parents if p.exists()), None)
    if nearest is None:
        return
    if not nearest.is_dir():
        raise OutputError(
            "the output folder cannot be created",
            why=f"{nearest} is a file, not a folder",
            remedy="name another folder",
            where=str(target),
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(
            "the output folder cannot be created",
            why=f"{nearest} may not be written to",
            remedy="choose a place that you may write to",
            where=str(target),
        )


def _is_result(folder: Path) -> bool:
    try:
        content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "provenance" in content


@contextlib.contextmanager
def result_folder(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a new folder beside the target; on success it becomes the target, on any failure it is gone.

    Raises OutputError where the place exists (and overwrite is False) or cannot be written.
    """
    target = target.absolute()
    check_target(target, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(
            tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
        )
    except OSError as error:
        raise OutputError(
            "the output folder cannot be created",
            why=error.strerror or str(error),
            remedy="choose a place that you may write to",
            where=str(target),
        ) from error
    try:
        with _interrupts_remembered() as check_interrupt:
            yield work
            check_interrupt()
        # mkdtemp makes the folder private; a result has the rights that the user's umask gives
        mask = os.umask(0)
        os.umask(mask)
        work.chmod(0o777 & ~mask)
        _swap(work, target)
    except OSError as error:
        raise OutputError(
            "the results could not be written", why=error.strerror or str(error), where=str(target)
        ) from error
    finally:
        if work.exists():
            shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _interrupts_remembered() -> Iterator[Callable[[], None]]:
    """Yield a function that raises KeyboardInterrupt if Ctrl-C was pressed since.

    A KeyboardInterrupt that is raised inside a library's callback can be lost there; then the folder must
    not be completed as if nothing had happened.
    """
    previous = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or not callable(previous):  # another thread, or interrupts are ignored
        yield lambda: None
        return
    seen: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        previous(number, frame)

    def check() -> None:
        if seen:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, remember)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, previous)


def _swap(work: Path, target: Path) -> None:
    if not target.exists():
        work.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    target.rename(aside / "old")
    try:
        work.rename(target)
    except BaseException:
        (aside / "old").rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
