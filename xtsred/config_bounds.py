"""How large and how small the numbers of a project file may be: far beyond anything measured, short of what breaks.

A number outside is a slip of the unit or of the decimal point; told at once and with its reason, it costs no hour
of computing and no memory.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from calibration.records import number_in

__all__ = ["out_of_bounds"]

Raw = Mapping[str, Any]

_MM = "this key is in mm"
_SECONDS = "this key is in seconds per step"
_BOUNDS: Mapping[str, tuple[float, float, str]] = {
    "sample.radius_mm": (1e-3, 50.0, f"{_MM}, and no capillary or rod is as thick or thin"),
    "sample.number_density_per_A3": (1e-5, 0.5, "diamond has 0.176 atoms per Å^3"),
    "sample.mass_density_g_per_cm3": (1e-3, 30.0, "osmium has 22.6 g/cm^3"),
    "sample.packing_fraction": (1e-3, math.inf, "a loose powder has 0.3, a solid rod 1"),
    "sample.mu_R": (1e-6, 100.0, "behind mu R = 5 nothing can be measured"),
    "sample.mass_mg": (1e-3, 1e6, "this key is in mg"),
    "sample.filled_length_mm": (1e-2, 1e3, _MM),
    "container.wall_thickness_mm": (1e-4, 10.0, f"{_MM}, and no container is as thick or thin"),
    "container.mass_density_g_per_cm3": (1e-3, 30.0, "osmium has 22.6 g/cm^3"),
    "container.scale": (0.0, 10.0, "1 is as measured"),
    "environment.scale": (0.0, 10.0, "1 is as measured"),
    "radiation.wavelength_A": (0.05, 3.0, "the tables of scattering and absorption end there"),
    "radiation.line[].wavelength_A": (0.05, 3.0, "the tables of scattering and absorption end there"),
    "radiation.line[].weight": (1e-9, 1e9, "it is relative to the other lines"),
    "radiation.continuum.tube_kV": (5.0, 250.0, "this key is in kV"),
    "radiation.continuum.amplitude": (1e-6, 1e3, "it is relative to the lines"),
    "radiation.continuum.filter[].thickness_um": (1e-2, 1e5, "this key is in µm"),
    "beam.width_mm": (1e-3, 1e3, _MM),
    "beam.height_mm": (1e-3, 1e3, _MM),
    "detector.dark_cps": (0.0, 1e7, "no detector counts as fast"),
    "detector.dead_time_s": (0.0, 1e-2, "this key is in seconds, and dead times are microseconds"),
    "detector.fwhm_keV": (1e-4, 100.0, "this key is in keV"),
    "detector.lower_keV": (1e-3, 500.0, "this key is in keV"),
    "detector.upper_keV": (1e-3, 500.0, "this key is in keV"),
    "detector.sensor_thickness_mm": (1e-4, 100.0, _MM),
    "goniometer.zero_deg": (-5.0, 5.0, "a goniometer further off must be adjusted"),
    "goniometer.along_mm": (-20.0, 20.0, _MM),
    "goniometer.across_mm": (-20.0, 20.0, _MM),
    "goniometer.radius_mm": (10.0, 1e4, _MM),
    "scan[].seconds_per_step": (1e-6, 1e8, _SECONDS),
    "scan[].scale": (1e-6, 1e6, "the scans of a role measured the same thing"),
    "scan[].monitor": (1e-12, 1e12, "it is relative to the other scans"),
    "range.q_step": (1e-4, 0.5, "broader bins wash S(Q) out; bins finer than the steps hold no counts"),
    "multiple_scattering.scale": (0.0, 10.0, "1 is as computed"),
    "normalization.compton_response": (0.1, 10.0, "1 is as computed"),
    "normalization.compton_response_sigma": (1e-6, 10.0, "it is the width of a prior around 1"),
    "fourier.r_max": (0.1, 1000.0, "this key is in Å"),
    "fourier.r_step": (1e-4, 1.0, "this key is in Å: finer holds nothing more, broader skips peaks"),
    "fourier.delta_A": (1e-4, 10.0, "this key is in Å"),
}  # fmt: skip

_FEWEST_BINS = 20
_MOST_DISTANCES = 20_000
_FEWEST_DISTANCES = 8


def out_of_bounds(table: Raw) -> Iterator[str]:
    """Problems, each beginning with its key path; silent about what is wrong in type or sign."""
    for key, (low, high, reason) in _BOUNDS.items():
        for path, raw in _found(table, key.split(".")):
            value = number_in(raw)
            if value is None or low <= value <= high or value < 0.0 <= low:
                continue
            if value == 0.0 and low > 0.0:
                continue  # said to be positive already
            bounds = f"{low:g} to {high:g}" if high < math.inf else f"at least {low:g}"
            yield f"{path}: must be {bounds}, not {value:g}; {reason}"
    yield from _grids(table)


def _found(node: Any, parts: list[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value under a key path; [] stands for each entry of a list."""
    if not parts:
        yield path, node
        return
    name = parts[0].removesuffix("[]")
    if not isinstance(node, Mapping) or name not in node:
        return
    here, inner = f"{path}.{name}" if path else name, node[name]
    if name == parts[0]:
        yield from _found(inner, parts[1:], here)
    elif isinstance(inner, list):
        for i, entry in enumerate(inner):
            yield from _found(entry, parts[1:], f"{here}[{i}]")


def _limits(raw: object) -> tuple[float, float] | None:
    if not isinstance(raw, list) or len(raw) != 2:
        return None
    low, high = (number_in(v) for v in raw)
    return None if low is None or high is None or not low < high else (low, high)


def _grids(table: Raw) -> Iterator[str]:
    """Ranges against the steps that divide them."""
    fourier, spacing = table.get("fourier"), table.get("range")
    if not isinstance(fourier, Mapping):
        return
    q_range = _limits(fourier.get("q_range"))
    q_step = number_in(spacing.get("q_step")) if isinstance(spacing, Mapping) else None
    if q_range is not None and q_step is not None and q_step > 0.0:
        bins = (q_range[1] - q_range[0]) / q_step
        if bins < _FEWEST_BINS:
            yield (
                f"fourier.q_range: [{q_range[0]:g}, {q_range[1]:g}] holds {bins:.1f} bins of range.q_step = {q_step:g}, "
                f"{_FEWEST_BINS} are needed for a transform"
            )
    r_max, r_step = number_in(fourier.get("r_max")), number_in(fourier.get("r_step"))
    if r_step is None or r_step < _BOUNDS["fourier.r_step"][0]:
        return
    if r_max is not None and r_max / r_step > _MOST_DISTANCES:
        yield (
            f"fourier.r_step: r_max / r_step is {r_max / r_step:.3g}, more than {_MOST_DISTANCES} distances; "
            f"{r_max / _MOST_DISTANCES:.3g} or more is fine enough for any resolution"
        )
    for path, raw in _found(table, ["shell[]", "r_range"]):
        limits = _limits(raw)
        if limits is None:
            continue
        if r_max is not None and limits[1] > r_max:
            yield f"{path}: ends at {limits[1]:g} Å, beyond fourier.r_max = {r_max:g}"
        if limits[1] - limits[0] < (_FEWEST_DISTANCES - 1e-6) * r_step:
            yield (
                f"{path}: [{limits[0]:g}, {limits[1]:g}] is narrower than {_FEWEST_DISTANCES} steps of "
                f"fourier.r_step = {r_step:g}"
            )
