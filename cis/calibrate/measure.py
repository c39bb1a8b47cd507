"""Reading what a calibration file names: spectra by their temperature, with the resistance that a fit finds in each."""

import math
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding
from calibration.thermometer import celsius
from cis.calibrate.config import CalibrationFile
from cis.conductivity import method_spread
from cis.inputs import Labelled, read_spectra_of, unique_labels
from cis.stages import ArcFit

__all__ = ["Measured", "MeasuredResistance", "measure_resistances"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredResistance:
    """A resistance: fitted (with its fit) or stated. temperature_c: of the standard, None where not given."""

    label: str
    resistance_ohm: Quantity
    temperature_c: Quantity | None
    fit: ArcFit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All resistances of one calibration, the files they came from, and doubts of readers, checks and fits."""

    resistances: tuple[MeasuredResistance, ...]
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]


def measure_resistances(loaded: Loaded[CalibrationFile], *, circuit: str) -> Measured:
    """Fit every spectrum and take every reading. Raises InputError where one does not give a resistance with ±."""
    found = read_spectra_of(loaded.record.spectrum, folder=loaded.folder, where=loaded.path)
    labels = unique_labels([(path, spectrum) for path, spectrum, _ in found])
    items = [
        Labelled(label=label, temperature_k=t, spectrum=spectrum)
        for label, (_, spectrum, t) in zip(labels, found, strict=True)
    ]
    fits = _fit(items, circuit)
    resistances = [
        MeasuredResistance(
            label=item.label,
            resistance_ohm=_resistance(item, fit),
            temperature_c=None
            if item.temperature_k is None
            else Quantity(celsius(item.temperature_k), None, "°C"),
            fit=fit,
        )
        for item, fit in zip(items, fits, strict=True)
    ]
    for k, reading in enumerate(loaded.record.reading):
        if reading.resistance_ohm.sigma is None:
            raise InputError(
                "the resistance has no uncertainty",
                why="a certificate states ± for everything",
                remedy="write { value = ..., sigma = ... }",
                where=f"{loaded.path}: reading[{k}].resistance_ohm",
            )
        resistances.append(
            MeasuredResistance(
                label=f"reading {k + 1}",
                resistance_ohm=reading.resistance_ohm,
                temperature_c=reading.temperature_C,
            )
        )
    return Measured(
        resistances=tuple(resistances),
        files=tuple(dict.fromkeys(path for path, _, _ in found)),
        findings=_findings(items, fits),
    )


def _fit(items: list[Labelled], circuit: str) -> tuple[ArcFit, ...]:
    if not items:
        return ()
    from cis.fit import fit_series

    return fit_series([i.spectrum for i in items], circuit=circuit)


def _resistance(item: Labelled, fit: ArcFit) -> Quantity:
    if not fit.identifiable or fit.resistance_sigma_ohm is None:
        raise InputError(
            f"the resistance is not determined by {item.label}",
            why=f"the fit ({fit.circuit_string}) leaves R open",
            remedy="measure at frequencies where Z is nearly real, or name cell.circuit",
            where=item.spectrum.file,
        )
    sigma = math.hypot(fit.resistance_sigma_ohm, method_spread(fit) or 0.0)
    return Quantity(fit.resistance_ohm, sigma, "Ohm")


def _findings(items: list[Labelled], fits: tuple[ArcFit, ...]) -> tuple[Finding, ...]:
    if not fits:
        return ()
    from cis.doubts import gather_findings

    return tuple(gather_findings([i.label for i in items], fits))
