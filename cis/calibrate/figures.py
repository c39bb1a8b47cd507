"""Pictures of a calibration: cell constant, fixture spectra, thermometer residuals."""

import numpy as np

from calibration.certified import standards_of
from calibration.figures import COLOURS, house_style, new_figure, render
from calibration.report import RenderedFigure
from calibration.thermometer import celsius
from cis.calibrate.cell import CellCalibration
from cis.calibrate.fixture import FixtureCalibration
from cis.calibrate.thermometer import ThermometerCalibration

__all__ = ["cell_figures", "fixture_figures", "thermometer_figures"]


@house_style()
def cell_figures(found: CellCalibration) -> list[RenderedFigure]:
    """The determinations with their mean, and what each spectrum gives at every frequency."""
    if not found.points:
        return []
    return [_points_figure(found), *_frequency_figure(found)]


def _quantity(found: CellCalibration) -> str:
    return "cell constant / cm$^{-1}$" if found.solution or not found.gain else "R read / R true"


def _points_figure(found: CellCalibration) -> RenderedFigure:
    figure = new_figure(height_in=3.6)
    axes = figure.add_subplot()
    values = np.array([p.value.value for p in found.points])
    own = np.array([p.independent for p in found.points])
    temperatures = [p.measured.temperature_c for p in found.points]
    known = all(t is not None for t in temperatures)
    x = (
        np.array([t.value for t in temperatures if t is not None])
        if known
        else np.arange(1.0, values.size + 1.0)
    )
    if found.combined is not None:
        mean = found.combined.constant_per_cm
        sigma = mean.sigma or 0.0
        axes.axhspan(mean.value - sigma, mean.value + sigma, color=COLOURS[5], alpha=0.3, lw=0)
        axes.axhline(mean.value, color=COLOURS[0], label=f"mean {mean}")
    axes.errorbar(x, values, yerr=own, fmt="o", color=COLOURS[1], ms=4, label="readings")
    axes.set_xlabel("temperature / °C" if known else "reading")
    axes.set_ylabel(_quantity(found))
    axes.legend()
    return render(
        figure,
        name="cell_constant",
        title="Readings of the standard",
        caption="Bars: resistance and temperature of each reading. Band: standard uncertainty of the mean, with that of the standard "
        "itself, which is common to all.",
    )


def _frequency_figure(found: CellCalibration) -> list[RenderedFigure]:
    fitted = [p for p in found.points if p.measured.fit is not None]
    if not fitted:
        return []
    figure = new_figure(height_in=3.6)
    axes = figure.add_subplot()
    for k, point in enumerate(fitted):
        fit = point.measured.fit
        if fit is None:
            continue
        scale = point.value.value / point.measured.resistance_ohm.value
        spectrum = fit.spectrum
        colour = COLOURS[k % len(COLOURS)]
        axes.semilogx(
            spectrum.frequency_hz,
            spectrum.z_ohm.real * scale,
            ".",
            ms=3,
            color=colour,
            label=point.measured.label,
        )
        axes.axhline(point.value.value, color=colour, lw=0.8)
    middle = fitted[0].value.value
    axes.set_ylim(0.9 * middle, 1.2 * middle)
    axes.set_xlabel("frequency / Hz")
    axes.set_ylabel(_quantity(found))
    axes.legend(ncols=2)
    caption = (
        "Points: real part of the impedance times the known conductivity (or over the known resistance). Lines: the "
        "resistance that the fit finds. The rise to low frequencies is the electrodes', the fall at high ones stray capacitance."
    )
    return [
        render(
            figure,
            name="cell_constant_frequency",
            title="Against the frequency",
            caption=caption,
        )
    ]


