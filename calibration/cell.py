"""The measuring cell: what turns an ohm into an ohm centimetre, with the uncertainty that all points share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from calibration.quantity import Quantity

__all__ = [
    "EPSILON_0_F_PER_CM",
    "CalibratedCell",
    "CombinedConstant",
    "MeasuringCell",
    "ParallelPlates",
    "cell_constant",
    "combine_constants",
    "disc_area",
    "pellet_density",
]

EPSILON_0_F_PER_CM = 8.8541878188e-14
"""Vacuum permittivity, F/cm (CODATA 2022: 8.8541878188(14)e-12 F/m)."""


class MeasuringCell(Protocol):
    """What turns R into sigma and C into a permittivity: a geometry, or a calibrated constant."""

    @property
    def constant_per_cm(self) -> Quantity:
        """K in 1/cm: sigma = K/R."""

    @property
    def relative_sigma(self) -> float | None:
        """Relative standard uncertainty of K, None where unknown."""

    @property
    def vacuum_capacitance_f(self) -> float:
        """C0 = eps0/K in farad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedCell:
    """A cell whose constant was measured with a standard. constant_per_cm: K in 1/cm, > 0."""

    constant_per_cm: Quantity

    def __post_init__(self) -> None:
        if not self.constant_per_cm.value > 0.0:
            raise ValueError(
                f"a cell constant must be positive, not {self.constant_per_cm.value:g}"
            )

    @property
    def relative_sigma(self) -> float | None:
        """Relative standard uncertainty of K (dimensionless), None where unknown."""
        sigma = self.constant_per_cm.sigma
        return None if sigma is None else sigma / self.constant_per_cm.value

    @property
    def vacuum_capacitance_f(self) -> float:
        """C0 = eps0/K in farad: field lines carry displacement as they carry current."""
        return EPSILON_0_F_PER_CM / self.constant_per_cm.value


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelPlates:
    """A flat sample between two parallel electrodes that cover its faces.

    thickness_mm: distance of the electrodes. area_mm2: area of one electrode.
    The field is taken as homogeneous: true for a disc with full-face electrodes.
    Raises ValueError for a length or area that is not positive.
    """

    thickness_mm: Quantity
    area_mm2: Quantity

    def __post_init__(self) -> None:
        for name, quantity in (("thickness", self.thickness_mm), ("area", self.area_mm2)):
            if not quantity.value > 0.0:
                raise ValueError(f"the {name} of a cell must be positive, not {quantity.value:g}")

    @property
    def constant_per_cm(self) -> Quantity:
        """e/A in 1/cm: sigma = (e/A)/R and rho = R/(e/A)."""
        return cell_constant(self.thickness_mm, self.area_mm2)

    @property
    def relative_sigma(self) -> float | None:
        """Relative standard uncertainty of e/A (dimensionless), None where a part of it is unknown."""
        constant = self.constant_per_cm
        return None if constant.sigma is None else constant.sigma / constant.value

    @property
    def vacuum_capacitance_f(self) -> float:
        """C0 = eps0 A/e in farad: the capacitance of the empty cell."""
        return EPSILON_0_F_PER_CM / self.constant_per_cm.value


def disc_area(diameter_mm: Quantity) -> Quantity:
    """Area of a disc, A = pi d^2/4, u(A)/A = 2 u(d)/d.

    diameter_mm: mm. Returns mm^2; sigma None where that of the diameter is unknown.
    Source: GUM (JCGM 100:2008) eq. 10.
    """
    area = math.pi * diameter_mm.value**2 / 4.0
    if diameter_mm.sigma is None:
        return Quantity(area, None, "mm^2")
    return Quantity(area, area * 2.0 * diameter_mm.sigma / diameter_mm.value, "mm^2")


def cell_constant(thickness_mm: Quantity, area_mm2: Quantity) -> Quantity:
    """Cell constant e/A, u^2 = (u(e)/e)^2 + (u(A)/A)^2 relative.

    thickness_mm: e, mm; area_mm2: A, mm^2. Returns 1/cm; sigma None where either is unknown.
    Source: GUM (JCGM 100:2008) eq. 12.
    """
    value = 10.0 * thickness_mm.value / area_mm2.value
    if thickness_mm.sigma is None or area_mm2.sigma is None:
        return Quantity(value, None, "1/cm")
    relative = math.hypot(thickness_mm.sigma / thickness_mm.value, area_mm2.sigma / area_mm2.value)
    return Quantity(value, value * relative, "1/cm")


def pellet_density(mass_mg: Quantity, plates: ParallelPlates) -> Quantity:
    """Geometric density m/(A e) of a pellet whose faces are its electrodes, g/cm^3.

    mass_mg: mg. sigma None where any part is unknown.
    """
    volume_mm3 = plates.thickness_mm.value * plates.area_mm2.value
    value = mass_mg.value / volume_mm3  # mg/mm^3 = g/cm^3
    parts = (mass_mg, plates.thickness_mm, plates.area_mm2)
    relatives = [q.sigma / q.value for q in parts if q.sigma is not None]
    sigma = value * math.hypot(*relatives) if len(relatives) == len(parts) else None
    return Quantity(value, sigma, "g/cm^3")


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedConstant:
    """Several determinations of one cell constant. chi2, freedom: of their scatter about the mean, by the independent
    uncertainties; birge: factor by which these were widened, 1 where they explain the scatter."""

    constant_per_cm: Quantity
    chi2: float
    freedom: int
    birge: float


def combine_constants(
    values: Sequence[float], *, independent: Sequence[float], common_relative: float
) -> CombinedConstant:
    """Weighted mean, u^2 = birge^2/sum w + (K common)^2, w = 1/independent^2, birge^2 = max(1, chi^2/freedom).

    values: 1/cm; independent: standard uncertainty of each from reading and temperature, > 0; common_relative: of the
    standard, the same for all. Source: R. T. Birge, Phys. Rev. 40 (1932) 207; GUM (JCGM 100:2008) 5.2 (correlated inputs).
    """
    weights = [u**-2 for u in independent]
    total = math.fsum(weights)
    mean = math.fsum(w * v for w, v in zip(weights, values, strict=True)) / total
    chi2 = math.fsum(w * (v - mean) ** 2 for w, v in zip(weights, values, strict=True))
    freedom = len(weights) - 1
    birge = max(1.0, math.sqrt(chi2 / freedom)) if freedom else 1.0
    sigma = math.hypot(birge / math.sqrt(total), mean * common_relative)
    return CombinedConstant(
        constant_per_cm=Quantity(mean, sigma, "1/cm"), chi2=chi2, freedom=freedom, birge=birge
    )
