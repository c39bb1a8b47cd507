"""Pictures that do not need the circuit: modulus, sigma'(f) with Jonscher's law, relaxation times."""

import numpy as np

from calibration.figures import house_style, new_figure, render
from calibration.report import RenderedFigure
from cis.figures import each_fit, side_legend
from cis.pipeline import Analysis

__all__ = ["jonscher_figure", "modulus_figure", "relaxation_figure"]


@house_style()
def modulus_figure(analysis: Analysis) -> RenderedFigure:
    """Imaginary part of the electric modulus: peaks where the bulk relaxes, blind to the electrodes."""
    figure = new_figure(height_in=3.8)
    axis = figure.subplots()
    empty = analysis.instruments.cell.vacuum_capacitance_f
    for fit, colour, label in each_fit(analysis.series):
        f, used = fit.spectrum.frequency_hz, fit.validation.used
        order = np.argsort(f)
        for z, keep, style in (
            (
                fit.spectrum.z_ohm,
                used,
                {"marker": "o", "ls": "", "ms": 3, "mfc": "none", "mew": 0.8, "label": label},
            ),
            (fit.model_z_ohm[order], None, {"ls": "-"}),
        ):
            x = f[order] if keep is None else f[keep]
            m = 2.0 * np.pi * x * empty * (z if keep is None else z[keep]).real
            axis.plot(x, m, color=colour, **style)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0.0)
    axis.set_xlabel("frequency / Hz")
    axis.set_ylabel("$M''$ = ω $C_0$ $Z'$")
    side_legend(figure, axis)
    return render(
        figure,
        name="modulus",
        title="Electric modulus",
        caption="Each bulk arc is a peak of height near 1/(2 ε) at its own relaxation frequency; the electrodes do not show. "
        "Peaks of equal height mean one permittivity at all temperatures.",
    )


@house_style()
def jonscher_figure(analysis: Analysis) -> RenderedFigure:
    """Real part of the conductivity against frequency, with the fitted Jonscher law."""
    figure = new_figure(width_in=8.5, height_in=4.2)
    axis = figure.subplots()
    factor = analysis.instruments.cell.constant_per_cm.value
    for (fit, colour, label), check in zip(
        each_fit(analysis.series), analysis.cross_checks, strict=True
    ):
        used = fit.validation.used
        f, y = fit.spectrum.frequency_hz[used], (1.0 / fit.spectrum.z_ohm[used]).real
        keep = y > 0.0
        axis.plot(
            f[keep], factor * y[keep], "o", ms=3, mfc="none", mew=0.8, color=colour, label=label
        )
        law = None if check is None else check.jonscher
        if law is not None:
            x = np.geomspace(*law.range_hz, 100)
            g = law.conductance_s * (1.0 + (x / law.crossover_hz) ** law.exponent)
            axis.plot(x, factor * g, "-", color=colour)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("frequency / Hz")
    axis.set_ylabel("σ' / S cm$^{-1}$")
    side_legend(figure, axis)
    return render(
        figure,
        name="jonscher",
        title="Conductivity spectra",
        caption="Circles: Re(1/Z) e/A; lines: σ' = σ_DC (1 + (f/f_p)^n) over the frequencies that it was fitted to. The plateau is "
        "σ_DC; towards low frequencies the blocking electrodes take over.",
    )


@house_style()
def relaxation_figure(analysis: Analysis) -> RenderedFigure:
    """Distribution of relaxation times of each spectrum, normalized to its resistance."""
    figure = new_figure(width_in=8.5, height_in=4.0)
    axis = figure.subplots()
    for (fit, colour, label), check in zip(
        each_fit(analysis.series), analysis.cross_checks, strict=True
    ):
        if check is None:
            continue
        relaxation = check.relaxation
        frequency = 1.0 / (2.0 * np.pi * relaxation.tau_s)
        axis.plot(
            frequency, relaxation.gamma_ohm / fit.resistance_ohm, "-", color=colour, label=label
        )
    f = np.concatenate([fit.spectrum.frequency_hz for fit in analysis.fits])
    axis.axvspan(f.max(), f.max() * 10, color="#eeeeee")
    axis.axvspan(f.min() / 10, f.min(), color="#eeeeee")
    axis.set_xlim(f.min() / 10, f.max() * 10)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0.0)
    axis.set_xlabel("1/(2πτ) / Hz")
    axis.set_ylabel("γ / R")
    side_legend(figure, axis)
    return render(
        figure,
        name="relaxation_times",
        title="Distribution of relaxation times",
        caption="Non-negative, smoothest distribution that follows the data to the noise, after taking off the fitted electrode. Each "
        "peak in the white range is an arc; what lies in the grey is outside the measured frequencies.",
    )
