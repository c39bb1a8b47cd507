"""The file of `cis batch`: project files, or a table of pellets with what all of them share."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calibration.campaign.jobs import Job
from calibration.campaign.table import Row, Table, read_table
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import FileName, Loaded, as_table, load, record
from cis.config import ArrheniusTable, Calibration, Fixture, Model, Temperature, Validation
from cis.inputs import matching_files

__all__ = ["BatchFile", "Defaults", "Samples", "load_samples"]

_QUANTITIES = ("thickness_mm", "diameter_mm", "area_mm2", "mass_mg", "porosity", "density_g_cm3")
_SAMPLE_TEXT = ("composition",)
_SPECTRUM_NUMBERS = ("temperature_C", "temperature_K")
_SPECTRUM_TEXT = ("temperature_from_name", "imaginary_sign", "frequency_unit")


def _sigma_of(column: str) -> str:
    """thickness_mm -> thickness_sigma_mm, porosity -> porosity_sigma."""
    head, found, tail = column.partition("_")
    return f"{head}_sigma_{tail}" if found else f"{head}_sigma"


_KNOWN = (
    "sample",
    "file",
    *(c for q in _QUANTITIES for c in (q, _sigma_of(q))),
    *_SAMPLE_TEXT,
    *_SPECTRUM_NUMBERS,
    *_SPECTRUM_TEXT,
    "circuit",
)


@record
class Defaults:
    """[defaults]: tables of a project file of `cis analyze` that every row of the table shares."""

    model: Model | None = None
    temperature: Temperature | None = None
    arrhenius: ArrheniusTable | None = None
    fixture: Fixture | None = None
    validation: Validation | None = None
    calibration: Calibration | None = None
    virtual: bool = False


@record
class BatchFile:
    """A batch: project files by a name pattern, a table with a row per file, or both.

    table: csv with sample, file (a name or a pattern), the size of the pellet (thickness_mm, diameter_mm or area_mm2, each with its
    uncertainty in thickness_sigma_mm, ...), temperature_C or temperature_K where neither the file nor its name says it.
    ignore: columns of the table that are there for other reasons.
    """

    name: str
    projects: FileName | None = None
    table: FileName | None = None
    ignore: tuple[str, ...] = ()
    defaults: Defaults = field(default_factory=Defaults)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name must not be empty")
        if self.projects is None and self.table is None:
            raise ValueError("give projects, table, or both")


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What is to be analyzed: a job per sample. files: the batch file, its table and the project files."""

    loaded: Loaded[BatchFile]
    jobs: tuple[Job, ...]
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """Of the batch."""
        return self.loaded.record.name


def load_samples(path: Path, *, settings: Sequence[str] = ()) -> Samples:
    """Read a batch file and its table. settings: key=value for every project.

    Raises InputError for what would spoil the whole (an unknown column, a sample twice); what spoils one sample is left to the run.
    """
    loaded = load(BatchFile, path)
    batch, folder = loaded.record, loaded.folder
    found: list[tuple[str, dict[str, Any], str]] = []
    files: tuple[Path, ...] = (path,)
    if batch.projects is not None:
        projects = matching_files(batch.projects, folder=folder, key=f"{path}: projects")
        shared_stem = len({p.stem for p in projects}) < len(projects)
        for project in projects:
            spec = {"project": _inside(project, folder), "settings": list(settings)}
            name = project.parent.name if shared_stem else project.stem
            found.append((name, spec, str(project)))
        files += projects
    if batch.table is not None:
        table = read_table(folder / batch.table)
        files = (*files, table.path)
        found += list(_of_table(table, batch, settings))
    _refuse_twice([name for name, _, _ in found], where=str(path))
    jobs = tuple(Job(number=i, name=n, spec=s, where=w) for i, (n, s, w) in enumerate(found))
    return Samples(loaded=loaded, jobs=jobs, files=files)


