"""Gamry Framework text files (.DTA).

Schema: table ZCURVE with Pt, Time, Freq, Zreal, Zimag, Zsig, Zmod, Zphz, Idc, Vdc, IERange; Hz, Ohm, Z'' < 0 capacitive.
Uncertainties: none stated.
Metadata: TITLE, DATE (month/day/year), TIME, PSTAT, AREA as "KEY TYPE value description" lines; EXPERIMENTABORTED.
Structure: "EXPLAIN", tagged lines divided by tabs, then tables: a line "NAME TABLE [count]", names, units, and rows
    that begin with a tab. Tables other than ZCURVE (open-circuit record, raw FRA) are not impedances. Decimal comma
    in some locales; -327.67 °C means that no thermometer is connected.
"""

import re
from pathlib import Path

from calibration.errors import ReadError
from calibration.report import Finding
from cis.io.metadata import announced, iso_time
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, read_tables
from cis.io.table import Table
from cis.io.text import TextFile, head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Gamry DTA"
_TABLE = re.compile(r"\A(?P<name>\w+)\tTABLE(?:\t(?P<count>\d+))?")


def matches(head: bytes, name: str) -> bool:
    """The first line is EXPLAIN and a tag follows."""
    return bool(re.match(r"\s*EXPLAIN[ \t]*\n(?:TAG\t|\w+\t)", head_text(head)))


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each ZCURVE. Raises ReadError for a .DTA of another experiment."""
    text = load_text(path)
    kept, ignored, counts = _only_impedance(text)
    if not counts:
        raise ReadError(
            "the file holds no impedance",
            why=f"there is no table ZCURVE in it, only {', '.join(ignored) or 'none'}",
            remedy="choose the .DTA of an EIS experiment",
            where=str(path),
        )
    tags = {m[0]: m[2] for line in text.lines if len(m := line.split("\t")) >= 3 and m[0].isupper()}
    aborted = tags.get("EXPERIMENTABORTED") == "T"
    doubt = (
        (Finding("warning", "The experiment was aborted: the sweep may be incomplete."),)
        if aborted
        else ()
    )

    def facts(table: Table) -> Facts:
        start = max((n for n in counts if n < table.header_line), default=0)
        return Facts(
            name=tags.get("TITLE", ""),
            started=iso_time(f"{tags.get('DATE', '')} {tags.get('TIME', '')}", order="mdy"),
            header={k: v for k, v in tags.items() if v and k not in ("TITLE",)},
            findings=(*doubt, *announced(counts.get(start), len(table.line))),
            ignored=tuple(ignored),
        )

    return read_tables(kept, format_name=NAME, options=options, facts=facts, sign_known=True)


def _only_impedance(text: TextFile) -> tuple[TextFile, list[str], dict[int, int | None]]:
    """The same lines with everything outside ZCURVE blanked, the names of other tables, and line -> announced rows."""
    lines: list[str] = []
    ignored: list[str] = []
    counts: dict[int, int | None] = {}
    inside = False
    for number, line in enumerate(text.lines, start=1):
        match = _TABLE.match(line)
        if match:
            inside = match["name"].upper().startswith("ZCURVE")
            if inside:
                counts[number] = int(match["count"]) if match["count"] else None
            else:
                ignored.append(match["name"])
        elif line[:1] not in ("\t", ""):
            inside = False
        lines.append(line if inside and not match else "")
    return TextFile(path=text.path, encoding=text.encoding, lines=tuple(lines)), ignored, counts
