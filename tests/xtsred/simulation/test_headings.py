"""Curves of r are not taken as S(Q), and what a header says is used: sample, definition."""

import json

import numpy as np
import pytest

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, run
from calibration.errors import InputError, ReadError
from xtsred.cli import command
from xtsred.output import table_text
from xtsred.simulation.curves import read_table, structure_factor
from xtsred.simulation.rdf import read_rdf

from .conftest import write_xyz

R = (np.arange(1000) + 0.5) * 0.02
G = np.where(R < 2.9, 0.0, 1.0 + 1.8 * np.exp(-0.4 * (R - 2.9)) * np.sin(1.9 * (R - 2.9)))
Q = np.arange(0.1, 20.0, 0.05)
S = 1.0 - 0.97 * np.exp(-0.5 * Q**2) + 0.5 * np.sin(1.6 * Q) * np.exp(-0.12 * Q) * (1 - np.exp(-(Q**2)))  # fmt: skip


def call(capsys, *arguments):
    status = run(command, [str(a) for a in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def write(path, head, *columns):
    rows = "\n".join(" ".join(f"{x:.9g}" for x in row) for row in zip(*columns, strict=True))
    path.write_text(head + rows + "\n")
    return path


# no zeros at its beginning: the heading alone must tell
NOISY = G + 0.02
HEADS = [
    ("r g\n", NOISY),
    ("r_A g\n", NOISY),
    ("r_A,g\n", NOISY),
    ("# r (Å)  g(r)\n", NOISY),
    ("r (Å)\tg\n", NOISY),
    ("# r g\n# simulated at 85 K\n", NOISY),
    ("# r[A] g_Ar-Ar\n", NOISY),
    ("r Ar-Ar\n", NOISY),
    ("# g(r)\n", NOISY),
    ("#L r($\\AA$)  g\n", NOISY),
    ("", G),
    ("# made by hand\n", G),
]


@pytest.mark.parametrize(("head", "g"), HEADS)
def test_a_curve_of_r_is_no_measured_structure_factor(tmp_path, head, g):
    table = read_table(write(tmp_path / "a.dat", head, R, g))
    with pytest.raises(InputError, match=r"holds a g\(r\), not S\(Q\)"):
        structure_factor(table, meaning=None)


@pytest.mark.parametrize("head", ["# G(r)\n#L r  G\n", "r_A G\n", "# T(r)\n", "r Si-O O-O\n"])
def test_other_functions_of_r_are_refused_too(tmp_path, head):
    columns = [R, NOISY, NOISY] if "O-O" in head else [R, NOISY]
    table = read_table(write(tmp_path / "a.dat", head, *columns))
    with pytest.raises(InputError, match="not a total"):
        structure_factor(table, meaning=None)


def test_a_structure_factor_that_mentions_r_is_one(tmp_path):
    head = "# S(Q) from which g(r) was made\n# Q S\n"
    curve = structure_factor(read_table(write(tmp_path / "a.dat", head, Q, S)), meaning=None)
    assert curve.meaning == "S"
    head = "# R = 1.5 mm\n# radius of the rod is not that of the beam\n# r: not g(r) but the rod\n"
    curve = structure_factor(read_table(write(tmp_path / "c.dat", head, Q, S)), meaning=None)
    assert curve.meaning == "S"
    # placeholders below Q_min: value and sigma 0
    blind, sigma = np.where(Q < 1.2, 0.0, S), np.where(Q < 1.2, 0.0, 0.01 + 0.001 * np.sin(Q))
    curve = structure_factor(
        read_table(write(tmp_path / "b.dat", "", Q, blind, sigma)), meaning="S"
    )
    assert curve.q[0] >= 1.2


def test_argon_as_two_columns(capsys, tmp_path, shared_data):
    folder = shared_data / "md" / "argon"
    r, g, _ = read_rdf(folder / "argon_lammps.gr")
    common = ("--range", "0.6", "9", "--density", "0.02125", "--json")
    for head in ("", "r g\n"):
        path = write(tmp_path / "plain.dat", head, r, g)
        status, out, _ = call(capsys, "compare", folder / "argon_yarnell1973.sq", path, *common)
        assert status == EXIT_DONE
        result = json.loads(out)
        assert result["models"][0]["R_X"] == pytest.approx(0.0112, abs=0.001)
        assert any("is taken as g(r)" in f["text"] for f in result["findings"])
    status, _, err = call(
        capsys, "compare", folder / "argon_yarnell1973.sq", folder / "argon_lammps.gr", *common
    )
    assert status == EXIT_FIXABLE
    assert "--calculated-is g(r)" in err
    status, _, err = call(capsys, "compare", folder / "argon_yarnell1973.sq", path)
    assert status == EXIT_FIXABLE
    assert "--density" in err


def test_our_own_table_of_g_is_read(tmp_path):
    later = R > 2.0
    t = 4 * np.pi * 0.02 * R * G
    columns = [("r", R), ("g", G), ("sigma", 0.01 + 0 * R), ("T", t), ("R", R * t)]
    path = tmp_path / "a.gofr"
    path.write_text(table_text("g(r), T(r), R(r)", {}, [(n, v[later]) for n, v in columns]))
    r, g, findings = read_rdf(path)
    assert np.allclose(r, R)
    assert np.allclose(g, G)
    assert "g = 0 is taken" in findings[0].text
    path.write_text(table_text("G(r)", {}, [("r", R), ("G", t - 4 * np.pi * 0.02 * R)]))
    with pytest.raises(ReadError, match="does not tend to 1"):
        read_rdf(path)


def test_the_definition_of_our_header_tells_f_from_s(tmp_path):
    late = Q > 1.5  # its small Q would not tell
    facts = {"definition": "F(Q) = Q [S(Q) - 1]; Faber-Ziman S(Q) = ..."}
    path = tmp_path / "a.fq"
    path.write_text(table_text("F(Q)", facts, [("Q", Q[late]), ("F", (Q * (S - 1.0))[late])]))
    curve = structure_factor(read_table(path), meaning=None)
    assert curve.meaning == "Q(S-1)"
    assert np.allclose(curve.s, S[late], atol=1e-6)
    with pytest.raises(InputError, match="the file holds"):
        structure_factor(read_table(path), meaning="S-1")


def test_a_model_is_checked_against_the_header_of_the_measurement(capsys, tmp_path, ideal_gas):
    box = write_xyz(tmp_path / "m.xyz", ideal_gas({"Si": 40, "S": 80}, 14.0 * np.eye(3)))
    path = tmp_path / "a.sq"
    columns = [("Q", Q), ("S", S), ("sigma", 0.01 + 0 * Q)]
    facts = {"composition": "SiS2", "number density": "0.0600 atoms/A^3"}
    path.write_text(table_text("S(Q)", facts, columns))
    status, out, _ = call(capsys, "compare", path, box, "--weights", "Z", "--json")
    assert status == EXIT_DONE
    texts = " ".join(f["text"] for f in json.loads(out)["findings"])
    assert "Taken from the header" in texts
    assert "the sample 0.06" in texts
    path.write_text(table_text("S(Q)", {"composition": "GeS2"}, columns))
    status, _, err = call(capsys, "compare", path, box, "--weights", "Z")
    assert status == EXIT_FIXABLE
    assert "same elements" in err
    status, _, err = call(capsys, "compare", path, box, "--weights", "Z", "--composition", "SiS2")
    assert status == EXIT_FIXABLE
    assert "not what the measured file says" in err


def test_a_calculated_curve_of_another_sample_is_reported(capsys, tmp_path):
    columns = [("Q", Q), ("S", S)]
    ours, theirs = tmp_path / "a.sq", tmp_path / "b.sq"
    facts = {"composition": "SiS2", "number density": "0.0600 atoms/A^3"}
    ours.write_text(table_text("S(Q)", facts, columns))
    for other, reported in (({"composition": "GeS2"}, True), (facts, False)):
        theirs.write_text(table_text("S(Q)", other, columns))
        status, out, _ = call(capsys, "compare", ours, theirs, "--json")
        assert status == EXIT_DONE
        texts = " ".join(f["text"] for f in json.loads(out)["findings"])
        assert ("names another sample" in texts) is reported


def test_a_statement_that_the_limits_contradict_is_reported(tmp_path):
    path = write(tmp_path / "a.dat", "", Q, 0.2758 * (S - 1.0))
    curve = structure_factor(read_table(path), meaning="Q(S-1)", mean_b_squared=0.2758)
    assert any("looks like absolute F(Q)" in f.text for f in curve.findings)


def test_s_is_not_accepted_as_q_times_s_minus_one(tmp_path):
    path = write(tmp_path / "a.dat", "", Q, S)
    with pytest.raises(InputError, match="does not go to 0"):
        structure_factor(read_table(path), meaning="Q(S-1)")


def test_barn_does_not_depend_on_the_order_of_the_models(capsys, tmp_path, ideal_gas):
    b2 = 0.2758
    path = write(tmp_path / "a.mint01", "", Q, b2 * (S - 1.0), 0.01 + 0.001 * np.sin(Q))
    silica, other = (
        write_xyz(tmp_path / name, ideal_gas(n, 14.0 * np.eye(3)))
        for name, n in (("a.xyz", {"Si": 40, "O": 80}), ("b.xyz", {"Si": 60, "O": 60}))
    )
    for order in ((silica, other), (other, silica)):
        arguments = ("compare", path, *order, "--weights", "neutron", "--is", "barn")
        status, _, err = call(capsys, *arguments)
        assert status == EXIT_FIXABLE
        assert "--composition" in err
    found = []
    for order in ((silica, other), (other, silica)):
        arguments = ("compare", path, *order, "--weights", "neutron", "--composition", "SiO2")
        status, out, _ = call(capsys, *arguments, "--json")
        assert status == EXIT_DONE
        result = json.loads(out)
        found.append({m["file"]: m["R_X"] for m in result["models"]})
        texts = " ".join(f["text"] for f in result["findings"])
        assert "<b>^2 = 0.275" in texts
        assert "Si 0.3333" in texts
    assert found[0] == found[1]
    status, _, err = call(capsys, "compare", path, silica, "--weights", "Z", "--is", "barn")
    assert status == EXIT_FIXABLE
    assert "--weights neutron" in err
