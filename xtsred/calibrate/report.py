"""A calibration as a folder: report.html, result.json, figures, certificates, table of the lines, the project file as resolved."""

import os
from collections.abc import Sequence
from math import hypot, radians
from pathlib import Path
from typing import Any

from calibration.certificate import write_certificate
from calibration.folder import result_folder
from calibration.provenance import Provenance, collect
from calibration.quantity import Quantity
from calibration.records import Loaded, as_table, to_toml
from calibration.report import Finding, Report, Section, Table, typeset, write_report
from xtsred.calibrate.absorption import CapillaryAttenuation
from xtsred.calibrate.config import Calibration
from xtsred.calibrate.diffractometer import Diffractometer
from xtsred.calibrate.figures import (
    beam_figure,
    positions_figure,
    profiles_figures,
    resolution_figure,
)
from xtsred.calibrate.pipeline import CalibrationResult, certificates_of, input_files

__all__ = ["build_report", "write_calibration"]

_LIBRARIES = ("numpy", "scipy", "lmfit", "xraydb", "matplotlib", "pydantic")


def write_calibration(
    result: CalibrationResult,
    loaded: Loaded[Calibration],
    *,
    target: Path,
    overwrite: bool,
    command: str,
) -> Path:
    """Write everything into `target`, whole or not at all; returns the path of the report.

    Raises OutputError where the folder exists or cannot be written.
    """
    provenance = collect(
        "xtsred", command=command, inputs=input_files(loaded), libraries=_LIBRARIES
    )
    certificates = certificates_of(result, loaded)
    with result_folder(target, overwrite=overwrite) as folder:
        for name, certificate in certificates.items():
            write_certificate(certificate, folder / name)
        if result.diffractometer is not None:
            (folder / "lines.csv").write_text(_lines_csv(result.diffractometer), encoding="utf-8")
        (folder / "standard.toml").write_text(_resolved(loaded, target), encoding="utf-8")
        write_report(build_report(result, list(certificates), provenance), folder)
    return target / "report.html"


def _resolved(loaded: Loaded[Calibration], folder: Path) -> str:
    """The project file as it was used, with paths that hold from `folder`."""

    def moved(file: str) -> str:
        path = (loaded.folder / file).resolve()
        try:
            return Path(os.path.relpath(path, folder.resolve())).as_posix()
        except ValueError:  # another drive
            return path.as_posix()

    table = as_table(loaded.record)
    for entry in table.get("scan", []):
        entry["file"] = moved(entry["file"])
    for part, key in (("standard", "table"), ("attenuation", "z_scan")):
        if key in table.get(part, {}):
            table[part][key] = moved(table[part][key])
    header = [f"Resolved from {loaded.path.name}. Paths are relative to this file."]
    header += [f"--set {key}={value}" for key, value in loaded.overrides.items()]
    return to_toml(table, header=header)


def build_report(
    result: CalibrationResult, certificates: Sequence[str], provenance: Provenance
) -> Report:
    """The report's content."""
    sections: list[Section] = []
    headline: list[tuple[str, Quantity | str]] = []
    values: dict[str, Any] = {"name": result.name, "certificates": list(certificates)}
    d, a = result.diffractometer, result.attenuation
    if d is not None:
        headline += _alignment_headline(d)
        sections += [_alignment_section(d), _resolution_section(d), _lines_section(d)]
        values["diffractometer"] = _diffractometer_values(d)
    if a is not None:
        headline += _attenuation_headline(a)
        sections.append(_attenuation_section(a))
        values["attenuation"] = _attenuation_values(a)
    return Report(
        title=f"{result.name}: calibration",
        subtitle="certificates: " + ", ".join(certificates) if certificates else "no certificate",
        findings=[Finding(f.severity, typeset(f.text), f.numbers) for f in result.findings],
        headline=headline,
        sections=sections,
        provenance=provenance,
        values=values,
    )


def _alignment_headline(d: Diffractometer) -> list[tuple[str, Quantity | str]]:
    names = {
        "zero_deg": "zero of 2θ",
        "along_deg": "displacement along the beam / radius",
        "across_deg": "displacement across the beam / radius",
        "wavelength_ratio": "wavelength / tabulated",
    }
    rows: list[tuple[str, Quantity | str]] = [
        (names[name], value) for name, value in d.alignment.values.items()
    ]
    rows += list(_millimetres(d).items())
    if "wavelength_ratio" in d.alignment.values:
        ratio, tabulated = d.alignment.values["wavelength_ratio"], d.lines[0].wavelength_a
        sigma = None if ratio.sigma is None else ratio.sigma * tabulated
        rows.append(("wavelength", Quantity(ratio.value * tabulated, sigma, "Å")))
    elif d.wavelength is not None:
        rows.append(("wavelength / tabulated, if it is left free", d.wavelength))
    if d.resolution is not None:
        r = d.resolution
        rows += [
            ("Q_damp", Quantity(r.q_damp.value, r.q_damp.sigma, "Å⁻¹")),
            ("Q_broad (σ of Q over Q)", r.q_broad),
        ]
    return rows


