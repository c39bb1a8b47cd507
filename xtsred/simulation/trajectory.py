"""A trajectory file as a stream of checked frames of one size and one composition."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.composition import ELEMENTS
from calibration.errors import InputError, ReadError
from calibration.report import Finding
from xtsred.simulation.formats import READERS
from xtsred.simulation.formats.lines import LineReader, open_text
from xtsred.simulation.frame import Frame, FrameRange, ReadOptions, checked_cell
from xtsred.stages import Array

__all__ = [
    "Trajectory",
    "check_sample",
    "formal_charge",
    "is_trajectory",
    "open_trajectory",
    "parse_atoms",
    "parse_cell",
    "parse_frames",
    "parse_types",
    "parse_values",
    "read_options",
    "unused_cell",
]

_HEAD = 8192

# the usual oxidation numbers of glass formers, modifiers and anions: a check, never an input of a result
_FORMAL: Mapping[str, int] = {
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs", "Ag"), 1),
    **dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn"), 2),
    **dict.fromkeys(("B", "Al", "Ga", "La", "Y"), 3),
    **dict.fromkeys(("Si", "Ge", "Ti", "Zr"), 4),
    **dict.fromkeys(("P", "As"), 5),
    **dict.fromkeys(("O", "S", "Se", "Te"), -2),
    **dict.fromkeys(("F", "Cl", "Br", "I"), -1),
}


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A file that yields its wanted frames each time it is iterated; nothing is kept in memory."""

    path: Path
    format: str
    options: ReadOptions = field(default_factory=ReadOptions)

    def __iter__(self) -> Iterator[Frame]:
        """Frames. Raises ReadError, also where a frame's atoms differ from the first's."""
        reader = READERS[self.format][1]
        first: Frame | None = None
        with open_text(self.path) as stream:
            for frame in reader(LineReader(stream, name=str(self.path)), self.options):
                if first is None:
                    first = frame
                elif len(frame.kinds) != len(first.kinds):
                    raise _changed(
                        self.path, frame, f"{len(first.kinds)} atoms, then {len(frame.kinds)}"
                    )
                elif frame.elements != first.elements or np.any(frame.kinds != first.kinds):
                    raise _changed(
                        self.path, frame, "the elements or their order differ from the first frame"
                    )
                yield frame
        if first is None:
            raise ReadError(
                "no frame was found",
                why="the file holds none within the range of frames asked for",
                remedy="check --frames start:stop:step (0-based, stop excluded)",
                where=str(self.path),
            )


def _changed(path: Path, frame: Frame, why: str) -> ReadError:
    return ReadError(
        f"frame {frame.index} is not of the same system",
        why=why,
        remedy="split the file, or choose frames with --frames start:stop:step",
        where=str(path),
    )


def is_trajectory(path: Path) -> bool:
    """Whether the content is one of the formats."""
    return _format(path) is not None


def open_trajectory(path: Path, *, options: ReadOptions | None = None) -> Trajectory:
    """Recognise a file by its content. Raises ReadError where it is no known format."""
    name = _format(path)
    if name is None:
        raise ReadError(
            "this is no trajectory that can be read",
            why=f"its content is none of {', '.join(READERS)}",
            remedy="convert it to extended XYZ",
            where=str(path),
        )
    return Trajectory(path, name, options if options is not None else ReadOptions())


def _format(path: Path) -> str | None:
    with open_text(path) as stream:
        try:
            head = stream.read(_HEAD)
        except (EOFError, OSError) as error:
            raise ReadError(
                "the compressed file is damaged", why=str(error), where=str(path)
            ) from error
    return next((name for name, (matches, _) in READERS.items() if matches(head, path.name)), None)


def parse_frames(text: str) -> FrameRange:
    """ "start:stop:step" (0-based, stop excluded, any part may be empty). Raises InputError."""
    found = re.fullmatch(r"(\d*):(\d*)(?::(\d*))?", text.strip())
    if not found:
        raise InputError(
            f"--frames {text!r} is not start:stop:step",
            remedy="write for instance 100:500:10 (0-based, stop excluded; counted from the start only)",
        )
    start, stop, step = (int(x) if x else None for x in found.groups())
    if step == 0 or (stop is not None and stop <= (start or 0)):
        raise InputError(f"--frames {text!r} holds no frame")
    return FrameRange(start or 0, stop, step or 1)


def parse_types(text: str) -> dict[str, str]:
    """ "1=Si,2=O" to a mapping. Raises InputError."""
    table: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        label, found, element = (p.strip() for p in part.partition("="))
        if not found or element not in ELEMENTS:
            raise InputError(f"--types {part!r} is not type=element", remedy="write 1=Si,2=O")
        table[label] = element
    return table


