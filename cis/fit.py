"""Circuit fits of spectra: one, a series, and the profile of one parameter.

The fit minimizes sum |Z_model - Z|^2 / |Z|^2 over the logarithms of R, Q and L and over the exponents, from
several starts computed from the data (cis/starts.py), with analytic derivatives (cis/leastsquares.py,
which says why it is not lmfit). The noise is taken from the residuals, so the standard uncertainties need
no assumption but that the scatter is a constant part of |Z|; where the residuals are correlated (a circuit
that does not quite fit) the uncertainties are widened by what the correlation costs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from calibration.memo import Memo
from calibration.report import Finding
from cis.circuits import circuit
from cis.describe import (
    Doubts,
    arcs_of,
    estimates_of,
    evidence_of,
    fit_findings,
    parameters_of,
    widening,
)
from cis.selection import Choice, choose, model_spread, objection
from cis.solution import RESISTANCE_KNOWN, Solution, solve
from cis.stages import ArcFit, Array, Cell, Spectrum, Validation
from cis.step_or_arc import judge_step
from cis.validate import validate

__all__ = ["fit_series", "fit_spectrum", "profile_interval"]

_DEMAND = 20.0  # AICc by which a spectrum must prefer its own circuit to the one of its series


def fit_spectrum(spectrum: Spectrum, *, circuit: str = "auto", cell: Cell | None = None) -> ArcFit:
    """Validate and fit one spectrum.

    circuit: "auto" (chosen from the data, see cis/selection.py), a name in CIRCUITS, or a circuit string.
    cell: size of the sample, to tell bulk from grain boundary by permittivity.
    Raises InputError for a circuit that cannot be read, too few points, or a spectrum that no passive
    sample has.
    """
    validation = validate(spectrum)
    choice = _choose(spectrum, validation, circuit)
    return _arc_fit(spectrum, validation, choice, cell, automatic=circuit == "auto")


def fit_series(
    spectra: Sequence[Spectrum],
    *,
    circuit: str = "auto",
    cell: Cell | None = None,
    memo: Memo | None = None,
) -> tuple[ArcFit, ...]:
    """Fit the spectra of one sample in the order given, each on its own but with one circuit if they allow it.

    With "auto" the circuit that most spectra choose is fitted to the others too, from their own starts and from
    their neighbours' results; a spectrum keeps a circuit of its own only where the common one leaves R
    unidentified or is worse by more than 20 in AICc, and says so. memo: keeps what was found for spectra that come
    again unchanged. Raises InputError as fit_spectrum.
    """
    kept = Memo(keep=max(len(spectra), 1)) if memo is None else memo
    validations = [kept("validation", (s,), partial(validate, s)) for s in spectra]
    choices = [
        kept("choice", (s, circuit), partial(_choose, s, v, circuit))
        for s, v in zip(spectra, validations, strict=True)
    ]
    common = _common(choices) if circuit == "auto" and len(choices) > 1 else ""
    fits = []
    for i, (spectrum, validation) in enumerate(zip(spectra, validations, strict=True)):
        starts = _neighbours(choices, i, common)
        fits.append(
            kept(
                "fit",
                (spectrum, circuit, cell, common, starts),
                partial(
                    _conforming_fit, spectrum, validation, choices[i], common, starts, cell, circuit
                ),
            )
        )
    return tuple(fits)


def _neighbours(choices: Sequence[Choice], i: int, common: str) -> Array | None:
    """Results of the three nearest spectra that chose the common circuit, shape (k, p); None where the i-th did itself."""
    if not common or choices[i].name == common:
        return None
    near = sorted((abs(k - i), k) for k, choice in enumerate(choices) if choice.name == common)
    return np.array([choices[k].solution.x for _, k in near[:3]])


def profile_interval(fit: ArcFit, name: str, *, level: float = 0.683) -> tuple[float, float]:
    """Profile-likelihood interval of a parameter, or of the total resistance (name "R"), at a level 0..1.

    The ends are where the cost, minimized over all other parameters, exceeds its minimum by s^2 F(level; 1,
    nu). An end that the data do not set is the bound of the parameter (0 or infinity for R).
    Source: Bates & Watts, Nonlinear Regression Analysis (1988), section 6.1. Raises KeyError for an unknown
    name and ValueError for a level outside 0..1.
    """
    from cis.profile import interval  # scipy.stats waits until someone asks

    return interval(fit, name, level=level)


def _points(spectrum: Spectrum, validation: Validation) -> tuple[Array, "np.ndarray"]:
    return spectrum.frequency_hz[validation.used], spectrum.z_ohm[validation.used]


def _choose(spectrum: Spectrum, validation: Validation, name: str) -> Choice:
    f, z = _points(spectrum, validation)
    if name == "auto":
        chosen = choose(f, z, noise_relative=validation.noise_relative)
        return judge_step(chosen, f, z, step=validation.step)
    solution = solve(circuit(name), f, z, count=8)
    return Choice(
        name=name,
        solution=solution,
        reason="asked for",
        tried={name: solution},
        step=validation.step,
    )


def _common(choices: Sequence[Choice]) -> str:
    """The name most often chosen; among equals the one of the lower total AICc."""
    counts = Counter(choice.name for choice in choices)
    most = max(counts.values())
    totals = {
        name: sum(choice.solution.aicc for choice in choices if choice.name == name)
        for name, count in counts.items()
        if count == most
    }
    return min(totals, key=lambda name: totals[name])


def _conforming_fit(
    spectrum: Spectrum,
    validation: Validation,
    own: Choice,
    common: str,
    starts: Array | None,
    cell: Cell | None,
    circuit: str,
) -> ArcFit:
    """The fit with the common circuit where there is one, or with its own and a finding that says why."""
    remarks: tuple[Finding, ...] = ()
    choice = own
    if starts is not None:
        choice, remarks = _conform(own, common, spectrum, validation, starts)
    fit = _arc_fit(spectrum, validation, choice, cell, automatic=circuit == "auto")
    return replace(fit, findings=fit.findings + remarks)


def _conform(
    own: Choice, common: str, spectrum: Spectrum, validation: Validation, starts: Array
) -> tuple[Choice, tuple[Finding, ...]]:
    """A spectrum with the common circuit, or with its own and a finding that says why."""
    f, z = _points(spectrum, validation)
    solution = solve(circuit(common), f, z, more_starts=starts)
    tried = {**own.tried, common: solution}
    behind = solution.aicc - own.solution.aicc
    numbers = {"aicc_difference": behind}
    if solution.identifiable and behind < _DEMAND:
        reason = f"kept along the series ({own.name} alone would be {max(behind, 0.0):.1f} better in AICc)"
        return replace(own, name=common, solution=solution, reason=reason, tried=tried), ()
    why = "it leaves R unidentified" if not solution.identifiable else f"AICc {behind:.0f} worse"
    text = f"Fitted with {own.name}, not with the series' {common}: {why}."
    return replace(own, tried=tried), (Finding("warning", text, numbers),)


def _arc_fit(
    spectrum: Spectrum,
    validation: Validation,
    choice: Choice,
    cell: Cell | None,
    *,
    automatic: bool,
) -> ArcFit:
    """Everything a reader wants to know of the chosen fit."""
    s = choice.solution
    factor, structure = widening(s, _points(spectrum, validation)[0])
    sigma_log = model_spread(choice, factor=factor)
    trusted = s.minimum.converged and not choice.doubt and not (automatic and objection(s))
    identifiable = bool(s.identifiable and trusted and sigma_log < RESISTANCE_KNOWN)
    # told even where it is too large for a result, as long as it is a number at all
    sigma = s.resistance_ohm * sigma_log if sigma_log < 1.0 else None
    f, z = spectrum.frequency_hz, spectrum.z_ohm
    real = np.isfinite(f) & np.isfinite(z) & (f > 0.0) & (np.abs(z) > 0.0)
    model = np.full(f.size, np.nan + 0j)
    model[real] = s.circuit.impedance(f[real], s.circuit.to_values(s.x))
    residuals = np.full(f.size, np.nan + 0j)
    residuals[real] = (z[real] - model[real]) / np.abs(z[real])
    noise = float(np.sqrt(s.variance))
    kk = validation.noise_relative
    arcs = arcs_of(s, cell)
    kind = evidence_of(s, _points(spectrum, validation)[0])
    estimates = estimates_of(s, spectrum, validation, sigma)
    return ArcFit(
        spectrum=spectrum,
        validation=validation,
        circuit=choice.name,
        circuit_string=s.circuit.string,
        parameters=parameters_of(s, factor),
        correlation=_correlation(s),
        resistance_ohm=s.resistance_ohm,
        resistance_sigma_ohm=sigma,
        kind=kind,
        identifiable=identifiable,
        estimates=estimates,
        residuals=residuals,
        model_z_ohm=model,
        chi2_reduced=s.variance / kk**2 if kk else None,
        noise_relative=noise,
        aicc=s.aicc,
        converged=s.minimum.converged,
        candidates=choice.candidates(),
        arcs=arcs,
        capacitance_f=next((a.capacitance_f for a in arcs if a.capacitance_f is not None), None),
        electrode_arcs=s.electrode_arcs,
        findings=fit_findings(
            choice,
            arcs,
            kind,
            estimates,
            validation,
            Doubts(
                sigma_log=sigma_log,
                factor=factor,
                spread=model_spread(choice, factor=0.0),
                structure=structure,
                determined=identifiable,
            ),
            cell,
            automatic=automatic,
        ),
    )


def _correlation(s: Solution) -> Array:
    deviation = np.sqrt(np.diag(s.covariance))
    correlation: Array = s.covariance / np.outer(deviation, deviation)
    correlation[~s.known] = np.nan
    correlation[:, ~s.known] = np.nan
    return correlation
