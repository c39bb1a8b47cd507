"""A small arc, or a step of the modulus between two current ranges? Where a step does as well, no arc is claimed."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cis.circuits import log_i_omega
from cis.selection import ARC_MARGIN, Choice, at_lower_bound, objection
from cis.solution import Solution
from cis.stages import Array, ComplexArray, Step
from cis.steps import LEAST_STEP, FoundStep, find_step

__all__ = ["judge_step"]

GREATEST_STEP = 0.1  # of |Z|: beyond it the simpler circuit is wrong, not the analyzer
SMALL_CHANGE = 0.15  # of R by the arc: more is no step of an analyzer


def judge_step(
    choice: Choice, frequency_hz: Array, z_ohm: ComplexArray, *, step: Step | None
) -> Choice:
    """The choice with the step that its R suffers; with the simpler circuit where a step explains the arc more.

    step: what stands out of the Kramers-Kronig curve, if anything. A simpler circuit beside a step of free height
    and place is compared with the one chosen by AICc (linearized about the simpler circuit's minimum).
    """
    choice = replace(choice, step=step)
    rival = _simpler_with_step(choice, frequency_hz, z_ohm)
    if rival is None:
        return choice
    name, found = rival
    arc = choice.solution.resistance_ohm / choice.tried[name].resistance_ohm - 1.0
    reason = (
        f"{choice.name} (R {100 * arc:+.1f}%) is no better than this circuit and a step of the modulus by "
        f"{100 * found.step.relative:+.1f}% at {found.step.frequency_hz:.4g} Hz"
    )
    return replace(choice, name=name, solution=choice.tried[name], reason=reason, step=found.step)


def _simpler_with_step(
    choice: Choice, frequency_hz: Array, z_ohm: ComplexArray
) -> tuple[str, FoundStep] | None:
    best: tuple[float, str, FoundStep] | None = None
    chosen = choice.solution
    for name, s in _simpler(choice).items():
        basis = _directions(s, frequency_hz, z_ohm)
        residual = np.concatenate([s.residuals.real, s.residuals.imag])
        residual = residual - basis @ (basis.T @ residual)
        found = find_step(frequency_hz, z_ohm, residual, basis, s.freedom)
        m, k = residual.size, s.x.size + 3
        if (
            found is None
            or m - k - 1 <= 0
            or not LEAST_STEP <= abs(found.step.relative) <= GREATEST_STEP
        ):
            continue
        left = max(float(residual @ residual) - found.gain, 1e-26 * m)
        aicc = float(m * np.log(left / m) + 2.0 * k * m / (m - k - 1))
        if best is None or aicc < best[0]:
            best = (aicc, name, found)
    if best is None or best[0] > chosen.aicc + 2.0 * ARC_MARGIN:
        return None
    return best[1], best[2]


def _simpler(choice: Choice) -> Mapping[str, Solution]:
    """The circuits with one arc less than the one chosen, of nearly the same R."""
    chosen = choice.solution
    arcs = len(chosen.circuit.arcs())
    return {
        n: s
        for n, s in choice.tried.items()
        if arcs > 1
        and len(s.circuit.arcs()) == arcs - 1
        and s.x.size < chosen.x.size
        and not objection(s)
        and not at_lower_bound(s)
        and abs(np.log(s.resistance_ohm / chosen.resistance_ohm)) < SMALL_CHANGE
    }


def _directions(s: Solution, frequency_hz: Array, z_ohm: ComplexArray) -> Array:
    """Orthonormal columns, shape (2n, k), that small changes of the fitted variables span."""
    _, jacobian = s.circuit.evaluate(log_i_omega(frequency_hz), s.x[None, :])
    columns = (jacobian[0] / np.abs(z_ohm)).T
    stacked = np.concatenate([columns.real, columns.imag])
    u, size, _ = np.linalg.svd(stacked / np.linalg.norm(stacked, axis=0), full_matrices=False)
    return np.asarray(u[:, size > 1e-9 * size[0]], dtype=np.float64)
