"""What the page draws, as columns of numbers: tiles of the series, one spectrum in its views, the Arrhenius plot."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.quantity import Quantity
from calibration.thermometer import celsius
from cis.circuits import circuit
from cis.masks import masked
from cis.pipeline import nominal_cell
from cis.relaxation import RelaxationTimes
from cis.stages import ArcFit, Array, ComplexArray
from cis.tune.session import Result, Shown
from cis.views import electric_modulus

__all__ = [
    "STATES",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "UNKNOWN",
    "arrhenius_line",
    "arrhenius_points",
    "columns_of",
    "drt",
    "extent",
    "fit_curve",
    "frame",
    "headline",
    "off_scale",
    "points",
    "scales",
    "sigma_scale",
    "states",
    "temperature_of",
    "tile_at",
    "tiles",
    "unit_of",
]

Columns = Mapping[str, Any]
TILE_WIDTH, TILE_HEIGHT = 1.35, 1.0  # of R: the arc, its foot and the beginning of the spike
_GAP_X, _GAP_Y = 0.1, 0.36
_DENSE = 240
STATES = ("used", "left out by a rule", "masked by hand")
"""What a point may be."""
UNKNOWN = "R is not determined"


def columns_of(n: int) -> int:
    """How many tiles stand side by side."""
    return max(1, math.ceil(math.sqrt(1.9 * n))) if n > 4 else n


def tile_at(x: float, y: float, n: int) -> int | None:
    """Which of n tiles is at a place, None between them."""
    across, down = columns_of(n), -1
    column, row = math.floor(x / (TILE_WIDTH + _GAP_X)), math.floor(-y / (TILE_HEIGHT + _GAP_Y))
    index = row * across + column
    return index if 0 <= column < across and down < row and 0 <= index < n else None


def extent(n: int) -> tuple[float, float]:
    """Width and height of n tiles with their labels."""
    across = columns_of(n)
    return across * (TILE_WIDTH + _GAP_X), -(-n // across) * (TILE_HEIGHT + _GAP_Y)


def tiles(result: Result, selected: str) -> dict[str, dict[str, list[Any]]]:
    """The small multiples: "frames" (one row each), "points" and "fits" in the coordinates of one plot.

    Every spectrum is scaled by its own R, equal on both axes.
    """
    n = len(result.shown)
    across = columns_of(n)
    frames: dict[str, list[Any]] = {k: [] for k in ("x", "y", "top", "right", "label", "name", "r", "line", "width", "fill")}  # fmt: skip
    dots: dict[str, list[Any]] = {k: [] for k in ("x", "y", "state", "tile")}
    fits: dict[str, list[Any]] = {"xs": [], "ys": [], "tile": []}
    for k, one in enumerate(result.shown):
        left = (k % across) * (TILE_WIDTH + _GAP_X)
        base = -(k // across) * (TILE_HEIGHT + _GAP_Y) - TILE_HEIGHT - _GAP_Y + 0.04
        scale = _size(one)
        chosen = one.label == selected
        frames["x"].append(left)
        frames["y"].append(base)
        frames["top"].append(base + TILE_HEIGHT)
        frames["right"].append(left + TILE_WIDTH)
        frames["name"].append(one.label)
        frames["label"].append(temperature_of(one))
        frames["r"].append(_resistance(result, one))
        frames["line"].append("#0072B2" if chosen else "#d0d5da")
        frames["width"].append(2.0 if chosen else 1.0)
        frames["fill"].append("#eef5fb" if chosen else "#fdeceb" if one.fit is None else "#ffffff")
        z, state = one.spectrum.z_ohm / scale, states(one, result)[0]
        x, y = z.real, 0.03 - z.imag
        inside = (x >= 0.0) & (x <= TILE_WIDTH) & (y >= 0.0) & (y <= TILE_HEIGHT)
        dots["x"] += (left + x[inside]).tolist()
        dots["y"] += (base + y[inside]).tolist()
        dots["state"] += [s for s, keep in zip(state, inside.tolist(), strict=True) if keep]
        dots["tile"] += [k] * int(inside.sum())
        if one.fit is not None:
            _, model = _model(one.fit)
            x, y = model.real / scale, 0.03 - model.imag / scale
            outside = (x < 0.0) | (x > TILE_WIDTH) | (y < 0.0) | (y > TILE_HEIGHT)
            fits["xs"].append(np.where(outside, np.nan, left + x))
            fits["ys"].append(np.where(outside, np.nan, base + y))
            fits["tile"].append(k)
    return {"frames": frames, "points": dots, "fits": fits}


def points(one: Shown, result: Result, *, unit: float) -> dict[str, Any]:
    """The measured points of one spectrum in all views, a row each in the order of the file; unit: Ohm of the axes."""
    f, z = one.spectrum.frequency_hz, one.spectrum.z_ohm
    nothing = np.full(f.size, np.nan)
    state, reason = states(one, result)
    fit = one.fit
    return {
        "f": f,
        "re": z.real / unit,
        "im": -z.imag / unit,
        "mod": np.abs(z),
        "phase": np.degrees(np.angle(z)),
        "m2": _modulus(f, z, result),
        "d_re": nothing if fit is None else 100.0 * fit.residuals.real,
        "d_im": nothing if fit is None else 100.0 * fit.residuals.imag,
        "k_re": nothing if fit is None else 100.0 * fit.validation.kk_residuals.real,
        "k_im": nothing if fit is None else 100.0 * fit.validation.kk_residuals.imag,
        "state": state,
        "reason": [r or s for s, r in zip(state, reason, strict=True)],
    }


def states(one: Shown, result: Result) -> tuple[list[str], list[str]]:
    """Of every point one of STATES, and the reason."""
    reasons: dict[int, str] = {}
    if one.fit is not None:
        reasons = {d.index: d.reason for d in one.fit.validation.dropped}
        by_hand = one.fit.spectrum.masked
    else:
        by_hand = masked(one.spectrum, one.label, result.project.mask).masked
        reasons = {i: f"masked by hand: {r}" for i, r in by_hand.items()}
    n = one.spectrum.frequency_hz.size
    used, rule, hand = STATES
    kind = [hand if i in by_hand else rule if i in reasons else used for i in range(n)]
    return kind, [reasons.get(i, "") for i in range(n)]


def fit_curve(one: Shown, result: Result, *, unit: float) -> dict[str, Any]:
    """The fitted circuit between the ends of the spectrum, dense enough for a smooth line; empty without a fit."""
    if one.fit is None:
        return {k: [] for k in ("f", "re", "im", "mod", "phase", "m2")}
    f, z = _model(one.fit)
    return {
        "f": f,
        "re": z.real / unit,
        "im": -z.imag / unit,
        "mod": np.abs(z),
        "phase": np.degrees(np.angle(z)),
        "m2": _modulus(f, z, result),
    }


def frame(one: Shown, *, unit: float) -> dict[str, list[float]]:
    """Corners of what is worth seeing of a Nyquist plot: the arc with the beginning of the spike."""
    size = _size(one) / unit
    return {"x": [-0.03 * size, 1.4 * size], "y": [-0.07 * size, 1.08 * size]}


def scales(dots: Mapping[str, Any]) -> dict[str, list[float]]:
    """Ends of the axes of the residuals: what is used sets them, not what is left out."""
    used = np.array(dots["state"]) == STATES[0]
    found = {"x": [float(np.min(dots["f"])), float(np.max(dots["f"]))]}
    for name in ("d", "k"):
        both = np.abs(np.concatenate([dots[f"{name}_re"][used], dots[f"{name}_im"][used]]))
        both = both[np.isfinite(both)]
        largest = 1.2 * float(both.max()) if both.size else 1.0
        found[name] = [-max(largest, 0.01), max(largest, 0.01)]
    return found


def unit_of(one: Shown) -> tuple[float, str]:
    """Ohm and name of the unit in which R is a handy number."""
    size = _size(one)
    found = [(u, name) for u, name in ((1e9, "GΩ"), (1e6, "MΩ"), (1e3, "kΩ")) if size >= u]
    return found[0] if found else (1.0, "Ω")


def drt(found: RelaxationTimes | None) -> dict[str, Any]:
    """Distribution of relaxation times over f = 1/(2 pi tau)."""
    if found is None:
        return {"f": [], "gamma": [], "tau": []}
    f = 1.0 / (2.0 * np.pi * found.tau_s)
    return {"f": f, "gamma": found.gamma_ohm, "tau": found.tau_s}


def arrhenius_points(result: Result, selected: str) -> dict[str, list[Any]]:
    """log10 of sigma against 1000/T of every spectrum with a temperature; state: in the line, or why not."""
    table = result.project.arrhenius
    limits = None if table is None else table.range_K
    found: dict[str, list[Any]] = {
        k: []
        for k in (
            "x",
            "y",
            "low",
            "high",
            "off",
            "off_low",
            "off_high",
            "state",
            "name",
            "celsius",
            "sigma",
            "width",
        )
    }
    analysis = result.analysis
    for c, reading in zip(analysis.conductivities, analysis.readings_k, strict=True):
        if c.temperature_k is None or reading is None:
            continue
        y = math.log10(c.sigma_s_per_cm)
        u = (c.relative_stat or 0.0) / math.log(10.0)
        state = "in the line"
        if not c.identifiable:
            state = UNKNOWN
        elif limits is not None and not limits[0] <= reading <= limits[1]:
            state = "outside arrhenius.range_K"
        found["x"].append(1e3 / c.temperature_k)
        found["y"].append(y)
        found["low"].append(y - u)
        found["high"].append(y + u)
        off = 100.0 * math.log(10.0) * (y - _line_at(result, c.temperature_k))
        wide = 100.0 * (c.relative_stat or 0.0)
        found["off"].append(off)
        found["off_low"].append(off - wide)
        found["off_high"].append(off + wide)
        found["state"].append(state)
        found["name"].append(c.name)
        found["celsius"].append(celsius(c.temperature_k))
        found["sigma"].append(str(Quantity(c.sigma_s_per_cm, c.total_s_per_cm, "S/cm")))
        found["width"].append(2.5 if c.name == selected else 1.0)
    return found


def sigma_scale(
    dots: Mapping[str, list[Any]], line: Mapping[str, list[float]]
) -> dict[str, list[float]]:
    """Ends of the axes of the Arrhenius plot: the line, and every sigma that the data tell."""
    known = [k for k, s in enumerate(dots["state"]) if s != UNKNOWN] or range(len(dots["x"]))
    found = {}
    for name in ("x", "y"):
        values = [dots[name][k] for k in known] + [v for v in line[name] if math.isfinite(v)]
        low, high = min(values, default=0.0), max(values, default=1.0)
        room = 0.06 * max(high - low, 0.1)
        found[name] = [low - room, high + room]
    return found


def off_scale(dots: Mapping[str, list[Any]]) -> dict[str, list[float]]:
    """Ends of the axis of the distances from the line: zero and all points inside."""
    pairs = zip(dots["off"], dots["state"], strict=True)
    off = [v for v, state in pairs if state != UNKNOWN and math.isfinite(v)]
    low, high = min([0.0, *off]), max([0.0, *off])
    room = 0.2 * max(high - low, 0.1)
    return {"x": [min(dots["x"], default=0.0)] * 2, "off": [low - room, high + room]}


def _line_at(result: Result, temperature_k: float) -> float:
    """log10 of sigma of the line that this temperature belongs to; NaN without one."""
    table = result.project.arrhenius
    split = None if table is None else table.breakpoint_K
    for part in result.analysis.arrhenius:
        side = "all" if split is None else "below" if temperature_k < split else "above"
        if part.segment == side:
            return float(np.log10(part.fits[0].line(np.array([temperature_k]))[0]))
    return math.nan


def arrhenius_line(result: Result) -> dict[str, list[float]]:
    """The fitted lines with a band of twice their standard uncertainty; segments with a gap between them."""
    found: dict[str, list[float]] = {k: [] for k in ("x", "y", "low", "high")}
    for one in result.analysis.arrhenius:
        t, fit = one.points.sample_k, one.fits[0]
        reach = 0.06 * float(np.ptp(t))
        fine = np.linspace(float(t.min()) - reach, float(t.max()) + reach, 60)
        y = np.log10(fit.line(fine))
        band = np.nan_to_num(2.0 * fit.relative_band(fine) / np.log(10.0))
        for name, values in (("x", 1e3 / fine), ("y", y), ("low", y - band), ("high", y + band)):
            found[name] += [*values.tolist(), math.nan]
    return found


def headline(result: Result, selected: str) -> list[tuple[str, str]]:
    """The numbers over the page."""
    names = {"ln_sigma": "ln σ", "ln_sigma_T": "ln σT"}
    rows = []
    for part in result.analysis.arrhenius:
        where = "" if part.segment == "all" else f", {part.segment} the break"
        rows += [(f"E_A ({names[f.form]}{where})", f.written) for f in part.fits]
    if result.analysis.arrhenius:
        rows.append(("σ(298.15 K)", result.analysis.arrhenius[0].fits[0].room_written))
    one = result.of(selected)
    if one.fit is not None:
        rows.append((f"R at {temperature_of(one)}", _resistance(result, one)))
        ratio = one.fit.chi2_reduced
        quality = "" if ratio is None else f", χ²/ν = {ratio:.2f}"
        rows.append(("circuit", f"{one.fit.circuit}{quality}"))
    return rows


def temperature_of(one: Shown) -> str:
    """Degrees Celsius as read, or the name where they are not known."""
    return one.label if one.temperature_k is None else f"{celsius(one.temperature_k):.1f} °C"


def _resistance(result: Result, one: Shown) -> str:
    if one.fit is None:
        return "refused"
    c = result.analysis.conductivities[result.analysis.labels.index(one.label)]
    unit, name = unit_of(one)
    sigma = c.resistance_ohm.sigma
    value = Quantity(
        c.resistance_ohm.value / unit, None if sigma is None else sigma / unit, name.strip()
    )
    return str(value) if c.identifiable else "R unknown"


def _size(one: Shown) -> float:
    """What a Nyquist plot is scaled by: R, but no more than the data span, and no less than where they begin."""
    z = one.spectrum.z_ohm[np.isfinite(one.spectrum.z_ohm) & (one.spectrum.z_ohm.real > 0.0)].real
    if not z.size:
        return 1.0
    fit = one.fit
    if fit is None or not math.isfinite(fit.resistance_ohm):
        return float(np.median(z))
    return float(np.clip(fit.resistance_ohm, 1.3 * z.min(), max(z.max(), 1.3 * z.min())))


def _model(fit: ArcFit) -> tuple[Array, ComplexArray]:
    f = fit.spectrum.frequency_hz[fit.validation.used]
    dense = np.geomspace(float(f.max()), float(f.min()), _DENSE)
    values = [p.value for p in fit.parameters]
    return dense, circuit(fit.circuit_string).impedance(dense, values)


def _modulus(f: Array, z: ComplexArray, result: Result) -> Array:
    cell = nominal_cell(result.analysis.instruments.cell)
    found: Array = electric_modulus(f, z, cell=cell).imag
    return found
