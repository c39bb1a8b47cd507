"""Scans of diffractometers: one module per format, recognised by content."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from calibration.errors import ReadError
from xtsred.io import (
    brml,
    bruker_raw1,
    bruker_raw2,
    bruker_raw3,
    bruker_raw4,
    chi,
    gsas,
    highscore_csv,
    ras,
    rasx,
    rigaku_asc,
    stoe_raw,
    text,
    uxd,
    xrdml,
)
from xtsred.stages import Scan

__all__ = ["READERS", "read_scans"]

# A reader has NAME, matches(head, name) and read(path); the first that matches is the only one asked.
READERS: tuple[ModuleType, ...] = (
    bruker_raw1,
    bruker_raw2,
    bruker_raw3,
    bruker_raw4,
    stoe_raw,
    brml,
    rasx,
    xrdml,
    ras,
    rigaku_asc,
    uxd,
    gsas,
    highscore_csv,
    chi,
    text,
)

# what people hand in as a scan, by its first bytes
_REFUSED = {
    # libhdf5 cannot be trusted with damaged files in our process, and no diffractometer writes NXxrd by itself
    b"\x89HDF\r\n": "an HDF5 or NeXus file",
    b"V3RD": "a Philips .rd file",
    b"V5RD": "a Philips .rd file",
    b"V3SD": "a Philips .sd file",
    b"\xd0\xcf\x11\xe0": "an Office document",
    b"PK\x03\x04": "a ZIP archive (or Office document) without scans",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip file: unpack it first; it",
}

# beamlines write long headers before the first word that tells the format
_HEAD_BYTES = 32_768


def read_scans(path: Path, *, columns: Mapping[str, int] | None = None) -> tuple[Scan, ...]:
    """Every range of a file, as the file states it; ranges count from 0, in messages as in the project file.

    columns: which column of a text table is what, counted from 1 (`xtsred.io.text.COLUMNS`); without it
    a table has 2theta and intensity, and sigma if there is a third column. Other formats name their own.
    Raises ReadError (with file and line) for a file that is missing, no scan, damaged, or in a format
    that is not known here.
    """
    head = _head(path)
    if columns is not None:
        found = next(
            (r.NAME for r in READERS if r is not text and r.matches(head, path.name)), None
        )
        if found is not None:
            raise ReadError(
                f"columns are given, but this is a {found} file",
                why="such a file says itself what its numbers are",
                remedy="leave the columns out",
                where=str(path),
            )
        return text.read(path, columns=columns)
    for reader in READERS:
        if reader.matches(head, path.name):
            scans: tuple[Scan, ...] = reader.read(path)
            return scans
    refused = next((what for magic, what in _REFUSED.items() if head.startswith(magic)), None)
    raise ReadError(
        f"this is {refused}, which is not read"
        if refused
        else "the file is neither text nor a format known here",
        why="scans are read from the formats below" if refused else f"it begins with {head[:16]!r}",
        remedy="export the scan as .xy text; known formats: " + ", ".join(r.NAME for r in READERS),
        where=str(path),
    )


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise ReadError("this is a folder, not a scan", remedy="name its files", where=str(path))
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ReadError(
            "the file cannot be read",
            why=(error.strerror or str(error)).lower(),
            remedy="check the path; paths of a project file are relative to it",
            where=str(path),
        ) from error
    if not head.strip():
        raise ReadError("the file is empty", remedy="export the scan again", where=str(path))
    return head
