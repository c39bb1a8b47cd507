"""The empty container as a standard of intensity: its wall is known matter in the same beam as the sample."""

import numpy as np

from calibration.quantity import Quantity
from xtsred.atoms import form_factors, incoherent, mean_square, number_density
from xtsred.config import Project
from xtsred.corrections.environment import environment_transmission
from xtsred.memo import Memo
from xtsred.merge import on_angles
from xtsred.scattering import LineTerms, line_terms
from xtsred.stages import Array, Reduction
from xtsred.unpack import Plan, make_plan

__all__ = ["wall_brightness", "wall_is_a_standard", "wall_pattern"]

_ANGLES = 80


def wall_is_a_standard(project: Project) -> bool:
    """Whether the container's own scattering can be calculated: it was measured empty, with lines alone, and its thickness has a sigma.

    A thickness without one is known nobody says how well; taken as exact it would be the packing that pays for its error.
    """
    container = project.container
    measured = any(entry.role == "container" for entry in project.scan)
    known = container is not None and container.wall_thickness_mm.sigma is not None
    return measured and known and project.radiation.continuum is None


def wall_brightness(reduction: Reduction, project: Project, *, memo: Memo) -> Quantity:
    """ln of the empty container's measured rate over the rate that K of the sample gives its wall; 0 is expected.

    K is counts/s per electron unit of one sample atom in the beam, and the wall has n = rho_wall V_wall /
    (rho_sample V_sample) atoms for each of these: the two normalizations overlap in the number of photons, and their ratio
    is the amount of sample (packing, density, radius) against the amount of wall (thickness). Averaged over the range
    of the high-angle method under sin^2, where the wall's own S(Q) averages out. sigma: counting alone.
    """
    angle, q = reduction.intensity.two_theta_deg, reduction.intensity.q
    low, high = reduction.normalization.q_range
    inside = (q > low) & (q < high)
    weight = np.sin(np.pi * (q[inside] - low) / (high - low)) ** 2
    rate, variance = _net(reduction, project)
    response = reduction.normalization.compton_response or project.normalization.compton_response
    plan = make_plan(project)
    coarse = np.linspace(angle[inside][0], angle[inside][-1], _ANGLES)
    depends = (coarse, plan.setup, plan.lines, plan.reference_response, response.value)
    curve = memo("wall", depends, lambda: wall_pattern(coarse, plan, response=response.value))
    expected = reduction.normalization.k.value * np.interp(angle[inside], coarse, curve)
    scale = 1.0 if project.container is None else project.container.scale.value
    found = scale * float(weight @ rate[inside])
    sigma = scale * float(np.sqrt(weight**2 @ variance[inside])) / abs(found)
    return Quantity(
        float(np.log(found / float(weight @ expected))) if found > 0.0 else -np.inf, sigma
    )


def wall_pattern(two_theta_deg: Array, plan: Plan, *, response: float) -> Array:
    """The empty container's single scattering of independent atoms, e.u. per atom of the sample; shape (n,).

    sum over lines of weight n [D P A_c,c <f^2> + response D_C P R A_c,c(Compton) S_inc], see `LineTerms`.
    """
    setup = plan.setup
    if setup.wall is None:
        raise ValueError("there is no wall")
    total = np.zeros_like(two_theta_deg)
    for line in plan.lines:
        terms = line_terms(
            two_theta_deg, line=line, setup=setup, reference_response=plan.reference_response
        )
        total += line.weight * _per_wall_atom(terms, plan, response)
    per_area = [
        number_density(s.composition, mass_density_g_per_cm3=s.mass_density_g_per_cm3)
        for s in (setup.wall, setup.sample)
    ]
    areas = terms.factors
    return np.asarray(
        total * per_area[0] * areas.wall_area_mm2 / (per_area[1] * areas.core_area_mm2)
    )


def _per_wall_atom(terms: LineTerms, plan: Plan, response: float) -> Array:
    wall, elastic, shifted = plan.setup.wall, terms.factors.a_c_c, terms.factors_compton.a_c_c
    if wall is None or elastic is None or shifted is None:
        raise ValueError("there is no wall")
    f = form_factors(wall.composition, terms.q, energy_kev=terms.line.energy_kev)
    coherent = terms.response_elastic * elastic * mean_square(wall.composition, f)
    compton = (
        terms.response_compton * terms.recoil * shifted * incoherent(wall.composition, terms.q)
    )
    # LineTerms.recoil is relative to Thomson scattering and holds no polarization
    return np.asarray(terms.polarization * (coherent + response * compton))


def _net(reduction: Reduction, project: Project) -> tuple[Array, Array]:
    """Rate of the empty container alone and its variance, on the sample's angles."""
    angle = reduction.intensity.two_theta_deg
    container = on_angles(reduction.patterns["container"], angle)
    dark = 0.0 if project.detector.dark_cps is None else project.detector.dark_cps.value
    rate, variance = container.rate_cps - dark, container.sigma_cps**2
    if "environment" in reduction.patterns:
        air = on_angles(reduction.patterns["environment"], angle)
        share = environment_transmission(reduction.parameters["beam transmission, container"].value)
        if project.environment is not None:
            share *= project.environment.scale.value
        rate = rate - share * (air.rate_cps - dark)
        variance = variance + share**2 * air.sigma_cps**2
    return rate, variance
