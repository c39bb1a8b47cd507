"""Exit statuses, and what is printed for each way to end."""

import os
import subprocess
import sys

import click
import pytest

from calibration.commandline import (
    EXIT_DONE,
    EXIT_FIXABLE,
    EXIT_INTERRUPTED,
    EXIT_SOME_FAILED,
    LazyGroup,
    run,
)
from calibration.errors import InputError


@click.command()
@click.argument("how")
def end(how: str) -> int | None:
    """Ends as it is told."""
    if how == "input":
        raise InputError("no counts", remedy="measure")
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "bug":
        raise ZeroDivisionError
    if how == "some":
        return EXIT_SOME_FAILED
    click.echo("done")
    return None


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("well", EXIT_DONE, ""),
        ("some", EXIT_SOME_FAILED, ""),
        ("input", EXIT_FIXABLE, "error: no counts\n  do:  measure"),
        ("interrupt", EXIT_INTERRUPTED, "interrupted"),
    ],
)
def test_every_end_has_its_status(
    how: str, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(end, [how]) == status
    assert said in capsys.readouterr().err


def test_a_bug_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(end, ["bug"])


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--no-such"]])
def test_a_wrong_call_is_fixable(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(end, arguments) == EXIT_FIXABLE
    assert "Usage" in capsys.readouterr().err


def test_a_group_imports_a_command_only_when_it_is_called() -> None:
    group = LazyGroup(name="g", lazy={"end": ("ends", "no.such.module:end")})
    context = click.Context(group)
    assert group.list_commands(context) == ["end"]
    assert group.get_command(context, "other") is None
    with pytest.raises(ModuleNotFoundError):
        group.get_command(context, "end")


def test_a_terminal_without_a_superscript_minus_is_no_crash() -> None:
    code = (
        "import click\nfrom calibration.commandline import run\n"
        "@click.command()\ndef say():\n    click.echo('12 Å\u207b\u00b9 ± 1')\n"
        "raise SystemExit(run(say, []))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "cp1252", "PYTHONPATH": os.pathsep.join(sys.path), "PATH": ""},
    )
    assert result.stdout.decode("cp1252").strip() == "12 Å?¹ ± 1"


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = (
        "import click\nfrom calibration.commandline import run\n"
        "@click.command()\ndef say():\n    [click.echo('x' * 1000) for _ in range(1000)]\n"
        "raise SystemExit(run(say, []))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) == EXIT_DONE
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
