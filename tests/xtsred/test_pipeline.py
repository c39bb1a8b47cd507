"""The whole recipe: what must not depend on how a measurement is cut, timed or scaled; and what it refuses."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xtsred
from calibration.errors import InputError
from calibration.records import Loaded
from xtsred.config import Project, load_project
from xtsred.counting import Measurement
from xtsred.forward.demo import shipped_measurement
from xtsred.inputs import Inputs, input_files, read_inputs
from xtsred.pipeline import reduce_inputs, reduce_project
from xtsred.stages import Reduction, Role, frozen

DEMO = Path(xtsred.__file__).parent / "data" / "demo"


@pytest.fixture(scope="module")
def loaded() -> Loaded[Project]:
    return load_project(DEMO / "run.toml")


@pytest.fixture(scope="module")
def inputs(loaded: Loaded[Project]) -> Inputs:
    return read_inputs(loaded)


@pytest.fixture(scope="module")
def result(loaded: Loaded[Project], inputs: Inputs) -> Reduction:
    return reduce_inputs(loaded, inputs)


@pytest.fixture(scope="module")
def smooth(inputs: Inputs) -> Inputs:
    """The scans without noise: multiplied counts would scatter more than Poisson's, and be taken for spikes."""
    truth = shipped_measurement().truth

    def expected(role: Role, m: Measurement) -> Measurement:
        rate = np.interp(m.scan.two_theta_deg, truth.two_theta_deg, truth.rates_cps[role])
        counts = rate * (m.seconds_per_step or 1.0)
        return replace(m, scan=replace(m.scan, values=frozen(counts)))

    return {role: [expected(role, m) for m in group] for role, group in inputs.items()}


def scaled(inputs: Inputs, *, counts: float, seconds: float) -> Inputs:
    """Every scan with its counts and its times multiplied."""
    return {
        role: [
            replace(
                m,
                scan=replace(m.scan, values=frozen(counts * m.scan.values)),
                seconds_per_step=seconds * (m.seconds_per_step or 1.0),
            )
            for m in group
        ]
        for role, group in inputs.items()
    }


def test_the_same_inputs_give_the_same_numbers(
    loaded: Loaded[Project], inputs: Inputs, result: Reduction
) -> None:
    again = reduce_inputs(loaded, inputs)
    assert np.array_equal(again.structure_factor.s, result.structure_factor.s)
    assert np.array_equal(again.pair_distribution.g, result.pair_distribution.g)
    assert again.normalization == result.normalization


def test_four_times_the_time_halves_sigma(loaded: Loaded[Project], smooth: Inputs) -> None:
    result = reduce_inputs(loaded, smooth)
    longer = reduce_inputs(loaded, scaled(smooth, counts=4.0, seconds=4.0))
    a, b = result.structure_factor, longer.structure_factor
    assert b.s == pytest.approx(a.s, abs=1e-6)
    assert b.sigma == pytest.approx(0.5 * a.sigma, rel=1e-3)
    assert longer.normalization.k.value == pytest.approx(result.normalization.k.value, rel=1e-5)


def test_a_brighter_tube_moves_k_alone(loaded: Loaded[Project], smooth: Inputs) -> None:
    result = reduce_inputs(loaded, smooth)
    brighter = reduce_inputs(loaded, scaled(smooth, counts=3.0, seconds=1.0))
    k = result.normalization.k.value
    assert brighter.normalization.k.value == pytest.approx(3.0 * k, rel=1e-5)
    assert brighter.structure_factor.s == pytest.approx(result.structure_factor.s, abs=1e-6)
    # without noise, K is what the virtual tube sends
    assert k == pytest.approx(40.0, rel=5e-4)


def test_nothing_read_is_written_into(
    loaded: Loaded[Project], inputs: Inputs, result: Reduction
) -> None:
    for group in inputs.values():
        for m in group:
            assert not m.scan.values.flags.writeable
    assert not result.structure_factor.s.flags.writeable
    assert not result.pair_distribution.g.flags.writeable


def test_stages_agree_with_each_other(result: Reduction) -> None:
    """Measured = components + sensitivity (S - 1): what is drawn as a stack adds up to the data."""
    i = result.intensity
    n = result.normalization
    net = i.measured * n.k.value
    assert np.all(net > 0.0)
    oscillation = (i.coherent - i.mean_square) / i.square_mean
    rest = i.measured - np.sum(list(i.components.values()), axis=0)
    # of a doublet the oscillating part is weighted by each line's own P A |<f>|^2: close to the first's
    inside = i.q > 0.6
    correlation = np.corrcoef(rest[inside], (oscillation * i.square_mean)[inside])[0, 1]
    assert correlation > 0.95
    steps = [s.name for s in result.steps]
    for name in ("Environment and container", "Absorption", "Polarization", "Normalization"):
        assert name in steps
    pdf = result.pair_distribution
    below = (pdf.r > 0.5) & (pdf.r < 1.5)
    assert np.mean(pdf.g[below]) == pytest.approx(0.0, abs=0.1)  # no pair below the first bond
    assert pdf.first_distance == pytest.approx(1.9, abs=0.15)


