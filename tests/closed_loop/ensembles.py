"""Ensembles of virtual experiments whose facts differ from what the reduction is told, and the pulls of what it finds.

A realisation: every fact of SCENARIO.facts is drawn from its stated sigma, scans are simulated with these true facts
(`xtsred.forward`, ray tracing and photon walk) and counted; the reduction reads the project file with the nominal
values. A pull is (found - true)/sigma, sigma of counting, of the fits and of what the file states.

Used by the tests beside and by benchmarks/coverage.py.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import NormalDist

import numpy as np

from calibration.radiation import energy_kev
from calibration.records import Loaded
from xtsred.budget.linear import linear_budget
from xtsred.budget.records import Budget
from xtsred.config import Project, load_project
from xtsred.forward import (
    Effort,
    GlassModel,
    Shell,
    VirtualBeam,
    VirtualDetector,
    VirtualExperiment,
    VirtualGoniometer,
    VirtualMaterial,
    VirtualMeasurement,
    VirtualSample,
    VirtualScan,
    VirtualWall,
    WalkSize,
    draw,
    expect,
    horizontal_share,
    sodium_thiosilicate,
    xray_structure_factor,
)
from xtsred.forward.demo import borosilicate
from xtsred.forward.ensemble import Interpolated, interpolated_multiple_scattering
from xtsred.inputs import Inputs
from xtsred.memo import Memo
from xtsred.merge import Measurement
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Reduction, Role, Scan

TRUE_K = 40.0
Q_FINE: Array = np.arange(1, 5200) * 0.005
FULL = Effort(log2_points=12, walk=WalkSize(orders=5, batches=4, log2_photons=14), walk_angles=91)
DESIGN = Effort(log2_points=12, walk=WalkSize(orders=3, batches=2, log2_photons=10), walk_angles=46)

BONDS_TO_A = 3.0
OVERLAPPED = " (overlapped)"
"""Na-S lies under the tail of four kinds of pairs from 3.3 to 3.5 Å, which no single peak describes: shown, not judged."""

Values = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A virtual laboratory: what is stated (path in the project file -> value, sigma) and how scans follow from it.

    text: the project file. q_range: of S(Q) and the transform. rival: another glass, whose S(Q) is the model of R_X.
    shells: true distance and coordination number of those that the file names first, and a
    remark. bends: facts on which multiple scattering depends, with the design's steps in sigma.
    """

    name: str
    facts: Mapping[str, tuple[float, float]]
    text: str
    wavelength_a: float
    q_range: tuple[float, float]
    bends: Sequence[str]
    shells: Sequence[tuple[float, float, str]]
    make: Callable[[Values, GlassModel], VirtualExperiment] = field(repr=False)

    @property
    def nominal(self) -> dict[str, float]:
        return {path: value for path, (value, _) in self.facts.items()}

    def glass(self, values: Values) -> GlassModel:
        """The sample's glass, of the density that it really has: bonds keep their length, what lies beyond is packed closer."""
        glass, density = sodium_thiosilicate(), values["sample.number_density_per_A3"]
        stretch = (glass.number_density_per_a3 / density) ** (1.0 / 3.0)

        def packed(shells: tuple[Shell, ...]) -> tuple[Shell, ...]:
            return tuple(
                replace(s, distance_a=s.distance_a * (stretch if s.distance_a > BONDS_TO_A else 1))
                for s in shells
            )

        return replace(
            glass,
            number_density_per_a3=density,
            pairs=tuple(replace(pair, shells=packed(pair.shells)) for pair in glass.pairs),
            medium_range=packed(glass.medium_range),
        )

    def structure(self, glass: GlassModel) -> "Curve":
        energy = energy_kev(self.wavelength_a)
        return Curve(Q_FINE, xray_structure_factor(glass, Q_FINE, energy_kev=energy).s)

    def experiment(self, values: Values) -> VirtualExperiment:
        return self.make(values, self.glass(values))

    def drawn(self, seed: int) -> dict[str, float]:
        """True facts of a realisation."""
        generator = np.random.default_rng([20251122, seed])
        return {
            path: value + sigma * generator.standard_normal()
            for path, (value, sigma) in self.facts.items()
        }


