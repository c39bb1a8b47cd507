"""The report of a series: findings, headline, sections with tables and figures."""

from collections.abc import Callable, Sequence

from calibration.provenance import Provenance
from calibration.quantity import Quantity
from calibration.report import Report, Section, Table
from calibration.thermometer import celsius
from cis.activation import ArrheniusResult
from cis.calibration_section import calibration_section, fixture_sentence
from cis.conductivity import method_spread
from cis.output import result_values
from cis.pipeline import Analysis
from cis.series import FittedSeries

__all__ = [
    "VIRTUAL_BANNER",
    "arrhenius_table",
    "build_report",
    "dropped_table",
    "estimates_table",
    "parameters_table",
]

VIRTUAL_BANNER = "VIRTUAL DATA: these spectra are computed, not measured."
_CONSISTENT = {True: "consistent", False: "structure beyond the noise", None: "too few points"}
_FORM_TEXT = {"ln_sigma": "ln σ", "ln_sigma_T": "ln σT"}


def build_report(
    analysis: Analysis,
    *,
    provenance: Provenance,
    progress: Callable[[str], None] = lambda stage: None,
) -> Report:
    """All pages of one analysis; figures are drawn here."""
    sample = analysis.project.sample
    sections = [
        _activation(analysis, progress),
        _conductivities(analysis, progress),
        _spectra(analysis, progress),
        _checks(analysis, progress),
        _views(analysis, progress),
        calibration_section(analysis),
        _methods(analysis),
    ]
    subtitle = f"{len(analysis.fits)} impedance spectra"
    if sample.composition:
        subtitle = f"{sample.composition}; {subtitle}"
    return Report(
        title=f"Ionic conductivity of {sample.name}",
        subtitle=subtitle,
        findings=analysis.findings,
        headline=_headline(analysis),
        sections=[s for s in sections if s.tables or s.figures or s.paragraphs],
        provenance=provenance,
        values=result_values(analysis),
        banner=VIRTUAL_BANNER if sample.virtual else "",
    )


def _headline(analysis: Analysis) -> list[tuple[str, Quantity | str]]:
    lines: list[tuple[str, Quantity | str]] = []
    for result in analysis.arrhenius:
        where = "" if result.segment == "all" else f", {result.segment} the break"
        lines += [(f"E_A ({_FORM_TEXT[f.form]}{where})", f.written) for f in result.fits]
        first = result.fits[0]
        far = f", extrapolated by {first.room_outside_k:.2g} K" if first.room_outside_k else ""
        lines.append((f"σ(298.15 K) ({_FORM_TEXT[first.form]}{where}{far})", first.room_s_per_cm))
    values = [c for c in analysis.conductivities if c.identifiable]
    if values:
        ends = (values[0], values[-1]) if len(values) > 1 else (values[0],)
        for c in ends:
            where = c.name if c.temperature_k is None else f"{celsius(c.temperature_k):.1f} °C"
            lines.append((f"σ at {where}", Quantity(c.sigma_s_per_cm, c.total_s_per_cm, "S/cm")))
    lines.append(("cell constant e/A", analysis.instruments.cell.constant_per_cm))
    if analysis.density is not None:
        lines.append(("density of the pellet", analysis.density))
    found = analysis.permittivity
    if found is not None:
        lines.append((f"relative permittivity, apparent (mean of {found.n})", found.apparent))
        if found.dense is not None:
            lines.append((f"relative permittivity, dense ({found.rule.title()})", found.dense))
    return lines


def _activation(analysis: Analysis, progress: Callable[[str], None]) -> Section:
    from cis.figures import arrhenius_figure

    progress("drawing the Arrhenius plot")
    if not analysis.arrhenius:
        return Section(
            title="Activation energy",
            paragraphs=["No activation energy was determined; the findings say why."],
        )
    paragraphs = [
        "Both forms are in use: σ = σ₀ exp(−E_A/kT) and σT = B exp(−E_A/kT). Their energies differ by k⟨T⟩, and the data cannot tell "
        "which is right: quote the form with the value. Statistics and thermometer are given apart; the size of the "
        "pellet moves all points alike and is in σ, never in E_A.",
    ]
    if analysis.joint_energy is not None:
        paragraphs.append(
            f"Cross-check: the series fitted at once with shared exponents and capacitances gives E_A = {analysis.joint_energy.activation} (ln σ)."
        )
    figures = [
        arrhenius_figure(r, name="arrhenius" if r.segment == "all" else f"arrhenius_{r.segment}")
        for r in analysis.arrhenius
    ]
    tables = [
        arrhenius_table([(r.segment, r) for r in analysis.arrhenius]),
        _tests_table(analysis.arrhenius),
    ]
    return Section(title="Activation energy", paragraphs=paragraphs, tables=tables, figures=figures)


