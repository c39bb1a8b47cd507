"""Accuracy and speed of a reduction on the reference data: the figures of the closing note.

    python benchmarks/reduction.py [--shared ../shared]

Prints a table per data set. The silica variants are extended copies of the shipped example, made here.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from calibration.radiation import lines_of
from xtsred.config import load_project
from xtsred.pipeline import reduce_project
from xtsred.stages import Reduction

# Hölzer et al. 1997 and International Tables C 4.2.2, as printed
PRINTED = {
    ("Ag", "Ka1"): 0.5594218,
    ("Ag", "Ka2"): 0.5638131,
    ("Mo", "Ka1"): 0.7093172,
    ("Mo", "Ka2"): 0.7136070,
    ("Cu", "Ka1"): 1.5405929,
    ("Cu", "Ka2"): 1.5444274,
}
KBETA = "[[radiation.line]]\nwavelength_A = 0.4970810\nweight = 0.008\n"
CONTINUUM = """[radiation.continuum]
tube_kV = 60.0
filter = [{ element = "Rh", thickness_um = 50.0 }]
energies = 24
"""
SHELL = '\n[[shell]]\npair = "Si-O"\nr_range = [1.3, 1.95]\n'
CUTOFF = 'response = "threshold"\nupper_keV = 36.0\nfwhm_keV = 7.0\n'


def show(title: str, rows: list[tuple[str, str]]) -> None:
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:<64} {value}")


def wavelengths() -> None:
    rows = []
    for (anode, line), printed in PRINTED.items():
        ours = lines_of(anode)[line].wavelength_a
        rows.append(
            (f"{anode} {line}", f"{ours:.7f} Å, relative to print {ours / printed - 1:+.1e}")
        )
    show("Wavelengths (ask: 1e-6)", rows)


def against_truth(
    reduction: Reduction, truth: Path, limits: tuple[float, float]
) -> list[tuple[str, str]]:
    table = np.loadtxt(truth, delimiter=",", skiprows=1, comments="#")
    s = reduction.structure_factor
    inside = (s.q >= limits[0] - 1e-9) & (s.q <= limits[1] + 1e-9)
    q, difference = s.q[inside], s.s[inside] - np.interp(s.q[inside], table[:, 0], table[:, 1])
    sigma = s.sigma[inside]
    weights = 1.0 / sigma**2
    mean_q = np.average(q, weights=weights)
    slope = np.sum(weights * (q - mean_q) * difference) / np.sum(weights * (q - mean_q) ** 2)
    slope_sigma = 1.0 / np.sqrt(np.sum(weights * (q - mean_q) ** 2))
    pulls = difference / sigma
    return [
        (
            f"rms S - truth, {limits[0]:g} to {limits[1]:g} Å^-1",
            f"{np.sqrt(np.mean(difference**2)):.5f}",
        ),
        ("rms of our counting sigma", f"{np.sqrt(np.mean(sigma**2)):.5f}"),
        ("pulls: mean, width", f"{pulls.mean():+.3f}, {pulls.std():.3f}"),
        ("trend of S - truth with Q, per Å^-1", f"{slope:+.1e} ± {slope_sigma:.1e}"),
        (
            "mean difference in six equal parts of Q",
            " ".join(f"{p.mean():+.4f}" for p in np.array_split(difference, 6)),
        ),
    ]


def ns_glass(shared: Path) -> None:
    project = shared / "examples" / "ns_xray" / "run.toml"
    loaded = load_project(project)
    reduction = reduce_project(loaded)
    rows = against_truth(
        reduction, shared / "data" / "xrd" / "ns_mo_virtual" / "truth_SQ.csv", (0.6, 17.0)
    )
    truth = np.genfromtxt(
        shared / "data" / "xrd" / "ns_mo_virtual" / "truth_components.csv",
        delimiter=",",
        names=True,
    )
    angle = reduction.intensity.two_theta_deg
    curves = {
        "multiple scattering": reduction.intensity.components["multiple scattering"],
        "Compton of the sample": reduction.intensity.components["Compton"],
    }
    ratio = truth["A_c_sc_1"] / truth["A_c_c_1"]
    columns = {
        "multiple scattering": truth["ms_tot"] - ratio * truth["e_ms"],
        "Compton of the sample": truth["inc_s"],
    }
    for name, curve in curves.items():
        relative = curve / np.interp(angle, truth["tth"], columns[name]) - 1.0
        rows.append(
            (
                f"{name} against truth_components.csv",
                f"{100 * np.abs(relative).max():.2f} % at most",
            )
        )
    times = []
    for _ in range(5):
        start = time.perf_counter()
        reduce_project(loaded)
        times.append(time.perf_counter() - start)
    rows.append(("warm pipeline (ask: <= 0.5 s)", f"{min(times):.2f} s"))
    rows += process(project)
    show("ns_xray (virtual Mo experiment)", rows)


def process(project: Path) -> list[tuple[str, str]]:
    """Wall time and peak memory of the whole command, and of the help page."""
    script = (
        "import resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "seconds = time.perf_counter() - start\n"
        "print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    program = str(Path(sys.executable).parent / "xtsred")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in (
            (
                "xtsred reduce, whole process (ask: <= 3 s, <= 400 MB)",
                ["reduce", str(project), "--out", folder + "/out"],
            ),
            ("xtsred --help (ask: <= 0.4 s)", ["--help"]),
        ):
            found = subprocess.run(
                [sys.executable, "-c", script, program, *arguments],
                check=True,
                capture_output=True,
                text=True,
            )
            seconds, memory = (float(v) for v in found.stdout.split())
            rows.append((name, f"{seconds:.2f} s, {memory:.0f} MB"))
    return rows


def silica_row(path: Path, settings: list[str], reference: np.ndarray) -> str:
    reduction = reduce_project(load_project(path, settings=settings))
    s, pdf, n = reduction.structure_factor, reduction.pair_distribution, reduction.normalization
    inside = (s.q >= 1.0) & (s.q <= 16.0)
    difference = s.s[inside] - 1.0 - np.interp(s.q[inside], reference[:, 0], reference[:, 1])
    low = (pdf.r > 0.3) & (pdf.r < 1.2)
    shell = reduction.shells[0]
    compton = "fixed" if n.compton_response is None else str(n.compton_response)
    return (
        f"rms {np.sqrt(np.mean(difference**2)):.4f}  Si-O {shell.position.value:.4f} Å  "
        f"n {shell.coordination.value:.2f} (integral {shell.coordination_integral.value:.2f})  "
        f"u {shell.width.value:.3f}  g low {np.sqrt(np.mean(pdf.g[low] ** 2)):.2f}  Compton {compton}  continuum {n.continuum}"
    )


def silica(shared: Path) -> None:
    source = shared / "examples" / "silica_xray" / "run.toml"
    data = (shared / "data").resolve().as_posix()
    text = source.read_text(encoding="utf-8").replace("../../data", data)
    reference = np.loadtxt(shared / "data" / "xrd" / "silica_ag_rod" / "mozzi_warren_1969_F.dat")
    kbeta = text.replace("[beam]\n", KBETA + "\n[beam]\n")
    cutoff = text.replace('response = "ideal"', CUTOFF + "#")
    everything = cutoff.replace("[beam]\n", KBETA + CONTINUUM + "\n[beam]\n")
    prior = "normalization.compton_response_sigma=0.03"
    later, zero = "detector.upper_keV=39.0", "goniometer={zero_deg=0.1}"
    from_07 = "fourier.q_range=[0.7,20.0]"
    variants = [
        ("as shipped", text, []),
        ("+ K-beta", kbeta, []),
        ("+ cut-off 36 keV", cutoff, []),
        ("A: + K-beta, cut-off 36, continuum (Kramers, 60 kV, Rh 50 µm)", everything, []),
        ("B: A with Compton held to 1 ± 0.03", everything, [prior]),
        ("A with the cut-off at 39 keV (its 36 + 1 sigma)", everything, [later]),
        ("B with the cut-off at 39 keV", everything, [prior, later]),
        ("A, 2theta zero 0.1° (a lead, no independent source)", everything, [zero, from_07]),
        ("B, 2theta zero 0.1° (a lead, no independent source)", everything, [prior, zero, from_07]),
    ]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, content, settings in variants:
            path = Path(folder) / "run.toml"
            path.write_text(content + SHELL, encoding="utf-8")
            rows.append((name, silica_row(path, settings, reference)))
    show("silica_xray against Mozzi-Warren, S - 1 over 1 to 16 Å^-1; g over 0.3 to 1.2 Å", rows)


def demo() -> None:
    folder = Path(__file__).resolve().parent.parent / "xtsred" / "data" / "demo"
    reduction = reduce_project(load_project(folder / "run.toml"))
    rows = against_truth(reduction, folder / "truth_SQ.csv", (0.6, 21.5))
    rows.append(("K (true: 40)", str(reduction.normalization.k)))
    show("xtsred demo (virtual Ag experiment, Ka1 + Ka2)", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared"
    )
    shared = parser.parse_args().shared
    wavelengths()
    demo()
    if not (shared / "data").is_dir():
        print(f"\n{shared} is not here: the real data were left out")
        return
    ns_glass(shared)
    silica(shared)


if __name__ == "__main__":
    main()
