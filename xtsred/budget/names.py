"""Key paths of a project file in words, and what is worth stating."""

from calibration.records import Loaded
from xtsred.budget.parameters import list_parameters
from xtsred.config import Project

__all__ = ["in_words", "not_stated"]

_WORDS = {
    "sample.radius_mm": "sample radius",
    "sample.number_density_per_A3": "number density",
    "sample.mass_density_g_per_cm3": "mass density",
    "sample.packing_fraction": "packing fraction",
    "sample.mu_R": "mu R",
    "sample.mass_mg": "mass in the beam",
    "sample.filled_length_mm": "filled length",
    "container.wall_thickness_mm": "wall thickness",
    "container.mass_density_g_per_cm3": "density of the wall",
    "container.scale": "scale of the container scan",
    "environment.scale": "scale of the environment scan",
    "radiation.wavelength_A": "wavelength",
    "radiation.continuum.tube_kV": "tube voltage",
    "beam.width_mm": "beam width",
    "beam.height_mm": "beam height",
    "polarization.two_theta_deg": "monochromator angle",
    "polarization.degree": "degree of polarization",
    "detector.window_keV[0]": "lower edge of the window",
    "detector.window_keV[1]": "upper edge of the window",
    "detector.lower_keV": "lower threshold",
    "detector.upper_keV": "upper threshold",
    "detector.fwhm_keV": "energy resolution",
    "detector.sensor_thickness_mm": "sensor thickness",
    "detector.dead_time_s": "dead time",
    "detector.dark_cps": "dark rate",
    "goniometer.zero_deg": "zero of 2theta",
    "goniometer.along_mm": "displacement along the beam",
    "goniometer.across_mm": "displacement across the beam",
    "goniometer.along_deg": "displacement along the beam",
    "goniometer.across_deg": "displacement across the beam",
    "goniometer.radius_mm": "goniometer radius",
    "multiple_scattering.scale": "scale of multiple scattering",
    "normalization.compton_response": "Compton response, fixed",
}

_WORTH = (
    "sample.radius_mm",
    "sample.number_density_per_A3",
    "sample.mass_density_g_per_cm3",
    "sample.packing_fraction",
    "sample.mu_R",
    "sample.mass_mg",
    "container.wall_thickness_mm",
    "container.scale",
    "environment.scale",
    "radiation.wavelength_A",
    "goniometer.zero_deg",
    "beam.width_mm",
    "normalization.compton_response",
)
"""What nearly always contributes."""


def in_words(path: str) -> str:
    """What a key path means, for a table."""
    if path in _WORDS:
        return _WORDS[path]
    if path.startswith("sample.composition."):
        return f"amount of {path.rpartition('.')[2]}"
    if path.startswith("radiation.line["):
        number = int(path[len("radiation.line[") :].partition("]")[0]) + 1
        return f"{'wavelength' if path.endswith('wavelength_A') else 'weight'} of line {number}"
    return path


def not_stated(loaded: Loaded[Project]) -> tuple[str, ...]:
    """Key paths that nearly always contribute and have no sigma in this project.

    A certificate's wavelength, zero or packing counts as stated where it has put its sigma into the record.
    """
    project = loaded.record
    sigmas = {p.path: p.sigma for p in list_parameters(project)}
    roles = {entry.role for entry in project.scan}
    # present by default, but only worth a word where there is such a scan
    usual = {"goniometer.zero_deg": None, "environment.scale": None}
    if "environment" not in roles:
        del usual["environment.scale"]
    known = {**usual, **sigmas}
    return tuple(path for path in _WORTH if path in known and known[path] is None)
