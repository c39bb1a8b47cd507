"""Points that the user leaves out of the fits, each with the reason that the project file states."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from cis.config import Mask
from cis.stages import Array, BoolArray, Spectrum

__all__ = ["SAME_FREQUENCY", "check_masks", "hit_by", "mask_findings", "masked"]

SAME_FREQUENCY = 1e-4
"""Relative: frequencies closer than this are one point (a report prints five digits)."""


def hit_by(mask: Mask, frequency_hz: Array) -> BoolArray:
    """Which points a mask takes out, shape (n,): inside its range, or at its frequencies to 0.01%."""
    if mask.range_Hz is not None:
        low, high = mask.range_Hz
        inside: BoolArray = (frequency_hz >= low) & (frequency_hz <= high)
        return inside
    wanted = np.array(mask.frequency_Hz)
    near: BoolArray = np.any(
        np.abs(frequency_hz[:, None] - wanted) <= SAME_FREQUENCY * wanted, axis=1
    )
    return near


def masked(spectrum: Spectrum, label: str, masks: Sequence[Mask]) -> Spectrum:
    """The spectrum with the points that its masks take out marked; where two masks meet the first one's reason counts."""
    reasons: dict[int, str] = {}
    for mask in masks:
        if mask.spectrum == label:
            for index in np.flatnonzero(hit_by(mask, spectrum.frequency_hz)).tolist():
                reasons.setdefault(index, mask.reason)
    return replace(spectrum, masked=reasons) if reasons else spectrum


def check_masks(masks: Sequence[Mask], spectra: Sequence[tuple[str, Spectrum]]) -> None:
    """Raises InputError for a mask that names no spectrum of the series (by label), or none of its points."""
    by_label = dict(spectra)
    for k, mask in enumerate(masks):
        spectrum = by_label.get(mask.spectrum)
        if spectrum is None:
            near = difflib.get_close_matches(mask.spectrum, by_label, n=1)
            raise InputError(
                f"no spectrum is called {mask.spectrum!r}",
                why=f"nearest: {near[0]!r}" if near else f"there are {_some(list(by_label))}",
                remedy="write the name as in the first column of the report",
                where=f"mask[{k}].spectrum",
            )
        f = spectrum.frequency_hz
        single = [
            (value, replace(mask, frequency_Hz=(value,))) for value in mask.frequency_Hz or ()
        ]
        for value, one in single:
            if not hit_by(one, f).any():
                nearest = float(f[np.argmin(np.abs(f - value))])
                raise InputError(
                    f"{mask.spectrum} has no point at {value:g} Hz",
                    why=f"the nearest is at {nearest:.6g} Hz",
                    remedy="write the frequency as in the file, or a range_Hz",
                    where=f"mask[{k}].frequency_Hz",
                )
        if mask.range_Hz is not None and not hit_by(mask, f).any():
            raise InputError(
                f"{mask.spectrum} has no point in {mask.range_Hz[0]:g} to {mask.range_Hz[1]:g} Hz",
                why=f"it was measured from {f.min():.6g} to {f.max():.6g} Hz",
                where=f"mask[{k}].range_Hz",
            )


def mask_findings(spectra: Sequence[tuple[str, Spectrum]]) -> list[Finding]:
    """What was masked, by reason: a choice that a reader must know of."""
    by_reason: dict[str, dict[str, int]] = {}
    for label, spectrum in spectra:
        for reason in spectrum.masked.values():
            found = by_reason.setdefault(reason, {})
            found[label] = found.get(label, 0) + 1
    findings = []
    for reason, counts in by_reason.items():
        points = sum(counts.values())
        listed = ", ".join(f"{label} ({n})" for label, n in counts.items())
        text = f"Masked by hand, {reason!r}: {points} point{'s' if points > 1 else ''} of {listed}."
        findings.append(Finding("note", text, {"points": float(points)}))
    return findings


def _some(labels: list[str]) -> str:
    return ", ".join(labels[:5]) + (" ..." if len(labels) > 5 else "")
