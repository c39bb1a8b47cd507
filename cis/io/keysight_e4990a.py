"""Keysight E4990A (and E5061B-3L5) csv exports.

Schema: Frequency(Hz), then the traces by name, e.g. R(Ohm)-data, X(Ohm)-data, or |Z|(Ohm)-data, Theta-z(deg)-data.
Uncertainties: none stated.
Metadata: instrument and date in the lines that begin with "!".
Structure: "!" lines, "BEGIN CH1_DATA", one line of names divided by commas, rows, "END". Each channel is a table.
"""

from pathlib import Path

from cis.io.metadata import facts_above
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import read_tables
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Keysight E4990A"


def matches(head: bytes, name: str) -> bool:
    """The block mark of the instrument."""
    text = head_text(head)
    return "BEGIN CH" in text and "_DATA" in text


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each channel and sweep."""
    text = load_text(path)
    return read_tables(
        text,
        format_name=NAME,
        options=options,
        facts=lambda t: facts_above(text, t),
        sign_known=True,
    )
