"""One table of speed, memory and accuracy, measured twice in one run, with the machine it was measured on.

    python benchmarks/table.py [--shared FOLDER] [--once] [--write benchmarks/RESULTS.md]

Every figure is measured twice, the whole list after the whole list; the last column is the second over the first. Accuracy is
against published tables, closed forms and known truths, never against an earlier run. What other programs do with the
same inputs stands below (`benchmarks/peers.py`); those that are not installed are listed as such.
"""

import argparse
import datetime
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BENCHMARKS = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """One measured figure; unit "" for a pure number."""

    name: str
    value: float
    unit: str


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Best wall time in ms of some, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def process(arguments: list[str]) -> tuple[float, float]:
    """Wall time in s and peak memory in MB of `python ARGUMENTS` as a process of its own (best of two)."""
    code = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL)\n"
        "took = time.perf_counter() - start\n"
        "assert done.returncode in (0, 3), done.returncode\n"
        "print(took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    return min(float(r[0]) for r in runs), max(float(r[1]) for r in runs)


def command(program: str, *arguments: object) -> list[str]:
    return ["-c", f"from {program}.cli import main; main()", *map(str, arguments)]


def reduction(shared: Path) -> Iterator[Figure]:
    from xtsred.config import load_project
    from xtsred.inputs import read_inputs
    from xtsred.memo import Memo
    from xtsred.pipeline import reduce_inputs

    for program in ("xtsred", "cis"):
        yield Figure(f"{program} --help", process(command(program, "--help"))[0], "s")
    path = shared / "examples/ns_xray/run.toml"
    if not path.is_file():
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        seconds, memory = process(command("xtsred", "reduce", path, "--out", out, "--overwrite"))
    yield Figure("xtsred reduce ns_xray, whole process with report", seconds, "s")
    yield Figure("the same, peak memory", memory, "MB")
    loaded = load_project(path)
    inputs = read_inputs(loaded)
    yield Figure("reduction of ns_xray, warm", best(lambda: reduce_inputs(loaded, inputs)), "ms")
    memo = Memo()
    windows = ["none", "lorch"]

    def turn() -> None:
        windows.reverse()
        changed = load_project(path, settings=[f"fourier.window={windows[0]}"])
        reduce_inputs(changed, inputs, memo=memo)

    yield Figure("another Fourier window, remembered stages", best(turn), "ms")
    result = reduce_inputs(loaded, inputs)
    if result.comparison is not None:
        yield Figure("ns_xray: rms of S over R_X's range", result.comparison.rms, "")
        s, truth = result.structure_factor, shared / "data/xrd/ns_mo_virtual/truth_SQ.csv"
        table = np.genfromtxt(truth, delimiter=",", names=True)
        tq, ts = (table[name] for name in table.dtype.names[:2])
        inside = (s.q > 0.6) & (s.q < 17.0)
        error = (s.s - np.interp(s.q, tq, ts))[inside]
        yield Figure("ns_xray: rms of S, 0.6-17 1/A (floor 0.0050)", float(np.std(error)), "")
        yield Figure("ns_xray: width of the pulls", float(np.std(error / s.sigma[inside])), "")


def corrections(_shared: Path) -> Iterator[Figure]:
    from xtsred.corrections.absorption import Attenuation, paalman_pings
    from xtsred.corrections.geometry import Cylinder

    angles = np.linspace(0.0, 180.0, 152)
    exact = {  # A* at 2theta 0 and 180 deg: independent quadrature to 1e-8
        0.5: (2.29961, 2.04970),
        1.0: (5.09098, 3.38875),
        2.0: (21.43631, 6.38931),
        5.0: (363.0443, 15.7476),
    }
    worst, slowest = 0.0, 0.0
    for mu_r, ends in exact.items():
        mu = Attenuation(core_per_mm=mu_r, wall_per_mm=0.0)

        def compute(mu: Attenuation = mu) -> np.ndarray:
            found = paalman_pings(
                angles,
                cylinder=Cylinder(radius_mm=1.0, wall_mm=0.0),
                beam_width_mm=4.0,
                mu_in=mu,
                mu_out=mu,
            )
            return found.a_s_sc

        slowest = max(slowest, best(compute))
        worst = max(worst, float(np.max(np.abs(1.0 / compute()[[0, -1]] / ends - 1.0))))
    yield Figure("absorption of a rod, mu R 0.5-5: largest relative error", worst, "")
    yield Figure("the same, 152 angles, slowest", slowest, "ms")


