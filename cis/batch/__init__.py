"""Many samples at once: a table of pellets or many project files to one table of conductivities and energies."""
