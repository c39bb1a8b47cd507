"""`cis calibrate`: a standard that was measured, to a certificate that project files can name."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.commandline import EXIT_DONE
from cis.cli.terminal import LIBRARIES, command_line, progress, say_findings

if TYPE_CHECKING:
    from cis.calibrate.report import Calibration

__all__ = ["calibrate"]


@click.command()
@click.argument(
    "standard", required=False, type=click.Path(path_type=Path), metavar="STANDARD.toml"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the certificate and its report.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one value of the file; recorded with the result.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--example",
    type=click.Choice(["cell", "fixture", "thermometer"]),
    help="Print a commented file and stop.",
)
def calibrate(
    standard: Path | None,
    out: Path | None,
    overwrite: bool,
    settings: tuple[str, ...],
    as_json: bool,
    example: str | None,
) -> int:
    """Calibrate the cell, the fixture or the thermometer.

    STANDARD.toml holds [certificate] and one of [cell] (geometry, a KCl solution, a resistor), [fixture] (open,
    short, load) and [thermometer] (fixed points, a reference probe).

    \b
    Writes NAME.toml (the certificate, for [calibration] of a project file), report.html, result.json, figures/.
    """
    if example is not None:
        from cis.calibrate.examples import EXAMPLES

        click.echo(EXAMPLES[example], nl=False)
        return EXIT_DONE
    if standard is None or out is None:
        missing = "STANDARD.toml" if standard is None else "--out DIR"
        raise click.UsageError(f"{missing} is missing; --example prints a file to begin with")
    from calibration.folder import check_target, safe_name
    from calibration.report import to_json

    check_target(out, overwrite=overwrite)
    with progress(standard.name, total=2) as step:
        step("reading and fitting")
        found = _calibrate(standard, settings)
        certificate, findings = found.certificate, found.findings
        written = out / f"{safe_name(certificate.name)}.toml"
        step("writing")
        _write(found, written, overwrite=overwrite)
    if as_json:
        values = {
            "certificate": str(written),
            "kind": certificate.kind,
            "name": certificate.name,
            "values": to_json(dict(certificate.values)),
            "valid_until": certificate.valid_until,
            "signature": certificate.signature,
            "findings": [{"severity": f.severity, "text": f.text} for f in findings],
        }
        click.echo(json.dumps(values, indent=1))
    else:
        click.echo(f"{certificate.name} ({certificate.kind})")
        for name, value in certificate.values.items():
            click.echo(f"  {name} = {value}")
        click.echo(f"  certificate: {written}")
        click.echo(f"  report: {out / 'report.html'}")
    say_findings(findings)
    return EXIT_DONE


def _calibrate(standard: Path, settings: tuple[str, ...]) -> "Calibration":
    """The calibration of the table that the file holds."""
    from cis.calibrate.cell import calibrate_cell
    from cis.calibrate.config import load_calibration
    from cis.calibrate.fixture import calibrate_fixture
    from cis.calibrate.thermometer import calibrate_thermometer

    loaded = load_calibration(standard, settings=settings)
    if loaded.record.cell is not None:
        return calibrate_cell(loaded)
    if loaded.record.fixture is not None:
        return calibrate_fixture(loaded)
    return calibrate_thermometer(loaded)


def _write(found: "Calibration", written: Path, *, overwrite: bool) -> None:
    from calibration.certificate import write_certificate
    from calibration.folder import result_folder
    from calibration.provenance import collect
    from calibration.report import write_report
    from cis.calibrate.report import calibration_report

    provenance = collect(
        "cis calibrate", command=command_line(), inputs=found.files, libraries=LIBRARIES
    )
    report = calibration_report(found, provenance=provenance)
    with result_folder(written.parent, overwrite=overwrite) as folder:
        write_certificate(found.certificate, folder / written.name)
        write_report(report, folder)