def impedance(_shared: Path) -> Iterator[Figure]:
    from benchmarks.impedance_fit import TRUTH, simulated
    from cis.fit import fit_spectrum

    times, pulls = [], []
    for seed in range(150):
        spectrum = simulated(list(TRUTH), lead_h=0.0, noise=0.003, seed=[seed])
        start = time.perf_counter()
        fit = fit_spectrum(spectrum, circuit="auto")
        times.append(time.perf_counter() - start)
        if fit.resistance_sigma_ohm is not None:
            pulls.append((fit.resistance_ohm - TRUTH[0]) / fit.resistance_sigma_ohm)
    yield Figure("fit of one spectrum, circuit chosen, median", 1e3 * float(np.median(times)), "ms")
    inside = float(np.mean(np.abs(pulls) < 1.0))
    yield Figure("R of 150 spectra: 68 % interval covers", inside, "")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        seconds, memory = process(command("cis", "demo", "--out", out, "--overwrite"))
    yield Figure("cis demo: three series with reports, whole process", seconds, "s")
    yield Figure("the same, peak memory", memory, "MB")


def simulation(_shared: Path) -> Iterator[Figure]:
    from benchmarks.simulation import gas_frames
    from xtsred.simulation.partials import partial_distributions

    small = gas_frames(300, 18.0, 200)
    yield Figure(
        "g_ij(r) of 300 atoms, per 1000 frames",
        5.0 * best(lambda: partial_distributions([small]), 2) / 1e3,
        "s",
    )
    large = gas_frames(10_000, 50.0, 5)
    yield Figure(
        "g_ij(r) of 10 000 atoms to 10 A, per 100 frames",
        20.0 * best(lambda: partial_distributions([large], r_max=10.0), 1) / 1e3,
        "s",
    )


def own_memory(_shared: Path) -> Iterator[Figure]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    yield Figure("peak memory of this program", peak, "MB")


PARTS = (reduction, corrections, impedance, simulation, own_memory)


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, {pages:.0f} GiB, {platform.system()}; Python "
        f"{platform.python_version()}, numpy {np.__version__}; load {load:.1f} at the start"
    )


def measured(shared: Path) -> list[Figure]:
    return [figure for part in PARTS for figure in part(shared)]


def rows(first: list[Figure], second: list[Figure] | None) -> Iterator[str]:
    yield "| figure | value | unit | second / first |"
    yield "|---|---|---|---|"
    for i, figure in enumerate(first):
        ratio = ""
        if second is not None and figure.value:
            ratio = f"{second[i].value / figure.value:.2f}"
        yield f"| {figure.name} | {figure.value:.4g} | {figure.unit} | {ratio} |"


def peers(shared: Path) -> str:
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "peers.py", "--data", shared / "data"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else f"failed: {done.stderr.splitlines()[-1]}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--once", action="store_true", help="measure once")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the tables here")
    options = parser.parse_args()
    head = f"xtsred {importlib.metadata.version('xtsred')}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}\n{machine()}\n"
    print(head)
    first = measured(options.shared)
    second = None if options.once else measured(options.shared)
    table = "\n".join(rows(first, second))
    print(table)
    beside = peers(options.shared)
    print(f"\nThe same inputs through other programs:\n\n{beside}")
    if options.write is not None:
        text = (
            "# Measured\n\nWritten by `python benchmarks/table.py --write benchmarks/RESULTS.md`; times depend on the machine and on what "
            f"else it does.\n\n{head}\n{table}\n\n## The same inputs through other programs\n\n{beside}"
        )
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
