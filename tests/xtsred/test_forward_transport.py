"""The virtual diffractometer's photons against closed forms, quadratures and conservation laws."""

import numpy as np
import pytest
import xraylib
from scipy.integrate import quad

from calibration.radiation import energy_kev
from xtsred.forward import Structure, VirtualMaterial, WalkSize
from xtsred.forward.geometry import Tube, trace
from xtsred.forward.media import (
    ELECTRON_REST_KEV,
    IsotropicMedium,
    Medium,
    atomic_curves,
    attenuation_per_mm,
    empty_medium,
    tabulated_medium,
)
from xtsred.forward.single import (
    beam_transmission,
    first_order_attenuation,
    irradiated_area_mm2,
)
from xtsred.forward.walk import Source, walk
from xtsred.stages import frozen

AG = energy_kev(0.5594218)
ANGLES = np.arange(0.0, 181.0, 30.0)
WIDE = Source(width_mm=9.0, height_mm=1.0, energy_kev=AG)
SULFIDE = VirtualMaterial(fractions={"Na": 2, "Si": 1, "S": 3}, number_density_per_a3=0.0431)

# exact A* of a bare cylinder at ANGLES (independent quadrature; International Tables C 6.3.3.2)
BARE = {
    0.1: (1.18432, 1.18403, 1.18316, 1.18180, 1.18024, 1.17898, 1.17848),
    0.5: (2.29961, 2.28401, 2.23983, 2.17807, 2.11518, 2.06773, 2.04970),
    1.0: (5.09098, 4.93242, 4.54397, 4.10228, 3.72865, 3.47912, 3.38875),
    2.0: (21.43631, 18.24758, 13.31262, 9.92209, 7.89510, 6.77351, 6.38931),
    5.0: (363.0443, 136.4387, 57.3411, 32.7877, 22.3949, 17.4477, 15.7476),
}
# isotropic scattering, nothing absorbed, endless cylinder: I_2/I_1 at 0, 90, 180°
ISOTROPIC = {
    0.1: (0.11479, 0.11466, 0.11448),
    0.5: (0.40422, 0.39515, 0.38467),
    1.0: (0.59548, 0.55419, 0.52194),
    2.0: (0.73997, 0.63244, 0.59614),
}


def grey(mu: float) -> IsotropicMedium:
    return IsotropicMedium(mu_total=mu, mu_scatter=mu)


@pytest.mark.parametrize("mu_r", BARE)
def test_bare_cylinder(mu_r):
    found = first_order_attenuation(
        ANGLES,
        tube=Tube(core_mm=1.0, outer_mm=1.0),
        beam_width_mm=5.0,
        media=(grey(mu_r), empty_medium()),
        energy_kev=AG,
        log2_points=17,
    )
    # at mu R = 5 the rim alone counts: few of the points
    np.testing.assert_allclose(1 / found.core, BARE[mu_r], rtol=1e-4 if mu_r < 5 else 2e-3)
    assert np.isnan(found.wall).all()


def test_annulus():
    tube = Tube(core_mm=0.25, outer_mm=0.30)
    options = {"tube": tube, "beam_width_mm": 1.0, "energy_kev": AG, "log2_points": 16}
    angles = np.array([0.0, 90.0])
    full = first_order_attenuation(angles, media=(grey(2.0), grey(4.0)), **options)
    empty = first_order_attenuation(angles, media=(empty_medium(), grey(4.0)), **options)
    np.testing.assert_allclose(full.core, [0.268259, 0.285233], atol=5e-5)
    np.testing.assert_allclose(full.wall, [0.305626, 0.371468], atol=5e-5)
    np.testing.assert_allclose(empty.wall, [0.529836, 0.536007], atol=5e-5)


def test_narrow_beam_forward_and_back():
    """A at 0° and 180° are single integrals over the chord c(x): c exp(-mu c) and (1 - exp(-2 mu c))/(2 mu)."""
    mu, half = 1.5, 0.4

    def chord(x: float) -> float:
        return 2 * np.sqrt(1 - x * x)

    area = quad(chord, -half, half)[0]
    forward = quad(lambda x: chord(x) * np.exp(-mu * chord(x)), -half, half)[0] / area
    back = quad(lambda x: -np.expm1(-2 * mu * chord(x)) / (2 * mu), -half, half)[0] / area
    tube = Tube(core_mm=1.0, outer_mm=1.0)
    media = (grey(mu), empty_medium())
    found = first_order_attenuation(
        np.array([0.0, 180.0]),
        tube=tube,
        beam_width_mm=2 * half,
        media=media,
        energy_kev=AG,
        log2_points=17,
    )
    np.testing.assert_allclose(found.core, [forward, back], rtol=1e-5)
    np.testing.assert_allclose(irradiated_area_mm2(tube, 2 * half)[0], area, rtol=1e-12)
    straight = quad(lambda x: np.exp(-mu * chord(x)), -half, half)[0] / (2 * half)
    through = beam_transmission(tube=tube, beam_width_mm=2 * half, media=media, energy_kev=AG)
    assert through == pytest.approx(straight, rel=1e-7)


