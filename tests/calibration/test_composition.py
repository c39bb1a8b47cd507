"""Formulas: every way of writing the same glass gives the same fractions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.composition import ELEMENTS, MATERIALS, find_material, parse_formula
from calibration.errors import InputError

GLASS = {"Na": 1 / 3, "Si": 1 / 6, "S": 1 / 2}


@pytest.mark.parametrize(
    "text",
    [
        "Na2SiS3",
        "(Na2S)0.50(SiS2)0.50",
        "50Na2S-50SiS2",
        "0.5Na2S·0.5SiS2",
        "Na₂SiS₃",
        "[Na2S] SiS2",
        "Na2 Si S3",
        "2Na2S + 2SiS2",
        "((Na2S)(SiS2))4",
    ],
)
def test_one_glass_written_in_many_ways(text: str) -> None:
    assert parse_formula(text) == pytest.approx(GLASS)


def test_order_is_that_of_first_appearance() -> None:
    assert list(parse_formula("(Na2S)0.5(SiS2)0.5")) == ["Na", "S", "Si"]


def test_two_letters_are_one_element_and_case_decides() -> None:
    assert parse_formula("Co") == {"Co": 1.0}
    assert parse_formula("CO") == {"C": 0.5, "O": 0.5}


@given(
    st.dictionaries(
        st.sampled_from(ELEMENTS), st.integers(min_value=1, max_value=99), min_size=1, max_size=6
    )
)
def test_fractions_are_the_amounts_over_their_sum(amounts: dict[str, int]) -> None:
    text = "".join(f"({element}){amount}" for element, amount in amounts.items())
    total = sum(amounts.values())
    assert parse_formula(text) == pytest.approx({e: n / total for e, n in amounts.items()})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("Na2Sj3", 'did you mean "S'),
        ("Xx", "'Xx'"),
        ("(Na2S", "not closed"),
        ("Na2S)", "no partner"),
        ("Na2S--SiS2", "an element is missing"),
        ("50", "an element is missing"),
        ("Si0", "zero"),
        ("na2s", "position 1"),
        ("SiO2!", "position 5"),
        ("Na2S-", "an element is missing"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_formula(text)
    assert said in str(caught.value)


def test_there_are_98_elements_in_the_order_of_the_atomic_number() -> None:
    assert len(ELEMENTS) == 98
    for z, symbol in ((1, "H"), (14, "Si"), (16, "S"), (47, "Ag"), (82, "Pb"), (98, "Cf")):
        assert ELEMENTS[z - 1] == symbol


def test_fractions_of_every_material_sum_to_one() -> None:
    for material in MATERIALS.values():
        assert sum(material.fractions.values()) == pytest.approx(1.0, abs=1e-12)
        assert set(material.fractions) <= set(ELEMENTS)


def test_borosilicate_is_the_oxide_mixture_of_iso_3585() -> None:
    oxides = {
        "SiO2": (80.6, 60.084),
        "B2O3": (12.6, 69.62),
        "Na2O": (4.2, 61.979),
        "Al2O3": (2.2, 101.961),
    }
    atoms: dict[str, float] = {}
    for formula, (mass, molar) in oxides.items():
        parts = parse_formula(formula)
        count = {"SiO2": 3, "B2O3": 5, "Na2O": 3, "Al2O3": 5}[formula]
        for element, fraction in parts.items():
            atoms[element] = atoms.get(element, 0.0) + mass / molar * count * fraction
    total = sum(atoms.values())
    for element, fraction in find_material("borosilicate 3.3").fractions.items():
        assert fraction == pytest.approx(atoms[element] / total, abs=0.003)


def test_a_material_is_found_by_any_of_its_names() -> None:
    assert find_material("Kapton").name == "polyimide"
    assert find_material(" Borosilicate 3.3 ").mass_density_g_per_cm3 == 2.23


def test_an_unknown_material_is_said_with_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        find_material("fused silca")
    assert 'did you mean "fused silica"' in str(caught.value)


def test_the_nearest_material_is_one_of_those_listed() -> None:
    with pytest.raises(InputError) as caught:
        find_material("quarz glas")
    assert 'did you mean "fused silica"?' in caught.value.remedy
    assert "fused silica" in caught.value.why
