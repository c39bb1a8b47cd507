"""The report of spectra that were fitted one by one, without a project."""

from collections.abc import Mapping, Sequence
from typing import Any

from calibration.provenance import Provenance
from calibration.quantity import Quantity
from calibration.report import Finding, Report, Section
from cis.doubts import gather_findings
from cis.figures import bode_figure, kramers_kronig_figure, nyquist_figure, residual_figure
from cis.report import dropped_table, estimates_table, parameters_table
from cis.series import FittedSeries

__all__ = ["build_fit_report"]

_SHOWN = 24  # spectra in one picture; more cannot be told apart


def build_fit_report(
    series: FittedSeries,
    *,
    values: Mapping[str, Any],
    errors: Sequence[tuple[str, str]],
    provenance: Provenance,
) -> Report:
    """Tables of all fits, pictures of the first 24, every refusal as a problem."""
    refusals = [Finding("problem", f"{name} was left out: {text}.") for name, text in errors]
    shown = FittedSeries(
        labels=series.labels[:_SHOWN],
        temperatures_k=series.temperatures_k[:_SHOWN],
        fits=series.fits[:_SHOWN],
        plates=series.plates,
    )
    many = len(series.fits) > _SHOWN
    headline: list[tuple[str, Quantity | str]] = [
        (f"R of {label}", Quantity(fit.resistance_ohm, fit.resistance_sigma_ohm, "Ohm"))
        for label, fit in zip(shown.labels, shown.fits, strict=True)
    ]
    dropped = dropped_table(series)
    return Report(
        title="Impedance fits",
        subtitle=f"{len(series.fits)} spectra, each fitted on its own",
        findings=[*refusals, *gather_findings(series.labels, series.fits)],
        headline=headline,
        sections=[
            Section(
                title="Fits",
                paragraphs=[f"The pictures show the first {_SHOWN} spectra."] if many else [],
                tables=[estimates_table(series), parameters_table(series)],
                figures=[nyquist_figure(shown), bode_figure(shown), residual_figure(shown)],
            ),
            Section(
                title="Checks of the measurement",
                tables=[] if dropped is None else [dropped],
                figures=[kramers_kronig_figure(shown)],
            ),
        ],
        provenance=provenance,
        values=values,
    )
