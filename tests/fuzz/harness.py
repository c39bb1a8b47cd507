"""What every fuzzed input must end in: a result, or one clear InputError; in bounded time and memory."""

import copy
import signal
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import numpy as np
import tomlkit

from calibration.errors import InputError

SLOWEST_S = 10.0
_MOST_BYTES = 50e6
_PER_BYTE = 20

ODD_VALUES = (
    0, 1, -1, 2**31, 2**63, -(2**63), 10**400, 0.0, -0.0, 1e-300, 1e300, -1e300, 0.5, 3.3, 1e-9, 1e9,
    float("nan"), float("inf"), float("-inf"), True, False, "", " ", "x", "NaN", "1e5", "fit", "none", "auto",
    "../../../../etc/passwd", "/dev/zero", ".", "..", "a" * 5000, "ü€\U0001f600", "<script>alert(1)</script>",
    "{{ 7 * 7 }}", "$(touch x)", "__import__('os')", "%s%n", "\n", [], [1], [1, 2], [2, 1], [1, 2, 3], ["a"], [[1]],
    {}, {"value": 1}, {"value": 1, "sigma": -1}, {"value": "a"}, {"value": 1, "sigma": 1e300}, {"a": {"b": 1}},
)  # fmt: skip
"""Values that nobody should write, of every type that TOML has."""


@contextmanager
def time_limit(seconds: float, said: str) -> Iterator[None]:
    """Fail a case that hangs instead of waiting for it."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"{said}: longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def survives(
    run: Callable[[], object], said: str, *, size: int, memory: bool = False, seconds: float = 10.0
) -> bool:
    """Whether it went through; False for a clear refusal. Anything else fails the test."""
    began, peak = time.monotonic(), 0
    refused: InputError | None = None
    if memory:
        tracemalloc.start()
    try:
        with time_limit(seconds, said):
            run()
    except InputError as error:
        refused = error
    finally:
        if memory:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peak < _MOST_BYTES + _PER_BYTE * size, f"{said}: {peak / 1e6:.0f} MB"
    assert time.monotonic() - began < seconds + 1.0, said
    assert refused is None or refused.what.strip(), said
    return refused is None


def bent_text(text: str, random: np.random.Generator) -> bytes:
    """The text as bytes, cut, flipped, doubled or filled somewhere."""
    data = bytearray(text.encode())
    at = int(random.integers(len(data)))
    length = int(random.integers(1, 1 + min(40, len(data) - at)))
    match int(random.integers(6)):
        case 0:
            del data[at:]
        case 1:
            data[at] ^= 1 << int(random.integers(8))
        case 2:
            data[at : at + length] = random.bytes(length)
        case 3:
            del data[at : at + length]
        case 4:
            data[at:at] = data[at : at + length]
        case 5:
            lines = bytes(data).split(b"\n")
            i, j = random.integers(len(lines), size=2)
            lines[i], lines[j] = lines[j], lines[i]
            return b"\n".join(lines)
    return bytes(data)


def bent_project(text: str, random: np.random.Generator) -> str:
    """A valid TOML document with one to three keys changed, removed, added, renamed or moved."""
    document = tomlkit.parse(text).unwrap()
    for _ in range(int(random.integers(1, 4))):
        tables = [t for t in _tables(document) if t]
        if not tables:
            break
        table = tables[int(random.integers(len(tables)))]
        key = list(table)[int(random.integers(len(table)))]
        odd = copy.deepcopy(ODD_VALUES[int(random.integers(len(ODD_VALUES)))])
        match int(random.integers(8)):
            case 0:
                del table[key]
            case 1:
                table[key + "x"] = table.pop(key)
            case 2:
                other = tables[int(random.integers(len(tables)))]
                other[key] = copy.deepcopy(table[key]) if other is not table else odd
            case 3:
                value = table[key]
                if (
                    isinstance(value, (int, float))
                    and not isinstance(value, bool)
                    and abs(value) < 1e300
                ):
                    table[key] = float(value) * float(10.0 ** random.uniform(-6.0, 6.0))
                else:
                    table[key] = odd
            case 4:
                value = table[key]
                if (
                    isinstance(value, (int, float))
                    and not isinstance(value, bool)
                    and abs(value) < 1e300
                ):
                    table[key] = {"value": value, "sigma": abs(float(value)) * 0.1}
                else:
                    table[key] = odd
            case _:
                table[key] = odd
    try:
        return tomlkit.dumps(_plain(document))
    except (ValueError, TypeError):
        return text


def _plain(value: object) -> object:
    """Without what TOML cannot hold."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def _tables(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _tables(item)
    elif isinstance(value, list):
        for item in value:
            yield from _tables(item)
