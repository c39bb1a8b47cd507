"""`cis init`: a commented project file from exports."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.commandline import EXIT_DONE
from calibration.errors import InputError, OutputError, ReadError

if TYPE_CHECKING:
    from cis.stages import Spectrum

__all__ = ["init"]


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES..."
)
@click.option("--out", type=click.Path(path_type=Path), help="The project file; absent: printed.")
@click.option("--overwrite", is_flag=True, help="Replace a project file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def init(files: tuple[Path, ...], out: Path | None, overwrite: bool, as_json: bool) -> int:
    """Write a commented project file from exports, or from folders of them."""
    from cis.project_file import project_text

    if out is not None and out.is_dir():
        raise OutputError(
            "the project file would be a folder",
            remedy=f"write --out {out / 'run.toml'}",
            where=str(out),
        )
    if out is not None and out.exists() and not overwrite:
        raise OutputError(
            "the project file exists already",
            why="it may hold what you filled in",
            remedy="name another, or add --overwrite",
            where=str(out),
        )
    found, passed = _read(files)
    text = project_text(found, folder=Path.cwd() if out is None else out.parent)
    if out is not None:
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(
                "the project file cannot be written",
                why=error.strerror or str(error),
                where=str(out),
            ) from error
    for name, why in passed:
        click.echo(f"not used: {name}: {why}", err=True)
    if as_json:
        result = {
            "out": None if out is None else str(out),
            "files": [{"file": str(p), "spectra": len(s)} for p, s in found.items()],
            "not_used": [{"file": name, "why": why} for name, why in passed],
            "text": text,
        }
        click.echo(json.dumps(result, indent=1))
    elif out is None:
        click.echo(text, nl=False)
    else:
        count = sum(len(s) for s in found.values())
        click.echo(f"{out}: {count} spectra of {len(found)} files; now complete the lines FILL IN")
    return EXIT_DONE


def _read(
    files: tuple[Path, ...],
) -> "tuple[dict[Path, tuple[Spectrum, ...]], list[tuple[str, str]]]":
    """Spectra of each file; in folders, what is no impedance export is passed over and named."""
    from cis.io import read_spectra

    found: dict[Path, tuple[Spectrum, ...]] = {}
    passed: list[tuple[str, str]] = []
    for given in files:
        if not given.is_dir():
            found[given] = read_spectra(given)
            continue
        for path in sorted(p for p in given.iterdir() if p.is_file() and p.name[0] != "."):
            try:
                found[path] = read_spectra(path)
            except ReadError as error:
                passed.append((str(path), error.what))
    if not found:
        raise InputError(
            "no impedance export was found", remedy="name export files, or a folder that holds them"
        )
    return found, passed
