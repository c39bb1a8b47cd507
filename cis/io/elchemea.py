"""Elchemea files (.i2b) of the Technical University of Denmark.

Schema: three columns: frequency (Hz), Z' (Ohm), Z'' (Ohm, < 0 capacitive).
Uncertainties: none stated.
Metadata: free text above the table.
Structure: some lines of text, an empty line, the number of points alone in a line, exactly that many rows of three numbers
    divided by blanks, and nothing after them. Built from the file and public readers.
"""

import re
from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from cis.io.columns import identify
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, spectra_of_table
from cis.io.table import Table
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Elchemea i2b"
_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
_ROW = re.compile(rf"\A\s*{_NUMBER}[ ]+{_NUMBER}[ ]+{_NUMBER}\s*\Z")
_START = re.compile(rf"\n[ \t]*\n[ ]*([0-9]+)[ ]*\n[ ]*{_NUMBER}[ ]+{_NUMBER}[ ]+{_NUMBER}[ ]*\n")


def matches(head: bytes, name: str) -> bool:
    """An empty line, a count alone, and a row of three numbers, in a file that carries the name of the format."""
    return name.lower().endswith(".i2b") and bool(_START.search(head_text(head)))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """The one spectrum of the file. Raises ReadError where the rows are fewer than announced."""
    text = load_text(path)
    start = next(
        (
            k
            for k in range(1, len(text.lines))
            if text.lines[k].strip().isdecimal() and not text.lines[k - 1].strip()
        ),
        None,
    )
    if start is None:
        raise ReadError(
            "the number of points is missing", remedy="copy the file again", where=text.path
        )
    count = int(text.lines[start])
    rows = text.lines[start + 1 : start + 1 + count]
    bad = next(
        (k for k, row in enumerate(rows) if not _ROW.match(row)),
        len(rows) if len(rows) < count else None,
    )
    if bad is not None or count < 1:
        raise ReadError(
            "a row cannot be read, or is missing",
            why=f"{count} rows are announced",
            remedy="the file may be cut short: copy it again",
            where=text.at(start + 2 + (bad or 0)),
        )
    table = Table(
        columns=tuple(identify(h, i) for i, h in enumerate(("f/Hz", "Z'/Ohm", "Z''/Ohm"))),
        values=np.array([[float(c) for c in row.split()] for row in rows]),
        line=np.arange(start + 2, start + 2 + count, dtype=np.int64),
        header_line=0,
        above=(1, start),
    )
    known = Facts(
        header={"text": " ".join(line.strip() for line in text.lines[:start]).strip()[:400]}
    )
    return build(
        spectra_of_table(
            table, text=text, format_name=NAME, options=options, facts=known, sign_known=True
        ),
        where=text.path,
    )
