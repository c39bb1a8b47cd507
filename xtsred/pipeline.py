"""The reduction on one screen: scans -> merge -> corrections -> normalization -> S(Q) -> g(r)."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace

import numpy as np

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.radiation import Line
from calibration.records import Loaded
from xtsred import checks, steps
from xtsred.binning import QGrid, cell_edges, momentum_transfer, uniform_q
from xtsred.certificates import certificate_notes
from xtsred.comparison import compare_with
from xtsred.config import Project
from xtsred.corrections.absorption import Attenuation, beam_transmission
from xtsred.corrections.environment import Measurement
from xtsred.fourier import pair_distribution
from xtsred.inputs import Inputs, header_findings, instrument_of, read_inputs, scans_started
from xtsred.memo import Memo
from xtsred.merge import Merged, merge_roles, on_angles
from xtsred.multiple import NotApplied, multiple_scattering_model
from xtsred.neighbours import fourier_window, measure_shells
from xtsred.scattering import LineTerms, line_terms
from xtsred.shells import first_distance
from xtsred.solve import MultipleScatteringModel, Problem, Solution, solve
from xtsred.stages import (
    Array,
    Intensity,
    PairDistribution,
    Pattern,
    Reduction,
    Role,
    StructureFactor,
    frozen,
)
from xtsred.subtraction import check_dark, check_net, net_rate
from xtsred.unpack import Plan, make_plan

__all__ = ["MULTIPLE_ACCURACY", "reduce_inputs", "reduce_project"]

Progress = Callable[[str], None]

MULTIPLE_ACCURACY = "multiple scattering, relative error of its integration"
"""Name of this number among a reduction's parameters."""

_FEWEST_BINS = 40
_FEWEST_POINTS = 20


def reduce_project(loaded: Loaded[Project], *, progress: Progress | None = None) -> Reduction:
    """Read everything that a project names and reduce it. Raises InputError for what the user can fix."""
    tell = progress or _silent
    tell("reading scans")
    return reduce_inputs(loaded, read_inputs(loaded), progress=tell)


def reduce_inputs(
    loaded: Loaded[Project],
    inputs: Inputs,
    *,
    progress: Progress | None = None,
    memo: Memo | None = None,
) -> Reduction:
    """The reduction of scans that are read already: pure, but for the comparison's file.

    memo: keeps the stages of earlier calls; only what depends on something that has changed is computed again.
    """
    tell, project, keep = progress or _silent, loaded.record, memo or Memo(keep=1)
    plan = make_plan(project)
    tell("merging")
    limits, instrument = project.range.two_theta_deg, instrument_of(project)
    merged = keep(
        "merge",
        (inputs, instrument, limits),
        lambda: merge_roles(inputs, instrument=instrument, two_theta_deg=limits, memo=keep),
    )
    patterns = _on_common_angles(merged, limits)
    angle = patterns["sample"].two_theta_deg
    tell("absorption")
    optics = (angle, plan.setup, plan.reference_response, plan.lines, plan.continuum)
    lines, continuum, transmissions = keep("absorption", optics, lambda: _optics(angle, plan))
    if project.detector.dark_cps is not None:
        files = {role: [m.label for m in group] for role, group in inputs.items()}
        check_dark(patterns, dark_cps=project.detector.dark_cps.value, files=files)
    net = net_rate(project, patterns, lines[0], transmissions)
    check_net(net, sample=patterns["sample"])
    tell("multiple scattering")
    multiple: MultipleScatteringModel = NotApplied()
    if project.multiple_scattering is not None:
        table = project.multiple_scattering
        computed = keep(
            "multiple scattering",
            optics,
            lambda: multiple_scattering_model(plan, lines, angle, memo=keep),
        )
        multiple = computed.up_to(table.orders, scale=table.scale.value)
    tell("normalization and S(Q)")
    problem = _problem(project, plan, patterns["sample"], net, lines, continuum, multiple)
    # the model of multiple scattering is code: what it was made from stands for it
    posed = [
        getattr(problem, f.name)
        for f in fields(problem)
        if f.name not in ("lines", "continuum", "multiple")
    ]
    made_from = (optics, project.multiple_scattering, posed)
    solution = keep("solution", made_from, lambda: solve(problem, memo=keep))
    tell("g(r)")
    used, pdf = keep(
        "g(r)",
        (solution.structure, project.fourier, plan.number_density_per_a3),
        lambda: _real_space(project, plan, solution.structure),
    )
    shells, shell_findings = measure_shells(project, plan, pdf)
    intensity = _intensity(problem, solution, angle)
    comparison, comparison_findings = compare_with(loaded, plan, solution.structure, memo=keep)
    certified = certificate_notes(loaded, started=scans_started(inputs))
    findings = (
        *plan.findings,
        *header_findings(inputs, plan),
        *certified.findings,
        *(f for p in merged.patterns.values() for f in p.findings),
        *checks.all_findings(
            checks.Evidence(
                problem=problem,
                solution=solution,
                used=used,
                pdf=pdf,
                has_container=project.container is not None,
                container_measured="container" in patterns,
                environment_measured="environment" in patterns,
                multiple_scattering=project.multiple_scattering is not None,
            )
        ),
        *shell_findings,
        *comparison_findings,
    )
    return Reduction(
        name=project.sample.name,
        composition_text=project.sample.composition,
        number_density_per_a3=plan.number_density_per_a3,
        scans={role: tuple(m.scan for m in group) for role, group in inputs.items()},
        patterns=dict(merged.patterns),
        steps=(
            *merged.steps,
            *steps.correction_steps(
                steps.Done(
                    plan=plan,
                    two_theta_deg=angle,
                    lines=tuple(lines),
                    continuum=tuple(continuum),
                    transmissions=transmissions,
                    patterns=patterns,
                    problem=problem,
                    solution=solution,
                )
            ),
        ),
        intensity=intensity,
        normalization=solution.normalization,
        structure_factor=solution.structure,
        pair_distribution=pdf,
        shells=shells,
        findings=findings,
        parameters={
            **_parameters(plan, transmissions, patterns, multiple),
            **certified.parameters,
        },
        comparison=comparison,
    )


