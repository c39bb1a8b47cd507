"""An impedance result folder as tables with units, as curves to compare, and as a second run."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.bundle.differences import Curve
from calibration.bundle.pack import Half
from calibration.bundle.tables import Column, DataTable, Value

__all__ = ["HALF", "PATH_KEYS"]

PATH_KEYS = (
    "spectrum[].files",
    "fixture.open",
    "fixture.short",
    "fixture.load",
    "calibration.cell",
    "calibration.fixture",
    "calibration.thermometer",
)
"""Where a project file names files."""

_TABLES = {
    "conductivity": "DC conductivity of every spectrum",
    "fits": "circuit fits",
    "arrhenius": "activation energies",
}
_UNITS = {  # endings of column names
    "_K": "K",
    "_ohm": "Ohm",
    "_S_per_cm": "S/cm",
    "_eV": "eV",
    "_Hz": "Hz",
    "_F": "F",
    "_H": "H",
}
_COMPARED = {  # table -> (value, its standard uncertainty)
    "conductivity": (("R_ohm", "R_sigma_ohm"), ("sigma_S_per_cm", "sigma_stat_S_per_cm")),
    "arrhenius": (
        ("E_A_eV", "E_A_sigma_eV"),
        ("ln_prefactor", "ln_prefactor_sigma"),
        ("sigma_298K_S_per_cm", "sigma_298K_sigma_S_per_cm"),
    ),
}


def _rows(folder: Path, table: str) -> tuple[list[str], list[dict[str, str]]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or ()), list(reader)


def _tables(folder: Path) -> list[DataTable]:
    tables = []
    for name, title in _TABLES.items():
        columns, rows = _rows(folder, name)
        tables.append(
            DataTable(
                name=name,
                title=title,
                columns=[
                    Column(
                        name=column,
                        long_name=column,
                        unit=_unit(column),
                        comment="standard uncertainty" if "_sigma" in column else "",
                        values=[_value(row[column]) for row in rows],
                    )
                    for column in columns
                ],
            )
        )
    return tables


def _unit(column: str) -> str:
    bare = column.removesuffix("_sigma")
    return next((unit for end, unit in _UNITS.items() if bare.endswith(end)), "")


def _value(text: str) -> Value:
    if text in ("", "true", "false"):
        return None if text == "" else text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _curves(folder: Path) -> dict[str, Curve]:
    found = {}
    for table, pairs in _COMPARED.items():
        _, rows = _rows(folder, table)
        for value, sigma in pairs if rows else ():
            y, s = (_numbers(rows, column) for column in (value, sigma))
            found[f"{table}: {value}"] = Curve(
                x=np.arange(1.0, y.size + 1.0), y=y, sigma=np.nan_to_num(s)
            )
    return found


def _numbers(rows: Sequence[Mapping[str, str]], column: str) -> np.ndarray[Any, Any]:
    return np.array([float(row[column]) if row.get(column) else math.nan for row in rows])


def _quantities(folder: Path) -> Mapping[str, Any]:
    """What a fit decided, which a change by rounding could tip."""
    _, rows = _rows(folder, "conductivity")
    result: Any = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = {
        f"{row['spectrum']}: circuit and evidence": f"{row['circuit']}, {row['method']}, {row['kind']}"
        for row in rows
    }
    found["cell constant"] = result["cell_constant"]
    return found


def _files(project: Path) -> list[Path]:
    from cis.pipeline import load_config, read_inputs

    loaded = load_config(project)
    return [path for path in read_inputs(loaded).files if path != project]


def _methods(folder: Path) -> str:
    from cis.methods import methods_text

    return methods_text(folder)


def _rerun(project: Path, _earlier: Path, target: Path, _command: str) -> None:
    from cis.cli.analyze import run_project

    run_project(project, target, overwrite=False)


HALF = Half(
    program="cis",
    path_keys=PATH_KEYS,
    files=_files,
    tables=_tables,
    methods=_methods,
    curves=_curves,
    quantities=_quantities,
    rerun=_rerun,
)
"""How `calibration.bundle` sees an impedance series."""