def _inside(path: Path, folder: Path) -> str:
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def _refuse_twice(names: Sequence[str], *, where: str) -> None:
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise InputError(
            f"two projects are called {twice!r}",
            why="their results would stand under one name",
            remedy="rename one of the files (or their folders)",
            where=where,
        )


def _of_table(
    table: Table, batch: BatchFile, settings: Sequence[str]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A sample per name, its rows together, in the order in which they first appear."""
    table.require(["sample", "file"])
    table.refuse_unknown(
        [*_KNOWN, *batch.ignore],
        remedy='correct the header, or list columns that are not meant for this in ignore = ["..."]',
    )
    if settings:
        raise InputError(
            "--set changes project files, and this batch has a table",
            remedy="write it into [defaults] of the batch file",
        )
    rows: dict[str, list[Row]] = {}
    for row in table.rows:
        name = row.text("sample")
        if name is None:
            raise InputError("the row names no sample", remedy="fill in the cell", where=row.where)
        rows.setdefault(name, []).append(row)
    shared = {k: v for k, v in as_table(batch.defaults).items() if k != "virtual"}
    for name, group in rows.items():
        cells = _merged(group)
        table_of_sample = {
            **_plain(shared),
            "sample": {**_sample(cells), "name": name, "virtual": batch.defaults.virtual},
            "spectrum": [_spectrum(row) for row in group],
        }
        circuit = cells.text("circuit")
        if circuit is not None:
            table_of_sample["model"] = {**table_of_sample.get("model", {}), "circuit": circuit}
        elif batch.defaults.model is None:
            raise InputError(
                f"no circuit is named for {name!r}",
                remedy='write [defaults.model] with circuit = "auto" into the batch file, or fill in a column circuit',
                where=group[0].where,
            )
        yield name, {"record": table_of_sample}, group[0].where


def _plain(value: Any) -> Any:
    """Quantities as a project file would write them."""
    if isinstance(value, Quantity):
        said = {"value": value.value, "sigma": value.sigma}
        return {k: v for k, v in said.items() if v is not None}
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _merged(rows: Sequence[Row]) -> Row:
    """What the rows of one sample say about it; they may leave it to the first, but not contradict it."""
    columns = [c for q in _QUANTITIES for c in (q, _sigma_of(q))] + [*_SAMPLE_TEXT, "circuit"]
    cells: dict[str, str] = {}
    for row in rows:
        for column in columns:
            text = row.text(column)
            if text is not None and cells.setdefault(column, text) != text:
                raise InputError(
                    f"{column} is {text!r} here and {cells[column]!r} in another row of the same sample",
                    why=f"it belongs to the sample, and the first row is {rows[0].where}",
                    remedy="correct it, leave it empty here, or give the sample another name",
                    where=row.where,
                )
    return Row(cells, rows[0].where, rows[0].decimal_comma)


def _sample(row: Row) -> dict[str, Any]:
    sample: dict[str, Any] = {}
    for name in _QUANTITIES:
        value, sigma = row.number(name), row.number(_sigma_of(name))
        if value is None and sigma is not None:
            raise InputError(
                f"{_sigma_of(name)} is given without {name}",
                remedy="give both, or none",
                where=row.where,
            )
        if value is not None:
            sample[name] = {"value": value} if sigma is None else {"value": value, "sigma": sigma}
    for name in _SAMPLE_TEXT:
        if row.text(name) is not None:
            sample[name] = row.text(name)
    return sample


def _spectrum(row: Row) -> dict[str, Any]:
    file = row.text("file")
    if file is None:
        raise InputError("the row names no file", remedy="fill in the cell", where=row.where)
    spectrum: dict[str, Any] = {"files": file}
    numbers = {name: row.number(name) for name in _SPECTRUM_NUMBERS}
    texts = {name: row.text(name) for name in _SPECTRUM_TEXT}
    spectrum |= {k: v for k, v in {**numbers, **texts}.items() if v is not None}
    return spectrum
