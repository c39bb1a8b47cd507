"""Where the fit begins, computed from the data: no guess is asked of the user.

A series of R||CPE arcs, blocking CPEs, resistors and an inductor is linear in all but its time constants
and exponents. On a grid of those, every combination is a small linear least squares whose matrices are
parts of one Gram matrix, so thousands of combinations cost milliseconds; the best that have only positive
coefficients are the starts. Any other circuit starts from a quasi-random sample in the box that the data span.
"""

from itertools import combinations

import numpy as np

from cis.circuits import Circuit, Node
from cis.stages import Array, ComplexArray, IntArray

__all__ = ["grid_starts", "random_starts", "starts"]

_ARC_EXPONENTS = (0.95, 0.75, 0.55)
_TAIL_EXPONENTS = (0.95, 0.8, 0.6, 0.45)


def starts(circuit: Circuit, frequency_hz: Array, z_ohm: ComplexArray, *, count: int = 5) -> Array:
    """Fitted variables to start from, shape (count or fewer, p), the most promising first."""
    slots = _slots(circuit.root)
    if slots is not None:
        found = grid_starts(circuit, frequency_hz, z_ohm, count=count)
        if found.size:
            return found
    return random_starts(circuit, frequency_hz, z_ohm, count=max(4 * count, 24))


def _slots(root: Node) -> list[tuple[str, tuple[int, ...]]] | None:
    """What each member of the series is: ("arc", R, Q, has exponent) ...; None if one is something else."""
    slots: list[tuple[str, tuple[int, ...]]] = []
    for node in root.children if root.kind == "series" else (root,):
        kind = node.name.rstrip("0123456789_")
        if node.kind == "element" and kind in ("R", "L", "CPE", "C"):
            slots.append((kind, (node.first,)))
            continue
        if node.kind != "parallel" or len(node.children) != 2:
            return None
        kinds = {child.name.rstrip("0123456789_"): child.first for child in node.children}
        if set(kinds) == {"R", "CPE"}:
            slots.append(("arc", (kinds["R"], kinds["CPE"])))
        elif set(kinds) == {"R", "C"}:
            slots.append(("debye", (kinds["R"], kinds["C"])))
        else:
            return None
    kinds_only = [kind for kind, _ in slots]
    many = kinds_only.count("arc") + kinds_only.count("debye") > 2
    repeated = any(kinds_only.count(kind) > 1 for kind in ("R", "L", "CPE", "C"))
    return None if many or repeated else slots


def _dictionary(
    frequency_hz: Array, z_ohm: ComplexArray, exponents: tuple[float, ...], per_decade: float
) -> tuple[Array, Array, Array]:
    """Weighted arc columns, shape (k, 2n), with their time constants (k,) and exponents (k,)."""
    omega = 2.0 * np.pi * frequency_hz
    first, last = np.log10(0.03 / omega.max()), np.log10(10.0 / omega.min())
    grid = 10.0 ** np.linspace(first, last, int((last - first) * per_decade) + 2)
    tau, alpha = (a.ravel() for a in np.meshgrid(grid, exponents, indexing="ij"))
    st = np.exp(alpha[:, None] * (np.log(omega[None, :] * tau[:, None]) + 0.5j * np.pi))
    columns = np.asarray(1.0 / (1.0 + st), dtype=np.complex128)
    return _weighted(columns, z_ohm), tau, alpha


def _weighted(columns: ComplexArray, z_ohm: ComplexArray) -> Array:
    scaled = columns / np.abs(z_ohm)
    return np.concatenate([scaled.real, scaled.imag], axis=-1)


