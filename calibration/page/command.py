"""The `tune` command, the same for both halves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from calibration.errors import InputError

if TYPE_CHECKING:
    from bokeh.document import Document

__all__ = ["tune_command"]

Session = TypeVar("Session")
Parts = tuple[Callable[[Path], Session], Callable[[Any, Session], object]]
"""What a project file becomes, and the page that shows it in a document."""


def tune_command(parts: Callable[[], Parts[Session]], *, purpose: str) -> click.Command:
    """`PROGRAM tune RUN.toml`; parts are asked for only when the command runs. purpose: first line of the help."""

    @click.command(
        name="tune",
        help=f"{purpose}\n\nOpens a page in the browser; every control is a key of the project file, written only by its Save. "
        "Nothing leaves this computer. Ends with the last tab, or Ctrl-C.",
    )
    @click.argument("project", metavar="RUN.toml", type=click.Path(path_type=Path))
    @click.option(
        "--no-browser",
        is_flag=True,
        help="Print the address only; open it in a browser of your choice.",
    )
    @click.option(
        "--port",
        default=0,
        show_default="a free one",
        metavar="PORT",
        help="Port of this computer.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
    def tune(project: Path, no_browser: bool, port: int, as_json: bool) -> None:
        from calibration.page.look import show_error
        from calibration.page.serve import serve

        open_session, show = parts()
        # what is wrong with the project or its data is told here, in the terminal, before a page is opened
        first = [open_session(project)]

        def build(document: "Document") -> None:
            # a further tab, or a reload, begins with the file as it is then
            try:
                session = first.pop() if first else open_session(project)
            except InputError as error:
                show_error(document, error)
            else:
                show(document, session)

        def tell(url: str) -> None:
            if as_json:
                click.echo(json.dumps({"url": url, "project": str(project)}))
            else:
                click.echo(f"{url}\nFor this computer only; ends with the last tab, or Ctrl-C.")

        serve(build, tell=tell, browser=not no_browser, port=port)

    return tune
