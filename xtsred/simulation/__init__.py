"""The bridge to molecular dynamics: partials, weights, Wright's R_X, structure and transport."""
