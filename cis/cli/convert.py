"""`cis convert`: spectra as plain text."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.errors import InputError, OutputError
from calibration.folder import safe_name
from cis.cli.reading import each_file, exit_status, read_options, reading_options

if TYPE_CHECKING:
    from cis.stages import Spectrum

__all__ = ["convert"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice(["csv"]), required=True, help="The plain format.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder to write to; default: here.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for a program.")
@reading_options
def convert(
    files: tuple[Path, ...],
    form: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
    imaginary_sign: str,
    frequency_unit: str,
    columns: tuple[str, ...],
) -> int:
    """Write every spectrum as csv: f_Hz, Zreal_ohm, Zimag_ohm (Z'' < 0 capacitive), and T_K where it is known.

    One file for each spectrum, NAME.csv or NAME_1.csv, NAME_2.csv, ...; nothing is replaced unasked.
    """
    options = read_options(imaginary_sign, frequency_unit, columns)
    entries: list[dict[str, Any]] = []
    stems = [safe_name(f.stem) for f in files]
    taken: set[Path] = set()
    failed = 0
    for (file, outcome), stem in zip(each_file(files, options), stems, strict=True):
        # data.dfr and data.i2b become data_dfr.csv and data_i2b.csv
        ending = file.suffix.lstrip(".")
        name = stem if stems.count(stem) == 1 else safe_name(f"{stem[:60]}_{ending}")
        try:
            if isinstance(outcome, InputError):
                raise outcome
            written = _write(name, file, outcome, out, overwrite, taken)
        except InputError as error:
            failed += 1
            entries.append({"file": str(file), "error": str(error)})
            if not as_json:
                click.echo(f"error: {error}", err=True)
            continue
        entries.append(
            {"file": str(file), "format": outcome[0].format, "written": [str(w) for w in written]}
        )
        if not as_json:
            for path in written:
                click.echo(str(path))
    if as_json:
        click.echo(json.dumps(entries, indent=1, ensure_ascii=False))
    return exit_status(failed, len(files))


def _write(
    stem: str,
    file: Path,
    spectra: "tuple[Spectrum, ...]",
    out: Path,
    overwrite: bool,
    taken: set[Path],
) -> list[Path]:
    """All spectra of one file, or none of them. Raises OutputError where a target exists or cannot be written."""
    from cis.io.plain_csv import csv_lines

    names = [f"{stem}.csv" if len(spectra) == 1 else f"{stem}_{s.index + 1}.csv" for s in spectra]
    targets = [out / n for n in names]
    for target in targets:
        if target in taken:
            raise OutputError(
                "two inputs would be written to one file",
                why=f"{file} is not the first with this name",
                remedy="convert them into different folders with --out",
                where=str(target),
            )
        if target.exists() and (not overwrite or target.resolve() == file.resolve()):
            raise OutputError(
                "the file exists already",
                why="nothing is replaced unasked, and an input never",
                remedy="choose another folder with --out, or add --overwrite",
                where=str(target),
            )
    taken.update(targets)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for target, spectrum in zip(targets, spectra, strict=True):
            partial = target.with_name(f".{target.name}.partial")
            partial.write_text(
                "\n".join(csv_lines(spectrum)) + "\n", encoding="utf-8", newline="\n"
            )
            partial.replace(target)
    except OSError as error:
        raise OutputError(
            "the csv could not be written", why=error.strerror or str(error), where=str(out)
        ) from error
    return targets
