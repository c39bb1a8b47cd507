"""What both command lines share: exit statuses and how an error is said."""

import importlib
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from calibration.errors import InputError

__all__ = [
    "EXIT_DONE",
    "EXIT_FIXABLE",
    "EXIT_INTERRUPTED",
    "EXIT_SOME_FAILED",
    "LazyGroup",
    "run",
]

EXIT_DONE = 0
EXIT_FIXABLE = 2
EXIT_SOME_FAILED = 3
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A click group whose commands are imported only when they are called.

    lazy: command name -> (one-line help, "package.module:attribute"), in the order of the help page.
    """

    def __init__(self, *, lazy: Mapping[str, tuple[str, str]], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or None for an unknown name."""
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][1].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (text, _) in self.lazy.items()])


def run(command: Callable[..., Any], arguments: Sequence[str] | None = None) -> int:
    """Run a click command and return the exit status; a bug of ours keeps its traceback (status 1)."""
    _forgive_encodings()
    try:
        status = command(
            args=list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False
        )
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_FIXABLE
    except InputError as error:
        click.echo(f"error: {error}", err=True)
        return EXIT_FIXABLE
    except OSError as error:
        # what the system refuses (a full disk, a file that vanished) is nothing that we could mend
        name = f"{error.filename}: " if error.filename else ""
        click.echo(f"error: {name}{error.strerror or error}", err=True)
        return EXIT_FIXABLE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: no unfinished result was left behind", err=True)
        return EXIT_INTERRUPTED
    except SystemExit:
        # click ends so, with status 1, when the reader of our output went away (`| head`): no error
        return EXIT_DONE
    return status if isinstance(status, int) else EXIT_DONE


def _forgive_encodings() -> None:
    """A pipe or terminal that has no Å or ± gets a question mark in its place, not a crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
