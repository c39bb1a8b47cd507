"""Network structure beyond the curve: Q^n units, shared edges, homopolar bonds, neighbour distributions.

Q^n: a network former with n bridging anions; an anion bridges when it is bonded to two or more formers, of any
element whose cutoff to the anion is given (Si-O-B bridges too), modifiers excepted. E^k: a former whose polyhedron
shares k edges, an edge being two anions common to two formers (E^0: none; E^2: as in the chains of SiS2). A homopolar bond joins two formers, or two anions, within the given cutoff.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError
from xtsred.simulation.frame import Frame, Kinds
from xtsred.simulation.neighbours import nearest, neighbour_pairs
from xtsred.simulation.statistics import BlockAverage, standard_error
from xtsred.stages import Array, frozen

__all__ = ["MODIFIERS", "NeighbourDistribution", "Network", "neighbour_distributions", "network"]

MODIFIERS = frozenset(("Li", "Na", "K", "Rb", "Cs", "Ag", "Mg", "Ca", "Sr", "Ba", "Zn", "Y", "La"))
"""Elements that break a network: their bonds to an anion make no bridge."""

_MOST = 9  # largest n, k or coordination that has its own column


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Shares of the formers, averaged over frames; sigma from blocks, None where unknown. partners: the formers
    whose bonds make an anion bridge.

    q_n, edges, coordination: shape (10,), index = n, k or number of anions (9: nine and more). bridging:
    share of the anions bonded to 0, 1, 2, ... formers. homopolar_former, homopolar_anion: share of formers
    (anions) with at least one bond to their own kind; None without a cutoff for it.
    """

    former: str
    partners: tuple[str, ...]
    anion: str
    cutoff: float
    frames: int
    q_n: Array
    q_n_sigma: Array | None
    edges: Array
    edges_sigma: Array | None
    coordination: Array
    bridging: Array
    mean_coordination: float
    homopolar_former: float | None
    homopolar_anion: float | None


def network(
    frames: Iterable[Frame],
    *,
    former: str,
    anion: str,
    cutoffs: Mapping[tuple[str, str], float],
) -> Network:
    """Count the units. cutoffs: (element, element) -> Å; (former, anion) is needed. Raises InputError."""
    cutoff = _cutoff(cutoffs, former, anion)
    if cutoff is None:
        raise InputError(f"Q^n units need a cutoff {former}-{anion}")
    own = {e: _cutoff(cutoffs, e, e) for e in (former, anion)}
    others = {e: c for e in _partners(cutoffs, anion) if (c := _cutoff(cutoffs, e, anion))}
    bonds = {**others, former: cutoff}
    average = BlockAverage()
    for frame in frames:
        average.add(_count(frame, former, anion, bonds, own))
    mean = average.mean
    sigma = standard_error(average.blocks)
    return Network(
        former=former,
        partners=tuple(bonds),
        anion=anion,
        cutoff=cutoff,
        frames=average.count,
        q_n=frozen(mean[0]),
        q_n_sigma=None if sigma is None else frozen(sigma[0]),
        edges=frozen(mean[1]),
        edges_sigma=None if sigma is None else frozen(sigma[1]),
        coordination=frozen(mean[2]),
        bridging=frozen(mean[3]),
        mean_coordination=float(mean[4, 0]),
        homopolar_former=None if own[former] is None else float(mean[4, 1]),
        homopolar_anion=None if own[anion] is None else float(mean[4, 2]),
    )


def _cutoff(cutoffs: Mapping[tuple[str, str], float], a: str, b: str) -> float | None:
    return cutoffs.get((a, b), cutoffs.get((b, a)))


def _partners(cutoffs: Mapping[tuple[str, str], float], anion: str) -> list[str]:
    """Formers whose cutoff to the anion is given."""
    found = [a if b == anion else b for a, b in cutoffs if anion in (a, b) and a != b]
    return [e for e in found if e not in MODIFIERS]


