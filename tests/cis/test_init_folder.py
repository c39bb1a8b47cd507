"""`cis init FOLDER`: temperatures and the holder with evidence, nothing dropped silently, awkward folders."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import run
from calibration.errors import ConfigError
from calibration.records import load
from cis.cli import command
from cis.config import Project
from cis.inputs import matching_files
from cis.series_names import groups_of, guess_template


def put(path: Path, r: float = 1e5, *, c: float = 1e-11, f_max: float = 1e6) -> Path:
    """An export of R||C as generic csv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    f = np.geomspace(f_max, 10.0, 31)
    z = r / (1.0 + 2j * np.pi * f * r * c)
    rows = [
        f"{a:.8g},{b.real:.8g},{b.imag:.8g}" for a, b in zip(f.tolist(), z.tolist(), strict=True)
    ]
    path.write_text("frequency_Hz,z_real_ohm,z_imag_ohm\n" + "\n".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("names", "template"),
    [
        (["NS_25C_run1.z", "NS_25C_run2.z", "NS_40C_run1.z"], "NS_{temperature_C}C*"),
        (["NS_25C_up.z", "NS_40C_down.z"], "NS_{temperature_C}C*"),
        (["NS 25 °C a.z", "NS 30 °C b.z"], "NS {temperature_C} °C*"),
        (["a_25C_298K.z", "a_40C_313K.z"], "a_{temperature_C}C*"),  # one temperature twice
        (["a_25C_40K.z", "a_30C_50K.z"], None),  # which of the two is the temperature?
        (["run_150C.txt"], "run_{temperature_C}C.txt"),
        (["12C-25K.csv"], None),
        (["25C_a.z", "25C_b.z"], None),  # one temperature: nothing shows that it is one
    ],
)
def test_templates(names, template) -> None:
    assert guess_template(names) == template


def test_names_are_grouped_by_folder_and_by_what_they_share(tmp_path: Path) -> None:
    paths = [tmp_path / n for n in ("up/NS_25C.z", "up/NS_40C.z", "down/NS_25C.z", "down/NS_40C.z")]
    assert [(len(g.paths), g.template) for g in groups_of(paths)] == [(2, "NS_{temperature_C}C.z")] * 2  # fmt: skip
    mixed = [tmp_path / n for n in ("corrupt_150C.txt", "good_42C.txt", "plain.txt")]
    assert [(g.paths[0].name, g.template) for g in groups_of(mixed)] == [
        ("corrupt_150C.txt", "corrupt_{temperature_C}C.txt"),
        ("good_42C.txt", "good_{temperature_C}C.txt"),
        ("plain.txt", None),
    ]


