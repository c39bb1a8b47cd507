"""Rebinning: counts are conserved, whatever the grids."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtsred.binning import cell_edges, momentum_transfer, overlap_matrix, uniform_q

widths = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=30)


def test_momentum_transfer() -> None:
    """Q = 2 pi / d by Bragg's law: Si 111 (d = 3.13560 Å, NIST SRM 640) with Cu Ka1 at 28.443°."""
    q = momentum_transfer(np.array([28.443, 180.0]), wavelength_a=1.5405929)
    assert q[0] == pytest.approx(2.0 * np.pi / 3.13560, rel=5e-5)
    assert q[1] == pytest.approx(4.0 * np.pi / 1.5405929)


@given(fine=widths, coarse=widths, start=st.floats(-1.0, 1.0))
def test_overlap_conserves_counts(fine: list[float], coarse: list[float], start: float) -> None:
    """Every cell inside the output range gives away all of its counts, one outside none, one across its part."""
    edges_in = start + np.concatenate([[0.0], np.cumsum(fine)])
    edges_out = np.concatenate([[0.0], np.cumsum(coarse)])
    matrix = overlap_matrix(edges_in, edges_out).toarray()
    assert matrix.shape == (len(coarse), len(fine))
    assert np.all(matrix >= 0.0)
    low = np.maximum(edges_in[:-1], edges_out[0])
    high = np.minimum(edges_in[1:], edges_out[-1])
    share = np.clip(high - low, 0.0, None) / np.diff(edges_in)
    assert matrix.sum(axis=0) == pytest.approx(share, abs=1e-9)


@given(fine=widths, coarse=widths)
def test_a_uniform_rate_stays_uniform(fine: list[float], coarse: list[float]) -> None:
    edges_in = np.concatenate([[0.0], np.cumsum(fine)])
    edges_out = np.concatenate([[0.0], np.cumsum(coarse)])
    edges_out *= edges_in[-1] / edges_out[-1]
    counts = overlap_matrix(edges_in, edges_out) @ np.diff(edges_in)
    assert counts == pytest.approx(np.diff(edges_out), rel=1e-6, abs=1e-9)


def test_overlap_by_hand() -> None:
    matrix = overlap_matrix(np.array([0.0, 1.0, 3.0]), np.array([0.5, 1.0, 2.0, 4.0])).toarray()
    assert matrix == pytest.approx(np.array([[0.5, 0.0], [0.0, 0.5], [0.0, 0.5]]))


def test_cell_edges_lie_halfway() -> None:
    assert cell_edges(np.array([0.0, 1.0, 3.0])) == pytest.approx([-0.5, 0.5, 2.0, 4.0])


@given(
    low=st.floats(0.01, 2.0),
    span=st.floats(1.0, 20.0),
    step=st.floats(0.01, 0.1),
)
def test_uniform_bins_stay_inside(low: float, span: float, step: float) -> None:
    grid = uniform_q(low, low + span, step=step)
    assert np.diff(grid.edges) == pytest.approx(step)
    assert grid.centers == pytest.approx(0.5 * (grid.edges[1:] + grid.edges[:-1]))
    assert grid.centers / step == pytest.approx(np.round(grid.centers / step))
    assert grid.edges[0] > low - 0.11 * step
    assert grid.edges[-1] < low + span + 0.11 * step
    # and nothing that fits is left out
    assert grid.edges[0] < low + 0.91 * step
    assert grid.edges[-1] > low + span - 0.91 * step
