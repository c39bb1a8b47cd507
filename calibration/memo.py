"""Stages of an evaluation that are kept as long as nothing they depend on has changed.

A slider, a derivative, a sampled parameter or the next pattern of a series leaves most of an evaluation as it was. A
`Memo` keeps the last results of a stage under a fingerprint of everything that went into it, so what is recomputed
follows from the values themselves and not from a list of who depends on whom.
"""

import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

__all__ = ["Memo", "fingerprint"]

T = TypeVar("T")


def fingerprint(*values: Any) -> bytes:
    """A digest that is equal for equal values: numbers, text, arrays, dataclasses, mappings, sequences, None.

    Types count (1 and 1.0 and True differ), and floats count with all their bits. Raises TypeError for anything else, so that
    nothing is compared by accident of its address.
    """
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        _feed(value, digest.update)
    return digest.digest()


def _feed(value: Any, feed: Callable[[bytes], None]) -> None:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of objects has no fingerprint")
        feed(f"array {value.dtype.str} {value.shape}:".encode())
        feed(np.ascontiguousarray(value).tobytes())
    elif value is None or isinstance(value, (bool, int, float, str, bytes, np.generic)):
        text = repr(value).encode()
        feed(f"{type(value).__name__} {len(text)}:".encode() + text)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        feed(f"record {type(value).__qualname__}:".encode())
        for field in dataclasses.fields(value):
            _feed(getattr(value, field.name), feed)
    elif isinstance(value, Mapping):
        feed(f"mapping {len(value)}:".encode())
        for key, item in value.items():
            _feed(key, feed)
            _feed(item, feed)
    elif isinstance(value, (list, tuple)):
        feed(f"sequence {len(value)}:".encode())
        for item in value:
            _feed(item, feed)
    else:
        raise TypeError(f"{type(value).__name__} has no fingerprint")


class Memo:
    """The last results of each stage.

    keep: how many results of one stage are kept, the least recently used goes first. Not for use by several threads at once.
    """

    def __init__(self, *, keep: int = 4) -> None:
        if keep < 1:
            raise ValueError(f"keep must be 1 or more, not {keep}")
        self._keep = keep
        self._results: dict[str, OrderedDict[bytes, Any]] = {}
        self.computed: dict[str, int] = {}
        """How often each stage was really computed."""

    def __call__(self, stage: str, depends_on: tuple[Any, ...], make: Callable[[], T]) -> T:
        """The result of `make`, or an earlier one for equal `depends_on`; an error of `make` leaves nothing behind."""
        results = self._results.setdefault(stage, OrderedDict())
        key = fingerprint(*depends_on)
        if key in results:
            results.move_to_end(key)
        else:
            results[key] = make()
            self.computed[stage] = self.computed.get(stage, 0) + 1
            if len(results) > self._keep:
                results.popitem(last=False)
        found: T = results[key]
        return found
