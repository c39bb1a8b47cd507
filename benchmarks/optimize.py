"""What `xtsred optimize` gains when inputs are wrong and what it costs when they are right, on virtual experiments of known truth.

    python benchmarks/optimize.py [--seeds 2] [--only NAME] [--shared ../shared]

The truth never enters a fit: it is compared with the result afterwards. Columns, rms over the seeds:
  total     rms of S - truth over the range of the transform, as stated -> adjusted; "best": with the true inputs, nothing adjusted
  inputs    rms of S - S(true inputs) of the same counts: the part of the error that the inputs make, noise cancels
  factor    of that part; "possible" is the factor that the posterior itself expects: what the information in the counts allows
  g         rms of g - g(truth, same window) over 1 to 10 Å, as stated -> adjusted, and the factor
"alone": only the wrong number is adjusted, the others are right and stated to 1 %; "all": packing (10 %), wall (20 %) and
Compton response (5 %) have a sigma and are adjusted, as a user would who does not know which is wrong.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from calibration.records import Loaded
from xtsred.config import Project, load_project
from xtsred.forward import (
    Effort,
    GlassModel,
    VirtualBeam,
    VirtualDetector,
    VirtualExperiment,
    VirtualMaterial,
    VirtualMeasurement,
    VirtualSample,
    VirtualScan,
    VirtualTruth,
    VirtualWall,
    WalkSize,
    draw,
    expect,
    sodium_thiosilicate,
    true_structure_factor,
)
from xtsred.forward.demo import borosilicate, project_text, shipped_measurement, write_scans
from xtsred.forward.glass import silica_like
from xtsred.fourier import transform_operator
from xtsred.inputs import read_inputs
from xtsred.neighbours import fourier_window
from xtsred.optimize.fit import optimize_inputs
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Reduction, frozen

PACKING, WALL = "sample.packing_fraction", "container.wall_thickness_mm"
COMPTON = "normalization.compton_response"
SIGMA = {PACKING: 0.10, WALL: 0.20, COMPTON: 0.05}  # relative, stated for every run
KNOWN = 0.01  # relative sigma of what is right and not adjusted
WRONG = {  # relative errors; their signs change with the seed
    "right": {},
    "packing 10 %": {PACKING: 0.10},
    "wall 20 %": {WALL: 0.20},
    "Compton 5 %": {COMPTON: 0.05},
    "all three": dict(SIGMA),
}


@dataclass(frozen=True)
class Case:
    """A virtual experiment: measurement(seed), the settings of its project, its truth."""

    name: str
    measurement: Callable[[int], VirtualMeasurement]
    settings: tuple[str, ...]
    model: GlassModel | None
    truth: Path | None = None

    def structure(self, q: Array) -> Array:
        """S of the truth, averaged over bins of 0.05 Å^-1 (Simpson's rule)."""
        if self.truth is None:
            return sum(
                w * true_structure_factor(self.model, q + d).s
                for w, d in ((1 / 6, -0.025), (4 / 6, 0.0), (1 / 6, 0.025))
            )
        table = np.loadtxt(self.truth, delimiter=",", skiprows=1)
        spline = CubicSpline(table[:, 0], table[:, 1])
        return (spline(q - 0.025) + 4 * spline(q) + spline(q + 0.025)) / 6


def virtual(
    name: str, model: GlassModel, *, radius: float, packing: float, wall: float, lines: str
) -> Case:
    """A capillary of borosilicate before an Ag or Mo tube, three sample scans as in the demonstration."""
    q = np.linspace(0.01, 25.0, 2500)
    material = VirtualMaterial(
        fractions=model.fractions,
        number_density_per_a3=model.number_density_per_a3,
        structure=true_structure_factor(model, q),
    )
    weights = {"Ag": ((0.5594218, 1.0), (0.5638131, 0.529)), "Mo": ((0.7093172, 1.0),)}

    def scan(label: str, role: str, first: float, seconds: float) -> VirtualScan:
        return VirtualScan(
            name=label,
            role=role,
            two_theta_deg=(first, 152.0),
            step_deg=0.05,
            seconds_per_step=seconds,
        )

    experiment = VirtualExperiment(
        name=name,
        sample=VirtualSample(
            material=material,
            radius_mm=radius,
            packing=packing,
            wall=VirtualWall(material=borosilicate(), thickness_mm=wall),
        ),
        beam=VirtualBeam(
            width_mm=2.4 * (radius + wall),
            height_mm=8.0,
            lines=weights[lines],
            cps_per_electron_unit=40.0,
        ),
        detector=VirtualDetector(dark_cps=0.3),
        scans=(
            scan("sample_scan1", "sample", 0.0, 10.0),
            scan("sample_scan2", "sample", 50.0, 25.0),
            scan("sample_scan3", "sample", 100.0, 100.0),
            scan("empty_capillary", "container", 0.0, 30.0),
            scan("air", "environment", 0.0, 30.0),
        ),
        air_path_mm=10.0,
        beamstop_deg=1.0,
        effort=Effort(log2_points=15, walk=WalkSize(orders=5, batches=4, log2_photons=14)),
    )
    made: list[VirtualMeasurement] = []

    def measurement(seed: int) -> VirtualMeasurement:
        if not made:
            truth = expect(experiment)
            made.append(VirtualMeasurement(experiment=experiment, truth=truth, records=(), seed=0))
        return draw(made[0], seed)

    settings = {
        "Ag": (),
        "Mo": (
            'radiation.lines="Ka1"',
            'radiation.anode="Mo"',
            "fourier.q_range=[0.6, 17.0]",
            "comparison.q_range=[0.6, 17.0]",
        ),
    }[lines]
    formula = "".join(f"{e}{n:g}" for e, n in model.fractions.items())
    return Case(name, measurement, (*settings, f'sample.composition="{formula}"'), model)


def ns_mo(shared: Path) -> Case:
    """Fresh counts for `ns_mo_virtual`, whose rates another Monte Carlo computed."""
    folder = shared / "data" / "xrd" / "ns_mo_virtual"
    table = np.genfromtxt(folder / "truth_components.csv", delimiter=",", names=True)
    angle = np.round(np.arange(0.0, 152.0 + 1e-9, 0.02), 6)
    columns = {
        "sample": "rate_sample_cps",
        "container": "rate_empty_cps",
        "environment": "rate_air_cps",
    }
    rates = {
        role: frozen(CubicSpline(table["tth"], table[c])(angle).clip(min=0.0))
        for role, c in columns.items()
    }

    def scan(label: str, role: str, first: float, seconds: float) -> VirtualScan:
        return VirtualScan(
            name=label,
            role=role,
            two_theta_deg=(first, 152.0),
            step_deg=0.02,
            seconds_per_step=seconds,
        )

    base = shipped_measurement().experiment
    experiment = VirtualExperiment(
        name="ns_mo_virtual",
        sample=base.sample,
        beam=base.beam,
        detector=base.detector,
        scans=(
            scan("sample_scan1", "sample", 0.0, 4.0),
            scan("sample_scan2", "sample", 50.0, 10.0),
            scan("sample_scan3", "sample", 100.0, 38.0),
            scan("empty_capillary", "container", 0.0, 12.0),
            scan("air", "environment", 0.0, 12.0),
        ),
    )
    truth = VirtualTruth(two_theta_deg=frozen(angle), components={}, rates_cps=rates)
    measured = VirtualMeasurement(experiment=experiment, truth=truth, records=(), seed=0)
    settings = (
        "radiation={wavelength_A=0.709318}",
        "fourier.q_range=[0.6, 17.0]",
        "comparison.q_range=[0.6, 17.0]",
    )
    return Case(
        "ns_mo_virtual", lambda seed: draw(measured, seed), settings, None, folder / "truth_SQ.csv"
    )


def cases(shared: Path) -> Iterator[Case]:
    ns = sodium_thiosilicate()
    if (shared / "data").is_dir():
        yield ns_mo(shared)
    yield Case("demo (NS, Ag)", lambda s: draw(shipped_measurement(), s), (), ns)
    yield virtual("NS, Mo, R 0.5, wall 0.05", ns, radius=0.5, packing=0.6, wall=0.05, lines="Mo")
    yield virtual("NS, Mo, R 1, wall 0.05", ns, radius=1.0, packing=0.5, wall=0.05, lines="Mo")
    yield virtual(
        "silica, Ag, R 1, wall 0.1", silica_like(), radius=1.0, packing=0.6, wall=0.1, lines="Ag"
    )


def project(case: Case, measurement: VirtualMeasurement, folder: Path) -> Path:
    """Scans and a project file with the true inputs."""
    write_scans(measurement, folder)
    path = folder / "run.toml"
    text = project_text(measurement.experiment)
    path.write_text(text[: text.index("[comparison]")], encoding="utf-8")
    return path


def with_errors(
    case: Case,
    path: Path,
    measurement: VirtualMeasurement,
    errors: dict[str, float],
    names: list[str],
) -> Loaded[Project]:
    sample = measurement.experiment.sample
    true = {PACKING: sample.packing, WALL: sample.wall.thickness_mm, COMPTON: 1.0}
    stated = [
        f"{key}={{ value = {value * (1.0 + errors.get(key, 0.0)):.9g}, sigma = {value * SIGMA[key]:.9g} }}"
        if key in names
        else f"{key}={{ value = {value:.9g}, sigma = {value * KNOWN:.9g} }}"
        for key, value in true.items()
    ]
    listed = "[" + ", ".join(f'"{n}"' for n in names) + "]"
    kept = [s for s in case.settings if not s.startswith("comparison")]
    return load_project(path, settings=[*kept, *stated, f"optimize.parameters={listed}"])


def g_of(reduction: Reduction, loaded: Loaded[Project], s: Array, inside: Array) -> Array:
    """g(r) over 1 to 10 Å of bins s, with the project's window."""
    structure = reduction.structure_factor
    r = np.arange(1.0, 10.0, 0.02)
    used = type(structure)(
        q=structure.q[inside], s=frozen(s[inside]), sigma=structure.sigma[inside]
    )
    operator, _ = transform_operator(
        used, r, window=fourier_window(loaded.record), extrapolation="parabola"
    )
    return 1.0 + operator @ (s[inside] - 1.0) / (4 * np.pi * reduction.number_density_per_a3 * r)


def rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


def one(
    case: Case, seed: int, folder: Path, rows: dict[tuple[str, str], list[dict[str, float]]]
) -> None:
    measurement = case.measurement(seed)
    path = project(case, measurement, folder)
    signs = [1.0 if (seed >> k) % 2 else -1.0 for k in range(3)]
    everything = list(SIGMA)
    right = with_errors(case, path, measurement, {}, everything)
    inputs = read_inputs(right)
    reference = reduce_inputs(right, inputs)
    q = reference.structure_factor.q
    low, high = right.record.fourier.q_range
    inside = (q >= low) & (q <= high)
    truth = case.structure(q)
    g_true = g_of(reference, right, truth, inside)
    for label, sizes in WRONG.items():
        errors = {k: v * signs[everything.index(k)] for k, v in sizes.items()}
        choices = {"all": everything}
        if len(sizes) == 1:
            choices = {"alone": list(sizes), **choices}
        for which, names in choices.items():
            loaded = with_errors(case, path, measurement, errors, names)
            begun = time.perf_counter()
            found = optimize_inputs(loaded, inputs)
            seconds = time.perf_counter() - begun
            s = {n: r.structure_factor.s for n, r in (("b", found.before), ("a", found.after))}
            best = reference.structure_factor.s
            rows.setdefault((label, which), []).append(
                {
                    "best": rms((best - truth)[inside]),
                    "floor": rms(reference.structure_factor.sigma[inside]),
                    "before": rms((s["b"] - truth)[inside]),
                    "after": rms((s["a"] - truth)[inside]),
                    "in_before": rms((s["b"] - best)[inside]),
                    "in_after": rms((s["a"] - best)[inside]),
                    "expected": rms(found.s_sigma[1][inside]),
                    "g_before": rms(g_of(reference, loaded, s["b"], inside) - g_true),
                    "g_after": rms(g_of(reference, loaded, s["a"], inside) - g_true),
                    "g_best": rms(g_of(reference, loaded, best, inside) - g_true),
                    "pull": max(
                        abs(a.posterior.value / t - 1.0) * t / (a.posterior.sigma or np.inf)
                        for a, t in zip(found.parameters, _true(measurement, names), strict=True)
                    ),
                    "seconds": seconds,
                }
            )


def _true(measurement: VirtualMeasurement, names: list[str]) -> list[float]:
    sample = measurement.experiment.sample
    values = {PACKING: sample.packing, WALL: sample.wall.thickness_mm, COMPTON: 1.0}
    return [values[n] for n in names]


def show(case: Case, rows: dict[tuple[str, str], list[dict[str, float]]]) -> None:
    first = next(iter(rows.values()))
    print(
        f"\n{case.name}: counting floor {rms(np.array([r['floor'] for r in first])):.5f}, with the true inputs "
        f"{rms(np.array([r['best'] for r in first])):.5f}, {len(first)} seeds"
    )
    print(
        f"{'inputs':<14}{'adjusted':<9}{'total: stated':>14}{'adjusted':>9}{'over best':>10}{'inputs: stated':>15}{'adjusted':>9}"
        f"{'factor':>8}{'possible':>9}{'g stated':>10}{'adjusted':>9}{'best':>8}{'pull':>6}{'s':>5}"
    )
    for (label, which), seeds in rows.items():
        m = {name: rms(np.array([s[name] for s in seeds])) for name in seeds[0]}
        factor = "" if m["in_before"] == 0.0 else f"{m['in_before'] / m['in_after']:.1f}"
        possible = "" if m["in_before"] == 0.0 else f"{m['in_before'] / m['expected']:.1f}"
        print(
            f"{label:<14}{which:<9}{m['before']:>14.5f}{m['after']:>9.5f}{m['after'] / m['best']:>10.3f}{m['in_before']:>15.5f}"
            f"{m['in_after']:>9.5f}{factor:>8}{possible:>9}{m['g_before']:>10.4f}{m['g_after']:>9.4f}{m['g_best']:>8.4f}"
            f"{m['pull']:>6.1f}{m['seconds']:>5.0f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    for case in cases(arguments.shared):
        if arguments.only not in case.name:
            continue
        rows: dict[tuple[str, str], list[dict[str, float]]] = {}
        for seed in range(1, arguments.seeds + 1):
            with tempfile.TemporaryDirectory() as folder:
                one(case, seed, Path(folder), rows)
        show(case, rows)


if __name__ == "__main__":
    main()
