"""A result folder is written whole or not at all."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from calibration.errors import OutputError
from calibration.folder import check_target, result_folder, safe_name


def earlier_result(folder: Path) -> Path:
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps({"provenance": {}}), encoding="utf-8")
    (folder / "old.txt").write_text("old", encoding="utf-8")
    return folder


def fill(target: Path, *, overwrite: bool = False) -> None:
    with result_folder(target, overwrite=overwrite) as folder:
        (folder / "new.txt").write_text("new", encoding="utf-8")


def break_off(target: Path, error: type[BaseException]) -> None:
    with result_folder(target, overwrite=True) as folder:
        (folder / "half.txt").write_text("half", encoding="utf-8")
        raise error


def test_a_finished_folder_is_there_and_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path / "deep" / "out")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out"]
    assert (tmp_path / "deep" / "out" / "new.txt").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error):
        break_off(tmp_path / "out", error)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_earlier_result(tmp_path: Path) -> None:
    target = earlier_result(tmp_path / "out")
    with pytest.raises(RuntimeError):
        break_off(target, RuntimeError)
    assert sorted(p.name for p in target.iterdir()) == ["old.txt", "result.json"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_earlier_result_is_replaced_only_when_asked(tmp_path: Path) -> None:
    target = earlier_result(tmp_path / "out")
    with pytest.raises(OutputError, match="exists already"):
        fill(target)
    fill(target, overwrite=True)
    assert [p.name for p in target.iterdir()] == ["new.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "thesis"
    target.mkdir()
    (target / "chapter.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match="not an earlier result"):
        fill(target, overwrite=True)
    assert (target / "chapter.tex").exists()


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "new.txt").exists()


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match="is a file"):
        check_target(tmp_path / "out", overwrite=True)
    with pytest.raises(OutputError) as caught:
        check_target(tmp_path / "out" / "deeper" / "still", overwrite=False)
    assert "is a file, not a folder" in str(caught.value)


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 1)() == 0,
    reason="permissions do not bind this user",
)
def test_a_place_without_permission_is_said(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="cannot be created"):
        fill(locked / "out")


@pytest.mark.skipif(sys.platform == "win32", reason="rights are POSIX")
def test_a_result_has_the_rights_of_any_new_folder(tmp_path: Path) -> None:
    fill(tmp_path / "out")
    (tmp_path / "plain").mkdir()
    rights = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("out", "plain")]
    assert rights[0] == rights[1]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("50Na2S-50SiS2", "50Na2S-50SiS2"),
        ("a/b\\c:d", "a_b_c_d"),
        ("Größe", "Gr__e"),
        ("..", "sample"),
        ("", "sample"),
        ("con", "con_"),
        ("x" * 200, "x" * 80),
    ],
)
def test_names_are_made_safe_for_every_system(name: str, safe: str) -> None:
    assert safe_name(name) == safe
