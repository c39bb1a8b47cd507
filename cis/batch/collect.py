"""The tables of all samples, written as their results are read: one sample in memory at a time."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.campaign.engine import Run
from calibration.campaign.findings import FindingGroup, Tally
from calibration.campaign.jobs import Outcome
from cis.output import ARRHENIUS_COLUMNS, CONDUCTIVITY_COLUMNS, csv_cell

__all__ = ["Collected", "Energy", "SampleSummary", "collect_tables"]

_FIT_COLUMNS = ("name", "spectrum", "temperature_K")
_SAMPLE_COLUMNS = (
    "name",
    "status",
    "spectra",
    "refused",
    "not_determined",
    "E_A_eV",
    "E_A_sigma_eV",
    "sigma_298K_S_per_cm",
    "sigma_298K_sigma_S_per_cm",
    "problems",
    "warnings",
    "notes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """E_A and sigma(298.15 K) of the first form and segment of a sample; sigmas None where unknown."""

    form: str
    segment: str
    value_ev: float
    sigma_ev: float | None
    room_s_per_cm: float
    room_sigma_s_per_cm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSummary:
    """One sample on the page. points: (T in K, sigma in S/cm) of the spectra whose R is determined."""

    name: str
    job: str
    spectra: int
    refused: tuple[str, ...]
    not_determined: int
    energy: Energy | None
    points: tuple[tuple[float, float], ...]
    problems: int
    warnings: int
    notes: int
    virtual: bool

    @property
    def status(self) -> str:
        """done, warning or problem."""
        return "problem" if self.problems else "warning" if self.warnings else "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A batch without its tables. total: samples, failed ones among them."""

    total: int
    samples: tuple[SampleSummary, ...]
    failed: tuple[Outcome, ...]
    groups: tuple[FindingGroup, ...]


def collect_tables(run: Run, folder: Path) -> Collected:
    """Write conductivity.csv, arrhenius.csv, fits.csv, samples.csv and findings.csv into an existing folder."""
    columns: dict[str, dict[str, None]] = {
        "conductivity": dict.fromkeys(CONDUCTIVITY_COLUMNS),
        "arrhenius": dict.fromkeys(ARRHENIUS_COLUMNS),
        "fits": dict.fromkeys(_FIT_COLUMNS),
    }
    samples, tally = [], Tally()
    for outcome, result in run.results():
        if result is None:
            continue
        for table, names in columns.items():
            for row in result.values[table]:
                names.update(dict.fromkeys(row))
        samples.append(_summary(outcome.name, result.values, tally))
    for table, names in columns.items():
        rows = (row for _, r in run.results() if r is not None for row in r.values[table])
        _write(folder / f"{table}.csv", list(names), rows)
    found = (
        {"name": o.name, "severity": f["severity"], "text": f["text"]}
        for o, r in run.results()
        if r is not None
        for f in r.values["findings"]
    )
    _write(folder / "findings.csv", ["name", "severity", "text"], found)
    _write(folder / "samples.csv", list(_SAMPLE_COLUMNS), _sample_rows(samples, run.failed))
    return Collected(
        total=len(run.outcomes),
        samples=tuple(samples),
        failed=tuple(run.failed),
        groups=tally.groups,
    )


def _summary(job: str, values: Mapping[str, Any], tally: Tally) -> SampleSummary:
    problems, warnings, notes = tally.add(job, values["findings"], own_names=values["own_names"])
    rows = values["conductivity"]
    points = [
        (float(row["temperature_K"]), float(row["sigma_S_per_cm"]))
        for row in rows
        if row["identifiable"] and row["temperature_K"] is not None
    ]
    return SampleSummary(
        name=values["sample"],
        job=job,
        spectra=len(rows),
        refused=tuple(f"{r['spectrum']}: {r['reason']}" for r in values["refused"]),
        not_determined=sum(not row["identifiable"] for row in rows),
        energy=_energy(values["arrhenius"]),
        points=tuple(p for p in points if p[1] > 0.0 and math.isfinite(p[1])),
        problems=problems,
        warnings=warnings,
        notes=notes,
        virtual=values["virtual"],
    )


def _energy(rows: Sequence[Mapping[str, Any]]) -> Energy | None:
    if not rows:
        return None
    row = rows[0]
    return Energy(
        form=row["form"],
        segment=row["segment"],
        value_ev=row["E_A_eV"],
        sigma_ev=row["E_A_sigma_eV"],
        room_s_per_cm=row["sigma_298K_S_per_cm"],
        room_sigma_s_per_cm=row["sigma_298K_sigma_S_per_cm"],
    )


def _sample_rows(
    samples: Sequence[SampleSummary], failed: Sequence[Outcome]
) -> Iterable[dict[str, Any]]:
    for s in samples:
        row: dict[str, Any] = {
            "name": s.name,
            "status": s.status,
            "spectra": s.spectra,
            "refused": len(s.refused),
            "not_determined": s.not_determined,
            "problems": s.problems,
            "warnings": s.warnings,
            "notes": s.notes,
        }
        if s.energy is not None:
            row |= {
                "E_A_eV": s.energy.value_ev,
                "E_A_sigma_eV": s.energy.sigma_ev,
                "sigma_298K_S_per_cm": s.energy.room_s_per_cm,
                "sigma_298K_sigma_S_per_cm": s.energy.room_sigma_s_per_cm,
            }
        yield row
    for outcome in failed:
        yield {"name": outcome.name, "status": "failed"}


def _write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([csv_cell(row.get(c)) for c in columns] for row in rows)
