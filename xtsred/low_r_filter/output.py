"""A filtered S(Q) beside the result: its own files, each of which says what it is, and a section of the report."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from calibration.folder import safe_name
from calibration.report import Section, typeset
from xtsred.config import LowRFilter, Project
from xtsred.fourier import pair_distribution
from xtsred.low_r_filter.figures import filter_figure
from xtsred.low_r_filter.filter import Filtered, low_r_filter
from xtsred.neighbours import fourier_window
from xtsred.output import table_text
from xtsred.stages import PairDistribution, Reduction, StructureFactor, frozen

__all__ = ["LABEL", "filter_sections", "filtered_files", "filtered_reduction"]

LABEL = (
    "FILTERED: a low-r Fourier filter was applied to this curve. It is not the S(Q) or G(r) of the reduction, which stands beside it "
    "without _filtered in its name."
)
_SHARE = 0.8  # of the first distance, where the project states no limit


def filtered_reduction(
    reduction: Reduction, project: Project
) -> tuple[Filtered, PairDistribution] | None:
    """The filtered S(Q) on the bins of the transform, and its real-space functions; None where no filter is asked for.

    None also where neither limit_A nor a first distance says where the filter ends: the section says so.
    """
    table = project.low_r_filter
    if table is None:
        return None
    limit = _limit(table, reduction)
    if limit is None:
        return None
    used = _used(reduction.structure_factor, project)
    found = low_r_filter(
        used,
        method=table.method,
        limit_a=limit,
        number_density_per_a3=reduction.number_density_per_a3,
        iterations=table.iterations,
        radius=table.top_hat_per_A,
    )
    pair = pair_distribution(
        found.structure,
        reduction.pair_distribution.r,
        window=fourier_window(project),
        number_density_per_a3=reduction.number_density_per_a3,
        extrapolation=project.fourier.extrapolation,
    )
    return found, pair


def _limit(table: LowRFilter, reduction: Reduction) -> float | None:
    first = reduction.pair_distribution.first_distance
    if table.limit_A is not None:
        return table.limit_A
    return None if first is None else _SHARE * first


def _used(structure: StructureFactor, project: Project) -> StructureFactor:
    """The bins inside fourier.q_range."""
    low, high = project.fourier.q_range
    half = (structure.q[1] - structure.q[0]) / 2.0
    inside = (structure.q >= low - 1e-9) & (structure.q + half <= high + 1e-9)
    covariance = structure.covariance
    return replace(
        structure,
        q=frozen(structure.q[inside]),
        s=frozen(structure.s[inside]),
        sigma=frozen(structure.sigma[inside]),
        sigma_systematic=None,
        modes=None,
        covariance=None if covariance is None else frozen(covariance[np.ix_(inside, inside)]),
    )


def filtered_files(
    reduction: Reduction, project: Project, common: Mapping[str, str]
) -> dict[str, str]:
    """File name -> content of NAME_filtered.sq and NAME_filtered.gr; empty where no filter is asked for.

    common: facts for every header.
    """
    found = filtered_reduction(reduction, project)
    if found is None:
        return {}
    filtered, pair = found
    s = filtered.structure
    facts = {
        "filter": filtered.text,
        "sigma": "counting statistics, carried through the filter; what the filter itself falsifies is not in it",
        **common,
    }
    stem = safe_name(reduction.name)
    return {
        f"{stem}_filtered.sq": table_text(
            LABEL,
            {"definition": "S(Q) after the filter; removed = S before - S after", **facts},
            [("Q", s.q), ("S", s.s), ("sigma", s.sigma), ("removed", filtered.removed)],
        ),
        f"{stem}_filtered.gr": table_text(
            LABEL,
            {"definition": "G(r) = 4 pi rho0 r [g(r) - 1] of the filtered S(Q)", **facts},
            [("r", pair.r), ("G", pair.d), ("sigma", pair.d_sigma), ("dG", pair.d_sigma)],
        ),
    }


def filter_sections(reduction: Reduction, project: Project) -> tuple[Section, ...]:
    """What the filter did, for the report; empty where none is asked for."""
    if project.low_r_filter is None:
        return ()
    title = "Low-r Fourier filter (a second output)"
    found = filtered_reduction(reduction, project)
    if found is None:
        return (
            Section(
                title=title,
                paragraphs=(
                    "Not made: g(r) shows no first distance and low_r_filter.limit_A is not stated.",
                ),
            ),
        )
    filtered, pair = found
    before, after = filtered.residual
    size = float(np.sqrt(np.mean(filtered.removed**2)))
    noise = float(np.sqrt(np.mean(_used(reduction.structure_factor, project).sigma ** 2)))
    return (
        Section(
            title=title,
            paragraphs=(
                typeset(
                    f"{filtered.text}: S(Q) changed by {size:.4f} rms ({size / noise:.1f} of its counting uncertainty), and G(r) "
                    f"below the limit misses −4πρ₀r by {after:.3f} instead of {before:.3f} Å^-2 (rms, without a window)."
                ),
                "The files NAME_filtered.* hold it. Everything else on this page, and every other file, is without the filter: a filter "
                "makes the low-r region agree whatever is wrong, takes ripples of the finite range of Q for errors, and leaves wrong "
                "peak heights as they are. `xtsred optimize` looks for the cause instead.",
            ),
            figures=(filter_figure(reduction, filtered, pair),),
        ),
    )
