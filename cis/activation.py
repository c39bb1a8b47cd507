"""From conductivities along a series to activation energies: which points, which segments, which doubts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.quantity import Quantity
from calibration.report import Finding
from cis.arrhenius import ArrheniusFit, ArrheniusPoints, Form, fit_arrhenius
from cis.certificates import Instruments
from cis.conductivity import Conductivity
from cis.config import ArrheniusTable, Project
from cis.curvature import BreakTest, CurvatureTest, VtfFit, break_test, curvature_test, fit_vtf

__all__ = [
    "SAME_TEMPERATURE_K",
    "ArrheniusResult",
    "arrhenius_result",
    "one_energy_doubt",
    "series_arrhenius",
]

SAME_TEMPERATURE_K = 0.05
"""Readings closer than this are one temperature."""

_P_SAID = 0.05
_FORMS: Mapping[str, tuple[Form, ...]] = {
    "ln_sigma": ("ln_sigma",),
    "ln_sigma_T": ("ln_sigma_T",),
    "both": ("ln_sigma", "ln_sigma_T"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrheniusResult:
    """One set of points (a segment: "all", "below", "above" a given break) in the forms asked for, with the tests."""

    segment: str
    points: ArrheniusPoints
    fits: tuple[ArrheniusFit, ...]
    curvature: tuple[CurvatureTest, ...] = ()
    kink: BreakTest | None = None
    vtf: VtfFit | None = None
    findings: tuple[Finding, ...] = ()


def series_arrhenius(
    project: Project,
    instruments: Instruments,
    readings: Sequence[float | None],
    values: Sequence[Conductivity],
) -> tuple[tuple[ArrheniusResult, ...], tuple[Finding, ...]]:
    """Activation energies of a series: one result per segment, none where there is no line.

    readings, values: one per spectrum. Spectra without a temperature, or whose R is not identified,
    do not take part, and a finding names them.
    """
    table = project.arrhenius
    if table is None:
        return (), (Finding("note", "No activation energy was asked for ([arrhenius] is absent)."),)
    usable = [
        (t, v) for t, v in zip(readings, values, strict=True) if t is not None and v.identifiable
    ]
    findings: list[Finding] = []
    left_out = [v.name for v in values if not v.identifiable]
    if left_out:
        text = f"Not in the Arrhenius fit, because R is not determined by their data: {', '.join(left_out)}."
        findings.append(Finding("warning", text, {"left_out": float(len(left_out))}))
    if table.range_K is not None:
        low, high = table.range_K
        outside = [v.name for t, v in usable if not low <= t <= high]
        usable = [(t, v) for t, v in usable if low <= t <= high]
        if outside:
            text = f"Outside arrhenius.range_K ({low:g} to {high:g} K): {', '.join(outside)}."
            findings.append(Finding("note", text, {"left_out": float(len(outside))}))
    temperatures = np.array([t for t, _ in usable])
    if temperatures.size < 2 or np.ptp(temperatures) < SAME_TEMPERATURE_K:
        text = (
            f"{temperatures.size} usable spectra at "
            f"{'one temperature' if temperatures.size else 'no temperature'}: no activation energy can be given."
        )
        return (), (*findings, Finding("warning", text, {"n": float(temperatures.size)}))
    points = ArrheniusPoints(
        temperature_k=temperatures,
        sigma_s_per_cm=np.array([v.sigma_s_per_cm for _, v in usable]),
        relative_stat=np.array(
            [math.nan if v.relative_stat is None else v.relative_stat for _, v in usable]
        ),
        relative_geometry=instruments.cell.relative_sigma,
        thermometer=instruments.thermometer,
    )
    results = tuple(
        arrhenius_result(part, form=table.form, segment=segment)
        for segment, part in _segments(points, table, findings)
    )
    return results, (*findings, *(f for r in results for f in r.findings))


def _segments(
    points: ArrheniusPoints, table: ArrheniusTable, findings: list[Finding]
) -> list[tuple[str, ArrheniusPoints]]:
    if table.breakpoint_K is None:
        return [("all", points)]
    parts = []
    below = points.sample_k < table.breakpoint_K
    for segment, keep in (("below", below), ("above", ~below)):
        if np.unique(points.sample_k[keep]).size >= 2:
            parts.append((segment, points.subset(keep)))
        else:
            text = f"Fewer than two temperatures {segment} arrhenius.breakpoint_K: no line there."
            findings.append(Finding("warning", text, {"n": float(keep.sum())}))
    return parts


def arrhenius_result(
    points: ArrheniusPoints, *, form: str, segment: str = "all"
) -> ArrheniusResult:
    """All forms asked for of one set of points, with the tests of straightness."""
    forms = _FORMS[form]
    fits = tuple(fit_arrhenius(points, form=form) for form in forms)
    tests = tuple(t for t in (curvature_test(points, form=form) for form in forms) if t is not None)
    kink = break_test(points, form=forms[0]) if segment == "all" else None
    vtf = fit_vtf(points)
    findings = list(fits[0].findings)
    if tests and tests[0].p < _P_SAID:
        change = tests[0].slope_change_ev
        text = (
            f"The Arrhenius plot is curved (F test, p = {tests[0].p:.2g}): the local E_A changes by {_mev(change)} from the "
            "cold to the hot end."
        )
        numbers = {"change_eV": change.value}
        findings.append(_weighed(text, tests[0].p, tests[0].p_stated, numbers))
    if kink is not None and kink.p < _P_SAID:
        text = (
            f"A kink near {kink.temperature_k:.0f} K fits better than one line (p = {kink.p:.2g}): E_A {kink.below_ev} below, "
            f"{kink.above_ev} above."
        )
        numbers = {"temperature_K": kink.temperature_k}
        findings.append(_weighed(text, kink.p, kink.p_stated, numbers))
    if vtf is not None and tests and tests[0].p < _P_SAID:
        findings.extend(vtf.findings)
    return ArrheniusResult(
        segment=segment,
        points=points,
        fits=fits,
        curvature=tests,
        kink=kink,
        vtf=vtf,
        findings=tuple(findings),
    )


def one_energy_doubt(result: ArrheniusResult) -> str:
    """What the tests of straightness say against one E_A, in a few words; "" for nothing."""
    tests = [t for t in (*result.curvature[:1], result.kink) if t is not None and t.p < _P_SAID]
    if not tests:
        return ""
    if any(t.p_stated is None or t.p_stated < _P_SAID for t in tests):
        return "curved: one E_A does not describe all temperatures"
    return "one E_A is doubtful: curved beyond the scatter, though within the stated uncertainties"


def _mev(value: Quantity) -> str:
    sigma = "unknown" if value.sigma is None else f"{1e3 * value.sigma:.1f}"
    return f"{1e3 * value.value:+.1f} ± {sigma} meV"


def _weighed(text: str, p: float, p_stated: float | None, numbers: dict[str, float]) -> Finding:
    """A warning, or a note where the stated uncertainties (the thermometer's above all) would do the same."""
    if p_stated is None or p_stated < _P_SAID:
        text += (
            " One E_A does not describe all temperatures; if there is a glass transition between them, set "
            "arrhenius.breakpoint_K."
        )
        return Finding("warning", text, {"p": p, **numbers})
    text += (
        f" The stated uncertainties alone would do as much in {100 * p_stated:.0f}% of all cases: one E_A is doubtful, "
        "not refuted."
    )
    return Finding("note", text, {"p": p, "p_stated": p_stated, **numbers})
