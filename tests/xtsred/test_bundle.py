"""A reduction bundled, carried elsewhere, and run again."""

import json
import shutil
import subprocess
import sys
import zipfile
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import run
from xtsred.bundle import read_result_table
from xtsred.cli import command
from xtsred.methods import methods_text


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demonstration's data, its result `out`, and out.zip."""
    work = tmp_path_factory.mktemp("bundle")
    with as_file(files("xtsred") / "data" / "demo") as demo:
        shutil.copytree(demo, work / "data")
    assert run(command, ["reduce", str(work / "data/run.toml"), "--out", str(work / "out")]) == 0
    assert run(command, ["bundle", str(work / "out")]) == 0
    return work


def test_it_is_the_same_elsewhere(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(bundled / "out.zip", tmp_path / "from a friend.zip")
    hidden = bundled / "data"
    hidden.rename(bundled / "moved away")
    try:
        capsys.readouterr()
        assert run(command, ["verify", str(tmp_path / "from a friend.zip"), "--json"]) == 0
    finally:
        (bundled / "moved away").rename(hidden)
    found = json.loads(capsys.readouterr().out)
    assert found["changed"] == 0
    assert {d["name"] for d in found["differences"]} >= {"S(Q)", "G(r)", "normalization K"}
    assert all(d["verdict"] == "identical" for d in found["differences"])


def test_a_changed_project_is_told_in_sigma(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a newer version with another value would: everything sound, the result different."""
    import hashlib

    with zipfile.ZipFile(bundled / "out.zip") as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    text = members["project/run.toml"].decode()
    assert "packing_fraction = 0.5" in text
    members["project/run.toml"] = text.replace(
        "packing_fraction = 0.5", "packing_fraction = 0.52"
    ).encode()
    manifest = json.loads(members["bundle.json"])
    digest = hashlib.sha256(members["project/run.toml"]).hexdigest()
    manifest["files"]["project/run.toml"]["sha256"] = digest
    members["bundle.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    capsys.readouterr()
    assert run(command, ["verify", str(tmp_path / "x.zip")]) == 3
    said = capsys.readouterr().out
    assert "changed: normalization K by" in said
    assert "changed: parameter: packing fraction by an unknown number of sigma" in said


def test_a_raw_file_that_was_changed_since_is_not_bundled(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(bundled, tmp_path / "b")
    air = tmp_path / "b" / "data" / "air.xy"
    air.write_text(air.read_text() + "\n")
    assert run(command, ["bundle", str(tmp_path / "b" / "out"), "--overwrite"]) == 2
    said = capsys.readouterr().err
    assert "was changed since the result was made" in said
    assert "air.xy" in said


def test_other_folders_and_programs_are_refused(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, ["bundle", str(tmp_path)]) == 2
    assert "no result folder" in capsys.readouterr().err
    assert run(command, ["bundle", str(bundled / "out")]) == 2
    assert "exists already" in capsys.readouterr().err
    result = subprocess.run(
        [sys.executable, "-c", "from cis.cli import main; main()", "verify", bundled / "out.zip"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "xtsred verify" in result.stderr


def test_methods_name_every_number(bundled: Path) -> None:
    text = methods_text(bundled / "out")
    result = json.loads((bundled / "out" / "result.json").read_text())
    for part in (
        "50Na2S-50SiS2",
        "0.0431",
        "borosilicate 3.3",
        "Ag Ka1+Ka2",
        "3 scans",
        f"{result['normalization']['k']['value']:.3f}",
        "Lorch",
        "R_X = 0.0099(5)",
    ):
        assert part in text
    cited = {int(n) for n in __import__("re").findall(r"\[(\d+)\]", text.partition("\n\n")[0])}
    assert cited == set(range(1, len(text.strip().partition("\n\n")[2].splitlines()) + 1))


def test_tables_are_the_text_files(bundled: Path) -> None:
    sq = next((bundled / "out").glob("*.sq"))
    facts, columns = read_result_table(sq)
    assert facts["composition"] == "(Na2S)0.50(SiS2)0.50"
    assert np.array_equal(columns["Q"], np.loadtxt(sq)[:, 0])
    with zipfile.ZipFile(bundled / "out.zip") as archive:
        head = archive.read("data/sq.csv").decode().splitlines()[:2]
    assert head[0].startswith("scattering vector Q")
    assert head[1].startswith("Å^-1")
