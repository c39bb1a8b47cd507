"""Whole virtual experiments: against somebody else's Monte Carlo, counting statistics, and the shipped demo."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xtsred
from calibration.errors import InputError
from calibration.radiation import energy_kev
from xtsred.config import load_project
from xtsred.forward import (
    Effort,
    Structure,
    VirtualBeam,
    VirtualDetector,
    VirtualExperiment,
    VirtualMaterial,
    VirtualMeasurement,
    VirtualSample,
    VirtualScan,
    VirtualWall,
    WalkSize,
    draw,
    expect,
    simulate,
    sodium_thiosilicate,
    true_pair_distribution,
    true_structure_factor,
)
from xtsred.forward.demo import (
    borosilicate,
    demo_experiment,
    shipped_measurement,
    write_demo,
    write_measurement,
    write_scans,
)
from xtsred.forward.glass import silica_like
from xtsred.forward.media import atomic_curves
from xtsred.io import read_scans

DEMO = Path(xtsred.__file__).parent / "data" / "demo"
QUICK = Effort(log2_points=11, walk=WalkSize(orders=3, batches=2, log2_photons=8), walk_angles=19)
MO = 0.709318


def small(effort: Effort = QUICK) -> VirtualExperiment:
    return demo_experiment(step_deg=1.0, effort=effort)


@pytest.fixture(scope="module")
def measured() -> VirtualMeasurement:
    return simulate(small(), 1)


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> np.ndarray:
    return np.genfromtxt(
        shared_data / "xrd/ns_mo_virtual/truth_components.csv", delimiter=",", names=True
    )


@pytest.fixture(scope="module")
def ours(shared_data: Path, reference: np.ndarray) -> dict[str, np.ndarray]:
    """The experiment of ns_mo_virtual made again: its S(Q), its wall's curve, its geometry."""
    q, s = np.loadtxt(shared_data / "xrd/ns_mo_virtual/truth_SQ.csv", delimiter=",", skiprows=1).T
    wall = replace(borosilicate(), structure=None)
    wall_q = reference["Q_1"][1:]
    free = atomic_curves(wall, wall_q, energy_kev=energy_kev(MO))
    wall_s = 1 + (reference["Icoh_c_1"][1:] - free.mean_squared_f) / free.mean_f_squared
    glass = VirtualMaterial(
        fractions={"Na": 2, "Si": 1, "S": 3},
        number_density_per_a3=0.0431,
        structure=Structure(q=q, s=s),
    )
    wall = replace(wall, structure=Structure(q=wall_q, s=wall_s))
    experiment = VirtualExperiment(
        name="VIRTUAL, after ns_mo_virtual",
        sample=VirtualSample(
            material=glass,
            radius_mm=0.25,
            packing=0.5,
            wall=VirtualWall(material=wall, thickness_mm=0.01),
        ),
        beam=VirtualBeam(
            width_mm=0.6, height_mm=8.0, lines=((MO, 1.0),), cps_per_electron_unit=55.67
        ),
        detector=VirtualDetector(dark_cps=0.3),
        scans=(
            VirtualScan(
                name="s",
                role="sample",
                two_theta_deg=(0.0, 152.0),
                step_deg=0.5,
                seconds_per_step=1.0,
            ),
        ),
        air_path_mm=12.0,
        parasitic=(40.0, 1.1),
        beamstop_deg=1.2,
        beamstop_width_deg=0.12 * np.sqrt(2.0),
        effort=Effort(walk=WalkSize(orders=5, batches=4, log2_photons=13)),
    )
    return dict(expect(experiment).components)


@pytest.mark.parametrize(
    ("names", "relative"),
    [
        (("coh_s", "coh_c", "e_coh_c"), 0.01),
        (("inc_s", "inc_c", "e_inc_c"), 0.02),
        (("ms2", "ms_tot", "e_ms"), 0.03),
    ],
)
def test_components_of_another_monte_carlo(reference, ours, names, relative):
    """Every 0.5° from 2 to 152°, electron units per sample atom."""
    for name in names:
        theirs = reference[name][::5]
        assert len(theirs) == 305
        np.testing.assert_allclose(ours[name][4:], theirs[4:], rtol=relative, err_msg=name)


