"""Exports: read back by diffpy's parsers, by numpy and by ourselves, and what each file says about its normalization."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import run
from calibration.errors import InputError
from xtsred.atoms import Composition, form_factors, mean_square, square_mean
from xtsred.cli import command
from xtsred.export import EXPORTERS
from xtsred.export.result import Result, read_result
from xtsred.output import table_text
from xtsred.simulation.curves import read_table
from xtsred.transform_file import Choices, transform_file

SILICA = Composition.of({"Si": 1.0, "O": 2.0})
DENSITY, Q_MAX = 0.0663, 24.0
AG_KEV = 12.39841984 / 0.5594218  # K alpha 1, Hoelzer et al. 1997
AT, WIDTH, NUMBER = 1.61, 0.06, 4.0


def truth(r):
    """G(r) of one Gaussian shell: what the S(Q) below belongs to, and nothing else."""
    g = np.exp(-0.5 * ((r - AT) / WIDTH) ** 2) - np.exp(-0.5 * ((r + AT) / WIDTH) ** 2)
    return NUMBER / (AT * WIDTH * np.sqrt(2.0 * np.pi)) * g


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result folder in the form of `xtsred reduce`, with a known G(r)."""
    folder = tmp_path_factory.mktemp("result")
    q = np.round(np.arange(0.45, 24.6, 0.05), 10)
    f = NUMBER / AT * np.sin(q * AT) * np.exp(-0.5 * (q * WIDTH) ** 2)
    facts = {
        "definition": "Faber-Ziman S(Q) = [I_coh - (<f^2> - |<f>|^2)] / |<f>|^2, S -> 1 at large Q",
        "virtual": "yes: the scans are simulated, this is not a measurement",
        "sample": "a shell", "composition": "SiO2", "number density": f"{DENSITY} atoms/A^3", "mode": "xray",
        "normalization": "high-angle, K 40.0(1)", "qmin": "0.6", "qmax": f"{Q_MAX:g}", "window": "lorch window",
        "software": "xtsred 0.1.0", "input 1": "run.toml sha256 00",
    }  # fmt: skip
    (folder / "shell.sq").write_text(
        table_text("S(Q)", facts, [("Q", q), ("S", 1.0 + f / q), ("sigma", 0.01 + 0.0 * q)])
    )
    (folder / "run.toml").write_text('[radiation]\nanode = "Ag"\nlines = "Ka1+Ka2"\n')
    r = np.arange(1, 501) * 0.02
    rows = [("r", r), ("G", truth(r)), ("sigma", r), ("dG", r)]
    (folder / "shell.gr").write_text(table_text("G(r)", facts, rows))
    return folder


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return read_result(folder)


@pytest.fixture(scope="module")
def exported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "all"
    assert run(command, ["export", str(folder), "--to", "all", "--out", str(out)]) == 0
    return out


def test_the_result_is_cut_sharply_at_its_own_range(result: Result) -> None:
    assert (result.q[0], result.q[-1]) == (0.6, Q_MAX)
    peak = (result.r > 1.0) & (result.r < 2.2)
    # exp(-(Q_max s)^2/2) = 0.35 at 24 1/A: a sharp cut is seen, as it must be
    assert result.r[np.argmax(result.d)] == pytest.approx(AT, abs=0.021)
    area = np.trapezoid((result.r * result.d)[peak], result.r[peak])
    assert area == pytest.approx(NUMBER, rel=0.1)
    assert result.virtual


def test_pdfgetx3_files_are_read_by_diffpy_utils(exported: Path, result: Result) -> None:
    parsers = pytest.importorskip("diffpy.utils.parsers", reason="diffpy.utils is not installed")
    curves = {
        "gr": (result.r, result.d),
        "fq": (result.q, result.q * (result.s - 1.0)),
        "sq": (result.q, result.s),
    }
    for end, (x, y) in curves.items():
        file = exported / "pdfgetx3" / f"shell.{end}"
        data = parsers.load_data(file)
        assert data[:, 0] == pytest.approx(x, abs=1e-8)
        assert data[:, 1] == pytest.approx(y, rel=1e-7, abs=1e-9)
        head = parsers.load_data(file, headers=True)
        assert (head["mode"], head["outputtype"]) == ("xray", end)
        assert (head["qmin"], head["qmax"], head["rstep"]) == (0.6, Q_MAX, 0.02)
        assert head["composition"] == "Si0.333333O0.666667"


