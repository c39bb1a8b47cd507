"""Readers of impedance exports: one file per format, recognised by content."""
