"""Interpolated multiple scattering, X-ray weights of a model glass, and the figure of pulls."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from calibration.radiation import energy_kev
from xtsred.atoms import Composition, form_factors
from xtsred.forward import (
    Effort,
    VirtualExperiment,
    WalkSize,
    multiple_scattering,
    sodium_thiosilicate,
    true_structure_factor,
    xray_structure_factor,
)
from xtsred.forward.demo import demo_experiment
from xtsred.forward.ensemble import interpolated_multiple_scattering
from xtsred.forward.figures import pulls_figure
from xtsred.forward.glass import pair_weights, partial_structure_factor

TINY = Effort(log2_points=8, walk=WalkSize(orders=2, batches=2, log2_photons=7), walk_angles=13)


def packed(values: Mapping[str, float]) -> VirtualExperiment:
    base = demo_experiment(step_deg=5.0, effort=TINY)
    return replace(base, sample=replace(base.sample, packing=values["packing"]))


def test_interpolation_meets_the_walks_it_was_made_of() -> None:
    """Exactly at the nominal values and at the design's points, for both lines; beyond, a parabola."""
    model = interpolated_multiple_scattering(
        packed, nominal={"packing": 0.5}, steps={"packing": 0.05}, design=TINY
    )
    for packing in (0.45, 0.5, 0.55):
        exact = multiple_scattering(packed({"packing": packing}))
        for found, walk in zip(model.at({"packing": packing}), exact, strict=True):
            np.testing.assert_allclose(found.total, walk.total, rtol=1e-9)
            np.testing.assert_allclose(found.empty, walk.empty, rtol=1e-9)
    # more sample, more multiple scattering per atom; the empty tube's share per atom shrinks
    more, less = model.at({"packing": 0.53})[0], model.at({"packing": 0.47})[0]
    assert np.all(more.total > less.total)
    np.testing.assert_allclose(more.empty * 0.53, less.empty * 0.47, rtol=1e-3)


def test_weights_of_xrays() -> None:
    """Partials weighted by form factors: their sum of weights is 1 at every Q, and at Q = 0 nearly that of Z."""
    glass, energy = sodium_thiosilicate(), energy_kev(0.5594218)
    q = np.array([0.05, 1.0, 5.0, 20.0])
    seen = xray_structure_factor(glass, q, energy_kev=energy).s
    composition = Composition.of(glass.fractions)
    f = form_factors(composition, q, energy_kev=energy)
    c = dict(zip(composition.elements, composition.fractions, strict=True))
    by_hand = np.zeros(4)
    for i, a in enumerate(composition.elements):
        for j, b in enumerate(composition.elements):
            pair = next(p for p in glass.pairs if set(p.elements) == {a, b})
            s = partial_structure_factor(glass, pair, q) - 1.0
            by_hand += c[a] * c[b] * np.real(f[i] * np.conj(f[j])) * s
    mean = np.abs(np.array([c[e] for e in composition.elements]) @ f) ** 2
    np.testing.assert_allclose(seen - 1.0, by_hand / mean, rtol=1e-9)
    assert abs(sum(pair_weights(glass)) - 1.0) < 1e-12
    assert abs(seen[0] - true_structure_factor(glass, q[:1]).s[0]) < 0.05


def test_figure_of_pulls() -> None:
    generator = np.random.default_rng(1)
    pulls = {"S(Q)": generator.normal(size=(200, 30)), "K": generator.normal(size=(200, 1))}
    figure = pulls_figure(pulls, axes_of={"S(Q)": ("Q", np.arange(30.0))}, title="Pulls")
    assert figure.svg.startswith(b"<?xml")
    assert figure.png.startswith(b"\x89PNG")
    assert "200 virtual experiments" in figure.caption
