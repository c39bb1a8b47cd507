"""Where a result comes from: program, libraries, command, inputs with their checksums."""

import hashlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["InputFile", "Provenance", "collect"]


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file that was read."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What must be known to repeat a result."""

    program: str
    version: str
    command: str
    started: str
    system: str
    libraries: Mapping[str, str]
    inputs: Sequence[InputFile]


def collect(
    program: str, *, command: str, inputs: Iterable[Path], libraries: Iterable[str]
) -> Provenance:
    """Gather provenance now; every input must exist, each is listed once."""
    unique = dict.fromkeys(Path(p) for p in inputs)
    return Provenance(
        program=program,
        version=importlib.metadata.version("xtsred"),
        command=command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        system=f"Python {sys.version.split()[0]}, {platform.system()} {platform.machine()}",
        libraries={name: importlib.metadata.version(name) for name in libraries},
        inputs=tuple(_input_file(p) for p in unique),
    )


def _input_file(path: Path) -> InputFile:
    content = path.read_bytes()
    return InputFile(str(path), len(content), hashlib.sha256(content).hexdigest())
