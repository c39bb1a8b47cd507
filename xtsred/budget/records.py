"""What a budget is made of: the same shapes for a derivative, a fit's covariance and a choice between methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from calibration.report import Finding
from xtsred.stages import Array

__all__ = ["Budget", "Compared", "Counting", "Kind", "MonteCarlo", "Scalar", "Source"]

Kind = Literal["stated", "fitted", "computed", "choice"]
"""stated: a sigma of the project file; fitted: what the normalization's fit leaves; computed: accuracy of a
calculation; choice: methods or ranges that would have been as good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A number that is read from the result: value and unit; sigma_counting: None where counting is not its own part."""

    value: float
    unit: str
    sigma_counting: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Standard uncertainties by counting. s: shape (n,); d (of G(r)), g: shape (m,)."""

    s: Array
    d: Array
    g: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One cause of uncertainty that moves all bins together.

    name: in words; key: path in the project file, or "" where it has none; value, sigma, unit: of the cause, None where it is no number.
    s: shape (k, n), what one standard uncertainty changes in S(Q); d, g: shape (k, m), in G(r) and g(r); the rows are
    independent of each other. scalars: name -> change by one standard uncertainty (with sign for a single row).
    nonlinearity: rms of the second over the first difference of S(Q), None where not known. text: how it was found.
    """

    name: str
    key: str
    kind: Kind
    value: float | None
    sigma: float | None
    unit: str
    s: Array
    d: Array
    g: Array
    scalars: Mapping[str, float]
    nonlinearity: float | None = None
    text: str = ""

    @property
    def sigma_s(self) -> Array:
        """Standard uncertainty of S(Q) from this source, shape (n,)."""
        return _root_sum(self.s)

    @property
    def sigma_d(self) -> Array:
        """Of G(r), shape (m,)."""
        return _root_sum(self.d)

    @property
    def sigma_g(self) -> Array:
        """Of g(r), shape (m,)."""
        return _root_sum(self.g)


def _root_sum(modes: Array) -> Array:
    return np.asarray(np.sqrt(np.sum(modes**2, axis=0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A source by sampling over the same by derivatives: 1 where it is linear; sigma: of the ratio, by the number of draws."""

    name: str
    ratio: float
    sigma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarlo:
    """What sampling all stated uncertainties and the counts gives: standard deviations over the draws.

    draws: asked for; done: that could be reduced; seed. s: shape (n,), d, g: shape (m,); linear_s, linear_d, linear_g: the
    same by derivatives, of what was sampled. scalars: name -> (mean over the draws, deviation, deviation by
    derivatives). compared: by source, "counting" (with the fit of the normalization), and "everything".
    truncated: key -> share of a Gaussian that lies at impossible values. failures: reason -> number of draws.
    """

    draws: int
    done: int
    seed: int
    s: Array
    d: Array
    g: Array
    linear_s: Array
    linear_d: Array
    linear_g: Array
    scalars: Mapping[str, tuple[float, float, float]]
    compared: Sequence[Compared]
    truncated: Mapping[str, float]
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Everything that is known about the uncertainty of one reduction.

    q: shape (n,), the bins of S(Q); r: shape (m,). used: shape (n,), 1 for the bins that are transformed, else 0. scalars: the numbers that
    are read from the curves. sources: independent of each other. findings: what is not linear, not stated or failed.
    monte_carlo: where it was asked for.
    """

    q: Array
    r: Array
    used: Array
    counting: Counting
    scalars: Mapping[str, Scalar]
    sources: Sequence[Source]
    findings: Sequence[Finding] = field(default_factory=tuple)
    monte_carlo: MonteCarlo | None = None

    @property
    def modes_s(self) -> Array:
        """All rows of all sources: the systematic covariance of S(Q) is modes_s^T modes_s; shape (k, n)."""
        return np.vstack([np.zeros((0, self.q.size)), *(s.s for s in self.sources)])

    @property
    def modes_d(self) -> Array:
        """The same of G(r), shape (k, m)."""
        return np.vstack([np.zeros((0, self.r.size)), *(s.d for s in self.sources)])

    @property
    def modes_g(self) -> Array:
        """The same of g(r), shape (k, m); the density's uncertainty is in it."""
        return np.vstack([np.zeros((0, self.r.size)), *(s.g for s in self.sources)])

    @property
    def systematic_s(self) -> Array:
        """Standard uncertainty of S(Q) by all sources but counting, shape (n,)."""
        return _root_sum(self.modes_s)

    @property
    def systematic_d(self) -> Array:
        """Of G(r), shape (m,)."""
        return _root_sum(self.modes_d)

    @property
    def systematic_g(self) -> Array:
        """Of g(r), shape (m,)."""
        return _root_sum(self.modes_g)

    def systematic(self, scalar: str) -> float:
        """Standard uncertainty of one of the scalars by all sources but counting."""
        return float(np.sqrt(sum(s.scalars.get(scalar, 0.0) ** 2 for s in self.sources)))

    def total(self, scalar: str) -> float:
        """With counting."""
        return float(np.hypot(self.systematic(scalar), self.scalars[scalar].sigma_counting or 0.0))

    def shares(self, scalar: str | None = None) -> dict[str, float]:
        """Share of every source, and of "counting", in the variance of a scalar; None: of S(Q), mean over the bins used.

        Sums to 1; empty where nothing is uncertain. The largest first.
        """
        if scalar is None:
            where = self.used > 0.0
            parts = {s.name: float(np.mean(s.sigma_s[where] ** 2)) for s in self.sources}
            parts["counting"] = float(np.mean(self.counting.s[where] ** 2))
        else:
            parts = {s.name: s.scalars.get(scalar, 0.0) ** 2 for s in self.sources}
            parts["counting"] = (self.scalars[scalar].sigma_counting or 0.0) ** 2
        whole = sum(parts.values())
        if not whole > 0.0:
            return {}
        ranked = sorted(parts.items(), key=lambda item: -item[1])
        return {name: part / whole for name, part in ranked}
