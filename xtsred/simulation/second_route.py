"""The total S(Q) of the same frames by both routes: how far truncation and window move it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from xtsred.simulation.frame import Frame
from xtsred.simulation.model import Weighting
from xtsred.simulation.partials import partial_distributions
from xtsred.simulation.structure_factors import direct_structure_factors, structure_factors
from xtsred.simulation.weights import pair_weights, total
from xtsred.stages import Array, frozen

__all__ = ["SecondRoute", "second_route"]

_FRAMES = 4  # the difference of the routes is that of every frame; more only narrows its noise


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondRoute:
    """q: mean |k| of each bin of reciprocal vectors, shape (n,), Å^-1; direct, sigma: their sum and its standard
    error; transformed: S(Q) from g(r) at the same q. rms: of the difference within q_range; noise: what the
    direct sum's own error explains of it."""

    q: Array
    direct: Array
    sigma: Array
    transformed: Array
    window: str
    frames: int
    q_range: tuple[float, float]
    rms: float
    noise: float


def second_route(
    frames: Iterable[Frame],
    *,
    weighting: Weighting,
    window: str,
    q_range: tuple[float, float],
) -> SecondRoute:
    """Both routes on the first frames of a trajectory. q_range: limits of Q, Å^-1. Raises InputError."""
    few = list(islice(frames, _FRAMES))
    direct = direct_structure_factors(few, q_max=q_range[1])
    at_vectors = pair_weights(
        _fractions(few[0]), weighting.factors(direct.elements, direct.q), pairs=direct.pairs
    )
    summed, sigma = direct.binned(total(direct.s, at_vectors))
    known = np.isfinite(sigma) & (direct.bin_q >= q_range[0])
    q, summed, sigma = direct.bin_q[known], summed[known], sigma[known]
    partials = partial_distributions([few])
    weights = pair_weights(
        partials.fractions, weighting.factors(partials.elements, q), pairs=partials.pairs
    )
    by_transform, _ = structure_factors(partials, q, window=window)
    transformed = total(by_transform, weights)
    return SecondRoute(
        q=frozen(q),
        direct=frozen(summed),
        sigma=frozen(sigma),
        transformed=frozen(transformed),
        window=window,
        frames=len(few),
        q_range=q_range,
        rms=float(np.sqrt(np.mean((summed - transformed) ** 2))),
        noise=float(np.sqrt(np.mean(sigma**2))),
    )


def _fractions(frame: Frame) -> Array:
    numbers = np.array(list(frame.numbers.values()), dtype=np.float64)
    return np.asarray(numbers / numbers.sum())
