"""Options and the loop that `inspect` and `convert` share: many files, of which some may fail."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, EXIT_SOME_FAILED
from calibration.errors import InputError

if TYPE_CHECKING:
    from cis.io.options import ImaginarySign, ReadOptions
    from cis.stages import Spectrum

__all__ = ["each_file", "exit_status", "read_options", "reading_options"]


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the answers to what a reader may ask: --imaginary-sign, --frequency-unit, --column."""
    for decorate in (
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="QUANTITY=COLUMN",
            help='Which column holds what, by its header or its number from 1: f=1, "Z\'=2", "-Z\'\'=3", "|Z|=2", phase=3. Repeat.',
        ),
        click.option(
            "--frequency-unit",
            default="",
            metavar="UNIT",
            help="Unit of the frequency where the header does not say it: Hz, kHz, MHz, rad/s.",
        ),
        click.option(
            "--imaginary-sign",
            type=click.Choice(["file", "plus", "minus"]),
            default="file",
            help="plus: the column holds Z'' (a capacitor is negative); minus: it holds -Z''; file: the header says.",
        ),
    ):
        command = decorate(command)
    return command


def read_options(imaginary_sign: str, frequency_unit: str, columns: Sequence[str]) -> "ReadOptions":
    """The record of the answers. Raises InputError for a --column that is not QUANTITY=COLUMN."""
    from cis.io.options import ReadOptions

    named: dict[str, str] = {}
    for text in columns:
        quantity, equals, place = text.partition("=")
        if not equals or not quantity.strip() or not place.strip():
            raise InputError(
                f'--column "{text}" is not QUANTITY=COLUMN', remedy="write for example --column f=1"
            )
        named[quantity.strip()] = place.strip()
    return ReadOptions(
        imaginary_sign=cast("ImaginarySign", imaginary_sign),
        frequency_unit=frequency_unit,
        columns=named,
    )


def each_file(
    files: Sequence[Path], options: "ReadOptions"
) -> Iterator[tuple[Path, "tuple[Spectrum, ...] | InputError"]]:
    """Each file with its spectra, or with the error that stops this file and no other."""
    from cis.io import read_spectra

    for file in files:
        try:
            yield file, read_spectra(file, options=options)
        except InputError as error:
            yield file, error


def exit_status(failed: int, total: int) -> int:
    """0 where nothing failed, 2 where everything did, 3 between."""
    if not failed:
        return EXIT_DONE
    return EXIT_FIXABLE if failed == total else EXIT_SOME_FAILED
