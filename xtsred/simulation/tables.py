"""Text tables beside the report: S(Q) of each model, and its partials in every usual definition."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from calibration.folder import safe_name
from xtsred.simulation.model import Model
from xtsred.simulation.page import Comparison
from xtsred.simulation.statistics import standard_error
from xtsred.simulation.structure_factors import ashcroft_langreth, bhatia_thornton
from xtsred.stages import Array

__all__ = ["model_tables"]


def model_tables(comparison: Comparison) -> dict[str, str]:
    """File name -> text: NAME_sq.csv, and NAME_partials.csv where there are partials.

    Partials: Faber-Ziman S(a-b), Ashcroft-Langreth AL(a-b), and for binaries Bhatia-Thornton NN, NC, CC.
    """
    tables = {}
    for compared in comparison.models:
        model = compared.model
        stem = safe_name(Path(model.name).stem)
        sigma = standard_error(model.blocks)
        columns = {"Q_per_A": model.q, "S": model.s}
        if sigma is not None:
            columns["sigma"] = sigma
        tables[f"{stem}_sq.csv"] = _csv(columns)
        if model.partials is not None and model.partial_s is not None:
            tables[f"{stem}_partials.csv"] = _csv(_partial_columns(model, model.partial_s))
    return tables


def _partial_columns(model: Model, s: Array) -> dict[str, Array]:
    partials = model.partials
    if partials is None:
        return {}
    al = ashcroft_langreth(s, fractions=partials.fractions, pairs=partials.pairs)
    columns = {"Q_per_A": model.q}
    columns.update(zip(partials.names, s, strict=True))
    columns.update({f"AL({name})": row for name, row in zip(partials.names, al, strict=True)})
    if len(partials.elements) == 2:
        three = bhatia_thornton(s, fractions=partials.fractions, pairs=partials.pairs)
        columns.update(zip(("BT_NN", "BT_NC", "BT_CC"), three, strict=True))
    return columns


def _csv(columns: dict[str, Array]) -> str:
    rows: Iterable[Array] = np.array(list(columns.values())).T
    lines = [",".join(columns)]
    lines += [",".join(f"{x:.8g}" for x in row) for row in rows]
    return "\n".join(lines) + "\n"
