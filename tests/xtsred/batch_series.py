"""A virtual heating run: patterns of the shipped glass whose Si-S distance grows, with counting noise.

The expected rates are those of the photon Monte Carlo that ships with the package; what changes with temperature is added to its
single coherent scattering in closed form.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import xtsred
from xtsred.forward.demo import shipped_measurement
from xtsred.forward.glass import GlassModel, sodium_thiosilicate, true_structure_factor

DEMO = Path(xtsred.__file__).parent / "data" / "demo"
CPS_PER_EU = 40.0  # of the demonstration
GROWTH_A_PER_K = 5e-5
ROOM_K = 300.0
SECONDS = {"sample": 40.0, "container": 60.0, "environment": 60.0}

SERIES = """\
name = "virtual heating"
project = "run.toml"
variable = "temperature_K"

[patterns]
files = "hot/*.xy"
from_name = "ns_{temperature_K}K.xy"
"""


def grown(temperature_k: float) -> GlassModel:
    """The glass with its Si-S distance as it is at a temperature."""
    model = sodium_thiosilicate()
    bond, *others = model.pairs
    shell = bond.shells[0]
    longer = replace(shell, distance_a=shell.distance_a + GROWTH_A_PER_K * (temperature_k - ROOM_K))
    return replace(model, pairs=(replace(bond, shells=(longer,)), *others))


def write_heating(
    folder: Path, temperatures_k: list[float], *, step_deg: float = 0.05, extra: str = ""
) -> Path:
    """Write scans, run.toml and series.toml; returns the series file. extra: further tables of the project."""
    truth = shipped_measurement().truth
    parts = np.genfromtxt(DEMO / "truth_components.csv", delimiter=",", names=True)
    angle = np.round(np.arange(step_deg, 152.0 + 0.5 * step_deg, step_deg), 4)
    rates = {
        role: np.interp(angle, truth.two_theta_deg, rate) for role, rate in truth.rates_cps.items()
    }
    q = np.maximum(np.interp(angle, parts["tth"], parts["Q_1"]), 1e-3)
    # single scattering of one e.u. of the sample, as it reaches the detector, times |<f>|^2
    reach = np.interp(angle, parts["tth"], parts["coh_s"] / parts["Icoh_s_1"] * parts["favg2_1"])
    (folder / "hot").mkdir(parents=True)
    for k, role in enumerate(("container", "environment")):
        counts = np.random.default_rng([7, k]).poisson(rates[role] * SECONDS[role])
        _write(folder / f"{role}.xy", angle, counts)
    room = true_structure_factor(grown(ROOM_K), q).s
    for k, t in enumerate(temperatures_k):
        change = CPS_PER_EU * reach * (true_structure_factor(grown(t), q).s - room)
        rate = np.maximum(rates["sample"] + np.where(angle > 1.5, change, 0.0), 0.0)
        counts = np.random.default_rng([8, k]).poisson(rate * SECONDS["sample"])
        _write(folder / "hot" / f"ns_{t:g}K.xy", angle, counts)
    (folder / "run.toml").write_text(project_text(temperatures_k[0], extra), encoding="utf-8")
    (folder / "series.toml").write_text(SERIES, encoding="utf-8")
    return folder / "series.toml"


def project_text(first_k: float, extra: str = "") -> str:
    """The demonstration's project with one scan of each role and the Si-S shell."""
    text = (DEMO / "run.toml").read_text(encoding="utf-8")
    head, middle = text[: text.index("[[scan]]")], text[text.index("[range]") :]
    middle = middle[: middle.index("[comparison]")]
    middle = middle.replace("[multiple_scattering]\norders = 3\n", "")
    files = {
        "sample": f"hot/ns_{first_k:g}K.xy",
        "container": "container.xy",
        "environment": "environment.xy",
    }
    scans = "".join(
        f'[[scan]]\nrole = "{role}"\nfile = "{file}"\nseconds_per_step = {SECONDS[role]}\n\n'
        for role, file in files.items()
    )
    shell = '[[shell]]\npair = "Si-S"\nr_range = [1.9, 2.4]\n'
    return head + scans + middle + shell + extra


def _write(path: Path, angle: np.ndarray, counts: np.ndarray) -> None:
    path.write_text("".join(f"{a:.4f} {n:d}\n" for a, n in zip(angle, counts, strict=True)))
