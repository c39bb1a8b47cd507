"""Compensation of the leads and the holder with measured open, short and load."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError

__all__ = ["Compensated", "Fixture", "Standard", "compensate", "open_short", "open_short_load"]

Array = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """A measured state of the empty fixture, or of a known load in it.

    name: "open", "short" or "load", with the file for messages. frequency_hz: shape (n,), > 0.
    z_ohm: shape (n,), Z'' negative for a capacitance.
    """

    name: str
    frequency_hz: Array
    z_ohm: ComplexArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """What was measured of the fixture. load_true_ohm: resistance of the load standard."""

    open: Standard | None = None
    short: Standard | None = None
    load: Standard | None = None
    load_true_ohm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensated:
    """z_ohm: impedance at the sample, shape (n,). interpolated: points between measured fixture frequencies.

    largest_change: largest |Z_corrected - Z_measured|/|Z_corrected|; at_hz: where.
    method: the formula that was used.
    """

    z_ohm: ComplexArray
    interpolated: int
    largest_change: float
    at_hz: float
    method: str


def open_short(
    z_ohm: ComplexArray, *, z_open: ComplexArray | None, z_short: ComplexArray | None
) -> ComplexArray:
    """Impedance of the sample behind a series impedance and in parallel with a stray admittance.

    Z_dut = (Z_m - Z_s)/(1 - (Z_m - Z_s) Y_o),  Y_o = 1/(Z_o - Z_s)

    z_ohm, z_open, z_short: Z_m, Z_o, Z_s, shape (n,), at the same frequencies; an absent standard
    leaves its part out (Y_o = 0 or Z_s = 0).
    Valid while the stray capacitance sits on the sample's side of the leads.
    Source: Keysight Impedance Measurement Handbook, open/short compensation, with Y_o kept
    exact instead of 1/Z_o.
    """
    series = np.zeros_like(z_ohm) if z_short is None else z_short
    inner = z_ohm - series
    if z_open is None:
        return inner
    with np.errstate(divide="ignore", invalid="ignore"):  # a sample equal to the open is infinite
        return inner / (1.0 - inner / (z_open - series))


def open_short_load(
    z_ohm: ComplexArray,
    *,
    z_open: ComplexArray,
    z_short: ComplexArray,
    z_load: ComplexArray,
    load_true_ohm: float,
) -> ComplexArray:
    """Impedance of the sample behind any linear two-port, from three standards.

    Z_dut = Z_std (Z_s - Z_m)(Z_l - Z_o) / ((Z_m - Z_o)(Z_s - Z_l))

    z_load: measured load Z_l, shape (n,); load_true_ohm: its true value Z_std.
    Source: Keysight Impedance Measurement Handbook, open/short/load compensation.
    """
    above = (z_short - z_ohm) * (z_load - z_open)
    with np.errstate(divide="ignore", invalid="ignore"):
        return load_true_ohm * above / ((z_ohm - z_open) * (z_short - z_load))


def compensate(frequency_hz: Array, z_ohm: ComplexArray, *, fixture: Fixture) -> Compensated:
    """Remove the fixture from a measured spectrum.

    frequency_hz, z_ohm: shape (n,). The standards are interpolated in log frequency as series
    resistance and inductance (short, load) or conductance and capacitance (open), which vary slowly.
    Raises InputError where a point lies outside the frequencies of a standard, where a load comes
    without open, short or its true value, or where nothing was measured.
    """
    if fixture.load is not None:
        if fixture.open is None or fixture.short is None or fixture.load_true_ohm is None:
            raise InputError(
                "a load compensation needs open, short and the load's true resistance",
                remedy="give fixture.open, fixture.short and fixture.load_true_ohm, or leave the load out",
                where="fixture.load",
            )
        z_open, k = _interpolate(fixture.open, frequency_hz, as_admittance=True)
        z_short, m = _interpolate(fixture.short, frequency_hz, as_admittance=False)
        z_load, n = _interpolate(fixture.load, frequency_hz, as_admittance=False)
        corrected = open_short_load(
            z_ohm,
            z_open=z_open,
            z_short=z_short,
            z_load=z_load,
            load_true_ohm=fixture.load_true_ohm,
        )
        return _compensated(frequency_hz, z_ohm, corrected, max(k, m, n), "open/short/load")
    if fixture.open is None and fixture.short is None:
        raise InputError("no fixture measurement was given", where="fixture")
    opened = shorted = None
    interpolated = [0]
    if fixture.open is not None:
        opened, k = _interpolate(fixture.open, frequency_hz, as_admittance=True)
        interpolated.append(k)
    if fixture.short is not None:
        shorted, k = _interpolate(fixture.short, frequency_hz, as_admittance=False)
        interpolated.append(k)
    corrected = open_short(z_ohm, z_open=opened, z_short=shorted)
    method = "/".join(
        n for n, z in (("open", fixture.open), ("short", fixture.short)) if z is not None
    )
    return _compensated(frequency_hz, z_ohm, corrected, max(interpolated), method)


def _compensated(
    frequency_hz: Array,
    measured: ComplexArray,
    corrected: ComplexArray,
    interpolated: int,
    method: str,
) -> Compensated:
    if not np.isfinite(corrected).all():
        raise InputError(
            "the fixture compensation gives values that are not finite",
            why="the sample, the open or the short cannot be told apart at some frequency",
            remedy="check that the open and short files are not exchanged",
            where="fixture",
        )
    change = np.abs(corrected - measured) / np.abs(corrected)
    worst = int(np.argmax(change))
    return Compensated(
        z_ohm=corrected,
        interpolated=interpolated,
        largest_change=float(change[worst]),
        at_hz=float(frequency_hz[worst]),
        method=method,
    )


def _interpolate(
    standard: Standard, frequency_hz: Array, *, as_admittance: bool
) -> tuple[ComplexArray, int]:
    """Standard at other frequencies (not outside its own), and how many fell between its points."""
    order = np.argsort(standard.frequency_hz)
    known, z = standard.frequency_hz[order], standard.z_ohm[order]
    slack = 1e-4  # two instruments print the same frequency with different digits
    low, high = known[0] * (1.0 - slack), known[-1] * (1.0 + slack)
    outside = (frequency_hz < low) | (frequency_hz > high)
    if outside.any():
        raise InputError(
            f"the {standard.name} measurement of the fixture covers {known[0]:.4g} to {known[-1]:.4g} Hz, "
            f"the sample {frequency_hz.min():.4g} to {frequency_hz.max():.4g} Hz",
            why=f"{int(outside.sum())} points would need extrapolation",
            remedy="measure the fixture over the whole range, or narrow validation.range_Hz",
            where=f"fixture.{standard.name}",
        )
    value = 1.0 / z if as_admittance else z
    x, x_known = np.log(frequency_hz), np.log(known)
    real = np.interp(x, x_known, value.real)
    slope = np.interp(x, x_known, value.imag / known)  # inductance or capacitance, times 2 pi
    result: ComplexArray = real + 1j * slope * frequency_hz
    nearest = np.abs(x[:, None] - x_known[None, :]).min(axis=1)
    if as_admittance:
        result = np.reciprocal(result)
    return result, int((nearest > slack).sum())