def _millimetres(d: Diffractometer) -> dict[str, Quantity]:
    """Displacements in mm where the radius of the goniometer is stated."""
    found = {}
    for key, text in (("along_deg", "along the beam"), ("across_deg", "across the beam")):
        if d.radius_mm is None or key not in d.alignment.values:
            continue
        angle, radius = d.alignment.values[key], d.radius_mm
        value = radians(angle.value) * radius.value
        sigma = None
        if angle.sigma is not None:
            sigma = hypot(
                radians(angle.sigma) * radius.value, radians(angle.value) * (radius.sigma or 0.0)
            )
        found[f"displacement {text}"] = Quantity(value, sigma, "mm")
    return found


def _alignment_section(d: Diffractometer) -> Section:
    fit = d.alignment
    rows = [(name, str(value), f"{fit.cell_part[name]:.2g}") for name, value in fit.values.items()]
    correlations = [(f"{a}, {b}", f"{r:+.3f}") for (a, b), r in fit.correlations().items()]
    used = sum(line.used for line in fit.lines)
    return Section(
        title="Alignment",
        paragraphs=(
            f"reading = zero + 2θ − asin[(x sin 2θ − y cos 2θ)/R] from {used} of {len(d.fits.lines)} lines of {d.standard.name}; x along, y across "
            f"the beam. Wavelengths: {', '.join(f'{li.name} {li.wavelength_a:.7g} Å ({li.weight:.3f})' for li in d.lines)}, from the metrology table. "
            f"Reduced chi² {fit.chi2_reduced:.2f} before a common scatter of {fit.scatter_deg:.4f}° was added.",
            f"Cell: {d.standard.a_A}{'' if d.standard.c_A is None else f', {d.standard.c_A}'}. {d.standard.citation}.",
        ),
        tables=(
            Table(
                title="Parameters",
                columns=("name", "value", "of its ±: by the cell of the standard"),
                rows=rows,
            ),
            Table(title="Correlations", columns=("pair", "coefficient"), rows=correlations),
        ),
        figures=(positions_figure(d),),
    )


def _resolution_section(d: Diffractometer) -> Section:
    r = d.resolution
    if r is None:
        return Section(title="Resolution", paragraphs=("Too few firm lines.",))
    rows = [
        ("U", str(r.u)),
        ("V", str(r.v)),
        ("W", str(r.w)),
        ("Q_damp", str(r.q_damp)),
        ("Q_broad = σ of Q over Q", str(r.q_broad)),
        ("the same with the lines of the tube left in", f"{(r.q_broad.value**2 + d.doublet**2) ** 0.5:.5f}"),
        ("scatter of the widths, relative", f"{max(r.scatter, r.misfit):.3f}"),
    ]  # fmt: skip
    return Section(
        title="Resolution",
        paragraphs=(
            "FWHM² = U tan²θ + V tanθ + W. G(r) is damped by exp(−r² Q_damp²/2), and a peak at r is widened by Q_broad r in quadrature: this Q_broad has "
            "no unit (`qbroad_seperable` of diffpy). The Q_broad of PDFgui multiplies the width of the pair: divide by that width in Å (0.01 for one of "
            "0.1 Å becomes 0.1 Å⁻¹). Both hold for data whose doublet was removed, as `xtsred reduce` does.",
        ),
        tables=(
            Table(
                title="Numbers", columns=("name", "value"), rows=[(a, typeset(b)) for a, b in rows]
            ),
        ),
        figures=(resolution_figure(d, r),),
    )


def _lines_section(d: Diffractometer) -> Section:
    by_label = {line.label: line for line in d.alignment.lines}
    rows = []
    for line in d.fits.lines:
        residual = by_label.get(line.label)
        said: str = line.status
        if residual is not None and not residual.used:
            said = "outlier"
        rows.append(
            (
                line.label,
                str(d.reflections[line.label].multiplicity),
                f"{line.expected_deg:.4f}",
                str(line.position) if line.position.sigma is not None else "",
                "" if residual is None else f"{residual.residual_deg:+.4f}",
                str(line.area),
                f"{line.fwhm_deg:.3f}",
                said,
            )
        )
    columns = (
        "line",
        "planes",
        "2θ, from the cell (°)",
        "read",
        "residual (°)",
        "area",
        "FWHM (°)",
        "",
    )
    return Section(
        title="Lines",
        paragraphs=(
            f"{d.fits.profile} profiles; the areas of one reflection's wavelengths stand in the ratio of the tube's lines.",
        ),
        tables=(Table(title="All lines of the standard in the range", columns=columns, rows=rows),),
        figures=profiles_figures(d),
    )


