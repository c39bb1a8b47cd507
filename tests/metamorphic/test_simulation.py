"""Weights and sums over pairs know no order of the elements."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.composition import parse_formula
from xtsred.simulation.frame import Frame
from xtsred.simulation.partials import partial_distributions


def frames(order: list[int], seed: int) -> list[Frame]:
    """One random configuration of three elements; order: how the elements are numbered."""
    generator = np.random.default_rng(seed)
    positions = 12.0 * generator.random((90, 3))
    kinds = generator.integers(0, 3, 90)
    names = ("Na", "Si", "S")
    return [
        Frame(
            cell=12.0 * np.eye(3),
            elements=tuple(names[k] for k in order),
            kinds=np.array([order.index(k) for k in kinds]),
            positions=positions,
        )
    ]


@given(st.permutations([0, 1, 2]), st.integers(0, 5))
def test_mirrored_pairs_are_the_same_pair(order: list[int], seed: int) -> None:
    a = partial_distributions([frames([0, 1, 2], seed)], dr=0.1)
    b = partial_distributions([frames(list(order), seed)], dr=0.1)
    for i in ("Na", "Si", "S"):
        for j in ("Na", "Si", "S"):
            assert a.coordination(i, j, 3.0) == pytest.approx(b.coordination(i, j, 3.0), rel=1e-12)
            c_i, c_j = (a.numbers[a.elements.index(e)] for e in (i, j))
            forward, back = a.coordination(i, j, 3.0), a.coordination(j, i, 3.0)
            assert c_i * forward == pytest.approx(c_j * back, rel=1e-12)


@given(st.permutations(["Na2", "Si", "S3"]))
def test_formula_order(parts: list[str]) -> None:
    assert dict(parse_formula("".join(parts))) == pytest.approx(dict(parse_formula("Na2SiS3")))
