"""A misaligned diffractometer, calibrated with a standard, gives the S(Q) of the aligned one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import xtsred
from calibration.certificate import write_certificate
from calibration.radiation import select_lines
from xtsred.calibrate.config import load_calibration
from xtsred.calibrate.pipeline import calibrate, certificates_of
from xtsred.config import load_project
from xtsred.pipeline import reduce_project
from xtsred.stages import Array

DEMO = Path(xtsred.__file__).parent / "data" / "demo"
ZERO, X, Y, RADIUS = 0.045, -0.5, 0.35, 180.0

STANDARD = """\
[standard]
material = "LaB6"
name = "lab6"
[radiation]
anode = "Ag"
lines = "Ka1+Ka2"
[geometry]
sample = "capillary"
[[scan]]
file = "lab6.xy"
seconds_per_step = 40.0
[fit]
two_theta_deg = [5.0, 75.0]
"""


def readings(two_theta: Array) -> Array:
    """What a goniometer of this misalignment reads, by walking from the sample to the slit's circle."""
    angle = np.radians(two_theta)
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    place = np.array([X, Y])
    along = -(direction @ place)
    length = along + np.sqrt(along**2 - place @ place + RADIUS**2)
    hit = place + length[:, None] * direction
    return np.asarray(np.degrees(np.arctan2(hit[:, 1], hit[:, 0])) + ZERO)


def misalign(folder: Path) -> None:
    """The scans of the demonstration as this goniometer would have labelled them."""
    for path in (*folder.glob("sample_scan*.xy"), folder / "empty_capillary.xy", folder / "air.xy"):
        lines = path.read_text(encoding="utf-8").splitlines()
        head = [line for line in lines if line.startswith("#")]
        rows = np.array(
            [line.split()[:2] for line in lines if line and line[0] != "#"], dtype=float
        )
        body = [f"{a:.6f} {c:.0f}" for a, c in zip(readings(rows[:, 0]), rows[:, 1], strict=True)]
        path.write_text("\n".join([*head, *body]) + "\n", encoding="utf-8")


def s_of_q(path: Path) -> tuple[Array, Array, Array]:
    found = reduce_project(load_project(path)).structure_factor
    return found.q, found.s, found.sigma


def test_calibrated_and_reduced_as_if_aligned(
    tmp_path: Path, virtual_standard: Callable[..., Any]
) -> None:
    for path in DEMO.iterdir():
        shutil.copy(path, tmp_path)
    # multiple scattering is smooth: it costs time and tells nothing about angles
    text = (tmp_path / "run.toml").read_text(encoding="utf-8")
    head, found, rest = text.partition("[multiple_scattering]")
    assert found
    text = head + rest[rest.index("\n[") + 1 :]
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    aligned = s_of_q(tmp_path / "run.toml")
    misalign(tmp_path)
    x, rate = virtual_standard(
        np.arange(5.0, 75.0, 0.02),
        a=4.156826,
        lines=[(line.wavelength_a, line.weight) for line in select_lines("Ag", "Ka1+Ka2")],
        indices={n: 60.0 / n for n in range(1, 30) if n % 8 != 7 and n != 28},
        at=(ZERO, X, Y, RADIUS),
    )
    counts = np.random.default_rng(1).poisson(40.0 * rate)
    np.savetxt(tmp_path / "lab6.xy", np.column_stack([x, counts]), fmt="%.2f %d")
    (tmp_path / "standard.toml").write_text(STANDARD, encoding="utf-8")
    loaded = load_calibration(tmp_path / "standard.toml")
    for name, certificate in certificates_of(calibrate(loaded), loaded).items():
        write_certificate(certificate, tmp_path / name)
    # the angles of the scans' ends have moved
    text = text.replace("[2.0, 152.0]", "[2.2, 151.5]")
    text = text.replace("q_range = [0.6, 21.5]", "q_range = [0.6, 21.4]")
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    as_read = s_of_q(tmp_path / "run.toml")
    named = f'{text}\n[calibration]\ngoniometer = "lab6.goniometer.toml"\n'
    (tmp_path / "certified.toml").write_text(named, encoding="utf-8")
    certified = s_of_q(tmp_path / "certified.toml")

    def apart(other: tuple[Array, Array, Array]) -> float:
        """rms difference from the aligned S(Q) in units of its counting noise, where bins are structured most."""
        q, s, _ = other
        inside = (aligned[0] > 1.0) & (aligned[0] < 12.0)
        difference = np.interp(aligned[0], q, s) - aligned[1]
        return float(np.sqrt(np.mean((difference / aligned[2])[inside] ** 2)))

    assert apart(certified) < 0.35
    assert apart(as_read) > 4.0 * apart(certified)
