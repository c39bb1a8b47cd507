"""Scale of the batch commands: patterns and spectra per second, memory against their number, what a stored result costs.

    PYTHONPATH=. python benchmarks/batch.py [patterns|spectra|collect|store|threads ...] [--count N] [--small N] [--workers 1 2] [--keep DIR]

patterns: generated patterns of 15 200 points, in a capillary, with multiple scattering; spectra: virtual pellets of 8 spectra.
--count 2000 and --count 5000 are the figures asked for; the defaults are a tenth of them. Linux only (reads /proc).
CPU seconds are given beside the clock because they do not depend on what else the machine does.
"""

import argparse
import contextlib
import hashlib
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.campaign.durable import Store
from calibration.campaign.jobs import Result
from cis.demo import demo_plates
from cis.forward import Glass, Laboratory, measure_series, write_smart_csv
from tests.xtsred.batch_series import write_heating

PELLETS = """\
name = "virtual pellets"
table = "pellets.csv"

[defaults]
virtual = true

[defaults.temperature]
sigma_K = 0.1

[defaults.model]
circuit = "auto"
series = "separate"

[defaults.arrhenius]
form = "both"
"""
SPECTRA_EACH = 8
MULTIPLE = "\n[multiple_scattering]\norders = 3\n"


@dataclass(frozen=True)
class Measured:
    """Clock and CPU seconds of a command, peak memory of its first process and of all together (MB)."""

    seconds: float
    cpu_s: float
    first_mb: float
    all_mb: float


def measure(command: list[str]) -> Measured:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    first = everything = 0.0
    while process.poll() is None:
        sizes = memory_of_tree(process.pid)
        first = max(first, sizes.get(process.pid, 0.0))
        everything = max(everything, sum(sizes.values()))
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(seconds, cpu, first, everything)


