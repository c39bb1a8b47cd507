"""`xtsred optimize`: inputs adjusted inside their stated uncertainty, and the reduction with them."""

import json
import shlex
from pathlib import Path

import click

from calibration.commandline import EXIT_DONE
from xtsred.cli.progress import progress_bar

__all__ = ["optimize"]


@click.command(name="optimize")
@click.argument("project", metavar="RUN.toml", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the result: a reduction at the posterior, with run.toml holding it.",
)
@click.option(
    "--vary",
    multiple=True,
    metavar="KEY",
    help="A number with a stated sigma that may move, e.g. sample.packing_fraction; may be repeated. "
    "Without: those of [optimize], or all with a sigma.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help='Change a key, e.g. --set "sample.packing_fraction={value=0.5, sigma=0.03}"; recorded with the result.',
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def optimize(
    project: Path,
    out: Path,
    vary: tuple[str, ...],
    overwrite: bool,
    settings: tuple[str, ...],
    as_json: bool,
) -> int:
    """Adjust stated numbers (packing, wall, Compton response, density ...) inside their sigma until what must hold does.

    Below the first distance G(r) is -4 pi rho0 r, S(Q) goes to 1, the sum rule holds, and the container's wall is as bright as the
    sample says. A maximum a posteriori fit: every number is reported with its posterior and its pull.
    """
    from calibration.folder import check_target
    from xtsred.config import load_project

    chosen = [f"optimize.parameters={json.dumps(list(vary))}"] if vary else []
    loaded = load_project(project, settings=[*settings, *chosen])
    check_target(out, overwrite=overwrite)
    from xtsred.inputs import read_inputs
    from xtsred.optimize.fit import optimize_inputs, with_budget

    words = ["xtsred", "optimize", str(project), "--out", str(out)]
    words += [w for key in vary for w in ("--vary", key)]
    words += ["--overwrite"] if overwrite else []
    words += [w for setting in settings for w in ("--set", setting)]
    with progress_bar(1) as bar:
        bar.begin(project.name)
        inputs = read_inputs(loaded)
        found = optimize_inputs(loaded, inputs, progress=bar.step)
        bar.step("uncertainty budget")
        found = with_budget(found, inputs, progress=bar.step)
        bar.step("report")
        from xtsred.optimize.report import write_optimization

        report = write_optimization(
            found, target=out, overwrite=overwrite, command=shlex.join(words)
        )
        bar.finish()
    if as_json:
        click.echo((out / "result.json").read_text(encoding="utf-8").rstrip())
        return EXIT_DONE
    if loaded.record.virtual:
        from xtsred.report import VIRTUAL

        click.echo(VIRTUAL)
    width = max(len(a.path) for a in found.parameters)
    click.echo(f"{found.after.name}: inputs adjusted inside their stated uncertainty")
    for a in found.parameters:
        said = "" if a.informed else "  (not informed: as stated)"
        click.echo(f"  {a.path:<{width}}  {a.prior} -> {a.posterior}  pull {a.pull:+.2f}{said}")
    before, after, count = found.misfit
    click.echo(f"  chi^2 of {count} conditions {before:.1f} -> {after:.1f}")
    for first, last in found.conditions:
        click.echo(f"  {first.name}: {first.value} -> {last.value}, expected {first.expected:g}")
    for finding in (*found.findings, *found.after.findings):
        if finding.severity != "note":
            click.echo(f"  {finding.severity}: {finding.text}")
    click.echo(f"  report: {report}")
    return EXIT_DONE
