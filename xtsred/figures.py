"""The pictures of a reduction; the only module of xtsred that draws.

Long scans are drawn as the envelope of what falls on one pixel column: no point is lost to the eye, none is drawn twice.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration.figures import COLOURS, house_style, literal, new_figure, render
from calibration.report import RenderedFigure, typeset
from xtsred.stages import Array, Comparison, PairDistribution, Reduction, Step

__all__ = [
    "components_figure",
    "normalization_figure",
    "pair_figure",
    "scans_figure",
    "steps_figures",
    "structure_figures",
    "window_text",
]

_COLUMNS = 500
_Q = "Q (= k) (Å⁻¹)"
_ANGLE = "2θ (°)"
_ROLE_COLOUR = {"sample": COLOURS[0], "container": COLOURS[1], "environment": COLOURS[2]}
_PANELS = 6
_TITLE = 1.02


def _axes(
    name: str,
    rows: int,
    *,
    height_in: float,
    width_in: float = 8.0,
    columns: int = 1,
    ratios: Sequence[int] = (),
) -> tuple[Figure, list[Axes]]:
    """A figure with fixed margins, signed with the sample's name.

    Measuring every label for the layout would be a third of the report's time.
    """
    figure = new_figure(width_in=width_in, height_in=height_in, layout=None)
    share = columns == 1
    grid = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharex="col" if share else "none",
        height_ratios=ratios or None,
    )
    gap = 0.22 if share else 0.78
    panel = (height_in - 0.85 - (rows - 1) * gap) / rows
    figure.subplots_adjust(
        left=0.85 / width_in,
        right=1.0 - 0.15 / width_in,
        bottom=0.55 / height_in,
        top=1.0 - (0.12 if share else 0.3) / height_in,
        hspace=gap / panel,
        wspace=0.27,
    )
    breadth = (width_in - 1.0 - (columns - 1) * 0.27) / columns
    for ax in grid.ravel():
        # stated places of labels and titles: finding them costs as much as drawing them
        ax.xaxis.set_label_coords(0.5, -0.32 / (ax.get_position().height * height_in))
        ax.yaxis.set_label_coords(-0.62 / breadth, 0.5)
        ax.set_title("", y=_TITLE)
    signed = literal(name)
    figure.text(0.995, 0.01, signed, ha="right", va="bottom", fontsize=7.5, color="#777777")
    return figure, list(grid.ravel())


def envelope(x: Array, y: Array, *, columns: int = _COLUMNS) -> tuple[Array, Array]:
    """Lowest and highest point of each of `columns` runs, in the order of x; short curves as they are."""
    if x.size <= 3 * columns:
        return x, y
    run = -(-x.size // columns)
    padded = np.pad(y, (0, -y.size % run), mode="edge").reshape(-1, run)
    at = np.sort(np.stack([padded.argmin(axis=1), padded.argmax(axis=1)]), axis=0)
    kept = np.minimum((at + run * np.arange(padded.shape[0])).T.ravel(), x.size - 1)
    return x[kept], y[kept]


def _averaged(x: Array, *curves: Array, columns: int = _COLUMNS) -> list[Array]:
    """Means over runs of points: for smooth curves and for bands."""
    if x.size <= 2 * columns:
        return [x, *curves]
    edges = np.linspace(0, x.size, columns, endpoint=False).astype(int)
    size = np.diff(np.append(edges, x.size))
    return [np.add.reduceat(v, edges) / size for v in (x, *curves)]


def _line(axes: Axes, x: Array, y: Array, **style: Any) -> None:
    axes.plot(*envelope(x, y), **{"linewidth": 0.9, **style})


def _band(axes: Axes, x: Array, y: Array, sigma: Array, *, colour: str, label: str = "") -> None:
    axes.fill_between(x, y - sigma, y + sigma, color=colour, alpha=0.3, linewidth=0, label=label)


@house_style()
def scans_figure(reduction: Reduction) -> RenderedFigure:
    """What was measured, what it was merged to, and how overlapping scans compare."""
    overlaps = [s for s in reduction.steps if s.name.startswith("Overlap of")]
    rows = 3 if overlaps else 2
    figure, axes = _axes(reduction.name, rows, height_in=2.5 * rows)
    for role, scans in reduction.scans.items():
        for i, scan in enumerate(scans):
            faded = 1.0 - 0.6 * i / max(len(scans), 1)
            _line(
                axes[0],
                scan.two_theta_deg,
                scan.values,
                color=_ROLE_COLOUR[role],
                alpha=faded,
                label=role if i == 0 else None,
            )
    kinds = {s.kind for scans in reduction.scans.values() for s in scans}
    axes[0].set_ylabel(("counts" if kinds == {"counts"} else "counts or rates") + ", as measured")
    for role, pattern in reduction.patterns.items():
        _line(
            axes[1], pattern.two_theta_deg, pattern.rate_cps, color=_ROLE_COLOUR[role], label=role
        )
    axes[1].set_ylabel("counts/s, merged")
    for ax in axes[:2]:
        ax.set_yscale("log")
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes[1].legend(ncols=3, loc="upper right")
    for i, step in enumerate(overlaps):
        _overlap(axes[2], step, colour=COLOURS[i % len(COLOURS)])
    if overlaps:
        axes[2].axhline(1.0, color="#444444", linewidth=0.8)
        axes[2].set_ylabel("ratio where scans overlap")
    axes[-1].set_xlabel(_ANGLE)
    return render(
        figure,
        name="scans",
        title="Scans as measured, merged, and compared where they overlap",
        caption="Merging is by exposure: summed counts over summed time. The ratio of two scans of one role is 1 "
        "within its band (one standard uncertainty) unless tube, sample or times changed.",
    )


def _overlap(axes: Axes, step: Step, *, colour: str) -> None:
    label = literal(step.name.partition(": ")[2])
    axes.plot(step.x, step.curves["ratio"], color=colour, label=label)
    axes.fill_between(
        step.x, step.curves["lower"], step.curves["upper"], color=colour, alpha=0.3, linewidth=0
    )
    axes.legend(fontsize=8, loc="upper right")


def steps_figures(reduction: Reduction) -> list[RenderedFigure]:
    """Every curve that a correction left, six corrections to a picture."""
    steps = [
        s
        for s in reduction.steps
        if s.curves and not s.name.startswith(("Overlap of", "Merging the"))
    ]
    figures = []
    for at in range(0, len(steps), _PANELS):
        part = steps[at : at + _PANELS]
        number = at // _PANELS + 1
        figures.append(_panels(part, name=reduction.name, number=number))
    return figures


@house_style()
def _panels(steps: Sequence[Step], *, name: str, number: int) -> RenderedFigure:
    rows = (len(steps) + 1) // 2
    figure, grid = _axes(name, rows, width_in=9.0, height_in=2.6 * rows, columns=2)
    for ax, step in zip(grid, steps, strict=False):
        for i, (label, curve) in enumerate(step.curves.items()):
            x, y = envelope(step.x, curve, columns=200)
            ax.plot(x, y, color=COLOURS[i % len(COLOURS)], label=label)
        ax.set_title(step.name, fontsize=9.5, y=_TITLE)
        ax.set_xlabel(step.x_label, fontsize=8.5)
        ax.set_ylabel(textwrap.fill(step.y_label, 28), fontsize=8.5)
        ax.tick_params(labelsize=8)
        ax.locator_params(nbins=5)
        if len(step.curves) > 1:
            ax.legend(fontsize=7, loc="best")
    for ax in grid[len(steps) :]:
        ax.set_axis_off()
    return render(
        figure,
        name=f"corrections_{number}",
        title="What each correction did" if number == 1 else "What each correction did, continued",
        caption="One panel per correction; numbers and references are in the table of steps.",
    )


@house_style()
def components_figure(reduction: Reduction) -> RenderedFigure:
    """The calculated parts, stacked, under the measured scattering in electron units."""
    i = reduction.intensity
    figure, (axes,) = _axes(reduction.name, 1, height_in=4.8)
    q, *parts = _averaged(i.q, *i.components.values())
    total = float(sum(v.sum() for v in i.components.values()))
    axes.stackplot(
        q,
        *parts,
        labels=[f"{name} ({100.0 * v.sum() / total:.1f} %)" for name, v in i.components.items()],
        colors=[*COLOURS[4:6], *COLOURS[1:4]],
        alpha=0.55,
        linewidth=0,
    )
    _line(axes, i.q, i.measured, color="black", linewidth=0.7, label="measured")
    axes.set_xlabel(_Q)
    axes.set_ylabel("electron units per atom, attenuated")
    axes.set_xlim(0.0, float(i.q[-1]))
    top = float(np.percentile(i.measured, 99.8))
    axes.set_ylim(0.0, 1.15 * max(top, 1e-3))
    axes.legend(loc="upper right")
    return render(
        figure,
        name="components",
        title="The sample's scattering and what it is made of",
        caption="Calculated components, stacked, as they reach the detector; the measured curve oscillates about their "
        "sum, and that oscillation is S(Q) − 1.",
    )


@house_style()
def normalization_figure(reduction: Reduction) -> RenderedFigure:
    """Coherent scattering about <f^2>, with the constant of either method."""
    i, n = reduction.intensity, reduction.normalization
    figure, axes = _axes(reduction.name, 2, height_in=4.6, ratios=(3, 2))
    q, coherent, mean_square = _averaged(i.q, i.coherent, i.mean_square, columns=300)
    axes[0].plot(q, coherent, color=COLOURS[0], label="I_coh")
    axes[0].plot(q, mean_square, color="black", linewidth=0.9, label="⟨f²⟩")
    axes[0].set_ylabel("e.u. per atom")
    axes[0].legend(loc="upper right")
    ratio = coherent / mean_square
    axes[1].plot(q, ratio, color=COLOURS[0], label=f"{n.method} (used)")
    other = n.k_integral if n.k.value == n.k_high_angle.value else n.k_high_angle
    # to first order a constant scales what is measured: I_coh + everything subtracted
    scale = n.k.value / other.value
    (_, measured) = _averaged(i.q, i.measured, columns=300)
    slope = _averaged(i.q, _per_measured(i.coherent_sigma, i.sigma), columns=300)[1]
    shifted = (coherent + (scale - 1.0) * measured * slope) / mean_square
    axes[1].plot(
        q, shifted, color=COLOURS[1], linewidth=0.8, label="with the other method's constant"
    )
    axes[1].axhline(1.0, color="#444444", linewidth=0.8)
    axes[1].axvspan(*n.q_range, color="#dddddd", alpha=0.4, linewidth=0, label="fitted range")
    axes[1].set_ylabel("I_coh / ⟨f²⟩")
    spread = max(float(np.max(np.abs(ratio[q > 0.3 * q[-1]] - 1.0))), 1e-3)
    axes[1].set_ylim(1.0 - 1.6 * spread, 1.0 + 1.6 * spread)
    axes[1].set_xlabel(_Q)
    axes[1].legend(fontsize=8, ncols=3, loc="upper right")
    return render(
        figure,
        name="normalization",
        title="Normalization: coherent scattering about ⟨f²⟩",
        caption=f"High-angle constant {n.k_high_angle}, integral (Krogh-Moe, Norman) constant {n.k_integral}.",
    )


def _per_measured(sigma_out: Array, sigma_in: Array) -> Array:
    """dI_coh/dI_measured, 1/(P A) and the detector's response: the ratio of the two uncertainties."""
    return np.divide(sigma_out, sigma_in, out=np.ones_like(sigma_in), where=sigma_in > 0.0)


