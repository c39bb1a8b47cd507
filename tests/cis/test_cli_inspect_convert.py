"""`cis inspect` and `cis convert` as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.commandline import run
from cis.cli import command
from cis.io import read_spectra

GOOD = "f,Z',Z'',T/K\n1e5,10,-20,300\n1e4,12,-90,300\n1e3,15,-600,300\n"
TWO = "f,Z',Z''\n1e5,10,-20\n1e4,12,-90\n1e3,15,-600\n1e5,11,-21\n1e4,13,-91\n1e3,16,-601\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "two.txt").write_text(TWO)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = run(command, [str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_inspect_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = call(capsys, "inspect", "--json", files / "good.csv", files / "two.txt")
    assert (status, err) == (0, "")
    entries: list[dict[str, Any]] = json.loads(out)
    assert [Path(e["file"]).name for e in entries] == ["good.csv", "two.txt"]
    assert entries[0]["format"] == "text table"
    (spectrum,) = entries[0]["spectra"]
    assert (spectrum["points"], spectrum["frequency_hz"], spectrum["temperature_K"]) == (
        3,
        [1e3, 1e5],
        300.0,
    )
    assert [s["points"] for s in entries[1]["spectra"]] == [3, 3]


def test_one_failure_does_not_stop_the_others(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = call(
        capsys, "inspect", files / "bad.csv", files / "good.csv", files / "none.csv"
    )
    assert status == 3
    assert "3 points" in out
    assert "bad.csv:1: no table" in err
    assert "none.csv: the file cannot be opened" in err
    status, out, _ = call(capsys, "inspect", "--json", files / "bad.csv")
    assert status == 2
    assert "no table" in json.loads(out)[0]["error"]


def test_convert_reads_back_exactly(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = files / "out"
    status, text, _ = call(
        capsys, "convert", files / "good.csv", files / "two.txt", "--to", "csv", "--out", out
    )
    assert status == 0
    assert sorted(p.name for p in out.iterdir()) == ["good.csv", "two_1.csv", "two_2.csv"]
    assert len(text.splitlines()) == 3
    assert (out / "two_1.csv").read_text().splitlines()[0] == "f_Hz,Zreal_ohm,Zimag_ohm"
    back = read_spectra(out / "good.csv")[0]
    assert back.temperature_k == 300.0
    np.testing.assert_array_equal(back.z_ohm, [10 - 20j, 12 - 90j, 15 - 600j])


def test_convert_never_replaces_unasked(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = files / "out"
    arguments = ("convert", files / "good.csv", "--to", "csv", "--out", out)
    assert call(capsys, *arguments)[0] == 0
    (out / "good.csv").write_text("mine")
    status, _, err = call(capsys, *arguments)
    assert (status, (out / "good.csv").read_text()) == (2, "mine")
    assert "--overwrite" in err
    assert call(capsys, *arguments, "--overwrite")[0] == 0
    assert (out / "good.csv").read_text() != "mine"
    # an input is not replaced even when asked
    assert (
        call(capsys, "convert", files / "good.csv", "--to", "csv", "--out", files, "--overwrite")[0]
        == 2
    )
    assert (files / "good.csv").read_text() == GOOD
    assert [p for p in out.iterdir() if "partial" in p.name] == []


def test_same_names_are_told_apart_by_their_ending(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "good.txt").write_text(GOOD)
    out = files / "out"
    assert (
        call(
            capsys, "convert", files / "good.csv", files / "good.txt", "--to", "csv", "--out", out
        )[0]
        == 0
    )
    assert sorted(p.name for p in out.iterdir()) == ["good_csv.csv", "good_txt.csv"]


def test_questions_are_answered_by_options(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = files / "nameless.txt"
    file.write_text("5 100 0.1\n4 100 0.1\n3 100 0.1\n")
    status, _, err = call(capsys, "inspect", file)
    assert status == 2
    assert "--column" in err
    answers = (
        "--column",
        "f=1",
        "--column",
        "Z'=2",
        "--column",
        "-Z''=3",
        "--frequency-unit",
        "kHz",
    )
    status, out, _ = call(capsys, "inspect", file, *answers)
    assert status == 0
    assert "3000 to 5000 Hz" in out
    assert call(capsys, "inspect", file, "--column", "nonsense")[0] == 2
    assert call(capsys, "inspect", file, "--column", "blue=1")[0] == 2


def test_every_real_file_converts_and_reads_back_exactly(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted(p for p in (shared_data / "cis").glob("*/*") if p.parent.name != "tables")
    status, out, _ = call(capsys, "convert", *files, "--to", "csv", "--out", tmp_path, "--json")
    assert status == 0
    for entry in json.loads(out):
        for original, path in zip(read_spectra(entry["file"]), entry["written"], strict=True):
            (back,) = read_spectra(path)
            np.testing.assert_array_equal(back.frequency_hz, original.frequency_hz)
            np.testing.assert_array_equal(back.z_ohm, original.z_ohm)
            assert back.temperature_k == original.temperature_k


def test_reading_imports_no_heavy_package() -> None:
    code = (
        "import sys, cis.io, cis.cli.inspect, cis.cli.convert; "
        "print([m for m in ('scipy', 'matplotlib', 'pandas', 'pydantic', 'lmfit', 'h5py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
