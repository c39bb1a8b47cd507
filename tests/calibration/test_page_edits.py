"""Keys written into a project file by hand: nothing else in it moves, and nothing wrong is written."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import ConfigError, InputError, OutputError
from calibration.page.edits import Edits
from calibration.page.project_file import (
    as_settings,
    changed_text,
    read_project_file,
    write_changes,
)
from calibration.records import _apply

TEXT = """\
# the project of a user
[sample]          # what was measured
name = "NS"
radius_mm = 0.25         # inner radius
packing = { value = 0.5, sigma = 0.02 }   # weighed

[[scan]]
role = "sample"
file = "a.xy"            # first night

[[scan]]
role = "container"

[fourier]
window = "lorch"         # or none
q_range = [0.6, 17.0]    # low-Q cut and Q_max
# the end
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "run.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def accept(_path: Path) -> None:
    return None


def test_a_value_changes_and_every_other_byte_stays(path: Path) -> None:
    file = read_project_file(path)
    changed = changed_text(file, {"sample.radius_mm": 0.26})
    assert changed == TEXT.replace("0.25 ", "0.26 ")
    # a longer number takes its room from the blanks: the comment keeps its column
    changed = changed_text(file, {"sample.radius_mm": 0.2625})
    assert changed == TEXT.replace("0.25         #", "0.2625       #")
    assert changed_text(file, {}) == TEXT


def test_a_stated_sigma_stays(path: Path) -> None:
    file = read_project_file(path)
    assert "{ value = 0.55, sigma = 0.02 }   # weighed" in changed_text(
        file, {"sample.packing": 0.55}
    )
    both = changed_text(file, {"sample.packing": {"value": 0.6, "sigma": 0.01}})
    assert tomllib.loads(both)["sample"]["packing"] == {"value": 0.6, "sigma": 0.01}
    assert "# weighed" in both


def test_entries_of_lists_new_keys_new_tables_and_removed_ones(path: Path) -> None:
    file = read_project_file(path)
    text = changed_text(
        file,
        {
            "fourier.q_range[1]": 15.5,
            "scan[1].scale": 1.02,
            "fourier.delta_A": 0.2,
            "goniometer.zero_deg": 0.01,
            "sample.name": None,
            "sample.not_there": None,
        },
    )
    table = tomllib.loads(text)
    assert table["fourier"] == {"window": "lorch", "q_range": [0.6, 15.5], "delta_A": 0.2}
    assert table["scan"][1] == {"role": "container", "scale": 1.02}
    assert table["goniometer"] == {"zero_deg": 0.01}
    assert "name" not in table["sample"]
    for comment in ("a user", "measured", "inner", "weighed", "night", "or none", "low-Q", "end"):
        assert comment in text


def test_a_list_of_tables_stays_in_its_line(path: Path) -> None:
    file = read_project_file(path)
    mask = [{"file": "a.z", "points": [1, 2], "reason": "spark"}, {"file": "b.z", "points": []}]
    text = changed_text(file, {"sample.mask": mask})
    assert tomllib.loads(text)["sample"]["mask"] == mask
    assert len(text.splitlines()) == len(TEXT.splitlines()) + 1
    path.write_text(text, encoding="utf-8")
    again = changed_text(read_project_file(path), {"sample.mask": mask[:1]})
    assert tomllib.loads(again)["sample"]["mask"] == mask[:1]
    table: dict[str, object] = tomllib.loads(TEXT)
    (setting,) = as_settings(file, {"sample.mask": mask})
    _apply(table, setting)
    assert table["sample"]["mask"] == mask  # type: ignore[index]


