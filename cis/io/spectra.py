"""From tables to spectra: where one measurement ends and the next begins, and the rows that are no points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from cis.io.columns import Column
from cis.io.derive import Cell, Derived, derive
from cis.io.options import ReadOptions
from cis.io.table import PAIRS, Table, complete_pairs, find_tables, nearest_header
from cis.io.temperature import kelvin_in
from cis.io.text import TextFile
from cis.stages import Array, ComplexArray, IntArray, Spectrum

__all__ = ["Facts", "build", "frequency_breaks", "make_spectrum", "read_tables", "spectra_of_table"]

_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What stands around a table. temperature_k: if stated there; cell: geometry, if stated."""

    name: str = ""
    temperature_k: float | None = None
    started: str | None = None
    header: Mapping[str, str] = field(default_factory=dict)
    cell: Cell | None = None
    findings: tuple[Finding, ...] = ()
    ignored: tuple[str, ...] = ()


NOTHING = Facts()


def read_tables(
    text: TextFile,
    *,
    format_name: str,
    options: ReadOptions,
    facts: Callable[[Table], Facts] | None = None,
    adjust: Callable[[Column], Column] | None = None,
    sign_known: bool = False,
) -> tuple[Spectrum, ...]:
    """All spectra of a text with headed tables. facts: what a format knows about one table; adjust: its reading of a column.

    Raises ReadError where no table with a frequency and a complete pair stands in the text.
    """
    tables = find_tables(text, options=options, adjust=adjust)
    if not tables:
        raise no_table(text)
    spectra: list[Spectrum] = []
    for table in tables:
        known = facts(table) if facts is not None else NOTHING
        spectra += spectra_of_table(
            table,
            text=text,
            format_name=format_name,
            options=options,
            facts=known,
            sign_known=sign_known,
        )
    return build(spectra, where=text.path)


def no_table(text: TextFile) -> ReadError:
    """The error for a text without any table of an impedance: it says which line comes nearest, and what is missing."""
    near = nearest_header(text)
    if near is not None:
        line, columns = near
        names = ", ".join(f'"{c.header}"' for c in columns[:6])
        frequency = any(c.role in ("f", "omega") for c in columns)
        lack = "a complete pair (Z' and Z'', |Z| and phase, ...)" if frequency else "a frequency"
        if frequency and complete_pairs(columns):
            lack = "rows of numbers below it"
        why = f"the line names {names}, but {lack} is missing"
    else:
        line = next((n for n, row in enumerate(text.lines, start=1) if row.strip()), 1)
        why = (
            "no line names a frequency and a complete pair (Z' and Z'', |Z| and phase, Cp and D, ...) above rows of"
            f" numbers; the text begins with: {text.lines[line - 1].strip()[:80]!r}"
        )
    return ReadError(
        "no table of an impedance was found",
        why=why,
        remedy="name the columns in a header line (f, Z', Z''), or say which is which with"
        ' --column f=1 --column "Z\'=2" --column "Z\'\'=3"',
        where=text.at(line),
    )


def build(spectra: Sequence[Spectrum], *, where: str) -> tuple[Spectrum, ...]:
    """Number the spectra of one file. Raises ReadError where there is none."""
    if not spectra:
        raise ReadError(
            "the file holds no point of an impedance", remedy="export it again", where=where
        )
    return tuple(
        Spectrum(
            file=s.file, format=s.format, frequency_hz=s.frequency_hz, z_ohm=s.z_ohm, line=s.line, index=i,
            name=s.name, temperature_k=s.temperature_k, started=s.started, header=s.header, ignored=s.ignored,
            findings=s.findings,
        )
        for i, s in enumerate(spectra)
    )  # fmt: skip


def spectra_of_table(
    table: Table,
    *,
    text: TextFile,
    format_name: str,
    options: ReadOptions,
    facts: Facts = NOTHING,
    sign_known: bool = False,
) -> list[Spectrum]:
    """The spectra of one table: side by side groups first, then cycles, set points and restarts of the frequency."""
    found: list[Spectrum] = []
    where = text.at(table.header_line or int(table.line[0]))
    for part in _side_by_side(table):
        got = derive(part, options=options, where=where, sign_known=sign_known, cell=facts.cell)
        keep, findings = _points(got, part, text)
        label = next((c.label for c in part.columns if c.label), "")
        pieces = _pieces(got, keep)
        of_label = kelvin_in(f"T = {label.rpartition('=')[2].strip()}") if label else None
        stated = [of_label if k is None else k for k in _stated_between(part, pieces)]
        about = Facts(
            name=facts.name or label, temperature_k=facts.temperature_k, started=facts.started, header=facts.header,
            findings=(*facts.findings, *got.findings, *findings), ignored=(*facts.ignored, *part.ignored),
        )  # fmt: skip
        found += [
            _one(
                part.line,
                got,
                piece,
                file=text.path,
                format_name=format_name,
                facts=about if kelvin is None else replace(about, temperature_k=kelvin),
            )
            for piece, kelvin in zip(pieces, stated, strict=True)
        ]
    return found


