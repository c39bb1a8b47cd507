"""Activation energies: both Arrhenius forms, with every source of uncertainty told apart.

sigma   = sigma0 exp(-E_A/kT)      form "ln_sigma"
sigma T = B exp(-E_A'/kT)          form "ln_sigma_T"

E_A' - E_A = k<T>; no data set of an ordinary range tells which is right, so both are given.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.quantity import Quantity
from calibration.report import Finding
from calibration.thermometer import Thermometer
from cis.stages import Array, BoolArray

__all__ = [
    "BOLTZMANN_EV_PER_K",
    "ROOM_K",
    "ArrheniusFit",
    "ArrheniusPoints",
    "Form",
    "arrhenius_line",
    "fit_arrhenius",
    "inverse_kt",
    "ordinate",
    "point_weights",
]

BOLTZMANN_EV_PER_K = 1.380649e-23 / 1.602176634e-19
"""k in eV/K; both constants are exact since the SI of 2019 (CODATA 2018/2022)."""

ROOM_K = 298.15
_SCATTER_P = 0.05  # below this probability the points scatter more than they claim

Form = Literal["ln_sigma", "ln_sigma_T"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrheniusPoints:
    """The points of one line, in any order, each of shape (n,).

    temperature_k: K as read; sigma_s_per_cm: S/cm, > 0. relative_stat: standard uncertainty of
    ln sigma of each point alone (NaN: unknown); None where no point has one.
    relative_geometry: standard uncertainty of ln sigma common to all points; None where unknown.
    thermometer: how the temperatures err.
    Raises ValueError for unequal lengths, or a temperature or conductivity that is not positive.
    """

    temperature_k: Array
    sigma_s_per_cm: Array
    relative_stat: Array | None
    relative_geometry: float | None
    thermometer: Thermometer

    def __post_init__(self) -> None:
        if self.temperature_k.shape != self.sigma_s_per_cm.shape:
            raise ValueError("as many temperatures as conductivities are needed")
        if not (np.all(self.temperature_k > 0.0) and np.all(self.sigma_s_per_cm > 0.0)):
            raise ValueError("temperatures (K) and conductivities must be positive")

    @property
    def sample_k(self) -> Array:
        """Corrected temperatures of the sample, K."""
        return self.thermometer.correct(self.temperature_k)

    def subset(self, keep: BoolArray) -> "ArrheniusPoints":
        """The points where `keep` (shape (n,), bool) is True."""
        return ArrheniusPoints(
            temperature_k=self.temperature_k[keep],
            sigma_s_per_cm=self.sigma_s_per_cm[keep],
            relative_stat=None if self.relative_stat is None else self.relative_stat[keep],
            relative_geometry=self.relative_geometry,
            thermometer=self.thermometer,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrheniusFit:
    """One straight line y = a - E_A/(kT) through one set of points.

    activation_ev: E_A; its statistical part stat_ev and its thermometric part thermometer_ev apart,
    None where unknown. The geometry is not in it, because it moves all points alike.
    ln_prefactor: a = ln(sigma0/(S/cm)), or ln(B/(S K/cm)), with its total uncertainty (statistics,
    thermometer, geometry); room_s_per_cm: sigma at 298.15 K, likewise. None where a part is unknown;
    the statistical part alone is in stat_covariance.
    room_outside_k: how far 298.15 K lies outside the measured temperatures, K (0: inside).
    stat_covariance: shape (2, 2), of (a, E_A), NaN where unknown; thermometer_covariances: the same for each
    limit of what is known about the thermometer. relative_geometry: of sigma, common to all points.
    residuals: shape (n,), y - line, in the order of the points. scatter: their standard deviation
    (None with two points); extra_scatter: the part of it that the stated uncertainties do not explain,
    added in quadrature to each point. chi2_reduced: with the stated uncertainties, None without.
    """

    form: Form
    n: int
    range_k: tuple[float, float]
    activation_ev: float
    stat_ev: float | None
    thermometer_ev: float | None
    ln_prefactor: Quantity
    room_s_per_cm: Quantity
    room_outside_k: float
    stat_covariance: Array
    thermometer_covariances: tuple[Array, ...]
    relative_geometry: float | None
    residuals: Array
    scatter: float | None
    extra_scatter: float
    chi2_reduced: float | None
    findings: tuple[Finding, ...] = ()

    @property
    def activation(self) -> Quantity:
        """E_A in eV, statistics and thermometer in quadrature, e.g. 0.41(1) eV."""
        return Quantity(self.activation_ev, _quadrature(self.stat_ev, self.thermometer_ev), "eV")

    @property
    def written(self) -> str:
        """E_A as text; where the thermometer is unknown, the statistical part alone, and said so."""
        if self.thermometer_ev is None and self.stat_ev is not None:
            return f"{Quantity(self.activation_ev, self.stat_ev, 'eV')} (statistics only)"
        return str(self.activation)

    @property
    def ln_prefactor_stat(self) -> float | None:
        """Statistical standard uncertainty of ln_prefactor alone."""
        return _root(self.stat_covariance[0, 0])

    @property
    def room_stat_s_per_cm(self) -> float | None:
        """Statistical standard uncertainty of sigma(298.15 K) alone, S/cm."""
        gradient = np.array([1.0, -float(inverse_kt(np.array(ROOM_K)))])
        relative = _root(float(gradient @ self.stat_covariance @ gradient))
        return None if relative is None else self.room_s_per_cm.value * relative

    @property
    def room_written(self) -> str:
        """sigma(298.15 K) as text, with the statistical part alone where the whole is unknown."""
        if self.room_s_per_cm.sigma is None and self.room_stat_s_per_cm is not None:
            value = Quantity(self.room_s_per_cm.value, self.room_stat_s_per_cm, "S/cm")
            return f"{value} (statistics only)"
        return str(self.room_s_per_cm)

    def line(self, temperature_k: Array) -> Array:
        """sigma of the line in S/cm at sample temperatures, shape of the argument."""
        y = self.ln_prefactor.value - self.activation_ev * inverse_kt(temperature_k)
        if self.form == "ln_sigma_T":
            y = y - np.log(temperature_k)
        sigma: Array = np.exp(y)
        return sigma

    def relative_band(self, temperature_k: Array) -> Array:
        """Standard uncertainty of ln sigma of the line, statistics and thermometer, shape of the argument.

        NaN where the statistics are unknown; the geometry is not in it.
        """
        x = np.atleast_1d(inverse_kt(temperature_k))
        gradient = np.vstack([np.ones_like(x), -x])
        parts = [np.einsum("in,ij,jn->n", gradient, self.stat_covariance, gradient)]
        if self.thermometer_covariances:
            limits = [
                np.einsum("in,ij,jn->n", gradient, v, gradient)
                for v in self.thermometer_covariances
            ]
            parts.append(np.maximum.reduce(limits))
        band: Array = np.sqrt(np.maximum(np.sum(parts, axis=0), 0.0))
        return band


def ordinate(points: ArrheniusPoints, *, form: Form) -> Array:
    """ln(sigma/(S/cm)), or ln(sigma T/(S K/cm)), shape (n,)."""
    sigma = points.sigma_s_per_cm
    return np.log(sigma if form == "ln_sigma" else sigma * points.sample_k)


def inverse_kt(temperature_k: Array) -> Array:
    """1/(kT) in 1/eV, shape of the argument."""
    return 1.0 / (BOLTZMANN_EV_PER_K * np.asarray(temperature_k, dtype=np.float64))


def arrhenius_line(x: Array, y: Array, *, weight: Array) -> tuple[Array, Array]:
    """Weighted straight line y = a - E x.

    x, y, weight: shape (n,), n >= 2. Returns (a, E), and the matrix G of shape (2, n) that makes them of y:
    the covariance of (a, E) for any covariance V of y is G V G^T.
    Source: Bevington & Robinson (2003) eq. 6.12, in matrix form.
    Raises ValueError where all x are equal.
    """
    if np.unique(x).size < 2:
        raise ValueError("two different temperatures at least are needed")
    centre = np.average(x, weights=weight)  # 1/kT is nearly constant beside its mean
    design = np.column_stack([np.ones_like(x), -(x - centre)])
    normal = design.T @ (weight[:, None] * design)
    centred = np.linalg.solve(normal, design.T * weight)
    g: Array = np.vstack([centred[0] + centre * centred[1], centred[1]])
    return g @ y, g


def point_weights(points: ArrheniusPoints, *, form: Form) -> tuple[Array, float, float | None]:
    """Weight of each point in a line, the variance added to explain the scatter, reduced chi^2.

    Weights 1/u^2(y) with u^2(y) = u^2(ln sigma) + (S u_T)^2, S = dy/dT of the line, u_T the independent part of the
    thermometer (Orear, Am. J. Phys. 50 (1982) 912). Where the points scatter more than that (chi^2 test
    at 5%), one variance common to all is added until chi^2 equals the degrees of freedom (Mandel & Paule,
    Anal. Chem. 42 (1970) 1194): the tiny formal error of one spectrum then no longer outvotes
    the others. Without uncertainties all weights are 1, and reduced chi^2 is None.
    """
    from scipy.special import chdtrc  # heavy: waits for a fit

    x, y = inverse_kt(points.sample_k), ordinate(points, form=form)
    n = x.size
    stat = _stat_variances(points)
    if stat is None:
        return np.ones(n), 0.0, None
    (_, energy), _ = arrhenius_line(x, y, weight=np.ones(n))
    variances = stat + (_slope(points, float(energy), form) * _independent_sigma(points)) ** 2
    if n < 3:
        return 1.0 / variances, 0.0, None
    chi2 = _chi2(x, y, variances)
    extra = 0.0
    if chdtrc(n - 2, chi2) < _SCATTER_P:
        extra = _extra_variance(x, y, variances)
    return 1.0 / (variances + extra), extra, chi2 / (n - 2)


def fit_arrhenius(points: ArrheniusPoints, *, form: Form) -> ArrheniusFit:
    """Weighted least squares of one Arrhenius form, y = ln sigma (or ln sigma T) = a - E_A/(kT).

    Weights: `point_weights`. Statistical covariance G V G^T with V the stated variances of ln sigma (and
    the added one), or the variance of the scatter where none is stated; thermometric covariance
    G S V_T S G^T with the slope S of the line and each limit of V_T; the geometry enters ln a only.
    Raises ValueError with fewer than two different temperatures.
    """
    x, y = inverse_kt(points.sample_k), ordinate(points, form=form)
    n = x.size
    weight, extra, chi2_reduced = point_weights(points, form=form)
    parameters, g = arrhenius_line(x, y, weight=weight)
    a, energy = float(parameters[0]), float(parameters[1])
    residuals = y - (a - energy * x)
    scatter = float(np.sqrt(np.sum(residuals**2) / (n - 2))) if n > 2 else None
    stated = _stat_variances(points)
    if stated is not None:
        stat = (g * (stated + extra)) @ g.T
    else:
        stat = (g @ g.T) * (math.nan if scatter is None else scatter**2)
    slope = _slope(points, energy, form)
    thermal = tuple(
        g @ (slope[:, None] * v * slope[None, :]) @ g.T
        for v in points.thermometer.covariances(points.temperature_k)
    )
    sample = points.sample_k
    low, high = float(sample.min()), float(sample.max())
    x0 = float(inverse_kt(np.array(ROOM_K)))
    room = math.exp(a - energy * x0) / (1.0 if form == "ln_sigma" else ROOM_K)
    room_relative = _total(np.array([1.0, -x0]), stat, thermal, points.relative_geometry)
    return ArrheniusFit(
        form=form,
        n=n,
        range_k=(low, high),
        activation_ev=energy,
        stat_ev=_root(stat[1, 1]),
        thermometer_ev=max((math.sqrt(v[1, 1]) for v in thermal), default=None),
        ln_prefactor=Quantity(
            a, _total(np.array([1.0, 0.0]), stat, thermal, points.relative_geometry)
        ),
        room_s_per_cm=Quantity(
            room, None if room_relative is None else room * room_relative, "S/cm"
        ),
        room_outside_k=max(low - ROOM_K, ROOM_K - high, 0.0),
        stat_covariance=stat,
        thermometer_covariances=thermal,
        relative_geometry=points.relative_geometry,
        residuals=residuals,
        scatter=scatter,
        extra_scatter=math.sqrt(extra),
        chi2_reduced=chi2_reduced,
        findings=_findings(n, low, high, energy, math.sqrt(extra), chi2_reduced),
    )


def _findings(
    n: int, low: float, high: float, energy: float, extra: float, chi2_reduced: float | None
) -> tuple[Finding, ...]:
    found = []
    if extra > 0.0:
        kelvin_equivalent = extra * BOLTZMANN_EV_PER_K * (0.5 * (low + high)) ** 2 / abs(energy)
        found.append(
            Finding(
                "warning",
                f"The points scatter about the Arrhenius line by {100 * extra:.2g}% more than their uncertainties explain "
                f"(as {kelvin_equivalent:.2g} K of independent temperature error would); the excess is in the uncertainty of E_A.",
                {
                    "extra_scatter": extra,
                    "as_kelvin": kelvin_equivalent,
                    "chi2_reduced": chi2_reduced or math.nan,
                },
            )
        )
    if n == 2:
        found.append(
            Finding(
                "warning",
                "Two points make a line without any test: neither scatter nor curvature can be seen.",
                {"n": 2.0},
            )
        )
    outside = max(low - ROOM_K, ROOM_K - high)
    if outside > 0.0:
        found.append(
            Finding(
                "warning" if outside > 0.5 * (high - low) else "note",
                f"sigma at 298.15 K is extrapolated by {outside:.2g} K beyond the measured {low:.1f} to {high:.1f} K.",
                {"extrapolated_K": outside},
            )
        )
    return tuple(found)


def _stat_variances(points: ArrheniusPoints) -> Array | None:
    """u^2(ln sigma) of each point; an unknown one among known ones counts as the largest."""
    relative = points.relative_stat
    if relative is None or not np.isfinite(relative).any():
        return None
    return np.where(np.isfinite(relative), relative, np.nanmax(relative)) ** 2


def _independent_sigma(points: ArrheniusPoints) -> float:
    """Temperature error that may scatter the points: all of it where it is not told apart, 0 if unknown."""
    return points.thermometer.point_sigma_k or 0.0


def _slope(points: ArrheniusPoints, activation_ev: float, form: Form) -> Array:
    """How far an error of T moves a point off its line, 1/K.

    A point plotted at T + dT lies E/kT^2 dT below the line; in the form sigma T the
    same wrong T raises it again by dT/T.
    """
    t = points.sample_k
    slope = activation_ev / (BOLTZMANN_EV_PER_K * t**2)
    return slope if form == "ln_sigma" else slope - 1.0 / t


def _chi2(x: Array, y: Array, variances: Array) -> float:
    (a, energy), _ = arrhenius_line(x, y, weight=1.0 / variances)
    return float(np.sum((y - a + energy * x) ** 2 / variances))


def _extra_variance(x: Array, y: Array, variances: Array) -> float:
    """The variance that brings chi^2 down to its degrees of freedom; chi^2 falls with it monotonically."""
    freedom = x.size - 2
    high = float(np.max(variances))
    while _chi2(x, y, variances + high) > freedom:
        high *= 4.0
    low = 0.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        if _chi2(x, y, variances + middle) > freedom:
            low = middle
        else:
            high = middle
    return high


def _total(
    gradient: Array, stat: Array, thermal: Sequence[Array], geometry: float | None
) -> float | None:
    """Standard uncertainty of gradient . (a, E) with all parts, None where one is unknown."""
    limits = [float(gradient @ v @ gradient) for v in thermal]
    parts = (float(gradient @ stat @ gradient), max(limits, default=math.nan))
    if geometry is None or not all(math.isfinite(p) for p in parts):
        return None
    return math.sqrt(max(sum(parts), 0.0) + geometry**2)


def _root(variance: float) -> float | None:
    return math.sqrt(variance) if math.isfinite(variance) else None


def _quadrature(*parts: float | None) -> float | None:
    known = [p for p in parts if p is not None]
    return math.hypot(*known) if len(known) == len(parts) else None
