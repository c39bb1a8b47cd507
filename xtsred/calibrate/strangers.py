"""Maxima of a scan that no line of the standard explains: another standard, another phase, or lines of the tube nobody stated."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from calibration.fitted_lines import LineFits, ScanPoints
from calibration.goniometer import Alignment, goniometer_reading
from calibration.radiation import Line
from calibration.report import Finding
from calibration.standards import Reflection
from xtsred.stages import Array

__all__ = ["foreign_maxima"]

_NEAR = 2.0  # FWHM about a line of the standard
_FIRM = 8.0  # standard uncertainties above both flanks
_WORTH = 0.02  # of the strongest maximum
_GRAVE = 0.1


def foreign_maxima(
    scan: ScanPoints,
    fits: LineFits,
    reflections: Iterable[Reflection],
    *,
    lines: Sequence[Line],
    alignment: Alignment,
) -> Iterator[Finding]:
    """A Finding that lists maxima more than two widths away from every line of every wavelength.

    A maximum is the highest mean over one width within two of them, eight standard uncertainties above its flanks and at least 2 % of
    the strongest; beyond 10 % it is a problem: then the lines that were fitted may be the wrong ones.
    """
    x = scan.two_theta_deg
    at = np.array([line.expected_deg for line in fits.lines])
    width = np.interp(x, at, [line.fwhm_deg for line in fits.lines])
    free = _away(x, width, _readings([r.d_a for r in reflections], lines, alignment))
    mean, sigma = _box(scan, 0.5 * width)
    if not fits.absolute:  # only the course of sigma is known
        sigma = sigma * np.sqrt(np.median([g.chi2_reduced for g in fits.groups]))
    strongest = float(mean.max() - np.median(mean))
    found: list[tuple[float, float]] = []
    for i in np.flatnonzero(free):
        left, right = np.searchsorted(x, [x[i] - 2.0 * width[i], x[i] + 2.0 * width[i]])
        if left == 0 or right == x.size or mean[i] < mean[left:right].max():
            continue
        above = float(mean[i] - max(mean[left], mean[right - 1]))
        noise = float(np.sqrt(sigma[i] ** 2 + max(sigma[left], sigma[right - 1]) ** 2))
        if above > max(_FIRM * noise, _WORTH * strongest):
            found.append((float(x[i]), above / strongest))
    if not found:
        return
    listed = "; ".join(f"{angle:.2f}° ({100.0 * share:.0f} %)" for angle, share in found)
    largest = max(share for _, share in found)
    yield Finding(
        "problem" if largest > _GRAVE else "warning",
        f"{len(found)} maxima (height against the strongest) belong to no line of the standard: {listed}. Another standard or a second phase, "
        "a line of the tube that radiation.lines does not name, or the holder.",
        {"foreign": float(len(found)), "largest": largest},
    )


def _readings(spacings_a: Sequence[float], lines: Sequence[Line], alignment: Alignment) -> Array:
    """Where every wavelength puts every line, as read, shape (n,), increasing."""
    sine = np.array([line.wavelength_a / (2.0 * d) for line in lines for d in spacings_a])
    angle = np.degrees(2.0 * np.arcsin(sine[sine < 1.0]))
    return np.sort(goniometer_reading(angle, alignment=alignment))


def _away(x: Array, width: Array, places: Array) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    after = np.clip(np.searchsorted(places, x), 1, places.size - 1)
    nearest = np.minimum(np.abs(x - places[after - 1]), np.abs(x - places[after]))
    return np.asarray(nearest > _NEAR * width)


def _box(scan: ScanPoints, half: Array) -> tuple[Array, Array]:
    """Mean of the points within half a width, and its sigma, shape (n,) each."""
    x = scan.two_theta_deg
    low, high = np.searchsorted(x, x - half), np.searchsorted(x, x + half, side="right")
    count = high - low
    total = np.concatenate([[0.0], np.cumsum(scan.rate)])
    square = np.concatenate([[0.0], np.cumsum(scan.sigma**2)])
    return (total[high] - total[low]) / count, np.sqrt(square[high] - square[low]) / count
