"""S_ij(Q): closed forms, the two routes against each other, the definitions of the total functions."""

import numpy as np
import pytest

from calibration.errors import InputError
from xtsred.simulation.frame import Frame
from xtsred.simulation.model import Weighting
from xtsred.simulation.partials import partial_distributions
from xtsred.simulation.second_route import second_route
from xtsred.simulation.structure_factors import (
    ashcroft_langreth,
    bhatia_thornton,
    direct_structure_factors,
    structure_factors,
    transform,
)
from xtsred.simulation.trajectory import open_trajectory

PAIRS = [(0, 0), (0, 1), (1, 1)]


def test_transform_of_a_hole_is_its_closed_form():
    # g = 0 below a, 1 beyond: S = 1 - 4 pi rho (sin Qa - Qa cos Qa)/Q^3
    a, rho, dr = 2.0, 0.05, 0.02
    r = (np.arange(500) + 0.5) * dr
    g = (r > a).astype(float)
    q = np.linspace(0.4, 20.0, 300)
    exact = 1.0 - 4.0 * np.pi * rho * (np.sin(q * a) - q * a * np.cos(q * a)) / q**3
    assert np.allclose(transform(r, g, q, density=rho, window="none"), exact, atol=1e-10)


def test_window_multiplies_g_minus_one():
    r = (np.arange(1000) + 0.5) * 0.01
    q = np.array([1.0, 3.0, 9.0])
    g = 1.0 + np.exp(-0.5 * ((r - 2.0) / 0.1) ** 2)
    windowed = 1.0 + (g - 1.0) * np.sinc(r / 10.0)
    ours = transform(r, g, q, density=0.05, window="lorch")
    assert np.allclose(ours, transform(r, windowed, q, density=0.05, window="none"), atol=1e-12)


def test_direct_sum_of_a_crystal_is_its_bragg_peaks():
    # simple cubic of n atoms: |rho|^2 = n^2 at every vector of the lattice, 0 at all others of the supercell
    grid = np.array(np.meshgrid(*[np.arange(4)] * 3)).reshape(3, -1).T * 3.0
    frame = Frame(
        cell=12.0 * np.eye(3), elements=("Ar",), kinds=np.zeros(64, dtype=int), positions=grid
    )
    found = direct_structure_factors([frame], q_max=2.0 * np.pi / 3.0 * 1.01, dq=0.01, per_bin=1000)
    mean, _ = found.binned(found.s)
    peak = np.isclose(found.bin_q, 2.0 * np.pi / 3.0)
    # with N (N - 1) pairs: S = 1 + N (N^2 - N)/(N (N - 1)) = 1 + N, and 1 - N/(N - 1) elsewhere
    assert mean[0, peak] == pytest.approx(65.0)
    assert np.allclose(mean[0, ~peak], 1.0 - 64.0 / 63.0, atol=1e-9)


def test_ideal_gas_is_one_by_both_routes(ideal_gas):
    frames = ideal_gas({"Ar": 200, "Kr": 100}, 18.0 * np.eye(3), frames=40, seed=7)
    direct = direct_structure_factors(frames, q_max=6.0, dq=0.25, per_bin=25)
    mean, sigma = direct.binned(direct.s)
    many = direct.vectors > 10
    z = (mean - 1.0)[:, many] / sigma[:, many]
    assert np.sqrt(np.mean(z**2)) == pytest.approx(1.0, abs=0.3)
    s, blocks = structure_factors(partial_distributions([frames]), direct.bin_q, window="lorch")
    assert blocks is not None
    error = np.std(blocks, axis=0, ddof=1) / np.sqrt(len(blocks))
    assert np.sqrt(np.mean(((s - 1.0) / error) ** 2)) == pytest.approx(1.0, abs=0.4)


def test_both_routes_agree_on_silica(shared_data):
    frames = list(open_trajectory(shared_data / "md" / "silica" / "SiO2_glass_3000_atoms.xyz"))
    direct = direct_structure_factors(frames, q_max=8.0, per_bin=40)
    s, _ = structure_factors(partial_distributions([frames]), direct.bin_q, window="none")
    beyond = direct.bin_q > 1.0
    mean, sigma = direct.binned(direct.s)
    pulls = ((s - mean) / sigma)[:, beyond]
    # the scatter of single vectors explains the difference of the routes
    assert np.all(np.abs(pulls.std(axis=1) - 1.0) < 0.25)
    assert np.all(np.abs(pulls.mean(axis=1)) < 0.35)


def test_q_below_the_box_is_an_error(ideal_gas):
    p = partial_distributions([ideal_gas({"Ar": 50}, 12.0 * np.eye(3))])
    with pytest.raises(InputError, match="larger box"):
        structure_factors(p, np.array([0.5]), window="none")


def test_ashcroft_langreth_and_bhatia_thornton_of_known_partials():
    c = np.array([0.3, 0.7])
    s = np.array([[0.4, 1.2], [0.9, 0.8], [1.5, 1.1]])
    al = ashcroft_langreth(s, fractions=c, pairs=PAIRS)
    assert np.allclose(al[0], 1.0 + 0.3 * (s[0] - 1.0))
    assert np.allclose(al[1], np.sqrt(0.21) * (s[1] - 1.0))
    nn, nc, cc = bhatia_thornton(s, fractions=c, pairs=PAIRS)
    # the same total by either set, for any scattering lengths (Bhatia & Thornton 1970, Eq. 2.10)
    b = np.array([2.0, -5.0])
    mean, delta = c @ b, b[0] - b[1]
    faber = sum(
        (1 if i == j else 2) * c[i] * c[j] * b[i] * b[j] * (row - 1.0)
        for (i, j), row in zip(PAIRS, s, strict=True)
    )
    thornton = mean**2 * nn + 2.0 * mean * delta * nc + delta**2 * cc
    assert np.allclose(faber + c @ b**2, thornton)
    with pytest.raises(InputError, match="two elements"):
        bhatia_thornton(s, fractions=np.ones(3) / 3, pairs=PAIRS)


def test_ideal_mixture_has_unit_fluctuations():
    nn, nc, cc = bhatia_thornton(np.ones((3, 4)), fractions=np.array([0.25, 0.75]), pairs=PAIRS)
    assert np.allclose(nn, 1.0)
    assert np.allclose(nc, 0.0)
    assert np.allclose(cc, 0.25 * 0.75)


def test_totals_of_both_routes_agree(shared_data):
    box = open_trajectory(shared_data / "md" / "silica" / "SiO2_glass_3000_atoms.xyz")
    route = second_route(
        box, weighting=Weighting(kind="neutron"), window="none", q_range=(1.0, 8.0)
    )
    # with a window the transform is smoother than the truth; without, noise alone explains the difference
    assert route.rms == pytest.approx(route.noise, rel=0.35)
    assert route.frames == 1
    pulls = (route.direct - route.transformed) / route.sigma
    assert pulls.std() == pytest.approx(1.0, abs=0.25)
