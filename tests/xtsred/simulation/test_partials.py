"""g_ij(r): against brute force, against the ideal gas, against a lattice, and where it must refuse."""

import tracemalloc

import numpy as np
import pytest

from calibration.errors import InputError
from xtsred.simulation.frame import Frame, cell_heights
from xtsred.simulation.paircount import pair_counts
from xtsred.simulation.partials import first_minimum, largest_radius, partial_distributions
from xtsred.simulation.trajectory import open_trajectory

from .conftest import write_xyz

PAIRS = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
TILTED = np.array([[20.0, 0, 0], [4.0, 21.0, 0], [-3.0, 5.0, 23.0]])
ROTATION = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]


def brute_force(cell, positions, kinds, dr, bins):
    """Every pair with all 27 nearest images, in double precision."""
    shifts = np.array(np.meshgrid(*[(-1, 0, 1)] * 3)).reshape(3, -1).T @ cell
    wrapped = ((positions @ np.linalg.inv(cell)) % 1.0) @ cell
    counts = np.zeros((len(PAIRS), bins))
    for row, (i, j) in enumerate(PAIRS):
        a, b = wrapped[kinds == i], wrapped[kinds == j]
        for n, atom in enumerate(a):
            others = b[n + 1 :] if i == j else b
            r = np.linalg.norm(others[:, None] + shifts[None] - atom, axis=2).ravel()
            counts[row] += np.histogram(r, bins=bins, range=(0.0, bins * dr))[0]
    return counts


@pytest.mark.parametrize("atoms", [150, 900], ids=["all pairs at once", "tiles"])
@pytest.mark.parametrize(
    "cell",
    [20.0 * np.eye(3), np.diag([20.0, 33.0, 26.0]), TILTED, TILTED @ ROTATION],
    ids=["cubic", "orthogonal", "tilted", "tilted and turned"],
)
def test_counts_are_those_of_brute_force(cell, atoms):
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, atoms)
    # positions several cells away: unwrapped trajectories must give the same
    positions = (rng.random((atoms, 3)) * 5.0 - 2.0) @ cell
    dr = 0.02
    bins = int(largest_radius(cell) / dr)
    ours = pair_counts(cell, positions, kinds, pairs=PAIRS, dr=dr, bins=bins)
    exact = brute_force(cell, positions, kinds, dr, bins)
    # no pair lost or counted twice: the sums to any radius differ by pairs at that very edge only
    assert np.abs(np.cumsum(ours - exact, axis=1)).max() <= 2
    # single precision moves a pair to the next bin in fewer than 2 of 1000 cases
    assert np.abs(ours - exact).sum() < 0.002 * 2 * exact.sum() + 2


def test_clustered_atoms_are_counted_too():
    rng = np.random.default_rng(2)
    cell = 30.0 * np.eye(3)
    # all atoms near one corner of the cell: tiles are unequal, images wrap
    positions = rng.normal(size=(700, 3)) * 3.0
    kinds = rng.integers(0, 3, 700)
    ours = pair_counts(cell, positions, kinds, pairs=PAIRS, dr=0.05, bins=300)
    exact = brute_force(cell, positions, kinds, 0.05, 300)
    assert np.abs(ours - exact).sum() < 0.002 * 2 * exact.sum() + 2
    assert np.array_equal(ours.sum(axis=1) > 0, exact.sum(axis=1) > 0)


def test_ideal_gas_is_one_for_like_and_unlike_pairs(ideal_gas):
    frames = ideal_gas({"Ar": 300, "Kr": 200, "Xe": 40}, TILTED, frames=60, seed=3)
    p = partial_distributions([frames], dr=0.1)
    n = np.array(p.numbers)
    for row, (i, j) in enumerate(p.pairs):
        pairs = n[i] * (n[i] - 1) / 2 if i == j else n[i] * n[j]
        shell = 4.0 / 3.0 * np.pi * np.diff((np.arange(p.g.shape[1] + 1) * p.dr) ** 3)
        expected = pairs * shell / frames[0].volume * len(frames)
        far = expected > 20
        z = (p.g[row] - 1.0)[far] * np.sqrt(expected[far])
        assert abs(z.mean()) < 4.0 / np.sqrt(far.sum())
        assert 0.7 < z.std() < 1.3


def test_beyond_half_the_smallest_height_is_an_error_not_a_number(ideal_gas):
    frames = ideal_gas({"Ar": 100}, TILTED)
    half = 0.5 * cell_heights(TILTED).min()
    assert partial_distributions([frames], r_max=half - 0.02).r_max < half
    with pytest.raises(InputError, match="larger cell"):
        partial_distributions([frames], r_max=half + 0.03)


