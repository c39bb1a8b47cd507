"""Tables of conductivities: units and columns recognised, or asked for."""

import json

import numpy as np
import pytest

from calibration.commandline import run
from calibration.errors import InputError, ReadError
from calibration.thermometer import Thermometer
from cis.cli import command
from cis.conductivity_table import Columns, TableData, read_table

K = 8.617333262e-5
T = np.array([280.0, 300.0, 320.0, 340.0])
SIGMA = 1e-5 * np.exp(-0.4 / K * (1 / T - 1 / 298.15))


def read(path, text: str, **columns: object) -> TableData:
    path.write_text(text, encoding="utf-8")
    return read_table(path, columns=Columns(**columns), thermometer=Thermometer(point_sigma_k=None))


def table(header: str, t: np.ndarray, s: np.ndarray, *, separator: str = ",") -> str:
    rows = "".join(f"{a:.6f}{separator}{b:.8g}\n" for a, b in zip(t, s, strict=True))
    return f"{header}\n{rows}"


@pytest.mark.parametrize(
    ("header", "t", "s"),
    [
        ("T (K),sigma (S/cm)", T, SIGMA),
        ("Temperature (°C),Conductivity (S cm-1)", T - 273.15, SIGMA),
        ("temperature_K,conductivity_S_per_m", T, 100 * SIGMA),
        ("T / degC,σ / mS cm⁻¹", T - 273.15, 1e3 * SIGMA),
        ("1000/T (1/K),log10 sigma (S/cm)", 1000 / T, np.log10(SIGMA)),
        ("Temp [C],conductivity [S/m]", T - 273.15, 100 * SIGMA),
        ("T (K),log10 sigma (S/m)", T, np.log10(100 * SIGMA)),
    ],
)
def test_units_are_read_from_the_header(tmp_path, header, t, s):
    data = read(tmp_path / "t.csv", table(header, t, s))
    (group,) = data.groups
    np.testing.assert_allclose(group.points.temperature_k, T, rtol=1e-6)
    np.testing.assert_allclose(group.points.sigma_s_per_cm, SIGMA, rtol=1e-6)


def test_our_own_table_says_that_a_common_offset_is_lost(tmp_path):
    head = "temperature_K,temperature_sigma_K,sigma_S_per_cm,sigma_stat_S_per_cm,identifiable"
    rows = "".join(f"{a},0.5,{b:.6g},{0.01 * b:.6g},true\n" for a, b in zip(T, SIGMA, strict=True))
    data = read(tmp_path / "conductivity.csv", f"{head}\n{rows}")
    assert any("all rows share" in f.text for f in data.findings)


def test_decimal_commas_with_semicolons(tmp_path):
    text = table("T (K);sigma (S/cm)", T, SIGMA, separator=";").replace(".", ",")
    (group,) = read(tmp_path / "t.csv", text).groups
    np.testing.assert_allclose(group.points.sigma_s_per_cm, SIGMA, rtol=1e-6)


@pytest.mark.parametrize(
    ("header", "question"),
    [
        ("T,sigma (S/cm)", "--temperature-unit"),
        ("T (K),sigma", "--conductivity-unit"),
        ("x,sigma (S/cm)", "--temperature-column"),
        ("T (K),y", "--conductivity-column"),
    ],
)
def test_what_is_not_clear_is_asked(tmp_path, header, question):
    with pytest.raises(InputError) as error:
        read(tmp_path / "t.csv", table(header, T, SIGMA))
    assert question in str(error.value)


def test_answers_are_taken(tmp_path):
    data = read(
        tmp_path / "t.csv",
        table("x,y", T - 273.15, 100 * SIGMA),
        temperature="x",
        conductivity="y",
        temperature_unit="C",
        conductivity_unit="S/m",
    )
    np.testing.assert_allclose(data.groups[0].points.sigma_s_per_cm, SIGMA, rtol=1e-6)
    with pytest.raises(InputError, match="no column 'z'"):
        read(tmp_path / "t.csv", table("T (K),sigma (S/cm)", T, SIGMA), group_by=("z",))


def test_unusable_rows_are_counted_and_named(tmp_path):
    text = table("T (K),sigma (S/cm)", T, SIGMA) + "350,\n360,-1e-5\n"
    data = read(tmp_path / "t.csv", text)
    assert data.groups[0].points.temperature_k.size == 4
    assert "2 of 6 rows" in data.findings[0].text
    assert "line 6" in data.findings[0].text


@pytest.mark.parametrize("text", ["", "only a header\n", "T (K),sigma (S/cm)\n", "a\nb\nc\n"])
def test_what_is_no_table_is_refused(tmp_path, text):
    with pytest.raises(ReadError):
        read(tmp_path / "t.csv", text)


def test_groups_by_columns_together(tmp_path):
    rows = "".join(
        f"{name},{a:.2f},{b:.6g}\n" for name in ("A", "B") for a, b in zip(T, SIGMA, strict=True)
    )
    text = "sample,T (K),sigma (S/cm)\n" + rows
    data = read(tmp_path / "t.csv", text, group_by=("sample",))
    assert [g.name for g in data.groups] == ["A", "B"]
    ungrouped = read(tmp_path / "t.csv", text)
    assert "--group-by" in ungrouped.findings[0].text


def test_the_command_on_a_table(tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text(table("T (K),sigma (S/cm)", T, SIGMA), encoding="utf-8")
    out = tmp_path / "out"
    assert run(command, ["arrhenius", str(path), "--json", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["arrhenius"][0]["E_A_eV"] == pytest.approx(0.4, abs=1e-6)
    assert result["arrhenius"][0]["E_A_thermometer_eV"] is None
    assert (out / "arrhenius.csv").read_text(encoding="utf-8").startswith("name,form,E_A_eV")
    assert (out / "report.html").exists()
    one = tmp_path / "one.csv"
    one.write_text("T (K),sigma (S/cm)\n300,1e-5\n", encoding="utf-8")
    assert run(command, ["arrhenius", str(one)]) == 2
    assert run(command, ["arrhenius", str(tmp_path / "absent.csv")]) == 2


def test_literature_database(shared_data, capsys):
    path = shared_data / "cis" / "tables" / "LiIonDatabase.csv"
    assert run(command, ["arrhenius", str(path), "--group-by", "source,composition", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["groups"]) + len(result["without_line"]) == 527
    assert any("°C" in f["text"] for f in result["findings"])
    energies = [r["E_A_eV"] for r in result["arrhenius"] if r["form"] == "ln_sigma" and r["n"] > 2]
    # solid lithium conductors: most activation energies lie between 0.2 and 1 eV
    inside = np.mean([0.15 < e < 1.1 for e in energies])
    assert inside > 0.85
