"""`xtsred reduce`: one project file or many, each to a folder that is written whole or not at all."""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, EXIT_SOME_FAILED
from calibration.errors import InputError
from xtsred.cli.progress import Progress, progress_bar

__all__ = ["Done", "Sampling", "echo_result", "reduce", "reduce_one"]


@dataclass(frozen=True, slots=True)
class Done:
    """A finished reduction: its folder, and what result.json says."""

    folder: Path
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sampling:
    """What --monte-carlo asks for; jobs None: as many as there are cores."""

    draws: int
    seed: int
    jobs: int | None


@click.command(name="reduce")
@click.argument(
    "projects", nargs=-1, required=True, metavar="RUN.toml...", type=click.Path(path_type=Path)
)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the result; with several project files DIR/NAME for each.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a key of the project file, e.g. --set fourier.window=none; recorded with the result.",
)
@click.option(
    "--monte-carlo",
    "draws",
    metavar="N",
    type=click.IntRange(min=10),
    help="Propagate the stated uncertainties also by sampling: N reductions.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of the random numbers of --monte-carlo (0 if not given).",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes for --monte-carlo (all cores if not given); they do not change the result.",
)
@click.option(
    "--pdf", is_flag=True, help="Also write report.pdf (needs the optional typst compiler)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def reduce(
    projects: tuple[Path, ...],
    out: Path,
    overwrite: bool,
    settings: tuple[str, ...],
    draws: int | None,
    seed: int | None,
    jobs: int | None,
    pdf: bool,
    as_json: bool,
) -> int:
    """Turn raw scans into S(Q), g(r) and a report, as the project files say."""
    if draws is None and (seed is not None or jobs is not None):
        raise click.UsageError("--seed and --jobs belong to --monte-carlo N")
    if pdf:
        from calibration.report_pdf import check_pdf

        check_pdf()
    command = _command_line(projects, out, overwrite, settings) + (" --pdf" if pdf else "")
    if draws is not None:
        command += f" --monte-carlo {draws} --seed {seed or 0}"
    done: list[Done] = []
    failed: list[tuple[Path, InputError]] = []
    with progress_bar(len(projects)) as bar:
        for path in projects:
            bar.begin(path.name if len(projects) == 1 else str(path))
            target = out if len(projects) == 1 else None
            try:
                folders = [d.folder for d in done]
                done.append(
                    reduce_one(
                        path,
                        target=target or _Many(out, folders),
                        overwrite=overwrite,
                        settings=settings,
                        command=command,
                        bar=bar,
                        pdf=pdf,
                        sampling=None if draws is None else Sampling(draws, seed or 0, jobs),
                    )
                )
            except InputError as error:
                if len(projects) == 1:
                    raise
                failed.append((path, error))
            bar.finish()
    if as_json:
        click.echo(_json(done, failed))
    else:
        for result in done:
            echo_result(result)
    for path, reason in failed:
        click.echo(f"failed: {path}\nerror: {reason}", err=True)
    if not failed:
        return EXIT_DONE
    click.echo(f"{len(failed)} of {len(projects)} failed", err=True)
    return EXIT_SOME_FAILED if done else EXIT_FIXABLE


@dataclass(frozen=True, slots=True)
class _Many:
    """Where one of several results goes: a folder named like its sample, told apart from those taken."""

    out: Path
    taken: Sequence[Path]

    def folder(self, name: str) -> Path:
        candidate, number = self.out / name, 2
        while candidate in self.taken:
            candidate = self.out / f"{name}-{number}"
            number += 1
        return candidate


def reduce_one(
    path: Path,
    *,
    target: Path | _Many,
    overwrite: bool,
    settings: Sequence[str],
    command: str,
    bar: Progress,
    pdf: bool = False,
    sampling: Sampling | None = None,
) -> Done:
    """Reduce one project file into a folder. Raises InputError; nothing is left behind then."""
    from calibration.folder import check_target, safe_name
    from xtsred.config import load_project

    loaded = load_project(path, settings=settings)
    folder = (
        target if isinstance(target, Path) else target.folder(safe_name(loaded.record.sample.name))
    )
    check_target(folder, overwrite=overwrite)
    # the long imports wait until the project file is known to be right
    from xtsred.budget.apply import reduce_with_budget
    from xtsred.inputs import input_files

    _check_files(input_files(loaded))
    asked = None
    if sampling is not None:
        from xtsred.budget.monte_carlo import Asked

        jobs = sampling.jobs or os.cpu_count() or 1
        asked = Asked(draws=sampling.draws, seed=sampling.seed, jobs=jobs)
    reduction = reduce_with_budget(
        loaded, progress=bar.step, asked=asked, told=lambda done, of: bar.part(done / of)
    )
    bar.step("report")
    from xtsred.report import write_reduction

    write_reduction(reduction, loaded, target=folder, overwrite=overwrite, command=command, pdf=pdf)
    text = (folder / "result.json").read_text(encoding="utf-8")
    return Done(folder, json.loads(text))


def _check_files(files: Sequence[Path]) -> None:
    """All files that are not there, at once and before the work."""
    absent = [str(path) for path in dict.fromkeys(files) if not path.exists()]
    if absent:
        raise InputError(
            "the file cannot be read"
            if len(absent) == 1
            else f"{len(absent)} files cannot be read",
            why="no such file" if len(absent) == 1 else "no such files: " + ", ".join(absent),
            remedy="check the path; paths of a project file are relative to it",
            where=absent[0] if len(absent) == 1 else str(files[0]),
        )


def _command_line(
    projects: Sequence[Path], out: Path, overwrite: bool, settings: Sequence[str]
) -> str:
    words = ["xtsred", "reduce", *map(str, projects), "--out", str(out)]
    words += ["--overwrite"] if overwrite else []
    for setting in settings:
        words += ["--set", setting]
    return shlex.join(words)


def _json(done: Sequence[Done], failed: Sequence[tuple[Path, InputError]]) -> str:
    content = {
        "results": [{"folder": str(d.folder), **d.result} for d in done],
        "failed": [{"project": str(path), "error": str(error)} for path, error in failed],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def echo_result(done: Done) -> None:
    """The headline, the doubts, and where the report is."""
    if done.result.get("banner"):
        click.echo(str(done.result["banner"]))
    click.echo(str(done.result["title"]))
    rows = {name: _said(value) for name, value in done.result["headline"].items()}
    width = max((len(name) for name in rows), default=0)
    for name, value in rows.items():
        click.echo(f"  {name:<{width}}  {value}")
    for finding in done.result["findings"]:
        if finding["severity"] != "note":
            click.echo(f"  {finding['severity']}: {finding['text']}")
    notes = sum(f["severity"] == "note" for f in done.result["findings"])
    if notes:
        click.echo(f"  {notes} note{'s' if notes != 1 else ''} in the report")
    click.echo(f"  report: {done.folder / 'report.html'}")


def _said(value: Any) -> str:
    from calibration.quantity import Quantity

    if isinstance(value, dict):
        return str(Quantity(value["value"], value["sigma"], value["unit"]))
    return str(value)
