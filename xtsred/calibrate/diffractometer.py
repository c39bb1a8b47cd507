"""From the scan of a standard to the alignment and the resolution of a diffractometer."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from calibration.alignment_fit import AlignmentFit, FreeName, LinePosition, fit_alignment
from calibration.attenuation import absorption_shift
from calibration.errors import InputError
from calibration.fitted_lines import LineFits, ScanPoints, with_missing
from calibration.line_fit import fit_lines
from calibration.line_groups import ExpectedLine
from calibration.quantity import Quantity
from calibration.radiation import Line, disagreements
from calibration.records import Loaded
from calibration.report import Finding
from calibration.resolution import Resolution, Width, doublet_broadening, fit_resolution
from calibration.standards import Reflection, Standard, find_standard, reflections
from xtsred.atoms import Composition, form_factors_far_from_edges
from xtsred.calibrate.config import Calibration
from xtsred.calibrate.doublet import other_lines
from xtsred.calibrate.strangers import foreign_maxima
from xtsred.counting import Instrument, Measurement
from xtsred.io import read_scans
from xtsred.io.text import COLUMNS
from xtsred.merge import merge_roles
from xtsred.stages import Array, Scan
from xtsred.unpack import tube_lines

__all__ = ["Diffractometer", "calibrate_diffractometer"]

_STRONG = 0.9  # correlation from which two parameters are hardly told apart
_LORENTZIAN = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffractometer:
    """What a standard said about a diffractometer.

    lines: of the tube. reflections: by label. alignment, resolution: fitted; resolution None where too few lines are
    firm. wavelength: ratio to the tabulated one if it is left free beside the others, None where that cannot be. radius_mm: axis to
    slit, None where not stated. shift_deg: by absorption, subtracted, by label. doublet: relative spread of the tube's lines.
    """

    standard: Standard
    name: str
    lines: tuple[Line, ...]
    reflections: Mapping[str, Reflection]
    fits: LineFits
    alignment: AlignmentFit
    wavelength: Quantity | None
    resolution: Resolution | None
    radius_mm: Quantity | None
    shift_deg: Mapping[str, float]
    doublet: float
    findings: tuple[Finding, ...]


def calibrate_diffractometer(
    loaded: Loaded[Calibration], *, mu_r: Quantity | None = None
) -> Diffractometer:
    """Fit lines, alignment and resolution as the project file says. Raises InputError for what the user can fix.

    mu_r: of the standard's capillary where another part of the calibration has found it.
    """
    project = loaded.record
    entry, fit, geometry = project.standard, project.fit, project.geometry
    if entry is None or fit is None or geometry is None:
        raise InputError("no standard is described", where="standard")
    table = None if entry.table is None else loaded.folder / entry.table
    standard = find_standard(entry.material, table=table)
    lines = tube_lines(project.radiation)
    strongest = lines[0].wavelength_a
    points, doubts = _scan(loaded, lines)
    expected, known = _expected(standard, lines, float(points.two_theta_deg[-1]))
    fits = fit_lines(points, expected, lines=lines, profile=fit.profile)
    fits = with_missing(fits, {e.label: e.area for e in expected})
    own_mu = entry.mu_R if entry.mu_R is not None else mu_r
    shifts = _shifts(fits, own_mu, entry.radius_mm, geometry.radius_mm)
    positions = [
        LinePosition(
            label=line.label,
            reading=line.position,
            d_a=known[line.label].d_a,
            shift_deg=shifts.get(line.label, 0.0),
        )
        for line in fits.lines
        if line.status == "used"
    ]
    scale_sigma = math.hypot(
        standard.cell_relative_sigma or 0.0, (lines[0].sigma_a or 0.0) / strongest
    )
    alignment = fit_alignment(
        positions, wavelength_a=strongest, free=fit.free, scale_sigma=scale_sigma
    )
    wavelength = _wavelength(positions, strongest, fit.free, alignment, scale_sigma)
    widths = [
        Width(two_theta_deg=group.center_deg, fwhm=group.fwhm_deg)
        for group in fits.groups
        if group.fwhm_deg is not None
    ]
    resolution = fit_resolution(widths, wavelength_a=strongest) if len(widths) >= 4 else None
    result = Diffractometer(
        standard=standard,
        name=entry.name or standard.name,
        lines=lines,
        reflections=known,
        fits=fits,
        alignment=alignment,
        wavelength=wavelength,
        resolution=resolution,
        radius_mm=geometry.radius_mm,
        shift_deg=shifts,
        doublet=doublet_broadening(lines),
        findings=(),
    )
    found = (
        *doubts,
        *other_lines(points, expected, fits, lines=lines),
        *foreign_maxima(points, fits, known.values(), lines=lines, alignment=alignment.alignment),
        *_line_findings(result),
        *_alignment_findings(result, own_mu, entry.radius_mm),
        *_resolution_findings(result),
    )
    return replace(result, findings=found)


def _scan(
    loaded: Loaded[Calibration], lines: Sequence[Line]
) -> tuple[ScanPoints, tuple[Finding, ...]]:
    """All scans merged, as read: no correction of the angle."""
    project = loaded.record
    assert project.fit is not None
    measurements: list[Measurement] = []
    findings: list[Finding] = []
    absolute = True
    for entry in project.scan:
        path = loaded.folder / entry.file
        columns = None
        if entry.columns is not None:
            named = {name: getattr(entry.columns, name) for name in COLUMNS}
            columns = {name: column for name, column in named.items() if column is not None}
        scans = read_scans(path, columns=columns)
        if entry.range is not None:
            if not 0 <= entry.range < len(scans):
                raise InputError(
                    f"range {entry.range} was asked for, but the file has ranges 0 to {len(scans) - 1}",
                    where=str(path),
                )
            scans = (scans[entry.range],)
        for scan in scans:
            seconds = None if entry.seconds_per_step is None else entry.seconds_per_step.value
            absolute &= _counts_known(scan, seconds)
            measurements.append(
                Measurement(scan=scan, label=Path(entry.file).name, seconds_per_step=seconds)
            )
            findings += disagreements(
                lines,
                file=path.name,
                anode=scan.header.anode,
                wavelengths_a=scan.header.wavelengths_a,
            )
    limits = _limits(project.fit.two_theta_deg, measurements)
    merged = merge_roles({"sample": measurements}, instrument=Instrument(), two_theta_deg=limits)
    pattern = merged.patterns["sample"]
    inside = (pattern.two_theta_deg >= limits[0]) & (pattern.two_theta_deg <= limits[1])
    x, rate = pattern.two_theta_deg[inside], pattern.rate_cps[inside]
    # no counts are one count within a factor of two: the weight of an empty point must stay finite
    sigma = np.maximum(pattern.sigma_cps[inside], 1.0 / pattern.exposure_s[inside])
    if absolute:
        findings += pattern.findings
    else:
        sigma = np.sqrt(np.maximum(rate, 1e-3 * float(rate.max())))
        findings.append(
            Finding(
                "warning",
                "The counting times are not known, so that counting statistics are not either: every uncertainty follows from the "
                "residuals of the fits. seconds_per_step in [[scan]] settles it.",
            )
        )
    return ScanPoints(two_theta_deg=x, rate=rate, sigma=sigma, absolute=absolute), tuple(findings)


def _limits(
    wanted: tuple[float, float], measurements: Sequence[Measurement]
) -> tuple[float, float]:
    first = min(float(m.scan.two_theta_deg[0]) for m in measurements)
    last = max(float(m.scan.two_theta_deg[-1]) for m in measurements)
    if wanted[0] < first - 0.5 or wanted[1] > last + 0.5:
        raise InputError(
            f"[{wanted[0]:g}, {wanted[1]:g}]° reaches beyond the measured {first:g} to {last:g}°",
            remedy="narrow it to what was measured",
            where="fit.two_theta_deg",
        )
    return max(wanted[0], first), min(wanted[1], last)


def _counts_known(scan: Scan, seconds: float | None) -> bool:
    """Whether the number of counts behind every point is known."""
    stated = seconds is not None or scan.seconds_per_step is not None
    return scan.kind == "counts" or stated or scan.sigma is not None


def _expected(
    standard: Standard, lines: Sequence[Line], last_deg: float
) -> tuple[list[ExpectedLine], dict[str, Reflection]]:
    """Every line up to a degree beyond the scan, with its area for unpolarized radiation and a thin sample."""
    wavelength = lines[0].wavelength_a
    top = math.sin(math.radians(min(last_deg + 1.0, 179.0)) / 2.0)

    def form_factor(element: str, s: Array) -> Array:
        composition = Composition((element,), (1.0,))
        return np.real(form_factors_far_from_edges(composition, 4.0 * np.pi * s)[0])

    found = reflections(standard, d_min_a=wavelength / (2.0 * top), form_factor=form_factor)
    expected = []
    for r in found:
        angle = 2.0 * math.asin(wavelength / (2.0 * r.d_a))
        lorentz = (1.0 + math.cos(angle) ** 2) / (
            math.sin(angle / 2.0) ** 2 * math.cos(angle / 2.0)
        )
        area = (1.0 if r.square is None else r.square) * r.multiplicity * lorentz
        expected.append(ExpectedLine(label=r.label, two_theta_deg=math.degrees(angle), area=area))
    return expected, {r.label: r for r in found}


def _shifts(
    fits: LineFits, mu_r: Quantity | None, radius: Quantity | None, goniometer: Quantity | None
) -> dict[str, float]:
    """What absorption in the capillary adds to each reading, where everything for it is known."""
    if mu_r is None or radius is None or goniometer is None:
        return {}
    angles = np.array([line.expected_deg for line in fits.lines])
    sideways = absorption_shift(angles, mu_r=mu_r.value) * radius.value / goniometer.value
    return {
        line.label: -math.degrees(float(t)) for line, t in zip(fits.lines, sideways, strict=True)
    }


def _wavelength(
    positions: Sequence[LinePosition],
    wavelength_a: float,
    free: Sequence[FreeName],
    alignment: AlignmentFit,
    scale_sigma: float,
) -> Quantity | None:
    """The wavelength ratio that a fit with it free gives; None where the lines cannot say."""
    if "wavelength" in free:
        return alignment.values["wavelength_ratio"]
    kept = [p for p, line in zip(positions, alignment.lines, strict=True) if line.used]
    try:
        fit = fit_alignment(
            kept,
            wavelength_a=wavelength_a,
            free=(*free, "wavelength"),
            scale_sigma=scale_sigma,
        )
    except InputError:
        return None
    return fit.values["wavelength_ratio"]


def _line_findings(result: Diffractometer) -> Iterator[Finding]:
    lines = result.fits.lines
    for status, severity, text in (
        ("missing", "warning", "expected to be visible and not found (texture, another phase or standard, a wrong range?)"),
        ("moved", "warning", "with a fitted position more than a width away from its neighbours: not used"),
        ("overlapped", "note", "closer to a stronger line than their width: not used"),
        ("weak", "note", "too weak for a position of its own: not used"),
    ):  # fmt: skip
        named = [line for line in lines if line.status == status]
        if named:
            listed = "; ".join(f"{n.label} at {n.expected_deg:.2f}°" for n in named)
            yield Finding(
                "warning" if severity == "warning" else "note",
                f"{len(named)} of {len(lines)} lines {text}: {listed}.",
                {status: float(len(named))},
            )
    out = [line for line in result.alignment.lines if not line.used]
    if out:
        listed = "; ".join(
            f"{x.label} at {x.two_theta_deg:.2f}° ({x.pull:+.1f} sigma)" for x in out
        )
        yield Finding(
            "warning",
            f"Lines more than 4 sigma off were left out: {listed}.",
            {"outliers": float(len(out))},
        )
    if result.fits.absolute:
        bad = [g for g in result.fits.groups if g.chi2_reduced > 4.0]
        if bad:
            yield Finding(
                "note",
                f"In {len(bad)} of {len(result.fits.groups)} groups the profile misses the lines by more than counting statistics "
                f"(largest reduced chi^2 {max(g.chi2_reduced for g in bad):.1f}): their uncertainties are widened accordingly.",
                {"groups": float(len(bad))},
            )


def _alignment_findings(
    result: Diffractometer, mu_r: Quantity | None, radius: Quantity | None
) -> Iterator[Finding]:
    fit = result.alignment
    strong = {pair: r for pair, r in fit.correlations().items() if abs(r) > _STRONG}
    if strong:
        listed = ", ".join(f"{a} and {b} ({r:+.3f})" for (a, b), r in strong.items())
        worst = float(np.max(fit.angle_sigma_deg([x.two_theta_deg for x in fit.lines])))
        yield Finding(
            "warning",
            f"Strongly correlated: {listed}. Each alone is uncertain as stated; together they give the angles of this range to {worst:.2g}° "
            "or better, and the certificate carries the covariance. A wider range of angles tells them apart.",
            {f"{a}, {b}": r for (a, b), r in strong.items()},
        )
    moved = {n: q for n, q in fit.values.items() if n in ("along_deg", "across_deg")}
    if moved and result.radius_mm is None:
        yield Finding(
            "note",
            "The radius of the goniometer is not stated: displacements are known as angles (displacement over radius), which is all that the "
            "correction of angles needs. geometry.radius_mm gives them in mm.",
        )
    if mu_r is not None and mu_r.value > 0.2 and moved:
        yield _absorption_finding(result, mu_r, radius)
    if fit.scatter_deg > 0.0:
        typical = float(np.median([x.sigma_deg for x in fit.lines]))
        if fit.scatter_deg > typical:
            yield Finding(
                "note",
                f"The lines scatter by {fit.scatter_deg:.4f}° beyond their own uncertainties (median {typical:.4f}°): the model of the "
                "alignment or of the profile leaves this much; it is contained in every uncertainty.",
                {"scatter_deg": fit.scatter_deg},
            )
    w = result.wavelength
    if w is not None and w.sigma is not None and abs(w.value - 1.0) > 3.0 * w.sigma:
        yield Finding(
            "problem" if abs(w.value - 1.0) > 1e-3 else "warning",
            f"With the wavelength free, {w} of the tabulated {result.lines[0].wavelength_a:.7g} Å fits: the cell of the standard, its "
            "temperature, the wavelength or the geometry is not as stated.",
            {"wavelength_ratio": w.value},
        )
    if result.standard.cell_relative_sigma is None:
        yield Finding(
            "warning",
            "The cell of the standard has no uncertainty: its part of every ± is missing.",
        )


def _absorption_finding(result: Diffractometer, mu_r: Quantity, radius: Quantity | None) -> Finding:
    if result.shift_deg:
        largest = max(abs(s) for s in result.shift_deg.values())
        return Finding(
            "note",
            f"Absorption (mu R = {mu_r.value:.3g}) moves the lines by up to {largest:.4f}°; this was calculated and subtracted, so that the "
            "displacement is that of the capillary's axis.",
            {"largest_deg": largest},
        )
    at_90 = -float(absorption_shift([90.0], mu_r=mu_r.value)[0])
    size = "radii of the capillary" if radius is None else "mm"
    by = at_90 if radius is None else at_90 * radius.value
    return Finding(
        "warning",
        f"The standard absorbs (mu R = {mu_r.value:.3g}): its mean ray at 90° leaves {by:.2f} {size} on the tube's side of the axis, which the "
        "fit takes for a displacement along the beam. A sample that absorbs less has less of it. Stating standard.radius_mm and "
        "geometry.radius_mm separates the two.",
        {"mean_ray_at_90_deg": by},
    )


def _resolution_findings(result: Diffractometer) -> Iterator[Finding]:
    r = result.resolution
    if r is None:
        yield Finding(
            "warning",
            "Fewer than 4 lines are firm enough for a width: no resolution, no Q_damp and Q_broad.",
        )
        return
    if result.standard.broadening:
        yield Finding("note", f"{result.standard.name}: {result.standard.broadening}.")
    if r.q_broad_squared.value < 0.0:
        yield Finding(
            "note",
            f"The width in Q does not grow with Q (fitted slope of its square {r.q_broad_squared}): Q_broad is 0 within its uncertainty.",
        )
    etas = [g.eta.value for g in result.fits.groups if g.eta is not None]
    eta = float(np.median(etas)) if etas else 0.0
    if eta > _LORENTZIAN:
        yield Finding(
            "note",
            f"The lines are Lorentzian rather than Gaussian (mixing {eta:.2f}): Q_damp and Q_broad are Gaussians of the same full width at half "
            "maximum, and the true envelope of G(r) falls faster at small r and slower at large r than they say.",
            {"eta": eta},
        )
    if any(not math.isfinite(float(v)) for v in r.fwhm_deg([10.0, 120.0])):
        yield Finding(
            "note", "Caglioti's square is negative somewhere: use it inside the fitted range only."
        )
