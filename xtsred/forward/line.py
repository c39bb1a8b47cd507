"""What one line of the tube gives in a virtual experiment: every component in electron units."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline

from xtsred.forward.doppler import Doppler, Electrons, bound_electrons
from xtsred.forward.experiment import VirtualExperiment
from xtsred.forward.media import (
    ELECTRON_REST_KEV,
    R0_SQUARED_BARN,
    Medium,
    Scatterer,
    Structure,
    VirtualMaterial,
    atomic_curves,
    empty_medium,
    tabulated_medium,
)
from xtsred.forward.single import (
    Attenuation,
    beam_transmission,
    first_order_attenuation,
    irradiated_area_mm2,
)
from xtsred.forward.walk import Source, walk
from xtsred.stages import Array, frozen

__all__ = ["AIR", "Line", "Multiple", "Response"]

_Q_AIR = np.arange(1, 4000) * 0.01
AIR = VirtualMaterial(
    # dry air of 20 °C and 101 325 Pa as diatomic molecules with a mean bond of 1.10 Å
    fractions={"N": 0.79, "O": 0.21},
    number_density_per_a3=2 * 2.504e-5,
    structure=Structure(q=frozen(_Q_AIR), s=frozen(1 + np.sinc(_Q_AIR * 1.10 / np.pi))),
)
Response = Callable[[Array], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiple:
    """Multiple scattering of one line towards two_theta_deg, shape (n,), e.u. per irradiated sample atom.

    second, total: orders 2, and 2 up, of the filled tube; sigma: Monte Carlo standard error of total; empty:
    orders 2 up of the empty container (zeros for a bare rod).
    """

    two_theta_deg: Array
    second: Array
    total: Array
    sigma: Array
    empty: Array


@lru_cache(maxsize=16)
def _electrons(fractions: tuple[tuple[str, float], ...]) -> Electrons:
    """Momenta do not depend on density: the same material is asked for in every realisation."""
    return bound_electrons(VirtualMaterial(fractions=dict(fractions), number_density_per_a3=1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the tube in one experiment.

    true_deg: scattering angles, shape (n,); solid_angle: of the slit there, 1 for a centred sample; wavelength Å,
    energy keV; share: of the photons; response: of the detector by energy, relative to the first line.
    """

    experiment: VirtualExperiment
    true_deg: Array
    solid_angle: Array
    wavelength: float
    energy: float
    share: float
    response: Response

    def components(self, multiple: Multiple) -> tuple[dict[str, Array], dict[str, Array]]:
        """Curves to be summed over the lines, and curves of this line alone."""
        experiment, sample = self.experiment, self.experiment.sample
        filled, hollow = self._media()
        area_wall = irradiated_area_mm2(sample.tube, experiment.beam.width_mm)[1]
        q = 4 * np.pi / self.wavelength * np.sin(np.radians(self.true_deg) / 2)
        common = self._angular()
        s = sample.material.structure
        detail = {"Q": q, "S": np.ones_like(q) if s is None else s.at(q), **common}
        sums: dict[str, Array] = {}
        full = self._attenuation(filled)
        sums |= self._single("s", sample.material, full.core, full.core_compton, q, detail)
        detail |= {"A_s_sc": full.core, "A_s_sc_inc": full.core_compton}
        sums |= {"ms2": self._onto(multiple, multiple.second)}
        sums |= {"ms_tot": self._onto(multiple, multiple.total)}
        sums |= {"ms_sigma": np.interp(self.true_deg, multiple.two_theta_deg, multiple.sigma)}
        if sample.wall is not None:
            material = sample.wall.material
            per_atom = material.number_density_per_a3 * area_wall / self._atoms()
            bare = self._attenuation(hollow)
            inside = self._single("c", material, full.wall, full.wall_compton, q, detail)
            empty = self._single("c", material, bare.wall, bare.wall_compton, q, detail)
            sums |= {name: per_atom * curve for name, curve in inside.items()}
            sums |= {f"e_{name}": per_atom * curve for name, curve in empty.items()}
            sums["e_ms"] = self._onto(multiple, multiple.empty)
            detail |= {"A_c_sc": full.wall, "A_c_sc_inc": full.wall_compton}
            detail |= {"A_c_c": bare.wall, "A_c_c_inc": bare.wall_compton}
        else:
            sums |= {"coh_c": np.zeros_like(q), "inc_c": np.zeros_like(q)}
        return sums | self._surroundings(q, common, filled, hollow), detail

    def multiple(self) -> Multiple:
        """The walk of this line in the filled and in the empty tube; zeros for fewer than two orders."""
        effort, beam = self.experiment.effort, self.experiment.beam
        nodes = np.linspace(0.0, 180.0, effort.walk_angles)
        nothing = frozen(np.zeros(len(nodes)))
        media = self._media()
        scale = 1 / (0.1 * self._atoms() * R0_SQUARED_BARN)

        def orders(which: int) -> tuple[Array, Array, Array]:
            result = walk(
                nodes,
                tube=self.experiment.sample.tube,
                media=media[which],
                source=Source(
                    width_mm=beam.width_mm,
                    height_mm=beam.height_mm,
                    energy_kev=self.energy,
                    horizontal_share=beam.horizontal_share,
                ),
                size=effort.walk,
                seed=20251122,
                response=self.response,
                doppler=self._doppler(media[which]),
            )
            sigma = np.sqrt((result.sigma[1:] ** 2).sum(axis=0))
            total = result.by_order[1:].sum(axis=0)
            return frozen(scale * result.by_order[1]), frozen(scale * total), frozen(scale * sigma)

        second, total, sigma = (nothing,) * 3 if effort.walk.orders < 2 else orders(0)
        walled = effort.walk.orders >= 2 and self.experiment.sample.wall is not None
        return Multiple(
            two_theta_deg=frozen(nodes),
            second=second,
            total=total,
            sigma=sigma,
            empty=orders(1)[1] if walled else nothing,
        )

    def _media(self) -> tuple[tuple[Scatterer, Scatterer], tuple[Scatterer, Scatterer]]:
        """Core and wall, of the filled and of the empty tube."""
        sample, orders = self.experiment.sample, self.experiment.effort.walk.orders
        core = tabulated_medium(
            sample.material, packing=sample.packing, energy_kev=self.energy, compton_events=orders
        )
        wall: Scatterer = empty_medium()
        if sample.wall is not None:
            wall = tabulated_medium(
                sample.wall.material, packing=1.0, energy_kev=self.energy, compton_events=orders
            )
        return (core, wall), (empty_medium(), wall)

    def _atoms(self) -> float:
        """Sample atoms in the beam, per Å^3 times mm^2."""
        sample, beam = self.experiment.sample, self.experiment.beam
        core = irradiated_area_mm2(sample.tube, beam.width_mm)[0]
        return sample.material.number_density_per_a3 * sample.packing * core

    def _broadened(self, material: VirtualMaterial, lowest_kev: float) -> Doppler | None:
        if self.experiment.detector.counts_all:
            return None
        return Doppler(
            _electrons(tuple(material.fractions.items())),
            energy_kev=self.energy,
            lowest_kev=lowest_kev,
            response=self.response,
        )

    def _doppler(self, media: tuple[Scatterer, Scatterer]) -> tuple[Doppler | None, Doppler | None]:
        sample = self.experiment.sample
        materials = (sample.material, None if sample.wall is None else sample.wall.material)
        found = [
            self._broadened(material, medium.energy_first)
            if material is not None and isinstance(medium, Medium)
            else None
            for material, medium in zip(materials, media, strict=True)
        ]
        return found[0], found[1]

    def _compton_response(self, material: VirtualMaterial) -> Array:
        """Detector response to Compton photons of a material: of broadened lines where energy matters."""
        cosine = np.cos(np.radians(self.true_deg))
        broadened = self._broadened(material, self.energy)
        if broadened is None:
            return np.ones_like(cosine)
        return broadened.at_line(cosine)

    def _angular(self) -> dict[str, Array]:
        """P, Klein-Nishina over Thomson times P, and the detector's response to elastic photons."""
        cosine = np.cos(np.radians(self.true_deg))
        in_plane = self.experiment.beam.horizontal_share
        ratio = 1 / (1 + self.energy / ELECTRON_REST_KEV * (1 - cosine))
        lost = in_plane * (1 - cosine**2)
        return {
            "P": 1 - lost,
            "KN": ratio**2 * (0.5 * (ratio + 1 / ratio) - lost),
            "D": self.response(np.full_like(cosine, self.energy)),
        }

    def _attenuation(self, media: tuple[Scatterer, Scatterer]) -> Attenuation:
        return first_order_attenuation(
            self.true_deg,
            tube=self.experiment.sample.tube,
            beam_width_mm=self.experiment.beam.width_mm,
            media=media,
            energy_kev=self.energy,
            log2_points=self.experiment.effort.log2_points,
        )

    def _single(
        self,
        what: str,
        material: VirtualMaterial,
        elastic: Array,
        compton: Array,
        q: Array,
        detail: dict[str, Array],
    ) -> dict[str, Array]:
        curves = atomic_curves(material, q, energy_kev=self.energy)
        response = "Dinc" if what == "s" else f"Dinc_{what}"
        detail |= {f"Icoh_{what}": curves.coherent, f"Sinc_{what}": curves.incoherent}
        detail |= {response: self._compton_response(material)}
        if what == "s":
            detail |= {"favg2": curves.mean_f_squared, "f2avg": curves.mean_squared_f}
        gain = self.experiment.compton_gain * self.solid_angle
        return {
            f"coh_{what}": self.solid_angle * detail["D"] * detail["P"] * elastic * curves.coherent,
            f"inc_{what}": gain * detail[response] * detail["KN"] * compton * curves.incoherent,
        }

    def _onto(self, multiple: Multiple, values: Array) -> Array:
        spline = CubicSpline(multiple.two_theta_deg, values)
        return np.asarray(self.solid_angle * spline(self.true_deg))

    def _surroundings(
        self,
        q: Array,
        common: dict[str, Array],
        filled: tuple[Scatterer, Scatterer],
        hollow: tuple[Scatterer, Scatterer],
    ) -> dict[str, Array]:
        experiment = self.experiment
        width = experiment.beam.width_mm
        curves = atomic_curves(AIR, q, energy_kev=self.energy)
        per_atom = AIR.number_density_per_a3 * width * experiment.air_path_mm / self._atoms()
        gain = experiment.compton_gain * self._compton_response(AIR)
        open_beam = per_atom * (
            common["D"] * common["P"] * curves.coherent + gain * common["KN"] * curves.incoherent
        )
        strays = np.zeros_like(q)
        if experiment.parasitic is not None:
            height, width_deg = experiment.parasitic
            strays = height * np.exp(-self.true_deg / width_deg)

        def left(media: tuple[Scatterer, Scatterer]) -> float:
            """Half of the air lies before the sample, in the whole beam; half behind it, in what passed."""
            tube = experiment.sample.tube
            passed = beam_transmission(
                tube=tube, beam_width_mm=width, media=media, energy_kev=self.energy
            )
            return 0.5 + 0.5 * passed

        return {
            f"{name}{suffix}": share * curve
            for suffix, share in (("", 1.0), ("_s", left(filled)), ("_e", left(hollow)))
            for name, curve in (("air", open_beam), ("parasitic", strays))
        }
