"""Calibration of a thermometer: fixed points or a reference probe in, offset and lag with their uncertainties out."""

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.report import Finding
from calibration.thermometer import Thermometer, celsius

__all__ = [
    "FixedPoint",
    "TemperatureReading",
    "ThermometerFit",
    "find_fixed_point",
    "fit_thermometer",
    "fixed_points",
]

Array = npt.NDArray[np.float64]

_UNLIKELY = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPoint:
    """A temperature that nature keeps; temperature_k with what a laboratory reaches."""

    name: str
    temperature_k: Quantity
    citation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureReading:
    """One comparison: what was read (or set) and what the temperature of the sample's place really was, K.

    read_k, true_k: with standard uncertainties; None counts as unknown. label: for tables and messages.
    """

    label: str
    read_k: Quantity
    true_k: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermometerFit:
    """T_true = T_read + offset - lag (T_read - pivot).

    offset_k, lag: with standard uncertainties, independent because the pivot is the weighted mean of the readings
    (pivot_k, K). point_sigma_k: uncertainty of a single reading beyond both, from the stated and the observed scatter, whichever is
    larger. range_k: readings between which it holds. residuals_k, sigma_k: shape (n,). lag None: one temperature
    only, or none asked for. p: chance of a chi^2 this large, None where sigmas were taken from the scatter.
    """

    offset_k: Quantity
    lag: Quantity | None
    pivot_k: float
    point_sigma_k: float
    range_k: tuple[float, float]
    residuals_k: Array
    sigma_k: Array
    chi2: float | None
    freedom: int
    p: float | None
    findings: tuple[Finding, ...]

    @property
    def thermometer(self) -> Thermometer:
        """The same as a thermometer."""
        return Thermometer(
            point_sigma_k=self.point_sigma_k,
            offset_k=self.offset_k,
            lag=self.lag,
            ambient_k=self.pivot_k,
        )


@lru_cache(maxsize=1)
def fixed_points() -> tuple[FixedPoint, ...]:
    """All points of the table `fixed_points.toml`."""
    path = Path(__file__).parent / "fixed_points.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["point"]
    return tuple(
        FixedPoint(
            name=e["name"],
            temperature_k=Quantity(e["temperature_K"], e["sigma_K"], "K"),
            citation=e["citation"],
        )
        for e in entries
    )


def find_fixed_point(name: str) -> FixedPoint:
    """The fixed point whose name begins like this ("gallium"). Raises InputError naming all."""
    wanted = " ".join(name.lower().split())
    found = [p for p in fixed_points() if p.name.startswith(wanted)] if wanted else []
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"no fixed point is called {name!r}" if not found else f"{name!r} is not one fixed point",
        why=f"there are {', '.join(p.name for p in fixed_points())}",
        remedy="name one of them, or give true_C with its uncertainty",
    )


def fit_thermometer(readings: Sequence[TemperatureReading]) -> ThermometerFit:
    """Weighted straight line of T_true - T_read against T_read.

    Weights 1/(u_read^2 + u_true^2); where no reading states an uncertainty, all count alike and the scatter gives it (three
    readings at least, for n - 2 degrees of freedom). Scatter beyond the stated uncertainties (chi^2/nu > 1) widens everything
    (Birge ratio) and is a Finding. With one or with equal temperatures only an offset is given.
    Source: GUM (JCGM 100:2008) H.3 (calibration of a thermometer, the pivot of its eq. H.12 that decorrelates the line).
    Raises InputError where the readings cannot give a line.
    """
    if not readings:
        raise InputError("a thermometer needs one reading at least", where="point")
    read = np.array([r.read_k.value for r in readings])
    true = np.array([r.true_k.value for r in readings])
    parts = [_sigma(r) for r in readings]
    stated = [s for s in parts if s is not None]
    if stated and len(stated) < len(parts):
        raise InputError(
            "some readings of the thermometer state their uncertainty and some do not",
            why="they cannot be weighed against each other",
            remedy="state sigma of every reading, or of none",
            where="point",
        )
    sloped = read.size > 1 and float(np.ptp(read)) > 1.0
    freedom = read.size - (2 if sloped else 1)
    if not stated and freedom < 1:
        raise InputError(
            f"{read.size} readings without stated uncertainty give no ±",
            remedy="state { value = ..., sigma = ... }, or add readings",
            where="point",
        )
    sigma = np.array(stated) if stated else np.ones(read.size)
    weight = sigma**-2
    pivot = float(weight @ read / weight.sum())
    away, off = read - pivot, true - read
    offset = float(weight @ off / weight.sum())
    lag = -float(weight @ (away * off) / (weight @ away**2)) if sloped else 0.0
    residuals = off - offset + lag * away
    chi2 = float((residuals / sigma) @ (residuals / sigma))
    # without stated sigmas the scatter is the uncertainty; with them it only widens
    widen = math.sqrt(chi2 / freedom) if freedom > 0 else 1.0
    widen = max(widen, 1.0) if stated else widen
    spread = widen * float(np.sqrt(np.mean(sigma**2)))
    fit = ThermometerFit(
        offset_k=Quantity(offset, widen / math.sqrt(float(weight.sum())), "K"),
        lag=Quantity(lag, widen / math.sqrt(float(weight @ away**2))) if sloped else None,
        pivot_k=pivot,
        point_sigma_k=spread,
        range_k=(float(read.min()), float(read.max())),
        residuals_k=residuals,
        sigma_k=sigma * widen,
        chi2=chi2 if stated else None,
        freedom=freedom,
        p=_probability(chi2, freedom) if stated else None,
        findings=(),
    )
    return replace(fit, findings=_findings(fit, readings))


def _sigma(reading: TemperatureReading) -> float | None:
    """Of the difference; an unknown part is left out if the other is known (a table's point is exact against a reading)."""
    parts = [q.sigma for q in (reading.read_k, reading.true_k) if q.sigma is not None]
    if reading.read_k.sigma is None or not parts or math.hypot(*parts) == 0.0:
        return None
    return math.hypot(*parts)


def _probability(chi2: float, freedom: int) -> float | None:
    if freedom < 1:
        return None
    from scipy.special import chdtrc  # waits until a fit is made

    return float(chdtrc(freedom, chi2))


def _findings(fit: ThermometerFit, readings: Sequence[TemperatureReading]) -> tuple[Finding, ...]:
    said: list[Finding] = []
    if fit.lag is None:
        text = (
            f"All readings lie near {celsius(fit.pivot_k):.1f} °C: only an offset is known, and nothing about how it changes with "
            "temperature."
        )
        said.append(Finding("warning", text, {"pivot_K": fit.pivot_k}))
    if fit.p is not None and fit.chi2 is not None and fit.p < _UNLIKELY:
        worst = int(np.argmax(np.abs(fit.residuals_k) / fit.sigma_k))
        text = (
            f"The readings scatter more than their uncertainties explain (chi^2 {fit.chi2:.1f} for {fit.freedom} degrees of freedom); "
            f"{readings[worst].label} is {1e3 * fit.residuals_k[worst]:+.0f} mK off the line. All uncertainties were widened."
        )
        said.append(Finding("warning", text, {"chi2": fit.chi2, "p": fit.p}))
    if fit.freedom == 0:
        text = "The line passes through all readings: nothing tests it."
        said.append(Finding("note", text, {}))
    return tuple(said)
