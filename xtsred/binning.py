"""Count-conserving rebinning: every count goes to the bins that its step covers, none is interpolated."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from xtsred.stages import Array

__all__ = ["QGrid", "cell_edges", "momentum_transfer", "overlap_matrix", "uniform_q"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QGrid:
    """Uniform bins: centers shape (n,), edges shape (n + 1,), Å^-1."""

    centers: Array
    edges: Array


def momentum_transfer(two_theta_deg: Array, *, wavelength_a: float) -> Array:
    """Q = 4 pi sin(theta)/lambda in Å^-1; two_theta_deg: shape (n,)."""
    return np.asarray(4.0 * np.pi * np.sin(np.radians(two_theta_deg) / 2.0) / wavelength_a)


def uniform_q(q_low: float, q_high: float, *, step: float) -> QGrid:
    """Bins centred on the multiples of step that lie inside q_low..q_high, the outermost by 90 % at least."""
    first = max(int(np.ceil(q_low / step + 0.4)), 1)
    last = int(np.floor(q_high / step - 0.4))
    centers = np.arange(first, last + 1, dtype=np.float64) * step
    edges = (np.arange(first, last + 2, dtype=np.float64) - 0.5) * step
    return QGrid(centers=centers, edges=edges)


def cell_edges(x: Array) -> Array:
    """Edges halfway between points, the outer ones mirrored; x: shape (n,), increasing; returns (n + 1,)."""
    middle = 0.5 * (x[1:] + x[:-1])
    return np.concatenate([[2.0 * x[0] - middle[0]], middle, [2.0 * x[-1] - middle[-1]]])


def overlap_matrix(edges_in: Array, edges_out: Array) -> csr_array:
    """Share of each input cell that lies in each output bin; shape (out, in), columns sum to <= 1.

    A column sums to 1 when its cell lies inside the output range: counts are conserved.
    """
    n_in, n_out = edges_in.size - 1, edges_out.size - 1
    first = np.clip(np.searchsorted(edges_out, edges_in[:-1], side="right") - 1, 0, n_out - 1)
    last = np.clip(np.searchsorted(edges_out, edges_in[1:], side="left") - 1, 0, n_out - 1)
    spans = last - first + 1
    columns = np.repeat(np.arange(n_in), spans)
    offset = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
    rows = first[columns] + offset
    low = np.maximum(edges_out[rows], edges_in[columns])
    high = np.minimum(edges_out[rows + 1], edges_in[columns + 1])
    share = np.clip(high - low, 0.0, None) / (edges_in[columns + 1] - edges_in[columns])
    keep = share > 0.0
    return csr_array((share[keep], (rows[keep], columns[keep])), shape=(n_out, n_in))
