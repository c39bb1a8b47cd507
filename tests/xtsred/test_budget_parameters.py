"""Numbers of a project by key path: all are found, each can be changed, and nothing else changes."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.composition import parse_formula
from calibration.errors import ConfigError, InputError
from calibration.quantity import Quantity
from xtsred.budget.names import in_words, not_stated
from xtsred.budget.parameters import (
    at_values,
    list_parameters,
    stated_parameters,
    with_values,
)
from xtsred.config import Project, load_project
from xtsred.inputs import read_inputs

DEMO = Path(__file__).parents[2] / "xtsred" / "data" / "demo" / "run.toml"
EVERYTHING = (
    "sample.packing_fraction={value=0.5, sigma=0.02}",
    "sample.composition_sigma={Na=0.01}",
    "container.scale={value=1, sigma=0.01}",
    "environment.scale={value=1, sigma=0.02}",
    "radiation={line=[{wavelength_A={value=0.5594218, sigma=1e-5}, weight={value=2, sigma=0.1}}, {wavelength_A=0.5638131, weight=1}]}",
    "polarization={monochromator='mosaic', two_theta_deg={value=12.1, sigma=0.5}}",
    "detector={response='window', window_keV=[{value=21.0, sigma=0.1}, 23.0], fwhm_keV=0.5}",
    "goniometer.zero_deg={value=0, sigma=0.01}",
    "multiple_scattering.scale={value=1, sigma=0.05}",
    "normalization.compton_response={value=1, sigma=0.02}",
    "scan[0].monitor={value=1, sigma=0.01}",
)


def project(*settings: str) -> Project:
    return load_project(DEMO, settings=settings).record


def test_every_number_that_carries_a_sigma_is_found_with_its_limits() -> None:
    found = {p.path: p for p in stated_parameters(project(*EVERYTHING))}
    assert set(found) == {
        "sample.packing_fraction", "sample.composition.Na", "container.scale", "environment.scale",
        "radiation.line[0].wavelength_A", "radiation.line[0].weight", "polarization.two_theta_deg",
        "detector.window_keV[0]", "goniometer.zero_deg", "multiple_scattering.scale",
        "normalization.compton_response", "scan[0].monitor",
    }  # fmt: skip
    packing = found["sample.packing_fraction"]
    assert (packing.value, packing.sigma, packing.high) == (0.5, 0.02, 1.0)
    assert packing.possible(1.0)
    assert not packing.possible(1.0001)
    assert not packing.possible(0.0)
    assert not found["polarization.two_theta_deg"].possible(180.0)
    assert found["detector.window_keV[0]"].unit == "keV"
    assert found["sample.composition.Na"].sigma == 0.01


def test_without_a_sigma_nothing_is_stated() -> None:
    assert stated_parameters(project()) == ()


def test_a_sigma_of_zero_is_no_uncertainty() -> None:
    assert stated_parameters(project("sample.packing_fraction={value=0.5, sigma=0.0}")) == ()


def test_the_prior_of_a_fitted_amplitude_is_no_fact() -> None:
    found = project(
        "normalization.compton_response_sigma=0.1", "normalization.compton_response=1.02"
    )
    assert stated_parameters(found) == ()
    (prior,) = (p for p in list_parameters(found) if p.path == "normalization.compton_response")
    assert (prior.role, prior.value, prior.sigma) == ("prior", 1.02, 0.1)


@given(st.data())
def test_a_changed_number_is_there_and_nothing_else_has_changed(data: Any) -> None:
    before = project(*EVERYTHING)
    listed = [p for p in list_parameters(before) if "composition" not in p.path]
    chosen = data.draw(st.sampled_from(listed))
    value = data.draw(st.floats(0.1, 0.9))
    after = with_values(before, {chosen.path: value})
    changed = {p.path: p for p in list_parameters(after)}
    assert changed.pop(chosen.path) == dataclasses.replace(chosen, value=value)
    assert changed == {p.path: p for p in list_parameters(before) if p.path != chosen.path}
    assert with_values(after, {chosen.path: chosen.value}) == before


def test_an_amount_of_an_element_leaves_the_others_in_their_proportions() -> None:
    before = project("sample.composition='Na2SiS3'")
    after = parse_formula(
        with_values(before, {"sample.composition.Na": 1 / 3 + 0.01}).sample.composition
    )
    # (f + d) / (1 + d) by hand
    assert after["Na"] == pytest.approx((1 / 3 + 0.01) / 1.01, rel=1e-12)
    assert after["S"] / after["Si"] == pytest.approx(3.0, rel=1e-12)
    assert sum(after.values()) == pytest.approx(1.0, rel=1e-14)


def test_a_table_without_necessary_keys_is_made() -> None:
    before = project()
    assert before.goniometer is None
    after = with_values(before, {"goniometer.zero_deg": 0.02, "environment.scale": 1.1})
    assert after.goniometer is not None
    assert after.goniometer.zero_deg == Quantity(0.02, None, "°")
    assert after.environment is not None
    assert after.environment.scale.value == 1.1


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("sample.packing", 0.5, "no such number"),
        ("sample.mu_R", 0.5, "no such number"),
        ("sample.name", 0.5, "no such number"),
        ("scan[99].monitor", 1.0, "no such number"),
        ("sample.composition.Fe", 0.5, "no such number"),
        ("sample.packing_fraction", 1.5, "not possible"),
        ("sample.packing_fraction", float("nan"), "not possible"),
        ("sample.composition.Na", 0.0, "not possible"),
    ],
)
def test_wrong_paths_and_impossible_values_are_named(path: str, value: float, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        with_values(project(), {path: value})
    assert raised.value.where == path


def test_scans_follow_the_monitor_and_scale_of_their_entry() -> None:
    loaded = load_project(DEMO, settings=EVERYTHING)
    inputs = read_inputs(loaded)
    changed, scans = at_values(loaded, inputs, {"scan[0].monitor": 1.25})
    assert scans["sample"][0].monitor == 1.25
    assert scans["sample"][1:] == inputs["sample"][1:]
    assert scans["container"] == inputs["container"]
    assert changed.record.scan[0].monitor == Quantity(1.25, 0.01)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["sample.composition_sigma={Fe=0.01}"], "sample.composition_sigma.Fe: not in composition"),
        (["sample.composition_sigma={Na=0.9}"], "more than there is"),
        (["sample.composition_sigma={Na=-0.1}"], "sample.composition_sigma.Na: must be > 0"),
        (
            ["normalization.compton_response={value=1,sigma=0.1}", "normalization.compton_response_sigma=0.1"],
            "keep one of the two",
        ),
        (["normalization.alternative_q_ranges=[[9, 8]]"], r"alternative_q_ranges\[0\]: the range"),
        (["container.scale=11"], "container.scale: must be 0 to 10"),
        (["detector={response='window', window_keV=[18, 16]}"], "window_keV: the range"),
    ],
)  # fmt: skip
def test_contradictions_are_named_by_their_key(settings: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        project(*settings)


def test_what_is_worth_stating_is_told_until_it_is_stated() -> None:
    loaded = load_project(DEMO)
    assert "sample.packing_fraction" in not_stated(loaded)
    stated = load_project(DEMO, settings=EVERYTHING)
    assert "sample.packing_fraction" not in not_stated(stated)
    assert "goniometer.zero_deg" not in not_stated(stated)
    assert in_words("radiation.line[1].weight") == "weight of line 2"
    assert in_words("sample.composition.Na") == "amount of Na"


def test_displacements_as_angles_have_words() -> None:
    """Sources of one certificate are named together: each by its meaning."""
    assert in_words("goniometer.along_deg") == in_words("goniometer.along_mm")
    assert in_words("goniometer.across_deg") == "displacement across the beam"
