"""The cell constant: of a geometry, or of a standard of known conductivity; the analyzer's scale with a resistor."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.cell import CombinedConstant, ParallelPlates, combine_constants, disc_area
from calibration.certificate import Certificate
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding, Severity
from calibration.solutions import Solution, constant_from_solution, find_solution
from cis.calibrate.config import CalibrationFile, CellTable
from cis.calibrate.issue import issue
from cis.calibrate.measure import MeasuredResistance, measure_resistances

__all__ = ["CellCalibration", "CellPoint", "calibrate_cell"]

_GAIN_OFF = 3.0
_BIRGE_SAID = 1.7
_AERATED_WATER = 1e-6  # S/cm, in equilibrium with the CO2 of air: 0.6 at 0 °C to 1.6 at 50 °C (Pratt et al. 2001)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPoint:
    """One determination: of the constant in 1/cm from a solution, or of the gain R_read/R_true from a resistor.

    conductivity: of the solution with its water, S/cm, None for a resistor. independent: the part of the
    standard uncertainty that is this reading's own (resistance, temperature).
    """

    measured: MeasuredResistance
    value: Quantity
    conductivity: Quantity | None
    independent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CellCalibration:
    """points: determinations; constant: 1/cm (None: a resistor alone); gain: R_read/R_true with a resistor.
    geometry: the constant of the stated size. solution: the table used. combined: how the points agree.
    certificate: of all this; files: that were read."""

    points: tuple[CellPoint, ...]
    constant: Quantity | None
    gain: Quantity | None
    geometry: Quantity | None
    solution: Solution | None
    combined: CombinedConstant | None
    findings: tuple[Finding, ...]
    certificate: Certificate
    files: tuple[Path, ...]


def calibrate_cell(loaded: Loaded[CalibrationFile]) -> CellCalibration:
    """Cell constant of [cell] with its uncertainty. Raises InputError where a part of it has none."""
    table = loaded.record.cell
    if table is None:
        raise InputError("no [cell] in this file", where=str(loaded.path))
    measured = measure_resistances(loaded, circuit=table.circuit)
    where = f"{loaded.path}: cell"
    solution = None if table.solution is None else find_solution(table.solution)
    geometry = None if table.method != "geometry" else _geometry(table, where)
    constant, gain, findings = geometry, None, list(measured.findings)
    if table.method == "solution":
        points = [_solution_point(m, table, solution, where) for m in measured.resistances]
        combined = _combine(points, _common_relative(table, solution))
        constant = None if combined is None else combined.constant_per_cm
    else:
        points = [_resistor_point(m, table, where) for m in measured.resistances]
        true = table.resistor_ohm
        combined = _combine(points, 0.0 if true is None else _relative(true))
        if combined is not None:
            gain = Quantity(combined.constant_per_cm.value, combined.constant_per_cm.sigma)
            constant = None if geometry is None else _times(geometry, gain)
            findings += _gain_findings(gain)
    findings += _point_findings(points, combined, table, solution)
    named = {"constant_per_cm": constant, "gain": gain}
    certificate = _issue(
        loaded,
        values={name: value for name, value in named.items() if value is not None},
        points=points,
        solution=solution,
        files=measured.files,
        findings=findings,
    )
    return CellCalibration(
        points=tuple(points),
        constant=constant,
        gain=gain,
        geometry=geometry,
        solution=solution,
        combined=combined,
        findings=tuple(findings),
        certificate=certificate,
        files=(loaded.path, *measured.files),
    )


def _geometry(table: CellTable, where: str) -> Quantity:
    if table.thickness_mm is None:
        raise InputError("thickness_mm is missing", where=where)
    if table.area_mm2 is not None:
        area = table.area_mm2
    elif table.diameter_mm is not None:
        area = disc_area(table.diameter_mm)
    else:
        raise InputError("neither diameter_mm nor area_mm2 is given", where=where)
    constant = ParallelPlates(thickness_mm=table.thickness_mm, area_mm2=area).constant_per_cm
    if constant.sigma is None:
        raise _unknown("the size of the cell", where)
    return constant


def _unknown(what: str, where: str) -> InputError:
    return InputError(
        f"{what} has no uncertainty",
        why="a certificate states ± for everything",
        remedy="write { value = ..., sigma = ... }",
        where=where,
    )


def _relative(quantity: Quantity) -> float:
    return (quantity.sigma or 0.0) / quantity.value


def _common_relative(table: CellTable, solution: Solution | None) -> float:
    """Of the standard: the same for all readings."""
    if solution is not None:
        return solution.relative_sigma
    return 0.0 if table.conductivity_S_per_cm is None else _relative(table.conductivity_S_per_cm)


def _solution_point(
    measured: MeasuredResistance, table: CellTable, solution: Solution | None, where: str
) -> CellPoint:
    """K = kappa R; its own uncertainty is that of R and of the temperature."""
    r = measured.resistance_ohm
    own = _relative(r)
    if solution is None:
        conductivity = table.conductivity_S_per_cm
        if conductivity is None or conductivity.sigma is None:
            raise _unknown("conductivity_S_per_cm", where)
    else:
        temperature = _temperature(measured, table, where)
        conductivity = _with_water(solution.conductivity(temperature), table.water_S_per_cm)
        own = math.hypot(own, solution.slope_per_k(temperature.value) * (temperature.sigma or 0.0))
    if own == 0.0:
        raise InputError(
            f"neither the resistance nor the temperature of {measured.label} states an uncertainty",
            where=where,
        )
    value = constant_from_solution(conductivity, r)
    return CellPoint(
        measured=measured,
        value=value,
        conductivity=conductivity,
        independent=value.value * own,
    )


def _temperature(measured: MeasuredResistance, table: CellTable, where: str) -> Quantity:
    """Of the solution, °C, with temperature_sigma_K where the reading states no sigma of its own."""
    t = measured.temperature_c
    if t is None:
        raise InputError(
            f"the temperature of {measured.label} is stated nowhere",
            why="the solution's conductivity changes by 2 % per kelvin",
            remedy="give temperature_C or temperature_from_name in its [[spectrum]] or [[reading]] table",
            where=where,
        )
    return Quantity(t.value, table.temperature_sigma_K if t.sigma is None else t.sigma, "°C")


def _with_water(conductivity: Quantity, water: Quantity | None) -> Quantity:
    """Conductivity of the solution as it stands: the table's, plus its water's."""
    if water is None:
        return conductivity
    if conductivity.sigma is None:
        return Quantity(conductivity.value + water.value, None, "S/cm")
    # a water of unknown uncertainty is uncertain by itself
    sigma = math.hypot(conductivity.sigma, water.value if water.sigma is None else water.sigma)
    return Quantity(conductivity.value + water.value, sigma, "S/cm")


def _resistor_point(measured: MeasuredResistance, table: CellTable, where: str) -> CellPoint:
    """Gain of the analyzer, R_read/R_true."""
    true = table.resistor_ohm
    if true is None or true.sigma is None:
        raise _unknown("resistor_ohm", where)
    r = measured.resistance_ohm
    value, own = r.value / true.value, _relative(r)
    return CellPoint(
        measured=measured,
        value=Quantity(value, value * math.hypot(own, _relative(true))),
        conductivity=None,
        independent=value * own,
    )


def _combine(points: Sequence[CellPoint], common_relative: float) -> CombinedConstant | None:
    if not points:
        return None
    return combine_constants(
        [p.value.value for p in points],
        independent=[p.independent for p in points],
        common_relative=common_relative,
    )


def _times(constant: Quantity, gain: Quantity) -> Quantity:
    """K that turns the analyzer's reading into sigma: (e/A) R_read/R_true."""
    value = constant.value * gain.value
    return Quantity(value, value * math.hypot(_relative(constant), _relative(gain)), "1/cm")


