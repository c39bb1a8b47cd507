"""A reduction as a folder: report.html, result.json, figures, text files, NeXus file, the project file as resolved."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.folder import result_folder, safe_name
from calibration.provenance import Provenance, collect
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding, Report, Section, Table, typeset, write_report
from calibration.report_pdf import write_pdf
from xtsred.budget.page import budget_sections, budget_values, fitted_text
from xtsred.comparison_page import comparison_headline, comparison_sections, comparison_values
from xtsred.config import Project
from xtsred.figures import (
    components_figure,
    normalization_figure,
    pair_figure,
    scans_figure,
    steps_figures,
    structure_figures,
    window_text,
)
from xtsred.inputs import input_files
from xtsred.low_r_filter.output import filter_sections, filtered_files
from xtsred.nexus import write_nexus
from xtsred.output import header_facts, resolved_project, text_files
from xtsred.stages import Reduction, Shell

__all__ = ["VIRTUAL", "build_report", "collapsed", "write_reduction"]

VIRTUAL = "Virtual experiment: the scans were simulated, nothing here was measured."

_HEADLINE = ("number density", "packing", "mu R")
_LIBRARIES = ("numpy", "scipy", "xraydb", "xraylib", "matplotlib", "h5py", "pydantic")


def write_reduction(
    reduction: Reduction,
    loaded: Loaded[Project],
    *,
    target: Path,
    overwrite: bool,
    command: str,
    pdf: bool = False,
    extend: Callable[[Report], Report] | None = None,
) -> Path:
    """Write everything into `target`, whole or not at all; returns the path of the report.

    command: the command line, for the provenance. pdf: also report.pdf. extend: what else the report shall say. Raises OutputError where the folder exists or cannot be written.
    """
    provenance = collect(
        "xtsred", command=command, inputs=input_files(loaded), libraries=_LIBRARIES
    )
    project = loaded.record
    project_toml = resolved_project(loaded, folder=target)
    with result_folder(target, overwrite=overwrite) as folder:
        texts = text_files(reduction, project, provenance)
        facts = header_facts(reduction, project, provenance)
        texts |= filtered_files(reduction, project, facts)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        write_nexus(
            folder / f"{safe_name(reduction.name)}.h5",
            reduction,
            project=project,
            provenance=provenance,
            project_toml=project_toml,
        )
        (folder / "run.toml").write_text(project_toml, encoding="utf-8")
        report = build_report(reduction, loaded, provenance)
        if extend is not None:
            report = extend(report)
        write_report(report, folder)
        if pdf:
            write_pdf(report, folder / "report.pdf")
    return target / "report.html"


def build_report(reduction: Reduction, loaded: Loaded[Project], provenance: Provenance) -> Report:
    """The report's content; drawing it is most of the work."""
    return Report(
        title=f"{reduction.name}: S(Q) and g(r)",
        subtitle=_subtitle(reduction, loaded.record),
        findings=collapsed(reduction),
        headline=_headline(reduction),
        sections=(
            _real_space_section(reduction, loaded.record),
            _structure_section(reduction),
            *comparison_sections(reduction.comparison),
            *budget_sections(reduction),
            _normalization_section(reduction),
            *filter_sections(reduction, loaded.record),
            _corrections_section(reduction),
            _scans_section(reduction),
            _settings_section(reduction, loaded),
        ),
        provenance=provenance,
        values=_values(reduction, loaded.record),
        banner=VIRTUAL if loaded.record.virtual else "",
    )


def collapsed(reduction: Reduction) -> tuple[Finding, ...]:
    """The findings with short file names, and one line for what several files share."""
    names = {
        scan.file: Path(scan.file).name for scans in reduction.scans.values() for scan in scans
    }
    groups: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for finding in reduction.findings:
        text = finding.text
        for path, name in names.items():
            text = text.replace(path, name)
        prefix, found, rest = text.partition(": ")
        if not found or prefix not in names.values():
            prefix, rest = "", text
        groups.setdefault((finding.severity, rest), []).append((prefix, finding))
    result = []
    for (_, rest), members in groups.items():
        files = list(dict.fromkeys(prefix for prefix, _ in members if prefix))
        text = f"{', '.join(files)}: {rest}" if files else rest
        result.append(replace(members[0][1], text=typeset(text)))
    return tuple(result)