@dataclass(frozen=True)
class Curve:
    """A true S(Q) on a fine grid, and what a measurement of limited Q would show of it."""

    q: Array
    s: Array

    def binned(self, q: Array, step: float) -> Array:
        """Means over bins of width step about q, by Simpson's rule."""
        low, middle, high = (np.interp(q + h * step, self.q, self.s) for h in (-0.5, 0.0, 0.5))
        return np.asarray((low + 4.0 * middle + high) / 6.0)

    def transformed(self, r: Array, q_max: float) -> Array:
        """G(r) = (2/pi) int Q (S - 1) sin(pi Q/Q_max)/(pi Q/Q_max) sin(Qr) dQ from 0 to Q_max, by trapezoids."""
        inside = self.q <= q_max + 1e-9
        q, f = self.q[inside], (self.q * (self.s - 1.0))[inside] * np.sinc(self.q[inside] / q_max)
        weight = np.full(q.shape, q[1] - q[0])
        weight[-1] *= 0.5
        return np.asarray((2.0 / np.pi) * np.sin(np.outer(r, q)) @ (f * weight))


_STEP = 0.1
_SCANS: tuple[tuple[str, Role, float, float], ...] = (
    ("sample_1", "sample", 2.0, 20.0),
    ("sample_2", "sample", 50.0, 50.0),
    ("sample_3", "sample", 100.0, 190.0),
    ("empty", "container", 2.0, 60.0),
    ("air", "environment", 2.0, 60.0),
)


def mo_capillary(folder: Path, *, uncertain: Collection[str] | None = None) -> Scenario:
    """Powdered glass in a thin capillary before a Mo tube with a crystal monochromator, geometry of ns_mo_virtual.

    uncertain: which facts have the sigma of a careful laboratory (None: all); the others are known exactly.
    Writes run.toml and the S(Q) of a rival model into folder.
    """
    facts = {
        path: (value, sigma if uncertain is None or path in uncertain else 0.0)
        for path, value, sigma in (
            ("sample.number_density_per_A3", 0.0431, 0.0004),
            ("sample.radius_mm", 0.25, 0.003),
            ("sample.packing_fraction", 0.5, 0.02),
            ("container.wall_thickness_mm", 0.01, 0.001),
            ("radiation.wavelength_A", 0.709318, 5e-5),
            ("polarization.two_theta_deg", 12.14, 0.3),
            ("detector.dead_time_s", 2e-6, 4e-7),
            ("goniometer.zero_deg", 0.0, 0.01),
            ("goniometer.across_mm", 0.0, 0.02),
            ("scan[3].scale", 1.0, 0.01),
            ("normalization.compton_response", 1.0, 0.02),
        )
    }
    text = _project(facts)
    scenario = Scenario(
        name="Mo tube, capillary",
        facts=facts,
        text=text,
        wavelength_a=0.709318,
        q_range=(0.6, 17.0),
        bends=(
            "sample.number_density_per_A3",
            "sample.radius_mm",
            "sample.packing_fraction",
            "container.wall_thickness_mm",
        ),
        shells=((2.13, 4.0, ""), (2.82, 5.0, OVERLAPPED)),
        make=_mo_capillary,
    )
    (folder / "run.toml").write_text(text, encoding="utf-8")
    rival = scenario.structure(rival_glass())
    rows = "".join(f"{q:.3f},{s:.8f}\n" for q, s in zip(rival.q, rival.s, strict=True))
    (folder / "rival.csv").write_text("Q,S\n" + rows, encoding="utf-8")
    return scenario


def rival_glass() -> GlassModel:
    """What a simulation might give: every shell 1.2 % too far, and too broad by 15 %."""
    glass = sodium_thiosilicate()
    pairs = tuple(
        replace(
            pair,
            shells=tuple(
                replace(s, distance_a=1.012 * s.distance_a, width_a=1.15 * s.width_a)
                for s in pair.shells
            ),
        )
        for pair in glass.pairs
    )
    return replace(glass, pairs=pairs)


