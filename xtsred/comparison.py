"""The [comparison] table of a project file: the result against another S(Q) or a model."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from calibration.errors import InputError
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.config import Comparison as Table
from xtsred.config import Project
from xtsred.simulation.compare import Goodness, compare_curves
from xtsred.simulation.curves import read_table, structure_factor
from xtsred.stages import Array, Comparison, StructureFactor, frozen
from xtsred.unpack import Plan

__all__ = ["compare_with"]


def compare_with(
    loaded: Loaded[Project], plan: Plan, structure: StructureFactor
) -> tuple[Comparison | None, tuple[Finding, ...]]:
    """Compare S(Q) with what the project names, on our grid inside both curves' ranges; None where it names nothing.

    Raises InputError for a file that cannot be read or does not overlap.
    """
    table = loaded.record.comparison
    if table is None:
        return None, ()
    try:
        found, findings = _compare(loaded, table, plan, structure)
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
    r"--(calculated-)?is( [A-Zg(][^ ,;.]*)?": "comparison.curve_is",
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
    loaded: Loaded[Project], table: Table, plan: Plan, structure: StructureFactor
) -> tuple[Comparison, tuple[Finding, ...]]:
    if table.curve is not None:
        goodness, findings = _curve(loaded.folder / table.curve, table, structure)
        name = table.curve
    elif table.trajectory is not None:
        goodness, findings = _trajectory(loaded.folder / table.trajectory, table, plan, structure)
        name = table.trajectory
    else:
        raise InputError("a curve or a trajectory must be named", where="comparison.curve")
    return _comparison(Path(name).name, goodness), (*findings, *goodness.findings)


def _comparison(name: str, goodness: Goodness) -> Comparison:
    difference = goodness.residual
    if goodness.sigma is None:
        raise ValueError("a reduced S(Q) has its sigma")
    return Comparison(
        name=name,
        function=goodness.function,
        q=frozen(goodness.q),
        s=frozen(goodness.measured),
        sigma=frozen(goodness.sigma),
        s_other=frozen(goodness.calculated),
        rms=float(np.sqrt(np.mean(difference**2))),
        r_x=goodness.r_x,
        r_x_sigma=goodness.r_x_sigma,
        pull_width=float(np.std(difference / goodness.sigma)),
    )


def _goodness(
    structure: StructureFactor, q: Array, s: Array, table: Table, blocks: Array | None = None
) -> Goodness:
    return compare_curves(
        structure.q, structure.s, structure.sigma, q, s, q_range=table.q_range, blocks=blocks
    )


def _curve(
    path: Path, table: Table, structure: StructureFactor
) -> tuple[Goodness, tuple[Finding, ...]]:
    curve = structure_factor(read_table(path), meaning=table.curve_is)
    return _goodness(structure, curve.q, curve.s, table), curve.findings


def _trajectory(
    path: Path, table: Table, plan: Plan, structure: StructureFactor
) -> tuple[Goodness, tuple[Finding, ...]]:
    from xtsred.simulation.frame import FrameRange, ReadOptions
    from xtsred.simulation.model import Sample, Weighting, trajectory_model
    from xtsred.simulation.trajectory import parse_frames

    if table.weights is None:
        raise InputError("a trajectory needs weights", where="comparison.weights")
    frames = parse_frames(table.frames.replace(" ", "")) if table.frames else FrameRange()
    fractions = zip(plan.composition.elements, plan.composition.fractions, strict=True)
    model = trajectory_model(
        [path],
        structure.q,
        options=ReadOptions(frames=frames),
        weighting=Weighting(kind=table.weights, energy_kev=plan.energy_kev),
        sample=Sample(fractions=dict(fractions), number_density_per_a3=plan.number_density_per_a3),
        window="lorch",
    )
    return _goodness(structure, model.q, model.s, table, model.blocks), model.findings
