"""Mistakes of a project file are told in the words of who wrote it, each once, with what to write instead."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from calibration.errors import ConfigError, InputError
from calibration.records import load, record


@record
class Entry:
    role: Literal["sample", "container"]
    file: Annotated[str, Field(min_length=1)]


@record
class Run:
    scan: Annotated[tuple[Entry, ...], Field(min_length=1)]
    step: Annotated[float, Field(gt=0.0, le=2.0, allow_inf_nan=False)] = 1.0
    orders: Annotated[int, Field(ge=2)] = 2
    limits: tuple[float, float] = (0.0, 1.0)
    virtual: bool = False


GOOD = '[[scan]]\nrole = "sample"\nfile = "a.xy"\n'


def problems(folder: Path, text: str, *settings: str) -> tuple[str, ...]:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Run, path, settings=settings)
    return caught.value.problems


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("step=0", "step: must be > 0, not 0"),
        ("step=3", "step: must be <= 2, not 3"),
        ("step=inf", "step: must be finite"),
        ('step="x"', "step: must be a number, not 'x'"),
        ("orders=1", "orders: must be >= 2, not 1"),
        ("orders=2.5", "orders: must be a whole number, not 2.5"),
        ("virtual=1", "virtual: must be true or false, not 1"),
        ("limits=3", "limits: must be a list in [ ], not 3"),
        ("limits=[1]", "limits[1]: missing"),
        ("limits=[1, 2, 3]", "limits: must have no more than 2 entries, not 3"),
        ("scan=[]", "scan: must have at least 1 entry, not 0"),
        ("scan.0=3", "scan[0]: must be a table of keys, not 3"),
        ("scan.0.file=3", "scan[0].file: must be text in quotes, not 3"),
        ('scan[0].file=""', "scan[0].file: must not be empty"),
        ("scan[0].role=smple", "scan[0].role: 'smple' is not one of 'sample' or 'container'"),
    ],
)
def test_one_mistake_is_one_line_of_plain_words(tmp_path: Path, setting: str, said: str) -> None:
    (found,) = problems(tmp_path, GOOD, setting)
    assert found.startswith(said)


def test_settings_name_entries_as_the_messages_do(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(GOOD, encoding="utf-8")
    loaded = load(Run, path, settings=["scan[0].file=b.xy"])
    assert loaded.record.scan[0].file == "b.xy"
    assert loaded.overrides == {"scan[0].file": "b.xy"}
    with pytest.raises(InputError, match="is not an entry of"):
        load(Run, path, settings=["scan[1].file=b.xy"])


@pytest.mark.parametrize(
    ("line", "do"),
    [
        ('file = "C:\\data\\scan.xy"', "file = 'C:\\data\\scan.xy'"),
        ("step = 0,25", "step = 0.25"),
        ("step = .25", "step = 0.25"),
        ("step =", "write a value after step ="),
        ("virtual = yes", 'virtual = "yes"'),
        ("step = 1\nstep = 2", "keep one of the two"),
        ("limits = [1, 2", "line 2"),
        ("step 0.25", "line 1: write key = 0.25"),
    ],
)
def test_what_is_no_toml_gets_a_remedy(tmp_path: Path, line: str, do: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(f"{line}\n{GOOD}", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(Run, path)
    assert caught.value.what == "the project file is not valid TOML"
    assert do in caught.value.remedy, (caught.value.why, caught.value.remedy)


def test_a_missing_project_file_gets_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(Run, tmp_path / "none.toml")
    assert caught.value.remedy
