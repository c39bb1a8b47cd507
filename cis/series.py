"""Fitted spectra side by side, as pictures and tables show them."""

from dataclasses import dataclass

from calibration.cell import MeasuringCell
from cis.stages import ArcFit

__all__ = ["FittedSeries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedSeries:
    """Labels, sample temperatures (None: unknown) and fits, one each; plates: None where the size is unknown."""

    labels: tuple[str, ...]
    temperatures_k: tuple[float | None, ...]
    fits: tuple[ArcFit, ...]
    plates: MeasuringCell | None
