"""Checks before the fit: what cannot be a passive sample is refused, what a rule forbids is masked and listed.

The rules, in their order (a point is dropped only by one of them, and says by which):
1. no number, or a frequency or impedance of zero; 2. an exact copy of its neighbour in frequency;
3. a phase beyond +-92 degrees (Re Z < 0 beyond what a phase error of an analyzer explains);
4. within 1.5% of 50 or 60 Hz or of their harmonics up to the fifth, whatever the value: mains pickup is
   systematic, and looking before dropping would bias the uncertainty; up to the twentieth if it stands out;
5. a single point that stands out of the Kramers-Kronig curve of the others by more than 6 times the noise
   and by more than 1% of |Z|.
"""

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from cis.kramers_kronig import KramersKronig, linear_kk
from cis.stages import Array, BoolArray, ComplexArray, DroppedPoint, Spectrum, Validation

__all__ = ["mains_line", "validate"]

PHASE_LIMIT_DEG = 92.0  # a sample is passive to 90; analyzers err by a degree or two at the ends
IMPOSSIBLE_SHARE = 0.1  # beyond it the sample, or the wiring, is not what the file claims
MAINS_WIDTH = 0.015
MAINS_ALWAYS = 5
MAINS_IF_SEEN = 20
OUTLIER = 6.0  # in units of the noise; 1e-7 of the points of a Gaussian lie beyond
OUTLIER_LEAST = 0.01  # of |Z|: an analyzer is not better than that at every single point
JUMP = 6.0
FEWEST = 6
_NOTHING = "no number"


def validate(spectrum: Spectrum) -> Validation:
    """Check one spectrum by the rules above and by the linear Kramers-Kronig test.

    Raises InputError, naming the file, where fewer than 6 points are usable or where more than a tenth of
    them have a phase that no passive sample has.
    """
    f, z = spectrum.frequency_hz, spectrum.z_ohm
    reasons: dict[int, str] = {}
    findings: list[Finding] = []
    _drop(reasons, ~(np.isfinite(f) & np.isfinite(z) & (f > 0.0) & (np.abs(z) > 0.0)), _NOTHING)
    _drop(reasons, _copies(f, z), "an exact copy of the point before it")
    _refuse_few(spectrum, reasons, "with a frequency and an impedance")
    _impossible(spectrum, reasons, findings)
    mains = np.array(
        [mains_line(value, harmonics=MAINS_ALWAYS) for value in f.tolist()], dtype=object
    )
    hit = np.array([bool(name) for name in mains])
    if f.size - len(reasons) - int(hit.sum()) >= max(FEWEST, 0.6 * f.size):
        for index in np.flatnonzero(hit):
            reasons.setdefault(int(index), f"mains: {mains[index]}")
    elif hit.any():
        findings.append(
            Finding(
                "warning",
                "Points at mains lines (50 or 60 Hz and harmonics) are kept, because too few others are left.",
                {"points": float(hit.sum())},
            )
        )
    _refuse_few(spectrum, reasons, "that pass the rules")
    kk, used = _without_outliers(f, z, reasons)
    findings += _kk_findings(f, z, kk, used)
    findings += _repeat_findings(f, z, kk, used)
    curve = np.full(f.size, np.nan + 0j)
    residuals = curve.copy()
    real = np.array([reasons.get(i) != _NOTHING for i in range(f.size)])
    curve[real] = kk.at(f[real])
    residuals[real] = (z[real] - curve[real]) / np.abs(z[real])
    dropped = tuple(
        DroppedPoint(
            index=i, line=int(spectrum.line[i]), frequency_hz=float(f[i]), reason=reasons[i]
        )
        for i in sorted(reasons)
    )
    return Validation(
        used=used,
        dropped=dropped,
        kk_z_ohm=curve,
        kk_residuals=residuals,
        noise_relative=kk.noise,
        kk_elements=kk.elements,
        kk_consistent=not any(
            f.severity == "warning" and f.text.startswith("Kramers-Kronig") for f in findings
        ),
        findings=tuple(findings),
    )


def mains_line(frequency_hz: float, *, harmonics: int) -> str:
    """Which mains line a frequency in Hz falls on, e.g. "2 x 50 Hz"; "" for none."""
    for line in (50.0, 60.0):
        order = (
            round(frequency_hz / line) if frequency_hz > 0.0 and np.isfinite(frequency_hz) else 0
        )
        if 1 <= order <= harmonics and abs(frequency_hz / (order * line) - 1.0) <= MAINS_WIDTH:
            return f"{order} x {line:.0f} Hz" if order > 1 else f"{line:.0f} Hz"
    return ""


def _drop(reasons: dict[int, str], which: BoolArray, reason: str) -> None:
    for index in np.flatnonzero(which):
        reasons.setdefault(int(index), reason)


