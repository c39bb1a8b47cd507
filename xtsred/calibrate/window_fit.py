"""Edges of a detector's energy window by least squares, and how well they are determined."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.errors import InputError
from calibration.quantity import Quantity
from xtsred.calibrate.window import Edges, Scatterer
from xtsred.stages import Array

__all__ = ["WindowFit", "fit_window"]

_STARTS = {1: 33, 2: 11, 3: 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFit:
    """Result of `fit_window`.

    edges: fitted and held. values: name -> value ± of the fitted ones, keV; sigma from counting widened by sqrt(chi^2/nu) where
    that exceeds 1. covariance: of the fitted edges, in the order of `names`, keV^2. determined: name -> False where the data
    would as well have the edge elsewhere. limits: name -> interval outside which chi^2 rises by 4 (both ends may be
    the end of what was tried). model_cps: shape (n,); self_cps: without the oscillation. continuum: counts of the continuum over
    the lines', None without one.
    """

    names: tuple[str, ...]
    edges: Edges
    values: Mapping[str, Quantity]
    covariance: Array
    determined: Mapping[str, bool]
    limits: Mapping[str, tuple[float, float]]
    chi2: float
    freedom: int
    model_cps: Array
    self_cps: Array
    continuum: Quantity | None
    profiles: Mapping[str, tuple[Array, Array]]


def fit_window(
    rate_cps: Array,
    variance: Array,
    *,
    scatterer: Scatterer,
    start: Edges,
    names: Sequence[str],
    profile: int = 0,
) -> WindowFit:
    """Edges of the window from a known light scatterer's rate at high angles.

    rate = K [self + multiple + sum_j c_j oscillation sin(Q r_j)/(Q r_j) + a continuum].  Self scattering and Compton scattering
    of independent atoms are known; with the angle Compton photons lose energy, and what of them the window passes bends
    the rate. The structure is left free: distances r_j from the shortest one to 10 Å, spaced by 0.9 pi/(Q_max - Q_min), can make
    any oscillation, but nothing as smooth as a window. K, c_j, a are linear and solved exactly for each trial window; the edges by
    least squares. Window: `calibration.detector.window_acceptance`; Compton lines are Doppler-broadened.

    rate_cps, variance: shape (n,), over scatterer.two_theta_deg. profile: number of values at which chi^2 of each edge is
    computed with the others at their best (0: none; then nothing is said about limits). names: which of "lower", "upper", "fwhm" are fitted.
    Raises InputError where there is too little to fit.
    """
    problem = _Problem(
        rate=rate_cps,
        sigma=np.sqrt(variance),
        scatterer=scatterer,
        start=start,
        names=tuple(names),
        bounds=_bounds(scatterer),
    )
    if rate_cps.size < scatterer.unknowns:
        raise InputError(
            f"{rate_cps.size} points are too few for {scatterer.unknowns} unknowns",
            remedy="widen window.two_theta_deg",
            where="window",
        )
    best = problem.search()
    freedom = round(rate_cps.size - problem.effective(best.x)) - len(problem.names)
    widen = max(1.0, best.chi2 / freedom)
    profiles = {
        name: problem.profile(best, name, points=profile) for name in problem.names if profile
    }
    covariance = problem.covariance(best) * widen
    limits = {n: _interval(*profiles[n], least=best.chi2, rise=4.0 * widen) for n in profiles}
    determined = {
        n: bool(limits[n][0] > profiles[n][0][0] and limits[n][1] < profiles[n][0][-1])
        for n in limits
    }
    sigma = np.sqrt(np.diag(covariance))
    model = problem.columns(best.x) @ best.linear
    own = best.linear.copy()
    own[2 : 2 + scatterer.distances_a.size] = 0.0
    return WindowFit(
        names=problem.names,
        edges=problem.edges(best.x),
        values={
            n: Quantity(float(v), float(s), "keV")
            for n, v, s in zip(problem.names, best.x, sigma, strict=True)
        },
        covariance=covariance,
        determined=determined,
        limits=limits,
        chi2=best.chi2,
        freedom=freedom,
        model_cps=model,
        self_cps=problem.columns(best.x) @ own,
        continuum=problem.continuum(best, widen),
        profiles=profiles,
    )


def _bounds(scatterer: Scatterer) -> dict[str, tuple[float, float]]:
    """Where an edge may lie at all: around what arrives."""
    arriving = [*scatterer.lines, *scatterer.continuum]
    line = scatterer.lines[0].energy_kev
    low = min(float(p.compton_kev[p.compton_share > 1e-4].min()) for p in arriving)
    high = max(p.energy_kev for p in arriving)
    return {
        "lower": (min(0.5 * low, 0.5 * line), line),
        "upper": (line, max(1.3 * line, 1.1 * high)),
        "fwhm": (0.01 * line, 0.8 * line),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    x: Array
    linear: Array
    chi2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    rate: Array
    sigma: Array
    scatterer: Scatterer
    start: Edges
    names: tuple[str, ...]
    bounds: Mapping[str, tuple[float, float]]

    def edges(self, x: Array) -> Edges:
        return self.start.changed(dict(zip(self.names, x.tolist(), strict=True)))

    def columns(self, x: Array) -> Array:
        return self.scatterer.columns(self.edges(x))

    def solve(self, x: Array) -> _Trial:
        """The best linear parameters of a window; a window that passes nothing is infinitely bad."""
        edges = self.edges(x)
        lower, upper = edges.lower_kev, edges.upper_kev
        if lower is not None and upper is not None and lower >= upper - 0.1:
            return _Trial(x=x, linear=np.zeros(self.scatterer.unknowns), chi2=math.inf)
        matrix, target = self.system(x)
        scale = np.maximum(np.linalg.norm(matrix, axis=0), 1e-300)
        scaled = matrix / scale
        # the priors keep the normal matrix regular; an SVD would take ten times as long, thousands of times
        normal = scaled.T @ scaled + 1e-14 * np.eye(scale.size)
        solved = np.linalg.solve(normal, scaled.T @ target) / scale
        residual = target - matrix @ solved
        return _Trial(x=x, linear=solved, chi2=float(residual @ residual))

    def system(self, x: Array) -> tuple[Array, Array]:
        """Matrix and target of the linear least squares in standard uncertainties, priors below the data."""
        matrix = self.columns(x)
        known = matrix[:, 0] + matrix[:, 1]
        k = float(np.median(self.rate / np.maximum(known, 1e-12 * float(known.max()) + 1e-300)))
        priors = self.scatterer.priors(k)
        target = np.concatenate([self.rate / self.sigma, np.zeros(priors.shape[0])])
        return np.concatenate([matrix / self.sigma[:, None], priors]), target

    def effective(self, x: Array) -> float:
        """How many of the linear unknowns the data decide: trace of the hat matrix over the data's rows."""
        matrix, _ = self.system(x)
        basis = np.linalg.qr(matrix / np.maximum(np.linalg.norm(matrix, axis=0), 1e-300))[0]
        return float((basis[: self.rate.size] ** 2).sum())

    def search(self) -> _Trial:
        """From several starts: edges make flat valleys, and one start may lie in a wrong one."""
        low, high = self._box()
        own = np.clip(self._start_values(), low, high)
        trials = [self.solve(x) for x in (own, *(low + (high - low) * u for u in self._grid()))]
        ranked = sorted(trials, key=lambda t: t.chi2)[:2]
        found = [self.refine(t.x, most=300, tolerance=1e-5) for t in ranked]
        return min(found, key=lambda t: t.chi2)

    def _box(self) -> tuple[Array, Array]:
        low = np.array([self.bounds[n][0] for n in self.names])
        high = np.array([self.bounds[n][1] for n in self.names])
        return low, high

    def _start_values(self) -> Array:
        given = {"lower": self.start.lower_kev, "upper": self.start.upper_kev}
        given["fwhm"] = self.start.fwhm_kev or None
        values = []
        for name in self.names:
            low, high = self.bounds[name]
            value = given[name]
            values.append(0.5 * (low + high) if value is None else value)
        return np.array(values)

    def _grid(self) -> list[Array]:
        ticks = np.linspace(0.1, 0.9, _STARTS[len(self.names)])
        mesh = np.meshgrid(*[ticks] * len(self.names))
        return list(np.stack([m.ravel() for m in mesh], axis=1))

    def covariance(self, best: _Trial) -> Array:
        """Of the edges, everything linear eliminated: inverse of half the curvature of chi^2 in Gauss-Newton's form."""
        jacobian = []
        for k, name in enumerate(self.names):
            low, high = self.bounds[name]
            h = 1e-3 * (high - low)
            step = np.zeros(best.x.size)
            step[k] = h
            up, down = (self.columns(best.x + s) @ best.linear for s in (step, -step))
            jacobian.append((up - down) / (2.0 * h))
        nonlinear = np.array(jacobian).T / self.sigma[:, None]
        matrix, _ = self.system(best.x)
        below = np.zeros((matrix.shape[0] - self.rate.size, len(self.names)))
        nonlinear = np.concatenate([nonlinear, below])
        basis = np.linalg.qr(matrix / np.maximum(np.linalg.norm(matrix, axis=0), 1e-300))[0]
        free = nonlinear - basis @ (basis.T @ nonlinear)
        return np.asarray(np.linalg.pinv(free.T @ free, rcond=1e-14))

    def profile(self, best: _Trial, name: str, *, points: int) -> tuple[Array, Array]:
        """chi^2 of a grid of values of one edge, the others at their best for each."""
        low, high = self.bounds[name]
        place = self.names.index(name)
        values = np.unique(np.append(np.linspace(low, high, points), best.x[place]))
        rest = tuple(n for n in self.names if n != name)
        found = np.empty(values.size)
        # from the best outwards, so that each starts where its neighbour ended
        middle = int(np.argmin(np.abs(values - best.x[place])))
        for order in (range(middle, values.size), range(middle, -1, -1)):
            x = np.delete(best.x, place)
            for i in order:
                fixed = replace(
                    self, start=self.start.changed({name: float(values[i])}), names=rest
                )
                trial = fixed.refine(x)
                x, found[i] = trial.x, trial.chi2
        return values, found

    def refine(self, x: Array, *, most: int = 80, tolerance: float = 1e-3) -> _Trial:
        """A local minimum near x by a simplex (chi^2 has no useful slope where an edge meets no photons)."""
        if not x.size:
            return self.solve(x)
        from scipy.optimize import minimize

        low, high = self._box()

        def cost(y: Array) -> float:
            # a slope back into the box; a window that passes nothing is as bad as can be
            inside = np.clip(y, low, high)
            away = float(np.sum(((y - inside) / (high - low)) ** 2))
            chi2 = self.solve(inside).chi2
            return chi2 * (1.0 + away) if math.isfinite(chi2) else 1e30

        steps = np.where(x < 0.5 * (low + high), 0.05, -0.05) * (high - low)
        found = minimize(
            cost,
            x,
            method="Nelder-Mead",
            options={
                "xatol": tolerance,
                "fatol": 1e-2,
                "maxiter": most,
                "initial_simplex": np.vstack([x, x + np.diag(steps)]),
            },
        )
        return self.solve(np.clip(np.asarray(found.x), low, high))

    def continuum(self, best: _Trial, widen: float) -> Quantity | None:
        """Counts of the continuum over those of the lines, at the range's middle; ± for the window held."""
        if not self.scatterer.continuum:
            return None
        matrix = self.columns(best.x)
        scaled, _ = self.system(best.x)
        covariance = np.linalg.pinv(scaled.T @ scaled) * widen
        middle = matrix.shape[0] // 2
        ratio = matrix[middle, -1] / matrix[middle, 0]
        value = best.linear[-1] / best.linear[0] * ratio
        sigma = math.sqrt(max(covariance[-1, -1], 0.0)) / abs(best.linear[0]) * ratio
        return Quantity(float(value), float(sigma))


def _interval(values: Array, chi2: Array, *, least: float, rise: float) -> tuple[float, float]:
    """Ends of the values about the minimum for which chi^2 stays below least + rise, interpolated."""
    inside = chi2 <= min(least, float(chi2.min())) + rise
    limit = min(least, float(chi2.min())) + rise
    where = np.flatnonzero(inside)
    first, last = int(where[0]), int(where[-1])
    low, high = float(values[first]), float(values[last])
    if first > 0:
        low = _cross(values[first - 1 : first + 1], chi2[first - 1 : first + 1], limit)
    if last < values.size - 1:
        high = _cross(values[last : last + 2], chi2[last : last + 2], limit)
    return low, high


def _cross(x: Array, y: Array, level: float) -> float:
    if not np.isfinite(y).all() or y[0] == y[1]:
        return float(x[np.argmin(y)])
    return float(x[0] + (level - y[0]) / (y[1] - y[0]) * (x[1] - x[0]))
