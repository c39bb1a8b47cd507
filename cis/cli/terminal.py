"""What every command of cis says on stderr: progress on a terminal, findings, the command itself."""

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from calibration.report import Finding  # loads numpy, which `--help` need not wait for

__all__ = ["LIBRARIES", "command_line", "progress", "say_findings"]

LIBRARIES = ("numpy", "scipy", "matplotlib")
_MARK = {"problem": "PROBLEM", "warning": "warning", "note": "note"}


@contextlib.contextmanager
def progress(title: str, *, total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that tells the next of `total` steps; silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[title]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=total, title=title)

        def step(text: str) -> None:
            bar.update(task, description=text, advance=1)

        yield step


def say_findings(findings: "Iterable[Finding]", *, least: str = "warning") -> None:
    """Print findings to stderr, problems first; notes only if asked for."""
    ranks = list(_MARK)
    for finding in sorted(findings, key=lambda f: ranks.index(f.severity)):
        if ranks.index(finding.severity) <= ranks.index(least):
            click.echo(f"  {_MARK[finding.severity]}: {finding.text}", err=True)


def command_line() -> str:
    """The command as typed, for the provenance."""
    return shlex.join(["cis", *sys.argv[1:]])