def arrhenius_table(results: Sequence[tuple[str, ArrheniusResult]]) -> Table:
    """E_A with its parts, prefactor and sigma(298.15 K) of every line."""
    rows = [
        [
            name,
            _FORM_TEXT[fit.form],
            fit.written,
            _part(fit.stat_ev),
            _part(fit.thermometer_ev),
            str(fit.ln_prefactor),
            fit.room_written,
            str(fit.n),
        ]
        for name, result in results
        for fit in result.fits
    ]
    return Table(
        title="Arrhenius lines",
        columns=[
            "points",
            "form",
            "E_A",
            "statistics / eV",
            "thermometer / eV",
            "ln prefactor",
            "σ(298.15 K)",
            "n",
        ],
        rows=rows,
        caption="Prefactor: ln(σ₀ / S cm⁻¹), or ln(B / S K cm⁻¹) of the form σT. Uncertainties are standard uncertainties.",
    )


def _tests_table(results: tuple[ArrheniusResult, ...]) -> Table:
    rows = []
    for result in results:
        rows += [
            [
                result.segment,
                f"curvature ({_FORM_TEXT[test.form]})",
                f"{test.p:.2g}",
                f"E_A hot minus cold: {test.slope_change_ev}",
            ]
            for test in result.curvature
        ]
        kink = result.kink
        if kink is not None:
            text = (
                f"best at {kink.temperature_k:.0f} K: {kink.below_ev} below, {kink.above_ev} above"
            )
            rows.append([result.segment, "one kink", f"{kink.p:.2g}", text])
        vtf = result.vtf
        if vtf is not None:
            low, high = vtf.t0_interval_k
            verdict = f"T0 = {vtf.t0_k}, B = {vtf.b_k}" if vtf.determined else "not determined"
            text = f"{verdict}; T0 68% interval {low:.0f} to {high:.0f} K, condition number {vtf.condition:.1e}"
            rows.append([result.segment, "VTF law", "", text])
    return Table(
        title="Is it one straight line?",
        columns=["points", "test", "p", "result"],
        rows=rows,
        caption="p: probability of a deviation this large by chance; below 0.05 one E_A should not be quoted without comment.",
    )


def _conductivities(analysis: Analysis, progress: Callable[[str], None]) -> Section:
    from cis.figures import nyquist_figure

    progress("drawing the spectra")
    rows = []
    for label, c in zip(analysis.labels, analysis.conductivities, strict=True):
        total = Quantity(c.sigma_s_per_cm, c.total_s_per_cm, "S/cm")
        rows.append(
            [
                label,
                _temperature(c.temperature_k, c.temperature_sigma_k),
                str(Quantity(c.resistance_ohm.value, c.resistance_ohm.sigma)),
                str(total),
                _percent(c.stat_s_per_cm, c.sigma_s_per_cm),
                _percent(c.geometry_s_per_cm, c.sigma_s_per_cm),
                c.kind if c.identifiable else f"{c.kind}: R not determined",
                c.circuit,
            ]
        )
    rows.extend(
        [r.label, _temperature(r.temperature_k, None), "refused", r.reason, "", "", "", ""]
        for r in analysis.refused
    )
    table = Table(
        title="Resistance and conductivity",
        columns=[
            "spectrum",
            "T",
            "R / Ω",
            "σ_DC",
            "of it spectrum",
            "of it geometry",
            "evidence",
            "circuit",
        ],
        rows=rows,
        caption="σ_DC = e/(R A). Evidence: arc, its top is inside the measured frequencies; intercept, part of the arc or its foot is seen; "
        "tail, only the electrode's spike.",
    )
    return Section(title="Conductivity", tables=[table], figures=[nyquist_figure(analysis.series)])


def _spectra(analysis: Analysis, progress: Callable[[str], None]) -> Section:
    from cis.figures import bode_figure, parameters_figure, residual_figure

    progress("drawing fits and parameters")
    figures = [
        residual_figure(analysis.series),
        bode_figure(analysis.series),
        parameters_figure(analysis.series),
    ]
    return Section(
        title="Fits",
        tables=[estimates_table(analysis.series), parameters_table(analysis.series)],
        figures=figures,
    )


def estimates_table(series: FittedSeries) -> Table:
    """R by circuit, circle and minimum of |Z''| of every fit."""
    rows = []
    for label, fit in zip(series.labels, series.fits, strict=True):
        by = {e.method: e for e in fit.estimates}
        cells = [
            str(Quantity(by[m].value_ohm, by[m].sigma_ohm)) if m in by else "none"
            for m in ("circuit", "circle", "minimum")
        ]
        spread = method_spread(fit)
        note = by["minimum"].note if "minimum" in by else "no minimum of |Z''|"
        rows.append([label, *cells, _percent(spread, fit.resistance_ohm), note])
    return Table(
        title="The low-frequency intercept by three methods",
        columns=[
            "spectrum",
            "circuit / Ω",
            "circle / Ω",
            "minimum of |Z''| / Ω",
            "spread in the budget",
            "separation",
        ],
        rows=rows,
        caption="The circuit's value is used; its distance from the nearest other method, beyond that method's noise, is part of the uncertainty of R.",
    )


