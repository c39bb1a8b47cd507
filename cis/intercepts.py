"""The low-frequency intercept without a circuit: a depressed circle, and the minimum of |Z''|."""

from dataclasses import dataclass

import numpy as np

from cis.stages import Array, ComplexArray, ResistanceEstimate

__all__ = ["Foot", "circle_intercept", "find_foot", "fit_circle", "minimum_intercept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foot:
    """Where the arc ends and the electrode's spike begins: the minimum of |Z''| below an arc's top.

    frequency_hz; resistance_ohm: Z' there; apex_hz: frequency of the top of the arc (the highest measured one
    where the arc still rises there); place_ohm: what the spacing of the points leaves open of Z' there; depth: -Z'' at the minimum over -Z'' at the top, 0 (well apart) to 1
    (merged); separation_decades: log10(apex_hz / frequency_hz).
    """

    frequency_hz: float
    resistance_ohm: float
    apex_hz: float
    place_ohm: float
    depth: float
    separation_decades: float


def find_foot(frequency_hz: Array, z_ohm: ComplexArray) -> Foot | None:
    """The minimum of |Z''| between an arc and a spike; None where there is none inside the data.

    A parabola in ln f through ln(-Z'') of the five points around the lowest one places the minimum; Z' there
    is a straight line in ln f through the same points.
    """
    order = np.argsort(frequency_hz)[::-1]
    f, re, reactance = frequency_hz[order], z_ohm.real[order], -z_ohm.imag[order]
    if f.size < 7 or np.any(np.diff(np.log(f)) > 0.0):
        return None
    smooth = reactance.copy()
    smooth[1:-1] = np.median(np.stack([reactance[:-2], reactance[1:-1], reactance[2:]]), axis=0)
    places = np.arange(2, f.size - 2)
    lowest = [i for i in places.tolist() if smooth[i] == smooth[i - 2 : i + 3].min()]
    best: tuple[float, int, int] | None = None
    for i in lowest:
        top = int(np.argmax(smooth[: i + 1]))
        after = float(smooth[i:].max())
        if smooth[top] < 0.03 * abs(float(re[i])) or after <= 0.0:
            continue  # no arc worth the name above it
        contrast = float(min(smooth[top], after) - smooth[i])
        if best is None or contrast > best[0]:
            best = (contrast, i, top)
    if best is None or best[0] <= 0.05 * abs(float(smooth[best[1]])):
        return None
    _, i, top = best
    window = slice(i - 2, i + 3)
    t = np.log(f[window] / f[i])
    safe = np.maximum(reactance[window], 1e-3 * reactance[top])
    curvature, slope, level = np.polyfit(t, np.log(safe), 2)
    inside = curvature > 0.0 and t.min() <= -slope / (2.0 * curvature) <= t.max()
    at = float(-slope / (2.0 * curvature)) if inside else 0.0
    line = np.polyfit(t, re[window], 1)
    frequency = float(f[i] * np.exp(at))
    return Foot(
        frequency_hz=frequency,
        resistance_ohm=float(np.polyval(line, at)),
        apex_hz=float(f[top]),
        place_ohm=float(abs(line[0]) * np.ptp(t) / (t.size - 1) / np.sqrt(12.0)),
        depth=max(0.0, float(np.exp(np.polyval([curvature, slope, level], at)) / smooth[top])),
        separation_decades=float(np.log10(f[top] / frequency)),
    )


def minimum_intercept(foot: Foot, *, noise_relative: float | None) -> ResistanceEstimate:
    """R read as Z' at the minimum of |Z''|, with what the separation of arc and spike means for it.

    Three parts in quadrature: the noise of the mean of five points; the place of the minimum, a rectangle of the spacing
    of the points times the slope of Z'; and the bias by the foot of the spike, always upward, as a tenth of the depth
    (measured on R||CPE and CPE: 0.2% at a depth of 0.03, 3% near 0.3). None where the noise is not known.
    """
    text = (
        f"arc and spike {foot.separation_decades:.1f} decades apart, minimum at {100 * foot.depth:.0f}% of the "
        "arc's height"
    )
    if foot.depth > 0.15:
        text += "; they merge, so it reads high by per cents"
    sigma = None
    if noise_relative is not None:
        r = abs(foot.resistance_ohm)
        sigma = float(
            np.hypot(
                np.hypot(r * noise_relative / np.sqrt(5.0), foot.place_ohm), 0.1 * foot.depth * r
            )
        )
    return ResistanceEstimate(
        method="minimum", value_ohm=foot.resistance_ohm, sigma_ohm=sigma, note=text
    )


def fit_circle(x: Array, y: Array, sigma: Array) -> tuple[tuple[float, float, float], Array] | None:
    """Centre (a, b), radius r and their covariance (3, 3) of a circle through points, by least squares of distances.

    The linear (Kasa) fit x^2 + y^2 = 2 a x + 2 b y + c starts a Gauss-Newton descent on
    (sqrt((x-a)^2 + (y-b)^2) - r) / sigma. None where the points do not bend.
    Source: Gander, Golub, Strebel, BIT 34 (1994) 558.
    """
    scale = float(np.max(np.hypot(x, y)))
    u, v, w = x / scale, y / scale, scale / sigma
    columns = np.stack([2.0 * u, 2.0 * v, np.ones_like(u)], axis=1)
    (a, b, c), *_ = np.linalg.lstsq(columns * w[:, None], (u**2 + v**2) * w, rcond=None)
    if c + a * a + b * b <= 0.0:
        return None
    r = float(np.sqrt(c + a * a + b * b))
    normal = np.eye(3)
    for _ in range(50):
        distance = np.hypot(u - a, v - b)
        jacobian = np.stack([-(u - a) / distance, -(v - b) / distance, -np.ones_like(u)], axis=1)
        jacobian *= w[:, None]
        residual = (distance - r) * w
        normal = jacobian.T @ jacobian
        if np.linalg.cond(normal) > 1e13:
            return None
        step = np.linalg.solve(normal, -jacobian.T @ residual)
        a, b, r = a + step[0], b + step[1], r + float(step[2])
        if np.abs(step).max() < 1e-10 * abs(r) or abs(r) > 1e4:
            break
    if not 0.0 < r < 1e3:
        return None
    chi2 = float(residual @ residual) / max(x.size - 3, 1)
    covariance = np.asarray(np.linalg.inv(normal) * chi2 * scale**2, dtype=np.float64)
    return (float(a) * scale, float(b) * scale, r * scale), covariance


def circle_intercept(
    frequency_hz: Array, z_ohm: ComplexArray, *, foot: Foot | None
) -> ResistanceEstimate | None:
    """R as the right-hand crossing of a depressed circle through the low-frequency arc with the real axis.

    Points: from the foot (left out by a third of a decade, where the spike already lifts the curve) or the
    lowest frequency, up to half a decade above the arc's top. None for fewer than 5 points, for no bend, for
    a circle that does not cross the axis, or where less than half of the arc is seen.
    """
    order = np.argsort(frequency_hz)[::-1]
    f, z = frequency_hz[order], z_ohm[order]
    lower = foot.frequency_hz * 2.0 if foot is not None else f.min() * 0.99
    arc = (f >= lower) & (z.imag < 0.0)
    if arc.sum() < 5:
        return None
    apex = _last_top(-z.imag[arc], f[arc])
    arc &= f <= max(apex * 3.2, np.sort(f[arc])[min(5, int(arc.sum()) - 1)])
    if arc.sum() < 5:
        return None
    found = fit_circle(z.real[arc], -z.imag[arc], np.abs(z[arc]))
    if found is None:
        return None
    (a, b, r), covariance = found
    half = r * r - b * b
    if half <= 0.0:
        return None
    root = float(np.sqrt(half))
    value = a + root
    slope = np.array([1.0, -b / root, r / root])
    sigma = float(np.sqrt(slope @ covariance @ slope))
    if value <= 0.0 or sigma > value or abs(b) > 0.8 * r:
        return None  # a line, or an arc that no depressed circle describes
    if float(np.max(z.real[arc])) < 0.5 * value:
        return None  # less than half of the arc: its end is the circle's invention
    angle = float(np.degrees(np.arcsin(-b / r)))
    note = f"{int(arc.sum())} points, centre depressed by {angle:.0f}°"
    return ResistanceEstimate(method="circle", value_ohm=value, sigma_ohm=sigma, note=note)


def _last_top(reactance: Array, f: Array) -> float:
    """Frequency of the lowest-frequency local maximum of -Z''; the highest frequency if it only falls."""
    for i in range(reactance.size - 2, 0, -1):
        around = reactance[max(0, i - 2) : i + 3]
        if reactance[i] == around.max() and reactance[i] > 1.02 * reactance[-1]:
            return float(f[i])
    return float(f[int(np.argmax(reactance))])
