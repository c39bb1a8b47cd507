"""What the report and result.json say about the certificates that were applied."""

from typing import Any

from calibration.quantity import Quantity
from calibration.report import Section, Table
from cis.pipeline import Analysis

__all__ = ["calibration_section", "certificate_values", "fixture_sentence"]


def calibration_section(analysis: Analysis) -> Section:
    """One row for every certified value; empty where the project names no certificate."""
    held = analysis.instruments.certificates
    if not held:
        return Section(title="Calibration")
    rows = [
        [kind, certificate.name, name, str(Quantity(q.value, q.sigma))]
        for kind, certificate in held.items()
        for name, q in certificate.values.items()
    ]
    origin = [
        [
            kind,
            certificate.name,
            certificate.created[:10],
            certificate.valid_until or "not stated",
            ", ".join(s.file for s in certificate.source),
            certificate.signature[:12],
        ]
        for kind, certificate in held.items()
    ]
    used = [
        ["cell constant used / cm^-1", str(analysis.instruments.cell.constant_per_cm)],
        ["of the stated size / cm^-1", str(analysis.instruments.geometry)],
    ]
    return Section(
        title="Calibration",
        tables=[
            Table(
                title="Certified values", columns=["kind", "certificate", "value", "±"], rows=rows
            ),
            Table(
                title="Certificates",
                columns=["kind", "name", "issued", "valid until", "from", "signature"],
                rows=origin,
                caption="The signature is a checksum over the whole certificate; every source is known by its own.",
            ),
            Table(title="Cell constant", columns=["which", "value"], rows=used),
        ],
    )


def certificate_values(analysis: Analysis) -> dict[str, Any]:
    """The applied certificates for result.json, by kind."""
    return {
        kind: {
            "name": certificate.name,
            "created": certificate.created,
            "valid_until": certificate.valid_until,
            "signature": certificate.signature,
            "values": dict(certificate.values),
            "sources": [{"file": s.file, "sha256": s.sha256} for s in certificate.source],
        }
        for kind, certificate in analysis.instruments.certificates.items()
    }


def fixture_sentence(analysis: Analysis) -> str:
    """How the fixture was dealt with, for the methods."""
    done = [c for c in analysis.compensated if c is not None]
    if not done:
        return "The fixture was not compensated."
    held = analysis.instruments.certificates.get("fixture")
    whose = "" if held is None else f" of the certificate {held.name!r}"
    return f"The fixture was compensated with measured {done[0].method}{whose}."
