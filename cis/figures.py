"""Pictures of a series: spectra with fits and residuals, checks, parameters, Arrhenius."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.ticker import MaxNLocator

from calibration.figures import COLOURS, house_style, literal, new_figure, render
from calibration.report import RenderedFigure
from calibration.thermometer import celsius
from cis.activation import ArrheniusResult
from cis.series import FittedSeries
from cis.stages import ArcFit, Array

__all__ = [
    "arrhenius_figure",
    "bode_figure",
    "each_fit",
    "groups_figure",
    "kramers_kronig_figure",
    "nyquist_figure",
    "parameters_figure",
    "residual_figure",
    "side_legend",
]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")


@house_style()
def nyquist_figure(series: FittedSeries) -> RenderedFigure:
    """All spectra with their fits on the whole scale and around the hottest ones; Ohm cm where the size is known."""
    figure = new_figure(width_in=9.0, height_in=4.9)
    axes = figure.subplots(1, 2)
    plates = series.plates
    factor = 1.0 if plates is None else 1.0 / plates.constant_per_cm.value
    symbol, per = ("Z", "") if plates is None else ("\\rho", " cm")
    sizes = [factor * fit.resistance_ohm for fit in series.fits]
    limits = (
        1.35 * max(sizes),
        1.35 * float(np.median(sizes)) if len(sizes) > 2 else 1.35 * min(sizes),
    )
    unit, name = _scale(limits[0])
    for axis, limit in zip(axes, limits, strict=True):
        scale, text = (unit, name) if axis is axes[0] else _scale(limit)
        for fit, colour, label in each_fit(series):
            z, model = factor * fit.spectrum.z_ohm / scale, factor * fit.model_z_ohm / scale
            used = fit.validation.used
            axis.plot(
                z.real[used],
                -z.imag[used],
                "o",
                ms=3.2,
                mfc="none",
                mew=0.8,
                color=colour,
                label=label,
            )
            axis.plot(z.real[~used], -z.imag[~used], "x", ms=4.5, color="#999999")
            order = np.argsort(fit.spectrum.frequency_hz)
            axis.plot(model.real[order], -model.imag[order], "-", color=colour)
        axis.set_xlim(-0.02 * limit / scale, limit / scale)
        axis.set_ylim(-0.05 * limit / scale, 0.75 * limit / scale)
        axis.set_aspect("equal", adjustable="box")
        axis.set_xlabel(f"${symbol}'$ / {text}{per}")
        axis.set_ylabel(f"$-{symbol}''$ / {text}{per}")
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.yaxis.set_major_locator(MaxNLocator(5))
    axes[0].set_title("all", fontsize=10)
    axes[1].set_title("the more conducting half", fontsize=10)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(sizes))
    )
    return render(
        figure,
        name="nyquist",
        title="Complex impedance" if plates is None else "Complex resistivity",
        caption="Circles: measured"
        + ("" if plates is None else ", times A/e")
        + " (equal scales on both axes); lines: fitted circuits; grey crosses: "
        "points that a rule took out of the fit. The low-frequency spike leaves the frame.",
    )


@house_style()
def residual_figure(series: FittedSeries) -> RenderedFigure:
    """(Z - model)/|Z| of every spectrum against frequency."""
    return _two_residuals(
        series,
        lambda fit: fit.residuals,
        name="residuals",
        title="Residuals of the circuit fits",
        caption="(Z - model)/|Z| in percent. Structure instead of scatter means that the circuit does not describe everything "
        "that was measured. Grey crosses: points that were not fitted.",
    )


@house_style()
def kramers_kronig_figure(series: FittedSeries) -> RenderedFigure:
    """Residuals of the linear Kramers-Kronig test."""
    return _two_residuals(
        series,
        lambda fit: fit.validation.kk_residuals,
        name="kramers_kronig",
        title="Kramers-Kronig test",
        caption="Distance from the nearest causal, linear and stable response (linear KK after Schönleber et al. 2014) "
        "in percent of |Z|. Scatter is noise; structure is drift, nonlinearity or a wrong range. "
        "Grey crosses: points that were not used.",
    )


@house_style()
def bode_figure(series: FittedSeries) -> RenderedFigure:
    """|Z| and phase against frequency."""
    figure = new_figure(width_in=8.5, height_in=5.6)
    top, bottom = figure.subplots(2, 1, sharex=True)
    for fit, colour, label in each_fit(series):
        f, used = fit.spectrum.frequency_hz, fit.validation.used
        order = np.argsort(f)
        for axis, quantity in ((top, np.abs), (bottom, _phase)):
            axis.plot(
                f[used],
                quantity(fit.spectrum.z_ohm[used]),
                "o",
                ms=3,
                mfc="none",
                mew=0.8,
                color=colour,
                label=label,
            )
            axis.plot(f[~used], quantity(fit.spectrum.z_ohm[~used]), "x", ms=4, color="#999999")
            axis.plot(f[order], quantity(fit.model_z_ohm[order]), "-", color=colour)
    top.set_xscale("log")
    top.set_yscale("log")
    top.set_ylabel("|Z| / Ω")
    bottom.set_ylabel("phase / °")
    bottom.set_xlabel("frequency / Hz")
    bottom.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 1.5, 3, 10]))
    side_legend(figure, top)
    return render(
        figure,
        name="bode",
        title="Modulus of the impedance and phase",
        caption="Circles: measured; lines: fitted circuits; grey crosses: points that were not fitted. "
        "A capacitive sample has a negative phase.",
    )


@house_style()
def parameters_figure(series: FittedSeries) -> RenderedFigure:
    """Every fitted parameter against temperature (or along the series), with its uncertainty."""
    names = list(dict.fromkeys(p.name for fit in series.fits for p in fit.parameters))
    known = all(t is not None for t in series.temperatures_k)
    columns = 3
    rows = -(-len(names) // columns)
    figure = new_figure(width_in=9.0, height_in=0.4 + 2.3 * rows)
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axis, name in zip(axes, names, strict=False):
        points = [
            (t if known else float(k), p)
            for k, (t, fit) in enumerate(zip(series.temperatures_k, series.fits, strict=True))
            for p in fit.parameters
            if p.name == name
        ]
        x = np.array([x for x, _ in points])
        value = np.array([p.value for _, p in points])
        sigma = np.array([np.nan if p.sigma is None else p.sigma for _, p in points])
        sure = np.isfinite(sigma)
        # the uncertainty is one of the logarithm: a bar that would reach below zero ends at value/(1 + u)
        below = sigma / (1.0 + sigma / value) if points[0][1].unit else sigma
        axis.errorbar(
            x[sure],
            value[sure],
            yerr=np.stack([below[sure], sigma[sure]]),
            fmt="o",
            ms=4,
            capsize=2,
            color=COLOURS[0],
        )
        axis.plot(x[~sure], value[~sure], "o", ms=5, mfc="none", color="#999999")
        if points[0][1].unit and value.min() > 0.0:
            axis.set_yscale(
                "log"
            )  # R, Q and L are fitted as logarithms, so all panels of them are alike
            _decade_at_least(axis, value)
        unit = f" / {points[0][1].unit}" if points[0][1].unit else ""
        axis.set_title(f"{name}{unit}", fontsize=9.5)
        axis.margins(0.12)
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=not known))
        axis.set_xlabel("T / K" if known else "spectrum", fontsize=9)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    return render(
        figure,
        name="parameters",
        title="Parameters of the circuits along the series",
        caption="Bars: one standard uncertainty. Open grey circles: values that the data do not identify. "
        "R should fall steadily; an exponent or a capacitance that jumps asks for another look at that spectrum.",
    )


@house_style()
def arrhenius_figure(result: ArrheniusResult, *, name: str) -> RenderedFigure:
    """log10 of sigma (or sigma T) against 1000/T with line, band, °C on top, and residuals."""
    figure = new_figure(width_in=6.8, height_in=5.6)
    main, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1.0])
    points, fit = result.points, result.fits[0]
    with_t = fit.form == "ln_sigma_T"
    t = points.sample_k
    shown = points.sigma_s_per_cm * (t if with_t else 1.0)
    total = _total_relative(points.relative_stat, points.relative_geometry, t.size)
    bar = None if total is None else total / np.log(10.0)
    main.errorbar(
        1e3 / t,
        np.log10(shown),
        yerr=bar,
        fmt="o",
        ms=5,
        capsize=2,
        color=COLOURS[0],
        label="measured",
        zorder=3,
    )
    fine = np.linspace(t.min() - 0.06 * np.ptp(t), t.max() + 0.06 * np.ptp(t), 200)
    line = np.log10(fit.line(fine) * (fine if with_t else 1.0))
    band = fit.relative_band(fine) / np.log(10.0)
    label = f"$E_A$ = {fit.written}"
    main.plot(1e3 / fine, line, "-", color=COLOURS[1], label=label)
    if np.isfinite(band).all():
        main.fill_between(
            1e3 / fine, line - 2 * band, line + 2 * band, color=COLOURS[1], alpha=0.18, lw=0
        )
    main.set_ylabel("log$_{10}$(σT / S K cm$^{-1}$)" if with_t else "log$_{10}$(σ / S cm$^{-1}$)")
    main.legend(loc="lower left")
    stat = None if points.relative_stat is None else 100.0 * points.relative_stat
    lower.axhline(0.0, color=COLOURS[1], lw=1)
    lower.errorbar(
        1e3 / t, 100.0 * fit.residuals, yerr=stat, fmt="o", ms=4, capsize=2, color=COLOURS[0]
    )
    if np.isfinite(band).all():
        wide = 200.0 * band * np.log(10.0)
        lower.fill_between(1e3 / fine, -wide, wide, color=COLOURS[1], alpha=0.18, lw=0)
    lower.set_ylabel("off line / %")
    lower.set_xlabel("1000 K / T")
    _celsius_on_top(main)
    segment = "" if result.segment == "all" else f" ({result.segment} the break)"
    return render(
        figure,
        name=name,
        title=f"Arrhenius plot{segment}",
        caption=f"{fit.n} temperatures; the band is twice the standard uncertainty of the line (statistics and thermometer). Bars above: "
        "one standard uncertainty with the geometry, which moves all points alike; bars below: without it.",
    )


@house_style()
def groups_figure(results: Sequence[tuple[str, ArrheniusResult]], *, name: str) -> RenderedFigure:
    """Several lines of a table in one plot; at most eight are told apart by marker and colour."""
    figure = new_figure(width_in=7.4, height_in=4.8 + 0.11 * len(results))
    axis = figure.subplots()
    for k, (label, result) in enumerate(results):
        t, fit = result.points.sample_k, result.fits[0]
        colour, marker = (
            COLOURS[k % 8],
            _MARKERS[k // 8 % 8] if len(results) > 8 else _MARKERS[k % 8],
        )
        axis.plot(
            1e3 / t,
            np.log10(result.points.sigma_s_per_cm),
            marker,
            ms=4.5,
            color=colour,
            label=literal(label[:48]),
        )
        fine = np.linspace(t.min(), t.max(), 50)
        axis.plot(1e3 / fine, np.log10(fit.line(fine)), "-", color=colour)
    axis.set_xlabel("1000 K / T")
    axis.set_ylabel("log$_{10}$(σ / S cm$^{-1}$)")
    _celsius_on_top(axis)
    if len(results) > 1:
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return render(
        figure,
        name=name,
        title="Arrhenius plot",
        caption="Points of the table and the fitted lines of each group, over the temperatures of the group.",
    )


@house_style()
def _two_residuals(
    series: FittedSeries, choose: Callable[[ArcFit], Any], *, name: str, title: str, caption: str
) -> RenderedFigure:
    figure = new_figure(width_in=8.5, height_in=4.8)
    top, bottom = figure.subplots(2, 1, sharex=True, sharey=True)
    largest = 0.1
    for fit, colour, label in each_fit(series):
        f, used, residual = fit.spectrum.frequency_hz, fit.validation.used, 100.0 * choose(fit)
        order = np.argsort(f[used])
        largest = max(largest, float(np.nanmax(np.abs(residual[used]))))
        for axis, part in ((top, residual.real), (bottom, residual.imag)):
            axis.plot(
                f[used][order], part[used][order], "o-", ms=2.6, lw=0.7, color=colour, label=label
            )
            axis.plot(f[~used], part[~used], "x", ms=4, color="#999999")
    for axis, text in ((top, "ΔZ' / |Z| / %"), (bottom, "ΔZ'' / |Z| / %")):
        axis.axhline(0.0, color="#444444", lw=0.8)
        axis.set_ylabel(text)
    top.set_xscale("log")
    top.set_ylim(-1.15 * largest, 1.15 * largest)
    bottom.set_xlabel("frequency / Hz")
    side_legend(figure, top)
    return render(figure, name=name, title=title, caption=caption)


def each_fit(series: FittedSeries) -> list[tuple[ArcFit, Any, str]]:
    """Fits with a colour from cold (dark) to hot (light) and a label."""
    n = len(series.fits)
    shades = colormaps["plasma"](np.linspace(0.0, 0.86, max(n, 2)))
    triples = []
    for k, (fit, t, name) in enumerate(
        zip(series.fits, series.temperatures_k, series.labels, strict=True)
    ):
        triples.append((fit, shades[k], literal(name) if t is None else f"{celsius(t):.1f} °C"))
    return triples


def side_legend(figure: Any, axis: Any) -> None:
    """Legend of an axis to the right of the figure, thinned out beyond 20 entries."""
    handles, labels = axis.get_legend_handles_labels()
    if len(labels) > 20:
        step = -(-len(labels) // 20)
        handles, labels = handles[::step], labels[::step]
    figure.legend(handles, labels, loc="outside right upper")


def _decade_at_least(axis: Any, value: Array) -> None:
    """Limits that hold the bars and span a decade, so that tick labels exist."""
    low, high = axis.get_ylim()
    middle, half = np.sqrt(value.min() * value.max()), np.sqrt(10.0)
    axis.set_ylim(min(low, middle / half), max(high, middle * half))


def _scale(limit: float) -> tuple[float, str]:
    for size, text in ((1e9, "GΩ"), (1e6, "MΩ"), (1e3, "kΩ")):
        if limit >= size:
            return size, text
    return 1.0, "Ω"


def _phase(z: Any) -> Any:
    return np.degrees(np.angle(z))


def _total_relative(stat: Array | None, geometry: float | None, n: int) -> Array | None:
    if stat is None:
        return None
    common = 0.0 if geometry is None else geometry
    return np.where(np.isfinite(stat), np.hypot(stat, common), 0.0) if n else None


def _celsius_on_top(axis: Any) -> None:
    """Round Celsius temperatures on a second axis above an axis of 1000/T."""
    low, high = sorted(1e3 / np.array(axis.get_xlim()) - 273.15)
    ticks = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    ticks = ticks[(ticks > low) & (ticks < high)]
    top = axis.twiny()
    top.grid(visible=False)
    top.spines["top"].set_visible(True)
    top.set_xlim(axis.get_xlim())
    top.set_xticks(1e3 / (ticks + 273.15), [f"{t:g}" for t in ticks])
    top.set_xlabel("temperature / °C")
