"""Multiple scattering of a project, for whatever S(Q) the iteration has reached."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from calibration.radiation import Line
from xtsred.atoms import (
    Composition,
    compton_shells,
    form_factors,
    incoherent,
    mean_square,
    number_density,
    square_mean,
)
from xtsred.binning import momentum_transfer
from xtsred.corrections.absorption import Attenuation
from xtsred.corrections.compton import klein_nishina_over_thomson, shifted_energy
from xtsred.corrections.compton_detected import (
    BoundElectrons,
    ComptonDetection,
    compton_detection,
)
from xtsred.corrections.multiple_scattering import (
    Beam,
    EnergyAttenuation,
    Scatterer,
    ScatteringKernel,
    multiple_scattering,
    scattering_kernel,
)
from xtsred.memo import Memo
from xtsred.scattering import LineTerms, Setup, Substance
from xtsred.solve import structure_at
from xtsred.spectrum import response
from xtsred.stages import Array, StructureFactor
from xtsred.unpack import Plan

__all__ = ["Applied", "Computed", "NotApplied", "multiple_scattering_model"]

_ANGLES = np.linspace(0.0, 180.0, 721)
_ACCEPTED = 0.05  # relative, of the finest grid: an opaque sample is a Finding, not the end


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplied:
    """For a project without [multiple_scattering]."""

    accuracy: float | None = None

    def __call__(self, structure: StructureFactor | None) -> Array | None:
        """See `MultipleScatteringModel`."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """`of` gives orders 2 and more of an S(Q), the container's share subtracted."""

    of: Callable[[StructureFactor | None], Array]
    accuracy: float | None

    def __call__(self, structure: StructureFactor | None) -> Array | None:
        """See `MultipleScatteringModel`."""
        return self.of(structure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """Geometry and cross-sections, computed once for any number of orders; of: (structure, highest order) -> e.u."""

    of: Callable[[StructureFactor | None, int], Array]
    accuracy: float

    def up_to(self, orders: int, *, scale: float = 1.0) -> Applied:
        """Orders 2 to `orders`, multiplied by scale."""
        return Applied(
            of=lambda structure: scale * self.of(structure, orders), accuracy=self.accuracy
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _CrossSection:
    """Scattering per atom at one line on the angles 0 to 180°, without polarization, in e.u."""

    q: Array
    square_mean: Array
    mean_square: Array
    compton: Array
    number_density_per_a3: float

    def scatterer(self, structure: StructureFactor | None) -> Scatterer:
        """With the oscillation of S(Q); None: independent atoms."""
        oscillation = self.square_mean * (structure_at(structure, self.q) - 1.0)
        return Scatterer(
            number_density_per_a3=self.number_density_per_a3,
            two_theta_deg=_ANGLES,
            # noise of a low-Q bin must not make a cross-section negative
            coherent=np.maximum(self.mean_square + oscillation, 0.0),
            compton=self.compton,
        )


def multiple_scattering_model(
    plan: Plan, lines: list[LineTerms], two_theta_deg: Array, *, memo: Memo | None = None
) -> Computed:
    """Of what the model that `solve` asks in every round is made, for any number of orders.

    memo: keeps what the empty container scatters, which no packing or density of the sample changes.
    Computed at the strongest line and taken for all (mu and f hardly change over a doublet). The wall scatters as
    independent atoms. What the container scan holds, times A_c,sc/A_c,c, was subtracted with it, so its own
    multiple scattering is taken off here.
    """
    setup, line, terms = plan.setup, lines[0].line, lines[0]
    core = _cross_section(setup.sample, line, plan)
    detection = _detection(setup, line, plan.reference_response, memo or Memo(keep=1))
    kernel = _kernel(setup, line, detection, empty=False)
    wall, wall_share = None, None
    if setup.wall is not None and terms.wall_ratio is not None:
        wall = _cross_section(setup.wall, line, plan).scatterer(None)
        # all of setup but how dense the sample is: it is not there
        empty_setup = replace(setup, sample=replace(setup.sample, mass_density_g_per_cm3=1.0))
        keep = memo or Memo(keep=1)
        empty = keep(
            "multiple scattering, container",
            (two_theta_deg, empty_setup, line, plan.reference_response),
            lambda: _of_empty(two_theta_deg, _kernel(setup, line, detection, empty=True), wall),
        )
        wall_share = empty * terms.wall_ratio / core.number_density_per_a3

    def of(structure: StructureFactor | None, highest: int) -> Array:
        found = multiple_scattering(
            two_theta_deg,
            kernel=kernel,
            core=core.scatterer(structure),
            wall=wall,
            reference_density_per_a3=core.number_density_per_a3,
        )
        multiple = found.up_to(highest)
        return multiple if wall_share is None else multiple - wall_share

    return Computed(of=of, accuracy=kernel.accuracy)


def _of_empty(two_theta_deg: Array, kernel: ScatteringKernel, wall: Scatterer | None) -> Array:
    """Multiple scattering of the empty container per atom/Å^3 of a core that is not there; shape (n,)."""
    return multiple_scattering(
        two_theta_deg,
        kernel=kernel,
        core=None,
        wall=wall,
        reference_density_per_a3=1.0,
    ).ms_total


def _detection(
    setup: Setup, line: Line, reference_response: float, keep: Memo
) -> ComptonDetection | None:
    """Relative to the line's elastic photons, the reference of K; None where every photon counts."""
    if setup.detector.counts_all:
        return None
    materials = [s.composition for s in (setup.sample, setup.wall) if s is not None]

    def found() -> ComptonDetection:
        return compton_detection(
            [_electrons(material) for material in materials],
            energy_kev=line.energy_kev,
            counted=lambda e: response(e, detector=setup.detector) / reference_response,
        )

    return keep(
        "Compton photons counted", (materials, line, setup.detector, reference_response), found
    )


def _electrons(material: Composition) -> BoundElectrons:
    momentum, binding, profiles = compton_shells(material)
    return BoundElectrons(momentum=momentum, binding_kev=binding, profiles=profiles)


def _kernel(
    setup: Setup, line: Line, detection: ComptonDetection | None, *, empty: bool
) -> ScatteringKernel:
    backwards = np.array([180.0])
    once = float(shifted_energy(backwards, energy_kev=line.energy_kev)[0])
    twice = float(shifted_energy(backwards, energy_kev=once)[0])

    def mu(energy: float) -> Attenuation:
        at = np.array(energy)
        return Attenuation(
            core_per_mm=0.0 if empty else float(setup.sample.mu_per_mm(at)),
            wall_per_mm=0.0 if setup.wall is None else float(setup.wall.mu_per_mm(at)),
        )

    kernel = scattering_kernel(
        cylinder=setup.cylinder,
        beam=Beam(width_mm=setup.beam_width_mm, height_mm=setup.beam_height_mm),
        mu=EnergyAttenuation(
            energy_kev=line.energy_kev,
            elastic=mu(line.energy_kev),
            once=mu(once),
            twice=mu(twice),
        ),
        polarization_ratio=setup.polarization.ratio,
        accepted=_ACCEPTED,
    )
    return kernel if detection is None else kernel.counted(detection)


def _cross_section(substance: Substance, line: Line, plan: Plan) -> _CrossSection:
    setup = plan.setup
    q = momentum_transfer(_ANGLES, wavelength_a=line.wavelength_a)
    f = form_factors(substance.composition, q, energy_kev=line.energy_kev)
    recoil = klein_nishina_over_thomson(
        _ANGLES, energy_kev=line.energy_kev, beam=setup.polarization
    )
    return _CrossSection(
        q=q,
        square_mean=square_mean(substance.composition, f),
        mean_square=mean_square(substance.composition, f),
        compton=recoil * incoherent(substance.composition, q),
        number_density_per_a3=number_density(
            substance.composition, mass_density_g_per_cm3=substance.mass_density_g_per_cm3
        ),
    )
