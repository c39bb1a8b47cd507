"""From a virtual experiment to expected rates, and from those to counts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import erf

from xtsred.forward.experiment import (
    VirtualExperiment,
    VirtualMeasurement,
    VirtualRecord,
    VirtualTruth,
)
from xtsred.forward.instrument import register, response_of
from xtsred.forward.line import AIR, Line, Multiple
from xtsred.stages import Array, Role, frozen

__all__ = ["AIR", "draw", "expect", "multiple_scattering", "simulate"]


def simulate(experiment: VirtualExperiment, seed: int) -> VirtualMeasurement:
    """Expected rates and one Poisson realisation; the same experiment and seed give the same counts.

    The walk of multiple scattering has fixed seeds of its own: the truth does not depend on `seed`.
    """
    return draw(
        VirtualMeasurement(experiment=experiment, truth=expect(experiment), records=(), seed=seed),
        seed,
    )


def draw(measurement: VirtualMeasurement, seed: int) -> VirtualMeasurement:
    """The same measurement with fresh counting noise: counts ~ Poisson(rate * seconds), scan after scan, or
    fewer where the detector has a dead time."""
    generator = np.random.Generator(np.random.PCG64(seed))
    truth, detector = measurement.truth, measurement.experiment.detector
    records = []
    for scan in measurement.experiment.scans:
        angles = scan.angles()
        where = np.searchsorted(truth.two_theta_deg, angles)
        rate = truth.rates_cps[scan.role][where]
        if scan.intensity != 1.0:
            rate = detector.dark_cps + scan.intensity * (rate - detector.dark_cps)
        counts = register(
            generator, rate, seconds=scan.seconds_per_step, dead_time_s=detector.dead_time_s
        )
        records.append(
            VirtualRecord(scan=scan, two_theta_deg=frozen(angles), counts=frozen(counts))
        )
    return replace(measurement, records=tuple(records), seed=seed)


def expect(
    experiment: VirtualExperiment, *, multiple: Sequence[Multiple] | None = None
) -> VirtualTruth:
    """Every component and the expected rates, without counting noise.

    multiple: of every line where it is known already (see `ensemble`); None: the walk is made.
    Components, all in electron units per irradiated sample atom and as they reach the detector (polarization,
    recoil, attenuation, detector response relative to the first line's, lines summed by their shares):
    coh_s, inc_s, coh_c, inc_c (single scattering, sample and container), ms2, ms_tot (orders 2, and 2 up) and
    ms_sigma (its Monte Carlo standard error), e_coh_c, e_inc_c, e_ms (the same of the empty
    container), air, air_s, air_e (in the open beam, about the filled and the empty container), parasitic and
    parasitic_s, parasitic_e likewise; beamstop (share that passes it, 0..1).
    Of line k = 1, 2, ...: Q_k, S_k, P_k, KN_k (Klein-Nishina over Thomson, times P), D_k, Dinc_k, Dinc_c_k (detector response
    to elastic photons, to Compton photons of sample and container), favg2_k, f2avg_k,
    Icoh_s_k, Sinc_s_k, Icoh_c_k, Sinc_c_k (before attenuation), A_s_sc_k, A_c_sc_k, A_c_c_k and `_inc` ones.
    """
    angles, lines = _lines(experiment)
    if multiple is None:
        multiple = [line.multiple() for line in lines]
    sums: dict[str, Array] = {}
    details: dict[str, Array] = {}
    for number, (line, scattered) in enumerate(zip(lines, multiple, strict=True), start=1):
        summed, detail = line.components(scattered)
        for name, curve in summed.items():
            # standard errors of independent walks add in quadrature
            power = 2 if name.endswith("sigma") else 1
            sums[name] = sums.get(name, np.zeros(len(angles))) + (line.share * curve) ** power
        details |= {f"{name}_{number}": curve for name, curve in detail.items()}
    sums["ms_sigma"] = np.sqrt(sums["ms_sigma"])
    components = {name: frozen(curve) for name, curve in (sums | details).items()}
    rates = _rates(experiment, lines[0].true_deg, components)
    return VirtualTruth(two_theta_deg=frozen(angles), components=components, rates_cps=rates)


def multiple_scattering(experiment: VirtualExperiment) -> tuple[Multiple, ...]:
    """The walks alone, one result for each line: what `expect` takes as `multiple`."""
    return tuple(line.multiple() for line in _lines(experiment)[1])


def _lines(experiment: VirtualExperiment) -> tuple[Array, list[Line]]:
    """Angles as read, and the lines of the tube at the scattering angles behind them."""
    angles = np.unique(np.concatenate([scan.angles() for scan in experiment.scans]))
    true, solid = angles, np.ones(len(angles))
    if experiment.goniometer is not None:
        true, solid = experiment.goniometer.seen(angles)
        true = np.abs(true)
    shares = experiment.beam.shares()
    response = response_of(experiment.detector, reference_kev=shares[0][1])
    return angles, [
        Line(
            experiment=experiment,
            true_deg=true,
            solid_angle=solid,
            wavelength=wavelength,
            energy=energy,
            share=share,
            response=response,
        )
        for wavelength, energy, share in shares
    ]


def _rates(
    experiment: VirtualExperiment, angles: Array, parts: dict[str, Array]
) -> dict[Role, Array]:
    shadow = parts["beamstop"] = frozen(np.ones(len(angles)))
    if experiment.beamstop_deg is not None:
        edge = (angles - experiment.beamstop_deg) / experiment.beamstop_width_deg
        shadow = parts["beamstop"] = frozen(0.5 * (1 + erf(edge)))

    def rate(*names: str) -> Array:
        scale = experiment.beam.cps_per_electron_unit * shadow
        cps = experiment.detector.dark_cps + scale * sum(parts[n] for n in names)
        return frozen([float(f"{value:.10g}") for value in cps])

    rates: dict[Role, Array] = {
        "sample": rate("coh_s", "inc_s", "coh_c", "inc_c", "ms_tot", "air_s", "parasitic_s"),
        "environment": rate("air", "parasitic"),
    }
    if experiment.sample.wall is not None:
        rates["container"] = rate("e_coh_c", "e_inc_c", "e_ms", "air_e", "parasitic_e")
    return rates
