"""A commented project file from exports: what the files say is filled in, what they do not say is asked for."""

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from calibration.thermometer import celsius
from cis.inputs import temperature_from_name
from cis.stages import Spectrum

__all__ = ["guess_template", "project_text", "unfilled"]

# a dash after a letter or a digit joins words; it is no minus
_NUMBER = r"(?:(?<![0-9A-Za-z])[-+])?(?<![0-9.,])\d+(?:[.,p]\d+)?"
_WITH_UNIT = re.compile(rf"({_NUMBER})(?=[ _-]?(?:deg|°|º)?[ _-]?(C|K|deg|grad)(?![a-zA-Z]))")

_HEAD = """\
# One impedance series, begun by `cis init`. Paths are relative to this file.
# Lines marked FILL IN state facts about the sample that no export knows; there is no default for them.
# A number with its standard uncertainty: {{ value = 10.0, sigma = 0.02 }}; without: 10.0 (then that of sigma_DC stays unknown).

[sample]
name = "{name}"
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
_TAIL = """\
# [fixture]                                      # optional: spectra of the empty holder
# open = "open.csv"
# short = "short.csv"

# [validation]                                   # optional: frequencies that are used
# range_Hz = [1.0, 1e7]

[arrhenius]
form = "both"                                    # ln_sigma, ln_sigma_T, both
# range_K = [278.0, 343.0]                       # optional: temperatures that enter the line
# breakpoint_K = 330.0                           # optional: two lines, below and above (glass transition)
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


def project_text(files: Mapping[Path, Sequence[Spectrum]], *, folder: Path) -> str:
    """Text of a project file in `folder` for exports and the spectra found in them."""
    paths = list(files)
    name = _common_name(paths)
    said = _said_geometry([s for spectra in files.values() for s in spectra])
    text = _HEAD.format(name=name, geometry=_GEOMETRY.format(said=said))
    template = None
    if any(s.temperature_k is None for spectra in files.values() for s in spectra):
        template = guess_template([p.name for p in paths])
    pattern = _pattern(paths)
    if template is not None and pattern is not None:
        text += _table(_relative(pattern, folder), _comment(files), template=template)
    elif pattern is not None and all(
        s.temperature_k is not None for v in files.values() for s in v
    ):
        text += _table(_relative(pattern, folder), _comment(files))
    else:
        for path, spectra in files.items():
            own = template if any(s.temperature_k is None for s in spectra) else None
            missing = own is None and any(s.temperature_k is None for s in spectra)
            text += _table(
                _relative(path, folder), _comment({path: spectra}), template=own, missing=missing
            )
    return text + _TAIL


def guess_template(names: Sequence[str]) -> str | None:
    """The template that finds a different temperature in each name, or None.

    A number followed by C, K or deg is a temperature; where several are, the one that differs between names.
    """
    matches = list(_WITH_UNIT.finditer(names[0])) if names else []
    for match in matches:
        unit = "K" if match.group(2) == "K" else "C"
        template = f"{names[0][: match.start()]}{{temperature_{unit}}}{names[0][match.end() :]}"
        try:
            values = [temperature_from_name(name, template) for name in names]
        except ValueError:
            continue
        if len(set(values)) == len(names):
            return template
    return None


def _table(files: str, comment: str, *, template: str | None = None, missing: bool = False) -> str:
    lines = ["[[spectrum]]", f"files = {_quoted(files)}  # {comment}"]
    if template is not None:
        lines.append(
            f"temperature_from_name = {_quoted(template)}  # guessed from the names: check it"
        )
    if missing:
        lines.append("# FILL IN: temperature_C = 25.0               # the file does not state it")
    return "\n".join(lines) + "\n\n"


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


def _common_name(paths: Sequence[Path]) -> str:
    stem = _shared_start([p.stem for p in paths])
    return stem.strip(" _-.") or paths[0].resolve().parent.name


def _said_geometry(spectra: Sequence[Spectrum]) -> str:
    words = ("diameter", "thickness", "area")
    found = {
        f"{key}: {value}"
        for s in spectra
        for key, value in s.header.items()
        if any(w in key.lower() for w in words)
    }
    return f" (the file says {'; '.join(sorted(found))[:120]})" if found else ""


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive on Windows
        return path.resolve().as_posix()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
