"""Calibration certificates: values with uncertainty and origin, in a TOML file that cannot be altered unnoticed.

A certificate is issued by a calibration and named by a project file (`[calibration] goniometer = "ceo2.toml"`). It says
what was found, from which data, when, for how long it holds and for which radiation. Its signature is a
checksum over all of that: it tells an edited or damaged file from the issued one, it does not prove who issued it.
"""

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from calibration.errors import ConfigError, InputError, OutputError
from calibration.quantity import Quantity
from calibration.radiation import Line, identify
from calibration.records import Number, as_table, load, record, to_toml
from calibration.report import Finding

__all__ = [
    "PROBLEM",
    "BelongsTo",
    "Certificate",
    "Covariance",
    "Kind",
    "Source",
    "check_certificate",
    "check_instrument",
    "issue_certificate",
    "read_certificate",
    "remarks_of",
    "write_certificate",
]

Kind = Literal["goniometer", "attenuation", "detector", "cell", "fixture", "thermometer"]

PROBLEM = "problem: "
"""How a remark begins that puts the certificate itself in doubt."""

_SAME_LINE = (
    1e-3  # relative; a K-alpha doublet is 0.8 % wide at most, two anodes differ by more than 5 %
)
_DOUBLET = 1e-2


@record
class BelongsTo:
    """What a certificate may be applied to; None: no restriction. wavelength_A: of the strongest line."""

    anode: str | None = None
    wavelength_A: float | None = None
    instrument: str | None = None


@record
class Source:
    """A file that the values came from."""

    file: str
    size: int
    sha256: str


@record
class Covariance:
    """Of the values that were fitted together: names, and their covariance matrix in the values' units squared."""

    names: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]


