"""Speed and accuracy of xtsred.simulation; prints the tables that the issue on simulations asks for.

    python benchmarks/simulation.py [--shared FOLDER] [--quick]

FOLDER holds data/md (default: $XTSRED_SHARED or ../shared). CPU seconds of this process, one thread; the files of
the speed test are written to a temporary folder, and reading them is timed apart. The peers' figures are those that
the issue quotes (CPU seconds of matcorr, vitrum, OVITO, freud, MDAnalysis).
"""

import argparse
import importlib.util
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from xtsred.simulation.compare import compare_curves
from xtsred.simulation.curves import read_table, structure_factor
from xtsred.simulation.frame import Frame, ReadOptions
from xtsred.simulation.model import Sample, Weighting, trajectory_model
from xtsred.simulation.partials import partial_distributions
from xtsred.simulation.rdf import read_rdf
from xtsred.simulation.structure_factors import (
    direct_structure_factors,
    structure_factors,
    transform,
)
from xtsred.simulation.topology import network
from xtsred.simulation.trajectory import open_trajectory
from xtsred.simulation.weights import atomic_number_factors, pair_weights

SILICA = {
    "SiO2_glass_3000_atoms.xyz": (0.0877, 0.1009),
    "a_SiO2_speed1e11K.xyz": (0.0716, 0.0888),
    "a_SiO2_speed1e14K.xyz": (0.1122, 0.1183),
    "l_SiO2.xyz": (0.2434, 0.2456),
}


def row(what: str, ours: str, asked: str) -> None:
    print(f"{what:<58} {ours:<34} {asked}")


def weights() -> None:
    for x, printed in (
        (0.50, ".028 .190 .087 .327 .299 .069"),
        (0.66, ".014 .123 .083 .277 .375 .127"),
    ):
        amounts = {"Si": 1.0 - x, "S": 2.0 - x, "Na": 2.0 * x}
        c = np.array(list(amounts.values())) / sum(amounts.values())
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        w = pair_weights(c, atomic_number_factors(list(amounts), np.ones(1)), pairs=pairs)[:, 0]
        row(f"weights, x = {x:.2f}", " ".join(f"{v:.3f}"[1:] for v in w), printed)


def accuracy(folder: Path) -> None:
    weights()
    silica = folder / "silica"
    for name in ("SiO2_glass_300_atoms.xyz", "SiO2_glass_3000_atoms.xyz"):
        p = partial_distributions([open_trajectory(silica / name)], r_max=3.0)
        row(f"n(Si-O) to 2.2 Å, {name}", f"{p.coordination('Si', 'O', 2.2):.4f}", "4.000")
    measured = structure_factor(
        read_table(silica / "SiO2_NIMROD.mint01"), meaning=None, mean_b_squared=0.2758
    )
    for name, asked in SILICA.items():
        found = []
        for window in ("lorch", "none"):
            model = trajectory_model(
                [silica / name],
                measured.q,
                options=ReadOptions(),
                weighting=Weighting(kind="neutron"),
                sample=Sample(),
                window=window,
            )
            g = compare_curves(
                measured.q, measured.s, measured.sigma, model.q, model.s, q_range=(0.6, 12.0)
            )
            found.append(f"{g.r_x:.4f}")
        row(f"R_X NIMROD, {name}, Lorch and none", " ".join(found), f"{asked[0]} {asked[1]}")
    row("R_X NIMROD, flat line", f"{g.r_x_flat:.4f}", "0.2570")
    argon = structure_factor(read_table(folder / "argon" / "argon_yarnell1973.sq"), meaning=None)
    r, g_r, _ = read_rdf(folder / "argon" / "argon_lammps.gr")
    used = (argon.q >= 0.6) & (argon.q <= 9.0)
    found = []
    for window in ("lorch", "none"):
        s = transform(r, g_r, argon.q[used], density=0.02125, window=window)
        result = compare_curves(argon.q, argon.s, None, argon.q[used], s, q_range=(0.6, 9.0))
        found.append(f"{result.r_x:.4f}")
    row("R_X argon against Yarnell, Lorch and none", " ".join(found), "0.0112 0.0120")
    frames = list(open_trajectory(silica / "SiO2_glass_3000_atoms.xyz"))
    direct = direct_structure_factors(frames, q_max=12.0)
    s, _ = structure_factors(partial_distributions([frames]), direct.bin_q, window="none")
    mean, sigma = direct.binned(direct.s)
    pulls = ((s - mean) / sigma)[:, direct.bin_q > 1.0].std(axis=1)
    row(
        "transform against direct sum, pull widths of S_ij",
        " ".join(f"{x:.2f}" for x in pulls),
        "1",
    )
    gas = gas_frames(500, 20.0, 200)
    p = partial_distributions([gas], dr=0.1)
    far = p.r > 3.0
    z = (p.g - 1.0)[:, far] / p.sigma[:, far] if p.sigma is not None else np.zeros(1)
    row(
        "ideal gas, g = 1 beyond 3 Å: mean g, pull width",
        f"{p.g[:, far].mean():.5f} {z.std():.2f}",
        "1, 1",
    )
    silicate = list(open_trajectory(folder / "other" / "SiONa_25.extxyz"))
    for cutoff in (2.0, 2.1, 2.2):
        n = network(silicate, former="Si", anion="O", cutoffs={("Si", "O"): cutoff})
        shares = " ".join(f"{100.0 * x:.2f}" for x in n.q_n[1:5])
        row(
            f"SiONa_25, Si-O to {cutoff} Å: n, Q^1..Q^4 %",
            f"{n.mean_coordination:.4f} {shares}",
            "4.0004 1.16 10.62 41.92 46.27" if cutoff == 2.0 else "",
        )


