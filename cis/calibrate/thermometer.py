"""The thermometer's certificate: offset and lag from fixed points, or of the set point against a reference probe."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.certificate import Certificate
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding
from calibration.thermometer import kelvin
from calibration.thermometer_fit import (
    TemperatureReading,
    ThermometerFit,
    find_fixed_point,
    fit_thermometer,
)
from cis.calibrate.config import CalibrationFile, PointTable
from cis.calibrate.issue import issue

__all__ = ["ThermometerCalibration", "calibrate_thermometer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermometerCalibration:
    """readings with their fit; reads: "thermometer" or "set point"; citations: of the fixed points used."""

    readings: tuple[TemperatureReading, ...]
    fit: ThermometerFit
    reads: str
    citations: tuple[str, ...]
    certificate: Certificate
    files: tuple[Path, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Doubts of the fit."""
        return self.fit.findings


def calibrate_thermometer(loaded: Loaded[CalibrationFile]) -> ThermometerCalibration:
    """Fit the line of [[point]] and certify it. Raises InputError."""
    table = loaded.record.thermometer
    if table is None:
        raise InputError("no [thermometer] in this file", where=str(loaded.path))
    readings = tuple(_reading(p) for p in loaded.record.point)
    fit = fit_thermometer(readings)
    citations = tuple(
        dict.fromkeys(
            find_fixed_point(p.fixed_point).citation
            for p in loaded.record.point
            if p.fixed_point is not None
        )
    )
    zero = Quantity(0.0, 0.0)
    # every number of a certificate has its ±: a lag that was not determined is left out, not zero
    values = {
        "offset_K": fit.offset_k,
        "point_sigma_K": Quantity(fit.point_sigma_k, _sigma_of_sigma(fit)),
        "pivot_K": replace(zero, value=fit.pivot_k),
    }
    if fit.lag is not None:
        values["lag"] = fit.lag
    certificate = issue(
        loaded,
        "thermometer",
        values=values,
        files=(),
        tables={
            "read_K": tuple(r.read_k.value for r in readings),
            "true_K": tuple(r.true_k.value for r in readings),
            "sigma_K": tuple(fit.sigma_k.tolist()),
        },
        facts={"reads": table.reads, **{f"citation_{k}": c for k, c in enumerate(citations, 1)}},
        findings=fit.findings,
    )
    return ThermometerCalibration(
        readings=readings,
        fit=fit,
        reads=table.reads,
        citations=citations,
        certificate=certificate,
        files=(loaded.path,),
    )


def _sigma_of_sigma(fit: ThermometerFit) -> float:
    """Relative standard uncertainty of a standard deviation is 1/sqrt(2 nu) (GUM E.4.3); half of it without freedom."""
    return fit.point_sigma_k / float(np.sqrt(2.0 * max(fit.freedom, 2)))


def _reading(point: PointTable) -> TemperatureReading:
    read = Quantity(kelvin(point.read_C.value), point.read_C.sigma, "K")
    if point.fixed_point is not None:
        fixed = find_fixed_point(point.fixed_point)
        return TemperatureReading(label=fixed.name, read_k=read, true_k=fixed.temperature_k)
    if point.true_C is None:
        raise InputError("neither fixed_point nor true_C is given", where="point")
    true = Quantity(kelvin(point.true_C.value), point.true_C.sigma, "K")
    return TemperatureReading(label=f"{point.true_C.value:g} °C", read_k=read, true_k=true)
