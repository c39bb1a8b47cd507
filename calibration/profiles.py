"""Shapes of powder lines: pseudo-Voigt, the Voigt approximation of Thompson, Cox and Hastings, and multiplets."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calibration.radiation import Line

__all__ = ["multiplet", "pseudo_voigt", "thompson_cox_hastings"]

Array = npt.NDArray[np.float64]

_LN2 = float(np.log(2.0))


def pseudo_voigt(
    x: npt.ArrayLike, *, position: npt.ArrayLike, fwhm: npt.ArrayLike, eta: npt.ArrayLike
) -> Array:
    """Sum of a Gaussian and a Lorentzian of one width, area 1.

    p = (1 - eta) 2 sqrt(ln2/pi)/H exp(-4 ln2 (x - x0)^2/H^2) + eta (2/(pi H)) / (1 + 4 (x - x0)^2/H^2).
    All arguments broadcast; x, position, fwhm H in one unit; returns 1/unit. eta outside 0..1 is allowed (a fit may pass there).
    Source: Wertheim et al., Rev. Sci. Instrum. 45 (1974) 1369.
    """
    width = np.asarray(fwhm, dtype=np.float64)
    away = np.asarray(x, dtype=np.float64) - np.asarray(position, dtype=np.float64)
    t = (2.0 * away / width) ** 2
    mixing = np.asarray(eta, dtype=np.float64)
    gauss = 2.0 * np.sqrt(_LN2 / np.pi) / width * np.exp(-_LN2 * t)
    lorentz = 2.0 / (np.pi * width) / (1.0 + t)
    return np.asarray((1.0 - mixing) * gauss + mixing * lorentz)


def thompson_cox_hastings(
    *, gauss_fwhm: npt.ArrayLike, lorentz_fwhm: npt.ArrayLike
) -> tuple[Array, Array]:
    """FWHM and mixing of the pseudo-Voigt that stands for a Voigt function of these two widths.

    H^5 = G^5 + 2.69269 G^4 L + 2.42843 G^3 L^2 + 4.47163 G^2 L^3 + 0.07842 G L^4 + L^5,
    eta = 1.36603 L/H - 0.47719 (L/H)^2 + 0.11116 (L/H)^3; good to 1.3 % of the peak; the width to 0.3 %.
    Source: Thompson, Cox & Hastings, J. Appl. Cryst. 20 (1987) 79, eqs. in sect. 2.
    """
    g, w = np.asarray(gauss_fwhm, dtype=np.float64), np.asarray(lorentz_fwhm, dtype=np.float64)
    fifth = (
        g**5
        + 2.69269 * g**4 * w
        + 2.42843 * g**3 * w**2
        + 4.47163 * g**2 * w**3
        + 0.07842 * g * w**4
        + w**5
    )
    width = fifth**0.2
    share = w / width
    return width, np.asarray(1.36603 * share - 0.47719 * share**2 + 0.11116 * share**3)


def multiplet(two_theta_deg: npt.ArrayLike, *, lines: Sequence[Line]) -> tuple[Array, Array]:
    """Angles of one reflection for every line of the tube, and each line's share of its area.

    sin(theta_k) = sin(theta_1) lambda_k/lambda_1, line 1 being the strongest, at two_theta_deg, shape (n,). Returns angles,
    shape (n, lines) in the order of `lines`, NaN where a line cannot reach the reflection, and shares, shape (lines,), sum 1.
    Bragg's law; the areas are taken in the ratio of the photons.
    """
    strongest = max(lines, key=lambda line: line.weight)
    sine = np.sin(np.radians(np.atleast_1d(np.asarray(two_theta_deg, dtype=np.float64))) / 2.0)
    ratio = np.array([line.wavelength_a / strongest.wavelength_a for line in lines])
    moved = np.outer(sine, ratio)
    moved[np.abs(moved) > 1.0] = np.nan
    weights = np.array([line.weight for line in lines])
    return np.degrees(2.0 * np.arcsin(moved)), np.asarray(weights / weights.sum())
