"""`xtsred bundle` and `xtsred verify`: one ZIP for co-authors, and its check."""

from typing import TYPE_CHECKING

from calibration.bundle.command import bundle_command, verify_command

if TYPE_CHECKING:
    from calibration.bundle.pack import Half

__all__ = ["bundle", "verify"]


def _half() -> "Half":
    from xtsred.bundle import HALF

    return HALF


bundle = bundle_command(_half, program="xtsred")
verify = verify_command(_half, program="xtsred")
