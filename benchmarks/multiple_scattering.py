"""Accuracy and speed of multiple scattering: `python benchmarks/multiple_scattering.py`.

With the folder of shared measurements beside the checkout (or in $XTSRED_SHARED) also the virtual
experiment, column by column.
"""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import xraydb

from xtsred.corrections.absorption import Attenuation
from xtsred.corrections.geometry import Cylinder
from xtsred.corrections.multiple_scattering import (
    Beam,
    EnergyAttenuation,
    MultipleScattering,
    Scatterer,
    multiple_scattering,
    scattering_kernel,
)

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference"
THOMSON_PER_MM = 2.8179403205e-5**2 * 1e7
ELECTRON_EV = 510998.95069
T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result and the best of five times, ms."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return result, 1e3 * min(taken)


def isotropic(mu_r: float, height: float | None = None) -> MultipleScattering:
    mu = Attenuation(core_per_mm=mu_r)
    kernel = scattering_kernel(
        cylinder=Cylinder(radius_mm=1.0),
        beam=Beam(width_mm=3.0, height_mm=height or 10.0, accepted_height_mm=height),
        mu=EnergyAttenuation(energy_kev=1e-6, elastic=mu, once=mu, twice=mu),
        polarization_ratio=None,
    )
    sigma = np.full(2, mu_r / (4.0 * math.pi * 0.05 * THOMSON_PER_MM))
    core = Scatterer(
        number_density_per_a3=0.05,
        two_theta_deg=np.array([0.0, 180.0]),
        coherent=sigma,
        compton=0.0 * sigma,
    )
    return multiple_scattering(
        [0.0, 90.0, 180.0], kernel=kernel, core=core, wall=None, reference_density_per_a3=0.05
    )


def tables() -> None:
    table = np.genfromtxt(REFERENCE / "absorption_multiple.csv", delimiter=",", skip_header=2)
    print(
        "I_2/I_1, isotropic, endless cylinder: deviation from the reference at 0, 90, 180 degrees"
    )
    for row in table:
        result = isotropic(row[0])
        error = result.ms2 / result.single / row[1:] - 1.0
        print(f"  muR {row[0]:<4g}", " ".join(f"{100 * e:+.3f}%" for e in error))
    table = np.genfromtxt(
        REFERENCE / "absorption_blech_averbach.csv", delimiter=",", names=True, skip_header=2
    )
    print("finite height, 90 degrees: Blech & Averbach 1965, here, deviation")
    for row in table:
        result = isotropic(row["mu_r"], 1.0 / row["radius_over_height"])
        value = (result.ms2 / result.single)[1]
        print(
            f"  muR {row['mu_r']:<4g} R/h {row['radius_over_height']:<4g}"
            f" {row['delta']:.4f} {value:.4f} {100 * (value / row['delta'] - 1.0):+.1f}%"
        )


def mu_per_mm(fractions: dict[str, float], per_a3: float, ev: float) -> float:
    return sum(
        0.1 * per_a3 * c * xraydb.atomic_mass(name) / 0.602214076 * float(xraydb.mu_elam(name, ev))
        for name, c in fractions.items()
    )


def virtual(path: Path) -> None:
    truth = np.genfromtxt(path, delimiter=",", names=True)
    angles, ev = truth["tth"], 12398.419843 / 0.709318
    glass = {"Na": 2 / 6, "Si": 1 / 6, "S": 3 / 6}
    borosilicate = {"Si": 0.25582, "O": 0.64137, "B": 0.07087, "Na": 0.02449, "Al": 0.00744}
    mass = sum(c * xraydb.atomic_mass(n) for n, c in borosilicate.items())
    density = 2.23 * 0.602214076 / mass
    recoil = truth["KN_1"] / truth["P_1"]
    whole = np.concatenate([angles, np.arange(153.0, 181.0)])

    def attenuation(u: float, filled: float) -> Attenuation:
        energy = ev / (1.0 + u * ev / ELECTRON_EV)
        return Attenuation(
            core_per_mm=filled * mu_per_mm(glass, 0.02155, energy),
            wall_per_mm=mu_per_mm(borosilicate, density, energy),
        )

    def scatterer(number_density: float, part: str) -> Scatterer:
        return Scatterer(
            number_density_per_a3=number_density,
            two_theta_deg=whole,
            coherent=np.interp(whole, angles, truth[f"Icoh_{part}_1"]),
            compton=np.interp(whole, angles, truth[f"Sinc_{part}_1"] * recoil),
        )

    print("virtual NS glass (Mo, 0.25 mm, wall 0.01 mm): against its own Monte Carlo")
    for filled, columns in ((1.0, ("ms2", "ms_tot")), (0.0, ("e_ms",))):
        mu = EnergyAttenuation(
            energy_kev=1e-3 * ev,
            elastic=attenuation(0.0, filled),
            once=attenuation(2.0, filled),
            twice=attenuation(4.0, filled),
        )
        core, wall = scatterer(0.02155, "s"), scatterer(density, "c")
        kernel, kernel_ms = timed(
            lambda mu=mu: scattering_kernel(
                cylinder=Cylinder(radius_mm=0.25, wall_mm=0.01),
                beam=Beam(width_mm=0.6, height_mm=8.0),
                mu=mu,
                polarization_ratio=1.0,
            )
        )
        result, contraction_ms = timed(
            lambda kernel=kernel, core=core if filled else None, wall=wall: multiple_scattering(
                angles, kernel=kernel, core=core, wall=wall, reference_density_per_a3=0.02155
            )
        )
        for name, values in zip(
            columns, (result.ms2, result.ms_total) if filled else (result.ms_total,), strict=True
        ):
            error = values / truth[name] - 1.0
            print(
                f"  {name:>6}: largest {100 * np.max(np.abs(error)):.2f}%, mean {100 * error.mean():+.2f}%"
            )
        print(f"  kernel {kernel_ms:.0f} ms (once), each S(Q) {contraction_ms:.0f} ms")
        if filled:
            ratio = np.interp([30.0, 90.0, 150.0], angles, result.ratio)
            print(
                "  multiple/single at 30, 90, 150 degrees:",
                " ".join(f"{100 * r:.2f}%" for r in ratio),
            )


def main() -> None:
    tables()
    shared = Path(os.environ.get("XTSRED_SHARED", ROOT.parent / "shared"))
    path = shared / "data" / "xrd" / "ns_mo_virtual" / "truth_components.csv"
    if path.is_file():
        virtual(path)
    else:
        print("the folder of shared measurements is not here: virtual experiment left out")


if __name__ == "__main__":
    main()
