"""`cis inspect`: what each export is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calibration.errors import InputError
from calibration.report import to_json
from cis.cli.reading import each_file, exit_status, read_options, reading_options

if TYPE_CHECKING:
    from cis.stages import Spectrum

__all__ = ["inspect"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result for a program.")
@reading_options
def inspect(
    files: tuple[Path, ...],
    as_json: bool,
    imaginary_sign: str,
    frequency_unit: str,
    columns: tuple[str, ...],
) -> int:
    """Say what each impedance export is: format, points, frequencies, temperature, and every doubt.

    A file that cannot be read does not stop the others.
    """
    options = read_options(imaginary_sign, frequency_unit, columns)
    entries: list[dict[str, Any]] = []
    failed = 0
    for file, outcome in each_file(files, options):
        if isinstance(outcome, InputError):
            failed += 1
            entries.append({"file": str(file), "error": str(outcome)})
            if not as_json:
                click.echo(f"error: {outcome}", err=True)
        else:
            entries.append(_entry(file, outcome))
            if not as_json:
                click.echo("\n".join(_lines(file, outcome)))
    if as_json:
        click.echo(json.dumps(to_json(entries), indent=1, ensure_ascii=False))
    return exit_status(failed, len(files))


def _entry(file: Path, spectra: "tuple[Spectrum, ...]") -> dict[str, Any]:
    return {
        "file": str(file),
        "format": spectra[0].format,
        "spectra": [
            {
                "points": len(s.frequency_hz),
                "frequency_hz": [float(s.frequency_hz.min()), float(s.frequency_hz.max())],
                "temperature_K": s.temperature_k,
                "name": s.name,
                "started": s.started,
                "findings": list(s.findings),
                "ignored": list(s.ignored),
            }
            for s in spectra
        ],
    }


def _lines(file: Path, spectra: "tuple[Spectrum, ...]") -> list[str]:
    plural = "um" if len(spectra) == 1 else "a"
    lines = [f"{file}: {spectra[0].format}, {len(spectra)} spectr{plural}"]
    said: set[str] = set()
    for s in spectra:
        low, high = float(s.frequency_hz.min()), float(s.frequency_hz.max())
        kelvin = "temperature not stated" if s.temperature_k is None else f"{s.temperature_k:.2f} K"
        label = f" {s.name!r}" if s.name else ""
        lines.append(
            f"  {s.index + 1}:{label} {len(s.frequency_hz)} points, {low:.4g} to {high:.4g} Hz, {kelvin}"
        )
        for finding in s.findings:
            text = f"     {finding.severity}: {finding.text}"
            if text not in said:
                said.add(text)
                lines.append(text)
    ignored = list(dict.fromkeys(i for s in spectra for i in s.ignored))
    if ignored:
        lines.append(f"  not used: {', '.join(ignored)}")
    return lines
