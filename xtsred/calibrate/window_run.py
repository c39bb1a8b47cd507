"""The window of a detector from the project of a light scatterer: reduce, fit, reduce with what was found, until it rests."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.calibrate.window import Edges, Scatterer, window_scatterer
from xtsred.calibrate.window_fit import WindowFit, fit_window
from xtsred.config import Detector, Project
from xtsred.corrections.compton import shifted_energy
from xtsred.inputs import read_inputs
from xtsred.memo import Memo
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Array, Reduction
from xtsred.unpack import make_plan

__all__ = ["Window", "WindowRequest", "find_window"]

IntArray = npt.NDArray[np.intp]

_ROUNDS = 5
_RESTS_KEV = 0.02
_START = 0.4  # of Q_max: from there the structure is weak against self scattering
_COMPTON = 0.01  # relative: how well S(x, Z) of light elements is known (Hubbell et al. 1975)
_TILT = 0.05  # relative, over the angles: of multiple scattering behind a window
_PROFILE = 15
_MISFIT = 2.0
_DOMINATES = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRequest:
    """What is asked of the data. names: of "lower", "upper", "fwhm"; shortest_distance_a: of the standard, Å; two_theta_deg:
    None for the angles above 0.4 of Q_max."""

    names: tuple[str, ...]
    shortest_distance_a: float
    two_theta_deg: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """values: name -> edge with its whole uncertainty, keV; parts: name -> standard uncertainty by its source: "counting", "Compton
    cross-section", "multiple scattering", "angles". fit: at the end, over two_theta_deg, rate_cps, sigma_cps, shape (n,). line_kev: strongest line;
    compton_kev: of its Compton photons at the smallest and the largest angle. history: edges of every round."""

    values: Mapping[str, Quantity]
    parts: Mapping[str, Mapping[str, float]]
    fit: WindowFit
    two_theta_deg: Array
    rate_cps: Array
    sigma_cps: Array
    line_kev: float
    compton_kev: tuple[float, float]
    history: tuple[Edges, ...]
    virtual: bool
    findings: tuple[Finding, ...]


def find_window(
    loaded: Loaded[Project],
    request: WindowRequest,
    *,
    progress: Callable[[str], None] = lambda stage: None,
) -> Window:
    """Edges that explain the rate of the scatterer that a project describes; what is not fitted stays as [detector] has it.

    Multiple scattering comes from a reduction with the window of the round before. Besides counting, an edge has the uncertainty of
    the calculated Compton cross-section (1 %), of the multiple scattering's course with the angle (5 % at either end: photons that lost
    energy twice are counted as if once) and half of what it moves when the lower third of the angles is left out.
    Raises InputError where the project cannot be reduced or does not reach high enough angles.
    """
    inputs, memo = read_inputs(loaded), Memo()
    edges = _edges(loaded.record.detector)
    history = [edges]
    for turn in range(_ROUNDS):
        progress(f"reduction {turn + 1}")
        project = replace(loaded.record, detector=_detector(loaded.record.detector, edges))
        reduction = reduce_inputs(replace(loaded, record=project), inputs, memo=memo)
        inside = _inside(reduction, request)
        scatterer = _scatterer(project, reduction, inside, request)
        k = reduction.normalization.k.value
        rate = (reduction.intensity.measured * k)[inside]
        sigma = (reduction.intensity.sigma * k)[inside]
        progress(f"fit {turn + 1}")
        fit = fit_window(
            rate, sigma**2, scatterer=scatterer, start=_given(edges, request), names=request.names
        )
        moved = max(abs(fit.values[n].value - _value(edges, n)) for n in request.names)
        edges = fit.edges
        history.append(edges)
        if moved < _RESTS_KEV:
            break
    progress("uncertainties")
    fit = fit_window(
        rate,
        sigma**2,
        scatterer=scatterer,
        start=edges,
        names=request.names,
        profile=_PROFILE,
    )
    parts = _parts(fit, rate, sigma, scatterer, request)
    values = {
        n: Quantity(fit.values[n].value, math.sqrt(sum(u**2 for u in parts[n].values())), "keV")
        for n in request.names
    }
    line = scatterer.lines[0].energy_kev
    ends = shifted_energy(scatterer.two_theta_deg[[0, -1]], energy_kev=line)
    found = Window(
        values=values,
        parts=parts,
        fit=fit,
        two_theta_deg=scatterer.two_theta_deg,
        rate_cps=rate,
        sigma_cps=sigma,
        line_kev=line,
        compton_kev=(float(ends[0]), float(ends[1])),
        history=tuple(history),
        virtual=loaded.record.virtual,
        findings=(),
    )
    return replace(found, findings=_findings(found, rested=moved < _RESTS_KEV))


def _edges(table: Detector) -> Edges:
    """Where the fit begins: the project's own window."""
    lower, upper = table.lower_keV, table.upper_keV
    if table.window_keV is not None:
        lower, upper = table.window_keV
    return Edges(
        lower_kev=None if lower is None else lower.value,
        upper_kev=None if upper is None else upper.value,
        fwhm_kev=0.0 if table.fwhm_keV is None else table.fwhm_keV.value,
    )


def _given(edges: Edges, request: WindowRequest) -> Edges:
    if edges.fwhm_kev > 0.0 or "fwhm" in request.names:
        return edges
    raise InputError(
        "the detector's energy resolution is neither stated nor fitted",
        why="how soft an edge is decides where it seems to lie",
        remedy='state detector.fwhm_keV in the project of the scatterer, or add "fwhm" to window.fit',
        where="window.fit",
    )


