"""`xtsred tune`: an interactive page for one project, served to this computer alone."""

from typing import TYPE_CHECKING

from calibration.page.command import tune_command

if TYPE_CHECKING:
    from calibration.page.command import Parts
    from xtsred.tune.session import Session

__all__ = ["tune"]


def _parts() -> "Parts[Session]":
    from xtsred.tune.page import TunePage
    from xtsred.tune.session import Session

    return Session, TunePage


tune = tune_command(
    _parts, purpose="Turn the numbers of a project file and watch S(Q) and g(r) follow."
)
