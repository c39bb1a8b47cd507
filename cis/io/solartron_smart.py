"""Solartron SMaRT csv exports (1260, 1287, ModuLab), both locales, one or many temperatures in a file.

Schema: Result Number, Sweep Number, Point Number, Time, Frequency (Hz), AC Level (V), DC Level (V), Set Point ('C),
    Temperature ('C), Control ('C), Impedance Magnitude (Ohms), Impedance Phase Degrees ('), ...; the user selects which
    (also Impedance Real (Ohms), Impedance Imaginary (Ohms), Set Point (K), ...). Z'' = |Z| sin(phase) < 0 capacitive.
Uncertainties: none stated.
Metadata: "Experiment start time" and other lines above; 0 °C = 273.15 K.
Structure: built from what five public readers agree on, without a sample file. Some introductory lines, whose number
    varies; then the line with "Frequency" and "Impedance ..."; then rows that end with a separator. The degree sign is
    written as an apostrophe. European machines write rows with ';' and decimal commas while the header line may keep
    its commas. "-" stands for a value that was not measured. A new sweep number or set point begins a new spectrum.
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

NAME = "Solartron SMaRT csv"
_HEADER = re.compile(r"^(?=.*\bFrequency\b)(?=.*\bImpedance (?:Magnitude|Real|Phase)\b)(?=.*(?:Result|Sweep|Point) Number|.*AC Level|.*Set Point|.*Admittance Magnitude).*$", re.MULTILINE | re.IGNORECASE)  # fmt: skip


def matches(head: bytes, name: str) -> bool:
    """A line with "Frequency", an impedance and a column that only SMaRT writes."""
    text = head_text(head)
    return "Exported SMaRT" in text[:4096] or bool(_HEADER.search(text))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each sweep and set point."""
    text = load_text(path)

    def facts(table: Table) -> Facts:
        lines = text.lines[max(table.above[0] - 1, 0) : table.header_line - 1]
        header = pairs_in([line.strip(" ,;") for line in lines])
        begun = next((line for line in lines if "start time" in line.lower()), "")
        return Facts(started=_started(begun), header=header)

    return read_tables(text, format_name=NAME, options=options, facts=facts, sign_known=True)


def _started(line: str) -> str | None:
    """ISO time where the order of day and month is beyond doubt, else None."""
    day_first, month_first = (iso_time(line, order=o) for o in ("dmy", "mdy"))
    if iso_time(line, order="ymd"):
        return iso_time(line, order="ymd")
    if day_first and month_first and day_first[:10] != month_first[:10]:
        return None
    return day_first or month_first
