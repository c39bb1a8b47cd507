"""A virtual diffractometer: scans with counting noise from a sample whose structure is known.

Single scattering is ray-traced from quasi-random points; scattering of orders 2 and up is a photon walk with
forced detection (see `walk`). The formulas are written independently of `xtsred.corrections`, which this
model exists to test. Everything it makes is virtual and says so.

Modelled: absorption, coherent scattering with a known S(Q), Compton scattering with its recoil, linear
polarisation of every order, core and wall, lines of the tube, air, beam stop, dark rate, silicon sensor, counting noise.
Not modelled: fluorescence, the tube's continuum, Doppler broadening of Compton lines,
divergence and angular resolution, energy windows, dead time, grains of a powder, scattering from air by way of the sample, f' and f'' of recoiled photons (the line's are used).
"""

from xtsred.forward.experiment import (
    Effort,
    VirtualBeam,
    VirtualDetector,
    VirtualExperiment,
    VirtualMeasurement,
    VirtualRecord,
    VirtualSample,
    VirtualScan,
    VirtualTruth,
    VirtualWall,
)
from xtsred.forward.glass import (
    GlassModel,
    PairTerm,
    Shell,
    sodium_thiosilicate,
    true_pair_distribution,
    true_structure_factor,
)
from xtsred.forward.media import Structure, VirtualMaterial
from xtsred.forward.simulate import draw, expect, simulate
from xtsred.forward.walk import WalkSize

__all__ = [
    "Effort",
    "GlassModel",
    "PairTerm",
    "Shell",
    "Structure",
    "VirtualBeam",
    "VirtualDetector",
    "VirtualExperiment",
    "VirtualMaterial",
    "VirtualMeasurement",
    "VirtualRecord",
    "VirtualSample",
    "VirtualScan",
    "VirtualTruth",
    "VirtualWall",
    "WalkSize",
    "draw",
    "expect",
    "simulate",
    "sodium_thiosilicate",
    "true_pair_distribution",
    "true_structure_factor",
]
