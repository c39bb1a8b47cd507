"""The shipped demonstration: a virtual NS glass in a capillary before an Ag tube, and its files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xtsred.forward.experiment import (
    Effort,
    VirtualBeam,
    VirtualExperiment,
    VirtualMeasurement,
    VirtualSample,
    VirtualScan,
    VirtualTruth,
    VirtualWall,
)
from xtsred.forward.glass import (
    GlassModel,
    silica_like,
    sodium_thiosilicate,
    true_pair_distribution,
    true_structure_factor,
)
from xtsred.forward.instrument import VirtualDetector
from xtsred.forward.media import VirtualMaterial
from xtsred.forward.simulate import draw, simulate
from xtsred.forward.walk import WalkSize
from xtsred.stages import Array, Role, frozen

__all__ = [
    "DEMO_SEED",
    "borosilicate",
    "demo_experiment",
    "project_text",
    "shipped_measurement",
    "write_demo",
    "write_measurement",
    "write_scans",
]

DEMO_SEED = 20251122
_TITLE = "VIRTUAL 50Na2S-50SiS2"
_Q: Array = np.linspace(0.01, 25.0, 2500)
_R: Array = np.linspace(0.01, 20.0, 2000)
_COMPONENT_STEP_DEG = 0.2


def borosilicate() -> VirtualMaterial:
    """Borosilicate glass 3.3, 2.23 g/cm^3 (ISO 3585), arranged like a smooth virtual silica."""
    return VirtualMaterial(
        fractions={"Si": 0.25582, "O": 0.64137, "B": 0.07087, "Na": 0.02449, "Al": 0.00744},
        number_density_per_a3=0.070774,
        structure=true_structure_factor(silica_like(), _Q),
    )


def demo_experiment(*, step_deg: float = 0.05, effort: Effort | None = None) -> VirtualExperiment:
    """The geometry of Micoulaut et al., Phys. Rev. B 111, 214201 (2025), with an Ag tube and a known S(Q).

    step_deg: of every scan. effort: None for that of the shipped files (half a minute).
    """
    model = sodium_thiosilicate()
    glass = VirtualMaterial(
        fractions=model.fractions,
        number_density_per_a3=model.number_density_per_a3,
        structure=true_structure_factor(model, _Q),
    )

    def scan(name: str, role: Role, first: float, seconds: float) -> VirtualScan:
        return VirtualScan(
            name=name,
            role=role,
            two_theta_deg=(first, 152.0),
            step_deg=step_deg,
            seconds_per_step=seconds,
        )

    return VirtualExperiment(
        name=_TITLE,
        sample=VirtualSample(
            material=glass,
            radius_mm=0.25,
            packing=0.5,
            wall=VirtualWall(material=borosilicate(), thickness_mm=0.01),
        ),
        beam=VirtualBeam(
            width_mm=0.6,
            height_mm=8.0,
            lines=(
                (0.5594218, 1.0),
                (0.5638131, 0.529),
            ),  # the natural ratio of the wavelength table
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
        effort=effort
        or Effort(log2_points=17, walk=WalkSize(orders=5, batches=8, log2_photons=15)),
    )


def write_demo(folder: Path, *, seed: int = DEMO_SEED) -> None:
    """Simulate the demonstration and write its files into an existing folder (the shipped ones, for DEMO_SEED)."""
    write_measurement(simulate(demo_experiment(), seed), sodium_thiosilicate(), folder)


def shipped_measurement(folder: Path | None = None) -> VirtualMeasurement:
    """The shipped demonstration without simulating it again: expected rates from rates.csv, and the scans.

    Its truth has rates only. `draw(shipped_measurement(), seed)` is a fresh realisation in milliseconds.
    folder: where the files are; None for those of the package.
    """
    place = Path(__file__).parent.parent / "data" / "demo" if folder is None else folder
    table = np.genfromtxt(place / "rates.csv", delimiter=",", names=True)
    roles: tuple[Role, ...] = ("sample", "container", "environment")
    truth = VirtualTruth(
        two_theta_deg=frozen(table["tth"]),
        components={},
        rates_cps={role: frozen(table[f"rate_{role}_cps"]) for role in roles},
    )
    measurement = VirtualMeasurement(
        experiment=demo_experiment(), truth=truth, records=(), seed=DEMO_SEED
    )
    return draw(measurement, DEMO_SEED)


def write_measurement(measurement: VirtualMeasurement, model: GlassModel, folder: Path) -> None:
    """Write scans (.xy), rates.csv, truth_*.csv and a project file run.toml into an existing folder.

    rates.csv holds the Poisson means of the counts in full, truth_components.csv every 0.2° of the rest.
    """
    write_scans(measurement, folder)
    truth = measurement.truth
    rates = {f"rate_{role}_cps": curve for role, curve in truth.rates_cps.items()}
    _write(folder / "rates.csv", _csv({"tth": truth.two_theta_deg, **rates}, digits=10))
    stride = max(1, round(_COMPONENT_STEP_DEG / measurement.experiment.scans[0].step_deg))
    table = {"tth": truth.two_theta_deg, **truth.components, **rates}
    thinned = {name: curve[::stride] for name, curve in table.items()}
    _write(folder / "truth_components.csv", _csv(thinned, digits=6))
    _write(
        folder / "truth_SQ.csv", _csv({"Q": _Q, "S": true_structure_factor(model, _Q).s}, digits=8)
    )
    _write(
        folder / "truth_gr.csv", _csv({"r": _R, "g": true_pair_distribution(model, _R)}, digits=8)
    )
    _write(folder / "run.toml", project_text(measurement.experiment))


def write_scans(measurement: VirtualMeasurement, folder: Path) -> None:
    """Write only the scans, NAME.xy with 2theta (deg) and counts, into an existing folder."""
    for record in measurement.records:
        scan = record.scan
        head = (
            f"# VIRTUAL measurement, nothing was measured: {scan.role} scan simulated by xtsred.forward, "
            f"seed {measurement.seed}\n# seconds_per_step {scan.seconds_per_step:g}\n# two_theta_deg counts\n"
        )
        rows = zip(record.two_theta_deg, record.counts, strict=True)
        _write(folder / f"{scan.name}.xy", head + "".join(f"{a:.3f} {n:.0f}\n" for a, n in rows))


def project_text(experiment: VirtualExperiment) -> str:
    """The project file of a virtual Ag-tube experiment in a capillary of borosilicate 3.3."""
    sample, beam = experiment.sample, experiment.beam
    wall = 0.0 if sample.wall is None else sample.wall.thickness_mm
    scans = "".join(
        f'[[scan]]\nrole = "{scan.role}"\nfile = "{scan.name}.xy"\n'
        f"seconds_per_step = {scan.seconds_per_step!r}\n\n"
        for scan in experiment.scans
    )
    return f"""\
