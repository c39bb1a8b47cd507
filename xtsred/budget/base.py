"""What a reduction itself leaves uncertain: counting, and the fit of the normalization."""

from collections.abc import Sequence

import numpy as np

from xtsred.budget.outcome import Basis, r_x
from xtsred.budget.records import Counting, Scalar, Source
from xtsred.stages import Reduction, frozen

__all__ = ["counting_of", "fitted", "scalars_of"]


def fitted(basis: Basis) -> Sequence[Source]:
    """What the fit of the normalization and of free amplitudes leaves, with their correlation."""
    reduction = basis.reduction
    s, d = reduction.structure_factor.modes, reduction.pair_distribution.modes
    if s is None or d is None:
        return ()
    pair, n = reduction.pair_distribution, reduction.normalization
    scalars = {"K": n.k.sigma, "S at low Q": float(np.sqrt(np.sum((s @ basis.low) ** 2)))}
    if n.compton_response is not None:
        scalars["Compton response"] = n.compton_response.sigma
    if n.continuum is not None:
        scalars["continuum amplitude"] = n.continuum.sigma
    for i, shell in enumerate(reduction.shells):
        scalars[f"{basis.shell_name(i)} distance"] = shell.position_systematic
        scalars[f"{basis.shell_name(i)} coordination"] = shell.coordination_systematic
    if reduction.comparison is not None:
        moved = [
            0.5 * (r_x(reduction.comparison, basis.q, m) - r_x(reduction.comparison, basis.q, -m))
            for m in s
        ]
        scalars["R_X"] = float(np.hypot.reduce(moved, initial=0.0))
    names = ["K", *(["Compton response"] if n.compton_response is not None else [])]
    names += ["continuum"] if n.continuum is not None else []
    return (
        Source(
            name="normalization fit",
            key="normalization",
            kind="fitted",
            value=None,
            sigma=None,
            unit="",
            s=s,
            d=d,
            g=frozen(d / (4.0 * np.pi * pair.number_density_per_a3 * pair.r)),
            scalars={k: v for k, v in scalars.items() if v is not None},
            text=f"covariance of {', '.join(names)}: counts, oscillation left over, priors",
        ),
    )


def counting_of(reduction: Reduction) -> Counting:
    """Of the curves, with the covariance of bins behind it (deconvolved lines, Fourier transform)."""
    pair = reduction.pair_distribution
    return Counting(s=reduction.structure_factor.sigma, d=pair.d_sigma, g=pair.g_sigma)


def scalars_of(basis: Basis) -> dict[str, Scalar]:
    """Values and what counting does to them; the fit's numbers have it in the fit's covariance."""
    reduction = basis.reduction
    structure, comparison = reduction.structure_factor, reduction.comparison
    values = basis.outcome(reduction).scalars
    covariance = structure.covariance
    low = basis.low
    variance = (
        float(low**2 @ structure.sigma**2) if covariance is None else float(low @ covariance @ low)
    )
    counting: dict[str, float | None] = {
        "S at low Q": float(np.sqrt(variance)),
        # computed from the project file alone: no count moves them
        "mu R": 0.0,
        "packing fraction": 0.0,
    }
    for i, shell in enumerate(reduction.shells):
        counting[f"{basis.shell_name(i)} distance"] = shell.position.sigma
        if shell.coordination is not None:
            counting[f"{basis.shell_name(i)} coordination"] = shell.coordination.sigma
    if comparison is not None:
        counting["R_X"] = comparison.r_x_sigma_measurement
    return {
        name: Scalar(value=values[name], unit=unit, sigma_counting=counting.get(name))
        for name, unit in basis.names().items()
    }
