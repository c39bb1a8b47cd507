"""Diffusion and conductivity of walks whose answers are known."""

import numpy as np
import pytest

from calibration.errors import InputError
from xtsred.simulation.frame import Frame
from xtsred.simulation.structure_page import arrhenius_table
from xtsred.simulation.transport import (
    Motion,
    mean_square_displacement,
    transport,
    unwrap,
)

E, K = 1.602176634e-19, 1.380649e-23
T, VOLUME = 500.0, 2000.0


def motion(path, numbers):
    kinds = np.repeat(np.arange(len(numbers)), list(numbers.values()))
    return Motion(
        elements=tuple(numbers),
        numbers=numbers,
        kinds=kinds,
        displacements=path,
        time_step_ps=1.0,
        volume=VOLUME,
        drift_a=0.0,
    )


def walk(rng, steps, walkers, d):
    """Brownian walkers with D in Å^2/ps, 1 ps per step."""
    jumps = rng.normal(size=(steps, walkers, 3)) * np.sqrt(2.0 * d)
    jumps[0] = 0.0
    return np.cumsum(jumps, axis=0)


def nernst_einstein(charge, number, d_a2_per_ps):
    """S/cm, in SI from the start: e^2 z^2 N D/(V k T)."""
    d_si = d_a2_per_ps * 1e-20 / 1e-12
    return (E * charge) ** 2 * number * d_si / (VOLUME * 1e-30 * K * T) / 100.0


def test_msd_by_fft_is_that_of_the_definition():
    path = walk(np.random.default_rng(0), 50, 7, 0.3)
    direct = [
        np.mean(np.sum((path[lag:] - path[: len(path) - lag]) ** 2, axis=2)) for lag in range(50)
    ]
    assert np.allclose(mean_square_displacement(path), direct, atol=1e-9)


def test_independent_ions_pulls_are_unit_normal():
    rng = np.random.default_rng(1)
    numbers, d = {"Na": 30, "Cl": 30}, {"Na": 0.02, "Cl": 0.005}
    charges = {"Na": 1.0, "Cl": -1.0}
    truth = sum(nernst_einstein(1.0, numbers[e], d[e]) for e in numbers)
    pulls = []
    for _ in range(60):
        path = np.concatenate([walk(rng, 600, 30, d[e]) for e in numbers], axis=1)
        found = transport(
            motion(path, numbers), temperature_k=T, charges=charges, mobile="Na", window_ps=(5, 40)
        )
        na = found.diffusion[0].d
        pulls.append(
            [
                (na.value - d["Na"] * 1e-4) / na.sigma,
                (found.nernst_einstein.value - truth) / found.nernst_einstein.sigma,
                (found.einstein_helfand.value - truth) / found.einstein_helfand.sigma,
            ]
        )
    pulls = np.array(pulls)
    # ten blocks give a Student t with 9 degrees of freedom: width 1.13
    assert np.all(np.abs(pulls.std(axis=0) - 1.1) < 0.35)
    assert np.all(np.abs(pulls.mean(axis=0)) < 0.5)


@pytest.mark.parametrize("shared", [0.0, 0.3])
def test_haven_ratio_of_correlated_ions(shared):
    # each ion moves by its own jumps plus a common part: D* = own + shared, D_sigma = own + N shared
    rng = np.random.default_rng(2)
    own, number = 0.02, 20
    common = shared * own
    path = walk(rng, 6000, number, own) + walk(rng, 6000, 1, common)
    found = transport(
        motion(path, {"Li": number}),
        temperature_k=T,
        charges={"Li": 1.0},
        mobile="Li",
        window_ps=(2, 20),
    )
    exact = (own + common) / (own + number * common)
    assert found.haven.sigma is not None
    assert abs(found.haven.value - exact) < 4.0 * found.haven.sigma
    assert found.haven.sigma < 0.2 * exact


def test_unwrapping_and_drift():
    rng = np.random.default_rng(3)
    cell = np.array([[8.0, 0, 0], [2.0, 9.0, 0], [-1.0, 1.0, 10.0]])
    true = walk(rng, 200, 6, 0.05) + 5.0 * rng.random((1, 6, 3))
    drift = np.outer(np.arange(200) * 0.3, [1.0, -0.5, 0.2])
    kinds = np.array([0, 0, 0, 1, 1, 1])
    frames = []
    for k in range(200):
        turns = (true[k] + drift[k]) @ np.linalg.inv(cell)
        frames.append(
            Frame(
                cell=cell,
                elements=("Na", "Cl"),
                kinds=kinds,
                positions=(turns % 1.0) @ cell,
                index=k,
            )
        )
    found = unwrap(frames, time_step_ps=0.5)
    mass = np.where(kinds == 0, 22.990, 35.45)
    moved = true - true[0]
    moved -= np.einsum("tnc,n->tc", moved, mass / mass.sum())[:, None]
    assert np.allclose(found.displacements, moved, atol=2e-2)
    assert found.volume == pytest.approx(720.0)
    assert found.drift_a > 50.0


