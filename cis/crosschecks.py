"""Views of the fitted spectra that do not use the circuit: Jonscher's law and relaxation times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.report import Finding
from cis.intercepts import find_foot
from cis.relaxation import RelaxationTimes, relaxation_times
from cis.stages import ArcFit, ComplexArray
from cis.views import Jonscher, fit_jonscher

__all__ = ["CrossCheck", "cross_check", "cross_check_findings", "electrode_impedance"]

_LEAST_NOISE = 1e-3
_SIGNIFICANT = 5.0
_RELEVANT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
    """One spectrum seen without its circuit.

    jonscher: G' = G0 (1 + (f/fp)^n), None where G0 is not determined. relaxation: distribution of relaxation
    times, after taking off the fitted electrode. arcs: peaks inside the measured frequencies.
    """

    jonscher: Jonscher | None
    relaxation: RelaxationTimes
    arcs: int

    @property
    def jonscher_ohm(self) -> float | None:
        """1/G0."""
        return None if self.jonscher is None else 1.0 / self.jonscher.conductance_s


def electrode_impedance(fit: ArcFit) -> ComplexArray | None:
    """Impedance of the series CPE of a fit, shape (n,), Ohm; None where the circuit has none.

    Z = 1/(Q (i omega)^alpha)
    """
    outside = re.sub(r"p\([^()]*\)", "", fit.circuit_string)
    names = re.findall(r"CPE\d*", outside)
    if not names:
        return None
    jw = 2j * np.pi * fit.spectrum.frequency_hz
    q, alpha = fit.parameter(f"{names[-1]}_0").value, fit.parameter(f"{names[-1]}_1").value
    electrode: ComplexArray = np.reciprocal(q * jw**alpha)
    return electrode


def cross_check(fit: ArcFit) -> CrossCheck:
    """Both views of one spectrum, from the points that the fit used."""
    used = fit.validation.used
    f, z = fit.spectrum.frequency_hz[used], fit.spectrum.z_ohm[used]
    noise = max(fit.validation.noise_relative or fit.noise_relative, _LEAST_NOISE)
    foot = find_foot(f, z)
    electrode = electrode_impedance(fit)
    relaxation = relaxation_times(
        f,
        z,
        noise_relative=noise,
        electrode_z_ohm=None if electrode is None else electrode[used],
    )
    return CrossCheck(
        jonscher=fit_jonscher(
            f, z, lowest_hz=None if foot is None else foot.frequency_hz, noise_relative=noise
        ),
        relaxation=relaxation,
        arcs=sum(p.inside for p in relaxation.peaks),
    )


def cross_check_findings(
    labels: Sequence[str], fits: Sequence[ArcFit], checks: Sequence[CrossCheck | None]
) -> tuple[Finding, ...]:
    """Where Jonscher's sigma_DC disagrees with the fit by more than 5% and 5 standard uncertainties."""
    away = []
    for label, fit, check in zip(labels, fits, checks, strict=True):
        if check is None or check.jonscher is None or not fit.identifiable:
            continue
        ratio = fit.resistance_ohm * check.jonscher.conductance_s - 1.0
        spread = check.jonscher.conductance_sigma_s / check.jonscher.conductance_s
        if abs(ratio) > max(_RELEVANT, _SIGNIFICANT * spread):
            away.append((label, ratio))
    if not away:
        return ()
    listed = ", ".join(f"{label} ({100 * ratio:+.0f}%)" for label, ratio in away)
    text = (
        f"Jonscher's law gives another sigma_DC than the circuit: {listed}. It knows one relaxation only: with "
        "two arcs it reads the faster one."
    )
    return (Finding("note", text, {"largest": max(abs(r) for _, r in away)}),)
