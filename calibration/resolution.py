"""Resolution of a diffractometer from the widths of a standard's lines, and what it does to G(r)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.radiation import Line

__all__ = ["FWHM_PER_SIGMA", "Resolution", "Width", "doublet_broadening", "fit_resolution"]

Array = npt.NDArray[np.float64]

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
_FEWEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """FWHM of one wavelength's line at an angle, both in degrees, with sigma."""

    two_theta_deg: float
    fwhm: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """u, v, w in degrees^2: FWHM^2 = u tan^2 theta + v tan theta + w. covariance: shape (3, 3), in this order.

    q_damp (1/Å), q_broad (dimensionless): sigma_Q^2 = q_damp^2 + q_broad^2 Q^2, sigma_Q = FWHM_Q / 2.3548. q_broad_squared:
    as fitted, it may be negative; q_broad is then 0 with the sigma of an upper limit. scatter: relative, of the
    widths about the Caglioti course beyond their own sigmas; misfit: the same about the course in Q.
    """

    u: Quantity
    v: Quantity
    w: Quantity
    covariance: Array
    q_damp: Quantity
    q_broad: Quantity
    q_broad_squared: Quantity
    scatter: float
    misfit: float
    widths: tuple[Width, ...]

    def fwhm_deg(self, two_theta_deg: npt.ArrayLike) -> Array:
        """FWHM at angles in degrees, shape (n,); NaN where the fitted square is negative."""
        t = np.tan(np.radians(np.asarray(two_theta_deg, dtype=np.float64)) / 2.0)
        square = np.polyval([self.u.value, self.v.value, self.w.value], t)
        return np.asarray(np.sqrt(np.where(square > 0.0, square, np.nan)))


def fit_resolution(widths: Sequence[Width], *, wavelength_a: float) -> Resolution:
    """Caglioti's course of the width, and the two numbers that programs for pair distributions take.

    FWHM^2 = u tan^2 theta + v tan theta + w (Caglioti, Paoletti & Ricci, Nucl. Instrum. 3 (1958) 223). A Gaussian of
    sigma_Q = q_damp damps G(r) by exp(-(r q_damp)^2/2); one of sigma_Q = q_broad Q widens a peak at r by a Gaussian of
    q_broad r (Toby & Egami, Acta Cryst. A48 (1992) 336; Thorpe et al., in From Semiconductors to Proteins (2002) 105). sigma_Q =
    (2 pi/lambda) cos theta sigma_2theta. For v = 0: q_damp = (2 pi/lambda) sqrt(w), q_broad^2 = (u - w)/4 (in sigmas and
    radians). Both fits are linear in their parameters; sigmas are widened by what the widths scatter.
    Raises InputError for fewer than 4 widths.
    """
    if len(widths) < _FEWEST:
        raise InputError(
            f"{len(widths)} lines are firm enough for a width, at least {_FEWEST} are needed",
            remedy="count longer, or widen fit.two_theta_deg",
            where="fit.two_theta_deg",
        )
    angle = np.radians([w.two_theta_deg for w in widths]) / 2.0
    fwhm = np.array([w.fwhm.value for w in widths])
    sigma = np.array([w.fwhm.sigma or math.nan for w in widths])
    if not np.isfinite(sigma).all():
        raise ValueError("every width needs a sigma")
    t = np.tan(angle)
    caglioti = np.stack([t**2, t, np.ones_like(t)], axis=1)
    uvw, covariance, scatter = _linear(caglioti, fwhm, sigma)
    q = 4.0 * math.pi * np.sin(angle) / wavelength_a
    to_q = 2.0 * math.pi / wavelength_a * np.cos(angle) * math.radians(1.0) / FWHM_PER_SIGMA
    design = np.stack([np.ones_like(q), q**2], axis=1)
    (a, b), c, misfit = _linear(design, fwhm * to_q, sigma * to_q)
    if b < 0.0:
        (a,), only, _ = _linear(design[:, :1], fwhm * to_q, sigma * to_q)
        damp_sigma = math.sqrt(only[0, 0])
    else:
        damp_sigma = math.sqrt(c[0, 0])
    damp = math.sqrt(max(a, 0.0))
    broad = math.sqrt(max(b, 0.0))
    root_b = math.sqrt(math.sqrt(c[1, 1]))
    return Resolution(
        u=Quantity(float(uvw[0]), math.sqrt(covariance[0, 0]), "deg^2"),
        v=Quantity(float(uvw[1]), math.sqrt(covariance[1, 1]), "deg^2"),
        w=Quantity(float(uvw[2]), math.sqrt(covariance[2, 2]), "deg^2"),
        covariance=covariance,
        q_damp=Quantity(
            damp, damp_sigma / (2.0 * damp) if damp > 0.0 else math.sqrt(damp_sigma), "Å^-1"
        ),
        q_broad=Quantity(
            broad, min(math.sqrt(c[1, 1]) / (2.0 * broad), root_b) if broad > 0.0 else root_b
        ),
        q_broad_squared=Quantity(float(b), math.sqrt(c[1, 1])),
        scatter=scatter,
        misfit=misfit,
        widths=tuple(widths),
    )


def _linear(design: Array, width: Array, sigma: Array) -> tuple[Array, Array, float]:
    """Weighted linear fit of width^2; parameters, covariance, and the relative scatter that makes chi^2 per dof 1."""
    scatter = 0.0
    parameters: Array = np.zeros(design.shape[1])
    covariance: Array = np.eye(design.shape[1])
    dof = max(width.size - design.shape[1], 1)
    for _ in range(60):
        error = 2.0 * width * np.hypot(sigma, scatter * width)
        weighted = design / error[:, None]
        covariance = np.asarray(np.linalg.inv(weighted.T @ weighted), dtype=np.float64)
        parameters = covariance @ (weighted.T @ (width**2 / error))
        rest = width**2 - design @ parameters
        chi2 = float(((rest / error) ** 2).sum()) / dof
        if abs(chi2 - 1.0) < 1e-4 or (chi2 < 1.0 and scatter == 0.0):
            break
        relative = np.sqrt(np.mean((rest / (2.0 * width**2)) ** 2))
        scatter = float(np.clip(scatter * chi2**0.5 if scatter > 0.0 else relative, 0.0, 1.0))
        if scatter < 1e-6:
            scatter = 0.0
            break
    return parameters, covariance, scatter


def doublet_broadening(lines: Sequence[Line]) -> float:
    """Relative rms spread of the wavelengths of a tube, sqrt(<lambda^2> - <lambda>^2)/<lambda>.

    What an unresolved doublet adds to sigma_Q/Q, in quadrature, where a program does not remove it.
    """
    total = sum(line.weight for line in lines)
    mean = sum(line.weight * line.wavelength_a for line in lines) / total
    square = sum(line.weight * (line.wavelength_a - mean) ** 2 for line in lines) / total
    return math.sqrt(square) / mean
