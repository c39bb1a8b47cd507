"""What was sampled against what derivatives predict, source by source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.report import Finding
from xtsred.budget.outcome import Outcome
from xtsred.budget.records import Budget, Compared, MonteCarlo, Source
from xtsred.stages import Array, frozen

__all__ = ["Drawn", "compared"]

Used = npt.NDArray[np.bool_]

_FAR = 3.0
_MATTERS = 0.1
_TRUNCATED = 1e-3
_SHIFTED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The draws that could be reduced. z: shape (draws, p), numbers over their sigma; paths: their keys."""

    z: Array
    outcomes: Sequence[Outcome]
    paths: Sequence[str]
    truncated: Mapping[str, float]
    failures: Mapping[str, int]


def compared(budget: Budget, drawn: Drawn, *, draws: int, seed: int) -> Budget:
    """The budget with standard deviations over the draws, and each source's size by sampling over that by derivatives.

    A source's size is the slope of the draws, projected on the direction in which its derivative moves S(Q), over its own number:
    least squares with all numbers at once, so that the others and the counts are its noise. "counting" compares what is left.
    """
    s = np.array([o.s for o in drawn.outcomes])
    d = np.array([o.d for o in drawn.outcomes])
    g = np.array([o.g for o in drawn.outcomes])
    # what was sampled: stated and computed sources, and counts with what they do to the fit
    sampled = [x for x in budget.sources if x.kind != "choice"]
    linear_s = _quadrature(budget.counting.s, [x.sigma_s for x in sampled])
    found = MonteCarlo(
        draws=draws,
        done=len(drawn.outcomes),
        seed=seed,
        s=frozen(_deviation(s)),
        d=frozen(_deviation(d)),
        g=frozen(_deviation(g)),
        linear_s=frozen(linear_s),
        linear_d=frozen(_quadrature(budget.counting.d, [x.sigma_d for x in sampled])),
        linear_g=frozen(_quadrature(budget.counting.g, [x.sigma_g for x in sampled])),
        scalars=_scalars(budget, drawn, sampled),
        compared=_by_source(budget, drawn, s, sampled),
        truncated=drawn.truncated,
        failures=drawn.failures,
    )
    findings = (*budget.findings, *_findings(found), *_moved(budget, found))
    return replace(budget, monte_carlo=found, findings=findings)


def _quadrature(first: Array, others: Sequence[Array]) -> Array:
    return np.asarray(np.sqrt(first**2 + np.sum([o**2 for o in others], axis=0)))


def _deviation(values: Array) -> Array:
    """Over the draws; bins that fewer than two draws reach are not known."""
    known = np.isfinite(values).sum(axis=0) > 1
    found = np.full(values.shape[1:], np.nan)
    found[known] = np.nanstd(values[:, known], axis=0, ddof=1)
    return found


def _scalars(
    budget: Budget, drawn: Drawn, sampled: Sequence[Source]
) -> dict[str, tuple[float, float, float]]:
    found = {}
    for name, scalar in budget.scalars.items():
        values = np.array([o.scalars.get(name, np.nan) for o in drawn.outcomes])
        values = values[np.isfinite(values)]
        if values.size < 2:
            continue
        parts = [scalar.sigma_counting or 0.0, *(x.scalars.get(name, 0.0) for x in sampled)]
        linear = float(np.hypot.reduce(parts))
        found[name] = (float(values.mean()), float(values.std(ddof=1)), linear)
    return found


