"""`xtsred transform`: headers, uncertainties that are known or not, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import run
from xtsred.cli import command
from xtsred.fourier import Window, pair_distribution
from xtsred.output import table_text
from xtsred.simulation.curves import read_table
from xtsred.simulation.headings import facts
from xtsred.stages import StructureFactor

Q = np.arange(0.6, 15.01, 0.05)
F = 2.0 * np.sin(1.61 * Q) * np.exp(-0.005 * Q**2)
SIGMA = 0.01 + 0.001 * Q


def table(path: Path, columns, **header: str) -> Path:
    path.write_text(table_text(path.stem, header, list(columns.items())), encoding="utf-8")
    return path


@pytest.fixture
def sq(tmp_path: Path) -> Path:
    return table(tmp_path / "a.dat", {"Q": Q, "S": 1.0 + F / Q, "sigma": SIGMA})


def transformed(*arguments: object, capsys: pytest.CaptureFixture[str]):
    assert run(command, ["transform", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(*arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(command, ["transform", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return said.err


def test_a_file_says_what_it_is(sq: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "b.gr"
    arguments = ["--from", "S", "--to", "T", "--density", "0.0663", "--density-sigma", "0.0005"]
    arguments += ["--composition", "SiO2", "--window", "lorch", "--out", str(out)]
    assert run(command, ["transform", str(sq), *arguments]) == 0
    said = facts(read_table(out).comments)
    assert said["function"] == "T"
    assert said["definition"].startswith("T(r) = 4 pi rho0 r g(r)")
    assert said["units"] == "r A, T 1/A^2"
    assert said["window"] == "lorch window, Q_max = 15 Å^-1"
    assert said["extrapolation below qmin"].startswith("S = a + b Q^2")
    assert said["number density"] == "0.0663 +- 0.0005 atoms/A^3"
    assert said["made from"].startswith("a.dat, S: Faber-Ziman")
    assert "sha256" in said["from file"]
    assert read_table(out).names == ("r", "T", "sigma", "sigma_density")
    assert "sampling" in said
    # and its own header is enough for the next step
    capsys.readouterr()
    back = transformed(out, "--to", "g", capsys=capsys)
    assert (back["from"], back["to"]) == ("T", "g")


@pytest.mark.parametrize("steep", [False, True])
def test_a_reduced_file_gives_the_same_g_of_r(tmp_path: Path, capsys, steep: bool) -> None:
    # steep: the parabola of the first bins would be negative at Q = 0, and the reduction takes another way
    s = np.where(Q < 1.5, 0.02 + (Q - 0.6), 1.0 + F / Q) if steep else 1.0 + F / Q
    structure = StructureFactor(q=Q, s=s, sigma=SIGMA)
    r = np.arange(1, 501) * 0.02
    window = Window(name="lorch", q_max=14.0)
    q_used = Q <= 14.0 + 1e-9
    cut = StructureFactor(q=Q[q_used], s=structure.s[q_used], sigma=SIGMA[q_used])
    pair = pair_distribution(
        cut, r, window=window, number_density_per_a3=0.05, extrapolation="parabola"
    )
    header = {
        "definition": "Faber-Ziman S(Q) = ...", "software": "xtsred 0.1.0", "normalization": "high-angle",
        "input 1": "run.toml", "qmin": "0.6", "qmax": "14", "number density": "0.05 atoms/A^3", "mode": "xray",
    }  # fmt: skip
    path = table(tmp_path / "a.sq", {"Q": Q, "S": structure.s, "sigma": SIGMA}, **header)
    done = transformed(path, "--to", "G", "--window", "lorch", "--max", "10", capsys=capsys)
    assert done["columns"]["G"] == pytest.approx(pair.d, abs=1e-6)
    assert done["columns"]["sigma"] == pytest.approx(pair.d_sigma, rel=1e-6)
    assert done["facts"]["mode"] == "xray"
    assert done["facts"]["extrapolation below qmin"] == pair.extrapolation
    assert ("rising as Q^2 from 0" in pair.extrapolation) is steep
    texts = " ".join(f["text"] for f in done["findings"])
    assert "means over their bins" in texts
    assert "Q from 0.6 to 14 Å^-1" in texts


def test_unknown_uncertainty_stays_unknown(tmp_path: Path, capsys) -> None:
    path = table(tmp_path / "a.dat", {"Q": Q, "S": 1.0 + F / Q})
    done = transformed(path, "--from", "S", "--to", "F", capsys=capsys)
    assert list(done["columns"]) == ["Q", "F"]
    assert done["facts"]["sigma"] == "unknown: the input has none"
    assert done["columns"]["F"] == pytest.approx(F, abs=1e-7)


def test_columns_without_names_are_said_and_may_be_chosen(tmp_path: Path, capsys) -> None:
    path = tmp_path / "a.dat"
    np.savetxt(path, np.column_stack([Q, 1.0 + F / Q, SIGMA, 2.0 + F / Q]))
    done = transformed(path, "--to", "i", capsys=capsys)
    texts = " ".join(f["text"] for f in done["findings"])
    assert "third is taken as the standard uncertainty" in texts
    assert "is taken as S: it tends to" in texts
    named = table(tmp_path / "c.gofr", {"r": Q, "g": F, "sigma": Q, "T": 2.0 * Q, "sigma_T": SIGMA},
                  definition="g(r) = 1 + G(r)/(4 pi rho0 r)")  # fmt: skip
    assert "what the chosen column holds is not stated" in refused(
        named, "--to", "R", "--columns", "y=4", capsys=capsys
    )
    t = transformed(
        named,
        "--from",
        "T",
        "--to",
        "R",
        "--columns",
        "y=4,sigma=5",
        "--density",
        "0.05",
        capsys=capsys,
    )
    assert t["columns"]["R"] == pytest.approx(2.0 * Q**2)
    assert t["columns"]["sigma"] == pytest.approx(Q * SIGMA)
    chosen = ("--columns", "x=1,y=4", "--from", "S")
    done = transformed(path, "--to", "i", *chosen, capsys=capsys)
    assert done["columns"]["i"] == pytest.approx(1.0 + F / Q)
    assert "sigma" not in done["columns"]
    assert "columns 1 to 4" in refused(
        path, "--from", "S", "--to", "i", "--columns", "y=7", capsys=capsys
    )


def test_absolute_neutron_data_of_silica(shared_data: Path, capsys) -> None:
    # the file's own scale: S = 1 + F/<b>^2 with <b>^2 = 0.2758 barn (README of the data)
    file = shared_data / "md" / "silica" / "SiO2_NIMROD.mint01"
    silica = ("--composition", "SiO2", "--weights", "neutron")
    done = transformed(file, "--from", "F_keen", "--to", "S", *silica, capsys=capsys)
    raw = np.loadtxt(file)
    at = np.isin(raw[:, 0], done["columns"]["Q"])
    assert np.count_nonzero(at) == len(done["columns"]["Q"]) > 900
    assert done["columns"]["S"] == pytest.approx(1.0 + raw[at, 1] / 0.2758, abs=1e-3)
    assert done["facts"]["mode"] == "neutron"
    grid = (
        "--window", "lorch", "--q-range", "0.1", "30", "--density", "0.0663", "--max", "6", "--extrapolation", "constant",
    )  # fmt: skip
    g = transformed(file, "--from", "barn", "--to", "g", *silica, *grid, capsys=capsys)
    r, values = np.array(g["columns"]["r"]), np.array(g["columns"]["g"])
    assert r[np.argmax(values)] == pytest.approx(1.61, abs=0.021)


def test_partials_between_formalisms_and_summed(tmp_path: Path, capsys) -> None:
    columns = {"Q": Q, "Si-Si": 1 + F / Q, "Si-O": 1 - F / Q, "O-O": 1 + 0.5 * F / Q}
    path = table(tmp_path / "p.dat", columns, definition="a-b: Faber-Ziman S_ab(Q), each -> 1")
    al = transformed(path, "--to", "S_AL", "--composition", "SiO2", capsys=capsys)
    assert al["columns"]["Si-O"] == pytest.approx(-np.sqrt(2.0) / 3.0 * F / Q, abs=1e-6)
    assert al["columns"]["O-O"] == pytest.approx(1.0 + 2.0 / 3.0 * 0.5 * F / Q, abs=1e-6)
    total = transformed(
        path, "--to", "S", "--total", "--composition", "SiO2", "--weights", "Z", capsys=capsys
    )
    w = np.array([14.0 / 3.0, 16.0 / 3.0]) / 10.0
    expected = 1.0 + (w[0] ** 2 - 2.0 * w[0] * w[1] + 0.5 * w[1] ** 2) * F / Q
    assert total["columns"]["S"] == pytest.approx(expected, abs=1e-6)
    for arguments, text in (
        (("--to", "S_AL"), "need the composition"),
        (("--to", "F_keen", "--composition", "SiO2", "--weights", "neutron"), "are of a total"),
        (("--to", "S_AL", "--composition", "SiS2"), "has O, which the composition has not"),
        (("--to", "S", "--total"), "needs composition and radiation"),
        (("--to", "S", "--total", "--composition", "NaSiO2", "--weights", "Z"), "not complete"),
    ):
        assert text in refused(path, *arguments, capsys=capsys)


def test_partials_in_r_have_no_xray_total(tmp_path: Path, capsys) -> None:
    r = np.arange(0.05, 10.0, 0.05)
    g = np.where(r < 1.5, 0.0, 1.0 + np.exp(-((r - 1.8) ** 2) / 0.1))
    path = table(tmp_path / "p.dat", {"r": r, "Si-Si": g, "Si-O": g, "O-O": g})
    common = ("--from", "g", "--to", "g", "--total", "--composition", "SiO2")
    assert "no X-ray total" in refused(path, *common, "--weights", "xray", capsys=capsys)
    done = transformed(path, *common, "--weights", "neutron", capsys=capsys)
    assert done["columns"]["r"] == pytest.approx(r)  # zeros below the first distance are results
    assert done["columns"]["g"] == pytest.approx(g)


def test_what_comes_back_of_a_windowed_g_is_said(sq: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "b.gr"
    forth = ["--from", "S", "--to", "G", "--window", "lorch", "--max", "30", "--out", str(out)]
    assert run(command, ["transform", str(sq), *forth]) == 0
    capsys.readouterr()
    back = transformed(out, "--to", "F", "--max", "14", capsys=capsys)
    warning = next(f for f in back["findings"] if f["severity"] == "warning")
    assert "times that window" in warning["text"]
    assert "sigma" not in back["columns"]
    q = np.array(back["columns"]["Q"])
    inside = (q > 2.0) & (q < 12.0)
    windowed = np.interp(q, Q, F) * np.sinc(q / 15.0)
    assert np.array(back["columns"]["F"])[inside] == pytest.approx(windowed[inside], abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--from", "S", "--to", "G"), "window of the transform"),
        (("--from", "S", "--to", "g", "--window", "lorch"), "number density is not stated"),
        (("--from", "S", "--to", "s"), "capitals matter"),
        (("--from", "G", "--to", "g"), "the file holds S"),
        (("--from", "S", "--to", "i", "--window", "lorch"), "--window does nothing"),
        (("--from", "S", "--to", "i", "--max", "9"), "--max and --step does nothing"),
        (("--from", "S", "--to", "i", "--total"), "--total does nothing"),
        (("--from", "S", "--to", "G", "--window", "hann"), "no window 'hann'"),
        (("--from", "S", "--to", "G", "--window", "soper-barney"), "needs its width"),
        (("--from", "S", "--to", "G", "--window", "lorch", "--max", "99"), "carries it to 62.83"),
        (("--from", "S", "--to", "G", "--window", "none", "--q-range", "30", "40"), "fewer than three"),
        (("--from", "S", "--to", "G", "--window", "none", "--q-range", "4", "2"), "is no range"),
        (("--from", "S", "--to", "F_keen", "--weights", "xray"), "scattering factors"),
        (("--from", "S", "--to", "F_keen", "--length", "O=5.8"), "--length is of --weights neutron"),
        (("--from", "S", "--to", "i", "--density", "7"), "is no number density"),
        (("--from", "S", "--to", "i", "--density-sigma", "0.01"), "without --density"),
        (("--from", "S", "--to", "i", "--columns", "z=1"), "is no column"),
        (
            ("--from", "S", "--to", "G_keen", "--window", "lorch", "--weights", "xray",
             "--composition", "SiO2", "--density", "0.06"),
            "does not exist for X-rays",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(sq: Path, capsys, arguments, text) -> None:
    text_of_file = sq.read_text(encoding="utf-8").replace("# a\n", "# a\n# function = S\n")
    sq.write_text(text_of_file, encoding="utf-8")
    assert text in refused(sq, *arguments, capsys=capsys)


def test_files_are_not_replaced_unasked(sq: Path, tmp_path: Path, capsys) -> None:
    common = ("--from", "S", "--to", "i")
    assert "exists already" in refused(sq, *common, "--out", _put(tmp_path / "x"), capsys=capsys)
    assert "output is the input" in refused(sq, *common, "--out", sq, capsys=capsys)
    assert "is a folder" in refused(sq, *common, "--out", tmp_path, capsys=capsys)
    assert "cannot be read" in refused(tmp_path / "none", *common, capsys=capsys)


def _put(path: Path) -> Path:
    path.write_text("mine", encoding="utf-8")
    return path


def test_d_has_two_meanings(sq: Path, capsys) -> None:
    done = transformed(sq, "--from", "S", "--to", "D", "--window", "lorch", capsys=capsys)
    assert done["to"] == "G"
    assert any("D_keen" in f["text"] for f in done["findings"])


def test_xray_intensity_carries_the_form_factors(sq: Path, capsys) -> None:
    from xtsred.atoms import Composition, form_factors, mean_square, square_mean

    silica = Composition.of({"Si": 1.0, "O": 2.0})
    options = ("--composition", "SiO2", "--weights", "xray", "--energy-kev", "22.1")
    done = transformed(sq, "--from", "S", "--to", "I", *options, capsys=capsys)
    q = np.array(done["columns"]["Q"])
    f = form_factors(silica, q, energy_kev=22.1)
    expected = square_mean(silica, f) * F / Q + mean_square(silica, f)
    assert done["columns"]["I"] == pytest.approx(expected, rel=1e-6)
    assert done["facts"]["units"] == "Q 1/A, I e.u./atom"


def test_a_curve_that_is_another_function_is_said(tmp_path: Path, capsys) -> None:
    path = table(tmp_path / "a.dat", {"Q": Q, "y": F / Q})
    done = transformed(path, "--from", "S", "--to", "i", capsys=capsys)
    problem = next(f for f in done["findings"] if f["severity"] == "problem")
    assert "ends at S = -0.0" in problem["text"] or "ends at S = 0.0" in problem["text"]
    fine = transformed(path, "--from", "i", "--to", "S", capsys=capsys)
    assert all(f["severity"] != "problem" for f in fine["findings"])


def test_nanometres_are_refused(tmp_path: Path, capsys) -> None:
    a = table(tmp_path / "a.dat", {"Q(1/nm)": 10.0 * Q, "S": 1.0 + F / Q})
    assert "not in Å^-1" in refused(a, "--from", "S", "--to", "i", capsys=capsys)
    b = tmp_path / "b.dat"
    b.write_text("r (nm), g\n0.1, 1\n0.2, 1\n0.3, 1\n", encoding="utf-8")
    assert "r is not in Å" in refused(b, "--from", "g", "--to", "g", capsys=capsys)


def test_a_total_of_another_radiation_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from calibration.commandline import run
    from xtsred.cli import command

    rows = "\n".join(f"{0.5 + 0.05 * i:.3f} 1.0 0.01" for i in range(200))
    path = tmp_path / "x.sq"
    path.write_text(f"# S(Q)\n# mode = xray\n#### start data\n#L Q  S  sigma\n{rows}\n")
    arguments = ["transform", str(path), "--from", "S", "--to", "i", "--composition", "SiO2"]
    assert run(command, [*arguments, "--weights", "neutron", "--out", str(tmp_path / "i.dat")]) == 2
    assert "header says xray" in capsys.readouterr().err
    assert not (tmp_path / "i.dat").exists()
