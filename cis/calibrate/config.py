"""The file of a calibration: [certificate], and one of [cell], [fixture] and [thermometer] with what was measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from calibration.quantity import Quantity
from calibration.records import Loaded, Number, load, record
from cis.config import Spectra

__all__ = [
    "CalibrationFile",
    "CellTable",
    "CertificateTable",
    "FixtureTable",
    "PointTable",
    "Reading",
    "ThermometerTable",
    "load_calibration",
]

Ohm = Annotated[Quantity, Number(unit="Ohm", gt=0.0)]
Millimetre = Annotated[Quantity, Number(unit="mm", gt=0.0)]
Celsius = Annotated[Quantity, Number(unit="°C", gt=-273.15)]


@record
class CertificateTable:
    """[certificate]: what the certificate is called; instrument: what it belongs to; valid_days: how long it holds."""

    name: str
    instrument: str | None = None
    valid_days: float | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name must not be empty")
        if self.valid_days is not None and not 0.0 < self.valid_days <= 36500.0:
            raise ValueError(f"valid_days must lie between 0 and 36500, not {self.valid_days:g}")


@record
class Reading:
    """[[reading]]: a resistance that was read already, at a temperature of the solution (not needed for a resistor)."""

    resistance_ohm: Ohm
    temperature_C: Celsius | None = None


@record
class CellTable:
    """[cell]: how the cell constant is found.

    method "solution": solution (a name of the table) or conductivity_S_per_cm (of your own, at temperature_C of the
    readings); water_S_per_cm of the water it was made with is added. "geometry": thickness_mm with diameter_mm or
    area_mm2. "resistor": resistor_ohm, the true resistance; it may stand beside "geometry" too. temperature_sigma_K: of
    the solution's temperature. circuit: as in a project file, for [[spectrum]].
    """

    method: Literal["solution", "geometry", "resistor"]
    solution: str | None = None
    conductivity_S_per_cm: Annotated[Quantity, Number(unit="S/cm", gt=0.0)] | None = None
    water_S_per_cm: Annotated[Quantity, Number(unit="S/cm", ge=0.0)] | None = None
    temperature_sigma_K: float | None = None
    thickness_mm: Millimetre | None = None
    diameter_mm: Millimetre | None = None
    area_mm2: Annotated[Quantity, Number(unit="mm^2", gt=0.0)] | None = None
    resistor_ohm: Ohm | None = None
    circuit: str = "auto"

    def __post_init__(self) -> None:
        if self.temperature_sigma_K is not None and not self.temperature_sigma_K >= 0.0:
            raise ValueError(
                f"temperature_sigma_K must not be negative, not {self.temperature_sigma_K:g}"
            )
        if self.method == "solution":
            if (self.solution is None) == (self.conductivity_S_per_cm is None):
                raise ValueError("give one of solution and conductivity_S_per_cm")
            if self.temperature_sigma_K is None and self.solution is not None:
                raise ValueError(
                    "temperature_sigma_K is needed: a solution changes by 2 % per kelvin"
                )
        elif self.solution is not None or self.conductivity_S_per_cm is not None:
            raise ValueError('solution and conductivity_S_per_cm go with method = "solution" only')
        has_size = self.thickness_mm is not None or self.diameter_mm is not None or self.area_mm2
        if self.method == "geometry":
            if self.thickness_mm is None or (self.diameter_mm is None) == (self.area_mm2 is None):
                raise ValueError("give thickness_mm and one of diameter_mm and area_mm2")
        elif has_size:
            raise ValueError('a size goes with method = "geometry" only')
        if self.method == "resistor" and self.resistor_ohm is None:
            raise ValueError("give resistor_ohm, the true resistance")
        if self.method == "solution" and self.resistor_ohm is not None:
            raise ValueError("a resistor checks the analyzer, a solution the cell with it: one")


@record
class FixtureTable:
    """[fixture]: spectra of the empty, the shorted and the loaded fixture; load_ohm: the load's true resistance."""

    open: str | None = None
    short: str | None = None
    load: str | None = None
    load_ohm: Ohm | None = None

    def __post_init__(self) -> None:
        if self.open is None and self.short is None:
            raise ValueError("give open, short, or both")
        if (self.load is None) != (self.load_ohm is None):
            raise ValueError("load and load_ohm go together")
        if self.load is not None and (self.open is None or self.short is None):
            raise ValueError("load needs open and short")


@record
class ThermometerTable:
    """[thermometer]: of which number the points are the calibration, the thermometer's reading or the set point."""

    reads: Literal["thermometer", "set point"]


@record
class PointTable:
    """[[point]]: what was read, at a fixed point of the table or at a temperature that a reference probe showed."""

    read_C: Celsius
    fixed_point: str | None = None
    true_C: Celsius | None = None

    def __post_init__(self) -> None:
        if (self.fixed_point is None) == (self.true_C is None):
            raise ValueError("give one of fixed_point and true_C")


@record
class CalibrationFile:
    """A whole calibration file: one of cell, fixture, thermometer."""

    certificate: CertificateTable
    cell: CellTable | None = None
    fixture: FixtureTable | None = None
    thermometer: ThermometerTable | None = None
    spectrum: tuple[Spectra, ...] = ()
    reading: tuple[Reading, ...] = ()
    point: tuple[PointTable, ...] = ()


def load_calibration(path: Path, *, settings: tuple[str, ...] = ()) -> Loaded[CalibrationFile]:
    """Read a calibration file. Raises InputError or ConfigError with every mistake."""
    return load(CalibrationFile, path, settings=settings, check=_check)


def _check(table: Mapping[str, Any]) -> list[str]:
    """What no single table can know."""
    kinds = [k for k in ("cell", "fixture", "thermometer") if k in table]
    if len(kinds) != 1:
        found = " and ".join(f"[{k}]" for k in kinds) or "none"
        return [
            f"certificate: one of [cell], [fixture] and [thermometer] makes a certificate, found {found}"
        ]
    problems = []
    wants = {"cell": ("spectrum", "reading"), "fixture": (), "thermometer": ("point",)}[kinds[0]]
    problems += [
        f"{name}: goes with [{'thermometer' if name == 'point' else 'cell'}], not with [{kinds[0]}]"
        for name in ("spectrum", "reading", "point")
        if name in table and name not in wants
    ]
    if kinds[0] == "thermometer" and not table.get("point"):
        problems.append("point: at least one [[point]] is needed")
    if kinds[0] == "cell":
        problems += _check_cell(table)
    return problems


def _check_cell(table: Mapping[str, Any]) -> list[str]:
    cell = table["cell"]
    if not isinstance(cell, Mapping):
        return []
    method, measured = cell.get("method"), bool(table.get("spectrum") or table.get("reading"))
    if method in ("solution", "resistor") and not measured:
        return ["spectrum: a [[spectrum]] or a [[reading]] of the standard is needed"]
    if method == "geometry" and measured and "resistor_ohm" not in cell:
        return ["spectrum: a geometry needs no spectra (of a resistor: give cell.resistor_ohm)"]
    if method == "geometry" and not measured and "resistor_ohm" in cell:
        return ["spectrum: a [[spectrum]] or a [[reading]] of the resistor is needed"]
    return []