def _copies(f: Array, z: ComplexArray) -> BoolArray:
    """Points that repeat an earlier one to the last digit."""
    seen: set[tuple[float, complex]] = set()
    copies = np.zeros(f.size, dtype=bool)
    for i, key in enumerate(zip(f.tolist(), z.tolist(), strict=True)):
        copies[i] = key in seen
        seen.add(key)
    return copies


def _where(spectrum: Spectrum) -> str:
    return f"{spectrum.file} [{spectrum.name}]" if spectrum.name else spectrum.file


def _refuse_few(spectrum: Spectrum, reasons: dict[int, str], which: str) -> None:
    left = spectrum.frequency_hz.size - len(reasons)
    if left < FEWEST:
        raise InputError(
            f"only {left} of {spectrum.frequency_hz.size} points {which}",
            why=f"an arc and a spike need at least {FEWEST} points; see the file's first dropped lines: "
            + "; ".join(f"line {spectrum.line[i]}: {reasons[i]}" for i in sorted(reasons)[:3]),
            remedy="measure more frequencies, or check that the columns were understood (cis inspect)",
            where=_where(spectrum),
        )


def _impossible(spectrum: Spectrum, reasons: dict[int, str], findings: list[Finding]) -> None:
    """Drop phases that no passive sample has, or refuse the spectrum where they are many."""
    usable = np.array([i not in reasons for i in range(spectrum.z_ohm.size)])
    phase = np.degrees(np.angle(np.where(usable, spectrum.z_ohm, 1.0)))
    beyond = usable & (np.abs(phase) > 90.0)
    wrong = usable & (np.abs(phase) > PHASE_LIMIT_DEG)
    if wrong.sum() > IMPOSSIBLE_SHARE * usable.sum():
        first = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{int(beyond.sum())} of {int(usable.sum())} points have a phase beyond ±90°",
            why="the real part of a passive sample's impedance is positive; the first is line "
            f"{spectrum.line[first]}: {spectrum.frequency_hz[first]:.6g} Hz, {phase[first]:.1f}°",
            remedy="this is not a measurement of the sample: look for a broken or swapped lead, a wrong sign of "
            "Z', or a short or open compensation gone wrong, and measure again",
            where=_where(spectrum),
        )
    for index in np.flatnonzero(wrong):
        reasons[int(index)] = f"phase of {phase[index]:.1f}°, impossible for a passive sample"
    slight = int(beyond.sum() - wrong.sum())
    if slight:
        findings.append(
            Finding(
                "note",
                f"{slight} points have a phase just beyond ±90° (less than {PHASE_LIMIT_DEG - 90:.0f}°, within "
                "the phase error of an analyzer); they are kept, since dropping only these would bias Z'.",
                {"points": float(slight)},
            )
        )


def _without_outliers(
    f: Array, z: ComplexArray, reasons: dict[int, str]
) -> tuple[KramersKronig, BoolArray]:
    """The Kramers-Kronig curve after dropping, one by one, points that stand out of it."""
    used = np.array([i not in reasons for i in range(f.size)])
    allowed = max(2, int(0.05 * used.sum()))
    kk = linear_kk(f[used], z[used])
    for _ in range(allowed):
        if used.sum() <= max(FEWEST, 10):
            break
        distance, size = _studentized(kk)
        places = np.flatnonzero(used)
        mains = np.array([mains_line(v, harmonics=MAINS_IF_SEEN) != "" for v in f[used].tolist()])
        excess = np.where(mains, 1.5 * distance, distance)  # a lower bar where mains is expected
        excess = np.where(size >= OUTLIER_LEAST, excess, 0.0)
        worst = int(np.argmax(excess))
        if excess[worst] < OUTLIER:
            break
        index = int(places[worst])
        stands = f"{distance[worst]:.1f} times the noise off the Kramers-Kronig curve of the others"
        name = mains_line(float(f[index]), harmonics=MAINS_IF_SEEN)
        reasons[index] = f"mains: {name}, {stands}" if name else f"outlier: {stands}"
        used[index] = False
        kk = linear_kk(f[used], z[used])
    return kk, used


def _studentized(kk: KramersKronig) -> tuple[Array, Array]:
    """Distance of each point from the curve through the others: in units of their noise, and over |Z|.

    Two regressors per point (its real and imaginary part); the square root of the decrease of the sum of
    squares over twice the variance left, put on the scale of one Gaussian component.
    Source: Cook & Weisberg, Residuals and Influence in Regression (1982), section 2.2.2.
    """
    n = kk.residual.size // 2
    total = float(kk.residual @ kk.residual)
    re, im = kk.basis[:n], kk.basis[n:]
    a = 1.0 - np.einsum("ik,ik->i", re, re)
    d = 1.0 - np.einsum("ik,ik->i", im, im)
    b = -np.einsum("ik,ik->i", re, im)
    x, y = kk.residual[:n], kk.residual[n:]
    # a point that the curve follows freely has nothing to tell
    det = np.maximum(a * d - b * b, 0.0)
    decided = det > 0.01
    gain = np.where(decided, (d * x * x - 2.0 * b * x * y + a * y * y) / np.maximum(det, 0.01), 0.0)
    left = np.maximum(total - gain, 1e-3 * total + 1e-30) / max(kk.freedom - 2, 1)
    away = np.hypot(d * x - b * y, a * y - b * x) / np.maximum(det, 0.01)  # leave-one-out residual
    return np.sqrt(gain / left), np.where(decided, away, 0.0)


