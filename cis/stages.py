"""What flows through the impedance half: one frozen type per stage.

Spectrum -> Validation -> ArcFit -> Conductivity -> ArrheniusFit. Z'' is negative for a capacitive sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.report import Finding

__all__ = [
    "Arc",
    "ArcFit",
    "Array",
    "BoolArray",
    "Candidate",
    "Cell",
    "ComplexArray",
    "DroppedPoint",
    "Evidence",
    "FittedParameter",
    "IntArray",
    "JointFit",
    "Method",
    "Phase",
    "ResistanceEstimate",
    "Spectrum",
    "Step",
    "Validation",
]

Array = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Method = Literal["circuit", "circle", "minimum"]
Evidence = Literal["arc", "intercept", "tail"]
Phase = Literal["bulk", "grain boundary", "unassigned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """One impedance spectrum as measured, in the order of the file.

    file: path as given; index: 0-based within the file; format: name of the reader; name: label of the spectrum.
    frequency_hz: shape (n,), > 0. z_ohm: shape (n,), complex, Z' + iZ'' with Z'' < 0 capacitive.
    line: shape (n,), line number in the file of each point (record number in a binary file), to name a point.
    temperature_k: sample temperature if the file states it, else None.
    started: ISO time, if stated. header: facts by name, as text. ignored: columns or blocks seen and not used.
    findings: doubts of the reader. masked: place of a point -> why its user leaves it out.
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
    masked: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The size of the sample between its electrodes: it turns a capacitance into a permittivity.

    area_m2: electrode area, m^2; thickness_m: distance of the electrodes, m; both > 0, nominal values.
    """

    area_m2: float
    thickness_m: float

    def permittivity(self, capacitance_f: float) -> float:
        """Relative permittivity eps_r = C e / (eps0 A) of a capacitance in F."""
        return capacitance_f * self.thickness_m / (8.8541878128e-12 * self.area_m2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedPoint:
    """A measured point that the fit does not see, and the rule that says so.

    index: 0-based place in the Spectrum; line: its line in the file; frequency_hz; reason: one clause.
    """

    index: int
    line: int
    frequency_hz: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of |Z|: below frequency_hz it is larger by the part `relative` than the points above it say."""

    frequency_hz: float
    relative: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What the checks before the fit say about one spectrum of n points.

    used: shape (n,), True where the point enters the fit. dropped: the others, each with its reason.
    kk_z_ohm: shape (n,), complex, the Kramers-Kronig consistent curve, Ohm (NaN if too few points).
    kk_residuals: shape (n,), complex, (Z - Z_KK) / |Z|, dimensionless.
    noise_relative: standard deviation of Z' (and of Z'') over |Z|, from the scatter about the
    Kramers-Kronig curve; None if too few points. kk_elements: number of time constants of the curve.
    kk_consistent: False where the residuals show structure above the noise (drift, nonlinearity); None where the
    points are too few to tell. step: a step of |Z| between two neighbours, if one stands out.
    """

    used: BoolArray
    dropped: tuple[DroppedPoint, ...]
    kk_z_ohm: ComplexArray
    kk_residuals: ComplexArray
    noise_relative: float | None
    kk_elements: int
    kk_consistent: bool | None
    findings: tuple[Finding, ...] = ()
    step: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedParameter:
    """One parameter of a circuit, e.g. R1 in ohm, CPE1_0 (Q) in S s^alpha, CPE1_1 (alpha).

    sigma: standard uncertainty in the unit of value, None where the data do not identify it.
    sigma_log: standard uncertainty of ln(value) for those fitted as logarithms, else None.
    """

    name: str
    value: float
    sigma: float | None
    unit: str
    sigma_log: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResistanceEstimate:
    """The low-frequency intercept by one method: the circuit, a depressed circle, the minimum of |Z''|.

    sigma_ohm: standard uncertainty, None where the method gives none. note: what limits it, "" if nothing.
    """

    method: Method
    value_ohm: float
    sigma_ohm: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A circuit that was tried: its small-sample Akaike criterion, and why it was (not) chosen."""

    circuit: str
    aicc: float
    chosen: bool
    reason: str
    resistance_ohm: float | None = None
    resistance_sigma_ohm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """One R||CPE of the fit. capacitance_f: (Q R^(1-alpha))^(1/alpha); apex_hz: 1 / (2 pi (R Q)^(1/alpha)).

    resistance_sigma_ohm, capacitance_f: None where the data do not identify them (apex outside the
    measured frequencies). permittivity: relative, None without a cell. phase: bulk or grain boundary
    where the permittivity tells, else "unassigned".
    """

    element: str
    resistance_ohm: float
    resistance_sigma_ohm: float | None
    capacitance_f: float | None
    apex_hz: float | None
    permittivity: float | None
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcFit:
    """One spectrum, fitted.

    circuit: name in CIRCUITS, or the user's string; circuit_string: in the notation of `impedance`.
    parameters: in the order of the string; correlation: shape (p, p), of the fitted variables
    (logarithms of R, Q, L; exponents as they are), NaN in rows that the data do not identify.
    resistance_ohm: total low-frequency intercept, Ohm: the sum of R0 (if the circuit has one) and of the arcs without
    the `electrode_arcs` (resistors of arcs of more than 1e-6 F); resistance_sigma_ohm: its standard uncertainty from
    the covariance, the choice of model and a step of the modulus, None where it exceeds R. identifiable: the relative
    uncertainty is below 0.5 and nothing else speaks against R; only then is R a result.
    kind of evidence: "arc" (apex inside the measured frequencies), "intercept" (part of the arc or its
    foot is seen), "tail" (only the electrode's spike: R is its high-frequency end).
    residuals: shape (n,), complex, (Z - model) / |Z| at every point of the spectrum, used or not.
    model_z_ohm: shape (n,), complex. chi2_reduced: weighted sum of squares per degree of freedom in units of
    the noise found by the Kramers-Kronig test (1 = fits to the noise; None without a noise estimate).
    noise_relative: standard deviation of the residuals per component, with the degrees of freedom.
    capacitance_f: of the bulk (or only) arc. estimates: the three ways to R, those that exist.
    """

    spectrum: Spectrum
    validation: Validation
    circuit: str
    circuit_string: str
    parameters: tuple[FittedParameter, ...]
    correlation: Array
    resistance_ohm: float
    resistance_sigma_ohm: float | None
    kind: Evidence
    identifiable: bool
    estimates: tuple[ResistanceEstimate, ...]
    residuals: ComplexArray
    model_z_ohm: ComplexArray
    chi2_reduced: float | None
    noise_relative: float
    aicc: float
    converged: bool
    candidates: tuple[Candidate, ...]
    arcs: tuple[Arc, ...]
    capacitance_f: float | None
    electrode_arcs: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def parameter(self, name: str) -> FittedParameter:
        """The parameter of that name. Raises KeyError with the names there are."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(
            f"no parameter {name}; there are {', '.join(p.name for p in self.parameters)}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JointFit:
    """A series fitted at once, the exponents and the capacitances (permittivity) of the arcs shared.

    circuit_string: common circuit. shared: the shared parameters (alpha of each CPE, C of each arc).
    resistance_ohm, resistance_sigma_ohm: shape (m,), total R of each spectrum, Ohm, in the order of `names`.
    temperature_k: shape (m,), NaN where unknown. pulls: shape (m,), (ln R joint - ln R one by one) over the
    one-by-one standard uncertainty, NaN where that fit did not identify R.
    chi2_ratio: joint weighted sum of squares per degree of freedom over the one of the separate fits.
    """

    circuit_string: str
    names: tuple[str, ...]
    temperature_k: Array
    shared: tuple[FittedParameter, ...]
    resistance_ohm: Array
    resistance_sigma_ohm: Array
    pulls: Array
    chi2_ratio: float
    converged: bool
    permittivity: float | None = None
    findings: tuple[Finding, ...] = ()
