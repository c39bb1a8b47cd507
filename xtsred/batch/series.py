"""The series file: one project, many patterns, and the quantity they are drawn against."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calibration.campaign.table import Row, read_table
from calibration.errors import ConfigError, InputError
from calibration.records import FileName, Loaded, load, record
from xtsred.config import Project, load_project

__all__ = [
    "Member",
    "PatternEntry",
    "Patterns",
    "Series",
    "SeriesFile",
    "load_series",
    "values_from_name",
]

_NUMBER = r"([-+]?\d+(?:[.,p]\d+)?)"
_SHARED = ("fourier.r_max", "fourier.r_step", "range.q_step", "virtual")
"""Keys that all patterns share: they make the axes of the result."""
NUMBER = "number"


@record
class Patterns:
    """[patterns]: files by a name pattern, or a table with a row per pattern.

    files: as "heating/*.xy". from_name: values that stand in the file names, as "ns_{temperature_K}K_*.xy". table: csv with
    the column file, columns of values (temperature_K), and columns named by keys of the project (sample.packing_fraction).
    """

    files: FileName | None = None
    from_name: str | None = None
    table: FileName | None = None

    def __post_init__(self) -> None:
        if (self.files is None) == (self.table is None):
            raise ValueError("give one of files and table")
        if self.from_name is not None and not re.search(r"\{\w+\}", self.from_name):
            raise ValueError('from_name must hold a name in braces, as in "ns_{temperature_K}K.xy"')


@record
class PatternEntry:
    """[[pattern]]: one file, its values, and keys of the project that are different for it."""

    file: FileName
    name: str | None = None
    values: dict[str, float] = field(default_factory=dict)
    set: dict[str, Any] = field(default_factory=dict)


@record
class SeriesFile:
    """A series.

    project: the file of `xtsred reduce` that every pattern shares; the file of its sample scan is replaced. variable: the
    value that results are drawn against, or "number". variable_sigma: the value that holds its standard uncertainty.
    set: keys of the project that are different for all patterns.
    """

    name: str
    project: FileName
    variable: str
    variable_sigma: str | None = None
    patterns: Patterns | None = None
    pattern: tuple[PatternEntry, ...] = ()
    set: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name must not be empty")
        if (self.patterns is None) == (not self.pattern):
            raise ValueError("give one of [patterns] and [[pattern]]")
        if self.variable == NUMBER and self.variable_sigma is not None:
            raise ValueError("variable_sigma means nothing with the running number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One pattern: its values by name, and the settings of the project that make it (key=value)."""

    name: str
    file: str
    values: Mapping[str, float]
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series that can be reduced. project: of one of its patterns, for what all share."""

    loaded: Loaded[SeriesFile]
    project_path: Path
    project: Project
    members: tuple[Member, ...]
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """Of the series."""
        return self.loaded.record.name

    @property
    def variable(self) -> str:
        """What results are drawn against."""
        return self.loaded.record.variable


def load_series(path: Path, *, settings: Sequence[str] = ()) -> Series:
    """Read a series file with its table and its project.

    settings: key=value of the project, for all patterns. Raises InputError for what would spoil every pattern (a key that the
    project does not have, a variable that no pattern has, no file); what spoils one is left to the run.
    """
    loaded = load(SeriesFile, path)
    series, folder = loaded.record, loaded.folder
    project_path = folder / series.project
    common = [*(f"{key}={_toml(value)}" for key, value in series.set.items()), *settings]
    base = load_project(project_path, settings=common)
    target = _sample_scan(base.record, where=f"{path}: project")
    files: tuple[Path, ...] = (path, project_path)
    if series.patterns is None:
        found = list(_listed(series.pattern, where=str(path)))
    elif series.patterns.table is not None:
        found = list(_tabled(folder / series.patterns.table, target))
        files = (*files, folder / series.patterns.table)
    else:
        found = list(_matched(series.patterns, folder, where=str(path)))
    members = [_member(m, common, target, folder, project_path) for m in found]
    _check(members, series, where=str(path))
    return Series(
        loaded=loaded,
        project_path=project_path,
        project=_first_valid(members, project_path),
        members=tuple(members),
        files=files,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    file: str
    name: str | None
    values: Mapping[str, float]
    keys: Mapping[str, str]
    where: str


def _toml(value: Any) -> str:
    """A value as it would be written in a project file."""
    import tomlkit

    return str(tomlkit.item(value).as_string())


def _sample_scan(project: Project, *, where: str) -> int | None:
    """Which [[scan]] a pattern takes the place of; None where there are several, and each must be named."""
    places = [i for i, scan in enumerate(project.scan) if scan.role == "sample"]
    if not places:
        raise InputError(
            "the project has no sample scan that a pattern could take the place of",
            remedy='give it one [[scan]] with role = "sample"; its file may be any of the series',
            where=where,
        )
    return places[0] if len(places) == 1 else None


def _listed(entries: Sequence[PatternEntry], *, where: str) -> Iterator[_Found]:
    for i, entry in enumerate(entries):
        keys = {key: _toml(value) for key, value in entry.set.items()}
        yield _Found(
            file=entry.file,
            name=entry.name,
            values=dict(entry.values),
            keys=keys,
            where=f"{where}: pattern[{i}]",
        )


def _tabled(path: Path, target: int | None) -> Iterator[_Found]:
    table = read_table(path)
    if target is not None:
        table.require(["file"])
    keys = [c for c in table.columns if "." in c]
    plain = [c for c in table.columns if c not in (*keys, "file", "name")]
    for row in table.rows:
        values = {c: row.number(c) for c in plain}
        yield _Found(
            file=_file_of(row, target),
            name=row.text("name"),
            values={c: v for c, v in values.items() if v is not None},
            keys={k: row.cells[k] for k in keys if k in row.cells},
            where=row.where,
        )


def _file_of(row: Row, target: int | None) -> str:
    file = row.text("file")
    if file is None and target is not None:
        raise InputError(
            "the row names no file", remedy="fill in the cell, or remove the row", where=row.where
        )
    if file is None:
        return next((v for k, v in row.cells.items() if k.endswith("].file")), "")
    return file


def _matched(patterns: Patterns, folder: Path, *, where: str) -> Iterator[_Found]:
    wanted = patterns.files or ""
    start = Path(wanted).anchor or folder
    relative = str(Path(wanted).relative_to(start)) if Path(wanted).is_absolute() else wanted
    try:
        files = sorted((p for p in Path(start).glob(relative) if p.is_file()), key=_natural)
    except (OSError, ValueError, IndexError, RecursionError) as error:  # "", ".", names without end
        raise InputError(
            f"the pattern {wanted[:60]!r} cannot be looked for",
            why=(getattr(error, "strerror", None) or str(error)).lower(),
            remedy='correct it; as in files = "heating/*.xy"',
            where=f"{where}: patterns.files",
        ) from error
    if not files:
        raise InputError(
            f"the pattern {wanted!r} matches no file",
            why=f"looked from {start}",
            remedy="correct it; paths are relative to the series file",
            where=f"{where}: patterns.files",
        )
    for file in files:
        values = {}
        if patterns.from_name is not None:
            values = values_from_name(file.name, patterns.from_name, where=where)
        inside = file if Path(wanted).is_absolute() else file.relative_to(folder)
        yield _Found(file=inside.as_posix(), name=None, values=values, keys={}, where=where)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key by which "2.xy" comes before "10.xy"."""
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d+)", str(path))]


