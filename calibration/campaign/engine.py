"""Running a campaign: give out the jobs, collect what becomes of them, in any order, and lose nothing."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from calibration.campaign.durable import Store
from calibration.campaign.jobs import (
    Failure,
    Job,
    Outcome,
    Recipe,
    Result,
    Status,
    changed_while_read,
    content_digest,
    release,
)
from calibration.campaign.workers import Pool, blas_threads
from calibration.errors import InputError, OutputError

__all__ = ["Run", "do_job", "run_campaign"]

_AHEAD = 3  # jobs given out per worker: enough that none waits, few enough that memory stays flat

# One job that meets a mistake of ours must not cost the others of a night: it is listed with its traceback.
_MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run: outcomes in the order of the jobs, and where the results are."""

    outcomes: Sequence[Outcome]
    store: Store

    def results(self) -> Iterator[tuple[Outcome, Result | None]]:
        """One after the other, in order: no more than one result is in memory; None for a job that failed.

        Raises OutputError where a result has gone or been damaged since.
        """
        for outcome in self.outcomes:
            if outcome.failure is not None:
                yield outcome, None
                continue
            result = self.store.read(outcome.digest)
            if result is None:
                raise OutputError(
                    f"the stored result of {outcome.name} has gone or is damaged",
                    remedy="run the same command again: only what is missing is computed; with --scheduler every worker must "
                    "see this folder under the same path",
                    where=str(self.store.path(outcome.digest)),
                )
            yield outcome, result

    @property
    def failed(self) -> list[Outcome]:
        """Jobs without a result."""
        return [o for o in self.outcomes if o.failure is not None]


def do_job(recipe: Recipe, job: Job, folder: str) -> Outcome:
    """Do one job in a worker, or find that it is done; its result is durable before this returns.

    Raises OutputError where `folder` cannot be written.
    """
    store = Store(Path(folder))

    def outcome(status: Status, *, digest: str = "", failure: Failure | None = None) -> Outcome:
        return Outcome(
            number=job.number,
            name=job.name,
            status=status,
            digest=digest,
            failure=failure,
            threads=blas_threads(),
            version=release(),
        )

    try:
        prepared = recipe.prepare(job)
        digest = content_digest(recipe, job, prepared.files)
        if store.read(digest) is not None:
            return outcome("kept", digest=digest)
        result = recipe.compute(job, prepared)
        if content_digest(recipe, job, prepared.files) != digest:
            raise changed_while_read(prepared.files)
        store.write(digest, result)
    except OutputError:
        raise  # no job can be finished
    except InputError as error:
        return outcome("failed", failure=Failure(text=str(error)))
    except _MISTAKES:
        return outcome("failed", failure=Failure(text=traceback.format_exc(), bug=True))
    return outcome("computed", digest=digest)


def run_campaign(
    jobs: Iterable[Job],
    recipe: Recipe,
    *,
    folder: Path,
    pool: Pool,
    tell: Callable[[Outcome], None] = lambda outcome: None,
) -> Run:
    """Do every job that has no result in `folder` yet.

    tell: is told each outcome as it comes. The outcomes are the same, and in the same order, for any pool. A job whose
    worker dies is tried once more by itself, and listed as failed if that worker dies too. Raises OutputError where
    `folder` cannot be written; results until then stay, and so they do on KeyboardInterrupt.
    """
    store = Store(folder)
    store.clear_partial()
    waiting = iter(jobs)
    outcomes: list[Outcome] = []

    own_version = release()

    def note(outcome: Outcome) -> None:
        if outcome.version not in ("", own_version):
            raise _other_version(outcome.version, own_version)
        outcomes.append(outcome)
        tell(outcome)

    while True:
        with pool.open() as executor:
            suspects = _until_lost(executor, waiting, recipe, folder, pool, note)
        if suspects is None:
            break
        while suspects:
            suspects = _one_by_one(suspects, recipe, folder, pool, note)
    outcomes.sort(key=lambda o: o.number)
    return Run(outcomes=outcomes, store=store)


def _until_lost(
    executor: Executor,
    waiting: Iterator[Job],
    recipe: Recipe,
    folder: Path,
    pool: Pool,
    note: Callable[[Outcome], None],
) -> list[Job] | None:
    """Give out jobs until none is left (None), or until a worker dies: the jobs that may have killed it."""
    pending: dict[Future[Outcome], Job] = {}
    suspects: list[Job] = []
    while not suspects:
        for job in islice(waiting, _AHEAD * pool.size - len(pending)):
            pending[executor.submit(do_job, recipe, job, str(folder))] = job
        if not pending:
            return None
        for future in wait(pending, return_when=FIRST_COMPLETED).done:
            job = pending.pop(future)
            error = _error_of(future)
            if error is None:
                note(future.result())
            elif not pool.lost(error):
                raise _lost_scheduler() if isinstance(error, CancelledError) else error
            elif pool.alone is None:
                note(_killed(job))
            else:
                suspects.append(job)
    # the executor is broken: whatever it still held did not finish, or says so
    for future in wait(pending).done:
        job, error = pending[future], _error_of(future)
        if error is None:
            note(future.result())
        else:
            suspects.append(job)
    return sorted(suspects, key=lambda j: j.number)


def _error_of(future: "Future[Outcome]") -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as error:
        return error


def _other_version(theirs: str, ours: str) -> InputError:
    return InputError(
        f"a worker runs version {theirs} of this program, and this is {ours}",
        why="the results of two versions would stand in one table",
        remedy="install the same version where the workers run",
    )


def _lost_scheduler() -> InputError:
    return InputError(
        "the scheduler took its work back",
        why="it was stopped, or the connection to it was lost",
        remedy="what is finished is kept: start it again, and the same command continues",
    )


def _one_by_one(
    suspects: list[Job],
    recipe: Recipe,
    folder: Path,
    pool: Pool,
    note: Callable[[Outcome], None],
) -> list[Job]:
    """Do jobs in a worker that has nothing else to do; returns those that are left after one that killed it."""
    if pool.alone is None:
        raise ValueError("this pool finds out by itself who dies")
    with pool.alone() as executor:
        for place, job in enumerate(suspects):
            future = executor.submit(do_job, recipe, job, str(folder))
            error = _error_of(future)
            if error is None:
                note(future.result())
            elif pool.lost(error):
                note(_killed(job))
                return suspects[place + 1 :]
            else:
                raise error
    return []


def _killed(job: Job) -> Outcome:
    text = (
        f"{job.name}: the process that worked on it died\n"
        "  why: it was killed from outside (most often by the system, for want of memory), or a library crashed on this input\n"
        "  do:  run the same command again with fewer --workers; if it dies again, leave this one out and report it"
    )
    return Outcome(number=job.number, name=job.name, status="failed", failure=Failure(text=text))
