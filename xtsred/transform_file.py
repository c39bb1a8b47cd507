"""`xtsred transform`: a table in, the same data as another function out, with a header that says what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from xtsred.fourier import WINDOWS, Window
from xtsred.functions import FUNCTIONS, Function, find_function
from xtsred.simulation.curves import Table, read_table
from xtsred.simulation.headings import facts as header_facts
from xtsred.simulation.model import Sample, Weighting
from xtsred.simulation.sample import sample_of
from xtsred.stages import Array
from xtsred.transform import Crossing, Profile, uniform_grid
from xtsred.transform_read import (
    Column,
    columns_of,
    function_of,
    means_over_bins,
    was_transformed,
)
from xtsred.transform_run import Run

__all__ = ["Choices", "Transformed", "transform_file"]

_GRIDS = {"r": (20.0, 0.02), "Q": (20.0, 0.05)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the user states; None: not stated.

    source, target: names of `xtsred.functions`. columns: x, y, sigma -> number from 1. q_range: of the Q that is used.
    grid_max, grid_step: of the result's x, across the transform. total: sum partials to a total.
    """

    source: str | None
    target: str
    composition: str | None = None
    density: float | None = None
    density_sigma: float | None = None
    weighting: Weighting | None = None
    window: str | None = None
    delta_a: float | None = None
    q_range: tuple[float, float] | None = None
    grid_max: float | None = None
    grid_step: float | None = None
    extrapolation: Literal["none", "constant", "parabola"] | None = None
    sampling: Literal["points", "bins"] | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformed:
    """columns: (name, values of shape (n,)), x first; facts: lines of the header; findings: doubts."""

    source: Function
    target: Function
    columns: tuple[tuple[str, Array], ...]
    facts: Mapping[str, str]
    findings: tuple[Finding, ...]


def transform_file(path: Path, choices: Choices) -> Transformed:
    """Read, convert, describe. Raises InputError or ReadError for what is unknown, undefined or contradicts itself."""
    target = find_function(choices.target)
    table = read_table(path)
    source, how = function_of(
        table, stated=choices.source, other_column=choices.columns.get("y", 2) != 2
    )
    if source.space == "r":
        table = read_table(path, zeros="values")
    sample, said = sample_of(table, composition=choices.composition, density=choices.density)
    read = columns_of(table, source=source, chosen=choices.columns)
    findings = [*read.findings, *said, *how, *_names(choices), *_radiation(table, choices, sample)]
    columns = list(read.columns)
    _refuse_idle(choices, source, target, columns, where=table.file)
    q_range, range_said = _range(table, choices, crosses=source.space == "Q" != target.space)
    findings += range_said
    columns = [_cut(c, q_range, source, where=table.file) for c in columns]
    if source.space == "r" and target.space == "Q" and was_transformed(table.comments):
        findings.append(_windowed(table))
        columns = [replace(c, sigma=None) for c in columns]
    run = Run(
        sample=sample,
        weighting=choices.weighting,
        density_sigma=choices.density_sigma,
        crossing=None,
    )
    if choices.total:
        total = run.summed(columns, source, table.file)
        columns, source_now = [total], FUNCTIONS[total.name]
    else:
        source_now = source
    if source.space != target.space:
        crossing, more = _crossing(table, columns[0].x, target, replace(choices, q_range=q_range))
        run = replace(run, crossing=crossing)
        findings += more
    done = [run.one(column, source_now, target) for column in columns]
    findings += [f for _, _, doubts in done for f in doubts]
    names = [c.name if c.pair else target.name for c in columns]
    facts = _facts(table, source, target, run, choices, partial=columns[0].pair is not None)
    return Transformed(
        source=source,
        target=target,
        columns=tuple(_output(names, [p for p, _, _ in done])),
        facts={**facts, **done[0][1], **_sigma_facts([p for p, _, _ in done])},
        findings=_distinct(findings),
    )


