"""Steps of the modulus between neighbouring frequencies: another current range of the analyzer, or a pause.

On one side of a step every |Z| is larger by the same part. Beside any linear model that is one more column,
r_i = h |Z_i|/|Z_i| below the step, so its height and significance follow from the residuals that the model
leaves and from the directions that the model can follow. Source: the partial (added-variable) regression of
Cook & Weisberg, Residuals and Influence in Regression (1982), section 2.3.2.
"""

from dataclasses import dataclass

import numpy as np

from cis.kramers_kronig import causal_curves
from cis.stages import Array, ComplexArray, Step

__all__ = ["FoundStep", "find_step", "step_beside_curve", "step_column"]

STEP_MARGIN = 16.0  # AICc that a step must earn: its place is searched among all neighbours
LEAST_STEP = 0.003  # of |Z|; between ranges an analyzer is not better
_FREE = 0.02  # squared length of the column left by the model, below which it can follow the step


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStep:
    """A step, the sum of squares that it explains, and its significance in standard deviations."""

    step: Step
    gain: float
    sigma: float


def step_column(frequency_hz: Array, z_ohm: ComplexArray, below_hz: float) -> Array:
    """Weighted column of a step of height one, shape (2n, 1): the direction of Z below `below_hz`."""
    column = np.where(frequency_hz < below_hz, z_ohm / np.abs(z_ohm), 0.0)
    return np.concatenate([column.real, column.imag])[:, None]


def find_step(
    frequency_hz: Array,
    z_ohm: ComplexArray,
    residual: Array,
    basis: Array,
    freedom: int,
) -> FoundStep | None:
    """The step that explains most of the residuals (2n,) of a model that spans the columns of basis (2n, k).

    None where the model can follow every step. The first and last two points are outliers, not ranges.
    """
    order = np.argsort(frequency_hz, kind="stable")
    n = order.size
    if n < 6:
        return None
    unit = z_ohm / np.abs(z_ohm)
    below = np.zeros((n, n - 1))
    for k in range(n - 1):
        below[order[: k + 1], k] = 1.0
    columns = np.concatenate([unit.real[:, None] * below, unit.imag[:, None] * below])
    columns -= basis @ (basis.T @ columns)
    length = np.einsum("ik,ik->k", columns, columns)
    f = frequency_hz[order]
    usable = (length > _FREE) & (np.diff(f) > 1e-6 * f[1:])
    usable[:2] = usable[-2:] = False
    if not usable.any():
        return None
    height = np.where(usable, columns.T @ residual / np.where(usable, length, 1.0), 0.0)
    gain = height**2 * length
    k = int(np.argmax(gain))
    left = max(float(residual @ residual) - float(gain[k]), 0.0) / max(freedom - 1, 1) + 1e-30
    step = Step(frequency_hz=float(np.sqrt(f[k] * f[k + 1])), relative=float(height[k]))
    return FoundStep(step=step, gain=float(gain[k]), sigma=float(np.sqrt(gain[k] / left)))


def step_beside_curve(frequency_hz: Array, z_ohm: ComplexArray) -> FoundStep | None:
    """The step that, beside a causal curve of fewer time constants, describes the points better than any curve.

    A causal curve with many time constants follows half of a step, so the criterion is compared over all numbers
    of them. None where no step of 0.3% or more earns 16 in AICc.
    """
    plain = np.inf
    best: tuple[float, FoundStep] | None = None
    for curve in causal_curves(frequency_hz, z_ohm):
        plain = min(plain, curve.aicc)
        found = find_step(frequency_hz, z_ohm, curve.residual, curve.basis, curve.freedom)
        if found is None:
            continue
        m = curve.residual.size
        k = m - curve.freedom + 3  # the noise, the height and the place
        if m - k - 1 <= 0:
            continue
        left = max(float(curve.residual @ curve.residual) - found.gain, 0.0) + 1e-26 * m
        aicc = m * np.log(left / m) + 2.0 * k * m / (m - k - 1)
        if best is None or aicc < best[0]:
            best = (float(aicc), found)
    if best is None or best[0] > plain - STEP_MARGIN or abs(best[1].step.relative) < LEAST_STEP:
        return None
    return best[1]