def grid_starts(circuit: Circuit, frequency_hz: Array, z_ohm: ComplexArray, *, count: int) -> Array:
    """The best grid points of a circuit made of arcs, R, L and one CPE or C; shape (0, p) if none is positive."""
    slots = _slots(circuit.root)
    if slots is None:
        return np.empty((0, len(circuit.names)))
    arcs = [(kind, places) for kind, places in slots if kind in ("arc", "debye")]
    kinds = {kind: places for kind, places in slots if kind not in ("arc", "debye")}
    thin = max(1, frequency_hz.size // 60)  # a dense sweep need not be searched at every point
    f, z = frequency_hz[::thin], z_ohm[::thin]
    omega = 2.0 * np.pi * f
    exponents: tuple[float, ...] = _ARC_EXPONENTS if len(arcs) < 2 else (0.92, 0.65)
    if all(kind == "debye" for kind, _ in arcs):
        exponents = (1.0,)
    arc_columns, tau, alpha = _dictionary(f, z, exponents, 2.5 if len(arcs) < 2 else 1.8)
    tails = (1.0,) if "C" in kinds else _TAIL_EXPONENTS if "CPE" in kinds else ()
    reference = float(np.exp(np.mean(np.log(omega))))
    extra = [np.exp(-a * (np.log(omega / reference) + 0.5j * np.pi)) for a in tails]
    extra += [np.ones_like(z)] * ("R" in kinds) + [1j * omega / omega.max()] * ("L" in kinds)
    columns = np.concatenate([arc_columns, _weighted(np.array(extra).reshape(-1, z.size), z)])
    gram, target = columns @ columns.T, columns @ _weighted(z, z)
    chosen = _combinations(tau, len(arcs))
    fixed = np.arange(tau.size + len(tails), columns.shape[0])  # R, L: in every combination
    tail_places = np.arange(tau.size, tau.size + len(tails))
    members = _members(chosen, tail_places, fixed)
    solution, cost = _solve(gram, target, members)
    best = _distinct(
        members, np.where((solution > 0.0).all(axis=1), cost, np.inf), tau, len(arcs), count
    )
    rows = [
        _variables(
            circuit,
            arcs,
            kinds,
            members[i],
            solution[i],
            (tau, alpha, tails, reference, omega.max()),
        )
        for i in best
    ]
    return np.array(rows).reshape(-1, len(circuit.names))


def _combinations(tau: Array, arcs: int) -> IntArray:
    if arcs == 0:
        return np.empty((1, 0), dtype=np.int64)
    if arcs == 1:
        return np.arange(tau.size)[:, None]
    pairs: IntArray = np.array(list(combinations(range(tau.size), 2)), dtype=np.int64)
    return pairs[tau[pairs[:, 0]] < 0.7 * tau[pairs[:, 1]]]


def _members(chosen: IntArray, tails: IntArray, fixed: IntArray) -> IntArray:
    """Every choice of arcs with every tail and the columns that are always there, shape (k, m)."""
    if tails.size:
        chosen = np.hstack(
            [np.repeat(chosen, tails.size, axis=0), np.tile(tails, chosen.shape[0])[:, None]]
        )
    return np.asarray(np.hstack([chosen, np.tile(fixed, (chosen.shape[0], 1))]), dtype=np.int64)


def _solve(gram: Array, target: Array, members: IntArray) -> tuple[Array, Array]:
    """Coefficients (k, m) and cost less a constant (k,) of every combination."""
    a = gram[members[:, :, None], members[:, None, :]]
    b = target[members]
    diagonal = np.einsum("kii->ki", a)
    diagonal += 1e-9 * diagonal  # neighbours on the grid are nearly parallel
    solution: Array = np.asarray(np.linalg.solve(a, b[:, :, None])[:, :, 0], dtype=np.float64)
    return solution, -np.einsum("ki,ki->k", solution, b)


def _distinct(members: IntArray, cost: Array, tau: Array, arcs: int, count: int) -> list[int]:
    """The cheapest combinations whose time constants differ by more than a grid step from one another."""
    kept: list[int] = []
    for i in np.argsort(cost)[: 60 * count]:
        if not np.isfinite(cost[i]) or len(kept) == count:
            break
        here = np.log(tau[members[i, :arcs]])
        if all(np.abs(here - np.log(tau[members[k, :arcs]])).sum() > 1.5 for k in kept):
            kept.append(int(i))
    if arcs == 0 and np.isfinite(cost).any():
        return [int(np.argmin(cost))]
    return kept


def _variables(
    circuit: Circuit,
    arcs: list[tuple[str, tuple[int, ...]]],
    kinds: dict[str, tuple[int, ...]],
    members: IntArray,
    solution: Array,
    grid: tuple[Array, Array, tuple[float, ...], float, float],
) -> Array:
    """The fitted variables that a combination stands for."""
    tau, alpha, tails, reference, omega_max = grid
    values = np.ones(len(circuit.names))
    for k, (kind, (r, q)) in enumerate(arcs):
        t, a = tau[members[k]], alpha[members[k]]
        values[r] = solution[k]
        values[q] = t**a / solution[k]
        if kind == "arc":
            values[q + 1] = a
    k = len(arcs)
    if tails:
        a = tails[members[k] - tau.size]
        place = kinds["CPE" if "CPE" in kinds else "C"][0]
        values[place] = 1.0 / (solution[k] * reference**a)
        if "CPE" in kinds:
            values[place + 1] = a
        k += 1
    if "R" in kinds:
        values[kinds["R"][0]] = solution[k]
        k += 1
    if "L" in kinds:
        values[kinds["L"][0]] = solution[k] / omega_max
    low, high = circuit.bounds()
    return np.clip(circuit.to_variables(values), low, high)


def random_starts(
    circuit: Circuit, frequency_hz: Array, z_ohm: ComplexArray, *, count: int, seed: int = 1
) -> Array:
    """Starts spread over the box that the data span, shape (count, p); the same for the same seed.

    Resistances within the moduli seen (a decade beyond), time constants within the frequencies seen, and
    each Q, C, L such that its modulus at some measured frequency is one of the moduli seen.
    """
    generator = np.random.default_rng(seed)
    modulus, omega = np.log(np.abs(z_ohm)), np.log(2.0 * np.pi * frequency_hz)
    size = (count, len(circuit.names))
    scale = generator.uniform(modulus.min() - 1.0, modulus.max() + 2.3, size)
    rate = generator.uniform(omega.min() - 1.0, omega.max() + 1.0, size)
    exponent = generator.uniform(0.5, 1.0, size)
    x = np.empty(size)
    for k, variable in enumerate(circuit.variables):
        unit = variable.unit
        if unit.startswith("Ohm"):
            x[:, k] = scale[:, k] + (0.5 * rate[:, k] if unit != "Ohm" else 0.0)
        elif unit == "s":
            x[:, k] = -rate[:, k]
        elif unit == "H":
            x[:, k] = scale[:, k] - rate[:, k]
        elif unit == "F":
            x[:, k] = -scale[:, k] - rate[:, k]
        elif unit == "S s^a":
            x[:, k] = -scale[:, k] - exponent[:, k + 1] * rate[:, k]
        else:
            x[:, k] = exponent[:, k] if variable.scale == "linear" else 0.0
    low, high = circuit.bounds()
    return np.clip(x, low, high)
