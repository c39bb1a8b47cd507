"""The interactive page of one impedance series."""
