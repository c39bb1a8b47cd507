"""A series from its file to its folder: run what is missing, then write what the whole gives."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from calibration.campaign.durable import FolderLock, publish
from calibration.campaign.engine import Run, run_campaign
from calibration.campaign.findings import failures_csv, thread_doubts
from calibration.campaign.jobs import Outcome
from calibration.campaign.place import RESULTS, check_campaign, mark_campaign
from calibration.campaign.workers import Pool
from calibration.provenance import collect
from calibration.report import write_report
from xtsred.batch.recipe import PROGRAM, PatternRecipe, jobs_of
from xtsred.batch.series import Series

__all__ = ["Batch", "run_batch", "write_results"]

_LIBRARIES = ("numpy", "scipy", "xraydb", "xraylib", "matplotlib", "h5py", "joblib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A finished batch. removed: results of earlier settings that were cleared away."""

    folder: Path
    run: Run
    removed: int


def run_batch(
    series: Series,
    *,
    out: Path,
    pool: Pool,
    command: str,
    tell: Callable[[Outcome], None] = lambda outcome: None,
    say: Callable[[str], None] = lambda text: None,
) -> Batch:
    """Reduce what is not reduced yet and write series.h5, series.csv, findings.csv, failures.csv, report.html, result.json.

    Everything but the provenance (command, time) is the same bytes for the same inputs, whatever the pool. Raises OutputError;
    on it, and on KeyboardInterrupt, the patterns that are finished stay, and the same call continues.
    """
    check_campaign(out, program=PROGRAM, name=series.name)
    with FolderLock(out):
        mark_campaign(out, program=PROGRAM, name=series.name)
        recipe = PatternRecipe(str(series.project_path.absolute()))
        run = run_campaign(
            jobs_of(series), recipe, folder=out.absolute() / RESULTS, pool=pool, tell=tell
        )
        say("writing")
        write_results(series, run, out=out, command=command)
        removed = 0
        if (
            not run.failed
        ):  # a file that is not there today may be there tomorrow, and its result still hold
            removed = run.store.keep_only(frozenset(o.digest for o in run.outcomes))
    return Batch(folder=out, run=run, removed=removed)


def write_results(series: Series, run: Run, *, out: Path, command: str) -> None:
    """Tables, HDF5 and page of a run into its folder, one result in memory at a time. Raises OutputError."""
    # drawing and HDF5 wait until there is something to write
    from xtsred.batch.collect import collect_numbers, series_csv
    from xtsred.batch.nexus import write_series
    from xtsred.batch.page import build_page

    provenance = collect(
        PROGRAM, command=command, inputs=_shared_files(series), libraries=_LIBRARIES
    )
    texts = {path.name: path.read_text(encoding="utf-8-sig") for path in series.files}
    with publish(out) as folder:
        collected = collect_numbers(series, run, findings_csv=folder / "findings.csv")
        (folder / "series.csv").write_text(series_csv(collected), encoding="utf-8")
        (folder / "failures.csv").write_text(
            failures_csv(run.failed, noun="pattern"), encoding="utf-8"
        )
        write_series(folder / "series.h5", collected, run, title=series.name, texts=texts)
        page = build_page(
            series,
            collected,
            h5=folder / "series.h5",
            provenance=provenance,
            doubts=thread_doubts(run.outcomes),
        )
        write_report(page, folder)


def _shared_files(series: Series) -> list[Path]:
    """What all patterns share; each pattern's own files are in the digest of its result."""
    target = {m.file for m in series.members}
    scans = [series.project_path.parent / s.file for s in series.project.scan if s.role != "sample"]
    named = [*series.files, *scans]
    return [p for p in named if p.is_file() and p.name not in target]
