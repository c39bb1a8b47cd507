"""Solartron SMaRT binary results (.dat): refused, because their layout is not published.

Schema, uncertainties, metadata: none is read.
Structure: the file begins with "SMaRT_Data". Phases are not found in it by those who tried.
"""

from pathlib import Path

from calibration.errors import ReadError
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Solartron SMaRT binary"


def matches(head: bytes, name: str) -> bool:
    """The signature of SMaRT, or a .dat with zero bytes that is no text in UTF-16 and no archive."""
    if b"SMaRT_Data" in head[:256]:
        return True
    binary = b"\0\0" in head[:4096] and not head.startswith(
        (b"PK", b"BIO-LOGIC", b"\0\0\xff\xff\xff\xfe")
    )
    return name.lower().endswith(".dat") and binary


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """Always raises ReadError, with the way out."""
    raise ReadError(
        "the binary result file of Solartron SMaRT cannot be read",
        why="its layout is not published, and the phase is not stored as such",
        remedy="open it in SMaRT, choose File > Export, and save as csv with Frequency, Impedance Magnitude and Impedance Phase",
        where=str(path),
    )
