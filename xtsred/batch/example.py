"""A commented series file to begin with, as `xtsred batch --example` prints it."""

__all__ = ["EXAMPLE"]

EXAMPLE = """\
# A series of patterns of one setup, for `xtsred batch`. Paths are relative to this file.

name = "NS glass, heating"
project = "run.toml"                     # the file of `xtsred reduce`; each pattern takes the place of its sample scan
variable = "temperature_K"               # what results are drawn against; or "number", the running number
# variable_sigma = "temperature_sigma_K" # the value that holds its standard uncertainty

[patterns]                               # either file names with the values in them:
files = "heating/*.xy"
from_name = "ns_{temperature_K}K_*.xy"   # a star stands for anything; absent: the names hold no values
# table = "heating.csv"                  # or, in place of files, a table (separated by comma, semicolon or tab), as
#                                          file,temperature_K,temperature_sigma_K,sample.packing_fraction
#                                          heating/a.xy,300,2,0.50
#                                          heating/b.xy,320,2,0.49
#                                          name: optional; columns with a dot are keys of the project

# [[pattern]]                            # or, in place of [patterns], one entry per pattern
# file = "heating/a.xy"
# values = { temperature_K = 300 }
# set = { "sample.packing_fraction" = 0.50 }
# A project of several sample scans has them named: set = { "scan[0].file" = "a1.xy", "scan[1].file" = "a2.xy" }

# [set]                                  # keys of the project that are different for all patterns
# "fourier.r_max" = 15.0
"""