@pytest.mark.parametrize("radius", [0.25, 0.24848701414252689, 0.2505772])
def test_rounding_at_the_edge_of_the_tube(radius):
    """x at the very edge may square to more than the radius squared: no NaN comes of it."""
    found = first_order_attenuation(
        ANGLES,
        tube=Tube(core_mm=radius, outer_mm=radius),
        beam_width_mm=1.0,
        media=(grey(1.0), empty_medium()),
        energy_kev=AG,
        log2_points=8,
    )
    assert np.all(np.isfinite(found.core))


def test_areas_of_a_bathed_tube():
    core, wall = irradiated_area_mm2(Tube(core_mm=0.25, outer_mm=0.26), 0.6)
    assert core == pytest.approx(np.pi * 0.25**2)
    assert wall == pytest.approx(np.pi * (0.26**2 - 0.25**2))


def test_paths_against_marching():
    """Lengths in core and wall of random rays in space, against small steps along them."""
    random = np.random.default_rng(3)
    tube = Tube(core_mm=0.7, outer_mm=1.0, length_mm=3.0)
    radius, turn = np.sqrt(random.random(40)), 2 * np.pi * random.random(40)
    place = (radius * np.cos(turn), 3.0 * random.random(40) - 1.5, radius * np.sin(turn))
    direction = random.normal(size=(3, 40))
    direction /= np.linalg.norm(direction, axis=0)
    rays = trace(tube, place, tuple(direction))
    step = 5e-4
    along = (np.arange(12_000) + 0.5) * step
    x, y, z = (p[:, None] + d[:, None] * along for p, d in zip(place, direction, strict=True))
    distance, inside = np.hypot(x, z), np.abs(y) <= 1.5
    core = step * ((distance <= 0.7) & inside).sum(axis=1)
    wall = step * ((distance > 0.7) & (distance <= 1.0) & inside).sum(axis=1)
    np.testing.assert_allclose(rays.core(), core, atol=2 * step)
    np.testing.assert_allclose(rays.wall(), wall, atol=3 * step)
    assert core.max() > 0.5
    assert wall.max() > 0.2


@pytest.mark.parametrize("mu_r", ISOTROPIC)
def test_isotropic_double_scattering(mu_r):
    found = walk(
        np.array([0.0, 90.0, 180.0]),
        tube=Tube(core_mm=1.0, outer_mm=1.0),
        media=(grey(mu_r), empty_medium()),
        source=WIDE,
        size=WalkSize(orders=2, log2_photons=13),
        seed=1,
    )
    np.testing.assert_allclose(found.by_order[1] / found.by_order[0], ISOTROPIC[mu_r], rtol=3e-3)


def test_nothing_is_lost_without_absorption():
    """Isotropic scattering, nothing absorbed: after 40 orders every photon is out, with its energy."""
    found = walk(
        np.array([90.0]),
        tube=Tube(core_mm=1.0, outer_mm=1.0),
        media=(grey(0.5), empty_medium()),
        source=WIDE,
        size=WalkSize(orders=40, batches=2, log2_photons=10),
        seed=1,
    )
    assert found.unscattered + found.escaped == pytest.approx(1.0, abs=1e-9)
    assert found.energy_escaped == pytest.approx(AG, abs=1e-7)
    # the mean of exp(-2 mu R cos) over the width, by quadrature
    straight = quad(lambda x: np.exp(-np.sqrt(1 - x * x)), 0, 1)[0]
    assert found.unscattered == pytest.approx(straight, rel=2e-4)


def klein_nishina(energy: float) -> tuple[float, float]:
    """Total cross-section over r0^2, and mean share of the energy given to the electron.

    Total: Klein & Nishina, Z. Phys. 52 (1929) 853; share: quadrature of their differential cross-section.
    """
    a = energy / ELECTRON_REST_KEV
    log = np.log1p(2 * a)
    total = (1 + a) / a**2 * (2 * (1 + a) / (1 + 2 * a) - log / a) + log / (2 * a)
    total = 2 * np.pi * (total - (1 + 3 * a) / (1 + 2 * a) ** 2)
    share = quad(
        lambda c: (
            np.pi
            * (1 / (1 + a * (1 - c))) ** 2
            * (1 / (1 + a * (1 - c)) + a * (1 - c) + c * c)
            * (1 - 1 / (1 + a * (1 - c)))
        ),
        -1,
        1,
    )[0]
    return total, share / total


