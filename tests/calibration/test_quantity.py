"""How a value with its uncertainty is written."""

import pytest

from calibration.quantity import Quantity, concise


@pytest.mark.parametrize(
    ("value", "sigma", "text"),
    [
        (0.4137, 0.0123, "0.414(12)"),
        (0.41, 0.01, "0.41(1)"),
        (1.612, 0.002, "1.612(2)"),
        (5.09098, 0.00031, "5.0910(3)"),
        (4.2e-6, 1.3e-7, "4.20(13)e-06"),
        (1234.5, 20.0, "1.23(2)e+03"),
        (0.0, 0.05, "0.00(5)"),
        (-2.5, 0.3, "-2.5(3)"),
        (45.0, 9.7, "45(10)"),
        (45.0, 30.0, "45(30)"),
        (450.0, 300.0, "4.5(30)e+02"),
        (0.5, 0.025, "0.50(3)"),  # a half upwards
        (0.5, 0.025000000000000022, "0.50(3)"),
        (0.5, 0.0249, "0.50(2)"),
        (1.0, 0.0145, "1.000(15)"),
        (2.0, 0.0, "2 (exact)"),
        (0.12345678, None, "0.1235 (± unknown)"),
        (float("nan"), 0.1, "nan"),
    ],
)
def test_values_are_written_with_their_uncertainty_in_the_last_digits(
    value: float, sigma: float | None, text: str
) -> None:
    assert concise(value, sigma) == text


def test_the_unit_follows() -> None:
    assert str(Quantity(0.41, 0.01, "eV")) == "0.41(1) eV"
    assert str(Quantity(0.41, 0.01)) == "0.41(1)"


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf")])
def test_an_impossible_sigma_is_refused(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma"):
        Quantity(1.0, sigma)
