"""Circuits: strings in the notation of `impedance`, their impedance, Jacobian and intercept.

"p(R1,CPE1)-CPE2-L1": elements in series are joined by "-", p(...) holds parallel branches. A parameter
is named by its element, with _0, _1 ... where there are several: R1, CPE1_0 (Q), CPE1_1 (alpha).
To add a circuit to those chosen from automatically or called by name: one entry in CIRCUITS.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from cis.elements import ELEMENTS, Element, Variable
from cis.stages import Array, ComplexArray

__all__ = ["CIRCUITS", "Circuit", "Node", "circuit", "log_i_omega"]

# name -> string. "blocking" means an electrode that lets no ion through (a constant-phase element); R0 is a
# resistance without an arc of its own: contacts, an electrolyte, or a bulk too fast for the analyzer.
CIRCUITS: Mapping[str, str] = {
    "tail": "R1-CPE1",
    "tail+lead": "R1-CPE1-L1",
    "bulk": "p(R1,CPE1)",
    "bulk+lead": "p(R1,CPE1)-L1",
    "bulk-blocking": "p(R1,CPE1)-CPE2",
    "bulk-blocking+lead": "p(R1,CPE1)-CPE2-L1",
    "bulk+gb": "p(R1,CPE1)-p(R2,CPE2)",
    "bulk+gb+lead": "p(R1,CPE1)-p(R2,CPE2)-L1",
    "bulk+gb-blocking": "p(R1,CPE1)-p(R2,CPE2)-CPE3",
    "bulk+gb-blocking+lead": "p(R1,CPE1)-p(R2,CPE2)-CPE3-L1",
    "R0+bulk": "R0-p(R1,CPE1)",
    "R0+bulk+lead": "R0-p(R1,CPE1)-L1",
    "R0+bulk-blocking": "R0-p(R1,CPE1)-CPE2",
    "R0+bulk-blocking+lead": "R0-p(R1,CPE1)-CPE2-L1",
    "R0+bulk+gb": "R0-p(R1,CPE1)-p(R2,CPE2)",
    "R0+bulk+gb+lead": "R0-p(R1,CPE1)-p(R2,CPE2)-L1",
    "R0+bulk+gb-blocking": "R0-p(R1,CPE1)-p(R2,CPE2)-CPE3",
    "R0+bulk+gb-blocking+lead": "R0-p(R1,CPE1)-p(R2,CPE2)-CPE3-L1",
}


@dataclass(frozen=True, slots=True)
class Node:
    """An element with the place of its first variable, or a series or parallel group of nodes."""

    kind: Literal["element", "series", "parallel"]
    children: tuple["Node", ...] = ()
    name: str = ""
    element: Element | None = None
    first: int = 0

    def leaf(self) -> Element:
        """The element of a leaf. Raises TypeError for a group."""
        if self.element is None:
            raise TypeError(f"a {self.kind} group is not an element")
        return self.element


@dataclass(frozen=True, slots=True)
class Circuit:
    """A parsed circuit: its tree, and its p parameters in the order of the string."""

    string: str
    root: Node
    names: tuple[str, ...]
    variables: tuple[Variable, ...]

    @property
    def is_log(self) -> npt.NDArray[np.bool_]:
        """Shape (p,): True for the parameters fitted as logarithms."""
        return np.array([v.scale == "log" for v in self.variables])

    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper physical bounds of the fitted variables, shape (p,) each."""
        low = np.array([v.low for v in self.variables])
        high = np.array([v.high for v in self.variables])
        return self.to_variables(low), self.to_variables(high)

    def to_variables(self, values: npt.ArrayLike) -> Array:
        """Fitted variables, shape (..., p), of parameter values > 0: ln where `is_log`."""
        array = np.asarray(values, dtype=np.float64)
        return np.where(self.is_log, np.log(np.where(self.is_log, array, 1.0)), array)

    def to_values(self, x: npt.ArrayLike) -> Array:
        """Parameter values, shape (..., p), of fitted variables."""
        array = np.asarray(x, dtype=np.float64)
        return np.where(self.is_log, np.exp(np.where(self.is_log, array, 0.0)), array)

    def impedance(self, frequency_hz: Array, values: npt.ArrayLike) -> ComplexArray:
        """Impedance in Ohm, shape (n,), at frequencies in Hz for parameter values, shape (p,)."""
        x = self.to_variables(values)
        z: ComplexArray = self.evaluate(log_i_omega(frequency_hz), x[None, :])[0][0]
        return z

    def evaluate(self, log_s: ComplexArray, x: Array) -> tuple[ComplexArray, ComplexArray]:
        """Impedance (b, n) in Ohm and its derivatives (b, p, n) for fitted variables x, shape (b, p)."""
        jacobian = np.empty((x.shape[0], x.shape[1], log_s.size), dtype=np.complex128)
        z = _walk(self.root, log_s, x, jacobian)
        return z, jacobian

    def intercept(self, x: Array) -> tuple[float, Array]:
        """Total resistance in Ohm at the foot of the arcs, and its derivatives by the variables, (p,).

        The resistance at zero frequency with the blocking elements in series (electrodes) left out.
        NaN where the circuit has no path without a blocking element.
        """
        resistance, slope = _at_dc(self.root, x)
        if resistance is None:
            return float("nan"), np.zeros(x.size)
        return resistance, slope

    def series_resistors(self) -> tuple[str, ...]:
        """Names of the resistors in series with everything else."""
        nodes = self.root.children if self.root.kind == "series" else (self.root,)
        return tuple(
            n.name for n in nodes if n.kind == "element" and n.leaf().variables[0].unit == "Ohm"
        )

    def arcs(self) -> tuple[tuple[str, int, int], ...]:
        """The R||CPE (or R||C) groups in series: (name of R, place of R, place of Q)."""
        found = []
        for node in self.root.children if self.root.kind == "series" else (self.root,):
            if node.kind != "parallel" or len(node.children) != 2:
                continue
            kinds = {ch.name.rstrip("0123456789_"): ch for ch in node.children}
            if "R" in kinds and ("CPE" in kinds or "C" in kinds):
                other = kinds["CPE"] if "CPE" in kinds else kinds["C"]
                found.append((kinds["R"].name, kinds["R"].first, other.first))
        return tuple(found)


