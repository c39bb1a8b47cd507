"""`cis calibrate`: virtual standards in, the truth out within its ±; certificates applied, compared and refused."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from calibration.cell import ParallelPlates, disc_area
from calibration.certificate import issue_certificate, read_certificate, write_certificate
from calibration.commandline import run
from calibration.quantity import Quantity
from calibration.solutions import find_solution
from cis.calibrate.cell import calibrate_cell
from cis.calibrate.config import load_calibration
from cis.calibrate.fixture import calibrate_fixture
from cis.calibrate.thermometer import calibrate_thermometer
from cis.cli import command
from cis.forward import (
    Electrode,
    Glass,
    Laboratory,
    Leads,
    Noise,
    blocking_electrode,
    disturb,
    measure_series,
    write_smart_csv,
)
from cis.pipeline import analyze, load_config, read_inputs

FREQUENCY = np.logspace(6, 1, 41)
K_TRUE = 1.0372
HEAD = '[certificate]\nname = "{name}"\nvalid_days = 365\ninstrument = "analyzer 1"\n'


def write_spectrum(path: Path, z: np.ndarray, frequency: np.ndarray = FREQUENCY) -> None:
    rows = [f"{f:.8g},{v.real:.9g},{v.imag:.9g}" for f, v in zip(frequency, z, strict=True)]
    path.write_text("Frequency (Hz),Z' (Ohm),Z'' (Ohm)\n" + "\n".join(rows) + "\n")


def solution_cell(
    temperature_c: float, rng: np.random.Generator, *, name: str = "KCl 0.1 m", k: float = K_TRUE
) -> np.ndarray:
    """A dip cell: R = K/kappa, rough platinum in series, stray capacitance across, noise of 0.02 %."""
    kappa = find_solution(name).conductivity(Quantity(temperature_c, 0.0)).value
    electrode = blocking_electrode(FREQUENCY, strength=2e-4, exponent=0.85)
    z = 1.0 / (1.0 / (k / kappa + electrode) + 2j * np.pi * FREQUENCY * 5e-12)
    return disturb(FREQUENCY, z, noise=Noise(relative=2e-4, mains_relative=0.0), random=rng)


def cell_file(folder: Path, rng: np.random.Generator, *, offset_k: float = 0.0) -> Path:
    for t in (20.0, 25.0, 30.0):
        true = t + offset_k + 0.02 * rng.standard_normal()
        write_spectrum(folder / f"kcl_{t:g}C.csv", solution_cell(true, rng))
    path = folder / "cell.toml"
    path.write_text(
        HEAD.format(name="dip cell 3")
        + '[cell]\nmethod = "solution"\nsolution = "KCl 0.1 m"\ntemperature_sigma_K = 0.02\n'
        + "water_S_per_cm = { value = 0.0, sigma = 1e-7 }\n"
        + '[[spectrum]]\nfiles = "kcl_*C.csv"\ntemperature_from_name = "kcl_{temperature_C}C.csv"\n'
    )
    return path


def test_cell_constant_from_virtual_solutions_has_unit_pulls(tmp_path: Path) -> None:
    """The standard's own uncertainty is common to all: it is taken off, so that what is left must scatter as stated."""
    rng = np.random.default_rng(11)
    pulls = []
    for _ in range(12):
        found = calibrate_cell(load_calibration(cell_file(tmp_path, rng)))
        assert found.constant is not None
        own = math.sqrt(found.constant.sigma**2 - (found.constant.value * 4e-4) ** 2)
        pulls.append((found.constant.value - K_TRUE) / own)
    assert abs(np.mean(pulls)) < 3.5 / math.sqrt(12)
    assert 0.45 < np.std(pulls) < 1.5


def test_a_wrong_bath_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = cell_file(tmp_path, rng)
    write_spectrum(tmp_path / "kcl_30C.csv", solution_cell(30.5, rng))
    found = calibrate_cell(load_calibration(path))
    assert any("scatter" in f.text for f in found.findings)
    assert found.constant is not None
    assert abs(found.constant.value - K_TRUE) < 3.0 * found.constant.sigma


