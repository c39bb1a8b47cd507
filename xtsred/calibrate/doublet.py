"""Whether the tube's lines are those that the scan shows: a doublet that nobody stated shifts every line."""

from collections.abc import Iterator, Sequence

import numpy as np

from calibration.errors import InputError
from calibration.fitted_lines import LineFits, ScanPoints
from calibration.line_fit import fit_lines
from calibration.line_groups import ExpectedLine
from calibration.radiation import Line, identify, select_lines
from calibration.report import Finding

__all__ = ["other_lines"]

_BETTER = 0.7


def other_lines(
    scan: ScanPoints, expected: Sequence[ExpectedLine], fits: LineFits, *, lines: Sequence[Line]
) -> Iterator[Finding]:
    """A Finding where one stated line, the Ka1 of an anode, explains the profiles much worse than the doublet would."""
    owner = identify(lines[0].wavelength_a)
    if len(lines) != 1 or owner is None or owner[1] != "Ka1":
        return
    try:
        both = fit_lines(
            scan, expected, lines=select_lines(owner[0], "Ka1+Ka2"), profile=fits.profile
        )
    except InputError:
        return  # the doublet does not explain the scan at all
    stated, doublet = _misfit(fits), _misfit(both)
    if doublet < _BETTER * stated:
        yield Finding(
            "problem",
            f"The profiles fit {stated / doublet:.1f} times better (reduced chi^2) with the doublet Ka1+Ka2 of {owner[0]} than with Ka1 alone: the Ka2 "
            'line reaches the detector. State radiation.lines = "Ka1+Ka2", here and in the reduction.',
            {"chi2_ratio": stated / doublet},
        )


def _misfit(fits: LineFits) -> float:
    """Mean reduced chi^2 over all points of all groups."""
    values = [g.chi2_reduced for g in fits.groups]
    return float(np.average(values, weights=[g.x.size for g in fits.groups]))
