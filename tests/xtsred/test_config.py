"""The project file: the examples load, every mistake is named, all of them at once."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from calibration.errors import ConfigError
from calibration.quantity import Quantity
from calibration.records import load, parse, to_toml
from xtsred.config import Project, load_project
from xtsred.config_checks import check_project

MINIMAL = """
[sample]
name = "glass"
composition = "(Na2S)0.50(SiS2)0.50"
number_density_per_A3 = 0.0431
radius_mm = 0.25
packing_fraction = 0.5
[container]
material = "borosilicate 3.3"
wall_thickness_mm = 0.01
[radiation]
wavelength_A = 0.709318
[beam]
width_mm = 0.60
height_mm = 8.0
[polarization]
monochromator = "none"
[detector]
response = "ideal"
[[scan]]
role = "sample"
file = "s.xy"
[[scan]]
role = "container"
file = "c.xy"
[range]
two_theta_deg = [2.0, 152.0]
q_step = 0.05
[normalization]
method = "high-angle"
[fourier]
window = "lorch"
q_range = [0.6, 17.0]
r_max = 20.0
r_step = 0.02
"""


def project(tmp_path: Path, *settings: str) -> Project:
    path = tmp_path / "run.toml"
    path.write_text(MINIMAL, encoding="utf-8")
    return load_project(path, settings=settings).record


def problems(tmp_path: Path, *settings: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        project(tmp_path, *settings)
    return caught.value.problems


def without(*path: str) -> tuple[str, ...]:
    """Problems of the minimal project without one key or table."""
    table: dict[str, Any] = tomllib.loads(MINIMAL)
    node = table
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]
    with pytest.raises(ConfigError) as caught:
        parse(Project, table, where="run.toml", check=check_project)
    return caught.value.problems


def test_the_minimal_project_loads(tmp_path: Path) -> None:
    loaded = project(tmp_path)
    assert loaded.sample.radius_mm == Quantity(0.25, None, "mm")
    assert loaded.multiple_scattering is None
    assert not loaded.virtual


@pytest.mark.parametrize("name", ["ns_xray", "silica_xray"])
def test_the_examples_load_and_survive_a_round_trip(
    shared_examples: Path, tmp_path: Path, name: str
) -> None:
    loaded = load_project(shared_examples / name / "run.toml")
    path = tmp_path / "run.toml"
    path.write_text(to_toml(loaded.record), encoding="utf-8")
    assert load(Project, path).record == loaded.record


@pytest.mark.parametrize("name", ["ns_xray", "silica_xray"])
def test_what_the_examples_offer_in_comments_is_accepted(shared_examples: Path, name: str) -> None:
    path = shared_examples / name / "run.toml"
    for settings in (
        ["sample.mu_R=0.19"],
        ["sample.mass_mg=1.2", "sample.filled_length_mm=10"],
        ["sample.mass_density_g_per_cm3=2.03"],
        ["polarization.monochromator=mosaic", "polarization.two_theta_deg=12.14"],
        ["detector.response=window", "detector.window_keV=[16.6, 18.4]", "detector.fwhm_keV=0.6"],
        ["detector.sensor=Si", "detector.sensor_thickness_mm=0.5"],
        ["detector.dark_cps=0.3"],
        ["normalization.method=krogh-moe-norman"],
        ["fourier.window=soper-barney", "fourier.delta_A=0.1"],
        ["radiation.continuum.tube_kV=60", "radiation.continuum.anode=Ag"],
        [
            "detector.response=threshold",
            "detector.upper_keV={value=36, sigma=3}",
            "detector.fwhm_keV=7",
        ],
    ):
        load_project(path, settings=settings)


@pytest.mark.parametrize(
    "radiation",
    [
        {"anode": "Ag", "lines": "Ka1"},
        {"anode": "Ag", "lines": "Ka1+Ka2"},
        {"wavelength_A": 0.709318, "anode": "Mo"},
        {"line": [{"wavelength_A": 0.7093, "weight": 2}, {"wavelength_A": 0.7136, "weight": 1}]},
        {"wavelength_A": {"value": 0.2, "sigma": 0.0001}},
    ],
)
def test_every_way_to_state_the_radiation(radiation: dict[str, Any]) -> None:
    table = tomllib.loads(MINIMAL) | {"radiation": radiation}
    parse(Project, table, where="x", check=check_project)


MISTAKES = [
    (["sample.composition=(Na2S"], "sample.composition: the formula '(Na2S' cannot be read"),
    (["sample.composition=Na2Xx"], "sample.composition: 'Xx' in the formula"),
    (["sample.number_density_per_A3=0"], "sample.number_density_per_A3: must be > 0, not 0"),
    (["sample.packing_fraction=1.2"], "sample.packing_fraction: must be <= 1, not 1.2"),
    (["sample.mass_mg=3"], "sample.filled_length_mm: missing"),
    (["sample.filled_length_mm=3"], "sample.mass_mg: missing"),
    (["radiation.anode=Ag"], "radiation.wavelength_A: 0.709318 Å is not a line of Ag (within 0.0001): it is Mo Ka1"),
    (["radiation.anode=Xe"], "radiation.anode: 'Xe' is not an anode"),
    (["radiation.wavelength_A=0.8", "radiation.anode=Mo"], "radiation.wavelength_A: 0.8 Å is not a line of Mo (within 0.0001): it is no line"),
    (["radiation.lines=Ka1"], "radiation.lines: given beside wavelength_A"),
    (["radiation.continuum.tube_kV=60", "radiation.wavelength_A=0.72"], "radiation.continuum.anode: missing"),
    (['radiation.continuum={tube_kV=60, filter=[{thickness_um=50}]}'], "radiation.continuum.filter[0].element: write either"),
    (['radiation.continuum={tube_kV=60, filter=[{thickness_um=50, element="Rx"}]}'], "radiation.continuum.filter[0].element: 'Rx'"),
    (["polarization.degree=0.9"], "polarization.monochromator: write either"),
    (["polarization.monochromator=mosaic"], "polarization.two_theta_deg: missing"),
    (["polarization.two_theta_deg=12"], "polarization.two_theta_deg: given, but"),
    (["polarization.monochromator=mosiac"], "polarization.monochromator: 'mosiac' is not one of 'none', 'perfect' or 'mosaic'; did you mean \"mosaic\"?"),
    (["detector.response=window"], "detector.window_keV: missing"),
    (["detector.window_keV=[16,18]"], "detector.window_keV: given, but the response is \"ideal\""),
    (["detector.response=window", "detector.window_keV=[18,16]"], "detector.window_keV: the range [18, 16] is empty"),
    (["detector.response=threshold"], "detector.lower_keV: missing"),
    (["detector.response=threshold", "detector.lower_keV=9", "detector.upper_keV=8"], "detector.upper_keV: must be above"),
    (["detector.sensor=Si"], "detector.sensor_thickness_mm: missing"),
    (["detector.dead_time_s=-1"], "detector.dead_time_s: must be >= 0"),
    (["goniometer.along_mm=0.1"], "goniometer.radius_mm: missing"),
    (["container.composition=SiO2"], "container.material: given beside composition"),
    (["container.material=glas"], "container.material: 'glas' is not a known material"),
    (["scan.0.role=container"], "scan: no entry has role = \"sample\""),
    (["scan.1.role=environment"], "scan: no entry has role = \"container\""),
    (["scan.0.role=smple"], "scan[0].role: 'smple' is not one of"),
    (["scan.0.scale=fot"], "scan[0].scale: must be a positive number or \"fit\", not 'fot'"),
    (["scan.0.scale=-1"], "scan[0].scale: must be > 0"),
    (["scan.0.columns={two_theta_deg=1}"], "scan[0].columns.counts: write either"),
    (["scan.0.columns={two_theta_deg=1, counts=1}"], "scan[0].columns.counts: column 1 is two_theta_deg already"),
    (["scan.0.columns={two_theta_deg=0, counts=1}"], "scan[0].columns.two_theta_deg: "),
    (["scan.0.two_theta_deg=[9, 4]"], "scan[0].two_theta_deg: the range [9, 4] is empty"),
    (["scan.0.seconds_per_step=0"], "scan[0].seconds_per_step: "),
    (["range.two_theta_deg=[152, 2]"], "range.two_theta_deg: the range [152, 2] is empty"),
    (["range.two_theta_deg=[2, 190]"], "range.two_theta_deg[1]: "),
    (["fourier.q_range=[17, 1]"], "fourier.q_range: the range [17, 1] is empty"),
    (["fourier.q_range=[0.6, 20]"], "fourier.q_range: ends at 20 Å^-1, but 0.709318 Å reaches only"),
    (["normalization.q_range=[8, 18]"], "normalization.q_range: ends at 18"),
    (["fourier.window=soper-barney"], "fourier.delta_A: missing"),
    (["fourier.delta_A=0.1"], "fourier.delta_A: given, but the window is \"lorch\""),
    (["fourier.r_step=30"], "fourier.r_step: must be below r_max"),
    (["fourier.windo=none"], "fourier.windo: unknown key; did you mean \"window\"?"),
    (["comparison.q_range=[1, 12]"], "comparison.curve: write either curve or trajectory"),
    (["comparison={q_range=[1, 12], curve=\"a\", trajectory=\"b\", weights=\"xray\"}"], "comparison.curve: write either"),
    (["comparison={q_range=[1, 12], trajectory=\"b\"}"], "comparison.weights: missing"),
    (["shell=[{pair=\"Si-O\", r_range=[1.4, 1.8]}]"], "shell[0].pair: O is not in sample.composition"),
    (["shell=[{pair=\"SiS\", r_range=[1.4, 1.8]}]"], "shell[0].pair: 'SiS' is not a pair"),
    (["multiple_scattering.orders=1"], "multiple_scattering.orders: "),
]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "said"), MISTAKES, ids=lambda v: "+".join(v) if isinstance(v, list) else ""
)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, settings: list[str], said: str) -> None:
    found = problems(tmp_path, *settings)
    assert any(text.startswith(said) for text in found), found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("sample", "number_density_per_A3"), "sample.number_density_per_A3: missing"),
        (("sample", "packing_fraction"), "sample.packing_fraction: missing (or mu_R"),
        (("sample", "composition"), "sample.composition: missing"),
        (("sample",), "sample: missing"),
        (("container",), "container: missing, although a scan of the empty container"),
        (("container", "material"), "container.material: missing"),
        (("container", "wall_thickness_mm"), "container.wall_thickness_mm: missing"),
        (("radiation", "wavelength_A"), "radiation.wavelength_A: missing"),
        (("scan",), "scan: missing"),
        (("polarization", "monochromator"), "polarization.monochromator: write either"),
    ],
)
def test_a_missing_fact_is_asked_for(path: tuple[str, ...], said: str) -> None:
    found = without(*path)
    assert any(text.startswith(said) for text in found), found


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("scan.0.role=smple", "scan[0].role: 'smple' is not one of 'sample', 'container'"),
        ("scan.1.role=contianer", "scan[1].role: 'contianer' is not one of"),
        ("sample.composition=", "sample.composition: must not be empty"),
        (
            "sample.composition=CfO2",
            "sample.composition: the tables of absorption and scattering do not",
        ),
        (
            "goniometer={along_mm=12, across_mm=12, radius_mm=16}",
            "goniometer.radius_mm: must be beyond",
        ),
        (
            "radiation.continuum={tube_kV=60, anode='Mo', amplitude={value=0.2, sigma=0}}",
            "radiation.continuum.amplitude: sigma = 0",
        ),
        ("scan[0].seconds_per_step=0", "scan[0].seconds_per_step: must be > 0, not 0"),
    ],
)
def test_one_mistake_is_named_once(tmp_path: Path, setting: str, said: str) -> None:
    (found,) = problems(tmp_path, setting)
    assert found.startswith(said)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("range.q_step=1e-9", "range.q_step: must be 0.0001 to 0.5, not 1e-09; broader bins"),
        ("range.q_step=0.6", "range.q_step: must be 0.0001 to 0.5, not 0.6"),
        ("fourier.r_step=1e-7", "fourier.r_step: must be 0.0001 to 1, not 1e-07"),
        ("fourier.r_step=5e-4", "fourier.r_step: r_max / r_step is 4e+04, more than 20000"),
        ("fourier.q_range=[5.0, 5.9]", "fourier.q_range: [5, 5.9] holds 18.0 bins of range.q_step"),
        ("scan.0.seconds_per_step=1e-9", "scan[0].seconds_per_step: must be 1e-06 to 1e+08"),
        ("scan.1.seconds_per_step=1e300", "scan[1].seconds_per_step: must be 1e-06 to 1e+08"),
        (
            "sample.radius_mm=250",
            "sample.radius_mm: must be 0.001 to 50, not 250; this key is in mm",
        ),
        ("sample.radius_mm={value=250, sigma=1}", "sample.radius_mm: must be 0.001 to 50, not 250"),
        ("container.wall_thickness_mm=12", "container.wall_thickness_mm: must be 0.0001 to 10"),
        ("detector.dark_cps=1e9", "detector.dark_cps: must be 0 to 1e+07"),
        ("sample.number_density_per_A3=43.1", "sample.number_density_per_A3: must be 1e-05 to 0.5"),
        (
            "sample.mass_density_g_per_cm3=2030",
            "sample.mass_density_g_per_cm3: must be 0.001 to 30",
        ),
        ("sample.packing_fraction=1e-9", "sample.packing_fraction: must be at least 0.001"),
        ("sample.packing_fraction=1.2", "sample.packing_fraction: must be <= 1, not 1.2"),
        ("beam.width_mm=6000", "beam.width_mm: must be 0.001 to 1000"),
        ("beam.height_mm=1e-9", "beam.height_mm: must be 0.001 to 1000"),
        ("shell=[{pair='Si-S', r_range=[1.9, 25]}]", "shell[0].r_range: ends at 25 Å, beyond"),
        (
            "shell=[{pair='Si-S', r_range=[2, 2.14]}]",
            "shell[0].r_range: [2, 2.14] is narrower than 8",
        ),
    ],
)
def test_a_slip_of_the_unit_or_the_point_is_told_once_with_its_reason(
    tmp_path: Path, setting: str, said: str
) -> None:
    (found,) = problems(tmp_path, setting)
    assert found.startswith(said)


@pytest.mark.parametrize(
    "setting",
    [
        "range.q_step=0.5",
        "fourier.r_step=0.001",
        "fourier.q_range=[5.0, 6.0]",
        "scan.0.seconds_per_step=1e8",
        "sample.radius_mm=50",
        "detector.dark_cps=0",
        "shell=[{pair='Si-S', r_range=[2.0, 2.16]}]",
    ],
)
def test_the_bounds_themselves_are_allowed(tmp_path: Path, setting: str) -> None:
    project(tmp_path, setting)


def test_an_integer_beyond_any_float_is_not_finite(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, f"sample.radius_mm=1{'0' * 400}")
    assert found == "sample.radius_mm: must be finite, not inf"


def test_mistakes_of_keys_and_between_keys_are_named_together(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "sample.packing_fraction=2",
        "sample.composition=Na2",
        "radiation.anode=Ag",
        "fourier.windo=x",
        "range.two_theta_deg=[5, 2]",
    )
    keys = {text.split(":")[0] for text in found}
    assert keys == {
        "sample.packing_fraction",
        "radiation.wavelength_A",
        "fourier.windo",
        "range.two_theta_deg",
    }


def test_an_anode_without_lines_is_asked_which() -> None:
    table = tomllib.loads(MINIMAL) | {"radiation": {"anode": "Ag"}}
    with pytest.raises(ConfigError) as caught:
        parse(Project, table, where="x", check=check_project)
    assert any(text.startswith("radiation.lines: missing") for text in caught.value.problems)


def test_lines_decide_how_far_q_reaches() -> None:
    table = tomllib.loads(MINIMAL) | {"radiation": {"anode": "Cu", "lines": "Ka1"}}
    with pytest.raises(ConfigError) as caught:
        parse(Project, table, where="x", check=check_project)
    assert any("8.157 Å^-1" in text for text in caught.value.problems)


def test_wrong_types_everywhere_are_survived_by_the_checks() -> None:
    table: dict[str, Any] = dict.fromkeys(tomllib.loads(MINIMAL), 3)
    with pytest.raises(ConfigError) as caught:
        parse(Project, table, where="x", check=check_project)
    assert len(caught.value.problems) >= len(table)
    table = {name: {} for name in tomllib.loads(MINIMAL)} | {"scan": [3, {}], "shell": [4]}
    with pytest.raises(ConfigError):
        parse(Project, table, where="x", check=check_project)
