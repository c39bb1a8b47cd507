"""A commented project file from exports: what the files say is filled in, what they do not say is asked for."""

import itertools
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from calibration.project_text import comment, relative_name, toml_string
from calibration.thermometer import celsius
from cis.series_names import FixtureGuess, Group, celsius_range, groups_of, guess_fixture
from cis.stages import Spectrum

__all__ = ["project_text", "unfilled"]

_CONTRADICTION_K = 3.0  # a set point and a reading differ by less

_HEAD = """\
# One impedance series, begun by `cis init`. Paths are relative to this file.
# Lines marked FILL IN state facts about the sample that no export knows; there is no default for them.
# A number with its standard uncertainty: {{ value = 10.0, sigma = 0.02 }}; without: 10.0 (then that of sigma_DC stays unknown).

[sample]
{name}
{geometry}# mass_mg = {{ value = 120.0, sigma = 0.2 }}       # optional: density of the pellet
# density_g_cm3 = 2.4                            # optional, with mass: of the dense glass, gives the porosity
# porosity = {{ value = 0.1, sigma = 0.02 }}       # optional, instead

[temperature]
# FILL IN: sigma_K = 0.5                         # standard uncertainty of the sample's temperature
# offset_K = {{ value = 0.0, sigma = 0.2 }}        # optional: common to all readings
# lag = {{ value = 0.0, sigma = 0.01 }}            # optional: share of the way from ambient_C that the sample stays behind
# ambient_C = 25.0                               # with lag

[model]
circuit = "auto"                                 # or a name, or a circuit string

"""
_GEOMETRY = """\
# FILL IN: diameter_mm = {{ value = 10.0, sigma = 0.02 }}    # or area_mm2{said}
# FILL IN: thickness_mm = {{ value = 1.00, sigma = 0.01 }}
"""
_NO_FIXTURE = """\
# [fixture]                                      # optional: spectra of the empty holder
# open = "open.csv"
# short = "short.csv"
"""
_TAIL = """
# [validation]                                   # optional: frequencies that are used
# range_Hz = [1.0, 1e7]

[arrhenius]
form = "both"                                    # ln_sigma, ln_sigma_T, both
# range_K = [278.0, 343.0]                       # optional: temperatures that enter the line
# breakpoint_K = 330.0                           # optional: two lines, below and above (glass transition)

# [[mask]]                                       # optional: points that are not fitted; `cis tune` writes them
# spectrum = "pellet-25deg"                      # its name in the report
# frequency_Hz = [50.1, 63.1]                    # or range_Hz = [10.0, 50.0]
# reason = "contact lost"                        # is printed with every point
"""


