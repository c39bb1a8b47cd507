"""Text tables beside the report: each model's S(Q), its partials in every usual definition, g_ij(r), and the residual.

Every table begins with what it is: definitions, weights, window, range, units and source, as `# name = text`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from calibration.folder import safe_name
from xtsred.simulation.model import Model
from xtsred.simulation.page import Compared, Comparison
from xtsred.simulation.partials import Partials
from xtsred.simulation.statistics import standard_error
from xtsred.simulation.structure_factors import ashcroft_langreth, bhatia_thornton
from xtsred.stages import Array

__all__ = ["distance_table", "model_tables"]

_FABER_ZIMAN = "Faber-Ziman S(Q), S -> 1 at large Q"


def model_tables(comparison: Comparison) -> dict[str, str]:
    """File name -> text: NAME_sq.csv, NAME_residual.csv, and NAME_partials.csv, NAME_gr.csv where there are partials."""
    tables: dict[str, str] = {}
    for compared in comparison.models:
        model = compared.model
        stem = _stem(model.name, tables)
        common = _common(compared)
        tables[f"{stem}_sq.csv"] = _table("S(Q)", _sq_facts(model, common), _sq_columns(model))
        tables[f"{stem}_residual.csv"] = _residual(comparison, compared, common)
        if model.partials is not None and model.partial_s is not None:
            columns = _partial_columns(model, model.partials, model.partial_s)
            tables[f"{stem}_partials.csv"] = _table(
                "partial S_ij(Q)", _partial_facts(common), columns
            )
            tables[f"{stem}_gr.csv"] = distance_table(
                model.partials, {k: common[k] for k in ("model", "frames") if k in common}
            )
    return tables


def _stem(name: str, taken: Mapping[str, str]) -> str:
    """The file's name without its ending; folders that tell two files apart stay in it."""
    path = Path(name)
    stem = safe_name("_".join((*path.parts[:-1], path.stem)))
    tried, k = stem, 1
    while f"{tried}_sq.csv" in taken:
        k += 1
        tried = f"{stem}_{k}"
    return tried


def _common(compared: Compared) -> dict[str, str]:
    model = compared.model
    facts = {
        "model": f"{model.name}, {model.kind}",
        "weights": compared.weights_text,
        "window of g(r)": model.window_text,
    }
    if model.frames is not None:
        facts["frames"] = str(model.frames)
    if model.density is not None:
        facts["number density"] = f"{model.density:.6g} atoms/A^3"
    return facts


def _sq_facts(model: Model, common: Mapping[str, str]) -> dict[str, str]:
    sigma = (
        "unknown (one configuration or a curve)"
        if model.blocks is None
        else f"standard error of {len(model.blocks)} independent blocks"
    )
    return {
        "definition": _FABER_ZIMAN,
        "units": "Q 1/A, S dimensionless",
        "sigma": sigma,
        **common,
    }


def _sq_columns(model: Model) -> dict[str, Array]:
    columns = {"Q_per_A": model.q, "S": model.s}
    sigma = standard_error(model.blocks)
    return columns if sigma is None else {**columns, "sigma": sigma}


def _residual(comparison: Comparison, compared: Compared, common: Mapping[str, str]) -> str:
    g = compared.goodness
    facts = {
        "definition": f"{g.function} of the measurement and of the model at the measured Q, and their difference",
        "R_X": f"{g.r_x_text}, {g.q_range[0]:g} to {g.q_range[1]:g} 1/A, {g.n_points} points",
        "units": "Q 1/A" + (", Q(S-1) 1/A" if g.function == "Q(S-1)" else ", S dimensionless"),
        "measured": f"{Path(comparison.measured.file).name}, {comparison.measured.meaning}",
        "sigma": "of the measurement, unknown" if g.sigma is None else "of the measurement",
        **common,
    }
    columns = {"Q_per_A": g.q, "measured": g.measured, "model": g.calculated}
    columns["residual"] = g.residual
    if g.sigma is not None:
        columns["sigma"] = g.sigma
    return _table("measured and model", facts, columns)


def _partial_facts(common: Mapping[str, str]) -> dict[str, str]:
    return {
        "definition": "a-b: Faber-Ziman S_ab(Q), each -> 1; AL(a-b): Ashcroft-Langreth; BT_: Bhatia-Thornton of binaries",
        "units": "Q 1/A, all S dimensionless",
        **{k: v for k, v in common.items() if k != "weights"},
        "weights": "none: partials do not depend on the radiation",
    }


def _partial_columns(model: Model, partials: Partials, s: Array) -> dict[str, Array]:
    al = ashcroft_langreth(s, fractions=partials.fractions, pairs=partials.pairs)
    columns = {"Q_per_A": model.q}
    columns.update(zip(partials.names, s, strict=True))
    columns.update({f"AL({name})": row for name, row in zip(partials.names, al, strict=True)})
    if len(partials.elements) == 2:
        three = bhatia_thornton(s, fractions=partials.fractions, pairs=partials.pairs)
        columns.update(zip(("BT_NN", "BT_NC", "BT_CC"), three, strict=True))
    return columns


def distance_table(partials: Partials, facts: Mapping[str, str]) -> str:
    """g_ij(r) with the standard errors of its blocks where there are some. facts: lines of the header."""
    columns: dict[str, Array] = {"r_A": partials.r}
    columns.update(zip(partials.names, partials.g, strict=True))
    sigma = standard_error(partials.blocks)
    if sigma is not None:
        named = (f"sigma({name})" for name in partials.names)
        columns.update(zip(named, sigma, strict=True))
    head = {
        "definition": "g_ab(r), partial pair distribution functions, each -> 1; like pairs normalized with N (N - 1)",
        "units": "r A (centre of the bin), g dimensionless",
        "bins": f"{partials.dr:g} A, to {partials.r_max:.4g} A",
        "sigma": "unknown (one configuration)"
        if sigma is None
        else "standard error of independent blocks",
        "number density": f"{partials.density:.6g} atoms/A^3",
        **facts,
    }
    return _table("partial g_ij(r)", head, columns)


def _table(title: str, facts: Mapping[str, str], columns: Mapping[str, Array]) -> str:
    rows: Iterable[Array] = np.array(list(columns.values())).T
    lines = [f"# {title}", *(f"# {name} = {text}" for name, text in facts.items())]
    lines.append(",".join(columns))
    lines += [",".join(f"{x:.8g}" for x in row) for row in rows]
    return "\n".join(lines) + "\n"
