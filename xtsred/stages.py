"""What flows through the reduction: one frozen type per stage.

Scan -> Pattern -> Intensity -> StructureFactor -> PairDistribution. Arrays are float64 and read-only;
`q` is in Å^-1, `r` in Å, angles in degrees. A sigma is counting statistics unless its name says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from calibration.quantity import Quantity
from calibration.report import Finding

if TYPE_CHECKING:
    from xtsred.budget.records import Budget

__all__ = [
    "Array",
    "Comparison",
    "Intensity",
    "Normalization",
    "PairDistribution",
    "Pattern",
    "Reduction",
    "Role",
    "Scan",
    "ScanHeader",
    "Shell",
    "Step",
    "StructureFactor",
    "frozen",
]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization:
    """How counts/s became electron units: K = 1/beta (counts/s per e.u. of one sample atom).

    method: the one used. k_high_angle, k_integral: K by the high-angle and by the Krogh-Moe-Norman
    method. compton_response: fitted amplitude of the Compton term, None where fixed at 1;
    continuum: fitted amplitude of the tube's continuum, None where absent; covariance: of (ln K, amplitudes);
    correlations: "K, compton response" -> -1..1. q_range: where the high-angle fit was made.
    """

    method: str
    k: Quantity
    k_high_angle: Quantity
    k_integral: Quantity
    q_range: tuple[float, float]
    compton_response: Quantity | None = None
    continuum: Quantity | None = None
    correlations: Mapping[str, float] = field(default_factory=dict)
    covariance: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intensity:
    """The sample's scattering at each angle in electron units per average atom.

    two_theta_deg, q: shape (n,) (q of the intensity-weighted mean wavelength). measured, sigma: everything
    that reached the detector from the sample, container and environment removed, attenuated.
    components: name -> shape (n,), the calculated parts that add up to `model` in the same units
    (coherent self, Compton, multiple scattering, continuum ...). coherent, coherent_sigma: I_coh.
    square_mean |<f>|^2 and mean_square <f^2>: shape (n,).
    """

    two_theta_deg: Array
    q: Array
    measured: Array
    sigma: Array
    components: Mapping[str, Array]
    coherent: Array
    coherent_sigma: Array
    square_mean: Array
    mean_square: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureFactor:
    """Faber-Ziman S(Q) on a uniform grid; q: bin centres, shape (n,); s, sigma: shape (n,).

    covariance: shape (n, n) where bins are correlated (points that two bins share, deconvolved lines); None: independent.
    sigma_systematic: shape (n,), of the normalization and the Compton response, common to all bins;
    modes: shape (m, n), what it is made of: its covariance is modes^T modes.
    """

    q: Array
    s: Array
    sigma: Array
    sigma_systematic: Array | None = None
    modes: Array | None = None
    covariance: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDistribution:
    """Real space: r: shape (n,), Å. g: g(r); d: G(r) = 4 pi rho0 r (g - 1) (Keen's D), Å^-2;
    t: T(r) = 4 pi rho0 r g, Å^-2; rdf: R(r) = r T, Å^-1; each with its sigma.

    window: name and q_max as text; extrapolation: how 0..q_min was filled, as text.
    first_distance: below it (Å) no pair can be: the unphysical region; None where not known.
    covariance: of G(r) by counting, shape (n, n). modes: shape (m, n), of G(r): its systematic covariance
    (normalization, fitted amplitudes) is modes^T modes; None where S(Q) has none.
    """

    r: Array
    g: Array
    g_sigma: Array
    d: Array
    d_sigma: Array
    t: Array
    t_sigma: Array
    rdf: Array
    rdf_sigma: Array
    window: str
    extrapolation: str
    number_density_per_a3: float
    first_distance: float | None = None
    covariance: Array | None = None
    modes: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """One neighbour shell: where it is and how many atoms it holds.

    pair: "Si-O" or "" where not known. position, coordination, width: by a fit of the window-broadened
    peak over r_range. coordination_integral: integral of R(r) over integral_limits (no fit). Their sigmas are
    counting; *_systematic: of normalization and fitted amplitudes, None where unknown.
    coordination_limits: half the spread of the fitted number when r_range is narrowed or widened by a tenth
    at each end. misfit: rms of the fit's residual over the peak's height.
    """

    pair: str
    r_range: tuple[float, float]
    position: Quantity
    width: Quantity
    coordination: Quantity | None
    coordination_integral: Quantity | None
    integral_limits: tuple[float, float]
    position_systematic: float | None = None
    coordination_systematic: float | None = None
    coordination_limits: float | None = None
    misfit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result against another S(Q): curves on the measured grid and their difference.

    name: file; q, s, sigma: ours; s_other: shape (n,); rms: of the difference; r_x: Wright's R_X, r_x_text with what is
    known of its uncertainty, r_x_sigma None where a part of it is unknown; *_measurement, *_model: the parts.
    kind: what the other is. q_range: limits used, Å^-1. weights, window: of the other, in words. by_function: R of
    S, S - 1, Q (S - 1). r_x_flat: R_X of S = 1; r_x_floor: of our counting noise alone. intervals: (low, high, share of the squared misfit, R) each. scale: fitted to its S - 1,
    never applied; r_x_scaled with it.
    """

    name: str
    function: str
    q: Array
    s: Array
    sigma: Array
    s_other: Array
    rms: float
    r_x: float
    r_x_sigma: float | None
    pull_width: float
    kind: Literal["curve", "simulation"] = "curve"
    r_x_text: str = ""
    r_x_sigma_measurement: float | None = None
    r_x_sigma_model: float | None = None
    r_x_flat: float | None = None
    r_x_floor: float | None = None
    q_range: tuple[float, float] | None = None
    weights: str = "as in the file"
    window: str = "as in the file"
    by_function: Mapping[str, float] = field(default_factory=dict)
    intervals: tuple[tuple[float, float, float, float], ...] = ()
    scale: Quantity | None = None
    r_x_scaled: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """Everything that one project gave, in the order of the reduction.

    scans: the scans as read, by role. patterns: merged, by role. steps: every correction with its curves.
    budget: where it was made, sigma_systematic and modes of the curves and *_systematic of the shells are of all its sources.
    """

    name: str
    composition_text: str
    number_density_per_a3: float
    scans: Mapping[Role, tuple[Scan, ...]]
    patterns: Mapping[Role, Pattern]
    steps: tuple[Step, ...]
    intensity: Intensity
    normalization: Normalization
    structure_factor: StructureFactor
    pair_distribution: PairDistribution
    shells: tuple[Shell, ...]
    findings: tuple[Finding, ...]
    parameters: Mapping[str, Quantity]
    comparison: Comparison | None = None
    budget: "Budget | None" = None
