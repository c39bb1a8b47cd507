"""Readers of impedance exports: one file per format, recognised by content.

A reader is a module with `NAME`, `matches(head, name)` and `read(path, options)`. `READERS` lists those that know their
own files; exactly one may claim a file. Any other text goes to `cis.io.generic`, which reads tables by their names.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from calibration.errors import ReadError
from cis.io import (
    agilent_4294a,
    biologic_mpr,
    biologic_mpt,
    ch_instruments,
    eco_chemie,
    elchemea,
    gamry,
    generic,
    ivium,
    keysight_e4990a,
    lcr_meter,
    multistat,
    novocontrol,
    palmsens,
    parstat,
    plain_csv,
    solartron_dat,
    solartron_smart,
    versastudio,
    zahner,
    zplot,
    zurich,
)
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.text import load_head
from cis.stages import Spectrum

__all__ = ["READERS", "ReadOptions", "read_spectra", "recognise"]

READERS: Sequence[ModuleType] = (
    agilent_4294a, biologic_mpr, biologic_mpt, ch_instruments, eco_chemie, elchemea, gamry, ivium, keysight_e4990a,
    lcr_meter, multistat, novocontrol, palmsens, parstat, plain_csv, solartron_dat, solartron_smart, versastudio, zahner, zplot, zurich,
)  # fmt: skip


def recognise(head: bytes, name: str, *, where: str) -> ModuleType:
    """The reader of a file, from its first bytes and its name. Raises ReadError where none or more than one claims it."""
    claims = [r for r in READERS if r.matches(head, name)]
    if len(claims) > 1:
        raise ReadError(
            "the file looks like more than one format",
            why=", ".join(str(r.NAME) for r in claims),
            remedy="report this, with the first lines of the file",
            where=where,
        )
    if claims:
        return claims[0]
    if generic.matches(head, name):
        return generic
    raise ReadError(
        "the file is binary, and of no format that is known here",
        remedy="export the spectra as text or csv from the program that wrote the file",
        where=where,
    )


def read_spectra(
    path: Path | str, *, options: ReadOptions = AS_THE_FILE_SAYS
) -> tuple[Spectrum, ...]:
    """All impedance spectra of one exported file, in the order of the file.

    The sign is settled: Z'' < 0 is capacitive. Raises ReadError (what, why, what to do, file:line) for anything else.
    """
    reader = recognise(load_head(path), Path(path).name, where=str(path))
    spectra: tuple[Spectrum, ...] = reader.read(path, options)
    return spectra
