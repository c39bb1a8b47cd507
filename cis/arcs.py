"""Capacitance and time constant of the R||CPE of a fit, and which of them belong to an electrode."""

import numpy as np

from cis.circuits import Circuit
from cis.stages import Array

__all__ = ["ELECTRODE_CAPACITANCE_F", "arc_capacitance", "electrode_arcs", "sample_intercept"]

# of an arc: neither bulk nor grain boundary (Irvine, Sinclair & West, Adv. Mater. 2 (1990) 132, table 1)
ELECTRODE_CAPACITANCE_F = 1e-6


def arc_capacitance(
    circuit: Circuit, x: Array, covariance: Array, arc: tuple[int, int]
) -> tuple[float, float, float, float]:
    """ln C, its standard uncertainty, ln tau, its standard uncertainty, of an arc of a fit.

    C = (Q R^(1-alpha))^(1/alpha), tau = (R Q)^(1/alpha). Sources: Hsu & Mansfeld, Corrosion 57 (2001) 747; the
    arc's top is at omega tau = 1. x: fitted variables, shape (p,); covariance: (p, p); arc: places of R and Q
    (alpha is next to Q).
    """
    resistance, q = arc
    ideal = q + 1 >= x.size or not circuit.names[q].endswith("_0")
    alpha = 1.0 if ideal else float(x[q + 1])
    log_r, log_q = float(x[resistance]), float(x[q])
    log_tau = (log_r + log_q) / alpha
    by_c, by_tau = np.zeros(x.size), np.zeros(x.size)
    by_tau[resistance] = by_tau[q] = 1.0 / alpha
    if not ideal:
        by_tau[q + 1] = -log_tau / alpha
    by_c += by_tau
    by_c[resistance] -= 1.0  # C = tau / R
    sigma_c, sigma_tau = (float(np.sqrt(v @ covariance @ v)) for v in (by_c, by_tau))
    return log_tau - log_r, sigma_c, log_tau, sigma_tau


def electrode_arcs(circuit: Circuit, x: Array, covariance: Array) -> tuple[str, ...]:
    """Resistors of the arcs whose capacitance exceeds 1e-6 F beyond doubt, where something else is left for R.

    A pellet of a centimetre has 1e-12 F, its grain boundaries up to 1e-8 F; from 1e-6 F on it is a double layer or a
    reaction at the electrodes. A circuit of that arc alone keeps it.
    """
    arcs = circuit.arcs()
    found = []
    for name, r, q in arcs:
        log_c, sigma_c, _, _ = arc_capacitance(circuit, x, covariance, (r, q))
        if sigma_c < 1.0 and np.exp(log_c) > ELECTRODE_CAPACITANCE_F:
            found.append(name)
    rest = len(arcs) + len(circuit.series_resistors()) - len(found)
    return tuple(found) if rest else ()


def sample_intercept(circuit: Circuit, x: Array, without: tuple[str, ...]) -> tuple[float, Array]:
    """Total resistance in Ohm less the resistors named, and its derivatives by the variables, shape (p,)."""
    resistance, slope = circuit.intercept(x)
    for name in without:
        place = circuit.names.index(name)
        part = float(np.exp(x[place]))
        resistance -= part
        slope = slope.copy()
        slope[place] -= part
    return resistance, slope
