"""Novocontrol text exports of WinDETA and NEISYS, with one or several temperatures in a file.

Schema: Freq. [Hz], and any of Zs' Zs'' [Ohm], Eps' Eps'', Sig' [S/cm], Tan(Delta), Cp' [F], Temp. (set point),
    M Temp (measured). Zs'' < 0 capacitive. A permittivity is turned into Z with the file's own diameter and thickness.
Uncertainties: none stated.
Metadata: sample name and date in the first line, geometry in the second, "Fixed value(s) :" with the set temperature.
Structure: two or three lines of facts, one line of names, rows divided by tabs. The degree sign may be damaged.
"""

import re
from dataclasses import replace
from pathlib import Path

from cis.io.columns import Column
from cis.io.metadata import geometry, iso_time
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, read_tables
from cis.io.table import Table
from cis.io.temperature import kelvin_in
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Novocontrol"
_HEADER = re.compile(r"^[ \t]*Freq\.\s*\[\w*Hz\].*(?:Zs'|Eps'|Sig'|Cp'|Ys'|Yp'|Zp')", re.MULTILINE)


def matches(head: bytes, name: str) -> bool:
    """The line of names as WinDETA writes it."""
    return bool(_HEADER.search(head_text(head)))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each set temperature."""
    text = load_text(path)

    def facts(table: Table) -> Facts:
        lines = [
            line.strip() for line in text.lines[max(table.above[0] - 1, 0) : table.header_line - 1]
        ]
        first = next((line for line in lines if line), "")
        fixed = next((line for line in lines if line.startswith("Fixed value")), "")
        shape = next((line for line in lines if "Diameter" in line), "")
        header = {
            k: v
            for k, v in (("Fixed value(s)", fixed.partition(":")[2].strip()), ("geometry", shape))
            if v
        }
        return Facts(
            name=first.split(",")[0].strip() if first not in (fixed, shape) else "",
            temperature_k=kelvin_in(fixed),
            started=iso_time(first, order="dmy"),
            header=header,
            cell=geometry(lines),
        )

    return read_tables(
        text,
        format_name=NAME,
        options=options,
        facts=facts,
        adjust=_set_or_measured,
        sign_known=True,
    )


def _set_or_measured(column: Column) -> Column:
    if column.role == "T" and not column.header.startswith("M"):
        return replace(column, role="T set")
    return column
