"""`cis init`: a commented project file from exports, or from a folder in which they lie."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.commandline import EXIT_DONE
from calibration.errors import InputError, OutputError, ReadError
from calibration.textfile import check_file, write_file

if TYPE_CHECKING:
    from calibration.walk import Found
    from cis.stages import Spectrum

__all__ = ["init"]

_SAID = 8


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILES..."
)
@click.option("--out", type=click.Path(path_type=Path), help="The project file; absent: printed.")
@click.option("--overwrite", is_flag=True, help="Replace a project file that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def init(files: tuple[Path, ...], out: Path | None, overwrite: bool, as_json: bool) -> int:
    """Write a commented project file from exports, or from folders of them with their subfolders.

    Temperatures and the spectra of the empty holder are guessed where names and impedances agree, and each guess says
    from what. What no export knows is marked FILL IN. Files that are not used are listed with the reason.
    """
    from calibration.project_text import passed_lines
    from calibration.walk import find_files
    from cis.project_file import project_text
    from cis.series_names import guess_fixture

    if out is not None:
        _check(out, overwrite=overwrite)
    walked = find_files(files, but=out)
    found, passed = _read(walked)
    if not found:
        raise _none(files, passed)
    folder = Path.cwd() if out is None else out.absolute().parent
    text = project_text(
        found,
        folder=folder,
        left_out=passed_lines(passed, folder=folder, hidden=walked.hidden),
    )
    if out is not None:
        write_file(out, text)
    for path, why in passed[:_SAID]:
        click.echo(f"not used: {path}: {why}", err=True)
    if len(passed) > _SAID:
        click.echo(f"not used: {len(passed) - _SAID} more, listed in the project file", err=True)
    if as_json:
        result = {
            "out": None if out is None else str(out),
            "files": [{"file": str(p), "spectra": len(s)} for p, s in found.items()],
            "holder": [
                {"file": str(p), "kind": g.kind, "evidence": g.evidence}
                for p, g in guess_fixture(found).items()
            ],
            "not_used": [{"file": str(path), "why": why} for path, why in passed],
            "hidden": walked.hidden,
            "text": text,
        }
        click.echo(json.dumps(result, indent=1))
    elif out is None:
        click.echo(text, nl=False)
    else:
        count = sum(len(s) for s in found.values())
        click.echo(f"{out}: {count} spectra of {len(found)} files; now complete the lines FILL IN")
    return EXIT_DONE


def _check(out: Path, *, overwrite: bool) -> None:
    if out.is_dir():
        raise OutputError(
            "the project file would be a folder",
            remedy=f"write --out {out / 'run.toml'}",
            where=str(out),
        )
    check_file(out, overwrite=overwrite)


def _read(
    walked: "Found",
) -> "tuple[dict[Path, tuple[Spectrum, ...]], list[tuple[Path, str]]]":
    """Spectra of each file; of a folder, what is no impedance export is passed over and named."""
    from cis.io import read_spectra

    found: dict[Path, tuple[Spectrum, ...]] = {}
    passed = list(walked.passed)
    for path in walked.files:
        try:
            found[path] = read_spectra(path)
        except ReadError as error:
            if path in walked.given:
                raise
            passed.append((path, error.what))
    return found, passed


def _none(inputs: tuple[Path, ...], passed: list[tuple[Path, str]]) -> InputError:
    told = [f"{path.name}: {why}" for path, why in passed[:_SAID]]
    more = [f"and {len(passed) - _SAID} more"] if len(passed) > _SAID else []
    return InputError(
        "no impedance export was found in " + ", ".join(map(str, inputs)),
        why="; ".join([*told, *more]) or "nothing is in it",
        remedy="name export files, or a folder that holds them",
    )
