"""Pair weights: the paper's printed numbers, sums, neutron lengths of the measured silica."""

import numpy as np
import pytest

from calibration.errors import InputError
from xtsred.simulation.neutron_lengths import NEUTRON_LENGTHS_FM
from xtsred.simulation.weights import (
    atomic_number_factors,
    mean_b_squared_barn,
    neutron_factors,
    neutron_findings,
    pair_weights,
    xray_factors,
)

PAIRS = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
Q = np.linspace(0.5, 15.0, 20)


@pytest.mark.parametrize(
    ("x", "printed"),
    [
        (0.50, [0.028, 0.190, 0.087, 0.327, 0.299, 0.069]),
        (0.66, [0.014, 0.123, 0.083, 0.277, 0.375, 0.127]),
    ],
)
def test_weights_of_the_paper(x, printed):
    # (Na2S)_x (SiS2)_(1-x): Eqs. 3 and 4 of Micoulaut et al. 2025, order SiSi SiS SiNa SS NaS NaNa
    amounts = {"Si": 1.0 - x, "S": x + 2.0 * (1.0 - x), "Na": 2.0 * x}
    c = np.array(list(amounts.values())) / sum(amounts.values())
    w = pair_weights(c, atomic_number_factors(list(amounts), Q[:1]), pairs=PAIRS)[:, 0]
    assert [round(float(v), 3) for v in w] == printed


def test_weights_add_up_to_one():
    c = np.array([0.2, 0.5, 0.3])
    for factors in (
        atomic_number_factors(["Si", "S", "Na"], Q),
        xray_factors(["Si", "S", "Na"], Q, energy_kev=17.48),
        neutron_factors(["Si", "S", "Na"], Q),
    ):
        assert np.allclose(pair_weights(c, factors, pairs=PAIRS).sum(axis=0), 1.0, atol=2e-4)


def test_xray_factors_tend_to_the_number_of_electrons():
    f = xray_factors(["Si", "S"], np.array([1e-3]), energy_kev=None)
    assert np.allclose(f[:, 0].real, [14.0, 16.0], atol=0.02)
    # Mo K alpha, International Tables C 4.2.6: f' of Si 0.082 (Cromer-Liberman), f'' 0.071
    with_edges = xray_factors(["Si"], np.array([1e-3]), energy_kev=17.479)
    assert with_edges[0, 0].real - f[0, 0].real == pytest.approx(0.082, abs=0.01)
    assert with_edges[0, 0].imag == pytest.approx(0.071, abs=0.003)


def test_neutron_lengths_of_silica():
    # shared data: <b>^2 = 0.2758 barn with b 4.1491 and 5.803 fm; newer lengths move it by 4e-4
    assert mean_b_squared_barn({"Si": 1.0, "O": 2.0}) == pytest.approx(0.2758, abs=2e-4)
    own = {"Si": 4.1491, "O": 5.803}
    assert mean_b_squared_barn({"Si": 1, "O": 2}, lengths_fm=own) == pytest.approx(0.2758, abs=5e-5)


@pytest.mark.parametrize(
    ("element", "sears_1992"),
    [
        ("H", -3.739),
        ("Na", 3.63),
        ("S", 2.847),
        ("P", 5.13),
        ("Cl", 9.577),
        ("Ge", 8.185),
        ("V", -0.3824),
        ("Pb", 9.405),
    ],
)
def test_table_against_sears(element, sears_1992):
    # Neutron News 3 (1992) 26: another evaluation; V differs by 0.06 fm between the two
    assert NEUTRON_LENGTHS_FM[element][0] == pytest.approx(sears_1992, abs=0.07)


def test_unknown_and_absorbing_elements():
    with pytest.raises(InputError, match="Po"):
        neutron_factors(["Po"], Q)
    assert neutron_factors(["Po"], Q, lengths_fm={"Po": 3.0})[0, 0] == 3.0
    severities = [f.severity for f in neutron_findings(["B", "O"])]
    assert severities == ["warning", "note"]
    assert neutron_findings(["B", "O"], lengths_fm={"B": 6.65}) == ()


def test_null_mixture_is_refused():
    with pytest.raises(InputError, match="vanishes"):
        pair_weights(
            np.array([0.5, 0.5]),
            np.array([[1.0 + 0j], [-1.0 + 0j]]),
            pairs=[(0, 0), (0, 1), (1, 1)],
        )
