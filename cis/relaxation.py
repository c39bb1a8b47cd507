"""Distribution of relaxation times: how many arcs there are, without a circuit.

Z(omega) = R_inf + i omega L + 1/(i omega C) + sum_k gamma_k d(ln tau) / (1 + i omega tau_k), gamma_k >= 0. The second differences
of gamma are held small by lambda (Tikhonov); lambda is the largest for which the curve still follows the
data as closely as the Kramers-Kronig test says the noise allows (Morozov's discrepancy principle), so
that no peak is made of noise. Sources: Wan, Saccoccio, Chen & Ciucci, Electrochim. Acta 184 (2015) 483;
Lawson & Hanson, Solving Least Squares Problems (1974), ch. 23; Morozov, Soviet Math. Dokl. 7 (1966) 414.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from cis.stages import Array, ComplexArray

__all__ = ["Peak", "RelaxationTimes", "relaxation_times"]

_PER_DECADE = 10
_MARGIN = 1.0  # decades of tau beyond the frequencies measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """One peak: time constant in s, its frequency 1/(2 pi tau) in Hz, and its area in Ohm.

    inside: whether its top lies within the measured frequencies; a spike piles up outside.
    """

    tau_s: float
    frequency_hz: float
    resistance_ohm: float
    inside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxationTimes:
    """gamma over ln tau in Ohm, shape (k,), at tau_s, shape (k,); the peaks, the fastest first.

    regularization: lambda chosen; rms_relative: of (Z - model)/|Z| per component; tried: (lambda, rms) of every
    lambda tried. model_z_ohm: shape (n,).
    """

    tau_s: Array
    gamma_ohm: Array
    peaks: tuple[Peak, ...]
    regularization: float
    rms_relative: float
    tried: tuple[tuple[float, float], ...]
    model_z_ohm: ComplexArray


def relaxation_times(
    frequency_hz: Array,
    z_ohm: ComplexArray,
    *,
    noise_relative: float,
    electrode_z_ohm: ComplexArray | None = None,
) -> RelaxationTimes:
    """The smoothest non-negative distribution that follows the data to the noise.

    noise_relative: standard deviation of a component over |Z| (Validation.noise_relative); 0.1% is taken where
    it is smaller. electrode_z_ohm: impedance of a fitted electrode, shape (n,), taken off first so that its spike
    does not fill the long times. Weights 1/|Z| of the data.
    """
    omega = 2.0 * np.pi * frequency_hz
    target = z_ohm if electrode_z_ohm is None else z_ohm - electrode_z_ohm
    first, last = np.log10(1.0 / omega.max()) - _MARGIN, np.log10(1.0 / omega.min()) + _MARGIN
    tau = np.logspace(first, last, int((last - first) * _PER_DECADE) + 1)
    step = float(np.log(tau[1] / tau[0]))
    weight = 1.0 / np.abs(z_ohm)
    kernel = step / (1.0 + 1j * omega[:, None] * tau)
    extra = np.stack([np.ones_like(kernel[:, 0]), 1j * omega, 1.0 / (1j * omega)], axis=1)
    columns = np.hstack([kernel, extra]) * weight[:, None]
    matrix = np.concatenate([columns.real, columns.imag])
    scale = np.linalg.norm(matrix, axis=0)
    scale[: tau.size] = scale[
        : tau.size
    ].mean()  # one scale for gamma: the penalty compares neighbours
    data = np.concatenate([(target * weight).real, (target * weight).imag])
    rough = np.zeros((tau.size, matrix.shape[1]))
    rough[:, : tau.size] = np.diff(np.eye(tau.size + 2), 2, axis=0)[:, 1:-1]  # zero beyond the ends
    goal = 1.1 * max(noise_relative, 1e-3)
    tried: list[tuple[float, float]] = []

    def attempt(exponent: float) -> tuple[float, Array]:
        strength = 10.0**exponent
        stacked = np.concatenate([matrix / scale, strength * rough])
        solution, _ = nnls(stacked, np.concatenate([data, np.zeros(tau.size)]), maxiter=3000)
        residual = matrix @ (solution / scale) - data
        rms = float(np.sqrt(residual @ residual / data.size))
        tried.append((strength, rms))
        return rms, solution / scale

    low, high = -4.0, 2.0
    rms, best = attempt(low)
    goal = max(goal, 1.05 * rms)  # not even the roughest distribution follows such data
    chosen = low
    for _ in range(9):
        middle = 0.5 * (low + high)
        found, solution = attempt(middle)
        if found <= goal:
            low, chosen, rms, best = middle, middle, found, solution
        else:
            high = middle
    gamma = best[: tau.size]
    model = np.asarray(np.hstack([kernel, extra]) @ best, dtype=np.complex128)
    if electrode_z_ohm is not None:
        model = model + electrode_z_ohm
    return RelaxationTimes(
        tau_s=tau,
        gamma_ohm=gamma,
        peaks=_peaks(tau, gamma, step, frequency_hz),
        regularization=10.0**chosen,
        rms_relative=rms,
        tried=tuple(sorted(tried)),
        model_z_ohm=model,
    )


def _peaks(tau: Array, gamma: Array, step: float, frequency_hz: Array) -> tuple[Peak, ...]:
    """Local maxima with their areas between the minima on both sides; below 1% of the total area is dropped."""
    total = float(gamma.sum())
    if total <= 0.0:
        return ()
    padded = np.concatenate([[0.0], gamma, [0.0]])
    tops = [
        i for i in range(tau.size) if padded[i + 1] > padded[i] and padded[i + 1] >= padded[i + 2]
    ]
    found = []
    for rank, top in enumerate(tops):
        begin = 0 if rank == 0 else tops[rank - 1] + int(np.argmin(gamma[tops[rank - 1] : top + 1]))
        end = (
            tau.size
            if rank == len(tops) - 1
            else top + int(np.argmin(gamma[top : tops[rank + 1] + 1]))
        )
        area = float(gamma[begin:end].sum()) * step
        frequency = 1.0 / (2.0 * np.pi * float(tau[top]))
        inside = bool(frequency_hz.min() <= frequency <= frequency_hz.max())
        if area > 0.01 * total * step:
            found.append(
                Peak(
                    tau_s=float(tau[top]),
                    frequency_hz=frequency,
                    resistance_ohm=area,
                    inside=inside,
                )
            )
    return tuple(found)
