"""The report of a calibration of the impedance set-up."""

from collections.abc import Sequence

from calibration.certificate import Certificate
from calibration.provenance import Provenance
from calibration.quantity import Quantity
from calibration.report import RenderedFigure, Report, Section, Table
from calibration.thermometer import celsius
from cis.calibrate.cell import CellCalibration
from cis.calibrate.fixture import FixtureCalibration
from cis.calibrate.thermometer import ThermometerCalibration

__all__ = ["Calibration", "calibration_report"]

Calibration = CellCalibration | FixtureCalibration | ThermometerCalibration

_UNITS = {
    "constant_per_cm": "1/cm",
    "series_resistance_ohm": "Ohm",
    "series_inductance_H": "H",
    "stray_conductance_S": "S",
    "stray_capacitance_F": "F",
    "load_ohm": "Ohm",
    "offset_K": "K",
    "point_sigma_K": "K",
    "pivot_K": "K",
}
_WORDS = {
    "constant_per_cm": "cell constant",
    "gain": "resistance read over true",
    "series_resistance_ohm": "series resistance",
    "series_inductance_H": "series inductance",
    "stray_conductance_S": "stray conductance",
    "stray_capacitance_F": "stray capacitance",
    "load_ohm": "load",
    "offset_K": "offset at the pivot",
    "point_sigma_K": "uncertainty of one reading",
    "pivot_K": "pivot",
    "lag": "lag",
}


def calibration_report(found: Calibration, *, provenance: Provenance) -> Report:
    """Findings, certified values, the readings behind them, figures."""
    from cis.calibrate import figures

    if isinstance(found, CellCalibration):
        pictures = figures.cell_figures(found)
        tables, paragraphs = [_cell_table(found)], _cell_words(found)
    elif isinstance(found, FixtureCalibration):
        pictures = figures.fixture_figures(found)
        tables, paragraphs = [_fixture_table(found)], _FIXTURE_WORDS
    else:
        pictures = figures.thermometer_figures(found)
        tables, paragraphs = [_thermometer_table(found)], _thermometer_words(found)
    certificate = found.certificate
    return Report(
        title=f"Calibration: {certificate.name}",
        subtitle=f"{certificate.kind} certificate, {_validity(certificate)}",
        findings=found.findings,
        headline=[
            (_WORDS.get(name, name), Quantity(q.value, q.sigma, _UNITS.get(name, "")))
            for name, q in certificate.values.items()
        ],
        sections=[_section(paragraphs, tables, pictures)],
        provenance=provenance,
        values=_values(certificate),
    )


def _section(
    paragraphs: Sequence[str], tables: Sequence[Table], figures: Sequence[RenderedFigure]
) -> Section:
    return Section(
        title="What was measured",
        paragraphs=paragraphs,
        tables=[t for t in tables if t.rows],
        figures=figures,
    )


def _validity(certificate: Certificate) -> str:
    if certificate.valid_until is None:
        return "validity not stated"
    return f"valid until {certificate.valid_until}"


def _values(certificate: Certificate) -> dict[str, object]:
    return {
        "kind": certificate.kind,
        "values": dict(certificate.values),
        "facts": dict(certificate.facts),
        "valid_until": certificate.valid_until,
        "signature": certificate.signature,
    }


def _cell_words(found: CellCalibration) -> list[str]:
    words = []
    if found.solution is not None:
        s = found.solution
        words.append(
            f"Standard: {s.name} ({s.what}), {100.0 * s.relative_sigma:.2g} % relative standard uncertainty. {s.citation}. "
            "K = κ(T) R for every reading; the mean is weighted with the uncertainty of R and of the temperature, and the "
            "standard's own is added once."
        )
    if found.geometry is not None:
        words.append(f"Geometry: e/A = {found.geometry}.")
    if found.gain is not None:
        words.append(
            f"Resistor: the analyzer reads {found.gain} times its true resistance. A constant times this number turns the analyzer's "
            "reading into a conductivity."
        )
    return words


def _cell_table(found: CellCalibration) -> Table:
    rows = [
        [
            p.measured.label,
            "not stated"
            if p.measured.temperature_c is None
            else f"{p.measured.temperature_c.value:.2f}",
            str(Quantity(p.measured.resistance_ohm.value, p.measured.resistance_ohm.sigma)),
            ""
            if p.conductivity is None
            else str(Quantity(p.conductivity.value, p.conductivity.sigma)),
            str(Quantity(p.value.value, p.value.sigma)),
            "stated" if p.measured.fit is None else p.measured.fit.circuit_string,
        ]
        for p in found.points
    ]
    return Table(
        title="Readings of the standard",
        columns=["reading", "T / °C", "R / Ω", "κ / S cm^-1", "determined", "R by"],
        rows=rows,
        caption="determined: cell constant in 1/cm (solution), or R read over R true (resistor).",
    )


_FIXTURE_WORDS = [
    "The certificate carries the spectra themselves: a project that names it is compensated with them, point by point. Open/short: "
    "Z = (Zm - Zs)/(1 - (Zm - Zs) Yo); with a load, any linear two-port is removed and every resistance inherits the load's uncertainty."
]


def _fixture_table(found: FixtureCalibration) -> Table:
    rows = []
    for name, lumped in (("open", found.opened), ("short", found.shorted)):
        if lumped is not None:
            rows.append(
                [
                    name,
                    str(lumped.resistive),
                    str(lumped.reactive),
                    f"{100.0 * lumped.deviation:.2g} % at {lumped.at_hz:.3g} Hz",
                ]
            )
    return Table(
        title="What the fixture is made of",
        columns=["standard", "R or G", "L or C", "largest deviation"],
        rows=rows,
    )


def _thermometer_words(found: ThermometerCalibration) -> list[str]:
    fit = found.fit
    lag = "" if fit.lag is None else f" - {fit.lag} (T - {celsius(fit.pivot_k):.2f} °C)"
    words = [
        f"T_true = T + {fit.offset_k}{lag}, with T the {found.reads}; the pivot is the weighted mean of the readings, where offset and lag "
        "are independent (GUM H.3)."
    ]
    if found.citations:
        words.append("Fixed points: " + "; ".join(found.citations) + ".")
    return words


def _thermometer_table(found: ThermometerCalibration) -> Table:
    rows = [
        [
            r.label,
            f"{celsius(r.read_k.value):.3f}",
            f"{celsius(r.true_k.value):.3f}",
            f"{r.true_k.value - r.read_k.value:+.3f}",
            f"{residual:+.3f}",
            f"{sigma:.2g}",
        ]
        for r, residual, sigma in zip(
            found.readings, found.fit.residuals_k, found.fit.sigma_k, strict=True
        )
    ]
    return Table(
        title="Readings",
        columns=["point", "read / °C", "true / °C", "true - read / K", "residual / K", "± / K"],
        rows=rows,
    )