def test_pdfgetx3_files_are_read_by_diffpy_srfit(exported: Path, result: Result) -> None:
    pdf = pytest.importorskip("diffpy.srfit.pdf", reason="diffpy.srfit is not installed")
    parser = pdf.PDFParser()
    parser.parseFile(str(exported / "pdfgetx3" / "shell.gr"))
    r, g, _, _ = parser.getData()
    assert r == pytest.approx(result.r)
    assert g == pytest.approx(result.d, rel=1e-7, abs=1e-9)
    meta = parser.getMetaData()
    assert (meta["stype"], meta["qmin"], meta["qmax"]) == ("X", 0.6, Q_MAX)
    assert "temperature" not in meta
    assert "doping" not in meta


@pytest.mark.parametrize(("end", "name"), [("gr", "G"), ("fq", "F"), ("sq", "S")])
def test_pdfgetx3_files_are_known_to_transform(exported: Path, end: str, name: str) -> None:
    target = {"G": "G", "F": "S", "S": "S"}[name]
    done = transform_file(
        exported / "pdfgetx3" / f"shell.{end}", Choices(source=None, target=target)
    )
    assert done.source.name == name
    assert "outputtype" in " ".join(f.text for f in done.findings)


def test_gudruns_own_files_keep_their_uncertainties(shared_data: Path) -> None:
    file = shared_data / "xrd" / "silica_ag_rod" / "gudrunx.int01"
    done = transform_file(file, Choices(source="i", target="S"))
    assert [name for name, _ in done.columns] == ["Q", "S", "sigma"]
    assert done.columns[2][1][0] == pytest.approx(0.3638335e-3)


@pytest.mark.parametrize("end", ["int01", "mint01"])
def test_gudrun_files_have_left_edges(exported: Path, result: Result, end: str) -> None:
    file = exported / "gudrun" / f"shell.{end}"
    data = np.loadtxt(file)
    assert data[:, 0] + 0.025 == pytest.approx(result.q)
    assert data[:, 1] == pytest.approx(result.s - 1.0, rel=1e-6, abs=1e-9)
    assert data[:, 2] == pytest.approx(result.sigma)
    lines = file.read_text(encoding="ascii").splitlines()
    assert all(line.startswith("#") for line in lines[:14])
    assert not lines[14].startswith("#")
    assert lines[2].split() == ["#", "1", str(result.q.size)]
    assert lines[3].split() == ["#", "10"]
    head = "\n".join(lines[:14])
    for said in (
        "divided by |<f>|^2",
        "LEFT EDGE",
        "VIRTUAL",
        "SiO2",
        "standard uncertainty",
        "22.1629 keV",
    ):
        assert said in head
    ours = read_table(file)
    assert ours.values[:, 1] == pytest.approx(data[:, 1])


def test_a_gudrun_file_has_the_layout_of_gudruns_own(exported: Path, shared_data: Path) -> None:
    theirs = (shared_data / "xrd" / "silica_ag_rod" / "gudrunx.int01").read_text().splitlines()
    ours = (exported / "gudrun" / "shell.int01").read_text().splitlines()
    for mine, other in ((ours[2], theirs[2]), (ours[3], theirs[3])):
        assert re.sub(r"\d", "0", mine).split()[0] == re.sub(r"\d", "0", other).split()[0]
        assert mine.split()[1] == other.split()[1]
    assert [line.startswith("#") for line in ours[:16]] == [t.startswith("#") for t in theirs[:16]]
    assert len(ours[14].split()) == len(theirs[14].split()) == 3


def test_epsr_files_state_and_have_their_normalization(exported: Path, result: Result) -> None:
    f = form_factors(SILICA, result.q, energy_kev=AG_KEV)
    by = {
        "sqav": (1.0, "SquareOfAverage"),
        "avsq": (square_mean(SILICA, f) / mean_square(SILICA, f), "AverageOfSquares"),
        "abs": (square_mean(SILICA, f), "None"),
    }
    for end, (factor, keyword) in by.items():
        plain = exported / "epsr" / f"shell_{end}.dat"
        data = np.loadtxt(plain)
        assert data[:, 0] == pytest.approx(result.q)
        assert data[:, 1] == pytest.approx(factor * (result.s - 1.0), rel=2e-5, abs=1e-7)
        assert data[:, 2] == pytest.approx(factor * result.sigma, rel=2e-5)
        mint = exported / "epsr" / f"shell_{end}.mint01"
        assert np.loadtxt(mint)[:, 1] == pytest.approx(data[:, 1], rel=1e-6, abs=1e-7)
        for file in (plain, mint):
            head = "".join(t for t in file.read_text().splitlines(True) if t.startswith("#"))
            assert f"ReferenceNormalisedTo {keyword}" in head
            assert "X-rays" in head
    how = (exported / "epsr" / "how_to_use.txt").read_text()
    assert "use ONE of them" in how