def structure_figures(reduction: Reduction) -> list[RenderedFigure]:
    """S(Q) with its band (and another curve with the residual), and F(Q)."""
    return [_structure(reduction), _interference(reduction)]


@house_style()
def _structure(reduction: Reduction) -> RenderedFigure:
    s, other = reduction.structure_factor, reduction.comparison
    panels = 1 if other is None else 2
    figure, (axes, *below) = _axes(
        reduction.name, panels, height_in=4.0 if other is None else 5.4, ratios=(3, 1)[:panels]
    )
    _band(axes, s.q, s.s, s.sigma, colour=COLOURS[0])
    if s.sigma_systematic is not None:
        _band(axes, s.q, s.s, np.hypot(s.sigma, s.sigma_systematic), colour=COLOURS[7])
    axes.plot(s.q, s.s, color=COLOURS[0], linewidth=1.0, label="S(Q)")
    axes.axhline(1.0, color="#444444", linewidth=0.7)
    axes.set_ylabel("S(Q)")
    if other is not None:
        label = literal(Path(other.name).name)
        axes.plot(other.q, other.s_other, color=COLOURS[1], linewidth=0.9, label=label)
        _residual(below[0], other)
    axes.legend(loc="upper right")
    (axes, *below)[-1].set_xlabel(_Q)
    caption = "Band: one standard uncertainty of counting (grey: with all sources of the budget)."
    if reduction.budget is None:
        caption = "Band: one standard uncertainty of counting (grey: with normalization and Compton response)."
    if other is not None:
        caption += f" Against {Path(other.name).name}: rms {other.rms:.4f}, R_X {other.r_x:.4f}."
    return render(figure, name="structure_factor", title="Structure factor S(Q)", caption=caption)


