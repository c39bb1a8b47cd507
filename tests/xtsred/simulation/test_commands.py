"""`xtsred compare` and `xtsred structure` as a user calls them."""

import json
import re

import numpy as np
import pytest

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, run
from calibration.errors import InputError
from xtsred.cli import command
from xtsred.simulation.curves import read_table, structure_factor
from xtsred.simulation.frame import Frame

from .conftest import write_xyz


def call(capsys, *arguments):
    status = run(command, [str(a) for a in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.fixture
def measured(tmp_path):
    q = np.arange(0.3, 15.0, 0.05)
    s = 1.0 + 0.5 * np.sin(1.6 * q) * np.exp(-0.1 * q)
    path = tmp_path / "measured.sq"
    np.savetxt(path, np.column_stack([q, s, np.full_like(q, 0.01)]))
    return path


@pytest.fixture
def model(tmp_path, ideal_gas):
    return write_xyz(
        tmp_path / "model.xyz", ideal_gas({"Si": 40, "S": 80}, 14.0 * np.eye(3), frames=24)
    )


def test_the_example_of_the_documentation(capsys, shared_examples, shared_data):
    text = (shared_examples / "silica_simulation" / "README.md").read_text()
    found = re.search(r"`xtsred (compare [^`]+)`", text)
    assert found is not None
    root = shared_examples.parent
    arguments = [
        str(root / a.removeprefix("shared/")) if a.startswith("shared/") else a
        for a in found.group(1).split()
    ]
    expected = [float(x) for x in re.findall(r"0\.\d+", text.split("R =")[1])[:3]]
    status, out, _ = call(capsys, *arguments, "--json")
    assert status == EXIT_DONE
    result = json.loads(out)
    one = result["models"][0]
    assert one["R_X"] == pytest.approx(expected[0], abs=0.001)
    assert one["R_X_by_window"]["none"] == pytest.approx(expected[1], abs=0.001)
    assert one["R_X_flat"] == pytest.approx(expected[2], abs=0.001)
    assert one["q_range"] == [0.6, 12.0]
    assert {"R_X_squared", "R_X_sigma", "n_points", "function", "window", "weights"} <= set(one)
    assert result["measured"]["is"] == "barn"
    assert any("taken as absolute F(Q)" in f["text"] for f in result["findings"])


def test_report_and_ranking(capsys, tmp_path, measured, model, ideal_gas):
    other = write_xyz(
        tmp_path / "other.xyz", ideal_gas({"Si": 40, "S": 80}, 14.0 * np.eye(3), frames=24, seed=9)
    )
    out = tmp_path / "result"
    status, printed, _ = call(
        capsys, "compare", measured, model, other, "--weights", "xray", "--energy-kev", "17.48",
        "--is", "S", "--out", out, "--composition", "SiS2",
    )  # fmt: skip
    assert status == EXIT_DONE
    assert "are not ranked" in printed
    page = (out / "report.html").read_text()
    assert "Goodness of fit" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    result = json.loads((out / "result.json").read_text())
    assert [m["frames"] for m in result["models"]] == [24, 24]
    assert result["models"][0]["R_X_sigma_model"] > 0.0
    assert {p.name for p in (out / "figures").glob("*.svg")} == {
        "overlay.svg", "intervals.svg", "partials.svg", "routes.svg", "g_of_r.svg",
    }  # fmt: skip
    heads = {}
    for name in ("sq", "partials", "gr", "residual"):
        lines = (out / f"model_{name}.csv").read_text().splitlines()
        above = [line for line in lines if line.startswith("#")]
        heads[name] = lines[len(above)]
        for fact in ("# definition = ", "# units = ", "# model = model.xyz"):
            assert sum(line.startswith(fact) for line in above) == 1, (name, fact)
    assert heads == {
        "sq": "Q_per_A,S,sigma",
        "partials": "Q_per_A,Si-Si,Si-S,S-S,AL(Si-Si),AL(Si-S),AL(S-S),BT_NN,BT_NC,BT_CC",
        "gr": "r_A,Si-Si,Si-S,S-S,sigma(Si-Si),sigma(Si-S),sigma(S-S)",
        "residual": "Q_per_A,measured,model,residual,sigma",
    }
    # our own table is read again as what it is
    assert structure_factor(read_table(out / "model_sq.csv"), meaning=None).meaning == "S"
    with pytest.raises(InputError, match="not a total"):
        structure_factor(read_table(out / "model_gr.csv"), meaning=None)
    rows = read_table(out / "model_residual.csv").values
    assert np.allclose(rows[:, 1] - rows[:, 2], rows[:, 3], atol=1e-6)
    assert result["models"][0]["direct_sum"]["rms_difference"] > 0.0
    status, _, err = call(capsys, "compare", measured, model, "--weights", "Z", "--out", out)
    assert status == EXIT_FIXABLE
    assert "--overwrite" in err


def test_single_configurations_are_not_ranked_and_keep_their_names(
    capsys, tmp_path, measured, ideal_gas
):
    boxes = []
    for k in range(2):
        (tmp_path / f"run{k}").mkdir()
        gas = ideal_gas({"Si": 40, "S": 80}, 14.0 * np.eye(3), seed=k)
        boxes.append(write_xyz(tmp_path / f"run{k}" / "box.xyz", gas))
    out = tmp_path / "result"
    status, printed, _ = call(
        capsys, "compare", measured, *boxes, "--weights", "Z", "--is", "S", "--out", out
    )
    assert status == EXIT_DONE
    assert "are not ranked" in printed
    assert "of the measurement; the model's unknown)" in printed
    result = json.loads((out / "result.json").read_text())
    assert {m["file"] for m in result["models"]} == {"run0/box.xyz", "run1/box.xyz"}
    assert [m["R_X_sigma"] for m in result["models"]] == [None, None]
    assert not result["differences"][0]["ranked"]
    assert {p.name for p in out.glob("*_sq.csv")} == {"run0_box_sq.csv", "run1_box_sq.csv"}


def test_boxes_of_one_model(capsys, tmp_path, measured, ideal_gas):
    boxes = [
        write_xyz(tmp_path / f"{k}.xyz", ideal_gas({"Si": 40, "S": 80}, 14.0 * np.eye(3), seed=k))
        for k in range(3)
    ]
    status, out, _ = call(
        capsys, "compare", measured, *boxes, "--average", "--weights", "Z", "--json"
    )
    assert status == EXIT_DONE
    models = json.loads(out)["models"]
    assert len(models) == 1
    assert models[0]["frames"] == 3
    assert models[0]["R_X_sigma_model"] > 0.0


def test_partials_and_curves_as_calculated_side(capsys, tmp_path, measured):
    q = np.arange(0.4, 14.0, 0.1)
    path = tmp_path / "partials.csv"
    rows = np.column_stack([q, np.full_like(q, 0.5), np.full_like(q, 1.5), np.full_like(q, 1.0)])
    np.savetxt(path, rows, delimiter=",", header="Q,Si-Si,Si-S,S-S", comments="")
    status, out, _ = call(
        capsys,
        "compare",
        measured,
        path,
        "--weights",
        "Z",
        "--composition",
        "SiS2",
        "--is",
        "S",
        "--json",
    )
    assert status == EXIT_DONE
    assert json.loads(out)["models"][0]["kind"] == "partials"
    status, _, err = call(capsys, "compare", measured, path, "--weights", "Z")
    assert status == EXIT_FIXABLE
    assert "composition" in err
    status, out, _ = call(
        capsys, "compare", measured, measured, "--is", "S", "--calculated-is", "S", "--json"
    )
    assert status == EXIT_DONE
    assert json.loads(out)["models"][0]["R_X"] == pytest.approx(0.0, abs=1e-12)


def test_one_clear_error_each(capsys, tmp_path, measured, model, ideal_gas):
    small = write_xyz(tmp_path / "small.xyz", ideal_gas({"Si": 4, "S": 8}, 6.0 * np.eye(3)))
    double = Frame(
        cell=10.0 * np.eye(3), elements=("Si",), kinds=np.zeros(2, int), positions=np.ones((2, 3))
    )
    doubled = write_xyz(tmp_path / "doubled.xyz", [double])
    walls = write_xyz(tmp_path / "calm.xyz", ideal_gas({"Si": 4}, 30.0 * np.eye(3)) * 30)
    empty, neutron = tmp_path / "empty.dat", ("--weights", "neutron")
    empty.touch()
    moving = ("structure", walls, "--charge", "Si=4", "--mobile", "Si", "--fit-window", "2", "6")
    cases = [
        (("compare", measured, small, "--weights", "Z"), "2 pi/L"),
        (("compare", measured, model), "--weights"),
        (("compare", measured, model, "--weights", "Z", "--composition", "GeS2"), "same elements"),
        (("compare", measured, model, "--weights", "Z", "--range", "5", "2"), "no range"),
        (("compare", measured, doubled, "--weights", "Z"), "closer than"),
        (("compare", measured, tmp_path / "none.xyz", "--weights", "Z"), "cannot be read"),
        (("compare", measured, model, "--weights", "Z", "--frames", "9:1"), "no frame"),
        (("compare", measured, measured, "--calculated-is", "g(r)"), "--density"),
        (("compare", measured, model, model, "--weights", "Z"), "given twice"),
        (("compare", measured, empty, "--weights", "Z"), "file is empty"),
        (("compare", measured, model, "--weights", "Z", "--cell", "here"), "--cell 21.4"),
        (("compare", measured, model, "--weights", "Z", "--cell", "-3"), "lengths in Å"),
        (("compare", measured, model, "--weights", "Z", "--length", "Si=4"), "--weights neutron"),
        (("compare", measured, model, *neutron, "--length", "Sx=3"), "'Sx' is no element"),
        (("compare", measured, model, *neutron, "--length", "O=5.8"), "has no O"),
        (("compare", measured, model, "--weights", "xray", "--energy-kev", "-5"), "1 to 400 keV"),
        (("compare", measured, model, "--weights", "Z", "--energy-kev", "17"), "--weights xray"),
        (("compare", measured, model, "--weights", "Z", "--density", "66"), "atoms/Å^3"),
        (("structure", model, "--cutoff", "Si-O=2"), "no O"),
        (("structure", model, "--cutoff", "Si=2"), "Si-S=2.8"),
        (("structure", model, "--r-max", "9"), "larger cell"),
        (("structure", model, "--mobile", "Si"), "--temperature"),
        (("structure", model, "--cutoff", "Si-S=6"), "no bond length"),
        (("structure", model, "--cutoff", "Si-S=70"), "outside 0 to"),
        (("structure", model, "--dr", "0"), "--dr"),
        (("structure", model, "--dr", "-1"), "--dr"),
        (("structure", model, "--dr", "50"), "--dr"),
        (("structure", model, "--r-max", "-3"), "--r-max"),
        ((*moving, "--time-step-ps", "0", "--temperature", "300"), "time step"),
        ((*moving, "--time-step-ps", "1", "--temperature", "-300"), "no temperature"),
    ]
    for arguments, message in cases:
        status, out, err = call(capsys, *arguments)
        assert status == EXIT_FIXABLE, arguments
        assert message in err, (arguments, err)
        assert out == ""


def test_structure_of_a_diffusing_box(capsys, tmp_path):
    rng = np.random.default_rng(0)
    cell = 12.0 * np.eye(3)
    start = np.array(np.meshgrid(*[np.arange(4)] * 3)).reshape(3, -1).T * 3.0
    steps = np.cumsum(0.05 * rng.normal(size=(200, 64, 3)), axis=0)
    kinds = np.arange(64) % 2
    frames = [
        Frame(cell=cell, elements=("Na", "Cl"), kinds=kinds, positions=(start + s) % 12.0, index=k)
        for k, s in enumerate(steps)
    ]
    path = write_xyz(tmp_path / "run.xyz", frames)
    out = tmp_path / "result"
    status, printed, _ = call(
        capsys, "structure", path, "--cutoff", "Na-Cl=3.4", "--time-step-ps", "0.1", "--temperature", "600",
        "--charge", "Na=1,Cl=-1", "--mobile", "Na", "--fit-window", "0.5", "2", "--out", out, "--json",
    )  # fmt: skip
    assert status == EXIT_DONE
    result = json.loads(printed)
    d = result["transport"]["diffusion_cm2_per_s"]["Na"]
    # variance 0.05^2 per axis and 0.1 ps: D = 0.0125 Å^2/ps
    assert d["value"] == pytest.approx(1.25e-6, abs=5 * d["sigma"])
    assert (out / "conductivity.csv").read_text().count("\n") == 3
    assert (out / "partial_g.csv").exists()
    assert (out / "figures" / "msd.svg").exists()


def test_a_cell_that_is_passed_over_is_reported(capsys, measured, model):
    status, out, _ = call(
        capsys, "compare", measured, model, "--weights", "Z", "--cell", "20", "--json"
    )
    assert status == EXIT_DONE
    assert any("--cell is not used" in f["text"] for f in json.loads(out)["findings"])


def test_structure_of_real_glass(capsys, shared_data):
    path = shared_data / "md" / "silica" / "SiO2_glass_300_atoms.xyz"
    status, out, _ = call(capsys, "structure", path, "--cutoff", "Si-O=2.2", "--json")
    assert status == EXIT_DONE
    rows = {(c["centre"], c["neighbour"]): c for c in json.loads(out)["coordination"]}
    assert rows["Si", "O"]["n"] == 4.0
    assert rows["O", "Si"]["n"] == 2.0
    assert rows["Si", "O"]["sigma"] is None
