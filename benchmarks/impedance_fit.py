"""Accuracy and speed of the impedance fits; prints tables.

    python benchmarks/impedance_fit.py [optimum|coverage|grid|peers|process|series ...] [--data FOLDER] [--seeds N]

Without names, all. --data: the folder of real impedance measurements (holds series_s04147, lrc_bad, formats).
Everything simulated is virtual: R||CPE and CPE in closed form with Gaussian noise of each component of |Z|.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import binomtest

from calibration.errors import InputError
from cis.circuits import circuit
from cis.fit import fit_series, fit_spectrum
from cis.io import read_spectra
from cis.joint import fit_joint
from cis.leastsquares import minimize
from cis.solution import assess, modulus_problem
from cis.stages import ArcFit, Cell, Spectrum
from cis.starts import random_starts

FREQUENCY = np.logspace(7, -1, 50)
TRUTH = (1e5, 3e-11, 0.93, 2e-6, 0.78)
BOLTZMANN_EV = 8.617333262e-5


def simulated(values: list[float], *, lead_h: float, noise: float, seed: list[int]) -> Spectrum:
    generator = np.random.default_rng(seed)
    z = circuit("bulk-blocking").impedance(FREQUENCY, values) + 2j * np.pi * FREQUENCY * lead_h
    scatter = generator.normal(size=FREQUENCY.size) + 1j * generator.normal(size=FREQUENCY.size)
    return Spectrum(
        file="virtual",
        format="virtual",
        frequency_hz=FREQUENCY,
        z_ohm=z + noise * np.abs(z) * scatter,
        line=np.arange(FREQUENCY.size),
    )


def best_of_random(fit: ArcFit, *, count: int = 200) -> tuple[float, float, float]:
    """Total R and cost of the best of `count` random starts (polished by scipy), and the cost of the fit."""
    c = circuit(fit.circuit_string)
    used = fit.validation.used
    f, z = fit.spectrum.frequency_hz[used], fit.spectrum.z_ohm[used]
    problem = modulus_problem(c, f, z)
    low, high = c.bounds()
    begin = random_starts(c, f, z, count=count, seed=20240)
    found = minimize(problem, begin, low=low, high=high, iterations=600, tolerance=1e-12)
    polished = least_squares(
        lambda x: problem(x[None, :])[0][0],
        np.clip(found.x, low + 1e-9, high - 1e-9),
        jac=lambda x: problem(x[None, :])[1][0].T,
        bounds=(low, high),
        x_scale="jac",
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
        max_nfev=2000,
    )
    x = polished.x if 2.0 * polished.cost < found.cost else found.x
    ours = problem(c.to_variables([p.value for p in fit.parameters])[None, :])[0][0]
    return (
        assess(c, f, z, replace(found, x=x)).resistance_ohm,  # without the arcs of an electrode
        min(2.0 * polished.cost, found.cost),
        float(ours @ ours),
    )


def real_spectra(data: Path) -> Iterator[tuple[str, Spectrum]]:
    for folder in ("series_s04147", "lrc_bad", "formats"):
        for path in sorted((data / folder).iterdir()):
            try:
                spectra = read_spectra(path)
            except InputError as error:
                print(f"  {path.name}: not read: {error.what}")
                continue
            for spectrum in spectra:
                yield f"{path.name}[{spectrum.index}]", spectrum


def optimum(data: Path) -> None:
    print("R against the best optimum of 200 random starts of the circuit chosen")
    print(
        f"{'spectrum':44s} {'circuit':22s} {'R_ohm':>11s} {'R/R_best-1':>11s} {'cost/best-1':>11s}"
    )
    within = total = 0
    for name, spectrum in real_spectra(data):
        try:
            fit = fit_spectrum(spectrum)
        except InputError as error:
            print(f"{name[-44:]:44s} refused: {error.what}")
            continue
        r, best, ours = best_of_random(fit)
        away = fit.resistance_ohm / r - 1.0
        within += abs(away) < 0.01
        total += 1
        told = "" if fit.identifiable else "  (R said not identifiable)"
        print(
            f"{name[-44:]:44s} {fit.circuit:22s} {fit.resistance_ohm:11.5g} {away:+11.1e} "
            f"{ours / best - 1.0:+11.1e}{told}"
        )
    print(f"within 1%: {within} of {total}\n")


def coverage(seeds: int) -> None:
    print(f"R = 1e5, 0.5% noise, {seeds} seeds, circuit chosen automatically")
    errors, pulls, taken, names = [], [], [], Counter[str]()
    for seed in range(seeds):
        spectrum = simulated(list(TRUTH), lead_h=0.0, noise=0.005, seed=[seed])
        start = time.perf_counter()
        fit = fit_spectrum(spectrum)
        taken.append(1e3 * (time.perf_counter() - start))
        errors.append(fit.resistance_ohm / 1e5 - 1.0)
        if fit.identifiable and fit.resistance_sigma_ohm:
            pulls.append(errors[-1] * 1e5 / fit.resistance_sigma_ohm)
        names[fit.circuit] += 1
    print(
        f"bias {100 * np.mean(errors):+.4f}% ± {100 * np.std(errors) / np.sqrt(seeds):.4f}%, scatter "
        f"{100 * np.std(errors):.3f}%, coverage of 68.3%: {100 * np.mean(np.abs(pulls) < 1):.1f}%, pull width "
        f"{np.std(pulls):.3f}; R said not identifiable: {seeds - len(pulls)}"
    )
    print(
        f"time per spectrum, validation and all: median {np.median(taken):.1f} ms, mean {np.mean(taken):.1f} ms, "
        f"95% {np.quantile(taken, 0.95):.1f} ms; {dict(names)}\n"
    )


def grid(seeds: int) -> None:
    print(
        f"grid R 1e2..1e9 x apex f_max 1e-3..1e1 x spike 5..1 decades below x lead 0, 1 uH, {seeds} seeds"
    )
    rows = []
    for exponent in range(2, 10):
        for apex in range(-3, 2):
            for gap in (5, 3, 2, 1):
                for lead in (0.0, 1e-6):
                    r, top = 10.0**exponent, 1e7 * 10.0**apex
                    q = (2.0 * np.pi * top) ** -0.93 / r
                    tail = 1.0 / (r * (2.0 * np.pi * top / 10.0**gap) ** 0.78)
                    for k in range(seeds):
                        seed = [exponent, apex + 9, gap, int(lead > 0), k]
                        fit = fit_spectrum(
                            simulated([r, q, 0.93, tail, 0.78], lead_h=lead, noise=0.005, seed=seed)
                        )
                        sigma = fit.resistance_sigma_ohm if fit.identifiable else None
                        pull = (
                            np.log(fit.resistance_ohm / r) * fit.resistance_ohm / sigma
                            if sigma
                            else np.nan
                        )
                        rows.append((exponent, apex, gap, lead, pull, fit.converged))
    table = np.array(rows, dtype=np.float64)
    _grid_line("all", table)
    for column, name in (
        (0, "log10 R"),
        (1, "log10 apex/f_max"),
        (2, "spike, decades below"),
        (3, "lead, H"),
    ):
        for value in np.unique(table[:, column]):
            _grid_line(f"{name} = {value:g}", table[table[:, column] == value])
    print()


def _grid_line(name: str, table: np.ndarray) -> None:
    pulls = table[:, 4][np.isfinite(table[:, 4])]
    inside = int(np.sum(np.abs(pulls) < 1.0))
    p = binomtest(inside, pulls.size, 0.6827).pvalue
    print(
        f"{name:28s} fits {len(table):5d} converged {100 * table[:, 5].mean():5.1f}% identifiable {pulls.size:5d} "
        f"coverage {100 * inside / pulls.size:5.1f}% (p = {p:.3f}) width {pulls.std():.2f} largest "
        f"{np.abs(pulls).max():.1f} sigma, beyond 5: {int(np.sum(np.abs(pulls) > 5))}"
    )


def peers() -> None:
    print("one circuit from five starts: this engine, and lmfit (leastsq) one start after another")
    import lmfit

    c = circuit("bulk-blocking")
    z = simulated(list(TRUTH), lead_h=0.0, noise=0.005, seed=[1]).z_ohm
    problem = modulus_problem(c, FREQUENCY, z)
    low, high = c.bounds()
    begin = random_starts(c, FREQUENCY, z, count=5)
    rounds, costs = 20, []

    def residual(p: lmfit.Parameters) -> np.ndarray:
        return problem(np.array([[p[n].value for n in c.names]]))[0][0]

    start = time.perf_counter()
    for _ in range(rounds):
        ours = minimize(problem, begin, low=low, high=high)
    middle = time.perf_counter()
    for row in begin:
        parameters = lmfit.Parameters()
        for k, name in enumerate(c.names):
            parameters.add(
                name, value=float(row[k]), min=float(low[k]) - 1e-9, max=float(high[k]) + 1e-9
            )
        costs.append(lmfit.minimize(residual, parameters).chisqr)
    end = time.perf_counter()
    print(f"this engine {1e3 * (middle - start) / rounds:7.2f} ms, cost {ours.cost:.9g}")
    print(
        f"lmfit       {1e3 * (end - middle):7.2f} ms, best cost {min(costs):.9g}, worst {max(costs):.9g}\n"
    )


def process() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(100):
            s = simulated(list(TRUTH), lead_h=0.0, noise=0.005, seed=[seed])
            rows = np.column_stack([s.frequency_hz, s.z_ohm.real, s.z_ohm.imag])
            path = folder / f"virtual_{seed:03d}.csv"
            np.savetxt(
                path, rows, delimiter=",", header="Frequency (Hz),Z' (Ohm),Z'' (Ohm)", comments=""
            )
        command = [sys.executable, "-m", "cis.cli", "fit", *map(str, sorted(folder.glob("*.csv")))]
        script = Path(sys.executable).with_name("cis")
        if script.exists():
            command[:3] = [str(script)]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        taken = time.perf_counter() - start
    print(f"`cis fit` of 100 files, whole process: {taken:.2f} s, status {done.returncode}")
    if done.returncode:
        print(done.stderr[-500:])
    print()


def series(data: Path) -> None:
    print("s04147: disc of 8.0 mm, 2.1 mm thick")
    cell = Cell(area_m2=np.pi * 0.004**2, thickness_m=0.0021)
    spectra = [read_spectra(p)[0] for p in sorted((data / "series_s04147").glob("*.txt"))]
    celsius = [float(p.stem[7:10]) for p in sorted((data / "series_s04147").glob("*.txt"))]
    fits = fit_series(spectra, cell=cell)
    joint = fit_joint(fits, cell=cell)
    for t, fit, r, pull in zip(celsius, fits, joint.resistance_ohm, joint.pulls, strict=True):
        eps = ", ".join(f"{a.phase} eps_r {a.permittivity:.0f}" for a in fit.arcs if a.permittivity)
        others = ", ".join(f"{e.method} {e.value_ohm:.4g}" for e in fit.estimates[1:])
        print(
            f"{t:4.0f} C {fit.circuit} R {fit.resistance_ohm:.5g} ± {fit.resistance_sigma_ohm:.2g}; {others}; joint "
            f"{r:.5g} ({pull:+.1f} sigma); {eps}"
        )
    kelvin = np.array(celsius) + 273.15
    logs = np.log([1.0 / fit.resistance_ohm for fit in fits])
    for name, y in (("ln sigma", logs), ("ln sigma T", logs + np.log(kelvin))):
        print(f"E_A ({name}, unweighted): {-np.polyfit(1 / kelvin, y, 1)[0] * BOLTZMANN_EV:.4f} eV")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=[])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int)
    options = parser.parse_args()
    names = options.what or ["optimum", "series", "coverage", "grid", "peers", "process"]
    for name in names:
        if name in ("optimum", "series"):
            if options.data is None:
                print(f"{name}: needs --data\n")
            elif name == "optimum":
                optimum(options.data)
            else:
                series(options.data)
        elif name == "coverage":
            coverage(options.seeds or 2000)
        elif name == "grid":
            grid(options.seeds or 10)
        elif name == "peers":
            peers()
        elif name == "process":
            process()
        else:
            parser.error(f"no benchmark {name}")


if __name__ == "__main__":
    main()
