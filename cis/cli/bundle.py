"""`cis bundle` and `cis verify`: one ZIP for co-authors, and its check."""

from typing import TYPE_CHECKING

from calibration.bundle.command import bundle_command, verify_command

if TYPE_CHECKING:
    from calibration.bundle.pack import Half

__all__ = ["bundle", "verify"]


def _half() -> "Half":
    from cis.bundle import HALF

    return HALF


bundle = bundle_command(_half, program="cis")
verify = verify_command(_half, program="cis")
