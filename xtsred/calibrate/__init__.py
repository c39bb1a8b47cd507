"""Calibration of a diffractometer with a line standard: `xtsred calibrate STANDARD.toml`."""