def _attenuation_headline(a: CapillaryAttenuation) -> list[tuple[str, Quantity | str]]:
    rows: list[tuple[str, Quantity | str]] = [("mu R", a.mu_r)]
    if a.scan_fit is not None:
        rows.append(("mu D", a.scan_fit.mu_d))
    if a.packing is not None:
        rows.append(("packing fraction that it means", a.packing))
    return rows


def _attenuation_section(a: CapillaryAttenuation) -> Section:
    tables = [
        Table(
            title="mu R",
            columns=("from", "mu R", "how"),
            rows=[(e.source, str(e.mu_r), e.how) for e in a.estimates],
            caption="The first is used. Tabulated mu/rho are taken with ± 2 %.",
        )
    ]
    figures = []
    if a.scan is not None and a.scan_fit is not None:
        f = a.scan_fit
        rows = [
            ("mu D", f"{f.mu_d} (of its ±, {f.shape_part:.3f} by the shape of the beam)"),
            ("absorbing diameter", str(f.diameter_mm)),
            ("center", str(f.center_mm)),
            ("beam width", str(f.beam_width_mm)),
            ("blur of the beam's edges (rms)", str(f.edge_mm)),
            ("tilt of the beam's height", str(f.tilt)),
            ("slope of the free beam, relative", str(f.slope_per_mm)),
            ("background, if it is left free", str(f.background)),
            ("reduced chi²", f"{f.chi2_reduced:.2f}"),
        ]
        tables.append(Table(title="Scan through the beam", columns=("name", "value"), rows=rows))
        figures.append(beam_figure(a.scan, a.scan_fit))
    return Section(title="Attenuation", tables=tables, figures=figures)


def _diffractometer_values(d: Diffractometer) -> dict[str, Any]:
    fit, r = d.alignment, d.resolution
    return {
        "standard": d.standard.name,
        "parameters": dict(fit.values),
        "displacement_mm": _millimetres(d),
        "correlations": {f"{a}, {b}": value for (a, b), value in fit.correlations().items()},
        "wavelength_ratio_if_free": d.wavelength,
        "chi2_reduced": fit.chi2_reduced,
        "scatter_deg": fit.scatter_deg,
        "lines_used": sum(line.used for line in fit.lines),
        "lines_in_range": len(d.fits.lines),
        "missing": [x.label for x in d.fits.lines if x.status == "missing"],
        "outliers": [x.label for x in fit.lines if not x.used],
        "resolution": None
        if r is None
        else {
            "caglioti_deg2": {"u": r.u, "v": r.v, "w": r.w},
            "q_damp_per_A": r.q_damp,
            "q_broad": r.q_broad,
        },
        "counting_statistics_known": d.fits.absolute,
    }


def _attenuation_values(a: CapillaryAttenuation) -> dict[str, Any]:
    f = a.scan_fit
    return {
        "mu_R": a.mu_r,
        "estimates": {e.source: e.mu_r for e in a.estimates},
        "packing_fraction": a.packing,
        "z_scan": None
        if f is None
        else {
            "mu_D": f.mu_d,
            "diameter_mm": f.diameter_mm,
            "beam_width_mm": f.beam_width_mm,
            "center_mm": f.center_mm,
            "chi2_reduced": f.chi2_reduced,
        },
    }


def _lines_csv(d: Diffractometer) -> str:
    by_label = {line.label: line for line in d.alignment.lines}
    rows = [
        "hkl,multiplicity,d_A,two_theta_from_cell_deg,read_deg,read_sigma_deg,residual_deg,area,area_sigma,fwhm_deg,status"
    ]
    for line in d.fits.lines:
        residual = by_label.get(line.label)
        reflection = d.reflections[line.label]
        sigma = line.position.sigma
        cells = [
            f'"{line.label}"',
            str(reflection.multiplicity),
            f"{reflection.d_a:.7f}",
            f"{line.expected_deg:.5f}",
            f"{line.position.value:.5f}",
            "" if sigma is None else f"{sigma:.5f}",
            "" if residual is None else f"{residual.residual_deg:.5f}",
            f"{line.area.value:.6g}",
            f"{line.area.sigma or 0.0:.3g}",
            f"{line.fwhm_deg:.4f}",
            line.status if residual is None or residual.used else "outlier",
        ]
        rows.append(",".join(cells))
    return "\n".join(rows) + "\n"
