"""A progress bar on stderr, on a terminal only."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Progress", "progress_bar"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a command tells: begin(name of the job), step(what is being done), part(share of the job done), finish()."""

    begin: Callable[[str], None]
    step: Callable[[str], None]
    finish: Callable[[], None]
    part: Callable[[float], None] = lambda _share: None


def _say_nothing(_text: str = "") -> None:
    return None


@contextlib.contextmanager
def progress_bar(jobs: int) -> Iterator[Progress]:
    """A bar over `jobs` jobs; nothing at all where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield Progress(_say_nothing, _say_nothing, _say_nothing)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=jobs, doing="")

        def finish() -> None:
            bar.update(task, completed=int(bar.tasks[0].completed) + 1)

        def part(share: float) -> None:
            # never a whole job: `finish` counts that
            bar.update(task, completed=int(bar.tasks[0].completed) + min(share, 0.999))

        yield Progress(
            begin=lambda name: bar.update(task, description=name, doing=""),
            step=lambda text: bar.update(task, doing=text),
            finish=finish,
            part=part,
        )
