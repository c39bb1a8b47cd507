"""A total g(r) in a text file: of LAMMPS, of xtsred, or of a plain table."""

import math
from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from xtsred.simulation.formats.lines import LineReader, open_text
from xtsred.simulation.headings import column_names
from xtsred.stages import Array, frozen

__all__ = ["read_rdf"]


def read_rdf(path: Path) -> tuple[Array, Array, tuple[Finding, ...]]:
    """r (bin centres, Å) and g(r), shape (n,), and what was done to them.

    Read: the last block of a LAMMPS `fix ave/time` file of a compute rdf (row, r, g, ...); a table whose first
    columns are r and g. A grid that begins later than its step is filled with g = 0, where g is zero at its first
    rows. Raises ReadError, also where the curve does not tend to 1.
    """
    table, names = _last_block(path)
    if table.shape[0] < 8 or table.shape[1] < 2:
        raise ReadError("the file holds no g(r)", where=str(path))
    counted = table.shape[1] >= 3 and np.array_equal(table[:, 0], np.arange(1.0, len(table) + 1.0))
    r, g = (table[:, 1], table[:, 2]) if counted and names[:1] != ["r"] else table[:, :2].T
    step = float(r[1] - r[0])
    # a column that is written with few digits is uniform to half its last digit
    if step <= 0.0 or np.ptp(np.diff(r)) > max(1e-3 * step, 2.0 * _rounding(r)):
        raise ReadError("r is not on a uniform grid", where=str(path))
    level = float(np.mean(g[r >= r[0] + 0.75 * (r[-1] - r[0])]))
    if abs(level - 1.0) > 0.15:
        raise ReadError(
            f"the curve does not tend to 1 (mean {level:.3g} over its last quarter)",
            why="g(r) does; G(r), T(r) and R(r) do not",
            remedy="give g(r), normalized to 1 at large r",
            where=str(path),
        )
    return _from_zero(r, g, step, path)


def _last_block(path: Path) -> tuple[Array, list[str]]:
    blocks: list[list[list[float]]] = []
    names: list[str] = []
    with open_text(path) as stream:
        lines = LineReader(stream, name=str(path))
        while (text := lines.line()) is not None:
            body = text.strip()
            if not body or body[0] in "#!%":
                names = column_names(body) if body and not blocks else names
                continue
            try:
                values = [float(c) for c in body.replace(",", " ").replace(";", " ").split()]
            except ValueError:
                values = []
            if not values and not blocks:
                names = column_names(body)
                continue
            if not values or not all(math.isfinite(v) for v in values):
                raise ReadError("a row is not all finite numbers", where=lines.where)
            if not blocks or len(values) != len(blocks[-1][-1]):
                blocks.append([])
            blocks[-1].append(values)
    return (np.array(blocks[-1]) if blocks else np.empty((0, 2))), names


def _rounding(r: Array) -> float:
    """Half a unit of the last decimal that the column has, Å."""
    digits = next(
        (d for d in range(1, 7) if np.allclose(r, np.round(r, d), atol=1e-9, rtol=0.0)), 9
    )
    return float(0.5 * 10.0**-digits)


def _from_zero(
    r: Array, g: Array, step: float, path: Path
) -> tuple[Array, Array, tuple[Finding, ...]]:
    missing = int(r[0] / step - 0.5 + 1e-6)
    if missing < 1:
        return frozen(r), frozen(g), ()
    if abs(float(np.mean(g[:3]))) > 0.05 * float(g.max()):
        raise ReadError(
            f"g(r) begins at r = {r[0]:.4g} Å, where it is {g[0]:.3g}",
            why="what lies below is needed for S(Q), and cannot be guessed",
            remedy="give g(r) from r = 0",
            where=str(path),
        )
    below = r[0] - step * np.arange(missing, 0, -1)
    text = f"{path.name} begins at r = {r[0]:.4g} Å: g = 0 is taken below it."
    return (
        frozen(np.concatenate([below, r])),
        frozen(np.concatenate([np.zeros(missing), g])),
        (Finding("note", text, {"r_first_A": float(r[0])}),),
    )
