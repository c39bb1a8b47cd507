"""An impedance series bundled and run again, and its methods paragraph."""

import json
import shutil
import zipfile
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from calibration.commandline import run
from cis.cli import command
from cis.methods import methods_text


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("bundle")
    with as_file(files("cis") / "data" / "demo") as demo:
        shutil.copytree(demo, work / "data")
    assert run(command, ["analyze", str(work / "data/NS.toml"), "--out", str(work / "NS")]) == 0
    assert run(command, ["bundle", str(work / "NS"), "--out", str(work / "b.zip")]) == 0
    return work


def test_it_is_the_same_elsewhere(bundled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundled / "data").rename(bundled / "away")
    try:
        capsys.readouterr()
        assert run(command, ["verify", str(bundled / "b.zip"), "--json"]) == 0
    finally:
        (bundled / "away").rename(bundled / "data")
    found = json.loads(capsys.readouterr().out)
    assert found["changed"] == 0
    assert {"arrhenius: E_A_eV", "conductivity: R_ohm"} <= {d["name"] for d in found["differences"]}


def test_the_raw_files_are_in_it(bundled: Path) -> None:
    with zipfile.ZipFile(bundled / "b.zip") as archive:
        for name in ("NS.csv", "open.csv", "short.csv"):
            assert archive.read(f"raw/data/{name}") == (bundled / "data" / name).read_bytes()


def test_methods_quote_the_results(bundled: Path) -> None:
    text = methods_text(bundled / "NS")
    rows = json.loads((bundled / "NS" / "result.json").read_text())["arrhenius"]
    assert f"E_A = {rows[0]['E_A_eV']:.4f}(" in text
    assert "8 temperatures" in text
    assert "virtual experiment" in text
    assert (
        "The fixture was compensated with measured " in text
    )  # open and short of the project file


def test_files_of_one_name_in_several_folders_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their labels differ, and the bundle keeps the folders that the pattern runs over."""
    with as_file(files("cis") / "data" / "demo" / "NS.csv") as demo:
        for folder in ("a [1]/x", "a [1]/y"):
            (tmp_path / folder).mkdir(parents=True)
            shutil.copy(demo, tmp_path / folder / "s.csv")
    (tmp_path / "a [1]" / "run.toml").write_text(
        '[sample]\nname = "two"\nvirtual = true\ndiameter_mm = 10.0\nthickness_mm = 1.0\n'
        '[model]\ncircuit = "bulk-blocking"\nseries = "separate"\n'
        '[[spectrum]]\nfiles = "*/s.csv"\nskip = [1, 2, 3, 4, 5, 6, 7]\n'
    )
    words = ["analyze", str(tmp_path / "a [1]" / "run.toml"), "--out", str(tmp_path / "out")]
    assert run(command, words) == 0
    rows = json.loads((tmp_path / "out" / "result.json").read_text())["conductivity"]
    assert [row["spectrum"] for row in rows] == ["s.csv (1)", "s.csv (2)"]
    assert run(command, ["bundle", str(tmp_path / "out")]) == 0
    (tmp_path / "a [1]").rename(tmp_path / "gone")
    capsys.readouterr()
    assert run(command, ["verify", str(tmp_path / "out.zip"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] == 0
