"""Zero, displacement and wavelength of a diffractometer from where the lines of a standard were read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.goniometer import Alignment, goniometer_reading
from calibration.least_squares import Start, least_squares
from calibration.quantity import Quantity

__all__ = ["AlignmentFit", "FreeName", "LinePosition", "ResidualLine", "fit_alignment"]

Array = npt.NDArray[np.float64]
FreeName = Literal["zero", "along", "across", "wavelength"]

_NAMES: Mapping[str, str] = {
    "zero": "zero_deg",
    "along": "along_deg",
    "across": "across_deg",
    "wavelength": "wavelength_ratio",
}
_OUTLIER = 4.0
_ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePosition:
    """One line: reading with its sigma (degrees), spacing d (Å), and what is known to shift it beside the alignment.

    shift_deg: added to the calculated reading (absorption in the sample, for instance).
    """

    label: str
    reading: Quantity
    d_a: float
    shift_deg: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualLine:
    """A line after the fit: true angle, reading less true angle, the model's, the residual, all in degrees.

    sigma_deg: of the line's own fit; pull: residual over it and the common scatter; used: not an outlier.
    """

    label: str
    two_theta_deg: float
    difference_deg: float
    model_deg: float
    residual_deg: float
    sigma_deg: float
    pull: float
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentFit:
    """Result. values: zero_deg, along_deg, across_deg (displacement over radius, as angles), wavelength_ratio.

    Only what was free is in values. names, covariance: of these, the uncertainty of the cell included. scatter_deg: what the lines
    scatter beyond their own sigmas. cell_part: by how much each value moves with the relative uncertainty of the cell.
    chi2_reduced: before the scatter was added.
    """

    values: Mapping[str, Quantity]
    names: tuple[str, ...]
    covariance: Array
    lines: tuple[ResidualLine, ...]
    scatter_deg: float
    chi2_reduced: float
    cell_part: Mapping[str, float]

    @property
    def alignment(self) -> Alignment:
        """As the correction of angles needs it."""
        return Alignment(
            zero_deg=self._value("zero_deg"),
            along_deg=self._value("along_deg"),
            across_deg=self._value("across_deg"),
        )

    def _value(self, name: str) -> float:
        return self.values[name].value if name in self.values else 0.0

    def angle_sigma_deg(self, two_theta_deg: npt.ArrayLike) -> Array:
        """Standard uncertainty of corrected angles by all free parameters together, shape (n,), in degrees.

        First order: d(reading) = d zero + (2 tan theta) d ln k - sin(2theta) d(x/R) + cos(2theta) d(y/R).
        """
        angle = np.radians(np.asarray(two_theta_deg, dtype=np.float64))
        by = {
            "zero_deg": np.ones_like(angle),
            "along_deg": -np.sin(angle),
            "across_deg": np.cos(angle),
            "wavelength_ratio": np.degrees(2.0 * np.tan(angle / 2.0)),
        }
        rows = np.stack([by[name] for name in self.names], axis=-1)
        return np.asarray(np.sqrt(np.einsum("...i,ij,...j->...", rows, self.covariance, rows)))

    def correlations(self) -> dict[tuple[str, str], float]:
        """Correlation coefficient of every pair."""
        root = np.sqrt(np.diag(self.covariance))
        found = {}
        for i, a in enumerate(self.names):
            for j in range(i + 1, len(self.names)):
                found[a, self.names[j]] = float(self.covariance[i, j] / (root[i] * root[j]))
        return found


def fit_alignment(
    positions: Sequence[LinePosition],
    *,
    wavelength_a: float,
    free: Sequence[FreeName],
    scale_sigma: float = 0.0,
) -> AlignmentFit:
    """Fit the named parameters to the readings of lines of known d.

    reading = zero + 2theta - asin[(x sin 2theta - y cos 2theta)/R] + shift, 2theta = 2 asin(k lambda/2d), with zero, x/R (along),
    y/R (across) and k (wavelength_ratio) as parameters; those not named stay 0 (k: 1). scale_sigma: relative uncertainty of
    lambda/a, common to all lines. Lines more than 4 sigma off are left out and stay in the list; a scatter common
    to the lines is added to their sigmas until the reduced chi^2 is 1 (Paule & Mandel, J. Res. NBS 87 (1982) 377).
    Raises InputError for too few lines, or where they cannot tell the parameters apart.
    """
    if len(positions) < len(free) + 2:
        raise InputError(
            f"{len(positions)} lines are too few for {len(free)} parameters",
            why="two more lines than parameters are needed to judge the fit",
            remedy="widen fit.two_theta_deg, count longer, or free fewer parameters",
            where="fit.free",
        )
    names = [_NAMES[n] for n in free]
    read = np.array([p.reading.value for p in positions])
    sigma = np.array([p.reading.sigma or math.nan for p in positions])
    if not np.isfinite(sigma).all():
        raise ValueError("every position needs a sigma")

    def model(values: Mapping[str, float]) -> Array:
        return _readings(positions, values, wavelength_a)

    used = np.ones(read.size, dtype=bool)
    scatter, fit = _robust_start(read - model({}), sigma), None
    for _ in range(_ROUNDS):
        weight = np.where(used, 1.0 / np.hypot(sigma, scatter), 0.0)

        def residual(values: Mapping[str, float], weight: Array = weight) -> Array:
            return np.asarray((read - model(values)) * weight)

        start = {n: Start(value=1.0 if n == "wavelength_ratio" else 0.0) for n in names}
        fit = least_squares(residual, start)
        rest = read - model(fit.values)
        scatter_new = _scatter(rest[used], sigma[used], dof=int(used.sum()) - len(names))
        pulls = rest / np.hypot(sigma, scatter_new)
        now = np.abs(pulls) <= _OUTLIER
        if int(now.sum()) < len(free) + 2:
            now = used
        done = bool((now == used).all()) and abs(scatter_new - scatter) < 1e-3 * max(scatter, 1e-6)
        used, scatter = now, scatter_new
        if done:
            break
    if fit is None or fit.covariance is None:
        raise InputError(
            "the lines do not tell the free parameters apart",
            why=f"free are {', '.join(free)}",
            remedy="widen fit.two_theta_deg, or free fewer parameters",
            where="fit.free",
        )
    moved = _by_scale(positions, fit.values, names, np.hypot(sigma, scatter), used, wavelength_a)
    covariance = fit.covariance + np.outer(moved, moved) * scale_sigma**2
    rest = read - model(fit.values)
    dof = max(int(used.sum()) - len(names), 1)
    true = _true(positions, fit.values, wavelength_a)
    return AlignmentFit(
        values={
            n: Quantity(
                fit.values[n], math.sqrt(covariance[i, i]), "" if n == "wavelength_ratio" else "°"
            )
            for i, n in enumerate(names)
        },
        names=tuple(names),
        covariance=covariance,
        lines=tuple(
            ResidualLine(
                label=p.label,
                two_theta_deg=float(true[i]),
                difference_deg=float(read[i] - p.shift_deg - true[i]),
                model_deg=float(read[i] - rest[i] - p.shift_deg - true[i]),
                residual_deg=float(rest[i]),
                sigma_deg=float(sigma[i]),
                pull=float(rest[i] / math.hypot(sigma[i], scatter)),
                used=bool(used[i]),
            )
            for i, p in enumerate(positions)
        ),
        scatter_deg=scatter,
        chi2_reduced=float(((rest / sigma)[used] ** 2).sum()) / dof,
        cell_part={n: float(abs(m)) * scale_sigma for n, m in zip(names, moved, strict=True)},
    )


def _true(
    positions: Sequence[LinePosition], values: Mapping[str, float], wavelength_a: float
) -> Array:
    d = np.array([p.d_a for p in positions])
    sine = values.get("wavelength_ratio", 1.0) * wavelength_a / (2.0 * d)
    return np.asarray(np.degrees(2.0 * np.arcsin(np.clip(sine, -1.0, 1.0))))


def _readings(
    positions: Sequence[LinePosition], values: Mapping[str, float], wavelength_a: float
) -> Array:
    alignment = Alignment(
        zero_deg=values.get("zero_deg", 0.0),
        along_deg=values.get("along_deg", 0.0),
        across_deg=values.get("across_deg", 0.0),
    )
    shift = np.array([p.shift_deg for p in positions])
    read = goniometer_reading(_true(positions, values, wavelength_a), alignment=alignment)
    return np.asarray(read + shift)


def _robust_start(rest: Array, sigma: Array) -> float:
    """A scatter that lets no line dominate before the fit has seen them all."""
    return float(np.median(np.abs(rest - np.median(rest)))) + float(np.median(sigma))


def _scatter(rest: Array, sigma: Array, *, dof: int) -> float:
    """Scatter s with sum rest^2/(sigma^2 + s^2) = dof; 0 where the sigmas explain the residuals."""
    dof = max(dof, 1)
    if float(((rest / sigma) ** 2).sum()) <= dof:
        return 0.0
    low, high = 0.0, float(np.sqrt((rest**2).sum() / dof)) + 1e-12
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float((rest**2 / (sigma**2 + middle**2)).sum()) > dof:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _by_scale(
    positions: Sequence[LinePosition],
    values: Mapping[str, float],
    names: Sequence[str],
    sigma: Array,
    used: npt.NDArray[np.bool_],
    wavelength_a: float,
) -> Array:
    """Change of each parameter for a relative change of lambda/a by one, shape (m,)."""

    def at(**changed: float) -> Array:
        return _readings(positions, {**values, **changed}, wavelength_a)

    columns = []
    for name in names:
        step = 1e-6 if name == "wavelength_ratio" else 1e-4
        columns.append((at(**{name: values[name] + step}) - at()) / step)
    ratio = values.get("wavelength_ratio", 1.0)
    scale = (at(wavelength_ratio=ratio * (1.0 + 1e-6)) - at()) / 1e-6
    design = np.stack(columns, axis=1)[used] / sigma[used, None]
    return np.asarray(-np.linalg.lstsq(design, scale[used] / sigma[used], rcond=None)[0])
