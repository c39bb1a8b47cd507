"""From a known truth through virtual counts and the whole reduction back: errors as large as they say.

The forward model (`xtsred.forward`: photon walk, ray tracing) shares no formula with the corrections.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import xtsred
from xtsred.config import load_project
from xtsred.forward import (
    Effort,
    VirtualBeam,
    VirtualDetector,
    VirtualExperiment,
    VirtualGoniometer,
    VirtualMeasurement,
    VirtualWindow,
    WalkSize,
    draw,
    expect,
    horizontal_share,
    sodium_thiosilicate,
    true_structure_factor,
)
from xtsred.forward.demo import demo_experiment, shipped_measurement, write_scans
from xtsred.fourier import Window, transform_operator
from xtsred.pipeline import reduce_project
from xtsred.stages import Array, Reduction

DEMO = Path(xtsred.__file__).parent / "data" / "demo"
TRUE_K = 40.0  # cps_per_electron_unit of the demonstration
Q_RANGE = (0.6, 21.5)


@pytest.fixture(scope="module")
def shipped() -> VirtualMeasurement:
    return shipped_measurement()


def reduced(
    measurement: VirtualMeasurement, folder: Path, *, settings: Sequence[str] = (), text: str = ""
) -> Reduction:
    """Write the scans with a project file (the demonstration's unless given) and reduce them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_scans(measurement, folder)
    shutil.copy(DEMO / "truth_SQ.csv", folder)
    project = folder / "run.toml"
    project.write_text(text or (DEMO / "run.toml").read_text(encoding="utf-8"), encoding="utf-8")
    return reduce_project(load_project(project, settings=settings))


def truth(q: Array) -> Array:
    """S(Q) of the virtual glass as bins of 0.05 Å^-1 see it: its mean over their width (Simpson's rule)."""
    low, middle, high = (
        true_structure_factor(sodium_thiosilicate(), q + shift).s for shift in (-0.025, 0.0, 0.025)
    )
    return np.asarray((low + 4.0 * middle + high) / 6.0)


def pulls(result: Reduction, q_range: tuple[float, float] = Q_RANGE) -> tuple[Array, Array]:
    """Q and (S - truth)/sigma of the bins inside a range."""
    s = result.structure_factor
    inside = (s.q >= q_range[0]) & (s.q <= q_range[1])
    return s.q[inside], (s.s - truth(s.q))[inside] / s.sigma[inside]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pulls_of_s(shipped: VirtualMeasurement, tmp_path: Path, seed: int) -> None:
    """420 bins: mean within 5 of its own sigmas with the shared error of K, width 0.9 to 1.15."""
    result = reduced(draw(shipped, seed), tmp_path)
    _, p = pulls(result)
    assert p.size > 400
    assert abs(p.mean()) < 0.25
    assert 0.90 < p.std() < 1.15
    k = result.normalization.k
    assert k.sigma is not None
    assert abs(k.value - TRUE_K) < 3.5 * k.sigma
    assert k.sigma < 1e-3 * TRUE_K
    position = result.shells[0].position  # Si-S of the model: 2.13 Å
    assert position.sigma is not None
    assert abs(position.value - 2.13) < 4.0 * position.sigma + 0.002
    assert not [f for f in result.findings if f.severity != "note"]


@pytest.mark.long
def test_pulls_of_many_seeds(shipped: VirtualMeasurement, tmp_path: Path) -> None:
    """30 measurements: collective width, no trend with Q, K and g(r) unit normal."""
    curves, scale, constants, real, q = [], [], [], [], np.zeros(0)
    for seed in range(100, 130):
        result = reduced(draw(shipped, seed), tmp_path)
        q, p = pulls(result)
        curves.append(p)
        k = result.normalization.k
        assert k.sigma is not None
        constants.append(k.value)
        scale.append((k.value - TRUE_K) / k.sigma)
        real.append(pulls_of_g(result))
    collected = np.array(curves)
    assert 0.95 < collected.std() < 1.08
    # each bin's mean over 30 draws has a sigma of 0.18: their slope against Q by least squares
    mean = collected.mean(axis=0)
    x = (q - q.mean()) / q.std()
    slope = float(x @ mean / (x @ x))
    # K is common to all bins of a draw: its share of each bin's error is what correlates them
    assert abs(slope) < 0.06
    assert abs(mean.mean()) < 0.06
    assert 0.7 < np.std(scale) < 1.35
    # what the window leaves of the oscillation is common to all draws: 3e-4 of K at most
    assert (
        abs(np.mean(constants) / TRUE_K - 1.0) < 3e-4 + 3.0 * np.std(constants) / TRUE_K / 30**0.5
    )
    spaced = np.array(real)
    assert 0.8 < spaced.std() < 1.2
    assert abs(spaced.mean()) < 0.2


def pulls_of_g(result: Reduction) -> Array:
    """(G - L truth)/sigma at distances that are nearly independent, L the operator of the data themselves."""
    pdf, s = result.pair_distribution, result.structure_factor
    inside = (s.q >= 0.6 - 1e-9) & (s.q + 0.025 <= 21.5 + 1e-9)
    used = replace(
        s,
        q=s.q[inside],
        s=truth(s.q[inside]),
        sigma=s.sigma[inside],
        sigma_systematic=None,
        covariance=None,
    )
    operator, _ = transform_operator(
        used, pdf.r, window=Window(name="lorch", q_max=21.5), extrapolation="parabola"
    )
    far = (pdf.r > 1.0) & (pdf.r < 12.0)
    p = (pdf.d - operator @ (used.s - 1.0)) / pdf.d_sigma
    return np.asarray(p[far][::15])


def test_pulls_of_g(shipped: VirtualMeasurement, tmp_path: Path) -> None:
    """Real space through the same window: 37 distances 0.3 Å apart."""
    p = pulls_of_g(reduced(draw(shipped, 4), tmp_path))
    assert p.size > 30
    assert abs(p.mean()) < 0.7
    assert 0.65 < p.std() < 1.4


def test_both_methods_agree(shipped: VirtualMeasurement, tmp_path: Path) -> None:
    setting = ['normalization.method="krogh-moe-norman"']
    result = reduced(draw(shipped, 5), tmp_path, settings=setting)
    n = result.normalization
    assert n.k == n.k_integral
    assert n.k_integral.value == pytest.approx(n.k_high_angle.value, rel=2e-3)
    _, p = pulls(result)
    assert 0.9 < p.std() < 1.15


def test_fitted_compton_response(shipped: VirtualMeasurement, tmp_path: Path) -> None:
    """The virtual detector counts Compton as calculated: a fitted response is 1 within its sigma."""
    setting = ["normalization.compton_response_sigma=0.1"]
    result = reduced(draw(shipped, 6), tmp_path, settings=setting)
    found = result.normalization.compton_response
    assert found is not None
    assert found.sigma is not None
    assert abs(found.value - 1.0) < 4.0 * found.sigma
    assert found.sigma < 0.05
    _, p = pulls(result)
    assert 0.9 < p.std() < 1.15


# Variants: facts that the shipped example does not have. A walk of some seconds each.

Variant = tuple[VirtualExperiment, str, tuple[float, float]]

_QUICK = Effort(log2_points=13, walk=WalkSize(orders=4, batches=4, log2_photons=11), walk_angles=31)


def project(*replacements: tuple[str, str]) -> str:
    """The demonstration's project file with some lines replaced; each must be there once."""
    text = (DEMO / "run.toml").read_text(encoding="utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def virtual(**changes: Any) -> VirtualExperiment:
    return replace(demo_experiment(effort=_QUICK), **changes)


def without_container(experiment: VirtualExperiment) -> VirtualExperiment:
    return replace(
        experiment,
        sample=replace(experiment.sample, wall=None),
        scans=tuple(s for s in experiment.scans if s.role != "container"),
    )


_NO_CONTAINER = (
    ('[container]\nmaterial = "borosilicate 3.3"\nwall_thickness_mm = 0.01\n', ""),
    ('[[scan]]\nrole = "container"\nfile = "empty_capillary.xy"\nseconds_per_step = 30.0\n', ""),
)


def bare_rod() -> Variant:
    return without_container(virtual()), project(*_NO_CONTAINER), Q_RANGE


def solid() -> Variant:
    dense = virtual(sample=replace(demo_experiment().sample, packing=1.0))
    return dense, project(("packing_fraction = 0.5", "packing_fraction = 1.0")), Q_RANGE


def monochromator() -> Variant:
    return mosaic_and_perfect("mosaic", 30.0)


def perfect_monochromator() -> Variant:
    return mosaic_and_perfect("perfect", 45.0)


def silicon() -> Variant:
    """Compton photons are counted by their broadened lines on both sides, by two ways of computing them."""
    detector = VirtualDetector(dark_cps=0.3, silicon_mm=0.5)
    text = project(
        ('response = "ideal"', 'response = "ideal"\nsensor = "Si"\nsensor_thickness_mm = 0.5'),
    )
    return virtual(detector=detector), text, Q_RANGE


def window() -> Variant:
    """A window that cuts a third of the Compton photons at high angles and the tail of none of the lines."""
    limits = VirtualWindow(lower_kev=20.0, upper_kev=24.0, fwhm_kev=0.6)
    text = project(
        ('response = "ideal"', 'response = "window"\nwindow_keV = [20.0, 24.0]\nfwhm_keV = 0.6'),
    )
    return virtual(detector=VirtualDetector(dark_cps=0.3, window=limits)), text, Q_RANGE


def dead_time() -> Variant:
    """8 % of the counts lost where the most are counted."""
    detector = VirtualDetector(dark_cps=0.3, dead_time_s=2e-5)
    return (
        virtual(detector=detector),
        project(("dead_time_s = 0.0", "dead_time_s = 2e-5")),
        Q_RANGE,
    )


def misaligned() -> Variant:
    """A zero of three steps, and a sample off the axis by 0.05 mm each way."""
    goniometer = VirtualGoniometer(zero_deg=0.15, along_mm=0.05, across_mm=-0.05, radius_mm=200.0)
    table = "[goniometer]\nzero_deg = 0.15\nalong_mm = 0.05\nacross_mm = -0.05\nradius_mm = 200.0\n"
    text = project(
        ("two_theta_deg = [2.0, 152.0]", "two_theta_deg = [2.2, 151.8]"),
        ("[multiple_scattering]", f"{table}\n[multiple_scattering]"),
        ("q_range = [0.6, 21.5]\nr_max", "q_range = [0.6, 21.4]\nr_max"),
        (
            '[comparison]\ncurve = "truth_SQ.csv"                   # the S(Q) that the virtual sample has\nq_range = [0.6, 21.5]',
            "",
        ),
    )
    return virtual(goniometer=goniometer), text, (0.6, 21.4)


def mosaic_and_perfect(crystal: Literal["perfect", "mosaic"], two_theta_deg: float) -> Variant:
    share = horizontal_share(crystal, two_theta_deg=two_theta_deg)
    text = project(
        (
            'monochromator = "none"',
            f'monochromator = "{crystal}"\ntwo_theta_deg = {two_theta_deg}',
        )
    )
    return virtual(beam=replace(demo_experiment().beam, horizontal_share=share)), text, Q_RANGE


def molybdenum() -> Variant:
    beam = VirtualBeam(
        width_mm=0.6, height_mm=8.0, lines=((0.7093172, 1.0),), cps_per_electron_unit=40.0
    )
    text = project(
        ('anode = "Ag"', 'anode = "Mo"'),
        ('lines = "Ka1+Ka2"', 'lines = "Ka1"'),
        ("q_range = [0.6, 21.5]\nr_max", "q_range = [0.6, 17.0]\nr_max"),
        (
            '[comparison]\ncurve = "truth_SQ.csv"                   # the S(Q) that the virtual sample has\nq_range = [0.6, 21.5]',
            "",
        ),
    )
    return virtual(beam=beam), text, (0.6, 17.0)


def narrow_beam() -> Variant:
    beam = replace(demo_experiment().beam, width_mm=0.3)
    return virtual(beam=beam), project(("width_mm = 0.6 ", "width_mm = 0.3 ")), Q_RANGE


@pytest.mark.long
@pytest.mark.parametrize(
    "variant",
    [
        bare_rod,
        solid,
        monochromator,
        perfect_monochromator,
        silicon,
        window,
        dead_time,
        misaligned,
        molybdenum,
        narrow_beam,
    ],
)
def test_other_facts(variant: Callable[[], Variant], tmp_path: Path) -> None:
    """Another geometry, beam or detector, told in the project file: pulls stay unit normal, K is found."""
    experiment, text, q_range = variant()
    blank = VirtualMeasurement(experiment=experiment, truth=expect(experiment), records=(), seed=0)
    widths, means = [], []
    for seed in (1, 2, 3):
        result = reduced(draw(blank, seed), tmp_path / str(seed), text=text)
        _, p = pulls(result, q_range)
        widths.append(p.std())
        means.append(p.mean())
        k = result.normalization.k
        assert k.sigma is not None
        assert abs(k.value - TRUE_K) < 5.0 * k.sigma + 2e-4 * TRUE_K
    assert 0.93 < np.mean(widths) < 1.10
    assert abs(np.mean(means)) < 0.25


# Real and independently made data, where they are here


def test_virtual_experiment_of_others(shared_examples: Path) -> None:
    """An independent photon Monte Carlo: best possible rms 0.0050 (counting noise), asked 0.0060."""
    result = reduce_project(load_project(shared_examples / "ns_xray" / "run.toml"))
    table = np.genfromtxt(
        shared_examples.parent / "data" / "xrd" / "ns_mo_virtual" / "truth_SQ.csv",
        delimiter=",",
        skip_header=1,
    )
    s = result.structure_factor
    inside = (s.q >= 0.6) & (s.q <= 17.0)
    difference = (s.s - np.interp(s.q, table[:, 0], table[:, 1]))[inside]
    p = difference / s.sigma[inside]
    assert np.sqrt(np.mean(difference**2)) < 0.0060
    assert 0.9 < p.std() < 1.2
    x = s.q[inside] - s.q[inside].mean()
    slope = float(x @ p / (x @ x))
    assert abs(slope) < 4.0 * p.std() / np.sqrt(float(x @ x))


def test_silica_as_shipped(shared_examples: Path, tmp_path: Path) -> None:
    """A real laboratory scan: Si-O at 1.61 Å, and Mozzi & Warren (1969) as close as GudrunX comes (0.049)."""
    result = reduce_project(load_project(shared_examples / "silica_xray" / "run.toml"))
    assert result.comparison is not None
    assert result.comparison.rms < 0.049
    assert result.shells[0].position.value == pytest.approx(1.61, abs=0.015)
    assert result.shells[1].position.value == pytest.approx(3.08, abs=0.03)  # Si-Si
