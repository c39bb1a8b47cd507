"""From the columns of a table to Z in Ohm, with its sign settled and checked."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from cis.io.columns import Column, Role, unit_factor
from cis.io.options import ReadOptions
from cis.io.physics import bode_agreement, bode_slope
from cis.io.table import Table, complete_pairs
from cis.stages import Array, ComplexArray

__all__ = ["EPS0", "Cell", "Derived", "derive"]

EPS0 = 8.8541878128e-12  # F/m, CODATA 2018
_SI: dict[Role, str] = {
    "Z'": "Ohm", "|Z|": "Ohm", "Y'": "S", "|Y|": "S", "Cp": "F", "Cs": "F", "Lp": "H", "Ls": "H", "sigma'": "S/m",
}  # fmt: skip
_IMAGINARY: tuple[Role, ...] = ("Z''", "phase", "Y''", "phase Y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Geometry that the file itself states, in metres; needed only for permittivity columns."""

    area_m2: float
    thickness_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """f and Z of a table, row by row (NaN where a cell is a gap), with temperatures and counters if there are any."""

    frequency_hz: Array
    z_ohm: ComplexArray
    temperature_k: Array | None
    set_k: Array | None
    cycle: Array | None
    pair: tuple[Role, Role]
    findings: tuple[Finding, ...]


def derive(
    table: Table,
    *,
    options: ReadOptions,
    where: str,
    sign_known: bool = False,
    cell: Cell | None = None,
) -> Derived:
    """Convert to Hz and Ohm. sign_known: the format fixes the sign, so that physics can only raise a doubt.

    Raises ReadError where header and physics contradict each other, or a unit is not one of an impedance.
    """
    findings = [Finding("note", n[0].upper() + n[1:] + ".") for n in table.notes]
    frequency = _frequency(table, options, findings, where, sign_known)
    pairs = complete_pairs(table.columns)
    values = _Values(table, where, options)
    # where two pairs have the same rank the table's order decides; a pair that is empty does not count
    pair = next((p for p in pairs if _has_numbers(values, p)), pairs[0])
    z = _impedance(pair, frequency, values, cell, findings, where)
    _note_missing_unit(values.header(pair[0]), findings, sign_known)
    if options.imaginary_sign == "file":
        _check_sign(frequency, z, pair, table, findings, where, sign_known)
    _check_second_pair(pairs, pair, frequency, values, z, findings)
    temperature, set_point = (_kelvin(table, role, findings) for role in ("T", "T set"))
    return Derived(
        frequency_hz=frequency, z_ohm=z, temperature_k=temperature, set_k=set_point,
        cycle=_column(table, "cycle"), pair=pair, findings=tuple(findings),
    )  # fmt: skip


def _note_missing_unit(column: Column, findings: list[Finding], known: bool) -> None:
    unit = _SI.get(column.role or "f")
    if unit is not None and column.factor is None and not known:
        findings.append(Finding("note", f'No unit stands at "{column.header}": taken as {unit}.'))


def _has_numbers(values: "_Values", pair: tuple[Role, Role]) -> bool:
    return all(bool(np.isfinite(values.raw(role)).any()) for role in pair)


def _column(table: Table, role: Role) -> Array | None:
    for i, column in enumerate(table.columns):
        if column.role == role:
            values: Array = table.values[:, i]
            return values
    return None


def _find(table: Table, role: Role) -> Column | None:
    return next((c for c in table.columns if c.role == role), None)


class _Values:
    """Columns of a table in SI units, by role; a missing unit is the SI unit."""

    def __init__(self, table: Table, where: str, options: ReadOptions) -> None:
        self._table, self._where, self._options = table, where, options

    def raw(self, role: Role) -> Array:
        values = _column(self._table, role)
        return np.full(len(self._table.line), np.nan) if values is None else values

    def header(self, role: Role) -> Column:
        column = _find(self._table, role)
        if column is None:
            raise KeyError(role)
        return column

    def __call__(self, role: Role) -> Array:
        column = self.header(role)
        values = self.raw(role)
        if column.factor is not None and np.isnan(column.factor):
            raise ReadError(
                f'"{column.header}" is an impedance times an area',
                why="a conductivity needs the impedance of the sample in Ohm",
                remedy="divide by the electrode area, or export Z in Ohm",
                where=self._where,
            )
        if column.logarithm:
            with np.errstate(over="ignore"):
                values = 10.0**values
        sign = column.sign
        if role in _IMAGINARY and self._options.imaginary_sign != "file":
            sign = 1 if self._options.imaginary_sign == "plus" else -1
        factor = 1.0 if column.factor is None else column.factor
        return np.asarray(values * (sign * factor), dtype=np.float64)


