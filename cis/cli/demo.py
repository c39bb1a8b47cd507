"""`cis demo`: analyze the virtual glasses that ship with the package, and say how far off the result is."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.commandline import EXIT_DONE
from cis.cli.analyze import run_project, summary_lines
from cis.cli.terminal import say_findings

if TYPE_CHECKING:
    from cis.demo import Recovery

__all__ = ["demo"]


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Keep the three reports here.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def demo(out: Path | None, overwrite: bool, as_json: bool) -> int:
    """Analyze VIRTUAL spectra of three glasses (NS, N5S3, N2S) and compare with the truth."""
    from calibration.folder import check_target

    if out is None:
        with tempfile.TemporaryDirectory() as folder:
            recoveries = _run(Path(folder), overwrite=False, quiet=as_json)
    else:
        for target in _targets(out):
            check_target(target, overwrite=overwrite)
        recoveries = _run(out, overwrite=overwrite, quiet=as_json)
    if as_json:
        from calibration.report import to_json

        rows = [
            {
                **to_json(r),
                "room_off_percent": r.room_off_percent,
                "activation_off_ev": r.activation_off_ev,
            }
            for r in recoveries
        ]
        click.echo(json.dumps({"virtual": True, "recovered": rows}, indent=1))
        return EXIT_DONE
    click.echo("\nVIRTUAL DATA: what was put in, and what came out")
    for r in recoveries:
        click.echo(f"  {r.name:<5} {_compared(r)}")
    if out is not None:
        click.echo(f"reports: {', '.join(str(t / 'report.html') for t in _targets(out))}")
    return EXIT_DONE


def _targets(out: Path) -> list[Path]:
    from cis.demo import GLASSES

    return [out / name for name in GLASSES]


def _run(out: Path, *, overwrite: bool, quiet: bool) -> "list[Recovery]":
    from cis.demo import GLASSES, demo_projects, recovery

    found = []
    for project, target, glass in zip(
        demo_projects(), _targets(out), GLASSES.values(), strict=True
    ):
        analysis = run_project(project, target, overwrite=overwrite)
        found.append(recovery(analysis.arrhenius[0].fits[0], glass))
        if not quiet:
            for line in summary_lines(analysis):
                click.echo(line)
            say_findings([f for f in analysis.findings if "R without" in f.text], least="note")
            say_findings(analysis.findings)
    return found


def _compared(r: "Recovery") -> str:
    pulls = [
        "" if p is None else f", {p:+.1f} standard uncertainties"
        for p in (r.activation_pull, r.room_pull)
    ]
    return (
        f"E_A {r.activation}, true {r.true_activation_ev:g} eV ({1e3 * r.activation_off_ev:+.1f} meV{pulls[0]}); "
        f"sigma(298.15 K) {r.room_s_per_cm}, true {r.true_room_s_per_cm:.2g} S/cm ({r.room_off_percent:+.1f}%{pulls[1]})"
    )
