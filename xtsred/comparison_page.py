"""The comparison of a reduction on its report: headline, goodness-of-fit table, values."""

import math
from typing import Any

from calibration.quantity import Quantity
from calibration.report import Section, Table
from xtsred.stages import Comparison

__all__ = ["comparison_headline", "comparison_sections", "comparison_values"]

_PULLS = {
    "curve": "1 if the other curve is exact and our uncertainties are right",
    "simulation": "the misfit of the model over our uncertainty; a model is not exact, so this is no test of ours",
}


def comparison_headline(c: Comparison) -> list[tuple[str, Quantity | str]]:
    """Rows of the headline."""
    q = f"{c.q[0]:.3g} to {c.q[-1]:.3g} Å⁻¹"
    return [
        (f"rms of {c.function} against {c.name}", f"{c.rms:.4f} over {q}"),
        ("Wright R_X", _r_x(c)),
        ("width of the pulls", f"{c.pull_width:.2f} ({_PULLS[c.kind]})"),
    ]


def _r_x(c: Comparison) -> Quantity | str:
    return c.r_x_text or Quantity(c.r_x, c.r_x_sigma)


def _without_noise(c: Comparison) -> float | None:
    """sqrt(R_X² − R_noise²): noise adds its square to the misfit; 0 where nothing but noise is seen, None where it is not known."""
    if c.r_x_floor is None:
        return None
    return math.sqrt(max(c.r_x**2 - c.r_x_floor**2, 0.0))


def _without_noise_sigma(c: Comparison) -> float | None:
    """By our counts: d sqrt(R² - floor²) = R dR / sqrt(R² - floor²); None where it is not known."""
    left = _without_noise(c)
    if not left or c.r_x_sigma_measurement is None:
        return None
    return c.r_x * c.r_x_sigma_measurement / left


def _noise_rows(c: Comparison) -> list[tuple[str, str]]:
    left = _without_noise(c)
    if left is None:
        return []
    text = "0: the misfit is not more than our counting noise"
    if left > 0.0:
        sigma = _without_noise_sigma(c)
        text = f"{left:.4f}" if sigma is None else f"{left:.4f} (± {sigma:.1g})"
    return [
        ("R_X of our counting noise alone (floor)", f"{c.r_x_floor:.4f}"),
        ("R_X without it, sqrt(R_X² − noise²)", text),
    ]


def comparison_sections(c: Comparison | None) -> tuple[Section, ...]:
    """The section on the goodness of fit; empty where nothing was compared."""
    if c is None or c.r_x_flat is None:
        return ()
    low, high = c.q_range or (float(c.q[0]), float(c.q[-1]))
    rows: list[tuple[str, str]] = [
        ("R_X", str(_r_x(c))),
        ("R_X, %", f"{100.0 * c.r_x:.2f}"),
        ("R_X²", f"{c.r_x**2:.5f}"),
        ("R_X of a flat line S = 1", f"{c.r_x_flat:.4f}"),
        *_noise_rows(c),
        *((f"R on {name}", f"{value:.4f}") for name, value in c.by_function.items()),
        ("range", f"{low:.4g} to {high:.4g} Å⁻¹, {c.q.size} points"),
        ("weights of the other", c.weights),
        ("window of its g(r)", c.window),
    ]
    if c.scale is not None and c.r_x_scaled is not None:
        text = f"{c.scale}; R_X with it {c.r_x_scaled:.4f}"
        rows.append(("fitted scale of its S - 1, not applied", text))
    intervals = [
        (f"{a:.3g} to {b:.3g}", f"{100.0 * share:.0f}", f"{r:.4f}")
        for a, b, share, r in c.intervals
    ]
    return (
        Section(
            title=f"Goodness of fit against {c.name}",
            paragraphs=(
                "R_X = sqrt(sum (S_exp - S_calc)² / sum S_exp²) on the measured grid (Wright 1993); some papers print "
                "its square. Noise makes it larger: without our counting noise it is what the two curves themselves differ by.",
            ),
            tables=(
                Table(title="Goodness of fit", columns=("quantity", "value"), rows=rows),
                Table(
                    title="Where it fails",
                    columns=("Q (Å⁻¹)", "share of the misfit (%)", "R_X within"),
                    rows=intervals,
                ),
            ),
        ),
    )


def comparison_values(c: Comparison) -> dict[str, Any]:
    """What result.json holds."""
    return {
        "curve": c.name,
        "kind": c.kind,
        "function": c.function,
        "q_range": [float(c.q[0]), float(c.q[-1])],
        "n_points": int(c.q.size),
        "rms": c.rms,
        "R_X": c.r_x,
        "R_X_squared": c.r_x**2,
        "R_X_percent": 100.0 * c.r_x,
        "R_X_sigma": c.r_x_sigma,
        "R_X_sigma_measurement": c.r_x_sigma_measurement,
        "R_X_sigma_model": c.r_x_sigma_model,
        "R_X_flat": c.r_x_flat,
        "R_X_floor": c.r_x_floor,
        "R_X_without_noise": _without_noise(c),
        "R_X_without_noise_sigma_measurement": _without_noise_sigma(c),
        "R_by_function": dict(c.by_function),
        "weights": c.weights,
        "window": c.window,
        "intervals": [{"q": [a, b], "share": share, "R_X": r} for a, b, share, r in c.intervals],
        "scale": None if c.scale is None else {"value": c.scale, "R_X": c.r_x_scaled},
        "pull_width": c.pull_width,
    }
