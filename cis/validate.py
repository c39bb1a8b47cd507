"""Checks before the fit."""

from cis.stages import Spectrum, Validation

__all__ = ["validate"]


def validate(spectrum: Spectrum) -> Validation:
    """Check one spectrum; see Validation."""
    raise NotImplementedError