def values_from_name(name: str, template: str, *, where: str) -> dict[str, float]:
    """Numbers of a file name by a template with names in braces; a star stands for anything.

    A decimal point may be written ".", "," or "p". Raises InputError where the name does not fit.
    """
    parts = re.split(r"(\{\w+\}|\*)", template)
    pattern = "".join(
        _NUMBER if p.startswith("{") else ".*" if p == "*" else re.escape(p) for p in parts
    )
    match = re.fullmatch(pattern, name)
    if match is None:
        raise InputError(
            f"the file name {name!r} does not fit {template!r}",
            remedy="correct from_name, or narrow files",
            where=f"{where}: patterns.from_name",
        )
    names = [p[1:-1] for p in parts if p.startswith("{")]
    return {
        n: float(re.sub("[,p]", ".", text)) for n, text in zip(names, match.groups(), strict=True)
    }


def _member(
    found: _Found,
    common: Sequence[str],
    target: int | None,
    folder: Path,
    project_path: Path,
) -> Member:
    shared = [k for k in found.keys if k in _SHARED]
    if shared:
        raise InputError(
            f"{shared[0]} must be the same for all patterns",
            why="they share the axes of the result",
            remedy="set it in the project, or in [set] of the series",
            where=found.where,
        )
    keys = dict(found.keys)
    if target is not None:
        keys = {f"scan[{target}].file": found.file, **keys}
    elif not any(k.startswith("scan[") and k.endswith("].file") for k in keys):
        raise InputError(
            "the project has several sample scans, and the pattern does not say which file is which",
            remedy='give each by its key, e.g. a column (or set) "scan[0].file", "scan[1].file"',
            where=found.where,
        )
    moved = {
        k: _relative(folder / v.strip('"'), project_path.parent) if k.endswith("].file") else v
        for k, v in keys.items()
    }
    return Member(
        name=found.name or Path(found.file).stem,
        file=found.file,
        values=found.values,
        settings=(*common, *(f"{k}={v}" for k, v in moved.items())),
    )


def _relative(path: Path, start: Path) -> str:
    """A path as the project file would name it; a TOML string, so that "300.xy" is not read as a number."""
    import os

    try:
        text = Path(os.path.relpath(path, start)).as_posix()
    except ValueError:  # another drive
        text = path.absolute().as_posix()
    return _toml(text)


def _check(members: Sequence[Member], series: SeriesFile, *, where: str) -> None:
    seen: dict[str, int] = {}
    for i, member in enumerate(members):
        if member.name in seen:
            raise InputError(
                f"two patterns have the name {member.name!r}",
                why=f"they are number {seen[member.name]} and {i}, counted from 0",
                remedy="give them names (a column name, or name = ... in [[pattern]])",
                where=where,
            )
        seen[member.name] = i
    for key, name in (("variable", series.variable), ("variable_sigma", series.variable_sigma)):
        if name in (None, NUMBER) or any(name in m.values for m in members):
            continue
        known = sorted({n for m in members for n in m.values})
        raise InputError(
            f"no pattern has a value {name!r}",
            why=f"they have {', '.join(known)}" if known else "they have no values at all",
            remedy='correct it, give the values, or write "number" for the running number',
            where=f"{where}: {key}",
        )


def _first_valid(members: Sequence[Member], path: Path) -> Project:
    """The project of the first pattern that has one; where none has, the mistake is in the series."""
    first: ConfigError | InputError | None = None
    for member in members:
        try:
            return load_project(path, settings=member.settings).record
        except InputError as error:
            first = first or error
    if first is None:
        raise InputError("the series has no pattern", where=str(path))
    raise first
