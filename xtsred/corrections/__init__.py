"""Corrections: pure functions on arrays, one module per effect."""
