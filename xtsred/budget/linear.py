"""Linear propagation: what one standard uncertainty of each number changes, by derivatives of the whole reduction.

JCGM 100:2008 (GUM), 5.1: u^2 = sum c_i^2 u_i^2 with sensitivities c_i; here c_i u_i = (f(x + u) - f(x - u)) / 2 of every bin,
so that the correlation between bins is part of it: each source moves all of them together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.errors import InputError
from calibration.goniometer import true_two_theta
from calibration.records import Loaded
from calibration.report import Finding
from xtsred.binning import momentum_transfer
from xtsred.budget.base import counting_of, fitted, scalars_of
from xtsred.budget.choices import choices
from xtsred.budget.correlations import Correlations, joined, stated_correlations
from xtsred.budget.names import in_words, not_stated
from xtsred.budget.outcome import Basis, Outcome, reduce_near
from xtsred.budget.parameters import Parameter, at_values, stated_parameters, with_values
from xtsred.budget.records import Budget, Source
from xtsred.config import Project
from xtsred.inputs import Inputs, instrument_of
from xtsred.memo import Memo
from xtsred.pipeline import MULTIPLE_ACCURACY, reduce_inputs
from xtsred.stages import Array, Reduction, frozen
from xtsred.unpack import make_plan

__all__ = ["NOT_LINEAR", "linear_budget"]

Progress = Callable[[str], None]

NOT_LINEAR = 0.3
"""Second over first difference beyond which one standard uncertainty is no small step."""

_NEGLIGIBLE = 0.05
"""Share of the counting noise below which it does not matter whether a source is linear."""


def linear_budget(
    loaded: Loaded[Project],
    inputs: Inputs,
    *,
    memo: Memo | None = None,
    reduction: Reduction | None = None,
    progress: Progress | None = None,
    correlations: Correlations | None = None,
) -> Budget:
    """The budget of a project: counting, what its fit leaves, what it states, and choices that would have been as good.

    inputs: its scans, of `read_inputs`; memo: of the reduction, which makes derivatives cheap; reduction: the result, where it is there already.
    correlations: of stated numbers by their paths; absent: those of the project's certificates.
    Two reductions for every stated sigma. Raises InputError where the project itself cannot be reduced.
    """
    keep = memo or Memo()
    if reduction is None:
        reduction = reduce_inputs(loaded, inputs, memo=keep)
    run = _Run(
        loaded=loaded,
        inputs=inputs,
        memo=keep,
        basis=Basis(reduction=reduction, q_range=loaded.record.fourier.q_range),
        tell=progress or _silent,
    )
    findings: list[Finding] = []
    stated = stated_parameters(loaded.record)
    known = stated_correlations(loaded) if correlations is None else correlations
    moved: list[Source] = []
    for i, parameter in enumerate(stated):
        run.tell(f"uncertainty of {in_words(parameter.path)} ({i + 1} of {len(stated)})")
        moved += run.stated(parameter, findings)
    sources = [*fitted(run.basis), *joined(moved, known)]
    sources += run.computed(stated, findings)
    sources += choices(run.loaded, run.at, run.basis, findings)
    findings += _advice(run)
    return Budget(
        q=run.basis.q,
        r=reduction.pair_distribution.r,
        used=frozen(run.basis.used),
        counting=counting_of(reduction),
        scalars=scalars_of(run.basis),
        sources=tuple(sources),
        findings=tuple(findings),
    )


def _silent(_text: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Reductions of one project with other numbers."""

    loaded: Loaded[Project]
    inputs: Inputs
    memo: Memo
    basis: Basis
    tell: Progress

    def at(self, project: Project) -> Outcome:
        """The result of a changed project. Raises InputError."""
        changed = replace(self.loaded, record=project)
        return self._outcome(changed, self.inputs)

    def _outcome(self, loaded: Loaded[Project], inputs: Inputs) -> Outcome:
        q = self.basis.q_normalization
        return self.basis.outcome(reduce_near(loaded, inputs, q_normalization=q, memo=self.memo))

    def value(self, parameter: Parameter, value: float) -> Outcome | None:
        """The result with another value of one number; None where that is impossible."""
        if not parameter.possible(value):
            return None
        try:
            changed, inputs = at_values(self.loaded, self.inputs, {parameter.path: value})
            return self._outcome(changed, inputs)
        except InputError:
            return None

    def stated(self, parameter: Parameter, findings: list[Finding]) -> Sequence[Source]:
        """The source of one stated sigma; none, and a Finding, where neither side can be computed."""
        sigma = parameter.sigma or 0.0
        times = self._widened(parameter)
        above, below = self._sides(parameter, times)
        if times > 1.0 and (above is None or below is None):
            times = 1.0
            above, below = self._sides(parameter, times)
        if above is not None and below is not None:
            change = _central(self.basis, above, below, times=times)
        else:
            end = above or below
            side = 1.0 if above is not None else -1.0
            half = self.value(parameter, parameter.value + 0.5 * side * sigma)
            if end is None or half is None:
                text = (
                    f"The contribution of {parameter.path} = {parameter.value:g} ± {sigma:g} is not known: the reduction "
                    "fails one standard uncertainty to either side, and all uncertainties are without it. State a smaller sigma."
                )
                findings.append(Finding("warning", text))
                return ()
            change = _one_sided(self.basis, end, half, side)
            text = (
                f"{parameter.path} = {parameter.value:g} cannot be {'lower' if side > 0 else 'higher'} by its standard "
                f"uncertainty {sigma:g}: its contribution is the derivative to the other side."
            )
            findings.append(Finding("note", text))
        source = _source(change, parameter)
        self._judge(source, findings)
        return (source,)

    def _sides(self, parameter: Parameter, times: float) -> tuple[Outcome | None, Outcome | None]:
        """The results `times` sigma above and below."""
        step = times * (parameter.sigma or 0.0)
        above = self.value(parameter, parameter.value + step)
        return above, self.value(parameter, parameter.value - step)

    def _widened(self, parameter: Parameter) -> float:
        """By how much a step must be longer than sigma so that the points move by half a bin of Q; 1: not at all.

        Shifted by less, the noise of the few points that cross an edge would be taken for a change of S(Q).
        """
        project, sigma = self.loaded.record, parameter.sigma or 0.0
        up = parameter.value + sigma
        value = up if parameter.possible(up) else parameter.value - sigma
        if not parameter.possible(value):
            return 1.0
        try:
            off = with_values(project, {parameter.path: value})
            moved = float(np.max(np.abs(_axis(off) - _axis(project))))
        except InputError:
            return 1.0
        if moved < 1e-9:
            return 1.0
        return max(0.5 * project.range.q_step / moved, 1.0)

    def _judge(self, source: Source, findings: list[Finding]) -> None:
        noise = self.basis.reduction.structure_factor.sigma
        used = self.basis.used > 0.0
        size = float(np.sqrt(np.mean(source.sigma_s[used] ** 2) / np.mean(noise[used] ** 2)))
        if (
            source.nonlinearity is not None
            and source.nonlinearity > NOT_LINEAR
            and size > _NEGLIGIBLE
        ):
            text = (
                f"S(Q) does not follow {source.key} linearly within its standard uncertainty (curvature "
                f"{100 * source.nonlinearity:.0f} % of the change): use --monte-carlo, or state a smaller sigma."
            )
            findings.append(Finding("warning", text, {"nonlinearity": source.nonlinearity}))

    def computed(self, stated: Sequence[Parameter], findings: list[Finding]) -> Sequence[Source]:
        """How well multiple scattering is integrated, where the project does not state its uncertainty."""
        path = "multiple_scattering.scale"
        table = self.loaded.record.multiple_scattering
        accuracy = self.basis.reduction.parameters.get(MULTIPLE_ACCURACY)
        if table is None or accuracy is None or any(p.path == path for p in stated):
            return ()
        value, sigma = table.scale.value, table.scale.value * accuracy.value
        if not sigma > 0.0:
            return ()
        project = replace(
            self.loaded.record,
            multiple_scattering=replace(table, scale=replace(table.scale, value=value + sigma)),
        )
        change = _difference(self.basis, self.at(project))
        source = replace(
            change,
            name="multiple scattering, integration",
            key=path,
            kind="computed",
            value=value,
            sigma=sigma,
            text="accuracy of the integration",
        )
        return (source,)


