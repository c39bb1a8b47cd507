"""The [comparison] table of a project file."""

import numpy as np

from calibration.errors import InputError
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.config import Project
from xtsred.stages import Comparison, StructureFactor, frozen

__all__ = ["compare_with"]


def compare_with(
    loaded: Loaded[Project], structure: StructureFactor
) -> tuple[Comparison | None, tuple[Finding, ...]]:
    """Compare S(Q) with the curve that the project names, on our grid inside both curves' ranges."""
    table = loaded.record.comparison
    if table is None:
        return None, ()
    if table.curve is None:
        return None, (Finding("note", "comparison with a trajectory: see `xtsred compare`"),)
    data = np.genfromtxt(
        loaded.folder / table.curve,
        delimiter="," if table.curve.endswith("csv") else None,
        skip_header=1 if table.curve.endswith("csv") else 0,
    )
    q, s = data[:, 0], data[:, 1]
    if table.curve_is == "S-1":
        s = s + 1
    low, high = table.q_range
    inside = (structure.q >= max(low, q[0]) - 1e-9) & (structure.q <= min(high, q[-1]) + 1e-9)
    if inside.sum() < 10:
        raise InputError("too few points", where="comparison.q_range")
    ours, sigma = structure.s[inside], structure.sigma[inside]
    other = np.interp(structure.q[inside], q, s)
    difference = ours - other
    return (
        Comparison(
            name=table.curve,
            function="S",
            q=frozen(structure.q[inside]),
            s=frozen(ours),
            sigma=frozen(sigma),
            s_other=frozen(other),
            rms=float(np.sqrt(np.mean(difference**2))),
            r_x=float(np.sqrt(np.sum(difference**2) / np.sum(ours**2))),
            r_x_sigma=None,
            pull_width=float(np.std(difference / sigma)),
        ),
        (),
    )