def gas_frames(atoms: int, edge: float, count: int) -> list[Frame]:
    """Three elements in the proportions of a sodium silicate."""
    rng = np.random.default_rng(1)
    kinds = rng.choice(3, atoms, p=[0.25, 0.58, 0.17])
    kinds[:3] = [0, 1, 2]
    return [
        Frame(
            cell=edge * np.eye(3),
            elements=("Si", "O", "Na"),
            kinds=kinds,
            positions=rng.random((atoms, 3)) * edge,
            index=k,
        )
        for k in range(count)
    ]


def timed(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def stream(atoms: int, edge: float, count: int) -> Iterable[Frame]:
    """Few distinct frames, given again and again: the generator of random numbers is not timed."""
    few = gas_frames(atoms, edge, 4)
    return (few[k % 4] for k in range(count))


def speed(*, quick: bool) -> None:
    share = 0.1 if quick else 1.0
    print(
        "\nCPU seconds, six partials, dr 0.02 Å"
        + (" (a tenth of the frames, times ten)" if quick else "")
    )
    print(
        "peers: 300 atoms x 1000 frames: matcorr 2.7, vitrum 10.7, OVITO 4, freud 10, MDAnalysis 17"
    )
    print(
        "       10 000 atoms x 100 frames: matcorr 19, vitrum 11.5, OVITO 55, freud 79 (9.8 GB), MDAnalysis 337"
    )
    cases = [(300, 16.5, 1000, 8.24, "<= 2.5")]
    cases += [(10000, 51.15, 100, r, "<= 10") for r in (10.0, 15.0, 20.0, 25.56)]
    for atoms, edge, count, r_max, asked in cases:
        frames = stream(atoms, edge, int(count * share))
        seconds = timed(lambda f=frames, r=r_max: partial_distributions([f], r_max=r)) / share
        half = " (half the box)" if r_max > 0.499 * edge else ""
        row(f"{atoms} atoms x {count} frames, to {r_max:g} Å{half}", f"{seconds:.2f} s", asked)
    row("peak memory of this process", f"{peak_mb():.0f} MB", "< 300 MB")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def reading(folder: Path) -> None:
    print("\nCPU seconds to read")
    with tempfile.TemporaryDirectory() as work:
        for atoms, edge, count in ((300, 16.5, 1000), (10000, 51.15, 20)):
            path = Path(work) / f"{atoms}.xyz"
            with path.open("w") as out:
                for frame in stream(atoms, edge, count):
                    out.write(
                        f'{atoms}\nLattice="{edge} 0 0 0 {edge} 0 0 0 {edge}" Properties=species:S:1:pos:R:3\n'
                    )
                    for k, p in zip(frame.kinds, frame.positions, strict=True):
                        out.write(f"{frame.elements[k]} {p[0]:.8f} {p[1]:.8f} {p[2]:.8f}\n")
            ours = timed(lambda p=path: [None for _ in open_trajectory(p)])
            other = ase_seconds(path)
            row(f"extended XYZ, {atoms} atoms x {count} frames", f"{ours:.2f} s", other)
    xdatcar = folder / "other" / "Li6PS5Cl_50p_run1_XDATCAR.gz"
    if xdatcar.exists():
        ours = timed(lambda: [None for _ in open_trajectory(xdatcar)])
        row("XDATCAR (gzip), 416 atoms x 140 frames", f"{ours:.2f} s", "")
    row("peak memory of this process", f"{peak_mb():.0f} MB", "")


def ase_seconds(path: Path) -> str:
    """ASE's own reader on the same file, where ASE is installed."""
    if importlib.util.find_spec("ase") is None:
        return "(ASE not installed)"
    from ase.io import iread

    return (
        f"ASE {timed(lambda: [None for _ in iread(str(path), index=':', format='extxyz')]):.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="speed and accuracy of xtsred.simulation")
    default = os.environ.get("XTSRED_SHARED", str(Path(__file__).resolve().parents[2] / "shared"))
    parser.add_argument("--shared", type=Path, default=Path(default))
    parser.add_argument("--quick", action="store_true", help="a tenth of the frames")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        # the threads of the matrix library are fixed when it is loaded: begin again with one
        os.execve(
            sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"}
        )
    folder = options.shared / "data" / "md"
    speed(quick=options.quick)
    reading(folder)
    print()
    if folder.is_dir():
        row("what", "ours", "asked")
        accuracy(folder)
    else:
        print(f"accuracy: no measurements at {folder}")


if __name__ == "__main__":
    main()
