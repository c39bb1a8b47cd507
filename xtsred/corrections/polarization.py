"""Polarization of the beam and the factor of single scattering."""

from dataclasses import dataclass

import numpy as np

from xtsred.stages import Array

__all__ = ["BeamPolarization", "mosaic", "perfect", "polarization_factor", "stated", "unpolarized"]


@dataclass(frozen=True, slots=True)
class BeamPolarization:
    """Ratio of the incident intensities polarized in and perpendicular to the scattering plane.

    ratio: I_parallel / I_perpendicular, 1 for an unpolarized tube.
    """

    ratio: float
    origin: str


def unpolarized() -> BeamPolarization:
    """A sealed tube without a monochromator."""
    return BeamPolarization(1.0, "no monochromator: unpolarized")


def perfect(two_theta_m_deg: float) -> BeamPolarization:
    """A perfect-crystal monochromator (dynamical limit): ratio |cos 2theta_M|."""
    ratio = abs(float(np.cos(np.radians(two_theta_m_deg))))
    return BeamPolarization(ratio, f"perfect crystal, 2theta_M = {two_theta_m_deg:g}°")


def mosaic(two_theta_m_deg: float) -> BeamPolarization:
    """A mosaic monochromator (kinematical limit): ratio cos^2 2theta_M."""
    ratio = float(np.cos(np.radians(two_theta_m_deg)) ** 2)
    return BeamPolarization(ratio, f"mosaic crystal, 2theta_M = {two_theta_m_deg:g}°")


def stated(degree: float) -> BeamPolarization:
    """A stated degree of polarization p = (I_perp - I_par) / (I_perp + I_par), -1..1 (synchrotron: ~1)."""
    return BeamPolarization((1.0 - degree) / (1.0 + degree), f"stated degree {degree:g}")


def polarization_factor(two_theta_deg: Array, *, beam: BeamPolarization) -> Array:
    """Polarization factor of single scattering, relative to the forward direction.

    P(2theta) = (1 + a cos^2 2theta) / (1 + a),  a = beam.ratio

    two_theta_deg: shape (n,), degrees, 0..180. Returns shape (n,), dimensionless, P(0) = 1.
    Valid in the scattering plane of a fixed tube; no Lorentz factor (bathed isotropic sample).
    Source: Azaroff, Acta Cryst. 8 (1955) 701.
    """
    cos2 = np.cos(np.radians(two_theta_deg)) ** 2
    return np.asarray((1.0 + beam.ratio * cos2) / (1.0 + beam.ratio))
