"""What the page draws of a reduction, as columns; and what in it cannot be, in words and as intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.quantity import concise
from xtsred.checks import low_r_level
from xtsred.config import Project
from xtsred.stages import Array, Comparison, PairDistribution, Reduction, Scan

__all__ = ["Columns", "Violation", "columns", "headline", "raw_scans", "violations"]

Columns = dict[str, Any]
Flags = npt.NDArray[np.bool_]

_SURE = 2.0  # standard uncertainties below zero before it is said
_LOW_R = 0.15  # as in the findings: relative error of the low-r slope that is worth a warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something that no sample can show. panel: "components", "structure", "pair"; intervals: in its x."""

    panel: str
    text: str
    intervals: tuple[tuple[float, float], ...]


def raw_scans(reduction: Reduction, project: Project) -> Columns:
    """Every scan as measured, counts over seconds where the seconds are known: lists of arrays for a multi-line."""
    found: Columns = {"xs": [], "ys": [], "role": [], "scan": [], "unit": []}
    for role, scans in reduction.scans.items():
        for scan in scans:
            seconds = _seconds(scan, role, project)
            rate = scan.values if seconds is None else scan.values / seconds
            found["xs"].append(scan.two_theta_deg)
            found["ys"].append(rate)
            found["role"].append(role)
            found["scan"].append(Path(scan.file).name)
            found["unit"].append("counts" if scan.kind == "counts" and seconds is None else "1/s")
    return found


def _seconds(scan: Scan, role: str, project: Project) -> Any:
    if scan.kind == "rates":
        return None
    if scan.seconds_per_step is not None:
        return scan.seconds_per_step
    name = Path(scan.file).name
    stated = [
        e.seconds_per_step for e in project.scan if Path(e.file).name == name and e.role == role
    ]
    return stated[0] if stated else None


def columns(reduction: Reduction) -> dict[str, Columns]:
    """Columns by source: merged <role>, components, structure, other, pair, and frames for the axes."""
    found: dict[str, Columns] = {}
    for role, pattern in reduction.patterns.items():
        found[f"merged {role}"] = {
            "x": pattern.two_theta_deg,
            "y": pattern.rate_cps,
            "sigma": pattern.sigma_cps,
        }
    found["components"] = _components(reduction)
    found["structure"] = _structure(reduction)
    if reduction.comparison is not None:
        found["other"] = _other(reduction.comparison)
    found["pair"] = _pair(reduction.pair_distribution)
    found["frames"] = _frames(found)
    return found


def _components(reduction: Reduction) -> Columns:
    i = reduction.intensity
    found: Columns = {"q": i.q, "two_theta": i.two_theta_deg, "measured": i.measured}
    below = np.zeros_like(i.q)
    for name, curve in i.components.items():
        found[name] = curve
        found[f"{name}, from"] = below
        below = below + curve
        found[f"{name}, to"] = below
    found["sum"] = below
    return found


def _structure(reduction: Reduction) -> Columns:
    s, i = reduction.structure_factor, reduction.intensity
    # I_coh = <f^2> + |<f>|^2 (S - 1) cannot be negative
    floor = 1.0 - np.interp(s.q, i.q, i.mean_square / i.square_mean)
    return {
        "q": s.q,
        "s": s.s,
        "sigma": s.sigma,
        "low": s.s - s.sigma,
        "high": s.s + s.sigma,
        "f": s.q * (s.s - 1.0),
        "floor": floor,
        "bottom": np.full_like(floor, -50.0),
    }


def _other(other: Comparison) -> Columns:
    return {
        "q": other.q,
        "s_other": other.s_other,
        "difference": other.s - other.s_other,
        "low": -other.sigma,
        "high": other.sigma,
    }


def _pair(p: PairDistribution) -> Columns:
    line = -4.0 * np.pi * p.number_density_per_a3 * p.r
    return {
        "r": p.r,
        "g": p.g,
        "g_sigma": p.g_sigma,
        "g_low": p.g - p.g_sigma,
        "g_high": p.g + p.g_sigma,
        "d": p.d,
        "d_sigma": p.d_sigma,
        "d_low": p.d - p.d_sigma,
        "d_high": p.d + p.d_sigma,
        "line": line,
        "bottom": np.full_like(line, -1e3),
    }