def test_rmcprofile_files_are_two_lines_and_rows(exported: Path, result: Result) -> None:
    folder = exported / "rmcprofile"
    f = form_factors(SILICA, result.q, energy_kev=AG_KEV)
    r = result.r[1:]
    expected = {
        "fq": (result.q, result.s - 1.0, "<f>^2"),
        "fq_f2": (result.q, (result.s - 1.0) * square_mean(SILICA, f) / mean_square(SILICA, f), "<f^2>"),
        "dr": (r, result.d[1:], "D(r)/<f>^2"),
        "gr": (r, result.d[1:] / (4.0 * np.pi * DENSITY * r), "g(r)-1"),
    }  # fmt: skip
    for end, (x, y, said) in expected.items():
        file = folder / f"shell_{end}.dat"
        lines = file.read_text(encoding="ascii").splitlines()
        assert int(lines[0]) == len(lines) - 2 == x.size
        assert said in lines[1]
        assert "VIRTUAL" in lines[1]
        data = np.loadtxt(file, skiprows=2)
        assert data[:, 0] == pytest.approx(x, abs=1e-6)
        assert data[:, 1] == pytest.approx(y, rel=2e-5, abs=1e-8)
        assert read_table(file).values.shape == data.shape
    control = (folder / "shell_control.txt").read_text()
    assert "FILENAME :: shell_fq.dat" in control
    assert "NORMALIZATION_TYPE :: <f>^2" in control


def test_only_what_was_asked_for_and_nothing_replaced(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["export", str(folder), "--to", "gudrun", "--out", str(out)]
    assert run(command, [*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"] == ["gudrun/shell.int01", "gudrun/shell.mint01"]
    assert said["virtual"] is True
    assert {p.name for p in out.iterdir()} == {"gudrun", "result.json"}
    assert run(command, arguments) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(command, [*arguments, "--overwrite"]) == 0


def test_the_choice_is_the_registry() -> None:
    from xtsred.cli.export import export

    choice = next(p for p in export.params if p.name == "formats")
    assert set(choice.type.to_info_dict()["choices"]) == {*EXPORTERS, "all"}
    assert all(m.SUMMARY and m.__doc__ and "Source" in m.__doc__ for m in EXPORTERS.values())


def test_a_real_result_is_one(tmp_path: Path) -> None:
    demo, out = tmp_path / "demo", tmp_path / "out"
    assert run(command, ["demo", "--out", str(demo)]) == 0
    assert run(command, ["export", str(demo), "--to", "all", "--out", str(out)]) == 0
    gr = next((out / "pdfgetx3").glob("*.gr"))
    assert "VIRTUAL" in gr.read_text(encoding="utf-8")
    data = np.loadtxt(gr, skiprows=gr.read_text(encoding="utf-8").split("#L ")[0].count("\n") + 1)
    # Si-S, the first distance of the glass that ships with the package
    near = (data[:, 0] > 1.8) & (data[:, 0] < 2.5)
    assert data[near][np.argmax(data[near, 1]), 0] == pytest.approx(2.13, abs=0.03)


def test_what_is_no_result_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        read_result(tmp_path / "none")
    with pytest.raises(InputError, match=r"has 0 \.sq files"):
        read_result(tmp_path)
    (tmp_path / "a.sq").write_text((folder / "shell.sq").read_text())
    with pytest.raises(InputError, match=r"a\.gr is missing"):
        read_result(tmp_path)
    (tmp_path / "a.gr").write_text((folder / "shell.gr").read_text())
    with pytest.raises(InputError, match="project file of the result"):
        read_result(tmp_path)
    (tmp_path / "run.toml").write_text("[radiation]\n")
    with pytest.raises(InputError):
        read_result(tmp_path)
    (tmp_path / "run.toml").write_text((folder / "run.toml").read_text())
    read_result(tmp_path)
    text = (folder / "shell.sq").read_text()
    (tmp_path / "a.sq").write_text(text.replace("# qmax = 24\n", ""))
    with pytest.raises(InputError, match="does not say qmax"):
        read_result(tmp_path)
    (tmp_path / "a.sq").write_text(text.replace("#L Q  S", "#L Q  X"))
    with pytest.raises(InputError, match="column S is missing"):
        read_result(tmp_path)
    (tmp_path / "b.sq").write_text(text)
    with pytest.raises(InputError, match=r"has 2 \.sq files"):
        read_result(tmp_path)
