"""`xtsred calibrate`: project file, virtual and real standards, attenuation and what a disagreement means, the command."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.beam_scan import scanned_transmission
from calibration.certificate import read_certificate
from calibration.commandline import run
from calibration.errors import ConfigError, InputError
from calibration.radiation import select_lines
from calibration.records import load
from xtsred.calibrate.absorption import calibrate_attenuation
from xtsred.calibrate.beam_file import read_beam_file
from xtsred.calibrate.config import EXAMPLE, load_calibration
from xtsred.calibrate.pipeline import calibrate, certificates_of
from xtsred.cli import command

A = 4.156826
SUMS = {1: 30.0, 2: 60.0, 3: 25.0, 4: 12.0, 5: 30.0, 6: 15.0, 8: 6.0, 9: 25.0, 10: 15.0, 11: 10.0, 12: 2.5, 13: 6.0, 14: 14.0, 16: 1.2, 17: 8.0, 18: 6.0, 19: 5.0, 20: 4.0}  # fmt: skip

PROJECT = """\
[standard]
material = "LaB6"
name = "virtual LaB6"
[radiation]
anode = "Cu"
lines = "Ka1+Ka2"
[geometry]
sample = "capillary"
radius_mm = { value = 217.5, sigma = 0.5 }
[[scan]]
file = "lab6.xy"
seconds_per_step = 20.0
[fit]
two_theta_deg = [18.0, 118.0]
"""

CAPILLARY = """\
[radiation]
anode = "Mo"
lines = "Ka1+Ka2"
[attenuation]
radius_mm = { value = 0.3, sigma = 0.003 }
composition = "CeO2"
mass_density_g_per_cm3 = 7.215
"""


def project(folder: Path, text: str = PROJECT, *, name: str = "standard.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def standard(tmp_path: Path, virtual_standard: Callable[..., Any]) -> Path:
    """A virtual LaB6 scan with a known misalignment, and its project file."""
    lines = select_lines("Cu", "Ka1+Ka2")
    x, rate = virtual_standard(
        np.arange(18.0, 118.0, 0.02),
        a=A,
        lines=[(line.wavelength_a, line.weight) for line in lines],
        indices=SUMS,
        at=(0.031, 0.15, -0.22, 217.5),
    )
    counts = np.random.default_rng(8).poisson(20.0 * rate)
    rows = "\n".join(f"{a:.2f} {c}" for a, c in zip(x, counts, strict=True))
    (tmp_path / "lab6.xy").write_text(rows + "\n", encoding="utf-8")
    return project(tmp_path)


def test_the_example_is_a_valid_project(tmp_path: Path) -> None:
    loaded = load_calibration(project(tmp_path, EXAMPLE))
    assert loaded.record.standard is not None
    assert loaded.record.standard.material == "CeO2"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('material = "LaB6"', 'material = "LaB5"', "standard.material"),
        ('anode = "Cu"', 'anode = "Cc"', "radiation.anode"),
        ("[18.0, 118.0]", "[118.0, 18.0]", "fit.two_theta_deg"),
        ("[18.0, 118.0]", '[18.0, 118.0]\nfree = ["zero", "zero"]', "fit.free"),
        ("[18.0, 118.0]", '[18.0, 118.0]\nfree = ["cell"]', "fit.free"),
        ("value = 217.5", "value = 2.175", "geometry.radius_mm"),
        ("[geometry]", "[geometri]", "geometri"),
        ('sample = "capillary"', 'sample = "plate"', "geometry.sample"),
        ("seconds_per_step", "seconds", "scan[0].seconds"),
        ("[geometry]", "[certificate]\nvalid_days = 1e300\n[geometry]", "certificate.valid_days"),
    ],
)
def test_mistakes_are_named_by_key(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in PROJECT
    with pytest.raises(ConfigError) as caught:
        load_calibration(project(tmp_path, PROJECT.replace(old, new)))
    assert any(p.startswith(problem) for p in caught.value.problems), caught.value.problems


def test_nothing_to_calibrate_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_calibration(project(tmp_path, '[radiation]\nanode = "Mo"\nlines = "Ka1"\n'))
    assert any("nothing to calibrate" in p for p in caught.value.problems)


def test_the_misalignment_is_found(standard: Path) -> None:
    result = calibrate(load_calibration(standard))
    assert result.diffractometer is not None
    part = result.diffractometer
    true = {
        "zero_deg": 0.031,
        "along_deg": math.degrees(0.15 / 217.5),
        "across_deg": math.degrees(-0.22 / 217.5),
    }
    for name, value in part.alignment.values.items():
        assert abs(value.value - true[name]) < 4.0 * (value.sigma or 0.0), name
    assert part.wavelength is not None
    assert abs(part.wavelength.value - 1.0) < 4.0 * (part.wavelength.sigma or 0.0)
    assert part.resolution is not None
    assert not [
        f
        for f in result.findings
        if "missing" in f.text or "left out" in f.text or "no line of" in f.text
    ]


def test_the_command_writes_everything(standard: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    assert run(command, ["calibrate", str(standard), "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["certificates"] == ["virtual_LaB6.goniometer.toml"]
    assert set(said["diffractometer"]["displacement_mm"]) == {
        "displacement along the beam",
        "displacement across the beam",
    }
    across = said["diffractometer"]["displacement_mm"]["displacement across the beam"]
    assert abs(across["value"] + 0.22) < 4.0 * across["sigma"]
    for name in ("report.html", "lines.csv", "standard.toml", "figures/positions.svg", "figures/resolution.png", "figures/profiles-1.svg"):  # fmt: skip
        assert (out / name).stat().st_size > 100, name
    certificate = read_certificate(out / said["certificates"][0], kind="goniometer")
    assert certificate.belongs_to.anode == "Cu"
    assert {"zero_deg", "along_deg", "across_deg", "q_damp_per_A", "q_broad"} <= set(certificate.values)  # fmt: skip
    assert all(v.sigma is not None for v in certificate.values.values())
    assert certificate.covariance is not None
    assert {s.file for s in certificate.source} == {"standard.toml", "lab6.xy"}
    again = load_calibration(out / "standard.toml")
    assert (again.folder / again.record.scan[0].file).resolve() == tmp_path / "lab6.xy"
    assert run(command, ["calibrate", str(standard), "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_the_command_prints_an_example(capsys: Any) -> None:
    assert run(command, ["calibrate", "--example"]) == 0
    assert capsys.readouterr().out == EXAMPLE
    assert run(command, ["calibrate"]) == 2
    assert "--example" in capsys.readouterr().err


@pytest.mark.parametrize(("share", "severity"), [(0.05, "warning"), (0.3, "problem")])
def test_a_maximum_of_something_else_is_told(standard: Path, tmp_path: Path, share: float, severity: str) -> None:  # fmt: skip
    """Lines of 0.1° rms, where LaB6 has none, as high as a share of the strongest maximum."""
    x, counts = np.loadtxt(tmp_path / "lab6.xy").T
    more = sum(np.exp(-0.5 * ((x - at) / 0.1) ** 2) for at in (40.5, 85.6))
    counts = counts + np.random.default_rng(1).poisson(share * counts.max() * more)
    np.savetxt(tmp_path / "lab6.xy", np.column_stack([x, counts]), fmt="%.2f %d")
    found = [f for f in calibrate(load_calibration(standard)).findings if "no line of" in f.text]
    assert [f.severity for f in found] == [severity]
    assert "2 maxima" in found[0].text
    assert " 40." in found[0].text
    assert " 85." in found[0].text


def test_another_anode_does_not_find_its_lines(standard: Path, tmp_path: Path) -> None:
    text = PROJECT.replace('anode = "Cu"', 'anode = "Mo"').replace("[18.0, 118.0]", "[18.0, 117.0]")
    with pytest.raises(InputError) as caught:
        calibrate(load_calibration(project(tmp_path, text)))
    assert "standard" in caught.value.what or "lines" in caught.value.what


def test_a_doublet_that_nobody_stated_is_a_problem(standard: Path, tmp_path: Path) -> None:
    text = PROJECT.replace('"Ka1+Ka2"', '"Ka1"').replace("[18.0, 118.0]", "[18.0, 80.0]")
    result = calibrate(load_calibration(project(tmp_path, text)))
    assert any(f.severity == "problem" and "Ka2 line reaches" in f.text for f in result.findings)


def test_a_scan_without_lines_is_refused(tmp_path: Path) -> None:
    x = np.arange(18.0, 118.0, 0.05)
    np.savetxt(tmp_path / "lab6.xy", np.column_stack([x, np.full(x.size, 7)]), fmt="%.2f %d")
    with pytest.raises(InputError, match="not in this scan"):
        calibrate(load_calibration(project(tmp_path)))


def test_without_counting_times_the_findings_say_where_the_errors_come_from(
    standard: Path, tmp_path: Path
) -> None:
    rows = np.loadtxt(tmp_path / "lab6.xy")
    np.savetxt(tmp_path / "lab6.xy", np.column_stack([rows[:, 0], rows[:, 1] / 20.0 + 1e-4]), fmt="%.5f")  # fmt: skip
    text = PROJECT.replace("seconds_per_step = 20.0\n", "").replace(
        "radius_mm = { value = 217.5, sigma = 0.5 }\n", ""
    )
    result = calibrate(load_calibration(project(tmp_path, text)))
    said = " ".join(f.text for f in result.findings)
    assert "follows from the residuals" in said
    assert "displacements are known as angles" in said
    assert result.diffractometer is not None
    zero = result.diffractometer.alignment.values["zero_deg"]
    assert abs(zero.value - 0.031) < 4.0 * (zero.sigma or 0.0)


def mean_place(two_theta: float, *, mu_r: float, radius: float) -> tuple[float, float]:
    """Where in a capillary the rays come from that reach an angle: points drawn at random, weighted by their paths."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-1.0, 1.0, (2, 200_000))
    inside = x * x + y * y < 1.0
    x, y = x[inside], y[inside]
    c, s = math.cos(math.radians(two_theta)), math.sin(math.radians(two_theta))
    enter = x + np.sqrt(1.0 - y * y)
    leave = -(x * c + y * s) + np.sqrt(1.0 - (x * s - y * c) ** 2)
    weight = np.exp(-mu_r * (enter + leave))
    total = float(weight.sum())
    return radius * float(weight @ x) / total, radius * float(weight @ y) / total


