"""Are the uncertainties as large as the errors? Coverage of S(Q), g(r) and what is read from them.

    python benchmarks/coverage.py [--draws 1000] [--counting] [--jobs N] [--out DIR]

Every draw is a virtual experiment with facts of its own (radius, packing, wall, density, wavelength, zero, displacement,
monochromator, dead time, container scale, Compton response), drawn from the sigma that the project file states; the reduction
is told the nominal values. Prints the share of draws whose 68.3 % and 95 % intervals hold the truth; --out writes the
figure of pulls. --counting: facts known exactly. About 0.2 s a draw.
"""

import argparse
import itertools
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from tests.closed_loop.ensembles import Ensemble, Found, coverage, joined, mo_capillary, run
from xtsred.forward.figures import pulls_figure


def chunk(job: tuple[int, int, bool]) -> tuple[str, Found]:
    """Draws first to last in a process of their own; every process makes its own walks and budget."""
    first, last, counting = job
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ensemble = Ensemble(mo_capillary(place, uncertain=() if counting else None), place)
        return ensemble.scenario.name, run(ensemble, range(first, last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--counting", action="store_true", help="facts known exactly")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, help="folder for coverage.svg and coverage.png")
    options = parser.parse_args()
    edges = [round(k * options.draws / options.jobs) for k in range(options.jobs + 1)]
    jobs = [(low, high, options.counting) for low, high in itertools.pairwise(edges)]
    start = time.perf_counter()
    with ProcessPoolExecutor(options.jobs) as pool:
        parts = list(pool.map(chunk, jobs))
    seconds = time.perf_counter() - start
    name, found = parts[0][0], joined([part for _, part in parts])
    what = "counting statistics only" if options.counting else "counting and every stated fact"
    print(f"{name}, {what}: {options.draws} draws in {seconds:.0f} s")
    print(f"{'quantity':<34}{'mean':>8}{'width':>8}{'68.3 %':>9}{'95 %':>8}")
    for quantity, values in found.pulls.items():
        inside = [100 * coverage(values, share) for share in (0.6827, 0.95)]
        print(
            f"{quantity:<34}{values.mean():>8.3f}{values.std():>8.3f}{inside[0]:>9.1f}{inside[1]:>8.1f}"
        )
    error = [100 * np.sqrt(p * (1 - p) / options.draws) for p in (0.6827, 0.95)]
    print(f"binomial error of a single number: {error[0]:.1f}, {error[1]:.1f}")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        title = f"Pulls: {what}"
        figure = pulls_figure(found.pulls, axes_of=found.axes, title=title)
        (options.out / "coverage.svg").write_bytes(figure.svg)
        (options.out / "coverage.png").write_bytes(figure.png)
        print(f"figure: {options.out / 'coverage.svg'}")


if __name__ == "__main__":
    main()
