"""The bytes of a file, and its text whatever wrote it."""

import codecs
from pathlib import Path

from calibration.errors import ReadError

__all__ = ["decode", "is_text", "read_bytes", "read_text"]

# far above any scan (a million points take 20 MB as text); below what would trouble a laptop
_MAX_BYTES = 256 * 1024 * 1024

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# control characters that no text export writes (tab, line feed, form feed, return and ^Z do occur)
_BINARY = frozenset(range(32)) - {9, 10, 11, 12, 13, 26}


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises ReadError where it is missing, a folder, unreadable or absurdly large."""
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise ReadError(
                f"the file has {size / 2**20:.0f} MB",
                why=f"a scan has a few at most; the limit is {_MAX_BYTES // 2**20} MB",
                where=str(path),
            )
        return path.read_bytes()
    except OSError as error:
        raise ReadError(
            "the file cannot be read", why=(error.strerror or str(error)).lower(), where=str(path)
        ) from error


def is_text(data: bytes) -> bool:
    """Whether bytes can be text: a byte order mark, or no control characters that text does not have."""
    if any(data.startswith(bom) for bom, _ in _BOMS):
        return True
    return _BINARY.isdisjoint(data)


def decode(data: bytes, *, file: str) -> str:
    """Bytes as text: by the byte order mark, else UTF-8, else Latin-1 (which names of samples need).

    Raises ReadError for binary data.
    """
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    if not is_text(data):
        at = next(i for i, byte in enumerate(data) if byte in _BINARY)
        raise ReadError(
            f"line {data.count(10, 0, at) + 1} holds the byte {data[at]:#04x}, which no text has",
            why="the file is binary, or damaged",
            remedy="export the scan again; formats known here are recognised by their content",
            where=file,
        )
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise ReadError(
                f"the text is not the {encoding} its first bytes announce",
                why=error.reason,
                remedy="export the scan again",
                where=file,
            ) from error
        return data.decode("latin-1")


def read_text(path: Path) -> str:
    """The whole file as text. Raises ReadError."""
    return decode(read_bytes(path), file=str(path))