def test_absorption_in_the_standard_is_calculated_or_named(
    tmp_path: Path, virtual_standard: Callable[..., Any]
) -> None:
    """Each line comes from where the rays of an absorbing capillary come from in the mean: stating mu R gives the axis back."""
    lines = select_lines("Cu", "Ka1+Ka2")
    total: Any = 20.0
    x = np.arange(18.0, 118.0, 0.02)
    for n, area in SUMS.items():
        angle = math.degrees(2.0 * math.asin(lines[0].wavelength_a * n**0.5 / (2.0 * A)))
        dx, dy = mean_place(angle, mu_r=1.7, radius=0.3)
        _, rate = virtual_standard(
            x,
            a=A,
            lines=[(line.wavelength_a, line.weight) for line in lines],
            indices={n: area},
            at=(0.031, 0.15 + dx, -0.22 + dy, 217.5),
            background=0.0,
        )
        total = total + rate
    counts = np.random.default_rng(5).poisson(20.0 * total)
    np.savetxt(tmp_path / "lab6.xy", np.column_stack([x, counts]), fmt="%.2f %d")
    absorbing = PROJECT.replace("[radiation]", "mu_R = 1.7\nradius_mm = 0.3\n[radiation]")
    corrected = calibrate(load_calibration(project(tmp_path, absorbing)))
    assert any("calculated and subtracted" in f.text for f in corrected.findings)
    no_radius = absorbing.replace("radius_mm = { value = 217.5, sigma = 0.5 }\n", "")
    named = calibrate(load_calibration(project(tmp_path, no_radius)))
    assert any("tube's side of the axis" in f.text for f in named.findings)
    off = []
    for result in (corrected, named):
        assert result.diffractometer is not None
        along = result.diffractometer.alignment.values["along_deg"]
        off.append(abs(along.value - math.degrees(0.15 / 217.5)) / (along.sigma or 1.0))
    assert off[0] < 4.0
    assert off[1] > 8.0


