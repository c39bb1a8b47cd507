"""Scans as plain text that `read_scans` reads back exactly."""

import numpy as np

from calibration.errors import InputError
from xtsred.stages import Array, Scan

__all__ = ["EXTENSIONS", "scan_text"]

EXTENSIONS = ("xy", "xye", "csv")


def scan_text(scan: Scan, *, extension: str) -> str:
    """The text of one scan: xy (2theta, intensity), xye (and sigma) or csv (everything the scan has).

    Numbers are written with all their digits. What is constant (time, anode, wavelengths, sample) stands in
    the header; the last header line names the columns. An .xye of counts without sigma gets sqrt(N), 1 for N = 0, and says so.
    Raises InputError where the form cannot hold what the scan has: times that vary, a missing uncertainty.
    """
    columns: dict[str, Array] = {
        "two_theta_deg": scan.two_theta_deg,
        "counts" if scan.kind == "counts" else "rate_cps": scan.values,
    }
    sigma_name = "sigma_counts" if scan.kind == "counts" else "rate_sigma_cps"
    remarks: list[str] = []
    if extension == "xye":
        columns[sigma_name], remark = _sigma(scan)
        remarks += [remark] if remark else []
    elif extension == "csv" and scan.sigma is not None:
        columns[sigma_name] = scan.sigma
    seconds = scan.seconds_per_step
    constant = seconds is not None and bool(np.all(seconds == seconds[0]))
    if seconds is not None and not constant:
        if extension != "csv":
            raise InputError(
                f"an .{extension} file cannot hold counting times that vary from point to point",
                why="attenuators or variable counting times were used, and without the times the rates are lost",
                remedy="convert --to csv",
                where=f"{scan.file} (range {scan.range_index})",
            )
        columns["seconds_per_step"] = seconds
    if scan.monitor is not None and extension == "csv":
        columns["monitor"] = scan.monitor
    separator = "," if extension == "csv" else " "
    head = [f"# {line}" for line in (*_facts(scan, constant=constant), *remarks)]
    written = [map(repr, _plain(column)) for column in columns.values()]
    rows = (separator.join(row) for row in zip(*written, strict=True))
    names = separator.join(columns)
    return "\n".join([*head, names if extension == "csv" else f"# {names}", *rows]) + "\n"


def _plain(column: Array) -> list[int] | list[float]:
    """Whole numbers without their decimal point: fewer bytes, the same numbers."""
    if np.all(column == np.rint(column)) and float(np.abs(column).max()) < 2**53:
        whole: list[int] = column.astype(np.int64).tolist()
        return whole
    listed: list[float] = column.tolist()
    return listed


def _sigma(scan: Scan) -> tuple[Array, str]:
    if scan.sigma is not None:
        return scan.sigma, ""
    if scan.kind == "counts":
        return np.sqrt(
            np.maximum(scan.values, 1.0)
        ), "sigma = sqrt(N), 1 where N = 0; the scan states none"
    if scan.seconds_per_step is not None:
        counts = scan.values * scan.seconds_per_step
        return np.sqrt(
            np.maximum(counts, 1.0)
        ) / scan.seconds_per_step, "sigma = sqrt(N)/t, N = rate t"
    raise InputError(
        "an .xye file needs an uncertainty, and the scan has none",
        why="rates without a counting time",
        remedy="convert --to xy",
        where=f"{scan.file} (range {scan.range_index})",
    )


def _facts(scan: Scan, *, constant: bool) -> list[str]:
    header, seconds = scan.header, scan.seconds_per_step
    facts = [f"range {scan.range_index} of {scan.file} ({scan.format}), written by xtsred convert"]
    if constant and seconds is not None:
        facts.append(f"seconds_per_step = {float(seconds[0])!r}")
    if header.anode:
        facts.append(f"anode = {header.anode}")
    if header.wavelengths_a:
        facts.append("wavelengths_A = " + " ".join(repr(float(w)) for w in header.wavelengths_a))
    if header.line_ratio:
        facts.append(f"line_ratio = {float(header.line_ratio)!r}")
    if header.sample_name:
        facts.append(f"sample_name = {header.sample_name}")
    if header.started:
        facts.append(f"started = {header.started}")
    return [" ".join(line.split()) for line in facts]
