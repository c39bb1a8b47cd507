"""`xtsred convert`: scans as plain text."""

import json
from pathlib import Path

import click

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, EXIT_SOME_FAILED
from calibration.errors import InputError, OutputError
from calibration.folder import safe_name
from calibration.textfile import write_file
from xtsred.io import read_scans
from xtsred.io.text import parse_columns
from xtsred.io.write import EXTENSIONS, scan_text

__all__ = ["convert"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--to", "extension", required=True, type=click.Choice(EXTENSIONS), help="the form")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="folder for the files")
@click.option("--overwrite", is_flag=True, help="replace files that exist")
@click.option("--columns", help='of text tables, e.g. "two_theta_deg=1,rate_cps=2"; counted from 1')
@click.option("--json", "as_json", is_flag=True, help="print the machine-readable result")
def convert(
    files: tuple[Path, ...],
    extension: str,
    out: Path,
    overwrite: bool,
    columns: str | None,
    as_json: bool,
) -> int:
    """Write every range of FILES as plain text: xy, xye (with sigma) or csv (everything)."""
    chosen = parse_columns(columns) if columns else None
    done: list[dict[str, object]] = []
    taken: set[Path] = set()
    failed = 0
    stems = [safe_name(file.stem).lower() for file in files]
    for file in files:
        alone = stems.count(safe_name(file.stem).lower()) == 1
        stem = safe_name(file.stem if alone else file.name.replace(".", "_"))
        try:
            texts = _texts(file, stem=stem, extension=extension, columns=chosen)
            targets = [out / name for name in texts]
            _refuse(targets, taken=taken, overwrite=overwrite, source=file)
            for target, text in zip(targets, texts.values(), strict=True):
                write_file(target, text)
        except InputError as error:
            failed += 1
            done.append({"file": str(file), "error": str(error)})
            click.echo(f"error: {error}", err=True)
            continue
        taken.update(targets)
        done.append({"file": str(file), "written": [str(t) for t in targets]})
        if not as_json:
            click.echo(f"{file} -> {', '.join(map(str, targets))}")
    if as_json:
        click.echo(json.dumps(done, indent=1, ensure_ascii=False))
    if not failed:
        return EXIT_DONE
    return EXIT_FIXABLE if failed == len(files) else EXIT_SOME_FAILED


def _texts(
    file: Path, *, stem: str, extension: str, columns: dict[str, int] | None
) -> dict[str, str]:
    """Name of the new file -> its text, for every range."""
    scans = read_scans(file, columns=columns)
    return {
        f"{stem}{f'_range{scan.range_index}' if len(scans) > 1 else ''}.{extension}": scan_text(
            scan, extension=extension
        )
        for scan in scans
    }


def _refuse(targets: list[Path], *, taken: set[Path], overwrite: bool, source: Path) -> None:
    for target in targets:
        if target in taken:
            raise OutputError(
                "two inputs would be written to one file",
                why="their names differ only in what a name loses",
                remedy="convert them into different folders",
                where=str(target),
            )
        if target.exists() and target.resolve() == source.resolve():
            raise OutputError(
                "a file cannot be converted onto itself",
                remedy="name another folder",
                where=str(target),
            )
        if target.exists() and not overwrite:
            raise OutputError(
                "the file exists already",
                remedy="name another folder, or add --overwrite",
                where=str(target),
            )
