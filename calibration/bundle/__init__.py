"""A result with everything that it came from in one ZIP, and the check of such a ZIP elsewhere."""