def _kk_findings(f: Array, z: ComplexArray, kk: KramersKronig, used: BoolArray) -> list[Finding]:
    """Structure left in the residuals (drift, nonlinearity) and steps between current ranges."""
    findings: list[Finding] = []
    order = np.argsort(f[used])[::-1]
    n = order.size
    re, im = kk.residual[:n][order], kk.residual[n:][order]
    structure = max(_correlation(re), _correlation(im))
    worst = float(np.max(np.hypot(re, im)))
    jump = _jump(f[used], z[used], kk)
    if structure > 4.0 and worst > 0.005 and jump is None:
        low = f[used][order][-max(3, n // 4) :]
        findings.append(
            Finding(
                "warning",
                "Kramers-Kronig: the residuals have structure that no causal, linear, stable sample has "
                f"(largest {100 * worst:.1f}%); drift during the sweep or nonlinearity. "
                f"The slowest points ({low.min():.3g}-{low.max():.3g} Hz) suffer first.",
                {"largest_percent": 100.0 * worst, "correlation_sigma": structure},
            )
        )
    if jump is not None:
        frequency, step, significance = jump
        findings.append(
            Finding(
                "warning",
                f"Kramers-Kronig: the modulus steps by {100 * step:+.2f}% at {frequency:.4g} Hz, as between two "
                "current ranges of the analyzer, or after a pause; check the range settings.",
                {"frequency_Hz": frequency, "step_percent": 100.0 * step, "sigma": significance},
            )
        )
    if kk.noise > 0.05:
        findings.append(
            Finding(
                "warning",
                f"Kramers-Kronig: the points scatter by {100 * kk.noise:.1f}% of |Z| about any causal curve.",
                {"noise_percent": 100.0 * kk.noise},
            )
        )
    return findings


def _correlation(series: Array) -> float:
    """Lag-one correlation of a series in units of its standard deviation for white noise."""
    power = float(series @ series)
    return float(series[1:] @ series[:-1]) / power * np.sqrt(series.size) if power > 0.0 else 0.0


def _jump(f: Array, z: ComplexArray, kk: KramersKronig) -> tuple[float, float, float] | None:
    """The most significant step of the modulus between neighbours: (Hz, relative step, sigma), if any."""
    order = np.argsort(f)
    n = order.size
    unit = z / np.abs(z)
    below = np.zeros((n, n - 1))
    for k in range(n - 1):
        below[order[: k + 1], k] = 1.0
    columns = np.concatenate([unit.real[:, None] * below, unit.imag[:, None] * below])
    columns -= kk.basis @ (kk.basis.T @ columns)
    length = np.einsum("ik,ik->k", columns, columns)
    usable = length > 0.02
    usable[:2] = usable[-2:] = False  # the ends are outliers, not ranges
    step = np.where(usable, columns.T @ kk.residual / np.where(usable, length, 1.0), 0.0)
    gain = step**2 * length
    total = float(kk.residual @ kk.residual)
    left = np.maximum(total - gain, 0.0) / max(kk.freedom - 1, 1) + 1e-30
    significance = np.sqrt(gain / left)
    k = int(np.argmax(significance))
    # a step explains most of the misfit; drift leaves more than one step
    if significance[k] < JUMP or abs(step[k]) < 0.003 or gain[k] < 0.5 * total:
        return None
    middle = float(np.sqrt(f[order[k]] * f[order[k + 1]]))
    return middle, float(step[k]), float(significance[k])


def _repeat_findings(
    f: Array, z: ComplexArray, kk: KramersKronig, used: BoolArray
) -> list[Finding]:
    """What frequencies measured twice say about drift."""
    places = np.flatnonzero(used)
    order = places[np.argsort(f[places], kind="stable")]
    same = np.flatnonzero(np.diff(f[order]) <= 1e-6 * f[order[1:]])
    if same.size == 0:
        return []
    first, second = order[same], order[same + 1]
    change = (np.abs(z[second]) - np.abs(z[first])) / np.abs(z[first])
    mean = float(np.mean(change))
    numbers = {"repeated": float(same.size), "change_percent": 100.0 * mean}
    limit = max(4.0 * kk.noise * np.sqrt(2.0 / same.size), 0.002)
    if abs(mean) > limit:
        text = f"Drift: frequencies measured again gave a modulus {100 * mean:+.2f}% different on average."
        return [Finding("warning", text, numbers)]
    text = f"{same.size} frequencies were measured more than once; all of them are used."
    return [Finding("note", text, numbers)]
