"""What `cis analyze` writes for other programs: csv for Origin or Excel, and the values of result.json.

An empty cell means unknown. Units are in the column names.
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from calibration.quantity import Quantity
from cis.activation import ArrheniusResult
from cis.arrhenius import ArrheniusFit
from cis.calibration_section import certificate_values, fixture_sentence
from cis.conductivity import method_spread
from cis.crosschecks import CrossCheck
from cis.pipeline import Analysis
from cis.series import FittedSeries
from cis.stages import ArcFit

__all__ = [
    "ARRHENIUS_COLUMNS",
    "CONDUCTIVITY_COLUMNS",
    "arrhenius_csv",
    "arrhenius_rows",
    "conductivity_csv",
    "conductivity_rows",
    "csv_cell",
    "fit_values",
    "fits_csv",
    "fits_rows",
    "result_values",
    "spectrum_fits_csv",
    "table_csv",
    "write_tables",
]

Cell = str | float | int | bool | None
Row = dict[str, Cell]

CONDUCTIVITY_COLUMNS = (
    "name",
    "temperature_K",
    "temperature_sigma_K",
    "R_ohm",
    "R_sigma_ohm",
    "sigma_S_per_cm",
    "sigma_stat_S_per_cm",
    "sigma_geometry_S_per_cm",
    "circuit",
    "method",
    "kind",
    "identifiable",
)
"""First columns of conductivity.csv; more may follow."""

ARRHENIUS_COLUMNS = (
    "name",
    "form",
    "E_A_eV",
    "E_A_stat_eV",
    "E_A_thermometer_eV",
    "ln_prefactor",
    "ln_prefactor_sigma",
    "sigma_298K_S_per_cm",
    "sigma_298K_sigma_S_per_cm",
    "n",
    "curvature_p",
)
"""First columns of arrhenius.csv; more may follow."""


def conductivity_rows(analysis: Analysis) -> list[Row]:
    """One row per fitted spectrum; `name` is the sample, `spectrum` its label."""
    rows = []
    values = zip(
        analysis.labels, analysis.readings_k, analysis.fits, analysis.conductivities, strict=True
    )
    for label, reading, fit, c in values:
        row: Row = {
            "name": analysis.project.sample.name,
            "temperature_K": c.temperature_k,
            "temperature_sigma_K": c.temperature_sigma_k,
            "R_ohm": c.resistance_ohm.value,
            "R_sigma_ohm": c.resistance_ohm.sigma,
            "sigma_S_per_cm": c.sigma_s_per_cm,
            "sigma_stat_S_per_cm": c.stat_s_per_cm,
            "sigma_geometry_S_per_cm": c.geometry_s_per_cm,
            "circuit": c.circuit,
            "method": c.method,
            "kind": c.kind,
            "identifiable": c.identifiable,
            "spectrum": label,
            "reading_K": reading,
            "permittivity_apparent": None if c.permittivity is None else c.permittivity.value,
            "file": os.path.normpath(fit.spectrum.file),
        }
        rows.append(row)
    return rows


def fits_rows(series: FittedSeries, *, name: str) -> list[Row]:
    """One row per fitted spectrum with every parameter; columns of parameters that it lacks stay empty."""
    rows = []
    for label, temperature, fit in zip(
        series.labels, series.temperatures_k, series.fits, strict=True
    ):
        estimates = {e.method: e for e in fit.estimates}
        row: Row = {
            "name": name,
            "spectrum": label,
            "temperature_K": temperature,
            "circuit": fit.circuit,
            "circuit_string": fit.circuit_string,
            "R_ohm": fit.resistance_ohm,
            "R_sigma_ohm": fit.resistance_sigma_ohm,
            "R_method_spread_ohm": method_spread(fit),
            "kind": fit.kind,
            "identifiable": fit.identifiable,
            "converged": fit.converged,
            "points_used": int(fit.validation.used.sum()),
            "points_dropped": len(fit.validation.dropped),
            "noise_relative": fit.noise_relative,
            "chi2_reduced": fit.chi2_reduced,
            "aicc": fit.aicc,
            "kk_noise_relative": fit.validation.noise_relative,
            "kk_consistent": fit.validation.kk_consistent,
            "capacitance_F": fit.capacitance_f,
        }
        for method in ("circle", "minimum"):
            estimate = estimates.get(method)
            row[f"R_{method}_ohm"] = None if estimate is None else estimate.value_ohm
            row[f"R_{method}_sigma_ohm"] = None if estimate is None else estimate.sigma_ohm
        for parameter in fit.parameters:
            unit = parameter.unit.replace(" ", "_").replace("^", "")
            key = f"{parameter.name}_{unit}" if unit else parameter.name
            row[key] = parameter.value
            row[f"{key}_sigma"] = parameter.sigma
        rows.append(row)
    return rows


def arrhenius_rows(name: str, results: Iterable[ArrheniusResult]) -> list[Row]:
    """One row per segment and form."""
    rows = []
    for result in results:
        curvature = {t.form: t.p for t in result.curvature}
        rows += [_arrhenius_row(name, result, f, curvature.get(f.form)) for f in result.fits]
    return rows


def _arrhenius_row(
    name: str, result: ArrheniusResult, fit: ArrheniusFit, curvature_p: float | None
) -> Row:
    return {
        "name": name,
        "form": fit.form,
        "E_A_eV": fit.activation_ev,
        "E_A_stat_eV": fit.stat_ev,
        "E_A_thermometer_eV": fit.thermometer_ev,
        "ln_prefactor": fit.ln_prefactor.value,
        "ln_prefactor_sigma": fit.ln_prefactor.sigma,
        "sigma_298K_S_per_cm": fit.room_s_per_cm.value,
        "sigma_298K_sigma_S_per_cm": fit.room_s_per_cm.sigma,
        "n": fit.n,
        "curvature_p": curvature_p,
        "E_A_sigma_eV": fit.activation.sigma,
        "ln_prefactor_stat": fit.ln_prefactor_stat,
        "sigma_298K_stat_S_per_cm": fit.room_stat_s_per_cm,
        "segment": result.segment,
        "temperature_min_K": fit.range_k[0],
        "temperature_max_K": fit.range_k[1],
        "extrapolated_to_298K_by_K": fit.room_outside_k,
        "chi2_reduced": fit.chi2_reduced,
        "scatter_ln_sigma": fit.scatter,
        "extra_scatter_ln_sigma": fit.extra_scatter,
        "break_p": None if result.kink is None else result.kink.p,
    }


def conductivity_csv(analysis: Analysis) -> str:
    """Text of conductivity.csv."""
    return _csv(conductivity_rows(analysis), first=CONDUCTIVITY_COLUMNS)


def fits_csv(analysis: Analysis) -> str:
    """Text of fits.csv."""
    name = analysis.project.sample.name
    return _csv(fits_rows(analysis.series, name=name), first=("name", "spectrum", "temperature_K"))


def spectrum_fits_csv(series: FittedSeries) -> str:
    """Text of the fits.csv of spectra without a project; the name is the file's."""
    return _csv(fits_rows(series, name=""), first=("name", "spectrum", "temperature_K"))