def parameters_table(series: FittedSeries) -> Table:
    """Circuit, parameters and arcs of every fit."""
    rows = []
    for label, fit in zip(series.labels, series.fits, strict=True):
        values = ", ".join(
            f"{p.name} = {Quantity(p.value, p.sigma, p.unit)}" for p in fit.parameters
        )
        ratio = "unknown" if fit.chi2_reduced is None else f"{fit.chi2_reduced:.2f}"
        arcs = ", ".join(
            f"{a.element}: {a.phase}"
            + ("" if a.permittivity is None else f" (ε {a.permittivity:.3g})")
            for a in fit.arcs
        )
        rows.append(
            [label, fit.circuit_string, values, f"{100 * fit.noise_relative:.2g}%", ratio, arcs]
        )
    return Table(
        title="Circuits",
        columns=["spectrum", "circuit", "parameters", "rms residual", "χ²/ν", "arcs"],
        rows=rows,
        caption="χ²/ν: residuals against the noise that the Kramers-Kronig test finds.",
    )


def _checks(analysis: Analysis, progress: Callable[[str], None]) -> Section:
    from cis.figures import kramers_kronig_figure

    progress("drawing the checks")
    summary = [
        [
            label,
            str(fit.spectrum.frequency_hz.size),
            f"{fit.spectrum.frequency_hz.min():.4g} to {fit.spectrum.frequency_hz.max():.4g}",
            "unknown"
            if fit.validation.noise_relative is None
            else f"{100 * fit.validation.noise_relative:.2g}%",
            _CONSISTENT[fit.validation.kk_consistent],
        ]
        for label, fit in zip(analysis.labels, analysis.fits, strict=True)
    ]
    tables = [
        Table(
            title="Kramers-Kronig",
            columns=["spectrum", "points", "range / Hz", "noise", "verdict"],
            rows=summary,
        )
    ]
    dropped = dropped_table(analysis.series)
    if dropped is not None:
        tables.append(dropped)
    return Section(
        title="Checks of the measurement",
        tables=tables,
        figures=[kramers_kronig_figure(analysis.series)],
    )


def dropped_table(series: FittedSeries) -> Table | None:
    """Points that a rule took out, with the rule; None where there is none."""
    rows = [
        [label, f"{d.line}", f"{d.frequency_hz:.5g}", d.reason]
        for label, fit in zip(series.labels, series.fits, strict=True)
        for d in fit.validation.dropped
    ]
    if not rows:
        return None
    columns = ["spectrum", "line", "frequency / Hz", "rule"]
    return Table(title="Points left out", columns=columns, rows=rows)


def _views(analysis: Analysis, progress: Callable[[str], None]) -> Section:
    from cis.view_figures import jonscher_figure, modulus_figure, relaxation_figure

    progress("drawing other views")
    rows = []
    for label, fit, check in zip(
        analysis.labels, analysis.fits, analysis.cross_checks, strict=True
    ):
        if check is None:
            continue
        law, times = check.jonscher, check.relaxation
        off, exponent = "not determined", ""
        if law is not None:
            off = f"{100.0 * (fit.resistance_ohm * law.conductance_s - 1.0):+.2g}%"
            exponent = str(Quantity(law.exponent, law.exponent_sigma))
        peaks = ", ".join(
            f"{p.frequency_hz:.3g} Hz ({p.resistance_ohm:.3g} Ω)" for p in times.peaks if p.inside
        )
        rows.append([label, off, exponent, peaks or "none inside", f"{times.regularization:.1e}"])
    table = Table(
        title="Without a circuit",
        columns=[
            "spectrum",
            "σ_DC of Jonscher's law against the circuit's",
            "n",
            "peaks of the relaxation times",
            "λ",
        ],
        rows=rows,
        caption="Jonscher's law knows one relaxation. λ: regularization, the strongest that still follows the data to the noise.",
    )
    return Section(
        title="Other views",
        tables=[table],
        figures=[modulus_figure(analysis), jonscher_figure(analysis), relaxation_figure(analysis)],
    )


def _methods(analysis: Analysis) -> Section:
    project = analysis.project
    paragraphs = [
        "Each spectrum was checked by rules and by the linear Kramers-Kronig test, then fitted by least squares with weights 1/|Z| of "
        "the data, over logarithms of R, Q and L, from several starts computed from the data. "
        f"Circuit: {project.model.circuit}. {fixture_sentence(analysis)}",
        "E_A: least squares of the logarithm against 1/(kT), weighted with the uncertainty of each point (spectrum and temperature); scatter beyond "
        "it is added to every point. k = 8.617333262e-5 eV/K (exact). 0 °C = 273.15 K.",
    ]
    return Section(title="Method", paragraphs=paragraphs)


def _part(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2g}"


def _percent(part: float | None, whole: float) -> str:
    return "unknown" if part is None else f"{100.0 * part / whole:.2g}%"


def _temperature(kelvin_value: float | None, sigma: float | None) -> str:
    if kelvin_value is None:
        return "unknown"
    return f"{Quantity(kelvin_value, sigma)} K" if sigma is not None else f"{kelvin_value:.2f} K"
