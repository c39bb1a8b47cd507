"""BioLogic EC-Lab and BT-Lab text files (.mpt), any locale.

Schema: freq/Hz, Re(Z)/Ohm, -Im(Z)/Ohm, and others as the user selects; the sign stands in the header.
Uncertainties: none stated here.
Metadata: technique, "Acquisition started on" (month first), comments and settings as "key : value" lines.
Structure: "EC-Lab ASCII FILE", "Nb header lines : N"; line N holds the names divided by tabs, rows follow. The text is
    cp1252; decimal points or commas by the locale of the machine. Rows with frequency 0 belong to other techniques.
    A new cycle or a restart of the frequency begins a new spectrum.
"""

from pathlib import Path

from cis.io.metadata import iso_time, pairs_in
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, read_tables
from cis.io.table import Table
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "BioLogic mpt"


def matches(head: bytes, name: str) -> bool:
    """The first line."""
    return head_text(head).lstrip("\ufeff").startswith(("EC-Lab ASCII FILE", "BT-Lab ASCII FILE"))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each cycle and sweep."""
    text = load_text(path)

    def facts(table: Table) -> Facts:
        lines = text.lines[: table.header_line - 1]
        header = pairs_in(lines)
        technique = next(
            (line.strip() for line in lines[2:6] if line.strip() and ":" not in line), ""
        )
        if technique:
            header["technique"] = technique
        return Facts(
            started=iso_time(header.get("Acquisition started on", ""), order="mdy"), header=header
        )

    return read_tables(text, format_name=NAME, options=options, facts=facts, sign_known=True)
