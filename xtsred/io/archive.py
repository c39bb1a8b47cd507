"""ZIP archives opened safely: limits on members, on sizes, and on how much a file may grow."""

import io
import zipfile
import zlib
from pathlib import Path

from calibration.errors import ReadError
from xtsred.io.source import read_bytes

__all__ = ["Archive", "open_archive"]

_MAX_MEMBERS = 10_000
# instrument files shrink to a tenth or so; these limits keep a member below what memory allows
_FREE_BYTES = 8 * 1024 * 1024
_MAX_GROWTH = 12


class Archive:
    """The members of a ZIP file by name, read one at a time."""

    def __init__(self, opened: zipfile.ZipFile, *, file: str, size: int) -> None:
        self._opened = opened
        self._file = file
        self._limit = _FREE_BYTES + _MAX_GROWTH * size
        self.names = tuple(i.filename for i in opened.infolist() if not i.is_dir())

    def read(self, name: str) -> bytes:
        """One member whole, its checksum tested. Raises ReadError."""
        where = f"{self._file}/{name}"
        try:
            with self._opened.open(name) as member:
                data = member.read(self._limit + 1)
        except KeyError as error:
            raise ReadError(
                "a part is missing in the archive", why="the file is damaged", where=where
            ) from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise ReadError(
                "a part of the archive cannot be unpacked",
                why=str(error) or type(error).__name__,
                remedy="copy the file again from the instrument",
                where=where,
            ) from error
        if len(data) > self._limit:
            raise ReadError(
                f"a part of the archive is larger than {self._limit // 2**20} MB",
                why="no instrument writes such a file",
                where=where,
            )
        return data


def open_archive(path: Path) -> Archive:
    """The archive in a file. Raises ReadError for what is no ZIP, or one with absurdly many members."""

    data = read_bytes(path)
    try:
        opened = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise ReadError(
            "the archive is damaged",
            why=str(error),
            remedy="copy the file again from the instrument",
            where=str(path),
        ) from error
    try:
        for info in opened.infolist():
            opened.open(
                info
            ).close()  # the name and the flags before the part agree with the directory
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise ReadError(
            "the archive contradicts its own directory",
            why=str(error),
            remedy="copy the file again from the instrument",
            where=str(path),
        ) from error
    _check_count(data, found=len(opened.infolist()), file=str(path))
    archive = Archive(opened, file=str(path), size=len(data))
    if len(archive.names) > _MAX_MEMBERS or len(set(archive.names)) < len(archive.names):
        raise ReadError(
            "the archive has too many parts, or two of one name",
            why="no instrument writes such a file",
            where=str(path),
        )
    return archive


def _check_count(data: bytes, *, found: int, file: str) -> None:
    """The number of parts that the end of the archive states (65535: elsewhere, in archives beyond 4 GB)."""
    at = data.rfind(b"PK\x05\x06")
    if at < 0 or at + 12 > len(data):
        return
    stated = int.from_bytes(data[at + 10 : at + 12], "little")
    if stated not in (found, 0xFFFF):
        raise ReadError(
            f"the archive says {stated} parts, {found} are there",
            why="it is damaged",
            remedy="copy the file again from the instrument",
            where=file,
        )
