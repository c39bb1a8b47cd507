"""A series from its files to E_A, and every doubt on the way."""

import numpy as np
import pytest

from calibration.errors import InputError
from cis.demo import DEMO_FOLDER, GLASSES
from cis.inputs import matching_files, read_inputs, temperature_from_name
from cis.output import ARRHENIUS_COLUMNS, CONDUCTIVITY_COLUMNS, arrhenius_csv, conductivity_csv
from cis.pipeline import Analysis, analyze, load_config
from tests.cis.conftest import PROJECT, write_series


def run(path, *settings: str) -> Analysis:
    loaded = load_config(path, settings=settings)
    return analyze(loaded.record, read_inputs(loaded))


def texts(analysis: Analysis) -> str:
    return "\n".join(f"{f.severity}: {f.text}" for f in analysis.findings)


def test_virtual_series_is_recovered(project):
    result = run(project)
    fit = result.arrhenius[0].fits[0]
    assert fit.activation_ev == pytest.approx(0.41, abs=3 * fit.activation.sigma)
    assert fit.room_s_per_cm.value == pytest.approx(4.2e-6, abs=3 * fit.room_s_per_cm.sigma)
    assert result.permittivity.apparent.value == pytest.approx(
        9.0, abs=3 * result.permittivity.apparent.sigma
    )
    assert [c.kind for c in result.conductivities] == ["arc"] * 5
    assert result.joint_energy.activation_ev == pytest.approx(0.41, abs=3 * fit.activation.sigma)
    sigma = [c.sigma_s_per_cm for c in result.conductivities]
    assert sigma == sorted(sigma)
    assert "No fixture compensation" in texts(result)


def test_first_columns_are_the_contract(project):
    result = run(project, "model.series=separate")
    first, *rows = conductivity_csv(result).splitlines()
    assert tuple(first.split(",")[:12]) == CONDUCTIVITY_COLUMNS
    assert first.startswith(
        "name,temperature_K,temperature_sigma_K,R_ohm,R_sigma_ohm,sigma_S_per_cm,sigma_stat_S_per_cm,"
        "sigma_geometry_S_per_cm,circuit,method,kind,identifiable"
    )
    assert len(rows) == 5
    header, *lines = arrhenius_csv("virtual", result.arrhenius).splitlines()
    assert tuple(header.split(",")[:11]) == ARRHENIUS_COLUMNS
    assert header.startswith(
        "name,form,E_A_eV,E_A_stat_eV,E_A_thermometer_eV,ln_prefactor,ln_prefactor_sigma,"
        "sigma_298K_S_per_cm,sigma_298K_sigma_S_per_cm,n,curvature_p"
    )
    assert [line.split(",")[1] for line in lines] == ["ln_sigma", "ln_sigma_T"]
    # sigma = e/(R A) in every row
    cell = result.project.sample.plates.constant_per_cm.value
    for row in rows:
        cells = row.split(",")
        assert float(cells[5]) * float(cells[3]) == pytest.approx(cell, rel=1e-6)


def test_fixture_takes_the_leads_away():
    loaded = load_config(DEMO_FOLDER / "N2S.toml", settings=["model.series=separate"])
    with_fixture = analyze(loaded.record, read_inputs(loaded))
    glass = GLASSES["N2S"]
    hot, cell = with_fixture.conductivities[-1], loaded.record.sample.plates
    truth = cell.constant_per_cm.value / glass.conductivity(np.array(hot.temperature_k))
    # 0.6 Ohm of contact on 500 Ohm; the temperature's 0.22 K is 0.8%
    assert hot.resistance_ohm.value == pytest.approx(truth, rel=0.025)
    assert hot.permittivity.value == pytest.approx(glass.permittivity, rel=0.02)
    assert "Fixture compensation (open/short)" in texts(with_fixture)
    assert with_fixture.compensated[0].interpolated == 0


def test_one_temperature_gives_no_energy_but_says_so(tmp_path):
    write_series(tmp_path, (25.0,))
    (tmp_path / "run.toml").write_text(PROJECT, encoding="utf-8")
    result = run(tmp_path / "run.toml")
    assert result.arrhenius == ()
    assert "no activation energy can be given" in texts(result)
    assert conductivity_csv(result).count("\n") == 2


def test_two_spectra_of_one_temperature_are_said(tmp_path):
    write_series(tmp_path, (25.0, 45.0))
    (tmp_path / "copy.csv").write_bytes((tmp_path / "series.csv").read_bytes())
    text = PROJECT.replace('"series.csv"', '"*.csv"')
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    result = run(tmp_path / "run.toml")
    assert len(result.fits) == 4
    assert "have the same temperature" in texts(result)