def log_i_omega(frequency_hz: Array) -> ComplexArray:
    """ln(i omega) = ln(2 pi f) + i pi/2, shape (n,), of frequencies in Hz."""
    return np.log(2.0 * np.pi * np.asarray(frequency_hz, dtype=np.float64)) + 0.5j * np.pi


def _walk(node: Node, log_s: ComplexArray, x: Array, jacobian: ComplexArray) -> ComplexArray:
    if node.kind == "element":
        element = node.leaf()
        count = len(element.variables)
        v = [x[:, node.first + k, None] for k in range(count)]
        z, slopes = element.evaluate(log_s, v)
        for k, slope in enumerate(slopes):
            jacobian[:, node.first + k] = slope
        return z
    parts = [_walk(child, log_s, x, jacobian) for child in node.children]
    if node.kind == "series":
        return sum(parts[1:], start=parts[0])
    total = 1.0 / sum((1.0 / part for part in parts[1:]), start=1.0 / parts[0])
    for child, part in zip(node.children, parts, strict=True):
        begin, end = _span(child)
        jacobian[:, begin:end] *= ((total / part) ** 2)[:, None, :]
    return total


def _span(node: Node) -> tuple[int, int]:
    """First and one past the last variable below a node (they are consecutive by construction)."""
    if node.kind == "element":
        return node.first, node.first + len(node.leaf().variables)
    return _span(node.children[0])[0], _span(node.children[-1])[1]


