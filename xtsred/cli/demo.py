"""`xtsred demo`: reduces the virtual experiment that ships with the package, and says how far from the truth it is."""

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import click

from xtsred.cli.progress import progress_bar
from xtsred.cli.reduce import Done, echo_result, reduce_one

__all__ = ["demo"]


@click.command(name="demo")
@click.option(
    "--out",
    default="xtsred-demo",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the result.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def demo(out: Path, overwrite: bool, as_json: bool) -> None:
    """Reduce a virtual NS glass (simulated scans, known S(Q)) and compare with the truth."""
    command = f"xtsred demo --out {out}" + (" --overwrite" if overwrite else "")
    with as_file(files("xtsred") / "data" / "demo") as folder, progress_bar(1) as bar:
        bar.begin("virtual NS glass")
        done = reduce_one(
            folder / "run.toml",
            target=out,
            overwrite=overwrite,
            settings=(),
            command=command,
            bar=bar,
        )
        bar.finish()
    if as_json:
        click.echo(json.dumps({"folder": str(done.folder), **done.result}, indent=1))
        return
    echo_result(done)
    click.echo(_distance(done))


def _distance(done: Done) -> str:
    """How far S(Q) is from the S(Q) that the simulation was made with."""
    found: Any = done.result["comparison"]
    low, high = found["q_range"]
    pulls = found["pull_width"]
    width = (
        "" if pulls is None else f", {pulls:.2f} standard uncertainties wide (1 if they are right)"
    )
    return (
        f"This virtual experiment was simulated from a known S(Q). Over {low:.3g} to {high:.3g} Å⁻¹ the reduced S(Q) is "
        f"{found['rms']:.4f} (rms) from it{width}."
    )