def arrhenius_csv(name: str, results: Sequence[ArrheniusResult]) -> str:
    """Text of arrhenius.csv; the header alone where there is no line."""
    return _csv(arrhenius_rows(name, results), first=ARRHENIUS_COLUMNS)


def table_csv(rows: Sequence[Row]) -> str:
    """Text of an arrhenius.csv of many groups."""
    return _csv(rows, first=ARRHENIUS_COLUMNS)


def _csv(rows: Sequence[Mapping[str, Cell]], *, first: Sequence[str]) -> str:
    columns = list(dict.fromkeys([*first, *(key for row in rows for key in row)]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([csv_cell(row.get(c)) for c in columns])
    return text.getvalue()


def csv_cell(value: Cell) -> str:
    """A value as every table of ours writes it; None and NaN are empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.9g}" if value == value else ""
    return str(value)


def fit_values(fit: ArcFit) -> dict[str, Any]:
    """One fit for JSON."""
    return {
        "file": os.path.normpath(fit.spectrum.file),
        "circuit": fit.circuit,
        "circuit_string": fit.circuit_string,
        "R_ohm": fit.resistance_ohm,
        "R_sigma_ohm": fit.resistance_sigma_ohm,
        "kind": fit.kind,
        "identifiable": fit.identifiable,
        "converged": fit.converged,
        "capacitance_F": fit.capacitance_f,
        "noise_relative": fit.noise_relative,
        "chi2_reduced": fit.chi2_reduced,
        "aicc": fit.aicc,
        "parameters": {
            p.name: {"value": p.value, "sigma": p.sigma, "unit": p.unit} for p in fit.parameters
        },
        "arcs": [
            {
                "element": a.element,
                "R_ohm": a.resistance_ohm,
                "R_sigma_ohm": a.resistance_sigma_ohm,
                "capacitance_F": a.capacitance_f,
                "apex_Hz": a.apex_hz,
                "permittivity": a.permittivity,
                "phase": a.phase,
            }
            for a in fit.arcs
        ],
        "estimates": [
            {
                "method": e.method,
                "R_ohm": e.value_ohm,
                "R_sigma_ohm": e.sigma_ohm,
                "note": e.note,
            }
            for e in fit.estimates
        ],
        "candidates": [
            {"circuit": c.circuit, "aicc": c.aicc, "chosen": c.chosen, "reason": c.reason}
            for c in fit.candidates
        ],
        "dropped": [
            {"line": d.line, "frequency_Hz": d.frequency_hz, "reason": d.reason}
            for d in fit.validation.dropped
        ],
        "findings": [
            {"severity": f.severity, "text": f.text}
            for f in (*fit.spectrum.findings, *fit.validation.findings, *fit.findings)
        ],
    }


def result_values(analysis: Analysis) -> dict[str, Any]:
    """Everything of an analysis for result.json and --json."""
    cell = analysis.instruments.cell
    joint = analysis.joint
    return {
        "sample": analysis.project.sample.name,
        "virtual": analysis.project.sample.virtual,
        "cell_constant": cell.constant_per_cm,
        "calibration": certificate_values(analysis),
        "fixture": fixture_sentence(analysis),
        "pellet_density": analysis.density,
        "permittivity": _permittivity(analysis),
        "conductivity": conductivity_rows(analysis),
        "fits": [
            {"spectrum": label, **fit_values(fit)}
            for label, fit in zip(analysis.labels, analysis.fits, strict=True)
        ],
        "arrhenius": arrhenius_rows(analysis.project.sample.name, analysis.arrhenius),
        "arrhenius_tests": [_tests(r) for r in analysis.arrhenius],
        "joint": None
        if joint is None
        else {
            "circuit_string": joint.circuit_string,
            "converged": joint.converged,
            "chi2_ratio": joint.chi2_ratio,
            "permittivity": joint.permittivity,
            "R_ohm": joint.resistance_ohm,
            "R_sigma_ohm": joint.resistance_sigma_ohm,
            "pulls": joint.pulls,
            "shared": {p.name: {"value": p.value, "sigma": p.sigma} for p in joint.shared},
            "E_A": None if analysis.joint_energy is None else analysis.joint_energy.activation,
        },
        "cross_checks": [_cross_check(c) for c in analysis.cross_checks],
        "refused": list(analysis.refused),
    }


def _cross_check(check: CrossCheck | None) -> dict[str, Any] | None:
    if check is None:
        return None
    law = check.jonscher
    return {
        "jonscher_R_ohm": check.jonscher_ohm,
        "jonscher_exponent": None if law is None else law.exponent,
        "arcs": check.arcs,
        "peaks": [
            {"frequency_Hz": p.frequency_hz, "R_ohm": p.resistance_ohm, "inside": p.inside}
            for p in check.relaxation.peaks
        ],
        "regularization": check.relaxation.regularization,
    }


def _permittivity(analysis: Analysis) -> dict[str, Quantity | str | int | None] | None:
    found = analysis.permittivity
    if found is None:
        return None
    return {
        "apparent": found.apparent,
        "spectra": found.n,
        "porosity": found.porosity,
        "dense": found.dense,
        "rule": None if found.dense is None else found.rule,
    }


def _tests(result: ArrheniusResult) -> dict[str, Any]:
    return {
        "segment": result.segment,
        "curvature": list(result.curvature),
        "break": result.kink,
        "vtf": result.vtf,
    }


def write_tables(analysis: Analysis, folder: Path) -> None:
    """Write conductivity.csv, fits.csv and arrhenius.csv into an existing folder."""
    texts = {
        "conductivity.csv": conductivity_csv(analysis),
        "fits.csv": fits_csv(analysis),
        "arrhenius.csv": arrhenius_csv(analysis.project.sample.name, analysis.arrhenius),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
