"""Circuits: strings, closed forms, derivatives, and agreement with the elements of `impedance`."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from calibration.errors import InputError
from cis.circuits import CIRCUITS, circuit, log_i_omega
from cis.elements import ELEMENTS

FREQUENCY = np.logspace(-2, 7, 40)
VALUES = {
    "R": [123.0],
    "C": [1e-9],
    "L": [1e-6],
    "La": [1e-6, 0.8],
    "CPE": [3e-7, 0.8],
    "W": [55.0],
    "Wo": [10.0, 0.3],
    "Ws": [10.0, 0.3],
    "G": [10.0, 1e-3],
    "Gs": [10.0, 1e-3, 1.5],
    "K": [10.0, 1e-3],
    "Zarc": [10.0, 1e-3, 0.8],
    "TLMQ": [10.0, 1e-4, 0.8],
}


@pytest.fixture(scope="module")
def impedance_elements() -> ModuleType:
    """The element functions of `impedance` alone: importing the package needs pandas, which it does not declare."""
    package = importlib.util.find_spec("impedance")
    if package is None or package.submodule_search_locations is None:
        pytest.skip("impedance is not installed")
    path = Path(package.submodule_search_locations[0]) / "models" / "circuits" / "elements.py"
    spec = importlib.util.spec_from_file_location("impedance_elements", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_element_has_values_here():
    assert set(VALUES) == set(ELEMENTS)


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_elements_agree_with_impedance(kind, impedance_elements):
    theirs = impedance_elements.circuit_elements[kind](VALUES[kind], FREQUENCY.tolist())
    ours = circuit(f"{kind}1").impedance(FREQUENCY, VALUES[kind])
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize(
    ("text", "values"),
    [(f"{kind}1", values) for kind, values in sorted(VALUES.items())]
    + [
        ("p(R1,CPE1)-CPE2-L1", [1e5, 3e-11, 0.93, 2e-6, 0.78, 1e-6]),
        ("R0-p(R1-Wo1,CPE1)-p(R2,C2)", [10.0, 100.0, 50.0, 0.1, 1e-5, 0.9, 30.0, 1e-7]),
    ],
)
def test_derivatives_are_those_of_finite_differences(text, values):
    c = circuit(text)
    x = c.to_variables(values)
    log_s = log_i_omega(FREQUENCY)
    _, jacobian = c.evaluate(log_s, x[None, :])
    for k in range(x.size):
        h = 1e-5 * np.eye(x.size)[k]
        up, down = (c.evaluate(log_s, (x + s * h)[None, :])[0][0] for s in (1.0, -1.0))
        scale = np.abs(up)
        np.testing.assert_allclose(jacobian[0, k] / scale, (up - down) / 2e-5 / scale, atol=1e-7)


def test_closed_forms():
    f = np.array([1.0, 1e3, 1e6])
    s = 2j * np.pi * f
    z = circuit("p(R1,C1)-L1").impedance(f, [1e3, 1e-9, 2e-6])
    np.testing.assert_allclose(z, 1e3 / (1.0 + s * 1e-6) + s * 2e-6, rtol=1e-12)
    # 1 microhenry is 63 ohm at 10 MHz
    assert circuit("L1").impedance(np.array([1e7]), [1e-6])[0].imag == pytest.approx(
        62.83, abs=0.01
    )
    # at the top of a depressed arc, omega tau = 1: Z' = R/2, -Z'' = (R/2) tan(alpha pi/4)
    r, q, a = 1e5, 3e-11, 0.93
    top = 1.0 / (2.0 * np.pi * (r * q) ** (1.0 / a))
    z_top = circuit("p(R1,CPE1)").impedance(np.array([top]), [r, q, a])[0]
    assert z_top.real == pytest.approx(r / 2.0, rel=1e-12)
    assert -z_top.imag == pytest.approx(r / 2.0 * np.tan(a * np.pi / 4.0), rel=1e-12)


def test_order_inside_parallel_and_spaces_do_not_matter():
    a = circuit("p(R1,CPE1)-CPE2").impedance(FREQUENCY, [1e5, 3e-11, 0.9, 1e-6, 0.8])
    b = circuit("CPE2 - p( CPE1 , R1 )").impedance(FREQUENCY, [1e-6, 0.8, 3e-11, 0.9, 1e5])
    np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("p(R1,CPE1)-CPE2-L1", [1e5, 3e-11, 0.93, 2e-6, 0.78, 1e-6], 1e5),
        ("p(R1,CPE1)-p(R2,CPE2)-CPE3", [1e5, 3e-11, 0.9, 2e5, 1e-9, 0.9, 2e-6, 0.8], 3e5),
        ("R1-CPE1", [7.0, 1e-6, 0.8], 7.0),
        ("p(R1,R2)-R3", [20.0, 30.0, 5.0], 17.0),
        ("R0-p(R1-W1,CPE1)", [10.0, 90.0, 5.0, 1e-5, 0.9], 100.0),
        ("p(R1,L1)-R2", [100.0, 1e-6, 3.0], 3.0),
    ],
)
def test_intercept_is_the_resistance_without_the_electrode(text, values, expected):
    c = circuit(text)
    x = c.to_variables(values)
    total, slope = c.intercept(x)
    assert total == pytest.approx(expected, rel=1e-12)
    for k in range(x.size):
        h = 1e-6 * np.eye(x.size)[k]
        numeric = (c.intercept(x + h)[0] - c.intercept(x - h)[0]) / 2e-6
        assert slope[k] == pytest.approx(numeric, abs=1e-6 * expected)


def test_no_intercept_where_everything_blocks():
    c = circuit("p(CPE1,C1)")
    assert np.isnan(c.intercept(c.to_variables([1e-6, 0.9, 1e-9]))[0])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("p(R1,CPE1", "not closed"),
        ("p(R1)", "two branches"),
        ("R1-X2", "no element"),
        ("R1-R1", "twice"),
        ("R1 CPE1", "left over"),
        ("p(" * 5000 + "R1,C1" + ")" * 5000, "groups are in each other"),
        ("-".join(f"R{i}" for i in range(3000)), "more than 40 elements"),
        ('__import__("os")', "not allowed"),
        ("R1.__class__", "left over"),
        ("R1-", "too early"),
        ("", "too early"),
        ("bulk-bloking", "no element"),
    ],
)
def test_mistakes_are_pointed_out(text, complaint):
    with pytest.raises(InputError, match="cannot be read at character") as caught:
        circuit(text)
    assert complaint in str(caught.value)


def test_every_named_circuit_parses_and_has_the_elements_its_name_says():
    for name, text in CIRCUITS.items():
        c = circuit(name)
        assert c.string == text
        assert ("lead" in name) == ("L1" in c.names)
        assert len(c.arcs()) == (2 if "gb" in name else 0 if "tail" in name else 1)