def _residual(axes: Axes, other: Comparison) -> None:
    difference = other.s - other.s_other
    axes.axhline(0.0, color="#444444", linewidth=0.7)
    axes.fill_between(
        other.q, -other.sigma, other.sigma, color=COLOURS[7], alpha=0.4, linewidth=0, label="± σ"
    )
    axes.plot(other.q, difference, color=COLOURS[0], linewidth=0.8)
    axes.set_ylabel("difference")
    axes.legend(fontsize=8, loc="upper right")


@house_style()
def _interference(reduction: Reduction) -> RenderedFigure:
    s = reduction.structure_factor
    figure, (axes,) = _axes(reduction.name, 1, height_in=3.6)
    f = s.q * (s.s - 1.0)
    _band(axes, s.q, f, s.q * s.sigma, colour=COLOURS[0])
    axes.plot(s.q, f, color=COLOURS[0], linewidth=1.0)
    axes.axhline(0.0, color="#444444", linewidth=0.7)
    axes.set_xlabel(_Q)
    axes.set_ylabel("F(Q) = Q [S(Q) − 1] (Å⁻¹)")
    return render(
        figure,
        name="interference",
        title="Interference function F(Q) = Q [S(Q) − 1]",
        caption="Band: one standard uncertainty of counting.",
    )


