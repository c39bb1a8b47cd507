"""A series fitted at once."""

from collections.abc import Sequence

from cis.stages import ArcFit, Cell, JointFit

__all__ = ["fit_joint"]


def fit_joint(fits: Sequence[ArcFit], *, cell: Cell | None = None) -> JointFit:
    """Fit a series at once with shared exponents and capacitances."""
    raise NotImplementedError
