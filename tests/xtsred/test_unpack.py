"""From words to physics: what follows from a project's facts, and every doubt about them, said or not said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xtsred
from calibration.errors import InputError
from calibration.report import Finding
from xtsred.config import load_project
from xtsred.unpack import Plan, make_plan

DEMO = Path(xtsred.__file__).parent / "data" / "demo" / "run.toml"


def plan(*settings: str, text: Mapping[str, str] | None = None, folder: Path | None = None) -> Plan:
    """The shipped project with settings, and where needed with replaced text."""
    path = DEMO
    if text is not None:
        assert folder is not None
        words = DEMO.read_text(encoding="utf-8")
        for old, new in text.items():
            assert words.count(old) == 1, old
            words = words.replace(old, new)
        path = folder / "run.toml"
        path.write_text(words, encoding="utf-8")
    short = ("fourier.q_range=[0.6, 7.0]", "comparison.q_range=[0.6, 7.0]")  # any anode reaches it
    return make_plan(load_project(path, settings=[*short, *settings]).record)


def about(found: Plan, word: str) -> list[Finding]:
    return [f for f in found.findings if word in f.text]


def test_nothing_to_doubt() -> None:
    assert plan().findings == ()


def test_numbers_of_the_shipped_project() -> None:
    """rho = 0.0431 Å^-3 is 2.03 g/cm^3 (shared example); mean wavelength (w1 l1 + w2 l2)/(w1 + w2)."""
    p = plan()
    assert p.setup.sample.mass_density_g_per_cm3 == pytest.approx(0.5 * 2.03, rel=2e-3)
    weights = np.array([line.weight for line in p.lines])
    lengths = np.array([line.wavelength_a for line in p.lines])
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > weights[1]
    assert p.wavelength_a == pytest.approx(float(weights @ lengths))
    assert p.energy_kev == pytest.approx(22.1629, abs=2e-4)  # Ag Ka1, International Tables C 4.2.2
    # mu R = R packing rho sum w mu/rho, NIST values at 22.16 keV by log-log interpolation between 20 and 30 keV
    share = {"Na": 2 * 22.990, "Si": 28.086, "S": 3 * 32.06}
    total = sum(share.values())
    table = {"Na": (2.057, 0.7197), "Si": (4.464, 1.436), "S": (6.708, 2.113)}
    t = np.log(22.163 / 20.0) / np.log(1.5)
    mu = sum(
        share[e] / total * np.exp(np.log(a) * (1 - t) + np.log(b) * t)
        for e, (a, b) in table.items()
    )
    mu_r = 0.025 * 0.5 * 2.03 * mu
    assert p.parameters["mu R (computed)"].value == pytest.approx(mu_r, rel=0.01)


def test_density_from_mass_density(tmp_path: Path) -> None:
    words = {"number_density_per_A3 = 0.0431 ": "mass_density_g_per_cm3 = 2.03 "}
    assert plan(text=words, folder=tmp_path).number_density_per_a3 == pytest.approx(
        0.0431, rel=3e-3
    )


def test_two_densities() -> None:
    assert plan("sample.mass_density_g_per_cm3=2.03").findings == ()
    (finding,) = plan("sample.mass_density_g_per_cm3=2.60").findings
    assert finding.severity == "warning"
    assert finding.numbers["relative_difference"] == pytest.approx(2.60 / 2.03 - 1.0, abs=4e-3)
    assert "number density was used" in finding.text


MASS_MG = 0.5 * 2.03 * np.pi * 0.25**2 * 20.0  # of 20 mm of the capillary at a packing of 0.5


def test_packing_from_the_mass() -> None:
    agree = plan(f"sample.mass_mg={MASS_MG:.4f}", "sample.filled_length_mm=20.0")
    assert agree.findings == ()
    assert agree.parameters["packing fraction"].value == pytest.approx(0.5, rel=3e-3)
    heavy = plan(f"sample.mass_mg={1.2 * MASS_MG:.4f}", "sample.filled_length_mm=20.0")
    assert heavy.parameters["packing fraction"].value == pytest.approx(0.6, rel=3e-3)
    (finding,) = about(heavy, "packing")
    assert finding.severity == "warning"
    assert "mass and filled length" in finding.text


def test_more_than_solid_by_mass() -> None:
    with pytest.raises(InputError) as caught:
        plan(f"sample.mass_mg={2.5 * MASS_MG:.4f}", "sample.filled_length_mm=20.0")
    said = str(caught.value)
    assert said.startswith("sample.mass_mg: the packing fraction that follows from mass and filled")
    assert "is 1.25" in said  # 2.5 x 0.5
    assert f"weighs {2.0 * MASS_MG:.2f}"[:-1] in said  # pi r^2 L rho by hand
    assert "check radius_mm" in said


def test_a_solid_rod_within_the_rounding_of_its_mass() -> None:
    rod = plan(
        f"sample.mass_mg={2.02 * MASS_MG:.4f}",
        "sample.filled_length_mm=20.0",
        "sample.packing_fraction=1.0",
    )
    (finding,) = rod.findings
    assert finding.severity == "warning"
    assert finding.numbers["packing"] == pytest.approx(1.01, rel=3e-3)


def test_mu_r_stated() -> None:
    computed = plan().parameters["mu R (computed)"].value
    assert plan(f"sample.mu_R={1.02 * computed:.5f}").findings == ()
    off = plan(f"sample.mu_R={1.2 * computed:.5f}")
    (finding,) = about(off, "mu R is stated")
    assert finding.severity == "warning"
    assert "fits" not in finding.text
    assert off.parameters["mu R (computed)"].value == pytest.approx(computed)
    assert off.parameters["mu R (stated, not used)"].value == pytest.approx(
        1.2 * computed, rel=1e-4
    )


@pytest.mark.parametrize("anode", ["Mo", "Cu"])
def test_mu_r_of_another_anode(anode: str) -> None:
    other = plan(f'radiation.anode="{anode}"').parameters["mu R (computed)"].value
    (finding,) = about(plan(f"sample.mu_R={other:.5f}"), "mu R is stated")
    assert f"fits {anode}" in finding.text


def test_only_mu_r(tmp_path: Path) -> None:
    """Packing follows from mu R: nothing to compare, unless it needs more than the solid."""
    computed = plan().parameters["mu R (computed)"].value
    words = {"packing_fraction = 0.5": f"mu_R = {0.6 / 0.5 * computed:.6f}"}
    alone = plan(text=words, folder=tmp_path)
    assert alone.findings == ()
    assert alone.parameters["packing fraction"].value == pytest.approx(0.6, rel=1e-4)
    assert alone.parameters["mu R (stated)"].value == pytest.approx(1.2 * computed, rel=1e-5)
    assert "mu R (computed)" not in alone.parameters
    words = {"packing_fraction = 0.5": f"mu_R = {3.0 * computed:.6f}"}
    with pytest.raises(InputError, match=r"follows from mu_R is 1\.5") as caught:
        plan(text=words, folder=tmp_path)
    assert f"a solid rod has {2.0 * computed:.4g}" in str(caught.value)


@pytest.mark.parametrize(
    ("composition", "anode", "edges"),
    [
        ("GeO2", "Ag", {"Ge K"}),  # 11.10 keV
        ("Ag2GeS3", "Mo", {"Ge K"}),  # Ag K (25.5 keV) lies above Mo Ka
        ("Fe2O3", "Cu", {"Fe K"}),  # the classic mistake
        ("NiO", "Cu", set()),  # 8.33 keV: above Cu Ka
        ("Cs2S", "Ag", {"Cs L1", "Cs L2", "Cs L3"}),
        ("SiO2", "Ag", set()),
    ],
)
def test_fluorescence(composition: str, anode: str, edges: set[str]) -> None:
    found = plan(f'sample.composition="{composition}"', f'radiation.anode="{anode}"')
    named = {n for f in about(found, "fluorescence") for n in f.numbers}
    assert named >= edges
    assert {n for n in named if n.endswith(" K")} == {n for n in edges if n.endswith(" K")}


def test_a_continuum_excites_up_to_the_tubes_voltage() -> None:
    silver = 'sample.composition="Ag2S"'
    below = about(plan(silver, 'radiation.anode="Mo"'), "fluorescence")
    assert not any("Ag K" in f.numbers for f in below)
    above = plan(silver, 'radiation.anode="Mo"', "radiation.continuum.tube_kV=50.0")
    assert any("Ag K" in f.numbers for f in about(above, "fluorescence"))
    assert sum(line.weight for line in above.continuum) == pytest.approx(1.0)
    assert len(above.continuum) > 10


def test_a_detector_that_does_not_count_the_line() -> None:
    with pytest.raises(InputError, match="the detector counts"):
        plan(
            'detector.response="window"',
            "detector.window_keV=[16.6, 18.4]",
            "detector.fwhm_keV=0.6",
        )


@pytest.mark.parametrize(
    ("settings", "ratio"),
    [
        ((), 1.0),
        (('polarization.monochromator="mosaic"', "polarization.two_theta_deg=60.0"), 0.25),
        (('polarization.monochromator="perfect"', "polarization.two_theta_deg=60.0"), 0.5),
    ],
)
def test_polarization(settings: tuple[str, ...], ratio: float) -> None:
    assert plan(*settings).setup.polarization.ratio == pytest.approx(ratio)


def test_stated_lines_are_normalized(tmp_path: Path) -> None:
    words: dict[str, Any] = {
        'anode = "Ag"\nlines = "Ka1+Ka2"': "[[radiation.line]]\nwavelength_A = 0.5638131\nweight = 1.0\n"
        "[[radiation.line]]\nwavelength_A = 0.5594218\nweight = 3.0"
    }
    lines = plan(text=words, folder=tmp_path).lines
    assert [line.weight for line in lines] == [0.75, 0.25]  # the strongest first
    assert [line.name for line in lines] == ["Ag Ka1", "Ag Ka2"]


def test_container_of_a_composition(tmp_path: Path) -> None:
    words = {'material = "borosilicate 3.3"': 'composition = "SiO2"\nmass_density_g_per_cm3 = 2.20'}
    wall = plan(text=words, folder=tmp_path).setup.wall
    assert wall is not None
    # NIST: silica at 20 keV, (0.46744 x 4.464 + 0.53256 x 0.8651) x 2.20 per cm
    assert float(wall.mu_per_mm(np.array(20.0))) == pytest.approx(0.5604, rel=2e-3)
