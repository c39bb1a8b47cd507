"""Pictures of many samples: all Arrhenius lines in one plot, and energies and conductivities side by side."""

from collections.abc import Sequence

import numpy as np

from calibration.figures import COLOURS, house_style, literal, new_figure, render
from calibration.report import RenderedFigure
from cis.batch.collect import SampleSummary

__all__ = ["arrhenius_overview", "energies_figure"]

_NAMED = 7
_MANY = 60


@house_style()
def arrhenius_overview(samples: Sequence[SampleSummary]) -> RenderedFigure:
    """log sigma against 1000/T of every sample; the first seven in colour, the others grey."""
    figure = new_figure(height_in=5.2)
    axes = figure.subplots()
    drawn = [s for s in samples if s.points]
    crowd = len(drawn) > _MANY
    for i, sample in reversed(list(enumerate(drawn))):
        t, sigma = np.array(sorted(sample.points)).T
        named = i < _NAMED
        axes.semilogy(
            1000.0 / t,
            sigma,
            marker="o",
            ms=3.5 if named else 2.0,
            lw=0.9 if named else 0.5,
            color=COLOURS[i] if named else "#b8bec4",
            label=literal(sample.name) if named else None,
            zorder=3 if named else 2,
            rasterized=crowd and not named,
        )
    axes.set_xlabel("1000 K / T")
    axes.set_ylabel("σ_DC (S/cm)")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="best")
    rest = f"; {len(drawn) - _NAMED} more in grey" if len(drawn) > _NAMED else ""
    return render(
        figure,
        name="arrhenius_all",
        title="Conductivities of all samples",
        caption=f"Spectra whose resistance is determined, joined by straight lines{rest}.",
    )


@house_style()
def energies_figure(samples: Sequence[SampleSummary]) -> RenderedFigure:
    """E_A and sigma(298 K) of every sample, sorted by E_A, with standard uncertainties."""
    found = sorted(
        ((s.name, s.energy) for s in samples if s.energy is not None), key=lambda p: p[1].value_ev
    )
    crowd = len(found) > _MANY
    figure = new_figure(height_in=4.4 if crowd else max(2.4, 0.9 + 0.24 * len(found)))
    left, right = figure.subplots(1, 2, sharey=True)
    rank = np.arange(len(found))
    energy = np.array([e.value_ev for _, e in found])
    sigma = np.array([np.nan if e.sigma_ev is None else e.sigma_ev for _, e in found])
    room = np.array([e.room_s_per_cm for _, e in found])
    room_sigma = np.array(
        [np.nan if e.room_sigma_s_per_cm is None else e.room_sigma_s_per_cm for _, e in found]
    )
    look = {"fmt": "o", "ms": 2.0 if crowd else 4.0, "lw": 0.9, "color": COLOURS[0]}
    left.errorbar(energy, rank, xerr=sigma, **look)
    right.errorbar(room, rank, xerr=np.minimum(room_sigma, 0.9 * room), **look)
    right.set_xscale("log")
    left.set_xlabel("E_A (eV)")
    right.set_xlabel("σ(298.15 K) (S/cm)")
    if crowd:
        left.set_ylabel("rank by E_A")
    else:
        left.set_yticks(rank, [literal(name) for name, _ in found])
    return render(
        figure,
        name="energies",
        title="Activation energies and conductivities at 298.15 K",
        caption="Sorted by E_A. Bars: standard uncertainties; none where a part of it is unknown.",
    )
