"""`cis fit`: one spectrum or many, without a project file."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.commandline import EXIT_DONE, EXIT_SOME_FAILED
from calibration.errors import InputError
from cis.cli.terminal import LIBRARIES, command_line, progress, say_findings

if TYPE_CHECKING:
    from calibration.cell import ParallelPlates
    from calibration.report import Finding
    from cis.stages import ArcFit, Spectrum

__all__ = ["fit", "fit_many"]

_WORTH_A_POOL = 12  # spectra; starting a second process costs what a few fits cost


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option(
    "--circuit", default="auto", show_default=True, help='"auto", a name, or a circuit string.'
)
@click.option("--diameter-mm", type=float, help="Diameter of the pellet.")
@click.option("--area-mm2", type=float, help="Area of an electrode, instead of a diameter.")
@click.option("--thickness-mm", type=float, help="Thickness of the pellet.")
@click.option("--out", type=click.Path(path_type=Path), help="Write fits.csv and a report here.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier result.")
@click.option(
    "--profile", is_flag=True, help="Add the 68% profile-likelihood interval of each R (slower)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def fit(
    files: tuple[Path, ...],
    circuit: str,
    diameter_mm: float | None,
    area_mm2: float | None,
    thickness_mm: float | None,
    out: Path | None,
    overwrite: bool,
    profile: bool,
    as_json: bool,
) -> int:
    """Fit circuits to spectra: R with its uncertainty, and sigma_DC where the size is given."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads in 60 x 8 matrices only cost time
    from calibration.folder import check_target

    plates = _plates(diameter_mm, area_mm2, thickness_mm)
    if out is not None:
        check_target(out, overwrite=overwrite)
    if circuit != "auto":
        _check_circuit(circuit)
    spectra, errors = _read(files)
    outcomes = fit_many(spectra, circuit=circuit, plates=plates)
    fits = [o for o in outcomes if not isinstance(o, str)]
    errors += [(s.file, o) for s, o in zip(spectra, outcomes, strict=True) if isinstance(o, str)]
    if not fits:
        raise InputError(
            "no spectrum could be fitted", why="; ".join(f"{name}: {text}" for name, text in errors)
        )
    intervals = _intervals(fits) if profile else {}
    values = _values(fits, errors, plates, intervals)
    if as_json:
        click.echo(json.dumps(values, indent=1))
    else:
        for k, line in enumerate(_lines(fits, plates)):
            ends = intervals.get(k)
            click.echo(line if ends is None else f"{line}  68%: {ends[0]:.6g} to {ends[1]:.6g} Ohm")
    for name, text in errors:
        click.echo(f"error: {name}: {text}", err=True)
    if not as_json:
        say_findings(_alike(fits))
    if out is not None:
        _write(files, fits, errors, plates, values, out, overwrite=overwrite)
        click.echo(f"report: {out / 'report.html'}", err=as_json)
    return EXIT_SOME_FAILED if errors else EXIT_DONE


