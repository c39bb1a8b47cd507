"""A reduction's result folder as tables with units, as curves to compare, and as a second run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.bundle.differences import Curve
from calibration.bundle.pack import Half
from calibration.bundle.tables import Column, DataTable
from calibration.errors import InputError

__all__ = ["HALF", "PATH_KEYS", "read_result_table"]

PATH_KEYS = (
    "scan[].file",
    "comparison.curve",
    "comparison.trajectory",
    "calibration.goniometer",
    "calibration.attenuation",
    "calibration.detector",
)
"""Where a project file names files."""

_KINDS = {"iq": "I_coh(Q)", "sq": "S(Q)", "fq": "F(Q)", "gr": "G(r)", "gofr": "g(r), T(r), R(r)"}
_LABELS = {
    "Q": ("scattering vector Q (= k)", "Å^-1"),
    "S": ("structure factor S(Q), Faber-Ziman", ""),
    "F": ("F(Q) = Q [S(Q) - 1]", "Å^-1"),
    "r": ("distance r", "Å"),
    "G": ("G(r) = 4 pi rho0 r [g(r) - 1]", "Å^-2"),
    "dG": ("counting uncertainty of G", "Å^-2"),
    "g": ("pair distribution function g(r)", ""),
    "T": ("T(r) = 4 pi rho0 r g(r)", "Å^-2"),
    "R": ("R(r) = 4 pi rho0 r^2 g(r)", "Å^-1"),
    "sigma_T": ("counting uncertainty of T", "Å^-2"),
    "sigma_R": ("counting uncertainty of R", "Å^-1"),
    "I_coh": ("coherent intensity per atom", "e.u."),
    "two_theta_deg": ("scattering angle", "°"),
    "mean_square_f": ("<f^2>", "e.u."),
    "square_mean_f": ("<f>^2", "e.u."),
}
_SIGMA_OF = {"sq": "S", "fq": "F", "gr": "G", "gofr": "g", "iq": "I_coh"}


def read_result_table(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray[Any, Any]]]:
    """Facts and columns of a text file that a reduction wrote (see `xtsred.output.table_text`).

    Raises InputError for anything else.
    """
    facts: dict[str, str] = {}
    names: list[str] = []
    rows: list[list[float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("#L "):
            names = line[3:].split("  ")
        elif line.startswith("# ") and " = " in line:
            key, _, text = line[2:].partition(" = ")
            facts[key] = text
        elif line and not line.startswith("#"):
            try:
                rows.append([float(word) for word in line.split()])
            except ValueError as error:
                raise InputError(
                    "not a row of numbers", why=str(error), where=f"{path}:{number}"
                ) from error
            if len(rows[-1]) != len(names):
                raise InputError(
                    f"{len(rows[-1])} numbers under {len(names)} names", where=f"{path}:{number}"
                )
    if not rows:
        raise InputError("this is no table of a reduction", where=str(path))
    return facts, dict(zip(names, np.array(rows).T, strict=True))


def _text_files(folder: Path) -> dict[str, Path]:
    """The result's text files by their ending."""
    return {end: path for end in _KINDS for path in sorted(folder.glob(f"*.{end}"))[:1]}


def _tables(folder: Path) -> list[DataTable]:
    tables = []
    for end, path in _text_files(folder).items():
        facts, columns = read_result_table(path)
        comment = ", ".join(facts[k] for k in ("sample", "window") if k in facts)
        tables.append(
            DataTable(
                name=end,
                title=_KINDS[end],
                columns=[
                    Column(
                        name=name,
                        long_name=_label(name, end)[0],
                        unit=_label(name, end)[1],
                        comment=comment,
                        values=values.tolist(),
                    )
                    for name, values in columns.items()
                ],
            )
        )
    return tables


def _label(name: str, end: str) -> tuple[str, str]:
    if name in _LABELS:
        return _LABELS[name]
    unit = _LABELS[_SIGMA_OF[end]][1]
    if name == "sigma":
        return f"counting uncertainty of {_SIGMA_OF[end]}", unit
    if name.startswith("sigma_"):
        return f"{name.removeprefix('sigma_')} uncertainty of {_SIGMA_OF[end]}", unit
    return name, ""


def _curves(folder: Path) -> dict[str, Curve]:
    found = {}
    for end, path in _text_files(folder).items():
        _, columns = read_result_table(path)
        x = columns["Q" if "Q" in columns else "r"]
        y = columns[_SIGMA_OF[end]]
        found[_KINDS[end]] = Curve(x=x, y=y, sigma=columns.get("sigma"))
    return found


def _quantities(folder: Path) -> Mapping[str, Any]:
    result: Any = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    found = {f"parameter: {name}": value for name, value in result["parameters"].items()}
    found["normalization K"] = result["normalization"]["k"]
    for i, shell in enumerate(result["shells"], start=1):
        name = shell["pair"] or f"peak {i}"
        found[f"{name}: distance"] = shell["position"]
        if shell["coordination"] is not None:
            found[f"{name}: coordination number"] = shell["coordination"]
    if result.get("comparison"):
        c = result["comparison"]
        found["R_X"] = {"value": c["R_X"], "sigma": c["R_X_sigma"] or c["R_X_sigma_measurement"]}
    return found


def _files(project: Path) -> list[Path]:
    from xtsred.config import load_project
    from xtsred.inputs import input_files

    return [path for path in input_files(load_project(project)) if path != project]


def _methods(folder: Path) -> str:
    from xtsred.methods import methods_text

    return methods_text(folder)


_MOST_DRAWS = 100_000


def _sampling(earlier: Path) -> tuple[int, int] | None:
    """Draws and seed of the sampling that an earlier result was made with; None without.

    Raises InputError for numbers that nobody asks for: a bundle of others must not keep a computer busy.
    """
    result: Any = json.loads((earlier / "result.json").read_text(encoding="utf-8"))
    budget = result.get("budget")
    found = budget.get("monte_carlo") if isinstance(budget, dict) else None
    if not isinstance(found, dict):
        return None
    draws, seed = found.get("draws"), found.get("seed")
    if isinstance(draws, int) and isinstance(seed, int) and 10 <= draws <= _MOST_DRAWS:
        return draws, seed
    raise InputError(
        "the bundle is refused",
        why=f"its result.json asks for {draws!r} draws with the seed {seed!r}",
        where=str(earlier / "result.json"),
    )


def _rerun(project: Path, earlier: Path, target: Path, command: str) -> None:
    from xtsred.budget.apply import reduce_with_budget
    from xtsred.budget.monte_carlo import Asked
    from xtsred.config import load_project
    from xtsred.report import write_reduction

    loaded = load_project(project)  # and then what `xtsred reduce` does
    sampling = _sampling(earlier)
    asked = None if sampling is None else Asked(draws=sampling[0], seed=sampling[1])
    reduction = reduce_with_budget(loaded, asked=asked)
    write_reduction(reduction, loaded, target=target, overwrite=False, command=command)


HALF = Half(
    program="xtsred",
    path_keys=PATH_KEYS,
    files=_files,
    tables=_tables,
    methods=_methods,
    curves=_curves,
    quantities=_quantities,
    rerun=_rerun,
)
"""How `calibration.bundle` sees a reduction."""
