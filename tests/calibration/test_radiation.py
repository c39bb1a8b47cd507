"""Wavelengths against published numbers that are not in our table, and against another library's energies."""

import pytest

from calibration.errors import InputError
from calibration.radiation import (
    HC_KEV_A,
    Line,
    anodes,
    belongs_to,
    disagreements,
    energy_kev,
    identify,
    lines_of,
    mean_wavelength_a,
    select_lines,
    wavelength_a,
)

# International Tables C (2006), Table 4.2.2.6 and sect. 4.2.2; Hölzer et al. 1997
PUBLISHED = {
    ("Cu", "Ka1"): 1.54059292,
    ("Mo", "Ka1"): 0.70931713,
    ("Ag", "Ka1"): 0.5594218,
    ("Ag", "Ka2"): 0.5638131,
    ("Mo", "Ka2"): 0.7136070,
    ("Cu", "Ka2"): 1.5444274,
}


@pytest.mark.parametrize(("anode", "line"), PUBLISHED)
def test_wavelengths_are_the_published_ones_to_one_in_a_million(anode: str, line: str) -> None:
    assert lines_of(anode)[line].wavelength_a == pytest.approx(PUBLISHED[anode, line], rel=1e-6)


@pytest.mark.parametrize("anode", anodes())
def test_lines_and_rates_agree_with_the_energies_and_rates_of_xraylib(anode: str) -> None:
    xraylib = pytest.importorskip("xraylib")
    z = xraylib.SymbolToAtomicNumber(anode)
    lines = lines_of(anode)
    shell = {"Ka1": xraylib.KL3_LINE, "Ka2": xraylib.KL2_LINE, "Kb1": xraylib.KM3_LINE}
    shell |= {"Kb3": xraylib.KM2_LINE, "Kb": xraylib.KM3_LINE}
    first = xraylib.RadRate(z, xraylib.KL3_LINE)
    for name, line in lines.items():
        # line energies of that library are rounded and older: 2e-4 is what they are good for
        assert line.energy_kev == pytest.approx(xraylib.LineEnergy(z, shell[name]), rel=2e-4)
        rate = xraylib.RadRate(z, shell[name])
        if name == "Kb":
            rate += xraylib.RadRate(z, xraylib.KM2_LINE)
        assert line.weight == pytest.approx(rate / first, abs=0.003)


def test_hc_is_the_product_of_the_exact_constants_of_the_si() -> None:
    hc_over_e = 6.62607015e-34 * 299792458.0 / 1.602176634e-19
    assert HC_KEV_A / (hc_over_e * 1e7) == pytest.approx(1.0, rel=1e-15)


def test_energy_and_wavelength_are_inverse() -> None:
    assert energy_kev(0.70931713) == pytest.approx(17.47937, abs=2e-5)  # Deslattes et al. 2003
    assert wavelength_a(energy_kev(0.559)) == pytest.approx(0.559, rel=1e-15)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_no_energy_for_an_impossible_wavelength(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        energy_kev(value)


@pytest.mark.parametrize(
    ("value", "owner"),
    [
        (0.709318, ("Mo", "Ka1")),  # the "silver" of the paper
        (0.5594214, ("Ag", "Ka1")),
        (0.5638120, ("Ag", "Ka2")),
        (0.4970810, ("Ag", "Kb1")),
        (1.5418, ("Cu", "Ka")),
        (0.7, None),
        (0.5594218 * 1.00015, None),
    ],
)
def test_a_wavelength_is_identified(value: float, owner: tuple[str, str] | None) -> None:
    assert identify(value) == owner


def test_the_wavelength_of_the_paper_is_not_silver() -> None:
    assert not belongs_to(0.709318, "Ag")
    assert belongs_to(0.709318, "Mo")


def test_selected_lines_have_weights_that_sum_to_one() -> None:
    lines = select_lines("Ag", "Ka1+Ka2+Kb")
    assert [line.name for line in lines] == ["Ag Ka1", "Ag Ka2", "Ag Kb1", "Ag Kb3"]
    assert sum(line.weight for line in lines) == pytest.approx(1.0)
    assert lines[1].weight / lines[0].weight == pytest.approx(0.529)


def test_the_mean_of_a_doublet_is_weighted() -> None:
    lines = [Line(wavelength_a=1.0, weight=2.0), Line(wavelength_a=4.0, weight=1.0)]
    assert mean_wavelength_a(lines) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("anode", "lines", "said"),
    [
        ("ag", "Ka1", 'did you mean "Ag"'),
        ("Ag", "Ka", 'did you mean "Ka1'),
        ("Ag", "Ka1+Ka1", "named twice"),
        ("Ag", "Ka1+Kb+Kb1", "named twice"),
    ],
)
def test_a_wrong_anode_or_line_is_named_with_the_nearest(anode: str, lines: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        select_lines(anode, lines)
    assert said in str(caught.value)


def test_a_header_of_another_anode_is_a_problem() -> None:
    stated = [Line(wavelength_a=0.709318, weight=1.0)]
    found = disagreements(stated, file="a.xrdml", anode="Ag", wavelengths_a=())
    assert [f.severity for f in found] == ["problem"]
    assert "Ag" in found[0].text
    assert "Mo" in found[0].text
    by_wavelength = disagreements(stated, file="a", anode=None, wavelengths_a=(0.5594, 0.5638))
    assert len(by_wavelength) == 1


def test_a_header_that_agrees_or_is_silent_is_no_finding() -> None:
    stated = [Line(wavelength_a=0.709318, weight=1.0)]
    assert disagreements(stated, file="a", anode="Mo", wavelengths_a=(0.7093,)) == ()
    assert disagreements(stated, file="a", anode=None, wavelengths_a=()) == ()


def test_a_synchrotron_wavelength_is_compared_with_the_header_itself() -> None:
    stated = [Line(wavelength_a=0.2, weight=1.0)]
    assert disagreements(stated, file="a", anode=None, wavelengths_a=(0.2,)) == ()
    assert len(disagreements(stated, file="a", anode=None, wavelengths_a=(0.21,))) == 1


@pytest.mark.parametrize("anode", ["Cu", "Mo", "Ag"])
def test_energies_rounded_to_one_ev_are_not_what_the_table_holds(anode: str) -> None:
    """Rounded energies are 2e-5 (Mo) off the published wavelengths; the table is not, and its energies are no whole eV."""
    lines = lines_of(anode)
    apart = [abs(1e3 * line.energy_kev - round(1e3 * line.energy_kev)) for line in lines.values()]
    assert max(apart) > 0.1
    published = {n: w for (a, n), w in PUBLISHED.items() if a == anode}
    ours = max(abs(lines[n].wavelength_a / w - 1.0) for n, w in published.items())
    rounded = max(
        abs(wavelength_a(round(1e3 * energy_kev(w)) / 1e3) / w - 1.0) for w in published.values()
    )
    assert ours < 1e-6
    assert rounded > 5.0 * ours
