"""Small campaigns for tests: jobs that compute, wait, fail, and kill their worker.

    python -m tests.calibration.batch_recipes FOLDER JOBS WORKERS

runs one of them in a process of its own, to be killed.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.campaign.durable import FolderLock
from calibration.campaign.engine import Run, run_campaign
from calibration.campaign.jobs import Job, Prepared, Result
from calibration.campaign.workers import Pool, local_pool
from calibration.errors import InputError


@dataclass(frozen=True)
class Toy:
    """spec: files; do: what happens; seconds: to wait; floats: of the result."""

    program: str = "toy"
    libraries: tuple[str, ...] = ("scipy",)

    def prepare(self, job: Job) -> Prepared:
        return Prepared(files=[Path(p) for p in job.spec.get("files", [])], state=None)

    def compute(self, job: Job, prepared: Prepared) -> Result:
        what: Any = job.spec.get("do")
        if what == "die":
            os._exit(9)
        if what == "bug":
            raise ZeroDivisionError("of ours")
        if what == "bad":
            raise InputError("a bad number", where=job.name)
        if what == "change":
            prepared.files[0].write_text("other", encoding="utf-8")
        if what == "vanish":
            prepared.files[0].unlink()
        time.sleep(job.spec.get("seconds", 0.0))
        a = np.random.default_rng(job.number).normal(size=(120, 120))
        b = (a @ a).ravel()[: job.spec.get("floats", 50)]
        return Result(values={"number": job.number, "sum": float(b.sum())}, arrays={"b": b})


def jobs(count: int, **spec: Any) -> list[Job]:
    return [Job(number=i, name=f"job{i}", spec=spec) for i in range(count)]


def in_thread(size: int = 2) -> Pool:
    """Workers that start at once, for what does not need processes."""
    return Pool(
        size=size, open=lambda: ThreadPoolExecutor(size), alone=None, lost=lambda error: False
    )


def content(run: Run) -> list[tuple[Any, ...]]:
    """All values and the bytes of all arrays, in order."""
    return [
        (o.number, o.name, None if r is None else (dict(r.values), r.arrays["b"].tobytes()))
        for o, r in run.results()
    ]


def main() -> None:
    folder, count, workers = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with FolderLock(folder):
        run_campaign(
            jobs(count, seconds=0.02), Toy(), folder=folder / "parts", pool=local_pool(workers)
        )


if __name__ == "__main__":
    main()
