"""Linear Kramers-Kronig test: a curve that obeys causality by construction, fitted by linear least squares.

Z_KK(omega) = R_0 + i omega L + 1/(i omega C) + sum_k R_k / (1 + i omega tau_k), with fixed tau_k spaced evenly in
the logarithm. The coefficients may have either sign; 1/C may be zero.
Sources: Boukamp, J. Electrochem. Soc. 142 (1995) 1885; Schoenleber, Klotz, Ivers-Tiffee, Electrochim. Acta 131
(2014) 20. Unlike the latter the number of time constants is chosen by the corrected Akaike criterion: the
curve shall follow all that is causal, and nothing of the noise.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cis.stages import Array, ComplexArray

__all__ = ["STRUCTURED", "KramersKronig", "causal_curves", "linear_kk", "residual_structure"]

STRUCTURED = (
    4.0  # standard deviations of the correlation between neighbours, for noise that is white
)
_PER_DECADE = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class KramersKronig:
    """The causal curve through n points.

    z_ohm: shape (n,). elements: number of time constants. noise: standard deviation of a component over
    |Z|. residual: shape (2n,), real parts then imaginary parts of (Z - Z_KK)/|Z|, less what the columns beside
    the curve explain. basis: shape (2n, k), orthonormal columns that span what the curve (and those columns) can
    follow. freedom: 2n - k. aicc: corrected Akaike criterion.
    """

    z_ohm: ComplexArray
    elements: int
    noise: float
    residual: Array
    basis: Array
    freedom: int
    aicc: float
    tau_s: Array
    coefficients: Array

    def at(self, frequency_hz: Array) -> ComplexArray:
        """The causal curve in Ohm, shape (m,), at other frequencies in Hz (the masked points)."""
        return _columns(frequency_hz, self.tau_s) @ self.coefficients


def linear_kk(
    frequency_hz: Array, z_ohm: ComplexArray, *, beside: Array | None = None
) -> KramersKronig:
    """Fit the causal curve with weights 1/|Z|; needs 6 points or more (raises ValueError below).

    beside: columns, shape (2n, m), that no causal curve has (a step between ranges), fitted with it.
    """
    return min(causal_curves(frequency_hz, z_ohm, beside=beside), key=lambda curve: curve.aicc)


def causal_curves(
    frequency_hz: Array, z_ohm: ComplexArray, *, beside: Array | None = None
) -> Iterator[KramersKronig]:
    """The curves of all numbers of time constants, at least one; arguments and errors as linear_kk."""
    if frequency_hz.size < 6:
        raise ValueError("a Kramers-Kronig test needs at least 6 points")
    omega = 2.0 * np.pi * frequency_hz
    decades = float(np.log10(omega.max() / omega.min()))
    most = max(2, min(int(1.2 * frequency_hz.size) - 5, 60))
    counts = sorted({min(most, max(2, round(k * (decades + 1.0)))) for k in _PER_DECADE})
    modulus = np.abs(z_ohm)
    target = _parts(z_ohm / modulus)
    for count in counts:
        tau = np.geomspace(0.3 / omega.max(), 3.0 / omega.min(), count)
        columns = _columns(frequency_hz, tau)
        matrix = _parts(columns / modulus[:, None])
        if beside is not None:
            matrix = np.hstack([matrix, beside])
        scale = np.linalg.norm(matrix, axis=0)
        u, s, vt = np.linalg.svd(matrix / scale, full_matrices=False)
        kept = s > 1e-10 * s[0]
        basis = u[:, kept]
        projection = basis.T @ target
        residual = target - basis @ projection
        k, m = basis.shape[1] + 1, target.size
        if m - k - 1 <= 0:
            break
        floor = 1e-26 * m  # noise-free data: rounding is all that is left
        coefficients = ((vt[kept].T @ (projection / s[kept])) / scale)[: count + 3]
        freedom = m - basis.shape[1]
        yield KramersKronig(
            z_ohm=columns @ coefficients,
            elements=count,
            noise=float(np.sqrt(residual @ residual / freedom)),
            residual=residual,
            basis=basis,
            freedom=freedom,
            aicc=float(m * np.log(residual @ residual / m + floor / m) + 2.0 * k * m / (m - k - 1)),
            tau_s=tau,
            coefficients=coefficients,
        )


def residual_structure(curve: KramersKronig, frequency_hz: Array) -> float:
    """Lag-one correlation of the residuals, the larger of both parts, in standard deviations for white noise."""
    order = np.argsort(frequency_hz)
    found = []
    for part in (curve.residual[: order.size][order], curve.residual[order.size :][order]):
        power = float(part @ part)
        found.append(float(part[1:] @ part[:-1]) / power * np.sqrt(part.size) if power else 0.0)
    return max(found)


def _columns(frequency_hz: Array, tau_s: Array) -> ComplexArray:
    s = 2j * np.pi * frequency_hz[:, None]
    return np.hstack([np.ones_like(s), s, 1.0 / s, 1.0 / (1.0 + s * tau_s)])


def _parts(values: ComplexArray) -> Array:
    return np.concatenate([values.real, values.imag], axis=0)
