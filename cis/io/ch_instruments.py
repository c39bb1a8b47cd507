"""CH Instruments text files of "A.C. Impedance".

Schema: Freq/Hz, Z'/ohm, Z"/ohm, Z/ohm, Phase/deg; Z" < 0 capacitive.
Uncertainties: none stated; four significant digits.
Metadata: date in the first line, "key: value" and "key = value" lines.
Structure: "A.C. Impedance" in the second line, the settings, a line of names divided by commas, an empty line, rows.
"""

from pathlib import Path

from cis.io.metadata import facts_above
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import read_tables
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "CH Instruments"


def matches(head: bytes, name: str) -> bool:
    """The technique in one of the first lines, and the name of the instrument or the source."""
    lines = head_text(head)[:2000].split("\n")
    technique = any(
        line.startswith(("A.C. Impedance", "IMP - A.C. Impedance", "Impedance - "))
        for line in lines[:4]
    )
    return technique and any(
        line.startswith(("Instrument Model:", "Data Source:")) for line in lines
    )


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """All spectra of the file."""
    text = load_text(path)
    return read_tables(
        text,
        format_name=NAME,
        options=options,
        facts=lambda t: facts_above(text, t),
        sign_known=True,
    )