def _mo_capillary(values: Values, glass: GlassModel) -> VirtualExperiment:
    wavelength = values["radiation.wavelength_A"]
    structure = xray_structure_factor(glass, Q_FINE, energy_kev=energy_kev(wavelength))
    material = VirtualMaterial(
        fractions=glass.fractions,
        number_density_per_a3=glass.number_density_per_a3,
        structure=structure,
    )
    return VirtualExperiment(
        name="VIRTUAL, Mo tube, capillary",
        sample=VirtualSample(
            material=material,
            radius_mm=values["sample.radius_mm"],
            packing=values["sample.packing_fraction"],
            wall=VirtualWall(
                material=borosilicate(), thickness_mm=values["container.wall_thickness_mm"]
            ),
        ),
        beam=VirtualBeam(
            width_mm=0.6,
            height_mm=8.0,
            lines=((wavelength, 1.0),),
            cps_per_electron_unit=TRUE_K,
            horizontal_share=horizontal_share(
                "perfect", two_theta_deg=values["polarization.two_theta_deg"]
            ),
        ),
        detector=VirtualDetector(dark_cps=0.3, dead_time_s=values["detector.dead_time_s"]),
        scans=tuple(
            VirtualScan(
                name=name,
                role=role,
                two_theta_deg=(first, 152.0),
                step_deg=_STEP,
                seconds_per_step=seconds,
                intensity=values["scan[3].scale"] if role == "container" else 1.0,
            )
            for name, role, first, seconds in _SCANS
        ),
        air_path_mm=10.0,
        goniometer=VirtualGoniometer(
            zero_deg=values["goniometer.zero_deg"],
            across_mm=values["goniometer.across_mm"],
            radius_mm=200.0,
        ),
        compton_gain=values["normalization.compton_response"],
        effort=FULL,
    )


def _project(facts: Mapping[str, tuple[float, float]]) -> str:
    def number(path: str) -> str:
        value, sigma = facts[path]
        return f"{{ value = {value!r}, sigma = {sigma!r} }}" if sigma else repr(value)

    scans = "".join(
        f'[[scan]]\nrole = "{role}"\nfile = "{name}.xy"\nseconds_per_step = {seconds!r}\n'
        + (f"scale = {number('scan[3].scale')}\n" if role == "container" else "")
        + "\n"
        for name, role, _, seconds in _SCANS
    )
    fitted = facts["normalization.compton_response"][1]
    response = f"compton_response_sigma = {fitted!r}\n" if fitted else ""
    return f"""\
# VIRTUAL data: an ensemble of experiments, drawn from what is stated here
virtual = true

[sample]
name = "VIRTUAL ensemble"
composition = "(Na2S)0.50(SiS2)0.50"
number_density_per_A3 = {number("sample.number_density_per_A3")}
radius_mm = {number("sample.radius_mm")}
packing_fraction = {number("sample.packing_fraction")}

[container]
material = "borosilicate 3.3"
wall_thickness_mm = {number("container.wall_thickness_mm")}

[radiation]
wavelength_A = {number("radiation.wavelength_A")}

[beam]
width_mm = 0.6
height_mm = 8.0

[polarization]
monochromator = "perfect"
two_theta_deg = {number("polarization.two_theta_deg")}

[detector]
response = "ideal"
dead_time_s = {number("detector.dead_time_s")}

[goniometer]
zero_deg = {number("goniometer.zero_deg")}
across_mm = {number("goniometer.across_mm")}
radius_mm = 200.0

{scans}[range]
two_theta_deg = [2.5, 151.5]
q_step = 0.05

[multiple_scattering]
orders = 4

[normalization]
method = "high-angle"
{response}
[fourier]
window = "lorch"
q_range = [0.6, 17.0]
r_max = 12.0
r_step = 0.02

[[shell]]
pair = "Si-S"
r_range = [1.8, 2.45]

[[shell]]
pair = "Na-S"
r_range = [2.45, 3.1]

[[shell]]                                # several pairs at once: not judged, but its tail is
pair = "S-S"
r_range = [3.2, 3.8]

[comparison]
curve = "rival.csv"
curve_is = "S"
q_range = [0.6, 12.0]
"""


