"""Gauss-Legendre nodes, computed once per order."""

from functools import lru_cache

import numpy as np

from xtsred.stages import Array, frozen

__all__ = ["gauss_legendre"]


@lru_cache(maxsize=128)
def gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes in (-1, 1) and weights summing to 2, each of shape (count,), read-only.

    Exact for polynomials up to degree 2 count - 1. Source: Golub & Welsch, Math. Comp. 23 (1969) 221, from numpy.
    """
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return frozen(nodes), frozen(weights)
