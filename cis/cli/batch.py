"""`cis batch`: many samples to one table of conductivities and energies; a run that was stopped continues."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.campaign.command import campaign_options, exit_status, run_values, said_of_run
from calibration.commandline import EXIT_DONE, EXIT_SOME_FAILED
from cis.cli.terminal import progress

if TYPE_CHECKING:
    from calibration.campaign.jobs import Outcome
    from cis.batch.run import Batch

__all__ = ["batch"]

_SHOWN = 5


@click.command()
@click.argument("samples", required=False, metavar="BATCH.toml", type=click.Path(path_type=Path))
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the results. One that an earlier run of this batch left is continued.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one value of every project file; recorded with the result.",
)
@campaign_options
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option("--example", is_flag=True, help="Print a commented BATCH.toml and stop.")
def batch(
    samples: Path | None,
    out: Path | None,
    settings: tuple[str, ...],
    scheduler: str | None,
    workers: int | None,
    as_json: bool,
    example: bool,
) -> int:
    """Analyze many samples, in parallel: a table of pellets, or many project files.

    \b
    Writes conductivity.csv, arrhenius.csv, fits.csv, samples.csv, findings.csv, failures.csv, report.html, result.json, figures/.
    Each finished sample is on disk at once: after Ctrl-C, a crash or a power cut the same command continues,
    and a sample is analyzed again only if something that it depends on has changed.
    """
    if example:
        from cis.batch.example import EXAMPLE

        click.echo(EXAMPLE, nl=False)
        return EXIT_DONE
    if samples is None or out is None:
        missing = "BATCH.toml" if samples is None else "--out DIR"
        raise click.UsageError(f"{missing} is missing; --example prints a file to begin with")
    from calibration.campaign.workers import pool_of
    from cis.batch.run import run_batch
    from cis.batch.samples import load_samples

    loaded = load_samples(samples, settings=settings)
    finished: list[str] = []
    total = len(loaded.jobs)
    with progress(loaded.name, total=total + 1) as step:

        def tell(outcome: "Outcome") -> None:
            finished.append(outcome.name)
            step(f"{len(finished)} of {total}: {outcome.name}")

        try:
            done = run_batch(
                loaded,
                out=out,
                pool=pool_of(workers=workers, scheduler=scheduler),
                command=shlex.join(["cis", *sys.argv[1:]]),
                tell=tell,
                say=step,
            )
        except KeyboardInterrupt:
            click.echo(
                f"{len(finished)} of {total} samples are finished and kept in {out}: the same command continues",
                err=True,
            )
            raise
    _report(done, as_json=as_json)
    status = exit_status(done.run)
    return EXIT_SOME_FAILED if status == EXIT_DONE and done.refused else status


def _report(done: "Batch", *, as_json: bool) -> None:
    if as_json:
        text = (done.folder / "result.json").read_text(encoding="utf-8")
        values = {"out": str(done.folder), **run_values(done.run), **json.loads(text)}
        values["failed"] = run_values(done.run)["failed"]
        click.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        for line in said_of_run(done.run, noun="samples", removed=done.removed):
            click.echo(line)
        click.echo(f"  report: {done.folder / 'report.html'}")
    if done.refused:
        click.echo(f"{done.refused} spectra were refused: {done.folder / 'report.html'}", err=True)
    failed = done.run.failed
    for outcome in failed[:_SHOWN]:
        if outcome.failure is not None:
            click.echo(f"failed: {outcome.name}\nerror: {outcome.failure.text}", err=True)
    if len(failed) > _SHOWN:
        click.echo(f"{len(failed) - _SHOWN} more failed: {done.folder / 'failures.csv'}", err=True)