def _range(
    table: Table, choices: Choices, *, crosses: bool
) -> tuple[tuple[float, float] | None, list[Finding]]:
    """Limits of Q: as stated, else those that the header of a reduction was transformed with."""
    if choices.q_range is not None or not crosses or not means_over_bins(table.comments):
        return choices.q_range, []
    said = header_facts(table.comments)
    try:
        low, high = float(said["qmin"]), float(said["qmax"])
    except (KeyError, ValueError):
        return None, []
    text = (
        f"Q from {low:g} to {high:g} Å^-1 is used, as the header says (--q-range says otherwise)."
    )
    return (low, high), [Finding("note", text)]


def _cut(
    column: Column, q_range: tuple[float, float] | None, source: Function, *, where: str
) -> Column:
    if q_range is None or source.space == "r":
        return column
    low, high = q_range
    kept = (column.x >= low - 1e-9) & (column.x <= high + 1e-9)
    if np.count_nonzero(kept) < 3:
        raise InputError(
            f"--q-range {low:g} {high:g} leaves fewer than three points",
            why=f"the file has Q from {column.x[0]:g} to {column.x[-1]:g} Å^-1",
            where=where,
        )
    return replace(
        column,
        x=column.x[kept],
        y=column.y[kept],
        sigma=None if column.sigma is None else column.sigma[kept],
    )


def _crossing(
    table: Table, x: Array, target: Function, choices: Choices
) -> tuple[Crossing, list[Finding]]:
    last, step = _GRIDS[target.space]
    first = choices.grid_step or step
    grid = uniform_grid(first, choices.grid_max or last, step=first, name=target.space)
    if target.space == "Q":
        return Crossing(grid=grid), []
    findings: list[Finding] = []
    sampling = choices.sampling
    if sampling is None:
        sampling = "bins" if means_over_bins(table.comments) else "points"
        words = "means over their bins" if sampling == "bins" else "values at their Q"
        reason = "its header is of a reduction" if sampling == "bins" else "its header is of none"
        text = f"The numbers of {Path(table.file).name} are taken as {words}: {reason} (--sampling says otherwise)."
        findings.append(Finding("note", text))
    window = None
    if choices.window is not None:
        high = float(x[-1])
        if choices.q_range is not None and choices.q_range[1] < high + float(x[-1] - x[-2]):
            high = choices.q_range[1]
        window = Window(name=choices.window, q_max=high, delta_a=choices.delta_a or 0.0)
    return (
        Crossing(
            grid=grid,
            window=window,
            extrapolation=choices.extrapolation or "parabola",
            sampling=sampling,
        ),
        findings,
    )


def _refuse_idle(
    choices: Choices,
    source: Function,
    target: Function,
    columns: Sequence[Column],
    *,
    where: str,
) -> None:
    """An option that does nothing is a misunderstanding. Raises InputError."""
    to_r = source.space == "Q" and target.space == "r"
    idle = {
        "--window": choices.window is not None and not to_r,
        "--extrapolation": choices.extrapolation is not None and not to_r,
        "--sampling": choices.sampling is not None and not to_r,
        "--delta": choices.delta_a is not None and choices.window != "soper-barney",
        "--q-range": choices.q_range is not None and source.space == "r",
        "--max and --step": (choices.grid_max or choices.grid_step) is not None
        and source.space == target.space,
        "--total": choices.total and columns[0].pair is None,
    }
    named = [option for option, useless in idle.items() if useless]
    if named:
        raise InputError(
            f"{named[0]} does nothing from {source.name} to {target.name} here",
            why="the window, the grid and the rest belong to the transform from Q to r or back"
            if named[0] != "--total"
            else "no column is named by a pair of elements",
            remedy="leave it out",
            where=where,
        )
    if choices.window == "soper-barney" and not choices.delta_a:
        raise InputError(
            "the soper-barney window needs its width", remedy="add --delta, for instance 0.1 (Å)"
        )
    if choices.window is not None and choices.window not in WINDOWS:
        raise InputError(f"no window {choices.window!r}", remedy=f"one of {', '.join(WINDOWS)}")


def _names(choices: Choices) -> list[Finding]:
    """D stands for two functions in the literature."""
    if "D" not in (choices.source, choices.target):
        return []
    text = "D is taken as 4 pi rho0 r [g(r) - 1], here called G; Keen's own D(r), with <b>^2, is D_keen."
    return [Finding("note", text)]


