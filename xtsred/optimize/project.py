"""Which numbers of a project may move, and the project with what became of them."""

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from calibration.certificate import Kind
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded
from xtsred.budget.parameters import Parameter, at_values, list_parameters, stated_parameters
from xtsred.certificates import certified_keys, without_certificates
from xtsred.config import Optimize, Project
from xtsred.inputs import Inputs

__all__ = ["Adjusted", "certified_priors", "chosen_parameters", "posterior_project"]

_UNINFORMED = 0.95  # posterior over prior sigma
_COMPOSITION = "sample.composition."


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """One parameter: as stated and as the data leave it. pull: posterior - prior value over the prior's sigma."""

    path: str
    prior: Quantity
    posterior: Quantity
    pull: float

    @property
    def informed(self) -> bool:
        """Whether the data say anything about it: its sigma falls by 5 % at least."""
        return (self.posterior.sigma or 0.0) < _UNINFORMED * (self.prior.sigma or 0.0)


def chosen_parameters(project: Project) -> tuple[Parameter, ...]:
    """The parameters that [optimize] names, or all with a stated sigma. Raises InputError naming key and reason."""
    table = project.optimize or Optimize()
    if table.posterior:
        raise InputError(
            "the numbers of this project are the posterior of an earlier `xtsred optimize` of the same scans",
            why="their sigma holds these counts already; to use them twice would make every sigma too small",
            remedy="reduce this project as it is, or optimize the one that it came from",
            where="optimize.posterior",
        )
    if not table.parameters:
        found = stated_parameters(project)
        if not found:
            raise InputError(
                "no number of this project has a sigma, so nothing may be adjusted",
                why="a parameter moves inside what you state about it, never freely",
                remedy="write for instance packing_fraction = { value = 0.5, sigma = 0.03 }",
                where="optimize.parameters",
            )
        return found
    known = {p.path: p for p in list_parameters(project)}
    return tuple(_stated(path, known) for path in dict.fromkeys(table.parameters))


def _stated(path: str, known: Mapping[str, Parameter]) -> Parameter:
    if path not in known:
        raise InputError(
            f"optimize.parameters names {path}, which is no number of this project",
            remedy=f"it has {', '.join(known)}",
            where="optimize.parameters",
        )
    parameter = known[path]
    if parameter.role == "prior":
        raise InputError(
            "optimize.parameters names an amplitude that the reduction itself fits",
            why="it cannot be adjusted twice",
            remedy="leave it out there, or state it as a number with a sigma that is not fitted",
            where=path,
        )
    if not parameter.sigma:
        raise InputError(
            "optimize.parameters names it, but its sigma is not stated",
            why="without it nothing says how far it may move",
            remedy=f"write {path.rpartition('.')[2]} = {{ value = {parameter.value:g}, sigma = ... }}",
            where=path,
        )
    return parameter


def posterior_project(
    loaded: Loaded[Project], inputs: Inputs, adjusted: tuple[Adjusted, ...]
) -> tuple[Loaded[Project], Inputs]:
    """Project and scans at the posterior, each number with its sigma; marked, so that nobody fits the same scans again.

    Certificates that gave a prior are no longer named: their values are superseded.
    """
    superseded = {kind for _, kind in certified_priors(loaded, [a.path for a in adjusted])}
    values = {a.path: a.posterior.value for a in adjusted}
    changed, inputs = at_values(loaded, inputs, values)
    record: Any = changed.record
    for a in adjusted:
        record = _with_sigma(record, _parts(a.path), float(a.posterior.sigma or 0.0))
    table = record.optimize or Optimize()
    names = tuple(a.path for a in adjusted)
    record = replace(record, optimize=replace(table, parameters=names, posterior=True))
    record = without_certificates(record, superseded)
    return replace(changed, record=record), inputs


def certified_priors(loaded: Loaded[Project], paths: Sequence[str]) -> list[tuple[str, Kind]]:
    """Those of the parameters at paths whose prior is a certificate's, with the kind of it."""
    certified = certified_keys(loaded)
    return [(path, certified[path]) for path in paths if path in certified]


def _parts(path: str) -> list[str]:
    if path.startswith(_COMPOSITION):
        path = path.replace(_COMPOSITION, "sample.composition_sigma.", 1)
    return re.sub(r"\[(\d+)\]", r".\1", path).split(".")


def _with_sigma(node: Any, parts: list[str], sigma: float) -> Any:
    """A copy of a record whose quantity at parts has this sigma (or the number itself, in a table of sigmas)."""
    if not parts:
        return replace(node, sigma=sigma) if isinstance(node, Quantity) else sigma
    first, rest = parts[0], parts[1:]
    if isinstance(node, tuple):
        k = int(first)
        return (*node[:k], _with_sigma(node[k], rest, sigma), *node[k + 1 :])
    if isinstance(node, Mapping):
        return {**node, first: _with_sigma(node[first], rest, sigma)}
    inner = _with_sigma(getattr(node, first), rest, sigma)
    return dataclasses.replace(typing.cast(Any, node), **{first: inner})
