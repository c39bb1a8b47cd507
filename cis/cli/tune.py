"""`cis tune`: an interactive page for one impedance series, served to this computer alone."""

from typing import TYPE_CHECKING

from calibration.page.command import tune_command

if TYPE_CHECKING:
    from calibration.page.command import Parts
    from cis.tune.session import Session

__all__ = ["tune"]


def _parts() -> "Parts[Session]":
    from cis.tune.page import TunePage
    from cis.tune.session import Session

    return Session, TunePage


tune = tune_command(_parts, purpose="Choose circuits, mask points, and watch R and E_A follow.")
