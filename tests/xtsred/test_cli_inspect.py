"""`xtsred inspect` says what a file is."""

import json
from pathlib import Path

import pytest

from calibration.commandline import run
from tests.xtsred.io import makers
from xtsred.cli import command


def put(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(makers.everything()[name])
    return path


def test_json_has_the_promised_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, "two.v3.raw")
    assert run(command, ["inspect", str(path), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["file"] == str(path)
    assert entry["format"] == "Bruker RAW v3"
    assert entry["anode"] == "Mo"
    assert entry["wavelength_A"] == pytest.approx(0.70932)
    assert entry["kind"] == "counts"
    first, second = entry["ranges"]
    assert first["two_theta_deg"] == pytest.approx([10.0, 12.95])
    assert first["step_deg"] == pytest.approx(0.05)
    assert (first["points"], second["points"]) == (60, 40)
    assert first["seconds_per_step"] == 2.5
    assert first["counts_total"] == makers.counts().sum()
    assert entry["ignored"]


def test_text_shows_ranges_and_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, ["inspect", str(put(tmp_path, "one.xy"))]) == 0
    out = capsys.readouterr().out
    assert "10 to 12.95°, 60 points, step 0.05°, time not stated" in out
    assert "taken as counts" in out


def test_times_that_vary_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    y = makers.counts()
    factors = [150 if i < 5 else 1 for i in range(y.size)]
    path = tmp_path / "a.xrdml"
    path.write_bytes(makers.xrdml(y, factors=factors))
    assert run(command, ["inspect", str(path), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["ranges"][0]["seconds_per_step"] == 2.5
    assert entry["ranges"][0]["seconds_per_step_range"] == pytest.approx([2.5 / 150, 2.5])


def test_columns_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.dat"
    path.write_text("".join(f"{3 + i / 5} {10.5 + i} 0.5 7\n" for i in range(5)))
    assert run(command, ["inspect", str(path)]) == 2
    assert "nothing says which is what" in capsys.readouterr().err
    columns = "two_theta_deg=1, rate_cps=2, rate_sigma_cps=3"
    assert run(command, ["inspect", str(path), "--columns", columns, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["kind"] == "rates"
    assert entry["ranges"][0]["counts_total"] is None
    assert run(command, ["inspect", str(path), "--columns", "angle=1"]) == 2


def test_exit_status_for_none_some_and_all_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = put(tmp_path, "one.ras"), tmp_path / "none.xy"
    assert run(command, ["inspect", str(good)]) == 0
    assert run(command, ["inspect", str(good), str(bad), "--json"]) == 3
    said = capsys.readouterr()
    assert "error" in json.loads(said.out[said.out.index("[\n") :])[1]
    assert "none.xy: the file cannot be read" in said.err
    assert run(command, ["inspect", str(bad), str(tmp_path)]) == 2
    assert "this is a folder" in capsys.readouterr().err
