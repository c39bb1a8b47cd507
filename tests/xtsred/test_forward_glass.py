"""The virtual glass: closed forms against quadrature, sum rules, and the weights of the paper."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import simpson

from calibration.errors import InputError
from xtsred.forward import (
    GlassModel,
    sodium_thiosilicate,
    true_pair_distribution,
    true_structure_factor,
)
from xtsred.forward.glass import pair_weights, silica_like

Q = np.arange(1, 12001) * 0.01
R = np.arange(1, 1501) * 0.01
MODELS = {"NS": sodium_thiosilicate(), "silica": silica_like()}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> GlassModel:
    return MODELS[request.param]


def test_transforms_agree(model):
    """g(r) of the closed form is the sine transform of S(Q), which was written down separately."""
    s = true_structure_factor(model, Q).s
    waves = np.sin(np.outer(R, Q)) @ (Q * (s - 1)) * 0.01
    g = 1 + waves / (2 * np.pi**2 * model.number_density_per_a3 * R)
    np.testing.assert_allclose(g, true_pair_distribution(model, R), atol=1e-7)


def test_physical(model):
    g = true_pair_distribution(model, R)
    s = true_structure_factor(model, Q).s
    first = min(shell.distance_a for pair in model.pairs for shell in pair.shells)
    assert np.abs(g[first - 0.45 > R]).max() < 1e-5
    assert g.min() > -1e-12
    assert s.min() > 0.05
    assert s[0] == pytest.approx(model.s_zero, abs=1e-3)
    assert np.abs(s[Q > 90] - 1).max() < 1e-3
    assert np.abs(g[R > 13] - 1).max() < 1e-6


def test_compressibility_in_real_space(model):
    """1 + rho0 * integral of 4 pi r^2 (g - 1) is S(0)."""
    r = np.linspace(1e-6, 20.0, 20_001)
    hole = 4 * np.pi * r**2 * (true_pair_distribution(model, r) - 1)
    total = 1 + model.number_density_per_a3 * simpson(hole, x=r)
    assert total == pytest.approx(model.s_zero, abs=1e-4)


def test_damped_sum_rule(model):
    """Integral of Q^2 (S - 1) exp(-a^2 Q^2/2) tends to -2 pi^2 rho0 where a is below the first bond."""
    q = np.linspace(1e-4, 60.0, 60_001)
    damped = q**2 * (true_structure_factor(model, q).s - 1) * np.exp(-0.5 * (0.2 * q) ** 2)
    assert simpson(damped, x=q) == pytest.approx(
        -2 * np.pi**2 * model.number_density_per_a3, rel=1e-3
    )


def test_paper_weights():
    """NS glass with f = Z: SiSi .028 SiS .190 SiNa .087 SS .327 NaS .299 NaNa .069."""
    glass = sodium_thiosilicate()
    names = ["".join(sorted(pair.elements)) for pair in glass.pairs]
    found = dict(zip(names, pair_weights(glass), strict=True))
    printed = {"SiSi": 0.028, "SSi": 0.190, "NaSi": 0.087, "SS": 0.327, "NaS": 0.299, "NaNa": 0.069}
    assert found == pytest.approx(printed, abs=6e-4)
    assert sum(found.values()) == pytest.approx(1.0)


def test_silicon_has_four_sulphur_neighbours():
    """n = c_S * integral of R(r) over the first peak / w_SiS."""
    glass = sodium_thiosilicate()
    r = np.linspace(1.7, 2.36, 2001)
    area = simpson(
        4 * np.pi * r**2 * glass.number_density_per_a3 * true_pair_distribution(glass, r), x=r
    )
    assert 0.5 * area / 0.19048 == pytest.approx(4.0, rel=0.02)


def test_every_pair_once():
    glass = sodium_thiosilicate()
    with pytest.raises(InputError, match="every pair"):
        dataclasses.replace(glass, pairs=glass.pairs[:-1])
    with pytest.raises(InputError, match="every pair"):
        dataclasses.replace(glass, pairs=(*glass.pairs, glass.pairs[0]))
