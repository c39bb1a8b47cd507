"""Scribner Multistat archives (.mdat): a ZIP with one .z file for each sweep.

Schema: as `cis.io.zplot`, one member after the other in the order of the archive; the member's name is the label.
Uncertainties: none stated.
Metadata: that of the members.
Structure: built from the description that public readers agree on, without a sample file. The archive is opened in
    memory; nothing is written. Members are limited in number and unpacked size; encrypted ones are refused.
"""

import io
import zipfile
import zlib
from pathlib import Path

from calibration.errors import ReadError
from cis.io import zplot
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import build
from cis.io.text import MAX_BYTES, lines_of, load_bytes
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Multistat"
_MOST_MEMBERS = 2000


def matches(head: bytes, name: str) -> bool:
    """A ZIP archive; what is in it decides when it is read."""
    return head.startswith(b"PK\x03\x04")


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """The spectra of all .z members. Raises ReadError for another or a damaged archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(load_bytes(path))) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            names = {m.filename.lower() for m in members}
            if any(n.endswith("workbook.xml") or n.startswith("xl/") for n in names):
                raise ReadError(
                    "an Excel workbook",
                    remedy="save the sheet as csv and read that",
                    where=str(path),
                )
            wanted = [m for m in members if m.filename.lower().endswith(".z")]
            _check(wanted, path)
            spectra: list[Spectrum] = []
            for member in wanted:
                label = f"{path}!{member.filename}"
                with archive.open(member) as source:  # ZipFile.read unpacks what is not declared
                    content = source.read(member.file_size + 1)
                spectra += zplot.read_text(
                    lines_of(content, label), options, name=Path(member.filename).stem
                )
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise ReadError(
            "the archive cannot be opened",
            why=str(error),
            remedy="copy or export the file again",
            where=str(path),
        ) from error
    return build(spectra, where=str(path))


def _check(members: list[zipfile.ZipInfo], path: Path | str) -> None:
    if not members:
        raise ReadError(
            "a ZIP archive without .z files",
            why="a Multistat .mdat holds the sweeps as .z",
            remedy="unpack it and read the files in it",
            where=str(path),
        )
    if len(members) > _MOST_MEMBERS or sum(m.file_size for m in members) > MAX_BYTES:
        raise ReadError(
            "the archive unpacks to more than a measurement can hold",
            why=f"{len(members)} members, {sum(m.file_size for m in members) / 1e6:.0f} MB",
            where=str(path),
        )
    if any(m.flag_bits & 1 for m in members):
        raise ReadError(
            "the archive is encrypted", remedy="unpack it and read the files in it", where=str(path)
        )
