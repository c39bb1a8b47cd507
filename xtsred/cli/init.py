"""`xtsred init`: a project file from scans, or from a folder in which they lie."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.commandline import EXIT_DONE
from calibration.errors import InputError, ReadError
from calibration.textfile import check_file, write_file

if TYPE_CHECKING:
    from xtsred.stages import Scan

__all__ = ["init"]

_SAID = 8


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="the project file; absent: printed")
@click.option("--overwrite", is_flag=True, help="replace a project file that exists")
@click.option("--columns", help='of text tables, e.g. "two_theta_deg=1,rate_cps=2"; counted from 1')
@click.option("--json", "as_json", is_flag=True, help="print the machine-readable result")
def init(
    inputs: tuple[Path, ...],
    out: Path | None,
    overwrite: bool,
    columns: str | None,
    as_json: bool,
) -> int:
    """Write a commented project file from INPUTS: scan files, or folders of them with their subfolders.

    Which file is the sample, the empty container or the environment is guessed where its name, header and counts agree,
    and each guess says from what. What no file knows is marked FILL IN. Files that are not used are listed with the reason.
    """
    from calibration.project_text import passed_lines
    from calibration.walk import find_files
    from xtsred.io.project import project_text
    from xtsred.io.roles import guess_roles
    from xtsred.io.text import UnnamedColumns, parse_columns

    if out is not None:
        _check(out, overwrite=overwrite)
    chosen = parse_columns(columns) if columns else None
    found = find_files(inputs, but=out)
    files: list[tuple[Path, tuple[Scan, ...]]] = []
    passed = list(found.passed)
    unnamed: list[tuple[Path, str]] = []
    for path in found.files:
        try:
            files.append((path, _read(path, chosen)))
        except ReadError as error:
            if path in found.given:
                raise
            if isinstance(error, UnnamedColumns):
                unnamed.append((path, error.what))
            else:
                passed.append((path, error.what))
    if not files and not unnamed:
        raise _no_scan(inputs, passed)
    folder = Path.cwd() if out is None else out.absolute().parent
    dropped = [i for i in inputs if i.is_dir()]
    text = project_text(
        files,
        folder=folder,
        dropped=dropped,
        unnamed=unnamed,
        left_out=passed_lines(passed, folder=folder, hidden=found.hidden),
    )
    if out is not None:
        write_file(out, text)
    for path, why in passed[:_SAID]:
        click.echo(f"no scan: {path}: {why}", err=True)
    if len(passed) > _SAID:
        click.echo(f"no scan: {len(passed) - _SAID} more, listed in the project file", err=True)
    for path, why in unnamed:
        click.echo(f"to be named: {path}: {why}", err=True)
    if as_json:
        guesses = guess_roles(files, folders=dropped) if files else []
        result = {
            "out": None if out is None else str(out),
            "scans": [
                {"file": str(f), "ranges": len(r), "role": g.role, "evidence": g.evidence}
                for (f, r), g in zip(files, guesses, strict=True)
            ],
            "not_scans": [str(path) for path, _ in (*passed, *unnamed)],
            "not_used": [{"file": str(path), "why": why} for path, why in (*passed, *unnamed)],
            "hidden": found.hidden,
            "text": text,
        }
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    elif out is None:
        click.echo(text, nl=False)
    else:
        ranges = sum(len(r) for _, r in files)
        left = text.count("# FILL IN:")
        click.echo(
            f"{out}: {ranges} scans from {len(files)} files; now complete the {left} lines FILL IN, and check what is guessed"
        )
    return EXIT_DONE


def _check(out: Path, *, overwrite: bool) -> None:
    from calibration.errors import OutputError

    if out.is_dir():
        raise OutputError(
            "the project file would be a folder",
            remedy=f"write --out {out / 'run.toml'}",
            where=str(out),
        )
    check_file(out, overwrite=overwrite)


def _read(path: Path, columns: dict[str, int] | None) -> "tuple[Scan, ...]":
    from xtsred.io import read_scans

    return read_scans(path, columns=columns)


def _no_scan(inputs: tuple[Path, ...], passed: list[tuple[Path, str]]) -> InputError:
    told = [f"{path.name}: {why}" for path, why in passed[:_SAID]]
    more = [f"and {len(passed) - _SAID} more"] if len(passed) > _SAID else []
    return InputError(
        "there is no scan in " + ", ".join(map(str, inputs)),
        why="; ".join([*told, *more]) or "nothing is in it",
        remedy="name scan files, or their folder",
    )
