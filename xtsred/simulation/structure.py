"""Everything that one trajectory tells: cutoffs, coordination numbers, network units, neighbours, motion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calibration.errors import InputError
from calibration.report import Finding
from xtsred.simulation.neighbours import neighbour_pairs
from xtsred.simulation.partials import Minimum, Partials, first_minimum, partial_distributions
from xtsred.simulation.statistics import BlockAverage, standard_error
from xtsred.simulation.topology import (
    MODIFIERS,
    NeighbourDistribution,
    Network,
    neighbour_distributions,
    network,
)
from xtsred.simulation.trajectory import Trajectory, check_sample, unused_cell
from xtsred.simulation.transport import Transport

__all__ = ["Coordination", "Structure", "analyse_structure"]

_BINS = (0.001, 0.2)  # Å
# caesium in perovskites has 12 unlike neighbours, an atom in a bcc metal 14 within one shell and a half
_MOST_UNLIKE, _MOST_LIKE = 12, 14
_ANIONS = ("O", "S", "Se", "Te", "F", "Cl", "Br", "I", "N")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordination:
    """n of neighbours about centre within a cutoff (Å), counted atom by atom; sigma from blocks or None.

    stated: whether the cutoff was given, else it is the first minimum found.
    """

    centre: str
    neighbour: str
    cutoff: float
    stated: bool
    n: float
    sigma: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """minima and cutoffs: in the order of partials.pairs, None where no minimum was found (or is not needed)."""

    partials: Partials
    minima: tuple[Minimum | None, ...]
    cutoffs: tuple[float | None, ...]
    coordination: tuple[Coordination, ...]
    networks: tuple[Network, ...]
    neighbours: tuple[NeighbourDistribution, ...]
    transport: Transport | None
    findings: tuple[Finding, ...]


def analyse_structure(
    boxes: Sequence[Trajectory],
    *,
    cutoffs: Mapping[tuple[str, str], float],
    dr: float = 0.02,
    r_max: float | None = None,
    transport: Transport | None = None,
) -> Structure:
    """g_ij(r), coordination numbers, and the units of every former-anion pair whose cutoff is stated.

    cutoffs: (element, element) -> Å. Pairs without one get the first minimum of their g(r), and that is said.
    Raises InputError for a cutoff of elements that the model lacks, or beyond half the cell.
    """
    if not _BINS[0] <= dr <= _BINS[1]:
        raise InputError(
            f"bins of {dr:g} Å cannot show a structure",
            why=f"--dr must lie between {_BINS[0]:g} and {_BINS[1]:g} Å",
            remedy="leave it out, or write for instance --dr 0.02",
        )
    if r_max is not None and r_max < 100.0 * _BINS[0]:
        raise InputError(f"--r-max {r_max:g} Å holds no neighbour", remedy="leave it out")
    partials = partial_distributions(boxes, dr=dr, r_max=r_max)
    for a, b in cutoffs:
        missing = [e for e in (a, b) if e not in partials.elements]
        if missing:
            raise InputError(
                f"--cutoff {a}-{b}: the model has no {missing[0]}",
                why=f"its elements are {', '.join(partials.elements)}",
                remedy="correct the pair or --types",
            )
    minima = tuple(
        first_minimum(partials.r, g, counts=counts * partials.frames)
        for g, counts in zip(partials.g, partials.counts, strict=True)
    )
    for (a, b), cutoff in cutoffs.items():
        _refuse_crowd(partials, a, b, cutoff)
    used = tuple(
        _stated(cutoffs, partials, pair) or (m.position if m else None)
        for pair, m in zip(partials.pairs, minima, strict=True)
    )
    first = next(iter(boxes[0]))
    findings = list(check_sample(first, fractions=None, number_density_per_a3=None))
    findings += unused_cell(first, boxes[0].options)
    found = [
        f"{name} {m.position:.2f} Å (g = {m.g:.2g})"
        for name, pair, m in zip(partials.names, partials.pairs, minima, strict=True)
        if m is not None and _stated(cutoffs, partials, pair) is None
    ]
    findings += _short_cutoffs(partials, minima, cutoffs)
    none = [
        name
        for name, pair, m in zip(partials.names, partials.pairs, minima, strict=True)
        if m is None and _stated(cutoffs, partials, pair) is None
    ]
    if none:
        text = f"g(r) of {', '.join(none)} has no first minimum that stands out of its noise: no coordination number."
        findings.append(Finding("note", text))
    if found:
        text = f"Cutoffs taken at the first minimum of g(r): {', '.join(found)}."
        findings.append(Finding("note", text))
    networks, neighbours = [], []
    for a, b in cutoffs:
        former, anion = (b, a) if a in _ANIONS else (a, b)
        if anion in _ANIONS and former not in _ANIONS and former not in MODIFIERS:
            frames = (frame for box in boxes for frame in box)
            networks.append(network(frames, former=former, anion=anion, cutoffs=cutoffs))
        if a != b:
            frames = (frame for box in boxes for frame in box)
            reach = min(2.0 * cutoffs[a, b], partials.r_max)
            neighbours.append(
                neighbour_distributions(frames, centre=former, neighbour=anion, reach=reach)
            )
    return Structure(
        partials=partials,
        minima=minima,
        cutoffs=used,
        coordination=_coordination(boxes, partials, used, cutoffs),
        networks=tuple(networks),
        neighbours=tuple(neighbours),
        transport=transport,
        findings=(*findings, *(transport.findings if transport else ())),
    )


def _refuse_crowd(partials: Partials, a: str, b: str, cutoff: float) -> None:
    """A bond length within which there is more than one shell of neighbours is a mistake, and takes hours to count."""
    limit = _MOST_LIKE if a == b else _MOST_UNLIKE
    if not 0.0 < cutoff <= partials.r_max:
        raise InputError(
            f"--cutoff {a}-{b}={cutoff:g} lies outside 0 to {partials.r_max:.4g} Å",
            why="beyond half the smallest cell height a neighbour has several images",
        )
    n = max(partials.coordination(x, y, max(cutoff, partials.dr)) for x, y in ((a, b), (b, a)))
    if n > limit:
        raise InputError(
            f"--cutoff {a}-{b}={cutoff:g} is no bond length: it would give {n:.0f} neighbours",
            why=f"no first shell of {a}-{b} holds more than {limit}",
            remedy="give the distance of the first minimum of g(r), for instance --cutoff Si-O=2.2",
        )


def _short_cutoffs(
    partials: Partials,
    minima: Sequence[Minimum | None],
    cutoffs: Mapping[tuple[str, str], float],
) -> list[Finding]:
    """Stated cutoffs that end before the first peak."""
    found = []
    for name, pair, m in zip(partials.names, partials.pairs, minima, strict=True):
        cutoff = _stated(cutoffs, partials, pair)
        if m is not None and cutoff is not None and cutoff < m.peak:
            text = f"The cutoff {name} = {cutoff:g} Å lies below the first peak of g(r), at {m.peak:.2f} Å."
            found.append(Finding("warning", text, {"cutoff_A": cutoff, "peak_A": m.peak}))
    return found


def _stated(
    cutoffs: Mapping[tuple[str, str], float], partials: Partials, pair: tuple[int, int]
) -> float | None:
    a, b = partials.elements[pair[0]], partials.elements[pair[1]]
    return cutoffs.get((a, b), cutoffs.get((b, a)))


def _coordination(
    boxes: Sequence[Trajectory],
    partials: Partials,
    used: Sequence[float | None],
    stated: Mapping[tuple[str, str], float],
) -> tuple[Coordination, ...]:
    """Both directions of every pair with a cutoff, with block errors, in one pass over the frames."""
    rows = [
        (partials.elements[i], partials.elements[j], cutoff, _stated(stated, partials, (i, j)))
        for (i, j), cutoff in zip(partials.pairs, used, strict=True)
        if cutoff is not None
    ]
    if not rows:
        return ()
    average = BlockAverage()
    for box in boxes:
        for frame in box:
            average.add([len(neighbour_pairs(frame, a, b, cutoff)[0]) for a, b, cutoff, _ in rows])
        average.close()
    sigma = standard_error(average.blocks)
    numbers = dict(zip(partials.elements, partials.numbers, strict=True))
    result = []
    for k, (a, b, cutoff, given) in enumerate(rows):
        for centre, neighbour in dict.fromkeys([(a, b), (b, a)]):
            result.append(
                Coordination(
                    centre=centre,
                    neighbour=neighbour,
                    cutoff=cutoff,
                    stated=given is not None,
                    n=float(average.mean[k]) / numbers[centre],
                    # blocks that agree to the last neighbour bound the error, they do not measure it
                    sigma=float(sigma[k]) / numbers[centre]
                    if sigma is not None and sigma[k] > 0.0
                    else None,
                )
            )
    return tuple(result)
