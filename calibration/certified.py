"""What the certificates of a fixture, of a thermometer and of a detector's flat field stand for."""

import numpy as np
import numpy.typing as npt

from calibration.certificate import Certificate
from calibration.errors import InputError
from calibration.fixture import Fixture, Standard
from calibration.thermometer import Thermometer

__all__ = [
    "fixture_of",
    "fixture_tables",
    "flat_field_of",
    "range_of",
    "standards_of",
    "thermometer_of",
]

Array = npt.NDArray[np.float64]


def standards_of(fixture: Fixture) -> dict[str, Standard]:
    """What was measured of a fixture, by name."""
    named = {"open": fixture.open, "short": fixture.short, "load": fixture.load}
    return {name: standard for name, standard in named.items() if standard is not None}


def fixture_tables(fixture: Fixture) -> dict[str, tuple[float, ...]]:
    """The spectra of a fixture as tables of a certificate: open_frequency_Hz, open_Z_real_ohm, ..."""
    tables: dict[str, tuple[float, ...]] = {}
    for name, standard in standards_of(fixture).items():
        tables[f"{name}_frequency_Hz"] = tuple(standard.frequency_hz.tolist())
        tables[f"{name}_Z_real_ohm"] = tuple(standard.z_ohm.real.tolist())
        tables[f"{name}_Z_imag_ohm"] = tuple(standard.z_ohm.imag.tolist())
    return tables


def fixture_of(certificate: Certificate) -> Fixture:
    """The spectra of a fixture's certificate. Raises InputError where it holds none, or halves of one."""
    found: dict[str, Standard] = {}
    for name in ("open", "short", "load"):
        columns = [
            certificate.tables.get(f"{name}_{c}", ())
            for c in ("frequency_Hz", "Z_real_ohm", "Z_imag_ohm")
        ]
        if not any(columns):
            continue
        if len({len(c) for c in columns}) != 1 or len(columns[0]) < 2:
            raise InputError(f"the {name} of the fixture certificate is incomplete")
        frequency, real, imag = (np.array(c, dtype=np.float64) for c in columns)
        found[name] = Standard(name=name, frequency_hz=frequency, z_ohm=real + 1j * imag)
    if not found:
        raise InputError("the fixture certificate holds no spectrum")
    load = certificate.values.get("load_ohm")
    return Fixture(
        open=found.get("open"),
        short=found.get("short"),
        load=found.get("load"),
        load_true_ohm=None if load is None else load.value,
    )


def thermometer_of(certificate: Certificate) -> Thermometer:
    """The thermometer that a certificate describes. Raises InputError where it lacks a number."""
    return Thermometer(
        point_sigma_k=certificate.value("point_sigma_K").value,
        offset_k=certificate.value("offset_K"),
        lag=certificate.values.get("lag"),
        ambient_k=certificate.value("pivot_K").value,
    )


def range_of(certificate: Certificate) -> tuple[float, float]:
    """Lowest and highest reading of a thermometer's calibration, K. Raises InputError where they are missing."""
    read = certificate.tables.get("read_K", ())
    if not read:
        raise InputError("the thermometer certificate does not say between which readings it holds")
    return min(read), max(read)


def flat_field_of(certificate: Certificate) -> tuple[Array, Array]:
    """Factor and standard uncertainty of each channel of a detector's certificate, shape (channels,), NaN for bad ones.

    Raises InputError where the certificate has no flat field.
    """
    factor = np.array(certificate.tables.get("flat_field_factor", ()))
    sigma = np.array(certificate.tables.get("flat_field_sigma", ()))
    if not factor.size or factor.size != sigma.size:
        raise InputError(f"the certificate {certificate.name!r} holds no flat field")
    bad = [int(k) for k in certificate.tables.get("bad_channels", ())]
    factor[bad] = sigma[bad] = np.nan
    return factor, sigma
