"""What a scientist should know before believing a series: inputs, fixture, checks and fits."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from calibration.fixture import Compensated
from calibration.report import Finding
from cis.activation import SAME_TEMPERATURE_K
from cis.certificates import Instruments
from cis.conductivity import Conductivity
from cis.config import Project
from cis.inputs import Labelled
from cis.stages import ArcFit

__all__ = ["Refused", "fit_findings", "gather_findings", "input_findings"]

_NUMBER = re.compile(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A spectrum that was left out, and why."""

    label: str
    temperature_k: float | None
    reason: str


def input_findings(
    project: Project,
    instruments: Instruments,
    prepared: Sequence[Labelled],
    refused: Sequence[Refused],
    compensated: Sequence[Compensated | None],
) -> list[Finding]:
    """Doubts about what was given: refusals, repeated temperatures, unknown uncertainties, fixture."""
    findings = [Finding("problem", f"{r.label} was left out: {r.reason}.", {}) for r in refused]
    by_temperature = sorted(
        (p.temperature_k, p.label) for p in prepared if p.temperature_k is not None
    )
    for (t1, one), (t2, two) in itertools.pairwise(by_temperature):
        if t2 - t1 < SAME_TEMPERATURE_K:
            text = f"{one} and {two} have the same temperature ({t1:.2f} K); both are used, as two measurements."
            findings.append(Finding("warning", text, {"temperature_K": t1}))
    if instruments.thermometer.point_sigma_k is None and project.arrhenius is not None:
        text = "The uncertainty of the temperature is not stated (temperature.sigma_K): that of E_A lacks it."
        findings.append(Finding("warning", text, {}))
    if instruments.cell.relative_sigma is None:
        text = "The uncertainty of the pellet's size is not stated: that of sigma is unknown. E_A does not depend on it."
        findings.append(Finding("warning", text, {}))
    done = [c for c in compensated if c is not None]
    if not done:
        text = "No fixture compensation was applied ([fixture] and a certificate are absent): leads and contacts are part of Z."
        findings.append(Finding("note", text, {}))
    else:
        worst = max(done, key=lambda c: c.largest_change)
        interpolated = max(c.interpolated for c in done)
        text = (
            f"Fixture compensation ({worst.method}) changes |Z| by up to {100 * worst.largest_change:.1f}% at {worst.at_hz:.3g} Hz"
            + (
                f"; {interpolated} points per spectrum lie between measured fixture frequencies."
                if interpolated
                else "."
            )
        )
        findings.append(Finding("note", text, {"largest_change": worst.largest_change}))
    return findings


def fit_findings(
    prepared: Sequence[Labelled], fits: Sequence[ArcFit], values: Sequence[Conductivity]
) -> list[Finding]:
    """Doubts of readers, checks and fits, and how R was found."""
    findings = gather_findings([p.label for p in prepared], fits)
    unsure = [v for v in values if v.kind != "arc"]
    if unsure:
        text = "R without a resolved arc (kind of evidence): " + ", ".join(
            f"{v.name} ({v.kind})" for v in unsure
        )
        findings.append(Finding("note", text + ".", {"spectra": float(len(unsure))}))
    return findings


def gather_findings(labels: Sequence[str], fits: Sequence[ArcFit]) -> list[Finding]:
    """Doubts of readers, checks and fits; those that differ in numbers only are said once, with the names."""
    gathered: dict[str, list[tuple[str, Finding]]] = {}
    for label, fit in zip(labels, fits, strict=True):
        for finding in (*fit.spectrum.findings, *fit.validation.findings, *fit.findings):
            alike = f"{finding.severity} {_NUMBER.sub('#', finding.text)}"
            gathered.setdefault(alike, []).append((label, finding))
    findings = []
    for group in gathered.values():
        names = list(dict.fromkeys(label for label, _ in group))
        who = "All spectra" if len(names) == len(fits) > 1 else ", ".join(names)
        first = group[0][1]
        same = all(f.text == first.text for _, f in group)
        whose = "" if same else f" (The numbers are those of {group[0][0]}.)"
        findings.append(Finding(first.severity, f"{who}: {first.text}{whose}", first.numbers))
    return findings
