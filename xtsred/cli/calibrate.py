"""`xtsred calibrate`: a line standard's scan to certificates of the diffractometer and of a capillary's attenuation."""

import json
import shlex
from pathlib import Path

import click

from xtsred.cli.reduce import Done, echo_result

__all__ = ["calibrate"]


@click.command()
@click.argument(
    "standard", required=False, metavar="STANDARD.toml", type=click.Path(path_type=Path)
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Folder of the result.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help='Change a key of the project file, e.g. --set fit.profile="thompson-cox-hastings".',
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--example", is_flag=True, help="Print a commented project file and stop.")
def calibrate(
    standard: Path | None,
    out: Path | None,
    overwrite: bool,
    settings: tuple[str, ...],
    as_json: bool,
    example: bool,
) -> None:
    """Fit a line standard: zero, displacement, wavelength, resolution; and mu R of a capillary.

    The certificates in the folder are named by [calibration] of a reduction's project file, e.g. goniometer = "ceo2.goniometer.toml".
    """
    from xtsred.calibrate.config import EXAMPLE, load_calibration

    if example:
        click.echo(EXAMPLE, nl=False)
        return
    if standard is None or out is None:
        missing = "STANDARD.toml" if standard is None else "--out DIR"
        raise click.UsageError(
            f"{missing} is missing; --example prints a project file to begin with"
        )
    from calibration.folder import check_target

    loaded = load_calibration(standard, settings=settings)
    check_target(out, overwrite=overwrite)
    from xtsred.calibrate.pipeline import calibrate as run
    from xtsred.calibrate.report import write_calibration

    result = run(loaded)
    write_calibration(
        result,
        loaded,
        target=out,
        overwrite=overwrite,
        command=_command_line(standard, out, overwrite, settings),
    )
    content = json.loads((out / "result.json").read_text(encoding="utf-8"))
    if as_json:
        click.echo(json.dumps({"folder": str(out), **content}, indent=1, ensure_ascii=False))
        return
    echo_result(Done(out, content))
    for name in content["certificates"]:
        click.echo(f"  certificate: {out / name}")


def _command_line(standard: Path, out: Path, overwrite: bool, settings: tuple[str, ...]) -> str:
    words = ["xtsred", "calibrate", str(standard), "--out", str(out)]
    words += ["--overwrite"] if overwrite else []
    for setting in settings:
        words += ["--set", setting]
    return shlex.join(words)
