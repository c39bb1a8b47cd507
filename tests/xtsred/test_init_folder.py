"""`xtsred init FOLDER`: roles with evidence, nothing dropped silently, awkward folders."""

import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import run
from calibration.errors import ConfigError
from tests.xtsred.io import makers
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.io.roles import guess_roles
from xtsred.stages import Scan, ScanHeader, frozen

FILES = makers.everything()


def scan(path: str, rate: float = 100.0, *, sample: str | None = None, first: float = 10.0):
    angles = np.arange(first, first + 20.0, 0.1)
    return Path(path), (
        Scan(
            file=path,
            format="text columns",
            two_theta_deg=frozen(angles),
            values=frozen(np.full(angles.size, rate)),
            kind="rates",
            header=ScanHeader(sample_name=sample),
        ),
    )


def roles(*files) -> list[str | None]:
    return [g.role for g in guess_roles(files)]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("empty_capillary.xy", "container"),
        ("leere Kapillare.raw", "container"),
        ("EmptyCap_0.5mm.xrdml", "container"),
        ("capillary_scan1.xy", "container"),
        ("empty_sample_holder.xy", "container"),
        ("air.xy", "environment"),
        ("Luft_2.xy", "environment"),
        ("NS_glass.xy", "sample"),
        ("sample-3.xy", "sample"),
        ("sample_capillary.xy", "sample"),
        # what may be either is left to the user
        ("empty_capillary_in_air.xy", None),
        ("background.xy", None),
        ("blank.xy", None),
        ("NS50_capillary.xy", None),
        ("sample_air.xy", None),
        ("empty_sample.xy", None),
        ("LaB6.xy", None),
        ("SRM640.xy", None),
        ("dark.xy", None),
        ("NS50.xy", None),
        ("airbus.xy", None),
        ("scan1.xy", None),
    ],
)
def test_one_name_says_what_it_says(name: str, role: str | None) -> None:
    guess = guess_roles([scan(name)])[0]
    assert guess.role == role
    assert guess.evidence


def test_the_others_of_a_folder_are_evidence() -> None:
    assert roles(scan("NS50_1.xy"), scan("NS50_2.xy"), scan("empty.xy", 20.0), scan("air.xy", 5.0)) == [
        "sample", "sample", "container", "environment",
    ]  # fmt: skip
    # where one file says that it is the sample, another that says nothing may be anything
    assert roles(scan("sample.xy"), scan("x.xy"), scan("air.xy", 5.0)) == [
        "sample", None, "environment",
    ]  # fmt: skip
    assert roles(scan("NS.xy"), scan("empty.xy", 5.0), scan("background.xy", 2.0)) == [
        "sample", "container", "environment",
    ]  # fmt: skip
    assert roles(scan("NS.xy"), scan("air.xy", 5.0), scan("background.xy", 9.0)) == [
        "sample", "environment", "container",
    ]  # fmt: skip
    both = roles(scan("NS.xy"), scan("empty.xy", 5.0), scan("air.xy", 5.0), scan("bkg.xy", 2.0))
    assert both == ["sample", "container", "environment", None]


def test_counts_speak_against_a_name() -> None:
    guesses = guess_roles([scan("sample.xy", 50.0), scan("empty.xy", 80.0), scan("air.xy", 5.0)])
    assert [g.role for g in guesses] == ["sample", None, "environment"]
    assert "counts more: 80 against 50 counts/s" in guesses[1].evidence
    assert "5 against 50 counts/s" in guesses[2].evidence
    # no angle in common: the counts say nothing
    assert roles(scan("sample.xy", 5.0), scan("empty.xy", 80.0, first=60.0)) == [
        "sample", "container",
    ]  # fmt: skip


def test_headers_and_folders_are_evidence(tmp_path: Path) -> None:
    assert roles(scan("0001.xy", sample="empty capillary")) == ["container"]
    assert roles(scan("air.xy", sample="empty capillary")) == [None]
    assert roles(scan("0001.xy", sample="a glass")) == [None]  # every header names some sample
    path, scans = scan(str(tmp_path / "Leermessung" / "0001.xy"))
    guess = guess_roles([(path, scans)], folders=[tmp_path])[0]
    assert (guess.role, guess.evidence) == ("container", "its folder has 'leermessung'")
    # folders above the one that was dropped are nobody's evidence
    guess = guess_roles([(path, scans)], folders=[tmp_path / "Leermessung"])[0]
    assert guess.role is None


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def counts(seed: int, level: float) -> bytes:
    rng = np.random.default_rng(seed)
    angles = np.arange(2.0, 150.0, 0.5)
    rows = [f"{a:.2f} {n}" for a, n in zip(angles, rng.poisson(level, angles.size), strict=True)]
    return "\n".join(rows).encode()


