"""Results that survive: each in a file of its own that is there whole or not at all, whatever kills the writer."""

import contextlib
import errno
import io
import json
import os
import secrets
import shutil
import socket
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from calibration.campaign.jobs import Result
from calibration.errors import OutputError

__all__ = ["FolderLock", "Store", "check_room", "publish", "write_durably"]

_PARTIAL = ".partial"
_CONTINUE = "what is finished is kept: the same command continues"


def _output_error(error: OSError, where: Path) -> OutputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = "the disk is full" if full else (error.strerror or str(error)).lower()
    room = "make room; " if full else "make the folder writable, or name another; "
    return OutputError(
        "the results cannot be written", why=why, remedy=room + _CONTINUE, where=str(where)
    )


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (a rename is not, before this); some systems cannot, and need not."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes | memoryview) -> None:
    """Write to a temporary file, fsync, rename, fsync the folder: whole or not at all, and there to stay on return.

    Raises OutputError where the disk is full or the folder may not be written.
    """
    temporary = path.with_name(f".{path.name[:16]}.{os.getpid()}.{secrets.token_hex(4)}{_PARTIAL}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _output_error(error, path.parent) from error


def check_room(folder: Path, size: int) -> None:
    """Raise OutputError where a file of `size` bytes does not fit: some libraries crash when a disk fills under them."""
    trial = folder / f".room-{secrets.token_hex(4)}{_PARTIAL}"
    try:
        with trial.open("xb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            elif shutil.disk_usage(folder).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise _output_error(error, folder) from error
    finally:
        trial.unlink(missing_ok=True)


class Store:
    """Finished results by the digest of what they were made from, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where a result is; 256 folders, so that none holds too many files."""
        return self.folder / digest[:2] / f"{digest}.npz"

    def read(self, digest: str) -> Result | None:
        """An earlier result, or None where there is none, or where it is damaged (every array has a checksum)."""
        try:
            content = io.BytesIO(self.path(digest).read_bytes())
            with np.load(content, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            values = json.loads(arrays.pop("values").tobytes())
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
            return None
        return Result(values=values, arrays=arrays)

    def write(self, digest: str, result: Result) -> None:
        """Write a result: whole or not at all, and durable on return.

        Raises OutputError where the disk is full or the folder may not be written.
        """
        path, content = self.path(digest), io.BytesIO()
        text = json.dumps(result.values, ensure_ascii=False).encode()
        values = np.frombuffer(text, dtype=np.uint8)
        np.savez(content, allow_pickle=False, values=values, **dict(result.arrays))
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                _sync_folder(path.parent.parent)
        except OSError as error:
            raise _output_error(error, self.folder) from error
        write_durably(path, content.getbuffer())

    def clear_partial(self) -> None:
        """Remove what a killed run was writing."""
        for path in self.folder.glob(f"*/.*{_PARTIAL}"):
            path.unlink(missing_ok=True)

    def keep_only(self, digests: frozenset[str]) -> int:
        """Remove the results of earlier settings or inputs; returns how many."""
        old = [p for p in self.folder.glob("*/*.npz") if p.stem not in digests]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


class FolderLock(contextlib.AbstractContextManager["FolderLock"]):
    """Holds a folder for one run; the system lets go of it when the process ends, however it ends.

    Raises OutputError where another run holds it, or where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / ".lock"
        self._descriptor: int | None = None

    def __enter__(self) -> "FolderLock":
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise _output_error(error, self.path.parent) from error
        try:
            _lock(descriptor)
        except OSError as error:
            holder = os.read(descriptor, 200).decode(errors="replace").strip()
            os.close(descriptor)
            raise OutputError(
                "another run is using this folder",
                why=f"it is {holder}" if holder else "its lock is held",
                remedy="wait for it, stop it, or name another folder with --out",
                where=str(self.path.parent),
            ) from error
        self._descriptor = descriptor
        with contextlib.suppress(
            OSError
        ):  # the holder's name is for people; a full disk must not stop us here
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _lock(descriptor: int) -> None:
    """Take the lock at once or raise OSError."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def publish(folder: Path) -> Iterator[Path]:
    """Yield a new folder inside `folder`; on success its entries take their places there, result.json last.

    Until then what stood there before stays, but for its result.json, which goes first: a folder with
    result.json is complete. Raises OutputError.
    """
    work = folder / f".next-{secrets.token_hex(4)}{_PARTIAL}"
    try:
        for left in folder.glob(f".next-*{_PARTIAL}"):
            shutil.rmtree(left, ignore_errors=True)
        work.mkdir()
        yield work
        (folder / "result.json").unlink(missing_ok=True)
        entries = sorted(work.iterdir(), key=lambda p: (p.name == "result.json", p.name))
        for entry in entries:
            target = folder / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            entry.replace(target)
        _sync_folder(folder)
    except OutputError as error:
        error.where = str(folder)  # the folder that people know
        raise
    except OSError as error:
        raise _output_error(error, folder) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
