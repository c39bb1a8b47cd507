"""The paragraph of a methods section: what was done to these data, with its numbers and references."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calibration.quantity import Quantity, concise
from calibration.report import typeset
from xtsred import config
from xtsred.config import load_project

__all__ = ["methods_text"]

_REFERENCES = {
    "paalman": "H. H. Paalman and C. J. Pings, J. Appl. Phys. 33, 2635 (1962)",
    "soper": "A. K. Soper and P. A. Egelstaff, Nucl. Instrum. Methods 178, 415 (1980)",
    "azaroff": "L. V. Azaroff, Acta Crystallogr. 8, 701 (1955)",
    "hubbell": "J. H. Hubbell et al., J. Phys. Chem. Ref. Data 4, 471 (1975)",
    "blech": "I. A. Blech and B. L. Averbach, Phys. Rev. 137, A1113 (1965)",
    "krogh": "J. Krogh-Moe, Acta Crystallogr. 9, 951 (1956); N. Norman, Acta Crystallogr. 10, 370 (1957)",
    "keen": "D. A. Keen, J. Appl. Crystallogr. 34, 172 (2001)",
    "lorch": "E. Lorch, J. Phys. C 2, 229 (1969)",
    "soper-barney": "A. K. Soper and E. R. Barney, J. Appl. Crystallogr. 44, 714 (2011)",
    "wright": "A. C. Wright, J. Non-Cryst. Solids 159, 264 (1993)",
    "elam": "W. T. Elam, B. D. Ravel and J. R. Sieber, Radiat. Phys. Chem. 63, 121 (2002)",
    "holzer": "G. Hölzer et al., Phys. Rev. A 56, 4554 (1997)",
}


class _Cited:
    """Numbers of references in the order in which they are first cited."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, *keys: str) -> str:
        self.keys += [k for k in keys if k not in self.keys]
        return "[" + ",".join(str(self.keys.index(k) + 1) for k in keys) + "]"

    def __str__(self) -> str:
        return "\n".join(f"[{i + 1}] {_REFERENCES[k]}" for i, k in enumerate(self.keys))


def methods_text(folder: Path) -> str:
    """The paragraph for a result folder; every number in it is the project file's or the result's.

    Raises InputError where the folder's run.toml cannot be read.
    """
    result: Any = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    project = load_project(folder / "run.toml").record
    cite = _Cited()
    sentences = [
        *_experiment(project, result, cite),
        *_corrections(project, result, cite),
        *_results(project, result, cite),
    ]
    if project.virtual:
        sentences.insert(0, "The scans are simulated: this describes a virtual experiment.")
    program = result["provenance"]
    sentences.append(
        f"All steps were done with xtsred {program['version']}; stated uncertainties are one standard "
        "uncertainty, of counting statistics where nothing else is said."
    )
    return typeset(" ".join(sentences)) + "\n\n" + typeset(str(cite)) + "\n"


def _q(value: Quantity | None, unit: str) -> str:
    if value is None:
        return "unknown"
    text = f"{value.value:.6g}" if value.sigma is None else concise(value.value, value.sigma)
    return f"{text} {unit}" if unit else text


def _experiment(project: config.Project, result: Mapping[str, Any], cite: _Cited) -> list[str]:
    sample, (low, high) = project.sample, project.range.two_theta_deg
    radius = _q(sample.radius_mm, "mm")
    where = f"as a bare rod of radius {radius}"
    if project.container is not None:
        wall = project.container
        thickness = _q(wall.wall_thickness_mm, "mm")
        where = f"in a capillary of {wall.material or wall.composition}, inner radius {radius}, wall {thickness},"
    if sample.packing_fraction is not None and sample.packing_fraction.value != 1.0:
        where += f" filled to a packing fraction of {_q(sample.packing_fraction, '')},"
    number = sum(entry.role == "sample" for entry in project.scan)
    scans = "one scan" if number == 1 else f"{number} scans, merged by exposure,"
    hours = result["parameters"].get("counting time, sample", {}).get("value")
    total = f" with a counting time of {hours:.3g} h" if hours else ""
    return [
        f"X-ray total scattering of {sample.name} ({sample.composition}, number density "
        f"{result['number_density_per_A3']:.5g} Å^-3) was measured {where} with {_radiation(project.radiation, cite)} "
        f"in {scans} over 2θ = {low:g} to {high:g}°{total}.",
        *_angles(project),
    ]


