"""Lines of a standard as a fit leaves them, and which of those that should be there are not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.quantity import Quantity

__all__ = [
    "FittedGroup",
    "FittedLine",
    "LineFits",
    "LineStatus",
    "ProfileName",
    "ScanPoints",
    "with_missing",
]

Array = npt.NDArray[np.float64]
ProfileName = Literal["pseudo-voigt", "thompson-cox-hastings"]
LineStatus = Literal["used", "weak", "overlapped", "missing", "moved"]

_FOUND = 3.0
_EXPECTED = 8.0
_FIRM = 20.0
_FAINT = 0.2  # of the expected area: what is left of a line that is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPoints:
    """A scan as it was read. two_theta_deg: readings, increasing; rate, sigma: shape (n,), sigma > 0.

    absolute: sigma is counting statistics; False: only its course along the scan is known (counting times are
    not), and all uncertainties follow from the residuals.
    """

    two_theta_deg: Array
    rate: Array
    sigma: Array
    absolute: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLine:
    """One line. position: reading of the strongest wavelength; area in rate x degrees; fwhm, eta: of its group.

    status: "used" has a position of its own; "weak": too weak for one; "overlapped": other lines decide its
    position (`calibration.line_groups.crowded_lines`), or it shares the shift of a stronger one closer than 0.7 widths; "missing": expected to be visible, and
    is not; "moved": left the place where it can be. expected_deg: from the cell, without any correction.
    """

    label: str
    expected_deg: float
    position: Quantity
    area: Quantity
    fwhm_deg: float
    status: LineStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedGroup:
    """Lines that were fitted together: x, y, model, background: shape (n,), the curves of the figure.

    fwhm_deg: at center_deg, None where the lines are too weak. chi2_reduced: against the stated sigma. correlation: of
    neighbouring residuals; both widen the uncertainties.
    """

    lines: tuple[FittedLine, ...]
    x: Array
    y: Array
    sigma: Array
    model: Array
    background: Array
    center_deg: float
    fwhm_deg: Quantity | None
    eta: Quantity | None
    chi2_reduced: float
    correlation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFits:
    """All groups in the order of the angle. offset_deg: the common shift from which the search began."""

    groups: tuple[FittedGroup, ...]
    offset_deg: float
    absolute: bool
    profile: ProfileName

    @property
    def lines(self) -> tuple[FittedLine, ...]:
        """Every line in the order of the angle."""
        return tuple(line for group in self.groups for line in group.lines)


def with_missing(fits: LineFits, expected: Mapping[str, float]) -> LineFits:
    """Mark weak lines that should be visible as missing.

    expected: relative area of each line by label (|F|^2 x multiplicity x Lorentz factor). The scale is found from the lines
    that are there, smooth in the angle: ln(area/expected) linear in sin^2 theta.
    """
    known = [
        line
        for line in fits.lines
        if line.status == "used"
        and expected.get(line.label, 0.0) > 0.0
        and line.area.value > _FIRM * (line.area.sigma or math.inf)
    ]
    if len(known) < 4:
        return fits
    s = np.array([_sine_square(line) for line in known])
    ratio = np.array([math.log(line.area.value / expected[line.label]) for line in known])
    relative = np.array([(line.area.sigma or 0.0) / line.area.value for line in known])
    # texture and heat motion are not in the expectation: no line is a better witness than 10 %
    course = np.polyfit(s, ratio, 1 if len(known) < 8 else 2, w=1.0 / np.hypot(relative, 0.1))

    def judged(line: FittedLine) -> FittedLine:
        wanted = expected.get(line.label, 0.0)
        if line.status != "weak" or wanted <= 0.0 or line.area.sigma is None:
            return line
        at = _sine_square(line)
        if not s.min() <= at <= s.max():
            return line  # nothing says how strong it should be
        should = wanted * math.exp(float(np.polyval(course, at)))
        visible = should > _EXPECTED * line.area.sigma
        absent = line.area.value < _FOUND * line.area.sigma or line.area.value < _FAINT * should
        return replace(line, status="missing") if visible and absent else line

    groups = tuple(replace(g, lines=tuple(judged(x) for x in g.lines)) for g in fits.groups)
    return replace(fits, groups=groups)


def _sine_square(line: FittedLine) -> float:
    return math.sin(math.radians(line.expected_deg) / 2.0) ** 2