def _radiation(table: Table, choices: Choices, sample: Sample) -> list[Finding]:
    weighting = choices.weighting
    if weighting is None:
        return []
    findings = list(weighting.findings(tuple(sample.fractions or ())))
    mode = header_facts(table.comments).get("mode", "")
    if mode and (mode == "neutron") != (weighting.kind == "neutron"):
        raise InputError(
            f"the file's header says {mode}, and --weights {weighting.kind}",
            why="a total of one radiation cannot be turned into that of another without its partials",
            remedy=f"use --weights {mode}, or correct the header",
            where=table.file,
        )
    return findings


def _windowed(table: Table) -> Finding:
    text = (
        f"{Path(table.file).name} was made by a transform with {was_transformed(table.comments)}: what comes out is the S(Q) "
        "times that window, and its points in r are correlated, so no uncertainty is propagated from them."
    )
    return Finding("warning", text)


def _facts(
    table: Table, source: Function, target: Function, run: Run, choices: Choices, *, partial: bool
) -> dict[str, str]:
    from calibration.provenance import collect

    path = Path(table.file)
    axis = "Q 1/A" if target.space == "Q" else "r A"
    unit = target.unit.replace("f^2", _unit(choices.weighting))
    provenance = collect("xtsred", command="transform", inputs=[path], libraries=())
    facts = {
        "function": target.name,
        "definition": target.definition,
        "units": f"{axis}, {target.name} {'dimensionless' if unit == '1' else unit}",
        "made from": f"{path.name}, {source.name}: {source.definition}",
        "normalization": "none: partials carry no scattering factor"
        if partial
        else "Faber-Ziman: divided by |<f>|^2, unless the definition says otherwise",
    }
    said = header_facts(table.comments)
    facts |= {name: said[name] for name in ("virtual", "sample", "mode") if name in said}
    if choices.total:
        facts["made from"] += "; partials summed with the weights of the pairs"
    if run.sample.fractions is not None:
        facts["composition"] = " ".join(f"{e}{c:.6g}" for e, c in run.sample.fractions.items())
    if run.sample.number_density_per_a3 is not None:
        sigma = choices.density_sigma
        plus = f" +- {sigma:g}" if sigma is not None else ""
        facts["number density"] = f"{run.sample.number_density_per_a3:.6g}{plus} atoms/A^3"
    if choices.weighting is not None:
        facts["weights"] = str(choices.weighting)
        facts["mode"] = "neutron" if choices.weighting.kind == "neutron" else "xray"
    facts["transformed by"] = f"xtsred {provenance.version}, {provenance.started}"
    facts["from file"] = f"{path.name} sha256 {provenance.inputs[0].sha256}"
    return facts


def _unit(weighting: Weighting | None) -> str:
    if weighting is None:
        return "<f>^2"
    return "barn/sr/atom" if weighting.kind == "neutron" else "e.u./atom"


def _sigma_facts(profiles: Sequence[Profile]) -> dict[str, str]:
    facts = {
        "sigma": "unknown: the input has none"
        if any(p.sigma is None for p in profiles)
        else "of the input, independent points, one standard uncertainty; across the transform points are correlated"
    }
    if any(p.density_mode is not None for p in profiles):
        facts["sigma_density"] = "by the uncertainty of the number density, common to all points"
    return facts


def _output(names: Sequence[str], profiles: Sequence[Profile]) -> list[tuple[str, Array]]:
    first = profiles[0]
    columns: list[tuple[str, Array]] = [(first.function.space, first.x)]
    columns += [(name, p.y) for name, p in zip(names, profiles, strict=True)]
    alone = len(profiles) == 1
    for name, profile in zip(names, profiles, strict=True):
        end = "" if alone else f"({name})"
        if profile.sigma is not None:
            columns.append((f"sigma{end}", profile.sigma))
        if profile.density_mode is not None:
            columns.append((f"sigma_density{end}", np.abs(profile.density_mode)))
    return columns


def _distinct(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple({f.text: f for f in findings}.values())
