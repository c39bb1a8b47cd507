"""Commented files to begin a calibration with, as `cis calibrate --example` prints them."""

__all__ = ["EXAMPLES"]

_HEAD = """\
# Paths are relative to this file. Every number that enters the certificate needs its sigma.

[certificate]
name = "{name}"
valid_days = 365                         # absent: no end is stated
# instrument = "analyzer 1"              # refused where a project states another in calibration.instrument
"""

EXAMPLES = {
    "cell": _HEAD.format(name="dip cell 3")
    + """
[cell]
method = "solution"                      # or "geometry" (thickness_mm, diameter_mm or area_mm2), or "resistor" (resistor_ohm)
solution = "KCl 0.1 m"                   # 0.01, 0.1, 1 m (mol/kg, 0 to 50 °C) or D (demal, 0 to 25 °C); or conductivity_S_per_cm
temperature_sigma_K = 0.05
water_S_per_cm = { value = 1.0e-6, sigma = 2.0e-7 }

[[spectrum]]                             # as in a project file; the resistance is fitted
files = "kcl_*C.csv"
temperature_from_name = "kcl_{temperature_C}C.csv"

[[reading]]                              # or a resistance that was read already
temperature_C = 25.0
resistance_ohm = { value = 77.9, sigma = 0.05 }
""",
    "fixture": _HEAD.format(name="holder A")
    + """
[fixture]
open = "open.csv"
short = "short.csv"
# load = "load.csv"
# load_ohm = { value = 1000.0, sigma = 0.1 }
""",
    "thermometer": _HEAD.format(name="probe in the holder")
    + """
[thermometer]
reads = "thermometer"                    # or "set point": of what your data files state

[[point]]
fixed_point = "ice"                      # mercury, ice, water, gallium, indium, tin, zinc, aluminium
read_C = { value = 0.31, sigma = 0.05 }

[[point]]                                # or against a reference probe in the sample's place
true_C = { value = 79.2, sigma = 0.05 }
read_C = { value = 80.0, sigma = 0.05 }
""",
}
"""By the table that they hold."""