def test_the_real_standard(shared_data: Path, tmp_path: Path) -> None:
    """CeO2 before a laboratory Mo tube: the tabulated wavelength fits, and 0.005° of scatter are left."""
    folder = shared_data / "xrd/ceo2_mo_capillary"
    text = EXAMPLE.replace('"ceo2.xy"', json.dumps(str(folder / "CeO2_635um_accum_0.xy")))
    text = text.replace('"zscan.xy"', json.dumps(str(folder / "CeO2_635um_zscan.xy")))
    text = text.replace("value = 0.3, sigma", "value = 0.3175, sigma")
    result = calibrate(load_calibration(project(tmp_path, text)))
    part = result.diffractometer
    assert part is not None
    assert part.wavelength is not None
    assert abs(part.wavelength.value - 1.0) < 3.0 * (part.wavelength.sigma or 0.0) < 2e-4
    assert part.alignment.scatter_deg < 0.005
    assert sum(line.used for line in part.alignment.lines) > 60
    assert abs(part.alignment.values["zero_deg"].value) < 0.02
    assert part.resolution is not None
    assert 0.008 < part.resolution.q_damp.value < 0.02
    assert result.attenuation is not None
    assert result.attenuation.mu_r.value == pytest.approx(3.489 / 2.0, rel=0.02)
    assert len(certificates_of(result, load_calibration(project(tmp_path, text)))) == 2


def beam_scan(folder: Path, *, mu_d: float = 3.5, header: str = "") -> Path:
    z = np.arange(-0.6, 0.61, 0.01)
    t = scanned_transmission(z, mu_d=mu_d, diameter_mm=0.6, beam_width_mm=0.15, edge_mm=0.01)
    counts = np.random.default_rng(1).poisson(40_000.0 * t)
    path = folder / "z.xy"
    rows = "\n".join(f"{a:.3f} {c / 0.1:.1f}" for a, c in zip(z, counts, strict=True))
    path.write_text(f"{header}{rows}\n", encoding="utf-8")
    return path


