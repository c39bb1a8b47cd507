"""Stated uncertainties that belong together: correlation of parameters, and sources that become one."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.certificate import read_certificate
from calibration.errors import InputError
from calibration.records import Loaded
from xtsred.budget.parameters import stated_parameters
from xtsred.budget.records import Source
from xtsred.certificates import CERTIFIED
from xtsred.config import Project
from xtsred.stages import Array, frozen

__all__ = ["Correlations", "correlation_matrix", "joined", "stated_correlations"]

Correlations = Mapping[tuple[str, str], float]
"""Pairs of key paths (in any order) -> correlation coefficient; pairs that are not named are independent."""


def stated_correlations(loaded: Loaded[Project]) -> Correlations:
    """From the covariance of the certificates that a project names: what was fitted together is not independent."""
    table = loaded.record.calibration
    paths = {p.path for p in stated_parameters(loaded.record)}
    found: dict[tuple[str, str], float] = {}
    for kind, keys in CERTIFIED.items():
        name = None if table is None else getattr(table, kind)
        if name is None:
            continue
        covariance = read_certificate(loaded.folder / name, kind=kind).covariance
        if covariance is None:
            continue
        matrix = np.asarray(covariance.matrix, dtype=np.float64)
        sigma = np.sqrt(np.diag(matrix))
        for i, a in enumerate(covariance.names):
            for j, b in enumerate(covariance.names[:i]):
                pairs = itertools.product(keys.get(a, ()), keys.get(b, ()))
                for first, second in pairs:
                    if {first, second} <= paths and sigma[i] > 0.0 and sigma[j] > 0.0:
                        found[first, second] = float(matrix[i, j] / (sigma[i] * sigma[j]))
    return found


def correlation_matrix(paths: Sequence[str], correlations: Correlations) -> Array:
    """Matrix of the parameters at paths, shape (n, n). Raises InputError for one that no covariance can have."""
    matrix = np.eye(len(paths))
    for (a, b), value in correlations.items():
        if a in paths and b in paths and a != b:
            i, j = paths.index(a), paths.index(b)
            matrix[i, j] = matrix[j, i] = value
    if len(paths) and np.linalg.eigvalsh(matrix)[0] < -1e-9:
        raise InputError(
            "the correlations of the stated uncertainties contradict each other",
            why="no covariance matrix has them: a combination of the parameters would have a negative variance",
            where=", ".join(dict.fromkeys(p for pair in correlations for p in pair)),
        )
    return matrix


def joined(sources: Sequence[Source], correlations: Correlations) -> tuple[Source, ...]:
    """Sources whose parameters are correlated as one with several rows; the others as they are.

    With modes M (one row each) and correlation R = L L^T the covariance M^T R M has the rows L^T M.
    """
    keys = [s.key for s in sources]
    matrix = correlation_matrix(keys, correlations)
    left = list(range(len(sources)))
    found: list[Source] = []
    while left:
        group = _connected(left[0], matrix)
        left = [i for i in left if i not in group]
        found.append(_one([sources[i] for i in group], matrix[np.ix_(group, group)]))
    return tuple(found)


def _connected(first: int, matrix: Array) -> list[int]:
    """All that is correlated with the first, directly or through others."""
    group = [first]
    for i in group:  # grows while it is walked through
        group += [int(j) for j in np.flatnonzero(matrix[i]) if j not in group]
    return group


def _one(group: Sequence[Source], matrix: Array) -> Source:
    if len(group) == 1:
        return group[0]
    values, vectors = np.linalg.eigh(matrix)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T  # root^T root = matrix
    names = sorted(set.intersection(*(set(s.scalars) for s in group)))
    changes = np.array([[s.scalars[n] for n in names] for s in group])
    pairs = ", ".join(
        f"{matrix[i, j]:+.2f}" for i in range(len(group)) for j in range(i) if matrix[i, j]
    )
    known = [s.nonlinearity for s in group if s.nonlinearity is not None]
    return replace(
        group[0],
        name=" and ".join(s.name for s in group),
        key=", ".join(s.key for s in group),
        value=None,
        sigma=None,
        unit="",
        s=frozen(root @ np.vstack([s.s for s in group])),
        d=frozen(root @ np.vstack([s.d for s in group])),
        g=frozen(root @ np.vstack([s.g for s in group])),
        scalars=dict(
            zip(names, np.sqrt(np.sum((root @ changes) ** 2, axis=0)).tolist(), strict=True)
        ),
        nonlinearity=max(known, default=None),
        text=f"stated, correlation {pairs}",
    )