def _by_source(
    budget: Budget, drawn: Drawn, s: Array, sampled: Sequence[Source]
) -> tuple[Compared, ...]:
    used = (budget.used > 0.0) & np.isfinite(s).all(axis=0)
    n, p = drawn.z.shape
    design = np.column_stack([np.ones(n), drawn.z])
    if n <= p + 2:
        return ()
    inverse = np.linalg.pinv(design)
    left = s[:, used] - design @ (inverse @ s[:, used])
    found = [
        _slope(source, drawn, s[:, used], used, design)
        for source in sampled
        if source.key in drawn.paths and source.kind != "fitted" and source.s[0, used].any()
    ]
    fitted = [x.sigma_s[used] for x in sampled if x.kind == "fitted"]
    noise = _quadrature(budget.counting.s[used], fitted)
    counted = float(np.sqrt(np.sum(left**2) / (n - 1 - p) / np.sum(noise**2)))
    found.append(_spread("counting", counted, n - 1 - p, left))
    everything = _quadrature(budget.counting.s, [x.sigma_s for x in sampled])[used]
    centred = s[:, used] - s[:, used].mean(axis=0)
    total = float(np.sqrt(np.sum(centred**2) / (n - 1) / np.sum(everything**2)))
    found.append(_spread("everything", total, n - 1, centred))
    return tuple(found)


def _slope(source: Source, drawn: Drawn, s: Array, used: Used, design: Array) -> Compared:
    """Least squares of the draws' component along the derivative over all numbers; the slope of the source's own."""
    direction = source.s[0, used]
    along = s @ direction / float(direction @ direction)
    fit = np.linalg.pinv(design)
    solution = fit @ along
    rest = along - design @ solution
    freedom = design.shape[0] - design.shape[1]
    k = 1 + list(drawn.paths).index(source.key)
    variance = float(rest @ rest) / freedom * float(np.sum(fit[k] ** 2))
    return Compared(name=source.name, ratio=float(solution[k]), sigma=float(np.sqrt(variance)))


def _spread(name: str, ratio: float, freedom: int, deviations: Array) -> Compared:
    """The relative error of a standard deviation over correlated bins: 1/sqrt(2 f) times that of one number at worst.

    Bins that move together count as one: tr(C)^2 / tr(C^2) is how many there are.
    """
    covariance = deviations @ deviations.T
    together = float(np.trace(covariance) ** 2 / np.sum(covariance**2))
    # tr(C)^2/tr(C^2) of n draws is at most n: 1/b = 1/together - 1/freedom
    bins = 1.0 / max(1.0 / together - 1.0 / freedom, 1.0 / deviations.shape[1])
    return Compared(name=name, ratio=ratio, sigma=ratio / float(np.sqrt(2.0 * freedom * bins)))


def _moved(budget: Budget, found: MonteCarlo) -> Sequence[Finding]:
    """Numbers whose mean over the draws is another than their value: not linear in what was sampled."""
    findings = []
    for name, (mean, deviation, linear) in found.scalars.items():
        value, tail = budget.scalars[name].value, found.truncated
        if abs(mean - value) <= _SHIFTED * deviation or tail:
            continue
        text = (
            f"{name} is {value:.4g}, but {mean:.4g} in the mean over the draws (deviation {deviation:.2g}, by derivatives {linear:.2g}): it is "
            "not linear in what was sampled."
        )
        if name == "R_X":
            text += " A draw's noise adds to that of the measurement, and any change makes a good agreement worse."
        findings.append(Finding("note", text, {"mean": mean, "deviation": deviation}))
    return findings


def _findings(found: MonteCarlo) -> Sequence[Finding]:
    findings = []
    for path, share in found.truncated.items():
        if share > _TRUNCATED:
            text = (
                f"{100 * share:.2g} % of the stated Gaussian of {path} lies at impossible values: it was sampled truncated, and its "
                "spread is smaller than the stated sigma."
            )
            findings.append(Finding("note", text, {"share": share}))
    failed = sum(found.failures.values())
    if failed:
        reasons = "; ".join(f"{reason} ({n})" for reason, n in found.failures.items())
        text = f"{failed} of {found.draws} draws could not be reduced and are left out: {reasons}."
        findings.append(Finding("warning", text, {"failed": float(failed)}))
    far = [
        c
        for c in found.compared
        if abs(c.ratio - 1.0) > _MATTERS and abs(c.ratio - 1.0) > _FAR * c.sigma
    ]
    if far:
        names = ", ".join(f"{c.name} {c.ratio:.2f}(± {c.sigma:.2f})" for c in far)
        text = f"Sampling and derivatives differ: {names} (ratio of standard uncertainties). Where they do, the sampled ones are right."
        findings.append(Finding("warning", text))
    return findings
