"""What is compared between two reductions of the same scans: curves on common grids, and the numbers read from them."""

from dataclasses import dataclass, replace

import numpy as np

from calibration.errors import InputError
from calibration.goniometer import true_two_theta
from calibration.records import Loaded
from xtsred.config import Project
from xtsred.inputs import Inputs, instrument_of
from xtsred.memo import Memo
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Comparison, Reduction, Shell

__all__ = ["Basis", "Outcome", "r_x", "reduce_near"]

_LOW_Q = 0.25
_SAME_PEAK_A = 0.3
_LOST_BINS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """s: shape (n,), NaN where a bin is not reached; d = G(r), g: shape (m,); scalars: NaN where not found."""

    s: Array
    d: Array
    g: Array
    scalars: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The reduction that others are compared with; used: the bins that are transformed."""

    reduction: Reduction
    q_range: tuple[float, float]

    @property
    def q(self) -> Array:
        """Bins of S(Q), shape (n,)."""
        return self.reduction.structure_factor.q

    @property
    def used(self) -> Array:
        """1 for bins that are transformed, else 0; shape (n,)."""
        step = self.q[1] - self.q[0]
        inside = (self.q >= self.q_range[0] - 1e-9) & (
            self.q + step / 2.0 <= self.q_range[1] + 1e-9
        )
        return np.asarray(inside, dtype=np.float64)

    @property
    def q_normalization(self) -> tuple[float, float]:
        """Range of the high-angle method."""
        return self.reduction.normalization.q_range

    @property
    def low(self) -> Array:
        """Weights of the bins whose mean is "S at low Q": those within 0.25 Å^-1 of the first used; shape (n,)."""
        near = (self.used > 0.0) & (self.q < self.q_range[0] + _LOW_Q)
        return np.asarray(near / near.sum())

    def names(self) -> dict[str, str]:
        """The scalars and their units."""
        n, found = self.reduction.normalization, {"K": "counts/s per e.u."}
        if n.compton_response is not None:
            found["Compton response"] = ""
        if n.continuum is not None:
            found["continuum amplitude"] = ""
        found |= {"mu R": "", "packing fraction": ""}
        found["S at low Q"] = ""
        for i, shell in enumerate(self.reduction.shells):
            found[f"{self.shell_name(i)} distance"] = "Å"
            if shell.coordination is not None:
                found[f"{self.shell_name(i)} coordination"] = ""
        if self.reduction.comparison is not None:
            found["R_X"] = ""
        return found

    def shell_name(self, i: int) -> str:
        """As in the report's headline."""
        return self.reduction.shells[i].pair or f"peak {i + 1}"

    def outcome(self, other: Reduction) -> Outcome:
        """Another reduction on this one's grids."""
        s = _on_bins(self.q, other.structure_factor.q, other.structure_factor.s)
        pair = other.pair_distribution
        return Outcome(s=s, d=pair.d, g=pair.g, scalars=self._scalars(other, s))

    def _scalars(self, other: Reduction, s: Array) -> dict[str, float]:
        n = other.normalization
        # a bin that is not reached is as it was: another mean over other bins would be no change of S
        known = np.where(np.isfinite(s), s, self.reduction.structure_factor.s)
        found = {"K": n.k.value, "S at low Q": float(self.low @ known)}
        if n.compton_response is not None:
            found["Compton response"] = n.compton_response.value
        if n.continuum is not None:
            found["continuum amplitude"] = n.continuum.value
        for name, quantity in other.parameters.items():
            if name in ("mu R (computed)", "mu R (stated)"):
                found["mu R"] = quantity.value
        found["packing fraction"] = other.parameters["packing fraction"].value
        mine = self.reduction.shells
        for i, shell in enumerate(mine):
            match = _matching(shell, i, other.shells)
            found[f"{self.shell_name(i)} distance"] = (
                np.nan if match is None else match.position.value
            )
            if shell.coordination is not None:
                number = None if match is None else match.coordination
                found[f"{self.shell_name(i)} coordination"] = (
                    np.nan if number is None else number.value
                )
        comparison = self.reduction.comparison
        if comparison is not None:
            found["R_X"] = r_x(comparison, self.q, s - self.reduction.structure_factor.s)
        return found


def r_x(comparison: Comparison, q: Array, change: Array) -> float:
    """R_X = sqrt(sum (S + change - S_other)^2 / sum (S + change)^2), the other curve as it is.

    q, change: shape (n,); NaN where not known, which counts as no change.
    """
    known = np.isfinite(change)
    moved = comparison.s + np.interp(comparison.q, q[known], change[known])
    difference = moved - comparison.s_other
    return float(np.sqrt(np.sum(difference**2) / np.sum(moved**2)))


def _matching(shell: Shell, i: int, others: tuple[Shell, ...]) -> Shell | None:
    """The same shell of another reduction: peaks that were found are told by their place."""
    if shell.pair:
        return others[i]
    near = [o for o in others if abs(o.position.value - shell.position.value) < _SAME_PEAK_A]
    return min(near, key=lambda o: abs(o.position.value - shell.position.value), default=None)


def _on_bins(q: Array, other_q: Array, s: Array) -> Array:
    """Values on the bins of q by their number; bins that the other has not are NaN."""
    step = q[1] - q[0]
    at = np.rint((other_q - q[0]) / step).astype(int)
    found = np.full(q.shape, np.nan)
    inside = (at >= 0) & (at < q.size)
    found[at[inside]] = s[inside]
    return found


def reduce_near(
    loaded: Loaded[Project],
    inputs: Inputs,
    *,
    q_normalization: tuple[float, float],
    memo: Memo | None = None,
) -> Reduction:
    """A reduction whose numbers are a little off, without the comparison.

    Moved angles may leave the ends of a range that the scans just cover: the range ends where they do, and bins below that are
    left to the extrapolation. q_normalization: range of the high-angle method where the project states none, as it was.
    Raises InputError like `reduce_inputs`.
    """
    project = _covered(replace(loaded.record, comparison=None), inputs)
    table, step = project.normalization, project.range.q_step
    if table.q_range is None:
        project = replace(project, normalization=replace(table, q_range=q_normalization))
    for _ in range(_LOST_BINS):
        try:
            return reduce_inputs(replace(loaded, record=project), inputs, memo=memo)
        except InputError as error:
            low, high = project.fourier.q_range
            first, last = project.normalization.q_range or q_normalization
            if error.where == "fourier.q_range":
                project = replace(
                    project, fourier=replace(project.fourier, q_range=(low + step, high))
                )
            elif error.where == "normalization.q_range":
                moved = replace(project.normalization, q_range=(first, last - step))
                project = replace(project, normalization=moved)
            else:
                raise
    return reduce_inputs(replace(loaded, record=project), inputs, memo=memo)


def _covered(project: Project, inputs: Inputs) -> Project:
    """The project on those angles of its range that every role covers."""
    alignment = instrument_of(project).alignment
    low, high = project.range.two_theta_deg
    for group in inputs.values():
        angles = [true_two_theta(m.scan.two_theta_deg, alignment=alignment) for m in group]
        low = max(low, min(float(a[0]) for a in angles))
        high = min(high, max(float(a[-1]) for a in angles))
    return replace(project, range=replace(project.range, two_theta_deg=(low, high)))
