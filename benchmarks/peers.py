"""The same inputs through this program and through others: accuracy and time side by side, in one run.

    python benchmarks/peers.py [scattering|transform|absorption|zscan|impedance|kramers-kronig|rdf ...] [--data FOLDER]

Without names, all. --data: the folder of real and virtual measurements (xrd/, cis/, md/). The others are optional and never
dependencies; those that are not installed are listed. What a program cannot do by itself is done for it with our
numbers and said in the last column, so each row is its best case.
"""

import argparse
import contextlib
import importlib.metadata
import io
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

OURS = "xtsred"
_SLOW = "--slow" in sys.argv  # what takes minutes in another program
FLOOR = 0.0050  # rms of S(Q) that counting statistics alone leave, 0.6 to 17 1/A (description of the data)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    program: str
    accuracy: str
    seconds: float | None
    remark: str = ""


def timed(run: Callable[[], Any], *, repeats: int = 3) -> tuple[Any, float]:
    """The result and the best of some times, after one that is not counted."""
    result, best = run(), np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        best = min(best, time.perf_counter() - start)
    return result, float(best)


def version(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"


# --- S(Q) of the virtual NS glass ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corrected:
    """What the others are given: single scattering of the sample, polarization and absorption divided out."""

    q: np.ndarray
    intensity: np.ndarray


def scattering(data: Path) -> Iterator[Row]:
    from xtsred.config import load_project
    from xtsred.inputs import read_inputs
    from xtsred.pipeline import reduce_inputs

    path = data.parent / "examples" / "ns_xray" / "run.toml"
    loaded = load_project(path)
    inputs = read_inputs(loaded)
    truth = np.genfromtxt(data / "xrd/ns_mo_virtual/truth_SQ.csv", delimiter=",", names=True)
    tq, ts = (truth[name] for name in truth.dtype.names[:2])

    def score(q: np.ndarray, s: np.ndarray) -> str:
        centers = np.arange(0.65, 17.0, 0.05)
        which = np.digitize(q, np.append(centers - 0.025, centers[-1] + 0.025)) - 1
        inside = (which >= 0) & (which < centers.size)
        counts = np.bincount(which[inside], minlength=centers.size)
        mean = np.bincount(which[inside], s[inside], centers.size)[counts > 0] / counts[counts > 0]
        rms = float(np.sqrt(np.mean((mean - np.interp(centers[counts > 0], tq, ts)) ** 2)))
        return f"rms {rms:.5f} = {rms / FLOOR:.2f} x floor"

    result, seconds = timed(lambda: reduce_inputs(loaded, inputs))
    s = result.structure_factor
    yield Row(OURS, score(s.q, s.s), seconds, "from the raw scans, all corrections")
    given = _corrected(loaded, inputs)
    yield from _optional(_glassure, given, score)
    yield from _optional(_midas, given, score)
    yield from _optional(_liquid_diffract, given, score)


def _corrected(loaded: Any, inputs: Any) -> Corrected:
    """K [I_coh + R_KN I_C]: everything that the others do not compute is taken off with our numbers."""
    from xtsred import pipeline

    caught: dict[str, Any] = {}
    solve = pipeline.solve

    def spy(problem: Any, **more: Any) -> Any:
        caught["problem"], caught["solution"] = problem, solve(problem, **more)
        return caught["solution"]

    pipeline.solve = spy  # the corrected rate is no output; here it is taken on its way
    try:
        pipeline.reduce_inputs(loaded, inputs)
    finally:
        pipeline.solve = solve
    problem, solution = caught["problem"], caught["solution"]
    line, k = problem.lines[0], solution.normalization.k.value
    single = problem.net.rate - k * solution.components["multiple scattering"]
    own_path = k * (line.compton - line.elastic * line.recoil) * line.incoherent
    inside = (problem.q > 0.55) & (problem.q < 17.05)
    return Corrected(problem.q[inside], ((single - own_path) / line.elastic)[inside])


_GIVEN = "given ours: merging, container, polarization, both absorptions, multiple scattering"


def _even(given: Corrected, step: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """On an even grid, as the others need it."""
    q = np.arange(0.56, 17.04, step)
    return q, np.interp(q, given.q, given.intensity)


def _glassure(given: Corrected, score: Callable[[np.ndarray, np.ndarray], str]) -> Iterator[Row]:
    from glassure.calc import calculate_pdf, create_calculate_pdf_configs
    from glassure.configuration import OptimizeConfig
    from glassure.pattern import Pattern

    q, intensity = _even(given)
    for optimize in (None, OptimizeConfig(r_cutoff=1.6)):
        data, config = create_calculate_pdf_configs(
            Pattern(q, intensity), "Na2SiS3", density=_density("Na2SiS3", 0.0431)
        )
        config.transform.q_min, config.transform.q_max = float(q[0]), float(q[-1])
        config.transform.kn_correction, config.transform.wavelength = True, 0.709318
        config.transform.normalization.q_cutoff = 8.5
        config.optimize = optimize
        result, seconds = timed(lambda d=data, c=config: calculate_pdf(d, c))
        name = "" if optimize is None else " with Kaplow iteration"
        yield Row(version("glassure") + name, score(result.sq.x, result.sq.y), seconds, _GIVEN)


def _density(formula: str, per_a3: float) -> float:
    from calibration.composition import parse_formula
    from xtsred.atoms import Composition, mass_density

    return mass_density(Composition.of(parse_formula(formula)), number_density_per_a3=per_a3)


def _midas(given: Corrected, score: Callable[[np.ndarray, np.ndarray], str]) -> Iterator[Row]:
    from midas_pdf.composition import Composition
    from midas_pdf.normalize import faber_ziman_S
    from scipy.optimize import minimize_scalar

    composition = Composition({"Na": 2.0, "Si": 1.0, "S": 3.0})
    high = given.q > 8.5

    def structure(scale: float) -> np.ndarray:
        s, _ = faber_ziman_S(
            given.intensity, given.q, composition, wavelength_A=0.709318, scale=scale
        )
        return np.asarray(s)

    def reduce() -> np.ndarray:
        start = 12.0 / float(np.median(given.intensity[high]))
        found = minimize_scalar(
            lambda x: float(np.mean((structure(start * np.exp(x))[high] - 1.0) ** 2)),
            bounds=(-1.0, 1.0),
            method="bounded",
            options={"xatol": 1e-6},
        )
        return structure(start * float(np.exp(found.x)))

    s, seconds = timed(reduce)
    yield Row(version("midas-pdf"), score(given.q, s), seconds, f"{_GIVEN}; its scale fitted by us")


def _liquid_diffract(
    given: Corrected, score: Callable[[np.ndarray, np.ndarray], str]
) -> Iterator[Row]:
    from LiquidDiffract.core import core

    q, intensity = _even(given, 0.02)
    composition = {"Na": (11, 0, 2), "Si": (14, 0, 1), "S": (16, 0, 3)}

    def reduce() -> np.ndarray:
        return np.asarray(
            core.calc_structure_factor(q, intensity, composition, 0.0431, method="faber-ziman")
        )

    s, seconds = timed(reduce)
    yield Row(version("LiquidDiffract"), score(q, s), seconds, _GIVEN)


# --- Fourier transform ----------------------------------------------------------------------------------------------


def transform(_data: Path) -> Iterator[Row]:
    """One shell with its Gaussian: S - 1 = c/(rho Q R) exp(-Q^2 s^2/2) sin(QR); G of it is known in closed form."""
    rho, distance, width, number = 0.0431, 2.13, 0.07, 4.0
    q = np.arange(0.025, 80.0, 0.05)
    s = 1.0 + number * np.exp(-0.5 * (q * width) ** 2) * np.sin(q * distance) / (q * distance)
    r = np.arange(0.02, 20.001, 0.02)
    peak = number / (width * np.sqrt(2 * np.pi) * distance)
    exact = peak * (
        np.exp(-0.5 * ((r - distance) / width) ** 2) - np.exp(-0.5 * ((r + distance) / width) ** 2)
    )

    def score(g: np.ndarray) -> str:
        return f"largest error of G {np.max(np.abs(g - exact)):.1e} of {exact.max():.1f}"

    from xtsred.fourier import Window, pair_distribution
    from xtsred.stages import StructureFactor, frozen

    # a measured bin is the mean over its width, and our transform knows that; the others take points
    fine = q[:, None] + 0.05 * (np.arange(50) - 24.5) / 50.0
    wave = np.exp(-0.5 * (fine * width) ** 2) * np.sin(fine * distance) / (fine * distance)
    binned = 1.0 + number * wave.mean(axis=1)
    factor = StructureFactor(q=frozen(q), s=frozen(binned), sigma=frozen(np.full(q.size, 1e-3)))

    def ours() -> object:
        return pair_distribution(
            factor,
            frozen(r),
            window=Window(name="none", q_max=80.0),
            number_density_per_a3=rho,
            extrapolation="none",
        )

    result, seconds = timed(ours)
    yield Row(OURS, score(result.d), seconds, "with its sigma and the bins' width")

    def pystog() -> Iterator[Row]:
        from pystog import Transformer

        g, seconds = timed(lambda: Transformer().S_to_G(q, s, r, rho=rho))
        yield Row(version("pystog"), score(np.asarray(g[1])), seconds)

    def glassure() -> Iterator[Row]:
        from glassure.methods import FourierTransformMethod
        from glassure.pattern import Pattern
        from glassure.transform import calculate_fr

        for method in (FourierTransformMethod.INTEGRAL, FourierTransformMethod.FFT):
            g, seconds = timed(lambda m=method: calculate_fr(Pattern(q, s), r=r, method=m))
            yield Row(f"{version('glassure')} ({method.value})", score(g.y), seconds)

    yield from _optional(pystog)
    yield from _optional(glassure)


# --- absorption of a cylinder ---------------------------------------------------------------------------------------

EXACT = {  # A* at 2theta 30, 60, 90, 120, 150 deg: independent quadrature to 1e-8
    0.5: (2.28401, 2.23983, 2.17807, 2.11518, 2.06773),
    1.0: (4.93242, 4.54397, 4.10228, 3.72865, 3.47912),
    2.0: (18.24758, 13.31262, 9.92209, 7.89510, 6.77351),
}


def absorption(_data: Path) -> Iterator[Row]:
    from xtsred.corrections.absorption import Attenuation, paalman_pings
    from xtsred.corrections.geometry import Cylinder

    angles = np.linspace(1.0, 180.0, 180)
    picked = [29, 59, 89, 119, 149]

    def worst(compute: Callable[[float], np.ndarray]) -> tuple[str, float]:
        errors, total = [], 0.0
        for mu_r, exact in EXACT.items():
            start = time.perf_counter()
            factor = compute(mu_r)
            total += time.perf_counter() - start
            errors.append(np.max(np.abs(factor / np.array(exact) - 1.0)))
        return f"largest relative error of A* {max(errors):.1e}", total / len(EXACT)

    def ours(mu_r: float) -> np.ndarray:
        mu = Attenuation(core_per_mm=mu_r, wall_per_mm=0.0)
        factors = paalman_pings(
            angles,
            cylinder=Cylinder(radius_mm=1.0, wall_mm=0.0),
            beam_width_mm=4.0,
            mu_in=mu,
            mu_out=mu,
        )
        return 1.0 / factors.a_s_sc[picked]

    ours(1.0)
    accuracy, seconds = worst(ours)
    yield Row(OURS, accuracy, seconds, "180 angles")

    def labpdfproc() -> Iterator[Row]:
        from diffpy.labpdfproc.functions import compute_cve
        from diffpy.utils.diffraction_objects import DiffractionObject

        scan = DiffractionObject(
            xarray=angles, yarray=np.ones(180), xtype="tth", wavelength=0.7, name="flat"
        )
        for method in ("polynomial_interpolation", "brute_force")[: 2 if _SLOW else 1]:

            def factor(mu_r: float, method: str = method) -> np.ndarray:
                found = compute_cve(scan, 2.0 * mu_r, method)
                return np.asarray(found.on_tth()[1])[picked]

            if method == "brute_force":
                start = time.perf_counter()
                one = factor(1.0)
                seconds = time.perf_counter() - start
                error = float(np.max(np.abs(one / np.array(EXACT[1.0]) - 1.0)))
                accuracy = f"largest relative error of A* {error:.1e} (mu R 1)"
            else:
                accuracy, seconds = worst(factor)
            yield Row(f"{version('diffpy.labpdfproc')} ({method})", accuracy, seconds)

    yield from _optional(labpdfproc)


# --- impedance ------------------------------------------------------------------------------------------------------

FREQUENCY = np.logspace(7, 1, 60)


def _spectra(count: int) -> Iterator[tuple[float, np.ndarray]]:
    """(R, Z) of a pellet between blocking electrodes, with 0.3 % noise; R from 1e4 to 1e7 Ohm."""
    generator = np.random.default_rng(7)
    w = 2j * np.pi * FREQUENCY
    for _ in range(count):
        r = 10.0 ** generator.uniform(4.0, 7.0)
        q, alpha = 10.0 ** generator.uniform(-11.5, -10.5), generator.uniform(0.85, 1.0)
        qe, ae = 10.0 ** generator.uniform(-7.0, -5.5), generator.uniform(0.7, 0.95)
        z = 1.0 / (1.0 / r + q * w**alpha) + 1.0 / (qe * w**ae)
        noise = generator.normal(size=60) + 1j * generator.normal(size=60)
        yield r, z + 0.003 * np.abs(z) * noise


def _minimum(z: np.ndarray) -> float:
    """Z' at the smallest |Z''| between the arc's apex and the spike: where a user would begin."""
    apex = int(np.argmax(-z.imag[:40]))
    return float(z.real[apex + int(np.argmin(-z.imag[apex:]))])


def impedance(_data: Path) -> Iterator[Row]:
    spectra = list(_spectra(60))

    def row(
        program: str, fit: Callable[[np.ndarray], tuple[float, float | None]], remark: str
    ) -> Row:
        fit(spectra[0][1])
        good, covered, known, failed = 0, 0, 0, 0
        start = time.perf_counter()
        for true, z in spectra:
            try:
                r, sigma = fit(z)
            except (RuntimeError, ValueError):
                failed += 1
                continue
            good += abs(r / true - 1.0) < 0.01
            if sigma is not None and np.isfinite(sigma):
                known += 1
                covered += abs(r - true) < sigma
        seconds = (time.perf_counter() - start) / len(spectra)
        text = f"R within 1 %: {good} of {len(spectra)}; 68 % interval covers {covered} of {known}"
        return Row(program, text + (f"; {failed} raised" if failed else ""), seconds, remark)

    from cis.fit import fit_spectrum
    from cis.stages import Spectrum

    def ours(z: np.ndarray) -> tuple[float, float | None]:
        spectrum = Spectrum(
            file="virtual", format="virtual", frequency_hz=FREQUENCY, z_ohm=z, line=np.arange(60)
        )
        fit = fit_spectrum(spectrum, circuit="auto")
        return fit.resistance_ohm, fit.resistance_sigma_ohm

    yield row(OURS, ours, "circuit chosen from the data, no starting values")

    def impedance_py() -> Iterator[Row]:
        from impedance.models.circuits import CustomCircuit

        def fit(z: np.ndarray, guess: list[float]) -> tuple[float, float | None]:
            circuit = CustomCircuit("p(R1,CPE1)-CPE2", initial_guess=guess)
            circuit.fit(FREQUENCY, z, weight_by_modulus=True)
            return float(circuit.parameters_[0]), float(circuit.conf_[0])

        fixed = [1e5, 1e-11, 0.9, 1e-6, 0.8]
        name = version("impedance")
        yield row(f"{name}.py, fixed start", lambda z: fit(z, fixed), "circuit given")
        yield row(
            f"{name}.py, start by us",
            lambda z: fit(z, [_minimum(z), *fixed[1:]]),
            "circuit given, R from the smallest -Z'' after the apex",
        )

    def pyimpspec_() -> Iterator[Row]:
        import pyimpspec

        def fit(z: np.ndarray, start: float) -> tuple[float, float | None]:
            circuit = pyimpspec.parse_cdc(
                f"(R{{R={start:.3E}}}Q{{Y=1E-11,n=0.9}})Q{{Y=1E-6,n=0.8}}"
            )
            data = pyimpspec.DataSet(FREQUENCY, z)
            found = pyimpspec.fit_circuit(
                circuit, data, method="leastsq", weight="modulus", num_procs=1
            )
            element = next(e for e in found.parameters.values() if "R" in e)["R"]
            return float(element.value), float(element.stderr)

        name = version("pyimpspec")
        yield row(f"{name}, fixed start", lambda z: fit(z, 1e5), "circuit given")
        yield row(
            f"{name}, start by us", lambda z: fit(z, _minimum(z)), "circuit given, R as above"
        )

    yield from _optional(impedance_py)
    yield from _optional(pyimpspec_)


def kramers_kronig(_data: Path) -> Iterator[Row]:
    """A consistent spectrum and one with a 3 % step: which tests tell them apart?"""
    true, z = next(_spectra(1))
    del true
    stepped = np.where(FREQUENCY > 1e4, 1.03, 1.0) * z
    from cis.kramers_kronig import linear_kk

    def ours() -> object:
        return linear_kk(FREQUENCY, z), linear_kk(FREQUENCY, stepped)

    (good, bad), seconds = timed(ours)
    rms = [100.0 * float(np.sqrt(np.mean(np.abs(k.residual) ** 2))) for k in (good, bad)]
    yield Row(OURS, f"residual {rms[0]:.2f} % -> {rms[1]:.2f} %", seconds / 2.0)

    def impedance_py() -> Iterator[Row]:
        from impedance.validation import linKK

        def both() -> list[float]:
            found = []
            for spectrum in (z, stepped):
                _, _, _, real, imaginary = linKK(FREQUENCY, spectrum, max_M=50, add_cap=True)
                found.append(100.0 * float(np.sqrt(np.mean(real**2 + imaginary**2))))
            return found

        rms, seconds = timed(both)
        yield Row(
            version("impedance") + ".py",
            f"residual {rms[0]:.2f} % -> {rms[1]:.2f} %",
            seconds / 2.0,
        )

    yield from _optional(impedance_py)


# --- pair distribution of a trajectory --------------------------------------------------------------------------------


def rdf(_data: Path) -> Iterator[Row]:
    """20 frames of 10 000 atoms at random: g(r) = 1 up to 12 A."""
    generator = np.random.default_rng(1)
    length, atoms, reach, bins = 50.0, 10_000, 12.0, 600
    frames = [length * generator.random((atoms, 3)) for _ in range(20)]
    r = (np.arange(bins) + 0.5) * reach / bins

    def score(g: np.ndarray) -> str:
        shell = 4.0 * np.pi * r**2 * (reach / bins) * atoms / length**3
        expected = 1.0 / np.sqrt(0.5 * shell * atoms * len(frames))
        pulls = ((g - 1.0) / expected)[r > 0.5]
        return f"g - 1: mean {np.mean(g[r > 0.5] - 1.0):+.1e}, {np.std(pulls):.2f} of its noise"

    from xtsred.simulation.frame import Frame
    from xtsred.simulation.partials import partial_distributions

    cell = length * np.eye(3)
    ours_frames = [
        Frame(cell=cell, elements=("Ar",), kinds=np.zeros(atoms, dtype=np.int64), positions=x)
        for x in frames
    ]

    def ours() -> object:
        return partial_distributions([ours_frames], r_max=reach, dr=reach / bins)

    result, seconds = timed(ours, repeats=1)
    yield Row(OURS, score(result.g[0]), seconds, "plain numpy, with block errors")

    def freud_() -> Iterator[Row]:
        import freud

        freud.parallel.set_num_threads(1)

        def run() -> object:
            counter = freud.density.RDF(bins=bins, r_max=reach)
            for x in frames:
                counter.compute((freud.box.Box.cube(length), x - length / 2.0), reset=False)
            return counter.rdf

        g, seconds = timed(run, repeats=1)
        yield Row(version("freud-analysis"), score(np.asarray(g)), seconds, "compiled, one thread")

    yield from _optional(freud_)


# --- table --------------------------------------------------------------------------------------------------------


def _optional(rows: Callable[..., Iterator[Row]], *arguments: object) -> list[Row]:
    """The rows of a program that may not be installed, or that fails on these inputs."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return list(rows(*arguments))
    except ImportError as error:
        return [Row(f"({error.name or error})", "not installed", None)]
    except (NameError, TypeError, ValueError, AttributeError) as error:
        return [
            Row(f"({rows.__name__.strip('_')})", f"raised {type(error).__name__}: {error}", None)
        ]


TASKS: dict[str, tuple[str, Callable[[Path], Iterator[Row]]]] = {
    "scattering": ("S(Q) of the virtual NS glass against its truth", scattering),
    "transform": ("S(Q) to G(r), closed form", transform),
    "absorption": ("absorption of a bare cylinder, mu R 0.5, 1, 2", absorption),
    "impedance": ("R of 60 simulated pellets", impedance),
    "kramers-kronig": ("linear Kramers-Kronig test: sound, and with a 3 % step", kramers_kronig),
    "rdf": ("g(r) of 20 x 10 000 atoms", rdf),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", choices=[[], *TASKS])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--slow", action="store_true", help="also what takes a peer minutes")
    options = parser.parse_args()
    print("| task | program | accuracy | s | remark |\n|---|---|---|---|---|")
    for name in options.tasks or TASKS:
        title, rows = TASKS[name]
        if name == "scattering" and not (options.data / "xrd").is_dir():
            print(f"| {title} | | no data in {options.data} | | |")
            continue
        for row in rows(options.data):
            seconds = "" if row.seconds is None else f"{row.seconds:.3g}"
            print(f"| {title} | {row.program} | {row.accuracy} | {seconds} | {row.remark} |")
            title = ""
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
