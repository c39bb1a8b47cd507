"""Low-r Fourier filters: what they take away by theory, and that nobody gets one unasked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import EXIT_DONE, run
from calibration.errors import ConfigError
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.low_r_filter.filter import Method, low_r_filter, sphere_average
from xtsred.low_r_filter.output import LABEL, filter_sections, filtered_files, filtered_reduction
from xtsred.stages import Array, Reduction, StructureFactor, frozen

DEMO = Path(__file__).parents[2] / "xtsred" / "data" / "demo" / "run.toml"
DENSITY, LIMIT = 0.06, 1.4
METHODS: tuple[Method, ...] = ("kaplow", "eggert", "top-hat")
Q = np.arange(1, 601) * 0.05


def glass(q: Array = Q) -> StructureFactor:
    """Two shells and a hole of exactly 2.6 Å, all soft enough to be nothing at 30 Å^-1: no ripple of the cut."""
    width = 0.16
    damp = np.exp(-0.5 * (width * q) ** 2)
    x = q * 2.6
    s = 1.0 - 4.0 * np.pi * DENSITY * (np.sin(x) - x * np.cos(x)) / q**3 * damp
    s += damp * (1.5 * np.sinc(q * 2.4 / np.pi) + 4.0 * np.sinc(q * 3.5 / np.pi))
    return StructureFactor(q=frozen(q), s=frozen(s), sigma=frozen(np.full(q.size, 1e-3)))


def error(q: Array = Q) -> Array:
    """A smooth mistake: its G(r) lies below 0.6 Å."""
    return np.asarray(0.03 * np.exp(-0.5 * (q / 10.0) ** 2))


def run_filter(structure: StructureFactor, method: Method, iterations: int = 5) -> Array:
    return low_r_filter(
        structure,
        method=method,
        limit_a=LIMIT,
        number_density_per_a3=DENSITY,
        iterations=iterations,
    ).structure.s


@pytest.mark.parametrize("method", METHODS)
def test_what_obeys_the_line_stays(method: Method) -> None:
    """The bins' mean and the first bins' parabola leave 1e-4 of a G(r) of 1."""
    structure = glass()
    assert np.max(np.abs(run_filter(structure, method) - structure.s)) < 3e-3


@pytest.mark.parametrize("method", ["kaplow", "top-hat"])
def test_a_smooth_mistake_is_taken_away(method: Method) -> None:
    true = glass()
    wrong = replace(true, s=frozen(true.s + error()))
    left = run_filter(wrong, method) - true.s
    assert np.sqrt(np.mean(left**2)) < 0.12 * np.sqrt(np.mean(error() ** 2))


def test_a_relative_mistake_is_taken_away_by_eggert() -> None:
    """What multiplies the intensity by a smooth curve: most of it beyond the first bins, and more than an additive filter takes."""
    true, beyond = glass(), Q > 1.0
    wrong = replace(true, s=frozen(true.s * (1.0 + error())))
    left = {m: (run_filter(wrong, m, 20) - true.s)[beyond] for m in METHODS[:2]}
    size = {m: float(np.sqrt(np.mean(x**2))) for m, x in left.items()}
    assert size["eggert"] < 0.25 * np.sqrt(np.mean((error() * true.s)[beyond] ** 2))
    assert size["eggert"] < size["kaplow"]


def test_a_wrong_peak_height_is_not_repaired() -> None:
    """Why a filter is no correction: an error of scale stays in every peak while the low-r region looks right."""
    true = glass()
    wrong = replace(true, s=frozen(1.0 + 1.05 * (true.s - 1.0)))
    found = low_r_filter(wrong, method="kaplow", limit_a=LIMIT, number_density_per_a3=DENSITY)
    assert found.residual[1] < 0.2 * found.residual[0]
    peak = int(np.argmax(true.s))
    assert found.structure.s[peak] - 1.0 > 1.03 * (true.s[peak] - 1.0)


def test_average_over_a_sphere_of_a_wave() -> None:
    """sin(Qr)/(Qr) is an eigenfunction with the sphere's transform P(r radius): the theorem of the mean value."""
    radius, distance = 2.5, 1.3
    wave = np.sinc(Q * distance / np.pi)
    x = radius * distance
    expected = 3.0 * (np.sin(x) - x * np.cos(x)) / x**3 * wave
    inside = (Q > 0.3) & (radius + 0.1 < Q[-1] - Q)
    assert np.allclose(
        (sphere_average(Q, radius=radius) @ wave)[inside], expected[inside], atol=2e-3
    )


