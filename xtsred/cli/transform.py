"""`xtsred transform`: one function of total scattering into another."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.commandline import EXIT_DONE
from calibration.errors import InputError

if TYPE_CHECKING:
    from xtsred.simulation.model import Weighting
    from xtsred.transform_file import Transformed

__all__ = ["transform"]

_HELP = """Turn the function of FILE into another one.

\b
of Q: S   i = S - 1   F = Q (S - 1)   F_keen = <b>^2 (S - 1)
      I = <f>^2 (S - 1) + <f^2>       S_AL = I/<f^2> (Ashcroft-Langreth)
of r: g   G = 4 pi rho0 r (g - 1)     T = 4 pi rho0 r g   R = r T
      G_keen = <b>^2 (g - 1)   D_keen = <b>^2 G   T_keen = <b>^2 T

S is Faber and Ziman's. Columns named by pairs (Si-O) are partials, each transformed by itself; --total sums them.
From Q to r a --window must be stated. Uncertainties go along; where the file has none they stay unknown."""


@click.command(help=_HELP)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "source", help="what FILE holds; else as its header says, or recognised")
@click.option("--to", "target", required=True, help="the function that is wanted")
@click.option("--density", type=float, help="of the sample, atoms/Å^3")
@click.option("--density-sigma", type=float, help="its standard uncertainty")
@click.option("--composition", help="of the sample, e.g. Na2SiS3")
@click.option("--weights", type=click.Choice(["xray", "neutron", "Z"]), help="scattering factors")
@click.option("--energy-kev", type=float, help="photon energy of f' and f'' for --weights xray")
@click.option("--length", "lengths", help="own neutron lengths in fm, e.g. Li=-2.22,B=6.65")
@click.option("--total", is_flag=True, help="sum partials to the total of --weights")
@click.option("--window", help="Q to r: lorch, none, soper-barney (with --delta), cosine")
@click.option("--delta", "delta_a", type=float, help="width of soper-barney, Å")
@click.option("--q-range", nargs=2, type=float, help="of the Q that are used, Å^-1; else all")
@click.option(
    "--extrapolation", type=click.Choice(["none", "constant", "parabola"]),
    help="Q to r: of S below the first Q [parabola]",
)  # fmt: skip
@click.option(
    "--sampling", type=click.Choice(["points", "bins"]),
    help="Q to r: values at points (calculated) or means over bins (measured); else by the header",
)  # fmt: skip
@click.option("--max", "grid_max", type=float, help="last r (Å) or Q (Å^-1) of the result [20]")
@click.option("--step", "grid_step", type=float, help="its step [0.02 Å, 0.05 Å^-1]")
@click.option("--columns", help='e.g. "x=1,y=4,sigma=6"; counted from 1')
@click.option("--out", type=click.Path(path_type=Path), help="the file; absent: printed")
@click.option("--overwrite", is_flag=True, help="replace a file that exists")
@click.option("--json", "as_json", is_flag=True, help="print the machine-readable result")
def transform(file: Path, out: Path | None, overwrite: bool, as_json: bool, **stated: Any) -> int:
    """See _HELP."""
    from calibration.textfile import check_file, write_file
    from xtsred.output import table_text
    from xtsred.transform_file import Choices, transform_file

    if out is not None:
        check_file(out, overwrite=overwrite, inputs=[file])
    weighting = _weighting(stated)
    _check_numbers(stated)
    columns = _columns(stated.pop("columns"))
    done = transform_file(file, Choices(weighting=weighting, columns=columns, **stated))
    title = f"{done.target.name}({done.target.space})"
    notes = {f"{f.severity} {k}": f.text for k, f in enumerate(done.findings, 1)}
    text = table_text(title, {**done.facts, **notes}, done.columns)
    if out is not None:
        write_file(out, text)
    if as_json:
        click.echo(json.dumps(_values(done, out), indent=1, ensure_ascii=False))
        return EXIT_DONE
    for finding in done.findings:
        click.echo(f"{finding.severity}: {finding.text}", err=True)
    if out is None:
        click.echo(text, nl=False)
    else:
        x = done.columns[0]
        click.echo(
            f"{out}: {title} from {done.source.name}, {x[1].size} points, {x[0]} {x[1][0]:g} to {x[1][-1]:g}"
        )
    return EXIT_DONE


def _values(done: "Transformed", out: Path | None) -> dict[str, Any]:
    from calibration.report import to_json

    return {
        "from": done.source.name,
        "to": done.target.name,
        "out": None if out is None else str(out),
        "facts": dict(done.facts),
        "columns": {name: to_json(values) for name, values in done.columns},
        "findings": [to_json(f) for f in done.findings],
    }


def _weighting(stated: dict[str, Any]) -> "Weighting | None":
    kind, energy = stated.pop("weights"), stated.pop("energy_kev")
    lengths = stated.pop("lengths")
    for option, value, of in (("--length", lengths, "neutron"), ("--energy-kev", energy, "xray")):
        if value is not None and kind != of:
            raise InputError(f"{option} is of --weights {of}", remedy="leave it out, or correct it")
    if energy is not None and not 1.0 <= energy <= 400.0:
        raise InputError(
            f"--energy-kev {energy:g} is outside 1 to 400 keV",
            remedy="give the photon energy in keV, for instance 17.48 (Mo K alpha)",
        )
    if kind is None:
        return None
    from xtsred.simulation.model import Weighting
    from xtsred.simulation.trajectory import parse_values

    own = parse_values(lengths, option="--length") if lengths else {}
    return Weighting(kind=kind, energy_kev=energy, lengths_fm=own)


def _check_numbers(stated: dict[str, Any]) -> None:
    for key in ("density_sigma", "delta_a", "grid_max", "grid_step"):
        value = stated[key]
        if value is not None and not 0.0 < value < 1e6:
            option = {"delta_a": "--delta", "grid_max": "--max", "grid_step": "--step"}
            name = option.get(key, "--density-sigma")
            raise InputError(f"{name} must be a positive number, not {value:g}")
    q_range = stated["q_range"]
    if q_range is not None and not 0.0 <= q_range[0] < q_range[1]:
        raise InputError(
            f"--q-range {q_range[0]:g} {q_range[1]:g} is no range",
            remedy="write for instance --q-range 0.6 17",
        )
    if stated["density_sigma"] is not None and stated["density"] is None:
        raise InputError(
            "--density-sigma is given without --density", remedy="state both, or neither"
        )


def _columns(text: str | None) -> dict[str, int]:
    if not text:
        return {}
    chosen: dict[str, int] = {}
    for part in text.split(","):
        key, _, number = (word.strip() for word in part.partition("="))
        if key not in ("x", "y", "sigma") or not number.isdecimal():
            raise InputError(
                f"--columns {part.strip()!r} is no column",
                remedy='write for instance --columns "x=1,y=4,sigma=6"',
            )
        chosen[key] = int(number)
    return chosen
