"""Which keys of a project file the page offers, in the order of the page."""

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cis.circuits import CIRCUITS
from cis.config import ArrheniusTable, Model, Project

__all__ = ["Choice", "Control", "Group", "Interval", "Number", "Words", "controls"]

Group = Literal["Circuit", "Used frequencies", "Arrhenius line", "Pellet", "Temperature"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number; with_sigma: it may be { value, sigma }. An empty field removes the key."""

    key: str
    label: str
    unit: str
    group: Group
    with_sigma: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two limits; empty fields remove the key."""

    key: str
    label: str
    unit: str
    group: Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several words; default: what applies where the file says nothing, None where that is nothing."""

    key: str
    label: str
    group: Group
    options: tuple[tuple[str, str], ...]
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Free text; elsewhere: words that another control shows."""

    key: str
    label: str
    group: Group
    elsewhere: tuple[str, ...] = ()


Control = Number | Interval | Choice | Words


def controls(project: Project) -> tuple[Control, ...]:
    """The controls of a project; what a certificate states is not turned."""
    return tuple(_controls(project))


def _controls(project: Project) -> Iterator[Control]:
    known = [("auto", "auto: chosen from the data")]
    known += [(name, f"{name}:  {string}") for name, string in CIRCUITS.items()]
    if project.model.circuit not in dict(known):
        known.append((project.model.circuit, project.model.circuit))
    yield Choice(key="model.circuit", label="Circuit", group="Circuit", options=tuple(known))
    yield Words(
        key="model.circuit",
        label="or a string, p(R1,CPE1)-CPE2",
        group="Circuit",
        elsewhere=("auto", *CIRCUITS),
    )
    yield Choice(
        key="model.series",
        label="Series",
        group="Circuit",
        options=_words(Model, "series"),
        default="separate and joint",
    )
    yield Interval(
        key="validation.range_Hz", label="Range of all spectra", unit="Hz", group="Used frequencies"
    )
    nothing = (("", "none asked for"),) if project.arrhenius is None else ()
    yield Choice(
        key="arrhenius.form",
        label="Form",
        group="Arrhenius line",
        options=(*nothing, *_words(ArrheniusTable, "form")),
    )
    yield Interval(
        key="arrhenius.range_K", label="Temperatures in the line", unit="K", group="Arrhenius line"
    )
    yield Number(
        key="arrhenius.breakpoint_K", label="Known break", unit="K", group="Arrhenius line"
    )
    size = ("area_mm2", "Area", "mm²") if project.sample.area_mm2 is not None else ("diameter_mm", "Diameter", "mm")  # fmt: skip
    for name, label, unit in (
        ("thickness_mm", "Thickness", "mm"),
        size,
        ("mass_mg", "Mass", "mg"),
        ("porosity", "Porosity", ""),
        ("density_g_cm3", "Density of the dense glass", "g/cm³"),
    ):
        yield Number(key=f"sample.{name}", label=label, unit=unit, group="Pellet", with_sigma=True)
    yield Number(key="temperature.sigma_K", label="u of one temperature", unit="K", group="Temperature")  # fmt: skip
    if project.calibration is not None and project.calibration.thermometer is not None:
        return  # the certificate states offset and lag
    yield Number(
        key="temperature.offset_K", label="Common offset", unit="K", group="Temperature", with_sigma=True
    )  # fmt: skip
    yield Number(
        key="temperature.lag", label="Lag behind", unit="", group="Temperature", with_sigma=True
    )
    yield Number(key="temperature.ambient_C", label="Ambient, with lag", unit="°C", group="Temperature")  # fmt: skip


def _words(record: type, name: str) -> tuple[tuple[str, str], ...]:
    """The words that a key may have."""
    found = typing.get_args(typing.get_type_hints(record)[name])
    return tuple((word, word.replace("_", " ")) for word in found)