def _axis(project: Project) -> Array:
    """Q of some angles as they are read, shape (n,), Å^-1: what zero, displacement and wavelength move."""
    read = np.linspace(*project.range.two_theta_deg, 31)
    angle = true_two_theta(read, alignment=instrument_of(project).alignment)
    return momentum_transfer(angle, wavelength_a=make_plan(project).wavelength_a)


def _central(basis: Basis, above: Outcome, below: Outcome, *, times: float = 1.0) -> Source:
    """Half the difference of two results, `times` sigma to either side, and their mean against the one between."""
    s0 = basis.reduction.structure_factor.s
    up, down = _filled(above.s - s0, s0 - below.s), _filled(s0 - below.s, above.s - s0)
    half = 0.5 / times
    first, second = half * (up + down), half / times * (up - down)
    return _change(
        first,
        half * (above.d - below.d),
        half * (above.g - below.g),
        {n: half * (above.scalars[n] - below.scalars[n]) for n in above.scalars},
        nonlinearity=_ratio(basis, second, first),
    )


def _one_sided(basis: Basis, end: Outcome, half: Outcome, side: float) -> Source:
    """f' h = (4 f(h/2) - 3 f(0) - f(h)), of second order in h."""
    zero = basis.outcome(basis.reduction)
    names = zero.scalars

    def slope(f1: Array, f2: Array, f0: Array) -> Array:
        return np.asarray(side * (4.0 * f1 - 3.0 * f0 - f2))

    first = _filled(slope(half.s, end.s, zero.s), np.zeros_like(zero.s))
    second = _filled(2.0 * (zero.s - 2.0 * half.s + end.s), np.zeros_like(zero.s))
    return _change(
        first,
        slope(half.d, end.d, zero.d),
        slope(half.g, end.g, zero.g),
        {n: side * (4.0 * half.scalars[n] - 3.0 * zero.scalars[n] - end.scalars[n]) for n in names},
        nonlinearity=_ratio(basis, second, first),
    )


