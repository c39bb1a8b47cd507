"""Readers of diffraction scans: one file per format, recognised by content."""
