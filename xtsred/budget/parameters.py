"""The numbers of a project file by key path: which there are, what is stated about them, and a project with others.

A path is written as for `--set`: sample.packing_fraction, radiation.line[0].weight, detector.window_keV[1]. The amount
of an element is sample.composition.Na; its sigma stands at sample.composition_sigma.Na.
"""

import dataclasses
import math
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from calibration.composition import parse_formula
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded, Number
from xtsred.config import NumberOrFit, Project
from xtsred.inputs import Inputs, restated

__all__ = ["Parameter", "at_values", "list_parameters", "stated_parameters", "with_values"]

_COMPOSITION = "sample.composition."
_RESPONSE = "normalization.compton_response"
_PRIORS = frozenset({"radiation.continuum.amplitude"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number of a project file.

    path: as for `--set`. sigma: standard uncertainty, None where not stated. low, high: between which values it is
    possible (infinite where there is no limit). role: "fact" is a number that is used as it is; "prior" the centre
    of the prior of an amplitude that is fitted, sigma its width.
    """

    path: str
    value: float
    sigma: float | None
    unit: str
    low: float
    high: float
    role: Literal["fact", "prior"] = "fact"

    def possible(self, value: float) -> bool:
        """Whether the parameter can have this value."""
        return math.isfinite(value) and self.low <= value <= self.high


def list_parameters(project: Project) -> tuple[Parameter, ...]:
    """Every number of a project that may carry an uncertainty, in the order of the file's tables."""
    found = [_parameter(project, *item) for item in _walk(project, type(project), "")]
    stated = project.sample.composition_sigma or {}
    for element, amount in parse_formula(project.sample.composition).items():
        found.append(
            Parameter(
                path=f"{_COMPOSITION}{element}",
                value=amount,
                sigma=stated.get(element),
                unit="",
                low=0.0,
                high=math.inf,
            )
        )
    return tuple(found)


def stated_parameters(project: Project) -> tuple[Parameter, ...]:
    """Those with a stated uncertainty above 0, priors of fitted amplitudes left out."""
    return tuple(p for p in list_parameters(project) if p.role == "fact" and p.sigma)


def with_values(project: Project, values: Mapping[str, float]) -> Project:
    """The project with other values; stated uncertainties stay.

    A table that is absent and needs no other key is made (goniometer, environment); amounts of elements need not
    sum to one. Raises InputError for a path that holds no number here, and for an impossible value.
    """
    amounts: dict[str, float] = {}
    for path, value in values.items():
        if path.startswith(_COMPOSITION):
            amounts[path.removeprefix(_COMPOSITION)] = value
        else:
            project = _replaced(project, _parts(path), path, value)
    if not amounts:
        return project
    old = parse_formula(project.sample.composition)
    for element, value in amounts.items():
        if element not in old:
            raise _absent(f"{_COMPOSITION}{element}")
        if not (math.isfinite(value) and value > 0.0):
            raise _impossible(f"{_COMPOSITION}{element}", value)
    # enough digits for a derivative; a formula knows no exponents
    formula = "".join(f"{e}{amounts.get(e, a):.15f}" for e, a in old.items())
    sample = dataclasses.replace(project.sample, composition=formula)
    return dataclasses.replace(project, sample=sample)


def at_values(
    loaded: Loaded[Project], inputs: Inputs, values: Mapping[str, float]
) -> tuple[Loaded[Project], Inputs]:
    """A loaded project and its scans with other values (see `with_values`), for `reduce_inputs`."""
    project = with_values(loaded.record, values)
    changed = dataclasses.replace(loaded, record=project)
    if any(path.startswith("scan[") for path in values):
        inputs = restated(inputs, project)
    return changed, inputs


def _walk(node: Any, cls: type[Any], path: str) -> Iterator[tuple[str, Quantity, Any]]:
    """(path, quantity, annotation) of every quantity below a record."""
    hints = typing.get_type_hints(cls, include_extras=True)
    for item in dataclasses.fields(cls):
        value, here = getattr(node, item.name), f"{path}.{item.name}" if path else item.name
        yield from _found(value, here, hints[item.name])


def _found(value: Any, path: str, hint: Any) -> Iterator[tuple[str, Quantity, Any]]:
    if isinstance(value, Quantity):
        yield path, value, hint
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _walk(value, type(value), path)
    elif isinstance(value, tuple):
        for i, entry in enumerate(value):
            yield from _found(entry, f"{path}[{i}]", hint)


def _parameter(project: Project, path: str, quantity: Quantity, hint: Any) -> Parameter:
    low, high = _limits(hint)
    sigma, role = quantity.sigma, "prior" if path in _PRIORS else "fact"
    if path == _RESPONSE and project.normalization.compton_response_sigma is not None:
        sigma, role = project.normalization.compton_response_sigma, "prior"
    return Parameter(
        path=path,
        value=quantity.value,
        sigma=sigma,
        unit=quantity.unit,
        low=low,
        high=high,
        role="prior" if role == "prior" else "fact",
    )


def _limits(hint: Any) -> tuple[float, float]:
    """Possible values by the annotation; an open end is the next number inside."""
    number = _annotation(hint)
    if number is None:
        return -math.inf, math.inf
    low, high = -math.inf, math.inf
    if number.gt is not None:
        low = math.nextafter(number.gt, math.inf)
    if number.ge is not None:
        low = max(low, number.ge)
    if number.lt is not None:
        high = math.nextafter(number.lt, -math.inf)
    if number.le is not None:
        high = min(high, number.le)
    return low, high


def _annotation(hint: Any) -> Number | None:
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Number):
            return extra
        if isinstance(extra, NumberOrFit):
            return Number(gt=0.0)
    for argument in typing.get_args(hint):
        found = _annotation(argument)
        if found is not None:
            return found
    return None


def _parts(path: str) -> list[str | int]:
    words = re.sub(r"\[(\d+)\]", r".\1", path).split(".")
    return [int(word) if word.isdecimal() else word for word in words]


def _replaced(node: Any, parts: list[str | int], path: str, value: float, hint: Any = None) -> Any:
    """A copy of node with the quantity at parts set to value."""
    if not parts:
        if not isinstance(node, Quantity):
            raise _absent(path)
        low, high = _limits(hint)
        if not (math.isfinite(value) and low <= value <= high):
            raise _impossible(path, value)
        return Quantity(value, node.sigma, node.unit)
    first, rest = parts[0], parts[1:]
    if isinstance(node, tuple) and isinstance(first, int) and first < len(node):
        entry = _replaced(node[first], rest, path, value, hint)
        return (*node[:first], entry, *node[first + 1 :])
    if not isinstance(first, str) or not dataclasses.is_dataclass(node):
        raise _absent(path)
    hints = typing.get_type_hints(type(node), include_extras=True)
    if first not in hints:
        raise _absent(path)
    inner = getattr(node, first)
    if inner is None and rest:
        inner = _empty_table(hints[first], path)
    return dataclasses.replace(
        typing.cast(Any, node), **{first: _replaced(inner, rest, path, value, hints[first])}
    )


def _empty_table(hint: Any, path: str) -> Any:
    """The record of an absent table, where none of its keys is necessary."""
    for candidate in typing.get_args(hint):
        if dataclasses.is_dataclass(candidate) and isinstance(candidate, type):
            given = (dataclasses.MISSING, dataclasses.MISSING)
            if all((f.default, f.default_factory) != given for f in dataclasses.fields(candidate)):
                return candidate()
    raise _absent(path)


def _absent(path: str) -> InputError:
    return InputError(
        "no such number in this project",
        why="only a number that the project file states, or that has a default, can be changed",
        where=path,
    )


def _impossible(path: str, value: float) -> InputError:
    return InputError(f"{value:g} is not possible", where=path)