def unfilled(path: Path) -> tuple[str, ...]:
    """Keys of the lines that `cis init` has left to fill in, e.g. "diameter_mm or area_mm2"; none if unreadable."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    keys = re.findall(r"^\s*#\s*FILL IN:\s*(\w+)", text, re.MULTILINE)
    words = ("diameter_mm or area_mm2" if key == "diameter_mm" else key for key in keys)
    return tuple(dict.fromkeys(words))


def project_text(
    files: Mapping[Path, Sequence[Spectrum]], *, folder: Path, left_out: Sequence[str] = ()
) -> str:
    """Text of a project file in `folder` for exports and the spectra found in them.

    left_out: comment lines of what was found and is not used.
    """
    fixture = guess_fixture(files)
    samples = [path for path in files if path not in fixture]
    said = _said_geometry([s for path in samples for s in files[path]])
    text = _HEAD.format(name=_name(samples or list(files)), geometry=_GEOMETRY.format(said=said))
    for group in groups_of(samples):
        text += _group_text(group, files, folder)
    for path, guess in fixture.items():
        if guess.kind is None:
            text += (
                f"[[spectrum]]\n# FILL IN: files = {toml_string(relative_name(path, folder))}  "
                f"# {_comment({path: files[path]})}; {comment(guess.evidence)}\n\n"
            )
    text += _fixture_text(fixture, folder) + _TAIL
    return "\n".join([text.rstrip("\n"), *left_out]) + "\n"


def _group_text(group: Group, files: Mapping[Path, Sequence[Spectrum]], folder: Path) -> str:
    """One table where a pattern holds all and only these files, else one for each file."""
    missing = {p for p in group.paths if any(s.temperature_k is None for s in files[p])}
    pattern = _pattern(group.paths)
    together = pattern is not None and (
        not missing or (group.template is not None and missing == set(group.paths))
    )
    if together and pattern is not None:
        template = group.template if missing else None
        own = {p: files[p] for p in group.paths}
        notes = _doubts(group, own)
        # the real name of one file may look like a pattern, and wins
        return _table(pattern, folder, _comment(own), _temperature(group, template), notes)
    text = ""
    for path in group.paths:
        template = group.template if path in missing else None
        lines = _temperature(group, template)
        if template is None and path in missing:
            lines = ["# FILL IN: temperature_C = 25.0               # the file does not state it"]
        own = {path: files[path]}
        text += _table(path, folder, _comment(own), lines, _doubts(group, own, files))
    return text


def _temperature(group: Group, template: str | None) -> list[str]:
    if template is None:
        return []
    again = ", some of them repeated" if group.repeated else ""
    evidence = f"guessed from the names: check it ({celsius_range(group.temperatures_k)}{again})"
    return [f"temperature_from_name = {toml_string(template)}  # {evidence}"]


def _table(files: Path, folder: Path, said: str, lines: Sequence[str], notes: Sequence[str]) -> str:
    first = f"files = {toml_string(relative_name(files, folder))}  # {said}"
    return "\n".join(["[[spectrum]]", first, *lines, *notes]) + "\n\n"


def _doubts(
    group: Group,
    own: Mapping[Path, Sequence[Spectrum]],
    files: Mapping[Path, Sequence[Spectrum]] | None = None,
) -> list[str]:
    """Names that contradict their files, and one measurement that stands in two files."""
    lines = []
    for path, by_name in zip(group.paths, group.temperatures_k, strict=False):
        stated = [s.temperature_k for s in own.get(path, ()) if s.temperature_k is not None]
        if len(stated) == 1 and abs(stated[0] - by_name) > _CONTRADICTION_K:
            lines.append(
                f"# warning: {comment(path.name)} states {celsius(stated[0]):.4g} °C, its name {celsius(by_name):.4g} °C"
            )
    listed = list((files or own).items())
    for path in own:
        for other, spectra in listed[: [p for p, _ in listed].index(path)]:
            if _same_numbers(own[path], spectra):
                lines.append(
                    f"# warning: the same numbers as in {comment(other.name)}; one measurement counts once: remove one of the two"
                )
            elif _same_temperatures(own[path], spectra):
                lines.append(
                    f"# warning: {comment(path.name)} holds the temperatures of {comment(other.name)} again: "
                    "of another sample? It needs a project file of its own"
                )
    return lines


def _same_temperatures(a: Sequence[Spectrum], b: Sequence[Spectrum]) -> bool:
    """Whether two files hold a series each over the same temperatures."""
    theirs = [s.temperature_k for s in b if s.temperature_k is not None]
    ours = [s.temperature_k for s in a if s.temperature_k is not None]
    met = [t for t in ours if any(abs(t - u) <= _CONTRADICTION_K for u in theirs)]
    return len(ours) > 1 and len(theirs) > 1 and 2 * len(met) > len(ours)


def _same_numbers(a: Sequence[Spectrum], b: Sequence[Spectrum]) -> bool:
    """The same measurement in two formats, or a copy."""
    return len(a) == len(b) and all(
        x.frequency_hz.size == y.frequency_hz.size
        and np.allclose(x.frequency_hz, y.frequency_hz, rtol=1e-4)
        and np.allclose(x.z_ohm, y.z_ohm, rtol=1e-4)
        for x, y in zip(a, b, strict=True)
    )


def _fixture_text(fixture: Mapping[Path, FixtureGuess], folder: Path) -> str:
    lines = [
        f"{guess.kind} = {toml_string(relative_name(path, folder))}  # guessed: {comment(guess.evidence)}; check it"
        for path, guess in fixture.items()
        if guess.kind is not None
    ]
    return "\n".join(["[fixture]", *lines]) + "\n" if lines else _NO_FIXTURE


def _comment(files: Mapping[Path, Sequence[Spectrum]]) -> str:
    spectra = [s for v in files.values() for s in v]
    f = [v for s in spectra for v in (s.frequency_hz.min(), s.frequency_hz.max())]
    known = [celsius(s.temperature_k) for s in spectra if s.temperature_k is not None]
    text = f"{len(spectra)} spectra, {min(f):.3g} to {max(f):.3g} Hz"
    if len(spectra) == 1:
        text = text.replace("spectra", "spectrum")
    if known:
        text += f", {min(known):.1f} to {max(known):.1f} °C as the file states"
    return f"{text} ({', '.join(dict.fromkeys(s.format for s in spectra))})"


def _pattern(paths: Sequence[Path]) -> Path | None:
    """A pattern that matches these files and no other of their folder; the file itself if there is one."""
    if len(paths) == 1:
        return paths[0]
    if len({p.parent for p in paths}) > 1:
        return None
    names = [p.name for p in paths]
    front = re.sub(r"\d[\d.,]*$", "", _shared_start(names))
    back = re.sub(r"^[\d.,]*\d", "", _shared_start([n[::-1] for n in names])[::-1])
    left = min(map(len, names)) - len(front)
    back = back[-left:] if left else ""
    pattern = f"{front}*{back}"
    if any(c in front + back for c in "[]?*"):
        return None
    matched = {p.name for p in paths[0].parent.iterdir() if fnmatchcase(p.name, pattern)}
    return paths[0].parent / pattern if matched == set(names) else None


def _shared_start(words: Sequence[str]) -> str:
    """Characters that all words begin with."""
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*words, strict=False))
    return "".join(letters[0] for letters in same)


def _name(paths: Sequence[Path]) -> str:
    """The line of the sample's name: what the files share; asked for where several share nothing."""
    stem = _shared_start([p.stem for p in paths]).strip(" _-.")
    if stem or len(paths) == 1:
        return f"name = {toml_string(stem or paths[0].stem)}"
    return '# FILL IN: name = "..."                        # the files share no name: is this one sample?'


def _said_geometry(spectra: Sequence[Spectrum]) -> str:
    words = ("diameter", "thickness", "area")
    found = {
        f"{key}: {value}"
        for s in spectra
        for key, value in s.header.items()
        if any(w in key.lower() for w in words)
    }
    return f" (the file says {comment('; '.join(sorted(found)))[:120]})" if found else ""
