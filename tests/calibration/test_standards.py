"""Lines of the standards against certificates, a powder file and the extinctions of the space groups."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import ConfigError, InputError
from calibration.radiation import lines_of
from calibration.standards import find_standard, reflections, standard_names

CU = 1.5405929

# 2theta with Cu Ka1 as printed for SRM 660c and SRM 640f
CERTIFIED = {
    "LaB6": {"100": 21.358, "110": 30.385, "111": 37.442, "200": 43.507},
    "Si": {"111": 28.441, "220": 47.301, "511, 333": 94.947, "440": 106.702, "531": 114.085, "620": 127.535, "533": 136.882},
}  # fmt: skip

# ICDD 46-1212 (corundum), d in Å
CORUNDUM = {
    "012": 3.4797, "104": 2.5508, "110": 2.3795, "006": 2.1654, "113": 2.0853, "202": 1.9643,
    "024": 1.7401, "116": 1.6016, "211": 1.5467, "122": 1.5149, "018": 1.5110, "214": 1.4045, "300": 1.3738,
}  # fmt: skip


@pytest.mark.parametrize("name", CERTIFIED)
def test_angles_are_those_of_the_certificate(name: str) -> None:
    found = {r.label: r.d_a for r in reflections(find_standard(name), d_min_a=0.8)}
    for label, angle in CERTIFIED[name].items():
        calculated = 2.0 * np.degrees(np.arcsin(CU / (2.0 * found[label])))
        assert calculated == pytest.approx(angle, abs=0.0011), label


def test_the_wavelength_of_the_certificates_is_ours() -> None:
    assert lines_of("Cu")["Ka1"].wavelength_a == pytest.approx(CU, rel=1e-9)


def test_corundum_has_the_lines_of_its_powder_file() -> None:
    found = reflections(find_standard("Al2O3"), d_min_a=1.37)
    assert [r.label for r in found] == list(CORUNDUM)
    for r in found:
        assert r.d_a == pytest.approx(
            CORUNDUM[r.label], rel=1.5e-4
        )  # another sample, four decimals


def test_corundum_keeps_the_rules_of_its_space_group() -> None:
    """R-3c, hexagonal axes (International Tables A, no. 167): -h + k + l = 3n; h -h 0 l: l = 2n; and all others are there."""
    standard = find_standard("Al2O3")
    found = {round(r.d_a, 6) for r in reflections(standard, d_min_a=1.0)}
    a, c = standard.a_A.value, standard.c_A.value if standard.c_A else 0.0
    allowed, forbidden = set(), set()
    for h, k, m in itertools.product(range(-5, 6), range(-5, 6), range(-13, 14)):
        inverse = 4.0 / 3.0 * (h * h + h * k + k * k) / a**2 + (m / c) ** 2
        if not 0.0 < inverse <= 1.0:
            continue
        glide = (h == -k or k == 0 or h == 0) and m % 2
        keeps = (-h + k + m) % 3 == 0 and not glide
        (allowed if keeps else forbidden).add(round(inverse**-0.5, 6))
    assert found <= allowed
    assert len(allowed - found) <= 1  # a line whose atoms cancel by accident
    assert forbidden - allowed


@pytest.mark.parametrize(("name", "diamond"), [("Si", True), ("CeO2", False), ("Ni", False)])
def test_cubic_face_centred_extinctions(name: str, diamond: bool) -> None:
    for r in reflections(find_standard(name), d_min_a=0.7):
        h, k, m = (int(c) for c in r.label.split(", ")[0].replace(" ", ""))
        assert h % 2 == k % 2 == m % 2
        if diamond and h % 2 == 0:
            assert (h + k + m) % 4 == 0


def test_multiplicities_count_every_plane() -> None:
    found = {r.label: r.multiplicity for r in reflections(find_standard("LaB6"), d_min_a=1.0)}
    assert (found["100"], found["110"], found["111"], found["210"], found["321"]) == (
        6,
        12,
        8,
        24,
        48,
    )
    assert found["300, 221"] == 6 + 24


def test_structure_factor_of_a_bare_lattice() -> None:
    """Ni: four atoms in phase, |F|^2 = (4 f)^2 with the thermal factor left out."""
    nickel = find_standard("Ni")
    first = reflections(nickel, d_min_a=2.0, form_factor=lambda _e, s: np.full(s.shape, 20.0))[0]
    s = 1.0 / (2.0 * first.d_a)
    assert first.square == pytest.approx((80.0 * np.exp(-nickel.b_iso_A2 * s * s)) ** 2, rel=1e-9)


def test_every_standard_says_where_its_cell_comes_from_and_how_well_it_is_known() -> None:
    assert set(standard_names()) == {"LaB6", "Si", "CeO2", "Al2O3", "Ni"}
    for name in standard_names():
        standard = find_standard(name)
        assert standard.citation
        assert standard.broadening
        assert standard.cell_relative_sigma is not None
        assert 5e-6 < standard.cell_relative_sigma < 2e-4


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[standard.Ag]\nname = "silver"\nformula = "Ag"\na_A = { value = 4.0862, sigma = 2e-4 }\n'
        'citation = "NBS Circular 539"\nlines = [[1, 1, 1], [2, 0, 0], [2, 2, 0]]\n',
        encoding="utf-8",
    )
    found = reflections(find_standard("ag", table=path), d_min_a=1.0)
    assert [(r.label, r.multiplicity) for r in found] == [("111", 8), ("200", 6), ("220", 12)]
    assert found[0].d_a == pytest.approx(4.0862 / 3**0.5)
    assert find_standard("LaB6", table=path).formula == "LaB6"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('name = "x"\nformula = "Ag"\na_A = 4.0\ncitation = "y"\n', "either atoms or lines"),
        ('name = "x"\nformula = "Ag"\na_A = 4.0\ncitation = "y"\natoms = [["Xx", 0.0, 0.0, 0.0]]\n', "not an element"),
        ('name = "x"\nformula = "Ag"\na_A = 4.0\ncitation = "y"\nlines = [[0, 0, 0]]\n', "not 0 0 0"),
        ('name = "x"\nformula = "Ag"\na_A = 4.0\ncitation = "y"\ncentring = "R"\nlines = [[1, 0, 4]]\n', "c_A is missing"),
    ],
)  # fmt: skip
def test_mistakes_in_such_a_file_are_named(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[standard.Ag]\n{text}", encoding="utf-8")
    with pytest.raises(InputError, match=match):
        find_standard("Ag", table=path)


def test_unknown_keys_of_such_a_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[standard.Ag]\nlattice = 4.0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"problems?") as caught:
        find_standard("Ag", table=path)
    assert any("standard.Ag.lattice" in p for p in caught.value.problems)


def test_an_unknown_standard_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        find_standard("LaB5")
    assert "LaB6" in caught.value.remedy


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_no_lines_below_an_impossible_spacing(value: float) -> None:
    with pytest.raises(ValueError, match="d_min"):
        reflections(find_standard("Ni"), d_min_a=value)
