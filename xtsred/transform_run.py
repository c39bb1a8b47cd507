"""The curves of one table on their way: factors of the sample, partials by pairs, and their sum to a total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from xtsred.functions import FUNCTIONS, Function, Material
from xtsred.simulation.model import Sample, Weighting
from xtsred.simulation.weights import pair_weights
from xtsred.stages import Array, frozen
from xtsred.transform import Crossing, Profile, settles, transform
from xtsred.transform_read import Column

__all__ = ["Run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What every curve of a table shares on its way."""

    sample: Sample
    weighting: Weighting | None
    density_sigma: float | None
    crossing: Crossing | None

    def material(self, x: Array, *, space: str, pair: tuple[str, str] | None) -> Material:
        """What the definitions need on these x."""
        fractions = self.sample.fractions
        density = self.sample.number_density_per_a3
        if pair is not None:
            known = fractions or {}
            _refuse_strange(pair, fractions)
            c = (known.get(pair[0]), known.get(pair[1]), pair[0] == pair[1])
            return Material(number_density_per_a3=density, pair=c)
        if self.weighting is None or fractions is None:
            return Material(number_density_per_a3=density)
        constant = self.weighting.kind != "xray"
        q = np.zeros(1) if constant or space == "r" else x
        f = self.weighting.factors(tuple(fractions), q)
        c_all = np.array(list(fractions.values())) / sum(fractions.values())
        scale = 100.0 if self.weighting.kind == "neutron" else 1.0  # fm^2 in a barn
        square = np.abs(c_all @ f) ** 2 / scale
        mean = (c_all @ np.abs(f) ** 2) / scale
        return Material(
            number_density_per_a3=density,
            square_mean=float(square[0]) if constant else square,
            mean_square=float(mean[0]) if constant else mean,
            unit="barn/sr/atom" if self.weighting.kind == "neutron" else "e.u./atom",
        )

    def one(
        self, column: Column, source: Function, target: Function
    ) -> tuple[Profile, Mapping[str, str], tuple[Finding, ...]]:
        """One curve as the target function."""
        profile = Profile(function=source, x=column.x, y=column.y, sigma=column.sigma)
        material = self.material(column.x, space=source.space, pair=column.pair)
        doubts = settles(profile, material=material)
        crossing = self.crossing if source.space != target.space else None
        x = column.x if crossing is None else crossing.grid
        done = transform(
            profile,
            target,
            material=material,
            target_material=self.material(x, space=target.space, pair=column.pair),
            crossing=crossing,
            density_sigma=self.density_sigma,
        )
        return done.profile, done.facts, (*doubts, *done.findings)

    def summed(self, columns: Sequence[Column], source: Function, where: str) -> Column:
        """The total i(Q), or g(r) - 1 as g, of all partials, with the pair weights of the radiation."""
        if self.weighting is None or self.sample.fractions is None:
            raise InputError(
                "a total of partials needs composition and radiation",
                remedy="add --composition and --weights xray, neutron or Z",
                where=where,
            )
        if source.space == "r" and self.weighting.kind == "xray":
            raise InputError(
                "partials in r have no X-ray total point by point",
                why="the weights of the pairs depend on Q",
                remedy="transform the partials to S, then add --total; or --weights Z",
                where=where,
            )
        elements = tuple(self.sample.fractions)
        places = _places([c.pair for c in columns], elements, where=where)
        c = np.array(list(self.sample.fractions.values()))
        x = columns[0].x
        q = x if source.space == "Q" else np.zeros_like(x)
        w = pair_weights(c / c.sum(), self.weighting.factors(elements, q), pairs=places)
        base = FUNCTIONS["i" if source.space == "Q" else "g"]
        parts = [self.one(column, source, base)[0] for column in columns]
        y = sum(weight * p.y for weight, p in zip(w, parts, strict=True))
        sigma = None
        if all(p.sigma is not None for p in parts):
            squares = [(weight * p.sigma) ** 2 for weight, p in zip(w, parts, strict=True)]
            sigma = frozen(np.sqrt(np.sum(squares, axis=0)))
        return Column(name=base.name, x=x, y=frozen(np.asarray(y)), sigma=sigma)


def _places(
    pairs: Sequence[tuple[str, str] | None], elements: Sequence[str], *, where: str
) -> list[tuple[int, int]]:
    """Indices of the pairs of the columns; every pair of the composition once."""
    if any(p is None for p in pairs):
        raise InputError(
            "--total sums partials, and the file has none",
            why="no column is named by a pair of elements, as in Si-O",
            where=where,
        )
    found = [p for p in pairs if p is not None]
    for pair in found:
        _refuse_strange(pair, dict.fromkeys(elements, 1.0))
    places = [(elements.index(a), elements.index(b)) for a, b in found]
    want = {tuple(sorted((i, j))) for i in range(len(elements)) for j in range(i, len(elements))}
    have = [tuple(sorted(p)) for p in places]
    if set(have) != want or len(have) != len(want):
        missing = sorted(f"{elements[i]}-{elements[j]}" for i, j in want - set(have))
        raise InputError(
            "the partials are not complete" if missing else "a partial stands twice",
            why=f"missing: {', '.join(missing)}" if missing else "",
            where=where,
        )
    return places


def _refuse_strange(pair: tuple[str, str], fractions: Mapping[str, float] | None) -> None:
    strange = [e for e in pair if fractions is not None and e not in fractions]
    if strange:
        raise InputError(
            f"the pair {pair[0]}-{pair[1]} has {strange[0]}, which the composition has not",
            remedy="correct --composition",
        )
