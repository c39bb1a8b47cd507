"""Every doubt of a reduction: said when it should be, and not otherwise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xtsred
from calibration.quantity import Quantity
from calibration.report import Finding
from xtsred import pipeline
from xtsred.checks import Evidence, all_findings, low_r_level, sum_rule
from xtsred.config import load_project
from xtsred.forward import GlassModel, sodium_thiosilicate, true_structure_factor
from xtsred.forward.glass import silica_like
from xtsred.fourier import Window, pair_distribution
from xtsred.multiple import Applied
from xtsred.pipeline import reduce_project
from xtsred.shells import first_distance
from xtsred.stages import Array, PairDistribution, Reduction, StructureFactor, frozen

DEMO = Path(xtsred.__file__).parent / "data" / "demo" / "run.toml"
NTS = sodium_thiosilicate()


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """What the checks saw of the shipped measurement."""
    seen: list[Evidence] = []

    def watch(found: Evidence) -> tuple[Finding, ...]:
        seen.append(found)
        return ()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.checks, "all_findings", watch)
        reduce_project(load_project(DEMO))
    return seen[0]


def said(evidence: Evidence, word: str) -> list[Finding]:
    return [f for f in all_findings(evidence) if word in f.text]


def exact(model: GlassModel, q_max: float = 21.5, sigma: float = 1e-3) -> StructureFactor:
    q = 0.05 * np.arange(12, round(q_max / 0.05))
    s = true_structure_factor(model, q).s
    return StructureFactor(q=frozen(q), s=frozen(s), sigma=frozen(np.full(q.size, sigma)))


def real_space(structure: StructureFactor, density: float) -> PairDistribution:
    pdf = pair_distribution(
        structure,
        frozen(0.02 * np.arange(1, 501)),
        window=Window(name="lorch", q_max=float(structure.q[-1]) + 0.025),
        number_density_per_a3=density,
        extrapolation="parabola",
    )
    return replace(pdf, first_distance=first_distance(pdf))


def with_curve(evidence: Evidence, s: Array) -> Evidence:
    return replace(evidence, used=replace(evidence.used, s=frozen(s), covariance=None))


def test_a_good_measurement_raises_no_warning(evidence: Evidence) -> None:
    assert {f.severity for f in all_findings(evidence)} == {"note"}


def test_missing_scans(evidence: Evidence) -> None:
    (no_container,) = said(replace(evidence, container_measured=False), "empty container")
    assert no_container.severity == "problem"
    bare = replace(evidence, container_measured=False, has_container=False)
    assert said(bare, "empty container") == []
    (no_air,) = said(replace(evidence, environment_measured=False), "environment")
    assert no_air.severity == "warning"
    (not_applied,) = said(replace(evidence, multiple_scattering=False), "Multiple scattering")
    assert not_applied.severity == "warning"


def test_an_opaque_sample_is_said(evidence: Evidence) -> None:
    """How well multiple scattering is integrated is a doubt beyond half a per cent of it."""
    model = evidence.problem.multiple
    rough = Applied(of=lambda structure: np.zeros(1), accuracy=0.02)
    (found,) = said(
        replace(evidence, problem=replace(evidence.problem, multiple=rough)), "nearly opaque"
    )
    assert found.numbers["accuracy"] == 0.02
    assert model.accuracy is not None
    assert model.accuracy < 0.005
    assert said(evidence, "nearly opaque") == []


@pytest.mark.parametrize(
    ("factor", "severity"), [(1.0, "note"), (1.005, "note"), (1.03, "warning")]
)
def test_normalizations_that_differ(evidence: Evidence, factor: float, severity: str) -> None:
    n = evidence.solution.normalization
    moved = replace(n, k_integral=Quantity(factor * n.k_high_angle.value, 0.01))
    changed = replace(evidence, solution=replace(evidence.solution, normalization=moved))
    (finding,) = said(changed, "Krogh-Moe-Norman")
    assert finding.severity == severity
    assert finding.numbers["relative_difference"] == pytest.approx(factor - 1.0)


def test_a_difference_within_its_uncertainty_is_no_warning(evidence: Evidence) -> None:
    n = evidence.solution.normalization
    vague = Quantity(1.03 * n.k_high_angle.value, 0.02 * n.k_high_angle.value)
    solution = replace(evidence.solution, normalization=replace(n, k_integral=vague))
    assert said(replace(evidence, solution=solution), "Krogh-Moe-Norman")[0].severity == "note"


@pytest.mark.parametrize(
    ("value", "severity", "word"),
    [
        (1.05, "note", "is 1.05"),
        (1.25, "warning", "outside its prior"),
        (-0.1, "warning", "less than"),
    ],
)
def test_fitted_response(evidence: Evidence, value: float, severity: str, word: str) -> None:
    n = evidence.solution.normalization
    fitted = replace(
        n,
        compton_response=Quantity(value, 0.01),
        correlations={"K, compton response": -0.999},
    )
    changed = replace(
        evidence,
        problem=replace(evidence.problem, priors={"compton response": Quantity(1.0, 0.2)}),
        solution=replace(evidence.solution, normalization=fitted),
    )
    (finding,) = said(changed, "compton response")
    assert finding.severity == severity
    assert word in finding.text
    assert "correlation with the normalization is -0.999" in finding.text


@pytest.mark.parametrize("q_max", [14.0, 17.0, 21.5])
@pytest.mark.parametrize("model", [NTS, silica_like()], ids=["thiosilicate", "silica"])
def test_a_perfect_curve_goes_to_one(evidence: Evidence, model: GlassModel, q_max: float) -> None:
    perfect = replace(evidence, used=exact(model, q_max, sigma=1e-5))
    assert said(perfect, "does not go to 1") == []


@pytest.mark.parametrize("offset", [-0.04, 0.04])
def test_a_curve_that_does_not_go_to_one(evidence: Evidence, offset: float) -> None:
    (finding,) = said(with_curve(evidence, evidence.used.s + offset), "does not go to 1")
    assert finding.severity == "warning"
    assert finding.numbers["mean"] == pytest.approx(1.0 + offset, abs=0.005)


def test_a_slope_at_high_q(evidence: Evidence) -> None:
    """Compton wrong by some percent: S runs away towards high Q."""
    q = evidence.used.q
    slope = evidence.used.s + 0.15 * np.clip(q / q[-1] - 0.5, 0.0, None)
    assert said(with_curve(evidence, slope), "does not go to 1")


@pytest.mark.parametrize("model", [NTS, silica_like()], ids=["thiosilicate", "silica"])
def test_sum_rule_of_a_known_glass(model: GlassModel) -> None:
    """-2 pi^2 rho0 of a closed form; below 0.6 Å^-1 the first bin's value is kept.

    To 1 %, and to 10 % where the first shell is so sharp (silica: 0.06 Å) that damping by 0.01 leaves its end.
    """
    rho = model.number_density_per_a3
    measured, expected = sum_rule(exact(model), number_density_per_a3=rho)
    assert expected == pytest.approx(-2.0 * np.pi**2 * rho)
    assert measured.value == pytest.approx(expected, rel=0.01 if model is NTS else 0.10)


def test_sigma_of_the_sum_rule_by_monte_carlo() -> None:
    """Independent noise of bins and an error that all bins share."""
    generator = np.random.default_rng(3)
    clean = exact(NTS, sigma=0.02)
    shared = 1e-3 * (1.0 + clean.q / 20.0)
    known = replace(clean, sigma_systematic=frozen(shared))
    stated, _ = sum_rule(known, number_density_per_a3=0.0431)
    values = []
    for _ in range(600):
        s = (
            clean.s
            + generator.normal(size=clean.q.size) * clean.sigma
            + generator.normal() * shared
        )
        value, _ = sum_rule(replace(clean, s=frozen(s)), number_density_per_a3=0.0431)
        values.append(value.value)
    assert stated.sigma is not None
    assert np.std(values) == pytest.approx(stated.sigma, rel=0.12)


@pytest.mark.parametrize(("factor", "severity"), [(1.0, "note"), (3.0, "warning")])
def test_sum_rule_against_a_wrong_density(evidence: Evidence, factor: float, severity: str) -> None:
    density = factor * evidence.problem.number_density_per_a3
    changed = replace(
        evidence,
        used=exact(NTS),
        problem=replace(evidence.problem, number_density_per_a3=density),
    )
    (finding,) = said(changed, "Sum rule")
    assert finding.severity == severity
    assert finding.numbers["ratio"] == pytest.approx(1.0 / factor, rel=0.02)


def test_noise_alone_is_no_broken_sum_rule(evidence: Evidence) -> None:
    """Off by 60 % of its value, but with a sigma of 40 %: not worth a warning."""
    rho = evidence.problem.number_density_per_a3
    step = 0.6 * 2.0 * np.pi**2 * rho
    base = exact(NTS)
    weight = 0.05 * base.q**2 * np.exp(np.log(0.01) * (base.q / base.q[-1]) ** 2)
    moved = replace(base, s=frozen(base.s - step / weight.sum()))
    severity = {}
    for name, relative in (("precise", 0.01), ("vague", 0.4)):
        sigma = relative * 2.0 * np.pi**2 * rho / np.sqrt(weight @ weight)
        used = replace(moved, sigma=frozen(np.full(base.q.size, sigma)))
        (finding,) = said(replace(evidence, used=used), "Sum rule")
        severity[name] = finding.severity
    assert severity == {"precise": "warning", "vague": "note"}


def test_low_r_slope_of_a_known_glass() -> None:
    pdf = real_space(exact(NTS), NTS.number_density_per_a3)
    found = low_r_level(pdf)
    assert found is not None
    slope, expected = found
    assert expected == pytest.approx(-4.0 * np.pi * 0.0431)
    assert slope.value == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_a_wrong_density_shows_in_the_low_r_slope(evidence: Evidence, factor: float) -> None:
    pdf = real_space(exact(NTS), factor * NTS.number_density_per_a3)
    (finding,) = said(replace(evidence, pdf=pdf), "Low-r slope")
    assert finding.severity == "warning"
    assert finding.numbers["ratio"] == pytest.approx(1.0 / factor, rel=0.06)
    right = real_space(exact(NTS), NTS.number_density_per_a3)
    assert said(replace(evidence, pdf=right), "Low-r slope")[0].severity == "note"


def test_no_first_peak(evidence: Evidence) -> None:
    flat = replace(exact(NTS), s=frozen(np.ones(exact(NTS).q.size)))
    pdf = real_space(flat, 0.0431)
    assert low_r_level(pdf) is None
    (finding,) = said(replace(evidence, pdf=pdf), "no first peak")
    assert finding.severity == "warning"


# The same through whole reductions of the shipped scans


def warnings_of(*settings: str, text: str | None = None, folder: Path | None = None) -> str:
    path = DEMO
    if text is not None:
        assert folder is not None
        path = folder / "run.toml"
        path.write_text(text, encoding="utf-8")
    result: Reduction = reduce_project(load_project(path, settings=settings))
    return "\n".join(f.text for f in result.findings if f.severity != "note")


def test_a_project_without_the_environment(tmp_path: Path) -> None:
    text = DEMO.read_text(encoding="utf-8")
    entry = '[[scan]]\nrole = "environment"\nfile = "air.xy"\nseconds_per_step = 30.0\n'
    assert text.count(entry) == 1
    folder = DEMO.parent.as_posix()
    text = text.replace(entry, "").replace('file = "', f'file = "{folder}/')
    text = text.replace('curve = "', f'curve = "{folder}/')
    assert "No scan of the environment" in warnings_of(text=text, folder=tmp_path)


def test_a_density_wrong_by_30_percent() -> None:
    """The number density alone: packing keeps the attenuation, the slope of G(r) does not follow."""
    found = warnings_of("sample.number_density_per_A3=0.056", "sample.packing_fraction=0.385")
    assert "Low-r slope" in found


def test_another_composition_is_noticed() -> None:
    """The right scans with the wrong glass: nothing in S(Q) fits any more."""
    found = warnings_of('sample.composition="GeS2"', "sample.number_density_per_A3=0.036")
    assert "fluorescence" in found
    assert any(word in found for word in ("differ by", "Sum rule", "Low-r", "go to 1"))
