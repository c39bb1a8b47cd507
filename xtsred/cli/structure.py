"""`xtsred structure`: distances, coordination, network units and motion of a trajectory."""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.errors import InputError

if TYPE_CHECKING:
    from xtsred.simulation.structure import Structure
    from xtsred.simulation.trajectory import Trajectory
    from xtsred.simulation.transport import Transport

__all__ = ["structure"]


@click.command()
@click.argument("trajectory", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--cutoff",
    "cutoffs",
    multiple=True,
    help="bond length of a pair, e.g. Si-S=2.8 (Å); may be repeated",
)
@click.option("--r-max", type=float, help="of g(r), Å; else half the smallest cell height")
@click.option("--dr", type=float, default=0.02, show_default=True, help="bin width of g(r), Å")
@click.option("--frames", help="start:stop:step, 0-based, stop excluded")
@click.option("--types", help="types of LAMMPS and RMC files, e.g. 1=Si,2=O")
@click.option("--cell", help="cell of a file that has none: a, or a,b,c, or nine numbers, Å")
@click.option("--atoms", help="atoms of a file that does not name them, e.g. Na36,Si36,S96")
@click.option(
    "--time-step-ps",
    type=float,
    help="time between the frames of the file, ps: asks for diffusion and conductivity",
)
@click.option("--temperature", type=float, help="K, for the conductivities")
@click.option("--charge", help="of every element in e, e.g. Na=1,Si=4,S=-2")
@click.option("--mobile", help="the ion of the Haven ratio, e.g. Na")
@click.option(
    "--fit-window", nargs=2, type=float, help="lags of the fit to the mean-square displacement, ps"
)
@click.option("--out", type=click.Path(path_type=Path), help="folder for the report and tables")
@click.option("--overwrite", is_flag=True, help="replace an earlier result")
@click.option("--json", "as_json", is_flag=True, help="print the machine-readable result")
def structure(
    trajectory: tuple[Path, ...],
    cutoffs: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Structure of a TRAJECTORY, or of several independent boxes of one system."""
    from calibration.folder import check_target
    from xtsred.simulation.structure import analyse_structure
    from xtsred.simulation.structure_page import structure_lines, structure_values
    from xtsred.simulation.trajectory import open_trajectory, read_options

    if out is not None:
        check_target(out, overwrite=overwrite)
    options = read_options(**{k: choices[k] for k in ("frames", "types", "cell", "atoms")})
    boxes = [open_trajectory(path, options=options) for path in trajectory]
    found = analyse_structure(
        boxes,
        cutoffs=dict(_cutoff(text) for text in cutoffs),
        dr=choices["dr"],
        r_max=choices["r_max"],
        transport=_transport(boxes, choices),
    )
    if out is not None:
        _write(found, boxes, out, overwrite=overwrite)
    if as_json:
        from calibration.report import to_json

        click.echo(json.dumps(to_json(structure_values(found)), indent=1, ensure_ascii=False))
        return
    for line in structure_lines(found):
        click.echo(line)
    for finding in found.findings:
        click.echo(f"  {finding.severity}: {finding.text}", err=True)
    if out is not None:
        click.echo(f"report: {out / 'report.html'}")


def _cutoff(text: str) -> tuple[tuple[str, str], float]:
    found = re.fullmatch(r"\s*([A-Z][a-z]?)-([A-Z][a-z]?)\s*=\s*([0-9.]+)\s*", text)
    if not found:
        raise InputError(f"--cutoff {text!r} is not of the form Si-S=2.8")
    return (found.group(1), found.group(2)), float(found.group(3))


def _transport(boxes: list["Trajectory"], choices: dict[str, Any]) -> "Transport | None":
    needed = {
        "--time-step-ps": choices["time_step_ps"],
        "--temperature": choices["temperature"],
        "--charge": choices["charge"],
        "--mobile": choices["mobile"],
        "--fit-window": choices["fit_window"],
    }
    missing = [name for name, value in needed.items() if value is None]
    if len(missing) == len(needed):
        return None
    if missing:
        raise InputError(
            f"diffusion and conductivity also need {', '.join(missing)}",
            why="none of them can be guessed from the trajectory",
        )
    if len(boxes) > 1:
        raise InputError("diffusion is analysed for one trajectory at a time")
    from xtsred.simulation.trajectory import parse_values
    from xtsred.simulation.transport import transport, unwrap

    # frames that --frames leaves out make the time between those that are left longer
    step = choices["time_step_ps"] * boxes[0].options.frames.step
    return transport(
        unwrap(boxes[0], time_step_ps=step),
        temperature_k=choices["temperature"],
        charges=parse_values(choices["charge"], option="--charge"),
        mobile=choices["mobile"],
        window_ps=choices["fit_window"],
    )


def _write(found: "Structure", boxes: list["Trajectory"], out: Path, *, overwrite: bool) -> None:
    from calibration.folder import result_folder
    from calibration.provenance import collect
    from calibration.report import write_report
    from xtsred.simulation.figures import distance_figure, msd_figure, neighbour_figure
    from xtsred.simulation.structure_page import arrhenius_table, structure_report
    from xtsred.simulation.tables import distance_table

    names = " + ".join(box.path.name for box in boxes)
    figures = [distance_figure(found.partials, found.minima, found.cutoffs)]
    figures += [neighbour_figure(n) for n in found.neighbours]
    if found.transport is not None:
        figures.append(msd_figure(found.transport))
    provenance = collect(
        "xtsred",
        command=shlex.join(["xtsred", *sys.argv[1:]]),
        inputs=[box.path for box in boxes],
        libraries=("numpy", "scipy", "matplotlib"),
    )
    with result_folder(out, overwrite=overwrite) as folder:
        write_report(structure_report(found, provenance, title=names, figures=figures), folder)
        facts = {"model": names, "frames": str(found.partials.frames)}
        table = distance_table(found.partials, facts)
        (folder / "partial_g.csv").write_text(table, encoding="utf-8")
        if found.transport is not None:
            table = arrhenius_table(found.transport, name=boxes[0].path.stem)
            (folder / "conductivity.csv").write_text(table, encoding="utf-8")
