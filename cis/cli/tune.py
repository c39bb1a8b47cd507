"""`cis tune`: an interactive page for one impedance series, served to this computer alone."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.errors import InputError

if TYPE_CHECKING:
    from bokeh.document import Document

__all__ = ["tune"]


@click.command(name="tune")
@click.argument("project", metavar="RUN.toml", type=click.Path(path_type=Path))
@click.option(
    "--no-browser",
    is_flag=True,
    help="Print the address only; open it in a browser of your choice.",
)
@click.option(
    "--port", default=0, show_default="a free one", metavar="PORT", help="Port of this computer."
)
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def tune(project: Path, no_browser: bool, port: int, as_json: bool) -> None:
    """Choose circuits, mask points, and watch R and E_A follow.

    Opens a page in the browser; every control is a key of the project file, written only by its Save. Nothing leaves this
    computer. Ends with the last tab, or Ctrl-C.
    """
    from calibration.page.look import show_error
    from calibration.page.serve import serve
    from cis.tune.page import TunePage
    from cis.tune.session import Session

    # what is wrong with the project or its spectra is told here, in the terminal, before a page is opened
    first = [Session(project)]

    def build(document: "Document") -> None:
        # a further tab, or a reload, begins with the file as it is then
        try:
            session = first.pop() if first else Session(project)
        except InputError as error:
            show_error(document, error)
        else:
            TunePage(document, session)

    def tell(url: str) -> None:
        if as_json:
            click.echo(json.dumps({"url": url, "project": str(project)}))
        else:
            click.echo(f"{url}\nFor this computer only; ends with the last tab, or Ctrl-C.")

    serve(build, tell=tell, browser=not no_browser, port=port)
