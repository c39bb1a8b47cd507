"""A memo gives what a fresh computation gives, and computes only what changed."""

from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.quantity import Quantity
from xtsred.config import load_project
from xtsred.inputs import read_inputs
from xtsred.memo import Memo, fingerprint
from xtsred.pipeline import reduce_inputs

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_equal_fingerprints_mean_equal_values(a: object, b: object) -> None:
    assert (fingerprint(a) == fingerprint(b)) == (repr(a) == repr(b))


def test_one_bit_types_shapes_and_boundaries_count() -> None:
    x = np.linspace(0.0, 1.0, 7)
    assert fingerprint(x) == fingerprint(x.copy())
    assert fingerprint(x) != fingerprint(np.nextafter(x, 2.0))
    assert fingerprint(x) != fingerprint(x[:, None])
    assert fingerprint(1) != fingerprint(1.0) != fingerprint(True)
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint(("a",), "b") != fingerprint(("a", "b"))
    assert fingerprint(Quantity(1.0)) != fingerprint(Quantity(1.0, 0.1))
    assert fingerprint({"a": 1}) == fingerprint(MappingProxyType({"a": 1}))


def test_what_has_only_an_address_is_refused() -> None:
    for value in (object(), lambda: 0, np.array([object()])):
        with pytest.raises(TypeError):
            fingerprint(value)


def test_the_least_recently_used_goes_first_and_errors_are_not_kept() -> None:
    memo = Memo(keep=2)
    for key in (1, 2, 1, 3, 1, 2):
        assert memo("square", (key,), lambda key=key: key**2) == key**2
    assert memo.computed == {"square": 4}  # 1, 2, 3 and 2 again

    with pytest.raises(ZeroDivisionError):
        memo("inverse", (0,), lambda: 1 / 0)
    assert memo("inverse", (0,), lambda: 5) == 5


def test_a_reduction_with_memory_is_the_reduction(shared_data: Path) -> None:
    path = shared_data.parent / "examples" / "ns_xray" / "run.toml"
    inputs = read_inputs(load_project(path))
    memo = Memo()
    stages = {
        (): 10,  # three of them a role each
        ("fourier.window=none",): 1,
        ("normalization.q_range=[9.0, 17.0]",): 2,
        ("sample.packing_fraction=0.55",): 4,
        ("detector.dead_time_s=1e-6",): 6,
    }
    for settings, computed in stages.items():
        before = sum(memo.computed.values())
        loaded = load_project(path, settings=settings)
        remembered = reduce_inputs(loaded, inputs, memo=memo)
        assert sum(memo.computed.values()) - before == computed
        fresh = reduce_inputs(loaded, inputs)
        assert fingerprint(remembered.structure_factor) == fingerprint(fresh.structure_factor)
        assert fingerprint(remembered.pair_distribution) == fingerprint(fresh.pair_distribution)
        assert remembered.findings == fresh.findings
