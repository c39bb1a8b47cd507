"""Conductivity against temperature from a table: our own conductivity.csv, or anyone's csv with stated units."""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import InputError, ReadError
from calibration.report import Finding
from calibration.thermometer import ZERO_CELSIUS_K, Thermometer
from cis.arrhenius import ArrheniusPoints
from cis.stages import Array

__all__ = ["Columns", "Group", "TableData", "read_table"]

_TEMPERATURE_UNITS = {"K": "K", "C": "C", "1000/K": "1000/K"}
_CONDUCTIVITY_UNITS = {
    "S/cm": 1.0,
    "S/m": 0.01,
    "mS/cm": 1e-3,
    "log10 S/cm": math.nan,
    "log10 S/m": math.nan,
}
_OURS = ("temperature_K", "sigma_S_per_cm", "sigma_stat_S_per_cm")
# Hargreaves et al., npj Comput. Mater. 9 (2023) 9: temperature in °C, target in S/cm
_LIVERPOOL = ("ID", "composition", "source", "temperature", "target", "log_target", "family")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the user says about a table; "" and None leave it to the header."""

    temperature: str = ""
    conductivity: str = ""
    temperature_unit: str = ""
    conductivity_unit: str = ""
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of one sample: name, the values it was grouped by, the points, the lines of the file."""

    name: str
    values: Mapping[str, str]
    points: ArrheniusPoints
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableData:
    """A table of conductivities: groups in the order of the file, what was understood, what was left out."""

    file: Path
    temperature: str
    conductivity: str
    groups: tuple[Group, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    header: list[str]
    rows: list[tuple[int, list[str]]]
    decimal: str


def read_table(path: Path, *, columns: Columns, thermometer: Thermometer) -> TableData:
    """Read a table and sort its rows into groups.

    The separator and the decimal mark are found from the content; units from the header ("T (°C)",
    "temperature_K", "sigma (S/cm)", "1000/T (1/K)", "log10 sigma (S/cm)"), or from `columns`.
    Raises ReadError or InputError, with the question to answer, where a column or a unit is not clear.
    """
    table = _rows(path)
    ours = all(name in table.header for name in _OURS)
    liverpool = all(name in table.header for name in _LIVERPOOL)
    findings: list[Finding] = []
    as_named = columns.temperature in ("", "temperature") and columns.conductivity in ("", "target")
    if liverpool and as_named:
        text = "Recognised by its columns as the literature database of Hargreaves et al. (2023): temperature in °C, target in S/cm."
        findings.append(Finding("note", text))
        columns = Columns(
            temperature="temperature",
            conductivity="target",
            temperature_unit=columns.temperature_unit or "C",
            conductivity_unit=columns.conductivity_unit or "S/cm",
            group_by=columns.group_by,
        )
    t_index, t_unit = _temperature_column(table.header, columns, path)
    s_index, s_unit = _conductivity_column(table.header, columns, path)
    group_by = columns.group_by or (("name",) if ours and "name" in table.header else ())
    keys = [_index(table.header, name, path, option="--group-by") for name in group_by]
    gathered: dict[tuple[str, ...], list[tuple[int, float, float, list[str]]]] = {}
    unusable: list[str] = []
    for line, cells in table.rows:
        temperature = _kelvin(_number(cells, t_index, table.decimal), t_unit)
        sigma = _per_cm(_number(cells, s_index, table.decimal), s_unit)
        if not (temperature > 0.0 and sigma > 0.0):
            unusable.append(f"line {line}")
            continue
        if ours and not _identified(table.header, cells):
            unusable.append(f"line {line} (not identifiable)")
            continue
        key = tuple(cells[k].strip() if k < len(cells) else "" for k in keys)
        gathered.setdefault(key, []).append((line, temperature, sigma, cells))
    if unusable:
        listed = ", ".join(unusable[:8]) + (" ..." if len(unusable) > 8 else "")
        text = f"{len(unusable)} of {len(table.rows)} rows were left out, because temperature or conductivity is missing or not positive: {listed}."
        findings.append(Finding("warning", text, {"rows": float(len(unusable))}))
    if not gathered:
        raise ReadError(
            "no row has a positive temperature and conductivity",
            why=f"read {table.header[t_index]!r} as temperature and {table.header[s_index]!r} as conductivity",
            remedy="name the right columns with --temperature-column and --conductivity-column",
            where=str(path),
        )
    if ours and "temperature_sigma_K" in table.header and thermometer.point_sigma_k is None:
        text = (
            "temperature_sigma_K is taken as independent from row to row. What all rows share (an offset of the "
            "thermometer, which cis analyze knows from its project) shifts E_A less than this: the uncertainty here is "
            "the larger of the two. Quote that of arrhenius.csv."
        )
        findings.append(Finding("note", text))
    if not group_by and len(gathered[()]) > 1:
        findings.extend(_ungrouped(table, t_index, s_index))
    groups = tuple(
        Group(
            name=" / ".join(key) if key else path.stem,
            values=dict(zip(group_by, key, strict=True)),
            points=_points(rows, table, ours=ours, thermometer=thermometer),
            lines=tuple(r[0] for r in rows),
        )
        for key, rows in gathered.items()
    )
    return TableData(
        file=path,
        temperature=f"{table.header[t_index]} in {t_unit}",
        conductivity=f"{table.header[s_index]} in {s_unit}",
        groups=groups,
        findings=tuple(findings),
    )


def _rows(path: Path) -> _Rows:
    from cis.io.text import load_text

    lines = load_text(path).lines
    content = [(i, line) for i, line in enumerate(lines, start=1) if line.strip()]
    content = [(i, line) for i, line in content if not line.lstrip().startswith("#")]
    if len(content) < 2:
        raise ReadError("the table has no rows", where=str(path))
    head = content[0][1]
    separator = max(("\t", ";", ","), key=head.count)
    if separator not in head:
        raise ReadError(
            "the first line is not a header with columns",
            why="no tab, semicolon or comma in it",
            remedy="save the table as csv with a line of column names on top",
            where=f"{path}:{content[0][0]}",
        )
    cells = list(csv.reader([line for _, line in content], delimiter=separator))
    header = [name.strip() for name in cells[0]]
    rows = [(line, row) for (line, _), row in zip(content[1:], cells[1:], strict=False)]
    text = " ".join(line for _, line in content[1:])
    commas = separator != "," and bool(re.search(r"\d,\d", text)) and not re.search(r"\d\.\d", text)
    return _Rows(header, rows, "," if commas else ".")


def _index(header: Sequence[str], name: str, path: Path, *, option: str) -> int:
    if name in header:
        return header.index(name)
    raise InputError(
        f"{option}: the table has no column {name!r}",
        why=f"its columns are {', '.join(header)}",
        where=str(path),
    )


def _temperature_column(header: Sequence[str], columns: Columns, path: Path) -> tuple[int, str]:
    if columns.temperature:
        index = _index(header, columns.temperature, path, option="--temperature-column")
    else:
        candidates = [i for i, h in enumerate(header) if _is_temperature(h)]
        index = _only(header, candidates, path, what="temperature")
    unit = columns.temperature_unit or _temperature_unit(header[index])
    if unit not in _TEMPERATURE_UNITS:
        raise InputError(
            f"the unit of the temperature column {header[index]!r} is not clear",
            why="the header does not say °C or K, and both are usual",
            remedy="add --temperature-unit C, --temperature-unit K, or --temperature-unit 1000/K",
            where=str(path),
        )
    return index, unit


def _conductivity_column(header: Sequence[str], columns: Columns, path: Path) -> tuple[int, str]:
    if columns.conductivity:
        index = _index(header, columns.conductivity, path, option="--conductivity-column")
    else:
        candidates = [i for i, h in enumerate(header) if _is_conductivity(h)]
        index = _only(header, candidates, path, what="conductivity")
    unit = columns.conductivity_unit or _conductivity_unit(header[index])
    if unit not in _CONDUCTIVITY_UNITS:
        raise InputError(
            f"the unit of the conductivity column {header[index]!r} is not clear",
            why="the header does not say S/cm or S/m, and both are usual (a factor of 100)",
            remedy='add --conductivity-unit S/cm, S/m, mS/cm, "log10 S/cm" or "log10 S/m"',
            where=str(path),
        )
    return index, unit


def _only(header: Sequence[str], candidates: Sequence[int], path: Path, *, what: str) -> int:
    if len(candidates) == 1:
        return candidates[0]
    names = ", ".join(header[i] for i in candidates) or "none"
    raise InputError(
        f"which column is the {what}?",
        why=f"candidates: {names}; all columns: {', '.join(header)}",
        remedy=f"add --{what}-column NAME",
        where=str(path),
    )


def _is_temperature(header: str) -> bool:
    text = header.lower()
    if "sigma" in text or "err" in text or "std" in text:
        return False
    return text.startswith("temp") or bool(
        re.match(r"(1000 ?/ ?)?t([ _(\[/]|$)", text) and not text.startswith("t_s")
    )


def _temperature_unit(header: str) -> str:
    if re.match(r"1000 ?/ ?T", header, re.IGNORECASE):
        return "1000/K"
    if re.search(r"°\s?C|['º˚]C|deg\.?[ _]?C|celsius|[ _(\[/]C\b", header, re.IGNORECASE):
        return "C"
    return "K" if re.search(r"[ _(\[/]K\b|kelvin", header) else ""


def _is_conductivity(header: str) -> bool:
    text = header.lower()
    if any(part in text for part in ("stat", "geometry", "err", "std", "temperature", "_sigma")):
        return False
    return "conduct" in text or "sigma" in text or "σ" in text


def _conductivity_unit(header: str) -> str:
    text = re.sub(r"[\s_·*⋅]", "", header).replace("⁻¹", "-1").replace("−", "-")
    text = text.replace("per", "/").replace("^-1", "-1")
    logarithm = bool(re.match(r"(log|lg)", text, re.IGNORECASE))
    if re.search(r"mS/cm|mScm-1", text):
        return "" if logarithm else "mS/cm"
    if re.search(r"S/cm|Scm-1", text):
        return "log10 S/cm" if logarithm else "S/cm"
    if re.search(r"S/m|Sm-1", text):
        return "log10 S/m" if logarithm else "S/m"
    return ""


def _number(cells: Sequence[str], index: int, decimal: str) -> float:
    from cis.io.numerals import parse_number

    if index >= len(cells):
        return math.nan
    value = parse_number(cells[index].strip(), "," if decimal == "," else ".")
    return math.nan if value is None else value


def _kelvin(value: float, unit: str) -> float:
    if unit == "C":
        return value + ZERO_CELSIUS_K
    if unit == "1000/K":
        return 1000.0 / value if value > 0.0 else math.nan
    return value


def _per_cm(value: float, unit: str) -> float:
    if unit.startswith("log10"):
        per_cm = _CONDUCTIVITY_UNITS[unit.removeprefix("log10 ")]
        return per_cm * math.pow(10.0, value) if abs(value) < 300.0 else math.nan
    return value * _CONDUCTIVITY_UNITS[unit]


def _identified(header: Sequence[str], cells: Sequence[str]) -> bool:
    if "identifiable" not in header:
        return True
    index = header.index("identifiable")
    return index < len(cells) and cells[index].strip().lower() == "true"


def _points(
    rows: Sequence[tuple[int, float, float, list[str]]],
    table: _Rows,
    *,
    ours: bool,
    thermometer: Thermometer,
) -> ArrheniusPoints:
    temperature = np.array([r[1] for r in rows])
    sigma = np.array([r[2] for r in rows])
    if not ours:
        return ArrheniusPoints(
            temperature_k=temperature,
            sigma_s_per_cm=sigma,
            relative_stat=None,
            relative_geometry=0.0,  # not in the table; a finding of the command says so
            thermometer=thermometer,
        )

    def column(name: str) -> Array:
        if name not in table.header:
            return np.full(len(rows), math.nan)
        index = table.header.index(name)
        return np.array([_number(r[3], index, table.decimal) for r in rows])

    stat = column("sigma_stat_S_per_cm") / sigma
    geometry = column("sigma_geometry_S_per_cm") / sigma
    read_sigma = column("temperature_sigma_K")
    if thermometer.point_sigma_k is None and np.isfinite(read_sigma).all():
        thermometer = Thermometer(point_sigma_k=float(np.sqrt(np.mean(read_sigma**2))))
    return ArrheniusPoints(
        temperature_k=temperature,
        sigma_s_per_cm=sigma,
        relative_stat=stat if np.isfinite(stat).any() else None,
        relative_geometry=float(geometry.mean()) if np.isfinite(geometry).all() else None,
        thermometer=thermometer,
    )


def _ungrouped(table: _Rows, t_index: int, s_index: int) -> list[Finding]:
    """Say that all rows are taken as one sample where a column of text suggests otherwise."""
    names = []
    for i, name in enumerate(table.header):
        values = {row[i].strip() for _, row in table.rows if i < len(row)}
        numbers = sum(not math.isnan(_number([v], 0, table.decimal)) for v in values)
        if i not in (t_index, s_index) and len(values) > 1 and numbers == 0:
            names.append(name)
    if not names:
        return []
    text = f"All rows are taken as one sample; columns that may tell samples apart (--group-by): {', '.join(names)}."
    return [Finding("warning", text, {"rows": float(len(table.rows))})]
