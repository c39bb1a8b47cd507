"""The numbers of all patterns side by side, read one result after the other: arrays by column, findings by kind."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.campaign.engine import Run
from calibration.campaign.findings import FindingGroup, Tally
from calibration.campaign.jobs import Outcome
from xtsred.batch.series import NUMBER, Series
from xtsred.stages import Array, frozen

__all__ = ["Collected", "Column", "collect_numbers", "column_key", "series_csv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A quantity along the series; shape (n,) each, NaN where unknown or where the pattern failed.

    sigma: of counting (or as stated); systematic: common to the points of one pattern.
    """

    name: str
    unit: str
    values: Array
    sigma: Array
    systematic: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A whole series without its curves. names, files: shape (n,) in the order of the series.

    x: the series variable; values: the others by name. counts: shape (n, 3), problems, warnings and notes, -1 where the
    pattern failed. text_length: letters of all findings. q_index: first and last bin of S(Q), in steps of q_step. virtual: the scans are simulated.
    """

    names: tuple[str, ...]
    files: tuple[str, ...]
    x: Array
    x_sigma: Array | None
    x_name: str
    values: Mapping[str, Array]
    columns: tuple[Column, ...]
    counts: np.ndarray[Any, np.dtype[np.int64]]
    groups: tuple[FindingGroup, ...]
    failed: tuple[Outcome, ...]
    q_index: tuple[int, int]
    q_step: float
    r: Array
    samples: tuple[str, ...]
    windows: tuple[str, ...]
    virtual: bool
    text_length: int

    @property
    def status(self) -> list[str]:
        """Of each pattern: done, problem, warning, failed."""
        words = []
        for problems, warnings, _ in self.counts.tolist():
            if problems < 0:
                words.append("failed")
            else:
                words.append("problem" if problems else "warning" if warnings else "done")
        return words


class _Builder:
    """Fills arrays as results pass by; what it holds per pattern is some numbers."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.units: dict[str, str] = {}
        self.arrays: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
        self.tally = Tally()
        self.counts = np.full((size, 3), -1, dtype=np.int64)
        self.q_index: tuple[int, int] | None = None
        self.r: Array = frozen([])
        self.samples: dict[str, None] = {}
        self.windows: dict[str, None] = {}
        self.text_length = 0

    def add(self, place: int, name: str, values: Mapping[str, Any]) -> None:
        for quantity, said in values["quantities"].items():
            if quantity not in self.arrays:
                self.arrays[quantity] = np.full((3, self.size), np.nan)
                self.units[quantity] = said["unit"]
            row = (said["value"], said["sigma"], said["systematic"])
            self.arrays[quantity][:, place] = [np.nan if v is None else v for v in row]
        self.counts[place] = self.tally.add(name, values["findings"], own_names=values["files"])
        self.samples[values["sample"]] = None
        self.text_length += sum(len(f["text"]) + 40 for f in values["findings"])
        self.windows[values["window"]] = None

    def grid(self, q: Array, r: Array, *, q_step: float) -> None:
        first, last = round(float(q[0]) / q_step), round(float(q[-1]) / q_step)
        low, high = self.q_index or (first, last)
        self.q_index = (min(low, first), max(high, last))
        self.r = r


def collect_numbers(series: Series, run: Run, *, findings_csv: Path) -> Collected:
    """Read every result once; findings go to `findings_csv` as they come (pattern, severity, text)."""
    size, q_step = len(series.members), series.project.range.q_step
    builder = _Builder(size)
    with findings_csv.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["pattern", "severity", "text"])
        for outcome, result in run.results():
            if result is None:
                continue
            builder.add(outcome.number, outcome.name, result.values)
            builder.grid(result.arrays["q"], result.arrays["r"], q_step=q_step)
            for finding in result.values["findings"]:
                writer.writerow([outcome.name, finding["severity"], finding["text"]])
    columns = tuple(
        Column(
            name=name,
            unit=builder.units[name],
            values=frozen(rows[0]),
            sigma=frozen(rows[1]),
            systematic=frozen(rows[2]),
        )
        for name, rows in builder.arrays.items()
    )
    names = list(dict.fromkeys(n for m in series.members for n in m.values))
    values = {n: frozen([m.values.get(n, np.nan) for m in series.members]) for n in names}
    sigma = series.loaded.record.variable_sigma
    return Collected(
        names=tuple(m.name for m in series.members),
        files=tuple(m.file for m in series.members),
        x=frozen(np.arange(size)) if series.variable == NUMBER else values[series.variable],
        x_sigma=None if sigma is None else values[sigma],
        x_name=series.variable,
        values=values,
        columns=columns,
        counts=builder.counts,
        groups=builder.tally.groups,
        failed=tuple(run.failed),
        q_index=builder.q_index or (1, 0),
        q_step=q_step,
        r=builder.r,
        samples=tuple(builder.samples),
        windows=tuple(builder.windows),
        virtual=series.project.virtual,
        text_length=builder.text_length,
    )


def column_key(name: str, unit: str) -> str:
    """A column's name: words by underscores, the unit last."""
    plain = re.sub(
        r"[^A-Za-z0-9_-]", "", unit.replace("Å", "A").replace("/", "_per_").replace(" ", "_")
    )
    return "_".join([*re.sub(r"[(),]", "", name).split(), *([plain] if plain else [])])


def series_csv(collected: Collected) -> str:
    """A row per pattern: name, file, status, values, quantities with their uncertainties; an empty cell is unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["name", "file", *collected.values, "status", "problems", "warnings", "notes"]
    data: list[Array] = []
    for column in collected.columns:
        key = column_key(column.name, column.unit)
        head.append(key)
        data.append(column.values)
        for suffix, part in (("sigma", column.sigma), ("systematic", column.systematic)):
            if np.isfinite(part).any():
                head.append(f"{key}_{suffix}")
                data.append(part)
    writer.writerow(head)
    status = collected.status
    for i, (name, file) in enumerate(zip(collected.names, collected.files, strict=True)):
        given = [_cell(v[i]) for v in collected.values.values()]
        counts = ["" if n < 0 else str(n) for n in collected.counts[i].tolist()]
        writer.writerow([name, file, *given, status[i], *counts, *(_cell(v[i]) for v in data)])
    return text.getvalue()


def _cell(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else ""