def fit_many(
    spectra: "list[Spectrum]", *, circuit: str, plates: "ParallelPlates | None"
) -> "list[ArcFit | str]":
    """Fit spectra one by one, on two processes where it pays; a refusal takes the place of its fit."""
    jobs = [(s, circuit, plates) for s in spectra]
    workers = min(4, os.cpu_count() or 1)
    outcomes: list[ArcFit | str] = []
    with progress("fitting", total=len(jobs)) as step:
        if len(jobs) < _WORTH_A_POOL or workers < 2:
            for job in jobs:
                outcomes.append(_fit_one(job))
                step(job[0].file)
            return outcomes
        with ProcessPoolExecutor(workers) as pool:
            chunk = max(1, min(8, len(jobs) // (3 * workers)))
            for job, outcome in zip(jobs, pool.map(_fit_one, jobs, chunksize=chunk), strict=True):
                outcomes.append(outcome)
                step(job[0].file)
    return outcomes


def _fit_one(job: "tuple[Spectrum, str, ParallelPlates | None]") -> "ArcFit | str":
    from cis.fit import fit_spectrum
    from cis.pipeline import nominal_cell

    spectrum, circuit, plates = job
    try:
        return fit_spectrum(
            spectrum, circuit=circuit, cell=None if plates is None else nominal_cell(plates)
        )
    except InputError as error:
        return f"{error.what} ({error.why})" if error.why else error.what


def _check_circuit(name: str) -> None:
    """Refuse a circuit that cannot be read once, not once per spectrum."""
    from cis.circuits import circuit

    circuit(name)


def _plates(
    diameter: float | None, area: float | None, thickness: float | None
) -> "ParallelPlates | None":
    from calibration.cell import ParallelPlates, disc_area
    from calibration.quantity import Quantity

    if diameter is None and area is None and thickness is None:
        return None
    if (diameter is None) == (area is None) or thickness is None:
        raise InputError(
            "the size of the pellet is half given",
            remedy="give --thickness-mm and one of --diameter-mm and --area-mm2, or none of them",
        )
    for name, value in (("diameter-mm", diameter), ("area-mm2", area), ("thickness-mm", thickness)):
        if value is not None and not value > 0.0:
            raise InputError(f"--{name} must be > 0, not {value:g}")
    size = (
        Quantity(area, None, "mm^2") if area is not None else disc_area(Quantity(diameter or 0.0))
    )
    return ParallelPlates(thickness_mm=Quantity(thickness, None, "mm"), area_mm2=size)


def _read(files: tuple[Path, ...]) -> "tuple[list[Spectrum], list[tuple[str, str]]]":
    from cis.io import read_spectra

    spectra: list[Spectrum] = []
    errors: list[tuple[str, str]] = []
    for path in files:
        try:
            spectra.extend(read_spectra(path))
        except InputError as error:
            if len(files) == 1:
                raise
            errors.append((str(path), f"{error.what} ({error.why})" if error.why else error.what))
    return spectra, errors


def _labels(fits: "list[ArcFit]") -> tuple[str, ...]:
    names = [Path(f.spectrum.file).name for f in fits]
    return tuple(
        f"{name}#{f.spectrum.index}" if names.count(name) > 1 else name
        for name, f in zip(names, fits, strict=True)
    )


def _lines(fits: "list[ArcFit]", plates: "ParallelPlates | None") -> list[str]:
    from calibration.quantity import Quantity

    labels = _labels(fits)
    width = max(len(label) for label in labels)
    lines = []
    for label, f in zip(labels, fits, strict=True):
        t = f.spectrum.temperature_k
        text = f"{label:<{width}}" + ("" if t is None else f"  {t:7.2f} K")
        text += f"  R = {Quantity(f.resistance_ohm, f.resistance_sigma_ohm, 'Ohm')}"
        if plates is not None:
            # the size was given without uncertainty, so that of sigma is unknown
            sigma = Quantity(plates.constant_per_cm.value / f.resistance_ohm, None, "S/cm")
            text += f"  sigma = {sigma}"
        kind = f.kind if f.identifiable else f"{f.kind}, R not determined"
        lines.append(f"{text}  {f.circuit} ({kind})")
    return lines


def _values(
    fits: "list[ArcFit]",
    errors: list[tuple[str, str]],
    plates: "ParallelPlates | None",
    intervals: dict[int, tuple[float, float]],
) -> dict[str, Any]:
    from calibration.report import to_json
    from cis.output import fit_values

    rows = []
    for k, (label, f) in enumerate(zip(_labels(fits), fits, strict=True)):
        row = {"spectrum": label, "temperature_K": f.spectrum.temperature_k, **fit_values(f)}
        if plates is not None:
            row["sigma_S_per_cm"] = plates.constant_per_cm.value / f.resistance_ohm
        if k in intervals:
            row["R_profile_interval_ohm"] = intervals[k]
        rows.append({key: to_json(v) for key, v in row.items()})
    return {"fits": rows, "errors": [{"file": name, "error": text} for name, text in errors]}


def _intervals(fits: "list[ArcFit]") -> dict[int, tuple[float, float]]:
    from cis.fit import profile_interval

    return {k: profile_interval(f, "R") for k, f in enumerate(fits) if f.identifiable}


def _alike(fits: "list[ArcFit]") -> "list[Finding]":
    from cis.doubts import gather_findings

    return gather_findings(_labels(fits), fits)


def _write(
    files: tuple[Path, ...],
    fits: "list[ArcFit]",
    errors: list[tuple[str, str]],
    plates: "ParallelPlates | None",
    values: dict[str, Any],
    out: Path,
    *,
    overwrite: bool,
) -> None:
    from calibration.folder import result_folder
    from calibration.provenance import collect
    from calibration.report import write_report
    from cis.fit_report import build_fit_report
    from cis.output import spectrum_fits_csv
    from cis.series import FittedSeries

    series = FittedSeries(
        labels=_labels(fits),
        temperatures_k=tuple(f.spectrum.temperature_k for f in fits),
        fits=tuple(fits),
        plates=plates,
    )
    readable = [p for p in files if p.is_file()]
    provenance = collect("cis fit", command=command_line(), inputs=readable, libraries=LIBRARIES)
    report = build_fit_report(series, values=values, errors=errors, provenance=provenance)
    with result_folder(out, overwrite=overwrite) as folder:
        (folder / "fits.csv").write_text(spectrum_fits_csv(series), encoding="utf-8")
        write_report(report, folder)