def _frames(found: Mapping[str, Columns]) -> Columns:
    """Lowest and highest point worth seeing of each axis: the spike of g at r -> 0 would hide everything."""
    pair, structure = found["pair"], found["structure"]
    seen = pair["r"] > min(0.5, 0.25 * float(pair["r"][-1]))
    top = 1.15 * float(np.percentile(found["components"]["measured"], 99.8))
    frames = {
        "components": (min(0.0, float(found["components"]["measured"].min())), max(top, 1e-3)),
        "structure": _framed(structure["s"]),
        "f": _framed(structure["f"]),
        "g": _framed(pair["g"][seen], floor=-0.15),
        "d": _framed(pair["d"][seen]),
    }
    if "other" in found:
        frames["difference"] = _framed(found["other"]["difference"])
    return {name: np.array(limits) for name, limits in frames.items()}


def _framed(y: Array, *, floor: float | None = None) -> tuple[float, float]:
    low, high = float(y.min()), float(y.max())
    margin = 0.06 * max(high - low, 1e-3)
    low = low - margin
    return (low if floor is None else min(low, floor), high + margin)


def violations(reduction: Reduction) -> tuple[Violation, ...]:
    """Everything that cannot be, the gravest first as the page reads: intensity, S(Q), g(r), slope at low r."""
    return tuple(_violations(reduction))


def _violations(reduction: Reduction) -> Iterator[Violation]:
    i, s, p = reduction.intensity, reduction.structure_factor, reduction.pair_distribution
    below = i.measured < -_SURE * i.sigma
    # one point in 44 of pure noise is as low as that
    if below.mean() > 0.05:
        yield _found("components", "The sample's intensity is negative", i.q, below, "Å⁻¹")
    floor = _structure(reduction)["floor"]
    below = s.s < floor - _SURE * s.sigma
    if below.any():
        text = "S(Q) is so low that the coherent intensity would be negative"
        yield _found("structure", text, s.q, below, "Å⁻¹")
    beyond = p.r > (0.3 if p.first_distance is None else p.first_distance)
    below = beyond & (p.g < -_SURE * p.g_sigma)
    if below.any():
        yield _found("pair", "g(r) is negative", p.r, below, "Å")
    level = low_r_level(p)
    if level is not None and p.first_distance is not None:
        slope, expected = level
        ratio, sigma = slope.value / expected, (slope.sigma or 0.0) / abs(expected)
        if abs(ratio - 1.0) > max(_LOW_R, 2.0 * sigma):
            yield Violation(
                panel="pair",
                text=f"G(r) leaves the line −4πρ₀r below {p.first_distance:.2f} Å: its slope is {concise(ratio, sigma)} of it",
                intervals=((0.0, p.first_distance),),
            )


def _found(panel: str, text: str, x: Array, where: Flags, unit: str) -> Violation:
    intervals = _intervals(x, where)
    first, last = intervals[0][0], intervals[-1][1]
    count = int(where.sum())
    return Violation(
        panel=panel,
        text=f"{text} by more than {_SURE:g}σ between {first:.2f} and {last:.2f} {unit} ({count} point{'s' if count > 1 else ''})",
        intervals=intervals,
    )


def _intervals(x: Array, where: Flags) -> tuple[tuple[float, float], ...]:
    """Runs of points, each half a step wider than its ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(int)))
    middle = 0.5 * (x[1:] + x[:-1])
    bounds = np.concatenate([x[:1], middle, x[-1:]])
    return tuple((float(bounds[a]), float(bounds[b])) for a, b in edges.reshape(-1, 2))


def headline(reduction: Reduction) -> list[tuple[str, str]]:
    """The numbers at the top of the page, each with ± and unit."""
    n, p, other = reduction.normalization, reduction.pair_distribution, reduction.comparison
    found = [("K", str(n.k))]
    if n.compton_response is not None:
        found.append(("Compton response", str(n.compton_response)))
    if n.continuum is not None:
        found.append(("Continuum", str(n.continuum)))
    mu_r = [v for name, v in reduction.parameters.items() if name.startswith("mu R")]
    found += [("μR", f"{quantity.value:.4g}") for quantity in mu_r[:1]]
    if reduction.shells:
        found.append(("First peak of g(r)", str(reduction.shells[0].position)))
    level = low_r_level(p)
    if level is not None:
        slope, expected = level
        sigma = None if slope.sigma is None else slope.sigma / abs(expected)
        found.append(("Low-r slope / −4πρ₀", concise(slope.value / expected, sigma)))
    if other is not None:
        found.insert(0, (f"R_X to {other.name}", _r_x(other)))
    return found


def _r_x(other: Comparison) -> str:
    """R_X with what is known of its uncertainty; the report has it in full."""
    if other.r_x_sigma is not None or other.r_x_sigma_measurement is None:
        return concise(other.r_x, other.r_x_sigma)
    return f"{concise(other.r_x, other.r_x_sigma_measurement)}, measurement alone"