def _frequency(
    table: Table, options: ReadOptions, findings: list[Finding], where: str, known: bool
) -> Array:
    column = _find(table, "f") or _find(table, "omega")
    values = None if column is None or column.role is None else _column(table, column.role)
    if column is None or values is None:
        raise ReadError("no frequency column", where=where)
    factor, role = column.factor, column.role
    if options.frequency_unit:
        found = unit_factor(options.frequency_unit, "f")
        if found is None:
            raise ReadError(
                f'"{options.frequency_unit}" is not a unit of frequency',
                remedy="use Hz, kHz, MHz or rad/s",
            )
        factor, role = found[1], "omega" if found[0] == "rad/s" else "f"
    elif column.unit == "rad/s":
        role = "omega"
    if re.search(r"(?<![A-Za-z])mhz", column.header) and not options.frequency_unit:
        raise ReadError(
            f'does "{column.header}" mean MHz or mHz?',
            why="the unit is written in small letters, and the two differ by nine decades",
            remedy="answer with --frequency-unit MHz (or mHz)",
            where=where,
        )
    if factor is None and not options.frequency_unit and not known:
        findings.append(
            Finding(
                "note",
                f'No unit stands at "{column.header}": taken as {"rad/s" if role == "omega" else "Hz"}.',
            )
        )
    if column.logarithm:
        with np.errstate(over="ignore"):
            values = 10.0**values
    scale = (1.0 if factor is None else factor) / (2.0 * np.pi if role == "omega" else 1.0)
    return np.asarray(values * scale, dtype=np.float64)


# series and parallel equivalents: Agilent Impedance Measurement Handbook (5950-3000), table 1-1
_FORMULAS: dict[tuple[Role, Role], Callable[[Array, Array, Array], Any]] = {
    ("Z'", "Z''"): lambda a, b, w: a + 1j * b,
    ("Rs", "Z''"): lambda a, b, w: a + 1j * b,
    ("Y'", "Y''"): lambda a, b, w: 1.0 / (a + 1j * b),
    ("Cp", "Rp"): lambda a, b, w: 1.0 / (1.0 / b + 1j * w * a),
    ("Cp", "Y'"): lambda a, b, w: 1.0 / (b + 1j * w * a),
    ("Cp", "D"): lambda a, b, w: 1.0 / (w * a * (b + 1j)),
    ("Cp", "Q"): lambda a, b, w: 1.0 / (w * a * (1.0 / b + 1j)),
    ("Cs", "Rs"): lambda a, b, w: b - 1j / (w * a),
    ("Cs", "Z'"): lambda a, b, w: b - 1j / (w * a),
    ("Cs", "D"): lambda a, b, w: (b - 1j) / (w * a),
    ("Cs", "Q"): lambda a, b, w: (1.0 / b - 1j) / (w * a),
    ("Lp", "Rp"): lambda a, b, w: 1.0 / (1.0 / b + 1.0 / (1j * w * a)),
    ("Lp", "Y'"): lambda a, b, w: 1.0 / (b + 1.0 / (1j * w * a)),
    ("Ls", "Rs"): lambda a, b, w: b + 1j * w * a,
    ("Ls", "Z'"): lambda a, b, w: b + 1j * w * a,
}


def _impedance(
    pair: tuple[Role, Role],
    f: Array,
    v: "_Values",
    cell: Cell | None,
    findings: list[Finding],
    where: str,
) -> ComplexArray:
    omega = 2.0 * np.pi * f
    first, second = pair
    with np.errstate(all="ignore"):
        if second in ("phase", "phase Y"):
            modulus, phase = v(first), v(second)
            unit = _phase_unit(v.header(second), phase, f, modulus, findings, where)
            z = modulus * np.exp(1j * phase * unit)
            return np.asarray(z if first == "|Z|" else 1.0 / z, dtype=np.complex128)
        if first == "eps'":
            return _from_permittivity(pair, omega, v, cell, findings, where)
        return np.asarray(_FORMULAS[pair](v(first), v(second), omega), dtype=np.complex128)


def _from_permittivity(
    pair: tuple[Role, Role],
    omega: Array,
    v: _Values,
    cell: Cell | None,
    findings: list[Finding],
    where: str,
) -> ComplexArray:
    """Z = 1/(i omega C0 eps*), eps* = eps' - i eps'', C0 = eps0 A/d (Kremer & Schoenhals 2003, ch. 1)."""
    if cell is None:
        raise ReadError(
            "the file holds permittivities and does not say the sample's diameter and thickness",
            why="an impedance needs both",
            remedy="export Z' and Z'' (Zs', Zs'' in WinDETA), or the header line with Diameter and Thickness",
            where=where,
        )
    real = v("eps'")
    loss = (
        v("eps''")
        if pair[1] == "eps''"
        else real * v("D")
        if pair[1] == "D"
        else v("sigma'") / (omega * EPS0)
    )
    c0 = EPS0 * cell.area_m2 / cell.thickness_m
    findings.append(
        Finding(
            "note",
            "Z was computed from the permittivity with the geometry stated in the file.",
            {"area_cm2": cell.area_m2 * 1e4, "thickness_mm": cell.thickness_m * 1e3},
        )
    )
    return np.asarray(1.0 / (1j * omega * c0 * (real - 1j * loss)), dtype=np.complex128)


