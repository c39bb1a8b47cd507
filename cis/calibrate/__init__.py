"""Calibration of an impedance set-up: the cell, the fixture, the thermometer; one file in, one certificate out."""
