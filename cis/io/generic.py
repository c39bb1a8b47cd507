"""Any text with a table of an impedance: csv, txt, dat, with or without a header.

Schema: a header line that names a frequency (f, omega) and a complete pair (Z' Z'', |Z| phase, Y' Y'', G B, Cp Rp,
    Cp D, Cs Rs, Ls Rs, ...), then rows; separators tab, ';', ',', white space; decimal point or comma; any number of
    tables, side by side groups, cycles and temperatures. Without a header: three columns that are f, Z', Z''
    or f, |Z|, phase, told apart by physics, and only where physics is clear.
Uncertainties: none are stated in such files.
Metadata: the lines above the table are kept as text; "key: value" and "key = value" lines by their key.
Structure: everything is in `cis.io.table`, `cis.io.columns`, `cis.io.derive` and `cis.io.spectra`.
"""

from pathlib import Path

from cis.io.metadata import facts_above
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import build, no_table, spectra_of_table
from cis.io.table import find_tables
from cis.io.text import load_text
from cis.io.unheaded import decide, name_columns, refuse_unknown_names, unheaded_table
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "text table"


def matches(head: bytes, name: str) -> bool:
    """Every text that no other format claims; the caller asks the others first."""
    return b"\0" not in head[:4096] or head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head[:2]


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """All spectra of the text. Raises ReadError with the line and the question where the file leaves one open."""
    text = load_text(path)
    tables = find_tables(text, options=options)
    if tables:
        found = [
            spectrum
            for table in tables
            for spectrum in spectra_of_table(
                table, text=text, format_name=NAME, options=options, facts=facts_above(text, table)
            )
        ]
        return build(found, where=text.path)
    table = unheaded_table(text)
    if table is None:
        raise no_table(text)
    if options.columns:
        named = name_columns(table, options)
        facts = facts_above(text, table)
    else:
        refuse_unknown_names(table, text)
        named, finding = decide(table, text, options)
        facts = facts_above(text, table, extra=(finding,))
    spectra = spectra_of_table(
        named, text=text, format_name=NAME, options=options, facts=facts, sign_known=True
    )
    return build(spectra, where=text.path)
