"""Reductions about a point, and the way from the stated inputs to the most probable ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.quantity import Quantity
from calibration.records import Loaded
from xtsred.budget.correlations import correlation_matrix, stated_correlations
from xtsred.budget.parameters import Parameter, at_values
from xtsred.config import Optimize, Project
from xtsred.inputs import Inputs
from xtsred.memo import Memo
from xtsred.optimize.posterior import Linearized, cost, most_probable, tolerance_needed
from xtsred.optimize.short_distances import ShortDistances
from xtsred.optimize.wall import wall_brightness, wall_is_a_standard
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Reduction

__all__ = ["Found", "Progress", "Search"]

Progress = Callable[[str], None]

_ROUNDS = 8
_STAYS = 0.05  # of a posterior sigma
_STEP = 0.2  # of a prior sigma, for derivatives
_HALVINGS = 4
_CHORDS = 5  # steps with the same derivatives
_HOLD = 0.3  # prior sigmas over which derivatives hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where the search ended. scale: of the tolerance; stays: whether the last step was negligible;
    slopes: dS/du, shape (p, n) on the bins of the first reduction."""

    model: Linearized
    scale: float
    rounds: int
    stays: bool
    slopes: Array


class Search:
    """Reductions of one project at other values. Parameters are u, prior sigmas from their stated value.

    Priors that a certificate holds the covariance of are correlated. What is stated with a sigma and not among the parameters stays where it is, but the residuals are only as certain as it is:
    its part is in their covariance (consider parameters: Schmidt, Adv. Control Syst. 3 (1966) 293).
    """

    def __init__(
        self,
        loaded: Loaded[Project],
        inputs: Inputs,
        parameters: Sequence[Parameter],
        *,
        considered: Sequence[Parameter] = (),
        tell: Progress,
    ) -> None:
        # the comparison is the only thing in a project that may know an answer: it is kept from the fit
        self._project = replace(loaded, record=replace(loaded.record, comparison=None))
        self._inputs, self._tell = inputs, tell
        self._parameters, self._adjusted = (*parameters, *considered), len(parameters)
        self._table = loaded.record.optimize or Optimize()
        self.memo = Memo(keep=4)
        tell("as stated")
        self._center = np.zeros(len(self._parameters))
        project, self.first = self.reduce(self._center)
        self.short = ShortDistances.of(self.first, q_range=loaded.record.fourier.q_range)
        self.standard = wall_is_a_standard(loaded.record)
        self._counting = np.eye(self.residual(project, self.first).size)
        known = stated_correlations(loaded)
        self._correlation = correlation_matrix([p.path for p in parameters], known)
        if considered:
            columns = np.array(
                [
                    self._derivative(self._center, j)[0]
                    for j in range(self._adjusted, len(self._parameters))
                ]
            )
            between = correlation_matrix([p.path for p in considered], known)
            self._counting += columns.T @ between @ columns

    def values(self, u: Array) -> dict[str, float]:
        """Values of the parameters (and of what is considered, where u goes on), kept inside what is possible."""
        return {
            p.path: float(np.clip(p.value + x * float(p.sigma or 0.0), p.low, p.high))
            for p, x in zip(self._parameters, u, strict=False)
        }

    def at_limit(self, u: Array) -> list[str]:
        """Parameters that stand at an end of what is possible, away from where they were stated."""
        held = self._possible(u + np.sign(u) * 1e-6) != u + np.sign(u) * 1e-6
        return [p.path for p, h in zip(self._parameters, held, strict=False) if h]

    def _possible(self, u: Array) -> Array:
        """u inside what the parameters can be."""
        ends = [
            ((p.low - p.value) / (p.sigma or 1.0), (p.high - p.value) / (p.sigma or 1.0))
            for p in self._parameters[: u.size]
        ]
        low, high = np.array(ends).T
        return np.clip(u, low, high)

    def reduce(self, u: Array) -> tuple[Project, Reduction]:
        """The project at u and its reduction."""
        changed, inputs = at_values(self._project, self._inputs, self.values(u))
        return changed.record, reduce_inputs(changed, inputs, memo=self.memo)

    def brightness(self, project: Project, reduction: Reduction) -> Quantity | None:
        """Of the container's wall; None where it cannot be calculated."""
        return wall_brightness(reduction, project, memo=self.memo) if self.standard else None

    def residual(self, project: Project, reduction: Reduction) -> Array:
        """Short distances in units of their counting sigma, then the wall in that of counting and tolerance."""
        short, wall = self.short(reduction), self.brightness(project, reduction)
        if wall is None:
            return short
        return np.append(
            short, wall.value / np.hypot(self._table.wall_tolerance, wall.sigma or 0.0)
        )

    def run(self) -> Found:
        """Towards the most probable point; derivatives are taken again as long as it moves away from where they were taken."""
        u = np.zeros(self._adjusted)
        value = self.residual(*self.reduce(u))
        for rounds in range(1, _ROUNDS + 1):
            model, slopes = self._linearized(u, value)
            self._tell(f"round {rounds}")
            taken_at = u
            for _ in range(_CHORDS):
                scale = tolerance_needed(model)
                aim = most_probable(model, scale=scale)
                u, value = self._forward(model, aim.u, scale)
                rests = np.abs(u - model.at) <= _STAYS * np.sqrt(np.diag(aim.covariance))
                model = replace(model, at=u, value=value)
                if bool(np.all(rests)):
                    break
            stays = bool(np.all(rests)) and bool(np.all(np.abs(u - taken_at) <= _HOLD))
            if stays:
                break
        return Found(model=model, scale=scale, rounds=rounds, stays=stays, slopes=slopes)

    def _linearized(self, u: Array, value: Array) -> tuple[Linearized, Array]:
        """Residuals about u, and S(Q)'s slopes, by central differences."""
        found = [self._derivative(u, j) for j in range(self._adjusted)]
        size, short = value.size, self.short.tolerance.shape[0]
        tolerance = np.zeros((size, size))
        tolerance[:short, :short] = self._table.model_tolerance**2 * self.short.tolerance
        model = Linearized(
            at=u,
            value=value,
            jacobian=np.array([column for column, _ in found]).T,
            counting=self._counting,
            tolerance=tolerance,
            correlation=self._correlation,
        )
        return model, np.array([slope for _, slope in found])

    def _derivative(self, u: Array, j: int) -> tuple[Array, Array]:
        """Of the residuals and of S(Q) by parameter j, per prior sigma."""
        p = self._parameters[j]
        self._tell(f"derivative by {p.path}")
        ends = np.array([u, u])
        ends[:, j] += np.array([_STEP, -_STEP])
        # an end that is not possible was moved: what counts is where it came to
        reached = [self.values(end)[p.path] for end in ends]
        width = (reached[0] - reached[1]) / float(p.sigma or 1.0)
        pairs = [self.reduce(end) for end in ends]
        up, down = (self.residual(*pair) for pair in pairs)
        q = self.first.structure_factor.q
        s = [np.interp(q, r.structure_factor.q, r.structure_factor.s) for _, r in pairs]
        return (up - down) / width, (s[0] - s[1]) / width

    def _forward(self, model: Linearized, goal: Array, scale: float) -> tuple[Array, Array]:
        """The goal, or halfway to it and so on, until it is no worse than where we are."""
        covariance = model.covariance(scale)
        precision = model.precision
        here = cost(model.value, model.at, covariance=covariance, precision=precision)
        for halving in range(_HALVINGS):
            u = self._possible(model.at + (goal - model.at) / 2.0**halving)
            value = self.residual(*self.reduce(u))
            if cost(value, u, covariance=covariance, precision=precision) <= here + 1e-9:
                return u, value
        return model.at, model.value
