"""A fit in words and numbers: parameters, arcs, kind of evidence, the three intercepts, and every doubt."""

from dataclasses import dataclass, replace

import numpy as np

from calibration.report import Finding
from cis.arcs import ELECTRODE_CAPACITANCE_F, arc_capacitance
from cis.intercepts import circle_intercept, find_foot, minimum_intercept
from cis.selection import Choice, objection
from cis.solution import RESISTANCE_KNOWN, Solution
from cis.stages import (
    Arc,
    Array,
    Cell,
    Evidence,
    FittedParameter,
    Phase,
    ResistanceEstimate,
    Spectrum,
    Validation,
)

__all__ = [
    "Doubts",
    "arcs_of",
    "estimates_of",
    "evidence_of",
    "fit_findings",
    "parameters_of",
    "widening",
]

BULK_PERMITTIVITY = (5.0, 50.0)
_STRUCTURE = 4.0  # standard deviations of the correlation between neighbours


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Relative uncertainty of R and what it is made of.

    sigma_log: of ln R, all included; factor: on the statistical part; spread: the part of sigma_log that circuits and
    steps make; structure: correlation of the residuals in standard deviations; determined: R is a result.
    """

    sigma_log: float
    factor: float
    spread: float
    structure: float
    determined: bool


def widening(s: Solution, frequency_hz: Array) -> tuple[float, float]:
    """Factor on every uncertainty for uneven or correlated residuals, and the correlation in standard deviations.

    White residuals: factor 1. A correlation rho between neighbours, beyond chance (4 standard deviations),
    leaves n (1 - rho)/(1 + rho) independent points of n: factor sqrt((1 + rho)/(1 - rho)), rho at most 0.95.
    Scatter that is larger where R is decided than elsewhere (as when the analyzer's error is a part of Z' and of
    Z'' each, not of |Z|) widens by the square root of Solution.unevenness, beyond chance. The larger of the two counts:
    a misfit of the circuit makes both, and the sum over lags of Newey & West (Econometrica 55 (1987) 703) agrees with
    the correlation alone (good_42C: 6.5 to 6.9 times, against 6.2 and a product of 10.1).
    Source: Bayley & Hammersley, J. R. Stat. Soc. Suppl. 8 (1946) 184 (first-order autoregression).
    """
    order = np.argsort(frequency_hz)
    re, im = s.residuals.real[order], s.residuals.imag[order]
    power = float(re @ re + im @ im)
    if power <= 0.0:
        return 1.0, 0.0
    uneven = float(np.sqrt(s.unevenness))
    rho = float(re[1:] @ re[:-1] + im[1:] @ im[:-1]) / power
    significance = rho * np.sqrt(2.0 * order.size)
    if significance < _STRUCTURE:
        return uneven, float(significance)
    rho = min(rho, 0.95)
    return max(uneven, float(np.sqrt((1.0 + rho) / (1.0 - rho)))), float(significance)


def parameters_of(s: Solution, factor: float) -> tuple[FittedParameter, ...]:
    """The parameters in the order of the string, uncertainties times factor."""
    values = s.circuit.to_values(s.x)
    deviation = np.sqrt(np.diag(s.covariance)) * factor
    rows = []
    for k, (name, variable) in enumerate(zip(s.circuit.names, s.circuit.variables, strict=True)):
        logarithmic = variable.scale == "log"
        sigma = float(deviation[k]) if s.known[k] else None
        rows.append(
            FittedParameter(
                name=name,
                value=float(values[k]),
                sigma=sigma * float(values[k]) if sigma is not None and logarithmic else sigma,
                unit=variable.unit,
                sigma_log=sigma if logarithmic else None,
            )
        )
    return tuple(rows)


def arcs_of(s: Solution, cell: Cell | None) -> tuple[Arc, ...]:
    """The R||CPE of a fit, the fastest first, each with capacitance, apex and, by permittivity, its phase.

    The fast arc is the bulk's if its permittivity lies in 5..50; a slower one of a larger permittivity is then
    the grain boundaries'. Source of the ranges: Irvine, Sinclair & West, Adv. Mater. 2 (1990) 132.
    """
    rows: list[tuple[float, Arc]] = []
    values = s.circuit.to_values(s.x)
    for name, r, q in s.circuit.arcs():
        log_c, sigma_c, log_tau, sigma_tau = arc_capacitance(s.circuit, s.x, s.covariance, (r, q))
        capacitance = float(np.exp(log_c)) if sigma_c < 0.7 else None
        sigma = float(np.sqrt(s.covariance[r, r])) if s.known[r] else None
        arc = Arc(
            element=name,
            resistance_ohm=float(values[r]),
            resistance_sigma_ohm=None if sigma is None else sigma * float(values[r]),
            capacitance_f=capacitance,
            apex_hz=float(np.exp(-log_tau) / (2.0 * np.pi)) if sigma_tau < 0.7 else None,
            permittivity=cell.permittivity(capacitance) if cell and capacitance else None,
            phase="unassigned",
        )
        rows.append((log_tau, arc))
    ordered = [arc for _, arc in sorted(rows, key=lambda row: row[0])]
    return tuple(_with_phase(ordered))


def _with_phase(arcs: list[Arc]) -> list[Arc]:
    low, high = BULK_PERMITTIVITY
    seen_bulk = False
    assigned: list[Arc] = []
    for arc in arcs:
        phase: Phase = "unassigned"
        if arc.permittivity is not None and low <= arc.permittivity <= high and not seen_bulk:
            phase, seen_bulk = "bulk", True
        elif arc.permittivity is not None and arc.permittivity > high and (seen_bulk or assigned):
            phase = "grain boundary"
        assigned.append(replace(arc, phase=phase))
    return assigned


def evidence_of(s: Solution, frequency_hz: Array) -> Evidence:
    """What R rests on: the top of its largest arc inside the frequencies, part of an arc, or the spike alone."""
    seen = []
    for name, r, q in s.circuit.arcs():
        if name in s.electrode_arcs:
            continue
        _, _, log_tau, sigma_tau = arc_capacitance(s.circuit, s.x, s.covariance, (r, q))
        if sigma_tau < 2.0:
            seen.append((float(s.x[r]), log_tau))
    apart = [float(s.x[s.circuit.names.index(n)]) for n in s.circuit.series_resistors()]
    if not seen:
        return "tail"
    if apart and max(apart) > max(seen)[0]:
        return "intercept"
    apex = float(np.exp(-max(seen)[1]) / (2.0 * np.pi))
    return "arc" if frequency_hz.min() <= apex <= frequency_hz.max() else "intercept"


def estimates_of(
    s: Solution, spectrum: Spectrum, validation: Validation, sigma: float | None
) -> tuple[ResistanceEstimate, ...]:
    """R by circuit, by circle and by the minimum of |Z''|, those that exist."""
    f, z = spectrum.frequency_hz[validation.used], spectrum.z_ohm[validation.used]
    rows = [
        ResistanceEstimate(
            method="circuit", value_ohm=s.resistance_ohm, sigma_ohm=sigma, note=s.circuit.string
        )
    ]
    foot = find_foot(f, z)
    circle = circle_intercept(f, z, foot=foot)
    if circle is not None:
        rows.append(circle)
    if foot is not None:
        rows.append(minimum_intercept(foot, noise_relative=validation.noise_relative))
    return tuple(rows)


def fit_findings(
    choice: Choice,
    arcs: tuple[Arc, ...],
    kind: Evidence,
    estimates: tuple[ResistanceEstimate, ...],
    validation: Validation,
    doubts: Doubts,
    cell: Cell | None,
    *,
    automatic: bool,
) -> tuple[Finding, ...]:
    """Every doubt about a fit; those of the checks before it are in its validation."""
    s = choice.solution
    rows: list[Finding] = []
    if automatic:
        rows.append(
            Finding("note", f"Circuit {choice.name} ({s.circuit.string}): {choice.reason}.")
        )
    rows += _determined(choice, doubts, automatic=automatic)
    rows += _step(choice, validation)
    rows += _identity(s, kind)
    rows += _quality(s, validation, doubts.structure)
    rows += _assignment(s, arcs, cell)
    rows += _spread(s, estimates)
    return tuple(rows)


def _determined(choice: Choice, doubts: Doubts, *, automatic: bool) -> list[Finding]:
    """Why R is not a result, with the numbers; nothing where it is one."""
    s = choice.solution
    against = objection(s) if automatic or not s.identifiable else ""
    percent = 100.0 * doubts.sigma_log
    limit = 100.0 * RESISTANCE_KNOWN
    numbers = {"relative_uncertainty_percent": percent, "limit_percent": limit}
    if doubts.determined:
        return []
    if choice.doubt:
        text = (
            f"R is not determined: the data prefer {choice.doubt} by far, and it leaves R open; the R given is that "
            "of a circuit that does not fit as well."
        )
    elif against:
        text = f"R is not a result: {against}."
    elif not s.minimum.converged:
        text = "R is not a result: the fit has not converged."
    else:
        plain, spread = 100.0 * s.resistance_sigma_log, 100.0 * doubts.spread
        text = (
            f"R is not determined: {s.resistance_ohm:.4g} Ohm has a relative standard uncertainty of {percent:.0f}%, "
            f"above the limit of {limit:.0f}%: {plain:.2g}% from scatter, times {doubts.factor:.1f} for residuals that "
            f"are not white, and {spread:.2g}% from the choice among circuits and steps."
        )
    return [Finding("problem", text, numbers if np.isfinite(percent) else {})]


def _step(choice: Choice, validation: Validation) -> list[Finding]:
    """A step that the fit needs but that the Kramers-Kronig test has not told already."""
    if choice.step is None or choice.step == validation.step:
        return []
    text = (
        f"{choice.reason[0].upper()}{choice.reason[1:]}: no second arc is claimed, and R has the step as an "
        "uncertainty. Check the current ranges."
    )
    numbers = {
        "step_percent": 100.0 * choice.step.relative,
        "frequency_Hz": choice.step.frequency_hz,
    }
    return [Finding("warning", text, numbers)]


def _identity(s: Solution, kind: Evidence) -> list[Finding]:
    rows = []
    lost = [n for n, known in zip(s.circuit.names, s.known, strict=True) if not known]
    if lost:
        text = f"The data do not identify {', '.join(lost)}; no uncertainty is quoted for what they do not tell."
        rows.append(Finding("note", text, {"parameters": float(len(lost))}))
    if kind == "intercept":
        text = "The top of the arc lies outside the measured frequencies: R is the intercept of the part that is seen."
        rows.append(Finding("note", text))
    elif kind == "tail":
        text = (
            "No arc is seen, only the electrode's spike: R is its high-frequency end, and includes whatever is in "
            "series (leads, contacts)."
        )
        rows.append(Finding("warning", text))
    if s.electrode_arcs:
        values = dict(zip(s.circuit.names, s.circuit.to_values(s.x), strict=True))
        parts = ", ".join(f"{n} = {values[n]:.4g} Ohm" for n in s.electrode_arcs)
        total = s.circuit.intercept(s.x)[0]
        text = (
            f"{parts}: an arc with the capacitance of an electrode (above {ELECTRODE_CAPACITANCE_F:.0e} F), not of a "
            f"solid. R = {s.resistance_ohm:.4g} Ohm leaves it out; with it the total is {total:.4g} Ohm."
        )
        rows.append(Finding("warning", text))
    apart = s.circuit.series_resistors()
    if apart and s.circuit.arcs():
        values = dict(zip(s.circuit.names, s.circuit.to_values(s.x), strict=True))
        parts = ", ".join(f"{n} = {values[n]:.4g} Ohm" for n in apart)
        text = (
            f"{parts} has no arc inside the frequencies: contacts, leads, an electrolyte in series, or a bulk too fast "
            "to see. R is the total low-frequency intercept and includes it."
        )
        rows.append(Finding("note", text))
    rows += _bounds(s)
    return rows


def _bounds(s: Solution) -> list[Finding]:
    """Exponents at the end of their range."""
    low, high = s.circuit.bounds()
    rows = []
    for n, x, least, most, log in zip(
        s.circuit.names, s.x, low, high, s.circuit.is_log, strict=True
    ):
        if log:
            continue
        if x < least + 1e-3:
            text = (
                f"The exponent {n} is at its lower bound ({least:g}): no constant-phase element of a solid is like "
                "that; the circuit does not describe what is there."
            )
            rows.append(Finding("warning", text, {"exponent": float(x)}))
        elif x > most - 1e-6:
            text = f"The exponent {n} is at its upper bound ({most:g}): an ideal capacitor."
            rows.append(Finding("note", text, {"exponent": float(x)}))
    return rows


def _quality(s: Solution, validation: Validation, structure: float) -> list[Finding]:
    rows = []
    noise, percent = validation.noise_relative, 100.0 * float(np.sqrt(s.variance))
    if structure >= _STRUCTURE:
        text = (
            f"The residuals ({percent:.2f}% rms) are correlated from point to point ({structure:.0f} standard "
            "deviations): the circuit does not describe all that is there. The uncertainties are widened for it."
        )
        rows.append(
            Finding("warning", text, {"correlation_sigma": structure, "rms_percent": percent})
        )
    if s.unevenness > 1.0:
        text = (
            "The scatter is larger at the points that decide R than elsewhere; the uncertainties are widened by "
            f"{np.sqrt(s.unevenness):.2f} for it."
        )
        rows.append(Finding("note", text, {"variance_ratio": s.unevenness}))
    if noise and s.variance > 9.0 * noise**2 and percent > 0.5:
        text = (
            f"The circuit misses the points by {percent:.2f}%, the noise is {100 * noise:.2f}%: R depends on the "
            "model by more than its statistical uncertainty."
        )
        rows.append(
            Finding("warning", text, {"rms_percent": percent, "noise_percent": 100 * noise})
        )
    return rows


def _assignment(s: Solution, arcs: tuple[Arc, ...], cell: Cell | None) -> list[Finding]:
    rows = []
    if len(arcs) > 1:
        first, second = (s.circuit.names.index(arc.element) for arc in arcs[:2])
        deviation = np.sqrt(np.diag(s.covariance))
        rho = float(s.covariance[first, second] / (deviation[first] * deviation[second]))
        if rho < -0.9:
            text = (
                f"{arcs[0].element} and {arcs[1].element} are anticorrelated ({rho:.2f}): their sum is known "
                "much better than either."
            )
            rows.append(Finding("note", text, {"correlation": rho}))
    if arcs and cell is None:
        text = "Without the size of the sample, bulk and grain boundary cannot be told apart by permittivity."
        rows.append(Finding("note", text))
    for arc in arcs:
        if arc.permittivity is not None and arc.phase == "unassigned":
            text = (
                f"The arc of {arc.element} has a relative permittivity of {arc.permittivity:.3g}, outside "
                f"{BULK_PERMITTIVITY[0]:.0f}-{BULK_PERMITTIVITY[1]:.0f}: it is not called bulk."
            )
            rows.append(Finding("note", text, {"permittivity": arc.permittivity}))
    return rows


def _spread(s: Solution, estimates: tuple[ResistanceEstimate, ...]) -> list[Finding]:
    others = [e for e in estimates if e.method != "circuit" and "merge" not in e.note]
    away = [e for e in others if abs(np.log(e.value_ohm / s.resistance_ohm)) > 0.05]
    return [
        Finding(
            "warning" if s.identifiable else "note",
            f"R by the {e.method} differs from the circuit's by "
            f"{100 * (e.value_ohm / s.resistance_ohm - 1):+.1f}% ({e.note}).",
            {"ratio": e.value_ohm / s.resistance_ohm},
        )
        for e in away
        if e.value_ohm > 0.0 and s.resistance_ohm > 0.0
    ]
