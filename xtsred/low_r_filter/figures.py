"""The picture of a low-r Fourier filter."""

import numpy as np

from calibration.figures import COLOURS, house_style, new_figure, render
from calibration.report import RenderedFigure, typeset
from xtsred.low_r_filter.filter import Filtered
from xtsred.stages import PairDistribution, Reduction

__all__ = ["filter_figure"]


@house_style()
def filter_figure(
    reduction: Reduction, filtered: Filtered, pair: PairDistribution
) -> RenderedFigure:
    """What was removed from S(Q), and G(r) with and without."""
    figure = new_figure(height_in=6.2)
    top, bottom = figure.subplots(2, 1)
    s = filtered.structure
    top.plot(s.q, filtered.removed, color=COLOURS[1], label="removed from S(Q)")
    top.plot(s.q, s.sigma, color="black", linewidth=0.7, label="counting σ")
    top.set_xlabel("Q (= k) (Å⁻¹)")
    top.set_ylabel("S before − after")
    top.legend()
    raw = reduction.pair_distribution
    near = raw.r <= 6.0
    bottom.plot(raw.r[near], raw.d[near], color=COLOURS[0], label="result (not filtered)")
    bottom.plot(pair.r[near], pair.d[near], color=COLOURS[1], linestyle="--", label="filtered")
    r = np.array([0.0, 3.0])
    line = -4.0 * np.pi * reduction.number_density_per_a3 * r
    bottom.plot(r, line, color="black", linewidth=0.7, label="−4πρ₀r")
    bottom.set_xlabel("r (Å)")
    bottom.set_ylabel("G(r) (Å⁻²)")
    bottom.legend()
    return render(
        figure,
        name="low_r_filter",
        title="Low-r Fourier filter",
        caption=typeset(
            f"{filtered.text}. A second output; the result of the reduction is the curve without it."
        ),
    )
