"""Accuracy and speed of the absorption factors: `python benchmarks/absorption.py`."""

import time
from pathlib import Path

import numpy as np

from xtsred.corrections.absorption import Attenuation, PaalmanPings, paalman_pings
from xtsred.corrections.geometry import Cylinder

REFERENCE = Path(__file__).resolve().parent.parent / "tests" / "reference"


def rod(angles: np.ndarray, mu_r: float, tolerance: float = 1e-5) -> PaalmanPings:
    mu = Attenuation(core_per_mm=mu_r)
    return paalman_pings(
        angles,
        cylinder=Cylinder(radius_mm=1.0),
        beam_width_mm=3.0,
        mu_in=mu,
        mu_out=mu,
        tolerance=tolerance,
    )


def milliseconds(mu_r: float) -> float:
    angles = np.linspace(1.0, 152.0, 152)
    taken = []
    for _ in range(7):
        start = time.perf_counter()
        rod(angles, mu_r)
        taken.append(time.perf_counter() - start)
    return 1e3 * min(taken)


def main() -> None:
    table = np.genfromtxt(REFERENCE / "absorption_cylinder.csv", delimiter=",", skip_header=2)
    print("bare cylinder, fully bathed: error of A* against the reference, time of 152 angles")
    print(f"{'muR':>5} {'largest error':>14} {'stated':>9} {'against 1e-7 grid':>18} {'ms':>6}")
    for row in table[1:]:
        factors = rod(table[0, 1:], row[0])
        fine = rod(table[0, 1:], row[0], 1e-7)
        error = np.max(np.abs(1.0 / factors.a_s_sc / row[1:] - 1.0))
        own = np.max(np.abs(factors.a_s_sc / fine.a_s_sc - 1.0))
        print(
            f"{row[0]:5g} {error:14.1e} {factors.accuracy:9.1e} {own:18.1e} {milliseconds(row[0]):6.1f}"
        )
    coarse, fine = rod(table[0, 1:], 12.0), rod(table[0, 1:], 12.0, 1e-7)
    own = np.max(np.abs(coarse.a_s_sc / fine.a_s_sc - 1.0))
    print(f"   12 {'-':>14} {coarse.accuracy:9.1e} {own:18.1e} {milliseconds(12.0):6.1f}")
    print("      A* at muR 12:", " ".join(f"{v:.4f}" for v in 1.0 / fine.a_s_sc))

    annulus = np.genfromtxt(
        REFERENCE / "absorption_annulus.csv", delimiter=",", names=True, skip_header=1
    )
    mu = Attenuation(core_per_mm=2.0, wall_per_mm=4.0)
    factors = paalman_pings(
        annulus["two_theta_deg"],
        cylinder=Cylinder(radius_mm=0.25, wall_mm=0.05),
        beam_width_mm=1.0,
        mu_in=mu,
        mu_out=mu,
    )
    print("annulus, largest relative error:")
    for name in ("a_s_sc", "a_c_sc", "a_c_c"):
        error = np.max(np.abs(getattr(factors, name) / annulus[name] - 1.0))
        print(f"{name:>7} {error:9.1e}")


if __name__ == "__main__":
    main()
