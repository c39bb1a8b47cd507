"""The [comparison] table of a project file: the result against another S(Q) or a model."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.config import Comparison as Table
from xtsred.config import Project
from xtsred.memo import Memo
from xtsred.simulation.compare import Goodness, compare_curves
from xtsred.simulation.curves import read_table, structure_factor
from xtsred.simulation.headings import other_sample
from xtsred.stages import Array, Comparison, StructureFactor, frozen
from xtsred.unpack import Plan

if TYPE_CHECKING:
    from xtsred.simulation.model import Model, Weighting

__all__ = ["compare_with", "over_bins"]

_FEWEST = 3  # bins that a comparison needs


def compare_with(
    loaded: Loaded[Project],
    plan: Plan,
    structure: StructureFactor,
    *,
    memo: Memo | None = None,
) -> tuple[Comparison | None, tuple[Finding, ...]]:
    """Compare S(Q) with what the project names, on our grid inside both curves' ranges; None where it names nothing.

    memo: keeps the other curve, or the model of the trajectory, as long as the file has not changed.
    Raises InputError for a file that cannot be read or does not overlap.
    """
    table = loaded.record.comparison
    if table is None:
        return None, ()
    try:
        found, findings = _compare(loaded, table, plan, structure, memo or Memo(keep=1))
    except InputError as error:
        words = (error.what, error.why, error.remedy)
        what, why, remedy = (_in_keys(text) for text in words)
        if re.search(r"--[a-z]", remedy):
            remedy += (
                " (an option of `xtsred compare`: compare the written .sq with this file there)"
            )
        raise InputError(what, why=why, remedy=remedy, where=error.where) from error
    return found, tuple(replace(f, text=_in_keys(f.text)) for f in findings)


_KEYS = {
    # a project file takes no g(r): that option stays the one of `xtsred compare`
    r"--(calculated-)?is(?! g\(r\))( [A-Zg(][^ ,;.]*)?": "comparison.curve_is",
    r"--range": "comparison.q_range",
    r"--frames": "comparison.frames",
    r"--weights": "comparison.weights",
}


def _in_keys(text: str) -> str:
    """The options of `xtsred compare` by the names that they have in a project file."""
    for option, key in _KEYS.items():
        text = re.sub(rf"{option}(?![\w-])", key, text)
    return text


def _compare(
    loaded: Loaded[Project], table: Table, plan: Plan, structure: StructureFactor, keep: Memo
) -> tuple[Comparison, tuple[Finding, ...]]:
    if table.curve is not None:
        goodness, findings = _curve(loaded.folder / table.curve, table, plan, structure, keep)
        other = _Other(Path(table.curve).name, "curve")
    elif table.trajectory is not None:
        path = loaded.folder / table.trajectory
        goodness, model = _trajectory(path, table, plan, structure, keep)
        findings = model.findings
        weighting = _weighting(table, plan)
        other = _Other(path.name, "simulation", str(weighting), model.window_text)
    else:
        raise InputError("a curve or a trajectory must be named", where="comparison.curve")
    return _comparison(other, goodness), (*findings, *goodness.findings)


@dataclass(frozen=True, slots=True)
class _Other:
    """What the result is compared with: file, kind, and its weights and window in words."""

    name: str
    kind: Literal["curve", "simulation"]
    weights: str = "as in the file"
    window: str = "as in the file"


def _comparison(other: _Other, goodness: Goodness) -> Comparison:
    difference = goodness.residual
    if goodness.sigma is None:
        raise ValueError("a reduced S(Q) has its sigma")
    return Comparison(
        name=other.name,
        kind=other.kind,
        weights=other.weights,
        window=other.window,
        function=goodness.function,
        q=frozen(goodness.q),
        s=frozen(goodness.measured),
        sigma=frozen(goodness.sigma),
        s_other=frozen(goodness.calculated),
        rms=float(np.sqrt(np.mean(difference**2))),
        r_x=goodness.r_x,
        r_x_sigma=goodness.r_x_sigma,
        pull_width=float(np.std(difference / goodness.sigma)),
        r_x_text=goodness.r_x_text,
        r_x_sigma_measurement=goodness.sigma_measurement,
        r_x_sigma_model=goodness.sigma_model,
        r_x_flat=goodness.r_x_flat,
        r_x_floor=goodness.floor,
        q_range=goodness.q_range,
        by_function=dict(goodness.by_function),
        intervals=tuple((i.low, i.high, i.share, i.r_x) for i in goodness.intervals),
        scale=Quantity(goodness.scale.value, goodness.scale.sigma),
        r_x_scaled=goodness.scale.r_x,
    )


def _goodness(
    structure: StructureFactor, q: Array, s: Array, table: Table, blocks: Array | None = None
) -> Goodness:
    return compare_curves(
        structure.q, structure.s, structure.sigma, q, s, q_range=table.q_range, blocks=blocks
    )


def _curve(
    path: Path, table: Table, plan: Plan, structure: StructureFactor, keep: Memo
) -> tuple[Goodness, tuple[Finding, ...]]:
    read = keep("other curve", (str(path), _state(path)), lambda: read_table(path))
    curve = structure_factor(read, meaning=table.curve_is)
    fractions = zip(plan.composition.elements, plan.composition.fractions, strict=True)
    other = other_sample(
        path.name,
        read.comments,
        fractions=dict(fractions),
        number_density_per_a3=plan.number_density_per_a3,
    )
    q, s = over_bins(structure.q, curve.q, curve.s)
    return _goodness(structure, q, s, table), (*curve.findings, *other)


def over_bins(q: Array, q_other: Array, s_other: Array) -> tuple[Array, Array]:
    """Another curve as S(Q) is measured: its mean over each bin, not its value in the middle. Where it is as coarse as
    the bins, it comes back as it is: it may be binned itself.

    q: centres of the bins, shape (n,), equally spaced; q_other, s_other: shape (m,), q_other ascending. Returns the bins
    whose centre the other reaches and the means (of an interpolating cubic spline, integrated exactly).
    """
    from scipy.interpolate import CubicSpline

    step = float(q[1] - q[0])
    centre = q[(q >= q_other[0] - 1e-9) & (q <= q_other[-1] + 1e-9)]
    if centre.size < _FEWEST or float(np.max(np.diff(q_other))) > 0.5 * step + 1e-9:
        return q_other, s_other
    whole = CubicSpline(q_other, s_other).antiderivative()
    low = np.maximum(centre - 0.5 * step, q_other[0])
    high = np.minimum(centre + 0.5 * step, q_other[-1])
    return centre, np.asarray((whole(high) - whole(low)) / (high - low))


def _trajectory(
    path: Path, table: Table, plan: Plan, structure: StructureFactor, keep: Memo
) -> tuple[Goodness, "Model"]:
    from xtsred.simulation.frame import FrameRange, ReadOptions
    from xtsred.simulation.model import Sample, trajectory_model
    from xtsred.simulation.trajectory import parse_frames

    frames = parse_frames(table.frames.replace(" ", "")) if table.frames else FrameRange()
    fractions = zip(plan.composition.elements, plan.composition.fractions, strict=True)
    sample = Sample(fractions=dict(fractions), number_density_per_a3=plan.number_density_per_a3)
    weighting = _weighting(table, plan)
    model = keep(
        "trajectory",
        (str(path), _state(path), structure.q, frames, weighting, sample),
        lambda: trajectory_model(
            [path],
            structure.q,
            options=ReadOptions(frames=frames),
            weighting=weighting,
            sample=sample,
            window="lorch",
        ),
    )
    return _goodness(structure, model.q, model.s, table, model.blocks), model


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of a file, None where there is none: reading it says so."""
    if not path.exists():
        return None
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _weighting(table: Table, plan: Plan) -> "Weighting":
    from xtsred.simulation.model import Weighting

    if table.weights is None:
        raise InputError("a trajectory needs weights", where="comparison.weights")
    return Weighting(kind=table.weights, energy_kev=plan.energy_kev)
