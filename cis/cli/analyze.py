"""`cis analyze`: project files to conductivities, activation energies and reports."""

import glob
import json
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, EXIT_SOME_FAILED
from calibration.errors import InputError
from cis.cli.terminal import LIBRARIES, command_line, progress, say_findings

if TYPE_CHECKING:
    from calibration.records import Loaded
    from cis.config import Project
    from cis.inputs import Inputs
    from cis.pipeline import Analysis

__all__ = ["analyze", "run_project", "summary_lines"]

_STEPS = 11


@click.command()
@click.argument(
    "projects", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN.toml..."
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the results; several projects get a folder each in it.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one value of the project file; recorded with the result.",
)
@click.option(
    "--pdf", is_flag=True, help="Also write report.pdf (needs the optional typst compiler)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def analyze(
    projects: tuple[Path, ...],
    out: Path,
    overwrite: bool,
    settings: tuple[str, ...],
    pdf: bool,
    as_json: bool,
) -> int:
    """Analyze temperature series: R, sigma_DC and E_A with a report.

    \b
    Writes conductivity.csv, fits.csv, arrhenius.csv, result.json, report.html, figures/ and run.toml.
    """
    from calibration.folder import check_target

    if pdf:
        from calibration.report_pdf import check_pdf

        check_pdf()
    targets = _targets(projects, out)
    results: list[dict[str, Any]] = []
    failed = refused = 0
    for project, target in zip(projects, targets, strict=True):
        try:
            check_target(target, overwrite=overwrite)
            analysis = run_project(project, target, overwrite=overwrite, settings=settings, pdf=pdf)
        except InputError as error:
            if len(projects) == 1:
                raise
            failed += 1
            click.echo(f"error: {error}", err=True)
            results.append({"project": str(project), "error": str(error)})
            continue
        refused += len(analysis.refused)
        results.append(_result(project, target, analysis))
        if not as_json:
            for line in summary_lines(analysis):
                click.echo(line)
            click.echo(f"  report: {target / 'report.html'}")
        say_findings(analysis.findings)
    if as_json:
        click.echo(json.dumps(results[0] if len(results) == 1 else results, indent=1))
    if failed == len(projects):
        return EXIT_FIXABLE
    return EXIT_SOME_FAILED if failed or refused else EXIT_DONE


def _targets(projects: tuple[Path, ...], out: Path) -> list[Path]:
    """One folder for one project; for several, one each, named after the project file or its folder."""
    from calibration.folder import safe_name

    if len(projects) == 1:
        return [out]
    generic = len({p.stem for p in projects}) < len(projects)
    names = [safe_name(p.resolve().parent.name if generic else p.stem) for p in projects]
    unique = [name if names.count(name) == 1 else f"{name}_{k + 1}" for k, name in enumerate(names)]
    return [out / name for name in unique]


def run_project(
    project: Path,
    target: Path,
    *,
    overwrite: bool,
    settings: tuple[str, ...] = (),
    pdf: bool = False,
) -> "Analysis":
    """Analyze one project file and write its folder whole. Raises InputError."""
    from cis.pipeline import analyze as analyze_series
    from cis.pipeline import load_config, read_inputs

    with progress(project.name, total=_STEPS) as step:
        step("reading")
        loaded = load_config(project, settings=settings)
        inputs = read_inputs(loaded)
        analysis = analyze_series(loaded.record, inputs, progress=step)
        _write(loaded, inputs, analysis, target, overwrite=overwrite, step=step, pdf=pdf)
    return analysis


def _write(
    loaded: "Loaded[Project]",
    inputs: "Inputs",
    analysis: "Analysis",
    target: Path,
    *,
    overwrite: bool,
    step: Any,
    pdf: bool,
) -> None:
    from calibration.folder import result_folder
    from calibration.provenance import collect
    from calibration.report import write_report
    from calibration.report_pdf import write_pdf
    from cis.output import write_tables
    from cis.report import build_report

    provenance = collect(
        "cis analyze", command=command_line(), inputs=inputs.files, libraries=LIBRARIES
    )
    report = build_report(analysis, provenance=provenance, progress=step)
    step("writing")
    with result_folder(target, overwrite=overwrite) as folder:
        write_tables(analysis, folder)
        write_report(report, folder)
        if pdf:
            write_pdf(report, folder / "report.pdf")
        (folder / "run.toml").write_text(_resolved(loaded), encoding="utf-8")


def _resolved(loaded: "Loaded[Project]") -> str:
    """The project with its files by absolute path, so that it runs from the result's folder too."""
    from calibration.records import to_toml

    table, folder = tomllib.loads(to_toml(loaded.record)), loaded.folder.resolve()
    for spectrum in table["spectrum"]:
        spectrum["files"] = _placed(folder, spectrum["files"])
    for name in {"open", "short", "load"} & set(table.get("fixture", {})):
        table["fixture"][name] = _placed(folder, table["fixture"][name])
    for kind in {"cell", "fixture", "thermometer"} & set(table.get("calibration", {})):
        table["calibration"][kind] = str(folder / table["calibration"][kind])
    header = [f"as resolved from {loaded.path.name}"]
    header += [f"--set {shlex.quote(f'{k}={v}')}" for k, v in loaded.overrides.items()]
    return to_toml(table, header=header)


def _placed(folder: Path, pattern: str) -> str:
    """A file or pattern by absolute path; wildcards in the name of the folder itself are none of the pattern's."""
    if (folder / pattern).is_file() or Path(pattern).is_absolute():
        return str(folder / pattern)
    return str(Path(glob.escape(str(folder))) / pattern)


def _result(project: Path, target: Path, analysis: "Analysis") -> dict[str, Any]:
    from calibration.report import to_json
    from cis.output import result_values

    findings = [{"severity": f.severity, "text": f.text} for f in analysis.findings]
    values = {k: to_json(v) for k, v in result_values(analysis).items()}
    return {"project": str(project), "out": str(target), **values, "findings": findings}


def summary_lines(analysis: "Analysis") -> list[str]:
    """What fits on a screen: one line per spectrum, then the energies."""
    from calibration.quantity import Quantity
    from cis.activation import one_energy_doubt

    virtual = "  [VIRTUAL DATA]" if analysis.project.sample.virtual else ""
    lines = [f"{analysis.project.sample.name}{virtual}"]
    for label, c in zip(analysis.labels, analysis.conductivities, strict=True):
        t = "T unknown" if c.temperature_k is None else f"{c.temperature_k:7.2f} K"
        sigma = Quantity(c.sigma_s_per_cm, c.total_s_per_cm, "S/cm")
        kind = c.kind if c.identifiable else f"{c.kind}, R not determined"
        lines.append(f"  {label:<24} {t}  R = {c.resistance_ohm}  sigma = {sigma}  ({kind})")
    for result in analysis.arrhenius:
        segment = "" if result.segment == "all" else f", {result.segment} the break"
        doubt = f"   {one_energy_doubt(result)}" if one_energy_doubt(result) else ""
        for fit in result.fits:
            name = "ln sigma" if fit.form == "ln_sigma" else "ln sigma T"
            lines.append(
                f"  E_A ({name}{segment}) = {fit.written}   sigma(298.15 K) = {fit.room_written}{doubt}"
            )
    return lines