def memory_of_tree(root: int) -> dict[int, float]:
    """Proportional set size (shared pages counted once) of a process and its descendants, MB."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                stat = (entry / "stat").read_text()
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    tree, new = {root}, {root}
    while new:
        new = {p for p, parent in parents.items() if parent in new} - tree
        tree |= new
    sizes = {}
    for pid in tree:
        with contextlib.suppress(OSError, StopIteration, IndexError):
            lines = (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines()
            line = next(text for text in lines if text.startswith("Pss:"))
            sizes[pid] = int(line.split()[1]) / 1024.0
    return sizes


def program(name: str, *arguments: object) -> list[str]:
    code = f"from {name}.cli import main; main()"
    return [sys.executable, "-c", code, *map(str, arguments)]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def table(title: str, rows: list[tuple[str, ...]]) -> None:
    print(f"\n{title}")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)))


HEAD = ("run", "clock s", "CPU s", "per s of clock", "per CPU s", "first process MB", "all MB")


def line(name: str, count: int, found: Measured) -> tuple[str, ...]:
    return (
        name,
        f"{found.seconds:.1f}",
        f"{found.cpu_s:.1f}",
        f"{count / found.seconds:.2f}",
        f"{count / found.cpu_s:.2f}",
        f"{found.first_mb:.0f}",
        f"{found.all_mb:.0f}",
    )


def patterns(folder: Path, count: int, small: int, workers: list[int]) -> None:
    rows, outputs = [HEAD], []
    series: dict[int, Path] = {}
    for n in sorted({small, count}):
        start = time.perf_counter()
        temperatures = np.round(np.linspace(300.0, 800.0, n), 3).tolist()
        series[n] = write_heating(
            folder / f"patterns{n}", temperatures, step_deg=0.01, extra=MULTIPLE
        )
        print(f"{n} patterns of 15 200 points written in {time.perf_counter() - start:.0f} s")
    for w in workers:
        for n in sorted(series):
            out = folder / f"out{n}-{w}"
            found = measure(program("xtsred", "batch", series[n], "--out", out, "--workers", w))
            rows.append(line(f"{n} patterns, {w} workers", n, found))
            if n == count:
                outputs.append(digest(out / "series.h5"))
    out = folder / f"out{count}-{workers[-1]}"
    again = program("xtsred", "batch", series[count], "--out", out, "--workers", workers[-1])
    rows.append(line(f"{count} again, nothing changed", count, measure(again)))
    table("xtsred batch", rows)
    print(f"  series.h5 the same for all numbers of workers: {len(set(outputs)) == 1}")
    sizes = [p.stat().st_size for p in (out / "parts").rglob("*.npz")]
    print(f"  a stored pattern has {np.mean(sizes) / 1024:.0f} kB")


def write_pellets(folder: Path, samples: int) -> Path:
    folder.mkdir(parents=True)
    rows = ["sample,file,thickness_mm,thickness_sigma_mm,diameter_mm,diameter_sigma_mm"]
    for i in range(samples):
        glass = Glass(
            name=f"g{i}",
            room_s_per_cm=4e-6 * 10 ** (i % 7 / 4),
            activation_ev=0.35 + 0.01 * (i % 11),
            permittivity=9.0,
        )
        sweeps = measure_series(
            glass,
            plates=demo_plates(),
            set_points_k=[278.0 + 10.0 * k for k in range(SPECTRA_EACH)],
            frequency_hz=np.logspace(7, 1, 61),
            laboratory=Laboratory(),
            random=np.random.default_rng([i]),
        )
        write_smart_csv(folder / f"g{i:05d}.csv", sweeps, title=f"g{i}: virtual")
        rows.append(f"g{i:05d},g{i:05d}.csv,0.753,0.004,10.0,0.02")
    (folder / "pellets.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "batch.toml").write_text(PELLETS, encoding="utf-8")
    return folder / "batch.toml"


def spectra(folder: Path, count: int, small: int, workers: list[int]) -> None:
    rows, outputs = [HEAD], []
    batches = {
        n: write_pellets(folder / f"pellets{n}", max(n // SPECTRA_EACH, 1))
        for n in sorted({small, count})
    }
    for w in workers:
        for n, path in batches.items():
            out = folder / f"cis{n}-{w}"
            found = measure(program("cis", "batch", path, "--out", out, "--workers", w))
            rows.append(line(f"{n} spectra, {w} workers", n, found))
            if n == count:
                outputs.append(digest(out / "fits.csv"))
    table("cis batch (circuit chosen automatically, cross-checks, Arrhenius)", rows)
    print(f"  fits.csv the same for all numbers of workers: {len(set(outputs)) == 1}")


def collect(folder: Path, count: int, small: int) -> None:
    """Memory of the end of a batch alone (tables, HDF5, page): real results, repeated to the number of patterns."""
    series = write_heating(folder / "few", np.linspace(300.0, 800.0, 20).tolist(), extra=MULTIPLE)
    code = (
        "import sys, resource, time; from dataclasses import replace; from pathlib import Path\n"
        "from calibration.campaign.engine import Run, run_campaign\n"
        "from calibration.campaign.workers import local_pool\n"
        "from xtsred.batch.recipe import PatternRecipe, jobs_of\n"
        "from xtsred.batch.run import write_results\n"
        "from xtsred.batch.series import load_series\n"
        "n, out = int(sys.argv[2]), Path(sys.argv[3])\n"
        "s = load_series(Path(sys.argv[1]))\n"
        "r = run_campaign(jobs_of(s), PatternRecipe(str(s.project_path)), folder=out / 'parts', pool=local_pool(2))\n"
        "def at(k): return k % 20, f'p{k}'\n"
        "o = [replace(r.outcomes[i], number=k, name=m) for k in range(n) for i, m in [at(k)]]\n"
        "v = [dict(s.members[i].values, temperature_K=300.0 + k) for k in range(n) for i, m in [at(k)]]\n"
        "s = replace(s, members=tuple(replace(s.members[k % 20], name=f'p{k}', values=v[k]) for k in range(n)))\n"
        "t = time.perf_counter(); c = time.process_time()\n"
        "write_results(s, Run(outcomes=o, store=r.store), out=out, command='')\n"
        "print(time.perf_counter() - t, time.process_time() - c, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    rows: list[tuple[str, ...]] = [
        ("patterns", "clock s", "CPU s", "peak memory MB", "series.h5 MB")
    ]
    for n in (small, count):
        out = folder / f"collected{n}"
        out.mkdir()
        words = [sys.executable, "-c", code, str(series), str(n), str(out)]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
        size = (out / "series.h5").stat().st_size / 2**20
        rows.append((str(n), *(f"{float(v):.1f}" for v in said), f"{size:.1f}"))
    table("The end of a batch: all results read one by one, tables, HDF5, page", rows)


def store(folder: Path) -> None:
    place = Store(folder / "store")
    arrays = {name: np.random.default_rng(1).normal(size=1000) for name in "abcdefg"}
    names = [f"{i:064x}"[::-1] for i in range(500)]
    start = time.perf_counter()
    for name in names:
        place.write(name, Result(values={"findings": ["x" * 800]}, arrays=arrays))
    middle = time.perf_counter()
    for name in names:
        place.read(name)
    end = time.perf_counter()
    table(
        "A stored result of 56 kB",
        [
            ("written durably (fsync of file and folder)", f"{2 * (middle - start):.2f} ms"),
            ("read and its checksums verified", f"{2 * (end - middle):.2f} ms"),
        ],
    )


def threads(folder: Path) -> None:
    """Whether the number of threads of numerical libraries reaches the results."""
    series = write_heating(folder / "threads", [300.0, 500.0], extra=MULTIPLE)
    code = (
        "import sys, hashlib; from pathlib import Path\n"
        "from xtsred.config import load_project; from xtsred.pipeline import reduce_project\n"
        "r = reduce_project(load_project(Path(sys.argv[1])))\n"
        "for x in (r.structure_factor.s, r.pair_distribution.g, r.pair_distribution.g_sigma):\n"
        " print(hashlib.sha256(x.tobytes()).hexdigest()[:10], *x[[50, 150]].tolist())"
    )
    rows: list[tuple[str, ...]] = [("threads", "S", "g", "sigma of g")]
    for n in ("1", "2", "1"):
        environment = {**os.environ, "OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n}
        words = [sys.executable, "-c", code, str(series.parent / "run.toml")]
        said = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
        rows.append((n, *(text.split()[0] for text in said.stdout.splitlines())))
    table("Digests of a reduction by threads of BLAS (equal: no bit differs)", rows)


@contextlib.contextmanager
def place_of(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=[])
    parser.add_argument("--count", type=int)
    parser.add_argument("--small", type=int)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--keep", type=Path, help="work here and leave the files")
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )
    with place_of(options.keep) as folder:
        for what in options.what or ["store", "threads", "patterns", "spectra"]:
            if what == "patterns":
                count = options.count or 200
                patterns(folder, count, options.small or max(count // 10, 2), options.workers)
            elif what == "spectra":
                count = options.count or 480
                spectra(folder, count, options.small or max(count // 10, 8), options.workers)
            elif what == "collect":
                count = options.count or 2000
                collect(folder, count, options.small or max(count // 10, 20))
            elif what == "store":
                store(folder)
            elif what == "threads":
                threads(folder)
            else:
                parser.error(f"no benchmark {what}")


if __name__ == "__main__":
    main()