# VIRTUAL data: nothing here was measured. The scans come from a photon Monte Carlo (xtsred.forward) with
# counting noise; their S(Q) and g(r) are known: truth_SQ.csv, truth_gr.csv, truth_components.csv.
# Paths are relative to this file. Units are in the keys.

virtual = true                           # every page and file of the result says so

[sample]
name = "{experiment.name}"
composition = "(Na2S)0.50(SiS2)0.50"
number_density_per_A3 = {sample.material.number_density_per_a3!r}           # of the glass itself, not of the powder
radius_mm = {sample.radius_mm!r}                         # inner radius of the capillary
packing_fraction = {sample.packing!r}

[container]
material = "borosilicate 3.3"
wall_thickness_mm = {wall!r}

[radiation]
anode = "Ag"
lines = "Ka1+Ka2"

[beam]
width_mm = {beam.width_mm!r}                           # across the capillary: fully bathed
height_mm = {beam.height_mm!r}                          # along the capillary

[polarization]
monochromator = "none"

[detector]
response = "ideal"
dead_time_s = 0.0
                                         # dark_cps absent: the environment scan contains it
{scans}[range]
two_theta_deg = [2.0, 152.0]
q_step = 0.05                            # Å^-1

[multiple_scattering]
orders = 3

[normalization]
method = "high-angle"

[fourier]
window = "lorch"
q_range = [0.6, 21.5]
r_max = 20.0
r_step = 0.02

[comparison]
curve = "truth_SQ.csv"                   # the S(Q) that the virtual sample has
q_range = [0.6, 21.5]
"""


def _csv(columns: Mapping[str, Array], *, digits: int) -> str:
    rows = zip(*columns.values(), strict=True)
    body = "".join(",".join(f"{value:.{digits}g}" for value in row) + "\n" for row in rows)
    return ",".join(columns) + "\n" + body


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))  # the same bytes on every system
