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
    assert found["findings_gone"] == found["findings_new"] == []  # it does all that `reduce` does


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


def changed_bundle(bundled: Path, target: Path, name: str, content: bytes) -> Path:
    """A bundle of somebody who also mends the checksum of what he changes."""
    import hashlib

    with zipfile.ZipFile(bundled / "out.zip") as archive:
        members = {n: archive.read(n) for n in archive.namelist()} | {name: content}
    manifest = json.loads(members.pop("bundle.json"))
    manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr("bundle.json", json.dumps(manifest))
    return target


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results/result.json", b"[" * 100_000),
        ("results/result.json", b"[]"),
        ("results/result.json", b'{"provenance": []}'),
        (
            "results/result.json",
            b'{"title": "x", "findings": [], "provenance": {"program": "xtsred reduce", '
            b'"version": "1", "system": "x", "libraries": {}}}',
        ),
        ("results/VIRTUAL_50Na2S-50SiS2.sq", b"#L A  B  C\n1 2 3\n"),
        ("results/VIRTUAL_50Na2S-50SiS2.sq", b"\xff\xfe"),
        ("project/run.toml", b"\xff\xfe"),
        ("project/run.toml", b"a=" + b"[" * 100_000),
    ],
)
def test_a_bundle_with_nonsense_in_it_is_one_clear_error(
    bundled: Path,
    tmp_path: Path,
    name: str,
    content: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = changed_bundle(bundled, tmp_path / "x.zip", name, content)
    assert run(command, ["verify", str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_place_that_is_taken_is_told_before_the_second_run(
    bundled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["verify", str(bundled / "out.zip"), "--keep", str(bundled / "data")]
    assert run(command, words) == 2
    assert "name a new folder after --keep" in capsys.readouterr().err


def test_scans_that_changed_places_are_not_bundled(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(bundled / "data", tmp_path / "data")
    shutil.copytree(bundled / "out", tmp_path / "out")
    a, b = (tmp_path / "data" / name for name in ("air.xy", "empty_capillary.xy"))
    a.rename(tmp_path / "c")
    b.rename(a)
    (tmp_path / "c").rename(b)
    assert run(command, ["bundle", str(tmp_path / "out")]) == 2
    assert "a file was changed since" in capsys.readouterr().err


def test_methods_list_the_references_that_they_cite(bundled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(bundled / "out", folder)
    project = folder / "run.toml"
    text = project.read_text(encoding="utf-8").replace('window = "lorch"', 'window = "none"')
    project.write_text(text, encoding="utf-8")
    paragraph, references = methods_text(folder).split("\n\n", 1)
    listed = [line.split("]")[0] + "]" for line in references.splitlines()]
    assert all(mark in paragraph for mark in listed)
    assert "Lorch" not in references


def test_methods_of_stated_lines_and_corrected_angles(bundled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(bundled / "out", folder)
    project = folder / "run.toml"
    text = project.read_text(encoding="utf-8")
    lines = (
        "[[radiation.line]]\nwavelength_A = { value = 0.559421, sigma = 0.000001 }\nweight = 1.0\n"
        "[[radiation.line]]\nwavelength_A = 0.563812\nweight = 0.52\n[goniometer]\nzero_deg = 0.002\n"
    )
    tube = '[radiation]\nanode = "Ag"\nlines = "Ka1+Ka2"\n'
    assert tube in text
    assert "[goniometer]" not in text
    project.write_text(text.replace(tube, lines), encoding="utf-8")
    said = methods_text(folder)
    assert "radiation of 0.559421(1), 0.563812 Å" in said
    assert "corrected for a zero error of 0.002 °" in said
    assert "packing fraction of 0.5" in said
    marks = [said.index(f"[{i}]") for i in range(1, 9)]
    assert marks == sorted(marks)  # numbered as they are cited


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


def test_what_was_sampled_is_sampled_again(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The number of draws and the seed are asked for beside the project; the second run asks for them, too."""
    arguments = ["reduce", str(bundled / "data/run.toml"), "--out", str(tmp_path / "out")]
    known = ["--set", "sample.packing_fraction={value=0.5, sigma=0.01}", "--monte-carlo", "10"]
    assert run(command, [*arguments, *known, "--seed", "3", "--set", "range.q_step=0.1"]) == 0
    assert run(command, ["bundle", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    kept = tmp_path / "again"
    assert run(command, ["verify", str(tmp_path / "out.zip"), "--keep", str(kept), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["findings_gone"] == found["findings_new"] == []
    sampled = [
        json.loads((folder / "result.json").read_text(encoding="utf-8"))["budget"]["monte_carlo"]
        for folder in (tmp_path / "out", kept)
    ]
    assert sampled[0] == sampled[1]
    assert sampled[0]["seed"] == 3