@record
class Certificate:
    """One certificate as it stands in its file; units are in the names.

    values: name -> value ± sigma, every one with its sigma. tables: name -> numbers, for what has many (flat field,
    spectra of a fixture). facts: name -> text. created: ISO 8601, UTC. valid_until: ISO date, None: not
    stated. signature: SHA-256 over everything else.
    """

    kind: Kind
    name: str
    created: str
    program: str
    values: dict[str, Annotated[Quantity, Number()]]
    signature: str
    source: tuple[Source, ...] = ()
    valid_until: str | None = None
    belongs_to: BelongsTo = field(default_factory=BelongsTo)
    covariance: Covariance | None = None
    tables: dict[str, tuple[float, ...]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def value(self, name: str) -> Quantity:
        """One value. Raises InputError naming what the certificate has."""
        if name not in self.values:
            raise InputError(
                f"the {self.kind} certificate {self.name!r} has no {name}",
                why=f"it holds {', '.join(self.values)}",
            )
        return self.values[name]


def issue_certificate(
    kind: Kind,
    *,
    name: str,
    values: Mapping[str, Quantity],
    sources: Iterable[Path],
    belongs_to: BelongsTo | None = None,
    valid_days: float | None = None,
    **more: Any,
) -> Certificate:
    """A new certificate, created now and signed.

    sources: files that the values came from. valid_days: None where nobody stated a validity. more: covariance, tables,
    facts, remarks of `Certificate`. Raises ValueError for a value without sigma: a certificate
    without uncertainty certifies nothing.
    """
    bare = [n for n, v in values.items() if v.sigma is None or not math.isfinite(v.value)]
    if bare:
        raise ValueError(f"no certificate without uncertainty: {', '.join(bare)}")
    now = datetime.now(UTC)
    end = None if valid_days is None else (now + timedelta(days=valid_days)).date().isoformat()
    content: dict[str, Any] = {
        "kind": kind,
        "name": name,
        "created": now.isoformat(timespec="seconds"),
        "program": f"xtsred {importlib.metadata.version('xtsred')}",
        "values": {n: Quantity(v.value, v.sigma) for n, v in values.items()},
        "source": tuple(_source(p) for p in dict.fromkeys(sources)),
        "valid_until": end,
        "belongs_to": belongs_to or BelongsTo(),
        **more,
    }
    return Certificate(**content, signature=_signature(Certificate(**content, signature="")))


def _source(path: Path) -> Source:
    content = path.read_bytes()
    return Source(file=path.name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def _signature(certificate: Certificate) -> str:
    """SHA-256 of the content without the signature, written as JSON with sorted keys."""
    content = as_table(certificate)
    del content["signature"]
    text = json.dumps(content, sort_keys=True, default=_plain, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Quantity):
        return [value.value, value.sigma]
    raise TypeError(type(value).__name__)


def remarks_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """What the findings of a calibration leave for its certificate: warnings, and problems marked as such."""
    return tuple(
        PROBLEM + f.text if f.severity == "problem" else f.text
        for f in findings
        if f.severity != "note"
    )


def write_certificate(certificate: Certificate, path: Path) -> None:
    """Write the certificate as TOML. Raises OutputError where the place cannot be written."""
    text = to_toml(
        certificate,
        header=[
            f"Calibration certificate ({certificate.kind}). Name it in [calibration] of a project file.",
            "Its signature covers every line: calibrate again instead of editing.",
        ],
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "the certificate cannot be written",
            why=error.strerror or str(error),
            where=str(path),
        ) from error


def read_certificate(path: Path, *, kind: Kind) -> Certificate:
    """Read a certificate of this kind and check its signature.

    Raises InputError for a file that cannot be read or is no certificate, one of another kind, and one that was altered.
    """
    certificate = _loaded(path, kind)
    if certificate.kind != kind:
        raise InputError(
            f"this is a certificate of kind {certificate.kind!r}, but {kind!r} is needed here",
            remedy=f"name it as [calibration] {certificate.kind}, or name another file",
            where=str(path),
        )
    if _signature(certificate) != certificate.signature:
        raise InputError(
            "the certificate was altered after it was issued",
            why="its signature does not fit its content",
            remedy="calibrate again; values of your own go into the project file, not into a certificate",
            where=str(path),
        )
    return certificate


def _loaded(path: Path, kind: Kind) -> Certificate:
    """The certificate as it stands in its file; what is wrong with the file is said of a certificate."""
    try:
        return load(Certificate, path).record
    except ConfigError as error:
        raise InputError(
            "this file is no certificate",
            why=f"{error.problems[0]}, for instance",
            remedy=f"name the file that `calibrate` wrote as [calibration] {kind}, unchanged",
            where=str(path),
        ) from error
    except InputError as error:
        raise InputError(
            error.what.replace("the project file", "the certificate"),
            why=error.why,
            remedy=f"check the path at [calibration] {kind}; `calibrate` writes certificates",
            where=error.where,
        ) from error


def check_certificate(
    certificate: Certificate,
    *,
    where: str,
    lines: Sequence[Line] = (),
    measured_on: date | None = None,
) -> tuple[Finding, ...]:
    """What speaks against applying a certificate to data of these lines, measured on this day (None: today).

    lines: radiation of the data, empty where it does not matter. Returns Findings (out of date, unknown to fit);
    raises InputError for radiation that the certificate cannot belong to.
    """
    if lines:
        _check_radiation(certificate, lines, where)
    day = measured_on or datetime.now(UTC).date()
    findings = [
        Finding(
            "warning",
            f"The {certificate.kind} certificate {certificate.name!r} was issued with a problem, and was applied all the same: "
            + remark.removeprefix(PROBLEM),
        )
        for remark in certificate.remarks
        if remark.startswith(PROBLEM)
    ]
    if certificate.valid_until is not None:
        try:
            end = date.fromisoformat(certificate.valid_until)
        except ValueError as error:
            raise InputError(
                f"valid_until is no date: {certificate.valid_until!r}", where=where
            ) from error
        if day > end:
            what = "measured" if measured_on is not None else "reduced"
            text = (
                f"The {certificate.kind} certificate {certificate.name!r} was valid until {end.isoformat()}; the data were "
                f"{what} {(day - end).days} days later. It was applied: calibrate again if anything was moved since."
            )
            findings.append(Finding("warning", text, {"days_after": float((day - end).days)}))
    return tuple(findings)


def check_instrument(certificate: Certificate, instrument: str | None, *, where: str) -> None:
    """Raises InputError for a certificate of another instrument; None: the data do not say theirs."""
    own = certificate.belongs_to.instrument
    if instrument is not None and own is not None and own != instrument:
        raise InputError(
            f"the {certificate.kind} certificate {certificate.name!r} cannot belong to these data",
            why=f"it was issued for {own!r}, the data were measured with {instrument!r}",
            remedy="name the certificate of this instrument, or correct calibration.instrument",
            where=where,
        )


def _check_radiation(certificate: Certificate, lines: Sequence[Line], where: str) -> None:
    strongest = max(lines, key=lambda line: line.weight).wavelength_a
    wavelength, anode = certificate.belongs_to.wavelength_A, certificate.belongs_to.anode
    if wavelength is not None and abs(strongest / wavelength - 1.0) <= _SAME_LINE:
        return
    near = wavelength is not None and abs(strongest / wavelength - 1.0) <= _DOUBLET
    found = identify(strongest)
    if wavelength is None and (anode is None or (found is not None and found[0] == anode)):
        return
    if wavelength is not None and near and found is not None and found[0] == anode:
        return
    own = "an unknown anode" if found is None else found[0]
    raise InputError(
        f"the {certificate.kind} certificate {certificate.name!r} cannot belong to these data",
        why=f"it was issued for {anode or 'radiation'}"
        f"{f' of {wavelength:.6g} Å' if wavelength is not None else ''}, the data were measured with {own}, {strongest:.6g} Å",
        remedy="calibrate with this radiation, or name the certificate of this tube",
        where=where,
    )
