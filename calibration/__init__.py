"""Metrology that both halves need: quantities, strict records, radiation, reports, provenance."""
