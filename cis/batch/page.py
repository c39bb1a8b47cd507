"""The page of a batch: which samples failed or have findings, all energies, all Arrhenius lines."""

from collections.abc import Sequence

from calibration.campaign.findings import (
    failure_finding,
    failure_reason,
    group_findings,
)
from calibration.provenance import Provenance
from calibration.quantity import Quantity
from calibration.report import Finding, Report, Section, Table
from cis.batch.collect import Collected, SampleSummary
from cis.batch.figures import arrhenius_overview, energies_figure
from cis.report import VIRTUAL_BANNER

__all__ = ["build_page"]

_LISTED = 300
_FORM_TEXT = {"ln_sigma": "ln σ", "ln_sigma_T": "ln σT"}


def build_page(
    collected: Collected, *, name: str, provenance: Provenance, doubts: Sequence[Finding]
) -> Report:
    """Everything that people look at. doubts: of the run itself."""
    samples = collected.samples
    words = [s.status for s in samples]
    sections = [_which(collected)]
    if samples:
        sections += [_energies(samples), _conductivities(samples)]
    spectra = sum(s.spectra for s in samples)
    return Report(
        title=name,
        subtitle=f"{collected.total} samples, {spectra} impedance spectra",
        findings=[
            *doubts,
            *failure_finding(collected.failed, total=collected.total, noun="sample"),
            *_refused(samples),
            *group_findings(collected.groups, total=collected.total, noun="sample"),
        ],
        headline=[
            ("samples", str(collected.total)),
            ("without doubts", str(words.count("done"))),
            ("with warnings", str(words.count("warning"))),
            ("with problems", str(words.count("problem"))),
            ("failed", str(len(collected.failed))),
            ("spectra fitted", str(spectra)),
            ("spectra refused", str(sum(len(s.refused) for s in samples))),
        ],
        sections=sections,
        provenance=provenance,
        values=_values(collected, words),
        banner=VIRTUAL_BANNER if samples and all(s.virtual for s in samples) else "",
    )


def _refused(samples: Sequence[SampleSummary]) -> list[Finding]:
    refused = [f"{s.job}/{text}" for s in samples for text in s.refused]
    if not refused:
        return []
    more = f"; and {len(refused) - 8} more, see findings.csv" if len(refused) > 8 else ""
    text = f"{len(refused)} spectra were refused: {'; '.join(refused[:8])}{more}."
    return [Finding("warning", text, {"refused": float(len(refused))})]


def _which(collected: Collected) -> Section:
    tables = []
    if collected.failed:
        tables.append(
            Table(
                title="Samples that failed",
                columns=("sample", "error"),
                rows=[(o.name, failure_reason(o)) for o in collected.failed[:_LISTED]],
                caption="All are in failures.csv.",
            )
        )
    doubtful = [s for s in collected.samples if s.status != "done"]
    doubtful.sort(key=lambda s: s.status != "problem")
    paragraphs = []
    if doubtful:
        rows = [
            (s.job, str(s.spectra), str(s.problems), str(s.warnings), str(s.notes))
            for s in doubtful[:_LISTED]
        ]
        tables.append(
            Table(
                title="Samples with problems or warnings",
                columns=("sample", "spectra", "problems", "warnings", "notes"),
                rows=rows,
                caption=f"{len(doubtful)} in all; what they are is in findings.csv.",
            )
        )
    else:
        paragraphs.append("No sample has a problem or a warning; notes are in findings.csv.")
    return Section(title="Which samples", paragraphs=paragraphs, tables=tables)


def _energies(samples: Sequence[SampleSummary]) -> Section:
    found = [s for s in samples if s.energy is not None]
    if not found:
        return Section(
            title="Activation energies", paragraphs=("No sample has an activation energy.",)
        )
    rows = []
    for s in found[:_LISTED]:
        if s.energy is not None:
            e = s.energy
            where = "" if e.segment == "all" else f", {e.segment} the break"
            rows.append(
                (
                    s.name,
                    _FORM_TEXT[e.form] + where,
                    str(Quantity(e.value_ev, e.sigma_ev, "eV")),
                    str(Quantity(e.room_s_per_cm, e.room_sigma_s_per_cm, "S/cm")),
                    str(s.spectra),
                )
            )
    table = Table(
        title="Samples",
        columns=("sample", "form", "E_A", "σ(298.15 K)", "spectra"),
        rows=rows,
        caption=f"The first form of each sample; {len(found)} in all, and both forms with all parts of the uncertainty, in arrhenius.csv.",
    )
    return Section(title="Activation energies", tables=(table,), figures=(energies_figure(found),))


def _conductivities(samples: Sequence[SampleSummary]) -> Section:
    if not any(s.points for s in samples):
        return Section(
            title="Conductivities",
            paragraphs=("No spectrum has both a temperature and a determined resistance.",),
        )
    return Section(
        title="Conductivities",
        paragraphs=(
            "Every spectrum is in conductivity.csv, every parameter of its fit in fits.csv.",
        ),
        figures=(arrhenius_overview(samples),),
    )


def _values(collected: Collected, words: Sequence[str]) -> dict[str, object]:
    return {
        "samples": collected.total,
        "spectra": sum(s.spectra for s in collected.samples),
        "status": {
            **{w: words.count(w) for w in ("done", "warning", "problem")},
            "failed": len(collected.failed),
        },
        "refused": [f"{s.job}/{text}" for s in collected.samples for text in s.refused],
        "failed": [{"sample": o.name, "error": failure_reason(o)} for o in collected.failed],
    }