VALUES = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.text(max_size=8)
    | st.lists(st.floats(0, 100), min_size=2, max_size=2)
)
KEYS = st.sampled_from(
    ["sample.radius_mm", "fourier.q_range", "fourier.window", "scan[0].scale", "new.key", "sample.packing"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(changes=st.dictionaries(KEYS, VALUES, max_size=4))
def test_the_file_and_the_command_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("case") / "run.toml"
    path.write_text(TEXT, encoding="utf-8")
    file = read_project_file(path)
    saved = tomllib.loads(changed_text(file, changes))
    table = tomllib.loads(TEXT)
    for setting in as_settings(file, changes):
        _apply(table, setting)
    assert saved == table


def test_line_ends_and_the_byte_order_mark_stay(path: Path) -> None:
    content = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    path.write_bytes(content)
    file = write_changes(
        read_project_file(path),
        {"sample.radius_mm": 0.26, "fourier.delta_A": 0.1},
        check=accept,
    )
    now = path.read_bytes()
    assert file.content == now
    assert now.startswith(b"\xef\xbb\xbf# the project")
    assert now.count(b"\n") == now.count(b"\r\n") == content.count(b"\n") + 1


def test_what_the_check_refuses_is_not_written(path: Path) -> None:
    def refuse(new: Path) -> None:
        assert new.parent == path.parent  # relative paths hold there
        raise ConfigError(["sample.radius_mm: must be > 0"], where=str(new))

    with pytest.raises(ConfigError) as refused:
        write_changes(read_project_file(path), {"sample.radius_mm": -1.0}, check=refuse)
    assert refused.value.where == str(path)
    assert path.read_text(encoding="utf-8") == TEXT
    assert [p.name for p in path.parent.iterdir()] == ["run.toml"]


def test_a_change_from_elsewhere_is_not_overwritten(path: Path) -> None:
    file = read_project_file(path)
    other = TEXT.replace("0.25", "0.30")
    path.write_text(other, encoding="utf-8")
    with pytest.raises(OutputError, match="changed by something else"):
        write_changes(file, {"fourier.window": "none"}, check=accept)
    assert path.read_text(encoding="utf-8") == other

    # nor one that comes while the new file is checked
    file = read_project_file(path)
    with pytest.raises(OutputError, match="changed by something else"):
        write_changes(
            file,
            {"fourier.window": "none"},
            check=lambda _: path.write_text(TEXT, encoding="utf-8"),
        )
    assert path.read_text(encoding="utf-8") == TEXT
    path.unlink()
    with pytest.raises(OutputError, match="is gone"):
        write_changes(file, {"fourier.window": "none"}, check=accept)


def test_rights_and_links_stay(path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    write_changes(read_project_file(link), {"fourier.window": "none"}, check=accept)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert tomllib.loads(path.read_text(encoding="utf-8"))["fourier"]["window"] == "none"


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_said(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="could not be written"):
            write_changes(read_project_file(path), {"fourier.window": "none"}, check=accept)
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize(
    "key", ["scan[7].scale", "sample.name.x", "sample[0]", "fourier.q_range[5]"]
)
def test_a_key_that_leads_nowhere_is_said(path: Path, key: str) -> None:
    with pytest.raises(InputError) as refused:
        changed_text(read_project_file(path), {key: 1.0})
    assert refused.value.where == key


def test_what_is_no_number_and_what_is_no_toml(path: Path) -> None:
    with pytest.raises(InputError, match="nan"):
        changed_text(read_project_file(path), {"sample.radius_mm": float("nan")})
    path.write_text("[", encoding="utf-8")
    with pytest.raises(InputError, match="TOML"):
        read_project_file(path)
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match="TOML"):
        read_project_file(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_project_file(path.with_name("none.toml"))


def test_a_drag_is_one_step_of_undo(path: Path) -> None:
    edits = Edits(path)
    for value in (0.26, 0.27, 0.28):
        assert edits.set("sample.radius_mm", value)
    edits.rest()
    edits.set("sample.radius_mm", 0.30)
    edits.set("fourier.window", "none")
    assert edits.changes == {"sample.radius_mm": 0.30, "fourier.window": "none"}
    assert edits.settings() == ["sample.radius_mm=0.3", 'fourier.window="none"']
    assert edits.undo()
    assert edits.changes == {"sample.radius_mm": 0.30}
    assert edits.undo()
    assert edits.value("sample.radius_mm") == 0.28
    assert edits.undo()
    assert not edits.changes
    assert not edits.can_undo
    assert not edits.undo()


def test_back_at_the_file_nothing_is_changed(path: Path) -> None:
    edits = Edits(path)
    edits.set("sample.packing", 0.6)
    assert edits.settings() == ["sample.packing.value=0.6"]
    edits.set("sample.packing", 0.5)
    assert edits.changes == {}
    assert not edits.set("fourier.q_range", (0.6, 17.0))
    edits.set("fourier.q_range", [0.6, 15.0])
    assert edits.reset()
    assert edits.changes == {}
    assert not edits.reset()
    edits.undo()
    assert edits.changes == {"fourier.q_range": [0.6, 15.0]}
    edits.set("sample.name", None)
    with pytest.raises(InputError, match="--set cannot say"):
        edits.settings()


def test_saved_changes_are_the_new_start(path: Path) -> None:
    edits = Edits(path)
    edits.set("sample.packing", 0.6)
    edits.save(check=accept)
    assert edits.changes == {}
    assert not edits.can_undo
    assert edits.value("sample.packing") == 0.6
    edits.set("sample.packing", 0.7)
    edits.save(check=accept)
    assert "{ value = 0.7, sigma = 0.02 }" in path.read_text(encoding="utf-8")


def test_keys_that_belong_together_are_one_step(path: Path) -> None:
    edits = Edits(path)
    edits.set("fourier.window", "soper-barney", along={"fourier.delta_A": 0.2})
    assert edits.changes == {"fourier.window": "soper-barney", "fourier.delta_A": 0.2}
    edits.set("fourier.window", "lorch", along={"fourier.delta_A": None})
    assert edits.changes == {}
    edits.undo()
    assert edits.changes == {}
