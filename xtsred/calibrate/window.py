"""What a light scatterer sends into a detector by energy, and what an energy window makes of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.detector import window_acceptance
from calibration.radiation import Line
from xtsred.atoms import compton_shells
from xtsred.corrections.compton import doppler_moments
from xtsred.scattering import line_terms
from xtsred.solve import structure_at
from xtsred.spectrum import Response, response
from xtsred.stages import Array, StructureFactor
from xtsred.unpack import Plan

__all__ = ["Edges", "Photons", "Scatterer", "window_scatterer"]

BoolArray = npt.NDArray[np.bool_]

_COARSE = 41
_STEP = 0.5  # of distances, in pi / (Q_max - Q_min): dense enough that every distance lies near one
_WAVE = 3.0  # atoms: standard deviation of a wave's amplitude about zero (4 pi rho r^2 |g - 1| dr of a glass)
_MULTIPLE = 0.1  # of the computed multiple scattering: what a window does to photons scattered twice is approximate
_R_MAX = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """A window: limits of the pulse height (None: no limit) and the detector's energy resolution, keV."""

    lower_kev: float | None
    upper_kev: float | None
    fwhm_kev: float

    def changed(self, values: Mapping[str, float]) -> "Edges":
        """With other values of "lower", "upper", "fwhm"."""
        return replace(self, **{f"{name}_kev": value for name, value in values.items()})

    def share(self, energy_kev: Array) -> Array:
        """Share of photons of an energy inside the window."""
        return window_acceptance(
            energy_kev,
            lower_kev=self.lower_kev,
            upper_kev=self.upper_kev,
            fwhm_kev=self.fwhm_kev,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Photons:
    """Scattering of one incident energy behind the sensor, before the window.

    weight: of the line. coherent, compton: e.u., shape (n,), attenuated; coherent with the sensor's efficiency.
    compton_kev, compton_share: shape (coarse, nodes), Compton photons by energy with the sensor's efficiency.
    waves: shape (n, m), the oscillation that each distance makes, e.u. times the sensor's efficiency.
    """

    weight: float
    energy_kev: float
    coherent: Array
    compton: Array
    compton_kev: Array
    compton_share: Array
    waves: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatterer:
    """The standard in its beam, everything computed but the window.

    two_theta_deg: shape (n,); coarse_deg: angles of the Compton lines' shapes. lines, continuum: photons by incident energy,
    the strongest line first. multiple: multiple scattering, e.u. per detected photon of that line, shape (n,).
    distances_a: shape (m,), of the free structure. sensor: efficiency at the strongest line.
    """

    two_theta_deg: Array
    coarse_deg: Array
    lines: tuple[Photons, ...]
    continuum: tuple[Photons, ...]
    multiple: Array
    distances_a: Array
    sensor: float

    @property
    def unknowns(self) -> int:
        """Columns of `columns`."""
        return 2 + self.distances_a.size + bool(self.continuum)

    def priors(self, scale: float) -> Array:
        """Rows of what is known beforehand, in standard uncertainties, for columns of amplitude K = scale: multiple
        scattering is K (1 ± 0.1), a wave 0 ± 3 K. Shape (1 + m, unknowns)."""
        rows = np.zeros((1 + self.distances_a.size, self.unknowns))
        rows[0, :2] = np.array([-1.0, 1.0]) / (_MULTIPLE * scale)
        waves = np.arange(self.distances_a.size)
        rows[1 + waves, 2 + waves] = 1.0 / (_WAVE * scale)
        return rows

    def columns(self, edges: Edges) -> Array:
        """Terms of the rate, shape (n, 2 + m + c): the lines' self and their multiple scattering, one wave for each
        distance, then the continuum (where there is one)."""
        reference = self.sensor * float(edges.share(np.array(self.lines[0].energy_kev)))
        single = self._self(self.lines, edges)
        multiple = reference * self.multiple
        waves = sum(
            p.weight * float(edges.share(np.array(p.energy_kev))) * p.waves for p in self.lines
        )
        parts = [single[:, None], multiple[:, None], np.asarray(waves)]
        if self.continuum:
            # the continuum's own multiple scattering in the lines' ratio
            more = 1.0 + multiple / np.maximum(single, 1e-12)
            parts.append((self._self(self.continuum, edges) * more)[:, None])
        return np.concatenate(parts, axis=1)

    def with_compton(self, factor: float) -> "Scatterer":
        """With all Compton scattering times a factor: how far its calculated size matters."""

        def scaled(photons: tuple[Photons, ...]) -> tuple[Photons, ...]:
            return tuple(replace(p, compton=factor * p.compton) for p in photons)

        return replace(self, lines=scaled(self.lines), continuum=scaled(self.continuum))

    def part(self, inside: BoolArray) -> "Scatterer":
        """Some of the angles."""

        def kept(photons: tuple[Photons, ...]) -> tuple[Photons, ...]:
            return tuple(
                replace(
                    p,
                    coherent=p.coherent[inside],
                    compton=p.compton[inside],
                    waves=p.waves[inside],
                )
                for p in photons
            )

        return replace(
            self,
            two_theta_deg=self.two_theta_deg[inside],
            lines=kept(self.lines),
            continuum=kept(self.continuum),
            multiple=self.multiple[inside],
        )

    def _self(self, photons: Sequence[Photons], edges: Edges) -> Array:
        """Self and Compton scattering that the window passes, shape (n,)."""
        total = np.zeros_like(self.two_theta_deg)
        for p in photons:
            elastic = float(edges.share(np.array(p.energy_kev)))
            share = (p.compton_share * edges.share(p.compton_kev)).sum(axis=1)
            total += p.weight * (
                elastic * p.coherent
                + np.interp(self.two_theta_deg, self.coarse_deg, share) * p.compton
            )
        return total


def window_scatterer(
    two_theta_deg: Array,
    *,
    plan: Plan,
    multiple: Array,
    structure: StructureFactor,
    shortest_distance_a: float,
) -> Scatterer:
    """Compute what arrives at the window from the standard.

    plan: its detector gives the sensor only. multiple: see `Scatterer`. structure: for the continuum, whose energies blur
    it, S(Q) as the reduction has it is good enough; that of the lines is left free. shortest_distance_a: below it no two atoms of the standard are; the free
    structure has distances from there to 10 Å, spaced by pi/(Q_max - Q_min)/2.
    """
    setup = plan.setup
    sensor = replace(setup.detector, lower_kev=None, upper_kev=None, fwhm_kev=0.0)
    bare = replace(setup, detector=Response())
    coarse = np.linspace(two_theta_deg[0], two_theta_deg[-1], _COARSE)
    first = line_terms(two_theta_deg, line=plan.lines[0], setup=bare, reference_response=1.0)
    step = _STEP * math.pi / float(first.q[-1] - first.q[0])
    distances = np.arange(shortest_distance_a, _R_MAX, step)

    momentum, binding, profiles = compton_shells(setup.sample.composition)

    def photons(line: Line, *, waves: bool) -> Photons:
        terms = line_terms(two_theta_deg, line=line, setup=bare, reference_response=1.0)
        energies, weights = doppler_moments(
            coarse,
            energy_kev=line.energy_kev,
            momentum=momentum,
            binding_kev=binding,
            profiles=profiles,
        )
        own = float(response(np.array(line.energy_kev), detector=sensor))
        x = terms.q[:, None] * (distances if waves else distances[:0])
        oscillation = own * terms.elastic * terms.square_mean
        mean_square = terms.mean_square
        if not waves:
            mean_square = mean_square + terms.square_mean * (structure_at(structure, terms.q) - 1.0)
        return Photons(
            weight=line.weight,
            energy_kev=line.energy_kev,
            coherent=own * terms.elastic * mean_square,
            compton=terms.compton * terms.incoherent,
            compton_kev=energies,
            compton_share=weights * response(energies, detector=sensor),
            waves=oscillation[:, None] * np.sin(x) / x,
        )

    return Scatterer(
        two_theta_deg=two_theta_deg,
        coarse_deg=coarse,
        lines=tuple(photons(line, waves=True) for line in plan.lines),
        continuum=tuple(photons(line, waves=False) for line in plan.continuum),
        multiple=multiple,
        distances_a=distances,
        sensor=float(response(np.array(plan.lines[0].energy_kev), detector=sensor)),
    )
