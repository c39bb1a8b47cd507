"""`cis arrhenius`: activation energies from a table of conductivities."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.commandline import EXIT_DONE
from calibration.errors import InputError
from cis.cli.terminal import LIBRARIES, command_line, say_findings

if TYPE_CHECKING:
    from calibration.report import Finding
    from cis.activation import ArrheniusResult
    from cis.conductivity_table import TableData

__all__ = ["arrhenius"]

_SHOWN = 24  # lines in one picture


@click.command()
@click.argument("table", type=click.Path(path_type=Path), metavar="TABLE.csv")
@click.option(
    "--group-by", default="", metavar="COLUMN,...", help="One line per value of these columns."
)
@click.option(
    "--temperature-column", default="", metavar="NAME", help="Where the header is not clear."
)
@click.option(
    "--conductivity-column", default="", metavar="NAME", help="Where the header is not clear."
)
@click.option(
    "--temperature-unit",
    default="",
    type=click.Choice(["", "C", "K", "1000/K"]),
    show_choices=False,
    metavar="C|K|1000/K",
    help="Where the header does not say it.",
)
@click.option(
    "--conductivity-unit",
    default="",
    type=click.Choice(["", "S/cm", "S/m", "mS/cm", "log10 S/cm", "log10 S/m"]),
    metavar='S/cm|S/m|mS/cm|"log10 S/cm"|"log10 S/m"',
    help="Where the header does not say it.",
)
@click.option("--temperature-sigma-k", type=float, help="Standard uncertainty of a temperature, K.")
@click.option(
    "--form",
    type=click.Choice(["ln_sigma", "ln_sigma_T", "both"]),
    default="both",
    show_default=True,
    help="ln sigma or ln(sigma T) against 1/T.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write arrhenius.csv and a report here."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def arrhenius(
    table: Path,
    group_by: str,
    temperature_column: str,
    conductivity_column: str,
    temperature_unit: str,
    conductivity_unit: str,
    temperature_sigma_k: float | None,
    form: str,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Activation energies from TABLE.csv, for instance conductivity.csv or a table of the literature."""
    from calibration.folder import check_target
    from calibration.thermometer import Thermometer
    from cis.conductivity_table import Columns, read_table

    if temperature_sigma_k is not None and temperature_sigma_k < 0.0:
        raise InputError(f"--temperature-sigma-k must be >= 0, not {temperature_sigma_k:g}")
    if out is not None:
        check_target(out, overwrite=overwrite)
    columns = Columns(
        temperature=temperature_column,
        conductivity=conductivity_column,
        temperature_unit=temperature_unit,
        conductivity_unit=conductivity_unit,
        group_by=tuple(c.strip() for c in group_by.split(",") if c.strip()),
    )
    thermometer = Thermometer(point_sigma_k=temperature_sigma_k)
    data = read_table(table, columns=columns, thermometer=thermometer)
    results, lonely = _analyze(data, form)
    findings = _findings(data, results, lonely, thermometer_known=temperature_sigma_k is not None)
    if as_json:
        click.echo(json.dumps(_values(data, results, lonely, findings), indent=1))
    else:
        for name, result in results:
            for fit in result.fits:
                click.echo(
                    f"{name}  {fit.form}  E_A = {fit.written}  sigma(298.15 K) = {fit.room_written}  n = {fit.n}"
                )
        say_findings(findings, least="note")
    if out is not None:
        _write(table, data, results, lonely, findings, out, overwrite=overwrite)
        click.echo(f"report: {out / 'report.html'}", err=as_json)
    if not results:
        raise InputError(
            "no group has two different temperatures",
            why=f"{len(lonely)} groups, each at one temperature",
            remedy="choose other columns with --group-by",
            where=str(table),
        )
    return EXIT_DONE


def _analyze(
    data: "TableData", form: str
) -> "tuple[list[tuple[str, ArrheniusResult]], list[tuple[str, int]]]":
    """Lines of the groups that have at least two temperatures; (name, rows) of the others."""
    import numpy as np

    from cis.activation import SAME_TEMPERATURE_K, arrhenius_result

    results, lonely = [], []
    for group in data.groups:
        if np.ptp(group.points.temperature_k) < SAME_TEMPERATURE_K:
            lonely.append((group.name, len(group.lines)))
        else:
            results.append((group.name, arrhenius_result(group.points, form=form)))
    return results, lonely


