"""Curves: every way to write S(Q) gives the same S(Q); what is recognised, asked for, refused."""

import numpy as np
import pytest

from calibration.errors import InputError, ReadError
from xtsred.simulation.curves import MEANINGS, read_table, structure_factor
from xtsred.simulation.rdf import read_rdf

Q = np.arange(0.1, 20.0, 0.05)
S = (
    1.0
    - np.exp(-0.5 * Q**2) * 0.97
    + 0.5 * np.sin(1.6 * Q) * np.exp(-0.12 * Q) * (1 - np.exp(-(Q**2)))
)
B2 = 0.2758
AS = {"S": S, "S-1": S - 1.0, "Q(S-1)": Q * (S - 1.0), "barn": B2 * (S - 1.0)}


def write(path, columns, *, head="", separator=" "):
    rows = [separator.join(f"{x:.8g}" for x in row) for row in zip(*columns, strict=True)]
    path.write_text(head + "\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize("stated", [True, False])
def test_every_meaning_stated_or_recognised(tmp_path, meaning, stated):
    sigma = np.full(len(Q), 0.01)
    path = write(tmp_path / "a.dat", [Q, AS[meaning], sigma], head="# some header\n")
    curve = structure_factor(
        read_table(path), meaning=meaning if stated else None, mean_b_squared=B2
    )
    assert curve.meaning == meaning
    assert np.allclose(curve.s, S, atol=1e-6)
    factor = {"S": 1.0, "S-1": 1.0, "Q(S-1)": 1.0 / Q, "barn": 1.0 / B2}[meaning]
    assert curve.sigma is not None
    assert np.allclose(curve.sigma, 0.01 * factor)
    # what was not stated is reported
    assert bool(curve.findings) is not stated


def test_what_the_limits_cannot_tell_is_asked_for(tmp_path):
    late = Q > 2.0
    path = write(tmp_path / "a.dat", [Q[late], AS["S-1"][late]])
    with pytest.raises(InputError, match="cannot be told"):
        structure_factor(read_table(path), meaning=None)
    # <b>^2 of about one barn: S - 1 and F are the same to the eye
    path = write(tmp_path / "b.dat", [Q, AS["S-1"]])
    with pytest.raises(InputError, match="--is"):
        structure_factor(read_table(path), meaning=None, mean_b_squared=0.9)
    # barn without a composition
    path = write(tmp_path / "c.dat", [Q, AS["barn"]])
    with pytest.raises(InputError, match="cannot be told"):
        structure_factor(read_table(path), meaning=None)
    with pytest.raises(InputError, match="composition"):
        structure_factor(read_table(path), meaning="barn")


def test_a_wrong_statement_is_contradicted_by_the_limit(tmp_path):
    path = write(tmp_path / "a.dat", [Q, AS["S-1"]])
    with pytest.raises(InputError, match="does not go to S = 1"):
        structure_factor(read_table(path), meaning="S")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1 0.2\n0.2 nan\n0.3 1\n", "not a finite"),
        ("0.1 0.2\n0.2 0.3\n0.15 1\n", "does not increase"),
        ("0.1 0.2\n0.2 0.3 0.4\n", "columns"),
        ("0.1 0.2\n0.2 0.3\nhello\n", "not all numbers"),
        ("nothing here\n", "no curve"),
        ("", "file is empty"),
    ],
)
def test_damaged_tables(tmp_path, text, message):
    path = tmp_path / "a.dat"
    path.write_text(text)
    with pytest.raises(ReadError, match=message):
        read_table(path)


def test_missing_file(tmp_path):
    with pytest.raises(ReadError, match="cannot be read"):
        read_table(tmp_path / "none.sq")


def test_q_in_inverse_nanometres_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", [10.0 * Q, S], head="Q (nm^-1),S(Q)\n", separator=",")
    with pytest.raises(InputError, match="not in Å"):
        structure_factor(read_table(path), meaning="S")


def test_semicolons_and_decimal_commas(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{q:.4f};{s:.6f}".replace(".", ",") for q, s in zip(Q, S, strict=True)]
    path.write_text("Q;S\n" + "\n".join(rows) + "\n")
    table = read_table(path)
    assert table.names == ("Q", "S")
    assert np.allclose(table.values[:, 1], S, atol=1e-6)


def test_placeholder_rows_are_left_out_and_reported(shared_data):
    table = read_table(shared_data / "md" / "silica" / "SiO2_NIMROD.mint01")
    assert table.values[0, 0] == pytest.approx(0.025)
    assert np.all(table.values[:, 2] > 0.0)
    assert "placeholder" in table.findings[0].text


def test_gudrun_and_published_silica_are_recognised(shared_data):
    for name in ("gudrunx.int01", "mozzi_warren_1969_F.dat"):
        curve = structure_factor(
            read_table(shared_data / "xrd" / "silica_ag_rod" / name), meaning=None
        )
        assert curve.meaning == "S-1"


def test_rdf_takes_the_last_block(tmp_path):
    path = tmp_path / "a.rdf"
    block = "\n".join(f"{k + 1} {0.1 * k + 0.05:.3f} {{}} 0" for k in range(10))
    path.write_text(
        f"# time\n100 10\n{block.format(*[1] * 10)}\n200 10\n{block.format(*[1.02] * 10)}\n"
    )
    r, g, _ = read_rdf(path)
    assert np.allclose(r, np.arange(10) * 0.1 + 0.05)
    assert np.all(g == 1.02)
