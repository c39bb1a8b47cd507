"""What a campaign is made of: jobs, the recipe that does them, and what becomes of each."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, ReadError

__all__ = [
    "Failure",
    "Job",
    "Outcome",
    "Prepared",
    "Recipe",
    "Result",
    "Status",
    "changed_while_read",
    "content_digest",
    "program_version",
    "release",
]

Status = Literal["computed", "kept", "failed"]

_FORMAT = 1
"""Of what a campaign stores; a new one makes every stored result out of date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One member of a campaign.

    number: its place, from 0; spec: plain values (JSON) that say all that is not in a file; where: it was named, for messages.
    Number and where do not change a result.
    """

    number: int
    name: str
    spec: Mapping[str, Any]
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job that is ready to be done. files: every file whose content decides the result; state: the recipe's own."""

    files: Sequence[Path]
    state: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a job gave: plain values (JSON) and arrays of numbers."""

    values: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


class Recipe(Protocol):
    """How a job is done. It is sent to the workers, so it holds plain values only.

    libraries: names of the distributions whose version can change a result.
    """

    @property
    def program(self) -> str:
        """Name of the command."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """See above."""

    def prepare(self, job: Job) -> Prepared:
        """Read what the job says. Raises InputError."""

    def compute(self, job: Job, prepared: Prepared) -> Result:
        """Do the job. Raises InputError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job has no result. bug: it is our mistake, and text holds the traceback."""

    text: str
    bug: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a job.

    computed: now; kept: an earlier run had finished it, and nothing that it depends on has changed; failed: see
    failure. threads: of numerical libraries in the worker, as its environment says ("" where it does not).
    version: release of this program in the worker.
    """

    number: int
    name: str
    status: Status
    digest: str = ""
    failure: Failure | None = None
    threads: str = ""
    version: str = ""


def release() -> str:
    """The version of this program, where this is called."""
    return importlib.metadata.version("xtsred")


@lru_cache(maxsize=4)
def program_version(program: str) -> str:
    """The version of this program, and the first letters of a digest of its source.

    A checkout that was edited, or updated between two releases, has another digest: its results are others.
    program: the command; its first word is the package that does the work.
    """
    packages = ("calibration", program.split()[0])
    digest = hashlib.sha256()
    for name in packages:
        root = Path(__file__).resolve().parents[2] / name
        for path in sorted((*root.rglob("*.py"), *root.rglob("*.toml"))):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{release()} ({digest.hexdigest()[:12]})"


def content_digest(recipe: Recipe, job: Job, files: Sequence[Path]) -> str:
    """Fingerprint of everything a result depends on: program, libraries, what the job says, the bytes of its files.

    Raises ReadError for a file that cannot be read.
    """
    said = {
        "format": _FORMAT,
        "program": recipe.program,
        "version": program_version(recipe.program),
        "libraries": {n: importlib.metadata.version(n) for n in recipe.libraries},
        "numpy": np.__version__,
        "name": job.name,
        "spec": job.spec,
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for path in files:
        digest.update(b"\0" + _file_digest(path))
    return digest.hexdigest()


def _file_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise ReadError(
            "the file cannot be read",
            why=(error.strerror or str(error)).lower(),
            remedy="put it back or correct the path; the same command then does what is missing",
            where=str(path),
        ) from error


def changed_while_read(files: Sequence[Path]) -> InputError:
    """The error of a job whose files did not stay the same while it was done."""
    return InputError(
        "a file was changed while it was being used",
        why="the result would belong to neither content",
        remedy="run the same command again when the files are complete",
        where=", ".join(str(p) for p in files[:3]),
    )
