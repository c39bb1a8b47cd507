"""Keys of a project file that may be missing because a calibration certificate gives them."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["without_certified"]

_GIVEN = (
    ("attenuation", "sample.packing_fraction: missing (or"),
    ("detector", "detector.window_keV: missing;"),
    ("detector", "detector.lower_keV: missing (or"),
)


def without_certified(table: Mapping[str, Any], problems: Sequence[str]) -> list[str]:
    """The problems of a project file less those of missing keys that a certificate named in [calibration] gives."""
    files = table.get("calibration")
    named = files if isinstance(files, Mapping) else {}
    given = tuple(start for kind, start in _GIVEN if kind in named)
    return [p for p in problems if not (given and p.startswith(given))]
