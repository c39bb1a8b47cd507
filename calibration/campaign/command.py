"""What the batch commands share: their options, their exit status, what is said about a run."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from calibration.campaign.engine import Run
from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, EXIT_SOME_FAILED

__all__ = ["campaign_options", "exit_status", "run_values", "said_of_run"]


def campaign_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --workers and --scheduler."""
    for decorate in (
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help='Give the work to Dask: the address of its scheduler (tcp://...), or "local". DIR must be a folder that '
            "every worker sees under the same path.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(1, 1024),
            metavar="N",
            help="Processes that work at once; absent: as many as there are cores. The results do not depend on it.",
        ),
    ):
        command = decorate(command)
    return command


def exit_status(run: Run) -> int:
    """0 where every job has a result, 2 where none has, 3 between."""
    if not run.failed:
        return EXIT_DONE
    return EXIT_FIXABLE if len(run.failed) == len(run.outcomes) else EXIT_SOME_FAILED


def run_values(run: Run) -> dict[str, Any]:
    """A run for --json."""
    return {
        "jobs": len(run.outcomes),
        "computed": _count(run, "computed"),
        "kept": _count(run, "kept"),
        "failed": [
            {
                "name": o.name,
                "error": o.failure.text,
                "our_mistake": o.failure.bug,
            }
            for o in run.failed
            if o.failure is not None
        ],
    }


def said_of_run(run: Run, *, noun: str, removed: int) -> Iterable[str]:
    """Lines about what was done and what was not needed."""
    line = f"{len(run.outcomes)} {noun}: {_count(run, 'computed')} computed"
    kept = _count(run, "kept")
    if kept:
        line += f", {kept} kept from before (nothing that they depend on has changed)"
    if run.failed:
        line += f", {len(run.failed)} failed"
    yield line
    if removed:
        yield f"{removed} results of earlier inputs or settings were removed"


def _count(run: Run, status: str) -> int:
    return sum(o.status == status for o in run.outcomes)