@house_style()
def fixture_figures(found: FixtureCalibration) -> list[RenderedFigure]:
    """Modulus of what was measured with the elements that describe it, and the elements point by point."""
    figure = new_figure(height_in=3.8)
    axes = figure.add_subplot()
    models = {"open": found.opened, "short": found.shorted}
    standards = standards_of(found.fixture)
    for k, (name, standard) in enumerate(standards.items()):
        colour = COLOURS[k]
        axes.loglog(
            standard.frequency_hz, np.abs(standard.z_ohm), "o", ms=3, color=colour, label=name
        )
        lumped = models.get(name)
        if lumped is not None:
            axes.loglog(standard.frequency_hz, np.abs(lumped.z_ohm), color=colour)
    axes.set_xlabel("frequency / Hz")
    axes.set_ylabel("|Z| / Ω")
    axes.legend()
    pictures = [
        render(
            figure,
            name="fixture_modulus",
            title="Open, short and load",
            caption="Points: measured. Lines: G and C of the open, R and L of the short.",
        )
    ]
    return pictures + _element_figures(found)


def _element_figures(found: FixtureCalibration) -> list[RenderedFigure]:
    rows = []
    fixture = found.fixture
    if fixture.short is not None and found.shorted is not None:
        f, z = fixture.short.frequency_hz, fixture.short.z_ohm
        rows += [
            ("R of the short / Ω", f, z.real, found.shorted.resistive),
            ("L of the short / H", f, z.imag / (2 * np.pi * f), found.shorted.reactive),
        ]
    if fixture.open is not None and found.opened is not None:
        f, y = fixture.open.frequency_hz, 1.0 / fixture.open.z_ohm
        rows += [
            ("G of the open / S", f, y.real, found.opened.resistive),
            ("C of the open / F", f, y.imag / (2 * np.pi * f), found.opened.reactive),
        ]
    figure = new_figure(height_in=1.7 * len(rows))
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, frequency, values, fitted) in zip(panels, rows, strict=True):
        axes.semilogx(frequency, values, ".", ms=3, color=COLOURS[0])
        axes.axhline(fitted.value, color=COLOURS[1])
        # noise over w (or of a conductance far below |Y|) fills any scale: show the fit's surroundings
        spread = float(np.percentile(np.abs(values - fitted.value), 80)) or abs(fitted.value)
        axes.set_ylim(fitted.value - 3.0 * spread, fitted.value + 3.0 * spread)
        axes.set_ylabel(name)
    panels[-1].set_xlabel("frequency / Hz")
    return [
        render(
            figure,
            name="fixture_elements",
            title="The fixture's elements, point by point",
            caption="Lines: fitted with weights 1/|Z|^2, so that noise where an element hardly matters does not count. A slope is a "
            "frequency dependence (skin effect, loss), which the measured spectra carry and the four numbers do not.",
        )
    ]


@house_style()
def thermometer_figures(found: ThermometerCalibration) -> list[RenderedFigure]:
    """Correction against the reading with its band, and the residuals."""
    figure = new_figure(height_in=4.6)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    read = np.array([r.read_k.value for r in found.readings])
    off = np.array([r.true_k.value - r.read_k.value for r in found.readings])
    sigma, fit = found.fit.sigma_k, found.fit
    span = max(float(np.ptp(read)), 10.0)
    line = np.linspace(read.min() - 0.1 * span, read.max() + 0.1 * span, 80)
    correction = fit.thermometer.correct(line) - line
    point = fit.point_sigma_k**2 * np.eye(line.size)
    band = np.sqrt(np.diag(fit.thermometer.covariances(line)[0] - point))
    at = [celsius(float(t)) for t in line]
    x = [celsius(float(t)) for t in read]
    top.fill_between(at, correction - band, correction + band, color=COLOURS[5], alpha=0.4, lw=0)
    top.plot(at, correction, color=COLOURS[0])
    top.errorbar(x, off, yerr=sigma, fmt="o", ms=4, color=COLOURS[1])
    top.set_ylabel("true - read / K")
    bottom.axhline(0.0, color=COLOURS[0])
    bottom.errorbar(x, fit.residuals_k, yerr=sigma, fmt="o", ms=4, color=COLOURS[1])
    bottom.set_ylabel("residual / K")
    bottom.set_xlabel(f"{found.reads} / °C")
    return [
        render(
            figure,
            name="thermometer",
            title="Correction of the temperature",
            caption="Bars: standard uncertainty of a single reading. Band: of the line.",
        )
    ]
