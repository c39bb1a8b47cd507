"""The calculated side: a trajectory, partials, a g(r) or a curve, as S(Q) on the measured grid."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from calibration.composition import ELEMENTS
from calibration.errors import InputError
from calibration.report import Finding
from xtsred.simulation.curves import Table, structure_factor
from xtsred.simulation.frame import Frame, ReadOptions
from xtsred.simulation.headings import other_sample
from xtsred.simulation.partials import Partials, partial_distributions
from xtsred.simulation.rdf import read_rdf
from xtsred.simulation.structure_factors import structure_factors, transform
from xtsred.simulation.trajectory import check_sample, open_trajectory, unused_cell
from xtsred.simulation.weights import (
    ComplexArray,
    atomic_number_factors,
    neutron_factors,
    neutron_findings,
    pair_weights,
    refuse_strange_lengths,
    total,
    xray_factors,
)
from xtsred.stages import Array, frozen

__all__ = [
    "Model",
    "Sample",
    "Weighting",
    "curve_model",
    "pair_columns",
    "partials_model",
    "peek_fractions",
    "rdf_model",
    "trajectory_model",
]

_PAIR = re.compile(r"([A-Z][a-z]?)[-_ ]?([A-Z][a-z]?)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighting:
    """What the atoms scatter with. energy_kev: for "xray", None: f0 alone; lengths_fm: for "neutron", own values."""

    kind: Literal["Z", "xray", "neutron"]
    energy_kev: float | None = None
    lengths_fm: Mapping[str, float] = field(default_factory=dict)

    def factors(self, elements: Sequence[str], q: Array) -> ComplexArray:
        """Scattering factor of each element, shape (e, n)."""
        if self.kind == "Z":
            return atomic_number_factors(elements, q)
        if self.kind == "neutron":
            return neutron_factors(elements, q, lengths_fm=self.lengths_fm)
        return xray_factors(elements, q, energy_kev=self.energy_kev)

    def findings(self, elements: Sequence[str]) -> tuple[Finding, ...]:
        """What a user of these factors must know."""
        if self.kind == "neutron":
            return neutron_findings(elements, lengths_fm=self.lengths_fm)
        if self.kind == "xray" and self.energy_kev is None:
            text = "No photon energy is stated: f' and f'' are left out of the form factors (--energy-kev)."
            return (Finding("note", text),)
        return ()

    def __str__(self) -> str:
        if self.kind == "Z":
            return "f = Z"
        if self.kind == "neutron":
            return "neutron lengths"
        anomalous = f"f' and f'' at {self.energy_kev:g} keV" if self.energy_kev else "no f', f''"
        return f"X-ray f(Q), {anomalous}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is known of the measured sample; None where not stated."""

    fractions: Mapping[str, float] | None = None
    number_density_per_a3: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """S(Q) of a model at `q`, shape (n,). blocks: shape (b, n), independent, or None.

    window: how its g(r) was cut off at r_max (Å), "" and None for a curve; other_windows: S with the other ones, for their effect on R.
    lowest_q: 2 pi/L of its box, 0 where it has none. partials: and their S_ij(Q), shape (p, n); None for a curve.
    """

    name: str
    kind: str
    q: Array
    s: Array
    blocks: Array | None = None
    window: str = ""
    r_max: float | None = None
    other_windows: Mapping[str, Array] = field(default_factory=dict)
    lowest_q: float = 0.0
    density: float | None = None
    fractions: Mapping[str, float] | None = None
    partials: Partials | None = None
    partial_s: Array | None = None
    frames: int | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def window_text(self) -> str:
        """Window and where it ends."""
        return f"{self.window}, at r = {self.r_max:.4g} Å" if self.window else "as in the file"


def peek_fractions(path: Path, options: ReadOptions) -> dict[str, float]:
    """Atomic fractions of a trajectory's first wanted frame."""
    frame = next(iter(open_trajectory(path, options=options)))
    count = len(frame.kinds)
    return {e: n / count for e, n in frame.numbers.items()}


def trajectory_model(
    paths: Sequence[Path],
    q: Array,
    *,
    options: ReadOptions,
    weighting: Weighting,
    sample: Sample,
    window: str,
) -> Model:
    """g_ij(r) over the frames of one or several independent boxes, S_ij(Q), and the total.

    q: the measured grid; points below 2 pi/L are left out of the model. window: "lorch" or "none", of the
    truncation at half the smallest height. Raises InputError.
    """
    boxes = [open_trajectory(path, options=options) for path in paths]
    first = next(iter(boxes[0]))
    findings = check_sample(
        first, fractions=sample.fractions, number_density_per_a3=sample.number_density_per_a3
    )
    findings = (*findings, *unused_cell(first, options))
    if weighting.kind == "neutron":
        refuse_strange_lengths(weighting.lengths_fm, first.elements)
    partials = partial_distributions([_overlap_checked(box) for box in boxes])
    lowest = 2.0 * np.pi / partials.shortest_height
    grid = q[q >= lowest]
    if grid.size == 0:
        raise InputError(
            f"the box is too small for the measured range (2 pi/L = {lowest:.3g} Å^-1)",
            where=str(paths[0]),
        )
    weights = pair_weights(
        partials.fractions, weighting.factors(partials.elements, grid), pairs=partials.pairs
    )
    partial_s, block_s = structure_factors(partials, grid, window=window)
    others = {}
    for name in ("lorch", "none"):
        if name != window:
            other, _ = structure_factors(partials, grid, window=name)
            others[name] = total(other, weights)
    if partials.blocks is None:
        text = (
            f"{paths[0].name} is one configuration: the model's own uncertainty is not known, and it is not ranked "
            "against another (give independent boxes with --average, or more frames)."
        )
        findings = (*findings, Finding("note", text))
    return Model(
        name=" + ".join(p.name for p in paths),
        kind=f"trajectory ({boxes[0].format})",
        q=frozen(grid),
        s=frozen(total(partial_s, weights)),
        blocks=None if block_s is None else frozen(total(block_s, weights)),
        window=window,
        r_max=partials.r_max,
        other_windows=others,
        lowest_q=lowest,
        density=partials.density,
        fractions=dict(zip(partials.elements, partials.fractions.tolist(), strict=True)),
        partials=partials,
        partial_s=frozen(partial_s),
        frames=partials.frames,
        findings=(*findings, *weighting.findings(partials.elements)),
    )