def _phase_unit(
    column: Column, phase: Array, f: Array, modulus: Array, findings: list[Finding], where: str
) -> float:
    """1 where the header states the unit; else degrees or radians, by their size, else by the slope of |Z|."""
    if column.factor is not None:
        return 1.0
    degree = float(np.pi / 180.0)
    finite = np.isfinite(phase) & np.isfinite(modulus) & (f > 0) & (modulus > 0)
    largest = float(np.max(np.abs(phase[finite]), initial=0.0))
    if largest > 3.3:
        findings.append(
            Finding(
                "note",
                f'No unit stands at "{column.header}": degrees, since it reaches {largest:.3g}.',
            )
        )
        return degree
    found = bode_slope(f[finite], modulus[finite])
    if found is not None:
        slope, weight, order = found
        p = phase[finite][order.astype(np.int64)]
        norm = float(np.sum(weight * p**2))
        ratio = abs(float(np.sum(weight * slope * p))) / norm if norm > 0 else 0.0
        for name, factor in (("radians", 1.0), ("degrees", degree)):
            if 0.4 < ratio / (2.0 / np.pi * factor) < 2.5:
                findings.append(
                    Finding(
                        "note", f'No unit stands at "{column.header}": {name}, by the slope of |Z|.'
                    )
                )
                return factor
    raise ReadError(
        f'is "{column.header}" in degrees or in radians?',
        why="the header does not say, and the values fit neither clearly",
        remedy='write the unit into the header, e.g. "phase/deg"',
        where=where,
    )


def _check_sign(
    f: Array,
    z: ComplexArray,
    pair: tuple[Role, Role],
    table: Table,
    findings: list[Finding],
    where: str,
    known: bool,
) -> None:
    good = np.isfinite(z) & (f > 0) & (np.abs(z) > 0)
    agreement = bode_agreement(f[good], z[good]) if np.count_nonzero(good) >= 5 else None
    if agreement is None or agreement > -0.6:
        _doubt_positive(z[good], agreement, pair, findings)
        return
    column = _find(table, pair[1])
    header = column.header if column is not None else pair[1]
    passive = float(np.mean(z[good].real > 0))
    why = f'"{header}" has the sign that |Z| falling or rising with frequency forbids (Bode correlation {agreement:+.2f})'
    if known or pair[1] not in ("Z''",) or passive < 0.9:
        findings.append(
            Finding(
                "warning",
                f"The sign of the imaginary part looks turned: {why}.",
                {"bode_correlation": agreement},
            )
        )
        return
    raise ReadError(
        f"does \"{header}\" hold Z'' or -Z''?",
        why=why,
        remedy="answer with --imaginary-sign plus (it is Z'', negative for a capacitor) or minus (it is -Z'')",
        where=where,
    )


def _doubt_positive(
    z: ComplexArray, agreement: float | None, pair: tuple[Role, Role], findings: list[Finding]
) -> None:
    """Z'' > 0 nearly everywhere, and physics does not say that it is right: an inductor, or a lost minus sign."""
    positive = float(np.mean(z.imag > 0)) if z.size else 0.0
    if pair[1] == "Z''" and positive > 0.9 and (agreement is None or agreement < 0.3):
        findings.append(
            Finding(
                "warning",
                "Z'' is positive (inductive) nearly everywhere; if the sample is capacitive the column holds -Z'':"
                " read again with --imaginary-sign minus.",
                {"share_positive": positive},
            )
        )


def _check_second_pair(
    pairs: Sequence[tuple[Role, Role]], used: tuple[Role, Role], f: Array, v: _Values, z: ComplexArray,
    findings: list[Finding],
) -> None:  # fmt: skip
    """Where the file gives Z twice, both must agree within 2% of |Z|."""
    for pair in pairs:
        if pair == used or pair not in (("Z'", "Z''"), ("|Z|", "phase"), ("Y'", "Y''")):
            continue
        if v.header(pair[1]).factor is None and pair[1] == "phase":
            continue
        with np.errstate(all="ignore"):
            other = _impedance(pair, f, v, None, [], "")
            off = np.abs(other - z) / np.abs(z)
        off = off[np.isfinite(off)]
        if off.size and np.median(off) > 0.02:
            findings.append(
                Finding(
                    "warning",
                    f"{used[0]}, {used[1]} and {pair[0]}, {pair[1]} of the file disagree; the first pair was used.",
                    {"median_relative_difference": float(np.median(off))},
                )
            )


def _kelvin(table: Table, role: Role, findings: list[Finding]) -> Array | None:
    column, values = _find(table, role), _column(table, role)
    if column is None or values is None or not np.isfinite(values).any():
        return None
    if column.factor is None:
        findings.append(
            Finding("warning", f'"{column.header}" has no unit (°C or K?) and was not used.')
        )
        return None
    offset = 273.15 if column.unit == "°C" else 0.0
    kelvin = values + offset
    return np.where((kelvin > 0) & (kelvin < 4000), kelvin, np.nan)