@dataclass(frozen=True, kw_only=True)
class Realisation:
    """One virtual experiment as reduced: the result, the true facts, and the sample's true S(Q)."""

    result: Reduction
    values: Values
    truth: Curve


class Ensemble:
    """Realisations of a scenario. The folder holds its project file; scans are never written."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self.folder = scenario, folder
        self.loaded: Loaded[Project] = load_project(folder / "run.toml")
        self.memo = Memo(keep=2)
        self._exposed: tuple[Values, VirtualMeasurement | None] = ({}, None)

    @cached_property
    def multiple(self) -> Interpolated:
        """Multiple scattering over the scenario's facts; the walks are made once."""
        scenario = self.scenario
        steps = {p: 1.5 * scenario.facts[p][1] for p in scenario.bends if scenario.facts[p][1]}
        return interpolated_multiple_scattering(
            scenario.experiment, nominal=scenario.nominal, steps=steps, design=DESIGN
        )

    def expected(self, values: Values) -> VirtualMeasurement:
        """A measurement that is not counted yet."""
        experiment = self.scenario.experiment(values)
        truth = expect(experiment, multiple=self.multiple.at(values))
        return VirtualMeasurement(experiment=experiment, truth=truth, records=(), seed=0)

    @cached_property
    def budget(self) -> Budget:
        """Of one measurement of nominal facts: what every stated sigma can do."""
        measured = draw(self.expected(self.scenario.nominal), 0)
        return linear_budget(self.loaded, scans_of(measured), memo=self.memo)

    def realise(self, seed: int) -> Realisation:
        """Draw facts, expose, count, reduce."""
        values = self.scenario.drawn(seed)
        if values != self._exposed[0]:
            self._exposed = values, self.expected(values)
        assert self._exposed[1] is not None
        measured = draw(self._exposed[1], seed)
        return Realisation(
            result=reduce_inputs(self.loaded, scans_of(measured), memo=self.memo),
            values=values,
            truth=self.scenario.structure(self.scenario.glass(values)),
        )


def scans_of(measurement: VirtualMeasurement) -> Inputs:
    """The records of a virtual measurement as the readers would have given them."""
    inputs: Inputs = {}
    for entry, record in enumerate(measurement.records):
        scan = Scan(
            file=f"{record.scan.name}.xy",
            format="xy",
            two_theta_deg=record.two_theta_deg,
            values=record.counts,
            kind="counts",
        )
        inputs.setdefault(record.scan.role, []).append(
            Measurement(
                scan=scan,
                label=scan.file,
                seconds_per_step=record.scan.seconds_per_step,
                scale=1.0 if record.scan.role == "container" else None,
                entry=entry,
            )
        )
    return inputs


# Pulls


