"""From a resistance to a conductivity, and from a capacitance to a permittivity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from calibration.cell import MeasuringCell
from calibration.quantity import Quantity
from calibration.report import Finding
from cis.stages import ArcFit, Evidence, Method

__all__ = [
    "Conductivity",
    "Permittivity",
    "conductivity",
    "dense_permittivity_bruggeman",
    "method_spread",
    "permittivity",
    "series_permittivity",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductivity:
    """DC conductivity of one spectrum.

    name: label of the spectrum; temperature_k: sample temperature (None: unknown);
    temperature_sigma_k: of the sample's temperature, None where unknown.
    resistance_ohm: with the standard uncertainty of the fit and of the choice of method.
    sigma_s_per_cm: value. stat_s_per_cm: the part that comes with the spectrum (fit, method);
    geometry_s_per_cm: the part of the cell, common to all temperatures. None where unknown.
    circuit, method, kind: how R was found and on what evidence; identifiable: False where R is not
    determined by the data. permittivity: apparent, None without a capacitance.
    """

    name: str
    temperature_k: float | None
    temperature_sigma_k: float | None
    resistance_ohm: Quantity
    sigma_s_per_cm: float
    stat_s_per_cm: float | None
    geometry_s_per_cm: float | None
    circuit: str
    method: Method
    kind: Evidence
    identifiable: bool
    permittivity: Quantity | None = None

    @property
    def total_s_per_cm(self) -> float | None:
        """Both parts in quadrature, None where either is unknown."""
        if self.stat_s_per_cm is None or self.geometry_s_per_cm is None:
            return None
        return math.hypot(self.stat_s_per_cm, self.geometry_s_per_cm)

    @property
    def relative_stat(self) -> float | None:
        """Standard uncertainty of ln sigma from the spectrum alone."""
        return None if self.stat_s_per_cm is None else self.stat_s_per_cm / self.sigma_s_per_cm


def method_spread(fit: ArcFit) -> float | None:
    """Standard uncertainty of R from the disagreement of the methods, Ohm; None with one method.

    u^2 = max(D^2 - u_other^2, 0)/3 with D the distance between the circuit's R and the nearest of the other
    estimates (circle, minimum of |Z''|), u_other that estimate's own uncertainty: what their noise does not
    explain, as a rectangular distribution between two readings of one intercept (GUM 4.3.7). The nearest
    counts, because overlap with the spike biases the others upward by a known sign.
    """
    away = [
        (abs(e.value_ohm - fit.resistance_ohm), e.sigma_ohm or 0.0)
        for e in fit.estimates
        if e.method != "circuit"
    ]
    if not away:
        return None
    distance, own = min(away)
    return math.sqrt(max(distance**2 - own**2, 0.0) / 3.0)


def conductivity(
    fit: ArcFit,
    *,
    plates: MeasuringCell,
    temperature_k: float | None,
    temperature_sigma_k: float | None,
    name: str,
) -> Conductivity:
    """DC conductivity sigma = (e/A)/R with its two uncertainties apart.

    u_stat/sigma = u(R)/R, u(R) = fit and choice of model (from the fit) with `method_spread` in quadrature;
    u_geometry/sigma = u(e/A)/(e/A), the same for all temperatures.
    Source: definition of conductivity; GUM (JCGM 100:2008) eq. 12.
    Raises ValueError for a resistance that is not positive.
    """
    resistance = fit.resistance_ohm
    if not resistance > 0.0:
        raise ValueError(f"a resistance must be positive, not {resistance:g} Ohm")
    value = plates.constant_per_cm.value / resistance
    u_resistance = fit.resistance_sigma_ohm if fit.identifiable else None
    if u_resistance is not None:
        u_resistance = math.hypot(u_resistance, method_spread(fit) or 0.0)
    relative_geometry = plates.relative_sigma
    return Conductivity(
        name=name,
        temperature_k=temperature_k,
        temperature_sigma_k=temperature_sigma_k,
        resistance_ohm=Quantity(resistance, u_resistance, "Ohm"),
        sigma_s_per_cm=value,
        stat_s_per_cm=None if u_resistance is None else value * u_resistance / resistance,
        geometry_s_per_cm=None if relative_geometry is None else value * relative_geometry,
        circuit=fit.circuit,
        method="circuit",
        kind=fit.kind,
        identifiable=fit.identifiable,
        permittivity=permittivity(fit.capacitance_f, plates=plates),
    )


def permittivity(capacitance_f: float | None, *, plates: MeasuringCell) -> Quantity | None:
    """Apparent relative permittivity eps_r = C e/(eps0 A) of the whole pellet, with the cell's uncertainty.

    capacitance_f: C of the bulk arc, F; None gives None. The stray capacitance of the holder adds to C.
    """
    if capacitance_f is None:
        return None
    value = capacitance_f / plates.vacuum_capacitance_f
    relative = plates.relative_sigma
    return Quantity(value, None if relative is None else value * relative)


CorrectionName = Literal["bruggeman"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permittivity:
    """Permittivity of a series: apparent (pellet), and of the dense glass if the porosity is known.

    apparent: mean over the spectra that show a bulk capacitance; n: their number.
    dense: after the named mixing rule, None without a porosity.
    """

    apparent: Quantity
    n: int
    porosity: Quantity | None
    dense: Quantity | None
    rule: CorrectionName = "bruggeman"


def dense_permittivity_bruggeman(apparent: Quantity, porosity: Quantity) -> Quantity:
    """Permittivity eps of the solid of a porous pellet, Bruggeman's symmetric effective medium.

    (1-p) (eps - m)/(eps + 2m) + p (1 - m)/(1 + 2m) = 0, solved for eps:
    with b = p (1-m)/((1-p)(1+2m)):  eps = m (1 - 2b)/(1 + b)

    apparent: m, of the pellet; porosity: p, volume share of empty (eps = 1) pores.
    u^2 = (d eps/d m u_m)^2 + (d eps/d p u_p)^2 by central differences; None where either is unknown.
    Valid for pores of any connection, isotropic, up to about p = 0.3.
    Source: Bruggeman, Ann. Phys. 416 (1935) 636; Sihvola, Electromagnetic Mixing Formulas (1999) ch. 9.
    Raises ValueError where no positive permittivity explains the numbers.
    """

    def dense(m: float, p: float) -> float:
        b = p * (1.0 - m) / ((1.0 - p) * (1.0 + 2.0 * m))
        return m * (1.0 - 2.0 * b) / (1.0 + b)

    m, p = apparent.value, porosity.value
    value = dense(m, p)
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"no dense permittivity gives {m:g} at a porosity of {p:g}")
    if apparent.sigma is None or porosity.sigma is None:
        return Quantity(value, None)
    h = 1e-5
    slope_m = (dense(m * (1 + h), p) - dense(m * (1 - h), p)) / (2 * h * m)
    slope_p = (dense(m, p + h) - dense(m, p - h)) / (2 * h)
    return Quantity(value, math.hypot(slope_m * apparent.sigma, slope_p * porosity.sigma))


def series_permittivity(
    conductivities: Sequence[Conductivity], *, porosity: Quantity | None
) -> tuple[Permittivity | None, tuple[Finding, ...]]:
    """Mean apparent permittivity of a series, and of the dense solid where the porosity is known.

    Each arc of the same sample sees the same capacitance: the scatter over the temperatures gives
    the statistical part (standard error of the mean), the cell the common one.
    """
    found = [
        c.permittivity for c in conductivities if c.permittivity is not None and c.identifiable
    ]
    if not found:
        return None, ()
    values = [q.value for q in found]
    n = len(values)
    mean = math.fsum(values) / n
    geometry = found[0].sigma
    sigma = None
    if geometry is not None and n > 1:
        scatter = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n * (n - 1)))
        sigma = math.hypot(scatter, mean * geometry / found[0].value)
    apparent = Quantity(mean, sigma)
    if porosity is None or porosity.value == 0.0:
        return Permittivity(apparent=apparent, n=n, porosity=porosity, dense=None), ()
    try:
        dense = dense_permittivity_bruggeman(apparent, porosity)
    except ValueError as error:
        text = f"The permittivity was not corrected for porosity: {error}."
        return Permittivity(apparent=apparent, n=n, porosity=porosity, dense=None), (
            Finding("warning", text, {"apparent": mean, "porosity": porosity.value}),
        )
    return Permittivity(apparent=apparent, n=n, porosity=porosity, dense=dense), ()
