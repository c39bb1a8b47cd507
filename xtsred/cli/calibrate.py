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
@click.option(
    "--example",
    is_flag=False,
    flag_value="standard",
    type=click.Choice(["standard", "detector"]),
    help="Print a commented project file and stop; of a line standard, or of a detector.",
)
def calibrate(
    standard: Path | None,
    out: Path | None,
    overwrite: bool,
    settings: tuple[str, ...],
    as_json: bool,
    example: str | None,
) -> None:
    """Fit a line standard (zero, displacement, wavelength, resolution), mu R of a capillary, or a detector.

    A detector: dead time from attenuators or overlaps, energy window from a light scatterer, sensor, flat field.

    The certificates in the folder are named by [calibration] of a reduction's project file, e.g. goniometer = "ceo2.goniometer.toml".
    """
    from xtsred.calibrate.config import EXAMPLE, load_calibration

    if example == "detector":
        from xtsred.calibrate.detector.config import EXAMPLE as DETECTOR

        click.echo(DETECTOR, nl=False)
        return
    if example is not None:
        click.echo(EXAMPLE, nl=False)
        return
    if standard is None or out is None:
        missing = "STANDARD.toml" if standard is None else "--out DIR"
        raise click.UsageError(
            f"{missing} is missing; --example prints a project file to begin with"
        )
    from calibration.folder import check_target

    check_target(out, overwrite=overwrite)
    written = _command_line(standard, out, overwrite, settings)
    if _is_detector(standard):
        _detector(standard, out, overwrite=overwrite, settings=settings, command=written)
        _show(out, as_json=as_json)
        return
    loaded = load_calibration(standard, settings=settings)
    from xtsred.calibrate.pipeline import calibrate as run
    from xtsred.calibrate.report import write_calibration

    result = run(loaded)
    write_calibration(
        result,
        loaded,
        target=out,
        overwrite=overwrite,
        command=written,
    )
    _show(out, as_json=as_json)


def _show(out: Path, *, as_json: bool) -> None:
    content = json.loads((out / "result.json").read_text(encoding="utf-8"))
    if as_json:
        click.echo(json.dumps({"folder": str(out), **content}, indent=1, ensure_ascii=False))
        return
    echo_result(Done(out, content))
    for name in content["certificates"]:
        click.echo(f"  certificate: {out / name}")


def _is_detector(path: Path) -> bool:
    """Whether the file holds a table of a detector's calibration; anything wrong with it is told when it is loaded."""
    import tomllib

    from xtsred.calibrate.detector.config import TABLES

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    return any(name in table for name in TABLES)


def _detector(
    path: Path, out: Path, *, overwrite: bool, settings: tuple[str, ...], command: str
) -> None:
    from xtsred.calibrate.detector.config import load_detector
    from xtsred.calibrate.detector.report import write_detector
    from xtsred.calibrate.detector.run import calibrate_detector

    loaded = load_detector(path, settings=settings)
    found = calibrate_detector(loaded)
    write_detector(found, loaded, target=out, overwrite=overwrite, command=command)


def _command_line(standard: Path, out: Path, overwrite: bool, settings: tuple[str, ...]) -> str:
    words = ["xtsred", "calibrate", str(standard), "--out", str(out)]
    words += ["--overwrite"] if overwrite else []
    for setting in settings:
        words += ["--set", setting]
    return shlex.join(words)