def pulls(realisation: Realisation, budget: Budget | None, scenario: Scenario) -> dict[str, Array]:
    """(found - true)/sigma by quantity: S (bins of q_range), g (every 0.3 Å from 1 Å), and single numbers.

    sigma: counting of this realisation, with every source of the budget (None: what its own fit leaves).
    """
    result, truth = realisation.result, realisation.truth
    s, pdf = result.structure_factor, result.pair_distribution
    own = 4 * np.pi * pdf.number_density_per_a3 * pdf.r
    modes, modes_g = _modes(s.modes, s.q), _modes(pdf.modes, pdf.r) / own
    if budget is not None:
        modes, modes_g = budget.modes_s, budget.modes_g
    inside = (s.q >= scenario.q_range[0]) & (s.q <= scenario.q_range[1])
    step = float(s.q[1] - s.q[0])
    sigma = np.sqrt(s.sigma**2 + (modes**2).sum(axis=0))
    found = {"S(Q)": ((s.s - truth.binned(s.q, step)) / sigma)[inside]}

    density = realisation.values["sample.number_density_per_A3"]
    g_true = 1.0 + truth.transformed(pdf.r, scenario.q_range[1]) / (4 * np.pi * density * pdf.r)
    sigma_g = np.sqrt(pdf.g_sigma**2 + (modes_g**2).sum(axis=0))
    found["g(r)"] = ((pdf.g - g_true) / sigma_g)[np.flatnonzero(pdf.r >= 1.0)[::15]]

    def pull(name: str, difference: float, *own: float | None, label: str = "") -> None:
        """own: counting, and the systematic sigma where no budget knows it better (R_X: along its own gradient)."""
        counting, systematic = (0.0 if part is None else part for part in own)
        if budget is not None and name != "R_X":
            systematic = budget.systematic(name)
        found[name + label] = np.array([difference / np.hypot(counting, systematic)])

    k = result.normalization.k
    pull("K", k.value - TRUE_K, 0.0, k.sigma)
    response = result.normalization.compton_response
    if response is not None:
        gain = realisation.values["normalization.compton_response"]
        pull("Compton response", response.value - gain, 0.0, response.sigma)
    for shell, (distance, number, label) in zip(result.shells, scenario.shells, strict=False):
        at, held = shell.position, shell.coordination
        assert held is not None
        parts = at.sigma, shell.position_systematic
        pull(f"{shell.pair} distance", at.value - distance, *parts, label=label)
        parts = held.sigma, shell.coordination_systematic
        pull(f"{shell.pair} coordination", held.value - number, *parts, label=label)
    compared = result.comparison
    assert compared is not None
    rival = scenario.structure(rival_glass())
    exact, model = truth.binned(compared.q, step), np.interp(compared.q, rival.q, rival.s)
    r_true = np.sqrt(np.sum((exact - model) ** 2) / np.sum(exact**2))
    # noise adds to a sum of squares: what it adds on the average is known, and taken off
    noise = np.sum(compared.sigma**2) / np.sum(compared.s**2)
    free = np.sqrt(max(compared.r_x**2 - noise, 0.0))
    gradient = compared.s - compared.s_other - compared.r_x**2 * compared.s
    gradient /= compared.r_x * np.sum(compared.s**2)
    at = np.searchsorted(s.q, compared.q - 1e-9)
    pull(
        "R_X",
        free - r_true,
        compared.r_x_sigma_measurement,
        float(np.linalg.norm(modes[:, at] @ gradient)),
    )
    return found


@dataclass(frozen=True, kw_only=True)
class Found:
    """Pulls of many draws: quantity -> shape (draws, points); axes: of curves, label and values."""

    pulls: Mapping[str, Array]
    axes: Mapping[str, tuple[str, Array]]


def run(ensemble: Ensemble, seeds: Iterable[int]) -> Found:
    """Realise and reduce every seed; the budget of the nominal facts stands for all where facts are uncertain."""
    scenario = ensemble.scenario
    uncertain = any(sigma for _, sigma in scenario.facts.values())
    budget = ensemble.budget if uncertain else None
    collected: dict[str, list[Array]] = {}
    q, r = np.zeros(0), np.zeros(0)
    for seed in seeds:
        realisation = ensemble.realise(seed)
        for name, values in pulls(realisation, budget, scenario).items():
            collected.setdefault(name, []).append(values)
        q, r = realisation.result.structure_factor.q, realisation.result.pair_distribution.r
    inside = (q >= scenario.q_range[0]) & (q <= scenario.q_range[1])
    return Found(
        pulls={name: np.array(values) for name, values in collected.items()},
        axes={
            "S(Q)": ("Q (Å$^{-1}$)", q[inside]),
            "g(r)": ("r (Å)", r[np.flatnonzero(r >= 1.0)[::15]]),
        },
    )


def joined(parts: Sequence[Found]) -> Found:
    """Pulls of several runs after each other."""
    return Found(
        pulls={
            name: np.concatenate([part.pulls[name] for part in parts]) for name in parts[0].pulls
        },
        axes=parts[0].axes,
    )


def _modes(modes: Array | None, x: Array) -> Array:
    return np.zeros((0, x.size)) if modes is None else modes


def coverage(pulls_of_one: Array, share: float) -> float:
    """Share of pulls inside the central interval of a unit normal that holds this share of it."""
    return float(np.mean(np.abs(pulls_of_one) <= NormalDist().inv_cdf(0.5 + 0.5 * share)))
