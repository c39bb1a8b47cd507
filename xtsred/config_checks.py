"""What no single key of a project file can know: which keys belong together and which exclude each other.

Every check reads the raw table and stays silent about what is already wrong by itself.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from calibration.composition import ELEMENTS, find_material, parse_formula
from calibration.errors import InputError
from calibration.radiation import BELONGS_WITHIN, identify, lines_of, select_lines
from calibration.records import number_in
from xtsred.config_bounds import out_of_bounds
from xtsred.config_certified import without_certified

__all__ = ["check_project", "radiation_problems"]

Raw = Mapping[str, Any]

_UNTABLED = frozenset({"Pa", *ELEMENTS[ELEMENTS.index("U") + 1 :]})
"""Elements for which one of the tables (f0, f', f'', attenuation, Compton) is empty."""


def check_project(table: Raw) -> Sequence[str]:
    """Problems across the keys of a project file, each beginning with its key path."""
    problems: list[str] = []
    for name, check in _CHECKS.items():
        part = table.get(name)
        if isinstance(part, Mapping):
            problems += [f"{name}.{text}" for text in check(part)]
    problems = without_certified(table, problems)
    problems += out_of_bounds(table)
    problems += _scans(table)
    problems += _shells(table)
    problems += _reach(table)
    return problems


def _said(error: InputError) -> str:
    """An error of a lower layer on one line."""
    parts = [error.what, error.why, error.remedy]
    return "; ".join(p for p in parts if p)


def _reversed(part: Raw, key: str) -> Iterator[str]:
    limits = part.get(key)
    if isinstance(limits, list) and len(limits) == 2:
        first, last = number_in(limits[0]), number_in(limits[1])
        if first is not None and last is not None and not first < last:
            yield f"{key}: the range [{first:g}, {last:g}] is empty; write the smaller limit first"


def _together(part: Raw, key: str, needs: str) -> Iterator[str]:
    if key in part and needs not in part:
        yield f"{needs}: missing; {key} means nothing without it"


def _formula(part: Raw, key: str) -> Iterator[str]:
    if isinstance(part.get(key), str) and part[key]:  # empty is named by itself
        try:
            heavy = [e for e in parse_formula(part[key]) if e in _UNTABLED]
        except InputError as error:
            yield f"{key}: {_said(error)}"
        else:
            if heavy:
                yield f"{key}: the tables of absorption and scattering do not hold {', '.join(heavy)}"


def _sample(part: Raw) -> Iterator[str]:
    yield from _formula(part, "composition")
    if not {"number_density_per_A3", "mass_density_g_per_cm3"} & set(part):
        yield "number_density_per_A3: missing (or mass_density_g_per_cm3): of the material itself, not of the powder"
    yield from _together(part, "mass_mg", "filled_length_mm")
    yield from _together(part, "filled_length_mm", "mass_mg")
    if not {"packing_fraction", "mu_R", "mass_mg", "filled_length_mm"} & set(part):
        yield "packing_fraction: missing (or mu_R, or mass_mg with filled_length_mm); a solid rod has 1.0"
    yield from _elements(part)


def _elements(part: Raw) -> Iterator[str]:
    """Uncertainties of amounts of elements that the sample has, small against 1."""
    stated = part.get("composition_sigma")
    try:
        present = parse_formula(part["composition"])
    except (InputError, KeyError, AttributeError, TypeError):
        return
    for element, raw in stated.items() if isinstance(stated, Mapping) else ():
        sigma = number_in(raw)
        if element not in present:
            yield f"composition_sigma.{element}: not in composition, which has {', '.join(present)}"
        elif sigma is not None and sigma > present[element]:
            yield (
                f"composition_sigma.{element}: {sigma:g} is more than there is ({present[element]:.4g} per atom of the "
                "formula); write the uncertainty of the atomic fraction"
            )


def _container(part: Raw) -> Iterator[str]:
    yield from _formula(part, "composition")
    if "material" in part and "composition" in part:
        yield "material: given beside composition; keep one of the two"
    elif isinstance(part.get("material"), str):
        try:
            find_material(part["material"])
        except InputError as error:
            yield f"material: {_said(error)}"
    elif "material" not in part and "composition" not in part:
        yield "material: missing (or composition with mass_density_g_per_cm3): what the wall is made of"
    yield from _together(part, "composition", "mass_density_g_per_cm3")


def radiation_problems(part: object) -> Sequence[str]:
    """Problems of a [radiation] table by itself, each beginning with its key; none where it is no table."""
    return [*_radiation(part)] if isinstance(part, Mapping) else []


def _radiation(part: Raw) -> Iterator[str]:
    ways = [key for key in ("wavelength_A", "lines", "line") if key in part]
    if len(ways) > 1:
        yield f"{ways[1]}: given beside {ways[0]}; the lines may be stated in one way only"
    anode = part.get("anode")
    known = False
    if isinstance(anode, str):
        try:
            lines_of(anode)
            known = True
        except InputError as error:
            yield f"anode: {_said(error)}"
    if not ways:
        if "anode" in part:
            yield 'lines: missing; say which lines reach the sample, "Ka1" or "Ka1+Ka2"'
        else:
            yield "wavelength_A: missing (or anode with lines, or [[radiation.line]] entries)"
    if "lines" in part and "anode" not in part:
        yield "anode: missing; lines means nothing without it"
    if known and isinstance(part.get("lines"), str):
        try:
            select_lines(str(anode), part["lines"])
        except InputError as error:
            yield f"lines: {_said(error)}"
    if known:
        yield from _foreign(part, str(anode))
    continuum = part.get("continuum")
    if isinstance(continuum, Mapping):
        yield from (f"continuum.{text}" for text in _continuum(continuum, part))


def _stated_wavelengths(part: Raw) -> Iterator[tuple[str, float]]:
    single = number_in(part.get("wavelength_A"))
    if single is not None and single > 0.0:
        yield "wavelength_A", single
    entries = part.get("line")
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        value = number_in(entry.get("wavelength_A")) if isinstance(entry, Mapping) else None
        if value is not None and value > 0.0:
            yield f"line[{i}].wavelength_A", value


def _foreign(part: Raw, anode: str) -> Iterator[str]:
    for key, value in _stated_wavelengths(part):
        owner = identify(value)
        if owner is not None and owner[0] == anode:
            continue
        is_of = f"it is {owner[0]} {owner[1]}" if owner else "it is no line of the table"
        yield (
            f"{key}: {value:g} Å is not a line of {anode} (within {BELONGS_WITHIN:g}): {is_of}; "
            "correct one of the two, or leave out the anode"
        )


def _continuum(part: Raw, radiation: Raw) -> Iterator[str]:
    anode = part.get("anode", radiation.get("anode"))
    owners = {found[0] for _, value in _stated_wavelengths(radiation) if (found := identify(value))}
    if anode is None and len(owners) != 1:
        yield "anode: missing; the stated wavelengths do not tell which tube it is"
    if isinstance(part.get("anode"), str):
        try:
            lines_of(part["anode"])
        except InputError as error:
            yield f"anode: {_said(error)}"
    amplitude = part.get("amplitude")
    if isinstance(amplitude, Mapping) and number_in(amplitude.get("sigma")) == 0.0:
        yield "amplitude: sigma = 0 leaves nothing to fit; write the prior's width, or leave it out"
    foils = part.get("filter")
    for i, foil in enumerate(foils if isinstance(foils, list) else []):
        if not isinstance(foil, Mapping):
            continue
        if ("element" in foil) == ("material" in foil):
            yield f"filter[{i}].element: write either element or material"
        if isinstance(foil.get("element"), str) and foil["element"] not in ELEMENTS:
            yield f"filter[{i}].element: {foil['element']!r} is not an element"
        if isinstance(foil.get("material"), str):
            try:
                find_material(foil["material"])
            except InputError as error:
                yield f"filter[{i}].material: {_said(error)}"


def _polarization(part: Raw) -> Iterator[str]:
    crystal = part.get("monochromator")
    if ("monochromator" in part) == ("degree" in part):
        yield "monochromator: write either monochromator or degree"
    if crystal in ("perfect", "mosaic") and "two_theta_deg" not in part:
        yield f'two_theta_deg: missing; the scattering angle of the "{crystal}" monochromator'
    if "two_theta_deg" in part and crystal in (None, "none"):
        yield "two_theta_deg: given, but there is no monochromator"


def _detector(part: Raw) -> Iterator[str]:
    response = part.get("response")
    yield from _reversed(part, "window_keV")
    if response == "window" and "window_keV" not in part:
        yield 'window_keV: missing; response = "window" needs it'
    if response in ("ideal", "threshold") and "window_keV" in part:
        yield f'window_keV: given, but the response is "{response}"'
    edges = [key for key in ("lower_keV", "upper_keV") if key in part]
    if response == "threshold" and not edges:
        yield 'lower_keV: missing (or upper_keV); response = "threshold" needs one or both'
    if response in ("ideal", "window"):
        yield from (f'{key}: given, but the response is "{response}"' for key in edges)
    lower, upper = number_in(part.get("lower_keV")), number_in(part.get("upper_keV"))
    if lower is not None and upper is not None and not lower < upper:
        yield f"upper_keV: must be above lower_keV = {lower:g}, not {upper:g}"
    if response == "ideal" and "fwhm_keV" in part:
        yield 'fwhm_keV: given, but the response is "ideal"'
    yield from _together(part, "sensor", "sensor_thickness_mm")
    yield from _together(part, "sensor_thickness_mm", "sensor")
    yield from _formula(part, "sensor")


def _goniometer(part: Raw) -> Iterator[str]:
    radius = number_in(part.get("radius_mm"))
    offset = math.hypot(
        number_in(part.get("along_mm")) or 0.0, number_in(part.get("across_mm")) or 0.0
    )
    if radius is not None and offset >= radius > 0.0:
        yield f"radius_mm: must be beyond the displacement of {offset:.4g} mm, not {radius:g}"
    displaced, turned = (
        next(
            (
                f"{way}_{unit}"
                for way in ("along", "across")
                if number_in(part.get(f"{way}_{unit}"))
            ),
            None,
        )
        for unit in ("mm", "deg")
    )
    if displaced is not None and turned is not None:
        yield f"{turned}: given beside {displaced}; write displacements in one way only"
    elif displaced is not None:
        yield from _together(part, displaced, "radius_mm")


def _normalization(part: Raw) -> Iterator[str]:
    yield from _reversed(part, "q_range")
    ranges = part.get("alternative_q_ranges")
    for i, limits in enumerate(ranges if isinstance(ranges, list) else []):
        name = f"alternative_q_ranges[{i}]"
        yield from _reversed({name: limits}, name)
    response = part.get("compton_response")
    if "compton_response_sigma" in part and isinstance(response, Mapping) and "sigma" in response:
        yield (
            "compton_response: has a sigma beside compton_response_sigma; the one is of a fixed number, the other "
            "the prior of a fitted one: keep one of the two"
        )


def _fourier(part: Raw) -> Iterator[str]:
    yield from _reversed(part, "q_range")
    if part.get("window") == "soper-barney" and "delta_A" not in part:
        yield 'delta_A: missing; window = "soper-barney" needs its width in Å'
    if "delta_A" in part and part.get("window") in ("none", "lorch", "cosine"):
        yield f'delta_A: given, but the window is "{part["window"]}"'
    step, last = number_in(part.get("r_step")), number_in(part.get("r_max"))
    if step is not None and last is not None and 0.0 < last < step:
        yield f"r_step: must be below r_max = {last:g}, not {step:g}"


def _range(part: Raw) -> Iterator[str]:
    yield from _reversed(part, "two_theta_deg")


def _comparison(part: Raw) -> Iterator[str]:
    yield from _reversed(part, "q_range")
    if ("curve" in part) == ("trajectory" in part):
        yield "curve: write either curve or trajectory"
    yield from _together(part, "curve_is", "curve")
    yield from _together(part, "trajectory", "weights")
    yield from _together(part, "weights", "trajectory")
    yield from _together(part, "frames", "trajectory")


_CHECKS = {
    "sample": _sample,
    "container": _container,
    "radiation": _radiation,
    "polarization": _polarization,
    "detector": _detector,
    "goniometer": _goniometer,
    "range": _range,
    "normalization": _normalization,
    "fourier": _fourier,
    "comparison": _comparison,
}


def _scans(table: Raw) -> Iterator[str]:
    entries = table.get("scan")
    if not isinstance(entries, list):
        return
    tables = [e for e in entries if isinstance(e, Mapping)]
    roles = [e.get("role") for e in tables]
    spelt = all(role in ("sample", "container", "environment") for role in roles)
    if spelt and "sample" not in roles:
        yield 'scan: no entry has role = "sample"'
    if "container" in roles and "container" not in table:
        yield "container: missing, although a scan of the empty container is given; describe its wall"
    if spelt and "environment" in table and "environment" not in roles:
        yield 'environment: given, but no scan has role = "environment"'
    if spelt and "container" in table and entries and "container" not in roles:
        yield 'scan: no entry has role = "container", although [container] says that there is one'
    for i, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            continue
        yield from (f"scan[{i}].{text}" for text in _reversed(entry, "two_theta_deg"))
        columns = entry.get("columns")
        if isinstance(columns, Mapping):
            yield from (f"scan[{i}].columns.{text}" for text in _columns(columns))


def _columns(part: Raw) -> Iterator[str]:
    if ("counts" in part) == ("rate_cps" in part):
        yield "counts: write either counts or rate_cps"
    yield from _together(part, "sigma_counts", "counts")
    yield from _together(part, "rate_sigma_cps", "rate_cps")
    taken: dict[int, str] = {}
    for key, number in part.items():
        if isinstance(number, int) and number in taken:
            yield f"{key}: column {number} is {taken[number]} already"
        elif isinstance(number, int):
            taken[number] = key


def _shells(table: Raw) -> Iterator[str]:
    entries = table.get("shell")
    sample = table.get("sample")
    try:
        formula = sample.get("composition") if isinstance(sample, Mapping) else None
        present = set(parse_formula(formula)) if isinstance(formula, str) else None
    except InputError:
        present = None
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        if not isinstance(entry, Mapping):
            continue
        yield from (f"shell[{i}].{text}" for text in _reversed(entry, "r_range"))
        pair = entry.get("pair")
        if not isinstance(pair, str):
            continue
        elements = [part.strip() for part in pair.split("-")]
        if len(elements) != 2 or not all(e in ELEMENTS for e in elements):
            yield f'shell[{i}].pair: {pair!r} is not a pair of elements such as "Si-O"'
        elif present is not None and not set(elements) <= present:
            missing = ", ".join(sorted(set(elements) - present))
            yield f"shell[{i}].pair: {missing} is not in sample.composition"


def _reach(table: Raw) -> Iterator[str]:
    """A Q beyond 4 pi / lambda cannot have been measured with any angle."""
    radiation = table.get("radiation")
    if not isinstance(radiation, Mapping):
        return
    wavelengths = [value for _, value in _stated_wavelengths(radiation)]
    if isinstance(radiation.get("anode"), str) and isinstance(radiation.get("lines"), str):
        try:
            chosen = select_lines(radiation["anode"], radiation["lines"])
        except InputError:
            return
        wavelengths += [line.wavelength_a for line in chosen]
    if not wavelengths:
        return
    shortest = min(wavelengths)
    limit = 4.0 * math.pi / shortest
    for name in ("fourier", "normalization"):
        part = table.get(name)
        limits = part.get("q_range") if isinstance(part, Mapping) else None
        last = number_in(limits[1]) if isinstance(limits, list) and len(limits) == 2 else None
        if last is not None and last > limit:
            yield (
                f"{name}.q_range: ends at {last:g} Å^-1, but {shortest:g} Å reaches only "
                f"4 pi / lambda = {limit:.4g} Å^-1"
            )
