"""From a project file to the spectra it names: patterns, temperatures, fixture."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from calibration.errors import InputError
from calibration.fixture import Fixture, Standard
from calibration.records import Loaded
from calibration.thermometer import kelvin
from cis.certificates import Certificates, read_certificates
from cis.config import Project, Spectra
from cis.stages import Spectrum

__all__ = [
    "FixtureFiles",
    "Inputs",
    "Labelled",
    "matching_files",
    "read_fixture",
    "read_inputs",
    "read_spectra_of",
    "temperature_from_name",
    "unique_labels",
]

_NUMBER = r"([-+]?\d+(?:[.,p]\d+)?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A spectrum with a label that is unique in its series, and its temperature reading (None: unknown), K."""

    label: str
    temperature_k: float | None
    spectrum: Spectrum


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that was read: spectra by rising temperature, the fixture, certificates, and every file for the provenance."""

    spectra: tuple[Labelled, ...]
    fixture: Fixture | None
    files: tuple[Path, ...]
    certificates: Certificates = field(default_factory=Certificates)


def read_inputs(loaded: Loaded[Project]) -> Inputs:
    """Read everything a project file names; paths are relative to it.

    Raises InputError, naming the key, for a missing file, a pattern that matches nothing, or a spectrum
    whose temperature is stated nowhere while an Arrhenius fit is asked for.
    """
    project, folder = loaded.record, loaded.folder
    certificates = read_certificates(project, folder=folder)
    found = read_spectra_of(project.spectrum, folder=folder, where=loaded.path)
    if project.arrhenius is not None:
        _require_temperatures(loaded.path, found)
    fixture, fixture_files = (
        (None, ())
        if project.fixture is None
        else read_fixture(project.fixture, folder=folder, load_ohm=project.fixture.load_ohm)
    )
    labels = unique_labels([(path, spectrum) for path, spectrum, _ in found])
    spectra = [
        Labelled(label=label, temperature_k=t, spectrum=spectrum)
        for label, (_, spectrum, t) in zip(labels, found, strict=True)
    ]
    spectra.sort(key=lambda s: (s.temperature_k is None, s.temperature_k or 0.0))
    return Inputs(
        spectra=tuple(spectra),
        fixture=fixture,
        files=(
            loaded.path,
            *dict.fromkeys(path for path, _, _ in found),
            *fixture_files,
            *certificates.files,
        ),
        certificates=certificates,
    )


def read_spectra_of(
    tables: Sequence[Spectra], *, folder: Path, where: Path
) -> list[tuple[Path, Spectrum, float | None]]:
    """Every spectrum that [[spectrum]] tables name, with its file and its temperature (K, None where nobody states it).

    folder: where relative paths start; where: the project file, for messages. Raises InputError.
    """
    found: list[tuple[Path, Spectrum, float | None]] = []
    seen: dict[Path, str] = {}
    for k, table in enumerate(tables):
        key = f"spectrum[{k}]"
        for path in matching_files(table.files, folder=folder, key=f"{key}.files"):
            if path in seen:
                raise InputError(
                    f"{path.name} is named twice, by {seen[path]} and by {key}",
                    why="one measurement must not count as two",
                    remedy="make the patterns exclude each other",
                    where=f"{where}: {key}.files",
                )
            seen[path] = key
            found.extend((path, *pair) for pair in _read(path, table, key=key))
    return found


def matching_files(pattern: str, *, folder: Path, key: str) -> tuple[Path, ...]:
    """Files of a name or a pattern (*, ?, [...]), sorted; a file whose real name looks like a pattern wins.

    Raises InputError where there is none.
    """
    direct = (folder / pattern).expanduser()
    if direct.is_file():
        return (direct,)
    if direct.is_dir():
        raise InputError(
            f"{pattern!r} is a folder",
            remedy=f'write a pattern of files, for instance "{pattern.rstrip("/")}/*.csv"',
            where=key,
        )
    if not any(c in pattern for c in "*?["):
        near = _near_names(direct)
        raise InputError(
            f"the file {pattern!r} does not exist",
            why=f"looked in {direct.parent}" + (f"; it has {near}" if near else ""),
            remedy="correct the name; paths are relative to the project file",
            where=key,
        )
    start = Path(direct.anchor) if Path(pattern).is_absolute() else folder
    relative = str(Path(pattern).relative_to(start)) if Path(pattern).is_absolute() else pattern
    files = sorted((p for p in start.glob(relative) if p.is_file()), key=_natural)
    if not files:
        raise InputError(
            f"the pattern {pattern!r} matches no file",
            why=f"looked from {start}",
            remedy="correct the pattern; paths are relative to the project file",
            where=key,
        )
    return tuple(files)


def temperature_from_name(name: str, template: str) -> float:
    """Temperature in K from a file name and a template with {temperature_C} or {temperature_K}.

    A star in the template stands for anything; a decimal point may be written ".", "," or "p".
    Raises ValueError where the name does not fit.
    """
    in_celsius = "{temperature_C}" in template
    parts = re.split(r"(\{temperature_[CK]\}|\*)", template)
    pattern = "".join(
        _NUMBER if p.startswith("{temperature_") else ".*" if p == "*" else re.escape(p)
        for p in parts
    )
    match = re.fullmatch(pattern, name)
    if match is None:
        raise ValueError(f"the file name {name!r} does not fit {template!r}")
    value = float(re.sub("[,p]", ".", match.group(1)))
    if not in_celsius and not value > 0.0:
        raise ValueError(f"{name!r} states {value:g} K, which is not a temperature")
    return kelvin(value) if in_celsius else value


def _read(path: Path, table: Spectra, *, key: str) -> list[tuple[Spectrum, float | None]]:
    from cis.io import ReadOptions, read_spectra

    options = ReadOptions(
        imaginary_sign=table.imaginary_sign,
        frequency_unit=table.frequency_unit,
        columns=table.columns,
    )
    spectra = read_spectra(path, options=options)
    unknown = [i for i in table.skip if not 0 <= i < len(spectra)]
    if unknown:
        raise InputError(
            f"skip names spectrum {unknown[0]}, but {path.name} holds {len(spectra)} (counted from 0)",
            where=f"{key}.skip",
        )
    kept = [s for s in spectra if s.index not in table.skip]
    stated = table.temperature_K
    if table.temperature_C is not None:
        stated = kelvin(table.temperature_C)
    if table.temperature_from_name is not None:
        try:
            stated = temperature_from_name(path.name, table.temperature_from_name)
        except ValueError as error:
            raise InputError(
                str(error),
                remedy="correct the template, or give the file its own [[spectrum]] table",
                where=f"{key}.temperature_from_name",
            ) from error
    if stated is not None and len(kept) > 1 and len({s.temperature_k for s in kept}) > 1:
        raise InputError(
            f"{path.name} holds {len(kept)} spectra of different temperatures, but one temperature is given for all",
            remedy="leave the temperature out (the file states it), or choose one spectrum with skip",
            where=key,
        )
    return [(s, s.temperature_k if stated is None else stated) for s in kept]


class FixtureFiles(Protocol):
    """Names of the files of a fixture, in a project file or in a calibration file."""

    @property
    def open(self) -> str | None:
        """Spectrum of the empty fixture."""

    @property
    def short(self) -> str | None:
        """Spectrum of the shorted fixture."""

    @property
    def load(self) -> str | None:
        """Spectrum of a known load in the fixture."""


def read_fixture(
    table: FixtureFiles, *, folder: Path, load_ohm: float | None
) -> tuple[Fixture, tuple[Path, ...]]:
    """Open, short and load with the files they come from; load_ohm: true resistance of the load. Raises InputError."""
    standards: dict[str, Standard] = {}
    files: list[Path] = []
    for name, pattern in (("open", table.open), ("short", table.short), ("load", table.load)):
        if pattern is None:
            continue
        key = f"fixture.{name}"
        paths = matching_files(pattern, folder=folder, key=key)
        spectra = [s for p in paths for s in _plain_read(p)]
        if len(spectra) != 1:
            raise InputError(
                f"{pattern!r} holds {len(spectra)} spectra",
                why=f"one measurement of the {name} is needed",
                where=key,
            )
        files.extend(paths)
        standards[name] = Standard(
            name=name, frequency_hz=spectra[0].frequency_hz, z_ohm=spectra[0].z_ohm
        )
    fixture = Fixture(
        open=standards.get("open"),
        short=standards.get("short"),
        load=standards.get("load"),
        load_true_ohm=load_ohm,
    )
    return fixture, tuple(files)


def _plain_read(path: Path) -> tuple[Spectrum, ...]:
    from cis.io import read_spectra

    return read_spectra(path)


def _require_temperatures(
    project: Path, found: Iterable[tuple[Path, Spectrum, float | None]]
) -> None:
    without = [f"{path.name}" for path, _, t in found if t is None]
    if without:
        listed = ", ".join(dict.fromkeys(without[:4])) + (" ..." if len(without) > 4 else "")
        raise InputError(
            f"{len(without)} spectra have no temperature: {listed}",
            why="neither the file nor the project file states it, and [arrhenius] needs it",
            remedy="add temperature_from_name, temperature_C or temperature_K to their [[spectrum]] table",
            where=str(project),
        )


def unique_labels(found: Sequence[tuple[Path, Spectrum]]) -> list[str]:
    """A label for each spectrum: the file's stem, with its suffix or the spectrum's number where needed.

    Files of one name in several folders are counted, "x.txt (1)": masks and findings must mean one of them.
    """
    per_file: dict[Path, int] = {}
    for path, _ in found:
        per_file[path] = per_file.get(path, 0) + 1
    stems, names = [path.stem for path in per_file], [path.name for path in per_file]
    number = {path: names[:i].count(path.name) + 1 for i, path in enumerate(per_file)}
    labels = []
    for path, spectrum in found:
        stem = path.name if stems.count(path.stem) > 1 else path.stem
        stem += f" ({number[path]})" if names.count(path.name) > 1 else ""
        labels.append(f"{stem}#{spectrum.index}" if per_file[path] > 1 else stem)
    return labels


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key by which "2.txt" comes before "10.txt"."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]


def _near_names(path: Path) -> str:
    import difflib

    if not path.parent.is_dir():
        return "no such folder"
    names = [p.name for p in path.parent.iterdir() if p.is_file()]
    return ", ".join(difflib.get_close_matches(path.name, names, n=2))
