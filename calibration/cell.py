"""The measuring cell: what turns an ohm into an ohm centimetre, with the uncertainty that all points share."""

import math
from dataclasses import dataclass

from calibration.quantity import Quantity

__all__ = ["EPSILON_0_F_PER_CM", "ParallelPlates", "cell_constant", "disc_area", "pellet_density"]

EPSILON_0_F_PER_CM = 8.8541878188e-14
"""Vacuum permittivity, F/cm (CODATA 2022: 8.8541878188(14)e-12 F/m)."""


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
