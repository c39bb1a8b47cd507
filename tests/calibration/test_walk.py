"""Files of a folder, text files, and the pieces of a project file: nothing lost, nothing replaced, any name."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import InputError, OutputError
from calibration.project_text import comment, passed_lines, relative_name, toml_string
from calibration.textfile import check_file, write_file
from calibration.walk import find_files


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_file_is_taken_or_named(tmp_path: Path) -> None:
    for name in ("b 10.xy", "b 2.xy", "sub/deep/c.xy", ".git/config", "sub/.DS_Store", "run.toml"):
        put(tmp_path / name)
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "gone.xy").symlink_to(tmp_path / "nothing")
    os.link(tmp_path / "b 2.xy", tmp_path / "hard.xy")
    found = find_files([tmp_path])
    assert [p.relative_to(tmp_path).as_posix() for p in found.files] == [
        "b 2.xy", "b 10.xy", "sub/deep/c.xy",
    ]  # fmt: skip
    assert {(p.name, why) for p, why in found.passed} == {
        ("run.toml", "a project file"),
        ("up", "a link to a folder that is looked at already"),
        ("gone.xy", "a link that leads nowhere"),
        ("hard.xy", "the same file as b 2.xy"),
    }
    assert found.hidden == 2
    assert found.given == frozenset()


def test_named_files_are_kept_and_the_output_is_no_input(tmp_path: Path) -> None:
    hidden, project = put(tmp_path / ".a.xy"), put(tmp_path / "b.toml")
    found = find_files([hidden, project, hidden], but=tmp_path / "out.toml")
    assert found.files == (hidden, project)
    assert found.given == {hidden, project}
    assert found.passed == ((hidden, "the same file as .a.xy"),)
    put(tmp_path / "c.xy")
    assert find_files([tmp_path], but=tmp_path / "c.xy").files == ()
    with pytest.raises(InputError, match="no such file or folder"):
        find_files([tmp_path / "none"])


def test_a_whole_disk_is_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calibration.walk._MOST", 3)
    for k in range(5):
        put(tmp_path / f"{k}.xy")
    with pytest.raises(InputError, match="more than 3 files"):
        find_files([tmp_path])


def test_what_is_too_large_is_not_opened(tmp_path: Path) -> None:
    large = tmp_path / "film.xyz"
    with large.open("wb") as file:
        file.truncate(300 * 1024**2)  # a hole: nothing is written
    found = find_files([tmp_path])
    assert found.files == ()
    assert "not opened" in found.passed[0][1]
    assert find_files([large]).files == (large,)


def test_names_that_are_no_text_are_said(tmp_path: Path) -> None:
    try:
        put(tmp_path / "a\udcff.xy")
    except (OSError, UnicodeError):
        pytest.skip("this file system refuses such names")
    ((path, why),) = find_files([tmp_path]).passed
    assert "not text" in why
    # and can be said: a comment holds no half character
    "\n".join(passed_lines([(path, why)], folder=tmp_path)).encode("utf-8")


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_a_toml_string_and_a_comment(text: str) -> None:
    document = f"# {comment(text)}\nkey = {toml_string(text)}  # {comment(text)}\n"
    assert tomllib.loads(document) == {"key": text}
    assert len(comment(text).splitlines()) <= 1


def test_left_out_files_are_listed_by_reason(tmp_path: Path) -> None:
    passed = [(tmp_path / "a.md", "no scan"), (tmp_path / "b.pdf", "a PDF"), (tmp_path / "c.md", "no scan")]  # fmt: skip
    lines = passed_lines(passed, folder=tmp_path, hidden=2)
    assert lines[1:] == [
        "# Not used: 3 of what was found, with the reason:",
        "#   no scan:", "#     a.md", "#     c.md", "#   a PDF:", "#     b.pdf", "",
        "# Not looked at: 2 hidden files or folders (names that begin with a dot).",
    ]  # fmt: skip
    assert passed_lines([], folder=tmp_path) == []
    assert relative_name(tmp_path / "x" / "y", tmp_path / "z") == "../x/y"


def test_text_files_are_whole_and_replace_nothing(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    write_file(target, "Å\n")
    assert target.read_bytes() == "Å\n".encode()
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]
    check_file(target, overwrite=True)
    for bad, text, inputs in (
        (target, "exists already", ()),
        (tmp_path, "is a folder", ()),
        (target, "output is the input", (target,)),
    ):
        with pytest.raises(OutputError, match=text):
            check_file(bad, overwrite=False, inputs=inputs)
    with pytest.raises(OutputError, match="cannot be written"):
        write_file(target / "below a file", "x")
