"""A text file as numbered lines: size, encoding and line ends are settled here."""

import codecs
import functools
import re
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import ReadError

__all__ = [
    "HEAD_BYTES",
    "MAX_BYTES",
    "TextFile",
    "decode",
    "head_text",
    "lines_of",
    "load_bytes",
    "load_head",
    "load_text",
]

MAX_BYTES = 32 * 1024 * 1024
HEAD_BYTES = 1 << 16
_LINE_END = re.compile(r"\r*\n|\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """Decoded lines; line k (1-based, as an editor counts) is lines[k - 1]."""

    path: str
    encoding: str
    lines: tuple[str, ...]

    def at(self, line: int) -> str:
        """Where an error is: "file:line"."""
        return f"{self.path}:{line}"


def load_bytes(path: Path | str) -> bytes:
    """The whole file. Raises ReadError where it is missing, empty, a folder, or over MAX_BYTES."""
    file = _regular(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    return content


def load_head(path: Path | str) -> bytes:
    """The first HEAD_BYTES, for recognition. Raises ReadError as `load_bytes`."""
    file = _regular(path)
    try:
        with file.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError as error:
        raise _unreadable(path, error) from error


def _regular(path: Path | str) -> Path:
    file = Path(path)
    try:
        size = file.stat().st_size
        is_folder, is_file = file.is_dir(), file.is_file()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if is_folder:
        raise ReadError("a folder, not a file", remedy="name the files in it", where=str(path))
    if not is_file:
        raise ReadError("not a regular file", remedy="name a data file", where=str(path))
    if size == 0:
        raise ReadError("the file is empty", remedy="export it again", where=str(path))
    if size > MAX_BYTES:
        raise ReadError(
            f"the file is too large for an impedance export ({size / 1e6:.0f} MB)",
            why=f"the limit is {MAX_BYTES / 1e6:.0f} MB",
            remedy="export the spectra only, without time records",
            where=str(path),
        )
    return file


def _unreadable(path: Path | str, error: Exception) -> ReadError:
    reason = getattr(error, "strerror", None) or str(error)
    return ReadError("the file cannot be opened", why=reason, where=str(path))


def load_text(path: Path | str) -> TextFile:
    """Decode and split. Raises ReadError for a file that is not text."""
    return lines_of(load_bytes(path), str(path))


def lines_of(content: bytes, path: str) -> TextFile:
    """Decode and split bytes that are in memory; path: what to call them."""
    text, encoding = decode(content)
    if _looks_binary(text):
        raise ReadError(
            "not a text file, and not a binary format that is known here",
            remedy="export the spectra as text or csv from the program that wrote the file",
            where=path,
        )
    return TextFile(path=path, encoding=encoding, lines=tuple(_LINE_END.split(text)))


def _looks_binary(text: str) -> bool:
    sample = text[:4096]
    controls = sum(1 for c in sample if c < " " and c not in "\t\n\r\f\x1a")
    return "\0" in sample or controls > 0.02 * max(len(sample), 1)


def decode(content: bytes) -> tuple[str, str]:
    """Text and the name of its encoding: by byte-order mark, by the zeros of UTF-16, else UTF-8, else cp1252."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if content.startswith(mark):
            return content.decode(name, errors="replace").lstrip("\ufeff").rstrip("\x1a\0"), name
    sample = content[:4096]
    for name, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        other = sample[0::2] if name == "utf-16-le" else sample[1::2]
        if (
            len(zeros) > 8
            and zeros.count(0) > 0.9 * len(zeros)
            and other.count(0) < 0.05 * len(other)
        ):
            return content.decode(name, errors="replace"), name
    try:
        return content.decode("utf-8").rstrip("\x1a"), "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252").rstrip("\x1a"), "cp1252"
    except UnicodeDecodeError:
        return content.decode("latin-1").rstrip("\x1a"), "latin-1"


@functools.lru_cache(maxsize=4)
def head_text(head: bytes) -> str:
    """The beginning of a file as text with plain line ends, for recognition; never raises."""
    if len(head) == HEAD_BYTES and head[-1:] != b"\n":
        cut = max(head.rfind(b"\n"), head.rfind(b"\r")) + 1
        head = head[:cut] or head  # a character cut in half must not change the encoding
    return _LINE_END.sub("\n", decode(head)[0])
