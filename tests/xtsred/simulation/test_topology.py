"""Network units of hand-made chains, and of the sodium silicate whose units are known."""

import numpy as np
import pytest

from calibration.errors import InputError
from xtsred.simulation.frame import Frame
from xtsred.simulation.neighbours import nearest, neighbour_pairs
from xtsred.simulation.partials import partial_distributions
from xtsred.simulation.topology import neighbour_distributions, network
from xtsred.simulation.trajectory import open_trajectory


def frame_of(atoms, cell):
    symbols = [a for a, _ in atoms]
    elements = tuple(dict.fromkeys(symbols))
    return Frame(
        cell=np.asarray(cell, dtype=float),
        elements=elements,
        kinds=np.array([elements.index(s) for s in symbols]),
        positions=np.array([p for _, p in atoms], dtype=float),
    )


def corner_chain():
    """...-Si-S-Si-S-...: each Si has two bridging and two terminal S: all Q^2, no shared edge."""
    atoms = []
    for k in range(4):
        x = 4.0 * k
        atoms += [("Si", (x, 5, 5)), ("S", (x + 2.0, 5, 5)), ("S", (x, 7, 5)), ("S", (x, 5, 7))]
    return frame_of(atoms, np.diag([16.0, 20.0, 20.0]))


def edge_chain():
    """SiS2 chains: every Si shares two edges (E^2), all four S bridge."""
    atoms = []
    for k in range(5):
        x = 2.8 * k
        atoms += [("Si", (x, 5, 5)), ("S", (x + 1.4, 6.6, 5)), ("S", (x + 1.4, 3.4, 5))]
    return frame_of(atoms, np.diag([14.0, 20.0, 20.0]))


def test_corner_and_edge_chains():
    corner = network([corner_chain()], former="Si", anion="S", cutoffs={("Si", "S"): 2.3})
    assert corner.q_n[2] == 1.0
    assert corner.edges[0] == 1.0
    assert corner.bridging[1] == pytest.approx(2 / 3)
    edge = network(
        [edge_chain()], former="Si", anion="S", cutoffs={("S", "Si"): 2.3, ("Si", "Si"): 2.5}
    )
    assert edge.q_n[4] == 1.0
    assert edge.edges[2] == 1.0
    assert edge.mean_coordination == 4.0
    assert edge.homopolar_former == 0.0
    assert edge.homopolar_anion is None


def test_dimer_shares_one_edge_and_bonds_are_counted():
    # Si2S6: two tetrahedra with a common edge; and one Si-Si bond elsewhere
    atoms = [("Si", (5, 5, 5)), ("Si", (7.8, 5, 5)), ("S", (6.4, 6.6, 5)), ("S", (6.4, 3.4, 5))]
    atoms += [("S", (4, 5, 7)), ("S", (4, 5, 3)), ("S", (8.8, 5, 7)), ("S", (8.8, 5, 3))]
    atoms += [
        ("Si", (15, 15, 15)),
        ("Si", (17.3, 15, 15)),
        ("S", (15, 17, 15)),
        ("S", (15, 13, 15)),
    ]
    found = network(
        [frame_of(atoms, 25.0 * np.eye(3))],
        former="Si",
        anion="S",
        cutoffs={("Si", "S"): 2.4, ("Si", "Si"): 2.5, ("S", "S"): 2.3},
    )
    assert found.edges[1] == 0.5
    assert found.q_n[2] == 0.5
    assert found.homopolar_former == 0.5
    assert found.homopolar_anion == 0.0
    with pytest.raises(InputError, match="cutoff"):
        network([corner_chain()], former="Si", anion="S", cutoffs={})


def test_bridges_between_different_formers():
    # B-O-Si-O-Na: the first oxygen bridges, the second does not, whatever the cutoff to sodium
    atoms = [
        ("B", (5, 5, 5)),
        ("O", (6.4, 5, 5)),
        ("Si", (8.0, 5, 5)),
        ("O", (9.6, 5, 5)),
        ("Na", (11.9, 5, 5)),
    ]
    frame = frame_of(atoms, 20.0 * np.eye(3))
    cutoffs = {("Si", "O"): 2.0, ("B", "O"): 1.9, ("Na", "O"): 3.0}
    for former in ("Si", "B"):
        found = network([frame], former=former, anion="O", cutoffs=cutoffs)
        assert found.q_n[1] == 1.0
        assert set(found.partners) == {"Si", "B"}
    alone = network([frame], former="Si", anion="O", cutoffs={("Si", "O"): 2.0})
    assert alone.q_n[0] == 1.0


def test_neighbours_across_faces_of_a_tilted_cell(ideal_gas):
    cell = [[12.0, 0, 0], [5.0, 11.0, 0], [-3.0, 4.0, 13.0]]
    frame = ideal_gas({"Si": 60, "O": 90}, cell)[0]
    p = partial_distributions([[frame]], r_max=4.0)
    for a, b in (("Si", "O"), ("Si", "Si"), ("O", "Si")):
        i, j, r = neighbour_pairs(frame, a, b, 4.0)
        assert len(i) / frame.numbers[a] == pytest.approx(p.coordination(a, b, 4.0), abs=1e-9)
        assert r.max() <= 4.0
        assert np.all(i != j)
    first = nearest(frame, "Si", "O", count=3, reach=4.0)
    _, _, every = neighbour_pairs(frame, "Si", "O", 4.0)
    assert np.nanmin(first[:, 0]) == pytest.approx(every.min())
    assert np.all(np.diff(first, axis=1)[np.isfinite(np.diff(first, axis=1))] >= 0.0)
    with pytest.raises(InputError, match="several images"):
        neighbour_pairs(frame, "Si", "O", 6.0)
    with pytest.raises(InputError, match="no Na"):
        neighbour_pairs(frame, "Na", "O", 2.0)


def test_ndf_of_an_ideal_gas_is_known(ideal_gas):
    # the k-th neighbour of a Poisson process: mean r_1 = Gamma(4/3)/(4 pi rho/3)^(1/3)
    frames = ideal_gas({"Ar": 400}, 20.0 * np.eye(3), frames=40)
    found = neighbour_distributions(frames, centre="Ar", neighbour="Ar", count=3, reach=8.0)
    scale = (4.0 / 3.0 * np.pi * 399 / 8000.0) ** (-1.0 / 3.0)
    assert found.mean[0] == pytest.approx(0.892980 * scale, rel=0.01)
    assert found.mean[1] == pytest.approx(0.892980 * 4.0 / 3.0 * scale, rel=0.01)
    assert np.allclose(found.ndf.sum(axis=1) * 0.02, 1.0)


def test_sodium_silicate(shared_data):
    frames = list(open_trajectory(shared_data / "md" / "other" / "SiONa_25.extxyz"))
    found = network(frames, former="Si", anion="O", cutoffs={("Si", "O"): 2.0})
    # amorphouspy 0.5.1: 4.0004; 1.16, 10.62, 41.92, 46.27
    assert found.mean_coordination == pytest.approx(4.0004, abs=0.05)
    assert 100.0 * found.q_n[1:5] == pytest.approx([1.16, 10.62, 41.92, 46.27], abs=0.05)
