"""`xtsred convert` writes what `read_scans` reads back exactly."""

import json
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import run
from tests.xtsred.io import makers
from xtsred.cli import command
from xtsred.io import read_scans

FILES = {n: c for n, c in makers.everything().items() if n != "one.chi"}


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("extension", ["xy", "xye", "csv"])
@pytest.mark.parametrize("name", FILES)
def test_round_trip_is_exact(tmp_path: Path, name: str, extension: str) -> None:
    path = put(tmp_path, name, FILES[name])
    out = tmp_path / "out"
    assert run(command, ["convert", str(path), "--to", extension, "--out", str(out)]) == 0
    scans = read_scans(path)
    written = sorted(out.iterdir())
    assert len(written) == len(scans)
    for before, target in zip(scans, written, strict=True):
        (after,) = read_scans(target)
        np.testing.assert_array_equal(after.two_theta_deg, before.two_theta_deg)
        np.testing.assert_array_equal(after.values, before.values)
        assert after.kind == before.kind
        np.testing.assert_array_equal(after.seconds_per_step, before.seconds_per_step)
        assert after.header.anode == before.header.anode
        assert after.header.wavelengths_a == before.header.wavelengths_a
        assert after.header.line_ratio == before.header.line_ratio
        assert after.header.sample_name == before.header.sample_name
        if before.sigma is not None and extension != "xy":
            np.testing.assert_array_equal(after.sigma, before.sigma)
        if extension == "xye":
            assert after.sigma is not None
            if before.sigma is None:
                np.testing.assert_array_equal(after.sigma, np.sqrt(np.maximum(before.values, 1)))


def test_real_files_round_trip(shared_data: Path, tmp_path: Path) -> None:
    files = sorted((shared_data / "xrd/formats").iterdir())
    assert run(command, ["convert", *map(str, files), "--to", "csv", "--out", str(tmp_path)]) == 0
    for file in files:
        for scan in read_scans(file):
            near = [
                p
                for p in tmp_path.iterdir()
                if p.name.startswith(file.stem.strip("_").split("_range")[0])
            ]
            matches = [
                s
                for p in near
                for s in read_scans(p)
                if s.values.shape == scan.values.shape
                and np.array_equal(s.values, scan.values)
                and np.array_equal(s.two_theta_deg, scan.two_theta_deg)
            ]
            assert matches, file.name
            assert matches[0].kind == scan.kind


def test_times_that_vary_need_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    y = makers.counts()
    factors = [150 if i < 5 else 1 for i in range(y.size)]
    path = put(tmp_path, "a.xrdml", makers.xrdml(y, factors=factors))
    assert run(command, ["convert", str(path), "--to", "xy", "--out", str(tmp_path / "out")]) == 2
    assert "convert --to csv" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(command, ["convert", str(path), "--to", "csv", "--out", str(tmp_path / "out")]) == 0
    (after,) = read_scans(tmp_path / "out" / "a.csv")
    np.testing.assert_array_equal(after.seconds_per_step, read_scans(path)[0].seconds_per_step)


def test_rates_without_time_have_no_xye(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, "a.xy", b"5 1.5\n6 2.5\n7 3.5\n")
    assert run(command, ["convert", str(path), "--to", "xye", "--out", str(tmp_path / "out")]) == 2
    assert "needs an uncertainty" in capsys.readouterr().err


def test_nothing_is_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path, "one.uxd", FILES["one.uxd"])
    arguments = ["convert", str(path), "--to", "xy", "--out", str(tmp_path / "out"), "--json"]
    assert run(command, arguments) == 0
    assert json.loads(capsys.readouterr().out)[0]["written"] == [str(tmp_path / "out" / "one.xy")]
    before = (tmp_path / "out" / "one.xy").read_bytes()
    assert run(command, arguments) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(command, [*arguments, "--overwrite"]) == 0
    assert (tmp_path / "out" / "one.xy").read_bytes() == before
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["one.xy"]


def test_inputs_of_one_name_do_not_collide(tmp_path: Path) -> None:
    a = put(tmp_path, "one.uxd", FILES["one.uxd"])
    b = put(tmp_path, "one.ras", FILES["one.ras"])
    assert (
        run(command, ["convert", str(a), str(b), "--to", "xy", "--out", str(tmp_path / "out")]) == 0
    )
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["one_ras.xy", "one_uxd.xy"]


def test_a_file_is_not_converted_onto_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "a.xy", FILES["one.xy"])
    arguments = ["convert", str(path), "--to", "xy", "--out", str(tmp_path), "--overwrite"]
    assert run(command, arguments) == 2
    assert path.read_bytes() == FILES["one.xy"]


def test_an_unwritable_place_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(tmp_path, "one.xy", FILES["one.xy"])
    blocked = put(tmp_path, "blocked", b"a file")
    assert run(command, ["convert", str(path), "--to", "csv", "--out", str(blocked / "out")]) == 2
    assert "cannot be written" in capsys.readouterr().err
