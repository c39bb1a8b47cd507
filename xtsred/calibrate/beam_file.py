"""A scan of the capillary through the direct beam, read from text: position (mm) and intensity."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.beam_scan import BeamScan
from calibration.errors import InputError, ReadError
from xtsred.io.checks import are_integers
from xtsred.io.source import read_text
from xtsred.io.table import parse_table
from xtsred.stages import Array

__all__ = ["BeamFile", "read_beam_file"]

_FACT = re.compile(r"(\w+): \"([^\"]*)\"")
_FEWEST = 20
_WHOLE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamFile:
    """The scan; anode from its header, None where silent; times_known: whether sigma is counting statistics."""

    scan: BeamScan
    anode: str | None
    how: str


def read_beam_file(path: Path, *, seconds_per_step: float | None) -> BeamFile:
    """Two columns, position in mm and intensity; EVA's header line tells scan type, anode and counting time.

    seconds_per_step: where the file does not say. Intensities that become whole numbers when multiplied by the
    counting time are rates; other whole numbers are counts; rates with a time are taken at their word; of others only the course sqrt(I) of the uncertainty is.
    Raises ReadError with file and line, InputError where the times contradict each other.
    """
    table = parse_table(re.split(r"\r\n|\n|\r", read_text(path)), file=str(path))
    facts = {k: v for _, line in table.header for k, v in _FACT.findall(line)}
    if table.values.shape[1] != 2 or table.values.shape[0] < _FEWEST:
        raise ReadError(
            f"a scan through the beam has two columns and {_FEWEST} rows at least, not {table.values.shape[1]} and "
            f"{table.values.shape[0]}",
            why="it is read as position in mm and intensity",
            where=table.place(0),
        )
    kind = facts.get("Scantype", "").strip()
    if kind and kind.upper() not in ("Z", "X", "Y"):
        raise ReadError(
            f'this is a scan over "{kind}", not through the beam',
            why="its header says so",
            where=f"{path}:{table.header[0][0]}",
        )
    place, intensity = table.values.T
    wrong = np.flatnonzero(~np.isfinite(table.values).all(axis=1) | (intensity < 0.0))
    if wrong.size:
        raise ReadError("the intensity is not a number >= 0", where=table.place(int(wrong[0])))
    step = np.flatnonzero(np.diff(place) <= 0.0)
    if step.size:
        raise ReadError("the position does not grow", where=table.place(int(step[0]) + 1))
    seconds = _seconds(facts.get("TimePerStep"), seconds_per_step, path)
    sigma, absolute, how = _sigma(intensity, seconds)
    return BeamFile(
        scan=BeamScan(position_mm=place, intensity=intensity, sigma=sigma, absolute=absolute),
        anode=facts.get("Anode", "").strip() or None,
        how=how,
    )


def _seconds(stated: str | None, given: float | None, path: Path) -> float | None:
    try:
        own = float(stated) if stated else None
    except ValueError:
        own = None
    if own is not None and own <= 0.0:
        own = None
    if own is not None and given is not None and abs(given / own - 1.0) > 1e-3:
        raise InputError(
            f"the project file says {given:g} s per step, the file itself {own:g} s",
            remedy="leave attenuation.z_scan_seconds_per_step out if the file is right",
            where=str(path),
        )
    return own if own is not None else given


def _sigma(intensity: Array, seconds: float | None) -> tuple[Array, bool, str]:
    whole = seconds is not None and bool(
        np.all(np.abs(intensity * seconds % 1.0 - 0.5) > 0.5 - _WHOLE)
    )
    if are_integers(intensity) and not whole:
        return np.sqrt(np.maximum(intensity, 1.0)), True, "whole numbers: counts"
    if seconds is not None:
        counts = intensity * seconds
        how = f"rates; {seconds:g} s per step" + (" make them whole counts" if whole else "")
        return np.sqrt(np.maximum(counts, 1.0)) / seconds, True, how
    floor = max(float(intensity.max()) * 1e-6, 1e-12)
    return (
        np.sqrt(np.maximum(intensity, floor)),
        False,
        "rates without a counting time: the uncertainty follows from the residuals",
    )