def parse_atoms(text: str) -> tuple[tuple[str, int], ...]:
    """ "Na36,Si36,S96" to pairs. Raises InputError."""
    pairs = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        found = re.fullmatch(r"([A-Z][a-z]?)(\d+)", part)
        if not found or found.group(1) not in ELEMENTS:
            raise InputError(f"--atoms {part!r} is not an element and a number")
        pairs.append((found.group(1), int(found.group(2))))
    return tuple(pairs)


def parse_values(text: str, *, option: str) -> dict[str, float]:
    """ "Li=-2.22,B=6.65" to a mapping of elements to numbers. Raises InputError."""
    table: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        element, _, value = (p.strip() for p in part.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if element not in ELEMENTS:
            raise InputError(
                f"{option} {part!r}: {element!r} is no element",
                remedy=f"write for instance {option} Si=4.15",
            )
        if not math.isfinite(number):
            raise InputError(
                f"{option} {part!r} is not element=number",
                remedy=f"write for instance {option} {element}=4.15",
            )
        table[element] = number
    return table


def parse_cell(text: str) -> Array:
    """ "a", "a,b,c" (orthogonal) or nine numbers, Å, to shape (3, 3). Raises InputError."""
    wrong = InputError(
        f"--cell {text!r} is not 1, 3 or 9 lengths in Å",
        remedy="write --cell 21.4 (cube), --cell 21.4,21.4,30 (right angles), or the nine numbers of a, b and c",
    )
    try:
        values = [float(x) for x in re.split(r"[\s,]+", text.strip())]
    except ValueError:
        values = []
    if len(values) == 1:
        values *= 3
    if len(values) == 3:
        if min(values) <= 0.0:
            raise wrong
        return checked_cell(np.diag(values), where="--cell")
    if len(values) == 9:
        return checked_cell(values, where="--cell")
    raise wrong


def unused_cell(frame: Frame, options: ReadOptions) -> tuple[Finding, ...]:
    """Whether a stated cell was passed over, because the file has its own."""
    if options.cell is None or np.allclose(frame.cell, options.cell, rtol=1e-4):
        return ()
    text = "--cell is not used: the file has its own cell, and it is another one."
    return (Finding("warning", text),)


def read_options(
    *, frames: str | None, types: str | None, cell: str | None, atoms: str | None
) -> ReadOptions:
    """Options of a command line; None where not given. Raises InputError."""
    return ReadOptions(
        types=parse_types(types) if types else {},
        cell=parse_cell(cell) if cell else None,
        atoms=parse_atoms(atoms) if atoms else (),
        frames=parse_frames(frames) if frames else FrameRange(),
    )


def formal_charge(numbers: Mapping[str, int]) -> int | None:
    """Charge of the box with the usual oxidation numbers, in e; None where an element has none in the table."""
    if any(e not in _FORMAL for e in numbers):
        return None
    return sum(n * _FORMAL[e] for e, n in numbers.items())


def check_sample(
    frame: Frame,
    *,
    fractions: Mapping[str, float] | None,
    number_density_per_a3: float | None,
) -> tuple[Finding, ...]:
    """Compare a model's composition, density and formal charge with the sample's.

    fractions: atomic fractions of the sample; number_density_per_a3: of the sample; None where not stated.
    Raises InputError for an element that only one of the two has.
    """
    findings: list[Finding] = []
    total = sum(frame.numbers.values())
    if fractions is not None:
        ours = {e: n / total for e, n in frame.numbers.items()}
        theirs = {e: x / sum(fractions.values()) for e, x in fractions.items() if x > 0.0}
        strange = sorted(set(ours) ^ set(theirs))
        if strange:
            raise InputError(
                f"the model and the sample do not have the same elements: {', '.join(strange)}",
                why=f"model: {', '.join(ours)}; sample: {', '.join(theirs)}",
                remedy="correct --types or the sample's composition",
            )
        worst = max(ours, key=lambda e: abs(ours[e] - theirs[e]))
        off = abs(ours[worst] - theirs[worst])
        # a box of N atoms cannot do better than half an atom
        if off > max(0.002, 0.5 / total):
            findings.append(
                Finding(
                    "warning",
                    f"The model's composition is not the sample's: {worst} {ours[worst]:.4f} against {theirs[worst]:.4f}.",
                    {"model": ours[worst], "sample": theirs[worst]},
                )
            )
    density = total / frame.volume
    if number_density_per_a3 is not None and not math.isclose(
        density, number_density_per_a3, rel_tol=0.01
    ):
        findings.append(
            Finding(
                "warning",
                f"The model has {density:.5g} atoms/Å^3, the sample {number_density_per_a3:.5g}.",
                {"model": density, "sample": number_density_per_a3},
            )
        )
    charge = formal_charge(frame.numbers)
    if charge:
        findings.append(
            Finding(
                "warning",
                f"With the usual oxidation numbers the box carries a formal charge of {charge:+d} e.",
                {"charge": float(charge)},
            )
        )
    return tuple(findings)
