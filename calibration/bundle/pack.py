"""Make a bundle of a result folder, and run the one that somebody else made again."""

import hashlib
import importlib.metadata
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calibration.bundle.archive import OpenedBundle, open_bundle, write_bundle
from calibration.bundle.differences import (
    Curve,
    Difference,
    compare_curves,
    compare_quantities,
)
from calibration.bundle.project import check_inside, move_project
from calibration.bundle.tables import DataTable, origin_csv, write_workbook
from calibration.errors import InputError, OutputError

__all__ = ["Half", "Verification", "make_bundle", "verify_bundle"]

_README = """{title}

This file was made by `{program} bundle` (xtsred {version}, {created}). It holds everything behind the result:

  raw/       the measured files, unchanged
  project/   the project file: every number that entered the evaluation
  results/   what came out: report.html (open it first), tables, figures, NeXus or csv files
  data/      the curves as csv with long names, units and comments (Origin), and results.xlsx
  methods.txt  a paragraph for the methods section, with its numbers and references

To check it with your own installation:  {program} verify {name}
It runs the project again and says what differs, in standard uncertainties.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """What a bundle must know of the program whose result it holds.

    program: name of the command. path_keys: where a project file names files (see `move_project`). files:
    every file that a project reads, the project file apart. tables, methods, curves, quantities: of a result
    folder; curves and quantities are what a second run is compared by. rerun: project file, the earlier result's
    folder (for what was asked beside the project), a new result folder, command.
    """

    program: str
    path_keys: Sequence[str]
    files: Callable[[Path], Sequence[Path]]
    tables: Callable[[Path], Sequence[DataTable]]
    methods: Callable[[Path], str]
    curves: Callable[[Path], Mapping[str, Curve]]
    quantities: Callable[[Path], Mapping[str, Any]]
    rerun: Callable[[Path, Path, Path, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a second run said. versions: name -> (then, now) of programs that differ; findings: texts that only
    one of the runs has, as (then, now)."""

    title: str
    differences: tuple[Difference, ...]
    versions: Mapping[str, tuple[str, str]]
    findings: tuple[tuple[str, ...], tuple[str, ...]]

    @property
    def changed(self) -> tuple[Difference, ...]:
        """What differs by more than rounding, the gravest first."""
        found = [d for d in self.differences if d.verdict == "changed"]
        return tuple(sorted(found, key=lambda d: -(d.in_sigma or d.relative)))


def make_bundle(
    half: Half, folder: Path, target: Path, *, overwrite: bool, command: str
) -> list[str]:
    """Bundle a result folder; returns the paths of the members.

    Raises InputError where the folder is no result of this program, or where a raw file is gone or was changed
    since; OutputError where the bundle cannot be written.
    """
    result = _result(half, folder)
    project = folder / "run.toml"
    inputs = half.files(project)
    _check_unchanged(inputs, result["provenance"]["inputs"], project)
    moved = move_project(
        project.read_text(encoding="utf-8"), folder=folder, keys=half.path_keys, files=inputs
    )
    version = importlib.metadata.version("xtsred")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    tables = half.tables(folder)
    methods = half.methods(folder)
    members: dict[str, bytes | Path] = {
        "README.txt": _README.format(
            title=result["title"],
            program=half.program,
            version=version,
            created=created,
            name=target.name,
        ).encode(),
        "methods.txt": methods.encode(),
        "project/run.toml": moved.text.encode(),
        **moved.files,
    }
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        members[f"results/{path.relative_to(folder).as_posix()}"] = path
    members |= {f"data/{t.name}.csv": origin_csv(t).encode() for t in tables}
    with tempfile.TemporaryDirectory() as work:
        book = Path(work) / "results.xlsx"
        write_workbook(book, tables, facts=_facts(result, methods, project))
        members["data/results.xlsx"] = book.read_bytes()
    write_bundle(
        target,
        members,
        facts={
            "program": half.program,
            "xtsred": version,
            "created": created,
            "command": command,
            "title": result["title"],
            "provenance": result["provenance"],
        },
        overwrite=overwrite,
    )
    return [*members, "bundle.json"]


def _result(half: Half, folder: Path) -> dict[str, Any]:
    """The result.json of a result folder of this program."""
    where = folder / "result.json"
    try:
        result: Any = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            "this is no result folder",
            why=f"{where.name} cannot be read: {error}",
            remedy=f"name a folder that `{half.program}` wrote",
            where=str(folder),
        ) from error
    made = result.get("provenance") if isinstance(result, dict) else None
    program = str(made.get("program", "")) if isinstance(made, dict) else ""
    if program.split()[:1] != [half.program] or not (folder / "run.toml").is_file():
        raise InputError(
            f"this is no result folder of `{half.program}`",
            why=f"its result.json was written by {program or 'another program'}"
            if program
            else "its result.json has no provenance",
            where=str(folder),
        )
    return dict(result)


