"""What every correction did, as curves: the report draws what it finds here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from calibration.quantity import concise
from xtsred.corrections.environment import environment_transmission
from xtsred.scattering import LineTerms
from xtsred.solve import DECONVOLVED_TO_A, Problem, Solution
from xtsred.stages import Array, Pattern, Role, Step, frozen
from xtsred.unpack import Plan

__all__ = ["Done", "correction_steps"]

_ANGLE = "2θ (°)"
_Q = "Q (= k) (Å⁻¹)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What the steps are told from."""

    plan: Plan
    two_theta_deg: Array
    lines: tuple[LineTerms, ...]
    continuum: tuple[LineTerms, ...]
    transmissions: Mapping[str, float]
    patterns: Mapping[Role, Pattern]
    problem: Problem
    solution: Solution


def correction_steps(done: Done) -> tuple[Step, ...]:
    """The steps in the order in which they act."""
    return (
        *_environment(done),
        *_absorption(done),
        _polarization(done),
        *_compton(done),
        *_continuum(done),
        *_multiple(done),
        _normalization(done),
        *_lines(done),
    )


def _step(
    done: Done,
    *,
    name: str,
    y_label: str,
    curves: Mapping[str, Array],
    parameters: Mapping[str, str],
    reference: str,
) -> Step:
    return Step(
        name=name,
        x=done.two_theta_deg,
        x_label=_ANGLE,
        y_label=y_label,
        curves={n: frozen(c) for n, c in curves.items()},
        parameters=dict(parameters),
        reference=reference,
    )


def _environment(done: Done) -> Iterator[Step]:
    curves, parameters = {}, {}
    ratio = done.lines[0].wall_ratio
    if "environment" in done.patterns:
        share = environment_transmission(done.transmissions["sample"])
        curves["environment x transmission"] = share * done.patterns["environment"].rate_cps
        parameters["beam transmission, sample"] = f"{done.transmissions['sample']:.4f}"
        parameters["share of the environment left, (1 + T)/2"] = f"{share:.4f}"
    if "container" in done.patterns and ratio is not None:
        curves["container x A_c,sc/A_c,c"] = ratio * done.patterns["container"].rate_cps
        parameters["beam transmission, container"] = f"{done.transmissions['container']:.4f}"
    if not curves:
        return
    yield _step(
        done,
        name="Environment and container",
        y_label="counts/s",
        curves={
            "sample scan": done.patterns["sample"].rate_cps,
            **curves,
            "sample alone": done.problem.net.rate,
        },
        parameters=parameters,
        reference="Paalman & Pings, J. Appl. Phys. 33 (1962) 2635",
    )


def _absorption(done: Done) -> Iterator[Step]:
    first = done.lines[0]
    curves = {
        "A_s,sc elastic": first.factors.a_s_sc,
        "A_s,sc Compton": first.factors_compton.a_s_sc,
    }
    if first.factors.a_c_sc is not None and first.factors.a_c_c is not None:
        curves["A_c,sc"] = first.factors.a_c_sc
        curves["A_c,c"] = first.factors.a_c_c
    yield _step(
        done,
        name="Absorption",
        y_label="attenuation factor",
        curves=curves,
        parameters={
            "mu R of the sample": f"{done.plan.mu_r:.4f}",
            "accuracy of the integration": f"{first.factors.accuracy:.1e}",
            "line": first.line.name,
        },
        reference="midpoint integration: Soper & Egelstaff, Nucl. Instrum. Methods 178 (1980) 415; factors: Paalman & Pings (1962)",
    )


def _polarization(done: Done) -> Step:
    beam = done.plan.setup.polarization
    return _step(
        done,
        name="Polarization",
        y_label="P(2θ)",
        curves={"P": done.lines[0].polarization},
        parameters={"beam": beam.origin, "I_parallel / I_perpendicular": f"{beam.ratio:.4f}"},
        reference="Azaroff, Acta Cryst. 8 (1955) 701",
    )


