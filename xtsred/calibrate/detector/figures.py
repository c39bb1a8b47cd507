"""Pictures of a detector's calibration: dead time, window, flat field."""

import numpy as np

from calibration.dead_time import DeadTime, Readings
from calibration.figures import COLOURS, house_style, new_figure, render
from calibration.flat_field import FlatField
from calibration.report import RenderedFigure
from xtsred.calibrate.window_run import Window

__all__ = ["dead_time_figure", "flat_field_figure", "window_figure", "window_profiles_figure"]


@house_style()
def dead_time_figure(found: DeadTime, readings: Readings) -> RenderedFigure:
    """What is lost at each true rate, and the pulls."""
    figure = new_figure(height_in=4.8)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    transmission = np.array([1.0, *(t.value for t in found.transmissions)])
    point = np.unique(readings.point, return_inverse=True)[1]
    true = found.true_cps[point] * transmission[readings.setting] + readings.dark_cps
    tau = found.tau_s.value
    sigma = (found.observed_cps - found.model_cps) / np.where(found.pulls == 0, np.inf, found.pulls)
    for k in range(transmission.size):
        here = readings.setting == k
        top.errorbar(
            true[here],
            100.0 * (1.0 - found.observed_cps[here] / true[here]),
            yerr=100.0 * np.abs(sigma[here]) / true[here],
            fmt="o",
            ms=4,
            color=COLOURS[k % len(COLOURS)],
            label=f"setting {k}",
        )
        bottom.plot(true[here], found.pulls[here], "o", ms=4, color=COLOURS[k % len(COLOURS)])
    line = np.geomspace(true.min(), true.max(), 100)
    top.semilogx(line, 100.0 * (1.0 - 1.0 / (1.0 + line * tau)), color=COLOURS[6], lw=0.8)
    top.set_ylabel("lost / %")
    top.legend()
    bottom.axhline(0.0, color=COLOURS[6], lw=0.8)
    bottom.set_ylabel("(read - fit)/σ")
    bottom.set_xlabel("true rate / s$^{-1}$")
    return render(
        figure,
        name="dead_time",
        title="Dead time",
        caption=f"Counts lost against the fitted true rate; line: n/(1 + n τ) with τ = {found.tau_s}. Below: residuals in units of the "
        "counting error.",
    )


@house_style()
def flat_field_figure(found: FlatField) -> RenderedFigure:
    """Factor of each channel."""
    figure = new_figure(height_in=3.4)
    axes = figure.add_subplot()
    channel = np.arange(found.factor.size)
    good = found.good
    axes.errorbar(
        channel[good], found.factor[good], yerr=found.sigma[good], fmt=".", ms=3, color=COLOURS[0]
    )
    for name, channels, colour in (
        ("dead", found.dead, COLOURS[6]),
        ("hot", found.hot, COLOURS[1]),
    ):
        for k, number in enumerate(channels):
            axes.axvline(number, color=colour, lw=0.8, label=name if k == 0 else None)
    if found.dead or found.hot:
        axes.legend()
    axes.set_xlabel("channel")
    axes.set_ylabel("factor")
    return render(
        figure,
        name="flat_field",
        title="Flat field",
        caption="Counts of each channel over those of the mean good channel.",
    )


@house_style()
def window_figure(found: Window) -> RenderedFigure:
    """Rate with the fit and without the structure, residuals, and the energies at which photons arrive."""
    figure = new_figure(height_in=5.2)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    x = found.two_theta_deg
    top.plot(x, found.rate_cps, ".", ms=2, color=COLOURS[7], label="measured, net")
    top.plot(x, found.fit.model_cps, color=COLOURS[0], label="fit")
    top.plot(x, found.fit.self_cps, color=COLOURS[1], label="without the structure")
    top.set_ylabel("rate / s$^{-1}$")
    top.legend()
    bottom.plot(x, (found.rate_cps - found.fit.model_cps) / found.sigma_cps, ".", ms=2)
    bottom.axhline(0.0, color=COLOURS[6], lw=0.8)
    bottom.set_ylabel("(read - fit)/σ")
    bottom.set_xlabel("2θ / °")
    return render(
        figure,
        name="window_fit",
        title="Light scatterer at high angles",
        caption=f"The Compton photons lose energy with the angle ({found.compton_kev[0]:.2f} to {found.compton_kev[1]:.2f} keV here; the line has "
        f"{found.line_kev:.2f} keV), and the window's edges bend the smooth curve.",
    )


@house_style()
def window_profiles_figure(found: Window) -> RenderedFigure:
    """Chi^2 of each edge with the others at their best: how well it is determined."""
    names = list(found.fit.profiles)
    figure = new_figure(height_in=3.2)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    widen = max(1.0, found.fit.chi2 / found.fit.freedom)
    for axes, name in zip(panels, names, strict=True):
        values, chi2 = found.fit.profiles[name]
        rise = (chi2 - found.fit.chi2) / widen
        axes.plot(values, np.clip(rise, -1.0, 50.0), ".-", color=COLOURS[0])
        axes.axhline(4.0, color=COLOURS[1], lw=0.8)
        axes.set_ylim(-2.0, 50.0)
        axes.set_xlabel(f"{name} / keV")
    panels[0].set_ylabel("rise of χ² (widened)")
    return render(
        figure,
        name="window_profiles",
        title="How well each edge is determined",
        caption="χ² with everything else at its best, in units that make the fit's χ²/ν one where it exceeds one. A curve that stays below 4 "
        "to the end of the axis is a degenerate edge.",
    )
