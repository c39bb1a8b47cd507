"""A virtual impedance laboratory: spectra from known truth, by physics that the fit does not use.

Arcs and electrodes are built by summing relaxations over their closed-form distributions, not from
the circuit elements; fixture, noise and thermometer act as in a real measurement. Everything made
here is VIRTUAL, and the files say so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.cell import ParallelPlates
from calibration.thermometer import celsius
from cis.arrhenius import BOLTZMANN_EV_PER_K
from cis.stages import Array, ComplexArray

__all__ = [
    "Electrode",
    "Glass",
    "Laboratory",
    "Leads",
    "Noise",
    "VirtualSweep",
    "blocking_electrode",
    "depressed_arc",
    "disturb",
    "measure_series",
    "pellet_impedance",
    "write_smart_csv",
]

# (half-)width of the quadrature in ln(tau/tau0) times the exponent: the tail beyond is below 1e-12
_TAIL = 30.0
_STEP = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Glass:
    """Truth of one glass: sigma(298.15 K), its activation energy (of sigma, not sigma T), permittivity.

    exponent: of the depressed arc, 1 for a perfect semicircle.
    """

    name: str
    room_s_per_cm: float
    activation_ev: float
    permittivity: float
    exponent: float = 0.95

    def conductivity(self, temperature_k: Array) -> Array:
        """sigma in S/cm, shape of the argument: sigma_298 exp(-(E/k)(1/T - 1/298.15 K))."""
        t = np.asarray(temperature_k, dtype=np.float64)
        sigma: Array = self.room_s_per_cm * np.exp(
            -self.activation_ev / BOLTZMANN_EV_PER_K * (1.0 / t - 1.0 / 298.15)
        )
        return sigma


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrode:
    """Ion-blocking contact: |Z| = scale_ohm at 1 kHz and 298.15 K, thermally activated, of exponent a."""

    scale_ohm: float = 250.0
    exponent: float = 0.80
    activation_ev: float = 0.05

    def strength(self, temperature_k: float) -> float:
        """Q in S s^a at a temperature."""
        cooler = 1.0 / temperature_k - 1.0 / 298.15
        admittance = math.exp(-self.activation_ev / BOLTZMANN_EV_PER_K * cooler) / self.scale_ohm
        return admittance / math.pow(2.0 * math.pi * 1e3, self.exponent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads:
    """Series resistance and inductance of the leads, stray capacitance and leakage of the holder.

    reseating: relative change of inductance and stray capacitance between the fixture's own
    measurement and the sample's.
    """

    resistance_ohm: float = 0.6
    inductance_h: float = 0.35e-6
    stray_f: float = 0.8e-12
    leakage_s: float = 1e-11
    reseating: float = 0.03

    def seen(self, frequency_hz: Array, z_ohm: ComplexArray, *, change: float) -> ComplexArray:
        """What the analyzer sees of an impedance in the holder, shape (n,)."""
        jw = 2j * np.pi * frequency_hz
        inner = 1.0 / (1.0 / z_ohm + self.leakage_s + jw * self.stray_f * (1.0 + change))
        leads = self.resistance_ohm + jw * self.inductance_h * (1.0 + change)
        return np.asarray(leads + inner, dtype=np.complex128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """relative: of |Z|, each component; mains_hz, mains_relative: a disturbed line of the mains."""

    relative: float = 0.003
    mains_hz: float = 50.0
    mains_relative: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualSweep:
    """One measured temperature: set point and the (true) temperature of the sample, K; the spectrum."""

    set_point_k: float
    read_k: float
    sample_k: float
    frequency_hz: Array
    z_ohm: ComplexArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Laboratory:
    """Everything around the glass. thermometer: standard deviations of the common and the independent error, K."""

    electrode: Electrode = field(default_factory=Electrode)
    leads: Leads = field(default_factory=Leads)
    noise: Noise = field(default_factory=Noise)
    common_k: float = 0.2
    independent_k: float = 0.1


def depressed_arc(
    frequency_hz: Array, *, resistance_ohm: float, tau_s: float, exponent: float
) -> ComplexArray:
    """Impedance of a sample whose relaxation times are spread as Cole and Cole (1941) found.

    Z = R Int G(s)/(1 + i w tau0 e^s) ds,  G(s) = sin(pi (1-a)) / (2 pi (cosh(a s) - cos(pi (1-a))))

    s = ln(tau/tau0), by the trapezoidal rule (spectrally accurate for an analytic integrand that
    falls off at both ends). frequency_hz: shape (n,). Returns Ohm, shape (n,). exponent 1 is a single relaxation.
    Source: Cole & Cole, J. Chem. Phys. 9 (1941) 341; Barsoukov & Macdonald, Impedance Spectroscopy (2005) ch. 2.
    """
    w_tau = 2.0 * np.pi * frequency_hz * tau_s
    if exponent >= 1.0 - 1e-9:
        return np.asarray(resistance_ohm / (1.0 + 1j * w_tau), dtype=np.complex128)
    half = _TAIL / exponent
    # narrow near s = 0 for exponents near 1: the step must resolve the width pi (1 - a)/a
    step = min(_STEP, math.pi * (1.0 - exponent) / exponent / 4.0)
    s = np.arange(-half, half + step, step)
    # sinh instead of cosh: no difference of nearly equal numbers at the top of the distribution
    below = 2.0 * (np.sinh(exponent * s / 2.0) ** 2 + np.sin(np.pi * (1.0 - exponent) / 2.0) ** 2)
    density = np.sin(np.pi * (1.0 - exponent)) / (2.0 * np.pi * below)
    kernel = 1.0 / (1.0 + 1j * w_tau[:, None] * np.exp(s)[None, :])
    return resistance_ohm * step * np.asarray(kernel @ density, dtype=np.complex128)


def blocking_electrode(frequency_hz: Array, *, strength: float, exponent: float) -> ComplexArray:
    """Impedance of a rough blocking contact as a ladder of relaxations without end.

    (i w)^-a = sin(pi a)/pi Int_0^inf x^-a/(x + i w) dx, with x = e^u;  Z = (i w)^-a/Q

    strength: Q, S s^a. Returns Ohm, shape (n,). Valid for 0 < a < 1.
    Source: Gradshteyn & Ryzhik 3.194 (Euler's beta integral).
    """
    w = 2.0 * np.pi * frequency_hz
    # u measured from ln w: the integrand decays as e^((1-a)u) on the left and e^(-a u) on the right
    u = np.arange(-_TAIL / (1.0 - exponent), _TAIL / exponent + _STEP, _STEP)
    integrand = np.exp((1.0 - exponent) * u) / (np.exp(u) + 1j)
    integral = _STEP * np.sum(integrand) * math.sin(math.pi * exponent) / math.pi
    return np.asarray(integral * w**-exponent / strength, dtype=np.complex128)


def pellet_impedance(
    frequency_hz: Array,
    *,
    glass: Glass,
    plates: ParallelPlates,
    electrode: Electrode,
    temperature_k: float,
) -> ComplexArray:
    """Impedance of the pellet with its electrodes, without fixture or noise, Ohm, shape (n,).

    R = (e/A)/sigma; the apex of the arc lies at w = sigma/(eps0 eps_r), whatever the geometry.
    """
    sigma = float(glass.conductivity(np.array(temperature_k)))
    resistance = plates.constant_per_cm.value / sigma
    tau = resistance * glass.permittivity * plates.vacuum_capacitance_f
    bulk = depressed_arc(
        frequency_hz, resistance_ohm=resistance, tau_s=tau, exponent=glass.exponent
    )
    contact = blocking_electrode(
        frequency_hz, strength=electrode.strength(temperature_k), exponent=electrode.exponent
    )
    return bulk + contact


def measure_series(
    glass: Glass,
    *,
    plates: ParallelPlates,
    set_points_k: Sequence[float],
    frequency_hz: Array,
    laboratory: Laboratory,
    random: np.random.Generator,
) -> tuple[VirtualSweep, ...]:
    """Measure one glass at several temperatures as an analyzer would.

    Each sample temperature is the reading plus one common and one independent error; the reading lies
    near the set point. Noise: relative to |Z|, on both components; points within 2% of the mains are disturbed.
    """
    common = random.normal(0.0, laboratory.common_k)
    sweeps = []
    for set_point in set_points_k:
        read = round(set_point + random.normal(0.0, 0.05), 2)
        sample = read + common + random.normal(0.0, laboratory.independent_k)
        clean = pellet_impedance(
            frequency_hz,
            glass=glass,
            plates=plates,
            electrode=laboratory.electrode,
            temperature_k=sample,
        )
        change = random.normal(0.0, laboratory.leads.reseating)
        seen = laboratory.leads.seen(frequency_hz, clean, change=change)
        sweeps.append(
            VirtualSweep(
                set_point_k=set_point,
                read_k=read,
                sample_k=sample,
                frequency_hz=frequency_hz,
                z_ohm=disturb(frequency_hz, seen, noise=laboratory.noise, random=random),
            )
        )
    return tuple(sweeps)


def disturb(
    frequency_hz: Array, z_ohm: ComplexArray, *, noise: Noise, random: np.random.Generator
) -> ComplexArray:
    """Add the analyzer's noise and the mains to a spectrum, shape (n,)."""
    n = frequency_hz.size
    error = noise.relative * (random.standard_normal(n) + 1j * random.standard_normal(n))
    near = np.abs(frequency_hz / noise.mains_hz - 1.0) < 0.02
    error = error + np.where(
        near, noise.mains_relative * np.exp(2j * np.pi * random.random(n)), 0.0
    )
    disturbed: ComplexArray = z_ohm + np.abs(z_ohm) * error
    return disturbed


def write_smart_csv(path: Path, sweeps: Sequence[VirtualSweep], *, title: str) -> None:
    """Write sweeps in the layout of a Solartron SMaRT csv export, marked as virtual on its first lines."""
    lines = [
        "VIRTUAL DATA: computed, not measured",
        title,
        "",
        "Result Number,Sweep Number,Point Number,Time,Frequency (Hz),AC Level (V),DC Level (V),"
        "Set Point ('C),Temperature ('C),Control ('C),Impedance Magnitude (Ohms),"
        "Impedance Phase Degrees ('),Admittance Magnitude (S),Capacitance Magnitude (F),",
    ]
    result = 0
    for number, sweep in enumerate(sweeps, start=1):
        points = zip(sweep.frequency_hz, sweep.z_ohm, strict=True)
        for point, (f, z) in enumerate(points, start=1):
            result += 1
            admittance = 1.0 / abs(z)
            capacitance = abs((1.0 / z).imag) / (2.0 * math.pi * f)
            seconds = 2400 * (number - 1) + 4 * point
            lines.append(
                f"{result},{number},{point},{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},"
                f"{f:.6g},0.1,0,{celsius(sweep.set_point_k):.2f},{celsius(sweep.read_k):.2f},"
                f"{celsius(sweep.read_k):.2f},{abs(z):.6g},{math.degrees(math.atan2(z.imag, z.real)):.5g},"
                f"{admittance:.5g},{capacitance:.5g},"
            )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