def test_coordination_numbers_balance_and_count_neighbours():
    # rock salt: six unlike neighbours at a/2, twelve like at a/sqrt(2)
    grid = np.array(np.meshgrid(*[np.arange(6)] * 3)).reshape(3, -1).T
    kinds = grid.sum(axis=1) % 2
    frame = Frame(cell=16.8 * np.eye(3), elements=("Na", "Cl"), kinds=kinds, positions=grid * 2.8)
    p = partial_distributions([[frame]])
    assert p.coordination("Na", "Cl", 3.2) == 6.0
    assert p.coordination("Cl", "Na", 3.2) == 6.0
    assert p.coordination("Na", "Na", 4.4) == 12.0
    with pytest.raises(InputError, match="cutoff"):
        p.coordination("Na", "Cl", 9.0)
    with pytest.raises(InputError, match="no K"):
        p.coordination("K", "Cl", 3.0)


def test_running_coordination_balances_exactly(ideal_gas):
    p = partial_distributions([ideal_gas({"Si": 40, "O": 80, "Na": 7}, 15.0 * np.eye(3))])
    n = dict(zip(p.elements, p.numbers, strict=True))
    for a, b in (("Si", "O"), ("Na", "O"), ("Si", "Na")):
        left = n[a] * p.running_coordination(a, b)
        assert np.allclose(left, n[b] * p.running_coordination(b, a), rtol=1e-13)


def test_several_boxes_are_blocks_and_their_scatter_is_the_error(ideal_gas):
    boxes = [ideal_gas({"Ar": 200}, 20.0 * np.eye(3), seed=s) for s in range(40)]
    p = partial_distributions(boxes, dr=0.5)
    assert p.blocks is not None
    assert p.blocks.shape[0] == 40
    assert p.sigma is not None
    z = (p.g[0] - 1.0) / p.sigma[0]
    assert np.sqrt(np.mean(z[4:] ** 2)) == pytest.approx(1.0, abs=0.5)
    with pytest.raises(InputError, match="same atoms"):
        partial_distributions([*boxes, ideal_gas({"Ar": 199}, 20.0 * np.eye(3))])


def test_one_frame_has_no_error_and_does_not_pretend(ideal_gas):
    assert partial_distributions([ideal_gas({"Ar": 50}, 12.0 * np.eye(3))]).sigma is None


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path, ideal_gas):
    # AIMD size; the file of the longer run is ten times the shorter's
    frames = ideal_gas({"Na": 60, "Si": 60, "S": 180}, 18.0 * np.eye(3), frames=10)
    short = write_xyz(tmp_path / "short.xyz", frames)
    long = tmp_path / "long.xyz"
    long.write_text(short.read_text() * 10)
    peaks = []
    for path in (short, long):
        tracemalloc.start()
        p = partial_distributions([open_trajectory(path)])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert p.frames == 100
    # twenty blocks at most are kept, whatever the length
    blocks = 20 * p.g.nbytes
    assert peaks[1] < peaks[0] + blocks + 500_000


def test_first_minimum_of_a_known_curve():
    r = np.arange(0.01, 8.0, 0.02)
    g = 1.0 / (1.0 + np.exp(-(r - 3.5) * 6)) + 8.0 * np.exp(-0.5 * ((r - 1.6) / 0.08) ** 2)
    found = first_minimum(r, g)
    assert found is not None
    assert found.peak == pytest.approx(1.6, abs=0.02)
    assert 2.0 < found.position < 3.2
    assert first_minimum(r, np.ones_like(r)) is None


def test_silica_has_four_oxygens(shared_data):
    for name in ("SiO2_glass_300_atoms.xyz", "SiO2_glass_3000_atoms.xyz"):
        p = partial_distributions(
            [open_trajectory(shared_data / "md" / "silica" / name)], r_max=3.0
        )
        assert p.coordination("Si", "O", 2.2) == 4.0
        assert p.coordination("O", "Si", 2.2) == 2.0


def test_noise_has_no_first_minimum(ideal_gas):
    for seed in range(12):
        for frame in ideal_gas({"Si": 40, "O": 80}, 16.0 * np.eye(3), seed=seed):
            found = partial_distributions([[frame]])
            minima = [
                first_minimum(found.r, g, counts=c)
                for g, c in zip(found.g, found.counts, strict=True)
            ]
            assert minima == [None, None, None], seed
