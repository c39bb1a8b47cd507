"""PalmSens PSTrace session files (.pssession).

Schema: Measurements[].EISDataList[].DataSet.Values[]: arrays with a Description or unit: Frequency (Hz), ZRe (Z', Ohm),
    ZIm (unit quantity "-Z''", Ohm), and others.
Uncertainties: none stated.
Metadata: title of the measurement, device, method (its first lines), time stamp in ticks of 100 ns since the year 1.
Structure: JSON in UTF-16 with a byte-order mark, sometimes a mark at the end. The sign of ZIm stands in the unit.
"""

import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from calibration.errors import ReadError
from cis.io.columns import Column, Role
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, spectra_of_table
from cis.io.table import Table
from cis.io.text import TextFile, decode, head_text, load_bytes
from cis.stages import Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "PalmSens pssession"
_TYPES: dict[str, Role] = {"Hertz": "f", "ZRe": "Z'", "ZIm": "Z''"}
_EPOCH_TICKS = 621_355_968_000_000_000


def matches(head: bytes, name: str) -> bool:
    """JSON that names the type of PalmSens."""
    text = head_text(head).lstrip("\ufeff \n")
    return text.startswith("{") and "PalmSens.DataFiles.SessionFile" in text[:400]


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each EIS data set; `line` is the number of the point, from 1."""
    try:
        session = json.loads(decode(load_bytes(path))[0].strip("\ufeff\0 \r\n"))
    except (ValueError, RecursionError) as error:
        raise ReadError(
            "the session is not whole JSON",
            why=str(error)[:120],
            remedy="save the session again",
            where=str(path),
        ) from error
    text = TextFile(path=str(path), encoding="utf-16", lines=())
    spectra: list[Spectrum] = []
    for measurement in _list(session, "Measurements"):
        for data in _list(measurement, "EISDataList"):
            table = _table(data, path)
            facts = Facts(
                name=str(measurement.get("Title", "")),
                started=_ticks(measurement.get("TimeStamp")),
                header={
                    k: str(measurement[k]) for k in ("DeviceSerial", "DeviceFW") if k in measurement
                }
                | {"title of the data": str(data.get("Title", ""))},
            )
            spectra += spectra_of_table(
                table, text=text, format_name=NAME, options=options, facts=facts, sign_known=True
            )
    return build(spectra, where=str(path))


def _list(parent: Any, key: str) -> list[Mapping[str, Any]]:
    found = parent.get(key) if isinstance(parent, dict) else None
    return [m for m in found if isinstance(m, dict)] if isinstance(found, list) else []


def _table(data: Mapping[str, Any], path: Path | str) -> Table:
    columns: list[Column] = []
    values: list[list[float]] = []
    ignored: list[str] = []
    for array in _list(data.get("DataSet"), "Values"):
        unit = array.get("Unit") if isinstance(array.get("Unit"), dict) else {}
        kind = str(unit.get("Type", "")).rpartition(".")[2] if isinstance(unit, dict) else ""
        role = _TYPES.get(kind)
        if role is None or any(c.role == role for c in columns):
            ignored.append(str(array.get("Description", "")))
            continue
        quantity = str(unit.get("Q", "")) if isinstance(unit, dict) else ""
        columns.append(
            Column(
                header=quantity or kind, position=len(columns), role=role, factor=1.0, unit="Hz" if role == "f" else "Ohm",
                sign=-1 if role == "Z''" and quantity.startswith("-") else 1,
            )
        )  # fmt: skip
        values.append([_number(v) for v in _list(array, "DataValues")])
    sizes = {len(v) for v in values}
    if len(columns) != 3 or len(sizes) != 1 or sizes == {0}:
        raise ReadError(
            "a data set of the session is not complete",
            why=f"it has {', '.join(c.header for c in columns) or 'nothing'} with {sorted(sizes)} values",
            remedy="save the session again, or export csv from PSTrace",
            where=str(path),
        )
    return Table(
        columns=tuple(columns), values=np.array(values, dtype=np.float64).T, line=np.arange(1, sizes.pop() + 1, dtype=np.int64),
        header_line=0, above=(0, 0), ignored=tuple(ignored),
    )  # fmt: skip


def _number(cell: Mapping[str, Any]) -> float:
    value = cell.get("V")
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _ticks(value: Any) -> str | None:
    if not isinstance(value, int) or not _EPOCH_TICKS < value < 2 * _EPOCH_TICKS:
        return None
    zero = datetime.datetime(1970, 1, 1)
    return (zero + datetime.timedelta(microseconds=(value - _EPOCH_TICKS) // 10)).isoformat(
        timespec="seconds"
    )
