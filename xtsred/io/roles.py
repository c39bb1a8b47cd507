"""What each scan of a folder is, guessed from names, headers, ranges and rates; every guess with its evidence.

A guess is made where the words of a file agree with each other and with its counts; what is ambiguous is left to the
user, with what speaks for either side.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xtsred.stages import Array, Role, Scan

__all__ = ["RoleGuess", "guess_roles", "mean_rate"]

# beginnings of words that say it by themselves, in the languages of laboratories
_EMPTY = ("empty", "leer", "vide", "vacio")
_ENVIRONMENT = ("air", "luft", "environment", "umgebung", "env")
# a container by its name; a sample is in one too, so these alone say it only where no other word stands
_VESSEL = ("capillary", "kapillare", "container", "can", "cap", "holder", "halter", "kapton", "tube")  # fmt: skip
_BACKGROUND = ("background", "bkg", "bgd", "bg", "blank", "untergrund", "hintergrund")
_SAMPLE = ("sample", "probe", "glass", "glas", "specimen", "echantillon")
_OTHER: Mapping[str, str] = {
    "lab6": "a line standard (xtsred calibrate)",
    "standard": "a line standard (xtsred calibrate)",
    "srm": "a line standard (xtsred calibrate)",
    "calibration": "a calibration (xtsred calibrate)",
    "dark": "a dark measurement (detector.dark_cps)",
    "dunkel": "a dark measurement (detector.dark_cps)",
    "direct": "the direct beam",
    "zscan": "a scan through the direct beam",
}
_NEUTRAL = ("scan", "run", "raw", "data", "messung", "measurement", "long", "short", "range", "mm", "um", "deg", "new")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGuess:
    """role: None where it is left to the user; evidence: what speaks for it, or why it is not clear."""

    role: Role | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What the words of one file say. kind: role, "background", "nothing" or "unclear"; words: as evidence."""

    kind: str
    words: str


def guess_roles(
    files: Sequence[tuple[Path, Sequence[Scan]]], *, folders: Sequence[Path] = ()
) -> list[RoleGuess]:
    """One guess for each file. folders: those that were dropped; names of folders inside them are evidence too."""
    said = [_words_of(path, scans, folders) for path, scans in files]
    kinds = {s.kind for s in said}
    rates = _shared_rates([scans for _, scans in files])
    guesses: list[RoleGuess] = []
    for one in said:
        if one.kind == "background":
            guesses.append(_background(one, kinds))
        elif one.kind == "nothing":
            guesses.append(_rest(kinds))
        elif one.kind in ("sample", "container", "environment"):
            guesses.append(RoleGuess(role=_ROLES[one.kind], evidence=one.words))
        else:
            guesses.append(RoleGuess(role=None, evidence=one.words))
    return _checked_by_rates(guesses, rates)


_ROLES: Mapping[str, Role] = {
    "sample": "sample",
    "container": "container",
    "environment": "environment",
}


def _words_of(path: Path, scans: Sequence[Scan], folders: Sequence[Path]) -> _Said:
    """The file's own name decides; then its header; then the folders it is in, from the inside out."""
    sources = [("the name has", path.stem)]
    names = {s.header.sample_name for s in scans if s.header.sample_name}
    sources += [(f"its header (sample {name[:30]!r}) has", name) for name in sorted(names)]
    inside = next((f for f in folders if f in path.parents), None)
    if inside is not None:
        parts = path.parent.relative_to(inside).parts
        sources += [("its folder has", part) for part in reversed(parts)]
    found = [
        said
        for where, text in sources
        # a header has a field for the sample's name: that a sample is named there says nothing about the scan
        if (said := _read_words(where, text)).kind != "nothing"
        and not (said.kind == "sample" and where.startswith("its header"))
    ]
    if not found:
        return _Said(kind="nothing", words="")
    clear = [s for s in found if s.kind in _ROLES]
    if len({s.kind for s in clear}) > 1:
        return _Said(kind="unclear", words="; but ".join(s.words for s in clear))
    # "background" or a vessel in the name is made clear by the header or the folder
    unclear = next((s for s in found if s.kind == "unclear"), None)
    if unclear is not None and not clear:
        return unclear
    return clear[0] if clear else found[0]