def _at_dc(node: Node, x: Array) -> tuple[float | None, Array]:
    """Resistance (None: blocks) and its slope; blocking members of a series are left out."""
    slope = np.zeros(x.size)
    if node.kind == "element":
        role = node.leaf().at_dc
        if role == "blocks":
            return None, slope
        if role == "conducts":
            return 0.0, slope
        resistance = float(np.exp(x[node.first]))
        slope[node.first] = resistance
        return resistance, slope
    parts = [part for part in (_at_dc(child, x) for child in node.children) if part[0] is not None]
    finite = [(r, s) for r, s in parts if r is not None]
    if not finite:
        return None, slope
    if node.kind == "series":
        if all(r == 0.0 for r, _ in finite) and len(finite) < len(node.children):
            return None, slope
        return sum(r for r, _ in finite), sum((s for _, s in finite), start=slope)
    if any(r == 0.0 for r, _ in finite):
        return 0.0, slope
    total = 1.0 / sum(1.0 / r for r, _ in finite)
    return total, sum(((total / r) ** 2 * s for r, s in finite), start=slope)


_TOKEN = re.compile(r"\s*(p\(|[A-Za-z]+[0-9_]*|[-,()])")


@lru_cache(maxsize=64)
def circuit(text: str) -> Circuit:
    """The circuit of that name in CIRCUITS, or of that string.

    Raises InputError that points at the place where the string stops making sense.
    """
    return _Parser(CIRCUITS.get(text.strip(), text.strip())).circuit()


_MOST_ELEMENTS = 40
_MOST_DEPTH = 20


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."


class _Parser:
    """Recursive descent: series := part ("-" part)*; part := "p(" series ("," series)+ ")" | element."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.names: list[str] = []
        self.variables: list[Variable] = []
        self.seen: set[str] = set()
        self.depth = 0

    def fail(self, why: str) -> InputError:
        return InputError(
            f'the circuit "{_short(self.text)}" cannot be read at character {self.position + 1}',
            why=why,
            remedy='write it like "p(R1,CPE1)-CPE2-L1", or name one of: ' + ", ".join(CIRCUITS),
        )

    def peek(self) -> str:
        match = _TOKEN.match(self.text, self.position)
        return match.group(1) if match else ""

    def take(self) -> str:
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            found = self.text[self.position :].strip()
            raise self.fail(f'"{found[0]}" is not allowed here' if found else "it ends too early")
        self.position = match.end()
        return match.group(1)

    def circuit(self) -> Circuit:
        root = self.series()
        if self.text[self.position :].strip():
            raise self.fail(f'"{_short(self.text[self.position :].strip())}" is left over')
        return Circuit(self.text, root, tuple(self.names), tuple(self.variables))

    def series(self) -> Node:
        parts = [self.part()]
        while self.peek() == "-":
            self.take()
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else Node("series", tuple(parts))

    def part(self) -> Node:
        if self.peek() != "p(":
            return self.element()
        self.take()
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise self.fail(f"more than {_MOST_DEPTH} groups are in each other")
        branches = [self.series()]
        while self.peek() == ",":
            self.take()
            branches.append(self.series())
        if self.peek() != ")":
            raise self.fail("a parallel group p(...) is not closed")
        self.take()
        self.depth -= 1
        if len(branches) < 2:
            raise self.fail("a parallel group p(...) needs two branches or more")
        return Node("parallel", tuple(branches))

    def element(self) -> Node:
        name = self.take()
        kind = name.rstrip("0123456789_")
        if kind not in ELEMENTS:
            raise self.fail(f'"{name}" is no element; there are ' + ", ".join(ELEMENTS))
        if name in self.seen:
            raise self.fail(f'"{name}" occurs twice; number the elements')
        self.seen.add(name)
        if len(self.seen) > _MOST_ELEMENTS:
            raise self.fail(
                f"it has more than {_MOST_ELEMENTS} elements, which no spectrum decides"
            )
        element = ELEMENTS[kind]
        first = len(self.variables)
        several = len(element.variables) > 1
        self.names += [f"{name}_{k}" if several else name for k in range(len(element.variables))]
        self.variables += element.variables
        return Node("element", (), name, element, first)