def _difference(basis: Basis, other: Outcome) -> Source:
    """The whole change from the result to another."""
    zero = basis.outcome(basis.reduction)
    change = _filled(other.s - zero.s, np.zeros_like(zero.s))
    scalars = {n: other.scalars[n] - zero.scalars[n] for n in zero.scalars}
    return _change(change, other.d - zero.d, other.g - zero.g, scalars)


def _filled(values: Array, instead: Array) -> Array:
    """A bin that one of two reductions does not reach takes the other's change."""
    return np.nan_to_num(np.where(np.isfinite(values), values, instead))


def _ratio(basis: Basis, second: Array, first: Array) -> float | None:
    used = basis.used > 0.0
    size = float(np.sqrt(np.mean(first[used] ** 2)))
    return None if size == 0.0 else float(np.sqrt(np.mean(second[used] ** 2))) / size


def _change(
    s: Array,
    d: Array,
    g: Array,
    scalars: dict[str, float],
    *,
    nonlinearity: float | None = None,
) -> Source:
    return Source(
        name="",
        key="",
        kind="stated",
        value=None,
        sigma=None,
        unit="",
        s=frozen(s[None, :]),
        d=frozen(d[None, :]),
        g=frozen(g[None, :]),
        scalars={n: v for n, v in scalars.items() if np.isfinite(v)},
        nonlinearity=nonlinearity,
    )


def _source(change: Source, parameter: Parameter) -> Source:
    return replace(
        change,
        name=in_words(parameter.path),
        key=parameter.path,
        value=parameter.value,
        sigma=parameter.sigma,
        unit=parameter.unit,
        text="stated",
    )


def _advice(run: _Run) -> Sequence[Finding]:
    found = []
    table = run.loaded.record.optimize
    if table is not None and table.posterior:
        text = (
            "The stated uncertainties are what `xtsred optimize` left of them with these same counts: they are correlated with "
            "each other and with counting, which the project file does not hold; they are taken as independent here."
        )
        found.append(Finding("note", text))
    missing = not_stated(run.loaded)
    if not missing:
        return found
    text = (
        f"No uncertainty is stated for {', '.join(missing)}: the budget holds nothing of them. "
        "Write { value = ..., sigma = ... } for what you know."
    )
    return [*found, Finding("note", text, {"not_stated": float(len(missing))})]
