"""Calibration of the detector: dead time, energy window, sensor, flat field; one file in, one certificate out."""
