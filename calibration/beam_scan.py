"""A capillary moved through the direct beam: its mu D, its place, and the beam's width from one scan."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.least_squares import Fit, Start, least_squares
from calibration.quantity import Quantity
from calibration.report import Finding

__all__ = ["BeamScan", "BeamScanFit", "fit_beam_scan", "scanned_transmission"]

Array = npt.NDArray[np.float64]

_PHI = np.linspace(-np.pi / 2.0, np.pi / 2.0, 2001)
_HERMITE, _HERMITE_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_FEWEST_INSIDE = 8
_NARROW = 0.02  # of the diameter: an edge that cannot be told from a sharp one


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamScan:
    """Intensity of the direct beam against the place of the capillary. position_mm, intensity, sigma: shape (n,).

    absolute: sigma is counting statistics; False: only its course is known.
    """

    position_mm: Array
    intensity: Array
    sigma: Array
    absolute: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamScanFit:
    """mu_d = mu D; diameter, center, beam width (of the top hat of equal rms width), edge (rms blur of its edges) in mm; tilt: (right - left)/(right + left) of the
    beam's height. shape_part: how much mu D changes if the beam is taken as a plain top hat; it is
    part of the uncertainty of mu D, for no beam has exactly the shape of a formula.

    background: what reaches the detector past the capillary however much it absorbs, over the free beam; slope: of the free beam
    per mm, relative. model: shape (n,). chi2_reduced, correlation: of the residuals; both widen the uncertainties.
    """

    mu_d: Quantity
    shape_part: float
    diameter_mm: Quantity
    center_mm: Quantity
    beam_width_mm: Quantity
    edge_mm: Quantity
    tilt: Quantity
    background: Quantity
    slope_per_mm: Quantity
    model: Array
    chi2_reduced: float
    correlation: float
    findings: tuple[Finding, ...]


def scanned_transmission(
    position_mm: npt.ArrayLike,
    *,
    mu_d: float,
    diameter_mm: float,
    beam_width_mm: float,
    edge_mm: float,
    tilt: float = 0.0,
) -> Array:
    """Transmission of a cylinder centred at 0 for a beam at each position, shape (n,).

    T(z) = ∫ b(z' - z) exp(-mu 2 sqrt(R^2 - z'^2)) dz', b a top hat of this width whose height runs from 1 - tilt to 1 + tilt,
    convolved with a Gaussian of rms edge_mm. The integrals of exp(-mu l) and of z' exp(-mu l) run in z' = R sin(phi),
    where they are smooth; the Gaussian is a 15-point quadrature.
    """
    radius = 0.5 * diameter_mm
    passed = np.exp(-mu_d * np.cos(_PHI)) * np.cos(_PHI) * radius
    zeroth, first = _cumulative(passed), _cumulative(passed * radius * np.sin(_PHI))
    place = np.asarray(position_mm, dtype=np.float64)[:, None] + edge_mm * _HERMITE[None, :]
    half = 0.5 * max(beam_width_mm, 1e-6)

    def between(table: Array, low: Array, high: Array) -> Array:
        return _inside(table, high, radius) - _inside(table, low, radius)

    low, high = place - half, place + half
    # beyond the capillary the beam is free: T = 1
    beyond = np.maximum(high, radius) - np.maximum(low, radius)
    beyond += np.minimum(high, -radius) - np.minimum(low, -radius)
    mean = (between(zeroth, low, high) + beyond) / (2.0 * half)
    if tilt != 0.0:
        moment = np.maximum(high, radius) ** 2 - np.maximum(low, radius) ** 2
        moment += np.minimum(high, -radius) ** 2 - np.minimum(low, -radius) ** 2
        arm = (between(first, low, high) + 0.5 * moment) / (2.0 * half) - place * mean
        mean = mean + tilt * arm / half
    return np.asarray(mean @ _HERMITE_WEIGHTS / _HERMITE_WEIGHTS.sum())


def _cumulative(values: Array) -> Array:
    """Integral over phi up to each node: trapezium with its end correction, fourth order."""
    step = _PHI[1] - _PHI[0]
    slope = np.gradient(values, step, edge_order=2)
    cells = step * 0.5 * (values[1:] + values[:-1]) - step**2 / 12.0 * np.diff(slope)
    return np.concatenate([[0.0], np.cumsum(cells)])


def _inside(table: Array, z: Array, radius: float) -> Array:
    return np.interp(np.arcsin(np.clip(z / radius, -1.0, 1.0)), _PHI, table)


def fit_beam_scan(scan: BeamScan) -> BeamScanFit:
    """mu D with the beam's profile, from starting values that the scan itself gives.

    I(z) = I0 (1 + s (z - z0)) [T(z - z0) (1 - g) + g]: free are I0, s, z0, D, mu D, the beam's width, the blur of its edges and its tilt; the
    background g is 0, and is freed once more to see whether mu D depends on it (a Finding where it does).
    Raises InputError for a scan that does not show a capillary between two stretches of free beam.
    """
    start, top = _start(scan)
    fixed = {"background": 0.0}
    sharp = least_squares(
        lambda p: _residual(scan, {**p, **fixed, "edge": 1e-5, "tilt": 0.0}),
        {n: s for n, s in start.items() if n not in ("edge", "tilt")},
    )
    # width, blur and tilt can stand in for each other: the best of several starts is taken
    tries = [
        least_squares(lambda p: _residual(scan, {**p, **fixed}), _from(start, sharp, blur, tilt))
        for blur, tilt in ((0.1, 0.0), (0.25, 0.1), (0.25, -0.1))
    ]
    fit = min(tries, key=lambda f: f.chi2)
    if fit.covariance is None:
        raise InputError(
            "the scan through the beam does not determine mu D",
            why="its parameters cannot be told apart",
            remedy="scan in finer steps, and well beyond both edges of the capillary",
            where="attenuation.z_scan",
        )
    chi2, correlation, widened = _quality(scan, fit)
    shape = abs(sharp.values["mu_d"] - fit.values["mu_d"])

    def of(name: str, unit: str) -> Quantity:
        return Quantity(fit.values[name], (fit.sigma(name) or 0.0) * widened, unit)

    wider = least_squares(
        lambda p: _residual(scan, p),
        {
            **{
                n: Start(value=v, low=start[n].low, high=start[n].high)
                for n, v in fit.values.items()
            },
            "background": Start(value=0.0, low=-0.2, high=0.2),
        },
    )
    background = Quantity(
        wider.values["background"],
        None
        if wider.covariance is None
        else (wider.sigma("background") or 0.0) * _quality(scan, wider)[2],
    )
    mu_d = of("mu_d", "")
    mu_d = Quantity(mu_d.value, math.hypot(mu_d.sigma or 0.0, shape))
    return BeamScanFit(
        mu_d=mu_d,
        shape_part=shape,
        diameter_mm=of("diameter", "mm"),
        center_mm=of("center", "mm"),
        beam_width_mm=_beam_width(fit, widened),
        edge_mm=of("edge", "mm"),
        tilt=of("tilt", ""),
        background=background,
        slope_per_mm=of("slope", "1/mm"),
        model=scan.intensity - fit.residual * scan.sigma,
        chi2_reduced=chi2,
        correlation=correlation,
        findings=_findings(scan, fit.values, background, wider.values["mu_d"], mu_d, chi2, top),
    )


def _from(start: Mapping[str, Start], sharp: Fit, blur: float, tilt: float) -> dict[str, Start]:
    """A start from the fit of a plain top hat: part of its width as blur, and a tilt."""
    values = {**sharp.values, "edge": blur * sharp.values["width"], "tilt": tilt}
    values["width"] *= math.sqrt(max(1.0 - 12.0 * blur**2, 0.1))
    return {n: Start(value=values[n], low=s.low, high=s.high) for n, s in start.items()}


def _quality(scan: BeamScan, fit: Fit) -> tuple[float, float, float]:
    """Reduced chi^2, correlation of neighbouring residuals, and by what both widen the uncertainties."""
    r, chi2 = fit.residual, fit.chi2 / max(fit.dof, 1)
    lag = float(r[1:] @ r[:-1]) / max(fit.chi2, 1e-300)
    correlation = min(lag, 0.95) if lag > 2.5 / math.sqrt(r.size) else 0.0
    scatter = math.sqrt(max(chi2, 1.0) if scan.absolute else chi2)
    return chi2, correlation, scatter * math.sqrt((1.0 + correlation) / (1.0 - correlation))


def _beam_width(fit: Fit, widened: float) -> Quantity:
    """Width of the top hat with the beam's rms width: sqrt(12) rms, rms^2 = w^2 (1 - tilt^2/3)/12 + edge^2."""

    def width(values: Mapping[str, float]) -> float:
        w, edge, tilt = values["width"], values["edge"], values["tilt"]
        return math.sqrt(max(w * w * (1.0 - tilt * tilt / 3.0) + 12.0 * edge * edge, 0.0))

    value, names = width(fit.values), list(fit.values)
    slopes = np.zeros(len(names))
    for name in ("width", "edge", "tilt"):
        step = 1e-6
        moved = {**fit.values, name: fit.values[name] + step}
        slopes[names.index(name)] = (width(moved) - value) / step
    assert fit.covariance is not None
    variance = float(slopes @ fit.covariance @ slopes)
    return Quantity(value, math.sqrt(max(variance, 0.0)) * widened, "mm")


