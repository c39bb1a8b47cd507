"""Propagation by sampling: all stated numbers and all counts at once, the whole reduction for every draw.

JCGM 101:2008 (GUM Supplement 1). A draw has its own seed, made of the seed and its number: how many processes share the
work does not change the result.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace

import numpy as np

from calibration.campaign.workers import local_pool
from calibration.errors import InputError
from calibration.records import Loaded
from xtsred.budget.compare import Drawn, compared
from xtsred.budget.correlations import Correlations, correlation_matrix, stated_correlations
from xtsred.budget.outcome import Basis, Outcome, reduce_near
from xtsred.budget.parameters import Parameter, at_values, list_parameters
from xtsred.budget.records import Budget
from xtsred.budget.resample import resampled
from xtsred.config import Project
from xtsred.inputs import Inputs
from xtsred.memo import Memo
from xtsred.stages import Array, Reduction

__all__ = ["Asked", "monte_carlo", "sampled_parameters"]

Told = Callable[[int, int], None]

_CHUNK = 4
_FEWEST = 10
_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """draws: how many, 10 or more; seed: of the random numbers; jobs: processes."""

    draws: int
    seed: int = 0
    jobs: int = 1


def monte_carlo(
    loaded: Loaded[Project],
    inputs: Inputs,
    budget: Budget,
    *,
    reduction: Reduction,
    asked: Asked,
    correlations: Correlations | None = None,
    told: Told | None = None,
) -> Budget:
    """The budget with what sampling gives beside it.

    Stated numbers are Gaussian, within their possible values; priors of fitted amplitudes move with their width, so that the fit's own
    uncertainty is in the scatter; counts are Poisson's. Choices are not sampled. told: (done, of all), for a progress bar.
    Raises InputError where fewer than half of the draws can be reduced.
    """
    if asked.draws < _FEWEST:
        raise InputError(
            f"{asked.draws} draws say nothing about a standard deviation",
            remedy=f"ask for {_FEWEST} at least; 200 give it to 5 %",
            where="--monte-carlo",
        )
    parameters = sampled_parameters(loaded.record, budget)
    basis = Basis(reduction=_slim(reduction), q_range=loaded.record.fourier.q_range)
    known = stated_correlations(loaded) if correlations is None else correlations
    matrix = correlation_matrix([p.path for p in parameters], known)
    sampler = _Sampler(
        loaded=loaded,
        inputs=inputs,
        basis=basis,
        parameters=parameters,
        root=_root(matrix),
        seed=asked.seed,
    )
    found: dict[int, _Draw] = {}
    chunks = [range(i, min(i + _CHUNK, asked.draws)) for i in range(0, asked.draws, _CHUNK)]
    try:
        with local_pool(asked.jobs).open() as pool:
            for draws in _done(pool, sampler, chunks, at_once=2 * asked.jobs):
                found |= {draw.number: draw for draw in draws}
                if told is not None:
                    told(len(found), asked.draws)
    except BrokenExecutor as error:
        raise InputError(
            "a process of the sampling died",
            why="it was killed, most often because memory ran out",
            remedy=f"use fewer than --jobs {asked.jobs}",
            where="--monte-carlo",
        ) from error
    return _summed(budget, [found[i] for i in range(asked.draws)], parameters, asked)


def _done(
    pool: Executor, sampler: "_Sampler", chunks: Sequence[range], *, at_once: int
) -> Iterator[list["_Draw"]]:
    """Chunks as they are finished. No more are given out than workers can take: Ctrl-C then leaves nothing in a queue."""
    left, running = iter(chunks), set[Future[list[_Draw]]]()
    while True:
        running |= {
            pool.submit(sampler.chunk, c) for c in itertools.islice(left, at_once - len(running))
        }
        if not running:
            return
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            yield future.result()


def sampled_parameters(project: Project, budget: Budget) -> tuple[Parameter, ...]:
    """What is drawn: every number with a sigma, priors too, and the scale of multiple scattering by its accuracy."""
    computed = {s.key: s.sigma for s in budget.sources if s.kind == "computed"}
    everything = [
        replace(p, sigma=computed.get(p.path)) if p.sigma is None else p
        for p in list_parameters(project)
    ]
    return tuple(p for p in everything if p.sigma)


def _root(matrix: Array) -> Array:
    """R^(1/2) with R^(1/2) R^(1/2)^T = R, also for a singular R."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _slim(reduction: Reduction) -> Reduction:
    """Without what no draw is compared with: it goes to every process."""
    pair = replace(reduction.pair_distribution, covariance=None, modes=None)
    structure = replace(reduction.structure_factor, covariance=None, modes=None)
    return replace(
        reduction,
        scans={},
        patterns={},
        steps=(),
        findings=(),
        structure_factor=structure,
        pair_distribution=pair,
        budget=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draw:
    """One reduction: z: drawn numbers over their sigma, shape (p,); outcome None and the reason where it failed."""

    number: int
    z: Array
    outcome: Outcome | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sampler:
    """What every process needs; root: shape (p, p), makes independent numbers correlated ones."""

    loaded: Loaded[Project]
    inputs: Inputs
    basis: Basis
    parameters: Sequence[Parameter]
    root: Array
    seed: int

    def chunk(self, numbers: range) -> list[_Draw]:
        """Some draws, one after the other; what does not change between them is kept."""
        memo = Memo(keep=2)
        return [self.draw(i, memo) for i in numbers]

    def draw(self, number: int, memo: Memo) -> _Draw:
        """One draw, always the same for its number."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(number,)))
        z = self._possible(rng)
        values = {
            p.path: p.value + float(u) * (p.sigma or 0.0)
            for p, u in zip(self.parameters, z, strict=True)
        }
        try:
            loaded, inputs = at_values(self.loaded, resampled(self.inputs, rng), values)
            q = self.basis.q_normalization
            reduction = reduce_near(loaded, inputs, q_normalization=q, memo=memo)
        except InputError as error:
            return _Draw(number=number, z=z, outcome=None, reason=error.what)
        return _Draw(number=number, z=z, outcome=self.basis.outcome(reduction))

    def _possible(self, rng: np.random.Generator) -> Array:
        """Drawn until every number is possible: the Gaussian truncated to what can be."""
        z = np.zeros(len(self.parameters))
        for _ in range(_ATTEMPTS):
            z = np.asarray(self.root @ rng.standard_normal(len(self.parameters)))
            pairs = zip(self.parameters, z, strict=True)
            if all(p.possible(p.value + float(u) * (p.sigma or 0.0)) for p, u in pairs):
                return z
        raise InputError(
            "the stated uncertainties leave hardly a possible combination of values",
            remedy="make them smaller, or move values away from their limits",
            where=", ".join(p.path for p in self.parameters),
        )


def _summed(
    budget: Budget, draws: Sequence[_Draw], parameters: Sequence[Parameter], asked: Asked
) -> Budget:
    failures: dict[str, int] = {}
    for draw in draws:
        if draw.outcome is None:
            failures[draw.reason] = failures.get(draw.reason, 0) + 1
    good = [(d.z, d.outcome) for d in draws if d.outcome is not None]
    if len(good) < max(_FEWEST, asked.draws // 2):
        worst = max(failures, key=lambda reason: failures[reason])
        raise InputError(
            f"{len(draws) - len(good)} of {len(draws)} draws cannot be reduced",
            why=f"most often: {worst}",
            remedy="make the stated uncertainties smaller, or leave out --monte-carlo",
            where="--monte-carlo",
        )
    drawn = Drawn(
        z=np.array([z for z, _ in good]),
        outcomes=[o for _, o in good],
        paths=[p.path for p in parameters],
        truncated=_truncated(parameters),
        failures=failures,
    )
    return compared(budget, drawn, draws=asked.draws, seed=asked.seed)


def _truncated(parameters: Sequence[Parameter]) -> Mapping[str, float]:
    """Share of each Gaussian beyond what is possible, where that is more than one in a million."""
    from scipy.special import ndtr

    found = {}
    for p in parameters:
        sigma = p.sigma or 1.0
        share = float(ndtr((p.low - p.value) / sigma) + ndtr((p.value - p.high) / sigma))
        if share > 1e-6:
            found[p.path] = share
    return found
