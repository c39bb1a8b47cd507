"""Compensation recovers a known impedance behind known leads."""

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.fixture import Fixture, Standard, compensate, open_short, open_short_load

F = np.logspace(1, 7, 61)
JW = 2j * np.pi * F
TRUE = 500.0 / (1 + JW * 500.0 * 6e-12) + 1 / (1e-6 * JW**0.8)
SERIES = 0.4 + JW * 0.8e-6
STRAY = 1e-10 + JW * 1.5e-12


def seen(z: np.ndarray) -> np.ndarray:
    return SERIES + 1 / (1 / z + STRAY)


def standard(name: str, z: np.ndarray, f: np.ndarray = F) -> Standard:
    return Standard(name=name, frequency_hz=f, z_ohm=z)


def test_open_and_short_are_exact_for_series_and_stray():
    z = open_short(seen(TRUE), z_open=SERIES + 1 / STRAY, z_short=SERIES)
    np.testing.assert_allclose(z, TRUE, rtol=1e-9)


def test_short_alone_removes_the_series_part():
    np.testing.assert_allclose(open_short(TRUE + SERIES, z_open=None, z_short=SERIES), TRUE)


def test_three_standards_are_exact_for_any_two_port():
    # a two-port with stray on both sides, which open/short alone cannot remove
    def two_port(z):
        inner = SERIES + 1 / (1 / z + STRAY)
        return 0.2 + JW * 0.1e-6 + 1 / (1 / inner + JW * 3e-12)

    z = open_short_load(
        two_port(TRUE),
        z_open=two_port(np.full_like(TRUE, 1e18)),
        z_short=two_port(np.full_like(TRUE, 1e-9)),
        z_load=two_port(np.full_like(TRUE, 100.0)),
        load_true_ohm=100.0,
    )
    np.testing.assert_allclose(z, TRUE, rtol=1e-6)


def test_a_coarser_fixture_is_interpolated_and_counted():
    coarse = np.logspace(1, 7, 13)
    jw = 2j * np.pi * coarse
    fixture = Fixture(
        open=standard("open", 0.4 + jw * 0.8e-6 + 1 / (1e-10 + jw * 1.5e-12), coarse),
        short=standard("short", 0.4 + jw * 0.8e-6, coarse),
    )
    result = compensate(F, seen(TRUE), fixture=fixture)
    np.testing.assert_allclose(result.z_ohm, TRUE, rtol=2e-3)
    assert result.interpolated == 48
    assert result.method == "open/short"
    assert result.largest_change > 0.05
    assert result.at_hz > 1e6


def test_nothing_is_extrapolated():
    short = standard("short", SERIES[10:], F[10:])
    with pytest.raises(InputError, match="extrapolation") as error:
        compensate(F, seen(TRUE), fixture=Fixture(short=short))
    assert error.value.where == "fixture.short"


def test_a_load_alone_is_refused():
    with pytest.raises(InputError, match="needs open, short"):
        compensate(F, TRUE, fixture=Fixture(load=standard("load", TRUE)))


def test_an_empty_fixture_is_refused():
    with pytest.raises(InputError, match="no fixture"):
        compensate(F, TRUE, fixture=Fixture())


def test_open_measured_as_sample_is_refused():
    opened = SERIES + 1 / STRAY
    fixture = Fixture(open=standard("open", opened), short=standard("short", SERIES))
    with pytest.raises(InputError, match="not finite"):
        compensate(F, opened, fixture=fixture)
