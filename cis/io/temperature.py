"""A temperature that a line of text states with its unit."""

import math
import re

from cis.io.numerals import parse_number

__all__ = ["kelvin_in"]

_TEMPERATURE = re.compile(
    r"(?:\b|_)(?:sample\s*)?(?:temp(?:erature|eratur|\.)?|t)(?![a-z])\s*(?P<a>\s*[\[(/]?\s*(?:°|º|\ufffd|')?\s*(?:K|C|degC|deg C)(?![a-z])\s*[\])]?)?"
    r"[^:=\d\n]{0,25}[:=]\s*(?P<value>[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)\s*(?P<b>(?:°|º|\ufffd|'|deg)?\s*[KC]\b(?!\s*/\s*(?:min|s|h)))?",
    re.IGNORECASE,
)  # fmt: skip


def kelvin_in(line: str) -> float | None:
    """A temperature stated in a line with its unit, in K ("Temp /K before: 449.8", "T = 25 °C"); 0 is "not measured"."""
    match = _TEMPERATURE.search(line)
    if not match or not (match["a"] or match["b"]):
        return None
    value = parse_number(match["value"], "," if "," in match["value"] else ".")
    if value is None or not math.isfinite(value):
        return None
    unit = (match["b"] or match["a"]).upper()
    kelvin = value if "K" in unit else value + 273.15
    return kelvin if 0.0 < kelvin < 4000.0 else None
