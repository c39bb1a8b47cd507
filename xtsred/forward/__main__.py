"""`python -m xtsred.forward OUT --seed N`: the files of the demonstration."""

from pathlib import Path

import click

from calibration.commandline import run
from calibration.folder import result_folder
from xtsred.forward.demo import DEMO_SEED, write_demo


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=DEMO_SEED, show_default=True, help="of the counting noise")
def command(out: Path, seed: int) -> None:
    """Simulate the virtual NS glass before an Ag tube and write its scans and truth into the new folder OUT."""
    with result_folder(out, overwrite=False) as folder:
        write_demo(folder, seed=seed)


if __name__ == "__main__":
    raise SystemExit(run(command))
