"""Princeton Applied Research VersaStudio files (.par).

Schema: Segment #, Point #, E(V), I(A), Elapsed Time(s), ..., Frequency(Hz), E Real, E Imag, I Real, I Imag, Z Real, Z Imag.
Uncertainties: none stated. The Z of the .par is as measured: VersaStudio applies the calibration of the instrument
    only when it exports, so every spectrum carries a warning.
Metadata: instrument, names and actions as "key=value" lines of the sections.
Structure: sections like XML tags; "<Segment1>" has a line "Definition=" with the names divided by commas, then rows. Rows
    with frequency 0 belong to other actions. A new segment begins a new spectrum.
"""

from pathlib import Path

from calibration.report import Finding
from cis.io.metadata import pairs_in
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, read_tables
from cis.io.table import Table
from cis.io.text import TextFile, head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "VersaStudio"
UNCALIBRATED = Finding(
    "warning",
    "A .par file holds the impedance before the calibration of the instrument is applied; export the data from"
    " VersaStudio for calibrated values, above all at high frequency.",
)
_KEPT = frozenset(
    {
        "Name",
        "Type",
        "Model",
        "SN",
        "Firmware",
        "Version",
        "Date",
        "Time",
        "Date Acquired",
        "Time Acquired",
    }
)


def matches(head: bytes, name: str) -> bool:
    """The application names itself in the first section."""
    text = head_text(head)
    return text.lstrip().startswith("<Application>") and "VersaStudio" in text[:2000]


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each segment, with the warning that it is not calibrated."""
    raw = load_text(path)
    lines = tuple(line.removeprefix("Definition=") for line in raw.lines)
    text = TextFile(path=raw.path, encoding=raw.encoding, lines=lines)

    def facts(table: Table) -> Facts:
        header = {k: v for k, v in pairs_in(lines[: table.header_line - 1]).items() if k in _KEPT}
        return Facts(header=header, findings=(UNCALIBRATED,))

    return read_tables(text, format_name=NAME, options=options, facts=facts, sign_known=True)
