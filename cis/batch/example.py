"""A commented batch file to begin with, as `cis batch --example` prints it."""

__all__ = ["EXAMPLE"]

EXAMPLE = """\
# Many samples for `cis batch`. Paths are relative to this file.

name = "pellets of ten years"
table = "pellets.csv"                    # a row per file of spectra (separated by comma, semicolon or tab), as
#                                          sample,file,thickness_mm,thickness_sigma_mm,diameter_mm,diameter_sigma_mm
#                                          NS50-1,2016/ns50_*.z,1.02,0.01,10.0,0.02
#                                          NS50-2,2017/ns50b_*.z,0.98,0.01,10.0,0.02
#                                          further columns: area_mm2, mass_mg, porosity, density_g_cm3 (each with its sigma),
#                                          composition, circuit, temperature_C or temperature_K, temperature_from_name,
#                                          imaginary_sign, frequency_unit
# projects = "*/run.toml"                # in place of the table or beside it: project files of `cis analyze`
# ignore = ["operator", "remark"]        # columns that are there for other reasons

[defaults.model]                         # tables of a project file that all rows share: model, arrhenius,
circuit = "auto"                         # temperature, fixture, validation, calibration

[defaults.arrhenius]
form = "both"                            # of ln sigma and ln(sigma T); absent: no activation energies

# [defaults.temperature]
# sigma_K = 0.5
"""