def _read_words(where: str, text: str) -> _Said:
    """where: in what the words stand, as the evidence begins."""
    tokens = _tokens(text)
    other = next((t for t in tokens if t in _OTHER or t.startswith(("lab6", "srm"))), None)
    empty = [t for t in tokens if t.startswith(_EMPTY)]
    air = [t for t in tokens if t in _ENVIRONMENT]
    vessel = [t for t in tokens if t in _VESSEL]
    back = [t for t in tokens if t in _BACKGROUND]
    sample = [t for t in tokens if t in _SAMPLE]

    def said(kind: str, *words: str, but: str = "") -> _Said:
        return _Said(kind=kind, words=f"{where} {' and '.join(map(repr, words))}{but}")

    if other is not None:
        return said(
            "unclear", other, but=f": {_OTHER.get(other, _OTHER['lab6'])}, or a scan of these?"
        )
    if empty and air:
        return said("unclear", empty[0], air[0], but=": the empty container, or nothing at all?")
    if empty and sample and not vessel:
        return said("unclear", empty[0], sample[0])
    if empty:
        return said("container", *empty[:1], *vessel[:1])
    if air and (sample or vessel):
        return said("unclear", air[0], (sample or vessel)[0])
    if air:
        return said("environment", air[0])
    if back:
        return said("background", back[0])
    if sample:
        return said("sample", sample[0])
    if vessel and all(t in (*_VESSEL, *_NEUTRAL) for t in tokens):
        return said("container", vessel[0])
    if vessel:
        return said("unclear", vessel[0], but=": with the sample in it, or empty?")
    return _Said(kind="nothing", words="")


def _tokens(text: str) -> list[str]:
    """Words of a name: letters between anything else, camel case parted, LaB6 kept whole."""
    parted = re.sub(r"(?<=[a-zäöüß])(?=[A-Z][a-zäöü]{2})", " ", text)
    return re.findall(r"lab6|srm\d*|[^\W\d_]+", parted.lower())


def _background(said: _Said, kinds: set[str]) -> RoleGuess:
    """A background is of the empty container or of the surroundings: clear only where the other one is there."""
    has_container, has_environment = "container" in kinds, "environment" in kinds
    if has_container and not has_environment:
        return RoleGuess(
            role="environment", evidence=f"{said.words}, and another file is the empty container"
        )
    if has_environment and not has_container:
        return RoleGuess(
            role="container", evidence=f"{said.words}, and another file is the environment"
        )
    return RoleGuess(
        role=None, evidence=f"{said.words}: of the empty container, or without one (environment)?"
    )


def _rest(kinds: set[str]) -> RoleGuess:
    if kinds & {"container", "environment"} and "sample" not in kinds:
        others = " and ".join(k for k in ("container", "environment") if k in kinds)
        text = f"other files are {others} by their names, and nothing says so of this one"
        return RoleGuess(role="sample", evidence=text)
    return RoleGuess(role=None, evidence="neither its name nor its header says")


def mean_rate(scan: Scan, low: float, high: float) -> float | None:
    """Mean counts/s between two angles; None where the counting time is not known, or nothing was measured there."""
    inside = (scan.two_theta_deg >= low) & (scan.two_theta_deg <= high)
    if np.count_nonzero(inside) < 5:
        return None
    if scan.kind == "rates":
        return float(np.mean(scan.values[inside]))
    if scan.seconds_per_step is None:
        return None
    rates: Array = scan.values[inside] / scan.seconds_per_step[inside]
    return float(np.mean(rates))


def _shared_rates(groups: Sequence[Sequence[Scan]]) -> list[float | None]:
    """Mean rate of every file over the angles that all of them cover."""
    scans = [s for group in groups for s in group]
    low = max(float(s.two_theta_deg[0]) for s in scans)
    high = min(float(s.two_theta_deg[-1]) for s in scans)
    found: list[float | None] = []
    for group in groups:
        rates = [r for s in group if (r := mean_rate(s, low, high)) is not None]
        found.append(float(np.mean(rates)) if rates else None)
    return found


def _checked_by_rates(
    guesses: Sequence[RoleGuess], rates: Sequence[float | None]
) -> list[RoleGuess]:
    """Counts speak for a guess, or against it: an empty container does not count more than the full one."""
    full = [r for g, r in zip(guesses, rates, strict=True) if g.role == "sample" and r is not None]
    checked: list[RoleGuess] = []
    for guess, rate in zip(guesses, rates, strict=True):
        if guess.role in ("container", "environment") and rate is not None and full:
            least = min(full)
            figures = f"{rate:.3g} against {least:.3g} counts/s of the sample"
            if rate >= least:
                text = f"{guess.evidence}, but it counts more: {figures}"
                checked.append(RoleGuess(role=None, evidence=text))
            else:
                checked.append(replace(guess, evidence=f"{guess.evidence}; {figures}"))
            continue
        checked.append(guess)
    return checked
