"""The commands around the fit: what they write, what they refuse, what they return."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from calibration.commandline import run
from calibration.report import RenderedFigure
from cis.cli import command
from cis.demo import DEMO_FOLDER
from tests.cis.conftest import PROJECT, write_series

QUICK = ("--set", "model.series=separate")


def cis(*arguments: object) -> int:
    return run(command, [str(a) for a in arguments])


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Figures are made but not drawn: seconds saved where a test asks for something else."""

    def render(figure: object, *, name: str, title: str, caption: str) -> RenderedFigure:
        return RenderedFigure(name=name, title=title, caption=caption, svg=b"<svg/>", png=b"")

    monkeypatch.setattr("cis.figures.render", render)
    monkeypatch.setattr("cis.view_figures.render", render)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A result folder of a small virtual series."""
    folder = tmp_path_factory.mktemp("series")
    write_series(folder, (5.0, 20.0, 35.0, 50.0, 65.0))
    (folder / "run.toml").write_text(PROJECT, encoding="utf-8")
    assert cis("analyze", folder / "run.toml", "--out", folder / "out") == 0
    return folder / "out"


def test_a_result_folder_is_whole(written):
    names = {p.name for p in written.iterdir()}
    assert {
        "conductivity.csv",
        "fits.csv",
        "arrhenius.csv",
        "result.json",
        "report.html",
        "figures",
        "run.toml",
    } <= names
    figures = {p.stem for p in (written / "figures").iterdir()}
    assert {
        "nyquist",
        "residuals",
        "kramers_kronig",
        "bode",
        "modulus",
        "parameters",
        "arrhenius",
        "jonscher",
        "relaxation_times",
    } <= figures
    html = (written / "report.html").read_text(encoding="utf-8")
    assert "VIRTUAL DATA" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    result = json.loads((written / "result.json").read_text(encoding="utf-8"))
    assert len(result["conductivity"]) == 5
    assert {r["form"] for r in result["arrhenius"]} == {"ln_sigma", "ln_sigma_T"}
    assert [Path(i["path"]).name for i in result["provenance"]["inputs"]] == [
        "run.toml",
        "series.csv",
    ]


def test_the_resolved_project_runs_again_and_gives_the_same(written, tmp_path, undrawn):
    assert cis("analyze", written / "run.toml", "--out", tmp_path / "again") == 0
    for name in ("conductivity.csv", "arrhenius.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (written / name).read_bytes()


def test_arrhenius_of_our_own_table_agrees(written, capsys):
    assert cis("arrhenius", written / "conductivity.csv", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["arrhenius"]
    first = (written / "arrhenius.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    assert rows[0]["name"] == "virtual"
    assert rows[0]["E_A_eV"] == pytest.approx(float(first[2]), abs=1e-6)
    assert rows[0]["E_A_stat_eV"] == pytest.approx(float(first[3]), rel=1e-3)
    assert rows[0]["E_A_thermometer_eV"] == pytest.approx(float(first[4]), rel=1e-3)
    assert rows[0]["sigma_298K_sigma_S_per_cm"] == pytest.approx(float(first[8]), rel=1e-3)


def test_json_and_set_are_recorded(project, tmp_path, capsys, undrawn):
    setting = "temperature.sigma_K=0.3"
    assert cis("analyze", project, "--out", tmp_path / "o", "--json", *QUICK, "--set", setting) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["conductivity"][0]["temperature_sigma_K"] == 0.3
    assert "--set temperature.sigma_K=0.3" in (tmp_path / "o" / "run.toml").read_text()


def test_an_existing_folder_is_not_touched(project, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    assert cis("analyze", project, "--out", out, *QUICK) == 2
    assert "exists already" in capsys.readouterr().err
    assert cis("analyze", project, "--out", out, "--overwrite", *QUICK) == 2
    assert (out / "mine.txt").read_text() == "precious"


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() == 0, reason="root may write everywhere")
def test_an_unwritable_place_is_said(project, tmp_path, capsys):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o500)
    assert cis("analyze", project, "--out", locked / "out", *QUICK) == 2
    assert "cannot be created" in capsys.readouterr().err


def test_a_file_in_the_way_is_said(project, tmp_path, capsys):
    (tmp_path / "wall").write_text("x")
    assert cis("analyze", project, "--out", tmp_path / "wall" / "out", *QUICK) == 2
    assert "cannot be created" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"series.csv"', '"nowhere.csv"', "does not exist"),
        ('"series.csv"', '"none*.csv"', "matches no file"),
        ("{ value = 0.753, sigma = 0.004 }", "-0.753", "sample.thickness_mm: must be > 0"),
        ("[model]", "[modell]", 'did you mean "model"'),
        ('"bulk-blocking"', '"p(R0,CPE0"', "p(R0,CPE0"),
        ("sigma_K", "sigma_k", 'did you mean "sigma_K"'),
    ],
)
def test_bad_projects_are_refused_with_the_reason(project, tmp_path, capsys, old, new, expected):
    text = project.read_text(encoding="utf-8")
    assert old in text
    project.write_text(text.replace(old, new), encoding="utf-8")
    assert cis("analyze", project, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert expected in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_no_temperature_is_asked_for(tmp_path, capsys):
    table = "frequency (Hz),Z' (Ohm),Z'' (Ohm)\n"
    table += "".join(f"{10 ** (k / 4)},{1000 + k},{-10 - k}\n" for k in range(20, 0, -1))
    (tmp_path / "series.csv").write_text(table, encoding="utf-8")
    (tmp_path / "run.toml").write_text(PROJECT, encoding="utf-8")
    assert cis("analyze", tmp_path / "run.toml", "--out", tmp_path / "out") == 2
    assert "temperature_from_name" in capsys.readouterr().err


def test_one_project_failing_does_not_stop_the_others(project, tmp_path, capsys, undrawn):
    broken = tmp_path / "broken.toml"
    broken.write_text("[sample]\nname = 3\n", encoding="utf-8")
    assert cis("analyze", broken, project, "--out", tmp_path / "out", *QUICK) == 3
    captured = capsys.readouterr()
    assert "broken.toml" in captured.err
    assert (tmp_path / "out" / "run" / "report.html").exists()
    assert not (tmp_path / "out" / "broken").exists()
    assert cis("analyze", broken, tmp_path / "absent.toml", "--out", tmp_path / "out") == 2


def test_interruption_leaves_nothing(project, tmp_path, monkeypatch, capsys, undrawn):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cis.output.write_tables", interrupted)
    assert cis("analyze", project, "--out", tmp_path / "out", *QUICK) == 130
    assert not [p for p in tmp_path.iterdir() if "out" in p.name]


def test_fit_of_files_without_a_project(project, tmp_path, capsys, undrawn):
    files = [project.parent / "series.csv", tmp_path / "broken.csv"]
    files[1].write_text("nothing here\n", encoding="utf-8")
    size = ("--diameter-mm", "10", "--thickness-mm", "0.753")
    assert cis("fit", files[0], *size, "--circuit", "bulk-blocking", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["fits"]
    assert len(rows) == 5
    assert rows[0]["sigma_S_per_cm"] == pytest.approx(
        0.0753 / 0.785398 / rows[0]["R_ohm"], rel=1e-4
    )
    assert cis("fit", *files, "--circuit", "bulk-blocking", "--out", tmp_path / "fit") == 3
    assert "broken.csv" in capsys.readouterr().err
    assert {"fits.csv", "report.html", "result.json"} <= {
        p.name for p in (tmp_path / "fit").iterdir()
    }
    assert cis("fit", files[1]) == 2
    assert cis("fit", files[0], "--diameter-mm", "10") == 2
    assert "half given" in capsys.readouterr().err
    assert cis("fit", files[0], "--circuit", "p(R0") == 2


def test_fit_of_many_on_processes_agrees_with_one_by_one():
    from cis.cli.fit import fit_many
    from cis.fit import fit_spectrum
    from cis.io import read_spectra

    spectra = list(read_spectra(DEMO_FOLDER / "NS.csv")) * 2
    many = fit_many(spectra, circuit="bulk-blocking", plates=None)
    for spectrum, fit in zip(spectra[:3], many, strict=False):
        alone = fit_spectrum(spectrum, circuit="bulk-blocking")
        assert fit.resistance_ohm == alone.resistance_ohm
    assert len(many) == 16


def test_init_writes_a_project_that_asks_for_what_it_lacks(project, tmp_path, capsys, undrawn):
    out = tmp_path / "new" / "begun.toml"
    out.parent.mkdir()
    assert cis("init", project.parent / "series.csv", "--out", out) == 0
    text = out.read_text(encoding="utf-8")
    assert 'files = "../series.csv"  # 5 spectra' in text
    assert cis("analyze", out, "--out", tmp_path / "o") == 2
    error = capsys.readouterr().err
    assert "thickness_mm: missing" in error
    assert "diameter_mm or area_mm2" in error
    filled = text.replace("# FILL IN: ", "")
    out.write_text(filled, encoding="utf-8")
    assert cis("analyze", out, "--out", tmp_path / "o", *QUICK) == 0
    assert cis("init", project.parent / "series.csv", "--out", out) == 2
    assert out.read_text(encoding="utf-8") == filled


def test_demo_says_how_far_off_it_is(tmp_path, capsys, undrawn):
    assert cis("demo", "--json", "--out", tmp_path / "demo") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["virtual"] is True
    assert [r["name"] for r in result["recovered"]] == ["NS", "N5S3", "N2S"]
    for row in result["recovered"]:
        assert abs(row["activation_pull"]) < 3.0
        assert abs(row["room_pull"]) < 3.0
        assert abs(row["room_off_percent"]) < 3.0
    report = (tmp_path / "demo" / "N2S" / "report.html").read_text(encoding="utf-8")
    assert "VIRTUAL" in report
    table = (tmp_path / "demo" / "N2S" / "conductivity.csv").read_text(encoding="utf-8")
    kinds = [line.split(",")[10] for line in table.splitlines()[1:]]
    # the top of the arc, sigma/(2 pi eps0 eps_r), passes 10 MHz at 5.6e-5 S/cm, near 313 K
    assert kinds[:3] == ["arc"] * 3
    assert "arc" not in kinds[-3:]


@pytest.mark.parametrize("name", ["analyze", "fit", "arrhenius", "init", "demo"])
def test_help_answers_without_numpy(name):
    code = (
        "import sys; from calibration.commandline import run; from cis.cli import command; "
        f"run(command, ['{name}', '--help']); sys.exit('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout
