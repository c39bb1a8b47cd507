"""Which circuit: the corrected Akaike criterion, within what physics allows.

An arc more must earn its three parameters by more than chance (6 units of AICc, some e^3 in likelihood), or
noise would be called a grain boundary. What is left of the doubt goes into the uncertainty of R: the
spread of R among the circuits that the data do not exclude, by their Akaike weights.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cis.arcs import arc_capacitance
from cis.circuits import CIRCUITS, circuit
from cis.solution import RESISTANCE_KNOWN, Solution, refine, screen
from cis.stages import Array, Candidate, ComplexArray, Step

__all__ = [
    "Choice",
    "at_lower_bound",
    "choose",
    "decide",
    "model_spread",
    "objection",
]

ARC_MARGIN = 6.0  # AICc by which a second arc must win
RIVAL = 16.0  # AICc by which a circuit that leaves R open must win to take R away
ELECTRODE_MARGIN = (
    20.0  # an arc of the electrode, or an exponent at its least, needs strong reasons
)
MISFIT_LIMIT = 0.3  # of |Z|, one standard deviation: another thing was measured than this circuit
VAGUE = (
    0.15  # relative uncertainty beyond which a rival says nothing against an R that is known better
)
LEAD_LIMIT_H = 2e-5  # some ten metres of wire
SERIES_DEMAND = 20.0  # AICc to be gained before a resistance without an arc is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The circuit chosen, its name, why, all that were tried (name -> fit), and a step of |Z| that R suffers."""

    name: str
    solution: Solution
    reason: str
    tried: Mapping[str, Solution]
    step: Step | None = None

    @property
    def doubt(self) -> str:
        """The circuit that the data prefer by far but that leaves R open; "" if there is none."""
        rivals = [
            (s.aicc, name)
            for name, s in self.tried.items()
            if ("blocking" in name or "tail" in name)
            and not s.identifiable
            and s.aicc < self.solution.aicc - RIVAL
        ]
        return min(rivals)[1] if rivals else ""

    def candidates(self) -> tuple[Candidate, ...]:
        """Every circuit tried with the reason, the best criterion first."""
        rows = []
        for name, s in sorted(self.tried.items(), key=lambda item: item[1].aicc):
            chosen = name == self.name
            against = objection(s)
            behind = s.aicc - self.solution.aicc
            if chosen:
                reason = self.reason
            elif against:
                reason = against
            elif behind >= 0.0:
                reason = f"AICc {behind:.1f} higher"
            elif s.electrode_arcs:
                reason = f"AICc {-behind:.1f} lower, but the arc of {s.electrode_arcs[0]} is an electrode's"
            else:
                reason = f"AICc {-behind:.1f} lower, less than the {ARC_MARGIN:.0f} an arc more must earn"
            known = s.identifiable
            rows.append(
                Candidate(
                    circuit=name,
                    aicc=s.aicc,
                    chosen=chosen,
                    reason=reason,
                    resistance_ohm=s.resistance_ohm if known else None,
                    resistance_sigma_ohm=s.resistance_ohm * s.resistance_sigma_log
                    if known
                    else None,
                )
            )
        return tuple(rows)


def objection(s: Solution) -> str:
    """What physics has against a fit; "" for nothing."""
    values = s.circuit.to_values(s.x)
    if not np.isfinite(s.resistance_ohm):
        return "it has no low-frequency intercept"
    misfit = float(np.sqrt(s.variance))
    if misfit > MISFIT_LIMIT:
        return f"it misses the points by {100 * misfit:.0f}%"
    if not s.identifiable:
        return (
            f"the data do not tell its R (relative uncertainty above {100 * RESISTANCE_KNOWN:.0f}%)"
        )
    for name, value in zip(s.circuit.names, values, strict=True):
        if name.startswith("L") and value > LEAD_LIMIT_H:
            return f"no lead has {value:.2g} H"
    return ""


def choose(
    frequency_hz: Array,
    z_ohm: ComplexArray,
    *,
    noise_relative: float | None,
) -> Choice:
    """Fit the circuits of CIRCUITS that the data may need, the simple ones first, and choose.

    A second arc is not tried where it could not win: the Kramers-Kronig curve, which follows any
    number of arcs, has left too small a sum of squares to be gained.
    """
    tried: dict[str, Solution] = {}

    def attempt(name: str) -> None:
        if name in CIRCUITS and name not in tried:
            tried[name] = screen(circuit(name), frequency_hz, z_ohm)

    for name in ("tail", "bulk", "bulk-blocking"):
        attempt(name)
    best = _best(tried)
    if _lead_visible(frequency_hz, z_ohm, tried[best]):
        # the foot of an arc beyond the frequencies is an inductance of the other sign: one without the
        # other is not a fair trial
        attempt("bulk-blocking+lead")
        attempt(f"{best}+lead")
        best = _best(tried)
    if _second_arc_possible(tried[best], frequency_hz.size, noise_relative):
        attempt("bulk+gb-blocking")
        still = _second_arc_possible(tried[_best(tried)], frequency_hz.size, noise_relative)
        if still or best.startswith("bulk+") or best == "bulk" or objection(tried[best]):
            attempt("bulk+gb")  # a second arc instead of a spike, or an electrode that leaks
        best = _best(tried)
        if _lead_visible(frequency_hz, z_ohm, tried[best]):
            attempt(f"{best}+lead")
            double = tried["bulk+gb-blocking"]
            if "gb" not in best and double.aicc < tried[best].aicc + ARC_MARGIN:
                attempt("bulk+gb-blocking+lead")
    best = _best(tried)
    if _series_demanded(tried[best], frequency_hz, noise_relative):
        _attempt_series(attempt, tried, frequency_hz, z_ohm, noise_relative)
    best = _best(tried)
    tried[best] = refine(tried[best], frequency_hz, z_ohm)
    return decide(tried)


