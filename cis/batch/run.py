"""A batch from its file to its folder: analyze what is missing, then write the tables of all."""

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
from cis.batch.recipe import PROGRAM, SampleRecipe
from cis.batch.samples import Samples

__all__ = ["Batch", "run_batch"]

_LIBRARIES = ("numpy", "scipy", "matplotlib", "joblib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A finished batch. removed: results of earlier inputs that were cleared away; refused: spectra without a result."""

    folder: Path
    run: Run
    removed: int
    refused: int


def run_batch(
    samples: Samples,
    *,
    out: Path,
    pool: Pool,
    command: str,
    tell: Callable[[Outcome], None] = lambda outcome: None,
    say: Callable[[str], None] = lambda text: None,
) -> Batch:
    """Analyze what is not analyzed yet; write conductivity.csv, arrhenius.csv, fits.csv, samples.csv, findings.csv, failures.csv, a page.

    Everything but the provenance (command, time) is the same bytes for the same inputs, whatever the pool. Raises OutputError;
    on it, and on KeyboardInterrupt, the samples that are finished stay, and the same call continues.
    """
    from cis.batch.collect import collect_tables
    from cis.batch.page import build_page

    check_campaign(out, program=PROGRAM, name=samples.name)
    batch, folder = samples.loaded.record, samples.loaded.folder
    table = "" if batch.table is None else str((folder / batch.table).absolute())
    recipe = SampleRecipe(folder=str(folder.absolute()), table=table)
    with FolderLock(out):
        mark_campaign(out, program=PROGRAM, name=samples.name)
        run = run_campaign(
            samples.jobs, recipe, folder=out.absolute() / RESULTS, pool=pool, tell=tell
        )
        say("writing")
        provenance = collect(PROGRAM, command=command, inputs=samples.files, libraries=_LIBRARIES)
        with publish(out) as place:
            collected = collect_tables(run, place)
            text = failures_csv(run.failed, noun="sample")
            (place / "failures.csv").write_text(text, encoding="utf-8")
            page = build_page(
                collected,
                name=samples.name,
                provenance=provenance,
                doubts=thread_doubts(run.outcomes),
            )
            write_report(page, place)
        removed = 0
        if (
            not run.failed
        ):  # a file that is not there today may be there tomorrow, and its result still hold
            removed = run.store.keep_only(frozenset(o.digest for o in run.outcomes))
    refused = sum(len(s.refused) for s in collected.samples)
    return Batch(folder=out, run=run, removed=removed, refused=refused)