def _findings(
    data: "TableData",
    results: "list[tuple[str, ArrheniusResult]]",
    lonely: list[tuple[str, int]],
    *,
    thermometer_known: bool,
) -> "list[Finding]":
    from calibration.report import Finding

    findings = list(data.findings)
    if lonely:
        text = f"{len(lonely)} of {len(data.groups)} groups have one temperature only: no line."
        findings.append(Finding("note", text, {"groups": float(len(lonely))}))
    geometry_absent = any(r.points.relative_geometry == 0.0 for _, r in results)
    if geometry_absent:
        text = "What all rows of a group share (the size of its pellet) is not in the table, nor in these uncertainties."
        findings.append(Finding("note", text))
    if not thermometer_known and any(
        r.points.thermometer.point_sigma_k is None for _, r in results
    ):
        text = "The uncertainty of the temperatures is unknown (--temperature-sigma-k): that of E_A is the statistical part alone."
        findings.append(Finding("note", text))
    few = len(results) <= 5
    for name, result in results:
        if few:
            findings += [
                Finding(f.severity, f"{name}: {f.text}", f.numbers) for f in result.findings
            ]
    bent = [name for name, r in results if r.curvature and r.curvature[0].p < 0.05]
    if not few and bent:
        text = f"{len(bent)} of {len(results)} lines are curved (F test, p < 0.05; about {0.05 * len(results):.0f} would be by chance): {', '.join(bent[:5])}"
        findings.append(
            Finding(
                "warning", text + (" ..." if len(bent) > 5 else "."), {"curved": float(len(bent))}
            )
        )
    return findings


def _values(
    data: "TableData",
    results: "list[tuple[str, ArrheniusResult]]",
    lonely: list[tuple[str, int]],
    findings: "list[Finding]",
) -> dict[str, Any]:
    from calibration.report import to_json
    from cis.output import arrhenius_rows

    keys = {g.name: dict(g.values) for g in data.groups}
    groups = [
        {
            "name": name,
            "group": keys[name],
            "lines": [to_json(r) for r in arrhenius_rows(name, [result])],
            "temperatures_K": to_json(result.points.sample_k),
            "vtf_determined": None if result.vtf is None else result.vtf.determined,
            "findings": [f.text for f in result.findings],
        }
        for name, result in results
    ]
    return {
        "table": str(data.file),
        "temperature": data.temperature,
        "conductivity": data.conductivity,
        "arrhenius": [row for g in groups for row in g["lines"]],
        "groups": groups,
        "without_line": [{"name": name, "rows": rows} for name, rows in lonely],
        "findings": [{"severity": f.severity, "text": f.text} for f in findings],
    }


def _write(
    table: Path,
    data: "TableData",
    results: "list[tuple[str, ArrheniusResult]]",
    lonely: list[tuple[str, int]],
    findings: "list[Finding]",
    out: Path,
    *,
    overwrite: bool,
) -> None:
    from calibration.folder import result_folder
    from calibration.provenance import collect
    from calibration.report import Report, Section, write_report
    from cis.figures import arrhenius_figure, groups_figure
    from cis.output import arrhenius_rows, table_csv
    from cis.report import arrhenius_table

    labelled = [(name, r) for name, r in results]
    figures = [groups_figure(labelled[:_SHOWN], name="arrhenius")]
    if len(labelled) == 1:
        figures = [arrhenius_figure(labelled[0][1], name="arrhenius")]
    more = [f"The picture shows the first {_SHOWN} lines."] if len(labelled) > _SHOWN else []
    values = _values(data, results, lonely, findings)
    report = Report(
        title=f"Activation energies of {table.name}",
        subtitle=f"{len(results)} lines; {data.temperature}, {data.conductivity}",
        findings=findings,
        headline=[(f"E_A of {name} (ln σ)", r.fits[0].written) for name, r in labelled[:_SHOWN]],
        sections=[
            Section(
                title="Lines", paragraphs=more, tables=[arrhenius_table(labelled)], figures=figures
            )
        ],
        provenance=collect(
            "cis arrhenius", command=command_line(), inputs=[table], libraries=LIBRARIES
        ),
        values=values,
    )
    rows = [row for name, result in labelled for row in arrhenius_rows(name, [result])]
    with result_folder(out, overwrite=overwrite) as folder:
        (folder / "arrhenius.csv").write_text(table_csv(rows), encoding="utf-8")
        write_report(report, folder)
