"""What the names of exports say: which belong together, at which temperatures, and which are of the empty holder.

Every guess has its evidence; where the names can be read in two ways nothing is guessed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.thermometer import ZERO_CELSIUS_K, celsius
from cis.inputs import temperature_from_name
from cis.stages import Array, Spectrum

__all__ = [
    "FixtureGuess",
    "Group",
    "celsius_range",
    "groups_of",
    "guess_fixture",
    "guess_template",
]

# a dash after a letter or a digit joins words; it is no minus
_NUMBER = r"(?:(?<![0-9A-Za-z])[-+])?(?<![0-9.,])\d+(?:[.,p]\d+)?"
_WITH_UNIT = re.compile(rf"({_NUMBER})(?=[ _-]?(?:deg|°|º)?[ _-]?(C|K|deg|grad)(?![a-zA-Z]))")
_UNIT = re.compile(r"[ _-]?(?:deg|°|º)?[ _-]?(?:C|K|deg|grad)(?![a-zA-Z])")

_OPEN = ("open", "offen", "leerlauf")
_SHORT = ("short", "shorted", "kurzschluss", "kurzgeschlossen")
_EMPTY = ("empty", "leer", "holder", "halter", "blank")
_SAME_K = 2.0  # two numbers of one name that agree this well say the same temperature


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Exports that one [[spectrum]] table may hold. template: of their temperatures, None: the names state none.

    temperatures_k: by the template, in the order of paths; repeated: whether some are equal.
    """

    paths: tuple[Path, ...]
    template: str | None = None
    temperatures_k: tuple[float, ...] = ()

    @property
    def repeated(self) -> bool:
        """Whether one temperature stands in several names."""
        return len(set(self.temperatures_k)) < len(self.temperatures_k)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureGuess:
    """kind: "open" or "short", None where it is left to the user; evidence: what speaks for it, or why it is not clear."""

    kind: str | None
    evidence: str


def guess_template(names: Sequence[str]) -> str | None:
    """The template that finds a temperature in each name, or None.

    A number followed by C, K or deg is a temperature; where several are, the one that differs between the names.
    Names may differ after it ("25C_run1", "25C_run2"): then a star stands for what follows. Two readings that
    contradict each other are none.
    """
    if _contradicting(names):
        return None
    found: list[tuple[str, list[float]]] = []
    for match in _WITH_UNIT.finditer(names[0]) if names else ():
        front = (
            names[0][: match.start()] + f"{{temperature_{'K' if match.group(2) == 'K' else 'C'}}}"
        )
        exact = _read(names, front + names[0][match.end() :])
        if exact is not None and len(set(exact)) == len(names):
            found.append((front + names[0][match.end() :], exact))
            continue
        unit = _UNIT.match(names[0], match.end())
        starred = f"{front}{unit.group(0) if unit else ''}*"
        loose = _read(names, starred)
        if loose is not None and len(set(loose)) > 1:
            found.append((starred, loose))
    return found[0][0] if found else None


def _contradicting(names: Sequence[str]) -> bool:
    """Whether two numbers with units differ from name to name and are not one temperature in two units."""
    columns = list(zip(*(_temperatures(name) for name in names), strict=False))
    varying = [c for c in columns if len(set(c)) > 1 or len(names) == 1]
    return any(np.max(np.abs(np.subtract(c, varying[0]))) > _SAME_K for c in varying[1:])


def _temperatures(name: str) -> list[float]:
    """Every number of a name that has a unit of temperature, in K."""
    found = [(m.group(1), m.group(2)) for m in _WITH_UNIT.finditer(name)]
    values = [(float(re.sub("[,p]", ".", number)), unit) for number, unit in found]
    return [value if unit == "K" else value + ZERO_CELSIUS_K for value, unit in values]


def _read(names: Sequence[str], template: str) -> list[float] | None:
    try:
        return [temperature_from_name(name, template) for name in names]
    except ValueError:
        return None


