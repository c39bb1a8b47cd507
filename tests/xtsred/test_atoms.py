"""Form factors, Compton functions and attenuation against published tables and closed forms."""

import numpy as np
import pytest
import xraylib

from xtsred.atoms import (
    Composition,
    absorption_edges_kev,
    attenuation_per_cm,
    compton_shells,
    element_density,
    form_factors,
    form_factors_far_from_edges,
    incoherent,
    mass_density,
    mean_square,
    number_density,
    photoabsorption_per_cm,
    square_mean,
)
from xtsred.stages import Array

MO_KEV = 17.47934
BOHR_A = 0.529177210903

# International Tables C, Table 6.1.1.4 (Cromer & Mann): a1, b1, ... a4, b4, c; f0 over sin(theta)/lambda 0..2 Å^-1
CROMER_MANN = {
    "O": (3.0485, 13.2771, 2.2868, 5.7011, 1.5463, 0.3239, 0.8670, 32.9089, 0.2508),
    "Na": (4.7626, 3.2850, 3.1736, 8.8422, 1.2674, 0.3136, 1.1128, 129.424, 0.6760),
    "Si": (6.2915, 2.4386, 3.0353, 32.3337, 1.9891, 0.6785, 1.5410, 81.6937, 1.1407),
    "S": (6.9053, 1.4679, 5.2034, 22.2151, 1.4379, 0.2536, 1.5863, 56.1720, 0.8669),
}
# International Tables C, Table 4.2.6.8: f', f'' at Mo Ka1
ANOMALOUS = {
    "O": (0.0106, 0.0060),
    "Na": (0.0362, 0.0249),
    "Si": (0.0817, 0.0704),
    "S": (0.1246, 0.1234),
    "Cu": (0.3201, 1.2651),
    "Ag": (-0.8971, 1.1015),
}
# Hubbell & Seltzer, NISTIR 5632 (physics.nist.gov/PhysRefData/XrayMassCoef), mu/rho in cm^2/g by keV
MASS_ATTENUATION = {
    "O": {10: 5.952, 15: 1.836, 20: 0.8651, 30: 0.3779},
    "Na": {10: 15.57, 15: 4.694, 20: 2.057, 30: 0.7197},
    "Al": {10: 26.23, 20: 3.441, 30: 1.128},
    "Si": {10: 33.89, 15: 10.34, 20: 4.464, 30: 1.436},
    "S": {10: 50.12, 15: 15.50, 20: 6.708, 30: 2.113},
    "Cu": {10: 215.9, 20: 33.79, 30: 10.92},
}
CHARGE = {"H": 1, "C": 6, "O": 8, "Na": 11, "Si": 14, "S": 16, "Cu": 29, "Ag": 47}


def pure(element: str) -> Composition:
    return Composition.of({element: 1.0})


def q_of(x: list[float] | Array) -> Array:
    return 4.0 * np.pi * np.asarray(x, dtype=np.float64)


@pytest.mark.parametrize("element", CROMER_MANN)
def test_f0_of_international_tables(element: str) -> None:
    s = np.linspace(0.0, 2.0, 81)
    *pairs, c = CROMER_MANN[element]
    table = c + sum(a * np.exp(-b * s**2) for a, b in zip(pairs[::2], pairs[1::2], strict=True))
    ours = form_factors_far_from_edges(pure(element), q_of(s))[0]
    assert np.max(np.abs(ours - table)) < 0.015


@pytest.mark.parametrize("element", CHARGE)
def test_f0_begins_at_z(element: str) -> None:
    ours = form_factors_far_from_edges(pure(element), np.zeros(1))[0, 0].real
    # the fit of Waasmaier & Kirfel itself misses Z by up to 0.02 electrons
    assert ours == pytest.approx(CHARGE[element], abs=0.02)


@pytest.mark.parametrize("element", ANOMALOUS)
def test_anomalous_terms_of_international_tables(element: str) -> None:
    """Chantler's and Cromer & Liberman's calculations agree to some hundredths of an electron."""
    q = np.array([3.0])
    added = form_factors(pure(element), q, energy_kev=MO_KEV) - form_factors_far_from_edges(
        pure(element), q
    )
    f_prime, f_second = ANOMALOUS[element]
    assert added[0, 0].real == pytest.approx(f_prime, abs=0.05)
    assert added[0, 0].imag == pytest.approx(f_second, rel=0.02, abs=2e-3)


