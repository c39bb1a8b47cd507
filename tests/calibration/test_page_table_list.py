"""Lists of tables set anew in a project file: comments and what stays are as they were."""

from typing import Any

import pytest
import tomlkit

from calibration.page.edits import Edits
from calibration.page.project_file import as_settings, changed_text, read_project_file

TEXT = """\
# head
a = 1 # one

[[mask]] # first
spectrum = "x" # c1
hz = [1.0, 2.0]   # c2
# of the first

# about the second
[[mask]]
spectrum = "y"
reason = "s"
# of the second

# about the rest
[rest]
form = "both" # kept
"""
X: dict[str, Any] = {"spectrum": "x", "hz": [1.0, 2.0]}
Y: dict[str, Any] = {"spectrum": "y", "reason": "s"}
Z: dict[str, Any] = {"spectrum": "z", "hz": [3.5]}
Z_TEXT = '[[mask]]\nspectrum = "z"\nhz = [3.5]\n'


def changed(tmp_path: Any, value: Any, text: str = TEXT) -> str:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    new = changed_text(read_project_file(path), {"mask": value})
    assert tomlkit.parse(new).unwrap().get("mask") == value
    return new


def test_what_stays_is_not_touched(tmp_path: Any) -> None:
    assert changed(tmp_path, [X, Y]) == TEXT


def test_a_new_entry_goes_before_what_is_about_the_rest(tmp_path: Any) -> None:
    assert changed(tmp_path, [X, Y, Z]) == TEXT.replace(
        "# of the second\n", f"# of the second\n\n{Z_TEXT}"
    )
    assert changed(tmp_path, [X, Z, Y]) == TEXT.replace(
        "# of the first\n", f"# of the first\n\n{Z_TEXT}"
    )


def test_an_entry_that_goes_takes_no_comment_of_another_with_it(tmp_path: Any) -> None:
    without_y = changed(tmp_path, [X])
    for words in ("# head", "# c1", "# c2", "# of the first", "# about the rest", "# kept"):
        assert words in without_y
    assert without_y.index("# about the rest") < without_y.index("[rest]")
    without_x = changed(tmp_path, [Y])
    assert without_x.index("# about the second") < without_x.index("[[mask]]")
    none = changed(tmp_path, None)
    assert "mask" not in none
    assert none.endswith("# about the rest\n[rest]\nform = \"both\" # kept\n")  # fmt: skip
    assert none.startswith("# head\na = 1 # one\n")


def test_a_changed_entry_keeps_its_comments(tmp_path: Any) -> None:
    new = changed(tmp_path, [{**X, "hz": [1.0, 2.0, 3.0]}, Y])
    assert new == TEXT.replace("[1.0, 2.0]", "[1.0, 2.0, 3.0]")
    other = changed(tmp_path, [{"spectrum": "x", "range": [1.0, 2.0]}, Y])
    assert "# c1" in other
    assert "# of the first" in other
    assert other.index("range") < other.index("# of the first")


@pytest.mark.parametrize("end", ["", "\n"])
def test_the_first_entry_of_all_is_appended(tmp_path: Any, end: str) -> None:
    text = f'a = 1\n\n[rest]\nform = "both" # kept{end}'
    assert changed(tmp_path, [Z, X], text).startswith(f"{text.rstrip()}\n\n{Z_TEXT}\n[[mask]]\n")


def test_as_a_setting_it_is_one_line(tmp_path: Any) -> None:
    path = tmp_path / "run.toml"
    path.write_text(TEXT, encoding="utf-8")
    file = read_project_file(path)
    (setting,) = as_settings(file, {"mask": [X, Y]})
    assert setting == 'mask=[{spectrum = "x", hz = [1.0, 2.0]}, {spectrum = "y", reason = "s"}]'
    # an array in one line stays one
    path.write_text('mask = [{spectrum = "x"}] # why\n', encoding="utf-8")
    new = changed_text(read_project_file(path), {"mask": [Y]})
    assert new == 'mask = [{spectrum = "y", reason = "s"}] # why\n'


def test_edits_tell_a_number_from_one_with_sigma(tmp_path: Any) -> None:
    path = tmp_path / "run.toml"
    path.write_text("a = { value = 2.0, sigma = 0.1 } # why\nb = 3.0\n", encoding="utf-8")
    edits = Edits(path)
    assert not edits.set("a", 2.0)
    assert not edits.set("a", {"value": 2.0, "sigma": 0.1})
    assert edits.set("a", {"value": 2.0, "sigma": 0.2})
    assert edits.set("b", {"value": 3.0, "sigma": 0.5})
    assert changed_text(edits.file, edits.changes) == (
        "a = {value = 2.0, sigma = 0.2}   # why\nb = {value = 3.0, sigma = 0.5}\n"
    )
    edits.rest()
    assert edits.set("b", {"value": 3.0, "sigma": 0.6})
    assert edits.undo()
    assert edits.changes["b"] == {"value": 3.0, "sigma": 0.5}
    assert edits.set("a", {"value": 2.0, "sigma": 0.1})
    assert set(edits.changes) == {"b"}
