"""Named inputs of a reduction adjusted inside their stated sigma: a maximum a posteriori fit, relinearized until it stays.

No S(Q) of any model enters: only what every S(Q) must obey, and how bright the container's wall is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.quantity import Quantity, concise
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.budget.apply import budgeted
from xtsred.budget.correlations import stated_correlations
from xtsred.budget.linear import linear_budget
from xtsred.budget.parameters import at_values, stated_parameters
from xtsred.config import Optimize, Project
from xtsred.inputs import Inputs
from xtsred.optimize.conditions import Condition, conditions
from xtsred.optimize.posterior import cost, most_probable
from xtsred.optimize.project import (
    Adjusted,
    certified_priors,
    chosen_parameters,
    posterior_project,
)
from xtsred.optimize.search import Found, Progress, Search
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Reduction, frozen

__all__ = ["Optimization", "optimize_inputs", "with_budget"]

_CORRELATED = 0.3
_SURPRISE = 2.0  # pull that is a Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimization:
    """Result of a fit.

    before, after: the reductions at the stated and at the posterior values; loaded: the project with these values and
    their posterior sigma. correlation: of the posterior, shape (p, p). conditions: each as stated and as adjusted.
    misfit: chi^2 of the residuals (before, after) and how many there are. considered: numbers with a stated sigma that were
    not adjusted, whose uncertainty the fit took into account. limit_a: distances below it were used, Å; wall:
    whether the container's wall was. tolerance: relative, of the calculated scattering, as used. s_sigma: of S(Q) by
    these parameters alone, (before, after), shape (n,) each on before's bins.
    """

    parameters: tuple[Adjusted, ...]
    correlation: Array
    before: Reduction
    after: Reduction
    loaded: Loaded[Project]
    conditions: tuple[tuple[Condition, Condition], ...]
    misfit: tuple[float, float, int]
    considered: tuple[str, ...]
    limit_a: float
    wall: bool
    tolerance: float
    rounds: int
    s_sigma: tuple[Array, Array]
    findings: tuple[Finding, ...]


def optimize_inputs(
    loaded: Loaded[Project], inputs: Inputs, *, progress: Progress | None = None
) -> Optimization:
    """Fit the chosen parameters of a project to what must hold. Raises InputError for what the user can fix."""
    parameters = chosen_parameters(loaded.record)
    named = {p.path for p in parameters}
    considered = tuple(p for p in stated_parameters(loaded.record) if p.path not in named)
    search = Search(loaded, inputs, parameters, considered=considered, tell=progress or _silent)
    found = search.run()
    model = found.model
    posterior = most_probable(model, scale=found.scale)
    root = np.sqrt(np.diag(posterior.covariance))
    adjusted = tuple(
        Adjusted(
            path=p.path,
            prior=Quantity(p.value, p.sigma, p.unit),
            posterior=Quantity(value, float(share) * float(p.sigma or 0.0), p.unit),
            pull=float(u),
        )
        for p, value, share, u in zip(
            parameters, search.values(model.at).values(), root, model.at, strict=True
        )
    )
    changed, moved_inputs = posterior_project(loaded, inputs, adjusted)
    after = reduce_inputs(changed, moved_inputs, memo=search.memo)
    walls = [
        search.brightness(project, reduction)
        for project, reduction in ((loaded.record, search.first), (changed.record, after))
    ]
    none, covariance = np.zeros(len(parameters)), model.covariance(found.scale)
    start = search.residual(loaded.record, search.first)
    slopes = found.slopes
    variances = [
        np.einsum("in,ij,jn->n", slopes, matrix, slopes)
        for matrix in (np.linalg.inv(model.precision), posterior.covariance)
    ]
    table = loaded.record.optimize or Optimize()
    return Optimization(
        parameters=adjusted,
        correlation=frozen(posterior.covariance / np.outer(root, root)),
        before=search.first,
        after=after,
        loaded=changed,
        conditions=tuple(
            zip(
                conditions(search.first, wall=walls[0]),
                conditions(after, wall=walls[1]),
                strict=True,
            )
        ),
        misfit=(
            cost(start, none, covariance=covariance),
            cost(model.value, none, covariance=covariance),
            start.size,
        ),
        considered=tuple(p.path for p in considered),
        limit_a=search.short.limit_a,
        wall=search.standard,
        tolerance=found.scale * table.model_tolerance,
        rounds=found.rounds,
        s_sigma=(frozen(np.sqrt(variances[0])), frozen(np.sqrt(variances[1]))),
        findings=(
            *_findings(adjusted, found, table, search.at_limit(model.at)),
            *_wall_finding(loaded.record),
            *_certificate_findings(loaded, [a.path for a in adjusted]),
        ),
    )


def with_budget(
    optimization: Optimization, inputs: Inputs, *, progress: Progress | None = None
) -> Optimization:
    """The same with the uncertainty budget of the posterior in `after`, the correlations of the fit included.

    inputs: as given to `optimize_inputs`; each source that was adjusted is one with those it is correlated with.
    """
    paths = [a.path for a in optimization.parameters]
    _, moved = at_values(
        optimization.loaded, inputs, {a.path: a.posterior.value for a in optimization.parameters}
    )
    correlations = {
        (paths[i], paths[j]): float(optimization.correlation[i, j])
        for i in range(len(paths))
        for j in range(i)
    }
    budget = linear_budget(
        optimization.loaded,
        moved,
        reduction=optimization.after,
        progress=progress,
        correlations=correlations,
    )
    return replace(optimization, after=budgeted(optimization.after, budget))


def _silent(_text: str) -> None:
    return None


def _wall_finding(project: Project) -> Iterator[Finding]:
    container = project.container
    if container is not None and container.wall_thickness_mm.sigma is None:
        yield Finding(
            "note",
            "The brightness of the empty container was not used: container.wall_thickness_mm has no sigma. With one it tells the "
            "amount of sample against that of wall.",
        )


def _certificate_findings(loaded: Loaded[Project], paths: Sequence[str]) -> Iterator[Finding]:
    """What became of certificates that gave a prior."""
    certified = certified_priors(loaded, paths)
    if not certified:
        return
    kinds = ", ".join(dict.fromkeys(kind for _, kind in certified))
    yield Finding(
        "note",
        f"The prior of {', '.join(path for path, _ in certified)} is a certificate's ({kinds}). The project of the result holds the posterior "
        "and names that certificate no longer.",
    )
    apart = {
        pair: r
        for pair, r in stated_correlations(loaded).items()
        if abs(r) > _CORRELATED and len(set(pair) & set(paths)) == 1
    }
    if apart:
        listed = ", ".join(f"{a} and {b} ({r:+.2f})" for (a, b), r in apart.items())
        yield Finding(
            "warning",
            f"A certificate holds the correlation of {listed}, of which only one was adjusted: the fit took them as independent. Adjust both.",
            {f"{a}, {b}": r for (a, b), r in apart.items()},
        )


def _findings(
    adjusted: Sequence[Adjusted], found: Found, table: Optimize, at_limit: Sequence[str]
) -> Iterator[Finding]:
    for a in adjusted:
        if abs(a.pull) > _SURPRISE:
            yield Finding(
                "warning",
                f"{a.path} was moved to {a.posterior}, {a.pull:+.1f} of its stated sigma from {a.prior}: its sigma is too "
                "small, or it answers for another mistake.",
                {"pull": a.pull},
            )
    for path in at_limit:
        yield Finding(
            "warning", f"{path} was moved to the end of what is possible: something else is wrong."
        )
    blind = [a.path for a in adjusted if not a.informed]
    if blind:
        yield Finding(
            "note",
            f"The data say nothing about {', '.join(blind)}: the posterior is what was stated.",
        )
    if found.scale > 1.0:
        used = found.scale * table.model_tolerance
        yield Finding(
            "warning",
            f"The conditions contradict each other by more than counting and the stated tolerance of {table.model_tolerance:.2g}: "
            f"a tolerance of {used:.2g} of the calculated scattering was used. Something that is not among the adjusted "
            "numbers is wrong by about as much.",
            {"tolerance": used, "stated": table.model_tolerance},
        )
    if not found.stays:
        sigma = concise(float(found.rounds), None)
        yield Finding("warning", f"The fit had not come to rest after {sigma} rounds.")
