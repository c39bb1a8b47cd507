"""Where jobs are done: processes of this machine (joblib's), or Dask workers here or elsewhere. One interface for both.

Every worker computes with one thread: the processes share the cores, and the order in which threads add numbers
up would reach the last bits of the results.
"""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass
from typing import Any

from calibration.errors import InputError

__all__ = ["ONE_THREAD", "Pool", "blas_threads", "local_pool", "pool_of"]

_LOOK_S = 0.5
ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "BLIS_NUM_THREADS",
    ),
    "1",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A way to have functions called elsewhere.

    size: how many work at once. open: a context that gives an executor; closing it stops the workers.
    alone: the same with a single worker, None where the executor itself sorts out which call kills workers.
    lost: whether an exception of a future means that its worker died.
    """

    size: int
    open: Callable[[], contextlib.AbstractContextManager[Executor]]
    alone: Callable[[], contextlib.AbstractContextManager[Executor]] | None
    lost: Callable[[BaseException], bool]


def blas_threads() -> str:
    """What the environment of this process says about threads of numerical libraries; "" for nothing."""
    values = {os.environ.get(name, "") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    values.discard("")
    return "/".join(sorted(values))


def pool_of(*, workers: int | None, scheduler: str | None) -> Pool:
    """The pool that a command line asks for. Raises InputError where Dask is not installed or does not answer."""
    if scheduler is None:
        return local_pool(os.cpu_count() or 1 if workers is None else workers)
    return _dask_pool(scheduler, workers)


def local_pool(workers: int) -> Pool:
    """Processes of this machine, by joblib's loky: it notices a worker that dies, whatever kills it."""

    def opened(size: int) -> Callable[[], contextlib.AbstractContextManager[Executor]]:
        return lambda: _loky(size)

    return Pool(
        size=workers,
        open=opened(workers),
        alone=opened(1),
        lost=lambda error: isinstance(error, BrokenExecutor),
    )


@contextlib.contextmanager
def _loky(size: int) -> Iterator[Executor]:
    from joblib.externals import loky

    executor = loky.ProcessPoolExecutor(
        max_workers=size, initializer=_begin, initargs=(os.getpid(),), env=dict(ONE_THREAD)
    )
    try:
        yield executor
    except BaseException:
        with _silent_threads():
            executor.shutdown(wait=True, kill_workers=True)
        raise
    executor.shutdown(wait=True)


@contextlib.contextmanager
def _silent_threads() -> Iterator[None]:
    """No traceback of a thread: loky's own stumbles over jobs that were withdrawn before a worker had begun."""
    hook = threading.excepthook
    threading.excepthook = lambda _: None
    try:
        yield
    finally:
        threading.excepthook = hook


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; only the giver answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _begin(giver: int) -> None:
    """What a worker does first. giver: process that gives out the work.

    A giver that is killed cannot stop its workers, which would wait for ever (each holds the other end of the others'
    pipes): they look whether it is still there.
    """
    _ignore_interrupts()
    threading.Thread(target=_end_with, args=(giver,), daemon=True).start()


def _end_with(giver: int) -> None:
    """End this process when its parent has; a result that is being written is then not there, or whole."""
    while os.getppid() == giver or sys.platform == "win32":  # there a parent's number never changes
        time.sleep(_LOOK_S)
    os._exit(1)


def _dask_pool(scheduler: str, workers: int | None) -> Pool:
    try:
        import distributed
        import distributed.scheduler
    except ImportError as error:
        raise InputError(
            "Dask is not installed",
            why="--scheduler gives the work to Dask",
            remedy='install it: pip install "xtsred[dask]"; on one machine no --scheduler is needed',
        ) from error
    dask: Any = distributed

    @contextlib.contextmanager
    def opened() -> Iterator[Executor]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_silent_log())
            if scheduler == "local":
                cluster = stack.enter_context(
                    dask.LocalCluster(
                        n_workers=workers or os.cpu_count() or 1,
                        threads_per_worker=1,
                        dashboard_address=None,
                        silence_logs=logging.CRITICAL,
                        env=dict(ONE_THREAD),
                    )
                )
                client: Any = stack.enter_context(dask.Client(cluster))
                client.run(_ignore_interrupts)
            else:
                client = stack.enter_context(_client(dask.Client, scheduler))
            executor: Executor = stack.enter_context(client.get_executor(pure=False))
            try:
                yield executor
            except BaseException:
                # else it would wait for jobs whose workers Ctrl-C has ended too: for ever
                executor.shutdown(wait=False)
                raise

    size = workers or os.cpu_count() or 1
    if scheduler != "local":
        with _client(dask.Client, scheduler) as client:
            size = sum(client.nthreads().values())
        if size == 0:
            raise InputError(
                "the Dask scheduler has no workers",
                remedy=f"start some: dask worker {scheduler} --nthreads 1 --nworkers auto",
                where=scheduler,
            )
    return Pool(
        size=size,
        open=opened,
        alone=None,
        lost=lambda error: isinstance(error, dask.scheduler.KilledWorker),
    )


@contextlib.contextmanager
def _silent_log() -> Iterator[None]:
    """Without Dask's own log: what goes wrong is said once, by an error of ours."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _client(make: Any, scheduler: str) -> Any:
    try:
        return make(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(
            "the Dask scheduler does not answer",
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy="write its address as it prints it, e.g. tcp://10.0.0.1:8786, or local",
            where=scheduler,
        ) from error