def _overlap_checked(frames: Iterable[Frame]) -> Iterable[Frame]:
    """Frames as they come; the first is searched for atoms on top of each other."""
    for number, frame in enumerate(frames):
        if number == 0:
            _refuse_overlap(frame)
        yield frame


def _refuse_overlap(frame: Frame) -> None:
    from scipy.spatial import cKDTree

    close = cKDTree(frame.positions).query_pairs(0.3)
    if close:
        a, b = min(close)
        raise InputError(
            f"atoms {a + 1} and {b + 1} of frame {frame.index} are closer than 0.3 Å",
            why="no bond is that short: an atom is listed twice, or lengths are not in Å",
            remedy="check the units of the cell and of the positions (nm must be multiplied by 10)",
        )


def pair_columns(table: Table) -> dict[tuple[str, str], int] | None:
    """Columns named by pairs ("Si-O"), or None where there are none."""
    found: dict[tuple[str, str], int] = {}
    for column, name in enumerate(table.names):
        match = _PAIR.match(name.replace("S(", "").strip(" )"))
        if column and match and {match.group(1), match.group(2)} <= set(ELEMENTS):
            found[match.group(1), match.group(2)] = column
    return found or None


def partials_model(table: Table, *, weighting: Weighting, sample: Sample) -> Model:
    """Faber-Ziman partials S_ij(Q) in columns named by pairs, weighted with the sample's composition.

    Raises InputError where a pair is missing, or the composition is not known.
    """
    columns = pair_columns(table)
    if columns is None:
        raise InputError("no column is named by a pair of elements", where=table.file)
    if sample.fractions is None:
        raise InputError(
            "partials need the composition to be weighted",
            remedy="state it, for instance --composition Na2SiS3",
            where=table.file,
        )
    elements = tuple(sample.fractions)
    if weighting.kind == "neutron":
        refuse_strange_lengths(weighting.lengths_fm, elements)
    pairs, rows = [], []
    for i, a in enumerate(elements):
        for j in range(i, len(elements)):
            column = columns.get((a, elements[j]), columns.get((elements[j], a)))
            if column is None:
                raise InputError(
                    f"the column {a}-{elements[j]} is missing",
                    why=f"columns: {', '.join(table.names)}",
                    where=table.file,
                )
            pairs.append((i, j))
            rows.append(table.values[:, column])
    q = table.values[:, 0]
    fractions = np.array(list(sample.fractions.values()))
    weights = pair_weights(fractions / fractions.sum(), weighting.factors(elements, q), pairs=pairs)
    return Model(
        name=Path(table.file).name,
        kind="partials",
        q=frozen(q),
        s=frozen(total(np.array(rows), weights)),
        partial_s=frozen(np.array(rows)),
        density=sample.number_density_per_a3,
        fractions=dict(sample.fractions),
        findings=(*table.findings, *weighting.findings(elements)),
    )


def curve_model(
    table: Table, *, meaning: str | None, mean_b_squared: float | None, sample: Sample
) -> Model:
    """A calculated curve, as it is: its weights and window are its author's."""
    curve = structure_factor(table, meaning=meaning, mean_b_squared=mean_b_squared)
    return Model(
        name=Path(table.file).name,
        kind=f"curve ({curve.meaning})",
        q=curve.q,
        s=curve.s,
        density=sample.number_density_per_a3,
        fractions=sample.fractions,
        findings=(
            *curve.findings,
            *other_sample(
                Path(table.file).name,
                table.comments,
                fractions=sample.fractions,
                number_density_per_a3=sample.number_density_per_a3,
            ),
        ),
    )


def rdf_model(
    path: Path, q: Array, *, sample: Sample, window: str, how: str | None = None
) -> Model:
    """A total g(r) with its author's weights. how: by what it was recognised, None: stated. Raises InputError
    without the number density."""
    density = sample.number_density_per_a3
    if density is None:
        raise InputError(
            "a g(r) needs the number density to become S(Q)",
            why="" if how is None else f"the file is taken as g(r): {how}",
            remedy="state it in atoms/Å^3, for instance --density 0.02125",
            where=str(path),
        )
    r, g, findings = read_rdf(path)
    if how is not None:
        text = f"{path.name} is taken as g(r): {how}. Not stated with --calculated-is."
        findings = (Finding("note", text), *findings)
    lowest = np.pi / float(r[-1])
    grid = q[q >= lowest]
    texts = {
        name: transform(r, g, grid, density=density, window=name) for name in ("lorch", "none")
    }
    return Model(
        name=path.name,
        kind="g(r)",
        q=frozen(grid),
        s=frozen(texts[window]),
        window=window,
        r_max=float(r[-1]),
        other_windows={k: v for k, v in texts.items() if k != window},
        lowest_q=lowest,
        density=density,
        fractions=sample.fractions,
        findings=findings,
    )