def _angles(project: config.Project) -> list[str]:
    """What was done to the angles; certified values stand in [goniometer] already."""
    table = project.goniometer
    if table is None:
        return []
    parts = {
        "a zero error of": (table.zero_deg, "°"),
        "a displacement along the beam of": (table.along_mm, "mm"),
        "a displacement across the beam of": (table.across_mm, "mm"),
        "a displacement along the beam, over the radius, of": (table.along_deg, "°"),
        "a displacement across the beam, over the radius, of": (table.across_deg, "°"),
    }
    said = [f"{name} {_q(value, unit)}" for name, (value, unit) in parts.items() if value.value]
    certified = project.calibration is not None and project.calibration.goniometer is not None
    source = " found with a line standard" if certified else ""
    return [f"The angles were corrected for {' and '.join(said)}{source}."] if said else []


def _radiation(radiation: config.Radiation, cite: _Cited) -> str:
    if radiation.line:
        lines = ", ".join(_q(entry.wavelength_A, "") for entry in radiation.line)
        return f"radiation of {lines} Å"
    if radiation.wavelength_A is not None:
        return f"radiation of {_q(radiation.wavelength_A, 'Å')}"
    return f"{radiation.anode} {radiation.lines} radiation (wavelengths of {cite('holzer')})"


def _corrections(project: config.Project, result: Mapping[str, Any], cite: _Cited) -> list[str]:
    subtracted = {
        "container": "the empty capillary",
        "environment": "the environment",
    }
    roles = {entry.role for entry in project.scan}
    named = " and of ".join(text for role, text in subtracted.items() if role in roles)
    said = [f"The scattering of {named} was subtracted {cite('paalman')}."] if named else []
    mu_r = [v["value"] for n, v in result["parameters"].items() if n.startswith("mu R")]
    optical = f" (μR = {mu_r[0]:.3g})" if mu_r else ""
    said += [
        f"Absorption factors, for elastic and for Compton-shifted photons, were integrated over the cross section by the "
        f"midpoint method {cite('soper')} with the attenuation coefficients of {cite('elam')}{optical}.",
        f"The polarization correction {cite('azaroff')} is that of {_polarization(project.polarization)}.",
        f"Compton scattering {cite('hubbell')} with its recoil factor was subtracted for "
        f"{'a detector that counts every photon' if project.detector.response == 'ideal' else 'the stated energy response of the detector'}.",
    ]
    orders = project.multiple_scattering
    if orders is None:
        return [*said, "No correction for multiple scattering was applied."]
    return [
        *said,
        f"Multiple scattering up to order {orders.orders} was computed in the actual geometry {cite('blech')} from the reduced "
        "S(Q), iterated, and subtracted.",
    ]


def _polarization(table: config.Polarization) -> str:
    if table.degree is not None:
        return f"a degree of polarization of {_q(table.degree, '')}"
    if table.monochromator in ("perfect", "mosaic"):
        return f"a {table.monochromator} monochromator at 2θ = {_q(table.two_theta_deg, '°')}"
    return "an unpolarized beam"


def _results(project: config.Project, result: Mapping[str, Any], cite: _Cited) -> list[str]:
    n, fourier = result["normalization"], project.fourier
    k = Quantity(n["k"]["value"], n["k"]["sigma"], "counts/s per e.u.")
    low, high = n["q_range"]
    said = [
        f"The data were normalized by the {'high-angle' if n['method'] == 'high-angle' else 'Krogh-Moe-Norman'} method "
        f"(K = {k}, from {low:.4g} to {high:.4g} Å^-1; the other constant of the pair {cite('krogh')} differs by "
        f"{100.0 * (n['k_integral']['value'] / n['k_high_angle']['value'] - 1.0):+.2f} %)."
    ]
    if n["compton_response"] is not None:
        c = Quantity(n["compton_response"]["value"], n["compton_response"]["sigma"])
        said.append(f"The Compton response was fitted: {c}.")
    keen = cite("keen")  # numbers follow the sentence
    window = "no window" if fourier.window == "none" else f"the {fourier.window} window"
    if fourier.window == "lorch":
        window = f"the Lorch window {cite('lorch')}"
    if fourier.window == "soper-barney":
        window = f"the Soper-Barney window {cite('soper-barney')}"
    said.append(
        f"The Faber-Ziman structure factor S(Q) was transformed to G(r) and g(r) {keen} over {fourier.q_range[0]:g} to "
        f"{fourier.q_range[1]:g} Å^-1 with {window}; below, S(Q) was continued as {result['extrapolation']}."
    )
    comparison = result.get("comparison")
    if comparison:
        sigma = comparison["R_X_sigma"] or comparison["R_X_sigma_measurement"]
        value = concise(comparison["R_X"], sigma)
        a, b = comparison["q_range"]
        said.append(
            f"The goodness of fit to {comparison['curve']} is R_X = {value} {cite('wright')} for S(Q) over {a:.3g} to {b:.3g} Å^-1."
        )
    return said