def _stated_between(table: Table, pieces: Sequence[IntArray]) -> list[float | None]:
    """The temperature that a line between two sweeps states for the one that follows ("T = 50 °C")."""
    before = 0
    found: list[float | None] = []
    for piece in pieces:
        begin = int(table.line[piece[0]])
        kelvins = [kelvin_in(remark) for n, remark in table.remarks if before < n < begin]
        found.append(next((k for k in reversed(kelvins) if k is not None), None))
        before = int(table.line[piece[-1]])
    return found


def _one(
    lines: IntArray, got: Derived, piece: IntArray, *, file: str, format_name: str, facts: Facts
) -> Spectrum:
    temperature, more = _temperature(got, piece, facts)
    header = dict(facts.header)
    if got.set_k is not None and np.isfinite(got.set_k[piece]).any():
        header["set temperature / K"] = f"{float(np.nanmean(got.set_k[piece])):.6g}"
    if got.cycle is not None and np.isfinite(got.cycle[piece]).any():
        header["cycle"] = f"{float(got.cycle[piece][0]):g}"
    return make_spectrum(
        file=file,
        format_name=format_name,
        frequency_hz=got.frequency_hz[piece],
        z_ohm=got.z_ohm[piece],
        line=lines[piece],
        facts=Facts(
            name=facts.name, temperature_k=temperature, started=facts.started, header=header,
            findings=(*facts.findings, *more), ignored=facts.ignored,
        ),
    )  # fmt: skip


def make_spectrum(
    *,
    file: str,
    format_name: str,
    frequency_hz: Array,
    z_ohm: ComplexArray,
    line: IntArray,
    facts: Facts,
) -> Spectrum:
    """A spectrum with read-only arrays."""
    f = np.array(frequency_hz, dtype=np.float64)
    z = np.array(z_ohm, dtype=np.complex128)
    n = np.array(line, dtype=np.int64)
    for array in (f, z, n):
        array.setflags(write=False)
    return Spectrum(
        file=file, format=format_name, frequency_hz=f, z_ohm=z, line=n, name=facts.name,
        temperature_k=facts.temperature_k, started=facts.started, header=facts.header,
        ignored=tuple(dict.fromkeys(facts.ignored)), findings=facts.findings,
    )  # fmt: skip


def _side_by_side(table: Table) -> list[Table]:
    """Groups of columns, one spectrum each, where quantities repeat (f, Z', Z'', f, Z', Z'', ... or f, Z', Z'', Z', Z'', ...)."""
    groups: list[list[int]] = [[]]
    shared = [i for i, c in enumerate(table.columns) if c.role in ("f", "omega")]
    once = shared[:1] if len(shared) == 1 else []
    halves = {role for pair in PAIRS for role in pair} | {"f", "omega", "T"}
    counts = [
        sum(c.role == d.role for d in table.columns) if c.role in halves else 0
        for c in table.columns
    ]
    lead = max((counts[i] for i in range(len(counts)) if i not in once), default=1)
    if lead == 1:
        return [table]
    for i, column in enumerate(table.columns):
        if i in once or counts[i] < lead:
            continue
        if any(table.columns[k].role == column.role for k in groups[-1]):
            groups.append([])
        groups[-1].append(i)
    parts = []
    for group in groups:
        chosen = [*once, *group]
        columns = tuple(table.columns[i] for i in chosen)
        if complete_pairs(columns):
            parts.append(
                Table(
                    columns=columns, values=table.values[:, chosen], line=table.line, header_line=table.header_line,
                    above=table.above, ignored=table.ignored, notes=table.notes,
                )
            )  # fmt: skip
    return parts if len(parts) > 1 else [table]


def _points(got: Derived, table: Table, text: TextFile) -> tuple[IntArray, tuple[Finding, ...]]:
    """Rows that are points, and what is said about the others. Raises ReadError for a negative frequency."""
    f, z = got.frequency_hz, got.z_ohm
    negative = np.flatnonzero(f < 0)
    if negative.size:
        raise ReadError(
            "a frequency is negative",
            remedy="check which column is the frequency",
            where=text.at(int(table.line[negative[0]])),
        )
    findings: list[Finding] = []
    zero = f == 0
    bad = ~zero & ~(np.isfinite(f) & np.isfinite(z) & (np.abs(z) > _TINY))
    if zero.any():
        findings.append(
            _left_out(table.line[zero], "with frequency 0 (direct-current part)", "note")
        )
    if bad.any():
        findings.append(_left_out(table.line[bad], "without a finite f and Z", "warning"))
    return np.flatnonzero(~zero & ~bad).astype(np.int64), tuple(findings)


