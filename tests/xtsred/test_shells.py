"""Shells: weights as printed, positions and coordination numbers of synthetic shells, and their noise."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

import xtsred
from xtsred.atoms import Composition, form_factors
from xtsred.config import Shell as TableOfShell
from xtsred.config import load_project
from xtsred.fourier import Window, pair_distribution
from xtsred.neighbours import measure_shells
from xtsred.shells import (
    Neighbour,
    PairWeight,
    find_peaks,
    first_distance,
    fit_shell,
    pair_weight,
    peak_position,
)
from xtsred.stages import Array, PairDistribution, Shell, StructureFactor, frozen
from xtsred.unpack import Plan

DEMO = Path(xtsred.__file__).parent / "data" / "demo" / "run.toml"

SILICA = Composition.of({"Si": 1.0, "O": 2.0})
RHO = 0.0663
STEP = 0.05
Q = frozen(STEP * np.arange(1, 400))  # bins to 19.975 Å^-1
WINDOW = Window(name="lorch", q_max=20.0)
SIGMA = frozen(2e-3 * (1.0 + Q / 5.0))
R = frozen(0.02 * np.arange(1, 201))
N, DISTANCE, U = 4.0, 1.61, 0.05
SI_O = pair_weight(SILICA, center="Si", neighbour="O", q=Q, energy_kev=22.163)


def hole(q: Array) -> Array:
    """A uniform distribution with a hole of 2.4 Å, closing softly: -4 pi rho0 (sin x - x cos x)/q^3."""
    x = q * 2.4
    return np.asarray(
        -4.0 * np.pi * RHO * np.exp(-0.5 * (0.2 * q) ** 2) * (np.sin(x) - x * np.cos(x)) / q**3
    )


def one_shell(q: Array, weight: Array) -> Array:
    return np.asarray(
        1.0 + N * weight * np.sinc(q * DISTANCE / np.pi) * np.exp(-0.5 * (U * q) ** 2)
    )


def glass(q: Array, weight: Array) -> Array:
    """Two shells of different widths over the bare minimum, to have peaks with minima between them."""
    second = 4.0 * np.sinc(q * 3.0 / np.pi) * np.exp(-0.5 * (0.15 * q) ** 2)
    return one_shell(q, weight) + second + hole(q)


def transformed(s: Array, *, window: Window = WINDOW) -> PairDistribution:
    """G(r) and the rest of S at the bins."""
    structure = StructureFactor(q=Q, s=frozen(s), sigma=SIGMA)
    return pair_distribution(
        structure, R, window=window, number_density_per_a3=RHO, extrapolation="none"
    )


def covariance(pdf: PairDistribution) -> Array:
    assert pdf.covariance is not None
    return pdf.covariance


def test_pair_weights_of_the_paper() -> None:
    """f = Z, both orders: NS SiSi .028 SiS .190 SiNa .087 SS .327 NaS .299 NaNa .069 (Micoulaut et al. 2025).

    W is per neighbour about a centre, w_ij = c_j W: at Q = 0, f is Z within 2 %.
    """
    glass_ns = Composition.of({"Na": 2.0, "Si": 1.0, "S": 3.0})
    fraction = dict(zip(glass_ns.elements, glass_ns.fractions, strict=True))
    printed = {
        ("Si", "Si"): 0.028,
        ("Si", "S"): 0.190,
        ("Si", "Na"): 0.087,
        ("S", "S"): 0.327,
        ("Na", "S"): 0.299,
        ("Na", "Na"): 0.069,
    }
    total = 0.0
    for (a, b), weight in printed.items():
        w = pair_weight(glass_ns, center=a, neighbour=b, q=np.array([1e-3]), energy_kev=60.0)
        ours = fraction[b] * float(w.weight[0])
        assert ours == pytest.approx(weight, abs=6e-4)
        total += ours
    assert total == pytest.approx(1.0, rel=1e-6)


def test_pair_weights_sum_to_one_at_every_q() -> None:
    total = sum(
        (1.0 / 3.0 if b == "Si" else 2.0 / 3.0)
        * pair_weight(SILICA, center=a, neighbour=b, q=Q, energy_kev=22.163).weight
        for a, b in (("Si", "Si"), ("Si", "O"), ("O", "O"))
    )
    assert total == pytest.approx(
        np.ones(Q.size), rel=1e-3
    )  # f'' of |<f>|^2: products of imaginary parts


def test_the_number_of_neighbours_is_mutual() -> None:
    """c_i n_ij = c_j n_ji: four O about Si and two Si about O are the same peak."""
    back = pair_weight(SILICA, center="O", neighbour="Si", q=Q, energy_kev=22.163)
    assert 4.0 * SI_O.weight == pytest.approx(2.0 * back.weight)
    with pytest.raises(KeyError):
        pair_weight(SILICA, center="Si", neighbour="Na", q=Q, energy_kev=22.163)


def test_weight_by_hand() -> None:
    """2 c_Si f_Si f_O / <f>^2, with the form factors themselves."""
    f_si, f_o = form_factors(SILICA, np.array([8.0]), energy_kev=22.163)[:, 0]
    mean = f_si / 3.0 + 2.0 * f_o / 3.0
    w = pair_weight(SILICA, center="Si", neighbour="O", q=np.array([8.0]), energy_kev=22.163)
    assert w.weight[0] == pytest.approx(2.0 / 3.0 * (f_si * f_o.conjugate()).real / abs(mean) ** 2)


@pytest.mark.parametrize("name", ["lorch", "cosine", "none"])
def test_fit_recovers_a_shell(name: str) -> None:
    """n, R and u through Q-dependent weights, window and cut: T(r) alone of one shell, no uniform part."""
    window = Window(name=name, q_max=20.0)
    pdf = transformed(one_shell(Q, SI_O.weight), window=window)
    line = 4.0 * np.pi * RHO * R
    alone = PairDistribution(
        r=R,
        g=frozen(pdf.d / line),
        g_sigma=pdf.g_sigma,
        d=pdf.d,
        d_sigma=pdf.d_sigma,
        t=pdf.d,
        t_sigma=pdf.t_sigma,
        rdf=frozen(R * pdf.d),
        rdf_sigma=pdf.rdf_sigma,
        window=pdf.window,
        extrapolation=pdf.extrapolation,
        number_density_per_a3=RHO,
        covariance=pdf.covariance,
    )
    shell = fit_shell(
        alone,
        weight=SI_O,
        window=window,
        r_range=(1.3, 1.9),
        integral_limits=(1.2, 2.05),
    )
    assert shell.coordination is not None
    assert shell.coordination_integral is not None
    assert shell.coordination.value == pytest.approx(N, rel=2e-3)
    assert shell.position.value == pytest.approx(DISTANCE, abs=5e-4)
    assert shell.width.value == pytest.approx(U, abs=2e-3)
    assert shell.pair == "Si-O"
    # the plain integral depends on its limits: within 10 % (physics.md, section 8)
    assert shell.coordination_integral.value == pytest.approx(N, rel=0.1)


def test_shell_in_a_glass() -> None:
    pdf = transformed(glass(Q, SI_O.weight))
    shell = fit_shell(
        pdf,
        weight=SI_O,
        window=WINDOW,
        r_range=(1.4, 1.85),
        integral_limits=(1.3, 1.95),
    )
    assert shell.coordination is not None
    assert shell.position.value == pytest.approx(DISTANCE, abs=0.01)
    assert shell.coordination.value == pytest.approx(N, rel=0.1)


def test_sigmas_of_a_shell_by_monte_carlo() -> None:
    """Scatter of n, R and u of 150 noisy S(Q) is what fit_shell says; so is that of the plain integral."""
    generator = np.random.default_rng(12)
    clean = one_shell(Q, SI_O.weight) + hole(Q)
    values, sigmas = [], []
    for _ in range(150):
        pdf = transformed(clean + generator.normal(size=Q.size) * SIGMA)
        shell = fit_shell(
            pdf,
            weight=SI_O,
            window=WINDOW,
            r_range=(1.3, 1.9),
            integral_limits=(1.3, 1.9),
        )
        found = (shell.coordination, shell.position, shell.width, shell.coordination_integral)
        values.append([x.value for x in found if x is not None])
        sigmas.append([x.sigma for x in found if x is not None])
    ratio = np.std(values, axis=0) / np.mean(sigmas, axis=0)
    # the scatter of a width from 150 draws is 6 %
    assert ratio == pytest.approx(np.ones(4), abs=0.22)


def test_a_peak_of_t_lies_at_its_distance() -> None:
    """T(r) is symmetric about R whatever the window; the maximum of g(r) lies width^2/R lower."""
    pdf = transformed(glass(Q, SI_O.weight))
    peak = find_peaks(pdf, count=1, r_min=0.8)[0]
    shell = peak_position(pdf, covariance=covariance(pdf), peak=peak, resolution=np.pi / 20.0)
    assert shell.position.value == pytest.approx(DISTANCE, abs=0.004)
    assert shell.coordination is None
    assert shell.width.sigma is None
    assert shell.position.sigma is not None


def test_sigma_of_a_position_by_monte_carlo() -> None:
    generator = np.random.default_rng(13)
    clean = glass(Q, SI_O.weight)
    values, sigmas = [], []
    for _ in range(200):
        pdf = transformed(clean + generator.normal(size=Q.size) * SIGMA)
        peak = find_peaks(pdf, count=1, r_min=0.8)[0]
        shell = peak_position(pdf, covariance=covariance(pdf), peak=peak, resolution=np.pi / 20.0)
        values.append(shell.position.value)
        sigmas.append(shell.position.sigma)
    assert np.std(values) / np.mean(sigmas) == pytest.approx(1.0, abs=0.2)


def test_peaks_and_the_first_distance() -> None:
    pdf = transformed(glass(Q, SI_O.weight))
    peaks = find_peaks(pdf, count=2, r_min=0.8)
    assert [p[1] for p in peaks] == pytest.approx([1.6, 3.0], abs=0.05)
    for low, top, high in peaks:
        assert low < top < high
    first = first_distance(pdf)
    assert first is not None
    assert 1.3 < first < 1.6
    flat = transformed(np.ones(Q.size))
    assert find_peaks(flat, count=3, r_min=0.8) == []
    assert first_distance(flat) is None


def test_noise_is_no_peak() -> None:
    """Of 40 curves without structure, none shows a peak of five sigma."""
    generator = np.random.default_rng(14)
    for _ in range(40):
        pdf = transformed(1.0 + generator.normal(size=Q.size) * SIGMA)
        assert find_peaks(pdf, count=1, r_min=0.8) == []


def test_a_shell_beside_an_unresolved_peak_is_told() -> None:
    """Two shells 0.45 Å apart, T does not fall between them: one named alone is doubted, both are not."""
    project = load_project(DEMO).record
    plan = SimpleNamespace(composition=SILICA, energy_kev=22.163)
    fourier = replace(project.fourier, window="lorch", q_range=(0.6, WINDOW.q_max))
    first = TableOfShell(pair="Si-O", r_range=(1.35, 1.85))
    other = TableOfShell(pair="Si-O", r_range=(1.85, 2.4))

    def told(n: float, *tables: TableOfShell) -> list[str]:
        near = n * SI_O.weight * np.sinc(Q * 2.06 / np.pi) * np.exp(-0.5 * (0.12 * Q) ** 2)
        pdf = transformed(one_shell(Q, SI_O.weight) + hole(Q) + near)
        bins = replace(project.range, q_step=STEP)
        asked = replace(project, shell=tables, fourier=fourier, range=bins)
        _, findings = measure_shells(asked, cast(Plan, plan), pdf)
        return [f.text for f in findings if "not resolved" in f.text]

    (text,) = told(6.0, first)
    assert "Si-O shell at 1.6" in text
    assert "beyond 1.85" in text
    assert not told(6.0, first, other)
    # alone it falls on both sides, however narrow the limits
    assert not told(0.0, first)
    assert not told(0.0, TableOfShell(pair="Si-O", r_range=(1.5, 1.72)))


def test_too_few_points() -> None:
    pdf = transformed(glass(Q, SI_O.weight))
    with pytest.raises(ValueError, match="fewer than 5 points"):
        fit_shell(
            pdf,
            weight=PairWeight(pair="Si-O", q=Q, weight=SI_O.weight),
            window=WINDOW,
            r_range=(1.60, 1.64),
            integral_limits=(1.3, 1.9),
        )


def test_a_wrong_scale_moves_a_shell_as_its_systematic_part_says() -> None:
    """S(Q) moved by one mode of its systematic covariance moves n and R by the stated parts, to first order."""
    mode = 1e-3 * (1.0 + np.exp(-Q / 5.0))
    s = one_shell(Q, SI_O.weight) + hole(Q)

    def shell(values: Array) -> Shell:
        structure = StructureFactor(q=Q, s=frozen(values), sigma=SIGMA, modes=frozen(mode[None, :]))
        pdf = pair_distribution(
            structure, R, window=WINDOW, number_density_per_a3=RHO, extrapolation="none"
        )
        return fit_shell(
            pdf, weight=SI_O, window=WINDOW, r_range=(1.4, 1.85), integral_limits=(1.4, 1.85)
        )

    here, there = shell(s), shell(s + mode)
    assert here.coordination is not None
    assert there.coordination is not None
    assert here.coordination_systematic == pytest.approx(
        abs(there.coordination.value - here.coordination.value), rel=0.05
    )
    assert here.position_systematic == pytest.approx(
        abs(there.position.value - here.position.value), rel=0.1, abs=2e-6
    )


def test_limits_matter_where_another_shell_reaches_in() -> None:
    """Alone a shell does not care about the limits of the fit; with a neighbour in the range it does."""

    def limits(s: Array, r_range: tuple[float, float]) -> float:
        shell = fit_shell(
            transformed(s), weight=SI_O, window=WINDOW, r_range=r_range, integral_limits=r_range
        )
        assert shell.coordination_limits is not None
        return shell.coordination_limits

    neighbour = 6.0 * SI_O.weight * np.sinc(Q * 2.1 / np.pi) * np.exp(-0.5 * (0.1 * Q) ** 2)
    alone = one_shell(Q, SI_O.weight) + hole(Q)
    assert limits(alone, (1.35, 1.85)) < 0.1
    assert limits(alone + neighbour, (1.35, 2.0)) > 0.2


def test_neighbours_are_fitted_together() -> None:
    """Two overlapping shells of known numbers: alone each is wrong by their overlap, together both are right."""
    second = pair_weight(SILICA, center="O", neighbour="O", q=Q, energy_kev=22.163)
    near = 5.0 * second.weight * np.sinc(Q * 2.1 / np.pi) * np.exp(-0.5 * (0.14 * Q) ** 2)
    pdf = transformed(one_shell(Q, SI_O.weight) + near)
    pdf = replace(pdf, t=pdf.d)  # no uniform distribution below the shells: nothing but the two
    ranges = ((1.35, 1.85), (1.85, 2.4))

    def shell(k: int, *, together: bool) -> Shell:
        peaks = [
            Neighbour(weight=w, r_range=r) for w, r in zip((SI_O, second), ranges, strict=True)
        ]
        return fit_shell(
            pdf,
            weight=peaks[k].weight,
            window=WINDOW,
            r_range=ranges[k],
            integral_limits=ranges[k],
            beside=peaks[1 - k : 2 - k] if together else (),
        )

    for k, (number, distance, width) in enumerate(((N, DISTANCE, U), (5.0, 2.1, 0.14))):
        alone, both = shell(k, together=False), shell(k, together=True)
        assert alone.coordination is not None
        assert both.coordination is not None
        wrong = abs(alone.coordination.value - number) + (alone.coordination_limits or 0.0)
        assert wrong > 0.05 * number  # off, or as its limits happen to be
        assert both.coordination.value == pytest.approx(number, rel=2e-3)
        assert both.position.value == pytest.approx(distance, abs=1e-3)
        assert both.width.value == pytest.approx(width, abs=2e-3)