def test_a_narrower_range_of_angles(loaded: Loaded[Project], result: Reduction) -> None:
    """Q_max 18 instead of 21.7: S(Q) stays where it was, within its error of normalization."""
    settings = [
        "range.two_theta_deg=[2.0, 108.0]",
        "fourier.q_range=[0.6, 17.5]",
        "comparison.q_range=[0.6, 17.5]",
    ]
    narrow = reduce_project(load_project(DEMO / "run.toml", settings=settings)).structure_factor
    full = np.interp(narrow.q, result.structure_factor.q, result.structure_factor.s)
    inside = (narrow.q > 1.0) & (narrow.q < 17.0)
    assert narrow.sigma_systematic is not None
    bound = 5.0 * narrow.sigma_systematic + 0.5 * narrow.sigma
    assert np.all(np.abs(narrow.s - full)[inside] < bound[inside])


@pytest.mark.parametrize(
    ("setting", "key", "reason"),
    [
        ("fourier.q_range=[0.1, 21.5]", "fourier.q_range", "reaches beyond the measured"),
        ("normalization.q_range=[10.0, 22.2]", "normalization.q_range", "reaches beyond"),
        ("range.q_step=0.0005", "range.q_step", "do not suit these scans"),
        (
            "normalization.q_range=[15.0, 15.05]",
            "normalization.q_range",
            "holds [0-9]+ measured points",
        ),
        ("fourier.r_max=70.0", "fourier.r_max", "is beyond pi / q_step"),
    ],
)
def test_ranges_that_the_data_do_not_have(
    loaded: Loaded[Project], inputs: Inputs, setting: str, key: str, reason: str
) -> None:
    asked = load_project(DEMO / "run.toml", settings=[setting])
    with pytest.raises(InputError, match=reason) as caught:
        reduce_inputs(asked, inputs)
    assert str(caught.value).count(key) == 1


def test_bins_so_broad_that_few_are_left(inputs: Inputs) -> None:
    settings = ["range.two_theta_deg=[2, 40]", "range.q_step=0.4", "fourier.q_range=[0.4, 8.4]"]
    asked = load_project(DEMO / "run.toml", settings=settings)
    with pytest.raises(InputError, match=r"bins of 0\.4 Å\^-1 do not suit") as caught:
        reduce_inputs(asked, inputs)
    assert caught.value.where == "range.q_step"


def test_long_distances_up_to_the_bins_limit(inputs: Inputs) -> None:
    """Up to pi / q_step the correction for the bin's width stays below pi/2."""
    far = load_project(DEMO / "run.toml", settings=["fourier.r_max=60.0"])
    pdf = reduce_inputs(far, inputs).pair_distribution
    assert np.all(np.isfinite(pdf.g_sigma))
    assert pdf.r[-1] == pytest.approx(60.0)
    tail = pdf.r > 20.0
    assert np.std((pdf.g[tail] - 1.0) / pdf.g_sigma[tail]) < 1.5


def test_a_shell_that_the_sample_does_not_have(tmp_path: Path) -> None:
    for file in DEMO.glob("*"):
        shutil.copy(file, tmp_path)
    project = tmp_path / "run.toml"
    with project.open("a", encoding="utf-8") as stream:
        stream.write('\n[[shell]]\npair = "Si-O"\nr_range = [1.3, 1.9]\n')
    with pytest.raises(InputError, match="O is not in sample") as caught:
        reduce_project(load_project(project))
    assert "shell[0].pair" in str(caught.value)
    project.write_text(
        project.read_text(encoding="utf-8").replace(
            '"Si-O"\nr_range = [1.3, 1.9]', '"Si-S"\nr_range = [1.9, 2.35]'
        ),
        encoding="utf-8",
    )
    (shell,) = reduce_project(load_project(project)).shells
    assert shell.coordination is not None
    assert shell.coordination_integral is not None
    # the model's Si-S: four at 2.13 Å, by weights that do not depend on Q (Z); a fit by f(Q) sees them within 15 %
    assert shell.position.value == pytest.approx(2.13, abs=0.02)
    assert shell.coordination.value == pytest.approx(4.0, rel=0.15)


def test_progress_and_files(loaded: Loaded[Project]) -> None:
    told: list[str] = []
    reduce_project(loaded, progress=told.append)
    assert told[0] == "reading scans"
    assert told[-1] == "g(r)"
    names = [p.name for p in input_files(loaded)]
    assert names[0] == "run.toml"
    assert {"air.xy", "sample_scan1.xy", "truth_SQ.csv"} <= set(names)


def test_form_factors_belong_to_the_q_beside_them(result: Reduction) -> None:
    """Two lines: <f>^2 of the mixture at its mean Q is the tabulated one there, to second order in their distance."""
    import xraydb

    i, k = result.intensity, [200, 1000, 2500]
    fractions = {"Na": 2 / 6, "Si": 1 / 6, "S": 3 / 6}
    f = sum(
        c
        * (
            xraydb.f0(e, i.q[k] / (4.0 * np.pi))
            + xraydb.f1_chantler(e, 22163.0)
            + 1j * xraydb.f2_chantler(e, 22163.0)
        )
        for e, c in fractions.items()
    )
    np.testing.assert_allclose(i.square_mean[k], np.abs(f) ** 2, rtol=5e-4)
