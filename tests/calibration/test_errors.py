"""What the user reads: what, why, what to do, where."""

from calibration.errors import ConfigError, InputError, OutputError, ReadError


def test_an_error_says_where_what_why_and_what_to_do() -> None:
    error = InputError("no counts", why="it is empty", remedy="export again", where="a.xy:3")
    assert str(error) == "a.xy:3: no counts\n  why: it is empty\n  do:  export again"


def test_parts_that_are_not_known_are_left_out() -> None:
    assert str(InputError("no counts")) == "no counts"


def test_a_config_error_lists_every_problem() -> None:
    error = ConfigError(["a.b: missing", "c: unknown key"], where="run.toml")
    text = str(error)
    assert text.startswith("run.toml: 2 problems")
    assert "  - a.b: missing\n  - c: unknown key\n" in text
    assert "1 problem in" in str(ConfigError(["a: missing"], where="x"))


def test_all_of_them_are_input_errors() -> None:
    assert all(issubclass(kind, InputError) for kind in (ConfigError, ReadError, OutputError))
