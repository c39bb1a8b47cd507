"""Are the uncertainties as large as the errors? Coverage of S(Q), g(r) and what is read from them.

    python benchmarks/coverage.py [--draws 1000] [--counting] [--out DIR]

Every draw is a virtual experiment with facts of its own (radius, packing, wall, density, wavelength, zero, displacement,
monochromator, dead time, container scale, Compton response), drawn from the sigma that the project file states; the reduction
is told the nominal values. Prints the share of draws whose 68.3 % and 95 % intervals hold the truth; --out writes the
figure of pulls. --counting: facts known exactly. About 0.2 s a draw.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.closed_loop.ensembles import Ensemble, coverage, mo_capillary, run
from xtsred.forward.figures import pulls_figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--counting", action="store_true", help="facts known exactly")
    parser.add_argument("--out", type=Path, help="folder for coverage.svg and coverage.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ensemble = Ensemble(
            mo_capillary(Path(folder), uncertain=() if options.counting else None), Path(folder)
        )
        start = time.perf_counter()
        found = run(ensemble, range(options.draws))
        seconds = time.perf_counter() - start
    what = "counting statistics only" if options.counting else "counting and every stated fact"
    print(f"{ensemble.scenario.name}, {what}: {options.draws} draws in {seconds:.0f} s")
    print(f"{'quantity':<22}{'mean':>8}{'width':>8}{'68.3 %':>9}{'95 %':>8}")
    for name, values in found.pulls.items():
        inside = [100 * coverage(values, share) for share in (0.6827, 0.95)]
        print(
            f"{name:<22}{values.mean():>8.3f}{values.std():>8.3f}{inside[0]:>9.1f}{inside[1]:>8.1f}"
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