def flat_medium(mu: float, *, coherent: float, incoherent: float) -> Medium:
    ones = np.ones(4000)
    return Medium(
        strength=1.0,
        q_step=0.01,
        coherent=frozen(coherent * ones),
        incoherent=frozen(incoherent * ones),
        energy_first=1.0,
        energy_step=0.1,
        mu=frozen(np.full(4000, mu)),
    )


@pytest.mark.parametrize("horizontal", [0.5, 1.0, 0.0])
def test_free_electrons(horizontal):
    """Compton scattering alone has the Klein-Nishina total and mean recoil, however the beam is polarised."""
    energy = 100.0
    total, share = klein_nishina(energy)
    found = walk(
        np.array([90.0]),
        tube=Tube(core_mm=0.001, outer_mm=0.001),
        media=(flat_medium(total, coherent=0.0, incoherent=1.0), empty_medium()),
        source=Source(width_mm=1.0, height_mm=1.0, energy_kev=energy, horizontal_share=horizontal),
        size=WalkSize(orders=1, batches=4, log2_photons=13),
        seed=5,
    )
    collided = 1 - found.unscattered
    assert found.absorbed / collided == pytest.approx(0.0, abs=2e-3)
    assert found.energy_recoil / collided / energy == pytest.approx(share, rel=5e-3)


def test_point_atoms_keep_every_order():
    """Thomson scattering alone, mu = 8 pi/3: coherency transport conserves photons to all orders."""
    mu = 8 * np.pi / 3
    found = walk(
        np.array([90.0]),
        tube=Tube(core_mm=0.1, outer_mm=0.1),
        media=(flat_medium(mu, coherent=1.0, incoherent=0.0), empty_medium()),
        source=Source(width_mm=1.0, height_mm=1.0, energy_kev=20.0),
        size=WalkSize(orders=20, batches=4, log2_photons=12),
        seed=5,
    )
    assert found.unscattered + found.escaped == pytest.approx(1.0, abs=2e-3)
    assert found.energy_escaped == pytest.approx(20.0, rel=2e-3)


def test_polarised_in_the_plane():
    """A beam polarised in the plane: cos^2 in first order; order 2 of a thin fibre in closed form.

    I_2(n) = mean over d of |P_n P_d x|^2 with d's polar angle b about the fibre uniform (the chord goes as
    1/sin b): <dx^2 - dx^4> = 1/4 - 9/64 at n = x (90°), <(1 - dx^2)^2 + dx^2 dy^2> = 45/64 at n = z (0°).
    """
    found = walk(
        np.array([0.0, 60.0, 90.0]),
        tube=Tube(core_mm=1e-5, outer_mm=1e-5),
        media=(flat_medium(8 * np.pi / 3, coherent=1.0, incoherent=0.0), empty_medium()),
        source=Source(width_mm=1.0, height_mm=1.0, energy_kev=20.0, horizontal_share=1.0),
        size=WalkSize(orders=2, batches=8, log2_photons=13),
        seed=5,
    )
    first = found.by_order[0] / found.by_order[0, 0]
    np.testing.assert_allclose(first, [1.0, 0.25, 0.0], atol=1e-9)
    second = found.by_order[1] / found.by_order[1, 0]
    assert second[2] == pytest.approx((1 / 4 - 9 / 64) / (45 / 64), rel=0.01)


def test_energy_budget_of_a_real_material():
    """Energy in = out + absorbed + recoil + still inside; the absorbed share is photoelectric (xraylib)."""
    found = walk(
        np.array([90.0]),
        tube=Tube(core_mm=0.02, outer_mm=0.02),
        media=(
            tabulated_medium(SULFIDE, packing=1.0, energy_kev=AG, compton_events=5),
            empty_medium(),
        ),
        source=WIDE,
        size=WalkSize(orders=5, batches=4, log2_photons=13),
        seed=2,
    )
    spent = (
        found.energy_escaped + found.energy_absorbed + found.energy_recoil + found.energy_residual
    )
    assert spent == pytest.approx(AG, rel=1e-9)
    weights = {11: 2 / 6, 14: 1 / 6, 16: 3 / 6}
    photo = sum(c * xraylib.CSb_Photo(z, AG) for z, c in weights.items())
    total = sum(c * xraylib.CSb_Total(z, AG) for z, c in weights.items())
    assert found.absorbed / (1 - found.unscattered) == pytest.approx(photo / total, abs=0.01)


