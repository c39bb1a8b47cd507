"""A project file begun from what the scan files say; what only the user knows is left to be filled in.

Values that the user must supply stand as commented-out keys, so that `xtsred reduce` names them as missing.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from calibration import radiation
from calibration.errors import InputError
from xtsred.stages import Scan

__all__ = ["project_text"]

_ROLES = {
    "container": ("empty", "container", "capillary", "can", "leer", "kapillare"),
    "environment": ("air", "background", "bkg", "bgd", "blank", "luft", "environment", "env"),
}


def project_text(files: Sequence[tuple[Path, Sequence[Scan]]], *, folder: Path) -> str:
    """The project file, with paths relative to folder.

    files: every file with its ranges. Raises InputError where the files cannot belong to one reduction.
    """
    scans = [scan for _, ranges in files for scan in ranges]
    anode = _common([s.header.anode for s in scans], what="anodes")
    names = {s.header.sample_name for s in scans if s.header.sample_name}
    first = min(float(s.two_theta_deg[0]) for s in scans)
    last = max(float(s.two_theta_deg[-1]) for s in scans)
    lines = max((s.header.wavelengths_a for s in scans), key=len)
    parts = [
        "# One X-ray reduction, begun by `xtsred init` from what the files say. Paths are relative to this file. Units are in the keys.",
        "# Keys that are commented out and marked (you) are what no file knows: fill them in and remove the #.",
        "",
        *_sample(sorted(names), scans),
        *_radiation(anode, lines, scans),
        *_instrument(scans),
        *(line for file, ranges in files for line in _scans(file, ranges, folder=folder)),
        *_choices(first, last, lines),
    ]
    return "\n".join(parts) + "\n"


def _common(values: Sequence[str | None], *, what: str) -> str | None:
    found = sorted({v for v in values if v})
    if len(found) > 1:
        raise InputError(
            f"the files name different {what}: {', '.join(found)}",
            why="one reduction has one beam",
            remedy="begin one project file for each",
        )
    return found[0] if found else None


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else " " for c in escaped) + '"'


def _said(scans: Sequence[Scan], words: Sequence[str]) -> list[str]:
    """Comment lines with the facts of the headers whose names hold one of the words."""
    seen: dict[str, None] = {}
    for scan in scans:
        for name, value in scan.header.other.items():
            wanted = any(word in name.lower() for word in words)
            if wanted and not ("slit" in name.lower() and "slit" not in words):
                seen.setdefault(f"# the files say: {name}: {' '.join(value.split())}")
    return list(seen)


def _sample(names: Sequence[str], scans: Sequence[Scan]) -> list[str]:
    return [
        "[sample]",
        f"name = {_quoted(names[0])}"
        if len(names) == 1
        else '# name = "..."                            # (you)',
        *([f"# the files name several: {', '.join(names)}"] if len(names) > 1 else []),
        '# composition = "(Na2S)0.50(SiS2)0.50"    # (you) any formula; fractions need not sum to one',
        "# number_density_per_A3 = 0.0431          # (you) or mass_density_g_per_cm3 = 2.03: of the material itself, not of the powder",
        "# radius_mm = 0.25                        # (you) inner radius of the capillary, or of a bare rod",
        "# packing_fraction = 0.5                  # (you) or mu_R = 0.19; or mass_mg and filled_length_mm; 1.0 for a bare rod",
        "",
        "# [container]                             # (you) remove the # where there is one; a bare rod has none",
        '# material = "borosilicate 3.3"           # or composition = "..." and mass_density_g_per_cm3 = ...',
        "# wall_thickness_mm = 0.01",
        "",
    ]


def _radiation(anode: str | None, lines: Sequence[float], scans: Sequence[Scan]) -> list[str]:
    said = _said(scans, ("wavelength",))
    if lines:
        listed = ", ".join(f"{w:.7g}" for w in lines)
        said.append(f"# the files say: wavelengths {listed} Å (nominal values of the maker)")
    if anode is not None and anode in radiation.anodes():
        both = "Ka1+Ka2" if len(lines) > 1 else "Ka1"
        stated = f'lines = "{both}"'
        known = stated if lines else f"# {stated}"
        return [
            "[radiation]",
            *said,
            f"anode = {_quoted(anode)}",
            f'{known:<42}# {"" if lines else "(you) "}"Ka1" behind a monochromator that separates the doublet, else "Ka1+Ka2"',
            "",
        ]
    if len(lines) == 1:
        return ["[radiation]", *said, f"wavelength_A = {lines[0]!r}", ""]
    if len(lines) > 1:
        ratio = next((s.header.line_ratio for s in scans if s.header.line_ratio), None)
        weights = [1.0, ratio] if ratio else [None, None]
        text = ["# the beam", *said]
        for wavelength, weight in zip(lines[:2], weights, strict=True):
            text += [
                "[[radiation.line]]",
                f"wavelength_A = {wavelength!r}",
                f"weight = {weight!r}"
                if weight
                else "# weight = 1.0                            # (you) share of the photons, relative",
            ]
        return [*text, ""]
    return [
        "[radiation]",
        '# anode = "Ag"                            # (you) with lines, or wavelength_A = 0.5594, or [[radiation.line]] entries',
        '# lines = "Ka1+Ka2"                       # (you)',
        "",
    ]


def _instrument(scans: Sequence[Scan]) -> list[str]:
    return [
        "[beam]",
        *_said(scans, ("slit", "mask", "optics", "radius", "mirror")),
        "# width_mm = 0.60                         # (you) across the capillary, at the sample; wider than the sample: fully bathed",
        "# height_mm = 8.0                         # (you) along the capillary",
        "",
        "[polarization]",
        *_said(scans, ("monochromator",)),
        '# monochromator = "none"                  # (you) or "perfect" / "mosaic" with two_theta_deg = 12.14; or degree = 0.0',
        "",
        "[detector]",
        *_said(scans, ("detector", "phd")),
        '# response = "ideal"                      # (you) or "window" with window_keV = [16.6, 18.4] and fwhm_keV = 0.6; or "threshold"',
        "# dead_time_s = 0.0                       # absent: counts are taken as corrected, or low enough",
        "",
    ]


def _scans(file: Path, ranges: Sequence[Scan], *, folder: Path) -> list[str]:
    path = _relative(file, folder)
    hint = _role(file)
    text: list[str] = []
    for position, scan in enumerate(ranges):
        guess = f"; the name suggests {hint}" if hint else ""
        first, last = scan.two_theta_deg[0], scan.two_theta_deg[-1]
        text += [
            f"[[scan]]                                  # {scan.two_theta_deg.size} points, {first:g} to {last:g}°, {scan.kind}, {scan.format}",
            f'# role = "{hint or "sample"}"                         # (you) sample, container (empty) or environment (neither){guess}',
            f"file = {_quoted(path)}",
        ]
        if len(ranges) > 1:
            text.append(f"range = {position:<34}# of {len(ranges)} in the file, counted from 0")
        if "columns" in scan.header.other:
            text.append(f"columns = {{ {scan.header.other['columns']} }}")
        text.append(_time(scan))
        text += [f"# {f.severity}: {' '.join(f.text.split())}" for f in scan.findings]
        text.append("")
    return text


def _time(scan: Scan) -> str:
    seconds = scan.seconds_per_step
    if seconds is not None:
        return (
            f"# the file says: {float(seconds.min()):g} to {float(seconds.max()):g} s per step"
            if (seconds.min() != seconds.max())
            else f"# the file says: {float(seconds[0]):g} s per step"
        )
    if scan.kind == "rates" and scan.sigma is not None:
        return "# the counting times follow from rate and sigma"
    return "# seconds_per_step = 10.0                 # (you) the file does not say"


def _relative(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return file.resolve().as_posix()


def _role(file: Path) -> str:
    """What the name of a file suggests; only ever a comment."""
    words = "".join(c if c.isalpha() else " " for c in file.stem.lower()).split()
    return next((role for role, hints in _ROLES.items() if any(h in words for h in hints)), "")


def _choices(first: float, last: float, lines: Sequence[float]) -> list[str]:
    text = [
        "# What follows are choices, not facts: change them as you like.",
        "",
        "[range]",
        f"two_theta_deg = [{max(first, 0.0):g}, {last:g}]           # all that was measured; leave out the direct beam",
        "q_step = 0.05                             # Å^-1",
        "",
        "[multiple_scattering]                     # absent: not applied",
        "orders = 3",
        "",
        "[normalization]",
        'method = "high-angle"                     # or "krogh-moe-norman"',
        "",
        "[fourier]",
        'window = "lorch"                          # none, lorch, soper-barney, cosine',
    ]
    if lines:
        low, high = (
            4 * math.pi * math.sin(math.radians(a / 2)) / lines[0] for a in (max(first, 0.0), last)
        )
        text.append(f"q_range = [{math.ceil(10 * low) / 10:g}, {math.floor(10 * high) / 10:g}]")
    else:
        text.append(
            "# q_range = [0.6, 17.0]                   # (you) Å^-1, within what was measured"
        )
    return [*text, "r_max = 20.0", "r_step = 0.02"]
