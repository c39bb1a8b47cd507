"""Which keys of a project file the page offers, and between which values.

A key that stands in the file with a stated sigma is always offered; so are those that are usually doubted. The range of a
slider is a proposal: any value may be typed, and what is impossible is refused by the same checks as in the file.
"""

import math
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from xtsred.budget.parameters import Parameter, list_parameters
from xtsred.config import Fourier, Normalization, Project
from xtsred.stages import Reduction

__all__ = ["Choice", "Control", "Group", "Interval", "Number", "controls"]

Group = Literal["Sample and container", "Fourier transform", "Normalization", "Scans", "Other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number: where its slider begins, ends, and how it steps; what applies where the file says nothing.

    sigma: standard uncertainty stated in the file, None where it is not. low, high: None: the slider's ends
    are a proposal. optional: 0 on the slider means that the key is absent.
    """

    key: str
    label: str
    unit: str
    group: Group
    low: float
    high: float
    step: float
    default: float
    sigma: float | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two limits, e.g. of Q; see `Number`."""

    key: str
    label: str
    unit: str
    group: Group
    low: float
    high: float
    step: float
    default: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several words."""

    key: str
    label: str
    group: Group
    options: tuple[str, ...]
    default: str


Control = Number | Interval | Choice


@dataclass(frozen=True, slots=True)
class _Usual:
    """A number that is usually doubted: by how much, relative to it, or absolutely."""

    label: str
    group: Group
    share: float = 0.0
    by: float = 0.0


_USUAL = {
    "sample.packing_fraction": _Usual("Packing fraction", "Sample and container", share=0.5),
    "sample.mu_R": _Usual("μR, stated", "Sample and container", share=0.5),
    "sample.mass_mg": _Usual("Mass", "Sample and container", share=0.5),
    "sample.filled_length_mm": _Usual("Filled length", "Sample and container", share=0.5),
    "sample.radius_mm": _Usual("Radius of the sample", "Sample and container", share=0.3),
    "sample.number_density_per_A3": _Usual("Number density ρ₀", "Sample and container", share=0.2),
    "sample.mass_density_g_per_cm3": _Usual("Mass density", "Sample and container", share=0.2),
    "container.wall_thickness_mm": _Usual("Thickness of the wall", "Sample and container", share=0.9),
    "container.scale": _Usual("Container scan ×", "Sample and container", by=0.2),
    "environment.scale": _Usual("Environment scan ×", "Sample and container", by=0.2),
    "normalization.compton_response": _Usual("Compton scattering ×", "Normalization", by=0.2),
    "multiple_scattering.scale": _Usual("Multiple scattering ×", "Normalization", by=1.0),
    "radiation.continuum.amplitude": _Usual("Continuum, prior", "Normalization", share=0.9),
    "detector.dead_time_s": _Usual("Dead time", "Scans", by=5e-6),
    "goniometer.zero_deg": _Usual("Zero of 2θ", "Scans", by=0.1),
}  # fmt: skip


def controls(project: Project, reduction: Reduction) -> tuple[Control, ...]:
    """The controls of a project in the order of the page; reduction: of the file as it is, for what was measured."""
    return (
        *_numbers(project),
        *_fourier(project, reduction),
        *_normalization(project, reduction),
        *_scans(project, reduction),
    )


def _numbers(project: Project) -> Iterator[Number]:
    stated = {p.path: p for p in list_parameters(project) if "composition." not in p.path}
    if any(entry.role == "environment" for entry in project.scan):
        stated.setdefault("environment.scale", _one("environment.scale"))
    unused = _unused(project)
    for key, usual in _USUAL.items():
        found = stated.pop(key, None)
        if found is None or (key in unused and not found.sigma):
            continue
        reach = usual.by or usual.share * abs(found.value)
        yield _number(found, label=usual.label, group=usual.group, reach=reach)
    for found in stated.values():
        if found.sigma:
            yield _number(found, label=_words(found.path), group="Other", reach=0.0)


def _unused(project: Project) -> frozenset[str]:
    """How much material there is may be said in three ways; the first that is given counts."""
    sample = project.sample
    ways = ("sample.packing_fraction", "sample.mu_R")
    if sample.mass_mg is not None:
        return frozenset(ways)
    return frozenset(ways[1:]) if sample.packing_fraction is not None else frozenset()


def _one(path: str) -> Parameter:
    return Parameter(path=path, value=1.0, sigma=None, unit="", low=0.0, high=math.inf)


def _words(path: str) -> str:
    return path.rpartition(".")[2].replace("_", " ")


def _number(found: Parameter, *, label: str, group: Group, reach: float) -> Number:
    reach = max(reach, 4.0 * (found.sigma or 0.0))
    step = _nice(reach / 100.0)
    low = step * math.floor((found.value - reach) / step + 1e-9)
    if low < found.low:
        low = step if found.low > 0.0 else 0.0
    return Number(
        key=found.path,
        label=label,
        unit=found.unit,
        group=group,
        low=_rounded(low, step),
        high=_rounded(min(step * math.ceil((found.value + reach) / step - 1e-9), found.high), step),
        step=step,
        default=found.value,
        sigma=found.sigma,
    )


def _nice(step: float) -> float:
    """1, 2 or 5 times a power of ten, at most step."""
    power = 10.0 ** math.floor(math.log10(step))
    digit = max(d for d in (1.0, 2.0, 5.0) if d * power <= step * (1.0 + 1e-9))
    return float(f"{digit * power:.1e}")


def _rounded(value: float, step: float) -> float:
    return round(value, max(0, 2 - math.floor(math.log10(step))))


def _normalization(project: Project, reduction: Reduction) -> Iterator[Control]:
    table, q = project.normalization, reduction.structure_factor.q
    step = project.range.q_step
    top = float(q[-1]) + step / 2.0
    yield Choice(
        key="normalization.method",
        label="Constant by",
        group="Normalization",
        options=_options(Normalization, "method"),
        default=table.method,
    )
    yield Interval(
        key="normalization.q_range",
        label="High-angle range",
        unit="Å⁻¹",
        group="Normalization",
        low=_up(float(q[0]), 0.1),
        high=_down(top, 0.1),
        step=0.1,
        default=table.q_range or reduction.normalization.q_range,
    )
    yield Number(
        key="normalization.compton_response_sigma",
        label="Fitted Compton, prior ±",
        unit="",
        group="Normalization",
        low=0.0,
        high=max(0.2, 2.0 * (table.compton_response_sigma or 0.0)),
        step=0.005,
        default=table.compton_response_sigma or 0.0,
        optional=True,
    )
    if project.multiple_scattering is not None:
        yield Number(
            key="multiple_scattering.orders",
            label="Multiple scattering, orders",
            unit="",
            group="Normalization",
            low=2,
            high=6,
            step=1,
            default=project.multiple_scattering.orders,
        )


def _fourier(project: Project, reduction: Reduction) -> Iterator[Control]:
    table, q = project.fourier, reduction.structure_factor.q
    step = project.range.q_step
    yield Interval(
        key="fourier.q_range",
        label="Low-Q cut and Q_max",
        unit="Å⁻¹",
        group="Fourier transform",
        low=_up(float(q[0]), 0.05),
        high=_down(float(q[-1]) + step / 2.0, 0.05),
        step=0.05,
        default=table.q_range,
    )
    yield Choice(
        key="fourier.window",
        label="Window",
        group="Fourier transform",
        options=_options(Fourier, "window"),
        default=table.window,
    )
    yield Number(
        key="fourier.delta_A",
        label="Width of the window",
        unit="Å",
        group="Fourier transform",
        low=0.0,
        high=max(1.0, 2.0 * (table.delta_A or 0.0)),
        step=0.01,
        default=table.delta_A or 0.0,
        optional=True,
    )
    yield Choice(
        key="fourier.extrapolation",
        label="Below the low-Q cut",
        group="Fourier transform",
        options=_options(Fourier, "extrapolation"),
        default=table.extrapolation,
    )
    yield Number(
        key="fourier.r_max",
        label="Longest distance",
        unit="Å",
        group="Fourier transform",
        low=5.0,
        high=max(40.0, table.r_max),
        step=1.0,
        default=table.r_max,
    )


def _scans(project: Project, reduction: Reduction) -> Iterator[Control]:
    pattern = reduction.patterns["sample"]
    yield Number(
        key="range.q_step",
        label="Bins of S(Q)",
        unit="Å⁻¹",
        group="Scans",
        low=0.01,
        high=max(0.1, 2.0 * project.range.q_step),
        step=0.005,
        default=project.range.q_step,
    )
    low, high = project.range.two_theta_deg
    yield Interval(
        key="range.two_theta_deg",
        label="Angles that are used",
        unit="°",
        group="Scans",
        low=min(low, _down(float(pattern.two_theta_deg[0]), 0.5)),
        high=max(high, _up(float(pattern.two_theta_deg[-1]), 0.5)),
        step=0.5,
        default=project.range.two_theta_deg,
    )


def _options(record: type[Any], name: str) -> tuple[str, ...]:
    """The words that a key may be, as the project's own type says."""
    return typing.get_args(typing.get_type_hints(record)[name])


def _up(value: float, step: float) -> float:
    return round(step * math.ceil(value / step - 1e-9), 10)


def _down(value: float, step: float) -> float:
    return round(step * math.floor(value / step + 1e-9), 10)