def test_a_corrupt_spectrum_is_left_out_and_named(project):
    source = (project.parent / "series.csv").read_text(encoding="utf-8").splitlines()
    bad = [line if k < 4 else line.replace(",-", ",1") for k, line in enumerate(source[:47])]
    (project.parent / "bad.csv").write_text("\n".join(bad) + "\n", encoding="utf-8")
    text = PROJECT + '\n[[spectrum]]\nfiles = "bad.csv"\n'
    project.write_text(text, encoding="utf-8")
    result = run(project, "model.series=separate")
    assert len(result.fits) == 5
    assert [r.label for r in result.refused] == ["bad"]
    assert "problem: bad was left out" in texts(result)


def test_range_and_break_choose_the_points(project):
    narrow = run(project, "arrhenius.range_K=[280, 330]", "model.series=separate")
    assert narrow.arrhenius[0].fits[0].n == 3
    assert "Outside arrhenius.range_K" in texts(narrow)
    broken = run(project, "arrhenius.breakpoint_K=300", "model.series=separate")
    assert [r.segment for r in broken.arrhenius] == ["below", "above"]
    lopsided = run(project, "arrhenius.breakpoint_K=285", "model.series=separate")
    assert [r.segment for r in lopsided.arrhenius] == ["above"]
    assert "Fewer than two temperatures below" in texts(lopsided)


def test_frequency_range_is_applied(project):
    result = run(project, "validation.range_Hz=[1e3, 1e7]", "model.series=separate")
    assert all(f.spectrum.frequency_hz.min() >= 1e3 for f in result.fits)
    with pytest.raises(InputError, match="range_Hz"):
        run(project, "validation.range_Hz=[1e-3, 1e-2]")


def test_unknown_uncertainties_stay_unknown(tmp_path):
    write_series(tmp_path, (5.0, 35.0, 65.0))
    text = PROJECT.replace("{ value = 0.753, sigma = 0.004 }", "0.753").replace("sigma_K = 0.1", "")
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    result = run(tmp_path / "run.toml", "model.series=separate")
    row = conductivity_csv(result).splitlines()[1].split(",")
    assert row[2] == ""  # temperature_sigma_K
    assert row[7] == ""  # sigma_geometry
    assert float(row[6]) > 0.0
    line = arrhenius_csv("x", result.arrhenius).splitlines()[1].split(",")
    assert line[4] == ""  # E_A_thermometer
    assert line[8] == ""  # sigma_298K_sigma
    assert "is not stated" in texts(result)
    assert "statistics only" in result.arrhenius[0].fits[0].written


@pytest.mark.parametrize(
    ("name", "template", "kelvin_value"),
    [
        ("s04147-120deg.txt", "s04147-{temperature_C}deg.txt", 393.15),
        ("a_-10,5C.csv", "a_{temperature_C}C.csv", 262.65),
        ("run7 298p15 K.z", "* {temperature_K} K.z", 298.15),
    ],
)
def test_temperature_from_name(name, template, kelvin_value):
    assert temperature_from_name(name, template) == pytest.approx(kelvin_value)


def test_temperature_from_a_name_that_does_not_fit():
    with pytest.raises(ValueError, match="does not fit"):
        temperature_from_name("other.txt", "s-{temperature_C}C.txt")


def test_files_are_found_in_natural_order_and_never_silently_absent(tmp_path):
    for name in ("a2.txt", "a10.txt", "b.txt", "odd[1].txt"):
        (tmp_path / name).write_text("x")
    assert [p.name for p in matching_files("a*.txt", folder=tmp_path, key="k")] == [
        "a2.txt",
        "a10.txt",
    ]
    assert [p.name for p in matching_files("odd[1].txt", folder=tmp_path, key="k")] == [
        "odd[1].txt"
    ]
    with pytest.raises(InputError, match="matches no file"):
        matching_files("c*.txt", folder=tmp_path, key="k")
    with pytest.raises(InputError, match="does not exist") as error:
        matching_files("a3.txt", folder=tmp_path, key="k")
    assert "a2.txt" in str(error.value)


def test_real_series(shared_examples):
    result = run(shared_examples / "s04147_impedance" / "run.toml")
    resistance = [f.resistance_ohm for f in result.fits]
    # two arcs and a spike, 7.7 MOhm at 120 C down to 0.12 MOhm at 200 C, falling steadily
    assert resistance == sorted(resistance, reverse=True)
    assert all(c.identifiable for c in result.conductivities)
    fit = result.arrhenius[0].fits[0]
    assert fit.n == 8
    # the slope between the end points, by hand from the minima of |Z''|, is 0.83 eV
    ends = np.log(resistance[0] / resistance[-1]) * 8.617333e-5 / (1 / 393.15 - 1 / 473.15)
    assert fit.activation_ev == pytest.approx(ends, abs=0.03)