def _value(edges: Edges, name: str) -> float:
    value = getattr(edges, f"{name}_kev")
    return math.inf if value is None else float(value)


def _detector(table: Detector, edges: Edges) -> Detector:
    def quantity(value: float | None) -> Quantity | None:
        return None if value is None else Quantity(value, None, "keV")

    ideal = edges.lower_kev is None and edges.upper_kev is None
    return replace(
        table,
        response="ideal" if ideal else "threshold",
        window_keV=None,
        lower_keV=quantity(edges.lower_kev),
        upper_keV=quantity(edges.upper_kev),
        fwhm_keV=None if ideal or edges.fwhm_kev == 0.0 else quantity(edges.fwhm_kev),
    )


def _inside(reduction: Reduction, request: WindowRequest) -> IntArray:
    angle, q = reduction.intensity.two_theta_deg, reduction.intensity.q
    if request.two_theta_deg is None:
        return np.flatnonzero(q >= _START * q[-1])
    low, high = request.two_theta_deg
    found = np.flatnonzero((angle >= low) & (angle <= high))
    if found.size:
        return found
    raise InputError(
        f"no angle lies in {low:g} to {high:g}°",
        why=f"the scans reach from {angle[0]:g} to {angle[-1]:g}°",
        where="window.two_theta_deg",
    )


def _scatterer(
    project: Project, reduction: Reduction, inside: IntArray, request: WindowRequest
) -> Scatterer:
    # the comb of the continuum must reach beyond any trial window
    open_ = replace(project.detector, response="ideal", lower_keV=None, upper_keV=None)
    plan = make_plan(replace(project, detector=replace(open_, fwhm_keV=None)))
    nothing = np.zeros_like(reduction.intensity.q)
    return window_scatterer(
        reduction.intensity.two_theta_deg[inside],
        plan=plan,
        multiple=reduction.intensity.components.get("multiple scattering", nothing)[inside],
        structure=reduction.structure_factor,
        shortest_distance_a=request.shortest_distance_a,
    )


def _parts(
    fit: WindowFit, rate: Array, sigma: Array, scatterer: Scatterer, request: WindowRequest
) -> dict[str, dict[str, float]]:
    """Standard uncertainties of each edge by source, keV."""
    angle = scatterer.two_theta_deg
    upper = angle >= angle[0] + (angle[-1] - angle[0]) / 3.0
    more = fit_window(
        rate,
        sigma**2,
        scatterer=scatterer.with_compton(1.0 + _COMPTON),
        start=fit.edges,
        names=request.names,
    )
    slope = np.linspace(1.0 - _TILT, 1.0 + _TILT, angle.size)
    tilted = fit_window(
        rate,
        sigma**2,
        scatterer=replace(scatterer, multiple=scatterer.multiple * slope),
        start=fit.edges,
        names=request.names,
    )
    fewer = fit_window(
        rate[upper],
        sigma[upper] ** 2,
        scatterer=scatterer.part(upper),
        start=fit.edges,
        names=request.names,
    )
    return {
        n: {
            "counting": fit.values[n].sigma or 0.0,
            "Compton cross-section": abs(more.values[n].value - fit.values[n].value),
            "multiple scattering": abs(tilted.values[n].value - fit.values[n].value),
            "angles": 0.5 * abs(fewer.values[n].value - fit.values[n].value),
        }
        for n in request.names
    }


def _findings(found: Window, *, rested: bool) -> tuple[Finding, ...]:
    fit, said = found.fit, []
    ratio = fit.chi2 / fit.freedom
    low, high = found.compton_kev[1], found.line_kev
    for name in fit.names:
        if fit.determined.get(name, True):
            continue
        first, last = fit.limits[name]
        text = (
            f"The {name} {'edge' if name != 'fwhm' else 'resolution'} is degenerate: every value from {first:.1f} to {last:.1f} keV explains the data as "
            f"well (chi^2 within 4). Compton photons arrive between {low:.2f} and {found.compton_kev[0]:.2f} keV and the line at {high:.2f} keV: an edge far from "
            "them, where nothing arrives, leaves no trace. It is not certified."
        )
        said.append(Finding("warning", text, {"from_keV": first, "to_keV": last}))
    for name in fit.names:
        parts = found.parts[name]
        rest = math.sqrt(sum(u**2 for source, u in parts.items() if source != "angles"))
        if fit.determined.get(name, True) and parts["angles"] > _DOMINATES * rest:
            text = (
                f"The {name} moves by {2.0 * parts['angles']:.1f} keV when the lower third of the angles is left out; half of that is {parts['angles'] / rest:.1f} times all "
                "other uncertainties together: something smooth that is not modelled (spectrum of the tube, background, absorption) "
                "is in it. That half is in its ±."
            )
            said.append(Finding("warning", text, {"moves_keV": 2.0 * parts["angles"]}))
    if ratio > _MISFIT:
        text = (
            f"The fit misses the rate by {math.sqrt(ratio):.1f} times the counting noise (chi^2/nu = {ratio:.1f}): the edges absorb what else is not modelled "
            "(tails of the pulse height, K-beta, continuum, absorption, background). Uncertainties were widened."
        )
        said.append(Finding("warning", text, {"chi2_per_freedom": ratio}))
    if not rested:
        text = "The window still moves from round to round: multiple scattering and the edges do not settle together."
        said.append(Finding("warning", text, {}))
    if fit.continuum is not None and fit.continuum.value < 0.0:
        text = f"The continuum comes out negative ({fit.continuum} of the lines): it was fitted freely, and means nothing then."
        said.append(Finding("warning", text, {"continuum": fit.continuum.value}))
    return tuple(said)