def test_a_dropped_folder_becomes_a_project(tmp_path: Path, capsys) -> None:
    data = tmp_path / "Messung ü 'März'"
    put(data / "sample 1.xy", counts(1, 900.0))
    put(data / "sample 10.xy", counts(2, 900.0))
    put(data / "sample 2.xy", counts(3, 900.0))
    put(data / "leer" / "0001.xy", counts(4, 300.0))
    put(data / "air.xy", counts(5, 60.0))
    put(data / "notes.md", b"some words")
    put(data / "nothing.xy", b"")
    put(data / ".hidden.xy", counts(6, 1.0))
    put(data / "many.csv", b"10 1 2 3 4\n11 1 2 3 4\n12 1 2 3 4\n13 1 2 3 4\n")
    out = tmp_path / "run.toml"
    assert run(command, ["init", str(data), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    project = tomllib.loads(text)
    assert [(s.get("role"), Path(s["file"]).name) for s in project["scan"]] == [
        ("environment", "air.xy"), ("sample", "sample 1.xy"), ("sample", "sample 2.xy"),
        ("sample", "sample 10.xy"), ("container", "0001.xy"),
    ]  # fmt: skip
    assert all((tmp_path / s["file"]).is_file() for s in project["scan"])
    for said in ("notes.md", "nothing.xy", "the file is empty", "many.csv", "1 hidden files"):
        assert said in text
    assert "# guessed: " in text
    assert "its folder has 'leer'" in text
    # refused until filled, and a project when it is
    with pytest.raises(ConfigError) as caught:
        load_project(out)
    for key in ("sample.composition", "sample.radius_mm", "container.wall_thickness_mm"):
        assert f"{key}: missing" in str(caught.value)
    done = text.replace("# FILL IN: ", "").replace("q_range = [0.6, 17.0]", "q_range = [1.0, 17.0]")
    out.write_text(done, encoding="utf-8")
    assert load_project(out, settings=["radiation.anode=Ag"]).record.container is not None
    capsys.readouterr()
    assert run(command, ["init", str(data), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {r["role"] for r in result["scans"]} == {"sample", "container", "environment"}
    assert len(result["not_used"]) == 3


def test_the_same_numbers_twice_are_said(tmp_path: Path, capsys) -> None:
    put(tmp_path / "sample.xy", counts(1, 900.0))
    put(tmp_path / "sample copy.xy", counts(1, 900.0))
    assert run(command, ["init", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("warning: the same numbers as in") == 1


def test_links_results_and_unreadable_things(tmp_path: Path, capsys) -> None:
    data = tmp_path / "data"
    put(data / "a" / "sample.xy", counts(1, 900.0))
    (data / "a" / "loop").symlink_to(data)
    (data / "b").symlink_to(data / "a")
    (data / "again.xy").symlink_to(data / "a" / "sample.xy")
    (data / "broken.xy").symlink_to(data / "nowhere")
    put(data / "out" / "result.json", b"{}")
    put(data / "out" / "report.html", b"")
    put(data / "out" / "sample.gr", b"1 2\n2 3\n")
    put(data / "run.toml", b"[sample]\n")
    os.mkfifo(data / "pipe")
    assert run(command, ["init", str(data), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["scans"]) == 1
    why = {Path(n["file"]).name: n["why"] for n in result["not_used"]}
    assert why["loop"] == "a link to a folder that is looked at already"
    assert why["b"] == "a link to a folder that is looked at already"
    assert why["broken.xy"] == "a link that leads nowhere"
    assert why["out"] == "a result of this program, no measurement"
    assert why["run.toml"] == "a project file"
    assert why["pipe"] == "not a regular file"
    assert "sample.xy" in " ".join(why.values()) or "again.xy" in " ".join(why.values())


def test_empty_folders_and_folders_without_scans(tmp_path: Path, capsys) -> None:
    assert run(command, ["init", str(tmp_path)]) == 2
    assert "nothing is in it" in capsys.readouterr().err
    put(tmp_path / "letter.pdf", b"%PDF-1.4\n\x00\xff\x00")
    assert run(command, ["init", str(tmp_path)]) == 2
    assert "letter.pdf: this is a PDF document" in capsys.readouterr().err
    assert run(command, ["init", str(tmp_path / "none")]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_a_table_without_names_alone_is_asked_about(tmp_path: Path, capsys) -> None:
    rows = "\n".join(f"{10 + 0.1 * i:.1f} {i + 3} 1 2 1" for i in range(400))
    put(tmp_path / "rates.dat", rows.encode())
    assert run(command, ["init", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert [set(s) for s in tomllib.loads(text)["scan"]] == [{"file"}]
    assert "# FILL IN: columns =" in text
    assert "there are 5 columns" in text


def test_names_that_toml_must_escape(tmp_path: Path, capsys) -> None:
    odd = tmp_path / 'a "b"\t\\ [c]\n.xy'
    put(odd, counts(1, 900.0))
    put(tmp_path / "bad\nname.md", b"words")
    assert run(command, ["init", str(tmp_path), "--out", str(tmp_path / "run.toml")]) == 0
    project = tomllib.loads((tmp_path / "run.toml").read_text(encoding="utf-8"))
    assert (tmp_path / project["scan"][0]["file"]).is_file()


def test_hundreds_of_files(tmp_path: Path, capsys) -> None:
    for k in range(300):
        put(tmp_path / f"scan_{k}.xy", counts(k, 900.0))
        put(tmp_path / f"note_{k}.bin", b"\0\1\2")
    assert run(command, ["init", str(tmp_path), "--out", str(tmp_path / "run.toml")]) == 0
    said = capsys.readouterr()
    assert "292 more, listed in the project file" in said.err
    text = (tmp_path / "run.toml").read_text(encoding="utf-8")
    assert len(tomllib.loads(text)["scan"]) == 300
    assert text.count("note_") == 300


def test_real_folders(shared_data: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "run.toml"
    assert (
        run(command, ["init", str(shared_data / "xrd" / "ns_mo_virtual"), "--out", str(out)]) == 0
    )
    project = tomllib.loads(out.read_text(encoding="utf-8"))
    assert [s["role"] for s in project["scan"]] == ["environment", "container", *["sample"] * 3]
    capsys.readouterr()
    for name, status in (("ceo2_mo_capillary", 0), ("silica_ag_rod", 0), ("formats", 0)):
        assert run(command, ["init", str(shared_data / "xrd" / name)]) == status
        text = capsys.readouterr().out
        assert all("role" not in s for s in tomllib.loads(text)["scan"])