def test_hydrogen_scatters_incoherently_what_it_does_not_coherently() -> None:
    """S(x, H) = 1 - f^2 with f = [1 + (2 pi a0 x)^2]^-2, exact for one electron, below the table's start too."""
    x = np.array([1e-3, 3e-3, 5e-3, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0])
    f = (1.0 + (2.0 * np.pi * BOHR_A * x) ** 2) ** -2
    assert incoherent(pure("H"), q_of(x)) == pytest.approx(1.0 - f**2, rel=1e-3)


@pytest.mark.parametrize(
    ("element", "x", "value"),
    [
        ("C", 0.1, 1.039),
        ("C", 0.3, 3.643),
        ("C", 1.0, 5.348),
        ("Si", 0.1, 2.293),
        ("Si", 0.5, 7.937),
        ("Si", 1.0, 11.29),
        ("O", 0.3, 4.293),
    ],
)
def test_incoherent_function_of_hubbell(element: str, x: float, value: float) -> None:
    """Hubbell et al., J. Phys. Chem. Ref. Data 4 (1975) 471, Table I."""
    assert incoherent(pure(element), q_of([x]))[0] == pytest.approx(value, rel=2e-3)


@pytest.mark.parametrize("element", ["O", "Na", "Si", "S"])
def test_incoherent_function_limits(element: str) -> None:
    x = np.array([1e-4, 2e-4, 50.0])
    low, twice, high = incoherent(pure(element), q_of(x))
    assert twice / low == pytest.approx(4.0, rel=1e-9)  # as x^2
    assert high == pytest.approx(CHARGE[element], rel=1e-3)  # all electrons free
    rising = incoherent(pure(element), q_of(np.linspace(0.0, 2.0, 400)))
    assert np.all(np.diff(rising) >= 0.0)
    assert rising[0] == 0.0


def test_compton_profile_of_hydrogen() -> None:
    """J(p) = 8 / [3 pi (1 + p^2)^3], exact in atomic units; the table has three digits."""
    p, binding, profiles = compton_shells(pure("H"))
    exact = 8.0 / (3.0 * np.pi * (1.0 + p**2) ** 3)
    near = np.abs(p) <= 5.0
    assert profiles[0][near] == pytest.approx(exact[near], rel=5e-3)
    assert binding == pytest.approx([0.0136], abs=1e-4)


@pytest.mark.parametrize("element", ["O", "Si", "S"])
def test_compton_profile_holds_z_electrons(element: str) -> None:
    p, binding, profiles = compton_shells(pure(element))
    # 0.5 % of the K electrons are faster than the 30 atomic units of the grid
    assert np.trapezoid(profiles, p).sum() == pytest.approx(CHARGE[element], rel=2e-3)
    assert profiles == pytest.approx(profiles[:, ::-1])
    edges = absorption_edges_kev(pure(element))
    if f"{element} K" in edges:
        assert binding[0] == pytest.approx(edges[f"{element} K"], abs=0.005)


@pytest.mark.parametrize(
    "element", ["K", "Ca", "Fe", "Ge", "Se", "Ag", "Sn", "I", "Cs", "Eu", "Pb"]
)
def test_compton_profiles_of_heavy_atoms(element: str) -> None:
    """Shell by shell they sum to the atom's own tabulated profile: no shell is missing, outermost ones without an edge are free."""
    p, binding, profiles = compton_shells(pure(element))
    for momentum, accuracy in ((0.0, 0.02), (1.0, 0.02), (10.0, 0.03)):
        whole = xraylib.ComptonProfile(xraylib.SymbolToAtomicNumber(element), momentum)
        column = int(np.argmin(np.abs(p - momentum)))
        assert profiles[:, column].sum() == pytest.approx(whole, rel=accuracy)
    assert binding.min() < 0.01
    assert np.all(binding[:4] > 0.02)


@pytest.mark.parametrize("element", MASS_ATTENUATION)
def test_attenuation_of_nist(element: str) -> None:
    energies = np.array(list(MASS_ATTENUATION[element]), dtype=float)
    table = np.array(list(MASS_ATTENUATION[element].values()))
    ours = attenuation_per_cm(pure(element), energies, mass_density_g_per_cm3=1.0)
    assert ours == pytest.approx(table, rel=1e-3)
    photo = photoabsorption_per_cm(pure(element), energies, mass_density_g_per_cm3=1.0)
    # Compton alone is 0.15 to 0.2 cm^2/g of every light element here
    assert np.all(ours - photo > 0.12)


