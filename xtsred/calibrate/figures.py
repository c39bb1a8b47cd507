"""Pictures of a calibration: the fitted profiles, what is left of the line positions, the resolution, the beam scan."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration.beam_scan import BeamScan, BeamScanFit
from calibration.figures import COLOURS, house_style, new_figure, render
from calibration.goniometer import goniometer_reading
from calibration.report import RenderedFigure
from calibration.resolution import FWHM_PER_SIGMA, Resolution
from xtsred.calibrate.diffractometer import Diffractometer
from xtsred.stages import Array

__all__ = ["beam_figure", "positions_figure", "profiles_figures", "resolution_figure"]

_ROWS = 4
_DATA: dict[str, Any] = {"color": COLOURS[7], "marker": ".", "markersize": 2.5, "linestyle": "none"}


@house_style()
def profiles_figures(part: Diffractometer) -> list[RenderedFigure]:
    """Every fitted group over four ranges of angle, with what is left of it in units of its uncertainty."""
    groups = part.fits.groups
    figures = []
    parts = np.array_split(np.arange(len(groups)), min(_ROWS, len(groups)))
    for number, members in enumerate(parts):
        figure = new_figure(width_in=9.0, height_in=4.4)
        top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3.0, 1.0)})
        for i in members:
            g = groups[int(i)]
            top.plot(g.x, g.y, **_DATA)
            top.plot(g.x, g.background, color=COLOURS[2], linewidth=0.8)
            top.plot(g.x, g.model, color=COLOURS[1])
            width = g.sigma if part.fits.absolute else g.sigma * g.chi2_reduced**0.5
            bottom.plot(g.x, (g.y - g.model) / width, color=COLOURS[0], linewidth=0.7)
            for line in g.lines:
                top.axvline(
                    line.position.value,
                    ymax=0.04,
                    color=COLOURS[6] if line.status == "used" else COLOURS[3],
                )
        top.set_yscale("log")
        top.set_ylabel("rate")
        bottom.set_ylabel("residual (σ)")
        bottom.set_xlabel("2θ as read (°)")
        first, last = groups[int(members[0])], groups[int(members[-1])]
        figures.append(
            render(
                figure,
                name=f"profiles-{number + 1}",
                title=f"Profiles, {first.x[0]:.1f} to {last.x[-1]:.1f}°",
                caption="Points: measured; orange: all lines of the tube with the background (green). Ticks: fitted positions of the strongest "
                "wavelength (violet: not used).",
            )
        )
    return figures


@house_style()
def positions_figure(part: Diffractometer) -> RenderedFigure:
    """Reading less true angle against the angle with the fitted correction, and what it leaves."""
    fit = part.alignment
    figure = new_figure(width_in=8.0, height_in=5.4)
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (1.4, 1.0)})
    x = np.array([line.two_theta_deg for line in fit.lines])
    used = np.array([line.used for line in fit.lines])
    sigma = np.array([line.sigma_deg for line in fit.lines])
    difference = np.array([line.difference_deg for line in fit.lines])
    rest = np.array([line.residual_deg for line in fit.lines])
    course = np.linspace(0.9 * x[0], min(1.02 * x[-1], 179.0), 200)
    correction = goniometer_reading(course, alignment=fit.alignment) - course
    known = fit.angle_sigma_deg(course)
    top.fill_between(
        course, correction - 2 * known, correction + 2 * known, color=COLOURS[1], alpha=0.3, lw=0
    )
    top.plot(course, correction, color=COLOURS[1], label="fitted correction ± 2σ")
    _points(top, x, difference, sigma, used)
    top.set_ylabel("reading − true angle (°)")
    top.legend()
    bottom.axhline(0.0, color=COLOURS[6], linewidth=0.6)
    if fit.scatter_deg > 0.0:
        bottom.axhspan(-fit.scatter_deg, fit.scatter_deg, color=COLOURS[7], alpha=0.25, lw=0)
    _points(bottom, x, rest, sigma, used)
    for line in fit.lines:
        if not line.used:
            bottom.annotate(line.label, (line.two_theta_deg, line.residual_deg), fontsize=7)
    bottom.set_ylabel("residual (°)")
    bottom.set_xlabel("2θ (°)")
    return render(
        figure,
        name="positions",
        title="Line positions",
        caption="Top: how far each line was read from where the cell of the standard puts it. Bottom: what the fitted zero and displacement leave; "
        "grey: scatter beyond the lines' own uncertainties. Open: left out.",
    )


def _points(axes: Axes, x: Array, y: Array, sigma: Array, used: npt.NDArray[np.bool_]) -> None:
    draw = partial(axes.errorbar, elinewidth=0.8)
    draw(x[used], y[used], yerr=sigma[used], fmt="o", ms=3, color=COLOURS[0])
    if not used.all():
        draw(x[~used], y[~used], yerr=sigma[~used], fmt="o", ms=4, mfc="none", color=COLOURS[3])


@house_style()
def resolution_figure(part: Diffractometer, resolution: Resolution) -> RenderedFigure:
    """FWHM against the angle with Caglioti's course, and sigma_Q against Q with q_damp and q_broad."""
    figure = new_figure(width_in=9.0, height_in=3.8)
    left, right = figure.subplots(1, 2)
    angle = np.array([w.two_theta_deg for w in resolution.widths])
    fwhm = np.array([w.fwhm.value for w in resolution.widths])
    sigma = np.array([w.fwhm.sigma or 0.0 for w in resolution.widths])
    course = np.linspace(angle[0], angle[-1], 200)
    left.errorbar(angle, fwhm, yerr=sigma, fmt="o", ms=3, color=COLOURS[0], elinewidth=0.8)
    left.plot(course, resolution.fwhm_deg(course), color=COLOURS[1], label="Caglioti")
    left.set_xlabel("2θ (°)")
    left.set_ylabel("FWHM (°)")
    left.legend()
    wavelength = part.lines[0].wavelength_a
    theta = np.radians(angle) / 2.0
    q = 4.0 * np.pi * np.sin(theta) / wavelength
    to_q = 2.0 * np.pi / wavelength * np.cos(theta) * np.pi / 180.0 / FWHM_PER_SIGMA
    right.errorbar(
        q, fwhm * to_q, yerr=sigma * to_q, fmt="o", ms=3, color=COLOURS[0], elinewidth=0.8
    )
    at = np.linspace(0.0, float(q[-1]), 200)
    damp, broad = resolution.q_damp.value, resolution.q_broad.value
    right.plot(at, np.hypot(damp, broad * at), color=COLOURS[1], label="Q_damp, Q_broad")
    right.plot(
        at, np.hypot(np.hypot(damp, broad * at), part.doublet * at), color=COLOURS[2], ls="--",
        label="with the lines of the tube left in",
    )  # fmt: skip
    right.set_xlabel("Q (= k) (Å⁻¹)")
    right.set_ylabel("σ of Q (Å⁻¹)")
    right.set_ylim(bottom=0.0)
    right.legend()
    return render(
        figure,
        name="resolution",
        title="Resolution",
        caption="Width of one wavelength's line. Right: the same in Q as FWHM/2.355 with σ² = Q_damp² + Q_broad² Q².",
    )


@house_style()
def beam_figure(scan: BeamScan, fit: BeamScanFit) -> RenderedFigure:
    """The direct beam while the capillary moves through it, and what the fit leaves."""
    figure: Figure = new_figure(width_in=8.0, height_in=4.4)
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3.0, 1.0)})
    top.plot(scan.position_mm, scan.intensity, **_DATA)
    top.plot(scan.position_mm, fit.model, color=COLOURS[1])
    top.set_yscale("log")
    top.set_ylabel("direct beam")
    width = scan.sigma if scan.absolute else scan.sigma * fit.chi2_reduced**0.5
    bottom.plot(scan.position_mm, (scan.intensity - fit.model) / width, color=COLOURS[0], lw=0.7)
    bottom.axhline(0.0, color=COLOURS[6], linewidth=0.6)
    bottom.set_ylabel("residual (σ)")
    bottom.set_xlabel("position (mm)")
    return render(
        figure,
        name="beam-scan",
        title="Scan of the capillary through the direct beam",
        caption=f"Fitted: μD = {fit.mu_d}, diameter {fit.diameter_mm}, beam {fit.beam_width_mm} wide.",
    )