def _attempt_series(
    attempt: Callable[[str], None],
    tried: Mapping[str, Solution],
    frequency_hz: Array,
    z_ohm: ComplexArray,
    noise_relative: float | None,
) -> None:
    """The circuits with a resistance in series, with one arc and, where the noise leaves room, with two."""
    lead = _lead_visible(frequency_hz, z_ohm, tried[_best(tried)])
    for names in (
        ("R0+bulk-blocking", "R0+bulk"),
        ("R0+bulk+gb-blocking", "R0+bulk+gb"),
    ):
        best = tried[_best(tried)]
        if "gb" in names[0] and not _second_arc_possible(best, frequency_hz.size, noise_relative):
            return
        for name in names:
            attempt(name)
            if lead:
                attempt(f"{name}+lead")


def decide(tried: Mapping[str, Solution]) -> Choice:
    """The best of the fits by criterion, margin and physics."""
    name = _best(tried)
    s = tried[name]
    others = sorted(
        (o.aicc - s.aicc, n) for n, o in tried.items() if n != name and not objection(o)
    )
    against = objection(s)
    if against:
        reason = f"lowest AICc, though {against}; no other circuit does better"
    elif not others:
        reason = "the only circuit that physics allows here"
    elif others[0][0] >= 0.0:
        reason = (
            f"lowest AICc of those physics allows, by {others[0][0]:.1f} (next: {others[0][1]})"
        )
    else:
        reason = f"simpler than {others[0][1]}, which is better by {-others[0][0]:.1f} only"
    return Choice(name=name, solution=s, reason=reason, tried=tried)


def _score(name: str, s: Solution) -> float:
    margin = ARC_MARGIN * (("gb" in name) + ("R0" in name))
    strange = bool(s.electrode_arcs) + bool(at_lower_bound(s))
    return s.aicc + margin + ELECTRODE_MARGIN * strange


def _best(tried: Mapping[str, Solution]) -> str:
    allowed = {n: s for n, s in tried.items() if not objection(s)} or tried
    return min(allowed, key=lambda n: _score(n, allowed[n]))


def _lead_visible(frequency_hz: Array, z_ohm: ComplexArray, s: Solution) -> bool:
    """Whether the longest lead would stand out of the noise of the points at all."""
    reactance = 2.0 * np.pi * frequency_hz * LEAD_LIMIT_H / np.abs(z_ohm)
    return float(np.sqrt(reactance @ reactance)) > 0.3 * float(np.sqrt(s.variance))


def _series_demanded(s: Solution, frequency_hz: Array, noise_relative: float | None) -> bool:
    """Whether the arcs fail: an exponent at its lower bound, a misfit far above the noise, an unphysical fit.

    Or one arc of several is not seen: a resistance describes its intercept with two parameters less.
    """
    points = frequency_hz.size
    if 2 * points < s.x.size + 8:
        return False
    if objection(s) or at_lower_bound(s) or _arc_unseen(s, frequency_hz):
        return True
    if not noise_relative:
        return False
    gain = 2.0 * points * np.log(max(s.variance, 1e-28) / noise_relative**2)
    return bool(gain > SERIES_DEMAND)


def _arc_unseen(s: Solution, frequency_hz: Array) -> bool:
    arcs = s.circuit.arcs()
    for _, r, q in arcs:
        _, _, log_tau, sigma = arc_capacitance(s.circuit, s.x, s.covariance, (r, q))
        if len(arcs) > 1 and (sigma > 1.0 or -log_tau > np.log(2.0 * np.pi * frequency_hz.max())):
            return True
    return False


def at_lower_bound(s: Solution) -> tuple[str, ...]:
    """Exponents that the fit pushed to the least a constant-phase element can have."""
    low, _ = s.circuit.bounds()
    return tuple(
        n
        for n, x, least, log in zip(s.circuit.names, s.x, low, s.circuit.is_log, strict=True)
        if not log and x < least + 1e-3
    )


def _second_arc_possible(s: Solution, points: int, noise_relative: float | None) -> bool:
    if 2 * points < s.x.size + 8:
        return False
    if noise_relative is None or noise_relative <= 0.0:
        return True
    gain = 2.0 * points * np.log(max(s.variance, 1e-28) / noise_relative**2)
    return bool(gain > ARC_MARGIN)


def model_spread(choice: Choice, *, factor: float = 1.0) -> float:
    """Standard uncertainty of ln R from the covariance and from the choice among circuits.

    var = sum_i w_i (factor^2 var_i + (ln R_i - ln R)^2) / sum_i w_i + step^2 over the circuits that physics allows,
    with w_i = exp(-max(0, AICc_i - AICc)/2), and that tell R about as well (to 15%, or a third as well as the one
    chosen): a circuit with an arc too many says little of R, not that R is unknown. factor: of the statistical part, for scatter that is not white.
    step: of |Z| between ranges, if there is one. Source: Burnham & Anderson (2002), section 4.3.
    """
    s = choice.solution
    log_r = np.log(s.resistance_ohm)
    vague = max(VAGUE, 3.0 * s.resistance_sigma_log)
    rows: Sequence[tuple[float, float]] = [
        (
            float(np.exp(-0.5 * max(0.0, _score(n, o) - _score(choice.name, s)))),
            (factor * o.resistance_sigma_log) ** 2 + float(np.log(o.resistance_ohm) - log_r) ** 2,
        )
        for n, o in choice.tried.items()
        if o is s or (not objection(o) and o.resistance_sigma_log < vague)
    ]
    weights, variances = np.array(rows).T
    step = choice.step.relative if choice.step is not None else 0.0
    return float(np.hypot(np.sqrt(weights @ variances / weights.sum()), step))
