"""The plain-text results of a reduction, each with a header that says what its numbers are.

Headers follow what PDFgetX files have and PDFgui, diffpy.srfit and diffpy.utils read: comment lines, `qmax = ...`,
`#### start data`, `#L` with the column names. Those readers take the fourth column of a .gr file for the
uncertainty of G, and drop it when one value is 0: the third column is repeated there, and r = 0 is left out.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from calibration.folder import safe_name
from calibration.provenance import Provenance
from calibration.records import Loaded, as_table, to_toml
from xtsred.budget.records import Budget
from xtsred.budget.table import budget_csv
from xtsred.config import Project
from xtsred.stages import Array, PairDistribution, Reduction

__all__ = ["header_facts", "resolved_project", "table_text", "text_files"]

_SYSTEMATIC = "all sources of the budget but counting, common to all bins (NAME.budget.csv): "
_S = "Faber-Ziman S(Q) = [I_coh - (<f^2> - |<f>|^2)] / |<f>|^2, S -> 1 at large Q; the paper writes k for Q"


def text_files(reduction: Reduction, project: Project, provenance: Provenance) -> dict[str, str]:
    """File name -> content of NAME.iq, .sq, .fq, .gr and .gofr."""
    stem = safe_name(reduction.name)
    common = header_facts(reduction, project, provenance)
    pair = reduction.pair_distribution
    writers = {"iq": _iq, "sq": _sq, "fq": _fq}
    files = {f"{stem}.{end}": write(reduction, common) for end, write in writers.items()}
    files[f"{stem}.gr"] = _gr(pair, common, reduction.budget)
    files[f"{stem}.gofr"] = _gofr(pair, common, reduction.budget)
    if reduction.budget is not None:
        files[f"{stem}.budget.csv"] = budget_csv(reduction.budget)
    return files


def table_text(title: str, facts: Mapping[str, str], columns: Sequence[tuple[str, Array]]) -> str:
    """One text file: title, facts as `name = text`, the marker of the data, column names, rows.

    columns: (name, values of shape (n,)). Numbers have nine significant digits.
    """
    lines = [f"# {title}"]
    lines += [f"# {name} = {_one_line(text)}" for name, text in facts.items()]
    lines += ["#", "#### start data", "#L " + "  ".join(name for name, _ in columns)]
    form = " ".join(["%.9g"] * len(columns))
    rows = np.column_stack([values for _, values in columns]).tolist()
    lines += [form % tuple(row) for row in rows]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def header_facts(reduction: Reduction, project: Project, provenance: Provenance) -> dict[str, str]:
    """What every header says."""
    n = reduction.normalization
    pair = reduction.pair_distribution
    low, high = project.fourier.q_range
    facts = {
        "virtual": "yes: the scans are simulated, this is not a measurement",
        "sample": reduction.name,
        "composition": reduction.composition_text,
        "number density": f"{reduction.number_density_per_a3:.6g} atoms/A^3",
        "mode": "xray",
        "normalization": f"{n.method}, K {n.k}",
        "qmin": f"{low:g}",
        "qmax": f"{high:g}",
        "window": pair.window,
        "extrapolation below qmin": pair.extrapolation,
        "software": f"{provenance.program} {provenance.version}",
        "written": provenance.started,
    }
    if not project.virtual:
        del facts["virtual"]
    for i, file in enumerate(provenance.inputs):
        facts[f"input {i + 1}"] = f"{Path(file.path).name} sha256 {file.sha256}"
    return facts


def _iq(reduction: Reduction, common: Mapping[str, str]) -> str:
    i = reduction.intensity
    facts = {
        "definition": "I_coh, coherent scattering per average atom in electron units, corrected for everything",
        "units": "Q 1/A, intensities e.u. per atom, 2theta degrees",
        "sigma": "counting statistics, one standard uncertainty",
        **common,
    }
    return table_text(
        "I_coh(Q)",
        facts,
        [
            ("Q", i.q),
            ("I_coh", i.coherent),
            ("sigma", i.coherent_sigma),
            ("two_theta_deg", i.two_theta_deg),
            ("mean_square_f", i.mean_square),
            ("square_mean_f", i.square_mean),
        ],
    )


def _sq(reduction: Reduction, common: Mapping[str, str]) -> str:
    s = reduction.structure_factor
    facts = {
        "definition": _S,
        "units": "Q 1/A, S dimensionless",
        **_sigmas(s.sigma_systematic, reduction.budget),
    }
    columns = [("Q", s.q), ("S", s.s), ("sigma", s.sigma)]
    if s.sigma_systematic is not None:
        columns.append(("sigma_systematic", s.sigma_systematic))
    return table_text("S(Q)", facts | dict(common), columns)


def _fq(reduction: Reduction, common: Mapping[str, str]) -> str:
    s = reduction.structure_factor
    facts = {
        "definition": f"F(Q) = Q [S(Q) - 1]; {_S}",
        "units": "Q 1/A, F 1/A",
        **_sigmas(s.sigma_systematic, reduction.budget),
    }
    columns = [("Q", s.q), ("F", s.q * (s.s - 1.0)), ("sigma", s.q * s.sigma)]
    if s.sigma_systematic is not None:
        columns.append(("sigma_systematic", s.q * s.sigma_systematic))
    return table_text("F(Q)", facts | dict(common), columns)


def _sigmas(systematic: Array | None, budget: Budget | None) -> dict[str, str]:
    text = "counting statistics, one standard uncertainty"
    if systematic is None:
        return {"sigma": text}
    meaning = "normalization and Compton response, common to all Q"
    if budget is not None:
        meaning = _SYSTEMATIC + ", ".join(s.name for s in budget.sources)
    return {"sigma": text, "sigma_systematic": meaning}


def _gr(pair: PairDistribution, common: Mapping[str, str], budget: Budget | None) -> str:
    positive = pair.d_sigma > 0.0
    first = int(np.argmax(positive)) if positive.any() else 0
    facts = {
        "definition": "G(r) = (2/pi) int Q [S(Q) - 1] M(Q) sin(Qr) dQ = 4 pi rho0 r [g(r) - 1] (Keen's D(r))",
        "units": "r A, G 1/A^2",
        "sigma": "counting statistics, one standard uncertainty; the fourth column repeats it for PDFgui",
        **common,
    }
    r, g, sigma = pair.r[first:], pair.d[first:], pair.d_sigma[first:]
    columns = [("r", r), ("G", g), ("sigma", sigma), ("dG", sigma)]
    if budget is not None:
        facts |= {"sigma_systematic": _sigmas(sigma, budget)["sigma_systematic"]}
        columns.append(("sigma_systematic", budget.systematic_d[first:]))
    return table_text("G(r)", facts, columns)


def _gofr(pair: PairDistribution, common: Mapping[str, str], budget: Budget | None) -> str:
    facts = {
        "definition": "g(r) = 1 + G(r)/(4 pi rho0 r); T(r) = 4 pi rho0 r g(r); R(r) = r T(r) = 4 pi rho0 r^2 g(r)",
        "units": "r A, g dimensionless, T 1/A^2, R 1/A",
        "sigma": "counting statistics, one standard uncertainty",
        **common,
    }
    if pair.first_distance is not None:
        facts["unphysical region"] = f"below {pair.first_distance:.4g} A, where no pair can be"
    columns = [
        ("r", pair.r),
        ("g", pair.g),
        ("sigma", pair.g_sigma),
        ("T", pair.t),
        ("R", pair.rdf),
    ]
    columns += [("sigma_T", pair.t_sigma), ("sigma_R", pair.rdf_sigma)]
    if budget is not None:
        facts["sigma_systematic"] = "of g(r); " + _sigmas(pair.g, budget)["sigma_systematic"]
        columns.append(("sigma_systematic", budget.systematic_g))
    finite = np.isfinite(pair.g) & np.isfinite(pair.g_sigma)
    return table_text("g(r), T(r), R(r)", facts, [(n, v[finite]) for n, v in columns])


def resolved_project(loaded: Loaded[Project], *, folder: Path) -> str:
    """The project file as it was used, with paths that hold from `folder`; --set changes are in it and listed on top."""

    def moved(file: str) -> str:
        path = (loaded.folder / file).resolve()
        try:
            return Path(os.path.relpath(path, folder.resolve())).as_posix()
        except ValueError:  # another drive
            return path.as_posix()

    table = as_table(loaded.record)
    for scan in table["scan"]:
        scan["file"] = moved(scan["file"])
    comparison = table.get("comparison", {})
    for key in {"curve", "trajectory"} & set(comparison):
        comparison[key] = moved(comparison[key])
    certificates = table.get("calibration", {})
    for kind in certificates:
        certificates[kind] = moved(certificates[kind])
    header = [f"Resolved from {loaded.path.name}. Paths are relative to this file."]
    header += [f"--set {key}={value}" for key, value in loaded.overrides.items()]
    return to_toml(table, header=header)