EVA = '\'Id: "" Anode: "{anode}" Scantype: "{kind}" TimePerStep: "0.1"\n'


def test_disagreeing_estimates_say_what_it_would_mean(tmp_path: Path) -> None:
    beam_scan(tmp_path, header=EVA.format(anode="Mo", kind="Z"))
    text = CAPILLARY + 'z_scan = "z.xy"\npacking_fraction = { value = 0.5, sigma = 0.02 }\n'
    result = calibrate_attenuation(load_calibration(project(tmp_path, text)))
    assert result.estimates[0].source == "scan through the beam"
    assert result.packing is not None
    assert result.packing.value == pytest.approx(0.21, abs=0.02)
    [said] = [f.text for f in result.findings if "differ by" in f.text]
    assert "packing fraction of 0.2" in said
    assert "check the composition" in said


def test_the_anode_that_would_reconcile_them_is_named(tmp_path: Path) -> None:
    """mu R of silver radiation stated with molybdenum: the capillary's mass says so."""
    text = CAPILLARY.replace('"Mo"', '"Ag"') + "packing_fraction = { value = 0.5, sigma = 0.01 }\n"
    silver = calibrate_attenuation(load_calibration(project(tmp_path, text)))
    beam_scan(tmp_path, mu_d=2.0 * silver.mu_r.value)
    text = CAPILLARY + 'z_scan = "z.xy"\npacking_fraction = { value = 0.5, sigma = 0.01 }\n'
    result = calibrate_attenuation(load_calibration(project(tmp_path, text)))
    assert any("They would agree with Ag" in f.text for f in result.findings)


@pytest.mark.parametrize(
    ("transmission", "severity", "words"),
    [(0.5, None, ""), (7e-7, "warning", "closest packing"), (1e-10, "problem", "more than solid")],
)
def test_an_impossible_packing_is_a_finding(
    tmp_path: Path, transmission: float, severity: str | None, words: str
) -> None:
    text = CAPILLARY + f"transmission = {{ value = {transmission}, sigma = {transmission / 50} }}\n"
    result = calibrate_attenuation(load_calibration(project(tmp_path, text)))
    found = [f for f in result.findings if "packing fraction of" in f.text]
    assert [f.severity for f in found] == ([] if severity is None else [severity])
    assert words in " ".join(f.text for f in found)


def test_a_beam_scan_of_another_anode_is_a_problem(tmp_path: Path) -> None:
    beam_scan(tmp_path, header=EVA.format(anode="Ag", kind="Z"))
    text = CAPILLARY + 'z_scan = "z.xy"\n'
    result = calibrate_attenuation(load_calibration(project(tmp_path, text)))
    assert any(f.severity == "problem" and "Ag" in f.text for f in result.findings)


def test_rates_with_a_counting_time_become_counts(tmp_path: Path) -> None:
    path = beam_scan(tmp_path, header=EVA.format(anode="Mo", kind="Z"))
    file = read_beam_file(path, seconds_per_step=None)
    assert file.scan.absolute
    free = file.scan.intensity > 0.9 * file.scan.intensity.max()
    assert file.scan.sigma[free] == pytest.approx(np.sqrt(file.scan.intensity[free] * 0.1) / 0.1)
    with pytest.raises(InputError, match=r"0\.2 s per step"):
        read_beam_file(path, seconds_per_step=0.2)


@pytest.mark.parametrize(
    ("header", "rows", "match"),
    [
        (EVA.format(anode="Mo", kind="Locked Coupled"), None, "not through the beam"),
        ("", "0.0 1 2\n" * 30, "two columns"),
        ("", "0.0 1\n" * 30, "does not grow"),
        ("", "\n".join(f"{i} {-i}" for i in range(30)), "number >= 0"),
        ("", "0.0 1\n1.0 2\n", "20 rows"),
    ],
)
def test_what_is_no_beam_scan_is_refused(
    tmp_path: Path, header: str, rows: str | None, match: str
) -> None:
    path = beam_scan(tmp_path, header=header)
    if rows is not None:
        path.write_text(rows, encoding="utf-8")
    with pytest.raises(InputError, match=match):
        read_beam_file(path, seconds_per_step=None)


def test_a_missing_scan_is_named(tmp_path: Path, capsys: Any) -> None:
    status = run(command, ["calibrate", str(project(tmp_path)), "--out", str(tmp_path / "o")])
    assert status == 2
    assert "lab6.xy" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_load_is_the_strict_one(tmp_path: Path) -> None:
    """The records refuse what they do not know, as every project file does."""
    from xtsred.calibrate.config import Calibration

    with pytest.raises(ConfigError):
        load(Calibration, project(tmp_path, PROJECT + "[fit2]\n"))
