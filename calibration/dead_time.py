"""Dead time of a counter from rates whose true ratio does not depend on the intensity: attenuators, overlaps."""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.dead_time_solver import (
    Counts,
    Solved,
    non_paralysable,
    paralysable,
    solve_counts,
)
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.report import Finding

__all__ = ["DeadTime", "Readings", "fit_dead_time"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LARGE_LOSS = 0.3
_GRAVE_LOSS = 0.6
_UNLIKELY = 1e-3
_ALIKE = 1.1
_PREFERRED = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a counter read at several intensities, each behind several attenuators (or in several scans of one range).

    observed_cps: m, shape (n,), counts/s as read, > 0. seconds: counting time of each, shape (n,), > 0.
    point: shape (n,), whole numbers, which readings belong to one intensity (one angle, one tube current).
    setting: shape (n,), whole numbers, which attenuator; 0 is the one whose transmission counts as 1.
    transmissions: what is known of those of settings 1, 2, ... relative to setting 0; None: left to the fit,
    sigma None: taken as exact. dark_cps: counts/s that do not pass the attenuator (electronics, cosmic rays).
    Raises InputError where the numbers cannot be rates, or do not say anything about a dead time.
    """

    observed_cps: Array
    seconds: Array
    point: IntArray
    setting: IntArray
    transmissions: tuple[Quantity | None, ...]
    dark_cps: float = 0.0

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.observed_cps, self.seconds, self.point, self.setting)}
        if len(shapes) != 1:
            raise InputError("rates, times, points and settings are not equally many")
        for name, values in (("rate", self.observed_cps), ("counting time", self.seconds)):
            if not (np.isfinite(values).all() and (values > 0.0).all()):
                raise InputError(
                    f"a {name} of a dead-time measurement is not a positive number",
                    remedy="leave out readings without counts",
                )
        if int(self.setting.max(initial=0)) != len(self.transmissions) or self.setting.min() < 0:
            raise InputError(
                f"{len(self.transmissions)} transmissions are given for settings 0 to {int(self.setting.max(initial=0))}"
            )
        for k, t in enumerate(self.transmissions, start=1):
            if t is not None and not t.value > 0.0:
                raise InputError(f"the transmission of setting {k} must be > 0, not {t.value:g}")
        missing = [k for k in range(len(self.transmissions) + 1) if not (self.setting == k).any()]
        if missing:
            raise InputError(f"no reading has setting {missing[0]}")
        if self.freedom < 0:
            raise InputError(
                f"{self.observed_cps.size} readings do not determine {self.observed_cps.size - self.freedom} unknowns",
                why="every intensity and every unknown transmission is one, besides the dead time",
                remedy="measure with and without attenuator at two intensities at least, or state the transmission",
            )

    @property
    def points(self) -> int:
        """Number of different intensities."""
        return int(np.unique(self.point).size)

    @property
    def freedom(self) -> int:
        """Readings (and known transmissions) minus unknowns."""
        exact = sum(t is not None and t.sigma is None for t in self.transmissions)
        stated = sum(t is not None and t.sigma is not None for t in self.transmissions)
        unknown = 1 + self.points + len(self.transmissions) - exact
        return int(self.observed_cps.size) + stated - unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadTime:
    """Result of `fit_dead_time`.

    tau_s, transmissions: with standard uncertainties from counting (and from stated transmissions); covariance: of
    (tau in s, ln t_1, ln t_2, ...), zero rows for exact ones. true_cps: shape (points,), at setting 0. observed_cps,
    model_cps, pulls: shape (n,), rates as read, as fitted, and (read - fitted)/sigma. chi2, freedom, p: of the
    non-paralysable model; chi2_paralysable: of m = n exp(-n tau) on the same readings. largest_loss: m tau.
    """

    tau_s: Quantity
    transmissions: tuple[Quantity, ...]
    covariance: Array
    true_cps: Array
    observed_cps: Array
    model_cps: Array
    pulls: Array
    chi2: float
    freedom: int
    p: float
    chi2_paralysable: float | None
    largest_loss: float
    findings: tuple[Finding, ...]


def fit_dead_time(readings: Readings) -> DeadTime:
    """Dead time by least squares: m = r/(1 + r tau), r = t_setting n_point + dark.

    Unknowns: tau, ln n of every point, ln t of every setting that is not exact (a stated one with sigma is a further
    observation). Weights: Var m = r/(T (1 + r tau)^3) = m (1 - m tau)^2 / T, the variance of a non-extended
    counter (counts of such a counter scatter less than Poisson), at the fitted rates, iterated.
    With unknown transmission a single intensity says nothing: only the change of the observed ratio with the
    intensity does. Sources: J. W. Müller, Nucl. Instrum. Methods 112 (1973) 47 (model and variance); G. F. Knoll,
    Radiation Detection and Measurement (4th ed. 2010) ch. 4.VII (two-source method, of which this is the general form).
    Raises InputError where the readings cannot determine tau.
    """
    counts = Counts(
        observed_cps=readings.observed_cps,
        seconds=readings.seconds,
        point=np.unique(readings.point, return_inverse=True)[1],
        setting=readings.setting,
        transmissions=readings.transmissions,
        dark_cps=readings.dark_cps,
    )
    _check_intensities(readings)
    best = solve_counts(counts, non_paralysable)
    if best is None:
        raise _no_fit()
    _check_determined(readings, best)
    other = solve_counts(counts, paralysable)
    count = 1 + len(readings.transmissions)
    tau, sigma = float(best.values[0]), math.sqrt(best.covariance[0, 0])
    logs = best.values[1:count]
    transmissions = tuple(
        Quantity(math.exp(x), math.exp(x) * math.sqrt(best.covariance[k, k]))
        for k, x in enumerate(logs, start=1)
    )
    found = DeadTime(
        tau_s=Quantity(tau, sigma, "s"),
        transmissions=transmissions,
        covariance=best.covariance[:count, :count],
        true_cps=np.exp(best.values[count:]),
        observed_cps=readings.observed_cps,
        model_cps=best.model,
        pulls=best.pulls,
        chi2=best.chi2,
        freedom=readings.freedom,
        p=_probability(best.chi2, readings.freedom),
        chi2_paralysable=None if other is None else other.chi2,
        largest_loss=float(readings.observed_cps.max()) * tau,
        findings=(),
    )
    return replace(found, findings=_findings(found))


def _probability(chi2: float, freedom: int) -> float:
    """Chance of a chi^2 this large; 1 without degrees of freedom."""
    if freedom < 1:
        return 1.0
    from scipy.special import chdtrc  # waits until a fit is made

    return float(chdtrc(freedom, chi2))


def _findings(found: DeadTime) -> tuple[Finding, ...]:
    tau, sigma = found.tau_s.value, found.tau_s.sigma or 0.0
    said: list[Finding] = []
    if found.p < _UNLIKELY:
        said.append(
            Finding(
                "warning",
                f"The readings scatter more about the fit than counting explains (chi^2 {found.chi2:.1f} for {found.freedom} degrees of "
                "freedom): an attenuator that passes more of some energies, a drifting tube, or another kind of dead time.",
                {"chi2": found.chi2, "freedom": float(found.freedom), "p": found.p},
            )
        )
    other = found.chi2_paralysable
    if other is not None and found.chi2 - other > _PREFERRED and found.p < 0.05:
        said.append(
            Finding(
                "warning",
                f"A paralysable counter (m = n exp(-n tau)) fits better (chi^2 {other:.1f} against {found.chi2:.1f}); the dead time "
                "given here is that of a non-paralysable one and holds at low rates only.",
                {"chi2_paralysable": other, "chi2": found.chi2},
            )
        )
    if tau < -2.0 * sigma:
        said.append(
            Finding(
                "problem",
                f"The dead time comes out negative ({found.tau_s}): the attenuated rates are too low at low intensity. The files may "
                "be exchanged, the rates corrected already, or a background passes the attenuator.",
                {"tau_s": tau},
            )
        )
    elif tau < 2.0 * sigma:
        limit = max(tau, 0.0) + 2.0 * sigma
        said.append(
            Finding(
                "note",
                f"No dead time was seen ({found.tau_s}): below {limit:.2g} s with 95 % confidence at these rates.",
                {"limit_s": limit},
            )
        )
    if found.largest_loss > _LARGE_LOSS:
        grave = found.largest_loss > _GRAVE_LOSS
        said.append(
            Finding(
                "warning",
                f"The counter is dead for {100.0 * found.largest_loss:.0f} % of the time at the highest rate: "
                + (
                    "no simple model holds there."
                    if grave
                    else "the kind of dead time begins to matter."
                ),
                {"largest_loss": found.largest_loss},
            )
        )
    return tuple(said)


def _no_fit() -> InputError:
    return InputError(
        "no dead time explains these readings",
        why="the fit of m = n/(1 + n tau) does not converge",
        remedy="check that rates and settings belong together, and that rates are in counts per second",
    )


def _check_intensities(readings: Readings) -> None:
    """An unknown transmission and the dead time are one number as long as all intensities are alike."""
    own = readings.observed_cps[readings.setting == 0]
    known = readings.transmissions and all(t is not None for t in readings.transmissions)
    if known or own.max() > _ALIKE * own.min():
        return
    raise InputError(
        "these readings do not determine the dead time",
        why=f"all intensities lie between {own.min():.4g} and {own.max():.4g} counts/s, and a transmission is unknown: only "
        "the change of the observed ratio with the intensity tells one from the other",
        remedy="measure over a range of intensities (a factor of ten), or state the transmission of the attenuator",
    )


def _check_determined(readings: Readings, best: Solved) -> None:
    """With unknown transmissions, intensities that hardly differ leave tau undetermined."""
    top = float(readings.observed_cps.max())
    uncertain = math.sqrt(best.covariance[0, 0]) * top
    if math.isfinite(uncertain) and uncertain < 1.0:
        return
    raise InputError(
        "these readings do not determine the dead time",
        why=f"its uncertainty would be {uncertain / top:.2g} s, at which the counter would never be ready at {top:.4g} counts/s: the "
        "ratio of the rates says nothing where all intensities are alike or nothing is attenuated",
        remedy="measure over a range of intensities (a factor of ten), or state the transmission of the attenuator",
    )
