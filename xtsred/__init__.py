"""X-ray total scattering: raw scans to S(Q) and g(r)."""