@pytest.mark.parametrize(
    ("name", "relative"),
    [
        ("Icoh_s_1", 0.01),
        ("Sinc_s_1", 0.01),
        ("Sinc_c_1", 0.01),
        ("favg2_1", 0.01),
        ("f2avg_1", 0.01),
        ("S_1", 0.01),
        ("Q_1", 1e-4),
        ("parasitic", 1e-4),
    ],
)
def test_curves_of_another_monte_carlo(reference, ours, name, relative):
    """What is scattered before anything is absorbed."""
    np.testing.assert_allclose(ours[name][4:], reference[name][::5][4:], rtol=relative)


def test_sizes_of_multiple_scattering(ours):
    """Over all single scattering at 30, 90, 150°: 0.67, 1.46, 1.48 % for this sample (shared notes, section 6)."""
    single = sum(ours[n] for n in ("coh_s", "inc_s", "coh_c", "inc_c"))
    percent = 100 * (ours["ms_tot"] / single)[[60, 180, 300]]
    np.testing.assert_allclose(percent, [0.67, 1.46, 1.48], rtol=0.03)


def test_sizes_at_high_angles(ours):
    """Na2SiS3 at Q = 17/Å (Mo): <f^2> = 4.1 and Compton 12.1, 10.8 after recoil (shared notes, section 5)."""
    at = int(np.argmin(np.abs(ours["Q_1"] - 17.0)))
    recoil = ours["KN_1"][at] / ours["P_1"][at]
    assert ours["f2avg_1"][at] == pytest.approx(4.1, abs=0.05)
    assert ours["Sinc_s_1"][at] == pytest.approx(12.1, abs=0.05)
    assert ours["Sinc_s_1"][at] * recoil == pytest.approx(10.8, abs=0.1)


def test_sizes_in_a_thick_rod():
    """A 3 mm silica rod before Ag: multiple over single scattering 5, 9, 8 % at 30, 90, 150° (shared notes, section 6)."""
    glass = VirtualMaterial(
        fractions={"Si": 1, "O": 2},
        number_density_per_a3=0.0663,
        structure=true_structure_factor(silica_like(), np.linspace(0.01, 25.0, 2500)),
    )
    base = small(Effort(walk=WalkSize(orders=5, batches=2, log2_photons=10), walk_angles=31))
    rod = replace(
        base,
        sample=VirtualSample(material=glass, radius_mm=1.5, packing=1.0),
        beam=replace(base.beam, width_mm=10.0, height_mm=10.0, lines=((0.5594218, 1.0),)),
        scans=tuple(s for s in base.scans if s.role == "sample")[:1],
    )
    parts = expect(rod).components
    percent = 100 * (parts["ms_tot"] / (parts["coh_s"] + parts["inc_s"]))[[30, 90, 150]]
    np.testing.assert_allclose(percent, [5.0, 9.0, 8.0], atol=0.6)


def test_beam_stop_of_another_monte_carlo(reference, ours):
    np.testing.assert_allclose(ours["beamstop"], reference["beamstop"][::5], atol=2e-3)


def test_air_of_another_monte_carlo(reference, ours):
    """Air of another length; theirs are molecules too, but of other form factors near the forward direction."""
    ratio = ours["air"][4:] / reference["air"][::5][4:]
    assert np.std(ratio) / np.mean(ratio) < 0.03


def test_rates_of_another_monte_carlo(reference, ours):
    """From their components, our rule of what reaches the counter: rate = 0.3 + K (sum + what air is left), one K.

    Their open-air scan gives K; the air that capillary and sample leave is (1 + T)/2 within 1 %.
    """
    lit = reference["tth"] > 3.0
    stray = (reference["air"] + reference["parasitic"])[lit]
    k = np.median((reference["rate_air_cps"][lit] - 0.3) / stray)
    for rate, names, left in (
        ("rate_sample_cps", ("coh_s", "inc_s", "coh_c", "inc_c", "ms_tot"), "parasitic_s"),
        ("rate_empty_cps", ("e_coh_c", "e_inc_c", "e_ms"), "parasitic_e"),
    ):
        single = sum(reference[n] for n in names)[lit]
        share = np.median(((reference[rate][lit] - 0.3) / k - single) / stray)
        assert share == pytest.approx(ours[left][10] / ours["parasitic"][10], abs=0.01)


@pytest.mark.parametrize(
    "name", ["A_s_sc_1", "A_s_sc_inc_1", "A_c_sc_1", "A_c_sc_inc_1", "A_c_c_1", "P_1", "KN_1"]
)
def test_factors_of_another_monte_carlo(reference, ours, name):
    np.testing.assert_allclose(ours[name], reference[name][::5], atol=1e-3)


