"""Small virtual series for the tests of the impedance half."""

from pathlib import Path

import numpy as np
import pytest

from calibration.thermometer import kelvin
from cis.demo import demo_plates
from cis.forward import Glass, Laboratory, Leads, Noise, measure_series, write_smart_csv

PROJECT = """\
[sample]
name = "virtual"
virtual = true
diameter_mm = { value = 10.0, sigma = 0.02 }
thickness_mm = { value = 0.753, sigma = 0.004 }

[temperature]
sigma_K = 0.1

[model]
circuit = "bulk-blocking"

[[spectrum]]
files = "series.csv"

[arrhenius]
form = "both"
"""


def write_series(
    folder: Path, temperatures_c: tuple[float, ...], *, name: str = "series.csv"
) -> None:
    sweeps = measure_series(
        Glass(name="v", room_s_per_cm=4.2e-6, activation_ev=0.41, permittivity=9.0),
        plates=demo_plates(),
        set_points_k=[kelvin(t) for t in temperatures_c],
        frequency_hz=np.logspace(7, 1, 43),
        laboratory=Laboratory(
            leads=Leads(resistance_ohm=0.1, inductance_h=1e-9, stray_f=1e-15),
            noise=Noise(relative=0.002, mains_relative=0.0),
            common_k=0.0,
            independent_k=0.05,
        ),
        random=np.random.default_rng(1),
    )
    write_smart_csv(folder / name, sweeps, title="test")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project file with a virtual series of five temperatures beside it."""
    write_series(tmp_path, (5.0, 20.0, 35.0, 50.0, 65.0))
    (tmp_path / "run.toml").write_text(PROJECT, encoding="utf-8")
    return tmp_path / "run.toml"
