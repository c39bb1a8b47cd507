"""Characteristic X-ray lines from metrology tables, and to which anode a wavelength belongs."""

import difflib
import functools
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.errors import InputError
from calibration.report import Finding

__all__ = [
    "BELONGS_WITHIN",
    "HC_KEV_A",
    "Line",
    "anodes",
    "belongs_to",
    "disagreements",
    "energy_kev",
    "identify",
    "lines_of",
    "mean_wavelength_a",
    "select_lines",
    "wavelength_a",
]

HC_KEV_A = 12.398419843320026
"""h c / e in keV Å, exact in the SI of 2019 (CODATA 2018)."""

BELONGS_WITHIN = 1e-4
"""Relative distance within which a stated wavelength is taken for a tabulated line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the incident beam.

    wavelength_a in Å; sigma_a: standard uncertainty, None where not stated; weight: share of the
    photons, relative; name: e.g. "Ag Ka1", "" for a line that only a wavelength describes.
    """

    wavelength_a: float
    weight: float
    sigma_a: float | None = None
    name: str = ""

    @property
    def energy_kev(self) -> float:
        """Photon energy in keV."""
        return energy_kev(self.wavelength_a)


def energy_kev(wavelength_a: float) -> float:
    """E = h c / lambda; wavelength in Å, energy in keV. Raises ValueError unless finite and > 0."""
    return _inverse(wavelength_a)


def wavelength_a(energy_kev: float) -> float:
    """lambda = h c / E; energy in keV, wavelength in Å. Raises ValueError unless finite and > 0."""
    return _inverse(energy_kev)


def _inverse(value: float) -> float:
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"must be finite and > 0, not {value}")
    return HC_KEV_A / value


@functools.cache
def _table() -> Mapping[str, Mapping[str, Line]]:
    text = (Path(__file__).parent / "lines.toml").read_text(encoding="utf-8")
    return {
        anode: {
            name: Line(
                wavelength_a=entry["wavelength_A"],
                sigma_a=entry["sigma_A"],
                weight=entry["rate"],
                name=f"{anode} {name}",
            )
            for name, entry in lines.items()
        }
        for anode, lines in tomllib.loads(text).items()
    }


def anodes() -> tuple[str, ...]:
    """Symbols of the anodes in the table."""
    return tuple(_table())


def lines_of(anode: str) -> Mapping[str, Line]:
    """Lines of an anode by name (Ka1, Ka2, and Kb or Kb1 and Kb3), weights relative to Ka1 = 1.

    Raises InputError with the nearest name for an anode that the table lacks.
    """
    if anode in _table():
        return _table()[anode]
    near = difflib.get_close_matches(anode.capitalize(), anodes(), n=1, cutoff=0.4)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    raise InputError(
        f"{anode!r} is not an anode of the table",
        why=f"known are {', '.join(anodes())}",
        remedy=hint + "otherwise give the wavelengths as [[radiation.line]]",
    )


def select_lines(anode: str, lines: str) -> tuple[Line, ...]:
    """Lines such as "Ka1", "Ka1+Ka2" or "Ka1+Ka2+Kb", weights summing to 1 in their natural ratio.

    "Kb" stands for all lines of the K-beta group. A filter or monochromator changes the ratio:
    state the lines one by one then. Raises InputError for an unknown anode or line.
    """
    table = lines_of(anode)
    chosen: dict[str, Line] = {}
    for name in (part.strip() for part in lines.split("+")):
        found = [key for key in table if key == name or (name == "Kb" and key.startswith("Kb"))]
        if not found:
            known = sorted({*table, "Kb"})
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            raise InputError(
                f"{name!r} is not a line of {anode}",
                why=f"known are {', '.join(known)}, joined by +",
                remedy=f'did you mean "{"Ka1+Ka2" if name in ("Ka", "Kα") else near[0]}"?'
                if near
                else 'write for instance "Ka1+Ka2"',
            )
        if any(key in chosen for key in found):
            raise InputError(f"the line {name!r} is named twice", remedy="name each line once")
        chosen.update({key: table[key] for key in found})
    total = sum(line.weight for line in chosen.values())
    return tuple(
        Line(
            wavelength_a=line.wavelength_a,
            sigma_a=line.sigma_a,
            weight=line.weight / total,
            name=line.name,
        )
        for line in chosen.values()
    )


def mean_wavelength_a(lines: Sequence[Line]) -> float:
    """Intensity-weighted mean wavelength sum w_i lambda_i / sum w_i, in Å."""
    return sum(li.weight * li.wavelength_a for li in lines) / sum(li.weight for li in lines)


def identify(wavelength_a: float) -> tuple[str, str] | None:
    """(anode, line) whose tabulated wavelength is nearest and within BELONGS_WITHIN, else None.

    The mean of the K-alpha doublet counts as a line, called "Ka".
    """
    best: tuple[float, str, str] | None = None
    for anode, lines in _table().items():
        mean = mean_wavelength_a([lines["Ka1"], lines["Ka2"]])
        known = [(name, line.wavelength_a) for name, line in lines.items()]
        for name, tabulated in [*known, ("Ka", mean)]:
            distance = abs(wavelength_a / tabulated - 1.0)
            if distance <= BELONGS_WITHIN and (best is None or distance < best[0]):
                best = (distance, anode, name)
    return None if best is None else (best[1], best[2])


def belongs_to(wavelength_a: float, anode: str) -> bool:
    """Whether a wavelength is a line of this anode. Raises InputError for an unknown anode."""
    lines_of(anode)
    found = identify(wavelength_a)
    return found is not None and found[0] == anode


def disagreements(
    lines: Sequence[Line], *, file: str, anode: str | None, wavelengths_a: Sequence[float]
) -> tuple[Finding, ...]:
    """Findings where the stated lines are not those of the tube that a file's header names.

    lines: what the project states. anode, wavelengths_a: what the header says, None and () where it is silent.
    """
    owners = {found[0] for line in lines if (found := identify(line.wavelength_a))}
    header = anode
    if header is None:
        named = {found[0] for w in wavelengths_a if (found := identify(w))}
        header = named.pop() if len(named) == 1 else None
    if header is not None and owners and header not in owners:
        stated = ", ".join(f"{line.wavelength_a:g} Å" for line in lines)
        return (
            Finding(
                "problem",
                f"{file} was measured with {header} radiation by its header, but the project file states {stated} "
                f"({', '.join(sorted(owners))}): every Q is wrong if the header is right",
                {"stated_A": lines[0].wavelength_a},
            ),
        )
    if not owners and wavelengths_a and lines:
        off = min(abs(li.wavelength_a / w - 1.0) for li in lines for w in wavelengths_a)
        if off > BELONGS_WITHIN:
            return (
                Finding(
                    "problem",
                    f"{file} states {wavelengths_a[0]:g} Å in its header, the project file "
                    f"{lines[0].wavelength_a:g} Å",
                    {"header_A": wavelengths_a[0], "stated_A": lines[0].wavelength_a},
                ),
            )
    return ()