def test_a_constant_is_its_own_average() -> None:
    assert np.allclose(sphere_average(Q, radius=3.0).sum(axis=1), 1.0)


@pytest.mark.parametrize("method", ["kaplow", "top-hat"])
def test_sigma_goes_through(method: Method) -> None:
    """Against drawn noise: 150 draws know a standard deviation to 6 %, that of all bins to 1 %."""
    q = np.arange(2, 121) * 0.2
    structure = glass(q)
    generator = np.random.default_rng(7)
    found = low_r_filter(structure, method=method, limit_a=LIMIT, number_density_per_a3=DENSITY)
    draws = np.array(
        [
            run_filter(replace(structure, s=frozen(structure.s + e)), method)
            for e in generator.normal(0.0, structure.sigma, (150, q.size))
        ]
    )
    ratio = draws.std(axis=0) / found.structure.sigma
    assert 0.97 < ratio.mean() < 1.03
    assert 0.75 < ratio.min() < ratio.max() < 1.25


def test_more_iterations_force_the_line_harder() -> None:
    true = glass()
    wrong = replace(true, s=frozen(true.s + error()))
    left = [
        low_r_filter(
            wrong, method="kaplow", limit_a=LIMIT, number_density_per_a3=DENSITY, iterations=n
        ).residual[1]
        for n in (1, 5, 30)
    ]
    assert left[0] > left[1] > left[2]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown filter"):
        run_filter(glass(), "wiener")  # type: ignore[arg-type]


def test_misspelt_in_a_project() -> None:
    with pytest.raises(ConfigError, match=r"low_r_filter\.method"):
        load_project(DEMO, settings=['low_r_filter={method="tophat"}'])


def test_no_first_distance_is_said(demo_reduction: Reduction) -> None:
    project = load_project(DEMO, settings=['low_r_filter={method="kaplow"}']).record
    pair = replace(demo_reduction.pair_distribution, first_distance=None)
    blind = replace(demo_reduction, pair_distribution=pair)
    assert filtered_reduction(blind, project) is None
    (section,) = filter_sections(blind, project)
    assert "Not made" in section.paragraphs[0]


@pytest.fixture(scope="module")
def demo_reduction() -> Reduction:
    from xtsred.pipeline import reduce_project

    return reduce_project(load_project(DEMO, settings=["multiple_scattering.orders=2"]))


def test_never_by_default(demo_reduction: Reduction) -> None:
    project = load_project(DEMO).record
    assert project.low_r_filter is None
    assert filtered_files(demo_reduction, project, {}) == {}
    assert filter_sections(demo_reduction, project) == ()


def test_beside_the_result_and_labelled(demo_reduction: Reduction, tmp_path: Path) -> None:
    out, stem = tmp_path / "out", "VIRTUAL_50Na2S-50SiS2"
    words = ["reduce", str(DEMO), "--out", str(out), "--set", "multiple_scattering.orders=2"]
    assert run(command, [*words, "--set", 'low_r_filter={method="top-hat"}']) == EXIT_DONE
    result = np.loadtxt(out / f"{stem}.sq")
    assert np.allclose(result[:, 1], demo_reduction.structure_factor.s, atol=1e-8)
    pair = np.loadtxt(out / f"{stem}.gr")
    expected = demo_reduction.pair_distribution
    assert np.allclose(pair[:, 1], expected.d[-len(pair) :], atol=1e-8)
    for end in (".sq", ".gr", ".gofr", ".fq"):
        assert "FILTERED" not in (out / (stem + end)).read_text(encoding="utf-8")
    for end in (".sq", ".gr"):
        text = (out / f"{stem}_filtered{end}").read_text(encoding="utf-8")
        assert text.startswith(f"# {LABEL}")
        assert "# filter = top-hat" in text
    q, s, _, removed = np.loadtxt(out / f"{stem}_filtered.sq", unpack=True)
    assert np.allclose(s + removed, np.interp(q, result[:, 0], result[:, 1]), atol=1e-7)
    assert "a second output" in (out / "report.html").read_text(encoding="utf-8")
