"""LCR-meter text: frequency, |Z|, phase, temperature, with German headers and decimal commas.

Schema: F[Hz], Z[Ohm], Theta (degrees, negative capacitive), Temperatur[°C] (often empty).
Uncertainties: none stated.
Metadata: time and date (day.month.year), sample area and thickness, voltage level.
Structure: some lines of settings, the names divided by two tabs, the rows by one.
"""

import re
from pathlib import Path

from cis.io.metadata import iso_time, pairs_in
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, read_tables
from cis.io.table import Table
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "LCR meter text"
_HEADER = re.compile(r"^F\[Hz\]\t+Z\[Ohm\]\t+Theta", re.MULTILINE)


def matches(head: bytes, name: str) -> bool:
    """The line of names."""
    return bool(_HEADER.search(head_text(head)))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """All spectra of the file."""
    text = load_text(path)

    def facts(table: Table) -> Facts:
        lines = text.lines[: table.header_line - 1]
        return Facts(
            started=iso_time(lines[0] if lines else "", order="dmy"), header=pairs_in(lines)
        )

    return read_tables(text, format_name=NAME, options=options, facts=facts, sign_known=True)
