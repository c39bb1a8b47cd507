"""Double scattering by following photons: an independent route for the tests.

Positions, directions and flights are drawn (quasi-randomly) in three dimensions, every photon carries
its own energy, polarization goes through the field vectors. Nothing is shared with the package.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

Sigma = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Lengths in mm. mu(u): (core, wall) 1/mm after a Compton shift u; sigma[material][kind](chi, u):
    1/mm per sr, kind 0 coherent, 1 Compton; chi in radians. seen_height: None sees all."""

    radius: float
    wall: float
    width: float
    height: float
    seen_height: float | None
    mu: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    sigma: tuple[tuple[Sigma, Sigma], ...]
    polarization: float | None


def disc_interval(
    x: np.ndarray, y: np.ndarray, ux: np.ndarray, uy: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Entry and exit (length along u, not before 0) of rays through a disc."""
    a = ux * ux + uy * uy
    b = (x * ux + y * uy) / a
    root = np.sqrt(np.maximum(b * b - (x * x + y * y - radius * radius) / a, 0.0))
    return np.maximum(-b - root, 0.0), np.maximum(-b + root, 0.0)


def thickness(
    setup: Setup,
    start: tuple[np.ndarray, ...],
    u: tuple[np.ndarray, ...],
    length: np.ndarray | float,
) -> tuple[np.ndarray, np.ndarray]:
    """Paths in core and wall over a length of the ray."""
    inside = disc_interval(start[0], start[1], u[0], u[1], setup.radius)
    whole = disc_interval(start[0], start[1], u[0], u[1], setup.radius + setup.wall)
    core, total = (np.minimum(i[1], length) - np.minimum(i[0], length) for i in (inside, whole))
    return core, total - core


def double_over_single(
    setup: Setup, two_theta_deg: float, *, power: int = 17, seed: int = 5
) -> float:
    """I_2 / I_1 at one angle; I_1 coherent and Compton, with all attenuation."""
    outer = setup.radius + setup.wall
    draw = qmc.Sobol(6, seed=seed).random_base2(power)
    top = min(0.5 * setup.width, outer)
    x, y = outer * (2.0 * draw[:, 0] - 1.0), top * (2.0 * draw[:, 1] - 1.0)
    keep = x * x + y * y < outer * outer
    x, y, draw = x[keep], y[keep], draw[keep]
    z = setup.height * (draw[:, 2] - 0.5)
    one = np.ones_like(x)
    zero = np.zeros_like(x)
    theta = np.radians(two_theta_deg)
    way_out = (np.cos(theta) * one, np.sin(theta) * one, zero)
    first = (np.hypot(x, y) > setup.radius).astype(int)

    def attenuated(paths: tuple[np.ndarray, np.ndarray], u: np.ndarray) -> np.ndarray:
        mu = setup.mu(u)
        return np.exp(-mu[0] * paths[0] - mu[1] * paths[1])

    def scattered(material: np.ndarray, kind: int, chi: np.ndarray, u: np.ndarray) -> np.ndarray:
        rows = [sigma[kind](chi, u) for sigma in setup.sigma]
        return np.where(material == 0, rows[0], rows[-1])

    into = attenuated(thickness(setup, (x, y), (-one, zero), np.inf), zero)
    half_seen = np.inf if setup.seen_height is None else 0.5 * setup.seen_height
    straight = thickness(setup, (x, y), way_out[:2], np.inf)
    shift = 1.0 - np.cos(theta)
    single = zero.copy()
    for kind in (0, 1):
        out = attenuated(straight, kind * shift * one)
        single += into * scattered(first, kind, theta * one, zero) * out
    single *= np.abs(z) < half_seen
    if setup.polarization is not None:
        single *= (1.0 + setup.polarization * np.cos(theta) ** 2) / (1.0 + setup.polarization)

    u_z = 2.0 * draw[:, 3] - 1.0
    azimuth = 2.0 * np.pi * draw[:, 4]
    across = np.sqrt(1.0 - u_z * u_z)
    u = (across * np.cos(azimuth), across * np.sin(azimuth), u_z)
    # the second point: t = T q^2 resolves long flights along the axis
    exit_at = disc_interval(x, y, u[0], u[1], outer)[1]
    if setup.seen_height is not None:
        exit_at = np.minimum(
            exit_at, (setup.height + setup.seen_height) / np.maximum(abs(u_z), 1e-12)
        )
    flight = exit_at * draw[:, 5] ** 2
    jacobian = 2.0 * exit_at * draw[:, 5] * 4.0 * np.pi
    x2, y2, z2 = x + u[0] * flight, y + u[1] * flight, z + u_z * flight
    second = (np.hypot(x2, y2) > setup.radius).astype(int)
    between = thickness(setup, (x, y), u[:2], flight)
    last = thickness(setup, (x2, y2), way_out[:2], np.inf)
    chi1 = np.arccos(np.clip(u[0], -1.0, 1.0))
    chi2 = np.arccos(np.clip(u[0] * way_out[0] + u[1] * way_out[1], -1.0, 1.0))
    double = zero.copy()
    for kind1 in (0, 1):
        u1 = kind1 * (1.0 - np.cos(chi1))
        for kind2 in (0, 1):
            u2 = u1 + kind2 * (1.0 - np.cos(chi2))
            double += (
                scattered(first, kind1, chi1, zero)
                * scattered(second, kind2, chi2, u1)
                * attenuated(between, u1)
                * attenuated(last, u2)
            )
    double *= into * jacobian * (np.abs(z2) < half_seen)
    if setup.polarization is not None:
        double *= fields(np.stack(u, -1), np.stack(way_out, -1), setup.polarization)
    return float(double.sum() / single.sum())


def fields(first: np.ndarray, out: np.ndarray, ratio: float) -> np.ndarray:
    """Intensity of double Thomson scattering from the field vectors themselves."""
    total = np.zeros(len(first))
    for field, weight in (((0.0, 0.0, 1.0), 1.0), ((0.0, 1.0, 0.0), ratio)):
        e = np.broadcast_to(field, first.shape)
        for k in (first, out):
            e = e - np.sum(e * k, axis=1, keepdims=True) * k
        total += weight * np.sum(e * e, axis=1)
    return total / (1.0 + ratio)


def third_over_second(mu: float, two_theta_deg: float, *, power: int = 17, seed: int = 5) -> float:
    """I_3 / I_2 of isotropic scattering by an endless bathed rod of radius 1, mu = mu_scattering."""
    draw = qmc.Sobol(8, seed=seed).random_base2(power)
    radius, turn = np.sqrt(draw[:, 0]), 2.0 * np.pi * draw[:, 1]
    x, y = radius * np.cos(turn), radius * np.sin(turn)
    theta = np.radians(two_theta_deg)
    ones = np.ones_like(x)
    weight = np.exp(-mu * disc_interval(x, y, -ones, 0.0 * ones, 1.0)[1])
    seen = []
    for generation in range(2):
        c_z = 2.0 * draw[:, 2 + 3 * generation] - 1.0
        azimuth = 2.0 * np.pi * draw[:, 3 + 3 * generation]
        u_x, u_y = (np.sqrt(1.0 - c_z**2) * f(azimuth) for f in (np.cos, np.sin))
        reach = disc_interval(x, y, u_x, u_y, 1.0)[1]
        q = draw[:, 4 + 3 * generation]
        flight = reach * q**2
        # isotropic: sigma n / (4 pi) per sr times 4 pi of directions
        weight = weight * mu * 2.0 * reach * q * np.exp(-mu * flight)
        x, y = x + u_x * flight, y + u_y * flight
        out = disc_interval(x, y, np.cos(theta) * ones, np.sin(theta) * ones, 1.0)[1]
        seen.append(float(np.sum(weight * np.exp(-mu * out))))
    return seen[1] / seen[0]
