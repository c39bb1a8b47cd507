"""Fields of binary files, with a clear error where a file ends too early."""

import struct
from typing import Any

import numpy as np

from calibration.errors import ReadError
from xtsred.stages import Array, frozen

__all__ = ["field", "fields", "floats", "text"]


def _need(data: bytes, end: int, *, file: str, what: str) -> None:
    if end > len(data):
        raise ReadError(
            f"the file ends within {what}",
            why=f"{end} bytes are needed, it has {len(data)}: it was cut, or never finished",
            remedy="copy it again from the instrument",
            where=file,
        )


def fields(data: bytes, layout: str, offset: int, *, file: str, what: str) -> tuple[Any, ...]:
    """The numbers of a struct layout at an offset. Raises ReadError past the end."""
    _need(data, offset + struct.calcsize(layout), file=file, what=what)
    return struct.unpack_from(layout, data, offset)


def field(data: bytes, layout: str, offset: int, *, file: str, what: str) -> Any:
    """One number of a struct layout at an offset. Raises ReadError past the end."""
    return fields(data, layout, offset, file=file, what=what)[0]


def text(data: bytes, offset: int, length: int) -> str:
    """Text of a field padded with NUL, blanks or underscores."""
    raw = data[offset : offset + length].split(b"\0")[0]
    return raw.decode("latin-1").strip(" _")


def floats(
    data: bytes, offset: int, count: int, *, stride: int, dtype: str = "<f4", file: str, what: str
) -> Array:
    """count numbers, one at the start of every stride bytes. Raises ReadError past the end."""
    _need(data, offset + count * stride, file=file, what=what)
    raw = np.ndarray((count,), dtype=dtype, buffer=data, offset=offset, strides=(stride,))
    with np.errstate(invalid="ignore"):  # a NaN of damaged bytes is refused later, by its point
        return frozen(raw)
