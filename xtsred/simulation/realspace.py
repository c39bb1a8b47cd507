"""T(r) of a measurement and of a model, after the same Q range and the same window."""

from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError
from xtsred.simulation.compare import wright_r
from xtsred.stages import Array, frozen

__all__ = ["RealSpace", "compare_real_space"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealSpace:
    """T(r) of both curves with the same Q range and window: r, measured, calculated: shape (n,), Å, Å^-2.

    r_chi: Wright's R on T(r) over r_range; g: the same as g(r) = T/(4 pi rho0 r); text: range and window.
    """

    r_chi: float
    r_range: tuple[float, float]
    r: Array
    measured: Array
    calculated: Array
    density: float
    text: str

    def g(self, t: Array) -> Array:
        """g(r) of a T(r)."""
        return np.asarray(t / (4.0 * np.pi * self.density * self.r))


def compare_real_space(
    q: Array,
    s_measured: Array,
    s_calculated: Array,
    *,
    density: float,
    r_range: tuple[float, float] = (1.0, 10.0),
    window: str = "lorch",
) -> RealSpace:
    """T(r) = 4 pi rho0 r + (2/pi) ∫ Q [S - 1] M sin(Qr) dQ of both curves, over the measured range of Q.

    q, s_measured, s_calculated: shape (n,), the whole range that both cover: the model is given the experiment's
    Q_max and window. 0..q[0] is left out of both. Raises InputError for a window that does not exist.
    Source: Keen, J. Appl. Cryst. 34 (2001) 172; Wright 1993 for R_chi.
    """
    from xtsred.fourier import WINDOWS, Window, quadrature_weights, sine_operator, window_function

    if window not in WINDOWS or window == "soper-barney":
        raise InputError(f"no window {window!r} here", remedy="one of lorch, none, cosine")
    r = np.arange(0.02, r_range[1] + 0.01, 0.02)
    m = window_function(q, window=Window(name=window, q_max=float(q[-1])))
    operator = sine_operator(r, q=q, weights=quadrature_weights(q)) * (q * m)
    line = 4.0 * np.pi * density * r
    measured = line + operator @ (s_measured - 1.0)
    calculated = line + operator @ (s_calculated - 1.0)
    used = (r >= r_range[0]) & (r <= r_range[1])
    return RealSpace(
        r_chi=wright_r(measured[used], calculated[used]),
        r_range=r_range,
        r=frozen(r),
        measured=frozen(measured),
        calculated=frozen(calculated),
        density=density,
        text=f"Q from {q[0]:.3g} to {q[-1]:.3g} Å^-1 in both curves, {window} window; below it nothing is added",
    )
