"""Damaged files: a clear ReadError or a sound scan, never a traceback, a hang, a flood or a silently shorter scan."""

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import ReadError
from tests.xtsred.io import makers
from xtsred.io import read_scans
from xtsred.stages import Scan

# formats that do not declare how many points they have (an .xrdml that is cut is no XML any more: tested below)
_UNDECLARED = ("text columns", "PANalytical xrdml")
_SLOWEST_S = 2.0


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """The content cut, flipped, overwritten, stretched, shortened, doubled or shuffled somewhere."""
    data = bytearray(content)
    at = int(random.integers(len(data)))
    length = int(random.integers(1, 1 + min(64, len(data) - at)))
    match int(random.integers(9)):
        case 0:
            return bytes(data[:at])
        case 1:
            data[at] ^= 1 << int(random.integers(8))
        case 2:
            data[at : at + length] = random.bytes(length)
        case 3:
            data[at:at] = random.bytes(length)
        case 4:
            del data[at : at + length]
        case 5:
            data[at:at] = data[at : at + length]
        case 6:
            for _ in range(8):
                data[int(random.integers(len(data)))] = int(random.integers(256))
        case 7:
            data[at : at + 4] = random.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x80", b"9999"]
            )
        case 8:
            # numbers of headers sit at the beginning
            head = int(random.integers(min(800, len(data))))
            data[head] ^= 1 << int(random.integers(8))
    return bytes(data)


def is_sound(scans: tuple[Scan, ...]) -> None:
    assert scans
    for scan in scans:
        n = scan.two_theta_deg.size
        assert n >= 2
        assert np.all(np.isfinite(scan.two_theta_deg))
        assert np.all(np.diff(scan.two_theta_deg) > 0)
        assert scan.values.shape == (n,)
        assert np.all(np.isfinite(scan.values))
        assert np.all(scan.values >= 0)
        for extra in (scan.sigma, scan.seconds_per_step, scan.monitor):
            assert extra is None or (extra.shape == (n,) and np.all(np.isfinite(extra)))


def fuzz(name: str, content: bytes, folder: Path, *, cases: int, seed: int, memory: bool) -> None:
    path = folder / name
    path.write_bytes(content)
    whole = read_scans(path)
    points = sum(s.values.size for s in whole)
    declared = whole[0].format not in _UNDECLARED and name != "xylib_BT86_.UXD"  # no _STEPCOUNT
    random = np.random.default_rng(seed)
    for case in range(cases):
        data = damaged(content, random)
        path.write_bytes(data)
        said = f"{name}, seed {seed}, case {case}"
        if memory:
            tracemalloc.start()
        began = time.process_time()
        refused: ReadError | None = None
        scans: tuple[Scan, ...] = ()
        try:
            scans = read_scans(path)
        except ReadError as error:
            refused = error
        took = time.process_time() - began
        if memory:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 50e6 + 20 * len(data), said
        assert took < (10 * _SLOWEST_S if memory else _SLOWEST_S), said
        assert refused is None or (str(path) in refused.where and refused.what), said
        if scans:
            is_sound(scans)
            fewer = sum(s.values.size for s in scans) < points
            warned = any(f.severity == "warning" for s in scans for f in s.findings)
            if fewer and declared and scans[0].format == whole[0].format:
                assert warned, f"{said}: {points} points became fewer without a word"


FILES = makers.everything()


@pytest.mark.parametrize("name", FILES)
def test_damaged_made_files(tmp_path: Path, name: str) -> None:
    fuzz(name, FILES[name], tmp_path, cases=70, seed=len(name), memory=False)


@pytest.mark.parametrize("name", FILES)
def test_memory_of_damaged_files(tmp_path: Path, name: str) -> None:
    fuzz(name, FILES[name], tmp_path, cases=8, seed=99, memory=True)


def real_files(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "xrd/formats").iterdir())


def test_damaged_real_files(shared_data: Path, tmp_path: Path) -> None:
    for i, path in enumerate(real_files(shared_data)):
        fuzz(path.name, path.read_bytes(), tmp_path, cases=40, seed=i, memory=False)


@pytest.mark.parametrize("name", FILES)
def test_every_cut_of_a_small_file(tmp_path: Path, name: str) -> None:
    """A file cut at any place is refused, or says what is missing (text columns cannot know)."""
    path = tmp_path / name
    path.write_bytes(FILES[name])
    points = sum(s.values.size for s in read_scans(path))
    content = FILES[name]
    for end in range(0, len(content), max(1, len(content) // 40)):
        path.write_bytes(content[:end])
        try:
            scans = read_scans(path)
        except ReadError:
            continue
        is_sound(scans)
        if sum(s.values.size for s in scans) < points and not name.endswith(".xy"):
            assert any(f.severity == "warning" for s in scans for f in s.findings), (
                f"{name} cut at {end}"
            )


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_damaged_files_at_length(shared_data: Path, tmp_path: Path, seed: int) -> None:
    for name, content in FILES.items():
        fuzz(name, content, tmp_path, cases=200, seed=1000 + seed, memory=seed % 10 == 0)
    for path in real_files(shared_data):
        fuzz(path.name, path.read_bytes(), tmp_path, cases=100, seed=2000 + seed, memory=False)