@house_style()
def pair_figure(reduction: Reduction) -> RenderedFigure:
    """g(r) and G(r) with bands; the region where no pair can be is marked."""
    p = reduction.pair_distribution
    figure, axes = _axes(reduction.name, 2, height_in=6.2)
    _function(axes[0], p, p.g, p.g_sigma, "g(r)")
    axes[0].axhline(1.0, color="#444444", linewidth=0.7)
    _function(axes[1], p, p.d, p.d_sigma, "G(r) (Å⁻²)")
    limit = -4.0 * np.pi * p.number_density_per_a3 * p.r
    axes[1].plot(p.r, limit, color="#444444", linewidth=0.8, linestyle="--", label="−4πρ₀r")
    axes[1].axhline(0.0, color="#444444", linewidth=0.7)
    _clip(axes[0], p, p.g)
    _clip(axes[1], p, p.d)
    axes[1].legend(fontsize=8, loc="upper right")
    axes[1].set_xlabel("r (Å)")
    axes[1].set_xlim(0.0, float(p.r[-1]))
    return render(
        figure,
        name="pair_distribution",
        title="Pair distribution g(r) and G(r)",
        caption=f"With the {window_text(p.window)}; below Q_min: {typeset(p.extrapolation)}. Band: one standard uncertainty of counting. "
        "Grey: below the first distance no pair can be; what is seen there is error.",
    )


def window_text(window: str) -> str:
    """The window of a pair distribution in a sentence."""
    return typeset(window)


def _function(axes: Axes, p: PairDistribution, y: Array, sigma: Array, label: str) -> None:
    if p.first_distance is not None:
        axes.axvspan(0.0, p.first_distance, color="#dddddd", alpha=0.6, linewidth=0)
    _band(axes, p.r, y, sigma, colour=COLOURS[0])
    axes.plot(p.r, y, color=COLOURS[0], linewidth=1.0)
    axes.set_ylabel(label)


def _clip(axes: Axes, p: PairDistribution, y: Array) -> None:
    """Limits by what lies beyond half an ångström: the spike of g at r -> 0 would hide everything."""
    seen = y[p.r > min(0.5, 0.25 * float(p.r[-1]))]
    low, high = float(seen.min()), float(seen.max())
    margin = 0.08 * max(high - low, 1e-3)
    axes.set_ylim(low - 2.0 * margin, high + margin)