def _check_unchanged(files: Sequence[Path], recorded: Sequence[Any], project: Path) -> None:
    """Every raw file must still be the one that the result was made from, also where two have changed places."""
    known = {(Path(entry["path"]).name, str(entry["sha256"])) for entry in recorded}
    for file in files:
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(
                "a file that the result was made from cannot be read",
                why=error.strerror or str(error),
                remedy="put it back, or correct its path in run.toml",
                where=str(file),
            ) from error
        if (file.name, digest) not in known:
            raise InputError(
                "a file was changed since the result was made from it",
                why="its checksum is not that in result.json",
                remedy=f"make the result again from {project.name}, then bundle it",
                where=str(file),
            )


def _facts(
    result: Mapping[str, Any], methods: str, project: Path
) -> dict[str, Sequence[Sequence[str]]]:
    """Sheets of text: the result, the project file, where it comes from."""
    provenance = result["provenance"]
    headline = [[name, _written(value)] for name, value in result["headline"].items()]
    findings = [[f["severity"], f["text"]] for f in result["findings"]]
    libraries = [[name, version] for name, version in provenance["libraries"].items()]
    inputs = [[Path(i["path"]).name, i["sha256"]] for i in provenance["inputs"]]
    lines = project.read_text(encoding="utf-8").splitlines()
    return {
        "result": [
            ["result", "value"],
            *headline,
            ["", ""],
            *findings,
            ["", ""],
            ["methods", methods],
        ],
        "project file": [["run.toml"], *([line] for line in lines)],
        "provenance": [
            ["provenance", ""],
            ["program", f"{provenance['program']} {provenance['version']}"],
            ["command", provenance["command"]],
            ["run", provenance["started"]],
            ["system", provenance["system"]],
            *libraries,
            *inputs,
        ],
    }


def _written(value: Any) -> str:
    from calibration.quantity import Quantity

    if isinstance(value, Mapping):
        return str(Quantity(value["value"], value["sigma"], value["unit"]))
    return str(value)


def verify_bundle(half: Half, path: Path, *, keep: Path | None = None) -> Verification:
    """Open a bundle, run its project with this installation, and compare.

    keep: a new folder for the second run's result; None: not kept. Raises InputError for a bundle that is damaged, altered
    or of another program, OutputError where `keep` is taken, and for whatever its project cannot do here.
    """
    if keep is not None and keep.exists() and not (keep.is_dir() and not any(keep.iterdir())):
        raise OutputError(
            "the place of the second run is taken",
            why="earlier results are never replaced unasked",
            remedy="name a new folder after --keep",
            where=str(keep),
        )
    with tempfile.TemporaryDirectory(prefix="verify-") as work:
        opened = open_bundle(path, into=Path(work) / "bundle")
        _check_program(half, opened, path)
        project = opened.folder / "project" / "run.toml"
        results = opened.folder / "results"
        if not project.is_file() or not (results / "result.json").is_file():
            raise InputError(
                "the bundle is refused",
                why="it lacks project/run.toml or results/result.json",
                where=str(path),
            )
        check_inside(
            project.read_text(encoding="utf-8", errors="replace"),  # the second run says where
            folder=project.parent,
            root=opened.folder,
            keys=half.path_keys,
            where=f"{path}:project/run.toml",
        )
        again = keep or Path(work) / "again"
        then = _outcome_of_others(half, results, where=f"{path}:results")
        half.rerun(project, results, again, f"{half.program} verify {path.name}")
        now = _outcome(half, again)
        return Verification(
            title=then.title,
            differences=(
                *compare_curves(then.curves, now.curves),
                *compare_quantities(then.quantities, now.quantities),
            ),
            versions=_versions(then.versions, now.versions),
            findings=_findings(then.findings, now.findings),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What one run said, as far as two are compared."""

    title: str
    curves: Mapping[str, Curve]
    quantities: Mapping[str, Any]
    versions: Mapping[str, str]
    findings: Sequence[str]


def _outcome(half: Half, folder: Path) -> _Outcome:
    result = _result(half, folder)
    made = result["provenance"]
    return _Outcome(
        title=str(result["title"]),
        curves=half.curves(folder),
        quantities=half.quantities(folder),
        versions={"xtsred": made["version"], "system": made["system"], **made["libraries"]},
        findings=[str(f["text"]) for f in result["findings"]],
    )


def _outcome_of_others(half: Half, folder: Path, *, where: str) -> _Outcome:
    """The outcome in a folder that anybody may have written. Raises InputError for whatever is wrong with it."""
    try:
        return _outcome(half, folder)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise InputError(
            "the results in the bundle cannot be read",
            why=f"they are not as `{half.program}` writes them ({type(error).__name__}: {error})"[
                :300
            ],
            remedy="ask for the bundle again",
            where=where,
        ) from error


def _check_program(half: Half, opened: OpenedBundle, path: Path) -> None:
    program = opened.facts.get("program")
    if program != half.program:
        raise InputError(
            f"this bundle was made by {program!r}",
            remedy=f"check it with `{program} verify`" if program in ("xtsred", "cis") else "",
            where=str(path),
        )


def _versions(a: Mapping[str, str], b: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = dict.fromkeys([*a, *b])
    pairs = {n: (str(a.get(n, "absent")), str(b.get(n, "absent"))) for n in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _findings(a: Sequence[str], b: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(t for t in a if t not in b), tuple(t for t in b if t not in a)