def _silent(_text: str) -> None:
    return None


def _on_common_angles(merged: Merged, limits: tuple[float, float]) -> dict[Role, Pattern]:
    """Every role on the sample's angles inside the range that the project uses."""
    sample = merged.patterns["sample"]
    inside = (sample.two_theta_deg >= limits[0] - 1e-9) & (sample.two_theta_deg <= limits[1] + 1e-9)
    inside &= sample.two_theta_deg > 0.0
    angles = sample.two_theta_deg[inside]
    return {role: on_angles(pattern, angles) for role, pattern in merged.patterns.items()}


def _optics(angle: Array, plan: Plan) -> tuple[list[LineTerms], list[LineTerms], dict[str, float]]:
    """Terms of the lines, of the continuum, and the transmissions of the direct beam."""
    return (
        [_terms(angle, line, plan) for line in plan.lines],
        [_terms(angle, line, plan) for line in plan.continuum],
        _transmissions(plan),
    )


def _terms(angle: Array, line: Line, plan: Plan) -> LineTerms:
    return line_terms(
        angle, line=line, setup=plan.setup, reference_response=plan.reference_response
    )


def _transmissions(plan: Plan) -> dict[str, float]:
    """Of the direct beam through the sample in its container, and through the empty container."""
    setup = plan.setup
    energy = np.array(plan.energy_kev)
    core = float(setup.sample.mu_per_mm(energy))
    wall = 0.0 if setup.wall is None else float(setup.wall.mu_per_mm(energy))

    def through(core_per_mm: float) -> float:
        return beam_transmission(
            cylinder=setup.cylinder,
            beam_width_mm=setup.beam_width_mm,
            mu=Attenuation(core_per_mm=core_per_mm, wall_per_mm=wall),
        )

    return {"sample": through(core), "container": through(0.0)}


def _problem(
    project: Project,
    plan: Plan,
    sample: Pattern,
    net: Measurement,
    lines: list[LineTerms],
    continuum: list[LineTerms],
    multiple: MultipleScatteringModel,
) -> Problem:
    q = momentum_transfer(sample.two_theta_deg, wavelength_a=plan.wavelength_a)
    edges = cell_edges(q)
    _check_q_step(project, q)
    grid = uniform_q(float(edges[0]), float(edges[-1]), step=project.range.q_step)
    _check_q_range(project, grid, q)
    priors: dict[str, Quantity] = {}
    if project.normalization.compton_response_sigma is not None:
        priors["compton response"] = Quantity(
            project.normalization.compton_response.value,
            project.normalization.compton_response_sigma,
        )
    if project.radiation.continuum is not None:
        stated = project.radiation.continuum.amplitude
        priors["continuum"] = Quantity(0.0, None) if stated is None else stated
    top = float(grid.edges[-1])
    return Problem(
        q=q,
        net=net,
        exposure_s=sample.exposure_s,
        lines=lines,
        continuum=continuum,
        grid=grid,
        number_density_per_a3=plan.number_density_per_a3,
        q_normalization=project.normalization.q_range or (top / 2.0, top),
        method=project.normalization.method,
        priors=priors,
        multiple=multiple,
        compton_response=project.normalization.compton_response.value,
    )


def _check_q_step(project: Project, q: Array) -> None:
    """Bins must be neither finer than the scans nor so broad that few are left."""
    step, fine = project.range.q_step, float(np.median(np.diff(q))) / 5.0
    coarse = float(q[-1] - q[0]) / _FEWEST_BINS
    if fine <= step <= coarse:
        return
    raise InputError(
        f"bins of {step:g} Å^-1 do not suit these scans: {fine:.2g} to {coarse:.2g} do",
        why=f"the scans step by {5.0 * fine:.2g} Å^-1 and reach from {q[0]:.3g} to {q[-1]:.3g}; finer bins hold "
        f"nothing more, and fewer than {_FEWEST_BINS} bins no structure",
        remedy="0.02 to 0.05 is usual (pi / q_step is the longest distance that it resolves), or widen range.two_theta_deg",
        where="range.q_step",
    )