def _subtitle(reduction: Reduction, project: Project) -> str:
    r = project.radiation
    if r.anode is not None:
        beam = f"{r.anode} {r.lines or ''}".strip()
    elif r.wavelength_A is not None:
        beam = f"{r.wavelength_A.value:g} Å"
    else:
        beam = " + ".join(f"{line.wavelength_A.value:g}" for line in r.line) + " Å"
    return f"{reduction.composition_text}, X-ray total scattering, {beam}"


def _headline(reduction: Reduction) -> list[tuple[str, Quantity | str]]:
    rows: list[tuple[str, Quantity | str]] = []
    for i, shell in enumerate(reduction.shells):
        name = shell.pair or f"peak {i + 1}"
        rows.append((f"{name} distance", _parts(shell.position, shell.position_systematic)))
        if shell.coordination is not None:
            said = _parts(
                shell.coordination, shell.coordination_systematic, shell.coordination_limits
            )
            rows.append((f"{name} coordination", said))
    c = reduction.comparison
    if c is not None:
        rows += comparison_headline(c)
    n = reduction.normalization
    rows.append((f"normalization K, {n.method}", fitted_text(reduction, "K", n.k)))
    if n.compton_response is not None:
        said = fitted_text(reduction, "Compton response", n.compton_response)
        rows.append(("Compton response", said))
    if n.continuum is not None:
        said = fitted_text(reduction, "continuum amplitude", n.continuum)
        rows.append(("continuum amplitude", said))
    rows += [(k, v) for k, v in reduction.parameters.items() if k.startswith(_HEADLINE)]
    return [
        (name, replace(v, unit=typeset(v.unit)) if isinstance(v, Quantity) else v)
        for name, v in rows
    ]


_EXACT = ("counting time", "beam transmission", "multiple scattering")


def _said(name: str, quantity: Quantity) -> str:
    """A parameter; a time is exact and a transmission computed, so that nothing is unknown about their ±."""
    if quantity.sigma is None and name.startswith(_EXACT):
        return typeset(f"{quantity.value:.4g} {quantity.unit}".strip())
    return typeset(str(quantity))


def _values(reduction: Reduction, project: Project) -> dict[str, Any]:
    c = reduction.comparison
    pair = reduction.pair_distribution
    return {
        "name": reduction.name,
        "virtual": project.virtual,
        "composition": reduction.composition_text,
        "number_density_per_A3": reduction.number_density_per_a3,
        "normalization": reduction.normalization,
        "shells": list(reduction.shells),
        "parameters": dict(reduction.parameters),
        "comparison": None if c is None else comparison_values(c),
        "budget": budget_values(reduction.budget),
        "window": pair.window,
        "extrapolation": pair.extrapolation,
        "q_range": list(project.fourier.q_range),
        "steps": [
            {"name": s.name, "parameters": dict(s.parameters), "reference": s.reference}
            for s in reduction.steps
        ],
    }


def _real_space_section(reduction: Reduction, project: Project) -> Section:
    pair = reduction.pair_distribution
    low, high = project.fourier.q_range
    tables = [_shell_table(reduction.shells)] if reduction.shells else []
    return Section(
        title="Real space",
        paragraphs=(
            f"g(r) and G(r) = 4πρ₀r (g − 1) from {low:g} to {high:g} Å⁻¹, {window_text(pair.window)}; "
            f"below Q_min: {typeset(pair.extrapolation)}. Another g(r) may be compared with this one only after "
            "the same window and Q_max.",
        ),
        tables=tables,
        figures=(pair_figure(reduction),),
    )


def _parts(
    counted: Quantity, systematic: float | None, limits: float | None = None
) -> Quantity | str:
    """A value with all known parts of its uncertainty together, and what they are."""
    named = {
        "counting": counted.sigma,
        "systematic": systematic,
        "limits of the fit": limits,
    }
    known = {name: part for name, part in named.items() if part is not None}
    if set(known) <= {"counting"}:
        return counted
    total = Quantity(counted.value, float(np.hypot.reduce(list(known.values()))), counted.unit)
    return f"{total} ({', '.join(f'{name} {part:.2g}' for name, part in known.items())})"


