"""Named inputs of a reduction, adjusted inside their stated uncertainties until the physics that must hold does hold."""