def test_rates_are_the_sum_of_the_components(measured):
    """rate = dark + K * shadow * sum of what reaches the detector; behind the beam stop only the dark rate."""
    truth, parts = measured.truth, measured.truth.components
    lit = truth.two_theta_deg > 2.0
    total = sum(parts[n] for n in ("coh_s", "inc_s", "coh_c", "inc_c", "ms_tot", "air_s"))
    np.testing.assert_allclose(truth.rates_cps["sample"][lit], 0.3 + 40.0 * total[lit], rtol=1e-9)
    empty = sum(parts[n] for n in ("e_coh_c", "e_inc_c", "e_ms", "air_e"))
    np.testing.assert_allclose(
        truth.rates_cps["container"][lit], 0.3 + 40.0 * empty[lit], rtol=1e-9
    )
    assert [rate[0] for rate in truth.rates_cps.values()] == pytest.approx([0.3] * 3)
    # air is weakened by what stands in the beam: more by the filled capillary
    assert np.all(parts["air_s"] < parts["air_e"])
    assert np.all(parts["air_e"] < parts["air"])


def test_lines_add_by_their_shares(measured):
    """coh_s = sum of share * P * A * I_coh over Ka1 and Ka2, each at its own Q."""
    parts = measured.truth.components
    expected = sum(
        share * parts[f"P_{k}"] * parts[f"A_s_sc_{k}"] * parts[f"Icoh_s_{k}"]
        for k, share in ((1, 1 / 1.529), (2, 0.529 / 1.529))
    )
    np.testing.assert_allclose(parts["coh_s"], expected, rtol=1e-12)
    np.testing.assert_allclose(parts["Q_1"][1:] / parts["Q_2"][1:], 0.5638131 / 0.5594218)
    icoh = parts["favg2_1"] * (parts["S_1"] - 1) + parts["f2avg_1"]
    np.testing.assert_allclose(parts["Icoh_s_1"], icoh, rtol=1e-12)


def test_counts_are_poisson(measured):
    """Mean and variance of (N - mean)/sqrt(mean) over 300 realisations are 0 and 1."""
    means = [
        measured.truth.rates_cps[s.role][np.searchsorted(measured.truth.two_theta_deg, s.angles())]
        * s.seconds_per_step
        for s in measured.experiment.scans
    ]
    pulls = np.array(
        [
            np.concatenate(
                [
                    (r.counts - m) / np.sqrt(m)
                    for r, m in zip(draw(measured, seed).records, means, strict=True)
                ]
            )
            for seed in range(300)
        ]
    )
    n = pulls.size
    assert abs(pulls.mean()) < 5 / np.sqrt(n)
    assert abs(pulls.var() - 1) < 5 * np.sqrt(2 / n) + 1e-4
    # no point knows of its neighbour, and no realisation of the one before
    assert abs(np.mean(pulls[:, 1:] * pulls[:, :-1])) < 5 / np.sqrt(n)
    assert abs(np.mean(pulls[1:] * pulls[:-1])) < 5 / np.sqrt(n)


def test_draws_repeat_and_differ(measured):
    again, other = draw(measured, 1), draw(measured, 2)
    assert other.truth is measured.truth
    for a, b, c in zip(measured.records, again.records, other.records, strict=True):
        np.testing.assert_array_equal(a.counts, b.counts)
        assert np.any(a.counts != c.counts)
        assert np.all(a.counts == np.round(a.counts))


def test_bare_rod():
    base = small(replace(QUICK, walk=WalkSize(orders=2, batches=2, log2_photons=8)))
    scans = tuple(s for s in base.scans if s.role != "container")
    rod = replace(base, sample=replace(base.sample, wall=None), scans=scans)
    truth = expect(rod)
    assert set(truth.rates_cps) == {"sample", "environment"}
    assert truth.components["coh_c"].max() == 0.0
    assert np.all(truth.components["ms2"] > 0)
    with pytest.raises(InputError, match="no container"):
        replace(rod, scans=base.scans)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"packing": 0.0}, "packing"),
        ({"packing": 1.2}, "packing"),
        ({"radius_mm": -1.0}, "positive"),
    ],
)
def test_impossible_samples(change, message):
    with pytest.raises(InputError, match=message):
        replace(small().sample, **change)


def test_impossible_materials():
    with pytest.raises(InputError, match="positive atomic"):
        VirtualMaterial(fractions={}, number_density_per_a3=0.05)
    with pytest.raises(InputError, match="density"):
        VirtualMaterial(fractions={"Si": 1.0}, number_density_per_a3=0.0)
    with pytest.raises(InputError, match="at least one scan"):
        replace(small(), scans=())


