"""What is known of the measured sample, from where; and the <b>^2 that an absolute F(Q) is divided by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.composition import parse_formula
from calibration.errors import InputError
from calibration.report import Finding
from xtsred.simulation.curves import Curve, Table
from xtsred.simulation.frame import ReadOptions
from xtsred.simulation.headings import stated_sample
from xtsred.simulation.model import Sample, Weighting, peek_fractions
from xtsred.simulation.trajectory import is_trajectory
from xtsred.simulation.weights import mean_b_squared_barn

__all__ = [
    "AbsoluteScale",
    "absolute_scale",
    "distinct_names",
    "mean_b_squared",
    "refuse_repeated",
    "sample_of",
]

_SAME = 0.002  # atomic fractions that differ by less are the same composition


def sample_of(
    table: Table, *, composition: str | None, density: float | None
) -> tuple[Sample, tuple[Finding, ...]]:
    """Composition and density as stated, else those of the measured file's header, which is reported.

    density: atoms/Å^3. Raises InputError where a statement contradicts the header, or is no density.
    """
    if density is not None and not 0.0 < density < 1.0:
        raise InputError(
            f"--density {density:g} is no number density",
            remedy="state it in atoms/Å^3, e.g. 0.0663",
        )
    header, header_density = stated_sample(table.comments)
    stated = parse_formula(composition) if composition else None
    if stated is not None and header is not None and not _same(stated, header):
        raise InputError(
            f"--composition {composition} is not what the measured file says: {_text(header)}",
            remedy="correct one of them",
            where=table.file,
        )
    taken = []
    if stated is None and header is not None:
        taken.append(f"composition {_text(header)}")
    if density is None and header_density is not None:
        taken.append(f"{header_density:g} atoms/Å^3")
    findings: tuple[Finding, ...] = ()
    if taken:
        text = f"Taken from the header of {Path(table.file).name}: {', '.join(taken)}."
        findings = (Finding("note", text),)
    sample = Sample(
        fractions=stated if stated is not None else header,
        number_density_per_a3=density if density is not None else header_density,
    )
    return sample, findings


def _same(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    return all(abs(a.get(e, 0.0) - b.get(e, 0.0)) <= _SAME for e in {*a, *b})


def _text(fractions: Mapping[str, float]) -> str:
    return " ".join(f"{e} {x:.4f}" for e, x in fractions.items())


def mean_b_squared(
    weighting: Weighting | None, fractions: Mapping[str, float] | None
) -> float | None:
    """<b>^2 in barn; None without neutrons or without a composition."""
    if weighting is None or weighting.kind != "neutron" or fractions is None:
        return None
    return mean_b_squared_barn(fractions, lengths_fm=weighting.lengths_fm)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteScale:
    """<b>^2 (barn), None where unknown, of which composition and from where. others: models of another one."""

    mean_b_squared: float | None
    fractions: Mapping[str, float] | None
    source: str
    others: tuple[str, ...]

    def used(self, measured: Curve) -> tuple[Finding, ...]:
        """What the conversion of `measured` took. Raises InputError where models leave the composition open."""
        if measured.meaning != "barn" or self.fractions is None or self.mean_b_squared is None:
            return ()
        if self.others:
            raise InputError(
                "the absolute F(Q) in barn needs the composition of the sample: the models differ in theirs",
                why=f"{self.source} has {_text(self.fractions)}; {', '.join(self.others)} not",
                remedy="state it, for instance --composition SiO2",
                where=measured.file,
            )
        text = (
            f"The measured F(Q) was divided by <b>^2 = {self.mean_b_squared:.5f} barn of {_text(self.fractions)} "
            f"({self.source})."
        )
        return (Finding("note", text, {"mean_b_squared_barn": self.mean_b_squared}),)


def absolute_scale(
    calculated: Sequence[Path],
    *,
    options: ReadOptions,
    weighting: Weighting | None,
    sample: Sample,
) -> AbsoluteScale:
    """The scale by the sample's composition, else by that of the models. Reads the first frame of each."""
    fractions, source, others = sample.fractions, "the sample's composition", []
    if fractions is None and weighting is not None and weighting.kind == "neutron":
        for path in calculated:
            if not is_trajectory(path):
                continue
            found = peek_fractions(path, options)
            if fractions is None:
                fractions, source = found, f"composition of {path.name}"
            elif not _same(fractions, found):
                others.append(path.name)
    return AbsoluteScale(
        mean_b_squared=mean_b_squared(weighting, fractions),
        fractions=fractions,
        source=source,
        others=tuple(others),
    )


def refuse_repeated(paths: Sequence[Path]) -> None:
    """One file twice is no second model, and no independent box. Raises InputError."""
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise InputError("this file is given twice", remedy="name it once", where=str(path))
        seen.add(path.resolve())


def distinct_names(groups: Sequence[Sequence[Path]]) -> list[str]:
    """A name for each model: its files' names, with as many folders in front as tell them apart."""
    for depth in range(1, 1 + max(len(path.parts) for paths in groups for path in paths)):
        names = [" + ".join("/".join(p.parts[-depth:]) for p in paths) for paths in groups]
        if len(set(names)) == len(names):
            return names
    return names
