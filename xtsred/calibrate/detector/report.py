"""The report of a detector's calibration and its folder."""

from pathlib import Path

from calibration.certificate import write_certificate
from calibration.folder import result_folder, safe_name
from calibration.provenance import Provenance, collect
from calibration.quantity import Quantity
from calibration.records import Loaded, to_toml
from calibration.report import Report, Section, Table, write_report
from xtsred.calibrate.detector.config import DetectorFile
from xtsred.calibrate.detector.figures import (
    dead_time_figure,
    flat_field_figure,
    window_figure,
    window_profiles_figure,
)
from xtsred.calibrate.detector.run import DetectorCalibration

__all__ = ["detector_report", "write_detector"]

_LIBRARIES = ("numpy", "scipy", "xraylib", "xraydb", "matplotlib", "pydantic")
_UNITS = {
    "dead_time_s": ("dead time", "s"),
    "lower_keV": ("lower edge", "keV"),
    "upper_keV": ("upper edge", "keV"),
    "fwhm_keV": ("energy resolution (FWHM)", "keV"),
    "sensor_thickness_mm": ("thickness of the sensor", "mm"),
}


def write_detector(
    found: DetectorCalibration,
    loaded: Loaded[DetectorFile],
    *,
    target: Path,
    overwrite: bool,
    command: str,
) -> Path:
    """Write certificate, report, figures and the file as resolved; returns the report's path. Raises OutputError."""
    provenance = collect("xtsred", command=command, inputs=found.files, libraries=_LIBRARIES)
    name = f"{safe_name(found.name)}.detector.toml"
    header = [f"as resolved from {loaded.path.name}; paths are relative to that file"]
    header += [f"--set {k}={v}" for k, v in loaded.overrides.items()]
    with result_folder(target, overwrite=overwrite) as folder:
        certificates = []
        if found.certificate is not None:
            write_certificate(found.certificate, folder / name)
            certificates.append(name)
        (folder / "standard.toml").write_text(
            to_toml(loaded.record, header=header), encoding="utf-8"
        )
        write_report(detector_report(found, certificates, provenance), folder)
    return target / "report.html"


def detector_report(
    found: DetectorCalibration, certificates: list[str], provenance: Provenance
) -> Report:
    """Findings, certified values, one section for each part."""
    values = {} if found.certificate is None else dict(found.certificate.values)
    virtual = found.window is not None and found.window.virtual
    return Report(
        title=f"{found.name}: calibration of the detector",
        subtitle="certificates: " + ", ".join(certificates) if certificates else "no certificate",
        findings=found.findings,
        headline=[
            (_UNITS.get(n, (n, ""))[0], Quantity(q.value, q.sigma, _UNITS.get(n, ("", ""))[1]))
            for n, q in values.items()
        ],
        sections=[
            *_dead_time_section(found),
            *_window_section(found),
            *_flat_field_section(found),
        ],
        provenance=provenance,
        values={"name": found.name, "certificates": certificates, "detector": values},
        banner="VIRTUAL DATA: these scans are computed, not measured." if virtual else "",
    )


def _dead_time_section(found: DetectorCalibration) -> list[Section]:
    dead, readings = found.dead_time, found.readings
    if dead is None or readings is None:
        return []
    rows = [
        ["dead time", str(dead.tau_s)],
        *(
            [f"transmission of setting {k}", str(t)]
            for k, t in enumerate(dead.transmissions, start=1)
        ),
        ["readings, intensities", f"{readings.observed_cps.size}, {readings.points}"],
        ["χ², degrees of freedom, p", f"{dead.chi2:.1f}, {dead.freedom}, {dead.p:.2g}"],
        [
            "χ² of a paralysable counter",
            "no fit" if dead.chi2_paralysable is None else f"{dead.chi2_paralysable:.1f}",
        ],
        ["dead share at the highest rate", f"{100.0 * dead.largest_loss:.2g} %"],
    ]
    return [
        Section(
            title="Dead time",
            paragraphs=[
                "m = n/(1 + n τ): one true rate n for every intensity, one transmission for every setting, counting errors of a non-extended "
                "counter (Müller 1973)."
            ],
            tables=[Table(title="Fit", columns=["quantity", "value"], rows=rows)],
            figures=[dead_time_figure(dead, readings)],
        )
    ]


def _window_section(found: DetectorCalibration) -> list[Section]:
    window = found.window
    if window is None:
        return []
    fit = window.fit
    rows = [
        [
            name,
            str(window.values[name]),
            *(f"{u:.2g}" for u in window.parts[name].values()),
            "{:.2f} to {:.2f}".format(*fit.limits[name]),
            "yes" if fit.determined[name] else "no: degenerate",
        ]
        for name in fit.names
    ]
    sources = list(next(iter(window.parts.values())))
    rounds = [
        [
            str(k),
            *(
                "none" if e is None else f"{e:.3f}"
                for e in (edges.lower_kev, edges.upper_kev, edges.fwhm_kev)
            ),
        ]
        for k, edges in enumerate(window.history)
    ]
    continuum = "" if fit.continuum is None else f" Continuum over lines: {fit.continuum}."
    return [
        Section(
            title="Energy window",
            paragraphs=[
                f"χ² {fit.chi2:.0f} for {fit.freedom} degrees of freedom.{continuum} The structure is left free above the shortest distance; K, the edges and "
                "the continuum are fitted; Compton lines are Doppler-broadened shell by shell."
            ],
            tables=[
                Table(
                    title="Edges / keV",
                    columns=["edge", "value", *sources, "χ² within 4", "determined"],
                    rows=rows,
                ),
                Table(
                    title="Rounds / keV", columns=["round", "lower", "upper", "FWHM"], rows=rounds
                ),
            ],
            figures=[window_figure(window), window_profiles_figure(window)],
        )
    ]


def _flat_field_section(found: DetectorCalibration) -> list[Section]:
    flat = found.flat_field
    if flat is None:
        return []
    rows = [
        ["channels, good", f"{flat.factor.size}, {int(flat.good.sum())}"],
        ["dead", ", ".join(map(str, flat.dead)) or "none"],
        ["hot", ", ".join(map(str, flat.hot)) or "none"],
        ["χ², degrees of freedom", f"{flat.chi2:.1f}, {flat.freedom}"],
    ]
    return [
        Section(
            title="Flat field",
            paragraphs=["Factors by maximum likelihood of Poisson counts; their mean is one."],
            tables=[Table(title="Channels", columns=["quantity", "value"], rows=rows)],
            figures=[flat_field_figure(flat)],
        )
    ]