def _count(
    frame: Frame,
    former: str,
    anion: str,
    bonds: Mapping[str, float],
    own: Mapping[str, float | None],
) -> Array:
    """Shares of one frame, shape (5, 10). bonds: cutoff to the anion of every former."""
    found = [neighbour_pairs(frame, e, anion, cutoff) for e, cutoff in bonds.items()]
    centres = np.concatenate([f[0] for f in found])
    anions = np.concatenate([f[1] for f in found])
    atoms = len(frame.kinds)
    formers_of = np.bincount(anions, minlength=atoms)
    anions_of = np.bincount(centres, minlength=atoms)
    bridges_of = np.bincount(centres[formers_of[anions] >= 2], minlength=atoms)
    edges_of = _shared_edges(centres, anions, atoms)
    is_former = frame.kinds == frame.elements.index(former)
    is_anion = frame.kinds == frame.elements.index(anion)
    table = np.zeros((5, _MOST + 1))
    table[0] = _shares(bridges_of[is_former])
    table[1] = _shares(edges_of[is_former])
    table[2] = _shares(anions_of[is_former])
    table[3] = _shares(formers_of[is_anion])
    table[4, 0] = anions_of[is_former].mean()
    for column, element in ((1, former), (2, anion)):
        limit = own[element]
        if limit is not None:
            i, _, _ = neighbour_pairs(frame, element, element, limit)
            table[4, column] = len(np.unique(i)) / frame.numbers[element]
    return table


def _shares(values: Kinds) -> Array:
    counts = np.bincount(np.minimum(values, _MOST), minlength=_MOST + 1)
    return np.asarray(counts / counts.sum())


def _shared_edges(centres: Kinds, anions: Kinds, atoms: int) -> Kinds:
    """Number of edges that each atom's polyhedron shares, shape (atoms,)."""
    members: dict[int, list[int]] = {}
    for centre, anion in zip(centres.tolist(), anions.tolist(), strict=True):
        members.setdefault(anion, []).append(centre)
    common: Counter[tuple[int, int]] = Counter()
    for formers in members.values():
        ordered = sorted(formers)
        common.update((a, b) for k, a in enumerate(ordered) for b in ordered[k + 1 :])
    edges = np.zeros(atoms, dtype=np.int64)
    for pair, shared in common.items():
        if shared >= 2:
            edges[list(pair)] += 1
    return edges


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourDistribution:
    """NDF_k: where the k-th neighbour stands. r: bin centres, Å; ndf: shape (k, n), Å^-1, each integrates to the
    share of centres that have a k-th neighbour within reach; mean, width: shape (k,), Å."""

    centre: str
    neighbour: str
    r: Array
    ndf: Array
    mean: Array
    width: Array


def neighbour_distributions(
    frames: Iterable[Frame],
    *,
    centre: str,
    neighbour: str,
    count: int = 6,
    reach: float = 5.0,
    dr: float = 0.02,
) -> NeighbourDistribution:
    """Distributions of the distance of the first `count` neighbours; their sum is c_j R_ij(r)'s first shells."""
    bins = round(reach / dr)
    edges = np.arange(bins + 1) * dr
    totals = np.zeros((count, bins))
    sums = np.zeros((3, count))
    centres = 0
    for frame in frames:
        distance = nearest(frame, centre, neighbour, count=count, reach=reach)
        centres += len(distance)
        for k in range(count):
            known = distance[np.isfinite(distance[:, k]), k]
            totals[k] += np.histogram(known, bins=edges)[0]
            sums[:, k] += len(known), known.sum(), (known**2).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[1] / sums[0]
        width = np.sqrt(np.maximum(sums[2] / sums[0] - mean**2, 0.0))
    return NeighbourDistribution(
        centre=centre,
        neighbour=neighbour,
        r=frozen(edges[:-1] + 0.5 * dr),
        ndf=frozen(totals / (centres * dr)),
        mean=frozen(mean),
        width=frozen(width),
    )
