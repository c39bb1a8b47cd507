"""The plain csv that `cis convert` writes.

Schema: f_Hz, Zreal_ohm, Zimag_ohm, and T_K where the temperature is known; Hz, Ohm, Z'' < 0 capacitive; one spectrum.
Uncertainties: none.
Metadata: none; the temperature is the mean of T_K.
Structure: one line of names, rows divided by commas, shortest decimals that give the same double back.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from cis.io.numerals import parse_number
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, make_spectrum
from cis.io.text import head_text, load_text
from cis.stages import Spectrum

__all__ = ["NAME", "csv_lines", "matches", "read"]

NAME = "cis csv"
_NAMES = "f_Hz,Zreal_ohm,Zimag_ohm"


def csv_lines(spectrum: Spectrum) -> Iterator[str]:
    """The lines of the csv, without line ends."""
    known = spectrum.temperature_k is not None
    yield _NAMES + (",T_K" if known else "")
    last = f",{spectrum.temperature_k!r}" if known else ""
    for f, z in zip(spectrum.frequency_hz.tolist(), spectrum.z_ohm.tolist(), strict=True):
        yield f"{f!r},{z.real!r},{z.imag!r}{last}"


def matches(head: bytes, name: str) -> bool:
    """The line of names."""
    return head_text(head).split("\n", 1)[0].strip() in (_NAMES, _NAMES + ",T_K")


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """The one spectrum. Raises ReadError with the line of a row that is not three or four numbers."""
    text = load_text(path)
    width = text.lines[0].count(",") + 1
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, line in enumerate(text.lines[1:], start=2):
        if not line.strip():
            continue
        values = [parse_number(c, ".") for c in line.split(",")]
        row = [v for v in values if v is not None and np.isfinite(v)]
        if len(row) != width or len(values) != width or row[0] <= 0:
            raise ReadError(
                f"the row is not {width} numbers with a frequency above 0",
                why=repr(line.strip()[:60]),
                remedy="the file may be cut short: convert it again",
                where=text.at(number),
            )
        rows.append(row)
        lines.append(number)
    if not rows:
        raise ReadError("the file has no rows", remedy="convert it again", where=text.path)
    table = np.array(rows)
    sign = -1.0 if options.imaginary_sign == "minus" else 1.0
    spectrum = make_spectrum(
        file=text.path,
        format_name=NAME,
        frequency_hz=table[:, 0],
        z_ohm=table[:, 1] + 1j * (sign * table[:, 2]),
        line=np.array(lines, dtype=np.int64),
        facts=Facts(
            # one temperature repeated keeps its last digit; a mean of equal numbers need not
            temperature_k=(
                float(table[0, 3]) if np.ptp(table[:, 3]) == 0 else float(np.mean(table[:, 3]))
            )
            if width == 4
            else None
        ),
    )
    return build([spectrum], where=text.path)
