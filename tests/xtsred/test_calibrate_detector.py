"""Calibration of the detector: virtual measurements by independent physics, the truth within its ±, refusals."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from calibration.certificate import read_certificate
from calibration.certified import flat_field_of
from calibration.commandline import run
from calibration.errors import InputError
from calibration.flat_field import apply_flat_field
from xtsred.calibrate.detector.config import EXAMPLE, load_detector
from xtsred.calibrate.detector.run import calibrate_detector
from xtsred.calibrate.window_run import WindowRequest, find_window
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.forward import (
    Effort,
    VirtualBeam,
    VirtualDetector,
    VirtualExperiment,
    VirtualSample,
    VirtualScan,
    VirtualTruth,
    WalkSize,
    expect,
    true_structure_factor,
)
from xtsred.forward.glass import silica_like
from xtsred.forward.instrument import VirtualWindow
from xtsred.forward.media import VirtualMaterial

LOWER, FWHM, SECONDS = 19.5, 3.0, 400.0

PROJECT = """
virtual = true
[sample]
name = "silica"
composition = "SiO2"
number_density_per_A3 = 0.0663
radius_mm = 0.5
packing_fraction = 1.0
[[radiation.line]]
wavelength_A = 0.5594218
weight = 1.0
[[radiation.line]]
wavelength_A = 0.5638131
weight = 0.529
[beam]
width_mm = 4.0
height_mm = 8.0
[polarization]
monochromator = "none"
[detector]
response = "threshold"
lower_keV = 17.0
fwhm_keV = 3.0
[[scan]]
role = "sample"
file = "silica.xy"
seconds_per_step = 400.0
[range]
two_theta_deg = [4.0, 152.0]
q_step = 0.08
[multiple_scattering]
orders = 3
[normalization]
method = "high-angle"
[fourier]
window = "lorch"
q_range = [0.9, 21.0]
r_max = 15.0
r_step = 0.02
"""


@pytest.fixture(scope="module")
def truth() -> VirtualTruth:
    """A bare silica rod in an Ag beam before a detector with a lower threshold: photon walk, ray tracing."""
    model = silica_like()
    glass = VirtualMaterial(
        fractions=model.fractions,
        number_density_per_a3=model.number_density_per_a3,
        structure=true_structure_factor(model, np.arange(0.01, 40.0, 0.01)),
    )
    return expect(
        VirtualExperiment(
            name="virtual silica",
            sample=VirtualSample(material=glass, radius_mm=0.5, packing=1.0),
            beam=VirtualBeam(
                width_mm=4.0,
                height_mm=8.0,
                lines=((0.5594218, 1.0), (0.5638131, 0.529)),
                cps_per_electron_unit=100.0,
            ),
            detector=VirtualDetector(
                dark_cps=0.0,
                window=VirtualWindow(lower_kev=LOWER, upper_kev=None, fwhm_kev=FWHM),
            ),
            scans=(
                VirtualScan(
                    name="s",
                    role="sample",
                    two_theta_deg=(4.0, 152.0),
                    step_deg=0.4,
                    seconds_per_step=SECONDS,
                ),
            ),
            effort=Effort(
                log2_points=13,
                walk=WalkSize(orders=3, batches=2, log2_photons=11),
                walk_angles=61,
            ),
        )
    )


def measured(truth: VirtualTruth, folder: Path, *, seed: int) -> Path:
    counts = np.random.default_rng(seed).poisson(truth.rates_cps["sample"] * SECONDS)
    np.savetxt(folder / "silica.xy", np.c_[truth.two_theta_deg, counts], fmt="%.4f %d")
    (folder / "silica.toml").write_text(PROJECT)
    return folder / "silica.toml"


def test_the_lower_edge_is_found(truth: VirtualTruth, tmp_path: Path) -> None:
    """Counts of three seeds; the parts besides counting are not noise, so the spread is below one."""
    pulls = []
    for seed in range(3):
        project = load_project(measured(truth, tmp_path, seed=seed))
        found = find_window(project, WindowRequest(names=("lower",), shortest_distance_a=1.3))
        edge = found.values["lower"]
        assert found.fit.determined["lower"]
        assert found.fit.chi2 / found.fit.freedom < 1.4
        assert edge.sigma < 0.2
        pulls.append((edge.value - LOWER) / edge.sigma)
    assert np.abs(pulls).max() < 2.5
    assert all(u > 0.0 for u in found.parts["lower"].values())


def test_resolution_too(truth: VirtualTruth, tmp_path: Path) -> None:
    project = load_project(measured(truth, tmp_path, seed=5))
    found = find_window(project, WindowRequest(names=("lower", "fwhm"), shortest_distance_a=1.3))
    for name, value in (("lower", LOWER), ("fwhm", FWHM)):
        edge = found.values[name]
        assert abs(edge.value - value) < 2.5 * edge.sigma, name


def test_an_edge_that_no_photon_meets_is_called_degenerate(
    truth: VirtualTruth, tmp_path: Path
) -> None:
    """Nothing arrives above the line: an upper edge there can be anywhere, and is not certified."""
    measured(truth, tmp_path, seed=1)
    (tmp_path / "d.toml").write_text(
        '[certificate]\nname = "d"\n[window]\nproject = "silica.toml"\nfit = ["upper"]\n'
        "shortest_distance_A = 1.3\n"
    )
    text = PROJECT.replace("lower_keV = 17.0", f"lower_keV = {LOWER}")
    (tmp_path / "silica.toml").write_text(text)
    found = calibrate_detector(load_detector(tmp_path / "d.toml"))
    assert found.window is not None
    assert not found.window.fit.determined["upper"]
    assert any("degenerate" in f.text for f in found.findings)
    assert found.certificate is None


def test_without_a_resolution_nothing_is_fitted(truth: VirtualTruth, tmp_path: Path) -> None:
    path = measured(truth, tmp_path, seed=1)
    path.write_text(PROJECT.replace("fwhm_keV = 3.0\n", ""))
    with pytest.raises(InputError, match="resolution"):
        find_window(load_project(path), WindowRequest(names=("lower",), shortest_distance_a=1.3))


# --- the command -----------------------------------------------------------------------------------

TAU = 2e-6


def pairs_file(path: Path, *, seed: int = 0, transmission: float = 0.1) -> None:
    rng = np.random.default_rng(seed)
    rows = ["# point setting counts seconds"]
    for point, rate in enumerate((1e3, 5e3, 2e4, 6e4, 1.2e5, 2e5)):
        for setting, t, seconds in ((0, 1.0, 10.0), (1, transmission, 100.0)):
            true = rate * t
            read = true / (1.0 + true * TAU)
            # counts of a non-extended counter scatter less than Poisson by its live share
            counts = read * seconds + rng.standard_normal() * np.sqrt(read * seconds) / (
                1.0 + true * TAU
            )
            rows.append(f"{point} {setting} {round(counts)} {seconds:g}")
    path.write_text("\n".join(rows) + "\n")


def calibrated(folder: Path, body: str, *options: str, name: str = "counter") -> int:
    (folder / "d.toml").write_text(f'[certificate]\nname = "{name}"\nvalid_days = 100\n{body}')
    arguments: Sequence[str] = ["calibrate", str(folder / "d.toml"), "--out", str(folder / "out")]
    return run(command, [*arguments, *options])


def test_dead_time_sensor_and_flat_field_in_one_certificate(tmp_path: Path, capsys) -> None:
    rng = np.random.default_rng(1)
    pairs_file(tmp_path / "pairs.dat")
    counts = rng.poisson(5000.0, size=(2, 32))
    counts[:, 4] = 0
    np.savetxt(tmp_path / "flat.dat", counts, fmt="%d")
    body = (
        '[dead_time]\nreadings = "pairs.dat"\n[flat_field]\ncounts = "flat.dat"\n'
        '[sensor]\nmaterial = "Si"\nthickness_mm = { value = 0.5, sigma = 0.02 }\nenergy_keV = 17.479\n'
    )
    assert calibrated(tmp_path, body, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["certificates"] == ["counter.detector.toml"]
    certificate = read_certificate(tmp_path / "out" / "counter.detector.toml", kind="detector")
    tau = certificate.value("dead_time_s")
    assert abs(tau.value - TAU) < 3.5 * tau.sigma
    transmission = certificate.value("transmission_1")
    assert abs(transmission.value - 0.1) < 3.5 * transmission.sigma
    # NIST (Hubbell & Seltzer): 10.34 and 4.464 cm^2/g at 15 and 20 keV, of which 0.43 and 0.32 are scattering; between them as
    # a power of E: 6.23 at 17.48 keV, so 0.5 mm of 2.33 g/cm^3 absorb 1 - exp(-0.726) = 0.516
    assert certificate.value("efficiency").value == pytest.approx(0.516, abs=0.005)
    factor, sigma = flat_field_of(certificate)
    flat = apply_flat_field(np.full(32, 5000.0), factor=factor, sigma=sigma)
    assert np.isnan(flat.values[4])
    assert certificate.tables["bad_channels"] == (4.0,)
    assert np.nanmean(factor) == pytest.approx(1.0)
    assert all(q.sigma is not None for q in certificate.values.values())
    assert certificate.valid_until is not None
    figures = {p.stem for p in (tmp_path / "out" / "figures").glob("*.svg")}
    assert figures == {"dead_time", "flat_field"}
    assert "χ² of a paralysable counter" in (tmp_path / "out" / "report.html").read_text()


def test_overlapping_scans_of_two_currents(tmp_path: Path) -> None:
    """Two scans of the same angles, the second with a tenth of the tube current: their ratio tells the dead time."""
    rng = np.random.default_rng(3)
    angle = np.arange(20.0, 30.0, 0.05)
    peak = 2e3 + 1.5e5 * np.exp(-(((angle - 25.0) / 0.8) ** 2))
    for name, share in (("a", 1.0), ("b", 0.1)):
        true = peak * share
        counts = rng.poisson(true / (1.0 + true * TAU) * 10.0)
        text = (
            '<?xml version="1.0"?><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.3" status="Completed">'
            '<xrdMeasurement measurementType="Scan" status="Completed"><scan appendNumber="0" mode="Continuous" '
            'scanAxis="2Theta" status="Completed"><dataPoints><positions axis="2Theta" unit="deg"><startPosition>'
            f"{angle[0]:.2f}</startPosition><endPosition>{angle[-1]:.2f}</endPosition></positions>"
            '<commonCountingTime unit="seconds">10.0</commonCountingTime><counts unit="counts">'
            f"{' '.join(map(str, counts))}</counts></dataPoints></scan></xrdMeasurement></xrdMeasurements>"
        )
        (tmp_path / f"{name}.xrdml").write_text(text)
    assert calibrated(tmp_path, '[dead_time]\nscans = ["a.xrdml", "b.xrdml"]\n') == 0
    certificate = read_certificate(tmp_path / "out" / "counter.detector.toml", kind="detector")
    tau = certificate.value("dead_time_s")
    assert abs(tau.value - TAU) < 3.5 * tau.sigma
    assert tau.sigma < 0.1 * TAU


def test_a_project_takes_the_dead_time(tmp_path: Path, truth: VirtualTruth) -> None:
    from xtsred.certificates import with_certificates

    pairs_file(tmp_path / "pairs.dat")
    assert calibrated(tmp_path, '[dead_time]\nreadings = "pairs.dat"\n') == 0
    project = measured(truth, tmp_path, seed=0)
    project.write_text(PROJECT + '[calibration]\ndetector = "out/counter.detector.toml"\n')
    found = with_certificates(load_project(project)).record.detector.dead_time_s
    assert found.value == pytest.approx(TAU, rel=0.05)
    assert found.sigma is not None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('[dead_time]\nreadings = "gone.dat"\n', "cannot be read"),
        ('[dead_time]\nreadings = "short.dat"\n', "4 are expected"),
        ('[dead_time]\nreadings = "words.dat"\n', "words.dat:2"),
        ('[dead_time]\nreadings = "alike.dat"\n', "do not determine"),
        ('[dead_time]\nscans = ["a.xy"]\n', "two at least"),
        ("[dead_time]\n", "one of readings and scans"),
        ('[flat_field]\ncounts = "rates.dat"\n', "whole numbers"),
        ('[sensor]\nmaterial = "Si"\nthickness_mm = 0.5\nenergy_keV = 17.5\n', "no uncertainty"),
        (
            '[sensor]\nmaterial = "Xx"\nthickness_mm = { value = 0.5, sigma = 0.1 }\nenergy_keV = 17.5\n',
            "Xx",
        ),
        ('[window]\nproject = "gone.toml"\nfit = ["lower"]\nshortest_distance_A = 1.3\n', "cannot"),
        ('[window]\nproject = "x.toml"\nfit = []\nshortest_distance_A = 1.3\n', "one at least"),
    ],
)
def test_what_cannot_be_calibrated_exits_with_2(tmp_path, capsys, body, expected) -> None:
    (tmp_path / "short.dat").write_text("1 2 3\n")
    (tmp_path / "words.dat").write_text("0 0 10 1\n0 one 10 1\n")
    (tmp_path / "alike.dat").write_text("0 0 1000 1\n0 1 100 1\n1 0 1001 1\n1 1 101 1\n")
    (tmp_path / "rates.dat").write_text("0.5 0.7 0.9\n")
    assert calibrated(tmp_path, body) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_the_example_is_a_file(tmp_path: Path, capsys) -> None:
    assert run(command, ["calibrate", "--example", "detector"]) == 0
    assert capsys.readouterr().out == EXAMPLE
    (tmp_path / "e.toml").write_text(EXAMPLE)
    record = load_detector(tmp_path / "e.toml").record
    assert record.window is not None
    assert record.flat_field is not None


@pytest.mark.long
def test_the_upper_edge_of_a_real_scintillation_counter(
    shared_data: Path, shared_examples: Path, tmp_path: Path
) -> None:
    """Silica, Ag tube at 60 kV behind Rh: the makers of the data give 36 ± 3 keV; the tube's continuum shows it."""
    text = (shared_examples / "silica_xray" / "run.toml").read_text()
    text = text.replace("../../data", str(shared_data))
    text = text.replace(
        "weight = 0.3333",
        'weight = 0.3333\n[radiation.continuum]\ntube_kV = 60.0\nanode = "Ag"\n'
        "amplitude = { value = 0.3, sigma = 0.3 }\n"
        'filter = [{ element = "Rh", thickness_um = 50.0 }]',
    )
    text = text.replace(
        'response = "ideal"', 'response = "threshold"\nupper_keV = 36.0\nfwhm_keV = 7.0'
    )
    (tmp_path / "silica.toml").write_text(text)
    found = find_window(
        load_project(tmp_path / "silica.toml"),
        WindowRequest(names=("upper",), shortest_distance_a=1.3, two_theta_deg=(30.0, 156.0)),
    )
    assert found.fit.chi2 / found.fit.freedom < 1.2  # down to the counting noise
    edge = found.values["upper"]
    assert abs(edge.value - 36.0) < 2.0 * float(np.hypot(edge.sigma, 3.0))
    assert any("lower third of the angles" in f.text for f in found.findings)
