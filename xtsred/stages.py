"""What flows through the reduction: one frozen type per stage.

Scan -> Pattern -> Intensity -> StructureFactor -> PairDistribution. Arrays are float64 and read-only;
`q` is in Å^-1, `r` in Å, angles in degrees. A sigma is counting statistics unless its name says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.report import Finding

__all__ = ["Array", "Pattern", "Role", "Scan", "ScanHeader", "Step", "frozen"]

Role = Literal["sample", "container", "environment"]

Array = npt.NDArray[np.float64]


def frozen(values: npt.ArrayLike) -> Array:
    """A read-only float64 copy of values."""
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanHeader:
    """What a file says about how it was measured; None where it does not say.

    wavelengths_a: the lines in Å, strongest first; line_ratio: intensity of the second over the first.
    other: further facts by name, as text with units (slits, generator, detector ...);
    ignored: names of the blocks or columns that the reader saw and did not use.
    """

    anode: str | None = None
    wavelengths_a: tuple[float, ...] = ()
    line_ratio: float | None = None
    sample_name: str | None = None
    started: str | None = None
    other: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One range of one file, as the file states it: nothing converted but encoding.

    file: path as given; range_index: 0-based within the file; format: name of the reader.
    two_theta_deg: shape (n,), as measured, increasing. values: shape (n,), counts or counts/s by `kind`.
    sigma: shape (n,), standard uncertainty of values where the file states it, else None.
    seconds_per_step: shape (n,), effective counting time of each point where the file states it, else None.
    monitor: shape (n,) incident-beam monitor counts, else None.
    findings: doubts of the reader (e.g. "counts are not integers").
    """

    file: str
    format: str
    two_theta_deg: Array
    values: Array
    kind: Literal["counts", "rates"]
    range_index: int = 0
    sigma: Array | None = None
    seconds_per_step: Array | None = None
    monitor: Array | None = None
    header: ScanHeader = field(default_factory=ScanHeader)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """All scans of one role merged on one angle grid.

    two_theta_deg: shape (n,), increasing, after goniometer corrections. rate_cps: shape (n,), counts per
    second, dead time corrected, every scan brought to the scale of the first. sigma_cps: shape (n,),
    Poisson standard uncertainty of rate_cps. exposure_s: shape (n,), summed counting time of each point.
    scans: shape (n,), how many scans contribute to each point. findings: overlap chi^2, scale, spikes, drift.
    """

    role: Role
    two_theta_deg: Array
    rate_cps: Array
    sigma_cps: Array
    exposure_s: Array
    scans: Array
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a correction did, for the report: it draws every curve it finds here.

    name: title; x and curves: name -> shape (n,) over x (x_label says what x is); y_label with unit;
    parameters: name -> text with ± and unit; reference: source of the formula.
    """

    name: str
    x: Array
    x_label: str
    y_label: str
    curves: Mapping[str, Array]
    parameters: Mapping[str, str]
    reference: str
