"""Powders whose lines are known: cells with their uncertainty, and the reflections that follow from them."""

import difflib
import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt

from calibration.composition import ELEMENTS
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Number, load, record

__all__ = [
    "FormFactor",
    "Reflection",
    "Standard",
    "find_standard",
    "reflections",
    "standard_names",
]

Array = npt.NDArray[np.float64]
FormFactor = Callable[[str, Array], Array]
"""(element, sin theta/lambda in 1/Å, shape (n,)) -> electrons, shape (n,)."""

_CENTRING: Mapping[str, Sequence[tuple[float, float, float]]] = {
    "P": ((0.0, 0.0, 0.0),),
    "I": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)),
    "F": ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)),
    "R": ((0.0, 0.0, 0.0), (2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)),
}
_EXTINCT = 1e-6  # |F|^2 over the largest possible; the coordinates have five digits
_SAME_D = 1e-9
_LARGEST_INDEX = 60


@record
class Standard:
    """One line standard. a_A alone: cubic; with c_A: hexagonal axes (centring R: obverse rhombohedral).

    atoms: (element, x, y, z) of the cell without its centring; or lines: the indices of the lines that are there.
    """

    name: str
    formula: str
    a_A: Annotated[Quantity, Number(unit="Å", gt=1.0, lt=50.0)]
    citation: str
    c_A: Annotated[Quantity, Number(unit="Å", gt=1.0, lt=150.0)] | None = None
    centring: Literal["P", "I", "F", "R"] = "P"
    atoms: tuple[tuple[str, float, float, float], ...] = ()
    lines: tuple[tuple[int, int, int], ...] = ()
    b_iso_A2: float = 0.5
    broadening: str = ""

    @property
    def cell_relative_sigma(self) -> float | None:
        """Relative uncertainty of the cell's scale (the larger of a and c); None where not stated."""
        axes = [q for q in (self.a_A, self.c_A) if q is not None]
        parts = [q.sigma / q.value for q in axes if q.sigma is not None]
        return max(parts) if len(parts) == len(axes) else None


@record
class Reflection:
    """One line of a powder: label ("511, 333"), d in Å, number of planes that share it.

    square: mean |F|^2 of these planes in electrons^2, of one cell; None where the atoms are not known.
    """

    label: str
    d_a: float
    multiplicity: int
    square: float | None = None


@functools.cache
def _shipped() -> Mapping[str, Standard]:
    return _read(Path(__file__).parent / "standards.toml")


@record
class _Table:
    """A file of standards: any names."""

    standard: dict[str, Standard]


def _read(path: Path) -> Mapping[str, Standard]:
    """The standards of a TOML file, a table [standard.NAME] each."""
    found = load(_Table, path).record.standard
    for key, standard in found.items():
        _check(standard, where=f"{path}: standard.{key}")
    return found


def _check(standard: Standard, *, where: str) -> None:
    if bool(standard.atoms) == bool(standard.lines):
        raise InputError(
            "a standard has either atoms or lines",
            remedy='write atoms = [["Si", 0.0, 0.0, 0.0], ...] or lines = [[1, 1, 1], ...]',
            where=where,
        )
    if not 0.0 <= standard.b_iso_A2 <= 10.0:
        raise InputError(
            f"must be 0 to 10 Å^2, not {standard.b_iso_A2:g}", where=f"{where}.b_iso_A2"
        )
    wrong = [a[0] for a in standard.atoms if a[0] not in ELEMENTS]
    if wrong:
        raise InputError(f"{wrong[0]!r} is not an element", where=f"{where}.atoms")
    if any(line == (0, 0, 0) or max(map(abs, line)) > _LARGEST_INDEX for line in standard.lines):
        raise InputError(
            f"indices must be whole numbers up to {_LARGEST_INDEX}, and not 0 0 0",
            where=f"{where}.lines",
        )
    if standard.centring == "R" and standard.c_A is None:
        raise InputError("centring R is meant in hexagonal axes: c_A is missing", where=where)


def standard_names() -> tuple[str, ...]:
    """Names of the standards that are shipped."""
    return tuple(_shipped())


def find_standard(name: str, *, table: Path | None = None) -> Standard:
    """A standard by its name, from the shipped table or from a file of the same form (which is asked first).

    Raises InputError with the nearest name; ConfigError for what is wrong in the file.
    """
    known = dict(_shipped())
    if table is not None:
        known |= _read(table)
    by_case = {key.lower(): key for key in known}
    if name.lower() in by_case:
        return known[by_case[name.lower()]]
    near = difflib.get_close_matches(name.lower(), by_case, n=1, cutoff=0.4)
    hint = f'did you mean "{by_case[near[0]]}"? ' if near else ""
    raise InputError(
        f"{name!r} is not a known standard",
        why=f"known are {', '.join(known)}",
        remedy=hint + "others are described in a file named by [standard] table",
    )


