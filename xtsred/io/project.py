"""A project file begun from what the scan files say; what only the user knows is left to be filled in.

What the user must supply stands behind "# FILL IN:", so that `xtsred reduce` names it as missing; every guess has its evidence.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from calibration import radiation
from calibration.errors import InputError
from calibration.project_text import comment, relative_name, toml_string
from xtsred.io.roles import RoleGuess, guess_roles
from xtsred.stages import Scan

__all__ = ["project_text"]


def project_text(
    files: Sequence[tuple[Path, Sequence[Scan]]],
    *,
    folder: Path,
    dropped: Sequence[Path] = (),
    unnamed: Sequence[tuple[Path, str]] = (),
    left_out: Sequence[str] = (),
) -> str:
    """The project file, with paths relative to folder.

    files: every file with its ranges; dropped: the folders they were found in, whose names are evidence; unnamed:
    tables that may be scans, and why they are not read; left_out: comment lines of what is not used.
    Raises InputError where the files cannot belong to one reduction.
    """
    scans = [scan for _, ranges in files for scan in ranges]
    anode = _common_anode(files)
    guesses = guess_roles(files, folders=dropped) if files else []
    # an empty capillary has a name in its header too, which is not the sample's
    names = {
        scan.header.sample_name
        for (_, ranges), guess in zip(files, guesses, strict=True)
        for scan in ranges
        if scan.header.sample_name and guess.role in (None, "sample")
    }
    lines = max((s.header.wavelengths_a for s in scans), key=len, default=())
    parts = [
        "# One X-ray reduction, begun by `xtsred init` from what the files say. Paths are relative to this file. Units are in the keys.",
        '# FILL IN marks what no file knows, with an example: put your own there and remove "# FILL IN: ".',
        "# What is guessed says from what; check it.",
        "",
        *_sample(sorted(names), scans),
        *_container(guesses),
        *_radiation(anode, lines, scans),
        *_instrument(scans),
        *_all_scans(files, guesses, folder=folder),
        *(line for file, why in unnamed for line in _unnamed(file, why, folder, alone=not files)),
        *_choices(scans, lines),
    ]
    return "\n".join([*parts, *left_out]) + "\n"


def _common_anode(files: Sequence[tuple[Path, Sequence[Scan]]]) -> str | None:
    found: dict[str, str] = {}
    for path, scans in files:
        for scan in scans:
            if scan.header.anode:
                found.setdefault(scan.header.anode, path.name)
    if len(found) > 1:
        told = ", ".join(f"{anode} in {name}" for anode, name in sorted(found.items()))
        raise InputError(
            f"the files name different anodes: {', '.join(sorted(found))}",
            why=f"one reduction has one beam; {told}",
            remedy="begin one project file for each",
        )
    return next(iter(found), None)


def _said(scans: Sequence[Scan], words: Sequence[str]) -> list[str]:
    """Comment lines with the facts of the headers whose names hold one of the words."""
    seen: dict[str, None] = {}
    for scan in scans:
        for name, value in scan.header.other.items():
            wanted = any(word in name.lower() for word in words)
            if wanted and not ("slit" in name.lower() and "slit" not in words):
                seen.setdefault(f"# the files say: {comment(f'{name}: {value}')}")
    return list(seen)


def _sample(names: Sequence[str], scans: Sequence[Scan]) -> list[str]:
    return [
        "[sample]",
        f"name = {toml_string(names[0])}" if len(names) == 1 else '# FILL IN: name = "..."',
        *([f"# the files name several: {comment(', '.join(names))}"] if len(names) > 1 else []),
        '# FILL IN: composition = "(Na2S)0.50(SiS2)0.50"   # any formula; fractions need not sum to one',
        "# FILL IN: number_density_per_A3 = 0.0431   # or mass_density_g_per_cm3 = 2.03: of the material itself, not of the powder",
        "# FILL IN: radius_mm = 0.25                 # inner radius of the capillary, or of a bare rod",
        "# FILL IN: packing_fraction = 0.5           # or mu_R = 0.19; or mass_mg and filled_length_mm; 1.0 for a bare rod",
        "",
    ]


def _container(guesses: Sequence[RoleGuess]) -> list[str]:
    """Asked for where a file looks like the empty container; else a comment, because a bare rod has none."""
    if any(guess.role == "container" for guess in guesses):
        return [
            "[container]                               # a scan below is guessed to be the empty container",
            '# FILL IN: material = "borosilicate 3.3"    # or composition = "..." and mass_density_g_per_cm3 = ...',
            "# FILL IN: wall_thickness_mm = 0.01",
            "",
        ]
    return [
        "# [container]                             # FILL IN where there is one: remove the #; a bare rod has none",
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
        known = stated if lines else f"# FILL IN: {stated}"
        return [
            "[radiation]",
            *said,
            f"anode = {toml_string(anode)}",
            f'{known:<42}# "Ka1" behind a monochromator that separates the doublet, else "Ka1+Ka2"',
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
                else "# FILL IN: weight = 1.0                     # share of the photons, relative",
            ]
        return [*text, ""]
    return [
        "[radiation]",
        '# FILL IN: anode = "Ag"                     # with lines, or wavelength_A = 0.5594, or [[radiation.line]] entries',
        '# FILL IN: lines = "Ka1+Ka2"',
        "",
    ]


def _instrument(scans: Sequence[Scan]) -> list[str]:
    return [
        "[beam]",
        *_said(scans, ("slit", "mask", "optics", "radius", "mirror")),
        "# FILL IN: width_mm = 0.60                  # across the capillary, at the sample; wider than the sample: fully bathed",
        "# FILL IN: height_mm = 8.0                  # along the capillary",
        "",
        "[polarization]",
        *_said(scans, ("monochromator",)),
        '# FILL IN: monochromator = "none"           # or "perfect" / "mosaic" with two_theta_deg = 12.14; or degree = 0.0',
        "",
        "[detector]",
        *_said(scans, ("detector", "phd")),
        '# FILL IN: response = "ideal"               # or "window" with window_keV = [16.6, 18.4] and fwhm_keV = 0.6; or "threshold"',
        "# dead_time_s = 0.0                       # absent: counts are taken as corrected, or low enough",
        "",
    ]


def _all_scans(
    files: Sequence[tuple[Path, Sequence[Scan]]], guesses: Sequence[RoleGuess], *, folder: Path
) -> list[str]:
    lines: list[str] = []
    earlier: list[tuple[str, Scan]] = []
    for (file, ranges), guess in zip(files, guesses, strict=True):
        lines += _scans(file, ranges, guess, folder=folder, earlier=earlier)
        earlier += [(file.name, scan) for scan in ranges]
    return lines


def _scans(
    file: Path,
    ranges: Sequence[Scan],
    guess: RoleGuess,
    *,
    folder: Path,
    earlier: Sequence[tuple[str, Scan]],
) -> list[str]:
    text: list[str] = []
    for position, scan in enumerate(ranges):
        first, last = scan.two_theta_deg[0], scan.two_theta_deg[-1]
        text += [
            f"[[scan]]                                  # {scan.two_theta_deg.size} points, {first:g} to {last:g}°, {scan.kind}, {scan.format}",
            _role_line(guess),
            f"file = {toml_string(relative_name(file, folder))}",
        ]
        if len(ranges) > 1:
            text.append(f"range = {position:<34}# of {len(ranges)} in the file, counted from 0")
        if "columns" in scan.header.other:
            text.append(f"columns = {{ {scan.header.other['columns']} }}")
        text.append(_time(scan))
        text += [f"# {f.severity}: {comment(f.text)}" for f in scan.findings]
        twin = next((name for name, other in earlier if _same_numbers(scan, other)), None)
        if twin is not None:
            text.append(
                f"# warning: the same numbers as in {comment(twin)}; one measurement counts once: remove one of the two"
            )
        text.append("")
    return text


def _role_line(guess: RoleGuess) -> str:
    if guess.role is None:
        return (
            '# FILL IN: role = "sample"                # sample, container (empty) or environment (neither): '
            + comment(guess.evidence)
        )
    return f"{f'role = {toml_string(guess.role)}':<42}# guessed: {comment(guess.evidence)}"


def _same_numbers(a: Scan, b: Scan) -> bool:
    """The same scan in another format, or a copy of the file."""
    return np.array_equal(a.values, b.values) and np.allclose(
        a.two_theta_deg, b.two_theta_deg, rtol=0.0, atol=1e-3
    )


def _unnamed(file: Path, why: str, folder: Path, *, alone: bool) -> list[str]:
    """A table whose columns nobody names; a whole comment where other files are scans, and it may be anything."""
    skip = "" if alone else "# "
    ask = "# FILL IN: " if alone else "# "
    return [
        f"{skip}[[scan]]                                # {comment(why)}"
        + ("" if alone else "; if it is a scan, say what is what and remove the #"),
        f'{ask}role = "sample"                # sample, container (empty) or environment (neither)',
        f"{skip}file = {toml_string(relative_name(file, folder))}",
        f"{ask}columns = {{ two_theta_deg = 1, rate_cps = 2, rate_sigma_cps = 3 }}   # counted from 1; or counts",
        *(
            [
                "# FILL IN: seconds_per_step = 10.0          # where no column says, nor rate and sigma"
            ]
            if alone
            else []
        ),
        "",
    ]


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
    return "# FILL IN: seconds_per_step = 10.0          # the file does not say"


def _choices(scans: Sequence[Scan], lines: Sequence[float]) -> list[str]:
    first = min((float(s.two_theta_deg[0]) for s in scans), default=0.0)
    last = max((float(s.two_theta_deg[-1]) for s in scans), default=0.0)
    span = f"two_theta_deg = [{max(first, 0.0):g}, {last:g}]           # all that was measured; leave out the direct beam"
    text = [
        "# What follows are choices, not facts: change them as you like.",
        "",
        "[range]",
        span if scans else "# FILL IN: two_theta_deg = [2.0, 150.0]     # within what was measured",
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
        text.append("# FILL IN: q_range = [0.6, 17.0]            # Å^-1, within what was measured")
    return [*text, "r_max = 20.0", "r_step = 0.02"]