def groups_of(paths: Sequence[Path]) -> list[Group]:
    """Exports by folder; within one, all together if one template fits, else those that begin alike before their number."""
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    groups: list[Group] = []
    for inside in folders.values():
        whole = _group(inside)
        if whole.template is not None:
            groups.append(whole)
            continue
        fronts: dict[str | None, list[Path]] = {}
        for path in inside:
            match = _WITH_UNIT.search(path.name)
            fronts.setdefault(None if match is None else path.name[: match.start()], []).append(
                path
            )
        parts = [_group(members) for members in fronts.values()]
        groups += parts if any(p.template is not None for p in parts) else [whole]
    return groups


def _group(paths: Sequence[Path]) -> Group:
    names = [p.name for p in paths]
    template = guess_template(names)
    read = _read(names, template) if template is not None else None
    return Group(paths=tuple(paths), template=template, temperatures_k=tuple(read or ()))


def guess_fixture(files: Mapping[Path, Sequence[Spectrum]]) -> dict[Path, FixtureGuess]:
    """Files whose names speak of the open, shorted or empty holder; clear only where their impedance agrees.

    The open holder has a larger |Z| than every sample, the shorted one a smaller, over the frequencies both have.
    """
    named: dict[Path, tuple[str | None, str]] = {}
    for path in files:
        tokens = re.findall(r"[^\W\d_]+", path.stem.lower())
        word = next((t for t in tokens if t in (*_OPEN, *_SHORT, *_EMPTY)), None)
        if word is not None:
            kind = "open" if word in _OPEN else "short" if word in _SHORT else None
            named[path] = (kind, word)
    samples = [s for path, spectra in files.items() if path not in named for s in spectra]
    kinds = [kind for kind, _ in named.values()]
    guesses: dict[Path, FixtureGuess] = {}
    for path, (kind, word) in named.items():
        said = f"the name has {word!r}"
        if kind is None:
            text = f"{said}: the open holder ([fixture] open), or a sample?"
            guesses[path] = FixtureGuess(kind=None, evidence=text)
        elif kinds.count(kind) > 1 or len(files[path]) != 1:
            text = f"{said}, and so do others: which one is the {kind} holder ([fixture] {kind})?"
            guesses[path] = FixtureGuess(kind=None, evidence=text)
        else:
            guesses[path] = _by_impedance(files[path][0], samples, kind, said)
    return guesses


def _by_impedance(one: Spectrum, samples: Sequence[Spectrum], kind: str, said: str) -> FixtureGuess:
    ratios = [r for s in samples if (r := _ratio(one, s)) is not None]
    if not ratios:
        text = (
            f"{said}, and no sample's spectrum is there to compare: [fixture] {kind}, or a sample?"
        )
        return FixtureGuess(kind=None, evidence=text)
    extreme = min(ratios) if kind == "open" else max(ratios)
    if (extreme > 1.0) if kind == "open" else (extreme < 1.0):
        closest = f"{extreme:.2g} times that of the nearest sample"
        return FixtureGuess(kind=kind, evidence=f"{said}, and its |Z| is {closest}")
    text = f"{said}, but its |Z| is {extreme:.2g} times that of a sample: [fixture] {kind}, or a sample?"
    return FixtureGuess(kind=None, evidence=text)


def _ratio(one: Spectrum, other: Spectrum) -> float | None:
    """Median of |Z| of one over that of the other where both were measured."""
    low = max(one.frequency_hz.min(), other.frequency_hz.min())
    high = min(one.frequency_hz.max(), other.frequency_hz.max())
    if not low < high:
        return None
    at = np.geomspace(low, high, 21)
    a, b = (_log_z(s, at) for s in (one, other))
    return float(np.exp(np.median(a - b)))


def _log_z(spectrum: Spectrum, at: Array) -> Array:
    order = np.argsort(spectrum.frequency_hz)
    f, z = spectrum.frequency_hz[order], np.abs(spectrum.z_ohm[order])
    return np.asarray(np.interp(np.log(at), np.log(f), np.log(np.maximum(z, 1e-12))))


def celsius_range(temperatures_k: Sequence[float]) -> str:
    """ "120 to 200 °C"."""
    low, high = celsius(min(temperatures_k)), celsius(max(temperatures_k))
    return f"{low:.4g} °C" if high - low < 0.05 else f"{low:.4g} to {high:.4g} °C"