def test_water_is_added_to_the_solution(tmp_path: Path) -> None:
    text = HEAD.format(name="c") + (
        '[cell]\nmethod = "solution"\nsolution = "KCl 0.01 m"\ntemperature_sigma_K = 0.01\n@WATER@'
        "[[reading]]\ntemperature_C = 25.0\nresistance_ohm = { value = 700.0, sigma = 0.1 }\n"
    )
    (tmp_path / "a.toml").write_text(text.replace("@WATER@", ""))
    (tmp_path / "b.toml").write_text(
        text.replace("@WATER@", "water_S_per_cm = { value = 1.1e-6, sigma = 1e-7 }\n")
    )
    without = calibrate_cell(load_calibration(tmp_path / "a.toml"))
    added = calibrate_cell(load_calibration(tmp_path / "b.toml"))
    assert without.constant.value == pytest.approx(1.40823e-3 * 700.0, rel=1e-5)
    assert added.constant.value - without.constant.value == pytest.approx(1.1e-6 * 700.0)
    assert any("water" in f.text and f.severity == "warning" for f in without.findings)
    assert not any("water" in f.text for f in added.findings)


def test_geometry_and_a_resistor(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    z = 1.012 * 1000.0 / (1.0 + 2j * np.pi * FREQUENCY * 1000.0 * 3e-12)
    noise = Noise(relative=2e-4, mains_relative=0.0)
    write_spectrum(tmp_path / "r.csv", disturb(FREQUENCY, z + 0.0j, noise=noise, random=rng))
    (tmp_path / "g.toml").write_text(
        HEAD.format(name="pellet 7")
        + '[cell]\nmethod = "geometry"\nthickness_mm = { value = 0.753, sigma = 0.004 }\n'
        + "diameter_mm = { value = 10.0, sigma = 0.02 }\n"
        + "resistor_ohm = { value = 1000.0, sigma = 0.1 }\n[[spectrum]]\nfiles = 'r.csv'\n"
    )
    found = calibrate_cell(load_calibration(tmp_path / "g.toml"))
    plates = ParallelPlates(
        thickness_mm=Quantity(0.753, 0.004), area_mm2=disc_area(Quantity(10.0, 0.02))
    )
    assert found.geometry == plates.constant_per_cm
    assert found.gain is not None
    assert abs(found.gain.value - 1.012) < 4.0 * found.gain.sigma < 1e-3
    assert found.constant.value == pytest.approx(found.geometry.value * found.gain.value)
    assert any("resistor's true value" in f.text for f in found.findings)


LEADS = Leads(resistance_ohm=0.6, inductance_h=0.35e-6, stray_f=4e-12, leakage_s=2e-10)


def fixture_file(folder: Path, *, lowest_hz: float = 10.0, load: bool = False) -> Path:
    frequency = np.logspace(7, math.log10(lowest_hz), 61)
    rng = np.random.default_rng(5)
    noise = Noise(relative=5e-4, mains_relative=0.0)
    for name, ohm in (("open", 1e14), ("short", 1e-12), ("load", 1000.0)):
        seen = LEADS.seen(frequency, np.full(frequency.size, ohm + 0j), change=0.0)
        write_spectrum(
            folder / f"{name}.csv", disturb(frequency, seen, noise=noise, random=rng), frequency
        )
    extra = 'load = "load.csv"\nload_ohm = { value = 1000.0, sigma = 1.0 }\n' if load else ""
    path = folder / "fixture.toml"
    path.write_text(
        HEAD.format(name="holder A") + f'[fixture]\nopen = "open.csv"\nshort = "short.csv"\n{extra}'
    )
    return path


def test_the_fixture_is_what_it_was_made_of(tmp_path: Path) -> None:
    found = calibrate_fixture(load_calibration(fixture_file(tmp_path)))
    truth = {
        "series_resistance_ohm": LEADS.resistance_ohm,
        "series_inductance_H": LEADS.inductance_h,
        "stray_capacitance_F": LEADS.stray_f,
        "stray_conductance_S": LEADS.leakage_s,
    }
    for name, value in truth.items():
        fitted = found.certificate.value(name)
        assert abs(fitted.value - value) < 4.0 * fitted.sigma, name
        assert fitted.sigma < 0.3 * value or name == "stray_conductance_S"


def test_a_certified_thermometer_is_the_fit(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(
        HEAD.format(name="probe")
        + '[thermometer]\nreads = "thermometer"\n'
        + '[[point]]\nfixed_point = "ice"\nread_C = { value = 0.31, sigma = 0.05 }\n'
        + '[[point]]\nfixed_point = "gallium"\nread_C = { value = 29.9, sigma = 0.05 }\n'
        + '[[point]]\nfixed_point = "indium"\nread_C = { value = 157.9, sigma = 0.05 }\n'
        + "[[point]]\ntrue_C = { value = 100.0, sigma = 0.03 }\nread_C = { value = 100.8, sigma = 0.05 }\n"
    )
    found = calibrate_thermometer(load_calibration(tmp_path / "t.toml"))
    path = tmp_path / "probe.toml"
    write_certificate(found.certificate, path)
    from calibration.certified import thermometer_of

    again = thermometer_of(read_certificate(path, kind="thermometer"))
    read = np.array([280.0, 420.0])
    assert again.correct(read) == pytest.approx(found.fit.thermometer.correct(read), abs=1e-9)
    assert again.covariances(read)[0] == pytest.approx(found.fit.thermometer.covariances(read)[0])


# --- certificates in a project ---------------------------------------------------------------------


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A virtual series measured in a bad fixture by a thermometer that is 0.5 K low, with its certificates."""
    rng = np.random.default_rng(21)
    plates = ParallelPlates(
        thickness_mm=Quantity(0.753, 0.0), area_mm2=disc_area(Quantity(10.0, 0.0))
    )
    sweeps = measure_series(
        Glass(name="v", room_s_per_cm=4.2e-6, activation_ev=0.41, permittivity=9.0),
        plates=plates,
        set_points_k=[278.15, 293.15, 308.15, 323.15, 338.15],
        frequency_hz=np.logspace(6.9, 1.1, 43),
        laboratory=Laboratory(
            electrode=Electrode(),
            leads=Leads(
                resistance_ohm=0.6,
                inductance_h=0.35e-6,
                stray_f=4e-12,
                leakage_s=2e-10,
                reseating=0.0,
            ),
            noise=Noise(relative=0.001, mains_relative=0.0),
            common_k=0.0,
            independent_k=0.02,
        ),
        random=rng,
    )
    write_smart_csv(tmp_path / "series.csv", sweeps, title="test")
    fixture = calibrate_fixture(load_calibration(fixture_file(tmp_path))).certificate
    write_certificate(fixture, tmp_path / "holder.toml")
    cell = issue_certificate(
        "cell",
        name="pellet",
        values={"constant_per_cm": Quantity(0.0959, 0.0003)},
        sources=[tmp_path / "series.csv"],
    )
    write_certificate(cell, tmp_path / "pellet.toml")
    thermometer = issue_certificate(
        "thermometer",
        name="probe",
        values={
            "offset_K": Quantity(0.5, 0.05),
            "point_sigma_K": Quantity(0.03, 0.01),
            "pivot_K": Quantity(300.0, 0.0),
            "lag": Quantity(0.0, 0.001),
        },
        sources=[tmp_path / "series.csv"],
        tables={"read_K": (273.0, 340.0)},
    )
    write_certificate(thermometer, tmp_path / "probe.toml")
    (tmp_path / "run.toml").write_text(
        '[sample]\nname = "virtual"\nvirtual = true\ndiameter_mm = { value = 10.0, sigma = 0.02 }\n'
        "thickness_mm = { value = 0.753, sigma = 0.004 }\n"
        '[model]\ncircuit = "bulk-blocking"\n[[spectrum]]\nfiles = "series.csv"\n'
        '[arrhenius]\nform = "ln_sigma"\n'
        '[calibration]\ncell = "pellet.toml"\nfixture = "holder.toml"\nthermometer = "probe.toml"\n'
    )
    return tmp_path / "run.toml"


def analysed(path: Path, **changes: str):
    loaded = load_config(path, settings=[f"{k}={v}" for k, v in changes.items()])
    return analyze(loaded.record, read_inputs(loaded))


def test_certificates_go_into_the_bundle(series: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert run(command, ["analyze", str(series), "--out", str(out)]) == 0
    assert run(command, ["bundle", str(out)]) == 0
    for file in tmp_path.glob("*.toml"):
        file.rename(file.with_suffix(".away"))
    capsys.readouterr()
    assert run(command, ["verify", str(tmp_path / "out.zip"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {d["verdict"] for d in found["differences"]} == {"identical"}
    assert found["findings_gone"] == found["findings_new"] == []


def test_certificates_are_applied_and_reported(series: Path) -> None:
    found = analysed(series)
    glass = Glass(name="v", room_s_per_cm=4.2e-6, activation_ev=0.41, permittivity=9.0)
    for c, reading in zip(found.conductivities, found.readings_k, strict=True):
        assert c.temperature_k == pytest.approx(reading + 0.5)
        # the truth is at the reading (the virtual thermometer is right): undo the certificate's offset
        truth = float(glass.conductivity(np.array(reading))) * 0.0959 / 0.0958747
        assert abs(c.sigma_s_per_cm - truth) < 4.0 * math.hypot(
            c.stat_s_per_cm, truth * 0.055 * 0.02 + truth * 1e-3
        )
        assert c.geometry_s_per_cm == pytest.approx(c.sigma_s_per_cm * 0.0003 / 0.0959)
    assert found.compensated[0] is not None
    assert found.permittivity.apparent.value == pytest.approx(9.0, rel=0.05)
    texts = " ".join(f.text for f in found.findings)
    assert "agrees with it" in texts
    assert "inside its range" in texts


def test_a_cell_that_contradicts_the_size_is_said(series: Path) -> None:
    found = analysed(series, **{"sample.thickness_mm": "{ value = 0.9, sigma = 0.004 }"})
    said = [f for f in found.findings if "certified cell constant" in f.text]
    assert [f.severity for f in said] == ["warning"]
    assert found.instruments.cell.constant_per_cm.value == 0.0959


def test_gain_and_load_enter_the_constant(series: Path) -> None:
    folder = series.parent
    gain = issue_certificate(
        "cell", name="r", values={"gain": Quantity(1.01, 0.001)}, sources=[series]
    )
    write_certificate(gain, folder / "pellet.toml")
    fixture = calibrate_fixture(load_calibration(fixture_file(folder, load=True))).certificate
    write_certificate(fixture, folder / "holder.toml")
    found = analysed(series).instruments
    assert found.cell.constant_per_cm.value == pytest.approx(found.geometry.value * 1.01)
    expected = math.hypot(found.geometry.sigma / found.geometry.value, 0.001 / 1.01, 1e-3)
    assert found.cell.relative_sigma == pytest.approx(expected)


def test_out_of_date_and_out_of_range_are_findings(series: Path) -> None:
    folder = series.parent
    old = read_certificate(folder / "pellet.toml", kind="cell")
    late = issue_certificate(
        "cell",
        name="old",
        values=old.values,
        sources=[series],
        valid_days=-30,
    )
    write_certificate(late, folder / "pellet.toml")
    short = issue_certificate(
        "thermometer",
        name="probe",
        values=read_certificate(folder / "probe.toml", kind="thermometer").values,
        sources=[series],
        tables={"read_K": (290.0, 300.0)},
    )
    write_certificate(short, folder / "probe.toml")
    texts = [f.text for f in analysed(series).findings if f.severity == "warning"]
    end = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
    assert any(f"valid until {end}" in t for t in texts)
    assert any("outside its points" in t for t in texts)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"calibration.cell": "holder.toml"}, "certificate of kind 'fixture'"),
        ({"calibration.cell": "series.csv"}, "TOML"),
        ({"calibration.cell": "gone.toml"}, "cannot be read"),
        ({"calibration.instrument": "analyzer 2"}, "cannot belong"),
        ({"temperature.offset_K": "0.3"}, "keep one"),
        ({"fixture.open": "open.csv"}, "keep one"),
    ],
)
def test_what_cannot_belong_exits_with_2(series: Path, capsys, change, expected) -> None:
    settings = [x for k, v in change.items() for x in ("--set", f"{k}={v}")]
    out = series.parent / "out"
    assert run(command, ["analyze", str(series), "--out", str(out), *settings]) == 2
    assert expected in capsys.readouterr().err
    assert not out.exists()


def test_an_altered_certificate_is_refused(series: Path, capsys) -> None:
    path = series.parent / "pellet.toml"
    path.write_text(path.read_text().replace("0.0959", "0.0859"))
    assert run(command, ["analyze", str(series), "--out", str(series.parent / "out")]) == 2
    assert "altered" in capsys.readouterr().err


def test_a_fixture_that_does_not_cover_the_sweep_is_refused(series: Path, capsys) -> None:
    narrow = calibrate_fixture(load_calibration(fixture_file(series.parent, lowest_hz=100.0)))
    write_certificate(narrow.certificate, series.parent / "holder.toml")
    assert run(command, ["analyze", str(series), "--out", str(series.parent / "out")]) == 2
    assert "would need extrapolation" in capsys.readouterr().err


def test_the_report_and_the_provenance_hold_the_certificates(series: Path, capsys) -> None:
    out = series.parent / "out"
    assert run(command, ["analyze", str(series), "--out", str(out), "--json"]) == 0
    capsys.readouterr()
    result = json.loads((out / "result.json").read_text())
    assert set(result["calibration"]) == {"cell", "fixture", "thermometer"}
    assert result["cell_constant"]["value"] == 0.0959
    read = [Path(i["path"]).name for i in result["provenance"]["inputs"]]
    assert {"pellet.toml", "holder.toml", "probe.toml"} <= set(read)
    page = (out / "report.html").read_text()
    assert "Certified values" in page
    assert "of the certificate" in page
    # the resolved project runs from its own folder
    again = load_config(out / "run.toml")
    assert set(read_inputs(again).certificates.by_kind) == {"cell", "fixture", "thermometer"}


# --- the command -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["cell", "fixture", "thermometer"])
def test_the_command_writes_certificate_report_and_figures(
    tmp_path: Path, capsys, kind: str
) -> None:
    rng = np.random.default_rng(3)
    if kind == "cell":
        path, name = cell_file(tmp_path, rng), "dip_cell_3.toml"
    elif kind == "fixture":
        path, name = fixture_file(tmp_path, load=True), "holder_A.toml"
    else:
        path, name = tmp_path / "t.toml", "probe.toml"
        path.write_text(
            HEAD.format(name="probe")
            + '[thermometer]\nreads = "set point"\n'
            + "".join(
                f"[[point]]\nread_C = {{ value = {t}, sigma = 0.1 }}\ntrue_C = {{ value = {0.98 * t + 0.5}, sigma = 0.05 }}\n"
                for t in (20.0, 40.0, 60.0, 80.0)
            )
        )
    out = tmp_path / "out"
    assert run(command, ["calibrate", str(path), "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["kind"] == kind
    certificate = read_certificate(out / name, kind=kind)
    assert all(q.sigma is not None for q in certificate.values.values())
    assert certificate.signature == printed["signature"]
    assert len(certificate.source) == {"cell": 4, "fixture": 4, "thermometer": 1}[kind]
    assert (out / "report.html").stat().st_size > 10_000
    figures = {p.stem for p in (out / "figures").glob("*.svg")}
    assert (
        figures
        == {
            "cell": {"cell_constant", "cell_constant_frequency"},
            "fixture": {"fixture_modulus", "fixture_elements"},
            "thermometer": {"thermometer"},
        }[kind]
    )
    if kind == "thermometer":
        assert certificate.value("lag").value == pytest.approx(0.02, abs=1e-9)


GOOD_CELL = '[cell]\nmethod = "geometry"\nthickness_mm = 1.0\ndiameter_mm = 8.0\n'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (GOOD_CELL, "has no uncertainty"),
        ('[cell]\nmethod = "solution"\n', "one of solution and conductivity"),
        ('[cell]\nmethod = "solution"\nsolution = "KCl 0.1 m"\n', "temperature_sigma_K"),
        (
            '[cell]\nmethod = "solution"\nsolution = "KCl 0.1 m"\ntemperature_sigma_K = 0.1\n',
            "a [[spectrum]] or a [[reading]]",
        ),
        (
            '[cell]\nmethod = "solution"\nsolution = "brine"\ntemperature_sigma_K = 0.1\n'
            "[[reading]]\nresistance_ohm = { value = 1.0, sigma = 0.1 }\ntemperature_C = 25.0\n",
            "no solution is called",
        ),
        (
            '[cell]\nmethod = "solution"\nsolution = "KCl 0.1 m"\ntemperature_sigma_K = 0.1\n'
            "[[reading]]\nresistance_ohm = { value = 1.0, sigma = 0.1 }\n",
            "stated nowhere",
        ),
        (
            '[cell]\nmethod = "solution"\nsolution = "KCl 0.1 m"\ntemperature_sigma_K = 0.1\n'
            "[[reading]]\nresistance_ohm = { value = 1.0, sigma = 0.1 }\ntemperature_C = 75.0\n",
            "0 to 50",
        ),
        (
            '[cell]\nmethod = "resistor"\nresistor_ohm = 100.0\n'
            "[[reading]]\nresistance_ohm = { value = 1.0, sigma = 0.1 }\n",
            "has no uncertainty",
        ),
        ("", "one of [cell], [fixture] and [thermometer]"),
        (GOOD_CELL + '[fixture]\nopen = "x"\n', "found [cell] and [fixture]"),
        ('[fixture]\nopen = "o"\nload = "x"\n', "load and load_ohm go together"),
        ('[fixture]\nopen = "gone.csv"\n', "does not exist"),
        ('[thermometer]\nreads = "thermometer"\n', "at least one [[point]]"),
        (
            '[thermometer]\nreads = "thermometer"\n[[point]]\nread_C = 1.0\nfixed_point = "ice"\n',
            "give no ±",
        ),
        (
            '[thermometer]\nreads = "eye"\n[[point]]\nread_C = 1.0\nfixed_point = "ice"\n',
            "set point",
        ),
    ],
)
def test_what_cannot_be_certified_exits_with_2(tmp_path, capsys, body, expected) -> None:
    path = tmp_path / "x.toml"
    path.write_text(HEAD.format(name="x") + body)
    assert run(command, ["calibrate", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["cell", "fixture", "thermometer"])
def test_the_examples_are_files(tmp_path: Path, capsys, kind: str) -> None:
    assert run(command, ["calibrate", "--example", kind]) == 0
    path = tmp_path / "x.toml"
    path.write_text(capsys.readouterr().out)
    assert getattr(load_calibration(path).record, kind) is not None
    assert run(command, ["calibrate", str(path)]) == 2
    assert "--out" in capsys.readouterr().err