def _left_out(lines: IntArray, why: str, severity: str) -> Finding:
    names = ", ".join(str(n) for n in lines[:8]) + (", ..." if lines.size > 8 else "")
    text = f"{lines.size} row{'s' if lines.size > 1 else ''} {why} left out: line {names}."
    return Finding(
        "warning" if severity == "warning" else "note", text, {"rows": float(lines.size)}
    )


def _pieces(got: Derived, keep: IntArray) -> list[IntArray]:
    if keep.size == 0:
        return []
    cut = np.zeros(keep.size, dtype=bool)
    for column in (got.cycle, got.set_k):
        if column is None:
            continue
        values = column[keep]
        steps = np.isfinite(values[1:]) & np.isfinite(values[:-1]) & (values[1:] != values[:-1])
        # a counter that changes with every row is not a cycle, a set point that drifts is not a set point
        if np.count_nonzero(steps) < 0.34 * keep.size:
            cut[1:] |= steps
    first = np.flatnonzero(cut)
    pieces: list[IntArray] = []
    for block in np.split(np.arange(keep.size), first):
        breaks = frequency_breaks(got.frequency_hz[keep[block]])
        pieces += [keep[block[p]] for p in np.split(np.arange(block.size), breaks)]
    return [p for p in pieces if p.size]


def frequency_breaks(frequency_hz: Array) -> list[int]:
    """Positions where a new sweep begins: the frequency jumps back over half of the way it has come, or turns for good.

    frequency_hz: shape (n,), > 0. Returns sorted positions in 1..n-1. Repeated and slightly disordered points do not count.
    """
    x = np.log(frequency_hz)
    step = np.diff(x)
    moving = step[np.abs(step) > 1e-9]
    if moving.size < 2:
        return []
    breaks: list[int] = []
    start, direction = 0, 0.0
    for k in range(1, x.size):
        d = float(step[k - 1])
        if abs(d) <= 1e-9:
            continue
        if direction == 0.0:
            direction = np.sign(d)
            continue
        if d * direction > 0:
            continue
        come = abs(float(x[k - 1] - x[start]))
        ahead = step[k - 1 : k + 2] * direction
        turned = ahead.size == 3 and bool(np.all(ahead < -1e-9)) and k - start >= 3
        if (abs(d) > 0.5 * come and k - start >= 2) or turned:
            begin = k
            while turned and begin - 1 > start and abs(step[begin - 2]) <= 1e-9:
                begin -= (
                    1  # the turning point was measured twice: the second belongs to the way back
                )
            breaks.append(begin)
            start, direction = begin, (0.0 if begin == k else float(np.sign(d)))
    return [] if _random_order(x, breaks) else breaks


def _random_order(x: Array, breaks: list[int]) -> bool:
    """Short pieces that do not begin at one frequency are points in random order: one spectrum, not many."""
    per_piece = x.size / (len(breaks) + 1)
    starts = x[[0, *breaks]]
    return per_piece < 3 or (per_piece < 8 and float(np.ptp(starts)) > 0.25 * float(np.ptp(x)))


def _temperature(got: Derived, piece: IntArray, facts: Facts) -> tuple[float | None, list[Finding]]:
    findings: list[Finding] = []
    measured = _mean(got.temperature_k, piece)
    set_point = _mean(got.set_k, piece)
    if measured is None or got.temperature_k is None:
        return (set_point if facts.temperature_k is None else facts.temperature_k), findings
    values = got.temperature_k[piece]
    spread = float(np.nanmax(values) - np.nanmin(values))
    if spread > 1.0:
        findings.append(
            Finding(
                "warning",
                "The sample temperature moved by more than 1 K during the sweep.",
                {"span_K": spread},
            )
        )
    if spread == 0.0 and abs(measured - 273.15) < 1e-6 and set_point is None:
        findings.append(
            Finding(
                "warning",
                "The temperature is exactly 0 °C in every row; a thermometer that is not connected may write that too.",
            )
        )
    target = set_point if set_point is not None else facts.temperature_k
    if target is not None and abs(target - measured) > 1.0:
        findings.append(
            Finding(
                "note",
                "The measured sample temperature differs from the set point by more than 1 K; the measured one is given.",
                {"measured_K": measured, "set_K": target},
            )
        )
    return measured, findings


def _mean(values: Array | None, piece: IntArray) -> float | None:
    if values is None:
        return None
    good = values[piece][np.isfinite(values[piece])]
    return float(np.mean(good)) if good.size else None
