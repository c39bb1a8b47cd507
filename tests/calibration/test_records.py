"""Strict project files: nothing coerced, everything named, all at once."""

from pathlib import Path
from typing import Annotated, Any

import pytest

from calibration.errors import ConfigError, InputError
from calibration.quantity import Quantity
from calibration.records import Number, as_table, attempt, load, parse, record, to_toml


@record
class Part:
    file: str
    steps: int = 3


@record
class Plan:
    name: str
    radius_mm: Annotated[Quantity, Number(unit="mm", gt=0.0, le=10.0)]
    part: tuple[Part, ...] = ()
    extra: Part | None = None
    ratio: float = 1.0


GOOD: dict[str, Any] = {"name": "a", "radius_mm": 0.25}


def problems(table: dict[str, Any], **options: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(Plan, table, where="run.toml", **options)
    return caught.value.problems


def test_numbers_are_plain_or_with_a_sigma() -> None:
    assert parse(Plan, GOOD, where="x").radius_mm == Quantity(0.25, None, "mm")
    table = GOOD | {"radius_mm": {"value": 0.25, "sigma": 0.01}}
    assert parse(Plan, table, where="x").radius_mm == Quantity(0.25, 0.01, "mm")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"radius_mm": 0}, "radius_mm: must be > 0, not 0"),
        ({"radius_mm": 11.0}, "radius_mm: must be <= 10, not 11"),
        ({"radius_mm": "0.25"}, "radius_mm: must be a number, not '0.25'"),
        ({"radius_mm": True}, "radius_mm: must be a number, not True"),
        ({"radius_mm": {"value": 1, "sgima": 2}}, "radius_mm: write a number as 0.5 or as"),
        ({"radius_mm": {"value": 1, "sigma": -2}}, "radius_mm: sigma must not be negative"),
        ({"radius_mm": float("nan")}, "radius_mm: must be finite"),
        ({"nmae": "b"}, 'nmae: unknown key; did you mean "name"?'),
        ({"zzz": 1}, "zzz: unknown key; known here: extra, name, part, radius_mm, ratio"),
        (
            {"part": [{"file": "a"}, {"fiel": "b"}]},
            'part[1].fiel: unknown key; did you mean "file"?',
        ),
        ({"part": [{"file": "a", "steps": 1.5}]}, "part[0].steps: "),
        ({"part": [{}]}, "part[0].file: missing"),
        ({"extra": 4}, "extra: must be a table of keys"),
        ({"part": "a"}, "part: must be a list"),
        ({"ratio": "1"}, "ratio: "),
        ({"name": 3}, "name: "),
    ],
)
def test_every_mistake_is_named_by_its_key(change: dict[str, Any], said: str) -> None:
    found = problems(GOOD | change)
    assert any(text.startswith(said) for text in found), found


def test_all_mistakes_are_named_at_once() -> None:
    found = problems({"radius_mm": -1, "ratio": "x", "part": [{"steps": 1}], "foo": 1})
    keys = {text.split(":")[0] for text in found}
    assert keys == {"name", "radius_mm", "ratio", "part[0].file", "foo"}


def test_a_check_adds_its_problems_to_the_others() -> None:
    found = problems(
        {"name": "a", "radius_mm": -1}, check=lambda table: [f"name: is {table['name']}"]
    )
    assert len(found) == 2
    assert "name: is a" in found


def test_a_check_alone_is_enough_to_refuse() -> None:
    assert problems(GOOD, check=lambda _: ["ratio: no"]) == ("ratio: no",)
    assert parse(Plan, GOOD, where="x", check=lambda _: []).name == "a"


def test_attempt_is_none_for_what_is_wrong() -> None:
    assert attempt(Part, {"file": "a"}) == Part(file="a")
    assert attempt(Part, {"fiel": "a"}) is None
    assert attempt(Part, None) is None


def written(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_settings_change_keys_and_are_recorded(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "a"\nradius_mm = 1\n[[part]]\nfile = "x"\n')
    loaded = load(
        Plan, path, settings=["radius_mm=2.5", "name=b c", "part.0.steps=7", 'extra.file="y"']
    )
    assert loaded.record.radius_mm.value == 2.5
    assert loaded.record.name == "b c"
    assert loaded.record.part[0].steps == 7
    assert loaded.record.extra == Part(file="y")
    assert loaded.overrides["radius_mm"] == "2.5"
    assert loaded.folder == tmp_path


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("radius_mm", "not of the form"),
        ("=3", "not of the form"),
        ("part.3.steps=1", "not an entry"),
        ("part.x.steps=1", "not an entry"),
        ("name.x=1", "is a value, not a table"),
    ],
)
def test_a_setting_that_cannot_be_applied_is_refused(
    tmp_path: Path, setting: str, said: str
) -> None:
    path = written(tmp_path, 'name = "a"\nradius_mm = 1\n[[part]]\nfile = "x"\n')
    with pytest.raises(InputError, match=said):
        load(Plan, path, settings=[setting])


def test_a_setting_is_checked_like_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "a"\nradius_mm = 1\n')
    with pytest.raises(ConfigError) as caught:
        load(Plan, path, settings=["radus_mm=2"])
    assert 'did you mean "radius_mm"' in str(caught.value)


def test_files_that_are_missing_no_text_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(Plan, tmp_path / "none.toml")
    with pytest.raises(InputError, match="not valid TOML"):
        load(Plan, written(tmp_path, "a = = 3"))
    path = tmp_path / "latin.toml"
    path.write_bytes(b'name = "\xe9"')
    with pytest.raises(InputError, match="UTF-8"):
        load(Plan, path)


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 100_000, "[" + ".".join("a" * 5000) + "]\n", "a = " + "[" * 40 + "]" * 40],
)
def test_a_file_nested_without_end_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="nested too deeply"):
        load(Plan, path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('\ufeffname = "a"\nradius_mm = 1\n', encoding="utf-8")
    assert load(Plan, path).record.name == "a"


def test_a_record_survives_a_round_trip_through_toml(tmp_path: Path) -> None:
    plan = parse(
        Plan,
        GOOD | {"radius_mm": {"value": 1.5, "sigma": 0.1}, "part": [{"file": 'a"b'}], "ratio": 2},
        where="x",
    )
    text = to_toml(plan, header=["resolved"])
    assert text.startswith("# resolved\n")
    assert "extra" not in text
    assert load(Plan, written(tmp_path, text)).record == plan


def test_a_table_keeps_quantities_and_drops_what_is_absent() -> None:
    table = as_table(parse(Plan, GOOD, where="x"))
    assert table == {"name": "a", "radius_mm": Quantity(0.25, None, "mm"), "ratio": 1.0}
