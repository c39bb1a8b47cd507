"""The virtual glasses that ship with the package: their truth, how the files were made, how far off a result is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.cell import ParallelPlates, disc_area
from calibration.quantity import Quantity
from calibration.thermometer import kelvin
from cis.arrhenius import ArrheniusFit
from cis.forward import (
    Glass,
    Laboratory,
    VirtualSweep,
    disturb,
    measure_series,
    write_smart_csv,
)
from cis.stages import ComplexArray

__all__ = [
    "DEMO_FOLDER",
    "GLASSES",
    "Recovery",
    "demo_plates",
    "demo_projects",
    "make_demo",
    "recovery",
]

DEMO_FOLDER = Path(__file__).parent / "data" / "demo"

GLASSES: Mapping[str, Glass] = {
    "NS": Glass(name="NS", room_s_per_cm=4.2e-6, activation_ev=0.41, permittivity=9.0),
    "N5S3": Glass(name="N5S3", room_s_per_cm=1.1e-5, activation_ev=0.41, permittivity=9.5),
    "N2S": Glass(name="N2S", room_s_per_cm=2.9e-5, activation_ev=0.37, permittivity=10.0),
}
"""Truth: sigma at 298.15 K and E_A as reported for such glasses (that of N5S3 is assumed); permittivities are assumed."""

_SET_POINTS_C = (5.0, 15.0, 25.0, 35.0, 45.0, 55.0, 62.0, 70.0)
_FREQUENCY_HZ = np.logspace(7.0, 1.0, 61)
_SEED = 20250117

_PROJECT = """\
# VIRTUAL DATA: these spectra are computed (cis.forward), not measured.
# Truth: sigma(298.15 K) = {room:.2g} S/cm, E_A = {energy:g} eV of ln sigma, permittivity {permittivity:g}.

[sample]
name = "{name}"
virtual = true                                     # says so on every page of the report
diameter_mm = {{ value = 10.0, sigma = 0.02 }}
thickness_mm = {{ value = 0.753, sigma = 0.004 }}
mass_mg = {{ value = 120.0, sigma = 0.2 }}

[temperature]
sigma_K = 0.1                                      # of one reading
offset_K = {{ value = 0.0, sigma = 0.2 }}            # common to all readings

[model]
circuit = "auto"

[[spectrum]]
files = "{name}.csv"                               # several temperatures; the file states them

[fixture]
open = "open.csv"
short = "short.csv"

[arrhenius]
form = "both"
"""


def demo_plates() -> ParallelPlates:
    """The pellet: 10 mm across, 0.753 mm thick (120 mg), as stated in the project files."""
    return ParallelPlates(
        thickness_mm=Quantity(0.753, 0.004, "mm"), area_mm2=disc_area(Quantity(10.0, 0.02, "mm"))
    )


def demo_projects() -> tuple[Path, ...]:
    """The three shipped project files, least conducting glass first."""
    return tuple(DEMO_FOLDER / f"{name}.toml" for name in GLASSES)


def make_demo(folder: Path, *, seed: int = _SEED) -> None:
    """Write the virtual exports and project files of all glasses into an existing folder."""
    laboratory = Laboratory()
    for k, (name, glass) in enumerate(GLASSES.items()):
        sweeps = measure_series(
            glass,
            plates=demo_plates(),
            set_points_k=[kelvin(t) for t in _SET_POINTS_C],
            frequency_hz=_FREQUENCY_HZ,
            laboratory=laboratory,
            random=np.random.default_rng([seed, k]),
        )
        write_smart_csv(folder / f"{name}.csv", sweeps, title=f"{name}: virtual glass pellet")
        text = _PROJECT.format(
            name=name,
            room=glass.room_s_per_cm,
            energy=glass.activation_ev,
            permittivity=glass.permittivity,
        )
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    random = np.random.default_rng([seed, 99])
    for name, inside in (("open", 1e18), ("short", 1e-12)):
        state = np.full(_FREQUENCY_HZ.size, inside + 0j)
        seen = laboratory.leads.seen(_FREQUENCY_HZ, state, change=0.0)
        noisy = disturb(_FREQUENCY_HZ, seen, noise=laboratory.noise, random=random)
        write_smart_csv(
            folder / f"{name}.csv", [_at_room(noisy)], title=f"{name}: virtual empty holder"
        )


def _at_room(z_ohm: ComplexArray) -> VirtualSweep:
    return VirtualSweep(
        set_point_k=kelvin(25.0),
        read_k=kelvin(25.0),
        sample_k=kelvin(25.0),
        frequency_hz=_FREQUENCY_HZ,
        z_ohm=z_ohm,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How far a result is from the truth; pulls are (found - true)/u, None where u is unknown."""

    name: str
    true_room_s_per_cm: float
    room_s_per_cm: Quantity
    room_pull: float | None
    true_activation_ev: float
    activation: Quantity
    activation_pull: float | None

    @property
    def room_off_percent(self) -> float:
        """Relative error of sigma(298.15 K), %."""
        return 100.0 * (self.room_s_per_cm.value / self.true_room_s_per_cm - 1.0)

    @property
    def activation_off_ev(self) -> float:
        """Error of E_A, eV."""
        return self.activation.value - self.true_activation_ev


def recovery(fit: ArrheniusFit, glass: Glass) -> Recovery:
    """Compare a fit of form "ln_sigma" with the truth. Raises ValueError for the other form."""
    if fit.form != "ln_sigma":
        raise ValueError("the truth is stated for ln sigma")
    room, energy = fit.room_s_per_cm, fit.activation
    room_pull = None
    if room.sigma is not None:
        relative = room.sigma / room.value
        room_pull = math.log(room.value / glass.room_s_per_cm) / relative
    return Recovery(
        name=glass.name,
        true_room_s_per_cm=glass.room_s_per_cm,
        room_s_per_cm=room,
        room_pull=room_pull,
        true_activation_ev=glass.activation_ev,
        activation=energy,
        activation_pull=(
            None if energy.sigma is None else (energy.value - glass.activation_ev) / energy.sigma
        ),
    )