def test_what_transport_refuses_and_warns_of():
    path = walk(np.random.default_rng(4), 300, 5, 0.01)
    good = {"temperature_k": T, "charges": {"Na": 1.0}, "mobile": "Na", "window_ps": (5.0, 30.0)}
    with pytest.raises(InputError, match="window"):
        transport(motion(path, {"Na": 5}), **{**good, "window_ps": (5.0, 150.0)})
    with pytest.raises(InputError, match="no charge"):
        transport(motion(path, {"Na": 5}), **{**good, "charges": {}})
    with pytest.raises(InputError, match="no Li"):
        transport(motion(path, {"Na": 5}), **{**good, "mobile": "Li"})
    # a rattling ion does not diffuse
    still = np.random.default_rng(5).normal(size=(300, 5, 3))
    found = transport(motion(still, {"Na": 5}), **good)
    assert any("not diffusive" in f.text for f in found.findings)
    frame = Frame(
        cell=np.eye(3) * 9, elements=("Na",), kinds=np.zeros(1, int), positions=np.zeros((1, 3))
    )
    with pytest.raises(InputError, match="20 frames"):
        unwrap([frame] * 5, time_step_ps=1.0)


def box_of(walks, cell):
    """Frames of walks (t, n, 3), wrapped into a cubic cell; the first half is Na, the second Si."""
    half = walks.shape[1] // 2
    kinds = np.repeat([0, 1], [half, walks.shape[1] - half])
    return [
        Frame(
            cell=cell * np.eye(3),
            elements=("Na", "Si"),
            kinds=kinds,
            positions=step % cell,
            index=k,
        )
        for k, step in enumerate(walks)
    ]


def test_the_recoil_of_a_framework_is_no_diffusion():
    # the framework stands still: in the frame of the mass centre it recoils from the ions
    rng = np.random.default_rng(7)
    walks = np.concatenate([walk(rng, 400, 10, 0.02), np.zeros((400, 10, 3))], axis=1)
    walks = walks + 20.0 * rng.random((1, 20, 3))
    common = {"temperature_k": T, "charges": {"Na": 1.0, "Si": 4.0}, "mobile": "Na"}
    moved = unwrap(box_of(walks, 20.0), time_step_ps=1.0)
    found = transport(moved, **common, window_ps=(2.0, 20.0))
    assert any("relative to the centre of mass" in f.text for f in found.findings)
    texts = [f.text for f in found.findings if f.severity == "warning"]
    # for N ions of mass m in a box of mass M: D of the recoil is N (m/M)^2 D
    recoil = 10 * (22.990 / (10 * (22.990 + 28.085))) ** 2 * 0.02e-4
    silicon = next(d for d in found.diffusion if d.element == "Si")
    assert silicon.d.value == pytest.approx(recoil, abs=4 * silicon.d.sigma)
    assert any("D(Si)" in t and "recoil" in t for t in texts)
    assert found.doubtful == {"Si"}
    assert found.diffusive
    swapped = transport(moved, **{**common, "mobile": "Si"}, window_ps=(2.0, 20.0))
    assert not swapped.diffusive
    assert arrhenius_table(swapped, name="x").splitlines()[1].endswith("false")
    assert not any("D(Na)" in f.text for f in found.findings)


def test_steps_of_half_a_cell_and_senseless_conditions_are_refused():
    rng = np.random.default_rng(8)
    wild = walk(rng, 60, 8, 20.0)
    with pytest.raises(InputError, match="path cannot be told"):
        unwrap(box_of(wild, 10.0), time_step_ps=1.0)
    calm = box_of(walk(rng, 60, 8, 0.01), 10.0)
    for step in (0.0, -1.0):
        with pytest.raises(InputError, match="time step"):
            unwrap(calm, time_step_ps=step)
    for kelvin in (-300.0, 0.0, float("nan")):
        with pytest.raises(InputError, match="no temperature"):
            transport(
                unwrap(calm, time_step_ps=1.0),
                temperature_k=kelvin,
                charges={"Na": 1.0, "Si": 4.0},
                mobile="Na",
                window_ps=(2.0, 10.0),
            )


def test_table_for_arrhenius():
    path = walk(np.random.default_rng(6), 300, 5, 0.01)
    found = transport(
        motion(path, {"Na": 5}),
        temperature_k=T,
        charges={"Na": 1.0},
        mobile="Na",
        window_ps=(5.0, 30.0),
    )
    lines = arrhenius_table(found, name="NS").splitlines()
    assert lines[0].startswith(
        "name,temperature_K,temperature_sigma_K,R_ohm,R_sigma_ohm,sigma_S_per_cm"
    )
    cells = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(cells["sigma_S_per_cm"]) == pytest.approx(found.nernst_einstein.value, rel=1e-5)
    assert cells["temperature_K"] == "500"
    assert cells["identifiable"] == str(found.diffusive).lower()
