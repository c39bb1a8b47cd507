"""A whole reduction in one HDF5 file of NeXus shape (NXroot, NXentry, NXdata, NXprocess); the only module with h5py.

There is no NeXus application definition for S(Q) or g(r): every NXdata group plots by itself, and says what it holds.
"""

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from calibration.folder import safe_name
from calibration.provenance import Provenance
from calibration.quantity import Quantity
from calibration.report import to_json
from xtsred.budget.records import Budget
from xtsred.config import Project
from xtsred.stages import Array, Reduction, Step

Signals = dict[str, tuple[Array, str, str]]

__all__ = ["write_nexus"]


def write_nexus(
    path: Path,
    reduction: Reduction,
    *,
    project: Project,
    provenance: Provenance,
    project_toml: str,
) -> None:
    """Write scans, merged patterns, every step, e.u. components, S(Q), g(r), shells, findings and provenance.

    project_toml: the project file as resolved. The covariance of G(r) is written where the project asks for it.
    """
    content = (
        io.BytesIO()
    )  # libhdf5 crashes where a disk fills under it: only Python writes to the disk
    with h5py.File(content, "w", track_order=True) as file:
        file.attrs["NX_class"] = "NXroot"
        file.attrs["default"] = "entry"
        file.attrs["creator"] = f"{provenance.program} {provenance.version}"
        entry = _group(file, "entry", "NXentry")
        entry.attrs["default"] = "structure_factor"
        entry["title"] = reduction.name
        entry["start_time"] = provenance.started
        entry["virtual"] = project.virtual
        _sample(entry, reduction)
        _measured(entry, reduction)
        _results(entry, reduction, with_covariance=project.fourier.covariance)
        if reduction.budget is not None:
            _budget(entry, reduction.budget)
        steps = _group(entry, "steps", "NXcollection")
        for i, step in enumerate(reduction.steps):
            _step(steps, f"{i + 1:02d}_{safe_name(step.name)}", step)
        _process(entry, reduction, provenance, project_toml)
    path.write_bytes(content.getbuffer())


def _group(parent: h5py.Group, name: str, nx_class: str) -> h5py.Group:
    group = parent.create_group(name, track_order=True)
    group.attrs["NX_class"] = nx_class
    return group


def _dataset(
    group: h5py.Group, name: str, values: Array, *, units: str = "", text: str = ""
) -> None:
    large = values.size > 2000
    data = group.create_dataset(
        name,
        data=values,
        compression="gzip" if large else None,
        compression_opts=1 if large else None,
    )
    if units:
        data.attrs["units"] = units
    if text:
        data.attrs["long_name"] = text


def _data(
    parent: h5py.Group,
    name: str,
    axis: tuple[str, Array, str],
    signals: Signals,
    *,
    title: str,
) -> h5py.Group:
    """An NXdata group: axis (name, values, units), signals name -> (values, units, meaning); the first is plotted."""
    group = _group(parent, name, "NXdata")
    names = list(signals)
    group.attrs["signal"] = names[0]
    group.attrs["axes"] = axis[0]
    if len(names) > 1:
        group.attrs["auxiliary_signals"] = [n for n in names[1:] if not n.endswith("_errors")]
    group["title"] = title
    _dataset(group, axis[0], axis[1], units=axis[2])
    for key, (values, units, text) in signals.items():
        _dataset(group, key, values, units=units, text=text)
    return group


def _quantity(group: h5py.Group, name: str, quantity: Quantity) -> None:
    data = group.create_dataset(safe_name(name), data=quantity.value)
    data.attrs["units"] = quantity.unit
    data.attrs["long_name"] = name
    data.attrs["uncertainty"] = np.nan if quantity.sigma is None else quantity.sigma


def _sample(entry: h5py.Group, reduction: Reduction) -> None:
    group = _group(entry, "sample", "NXsample")
    group["name"] = reduction.name
    group["chemical_formula"] = reduction.composition_text
    group["number_density"] = reduction.number_density_per_a3
    group["number_density"].attrs["units"] = "1/angstrom^3"


def _measured(entry: h5py.Group, reduction: Reduction) -> None:
    raw = _group(entry, "scans", "NXcollection")
    for role, scans in reduction.scans.items():
        for i, scan in enumerate(scans):
            signals: Signals = {
                "values": (
                    scan.values,
                    "counts" if scan.kind == "counts" else "counts/s",
                    scan.kind,
                )
            }
            if scan.sigma is not None:
                signals["values_errors"] = (scan.sigma, "", "as the file states")
            if scan.seconds_per_step is not None:
                signals["seconds_per_step"] = (scan.seconds_per_step, "s", "as the file states")
            axis = ("two_theta", scan.two_theta_deg, "degree")
            group = _data(
                raw, f"{role}_{i + 1}", axis, signals, title=f"{role}: {Path(scan.file).name}"
            )
            group["file"], group["format"] = Path(scan.file).name, scan.format
    merged = _group(entry, "merged", "NXcollection")
    for role, pattern in reduction.patterns.items():
        axis = ("two_theta", pattern.two_theta_deg, "degree")
        signals = {
            "rate": (pattern.rate_cps, "counts/s", "merged rate"),
            "rate_errors": (pattern.sigma_cps, "counts/s", "counting statistics"),
            "exposure": (pattern.exposure_s, "s", "summed exposure"),
            "scans": (pattern.scans, "", "scans that contribute"),
        }
        _data(merged, role, axis, signals, title=f"merged {role} scans")


