"""What flows through the impedance half: one frozen type per stage.

Spectrum -> ArcFit -> Conductivity -> ArrheniusFit. Z'' is negative for a capacitive sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.report import Finding

__all__ = ["Array", "ComplexArray", "IntArray", "Spectrum"]

Array = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """One impedance spectrum as measured, in the order of the file.

    file: path as given; index: 0-based within the file; format: name of the reader; name: label of the spectrum.
    frequency_hz: shape (n,), > 0. z_ohm: shape (n,), complex, Z' + iZ'' with Z'' < 0 capacitive.
    line: shape (n,), line number in the file of each point (record number in a binary file), to name a point.
    temperature_k: sample temperature if the file states it, else None.
    started: ISO time, if stated. header: facts by name, as text. ignored: columns or blocks seen and not used.
    findings: doubts of the reader.
    """

    file: str
    format: str
    frequency_hz: Array
    z_ohm: ComplexArray
    line: IntArray
    index: int = 0
    name: str = ""
    temperature_k: float | None = None
    started: str | None = None
    header: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
