"""A series fitted at once: exponents and permittivities shared, so that the cold spectra tie down the hot ones.

Shared by all spectra: every exponent, the capacitance of every arc (the permittivity hardly depends on
temperature) and the inductance of the leads. Each spectrum's own: its resistances and the Q of its electrode.
Of an arc, ln Q = alpha ln C + (alpha - 1) ln R, from C = (Q R^(1-alpha))^(1/alpha).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from cis.arcs import sample_intercept
from cis.circuits import Circuit, circuit
from cis.leastsquares import Problem, minimize
from cis.solution import Solution, modulus_problem, solve
from cis.stages import ArcFit, Array, BoolArray, Cell, FittedParameter, IntArray, JointFit

__all__ = ["fit_joint"]

_PULL = 3.0
_RELEVANT = 0.01  # a disagreement below 1% of R is nobody's concern


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the variables of each spectrum live in the joint vector.

    place: shape (m, p), index into the joint vector of each circuit variable (for the Q of an arc: of ln C).
    arc_q: shape (p,), place of R for a Q that belongs to an arc with an exponent, else -1.
    """

    place: IntArray
    arc_q: IntArray
    size: int
    shared: tuple[tuple[int, str], ...]


def fit_joint(fits: Sequence[ArcFit], *, cell: Cell | None = None) -> JointFit:
    """Fit a series at once, from its one-by-one fits, and compare.

    Every spectrum is weighted by the noise of its own fit, so that chi2_ratio is 1 where sharing costs nothing.
    Uncertainties are widened by its square root where it is larger. A spectrum whose R moves by more than 3 of
    its own standard uncertainties and by more than 1% is named in a Finding.
    Raises InputError for fewer than two spectra.
    """
    if len(fits) < 2:
        raise InputError(
            "a joint fit needs two spectra or more",
            why="there is nothing to share",
            remedy="give the whole temperature series",
        )
    c = circuit(Counter(fit.circuit_string for fit in fits).most_common(1)[0][0])
    alone = [_alone(fit, c) for fit in fits]
    layout = _layout(c, len(fits))
    weights = [max(float(np.sqrt(s.variance)), 1e-9) for s in alone]
    problems = []
    for fit in fits:
        used = fit.validation.used
        problems.append(
            modulus_problem(c, fit.spectrum.frequency_hz[used], fit.spectrum.z_ohm[used])
        )
    start = _start(c, layout, alone)
    low, high = _bounds(c, layout)
    problem = _problem(layout, problems, weights)
    minimum = minimize(problem, start[None, :], low=low, high=high, iterations=400)
    points = sum(2 * int(fit.validation.used.sum()) for fit in fits)
    ratio = minimum.cost / max(points - layout.size, 1)
    prior = np.where(_is_log(c, layout), 12.0, 0.35)
    information = minimum.normal / max(ratio, 1.0) + np.diag(prior**-2.0)
    covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
    resistance, sigma = _totals(c, layout, minimum.x, covariance, [s.electrode_arcs for s in alone])
    single = np.array([fit.resistance_ohm for fit in fits])
    known = np.array(
        [
            fit.resistance_sigma_ohm / fit.resistance_ohm
            if fit.identifiable and fit.resistance_sigma_ohm
            else np.nan
            for fit in fits
        ]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.log(resistance / single)
    pulls = shift / known
    names = tuple(fit.spectrum.name or fit.spectrum.file for fit in fits)
    shared = _shared(c, layout, minimum.x, covariance)
    return JointFit(
        circuit_string=c.string,
        names=names,
        temperature_k=np.array(
            [t if (t := fit.spectrum.temperature_k) else np.nan for fit in fits]
        ),
        shared=shared,
        resistance_ohm=resistance,
        resistance_sigma_ohm=sigma,
        pulls=pulls,
        chi2_ratio=float(ratio),
        converged=minimum.converged,
        permittivity=_permittivity(shared, cell),
        findings=_findings(names, pulls, shift, float(ratio), minimum.converged),
    )


def _alone(fit: ArcFit, c: Circuit) -> Solution:
    used = fit.validation.used
    start = (
        c.to_variables([p.value for p in fit.parameters])
        if fit.circuit_string == c.string
        else None
    )
    return solve(
        c,
        fit.spectrum.frequency_hz[used],
        fit.spectrum.z_ohm[used],
        count=3,
        more_starts=None if start is None else start[None, :],
    )


def _layout(c: Circuit, count: int) -> _Layout:
    p = len(c.names)
    arc_q = np.full(p, -1, dtype=np.int64)
    for _, r, q in c.arcs():
        if c.names[q].endswith("_0"):
            arc_q[q] = r
    common = [
        k
        for k, v in enumerate(c.variables)
        if v.scale == "linear" or arc_q[k] >= 0 or v.unit in ("H", "F")
    ]
    place = np.empty((count, p), dtype=np.int64)
    shared = []
    for rank, k in enumerate(common):
        place[:, k] = rank
        label = f"C of {c.names[arc_q[k]]}" if arc_q[k] >= 0 else c.names[k]
        shared.append((k, label))
    own = [k for k in range(p) if k not in common]
    for i in range(count):
        place[i, own] = len(common) + i * len(own) + np.arange(len(own))
    return _Layout(place, arc_q, len(common) + count * len(own), tuple(shared))


def _is_log(c: Circuit, layout: _Layout) -> BoolArray:
    logarithmic = np.ones(layout.size, dtype=bool)  # what is each spectrum's own is logarithmic
    logarithmic[layout.place[0]] = c.is_log
    return logarithmic


def _bounds(c: Circuit, layout: _Layout) -> tuple[Array, Array]:
    low, high = np.empty(layout.size), np.empty(layout.size)
    below, above = c.bounds()
    arc = layout.arc_q >= 0
    below, above = np.where(arc, np.log(1e-18), below), np.where(arc, np.log(1e2), above)
    for row in layout.place:
        low[row], high[row] = below, above
    return low, high


def _start(c: Circuit, layout: _Layout, alone: Sequence[Solution]) -> Array:
    """The one-by-one results; of what is shared, the mean weighted by what each knows of it."""
    total, weight = np.zeros(layout.size), np.zeros(layout.size)
    for row, s in zip(layout.place, alone, strict=True):
        x, information = s.x.copy(), 1.0 / np.maximum(np.diag(s.covariance), 1e-8)
        for q in np.flatnonzero(layout.arc_q >= 0):
            alpha, r = s.x[q + 1], s.x[layout.arc_q[q]]
            x[q] = (s.x[q] + (1.0 - alpha) * r) / alpha
        np.add.at(total, row, x * information)
        np.add.at(weight, row, information)
    return total / weight


def _expand(layout: _Layout, row: IntArray, y: Array) -> tuple[Array, Array]:
    """Circuit variables of one spectrum, (p,), and their derivatives by the joint vector, (p, size)."""
    x, slope = y[row].copy(), np.zeros((row.size, layout.size))
    slope[np.arange(row.size), row] = 1.0
    for q in np.flatnonzero(layout.arc_q >= 0):
        r = layout.arc_q[q]
        log_c, alpha, log_r = y[row[q]], y[row[q + 1]], y[row[r]]
        x[q] = alpha * log_c + (alpha - 1.0) * log_r
        slope[q] = 0.0
        slope[q, row[q]] = alpha
        slope[q, row[r]] = alpha - 1.0
        slope[q, row[q + 1]] = log_c + log_r
    return x, slope


def _problem(layout: _Layout, problems: Sequence[Problem], weights: Sequence[float]) -> Problem:
    def joint(y: Array) -> tuple[Array, Array]:
        residuals, jacobians = [], []
        for one in y:
            r_parts, j_parts = [], []
            for row, problem, weight in zip(layout.place, problems, weights, strict=True):
                x, slope = _expand(layout, row, one)
                r, j = problem(x[None, :])
                r_parts.append(r[0] / weight)
                j_parts.append(slope.T @ j[0] / weight)
            residuals.append(np.concatenate(r_parts))
            jacobians.append(np.concatenate(j_parts, axis=1))
        return np.array(residuals), np.array(jacobians)

    return joint


def _totals(
    c: Circuit,
    layout: _Layout,
    y: Array,
    covariance: Array,
    without: Sequence[tuple[str, ...]],
) -> tuple[Array, Array]:
    values, sigmas = [], []
    for row, excluded in zip(layout.place, without, strict=True):
        x, slope = _expand(layout, row, y)
        total, by_x = sample_intercept(c, x, excluded)
        by_y = by_x @ slope
        values.append(total)
        sigmas.append(float(np.sqrt(by_y @ covariance @ by_y)))
    return np.array(values), np.array(sigmas)


def _shared(
    c: Circuit, layout: _Layout, y: Array, covariance: Array
) -> tuple[FittedParameter, ...]:
    rows = []
    for rank, (k, label) in enumerate(layout.shared):
        sigma = float(np.sqrt(covariance[rank, rank]))
        logarithmic = bool(c.is_log[k])
        known = sigma < (1.0 if logarithmic else 0.15)
        value = float(np.exp(y[rank])) if logarithmic else float(y[rank])
        rows.append(
            FittedParameter(
                name=label,
                value=value,
                sigma=(sigma * value if logarithmic else sigma) if known else None,
                unit="F" if label.startswith("C of") else c.variables[k].unit,
                sigma_log=sigma if logarithmic and known else None,
            )
        )
    return tuple(rows)


def _permittivity(shared: Sequence[FittedParameter], cell: Cell | None) -> float | None:
    first = next((p for p in shared if p.name.startswith("C of") and p.sigma is not None), None)
    return cell.permittivity(first.value) if cell is not None and first is not None else None


def _findings(
    names: Sequence[str], pulls: Array, shift: Array, ratio: float, converged: bool
) -> tuple[Finding, ...]:
    rows = []
    if not converged:
        rows.append(
            Finding("warning", "The joint fit of the series has not converged; do not use it.")
        )
    away = [i for i in range(len(names)) if abs(pulls[i]) > _PULL and abs(shift[i]) > _RELEVANT]
    if away:
        listed = ", ".join(
            f"{names[i]} ({100 * shift[i]:+.1f}%, {pulls[i]:+.1f} sigma)" for i in away
        )
        text = (
            f"The joint fit with shared exponents and permittivity disagrees with the one-by-one fits for {listed}: "
            "the exponents or the permittivity change along the series, or the one-by-one fits have traded R "
            "against them."
        )
        rows.append(Finding("warning", text, {"spectra": float(len(away)), "chi2_ratio": ratio}))
    if ratio > 2.0:
        text = (
            f"Sharing exponents and permittivity along the series costs a factor {ratio:.1f} in chi^2: the shape of the "
            "arcs changes with temperature."
        )
        rows.append(Finding("warning", text, {"chi2_ratio": ratio}))
    if not rows:
        text = (
            "The joint fit with shared exponents and permittivity agrees with the one-by-one fits."
        )
        rows.append(Finding("note", text, {"chi2_ratio": ratio}))
    return tuple(rows)
