"""A bare rod of a model glass, one line, one scan: what a reduction must give can be written down."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from calibration.radiation import Line
from calibration.records import Loaded, parse
from xtsred.config import Project
from xtsred.config_checks import check_project
from xtsred.counting import Measurement
from xtsred.forward import sodium_thiosilicate, true_structure_factor
from xtsred.inputs import Inputs
from xtsred.scattering import LineTerms, line_terms
from xtsred.stages import Array, Scan, frozen
from xtsred.unpack import make_plan

MODEL = sodium_thiosilicate()
K = 50.0
SECONDS = 200.0
ANGLES = frozen(np.arange(2.0, 150.001, 0.1))
RHO0 = MODEL.number_density_per_a3


@dataclass(frozen=True)
class Rod:
    """A project, its scan, and the terms that the scan was made of."""

    loaded: Loaded[Project]
    inputs: Inputs
    terms: LineTerms
    rate: Array


def rod(*, noise: int | None = None, **tables: object) -> Rod:
    """The rod's project with changed tables (__ for the dot of a key path); noise: seed of Poisson's, None: none."""
    table = _table()
    for key, value in tables.items():
        node: Any = table
        *path, last = key.split("__")
        for part in path:
            node = node[int(part)] if part.isdecimal() else node.setdefault(part, {})
        node[last] = value
    record = parse(Project, table, where="test", check=check_project)
    # the scan is that of the values as they are without any change
    terms, rate = _made()
    counts = rate * SECONDS
    if noise is not None:
        counts = np.random.default_rng(noise).poisson(counts).astype(np.float64)
    scan = Scan(
        file="rod.xy", format="test", two_theta_deg=ANGLES, values=frozen(counts), kind="counts",
        seconds_per_step=frozen(np.full(ANGLES.shape, SECONDS)),
    )  # fmt: skip
    monitor = record.scan[0].monitor
    measurement = Measurement(
        scan=scan, label="rod.xy", entry=0, monitor=None if monitor is None else monitor.value
    )
    loaded = Loaded(record, Path("run.toml"), {})
    return Rod(loaded, {"sample": [measurement]}, terms, rate)


@cache
def _made() -> tuple[LineTerms, Array]:
    plan = make_plan(parse(Project, _table(), where="test", check=check_project))
    line: Line = plan.lines[0]
    terms = line_terms(
        ANGLES, line=line, setup=plan.setup, reference_response=plan.reference_response
    )
    s = true_structure_factor(MODEL, terms.q).s
    coherent = terms.mean_square + terms.square_mean * (s - 1.0)
    return terms, K * (terms.elastic * coherent + terms.compton * terms.incoherent)


def _table() -> dict[str, Any]:
    return {
        "virtual": True,
        "sample": {
            "name": "rod",
            "composition": "Na2SiS3",
            "number_density_per_A3": RHO0,
            "radius_mm": 0.25,
            "packing_fraction": 0.5,
        },
        "radiation": {"wavelength_A": 0.5594218},
        "beam": {"width_mm": 1.0, "height_mm": 8.0},
        "polarization": {"monochromator": "none"},
        "detector": {"response": "ideal"},
        "scan": [{"role": "sample", "file": "rod.xy", "seconds_per_step": SECONDS}],
        "range": {"two_theta_deg": [2.5, 149.5], "q_step": 0.05},
        "normalization": {"method": "high-angle"},
        "fourier": {"window": "lorch", "q_range": [0.7, 21.0], "r_max": 6.0, "r_step": 0.02},
        "shell": [{"pair": "Si-S", "r_range": [1.85, 2.4]}],
    }
