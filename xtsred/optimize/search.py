"""Reductions about a point, and the way from the stated inputs to the most probable ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.quantity import Quantity
from calibration.records import Loaded
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
    """Reductions of one project at other values. Parameters are u, prior sigmas from their stated value."""

    def __init__(
        self,
        loaded: Loaded[Project],
        inputs: Inputs,
        parameters: Sequence[Parameter],
        tell: Progress,
    ) -> None:
        # the comparison is the only thing in a project that may know an answer: it is kept from the fit
        self._project = replace(loaded, record=replace(loaded.record, comparison=None))
        self._inputs, self._parameters, self._tell = inputs, parameters, tell
        self._table = loaded.record.optimize or Optimize()
        self.memo = Memo(keep=4)
        tell("as stated")
        self.first = self.reduce(np.zeros(len(parameters)))[1]
        self.short = ShortDistances.of(self.first, q_range=loaded.record.fourier.q_range)
        self.standard = wall_is_a_standard(loaded.record)

    def values(self, u: Array) -> dict[str, float]:
        """Values of the parameters, kept inside what is possible."""
        return {
            p.path: float(np.clip(p.value + x * float(p.sigma or 0.0), p.low, p.high))
            for p, x in zip(self._parameters, u, strict=True)
        }

    def at_limit(self, u: Array) -> list[str]:
        """Parameters that want to be where they cannot."""
        return [
            p.path
            for p, x in zip(self._parameters, u, strict=True)
            if not p.low <= p.value + x * float(p.sigma or 0.0) <= p.high
        ]

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
        """Relinearize until the most probable point stays."""
        u = np.zeros(len(self._parameters))
        value = self.residual(*self.reduce(u))
        for rounds in range(1, _ROUNDS + 1):
            model, slopes = self._linearized(u, value)
            scale = tolerance_needed(model)
            aim = most_probable(model, scale=scale)
            self._tell(f"round {rounds}")
            u, value = self._forward(model, aim.u, scale)
            sigma = np.sqrt(np.diag(aim.covariance))
            if bool(np.all(np.abs(u - model.at) <= _STAYS * sigma)):
                break
        else:
            return Found(
                model=replace(model, at=u, value=value),
                scale=scale,
                rounds=rounds,
                stays=False,
                slopes=slopes,
            )
        # a step this small changes no derivative: they hold where it ends
        model = replace(model, at=u, value=value)
        return Found(model=model, scale=scale, rounds=rounds, stays=True, slopes=slopes)

    def _linearized(self, u: Array, value: Array) -> tuple[Linearized, Array]:
        """Residuals about u, and S(Q)'s slopes, by central differences."""
        columns, slopes = [], []
        q = self.first.structure_factor.q
        for j, p in enumerate(self._parameters):
            self._tell(f"derivative by {p.path}")
            ends = np.array([u, u])
            ends[:, j] += np.array([_STEP, -_STEP])
            # an end that is not possible was moved: what counts is where it came to
            width = (self.values(ends[0])[p.path] - self.values(ends[1])[p.path]) / float(
                p.sigma or 1.0
            )
            pairs = [self.reduce(end) for end in ends]
            up, down = (self.residual(*pair) for pair in pairs)
            columns.append((up - down) / width)
            s = [np.interp(q, r.structure_factor.q, r.structure_factor.s) for _, r in pairs]
            slopes.append((s[0] - s[1]) / width)
        size, short = value.size, self.short.tolerance.shape[0]
        tolerance = np.zeros((size, size))
        tolerance[:short, :short] = self._table.model_tolerance**2 * self.short.tolerance
        model = Linearized(
            at=u,
            value=value,
            jacobian=np.array(columns).T,
            counting=np.eye(size),
            tolerance=tolerance,
        )
        return model, np.array(slopes)

    def _forward(self, model: Linearized, goal: Array, scale: float) -> tuple[Array, Array]:
        """The goal, or halfway to it and so on, until it is no worse than where we are."""
        covariance = model.covariance(scale)
        here = cost(model.value, model.at, covariance=covariance)
        for halving in range(_HALVINGS):
            u = model.at + (goal - model.at) / 2.0**halving
            value = self.residual(*self.reduce(u))
            if cost(value, u, covariance=covariance) <= here + 1e-9:
                return u, value
        return model.at, model.value
