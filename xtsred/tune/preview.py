"""While a slider moves: absorption and multiple scattering between values at which they were computed exactly.

Both are smooth in every dimension and density, and cost ten times what follows from them. So they are computed exactly
at a few values of one key, and in between a polynomial through the nearest of these is taken, multiple scattering with
the S(Q) of those values. Where a key changes neither, multiple scattering is left where it was instead of being iterated
with S(Q). Either is shown as a preview, never written anywhere, and replaced by the exact result when the slider rests.
Nothing is extrapolated: beyond the outermost exact value there is no preview.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from calibration.quantity import Quantity
from xtsred.config import Project
from xtsred.memo import Memo, fingerprint
from xtsred.multiple import Computed
from xtsred.scattering import LineTerms
from xtsred.stages import Array, Reduction, StructureFactor

__all__ = ["Node", "Nodes", "PreviewMemo", "context", "follows", "node_values", "previewed"]

T = TypeVar("T")

_ABSORPTION, _MULTIPLE, _SOLUTION = "absorption", "multiple scattering", "solution"
_NEAREST = 4
_TABLES = ("sample.", "container.", "beam.", "polarization.")
_FOLLOWING = frozenset({"range.q_step", "detector.dead_time_s"})

Optics = tuple[list[LineTerms], list[LineTerms], dict[str, float]]


def previewed(key: str) -> bool:
    """Whether a key is of those that change absorption and multiple scattering, and no angle."""
    return key.startswith(_TABLES) and not key.endswith(".scale")


def follows(key: str) -> bool:
    """Whether a key changes multiple scattering only by way of S(Q): a preview leaves it where it was."""
    return key.endswith(".scale") or key.startswith("normalization.") or key in _FOLLOWING


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a value of a key gives: terms of all lines, and multiple scattering (e.u., scale 1; None: not applied)."""

    value: float
    optics: Optics
    multiple: Array | None
    accuracy: float

    def at(self, value: float) -> "Node":
        """The same as the result of this value of a key."""
        return replace(self, value=value)


class Nodes:
    """Exact results by key, and by everything else that they depend on."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, bytes], list[Node]] = {}

    def add(self, key: str, where: bytes, node: Node) -> None:
        """Keep an exact result."""
        nodes = self._found.setdefault((key, where), [])
        if all(n.value != node.value for n in nodes):
            nodes.append(node)

    def values(self, key: str, where: bytes) -> tuple[float, ...]:
        """At which values there are exact results."""
        return tuple(n.value for n in self._found.get((key, where), ()))

    def between(self, key: str, where: bytes, value: float) -> Node | None:
        """The polynomial through the nearest exact results; None outside of them."""
        nodes = self._found.get((key, where), [])
        if len(nodes) < 2 or not (
            min(n.value for n in nodes) <= value <= max(n.value for n in nodes)
        ):
            return None
        nearest = sorted(nodes, key=lambda n: abs(n.value - value))[:_NEAREST]
        return _interpolated(nearest, value)


def context(project: Project) -> bytes:
    """Of what the exact results depend on besides the key that moves: `project` has that key as in the file."""
    container = project.container
    return fingerprint(
        project.sample,
        None if container is None else replace(container, scale=Quantity(1.0)),
        project.radiation,
        project.beam,
        project.polarization,
        project.detector,
        project.goniometer,
        project.range.two_theta_deg,
        project.multiple_scattering and project.multiple_scattering.orders,
    )


def node_values(low: float, high: float, *, count: int = 5) -> tuple[float, ...]:
    """Where to compute exactly: ends and Chebyshev points between them, the ends first."""
    points = -np.cos(np.pi * np.arange(count) / (count - 1))
    values = 0.5 * (low + high) + 0.5 * (high - low) * points
    order = sorted(range(count), key=lambda i: -abs(points[i]))
    return tuple(float(values[i]) for i in order)


def _interpolated(nodes: Sequence[Node], value: float) -> Node:
    x = [n.value for n in nodes]
    # Lagrange's weights
    weights = [
        float(np.prod([(value - b) / (a - b) for j, b in enumerate(x) if j != i]))
        for i, a in enumerate(x)
    ]

    def mixed(parts: Sequence[Any]) -> Any:
        return sum(w * p for w, p in zip(weights, parts, strict=True))

    def line(terms: Sequence[LineTerms]) -> LineTerms:
        first, changed = terms[0], {}
        for field in fields(first):
            if isinstance(getattr(first, field.name), np.ndarray):
                changed[field.name] = mixed([getattr(t, field.name) for t in terms])
        return replace(first, **changed)

    lines, continuum = (
        [line(terms) for terms in zip(*(n.optics[i] for n in nodes), strict=True)] for i in (0, 1)
    )
    transmissions = {name: mixed([n.optics[2][name] for n in nodes]) for name in nodes[0].optics[2]}
    curves = [n.multiple for n in nodes if n.multiple is not None]
    return Node(
        value=value,
        optics=(lines, continuum, transmissions),
        multiple=mixed(curves) if len(curves) == len(nodes) else None,
        accuracy=max(n.accuracy for n in nodes),
    )


class PreviewMemo(Memo):
    """A memo that can be told to take a node's absorption and multiple scattering instead of computing them.

    guessed: whether the last reduction under `guess` did so; what was computed from it is not kept.
    """

    def __init__(self, *, keep: int = 4) -> None:
        super().__init__(keep=keep)
        self._guess: Node | None = None
        self._optics: Optics | None = None
        self._accuracy = 0.0
        self._frozen = False
        self.guessed = False

    @contextlib.contextmanager
    def guess(self, node: Node | None) -> Iterator[None]:
        """Take the node's in place of what is not known exactly, for as long as the block lasts; None: compute."""
        self._guess, self.guessed, self._frozen = node, False, False
        try:
            yield
        finally:
            self._guess = None

    def __call__(self, stage: str, depends_on: tuple[Any, ...], make: Any) -> Any:
        """See `Memo`."""
        guess = self._guess
        if guess is not None and stage in (_ABSORPTION, _MULTIPLE, _SOLUTION):
            if fingerprint(*depends_on) in self._results.get(stage, ()):
                found = super().__call__(stage, depends_on, make)
                if stage == _MULTIPLE and guess.multiple is not None:
                    # exact, but asked anew in every round of the solution: its curve is known well enough
                    self._frozen = True
                    return _fixed(guess)
                return found
            if stage != _SOLUTION:
                self.guessed = True
                return guess.optics if stage == _ABSORPTION else _fixed(guess)
            if self.guessed or self._frozen:
                self.guessed = True
                return make()
        result = super().__call__(stage, depends_on, make)
        if stage == _ABSORPTION:
            self._optics = result
        elif stage == _MULTIPLE:
            self._accuracy = result.accuracy
        return result

    def node(self, reduction: Reduction, *, scale: float) -> Node | None:
        """What an exact reduction, the last one, used; None where its multiple scattering is not known."""
        if self.guessed or self._optics is None:
            raise ValueError("a preview is no exact result")
        curve = reduction.intensity.components.get("multiple scattering")
        if curve is not None and scale == 0.0:
            return None
        return Node(
            value=math.nan,
            optics=self._optics,
            multiple=None if curve is None else curve / scale,
            accuracy=self._accuracy,
        )


def _fixed(node: Node) -> Computed:
    """Multiple scattering that does not follow S(Q)."""
    curve = node.multiple
    if curve is None:
        raise ValueError("no multiple scattering was computed")

    def of(_structure: StructureFactor | None, _highest: int) -> Array:
        return curve

    return Computed(of=of, accuracy=node.accuracy)
