"""Complex impedance spectroscopy: exports to R, sigma_DC and activation energies."""
