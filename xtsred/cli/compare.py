"""`xtsred compare`: Wright's R_X of one or several models against a measured S(Q)."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.errors import InputError

if TYPE_CHECKING:
    from xtsred.simulation.frame import ReadOptions
    from xtsred.simulation.model import Model, Sample, Weighting
    from xtsred.simulation.page import Compared, Comparison
    from xtsred.stages import Array

__all__ = ["compare"]

_KINDS = ("S", "S-1", "Q(S-1)", "barn")
_LIBRARIES = ("numpy", "scipy", "xraydb", "matplotlib")


@click.command()
@click.argument("measured", type=click.Path(path_type=Path))
@click.argument("calculated", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--range", "q_range", nargs=2, type=float, default=(0.6, 12.0), show_default=True,
    help="limits of Q in Å^-1, both included (those of the paper unless given)",
)  # fmt: skip
@click.option(
    "--weights",
    type=click.Choice(["Z", "xray", "neutron"]),
    help="needed for a trajectory or partials",
)
@click.option("--energy-kev", type=float, help="photon energy of f' and f'' for --weights xray")
@click.option(
    "--length",
    "lengths",
    help="own neutron lengths in fm, e.g. Li=-2.22,B=6.65 (enriched isotopes)",
)
@click.option(
    "--is",
    "measured_is",
    type=click.Choice(_KINDS),
    help="what MEASURED holds; else recognised and reported",
)
@click.option(
    "--calculated-is",
    type=click.Choice([*_KINDS, "g(r)"]),
    help="what a CALCULATED table holds; else recognised",
)
@click.option(
    "--function",
    type=click.Choice(["S", "S-1", "Q(S-1)"]),
    default="S",
    show_default=True,
    help="that R_X is formed on",
)
@click.option(
    "--window",
    type=click.Choice(["lorch", "none"]),
    default="lorch",
    show_default=True,
    help="of g(r) at half the box; R_X with the other is reported too",
)
@click.option("--frames", help="start:stop:step of a trajectory, 0-based, stop excluded")
@click.option("--types", help="types of LAMMPS and RMC files, e.g. 1=Si,2=O")
@click.option("--cell", help="cell of a file that has none: a, or a,b,c, or nine numbers, Å")
@click.option(
    "--atoms", help="atoms of a file that does not name them, in its order, e.g. Na36,Si36,S96"
)
@click.option(
    "--direct-sum",
    is_flag=True,
    help="S(Q) by reciprocal vectors too, and the difference (always with --out)",
)
@click.option("--average", is_flag=True, help="CALCULATED are independent boxes of one model")
@click.option("--composition", help="of the sample, e.g. Na2SiS3; compared with the model's")
@click.option("--density", type=float, help="of the sample, atoms/Å^3; compared with the model's")
@click.option("--out", type=click.Path(path_type=Path), help="folder for the report")
@click.option("--overwrite", is_flag=True, help="replace an earlier result")
@click.option("--json", "as_json", is_flag=True, help="print the machine-readable result")
def compare(
    measured: Path,
    calculated: tuple[Path, ...],
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """How well do models explain a measured S(Q)?

    MEASURED is a curve; each of CALCULATED a trajectory, partials in columns named by pairs, a g(r), or a curve.
    """
    from calibration.folder import check_target
    from xtsred.simulation.page import comparison_values, summary_lines

    if out is not None:
        check_target(out, overwrite=overwrite)
    choices["direct_sum"] = choices["direct_sum"] or out is not None
    comparison = _compare(measured, calculated, choices)
    if out is not None:
        _write(comparison, [measured, *calculated], out, overwrite=overwrite)
    if as_json:
        from calibration.report import to_json

        click.echo(json.dumps(to_json(comparison_values(comparison)), indent=1, ensure_ascii=False))
        return
    for line in summary_lines(comparison):
        click.echo(line)
    for finding in comparison.findings:
        click.echo(f"  {finding.severity}: {finding.text}", err=True)
    if out is not None:
        click.echo(f"report: {out / 'report.html'}")


def _compare(
    measured_path: Path, calculated: tuple[Path, ...], choices: dict[str, Any]
) -> "Comparison":
    from xtsred.simulation.compare import differences
    from xtsred.simulation.curves import read_table, structure_factor
    from xtsred.simulation.page import Comparison
    from xtsred.simulation.sample import absolute_scale, distinct_names, refuse_repeated, sample_of
    from xtsred.simulation.second_route import second_route
    from xtsred.simulation.trajectory import is_trajectory, open_trajectory, read_options

    low, high = choices["q_range"]
    if not 0.0 < low < high:
        raise InputError(
            f"--range {low:g} {high:g} is no range", remedy="write for instance --range 0.6 12"
        )
    options = read_options(**{k: choices[k] for k in ("frames", "types", "cell", "atoms")})
    weighting = _weighting(choices)
    if choices["measured_is"] == "barn" and choices["weights"] != "neutron":
        raise InputError(
            "an absolute F(Q) in barn is of neutrons, and --weights is not neutron",
            remedy="add --weights neutron, and --composition where no trajectory has it",
        )
    table = read_table(measured_path)
    sample, sample_findings = sample_of(
        table, composition=choices["composition"], density=choices["density"]
    )
    scale = absolute_scale(calculated, options=options, weighting=weighting, sample=sample)
    measured = structure_factor(
        table, meaning=choices["measured_is"], mean_b_squared=scale.mean_b_squared
    )
    scale_findings = scale.used(measured)
    refuse_repeated(calculated)
    groups = [calculated] if choices["average"] else [(path,) for path in calculated]
    compared = []
    for paths in groups:
        model = _model(paths, measured.q, options, weighting, sample, choices)
        if model.lowest_q > low * (1.0 + 1e-9):
            raise InputError(
                f"the range begins at {low:g} Å^-1, and the box of {model.name} reaches down to {model.lowest_q:.4g}",
                why="a periodic box has no wave longer than 2 pi/L",
                remedy=f"begin the range at {model.lowest_q + 0.005:.2f} or above",
            )
        one = _compared(model, measured.q, measured.s, measured.sigma, weighting, choices)
        if choices["direct_sum"] and weighting is not None and is_trajectory(paths[0]):
            box = open_trajectory(paths[0], options=options)
            span = (max(low, model.lowest_q), high)
            route = second_route(box, weighting=weighting, window=choices["window"], q_range=span)
            one = replace(one, second_route=route)
        compared.append(one)
    names = distinct_names(groups)
    compared = [
        replace(c, model=replace(c.model, name=name))
        for c, name in zip(compared, names, strict=True)
    ]
    compared.sort(key=lambda c: c.goodness.r_x)
    named = [(c.model.name, c.goodness) for c in compared]
    findings = [*measured.findings, *scale_findings, *sample_findings]
    for c in compared:
        findings += [f for f in (*c.model.findings, *c.goodness.findings) if f not in findings]
    return Comparison(
        measured=measured, models=compared, differences=differences(named), findings=findings
    )


def _weighting(choices: dict[str, Any]) -> "Weighting | None":
    from xtsred.simulation.model import Weighting
    from xtsred.simulation.trajectory import parse_values

    kind = choices["weights"]
    for option, of in (("lengths", "neutron"), ("energy_kev", "xray")):
        if choices[option] is not None and kind != of:
            name = "--length" if option == "lengths" else "--energy-kev"
            raise InputError(f"{name} is of --weights {of}", remedy="leave it out, or correct it")
    energy = choices["energy_kev"]
    if energy is not None and not 1.0 <= energy <= 400.0:
        raise InputError(
            f"--energy-kev {energy:g} is outside 1 to 400 keV",
            why="f' and f'' are not tabulated there, and structure is not measured there",
            remedy="give the photon energy in keV, for instance 17.48 (Mo K alpha)",
        )
    if kind is None:
        return None
    lengths = parse_values(choices["lengths"], option="--length") if choices["lengths"] else {}
    return Weighting(kind=kind, energy_kev=choices["energy_kev"], lengths_fm=lengths)


def _model(
    paths: tuple[Path, ...],
    q: "Array",
    options: "ReadOptions",
    weighting: "Weighting | None",
    sample: "Sample",
    choices: dict[str, Any],
) -> "Model":
    from xtsred.simulation.curves import read_table
    from xtsred.simulation.headings import real_space
    from xtsred.simulation.model import (
        curve_model,
        pair_columns,
        partials_model,
        rdf_model,
        trajectory_model,
    )
    from xtsred.simulation.sample import mean_b_squared
    from xtsred.simulation.trajectory import is_trajectory

    path = paths[0]
    if is_trajectory(path):
        return trajectory_model(
            paths,
            q,
            options=options,
            weighting=_needed(weighting, path),
            sample=sample,
            window=choices["window"],
        )
    if len(paths) > 1:
        raise InputError("--average takes trajectories only", where=str(path))
    if choices["calculated_is"] == "g(r)":
        return rdf_model(path, q, sample=sample, window=choices["window"])
    table = read_table(path)
    found = real_space(table.comments, table.names, zeros_until=table.zeros_until)
    if found is not None and found.holds == "g" and choices["calculated_is"] is None:
        return rdf_model(path, q, sample=sample, window=choices["window"], how=found.text)
    if found is None and pair_columns(table):
        return partials_model(table, weighting=_needed(weighting, path), sample=sample)
    b2 = mean_b_squared(weighting, sample.fractions)
    return curve_model(table, meaning=choices["calculated_is"], mean_b_squared=b2, sample=sample)


def _needed(weighting: "Weighting | None", path: Path) -> "Weighting":
    if weighting is None:
        raise InputError(
            "what the atoms scatter with is not stated",
            why="the same atoms give different S(Q) for X-rays and neutrons",
            remedy="add --weights xray, --weights neutron, or --weights Z (the paper's f = Z)",
            where=str(path),
        )
    return weighting


def _compared(
    model: "Model",
    q: "Array",
    s: "Array",
    sigma: "Array | None",
    weighting: "Weighting | None",
    choices: dict[str, Any],
) -> "Compared":
    from xtsred.simulation.compare import compare_curves, on_measured_grid
    from xtsred.simulation.page import Compared
    from xtsred.simulation.realspace import compare_real_space

    common = {"q_range": choices["q_range"], "function": choices["function"]}
    goodness = compare_curves(q, s, sigma, model.q, model.s, blocks=model.blocks, **common)
    others = {
        name: compare_curves(q, s, sigma, model.q, other, **common).r_x
        for name, other in model.other_windows.items()
    }
    real_space = None
    if model.density is not None:
        both = (q >= model.q[0] - 1e-9) & (q <= model.q[-1] + 1e-9)
        on_grid, _ = on_measured_grid(q[both], model.q, model.s)
        real_space = compare_real_space(q[both], s[both], on_grid, density=model.density)
    weighted = weighting is not None and not model.kind.startswith("curve")
    return Compared(
        model=model,
        goodness=goodness,
        weights=weighting.kind if weighted and weighting else "file",
        weights_text=str(weighting) if weighted else "weights as in the file",
        other_windows=others,
        real_space=real_space,
    )


def _write(comparison: "Comparison", inputs: list[Path], out: Path, *, overwrite: bool) -> None:
    from calibration.folder import result_folder
    from calibration.provenance import collect
    from calibration.report import write_report
    from xtsred.simulation.page import comparison_report
    from xtsred.simulation.tables import model_tables

    command = shlex.join(["xtsred", *sys.argv[1:]])
    provenance = collect("xtsred", command=command, inputs=inputs, libraries=_LIBRARIES)
    with result_folder(out, overwrite=overwrite) as folder:
        write_report(comparison_report(comparison, provenance), folder)
        for name, text in model_tables(comparison).items():
            (folder / name).write_text(text, encoding="utf-8")
