"""Project files of impedance series: the example as it is, and every mistake at once."""

import pytest

from calibration.errors import ConfigError
from calibration.quantity import Quantity
from calibration.records import load, parse, to_toml
from cis.config import Project

GOOD = {
    "sample": {"name": "A", "diameter_mm": 8.0, "thickness_mm": {"value": 2.1, "sigma": 0.02}},
    "temperature": {"sigma_K": 0.5},
    "model": {"circuit": "auto"},
    "spectrum": [{"files": "a-*.txt", "temperature_from_name": "a-{temperature_C}C.txt"}],
    "arrhenius": {"form": "both"},
}


def changed(**tables: object) -> dict:
    return {**GOOD, **tables}


def problems(table: dict) -> str:
    with pytest.raises(ConfigError) as error:
        parse(Project, table, where="run.toml")
    return str(error.value)


def test_the_example_is_read_as_it_is(shared_examples):
    project = load(Project, shared_examples / "s04147_impedance" / "run.toml").record
    assert project.sample.thickness_mm == Quantity(2.10, 0.02, "mm")
    # 0.21 cm/(pi 0.16 cm^2)
    assert project.sample.plates.constant_per_cm.value == pytest.approx(0.41778, abs=1e-5)
    assert project.temperature.sigma_K == 0.5
    assert project.model.circuit == "auto"
    assert project.fixture is None


def test_what_is_written_reads_back():
    import tomllib

    project = parse(Project, GOOD, where="run.toml")
    assert parse(Project, tomllib.loads(to_toml(project)), where="again") == project


def test_all_mistakes_at_once_with_their_paths():
    text = problems(
        {
            "sample": {"name": "A", "diametre_mm": 8.0, "thickness_mm": -2.1},
            "model": {"circuit": "auto"},
            "spectrum": [{"files": "x", "temperature_C": "warm"}],
            "arrhenius": {"form": "ln_sgima"},
        }
    )
    assert 'sample.diametre_mm: unknown key; did you mean "diameter_mm"?' in text
    assert "sample.thickness_mm: must be > 0, not -2.1" in text
    assert "spectrum[0].temperature_C" in text
    assert "arrhenius.form" in text
    assert 'did you mean "ln_sigma"' in text


def test_no_default_for_a_fact_about_the_sample():
    text = problems(changed(sample={"name": "A", "diameter_mm": 8.0}))
    assert "sample.thickness_mm: missing" in text
    assert "sample: missing" in problems({k: v for k, v in GOOD.items() if k != "sample"})


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"sample": {"name": "A", "thickness_mm": 1.0}}, "one of diameter_mm and area_mm2"),
        (
            {"sample": {"name": "A", "thickness_mm": 1.0, "diameter_mm": 8, "area_mm2": 50}},
            "one of diameter_mm and area_mm2",
        ),
        ({"sample": {**GOOD["sample"], "density_g_cm3": 2.4}}, "needs mass_mg"),
        ({"sample": {**GOOD["sample"], "porosity": 1.2}}, "must be < 1"),
        ({"temperature": {"sigma_K": -0.5}}, "must not be negative"),
        ({"temperature": {"sigma_K": 0.5, "lag": 0.02}}, "ambient_C"),
        ({"spectrum": []}, "at least one"),
        ({"spectrum": [{"files": "x", "temperature_C": 25, "temperature_K": 298}]}, "give one of"),
        ({"spectrum": [{"files": "x", "temperature_C": -300}]}, "absolute zero"),
        ({"spectrum": [{"files": "x", "temperature_from_name": "a-{T}C"}]}, "{temperature_C}"),
        ({"fixture": {"load": "l.csv"}}, "give open, short"),
        ({"fixture": {"open": "o", "short": "s", "load": "l"}}, "load_ohm"),
        ({"validation": {"range_Hz": [1e6, 1.0]}}, "low < high"),
        ({"arrhenius": {"form": "both", "range_K": [400, 300]}}, "low < high"),
        ({"model": {"circuit": " "}}, "must not be empty"),
    ],
)
def test_impossible_values_are_refused(tables, expected):
    assert expected in problems(changed(**tables))


def test_thermometer_of_the_table():
    table = {"sigma_K": 0.2, "offset_K": {"value": 0.5, "sigma": 0.1}}
    thermometer = parse(Project, changed(temperature=table), where="x").temperature.thermometer
    assert thermometer.point_sigma_k == 0.2
    assert thermometer.offset_k == Quantity(0.5, 0.1, "K")
    absent = {k: v for k, v in GOOD.items() if k != "temperature"}
    assert parse(Project, absent, where="x").temperature.thermometer.point_sigma_k is None
