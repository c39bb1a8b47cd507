"""Text exports of Princeton Applied Research: VersaStudio/Parstat and PowerSuite.

Schema: Parstat: Potential (V), Current (A), Elapsed Time (s), Frequency (Hz), Zre (ohms), Zim (ohms), |Vac|, |Iac|;
    PowerSuite: Frequency, Zre, Zimg, without units (Hz, Ohm). Z'' < 0 capacitive.
Uncertainties: none stated.
Metadata: none.
Structure: one line of names divided by tabs, rows. Rows with frequency 0 are the record of other actions. PowerSuite
    ends its lines with two carriage returns and a line feed.
"""

import re
from pathlib import Path

from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import read_tables
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Parstat/PowerSuite"
_FIRST = re.compile(
    r"\A\s*(?:(?=[^\n]*Elapsed Time \(s\))(?=[^\n]*Zre \(ohms\))(?=[^\n]*Zim \(ohms\))|Frequency(?:\(Hz\))?\s+Zre\S*\s+Zimg)"
)


def matches(head: bytes, name: str) -> bool:
    """The line of names."""
    return bool(_FIRST.match(head_text(head)))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """All spectra of the file."""
    return read_tables(load_text(path), format_name=NAME, options=options, sign_known=True)
