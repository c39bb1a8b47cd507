"""Circuit fits of spectra."""

from collections.abc import Sequence

from cis.stages import ArcFit, Cell, Spectrum

__all__ = ["fit_series", "fit_spectrum", "profile_interval"]


def fit_spectrum(spectrum: Spectrum, *, circuit: str = "auto", cell: Cell | None = None) -> ArcFit:
    """Validate and fit one spectrum; circuit: "auto", a name in CIRCUITS, or a circuit string."""
    raise NotImplementedError


def fit_series(
    spectra: Sequence[Spectrum], *, circuit: str = "auto", cell: Cell | None = None
) -> tuple[ArcFit, ...]:
    """Fit a series, one model kept along it unless the data demand otherwise."""
    raise NotImplementedError


def profile_interval(fit: ArcFit, name: str, *, level: float = 0.683) -> tuple[float, float]:
    """Profile-likelihood interval of one parameter, or of the total resistance (name "R")."""
    raise NotImplementedError