def _check_q_range(project: Project, grid: QGrid, q: Array) -> None:
    low, high = float(grid.centers[0]), float(grid.edges[-1])
    for name, wanted in (
        ("fourier.q_range", project.fourier.q_range),
        ("normalization.q_range", project.normalization.q_range),
    ):
        if wanted is not None and (wanted[0] < low - 1e-6 or wanted[1] > high + 1e-6):
            raise InputError(
                f"[{wanted[0]:g}, {wanted[1]:g}] Å^-1 reaches beyond the measured {low:.3f} to {high:.3f}",
                why="S(Q) is never extrapolated to higher Q",
                remedy="narrow it, or widen range.two_theta_deg if the scans allow",
                where=name,
            )

    wanted = project.normalization.q_range
    if wanted is None:
        return
    inside = int(((q >= wanted[0]) & (q <= wanted[1])).sum())
    if inside < _FEWEST_POINTS:
        raise InputError(
            f"[{wanted[0]:g}, {wanted[1]:g}] Å^-1 holds {inside} measured points",
            why=f"the high-angle method needs {_FEWEST_POINTS} at least, and good ones some periods of S(Q)",
            remedy="widen it, or leave it out: from q_max/2 to q_max",
            where="normalization.q_range",
        )


def _real_space(
    project: Project, plan: Plan, structure: StructureFactor
) -> tuple[StructureFactor, PairDistribution]:
    """Transform the bins inside fourier.q_range; returns them and the real-space functions."""
    table = project.fourier
    step = structure.q[1] - structure.q[0]
    inside = structure.q >= table.q_range[0] - 1e-9
    inside &= structure.q + step / 2.0 <= table.q_range[1] + 1e-9
    used = StructureFactor(
        q=frozen(structure.q[inside]),
        s=frozen(structure.s[inside]),
        sigma=frozen(structure.sigma[inside]),
        sigma_systematic=None
        if structure.sigma_systematic is None
        else frozen(structure.sigma_systematic[inside]),
        modes=None if structure.modes is None else frozen(structure.modes[:, inside]),
        covariance=None
        if structure.covariance is None
        else frozen(structure.covariance[np.ix_(inside, inside)]),
    )
    if table.r_max > np.pi / step:
        raise InputError(
            f"{table.r_max:g} Å is beyond pi / q_step = {np.pi / step:.4g} Å",
            why="bins of this width average out the oscillation of longer distances",
            remedy="lower r_max, or make range.q_step smaller",
            where="fourier.r_max",
        )
    points = round(table.r_max / table.r_step)
    pdf = pair_distribution(
        used,
        frozen(table.r_step * np.arange(1, points + 1)),
        window=fourier_window(project),
        number_density_per_a3=plan.number_density_per_a3,
        extrapolation=table.extrapolation,
    )
    return used, replace(pdf, first_distance=first_distance(pdf))


def _intensity(problem: Problem, solution: Solution, angle: Array) -> Intensity:
    k = solution.normalization.k.value
    background = sum(solution.components.values())
    # each line scatters with the form factors of its own Q; what belongs to the mean Q is their mixture
    square_mean = np.asarray(sum(t.line.weight * t.square_mean for t in problem.lines))
    mean_square = np.asarray(sum(t.line.weight * t.mean_square for t in problem.lines))
    s_minus_1 = (problem.net.rate / k - background) / solution.sensitivity
    sigma_s = np.sqrt(problem.net.variance) / (k * solution.sensitivity)
    return Intensity(
        two_theta_deg=frozen(angle),
        q=frozen(problem.q),
        measured=frozen(problem.net.rate / k),
        sigma=frozen(np.sqrt(problem.net.variance) / k),
        components={n: frozen(c) for n, c in solution.components.items()},
        coherent=frozen(mean_square + square_mean * s_minus_1),
        coherent_sigma=frozen(square_mean * sigma_s),
        square_mean=frozen(square_mean),
        mean_square=frozen(mean_square),
    )


def _parameters(
    plan: Plan,
    transmissions: Mapping[str, float],
    patterns: Mapping[Role, Pattern],
    multiple: MultipleScatteringModel,
) -> dict[str, Quantity]:
    found = dict(plan.parameters)
    for name, value in transmissions.items():
        found[f"beam transmission, {name}"] = Quantity(value)
    for role, pattern in patterns.items():
        hours = float(pattern.exposure_s.sum()) / 3600.0
        found[f"counting time, {role}"] = Quantity(hours, None, "h")
    if multiple.accuracy is not None:
        found[MULTIPLE_ACCURACY] = Quantity(multiple.accuracy)
    return found
