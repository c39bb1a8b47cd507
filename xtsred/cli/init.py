"""`xtsred init`: a project file from scans."""

import json
from pathlib import Path

import click

from calibration.commandline import EXIT_DONE
from calibration.errors import InputError, OutputError, ReadError
from xtsred.io import read_scans
from xtsred.io.project import project_text
from xtsred.io.text import parse_columns
from xtsred.stages import Scan

__all__ = ["init"]


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
    """Write a commented project file from INPUTS: scan files, or folders of them."""
    if out is not None and out.is_dir():
        raise OutputError(
            "the project file would be a folder",
            remedy=f"write --out {out / 'run.toml'}",
            where=str(out),
        )
    if out is not None and out.exists() and not overwrite:
        raise OutputError(
            "the project file exists already",
            remedy="name another, or add --overwrite",
            where=str(out),
        )
    chosen = parse_columns(columns) if columns else None
    files, passed = _read(inputs, columns=chosen, out=out)
    text = project_text(files, folder=out.parent if out is not None else Path.cwd())
    if out is not None:
        _write(out, text)
    if as_json:
        result = {
            "out": None if out is None else str(out),
            "scans": [{"file": str(f), "ranges": len(r)} for f, r in files],
            "not_scans": passed,
            "text": text,
        }
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    elif out is None:
        click.echo(text, nl=False)
    else:
        ranges = sum(len(r) for _, r in files)
        click.echo(f"{out}: {ranges} scans from {len(files)} files; fill in what is marked (you)")
    return EXIT_DONE


def _read(
    inputs: tuple[Path, ...], *, columns: dict[str, int] | None, out: Path | None
) -> tuple[list[tuple[Path, tuple[Scan, ...]]], list[str]]:
    """The scans of every file; in a folder, files that are no scans are said and passed over."""
    files: list[tuple[Path, tuple[Scan, ...]]] = []
    passed: list[str] = []
    for given in inputs:
        if not given.is_dir():
            files.append((given, read_scans(given, columns=columns)))
            continue
        for file in sorted(
            p for p in given.iterdir() if p.is_file() and not p.name.startswith(".")
        ):
            if out is not None and file.resolve() == out.resolve():
                continue
            try:
                files.append((file, read_scans(file, columns=columns)))
            except ReadError as error:
                passed.append(str(file))
                click.echo(f"no scan: {file}: {error.what}", err=True)
    if not files:
        raise InputError(
            "there is no scan in " + ", ".join(map(str, inputs)),
            remedy="name scan files, or their folder",
        )
    return files, passed


def _write(out: Path, text: str) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "the project file cannot be written",
            why=(error.strerror or str(error)).lower(),
            where=str(out),
        ) from error
