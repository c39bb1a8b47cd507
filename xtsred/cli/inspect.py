"""`xtsred inspect`: what each scan file is."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, EXIT_SOME_FAILED
from calibration.errors import ReadError
from calibration.report import to_json
from xtsred.io import read_scans
from xtsred.io.text import parse_columns
from xtsred.stages import Scan

__all__ = ["inspect"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--columns", help='of text tables, e.g. "two_theta_deg=1,rate_cps=2"; counted from 1')
@click.option("--json", "as_json", is_flag=True, help="print the machine-readable result")
def inspect(files: tuple[Path, ...], columns: str | None, as_json: bool) -> int:
    """Say what each of FILES is: format, ranges, steps, times, anode, wavelength, counts or rates."""
    chosen = parse_columns(columns) if columns else None
    described: list[dict[str, Any]] = []
    failed = 0
    for file in files:
        try:
            described.append(_describe(read_scans(file, columns=chosen), file=file))
        except ReadError as error:
            failed += 1
            described.append({"file": str(file), "error": str(error)})
            click.echo(f"error: {error}", err=True)
    if as_json:
        click.echo(json.dumps(to_json(described), indent=1, ensure_ascii=False))
    else:
        for entry in described:
            if "error" not in entry:
                click.echo(_shown(entry))
    if not failed:
        return EXIT_DONE
    return EXIT_FIXABLE if failed == len(files) else EXIT_SOME_FAILED


def _describe(scans: tuple[Scan, ...], *, file: Path) -> dict[str, Any]:
    header = scans[0].header
    kinds = {scan.kind for scan in scans}
    return {
        "file": str(file),
        "format": scans[0].format,
        "ranges": [_range(scan) for scan in scans],
        "anode": header.anode,
        "wavelength_A": header.wavelengths_a[0] if header.wavelengths_a else None,
        "kind": kinds.pop() if len(kinds) == 1 else "mixed",
        "wavelengths_A": list(header.wavelengths_a),
        "line_ratio": header.line_ratio,
        "sample_name": header.sample_name,
        "started": header.started,
        "other": dict(header.other),
        "ignored": list(header.ignored),
        "findings": [{"severity": f.severity, "text": f.text} for f in _distinct(scans)],
    }


def _range(scan: Scan) -> dict[str, Any]:
    angles, seconds = scan.two_theta_deg, scan.seconds_per_step
    steps = np.diff(angles)
    counts: float | None = None
    if scan.kind == "counts":
        counts = float(scan.values.sum())
    elif seconds is not None:
        counts = float((scan.values * seconds).sum())
    varies = seconds is not None and bool(np.ptp(seconds) > 0)
    return {
        "range": scan.range_index,
        "two_theta_deg": [float(angles[0]), float(angles[-1])],
        "step_deg": round(float((angles[-1] - angles[0]) / steps.size), 9),
        "points": int(angles.size),
        "seconds_per_step": None if seconds is None else float(np.median(seconds)),
        "counts_total": counts,
        "kind": scan.kind,
        "seconds_per_step_range": [float(seconds.min()), float(seconds.max())]
        if varies and seconds is not None
        else None,
        "steps_equal": bool(np.ptp(steps) <= 2e-2 * float(np.median(steps))),
        "has_sigma": scan.sigma is not None,
    }


def _distinct(scans: tuple[Scan, ...]) -> list[Any]:
    seen: dict[str, Any] = {}
    for scan in scans:
        for finding in scan.findings:
            seen.setdefault(finding.text, finding)
    return list(seen.values())


def _shown(entry: dict[str, Any]) -> str:
    lines = [f"{entry['file']}: {entry['format']}, {entry['kind']}"]
    waves = ", ".join(f"{w:g}" for w in entry["wavelengths_A"])
    facts = {
        "anode": entry["anode"],
        "wavelengths": f"{waves} Å" if waves else None,
        "sample": entry["sample_name"],
        "started": entry["started"],
        **entry["other"],
    }
    lines += [f"  {name}: {value}" for name, value in facts.items() if value]
    for r in entry["ranges"]:
        first, last = r["two_theta_deg"]
        time = (
            "time not stated"
            if r["seconds_per_step"] is None
            else f"{r['seconds_per_step']:g} s per step"
        )
        if r["seconds_per_step_range"]:
            time += " ({:g} to {:g})".format(*r["seconds_per_step_range"])
        total = "" if r["counts_total"] is None else f", {r['counts_total']:.0f} counts in all"
        about = "" if r["steps_equal"] else "about "
        lines.append(
            f"  range {r['range']}: {first:g} to {last:g}°, {r['points']} points, step {about}{r['step_deg']:.6g}°, {time}{total}"
        )
    lines += [f"  {f['severity']}: {f['text']}" for f in entry["findings"]]
    if entry["ignored"]:
        lines.append(f"  not read: {', '.join(entry['ignored'])}")
    return "\n".join(lines)
