"""Many patterns of one setup: a series file, what every pattern shares computed once, one result for all."""
