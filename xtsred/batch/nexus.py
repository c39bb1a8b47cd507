"""A series in one HDF5 file of NeXus shape: S(Q) and g(r) against the series variable, and all numbers along it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from calibration.campaign.durable import check_room
from calibration.campaign.engine import Run
from xtsred.batch.collect import Collected, column_key
from xtsred.stages import Array, frozen

__all__ = ["read_rows", "write_series"]

_CURVES = {
    "structure_factor": ("s", "s_sigma", "s_systematic"),
    "pair_distribution": ("g", "g_sigma", "G", "G_sigma"),
}
_SAID = {
    "s": ("S", "", "Faber-Ziman S(Q)"),
    "s_sigma": ("S_errors", "", "counting statistics"),
    "s_systematic": ("S_systematic", "", "normalization and fitted amplitudes, common to all Q"),
    "g": ("g", "", "g(r)"),
    "g_sigma": ("g_errors", "", "counting statistics"),
    "G": ("G", "1/angstrom^2", "G(r) = 4 pi rho0 r (g - 1)"),
    "G_sigma": ("G_errors", "1/angstrom^2", "counting statistics"),
}


def write_series(
    path: Path, collected: Collected, run: Run, *, title: str, texts: dict[str, str]
) -> None:
    """Write everything, one pattern in memory at a time; the same results give the same bytes.

    texts: name -> text of the files that made the series, kept in the process group. Rows of failed patterns are NaN.
    Raises OutputError where the disk is too full for it (libhdf5 itself would crash).
    """
    check_room(path.parent, _largest_size(collected, texts))
    size = len(collected.names)
    low, high = collected.q_index
    q = frozen(collected.q_step * np.arange(low, high + 1))
    with h5py.File(path, "w", track_order=True) as file:
        file.attrs["NX_class"], file.attrs["default"] = "NXroot", "entry"
        entry = _group(file, "entry", "NXentry")
        entry.attrs["default"] = "pair_distribution"
        entry["title"], entry["virtual"] = title, collected.virtual
        _patterns(entry, collected)
        axes = {"structure_factor": ("Q", q), "pair_distribution": ("r", collected.r)}
        wanted = _present(run)
        places: dict[str, Any] = {}
        for group_name, names in _CURVES.items():
            axis, values = axes[group_name]
            group = _group(entry, group_name, "NXdata")
            group.attrs["signal"] = _SAID[names[0]][0]
            group.attrs["axes"] = [collected.x_name, axis]
            group[collected.x_name] = collected.x
            group[axis] = values
            group[axis].attrs["units"] = "1/angstrom" if axis == "Q" else "angstrom"
            for name in names:
                if name in wanted:
                    key, units, text = _SAID[name]
                    data = group.create_dataset(
                        key, (size, values.size), dtype="f8", fillvalue=np.nan
                    )
                    data.attrs["units"], data.attrs["long_name"] = units, text
                    places[name] = data
        findings = entry["patterns"].create_dataset("findings", (size,), dtype=h5py.string_dtype())
        for outcome, result in run.results():
            if result is None:
                findings[outcome.number] = "[]"
                continue
            findings[outcome.number] = json.dumps(result.values["findings"], ensure_ascii=False)
            start = round(float(result.arrays["q"][0]) / collected.q_step) - low
            for name, data in places.items():
                row = result.arrays.get(name)
                if row is not None:
                    at = start if name in _CURVES["structure_factor"] else 0
                    data[outcome.number, at : at + row.size] = row
        _quantities(entry, collected)
        process = _group(entry, "process", "NXprocess")
        for name, text in texts.items():
            process[name] = text


def _largest_size(collected: Collected, texts: dict[str, str]) -> int:
    """Bytes that the file will need at most: numbers, texts (four bytes a letter), and what HDF5 adds."""
    size = len(collected.names)
    low, high = collected.q_index
    numbers = 3 * (high - low + 1) + 4 * collected.r.size + 3 * len(collected.columns) + 8
    words = sum(map(len, (*collected.names, *collected.files, *texts.values())))
    return 8 * numbers * (size + 1) + 4 * (words + collected.text_length) + 200 * size + 2**18


def _group(parent: Any, name: str, nx_class: str) -> Any:
    group = parent.create_group(name, track_order=True)
    group.attrs["NX_class"] = nx_class
    return group


def _present(run: Run) -> set[str]:
    """Curves that the first good pattern has: all of a series have the same."""
    for _, result in run.results():
        if result is not None:
            return set(result.arrays)
    return set()


def _patterns(entry: Any, collected: Collected) -> None:
    group = _group(entry, "patterns", "NXcollection")
    text = h5py.string_dtype()
    group.create_dataset("name", data=list(collected.names), dtype=text)
    group.create_dataset("file", data=list(collected.files), dtype=text)
    group.create_dataset("status", data=collected.status, dtype=text)
    for name, values in collected.values.items():
        group[name] = values


def _quantities(entry: Any, collected: Collected) -> None:
    group = _group(entry, "quantities", "NXdata")
    group.attrs["axes"] = [collected.x_name]
    if collected.columns:
        group.attrs["signal"] = column_key(collected.columns[0].name, "")
    group[collected.x_name] = collected.x
    for column in collected.columns:
        key = column_key(column.name, "")
        for suffix, values in (
            ("", column.values),
            ("_errors", column.sigma),
            ("_systematic", column.systematic),
        ):
            if not suffix or np.isfinite(values).any():
                group[key + suffix] = values
                group[key + suffix].attrs["units"] = column.unit
                group[key + suffix].attrs["long_name"] = column.name


def read_rows(path: Path, curve: str, rows: Sequence[int]) -> Iterator[Array]:
    """Rows of "S" or "g" of a series file, one after the other."""
    group = "structure_factor" if curve == "S" else "pair_distribution"
    with h5py.File(path, "r") as file:
        data = file["entry"][group][curve]
        for row in rows:
            yield frozen(data[row])