def _residual(scan: BeamScan, p: Mapping[str, float]) -> Array:
    z = scan.position_mm - p["center"]
    passed = scanned_transmission(
        z,
        mu_d=p["mu_d"],
        diameter_mm=p["diameter"],
        beam_width_mm=p["width"],
        edge_mm=p["edge"],
        tilt=p["tilt"],
    )
    passed = passed * (1.0 - p["background"]) + p["background"]
    model = p["free"] * (1.0 + p["slope"] * z) * passed
    return np.asarray((scan.intensity - model) / scan.sigma)


def _start(scan: BeamScan) -> tuple[dict[str, Start], float]:
    z, y = scan.position_mm, scan.intensity
    edge = max(z.size // 20, 3)
    left, right = float(np.median(y[:edge])), float(np.median(y[-edge:]))
    top, bottom = 0.5 * (left + right), float(np.median(np.sort(y)[:3]))
    below = np.flatnonzero(y < 0.5 * (top + bottom))
    if below.size < _FEWEST_INSIDE or below[0] < 3 or below[-1] > z.size - 4 or bottom > 0.98 * top:
        raise InputError(
            "this scan does not show a capillary between two stretches of free beam",
            why=f"{below.size} of its {z.size} points lie below half of the dip",
            remedy="scan the filled capillary through the direct beam, well beyond both of its edges",
            where="attenuation.z_scan",
        )
    highest = float(np.median(np.sort(y)[-3:]))
    if not (max(left, right) < 2.0 * min(left, right) and highest < 1.5 * max(left, right)):
        raise InputError(
            "this is no scan of a capillary through the direct beam",
            why=f"it begins at {left:.4g}, ends at {right:.4g} and reaches {highest:.4g}: a free beam is the same on both sides, and nothing "
            "is brighter",
            remedy="name the scan of the filled capillary through the direct beam",
            where="attenuation.z_scan",
        )
    diameter = float(z[below[-1]] - z[below[0]])
    quarter = np.flatnonzero(y < bottom + 0.25 * (top - bottom))
    three = np.flatnonzero(y < bottom + 0.75 * (top - bottom))
    ramp = max(0.5 * float(z[three[-1]] - z[three[0]] - z[quarter[-1]] + z[quarter[0]]), 1e-3)
    lowest = max(bottom, 1e-3 * top)
    return {
        "free": Start(value=top, low=0.0),
        "slope": Start(value=(right - left) / (top * float(z[-1] - z[0]))),
        "center": Start(value=0.5 * float(z[below[-1]] + z[below[0]])),
        "diameter": Start(value=diameter, low=0.2 * diameter, high=3.0 * diameter),
        "mu_d": Start(value=math.log(top / lowest) * 1.1, low=0.0, high=30.0),
        "width": Start(value=min(2.0 * ramp, 0.8 * diameter), low=1e-4, high=5.0 * diameter),
        "edge": Start(value=0.1 * ramp + 1e-3, low=1e-5, high=diameter),
        "tilt": Start(value=0.0, low=-1.5, high=1.5),
    }, top


def _findings(
    scan: BeamScan,
    values: Mapping[str, float],
    background: Quantity,
    with_background: float,
    mu_d: Quantity,
    chi2: float,
    top: float,
) -> tuple[Finding, ...]:
    found = []
    if background.sigma is not None and abs(background.value) > 3.0 * background.sigma:
        found.append(
            Finding(
                "warning",
                f"The scan through the beam fits better with {100.0 * background.value:.2f} % of the free beam added everywhere "
                f"(harder radiation, scattered light or a wrong zero of the detector): mu D would then be {with_background:.3f} "
                f"in place of {mu_d.value:.3f}. The value without it is used.",
                {"background": background.value, "mu_d": with_background},
            )
        )
    if scan.absolute and chi2 > 2.0:
        found.append(
            Finding(
                "note",
                f"The scan through the beam scatters {math.sqrt(chi2):.2f} times more than its counting statistics: the uncertainties "
                "were widened by that.",
                {"chi2_reduced": chi2},
            )
        )
    if values["width"] > values["diameter"]:
        found.append(
            Finding(
                "warning",
                f"The beam ({values['width']:.3f} mm) is wider than the capillary ({values['diameter']:.3f} mm): part of it passes beside "
                "the sample at every position, and mu D follows from the depth of the dip alone.",
                {"width_mm": values["width"], "diameter_mm": values["diameter"]},
            )
        )
    if top <= 0.0:
        found.append(Finding("problem", "The free beam is zero.", {}))
    return tuple(found)