def reflections(
    standard: Standard, *, d_min_a: float, form_factor: FormFactor | None = None
) -> tuple[Reflection, ...]:
    """The lines of a standard down to d_min, the largest d first; extinct ones are left out.

    1/d^2 = (h^2 + k^2 + l^2)/a^2, or 4 (h^2 + hk + k^2)/(3 a^2) + l^2/c^2; F = sum_j f_j exp(-B s^2) exp(2 pi i (hx + ky + lz)).
    form_factor: f_j for |F|^2; without it the atomic numbers stand for it. Planes of equal d make one line.
    Raises ValueError for a d_min that is not positive. Source: International Tables C (2006), sect. 1.1.2 and 6.1.1.
    """
    if not (math.isfinite(d_min_a) and d_min_a > 0.0):
        raise ValueError(f"d_min must be finite and > 0, not {d_min_a}")
    planes = np.array(standard.lines) if standard.lines else _planes(standard, d_min_a)
    inverse = _inverse_square(standard, planes)
    planes = planes[(inverse > 0.0) & (inverse <= d_min_a**-2 * (1.0 + 1e-12))]
    inverse = _inverse_square(standard, planes)
    squares = _squares(standard, planes, inverse, form_factor) if standard.atoms else None
    if squares is not None:
        kept = squares[1] > _EXTINCT
        planes, inverse = planes[kept], inverse[kept]
    order = np.argsort(inverse, kind="stable")
    found, start = [], 0
    for end in range(1, order.size + 1):
        if end < order.size and inverse[order[end]] <= inverse[order[start]] * (1.0 + _SAME_D):
            continue
        members = order[start:end]
        found.append(
            Reflection(
                label=_label(standard, planes[members]),
                d_a=float(inverse[members[0]] ** -0.5),
                multiplicity=_count(standard, planes[members]),
                square=None if squares is None else float(squares[0][kept][members].mean()),
            )
        )
        start = end
    return tuple(found)


def _planes(standard: Standard, d_min: float) -> npt.NDArray[np.int64]:
    in_plane = math.ceil(standard.a_A.value / d_min * (1.0 if standard.c_A is None else 2 / 3**0.5))
    c = standard.a_A if standard.c_A is None else standard.c_A
    h = np.arange(-in_plane, in_plane + 1)
    last = math.ceil(c.value / d_min)
    grid = np.meshgrid(h, h, np.arange(-last, last + 1), indexing="ij")
    return np.stack([g.ravel() for g in grid], axis=1)


def _inverse_square(standard: Standard, planes: npt.NDArray[np.int64]) -> Array:
    h, k, m = planes.T.astype(np.float64)
    a = standard.a_A.value
    if standard.c_A is None:
        return np.asarray((h * h + k * k + m * m) / a**2)
    return np.asarray(4.0 / 3.0 * (h * h + h * k + k * k) / a**2 + (m / standard.c_A.value) ** 2)


def _squares(
    standard: Standard,
    planes: npt.NDArray[np.int64],
    inverse: Array,
    form_factor: FormFactor | None,
) -> tuple[Array, Array]:
    """|F|^2 of each plane, and the same with all atoms as points over the square of their sum (for extinction)."""
    s = np.sqrt(inverse) / 2.0
    factor = np.exp(-standard.b_iso_A2 * s**2)
    total = np.zeros(len(planes), dtype=np.complex128)
    points = np.zeros(len(planes), dtype=np.complex128)
    charge = 0.0
    for element, atoms in itertools.groupby(standard.atoms, key=lambda a: a[0]):
        z = ELEMENTS.index(element) + 1.0
        f = np.full(s.shape, z) if form_factor is None else form_factor(element, s)
        for _, *place in atoms:
            phase = np.exp(2j * np.pi * (planes @ np.array(place)))
            total += f * factor * phase
            points += z * phase
            charge += z
    lattice = np.zeros(len(planes), dtype=np.complex128)
    for shift in _CENTRING[standard.centring]:
        lattice += np.exp(2j * np.pi * (planes @ np.array(shift)))
    largest = charge * len(_CENTRING[standard.centring])
    return (
        np.asarray(np.abs(total * lattice) ** 2),
        np.asarray(np.abs(points * lattice) ** 2 / largest**2),
    )


def _count(standard: Standard, members: npt.NDArray[np.int64]) -> int:
    """Planes of a line; a listed line stands for all its equivalents."""
    if not standard.lines:
        return len(members)
    if standard.c_A is None:
        images = {
            tuple(int(s * v) for s, v in zip(signs, p, strict=True))
            for row in members
            for p in itertools.permutations(row)
            for signs in itertools.product((1, -1), repeat=3)
        }
        return len(images)
    h, k, m = (int(v) for v in members[0])
    i = -h - k
    turned = {(h, k), (k, i), (i, h), (-h, -k), (-k, -i), (-i, -h)}
    return len(turned) * (1 if m == 0 else 2)


def _label(standard: Standard, members: npt.NDArray[np.int64]) -> str:
    """Indices as people write them: "511, 333"; hexagonal ones with the first index that is not negative."""
    rows = [tuple(int(v) for v in row) for row in members]
    if standard.c_A is None:
        families = {tuple(sorted((abs(v) for v in row), reverse=True)) for row in rows}
        return ", ".join(_indices(f) for f in sorted(families, reverse=True))
    positive = [row for row in rows if min(row) >= 0]
    return _indices(max(positive or rows))


def _indices(row: Sequence[int]) -> str:
    return ("" if max(abs(v) for v in row) < 10 and min(row) >= 0 else " ").join(map(str, row))
