"""Flat field of a one-dimensional detector: how much more or less than the average each channel counts."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.report import Finding

__all__ = ["Corrected", "FlatField", "apply_flat_field", "fit_flat_field"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_ROUNDS = 2000
_CONVERGED = 1e-10
_UNLIKELY = 1e-3
_TREND = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatField:
    """Factors of the channels; channel k counts factor[k] times what the mean good channel would.

    factor, sigma: shape (channels,), mean 1 over the good channels, NaN where the channel is bad; sigma from counting.
    covariance: shape (channels, channels), NaN rows for bad ones (the mean is fixed: factors are weakly anticorrelated).
    dead, hot: channel numbers from 0. counts: shape (channels,), total. chi2, freedom, p: of counts against the model
    (freedom 0: one exposure of uniform light has nothing left to test).
    """

    factor: Array
    sigma: Array
    covariance: Array
    dead: tuple[int, ...]
    hot: tuple[int, ...]
    counts: Array
    chi2: float
    freedom: int
    p: float
    findings: tuple[Finding, ...]

    @property
    def good(self) -> BoolArray:
        """Channels that may be used, shape (channels,)."""
        return np.isfinite(self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """values, sigma: shape of the counts, counting alone; sigma_factor: of the flat field, common to
    all readings of a channel. NaN where the channel is bad."""

    values: Array
    sigma: Array
    sigma_factor: Array


def fit_flat_field(
    counts: Array,
    *,
    angle: IntArray | None = None,
    dead_below: float = 0.1,
    hot_above: float = 3.0,
) -> FlatField:
    """Factors by maximum likelihood: counts[p, k] ~ Poisson(I[angle[p, k]] factor[k]), sum over good factors = their number.

    counts: shape (exposures, channels), whole numbers of equal time. angle: shape (exposures, channels), number of the angle that a
    channel looked at (over-scanned: each angle is seen by many channels), -1 to leave a reading out; None: uniform
    light, one intensity for each exposure. dead_below, hot_above: a channel whose counts over the median's are outside these
    is bad. A steady drift of the source cannot be told from a tilt of the factors. Solved by alternating sums (both equations of the likelihood in turn); covariance: inverse of the Fisher
    information with the intensities eliminated. Source: the likelihood equations of a two-way table of Poisson
    counts, Bishop, Fienberg & Holland, Discrete Multivariate Analysis (1975) ch. 3.
    Raises InputError where the counts cannot give factors.
    """
    _check_counts(counts)
    exposures, channels = counts.shape
    seen = np.repeat(np.arange(exposures)[:, None], channels, axis=1) if angle is None else angle
    if seen.shape != counts.shape:
        raise InputError("angles and counts of a flat field are not of one shape")
    used = seen >= 0
    total = np.where(used, counts, 0.0).sum(axis=0)
    share = _shares(counts, seen, used)
    typical = float(np.median(share[np.isfinite(share)]))
    dead = np.flatnonzero(~(share >= dead_below * typical))
    hot = np.flatnonzero(share > hot_above * typical)
    good = np.ones(channels, dtype=np.bool_)
    good[dead] = good[hot] = False
    if good.sum() < 2:
        raise InputError("fewer than two channels of the flat field count like the others")
    factor = np.full(channels, np.nan)
    covariance = np.full((channels, channels), np.nan)
    own, cov, mu = _fit(counts[:, good], seen[:, good])
    factor[good] = own
    covariance[np.ix_(good, good)] = cov
    inside = used[:, good]
    freedom = int(inside.sum()) - int(good.sum()) + 1 - np.unique(seen[:, good][inside]).size
    chi2 = float((((counts[:, good] - mu) ** 2 / np.maximum(mu, 1e-12))[inside]).sum())
    p = _probability(chi2, freedom)
    found = FlatField(
        factor=factor,
        sigma=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        dead=tuple(int(k) for k in dead),
        hot=tuple(int(k) for k in hot),
        counts=total,
        chi2=chi2,
        freedom=freedom,
        p=p,
        findings=(),
    )
    return replace(found, findings=_findings(found, uniform=angle is None))


def _check_counts(counts: Array) -> None:
    if counts.ndim != 2 or min(counts.shape) < 1 or counts.shape[1] < 2:
        raise InputError(
            f"a flat field needs exposures of two channels at least, not an array of shape {counts.shape}"
        )
    if not (np.isfinite(counts).all() and (counts >= 0.0).all()):
        raise InputError("the counts of a flat field must be numbers >= 0")
    if np.abs(counts - np.round(counts)).max() > 1e-6:
        raise InputError(
            "the counts of a flat field are not whole numbers",
            why="their uncertainty is the root of the counts, and rates or scaled counts have lost it",
            remedy="export counts, not rates",
        )
    if not counts.any():
        raise InputError("the flat field holds no counts")


def _shares(counts: Array, seen: IntArray, used: BoolArray) -> Array:
    """Counts of each channel over those of the median channel at the same angles: a first idea of its factor."""
    angles = int(seen.max()) + 1
    rows = np.where(used, seen, 0)
    typical: Array = np.array(
        [np.median(counts[used & (seen == a)]) if (seen == a).any() else 0.0 for a in range(angles)]
    )
    expected = np.where(used, typical[rows], 0.0).sum(axis=0)
    own = np.where(used, counts, 0.0).sum(axis=0)
    share: Array = np.divide(own, expected, out=np.full(own.shape, np.nan), where=expected > 0.0)
    return share


def _fit(counts: Array, seen: IntArray) -> tuple[Array, Array, Array]:
    """Factors (mean 1), their covariance, and the expected counts."""
    used = seen >= 0
    numbers = np.unique(seen[used])
    place = np.searchsorted(numbers, np.where(used, seen, numbers[0]))
    n = np.where(used, counts, 0.0)
    by_channel = n.sum(axis=0)
    by_angle = np.bincount(place.ravel(), n.ravel(), minlength=numbers.size)
    factor = np.ones(counts.shape[1])
    for _ in range(_ROUNDS):
        seen_by = np.bincount(
            place.ravel(), np.where(used, factor, 0.0).ravel(), minlength=numbers.size
        )
        intensity: Array = by_angle / np.maximum(seen_by, 1e-300)
        new = by_channel / np.maximum(np.where(used, intensity[place], 0.0).sum(axis=0), 1e-300)
        new /= new.mean()
        change = float(np.abs(new - factor).max())
        factor = new
        if change < _CONVERGED:
            break
    else:
        raise _not_linked()
    mu = np.where(used, factor * intensity[place], 0.0)
    return factor, factor[:, None] * _log_covariance(mu, place, numbers.size, factor) * factor, mu


def _not_linked() -> InputError:
    return InputError(
        "the exposures of the flat field do not link all channels with each other",
        why="groups of channels never look at one angle (a step of three channels makes three such groups)",
        remedy="over-scan in steps of one channel, or with steps that have no common divisor",
    )


def _log_covariance(mu: Array, place: IntArray, angles: int, factor: Array) -> Array:
    """Covariance of ln factor with mean factor fixed; intensities eliminated (Schur complement)."""
    channels = mu.shape[1]
    cross = np.zeros((channels, angles))
    np.add.at(cross, (np.broadcast_to(np.arange(channels), mu.shape), place), mu)
    by_angle = np.maximum(cross.sum(axis=0), 1e-300)
    information = np.diag(cross.sum(axis=1)) - (cross / by_angle) @ cross.T
    # a common scale carries no information; with sum of factors fixed its direction drops out of the inverse
    strengths = np.linalg.eigvalsh(information)
    if channels > 1 and strengths[1] < 1e-9 * strengths[-1]:
        raise _not_linked()
    inverse = np.linalg.pinv(information, hermitian=True, rcond=1e-10)
    mean = np.eye(channels) - factor / factor.sum()
    return np.asarray(mean @ inverse @ mean.T)


def _probability(chi2: float, freedom: int) -> float:
    if freedom < 1:
        return 1.0
    from scipy.special import chdtrc  # waits until a fit is made

    return float(chdtrc(freedom, chi2))


def _findings(found: FlatField, *, uniform: bool) -> tuple[Finding, ...]:
    said: list[Finding] = []
    for name, channels in (("dead", found.dead), ("hot", found.hot)):
        if channels:
            listed = ", ".join(str(k) for k in channels[:20]) + (
                " ..." if len(channels) > 20 else ""
            )
            text = f"{len(channels)} {name} channels (counted from 0) are left out: {listed}."
            said.append(Finding("warning", text, {name: float(len(channels))}))
    if found.p < _UNLIKELY:
        text = (
            f"The exposures of the flat field contradict each other (chi^2 {found.chi2:.0f} for {found.freedom} degrees of freedom): the "
            "source drifted, channels count differently at different rates (dead time), or the light was not uniform."
        )
        said.append(Finding("warning", text, {"chi2": found.chi2, "freedom": float(found.freedom)}))
    change, sigma = _trend(found)
    if uniform and abs(change) > _TREND * sigma:
        text = (
            f"The factors change by {100.0 * change:+.2f} % from the first to the last channel: uneven illumination looks the same as an "
            "uneven detector, and only an over-scanned exposure tells them apart."
        )
        said.append(Finding("warning", text, {"change": change, "sigma": sigma}))
    return tuple(said)


def _trend(found: FlatField) -> tuple[float, float]:
    """Change of the factor over the detector by a straight line, and its standard uncertainty from the scatter."""
    y = found.factor[found.good]
    x = np.linspace(-0.5, 0.5, found.factor.size)[found.good]
    x = x - x.mean()
    slope = float((x @ y) / (x @ x))
    scatter = float(np.std(y - y.mean() - slope * x))
    return slope, scatter / float(np.sqrt(x @ x))


def apply_flat_field(counts: Array, *, factor: Array, sigma: Array) -> Corrected:
    """Counts of each channel over its factor.

    counts: shape (channels,) or (exposures, channels), of all channels in order. factor, sigma: shape (channels,), NaN for bad
    channels, of a `FlatField` or of a certificate (`calibration.certified.flat_field_of`). Source: GUM (JCGM 100:2008) eq. 12.
    Raises InputError where the detector has another number of channels.
    """
    if counts.shape[-1] != factor.size:
        raise InputError(
            f"the pattern has {counts.shape[-1]} channels, the flat field {factor.size}",
            why="a flat field belongs to one detector",
        )
    values = counts / factor
    return Corrected(
        values=values,
        sigma=np.sqrt(counts) / factor,
        sigma_factor=np.abs(values) * sigma / factor,
    )
