"""From a virtual experiment to expected rates, and from those to counts."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import erf

from xtsred.forward.experiment import (
    VirtualDetector,
    VirtualExperiment,
    VirtualMeasurement,
    VirtualRecord,
    VirtualTruth,
)
from xtsred.forward.media import (
    ELECTRON_REST_KEV,
    R0_SQUARED_BARN,
    Scatterer,
    Structure,
    VirtualMaterial,
    atomic_curves,
    empty_medium,
    photoabsorption_per_mm,
    tabulated_medium,
)
from xtsred.forward.single import (
    Attenuation,
    beam_transmission,
    first_order_attenuation,
    irradiated_area_mm2,
)
from xtsred.forward.walk import Source, walk
from xtsred.stages import Array, Role, frozen

__all__ = ["AIR", "draw", "expect", "simulate"]

_Q_AIR = np.arange(1, 4000) * 0.01
AIR = VirtualMaterial(
    # dry air of 20 °C and 101 325 Pa as diatomic molecules with a mean bond of 1.10 Å
    fractions={"N": 0.79, "O": 0.21},
    number_density_per_a3=2 * 2.504e-5,
    structure=Structure(q=frozen(_Q_AIR), s=frozen(1 + np.sinc(_Q_AIR * 1.10 / np.pi))),
)
_SILICON = VirtualMaterial(fractions={"Si": 1.0}, number_density_per_a3=0.04995)

Response = Callable[[Array], Array]


def simulate(experiment: VirtualExperiment, seed: int) -> VirtualMeasurement:
    """Expected rates and one Poisson realisation; the same experiment and seed give the same counts.

    The walk of multiple scattering has fixed seeds of its own: the truth does not depend on `seed`.
    """
    return draw(
        VirtualMeasurement(experiment=experiment, truth=expect(experiment), records=(), seed=seed),
        seed,
    )


def draw(measurement: VirtualMeasurement, seed: int) -> VirtualMeasurement:
    """The same measurement with fresh counting noise: counts ~ Poisson(rate * seconds), scan after scan."""
    generator = np.random.Generator(np.random.PCG64(seed))
    truth = measurement.truth
    records = []
    for scan in measurement.experiment.scans:
        angles = scan.angles()
        where = np.searchsorted(truth.two_theta_deg, angles)
        counts = generator.poisson(truth.rates_cps[scan.role][where] * scan.seconds_per_step)
        records.append(
            VirtualRecord(scan=scan, two_theta_deg=frozen(angles), counts=frozen(counts))
        )
    return replace(measurement, records=tuple(records), seed=seed)


def expect(experiment: VirtualExperiment) -> VirtualTruth:
    """Every component and the expected rates, without counting noise.

    Components, all in electron units per irradiated sample atom and as they reach the detector (polarization,
    recoil, attenuation, detector response relative to the first line's, lines summed by their shares):
    coh_s, inc_s, coh_c, inc_c (single scattering, sample and container), ms2, ms_tot (orders 2, and 2 up) and
    ms_sigma (its Monte Carlo standard error), e_coh_c, e_inc_c, e_ms (the same of the empty
    container), air, air_s, air_e (in the open beam, about the filled and the empty container).
    Of line k = 1, 2, ...: Q_k, S_k, P_k, KN_k (Klein-Nishina over Thomson, times P), D_k, Dinc_k (detector response), favg2_k, f2avg_k,
    Icoh_s_k, Sinc_s_k, Icoh_c_k, Sinc_c_k (before attenuation), A_s_sc_k, A_c_sc_k, A_c_c_k and `_inc` ones.
    """
    angles = np.unique(np.concatenate([scan.angles() for scan in experiment.scans]))
    lines = experiment.beam.shares()
    response = _response(experiment.detector, lines[0][1])
    sums: dict[str, Array] = {}
    details: dict[str, Array] = {}
    for number, (wavelength, energy, share) in enumerate(lines, start=1):
        line = _Line(
            experiment=experiment,
            angles=angles,
            wavelength=wavelength,
            energy=energy,
            response=response,
        )
        summed, detail = line.components()
        for name, curve in summed.items():
            # standard errors of independent walks add in quadrature
            power = 2 if name.endswith("sigma") else 1
            sums[name] = sums.get(name, np.zeros(len(angles))) + (share * curve) ** power
        details |= {f"{name}_{number}": curve for name, curve in detail.items()}
    sums["ms_sigma"] = np.sqrt(sums["ms_sigma"])
    components = {name: frozen(curve) for name, curve in (sums | details).items()}
    rates = _rates(experiment, angles, components)
    return VirtualTruth(two_theta_deg=frozen(angles), components=components, rates_cps=rates)


def _rates(
    experiment: VirtualExperiment, angles: Array, parts: dict[str, Array]
) -> dict[Role, Array]:
    shadow = np.ones(len(angles))
    if experiment.beamstop_deg is not None:
        shadow = 0.5 * (1 + erf((angles - experiment.beamstop_deg) / 0.1))

    def rate(*names: str) -> Array:
        scale = experiment.beam.cps_per_electron_unit * shadow
        cps = experiment.detector.dark_cps + scale * sum(parts[n] for n in names)
        return frozen([float(f"{value:.10g}") for value in cps])

    rates: dict[Role, Array] = {
        "sample": rate("coh_s", "inc_s", "coh_c", "inc_c", "ms_tot", "air_s"),
        "environment": rate("air"),
    }
    if experiment.sample.wall is not None:
        rates["container"] = rate("e_coh_c", "e_inc_c", "e_ms", "air_e")
    return rates


def _response(detector: VirtualDetector, reference_kev: float) -> Response:
    """Efficiency relative to that at reference_kev: 1, or 1 - exp(-mu t) of a silicon sensor."""
    thickness = detector.silicon_mm
    if thickness is None:
        return np.ones_like
    grid = np.linspace(0.4 * reference_kev, 1.1 * reference_kev, 1500)
    stopped = -np.expm1(-photoabsorption_per_mm(_SILICON, grid) * thickness)
    reference = float(np.interp(reference_kev, grid, stopped))

    def efficiency(energy_kev: Array) -> Array:
        return np.asarray(np.interp(energy_kev, grid, stopped / reference))

    return efficiency


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One line of the tube in one experiment."""

    experiment: VirtualExperiment
    angles: Array
    wavelength: float
    energy: float
    response: Response

    def components(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Curves to be summed over the lines, and curves of this line alone."""
        experiment, sample = self.experiment, self.experiment.sample
        orders = experiment.effort.walk.orders
        core: Scatterer = tabulated_medium(
            sample.material, packing=sample.packing, energy_kev=self.energy, compton_events=orders
        )
        wall: Scatterer = empty_medium()
        if sample.wall is not None:
            wall = tabulated_medium(
                sample.wall.material, packing=1.0, energy_kev=self.energy, compton_events=orders
            )
        filled, hollow = (core, wall), (empty_medium(), wall)
        area_core, area_wall = irradiated_area_mm2(sample.tube, experiment.beam.width_mm)
        atoms = sample.material.number_density_per_a3 * sample.packing * area_core

        q = 4 * np.pi / self.wavelength * np.sin(np.radians(self.angles) / 2)
        common = self._angular()
        s = sample.material.structure
        detail = {"Q": q, "S": np.ones_like(q) if s is None else s.at(q), **common}
        sums: dict[str, Array] = {}
        full = self._attenuation(filled)
        sums |= self._single("s", sample.material, full.core, full.core_compton, q, common, detail)
        detail |= {"A_s_sc": full.core, "A_s_sc_inc": full.core_compton}
        sums["ms2"], sums["ms_tot"], sums["ms_sigma"] = self._multiple(filled, atoms)
        if sample.wall is not None:
            per_atom = sample.wall.material.number_density_per_a3 * area_wall / atoms
            bare = self._attenuation(hollow)
            inside = self._single(
                "c", sample.wall.material, full.wall, full.wall_compton, q, common, detail
            )
            empty = self._single(
                "c", sample.wall.material, bare.wall, bare.wall_compton, q, common, detail
            )
            sums |= {name: per_atom * curve for name, curve in inside.items()}
            sums |= {f"e_{name}": per_atom * curve for name, curve in empty.items()}
            sums["e_ms"] = self._multiple(hollow, atoms)[1]
            detail |= {"A_c_sc": full.wall, "A_c_sc_inc": full.wall_compton}
            detail |= {"A_c_c": bare.wall, "A_c_c_inc": bare.wall_compton}
        else:
            sums |= {"coh_c": np.zeros_like(q), "inc_c": np.zeros_like(q)}
        return sums | self._air(q, common, atoms, filled, hollow), detail

    def _angular(self) -> dict[str, Array]:
        """P, Klein-Nishina over Thomson times P, and the detector's response to both kinds of photon."""
        cosine = np.cos(np.radians(self.angles))
        in_plane = self.experiment.beam.horizontal_share
        ratio = 1 / (1 + self.energy / ELECTRON_REST_KEV * (1 - cosine))
        lost = in_plane * (1 - cosine**2)
        return {
            "P": 1 - lost,
            "KN": ratio**2 * (0.5 * (ratio + 1 / ratio) - lost),
            "D": self.response(np.full_like(cosine, self.energy)),
            "Dinc": self.response(self.energy * ratio),
        }

    def _attenuation(self, media: tuple[Scatterer, Scatterer]) -> Attenuation:
        return first_order_attenuation(
            self.angles,
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
        common: dict[str, Array],
        detail: dict[str, Array],
    ) -> dict[str, Array]:
        curves = atomic_curves(material, q, energy_kev=self.energy)
        detail |= {f"Icoh_{what}": curves.coherent, f"Sinc_{what}": curves.incoherent}
        if what == "s":
            detail |= {"favg2": curves.mean_f_squared, "f2avg": curves.mean_squared_f}
        return {
            f"coh_{what}": common["D"] * common["P"] * elastic * curves.coherent,
            f"inc_{what}": common["Dinc"] * common["KN"] * compton * curves.incoherent,
        }

    def _multiple(
        self, media: tuple[Scatterer, Scatterer], atoms: float
    ) -> tuple[Array, Array, Array]:
        """Order 2, orders 2 and up, and the standard error of the latter, e.u. per sample atom."""
        effort, beam = self.experiment.effort, self.experiment.beam
        if effort.walk.orders < 2:
            nothing = np.zeros(len(self.angles))
            return nothing, nothing, nothing
        nodes = np.linspace(0.0, 180.0, effort.walk_angles)
        result = walk(
            nodes,
            tube=self.experiment.sample.tube,
            media=media,
            source=Source(
                width_mm=beam.width_mm,
                height_mm=beam.height_mm,
                energy_kev=self.energy,
                horizontal_share=beam.horizontal_share,
            ),
            size=effort.walk,
            seed=20251122,
            response=self.response,
        )
        scale = 1 / (0.1 * atoms * R0_SQUARED_BARN)
        total, sigma = result.by_order[1:].sum(axis=0), np.sqrt((result.sigma[1:] ** 2).sum(axis=0))

        def onto(values: Array) -> Array:
            return np.asarray(scale * CubicSpline(nodes, values)(self.angles))

        error = scale * np.interp(self.angles, nodes, sigma)
        return onto(result.by_order[1]), onto(total), error

    def _air(
        self,
        q: Array,
        common: dict[str, Array],
        atoms: float,
        filled: tuple[Scatterer, Scatterer],
        hollow: tuple[Scatterer, Scatterer],
    ) -> dict[str, Array]:
        experiment = self.experiment
        width = experiment.beam.width_mm
        curves = atomic_curves(AIR, q, energy_kev=self.energy)
        per_atom = AIR.number_density_per_a3 * width * experiment.air_path_mm / atoms
        open_beam = per_atom * (
            common["D"] * common["P"] * curves.coherent
            + common["Dinc"] * common["KN"] * curves.incoherent
        )

        def left(media: tuple[Scatterer, Scatterer]) -> float:
            """Half of the air lies before the sample, in the whole beam; half behind it, in what passed."""
            tube = experiment.sample.tube
            passed = beam_transmission(
                tube=tube, beam_width_mm=width, media=media, energy_kev=self.energy
            )
            return 0.5 + 0.5 * passed

        return {
            "air": open_beam,
            "air_s": left(filled) * open_beam,
            "air_e": left(hollow) * open_beam,
        }