def _shell_table(shells: Sequence[Shell]) -> Table:
    rows = [
        (
            s.pair or "not named",
            str(_parts(s.position, s.position_systematic)),
            str(s.width),
            "not known"
            if s.coordination is None
            else str(_parts(s.coordination, s.coordination_systematic, s.coordination_limits)),
            "not known" if s.coordination_integral is None else str(s.coordination_integral),
            f"{s.integral_limits[0]:.3f} to {s.integral_limits[1]:.3f}",
        )
        for s in shells
    ]
    return Table(
        title="Neighbour shells",
        columns=(
            "pair",
            "distance",
            "width",
            "coordination (fit)",
            "coordination (integral)",
            "limits (Å)",
        ),
        rows=rows,
        caption="The fit is of the window-broadened peak. The integral depends on its limits by up to 10%: "
        "both stand here.",
    )


def _structure_section(reduction: Reduction) -> Section:
    s = reduction.structure_factor
    return Section(
        title="Structure factor",
        paragraphs=(
            f"Faber-Ziman S(Q) on {s.q.size} bins of {s.q[1] - s.q[0]:.4g} Å⁻¹, rebinned by counts. Mean uncertainty "
            f"{float(np.sqrt(np.mean(s.sigma**2))):.4f} (counting).",
        ),
        figures=tuple(structure_figures(reduction)),
    )


def _normalization_section(reduction: Reduction) -> Section:
    n = reduction.normalization
    rows = [
        ("high-angle", str(n.k_high_angle), f"{n.q_range[0]:.4g} to {n.q_range[1]:.4g} Å⁻¹"),
        ("Krogh-Moe and Norman", str(n.k_integral), "whole range"),
        ("difference", f"{100.0 * (n.k_integral.value / n.k_high_angle.value - 1.0):+.2f} %", ""),
    ]
    if n.compton_response is not None:
        rows.append(("Compton response", str(n.compton_response), "fitted with a prior"))
    if n.continuum is not None:
        rows.append(("continuum amplitude", str(n.continuum), "fitted with a prior"))
    rows += [(f"correlation {pair}", f"{value:+.2f}", "") for pair, value in n.correlations.items()]
    return Section(
        title="Normalization",
        paragraphs=(
            "The data are scaled to the calculated scattering of independent atoms; nothing is fitted to noise.",
        ),
        tables=(Table(title="Constants", columns=("method", "K", "range"), rows=rows),),
        figures=(components_figure(reduction), normalization_figure(reduction)),
    )


def _corrections_section(reduction: Reduction) -> Section:
    rows = [
        (
            step.name,
            typeset("; ".join(f"{k}: {v}" for k, v in step.parameters.items())),
            step.reference,
        )
        for step in reduction.steps
    ]
    return Section(
        title="Corrections",
        paragraphs=(
            "In the order in which they were applied. What is not listed was not applied.",
        ),
        tables=(Table(title="Steps", columns=("step", "numbers", "reference"), rows=rows),),
        figures=tuple(steps_figures(reduction)),
    )


def _scans_section(reduction: Reduction) -> Section:
    rows = [
        (
            role,
            Path(s.file).name + (f" [{s.range_index}]" if s.range_index else ""),
            s.format,
            f"{s.two_theta_deg[0]:g} to {s.two_theta_deg[-1]:g}",
            str(s.two_theta_deg.size),
            s.kind,
            s.header.anode or "not stated",
        )
        for role, scans in reduction.scans.items()
        for s in scans
    ]
    columns = ("role", "file", "format", "2θ (°)", "points", "holds", "anode in header")
    return Section(
        title="Scans",
        tables=(Table(title="Files", columns=columns, rows=rows),),
        figures=(scans_figure(reduction),),
    )


def _settings_section(reduction: Reduction, loaded: Loaded[Project]) -> Section:
    rows = [(name, _said(name, quantity)) for name, quantity in reduction.parameters.items()]
    rows += [(f"--set {key}", value) for key, value in loaded.overrides.items()]
    return Section(
        title="Settings",
        paragraphs=_absent(loaded.record),
        tables=(Table(title="Numbers behind the result", columns=("name", "value"), rows=rows),),
    )


def _absent(project: Project) -> tuple[str, ...]:
    """What the project file leaves out is said, not guessed."""
    tables: Iterable[tuple[str, object]] = (
        ("container: a bare rod", project.container),
        ("goniometer: angles taken as read", project.goniometer),
        ("multiple_scattering: not corrected", project.multiple_scattering),
        ("radiation.continuum: no tube continuum", project.radiation.continuum),
        ("comparison: none", project.comparison),
    )
    missing = [text for text, value in tables if value is None]
    return (f"Absent from the project file: {'; '.join(missing)}.",) if missing else ()