def _results(entry: h5py.Group, reduction: Reduction, *, with_covariance: bool) -> None:
    i = reduction.intensity
    eu = "electron units per atom"
    parts = {safe_name(n): (v, eu, n) for n, v in i.components.items()}
    signals: Signals = {
        "coherent": (i.coherent, eu, "I_coh, fully corrected"),
        "coherent_errors": (i.coherent_sigma, eu, "counting statistics"),
        "measured": (i.measured, eu, "sample as it reached the detector"),
        "measured_errors": (i.sigma, eu, "counting statistics"),
        "two_theta": (i.two_theta_deg, "degree", "scattering angle"),
        "square_mean": (i.square_mean, eu, "|<f>|^2"),
        "mean_square": (i.mean_square, eu, "<f^2>"),
        **{f"component_{n}": part for n, part in parts.items()},
    }
    _data(entry, "intensity", ("Q", i.q, "1/angstrom"), signals, title="corrected intensity")
    s = reduction.structure_factor
    signals = {"S": (s.s, "", "Faber-Ziman S(Q)"), "S_errors": (s.sigma, "", "counting statistics")}
    if s.sigma_systematic is not None:
        signals["S_systematic"] = (s.sigma_systematic, "", "systematic, common to all Q")
    if s.covariance is not None:
        signals["S_covariance"] = (s.covariance, "", "covariance of S")
    _data(entry, "structure_factor", ("Q", s.q, "1/angstrom"), signals, title="S(Q)")
    p = reduction.pair_distribution
    signals = {
        "g": (p.g, "", "g(r)"),
        "g_errors": (p.g_sigma, "", "counting statistics"),
        "G": (p.d, "1/angstrom^2", "G(r) = 4 pi rho0 r (g - 1)"),
        "G_errors": (p.d_sigma, "1/angstrom^2", "counting statistics"),
        "T": (p.t, "1/angstrom^2", "T(r) = 4 pi rho0 r g"),
        "T_errors": (p.t_sigma, "1/angstrom^2", "counting statistics"),
        "R": (p.rdf, "1/angstrom", "R(r) = r T(r)"),
        "R_errors": (p.rdf_sigma, "1/angstrom", "counting statistics"),
    }
    if with_covariance and p.covariance is not None:
        signals["G_covariance"] = (p.covariance, "1/angstrom^4", "covariance of G(r)")
    if reduction.budget is not None:
        signals["g_systematic"] = (reduction.budget.systematic_g, "", "systematic, common to all r")
        signals["G_systematic"] = (
            reduction.budget.systematic_d,
            "1/angstrom^2",
            "systematic, common to all r",
        )
    group = _data(entry, "pair_distribution", ("r", p.r, "angstrom"), signals, title="g(r)")
    group["window"], group["extrapolation"] = p.window, p.extrapolation
    c = reduction.comparison
    if c is not None:
        signals = {
            "S": (c.s, "", "this reduction"),
            "S_errors": (c.sigma, "", "counting statistics"),
            "S_other": (c.s_other, "", c.name),
        }
        _data(entry, "comparison", ("Q", c.q, "1/angstrom"), signals, title=f"against {c.name}")


def _budget(entry: h5py.Group, budget: Budget) -> None:
    """What one standard uncertainty of each source changes: rows of modes over Q and over r."""
    group = _group(entry, "budget", "NXcollection")
    for source in budget.sources:
        one = _group(group, safe_name(source.name), "NXcollection")
        one["name"], one["key"], one["kind"] = source.name, source.key, source.kind
        one["text"] = source.text
        if source.value is not None:
            _quantity(one, "value", Quantity(source.value, source.sigma, source.unit))
        _dataset(one, "S_modes", source.s, text="change of S(Q)")
        _dataset(one, "G_modes", source.d, units="1/angstrom^2", text="change of G(r)")
        _dataset(one, "g_modes", source.g, text="change of g(r)")
        for name, change in source.scalars.items():
            one.attrs[name] = change


def _step(parent: h5py.Group, name: str, step: Step) -> None:
    signals = {safe_name(n): (v, step.y_label, n) for n, v in step.curves.items()}
    if not signals:
        group = _group(parent, name, "NXnote")
    else:
        group = _data(parent, name, ("x", step.x, step.x_label), signals, title=step.name)
    group["reference"] = step.reference
    for key, text in step.parameters.items():
        group.attrs[key] = text


def _process(
    entry: h5py.Group, reduction: Reduction, provenance: Provenance, project_toml: str
) -> None:
    parameters = _group(entry, "parameters", "NXcollection")
    for name, quantity in reduction.parameters.items():
        _quantity(parameters, name, quantity)
    _quantity(parameters, "K", reduction.normalization.k)
    process = _group(entry, "process", "NXprocess")
    process["program"], process["version"] = provenance.program, provenance.version
    process["date"], process["command"] = provenance.started, provenance.command
    process["project_file"] = project_toml
    process["normalization"] = _json(reduction.normalization)
    process["shells"] = _json(reduction.shells)
    process["findings"] = _json(reduction.findings)
    process["provenance"] = _json(provenance)


def _json(value: Any) -> str:
    plain = [to_json(v) for v in value] if isinstance(value, tuple) else to_json(value)
    return json.dumps(plain, ensure_ascii=False)
