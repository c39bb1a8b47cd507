"""The page of a series: which patterns failed, which have findings, and how things change along it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration.campaign.findings import failure_finding, failure_reason, group_findings
from calibration.provenance import Provenance
from calibration.quantity import Quantity
from calibration.report import Finding, RenderedFigure, Report, Section, Table, typeset
from xtsred.batch.collect import Collected, Column
from xtsred.batch.figures import (
    Curves,
    label_of,
    map_figure,
    quantities_figures,
    waterfall_figure,
)
from xtsred.batch.nexus import read_rows
from xtsred.batch.series import NUMBER, Series
from xtsred.batch.trend import Trend, trend
from xtsred.stages import Array, frozen

__all__ = ["build_page"]

_WATERFALL = 24
_MAP = 400
_LISTED = 200
_DRAWN = 12
_R_DRAWN = (1.0, 10.0)  # below, g(r) shows what noise does where no atoms are
_VIRTUAL = "Virtual experiment: the scans were simulated, nothing here was measured."


def build_page(
    series: Series,
    collected: Collected,
    *,
    h5: Path,
    provenance: Provenance,
    doubts: Sequence[Finding],
) -> Report:
    """Everything that people look at; curves are read from the series file, only those that are drawn.

    doubts: of the run itself.
    """
    done = len(collected.names) - len(collected.failed)
    drawn = _worth_drawing(collected)
    sections = [
        _findings_section(collected),
        *([_curves_section(collected, h5)] if done else []),
        *([_numbers_section(collected, drawn)] if drawn else []),
        _method_section(series, collected),
    ]
    trends = _trends(collected, drawn)
    return Report(
        title=series.name,
        subtitle=f"{len(collected.names)} patterns of {', '.join(collected.samples) or 'no sample'} against "
        f"{label_of(collected.x_name)}",
        findings=[
            *doubts,
            *failure_finding(collected.failed, total=len(collected.names), noun="pattern"),
            *group_findings(collected.groups, total=len(collected.names), noun="pattern"),
        ],
        headline=_headline(collected, trends),
        sections=sections,
        provenance=provenance,
        values=_values(collected, trends),
        banner=_VIRTUAL if collected.virtual else "",
    )


def _worth_drawing(collected: Collected) -> list[Column]:
    """Quantities that are not the same for all patterns."""
    found = []
    for column in collected.columns:
        known = column.values[np.isfinite(column.values)]
        if known.size > 1 and float(np.ptp(known)) > 1e-9 * abs(float(known[0])):
            found.append(column)
    return found[:_DRAWN]


def _trends(collected: Collected, columns: Sequence[Column]) -> dict[str, Trend]:
    if collected.x_name == NUMBER:
        return {}
    fits = {
        c.name: trend(collected.x, c.values, sigma=c.sigma, unit=c.unit)
        for c in columns
        if np.isfinite(c.sigma).any()
    }
    return {name: fit for name, fit in fits.items() if fit is not None}


def _per(unit: str, x_name: str) -> str:
    words, _, x_unit = x_name.rpartition("_")
    per = x_unit if words else x_name
    return f"{unit}/{per}" if unit else f"1/{per}"


def _headline(collected: Collected, trends: dict[str, Trend]) -> list[tuple[str, Quantity | str]]:
    words = collected.status
    rows: list[tuple[str, Quantity | str]] = [
        ("patterns", str(len(words))),
        ("without doubts", str(words.count("done"))),
        ("with warnings", str(words.count("warning"))),
        ("with problems", str(words.count("problem"))),
        ("failed", str(words.count("failed"))),
    ]
    known = collected.x[np.isfinite(collected.x)]
    if known.size:
        rows.append((label_of(collected.x_name), f"{known.min():g} to {known.max():g}"))
    for name, fit in list(trends.items())[:6]:
        unit = _per(fit.slope.unit, collected.x_name)
        rows.append((f"slope of {name}", Quantity(fit.slope.value, fit.slope.sigma, typeset(unit))))
    return rows


def _findings_section(collected: Collected) -> Section:
    tables = []
    if collected.failed:
        rows = [(o.name, failure_reason(o)) for o in collected.failed[:_LISTED]]
        tables.append(
            Table(
                title="Patterns that failed",
                columns=("pattern", "error"),
                rows=rows,
                caption=_caption(len(collected.failed), "failures.csv"),
            )
        )
    words = collected.status
    doubtful = [i for i, word in enumerate(words) if word in ("problem", "warning")]
    doubtful.sort(key=lambda i: (words[i] != "problem", i))
    rows_found = [
        (
            collected.names[i],
            f"{collected.x[i]:g}",
            str(collected.counts[i, 0]),
            str(collected.counts[i, 1]),
            str(collected.counts[i, 2]),
        )
        for i in doubtful[:_LISTED]
    ]
    paragraphs = []
    if doubtful:
        tables.append(
            Table(
                title="Patterns with problems or warnings",
                columns=("pattern", label_of(collected.x_name), "problems", "warnings", "notes"),
                rows=rows_found,
                caption=_caption(len(doubtful), "findings.csv"),
            )
        )
    else:
        paragraphs.append("No pattern has a problem or a warning; notes are in findings.csv.")
    return Section(title="Which patterns", paragraphs=paragraphs, tables=tables)


def _caption(total: int, file: str) -> str:
    return (
        f"The first {_LISTED} of {total}; all are in {file}."
        if total > _LISTED
        else f"Also in {file}."
    )


def _picked(collected: Collected, count: int) -> list[int]:
    """Evenly spread patterns in the order of the series variable; the first and last among them."""
    good = np.flatnonzero((collected.counts[:, 0] >= 0) & np.isfinite(collected.x))
    if good.size == 0:
        good = np.flatnonzero(collected.counts[:, 0] >= 0)
    order = good[np.argsort(collected.x[good], kind="stable")]
    places = np.linspace(0, order.size - 1, min(count, order.size)).round().astype(int)
    return [int(i) for i in order[np.unique(places)]]


def _curves(collected: Collected, h5: Path, signal: str, axis: Array, count: int) -> Curves:
    rows = _picked(collected, count)
    values = np.array(list(read_rows(h5, signal, rows)))
    return Curves(
        axis=axis, rows=frozen(values), x=frozen(collected.x[rows]), x_name=collected.x_name
    )


def _curves_section(collected: Collected, h5: Path) -> Section:
    low, high = collected.q_index
    q = frozen(collected.q_step * np.arange(low, high + 1))
    r_label, q_label = "r (Å)", "Q (= k) (Å⁻¹)"
    window = "window " + "; ".join(collected.windows)
    near = (collected.r >= _R_DRAWN[0]) & (collected.r <= _R_DRAWN[1])
    figures: list[RenderedFigure] = []
    g = _curves(collected, h5, "g", collected.r, _WATERFALL)
    g = Curves(axis=frozen(g.axis[near]), rows=frozen(g.rows[:, near]), x=g.x, x_name=g.x_name)
    figures.append(
        waterfall_figure(g, name="g_waterfall", axis_label=r_label, signal="g(r)", window=window)
    )
    if len(g.x) > 1:
        wide = _curves(collected, h5, "g", collected.r, _MAP)
        wide = Curves(
            axis=frozen(wide.axis[near]), rows=frozen(wide.rows[:, near]), x=wide.x, x_name=g.x_name
        )
        figures.append(map_figure(wide, name="g_map", axis_label=r_label, signal="g(r)"))
        figures.append(
            map_figure(
                _curves(collected, h5, "S", q, _MAP),
                name="S_map",
                axis_label=q_label,
                signal="S(Q)",
            )
        )
    return Section(
        title="Curves",
        paragraphs=(
            "Every pattern is reduced by itself; nothing is smoothed along the series. All curves are in series.h5.",
        ),
        figures=figures,
    )


def _numbers_section(collected: Collected, columns: Sequence[Column]) -> Section:
    trends = _trends(collected, columns)
    tables = []
    if trends:
        rows = [
            (
                name,
                str(Quantity(f.at_mean.value, f.at_mean.sigma, typeset(f.at_mean.unit))),
                f"{f.mean_x:.4g}",
                str(
                    Quantity(
                        f.slope.value,
                        f.slope.sigma,
                        typeset(_per(f.slope.unit, collected.x_name)),
                    )
                ),
                "unknown" if f.chi2_reduced is None else f"{f.chi2_reduced:.2f}",
                str(f.n),
            )
            for name, f in trends.items()
        ]
        x = label_of(collected.x_name)
        tables.append(
            Table(
                title="Straight lines along the series",
                columns=("quantity", "value at the mean", f"mean {x}", "slope", "χ²/ν", "patterns"),
                rows=rows,
                caption="Weighted by counting statistics, widened where the points scatter more. χ²/ν far above 1: the line is "
                "not straight, or something other than counting moves the points.",
            )
        )
    return Section(
        title="Numbers along the series",
        tables=tables,
        figures=quantities_figures(collected, columns),
    )


def _method_section(series: Series, collected: Collected) -> Section:
    first = series.members[0]
    settings = " ".join(f"--set '{s}'" for s in first.settings)
    name = series.project_path.name
    return Section(
        title="Method",
        paragraphs=(
            f"Every pattern is the project {name} with its own file and settings. The full report of one of them, here "
            f"{first.name}: xtsred reduce {name} {settings} --out DIR",
        ),
    )


def _values(collected: Collected, trends: dict[str, Trend]) -> dict[str, object]:
    words = collected.status
    return {
        "patterns": len(words),
        "status": {w: words.count(w) for w in ("done", "warning", "problem", "failed")},
        "variable": collected.x_name,
        "virtual": collected.virtual,
        "failed": [{"pattern": o.name, "error": failure_reason(o)} for o in collected.failed],
        "slopes": {
            name: {
                "slope": f.slope,
                "chi2_reduced": f.chi2_reduced,
                "n": f.n,
            }
            for name, f in trends.items()
        },
    }
