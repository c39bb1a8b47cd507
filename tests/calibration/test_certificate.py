"""A certificate round-trips, tells when it was altered, and is refused where it cannot belong."""

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.certificate import (
    BelongsTo,
    Certificate,
    Covariance,
    check_certificate,
    issue_certificate,
    read_certificate,
    write_certificate,
)
from calibration.errors import InputError, OutputError
from calibration.quantity import Quantity
from calibration.radiation import Line, select_lines

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SIGMAS = st.floats(0.0, 1e100)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "standard.xy"
    path.write_bytes(b"1 2\n3 4\n")
    return path


def issued(source: Path, **more: Any) -> Certificate:
    return issue_certificate(
        "goniometer",
        name="CeO2, Mo",
        values={"zero_deg": Quantity(0.0123, 0.0004), "along_mm": Quantity(-0.05, 0.01)},
        sources=[source],
        belongs_to=BelongsTo(anode="Mo", wavelength_A=0.7093172),
        **more,
    )


def test_round_trip_keeps_every_bit(source: Path, tmp_path: Path) -> None:
    covariance = Covariance(names=("zero_deg", "along_mm"), matrix=((1.6e-7, -1e-6), (-1e-6, 1e-4)))
    there = issued(
        source,
        covariance=covariance,
        tables={"channel": (0.1 + 0.2, 1e-300)},
        facts={"material": 'CeO2 "SRM 674b" Å'},
        valid_days=365.0,
    )
    write_certificate(there, tmp_path / "ceo2.toml")
    back = read_certificate(tmp_path / "ceo2.toml", kind="goniometer")
    assert back == there
    assert back.source[0].sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert back.value("zero_deg").sigma == 0.0004


@given(value=NUMBERS, sigma=SIGMAS, name=st.text(max_size=20))
def test_any_number_and_name_survive(
    tmp_path_factory: pytest.TempPathFactory, value: float, sigma: float, name: str
) -> None:
    path = tmp_path_factory.mktemp("certificate") / "c.toml"
    there = issue_certificate("cell", name=name, values={"x": Quantity(value, sigma)}, sources=[])
    write_certificate(there, path)
    assert read_certificate(path, kind="cell") == there


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.0123", "0.0124"), ("0.0004", "0.0003"), ('"Mo"', '"Ag"'), ("CeO2", "LaB6")],
)
def test_an_edited_number_is_noticed(source: Path, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "ceo2.toml"
    write_certificate(issued(source), path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match="altered"):
        read_certificate(path, kind="goniometer")


def test_another_kind_is_refused(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "ceo2.toml"
    write_certificate(issued(source), path)
    with pytest.raises(InputError, match="'detector' is needed"):
        read_certificate(path, kind="detector")


def test_a_number_without_uncertainty_is_not_certified(source: Path) -> None:
    with pytest.raises(ValueError, match="without uncertainty: zero_deg"):
        issue_certificate(
            "goniometer", name="x", values={"zero_deg": Quantity(0.1)}, sources=[source]
        )


def test_another_anode_is_refused_and_the_doublet_is_not(source: Path) -> None:
    certificate = issued(source)
    for lines in (select_lines("Mo", "Ka1"), select_lines("Mo", "Ka1+Ka2")):
        assert check_certificate(certificate, where="calibration.goniometer", lines=lines) == ()
    stated = (Line(wavelength_a=0.71073, weight=1.0),)  # the mean of the doublet
    assert check_certificate(certificate, where="calibration.goniometer", lines=stated) == ()
    for anode in ("Ag", "Cu"):
        with pytest.raises(InputError, match="cannot belong to these data"):
            check_certificate(
                certificate, where="calibration.goniometer", lines=select_lines(anode, "Ka1")
            )


def test_past_its_validity_it_is_doubted(source: Path) -> None:
    certificate = issued(source, valid_days=30.0)
    end = date.fromisoformat(str(certificate.valid_until))
    assert check_certificate(certificate, where="x", measured_on=end) == ()
    (finding,) = check_certificate(certificate, where="x", measured_on=end + timedelta(days=3))
    assert finding.severity == "warning"
    assert "3 days later" in finding.text
    assert (
        check_certificate(issued(source), where="x", measured_on=end + timedelta(days=9999)) == ()
    )


def test_a_missing_value_names_what_there_is(source: Path) -> None:
    with pytest.raises(InputError, match="has no across_mm"):
        issued(source).value("across_mm")


def test_a_place_that_cannot_be_written_is_said(source: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_certificate(issued(source), tmp_path / "absent" / "c.toml")
