"""Scribner ZPlot and ZView text files (.z), and the same layout written by others ("Z60W" of Autolab NOVA).

Schema: Freq(Hz), Ampl, Bias, Time(Sec), Z'(a), Z''(b), GD or Aux, Err, Range; f in Hz, Z in Ohm, Z'' < 0 capacitive.
Uncertainties: none stated; the column Err is an error code of the analyser.
Metadata: experiment type, date (month-day-year), user comments, number of points.
Structure: three generations. "ZPLOT2 ASCII": key and value lines, a line of column names, "End Comments", rows
    divided by tabs. "ZPlotW Data File" and "ZView Calculated Data File": quoted lines, a line of numbers, the number of
    points, a quoted line of column names, rows divided by commas or tabs. "Z60W Data File": the same with empty quoted
    lines. The names stand in one pair of quotes divided by spaces whatever divides the rows.
"""

import re
from pathlib import Path

from cis.io.metadata import announced, iso_time, pairs_in
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, read_tables
from cis.io.table import Table
from cis.io.temperature import kelvin_in
from cis.io.text import TextFile, head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read", "read_text"]

NAME = "ZPlot/ZView"
_FIRST = re.compile(
    r'\A\s*"?(?:ZPLOT2 ASCII|ZPlotW Data File|ZView \w+ Data File|Z60W Data File|ZPlot)',
    re.IGNORECASE,
)
_COUNT = re.compile(r"\A\s*(?:Data Points:\s*)?(\d+)\s*\Z")


def matches(head: bytes, name: str) -> bool:
    """The first line names the program."""
    return bool(_FIRST.match(head_text(head)))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """All spectra of a .z file."""
    return read_text(load_text(path), options)


def read_text(text: TextFile, options: ReadOptions, *, name: str = "") -> tuple[Spectrum, ...]:
    """All spectra of the lines of a .z file; name: label, where it is a member of an archive."""

    def facts(table: Table) -> Facts:
        lines = text.lines[: table.header_line]
        header = pairs_in([line.strip().strip('"') for line in lines])
        date = next((line for line in lines if re.search(r"\bDate:", line)), "")
        clock = next((line for line in lines if re.search(r"\bTime:", line)), "")
        counts = [int(m[1]) for m in map(_COUNT.match, lines) if m]
        temperature = next((t for t in map(kelvin_in, lines) if t is not None), None)
        return Facts(
            name=name,
            temperature_k=temperature,
            started=iso_time(f"{date} {clock}", order="mdy"),
            header=header,
            findings=announced(counts[-1] if counts else None, len(table.line)),
        )

    return read_tables(text, format_name=NAME, options=options, facts=facts, sign_known=True)