def _compton(done: Done) -> Iterator[Step]:
    first, fitted = done.lines[0], done.solution.normalization.compton_response
    response = first.response_compton / first.response_elastic
    yield _step(
        done,
        name="Compton scattering",
        y_label="e.u. per atom",
        curves={"sum c_n S_n(x)": first.incoherent},
        parameters={}
        if fitted is None
        else {"fitted response": concise(fitted.value, fitted.sigma)},
        reference="S(x, Z): Hubbell et al., J. Phys. Chem. Ref. Data 4 (1975) 471",
    )
    yield _step(
        done,
        name="Compton: recoil and detector",
        y_label="factor",
        curves={"recoil (Klein-Nishina/Thomson)": first.recoil, "detector response": response},
        parameters={
            "recoil at 150°": f"{_at(done, first.recoil, 150.0):.4f}",
            "detector's response to Compton at 150°": f"{_at(done, response, 150.0):.4f}",
        },
        reference="Klein & Nishina, Z. Phys. 52 (1929) 853; profiles: Biggs et al., At. Data Nucl. Data Tables 16 (1975) 201",
    )


def _at(done: Done, curve: Array, angle: float) -> float:
    return float(np.interp(angle, done.two_theta_deg, curve))


def _continuum(done: Done) -> Iterator[Step]:
    fitted = done.solution.normalization.continuum
    if fitted is None:
        return
    energies = [t.line.energy_kev for t in done.continuum]
    yield Step(
        name="Continuum of the tube",
        x=frozen(energies),
        x_label="photon energy (keV)",
        y_label="photons per photon of the lines",
        curves={
            "after the filters": frozen([fitted.value * t.line.weight for t in done.continuum])
        },
        parameters={"fitted photons per photon of the lines": concise(fitted.value, fitted.sigma)},
        reference="Kramers, Phil. Mag. 46 (1923) 836",
    )


def _multiple(done: Done) -> Iterator[Step]:
    parts = done.solution.components
    if "multiple scattering" not in parts:
        return
    multiple = parts["multiple scattering"]
    ratio = multiple / sum(v for n, v in parts.items() if n != "multiple scattering")
    accuracy = done.problem.multiple.accuracy
    yield _step(
        done,
        name="Multiple scattering",
        y_label="e.u. per atom, as detected",
        curves={"multiple scattering": multiple},
        parameters={
            "change of S(Q) by each round": ", ".join(
                f"{h:.1e}" for h in done.solution.history[1:]
            ),
            "accuracy of the integration": "" if accuracy is None else f"{accuracy:.1e}",
        },
        reference="Warren & Mozzi, Acta Cryst. 21 (1966) 459; Dwiggins & Park, Acta Cryst. A27 (1971) 264",
    )
    yield _step(
        done,
        name="Multiple over single scattering",
        y_label="ratio (%)",
        curves={"multiple / single": 100.0 * ratio},
        parameters={
            "ratio at 30, 90, 150°": ", ".join(
                f"{100 * _at(done, ratio, angle):.2f} %" for angle in (30.0, 90.0, 150.0)
            )
        },
        reference="single scattering of independent atoms; as above",
    )


def _normalization(done: Done) -> Step:
    n, problem = done.solution.normalization, done.problem
    background = np.asarray(sum(done.solution.components.values()))
    coherent = (problem.net.rate / n.k.value - background) / done.solution.sensitivity
    first = done.lines[0]
    return Step(
        name="Normalization",
        x=frozen(problem.q),
        x_label=_Q,
        y_label="e.u. per atom",
        curves={
            "I_coh": frozen(first.mean_square + first.square_mean * coherent),
            "<f^2>": frozen(first.mean_square),
            "|<f>|^2": frozen(first.square_mean),
        },
        parameters={
            "method": n.method,
            "K, high-angle": str(n.k_high_angle),
            "K, Krogh-Moe-Norman": str(n.k_integral),
            "range of the high-angle method": f"{n.q_range[0]:.2f} to {n.q_range[1]:.2f} Å⁻¹",
            "oscillation left by the window": f"{done.solution.leakage:.1e} of K",
        },
        reference="Krogh-Moe, Acta Cryst. 9 (1956) 951; Norman, Acta Cryst. 10 (1957) 370",
    )


def _lines(done: Done) -> Iterator[Step]:
    mixed = done.solution.mixed
    if mixed is None:
        return
    lines = ", ".join(f"{t.line.name} {t.line.weight:.3f}" for t in done.lines)
    yield Step(
        name="Deconvolution of the lines",
        x=mixed.q,
        x_label=_Q,
        y_label="change of S(Q)",
        curves={"S deconvolved - S as measured": frozen(done.solution.structure.s - mixed.s)},
        parameters={
            "lines and their share": lines,
            "distances that are deconvolved": f"up to {DECONVOLVED_TO_A:g} Å",
        },
        reference="van Cittert, Z. Phys. 69 (1931) 298",
    )
