"""Issuing a certificate from a calibration file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from calibration.certificate import BelongsTo, Certificate, Kind, issue_certificate, remarks_of
from calibration.quantity import Quantity
from calibration.records import Loaded
from calibration.report import Finding
from cis.calibrate.config import CalibrationFile

__all__ = ["issue"]


def issue(
    loaded: Loaded[CalibrationFile],
    kind: Kind,
    *,
    values: Mapping[str, Quantity],
    files: Sequence[Path],
    tables: Mapping[str, tuple[float, ...]],
    facts: Mapping[str, str],
    findings: Sequence[Finding],
) -> Certificate:
    """A signed certificate with name, instrument and validity of [certificate]; what --set changed and what was found wrong is remarked."""
    entry = loaded.record.certificate
    return issue_certificate(
        kind,
        name=entry.name,
        values=values,
        sources=(loaded.path, *files),
        belongs_to=BelongsTo(instrument=entry.instrument),
        valid_days=entry.valid_days,
        tables=dict(tables),
        facts=dict(facts),
        remarks=(
            *(f"--set {key}={value}" for key, value in loaded.overrides.items()),
            *remarks_of(findings),
        ),
    )
