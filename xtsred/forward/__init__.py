"""A virtual diffractometer: scans with counting noise from a sample whose structure is known.

Single scattering is ray-traced from quasi-random points; scattering of orders 2 and up is a photon walk with
forced detection (see `walk`). The formulas are written independently of `xtsred.corrections`, which this
model exists to test. Everything it makes is virtual and says so.

Modelled: absorption, coherent scattering with a known S(Q), Compton scattering with its recoil and, where the detector
tells energies, its Doppler broadening shell by shell; linear polarisation of every order, monochromator (perfect,
mosaic), core and wall, beam narrower than the sample, lines of the tube, air, parasitic scattering, beam stop, zero
and displacement of the goniometer, silicon sensor, energy window, dead time, dark rate, counting noise.
Not modelled: fluorescence, the tube's continuum, divergence and angular resolution, grains of a powder, scattering
from air by way of the sample, f' and f'' of recoiled photons (the line's are used), binding in S(x) beyond its
tables, the tube's drift. Compton photons on their way out are attenuated at the energy of their line's centre.
"""

from xtsred.forward.experiment import (
    Effort,
    VirtualBeam,
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
    xray_structure_factor,
)
from xtsred.forward.instrument import (
    VirtualDetector,
    VirtualGoniometer,
    VirtualWindow,
    horizontal_share,
)
from xtsred.forward.media import Structure, VirtualMaterial
from xtsred.forward.simulate import draw, expect, multiple_scattering, simulate
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
    "VirtualGoniometer",
    "VirtualMaterial",
    "VirtualMeasurement",
    "VirtualRecord",
    "VirtualSample",
    "VirtualScan",
    "VirtualTruth",
    "VirtualWall",
    "VirtualWindow",
    "WalkSize",
    "draw",
    "expect",
    "horizontal_share",
    "multiple_scattering",
    "simulate",
    "sodium_thiosilicate",
    "true_pair_distribution",
    "true_structure_factor",
    "xray_structure_factor",
]
