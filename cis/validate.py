"""Checks before the fit: what cannot be a passive sample is refused, what a rule forbids is masked and listed.

The rules, in their order (a point is dropped only by one of them, and says by which):
1. no number, or a frequency or impedance of zero; masked in the project file; 2. an exact copy of its neighbour in frequency;
3. a phase beyond +-92 degrees (Re Z < 0 beyond what a phase error of an analyzer explains);
4. within 1.5% of 50 or 60 Hz or of their harmonics up to the fifth, whatever the value: mains pickup is
   systematic, and looking before dropping would bias the uncertainty;
5. a single point that stands out of the Kramers-Kronig curve of the others by more than 6 times the noise
   and by more than 1% of |Z| (named mains within 0.4% of the sixth to tenth harmonic); a step of the modulus
   is looked for at the same time (cis/outliers.py), and said, not dropped.
Rule 5 needs a Kramers-Kronig test, which too few points do not allow; that is said.
"""

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from cis.kramers_kronig import STRUCTURED, KramersKronig, residual_structure
from cis.outliers import causal_and_outliers, curve_possible
from cis.stages import Array, BoolArray, ComplexArray, DroppedPoint, Spectrum, Validation
from cis.steps import FoundStep

__all__ = ["mains_line", "validate"]

PHASE_LIMIT_DEG = 92.0  # a sample is passive to 90; analyzers err by a degree or two at the ends
IMPOSSIBLE_SHARE = 0.1  # beyond it the sample, or the wiring, is not what the file claims
MAINS_ALWAYS = 5
MAINS_WIDTH = 0.015  # up to that harmonic: the bandwidth of a short integration
MAINS_IF_SEEN = 10  # beyond, the two combs of harmonics would cover the frequency axis
MAINS_NARROW = 0.004  # of higher harmonics: the mains' own wander
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
    for place, reason in sorted(spectrum.masked.items()):
        reasons.setdefault(place, f"masked by hand: {reason}")
    _drop(reasons, _copies(f, z), "an exact copy of the point before it")
    _refuse_few(spectrum, reasons, "with a frequency and an impedance")
    _impossible(spectrum, reasons, findings)
    mains = np.array(
        [mains_line(value, harmonics=MAINS_ALWAYS) for value in f.tolist()], dtype=object
    )
    hit = np.array([bool(name) for name in mains])
    offered = f.size - len(spectrum.masked)
    if f.size - len(reasons) - int(hit.sum()) >= max(FEWEST, 0.6 * offered):
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
    used = np.array([i not in reasons for i in range(f.size)])
    curve = np.full(f.size, np.nan + 0j)
    residuals = curve.copy()
    kk: KramersKronig | None = None
    step: FoundStep | None = None
    if curve_possible(f[used]):
        kk, used, step, outliers = causal_and_outliers(f, z, used)
        for place, distance in outliers.items():
            reasons[place] = _outlier(float(f[place]), distance)
        findings += _kk_findings(f, kk, used, step)
        real = np.array([reasons.get(i) != _NOTHING for i in range(f.size)])
        curve[real] = kk.at(f[real])
        residuals[real] = (z[real] - curve[real]) / np.abs(z[real])
    else:
        text = (
            f"Kramers-Kronig: {int(used.sum())} points over {np.ptp(np.log10(f[used])):.1f} "
            "decades are too few for the test: the noise is not known before the fit, and no point is judged an "
            "outlier."
        )
        findings.append(Finding("warning", text, {"points": float(used.sum())}))
    findings += _repeat_findings(f, z, kk.noise if kk else 0.0, used)
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
        noise_relative=kk.noise if kk else None,
        kk_elements=kk.elements if kk else 0,
        kk_consistent=not any(
            f.severity == "warning" and f.text.startswith("Kramers-Kronig") for f in findings
        )
        if kk
        else None,
        findings=tuple(findings),
        step=step.step if step else None,
    )


def _outlier(frequency_hz: float, distance: float) -> str:
    stands = f"{distance:.1f} times the noise off the Kramers-Kronig curve of the others"
    name = mains_line(frequency_hz, harmonics=MAINS_IF_SEEN)
    return f"mains: {name}, {stands}" if name else f"outlier: {stands}"


def mains_line(frequency_hz: float, *, harmonics: int) -> str:
    """Which mains line a frequency in Hz falls on, e.g. "2 x 50 Hz"; "" for none."""
    for line in (50.0, 60.0):
        order = (
            round(frequency_hz / line) if frequency_hz > 0.0 and np.isfinite(frequency_hz) else 0
        )
        width = MAINS_WIDTH if order <= MAINS_ALWAYS else MAINS_NARROW
        if 1 <= order <= harmonics and abs(frequency_hz / (order * line) - 1.0) <= width:
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


def _kk_findings(
    f: Array, kk: KramersKronig, used: BoolArray, step: FoundStep | None
) -> list[Finding]:
    """Structure left in the residuals (drift, nonlinearity) and steps between current ranges."""
    findings: list[Finding] = []
    order = np.argsort(f[used])[::-1]
    n = order.size
    re, im = kk.residual[:n][order], kk.residual[n:][order]
    structure = residual_structure(kk, f[used])
    worst = float(np.max(np.hypot(re, im)))
    if structure > STRUCTURED and worst > 0.005:
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
    if step is not None:
        height, frequency = step.step.relative, step.step.frequency_hz
        findings.append(
            Finding(
                "warning",
                f"Kramers-Kronig: the modulus steps by {100 * height:+.2f}% at {frequency:.4g} Hz, as between two "
                "current ranges of the analyzer, or after a pause; check the range settings. Which side is right "
                "the data do not tell: R has the step as an uncertainty.",
                {
                    "frequency_Hz": frequency,
                    "step_percent": 100.0 * height,
                    "sigma": step.sigma,
                },
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


def _repeat_findings(f: Array, z: ComplexArray, noise: float, used: BoolArray) -> list[Finding]:
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
    limit = max(4.0 * noise * np.sqrt(2.0 / same.size), 0.002)
    if abs(mean) > limit:
        text = f"Drift: frequencies measured again gave a modulus {100 * mean:+.2f}% different on average."
        return [Finding("warning", text, numbers)]
    text = f"{same.size} frequencies were measured more than once; all of them are used."
    return [Finding("note", text, numbers)]
