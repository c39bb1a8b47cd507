"""`xtsred init` writes a project file whose gaps `reduce` names."""

import json
import tomllib
from pathlib import Path

import pytest

from calibration.commandline import run
from calibration.errors import ConfigError
from tests.xtsred.io import makers
from xtsred.cli import command
from xtsred.config import load_project

FILES = makers.everything()


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def filled(text: str) -> str:
    """The project file after a user did what its comments ask."""
    return text.replace("# FILL IN: ", "")


def test_ranges_of_one_file_become_scans(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    put(data, "two.v3.raw", FILES["two.v3.raw"])
    out = tmp_path / "project" / "run.toml"
    assert run(command, ["init", str(data / "two.v3.raw"), "--out", str(out)]) == 0
    project = tomllib.loads(out.read_text(encoding="utf-8"))
    assert [s["range"] for s in project["scan"]] == [0, 1]
    assert {s["file"] for s in project["scan"]} == {"../data/two.v3.raw"}
    assert (out.parent / project["scan"][0]["file"]).resolve() == (data / "two.v3.raw").resolve()
    assert project["radiation"] == {"anode": "Mo", "lines": "Ka1+Ka2"}
    assert project["sample"] == {"name": "a glass"}
    assert project["range"]["two_theta_deg"] == [10.0, 12.95]


def test_reduce_names_what_only_the_user_knows(tmp_path: Path) -> None:
    out = tmp_path / "run.toml"
    put(tmp_path, "one.xrdml", FILES["one.xrdml"])
    assert run(command, ["init", str(tmp_path / "one.xrdml"), "--out", str(out)]) == 0
    with pytest.raises(ConfigError) as caught:
        load_project(out)
    for key in (
        "sample.composition",
        "sample.radius_mm",
        "beam.width_mm",
        "detector.response",
        "scan[0].role",
    ):
        assert f"{key}: missing" in str(caught.value)


def project_problems(path: Path) -> tuple[str, ...]:
    try:
        load_project(path)
    except ConfigError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_filled_in_file_is_a_valid_project(tmp_path: Path, name: str) -> None:
    out = tmp_path / "run.toml"
    put(tmp_path, name, FILES[name])
    assert run(command, ["init", str(tmp_path / name), "--out", str(out)]) == 0
    text = filled(out.read_text(encoding="utf-8"))
    out.write_text(text, encoding="utf-8")
    # the made scans span some degrees, too few bins for a transform: the ranges of a whole scan take their place
    whole = ["range.two_theta_deg=[2.0,150.0]", "fourier.q_range=[1.0,7.0]"]
    if project_problems(out):
        assert all(p.startswith("fourier.q_range:") for p in project_problems(out))
    project = load_project(out, settings=whole).record
    assert project.scan[0].role == "sample"
    assert len(project.scan) == (2 if name.startswith(("two", "old")) else 1)


def test_a_folder_passes_over_what_is_no_scan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "a.xy", FILES["one.xy"])
    put(tmp_path, "notes.md", b"some words")
    put(tmp_path, "structure.sq", b"0.5 1\n0.6 1\n")
    assert run(command, ["init", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out)
    assert len(result["scans"]) == 1
    assert len(result["not_scans"]) == 2
    assert "no scan" in said.err


def test_what_cannot_be_one_reduction_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = put(tmp_path, "a.uxd", FILES["one.uxd"])
    b = put(tmp_path, "b.uxd", FILES["one.uxd"].replace(b"'Mo'", b"'Cu'"))
    assert run(command, ["init", str(a), str(b)]) == 2
    assert "different anodes: Cu, Mo" in capsys.readouterr().err


def test_empty_missing_and_existing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(command, ["init", str(empty)]) == 2
    assert "there is no scan in" in capsys.readouterr().err
    assert run(command, ["init", str(tmp_path / "none.raw")]) == 2
    scan = put(tmp_path, "a.xy", FILES["one.xy"])
    out = put(tmp_path, "run.toml", b"mine")
    assert run(command, ["init", str(scan), "--out", str(out)]) == 2
    assert out.read_bytes() == b"mine"
    assert run(command, ["init", str(scan), "--out", str(out), "--overwrite"]) == 0
    assert run(command, ["init", str(scan), "--out", str(empty)]) == 2
    assert "would be a folder" in capsys.readouterr().err


def test_awkward_names_stay_valid_toml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = FILES["one.uxd"].replace(
        b"'a glass'", b"'50\\Na2S \"x\" \x01'".replace(b"\x01", b"\xe9")
    )
    path = put(tmp_path, 'it\'s "one" ü.uxd', content)
    assert run(command, ["init", str(path)]) == 0
    project = tomllib.loads(capsys.readouterr().out)
    assert project["sample"]["name"] == '50\\Na2S "x" é'
    assert project["scan"][0]["file"].endswith('it\'s "one" ü.uxd')
