"""`xtsred batch`: many patterns of one setup to one result; a run that was stopped continues."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.campaign.command import campaign_options, exit_status, run_values, said_of_run
from calibration.commandline import EXIT_DONE
from xtsred.cli.progress import progress_bar

if TYPE_CHECKING:
    from calibration.campaign.jobs import Outcome
    from xtsred.batch.run import Batch

__all__ = ["batch"]

_SHOWN = 5


@click.command(name="batch")
@click.argument("series", required=False, metavar="SERIES.toml", type=click.Path(path_type=Path))
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the results. One that an earlier run of this series left is continued.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the project file for all patterns; recorded with the result.",
)
@campaign_options
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option("--example", is_flag=True, help="Print a commented SERIES.toml and stop.")
def batch(
    series: Path | None,
    out: Path | None,
    settings: tuple[str, ...],
    scheduler: str | None,
    workers: int | None,
    as_json: bool,
    example: bool,
) -> int:
    """Reduce many patterns of one setup, in parallel, and draw them against temperature, time or number.

    \b
    Writes series.h5 (NeXus), series.csv, findings.csv, failures.csv, report.html, result.json, figures/.
    Each finished pattern is on disk at once: after Ctrl-C, a crash or a power cut the same command continues,
    and a pattern is computed again only if something that it depends on has changed.
    """
    if example:
        from xtsred.batch.example import EXAMPLE

        click.echo(EXAMPLE, nl=False)
        return EXIT_DONE
    if series is None or out is None:
        missing = "SERIES.toml" if series is None else "--out DIR"
        raise click.UsageError(f"{missing} is missing; --example prints a file to begin with")
    from calibration.campaign.workers import pool_of
    from xtsred.batch.run import run_batch
    from xtsred.batch.series import load_series

    loaded = load_series(series, settings=settings)
    finished: list[str] = []
    with progress_bar(len(loaded.members)) as bar:

        def tell(outcome: "Outcome") -> None:
            finished.append(outcome.name)
            bar.begin(outcome.name)
            bar.finish()

        try:
            done = run_batch(
                loaded,
                out=out,
                pool=pool_of(workers=workers, scheduler=scheduler),
                command=shlex.join(["xtsred", *sys.argv[1:]]),
                tell=tell,
                say=bar.step,
            )
        except KeyboardInterrupt:
            click.echo(
                f"{len(finished)} of {len(loaded.members)} patterns are finished and kept in {out}: "
                "the same command continues",
                err=True,
            )
            raise
    _report(done, as_json=as_json)
    return exit_status(done.run)


def _report(done: "Batch", *, as_json: bool) -> None:
    if as_json:
        text = (done.folder / "result.json").read_text(encoding="utf-8")
        values = {"out": str(done.folder), **run_values(done.run), **json.loads(text)}
        values["failed"] = run_values(done.run)["failed"]
        click.echo(json.dumps(values, indent=1, ensure_ascii=False))
    else:
        for line in said_of_run(done.run, noun="patterns", removed=done.removed):
            click.echo(line)
        click.echo(f"  report: {done.folder / 'report.html'}")
    failed = done.run.failed
    for outcome in failed[:_SHOWN]:
        if outcome.failure is not None:
            click.echo(f"failed: {outcome.name}\nerror: {outcome.failure.text}", err=True)
    if len(failed) > _SHOWN:
        click.echo(f"{len(failed) - _SHOWN} more failed: {done.folder / 'failures.csv'}", err=True)