def _gain_findings(gain: Quantity) -> list[Finding]:
    sigma = gain.sigma or 0.0
    if abs(gain.value - 1.0) <= _GAIN_OFF * sigma:
        return []
    text = (
        f"The analyzer reads {100.0 * (gain.value - 1.0):+.3g} % of the resistor's true value ({gain}); the certificate corrects for it. "
        "An error that depends on frequency or range is not in this one number: compensate the fixture as well."
    )
    return [Finding("warning", text, {"gain": gain.value, "sigma": sigma})]


def _point_findings(
    points: Sequence[CellPoint],
    combined: CombinedConstant | None,
    table: CellTable,
    solution: Solution | None,
) -> list[Finding]:
    said = []
    if combined is not None and combined.birge > _BIRGE_SAID:
        text = (
            f"The {len(points)} readings of the standard scatter {combined.birge:.2g} times more than their uncertainties explain "
            f"(chi^2 {combined.chi2:.1f} for {combined.freedom} degrees of freedom); the uncertainty was widened by that. "
            "Temperature, evaporation or an exchanged solution?"
        )
        said.append(Finding("warning", text, {"birge": combined.birge}))
    if solution is not None and table.water_S_per_cm is None:
        smallest = min(p.conductivity.value for p in points if p.conductivity is not None)
        share = _AERATED_WATER / smallest
        text = (
            f"The conductivity of the water was not stated (cell.water_S_per_cm) and not added: water in equilibrium with air has 1 µS/cm, "
            f"{100.0 * share:.2g} % of this solution's."
        )
        severity: Severity = "warning" if share > solution.relative_sigma else "note"
        said.append(Finding(severity, text, {"share": share}))
    return said


def _issue(
    loaded: Loaded[CalibrationFile],
    *,
    values: Mapping[str, Quantity],
    points: Sequence[CellPoint],
    solution: Solution | None,
    files: Sequence[Path],
    findings: Sequence[Finding],
) -> Certificate:
    table = loaded.record.cell
    facts: dict[str, str] = {"method": "" if table is None else table.method}
    if solution is not None:
        facts |= {"solution": solution.name, "citation": solution.citation}
    tables: dict[str, tuple[float, ...]] = {}
    if points:
        tables = {
            "resistance_ohm": tuple(p.measured.resistance_ohm.value for p in points),
            "determined": tuple(p.value.value for p in points),
            "determined_sigma": tuple(p.value.sigma or 0.0 for p in points),
        }
        temperatures = [p.measured.temperature_c for p in points]
        if all(t is not None for t in temperatures):
            tables["temperature_C"] = tuple(t.value for t in temperatures if t is not None)
    return issue(
        loaded,
        "cell",
        values=values,
        files=files,
        facts=facts,
        tables=tables,
        findings=findings,
    )