def test_first_order_of_the_walk_is_the_ray_traced_one():
    """Two routes to single scattering, core and wall, Compton included."""
    tube = Tube(core_mm=0.25, outer_mm=0.35)
    wall = VirtualMaterial(fractions={"Si": 1, "O": 2}, number_density_per_a3=0.0663)
    media = tuple(
        tabulated_medium(m, packing=1.0, energy_kev=AG, compton_events=2) for m in (SULFIDE, wall)
    )
    angles = np.array([3.0, 20.0, 60.0, 110.0, 150.0])
    found = walk(angles, tube=tube, media=media, source=WIDE, size=WalkSize(orders=1), seed=3)
    traced = first_order_attenuation(
        angles, tube=tube, beam_width_mm=9.0, media=media, energy_kev=AG, log2_points=14
    )
    cosine = np.cos(np.radians(angles))
    ratio = 1 / (1 + AG / ELECTRON_REST_KEV * (1 - cosine))
    polarised = 0.5 * (1 + cosine**2)
    recoil = 0.5 * ratio**2 * (ratio + 1 / ratio - (1 - cosine**2))
    q = 4 * np.pi / 0.5594218 * np.sin(np.radians(angles / 2))
    expected = np.zeros(len(angles))
    for medium, material, area, elastic, compton in zip(
        media,
        (SULFIDE, wall),
        irradiated_area_mm2(tube, 9.0),
        (traced.core, traced.wall),
        (traced.core_compton, traced.wall_compton),
        strict=True,
    ):
        curves = atomic_curves(material, q, energy_kev=AG)
        expected += medium.strength * area * curves.coherent * polarised * elastic
        expected += medium.strength * area * curves.incoherent * recoil * compton
    np.testing.assert_allclose(found.by_order[0], expected, rtol=1e-3)


def test_thin_samples_scatter_once():
    """I_2/I_1 falls with the radius (as R ln(1/R) at most) and is gone for a fibre."""

    def ratio(radius: float) -> float:
        found = walk(
            np.array([90.0]),
            tube=Tube(core_mm=radius, outer_mm=radius),
            media=(
                tabulated_medium(SULFIDE, packing=1.0, energy_kev=AG, compton_events=2),
                empty_medium(),
            ),
            source=WIDE,
            size=WalkSize(orders=2, batches=2, log2_photons=11),
            seed=4,
        )
        return float(found.by_order[1, 0] / found.by_order[0, 0])

    thick, thin, fibre = ratio(0.1), ratio(0.01), ratio(1e-5)
    assert 5 < thick / thin < 11
    assert fibre < 2e-6


def test_finite_height():
    """A short rod loses what would scatter again above and below: less I_2 than an endless one (Blech & Averbach 1965)."""

    def second(length: float | None) -> float:
        found = walk(
            np.array([90.0]),
            tube=Tube(core_mm=1.0, outer_mm=1.0, length_mm=length),
            media=(grey(0.5), empty_medium()),
            source=Source(width_mm=3.0, height_mm=1e9 if length else 1.0, energy_kev=AG),
            size=WalkSize(orders=2, batches=2, log2_photons=12),
            seed=4,
        )
        return float(found.by_order[1, 0] / found.by_order[0, 0])

    endless = second(None)
    assert second(1.0) < 0.75 * endless
    assert second(300.0) == pytest.approx(endless, rel=0.01)


@pytest.mark.parametrize("element", ["O", "Na", "Al", "Si", "S"])
def test_tables_against_a_second_source(element):
    """Form factors, f', f'' and attenuation against xraylib's (Hubbell, Kissel) at 22 keV."""
    z = xraylib.SymbolToAtomicNumber(element)
    material = VirtualMaterial(fractions={element: 1.0}, number_density_per_a3=0.05)
    q = np.array([0.5, 2.0, 5.0, 10.0, 20.0])
    f = np.array([xraylib.FF_Rayl(z, value / (4 * np.pi)) for value in q]) + xraylib.Fi(z, AG)
    expected = f**2 + xraylib.Fii(z, AG) ** 2
    np.testing.assert_allclose(
        atomic_curves(material, q, energy_kev=AG).mean_squared_f, expected, rtol=0.012
    )
    barn = xraylib.CSb_Total(z, AG)
    assert attenuation_per_mm(material, np.array([AG]))[0] == pytest.approx(0.005 * barn, rel=0.015)


def test_structure_is_one_beyond_its_table():
    structure = Structure(q=np.array([1.0, 2.0]), s=np.array([0.5, 0.8]))
    np.testing.assert_allclose(structure.at(np.array([0.1, 1.5, 9.0])), [0.5, 0.65, 1.0])