def test_attenuation_of_a_compound_adds_by_mass() -> None:
    """SiO2 at 20 keV: 0.4674 x 4.464 + 0.5326 x 0.8651 cm^2/g of NIST, at 2.20 g/cm^3."""
    mu = attenuation_per_cm(
        Composition.of({"Si": 1.0, "O": 2.0}), 20.0, mass_density_g_per_cm3=2.20
    )
    assert float(mu) == pytest.approx(2.20 * (0.46744 * 4.464 + 0.53256 * 0.8651), rel=1e-3)


def test_attenuation_of_many_energies_is_that_of_each() -> None:
    silica = Composition.of({"Si": 1.0, "O": 2.0})
    many = np.linspace(20.2, 22.163, 700)  # what Compton leaves of Ag Ka
    asked = many[::97]
    on_grid = attenuation_per_cm(silica, many, mass_density_g_per_cm3=2.2)[::97]
    one_by_one = [float(attenuation_per_cm(silica, e, mass_density_g_per_cm3=2.2)) for e in asked]
    assert on_grid == pytest.approx(one_by_one, rel=5e-7)


def test_an_edge_is_never_interpolated_over() -> None:
    """The K edge of Ag at 25.514 keV: the jump stays where it is."""
    energies = np.linspace(25.0, 26.0, 1001)
    mu = attenuation_per_cm(pure("Ag"), energies, mass_density_g_per_cm3=10.5)
    jump = int(np.argmax(np.diff(mu)))
    assert energies[jump] == pytest.approx(25.514, abs=0.002)
    assert mu[jump + 1] / mu[jump] > 5.0


def test_edges() -> None:
    """K edges of Bearden & Burr, Rev. Mod. Phys. 39 (1967) 125, in keV."""
    edges = absorption_edges_kev(Composition.of({"Ag": 1.0, "Cu": 1.0, "S": 1.0}))
    assert edges["Ag K"] == pytest.approx(25.514, abs=0.002)
    assert edges["Cu K"] == pytest.approx(8.979, abs=0.002)
    assert edges["S K"] == pytest.approx(2.472, abs=0.002)


def test_densities_there_and_back() -> None:
    """Crystalline silicon: 8 atoms in a cube of 5.431 Å, 2.329 g/cm^3 (CODATA lattice parameter)."""
    silicon = pure("Si")
    rho = number_density(silicon, mass_density_g_per_cm3=2.3290)
    assert rho == pytest.approx(8.0 / 5.431020511**3, rel=2e-4)
    assert mass_density(silicon, number_density_per_a3=rho) == pytest.approx(2.3290)
    assert element_density("Si") == pytest.approx(2.329, rel=1e-3)
    assert element_density("CdTe") == pytest.approx(5.85)
    with pytest.raises((KeyError, ValueError)):
        element_density("Xx")


def test_averages_of_na2sis3() -> None:
    """physics.md: <f^2> of Na2SiS3 is 4.1 and Compton 12.1 at Q = 17 Å^-1 (Mo)."""
    glass = Composition.of({"Na": 2.0, "Si": 1.0, "S": 3.0})
    f = form_factors(glass, np.array([0.0, 17.0]), energy_kev=MO_KEV)
    assert mean_square(glass, f)[1] == pytest.approx(4.1, abs=0.06)
    assert incoherent(glass, np.array([17.0]))[0] == pytest.approx(12.1, abs=0.06)
    z = np.array([11.0, 14.0, 16.0])
    c = np.array([2.0, 1.0, 3.0]) / 6.0
    assert square_mean(glass, f)[0] == pytest.approx(float(c @ z) ** 2, rel=0.02)
    assert mean_square(glass, f)[0] == pytest.approx(float(c @ z**2), rel=0.02)
    # Cauchy-Schwarz: the Laue term is never negative
    q = np.linspace(0.0, 25.0, 60)
    f = form_factors(glass, q, energy_kev=MO_KEV)
    assert np.all(mean_square(glass, f) >= square_mean(glass, f))