def test_a_dropped_folder_becomes_a_project(tmp_path: Path, capsys) -> None:
    data = tmp_path / "Zelle ü 'März'"
    for t in (5, 20, 100):
        put(data / f"NS_{t}C.csv", 1e6 / t)
    put(data / "open.csv", 1e12, c=1e-13)
    put(data / "short.csv", 0.5)
    put(data / "heated" / "NS_150C.csv", 2e3)
    (data / "notes.md").write_text("some words")
    (data / "empty.dat").write_text("")
    put(data / ".hidden.csv")
    out = tmp_path / "run.toml"
    assert run(command, ["init", str(data), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    project = tomllib.loads(text)
    assert [s.get("temperature_from_name") for s in project["spectrum"]] == ["NS_{temperature_C}C.csv"] * 2  # fmt: skip
    assert project["fixture"] == {
        "open": "Zelle ü 'März'/open.csv",
        "short": "Zelle ü 'März'/short.csv",
    }
    for said in ("5 to 100 °C", "times that of the nearest sample", "notes.md", "empty.dat", "1 hidden files"):  # fmt: skip
        assert said in text
    with pytest.raises(ConfigError) as caught:
        load(Project, out)
    assert "sample.thickness_mm: missing" in str(caught.value)
    out.write_text(text.replace("# FILL IN: ", ""), encoding="utf-8")
    loaded = load(Project, out).record
    found = [matching_files(s.files, folder=tmp_path, key="k") for s in loaded.spectrum]
    assert [len(f) for f in found] == [3, 1]
    capsys.readouterr()
    assert run(command, ["init", str(data), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {h["kind"] for h in result["holder"]} == {"open", "short"}
    assert {Path(n["file"]).name for n in result["not_used"]} == {"notes.md", "empty.dat"}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"open.csv": 10.0, "NS_25C.csv": 1e5, "NS_40C.csv": 5e4}, "but its |Z| is"),
        ({"short.csv": 1e9, "NS_25C.csv": 1e5, "NS_40C.csv": 5e4}, "but its |Z| is"),
        ({"open.csv": 1e12}, "no sample's spectrum is there"),
        ({"open_1.csv": 1e12, "open_2.csv": 1e12, "NS_25C.csv": 1e5}, "and so do others"),
        ({"empty.csv": 1e12, "NS_25C.csv": 1e5}, "the open holder ([fixture] open), or a sample?"),
    ],
)
def test_an_unclear_holder_is_asked_about(tmp_path: Path, capsys, names, said) -> None:
    for name, r in names.items():
        put(tmp_path / name, r)
    assert run(command, ["init", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert said in text
    assert "fixture" not in tomllib.loads(text)
    # a table without files: refused until somebody says what it is
    assert any("files" not in s for s in tomllib.loads(text)["spectrum"])
    assert "# FILL IN: files =" in text


def test_names_without_anything_shared_are_asked_about(tmp_path: Path, capsys) -> None:
    put(tmp_path / "alpha.csv")
    put(tmp_path / "beta.csv", 2e5)
    assert run(command, ["init", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "name" not in tomllib.loads(text)["sample"]
    assert "is this one sample?" in text
    assert text.count("# FILL IN: temperature_C") == 2


def test_the_same_numbers_twice_are_said(tmp_path: Path, capsys) -> None:
    put(tmp_path / "NS.csv")
    put(tmp_path / "NS copy.csv")
    assert run(command, ["init", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("warning: the same numbers as in") == 1


def test_two_samples_over_the_same_temperatures_are_said(tmp_path: Path, capsys) -> None:
    demo = Path(__file__).resolve().parents[2] / "cis" / "data" / "demo"
    for name in ("NS.csv", "N2S.csv"):
        (tmp_path / name).write_bytes((demo / name).read_bytes())
    assert run(command, ["init", str(tmp_path)]) == 0
    assert "holds the temperatures of N2S.csv again: of another sample?" in capsys.readouterr().out


def test_a_name_that_contradicts_its_file_is_said(tmp_path: Path, capsys) -> None:
    for name, t in (("NS_25C.csv", 25.2), ("NS_40C.csv", 80.0)):
        path = put(tmp_path / name, 1e6 / t)
        text = path.read_text(encoding="utf-8").splitlines()
        rows = [text[0] + ",temperature_C", *(f"{line},{t}" for line in text[1:])]
        path.write_text("\n".join(rows), encoding="utf-8")
    assert run(command, ["init", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "temperature_from_name" not in text  # the files state it
    assert text.count("# warning:") == 1
    assert "states 80 °C, its name 40 °C" in text


def test_links_and_empty_folders(tmp_path: Path, capsys) -> None:
    assert run(command, ["init", str(tmp_path)]) == 2
    assert "nothing is in it" in capsys.readouterr().err
    data = tmp_path / "data"
    put(data / "a.csv")
    (data / "loop").symlink_to(data)
    (data / "nowhere.csv").symlink_to(data / "none")
    assert run(command, ["init", str(data), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["files"]) == 1
    assert len(result["not_used"]) == 2


def test_hundreds_of_files_are_one_table(tmp_path: Path) -> None:
    for k in range(200):
        put(tmp_path / f"NS_{k}C.csv", 1e5 / (k + 1))
        (tmp_path / f"picture_{k}.png").write_bytes(b"\x89PNG\0")
    out = tmp_path / "run.toml"
    assert run(command, ["init", str(tmp_path), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert len(tomllib.loads(text)["spectrum"]) == 1
    assert text.count("picture_") == 200


def test_real_folders(shared_data: Path, tmp_path: Path, capsys) -> None:
    cis = shared_data / "cis"
    assert run(command, ["init", str(cis / "series_s04147")]) == 0
    text = capsys.readouterr().out
    (table,) = tomllib.loads(text)["spectrum"]
    assert table["temperature_from_name"] == "s04147-{temperature_C}deg.txt"
    assert "120 to 200 °C" in text
    assert run(command, ["init", str(cis / "lrc_bad")]) == 0
    text = capsys.readouterr().out
    assert [s["temperature_from_name"] for s in tomllib.loads(text)["spectrum"]] == [
        "corrupt_{temperature_C}C.txt",
        "good_{temperature_C}C.txt",
    ]
    assert "is this one sample?" in text
    assert run(command, ["init", str(cis / "tables")]) == 2
    assert "LiIonDatabase.csv" in capsys.readouterr().err
    assert run(command, ["init", str(cis / "formats")]) == 0
    text = capsys.readouterr().out
    assert len(tomllib.loads(text)["spectrum"]) > 25
    # one run as .mpr and as .mpt
    assert "warning: the same numbers as in" in text
