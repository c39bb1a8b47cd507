"""Points added to and taken from the [[mask]] tables of a project file."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cis.config import Mask
from cis.masks import hit_by
from cis.stages import Array

__all__ = ["with_points", "without_points"]

Table = Mapping[str, Any]
"""One [[mask]] as the file writes it."""


def with_points(
    tables: Sequence[Table], *, spectrum: str, frequency_hz: Array, reason: str
) -> list[dict[str, Any]]:
    """The tables with points of one spectrum masked; those of the same reason are one list, from high to low frequency."""
    found = [dict(table) for table in tables]
    new = set(frequency_hz.tolist())
    for table in found:
        same = (table.get("spectrum"), table.get("reason")) == (spectrum, reason)
        if same and "frequency_Hz" in table:
            table["frequency_Hz"] = sorted({*new, *table["frequency_Hz"]}, reverse=True)
            return found
    listed = sorted(new, reverse=True)
    return [*found, {"spectrum": spectrum, "frequency_Hz": listed, "reason": reason}]


def without_points(
    tables: Sequence[Table], *, spectrum: str, frequency_hz: Array, measured_hz: Array
) -> list[dict[str, Any]]:
    """The tables without points of one spectrum; a range of which some are left becomes a list of those.

    measured_hz: all frequencies of the spectrum. A table without points is gone.
    """
    found = []
    for table in tables:
        if table.get("spectrum") != spectrum:
            found.append(dict(table))
            continue
        mask = Mask(
            spectrum=spectrum,
            reason=table["reason"],
            frequency_Hz=_pair(table.get("frequency_Hz")),
            range_Hz=_ends(table.get("range_Hz")),
        )
        inside = measured_hz[hit_by(mask, measured_hz)]
        left = inside[~np.isin(inside, frequency_hz)]
        if left.size == inside.size:
            found.append(dict(table))
        elif left.size:
            rest = {k: v for k, v in table.items() if k not in ("range_Hz", "frequency_Hz")}
            reason = rest.pop("reason")
            listed = sorted(left.tolist(), reverse=True)
            found.append({**rest, "frequency_Hz": listed, "reason": reason})
    return found


def _pair(values: Sequence[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(float(v) for v in values)


def _ends(values: Sequence[float] | None) -> tuple[float, float] | None:
    return None if values is None else (float(values[0]), float(values[1]))