def test_files_repeat_bit_for_bit(tmp_path):
    """Two simulations from scratch with one seed; another seed changes the scans and nothing else but them."""
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        (tmp_path / name).mkdir()
        write_measurement(simulate(small(), seed), sodium_thiosilicate(), tmp_path / name)
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files == sorted(p.name for p in DEMO.iterdir())
    for name in files:
        first = (tmp_path / "a" / name).read_bytes()
        assert first == (tmp_path / "b" / name).read_bytes()
        assert (first == (tmp_path / "c" / name).read_bytes()) == (not name.endswith(".xy"))


def shipped_table(name: str) -> np.ndarray:
    return np.genfromtxt(DEMO / name, delimiter=",", names=True)


def test_shipped_scans_are_drawn_from_the_shipped_rates(tmp_path):
    """rates.csv holds the Poisson means in full: redrawn, they give the shipped files to the last byte."""
    again = shipped_measurement()
    write_scans(again, tmp_path)
    for record in again.records:
        name = f"{record.scan.name}.xy"
        assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes()
    assert np.any(draw(again, 1).records[0].counts != again.records[0].counts)


def test_shipped_truth():
    model = sodium_thiosilicate()
    sq, gr = shipped_table("truth_SQ.csv"), shipped_table("truth_gr.csv")
    np.testing.assert_allclose(sq["S"], true_structure_factor(model, sq["Q"]).s, atol=1e-7)
    np.testing.assert_allclose(gr["g"], true_pair_distribution(model, gr["r"]), atol=1e-7)
    parts, rates = shipped_table("truth_components.csv"), shipped_table("rates.csv")
    total = sum(parts[n] for n in ("coh_s", "inc_s", "coh_c", "inc_c", "ms_tot", "air_s"))
    lit = parts["tth"] > 2
    every = np.searchsorted(rates["tth"], parts["tth"] - 1e-6)
    np.testing.assert_allclose(
        rates["rate_sample_cps"][every][lit], 0.3 + 40 * total[lit], rtol=2e-5
    )


def test_monte_carlo_noise_is_far_below_counting_noise():
    """Standard error of the walk against the Poisson error of one merged 0.05 Å^-1 bin of the sample (about 20 steps)."""
    parts = shipped_table("truth_components.csv")
    exposure = 10.0 + 25.0 * (parts["tth"] >= 50) + 100.0 * (parts["tth"] >= 100)
    counting = np.sqrt(parts["rate_sample_cps"] / (20 * exposure)) / 40.0
    lit = parts["tth"] > 2
    assert np.max(parts["ms_sigma"][lit] / counting[lit]) < 0.05
    assert np.max(parts["ms_sigma"][lit] / parts["ms_tot"][lit]) < 2e-3


def test_shipped_files_say_virtual_and_stay_small():
    assert sum(p.stat().st_size for p in DEMO.iterdir()) < 1_000_000
    for scan in DEMO.glob("*.xy"):
        assert scan.read_text(encoding="utf-8").startswith("# VIRTUAL")
    assert (DEMO / "run.toml").read_text(encoding="utf-8").startswith("# VIRTUAL")


def test_shipped_project_states_the_experiment():
    """run.toml loads without a complaint, and says what was simulated."""
    project = load_project(DEMO / "run.toml").record
    experiment = demo_experiment()
    assert project.virtual
    assert project.sample.name.startswith("VIRTUAL")
    assert project.sample.radius_mm.value == experiment.sample.radius_mm
    assert project.sample.number_density_per_A3 is not None
    assert (
        project.sample.number_density_per_A3.value
        == experiment.sample.material.number_density_per_a3
    )
    assert [(s.role, s.file, s.seconds_per_step) for s in project.scan] == [
        (s.role, f"{s.name}.xy", s.seconds_per_step) for s in experiment.scans
    ]
    scan = read_scans(DEMO / "sample_scan2.xy")[0]
    assert (scan.kind, len(scan.values), scan.two_theta_deg[0]) == ("counts", 2041, 50.0)


def test_command_refuses_a_full_folder(tmp_path):
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "xtsred.forward", str(tmp_path)], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"exists already" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.long
def test_the_shipped_demo_is_reproduced_bit_for_bit(tmp_path):
    """Same bytes where numpy's random streams and the processor's exponentials are the same as on the day."""
    write_demo(tmp_path)
    for shipped in DEMO.iterdir():
        assert (tmp_path / shipped.name).read_bytes() == shipped.read_bytes(), shipped.name
