"""Damaged files end in spectra or in a ReadError, never in anything else, and never slowly."""

import functools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.errors import ReadError
from cis.io import read_spectra
from cis.stages import Spectrum

SUFFIXES = (
    ".csv",
    ".txt",
    ".z",
    ".mpt",
    ".mpr",
    ".DTA",
    ".ism",
    ".idf",
    ".dfr",
    ".i2b",
    ".par",
    ".P00",
    ".pssession",
)


@functools.cache
def samples(folder: Path) -> tuple[tuple[str, bytes], ...]:
    return tuple((p.name, p.read_bytes()) for p in sorted(folder.glob("*/*")))


def damage(content: bytes, kind: str, place: float, size: int, fill: bytes) -> bytes:
    at = int(place * len(content))
    if kind == "cut":
        return content[:at]
    if kind == "drop":
        return content[:at] + content[at + size :]
    if kind == "insert":
        return content[:at] + fill + content[at:]
    if kind == "repeat":
        return content[:at] + content[at : at + size] * 3 + content[at + size :]
    flipped = bytearray(content)
    for k in range(at, min(at + min(size, 8), len(content))):
        flipped[k] ^= fill[k % len(fill)] if fill else 255
    return bytes(flipped)


@st.composite
def damages(draw: st.DrawFn) -> tuple[int, str, list[tuple[str, float, int, bytes]]]:
    one = st.tuples(
        st.sampled_from(["cut", "drop", "insert", "repeat", "flip"]), st.floats(0, 1), st.integers(1, 400),
        st.binary(min_size=1, max_size=12) | st.sampled_from([b"\t", b",", b";", b"\n", b'"', b"\0", b"nan", b"1e999", b"-", b"\xff\xfe"]),
    )  # fmt: skip
    return (
        draw(st.integers(0, 10**6)),
        draw(st.sampled_from(["", *SUFFIXES])),
        draw(st.lists(one, min_size=1, max_size=4)),
    )


def read_or_refuse(path: Path | str) -> tuple[Spectrum, ...] | ReadError:
    try:
        return read_spectra(path)
    except ReadError as error:
        return error


def survives(folder: Path, case: tuple[int, str, list[tuple[str, float, int, bytes]]]) -> None:
    pick, suffix, steps = case
    files = samples(folder)
    name, content = files[pick % len(files)]
    for step in steps:
        content = damage(content, *step)
    handle, path = tempfile.mkstemp(suffix=suffix or Path(name).suffix)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        begun = time.perf_counter()
        outcome = read_or_refuse(path)
        assert str(outcome) if isinstance(outcome, ReadError) else outcome
        if not isinstance(outcome, ReadError):
            for s in outcome:
                assert len(s.frequency_hz) == len(s.z_ohm) == len(s.line) > 0
                assert np.all(
                    np.isfinite(s.frequency_hz) & (s.frequency_hz > 0) & np.isfinite(s.z_ohm)
                )
        assert time.perf_counter() - begun < 5.0
    finally:
        Path(path).unlink()


QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@settings(max_examples=300, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(case=damages())
def test_damaged_files(
    shared_data: Path, case: tuple[int, str, list[tuple[str, float, int, bytes]]]
) -> None:
    survives(shared_data / "cis", case)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None, suppress_health_check=QUIET)
@given(case=damages())
def test_damaged_files_for_long(
    shared_data: Path, case: tuple[int, str, list[tuple[str, float, int, bytes]]]
) -> None:
    survives(shared_data / "cis", case)


@settings(max_examples=200, deadline=None, suppress_health_check=QUIET, derandomize=True)
@given(text=st.text(alphabet="fZz'\"-0123456789.,;\t \nEe|Hzohm()/[]", max_size=300))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_text("f,Z',Z''\n" + text, encoding="utf-8")
    assert read_or_refuse(file)


def test_speed_of_reading(benchmark: Any, shared_data: Path) -> None:
    """All real files once; reported, asked: below 10 ms for a text file on the mean."""
    files = [p for p in (shared_data / "cis").glob("*/*") if p.parent.name != "tables"]
    spectra = benchmark.pedantic(lambda: [read_spectra(file) for file in files], rounds=2)
    assert len(spectra) == len(files)
